//! Judging shares on channel blocks that the optimization has not seen.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{AssignmentError, AssignmentProblem, ChannelSource, ShortTermValue};
use crate::statistics::{Moments, student_margin};

/// A sample mean and how far to trust it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::Estimate")
)]
pub struct Estimate {
    /// The mean over the samples.
    pub mean: f64,
    /// The standard error of the mean, `s/√n`.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::document::records::infinity_as_null"))]
    pub standard_error: f64,
    /// The number of samples `n`.
    pub samples: usize,
}

impl Estimate {
    /// Of independent draws, at least two.
    pub(super) fn of(draws: &Moments) -> Self {
        Self { mean: draws.mean(), standard_error: draws.standard_error(), samples: draws.count() }
    }

    /// Student's one-sided bound from above: what the mean estimates is below it with `confidence`, exactly if the draws are
    /// Gaussian. Infinite if `confidence` is not inside (0, 1).
    pub fn upper(&self, confidence: f64) -> f64 {
        self.mean + student_margin(confidence, self.samples.saturating_sub(1), self.standard_error)
    }

    /// The same from below.
    pub fn lower(&self, confidence: f64) -> f64 {
        self.mean - student_margin(confidence, self.samples.saturating_sub(1), self.standard_error)
    }
}

/// `E_H[v(p(m); H)]` for given shares, over `samples` blocks chosen by `seed`. The same seed gives the same blocks
/// whatever the shares. Choose another seed than that of the optimization. The estimate is finite even
/// [where the expectation is not](super::RelaxedMse#where-the-expectation-is-finite).
///
/// # Errors
/// [`AssignmentError::Samples`] below 2, and as [`AssignmentProblem::value_and_gradient`].
pub fn expected_value<S: ChannelSource, V: ShortTermValue>(
    problem: &AssignmentProblem<S, V>,
    shares: &[f64],
    samples: usize,
    seed: u64,
) -> Result<Estimate, AssignmentError> {
    let mut values = problem.values();
    estimate(samples, seed, |block| values.value_and_gradient(shares, block).map(|v| v.value()))
}

/// `E_H[v(p(first); H) − v(p(second); H)]`, both on the same blocks, so that the noise they share cancels.
///
/// # Errors
/// As [`expected_value`].
pub fn paired_difference<S: ChannelSource, V: ShortTermValue>(
    problem: &AssignmentProblem<S, V>,
    first: &[f64],
    second: &[f64],
    samples: usize,
    seed: u64,
) -> Result<Estimate, AssignmentError> {
    let mut values = problem.values();
    estimate(samples, seed, |block| {
        let first = values.value_and_gradient(first, block)?;
        let second = values.value_and_gradient(second, block)?;
        Ok(first.value() - second.value())
    })
}

fn estimate(
    samples: usize,
    seed: u64,
    mut value: impl FnMut(u64) -> Result<f64, AssignmentError>,
) -> Result<Estimate, AssignmentError> {
    if samples < 2 {
        return Err(AssignmentError::Samples { samples });
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut values = Moments::default();
    for _ in 0..samples {
        values.push(value(rng.next_u64())?);
    }
    Ok(Estimate::of(&values))
}
