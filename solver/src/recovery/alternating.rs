//! Alternating optimization of both sides of P_s.

use super::{Refined, Refinement};
use crate::error::Error;
use crate::mismatch::{self, Seen};
use crate::problem::Problem;
use crate::transceiver::{LinearMmse, SumError, power_limited, require_aggregator};
use faer::{MatRef, c64};

/// Alternates between the best precoders for an aggregator ([`power_limited`]) and the best aggregator for precoders
/// ([`mmse_aggregator`](crate::transceiver::mmse_aggregator)), from `start` (`R×L`), until one round lowers the MSE by no more than
/// `options.decrease`, relatively (theory, section 4). No step can raise the MSE; where rounding would, or arithmetic breaks down, it stops.
///
/// A start at an end of the floating-point range stands for its direction; `A = 0` has none, and is treated as by [`refine`](super::refine).
///
/// Its limits are the stationary points that [`refine`](super::refine) finds, in many more iterations.
///
/// # Errors
/// [`Error::InvalidOption`]; [`Error::Shape`], [`Error::NonFiniteEntry`] if `start` is not a finite `R×L` matrix;
/// [`Error::Numerical`], [`Error::PowerExceeded`] as [`power_limited`](crate::transceiver::power_limited).
pub fn alternating(
    problem: &Problem,
    start: MatRef<'_, c64>,
    options: &Refinement,
) -> Result<Refined, Error> {
    options.validate()?;
    require_aggregator(problem, start)?;
    let (own, units) = problem.in_own_units();
    let problem = own.as_ref();
    let (mut sum_error, mut linear_mmse) = (SumError::new(problem), LinearMmse::new(problem));
    let mut seen = Seen::new(problem);
    let mut transceiver = power_limited(problem, units.aggregator(start).as_ref())?;
    let mut mse = sum_error.of(&transceiver)?.total();
    let mut next = transceiver.clone();
    let (mut iterations, mut converged) = (0, false);
    while !converged && (iterations as u64) < options.max_iterations {
        let filter = linear_mmse.write(transceiver.precoders(), problem.noise_power(), next.aggregator_mut());
        // Neither an aggregator nor precoders that could not be designed are any better.
        let designed = filter.and_then(|()| next.precode(&mut seen, |_| 0.0));
        let next_mse = designed.and_then(|()| sum_error.of(&next)).map(|error| error.total());
        iterations += 1;
        let Ok(next_mse) = next_mse else { break };
        converged = mse - next_mse <= options.decrease * mse;
        if next_mse < mse {
            std::mem::swap(&mut transceiver, &mut next);
            mse = next_mse;
        }
    }
    let stationarity = mismatch::stationarity_at(problem, transceiver.aggregator())?;
    converged &= stationarity.is_finite();
    Refined { transceiver, mse, stationarity, iterations, converged }.restored(&units)
}
