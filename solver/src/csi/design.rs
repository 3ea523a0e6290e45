//! One call from estimates and their errors to a transceiver and the certificate of how good it is.

use super::{
    Alternated, Alternation, ChannelError, alternate, in_own_units, lower_bound, mean_squared_error, robust,
};
use crate::descent::{self, Descent, Stop};
use crate::error::Error;
use crate::linalg::squared_norm;
use crate::mismatch::{Evaluator, Objective};
use crate::problem::Problem;
use crate::recovery::{self, Design, DesignOptions};
use crate::transceiver::regularized;
use faer::{MatRef, c64};

/// Turns before a descent: they bring a start to the scale that the errors ask for.
const TURNS: Alternation = Alternation { decrease: 1e-3, max_iterations: 10 };

/// The transceiver of least averaged [`mean_squared_error`](super::mean_squared_error) that is found, with a lower bound for every transceiver.
///
/// 1. [`recovery::design`] is called for the [`robust`] problem and for the estimates as they are. Neither is always the better: the robust problem charges
///    the errors of power that is not used, the estimates charge none.
/// 2. From either, a few turns of [`alternate`] and then L-BFGS on the average itself: with the best precoders for `A` in place it is
///    `F(A) = Σ_n v_n min_B (‖A^H Ĥ_n B − E_n‖_F² + σ_e,n² ‖A‖_F² ‖B‖_F²) + σ² ‖A‖_F²`, as smooth as without errors. The least average wins.
/// 3. The bound is [`lower_bound`] from that transceiver; where there is none, that of [`recovery::design`] for the estimates.
///
/// So the result is no worse on average than the design for the estimates, than that for the robust problem, and thereby than silence and than
/// [`baseline::equal_power`](crate::baseline::equal_power) for either, whose average is their robust MSE. Without errors it is [`recovery::design`].
///
/// Of the [`Design`], `mse` and `stationarity` are those of the average, and `method` says where the design that it was improved from came from.
///
/// # Errors
/// [`Error::DeviceCount`] if there is not one error per device; those of [`recovery::design`]; [`Error::Numerical`] where errors or the robust noise power leave the
/// floating-point range.
pub fn design(estimated: &Problem, error: &ChannelError, options: &DesignOptions) -> Result<Design, Error> {
    let (own, error, units) = in_own_units(estimated, error)?;
    let naive = recovery::design(&own, options)?;
    if error.variance().iter().all(|&variance| variance == 0.0) {
        return naive.restored(&units);
    }
    let any_bound = naive.bound;
    let robust = recovery::design(&robust(&own, &error)?, options)?;
    let (robust, naive) = (improved(&own, &error, robust, options)?, improved(&own, &error, naive, options)?);
    let iterations = robust.iterations + naive.iterations;
    let best = if naive.mse < robust.mse { naive } else { robust };
    let bound = lower_bound(&own, &error, &best.transceiver, &options.relaxation)?.or(any_bound);
    let evaluator = Evaluator::averaged(&own, error.variance());
    let stationarity = evaluator.stationarity(best.transceiver.aggregator())?;
    Design { bound, stationarity, iterations, ..best }.restored(&units)
}

/// A design with its average, or what is reached from it.
fn improved(
    estimated: &Problem,
    error: &ChannelError,
    design: Design,
    options: &DesignOptions,
) -> Result<Design, Error> {
    let mse = mean_squared_error(estimated, error, &design.transceiver)?.total();
    let turned = alternate(estimated, error, design.transceiver.aggregator(), &TURNS);
    let turned = better(Design { mse, ..design }, turned);
    let descended = descend(estimated, error, turned.transceiver.aggregator(), options.refinement.stop());
    Ok(better(turned, descended))
}

/// The better of the two. One that failed is no better.
fn better(design: Design, other: Result<Alternated, Error>) -> Design {
    let Ok(Alternated { transceiver, mse, iterations, .. }) = other else { return design };
    let iterations = design.iterations + iterations;
    if mse < design.mse {
        Design { transceiver, mse, iterations, ..design }
    } else {
        Design { iterations, ..design }
    }
}

/// L-BFGS on the average with the best precoders.
fn descend(
    estimated: &Problem,
    error: &ChannelError,
    start: MatRef<'_, c64>,
    stop: Stop,
) -> Result<Alternated, Error> {
    let variance = error.variance();
    let mut evaluator = Evaluator::averaged(estimated, variance);
    let mut average =
        |factor: MatRef<'_, c64>, objective: &mut Objective| evaluator.evaluate(factor, objective);
    let Descent { factor, iterations, converged, .. } =
        descent::minimize_function(&mut average, start, stop)?;
    let alpha = squared_norm(factor.as_ref());
    let transceiver = regularized(estimated, factor.as_ref(), |device| variance[device] * alpha)?;
    let mse = mean_squared_error(estimated, error, &transceiver)?.total();
    Ok(Alternated { transceiver, mse, iterations, converged })
}
