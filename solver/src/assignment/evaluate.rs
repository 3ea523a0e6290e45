//! Judging shares on channel blocks that the optimization has not seen.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{AssignmentError, AssignmentProblem, ChannelSource, ShortTermValue};

/// A sample mean and how far to trust it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean over the samples.
    pub mean: f64,
    /// The standard error of the mean, `s/√n`.
    pub standard_error: f64,
    /// The number of samples `n`.
    pub samples: usize,
}

/// `E_H[v(p(m); H)]` for given shares, over `samples` blocks chosen by `seed`. The same seed gives the same blocks
/// whatever the shares. Choose another seed than that of the optimization.
///
/// # Errors
/// [`AssignmentError::Samples`] below 2, and as [`AssignmentProblem::value_and_gradient`].
pub fn expected_value<S: ChannelSource, V: ShortTermValue>(
    problem: &AssignmentProblem<S, V>,
    shares: &[f64],
    samples: usize,
    seed: u64,
) -> Result<Estimate, AssignmentError> {
    estimate(samples, seed, |block| problem.value_and_gradient(shares, block).map(|(value, _)| value))
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
    estimate(samples, seed, |block| {
        let (first, _) = problem.value_and_gradient(first, block)?;
        let (second, _) = problem.value_and_gradient(second, block)?;
        Ok(first - second)
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
    let values: Vec<f64> = (0..samples).map(|_| value(rng.next_u64())).collect::<Result<_, _>>()?;
    let count = samples as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Ok(Estimate { mean, standard_error: (variance / count).sqrt(), samples })
}
