//! Alternating optimization of both sides of P_s.

use super::{Candidate, Refined, Refinement};
use crate::error::Error;
use crate::linalg::rescaled;
use crate::mismatch;
use crate::problem::Problem;
use crate::transceiver::{mmse_aggregator, power_limited, require_aggregator};
use faer::{MatRef, c64};

/// Alternates between the best precoders for an aggregator ([`power_limited`]) and the best aggregator for precoders
/// ([`mmse_aggregator`]), from `start` (`R×L`), until one round lowers the MSE by less than `options.decrease`, relatively
/// (theory, section 4). No step can raise the MSE; where rounding would, it stops.
///
/// A start at an end of the floating-point range stands for its direction; `A = 0` has none, and is treated as by [`refine`](super::refine).
///
/// Its limits are the stationary points that [`refine`](super::refine) finds, in many more iterations.
///
/// # Errors
/// [`Error::InvalidOption`]; [`Error::Shape`], [`Error::NonFiniteEntry`] if `start` is not a finite `R×L` matrix;
/// [`Error::Numerical`].
pub fn alternating(
    problem: &Problem,
    start: MatRef<'_, c64>,
    options: &Refinement,
) -> Result<Refined, Error> {
    options.validate()?;
    require_aggregator(problem, start)?;
    let mut best = Candidate::new(problem, power_limited(problem, rescaled(start).as_ref())?)?;
    let (mut iterations, mut converged) = (0, false);
    while !converged && (iterations as u64) < options.max_iterations {
        let aggregator = mmse_aggregator(problem, best.transceiver.precoders())?;
        let before = best.mse;
        best.improve(problem, power_limited(problem, aggregator.as_ref()))?;
        iterations += 1;
        converged = before - best.mse <= options.decrease * before;
    }
    let stationarity = mismatch::stationarity_at(problem, best.transceiver.aggregator())?;
    converged &= stationarity.is_finite();
    Ok(Refined { transceiver: best.transceiver, mse: best.mse, stationarity, iterations, converged })
}
