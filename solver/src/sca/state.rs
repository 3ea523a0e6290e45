//! Where a run stands, so that it can be stopped, kept and continued.

use super::Function;

/// All that a run carries from one iteration to the next.
///
/// [`super::StochasticSca::start`] makes one and [`super::StochasticSca::resume`] advances it. A run that is stopped and
/// resumed is, bit for bit, the run that was not stopped, if program, options and backend are the same: samples are numbered
/// by the iteration, so there is no generator to keep. With the feature `serde` it can be written and read back (in a
/// format that keeps every bit of an `f64`); what is read is checked.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Unchecked"))]
pub struct ScaState {
    pub(super) iteration: usize,
    pub(super) point: Vec<f64>,
    /// `f_i^{τ−1}` and `u_i^{τ−1}` of (19) for i = 0 … I; empty before the first iteration.
    pub(super) estimates: Vec<Function>,
    /// Iterations in a row with a residual within the tolerance.
    pub(super) quiet: usize,
    /// Confirmations tried.
    pub(super) confirmations: usize,
}

impl ScaState {
    pub(super) fn at(point: &[f64]) -> Self {
        Self { iteration: 0, point: point.to_vec(), estimates: Vec::new(), quiet: 0, confirmations: 0 }
    }

    /// The number of iterations done, which is also the τ of the next.
    pub fn iteration(&self) -> usize {
        self.iteration
    }

    /// `x^τ`, length = dimension.
    pub fn point(&self) -> &[f64] {
        &self.point
    }

    /// The running estimates (19) of `f_0 … f_I` and their gradients; empty before the first iteration.
    pub fn estimates(&self) -> &[Function] {
        &self.estimates
    }
}

#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    iteration: usize,
    point: Vec<f64>,
    estimates: Vec<Function>,
    quiet: usize,
    confirmations: usize,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for ScaState {
    type Error = super::StateError;

    fn try_from(raw: Unchecked) -> Result<Self, Self::Error> {
        use super::StateError;
        let Unchecked { iteration, point, estimates, quiet, confirmations } = raw;
        if (iteration == 0) != estimates.is_empty() {
            return Err(StateError::Estimates { iteration, found: estimates.len() });
        }
        if quiet > iteration || confirmations > iteration {
            return Err(StateError::Counts { iteration, quiet, confirmations });
        }
        if let Some(found) = estimates.iter().map(|f| f.gradient.len()).find(|found| *found != point.len()) {
            return Err(StateError::GradientLength { expected: point.len(), found });
        }
        let estimated = estimates.iter().flat_map(|f| std::iter::once(&f.value).chain(&f.gradient));
        if let Some(&value) = point.iter().chain(estimated).find(|value| !value.is_finite()) {
            return Err(StateError::NotFinite { value });
        }
        Ok(Self { iteration, point, estimates, quiet, confirmations })
    }
}
