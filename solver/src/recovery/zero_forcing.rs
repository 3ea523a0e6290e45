//! Zero-forcing transceivers of least `α`: the best scale of a direction, the best direction near another, and the best of many.

use super::relaxed::Relaxed;
use super::search::{Found, Starts, finish, ranked};
use super::smooth_alpha::SmoothAlpha;
use super::{Design, DesignOptions, Method, Refined, Refinement, scaled};
use crate::baseline::truncated_inversion;
use crate::descent::{self, Stop};
use crate::error::Error;
use crate::linalg::{ThinSvd, squared_norm};
use crate::mismatch::{self, Objective};
use crate::problem::Problem;
use crate::relaxation::{Relaxation, Solver};
use crate::transceiver::{Transceiver, require_aggregator, zero_forcing};
use faer::{Mat, MatRef, c64};

/// The exponent doubles, up to this, after an update of the multipliers that does not halve the distance to the true maximum.
const MOST_SHARPNESS: f64 = 4096.0;
/// Most updates of the multipliers.
const ROUNDS: usize = 200;
/// The smooth maximum is exact when it is within this of the true one, relatively, or within the decrease at which refinement stops.
const EXACT: f64 = 1e-6;

/// The zero-forcing transceiver in the direction of `aggregator`, scaled to the least `α` that every power limit allows.
///
/// # Errors
/// As [`zero_forcing`], except that power is never exceeded.
pub fn scaled_zero_forcing(problem: &Problem, aggregator: MatRef<'_, c64>) -> Result<Transceiver, Error> {
    require_aggregator(problem, aggregator)?;
    let (own, units) = problem.in_own_units();
    let (problem, direction) = (own.as_ref(), units.aggregator(aggregator));
    let scale = mismatch::zero_forcing_scale(problem, direction.as_ref())?;
    let scale = if scale.is_finite() { scale.sqrt() } else { 1.0 };
    let forced = match zero_forcing(problem, scaled(direction.as_ref(), scale).as_ref()) {
        // Scale and precoders come from two decompositions, which agree within rounding times the condition number only.
        Err(Error::PowerExceeded { .. }) => truncated_inversion(problem, direction.as_ref(), 0.0),
        result => result,
    };
    Ok(units.restore_transceiver(forced?))
}

/// Local refinement of zero forcing from a starting aggregator: minimizes `α(A) = ‖A‖_F² max_n z_n(A)`,
/// `z_n = v_n tr(E_n^H (A^H H_n H_n^H A)^{-1} E_n)/p_n`, the `α` of [`scaled_zero_forcing`]. Never worse than the start.
///
/// The maximum is smoothed by the exponential method of multipliers (Bertsekas, *Constrained Optimization and Lagrange
/// Multiplier Methods*): with `λ_n > 0`, `Σ λ_n = 1`, L-BFGS minimizes `‖A‖_F² (Σ λ_n z_n^β)^{1/β}`, which is at most `α`;
/// then `λ_n ← λ_n z_n^β / Σ λ_m z_m^β`, until both agree where a descent has converged. `β` grows only where that does not converge. Stationarity is `‖A‖ ‖∇ log ‖A‖² + Σ λ_n ∇ log z_n‖_F` at the end, infinite where `A^H H_n H_n^H A` is
/// singular to rounding.
///
/// # Errors
/// [`Error::InvalidOption`]; [`Error::Shape`], [`Error::NonFiniteEntry`], [`Error::RankDeficient`] as [`zero_forcing`] at the start;
/// [`Error::Numerical`].
pub fn refine_zero_forcing(
    problem: &Problem,
    start: MatRef<'_, c64>,
    options: &Refinement,
) -> Result<Refined, Error> {
    options.validate()?;
    require_aggregator(problem, start)?;
    let (own, units) = problem.in_own_units();
    let problem = own.as_ref();
    let mut best = scaled_zero_forcing(problem, units.aggregator(start).as_ref())?;
    let mut smooth = SmoothAlpha::new(problem);
    let exact = options.decrease.max(EXACT);
    let mut factor = best.aggregator().to_owned();
    let (mut iterations, mut converged, mut distance) = (0, false, f64::INFINITY);
    for _ in 0..ROUNDS {
        let left = options.max_iterations.saturating_sub(iterations as u64);
        if left == 0 {
            break;
        }
        let stop = Stop { decrease: options.decrease, iterations: left };
        let descent = descent::minimize_function(
            &mut |a, objective| smooth.evaluate(a, objective),
            factor.as_ref(),
            stop,
        );
        // Where `D_n^H D_n` is singular to rounding although `D_n` is not, and where only a device's own streams can be forced and the
        // descent leaves them, the best so far is what there is.
        let descent = match descent {
            Err(Error::Numerical { .. }) => break,
            descent => descent?,
        };
        factor = descent.factor;
        iterations += descent.iterations.max(1);
        let forced = match scaled_zero_forcing(problem, factor.as_ref()) {
            Err(Error::RankDeficient { .. } | Error::Numerical { .. }) => break,
            forced => forced?,
        };
        let (alpha, smoothed) = (forced.alpha(), descent.value);
        let gains = alpha < best.alpha();
        if gains {
            best = forced;
        }
        smooth.update_multipliers(factor.as_ref())?;
        let before = std::mem::replace(&mut distance, (alpha - smoothed) / alpha);
        if distance <= exact {
            // A descent that ended for another reason is tried again, without its memory, while that gains.
            converged = descent.converged;
            if converged || !gains {
                break;
            }
        } else if distance > 0.5 * before {
            smooth.sharpness = (2.0 * smooth.sharpness).min(MOST_SHARPNESS);
        }
    }
    let mse = best.mean_squared_error(problem)?.total();
    let mut objective = Objective::zeros(best.aggregator());
    let stationarity = match smooth.evaluate(best.aggregator(), &mut objective) {
        Ok(()) => mismatch::stationarity(&objective, best.aggregator()),
        Err(Error::Numerical { .. }) => f64::INFINITY,
        Err(error) => return Err(error),
    };
    Refined { transceiver: best, mse, stationarity, iterations, converged }.restored(&units)
}

/// The best zero-forcing transceiver that the recoveries find, with a lower bound for every one.
///
/// As [`design`](super::design()), with the relaxation `trace_inverse` in place of `mmse`, `α` ([`scaled_zero_forcing`]) in place of `F`, and
/// [`refine_zero_forcing`] in place of [`refine`](super::refine). The bound is `σ²` times the relaxation's, where it holds for every
/// zero-forcing transceiver ([`Scope::ZeroForcing`](crate::relaxation::Scope::ZeroForcing)), `None` elsewhere. The MSE of a zero-forcing transceiver is `σ² α`, but for
/// what rounding leaves of the symbols ([`zero_forcing`]).
///
/// With one device the start is the optimum, `A = W_L S_L^{-1/2}` up to its scale, with the `L` largest singular values of `H = W S V^H`.
///
/// # Errors
/// [`Error::InvalidOption`], [`Error::TooManyUnknowns`], [`Error::Numerical`]; [`Error::RankDeficient`] (via [`zero_forcing`]) where no start has a zero-forcing
/// transceiver. A relaxation that is infeasible or not solved to its gap is no error: half or all of the directions are then drawn from the range of
/// `[H_1 … H_N]`.
pub fn design_zero_forcing(problem: &Problem, options: &DesignOptions) -> Result<Design, Error> {
    options.validate()?;
    let (own, units) = problem.in_own_units();
    let problem = own.as_ref();
    let Relaxed { weights, bound } =
        Relaxed::zero_forcing(problem, &mut Solver::new(Relaxation::TraceInverse, options.relaxation)?)?;
    let mut directions = match single_device(problem) {
        Some(direction) => vec![(0.0, Method::SingleDevice, direction)],
        None => {
            let starts = Starts { problem, weights: &weights, options };
            ranked(starts.count(), |index| {
                let (method, direction) = starts.get(index)?;
                let scale = mismatch::zero_forcing_scale(problem, direction.as_ref())?;
                let alpha = scale * squared_norm(direction.as_ref());
                Ok((alpha, (alpha, method, direction)))
            })?
        }
    };
    // Where no start has a zero-forcing transceiver, the first says which device is to blame.
    let reachable = directions.iter().filter(|(alpha, ..)| alpha.is_finite()).count();
    directions.truncate(reachable.max(1).min(options.starts));
    let refine = |method, start: MatRef<'_, c64>, options| {
        let refined = refine_zero_forcing(problem, start, options)?;
        Ok((refined.mse, (method, refined)))
    };
    let rough = ranked(directions.len(), |index| {
        let (_, method, direction) = &directions[index];
        refine(*method, direction.as_ref(), &options.rough)
    })?;
    let refined = ranked(options.finalists.min(rough.len()), |index| {
        let (method, rough) = &rough[index];
        refine(*method, rough.transceiver.aggregator(), &options.refinement)
    })?;
    let bound = problem.is_square().then_some(problem.noise_power() * bound);
    let iterations = rough.iter().map(|(_, rough)| rough.iterations).sum();
    let found = refined.into_iter().map(|(method, refined)| Found::refined(method, refined));
    finish(problem, found.collect(), bound, iterations)?.restored(&units)
}

/// The direction of least `α` where there is one device: for streams along the singular vectors `α = Σ a_i² · Σ 1/(s_i a_i)²`, least at `a_i² = 1/s_i`.
fn single_device(problem: &Problem) -> Option<Mat<c64>> {
    let [channel] = problem.channels() else { return None };
    let ThinSvd { left, values, .. } = ThinSvd::of(channel.as_ref()).ok()?;
    let streams = problem.streams();
    let direction = Mat::from_fn(channel.nrows(), streams, |i, j| left[(i, j)] / values[j].sqrt());
    let scale = mismatch::zero_forcing_scale(problem, direction.as_ref()).ok()?;
    scale.is_finite().then_some(direction)
}
