//! Zero-forcing transceivers of least `α`: the best scale of a direction, and the best direction near another.

use super::{Refined, Refinement, scaled};
use crate::descent::{self, Stop};
use crate::error::Error;
use crate::linalg::{Spectrum, squared_norm};
use crate::mismatch::{self, Objective};
use crate::problem::Problem;
use crate::transceiver::{Transceiver, require_aggregator, zero_forcing};
use faer::{Mat, MatRef, c64};

/// First exponent of the smooth maximum.
const SHARPNESS: f64 = 8.0;
/// The exponent doubles, up to this, after an update of the multipliers that does not halve the distance to the true maximum.
const MOST_SHARPNESS: f64 = 4096.0;
/// No multiplier falls below this, so that a device whose limit is slack can become the neediest again.
const LEAST_MULTIPLIER: f64 = 1e-12;
/// Most updates of the multipliers.
const ROUNDS: usize = 200;
/// The smooth maximum is exact when it is within this of the true one, relatively.
const EXACT: f64 = 1e-6;

/// The zero-forcing transceiver in the direction of `aggregator`, scaled to the least `α` that every power limit allows.
///
/// # Errors
/// As [`zero_forcing`], except that power is never exceeded.
pub fn scaled_zero_forcing(problem: &Problem, aggregator: MatRef<'_, c64>) -> Result<Transceiver, Error> {
    require_aggregator(problem, aggregator)?;
    let scale = mismatch::zero_forcing_scale(problem, aggregator)?;
    let scale = if scale.is_finite() { scale.sqrt() } else { 1.0 };
    zero_forcing(problem, scaled(aggregator, scale).as_ref())
}

/// Local refinement of zero forcing from a starting aggregator: minimizes `α(A) = ‖A‖_F² max_n z_n(A)`,
/// `z_n = v_n tr(E_n^H (A^H H_n H_n^H A)^{-1} E_n)/p_n`, the `α` of [`scaled_zero_forcing`]. Never worse than the start.
///
/// The maximum is smoothed by the exponential method of multipliers (Bertsekas, *Constrained Optimization and Lagrange
/// Multiplier Methods*): with `λ_n > 0`, `Σ λ_n = 1`, L-BFGS minimizes `‖A‖_F² (Σ λ_n z_n^β)^{1/β}`, which is at most `α`;
/// then `λ_n ← λ_n z_n^β / Σ λ_m z_m^β`, until both agree. `β` grows only where that does not converge. Stationarity is `‖A‖ ‖∇ log ‖A‖² + Σ λ_n ∇ log z_n‖_F` at the end.
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
    let mut best = scaled_zero_forcing(problem, start)?;
    let mut smooth = SmoothAlpha::new(problem);
    let mut factor = best.aggregator().to_owned();
    let (mut iterations, mut converged, mut distance) = (0, false, f64::INFINITY);
    for _ in 0..ROUNDS {
        let left = options.max_iterations.saturating_sub(iterations as u64);
        if left == 0 {
            break;
        }
        let stop = Stop { gradient: 0.0, decrease: options.decrease, iterations: left };
        let evaluate = &mut |a: MatRef<'_, c64>, objective: &mut Objective| {
            *objective = smooth.evaluate(a)?;
            Ok(())
        };
        let descent = descent::minimize_function(evaluate, factor.as_ref(), stop)?;
        factor = descent.factor;
        iterations += descent.iterations.max(1);
        let forced = scaled_zero_forcing(problem, factor.as_ref())?;
        let (alpha, smoothed) = (forced.alpha(), smooth.evaluate(factor.as_ref())?.value);
        if alpha < best.alpha() {
            best = forced;
        }
        smooth.multipliers = smooth.needs(factor.as_ref())?.shares;
        let before = std::mem::replace(&mut distance, (alpha - smoothed) / alpha);
        if distance <= EXACT {
            converged = true;
            break;
        }
        if distance > 0.5 * before {
            smooth.sharpness = (2.0 * smooth.sharpness).min(MOST_SHARPNESS);
        }
    }
    let mse = best.mean_squared_error(problem)?.total();
    let objective = smooth.evaluate(best.aggregator())?;
    let stationarity = mismatch::stationarity(&objective, best.aggregator());
    Ok(Refined { transceiver: best, mse, stationarity, iterations, converged })
}

/// `‖A‖_F² (Σ λ_n z_n^β)^{1/β}`.
struct SmoothAlpha<'a> {
    problem: &'a Problem,
    /// `λ_n`.
    multipliers: Vec<f64>,
    /// `β`.
    sharpness: f64,
}

/// What the devices need of an aggregator.
struct Needs {
    /// `(Σ λ_n z_n^β)^{1/β}`.
    smooth_maximum: f64,
    /// `λ_n z_n^β / Σ λ_m z_m^β`.
    shares: Vec<f64>,
    /// `∇ log z_n = −2 H_n D_n C_n C_n^H / tr(E_n^H C_n)`, `C_n = (D_n^H D_n)^{-1} E_n`.
    gradients: Vec<Mat<c64>>,
}

impl<'a> SmoothAlpha<'a> {
    fn new(problem: &'a Problem) -> Self {
        let devices = problem.devices();
        Self { problem, multipliers: vec![1.0 / devices as f64; devices], sharpness: SHARPNESS }
    }

    fn needs(&self, aggregator: MatRef<'_, c64>) -> Result<Needs, Error> {
        let mut needs = Vec::with_capacity(self.problem.devices());
        let mut gradients = Vec::with_capacity(self.problem.devices());
        for (device, channel) in self.problem.channels().iter().enumerate() {
            let seen = channel.adjoint() * aggregator;
            let spectrum = Spectrum::of((seen.adjoint() * &seen).as_ref())?;
            let inverse = spectrum.map(|value| if value > 0.0 { value.recip() } else { f64::INFINITY });
            let streams = &self.problem.device_streams()[device];
            let columns = Mat::from_fn(inverse.nrows(), streams.len(), |i, j| inverse[(i, streams[j])]);
            let power: f64 = (0..streams.len()).map(|j| columns[(streams[j], j)].re).sum();
            let slope = scaled((&columns * columns.adjoint()).as_ref(), -2.0 / power);
            gradients.push(channel * (seen * slope));
            needs.push(power / self.problem.precoder_budget(device));
        }
        let most = needs.iter().copied().fold(0.0, f64::max);
        let terms: Vec<f64> = needs
            .iter()
            .zip(&self.multipliers)
            .map(|(need, multiplier)| multiplier * (need / most).powf(self.sharpness))
            .collect();
        let sum: f64 = terms.iter().sum();
        let shares = terms.iter().map(|term| (term / sum).max(LEAST_MULTIPLIER)).collect();
        Ok(Needs { smooth_maximum: most * sum.powf(self.sharpness.recip()), shares, gradients })
    }

    fn evaluate(&self, aggregator: MatRef<'_, c64>) -> Result<Objective, Error> {
        let needs = self.needs(aggregator)?;
        let alpha = squared_norm(aggregator);
        let value = alpha * needs.smooth_maximum;
        let mut gradient = scaled(aggregator, 2.0 * value / alpha);
        for (share, slope) in needs.shares.iter().zip(&needs.gradients) {
            gradient += scaled(slope.as_ref(), share * value);
        }
        if !(value.is_finite() && squared_norm(gradient.as_ref()).is_finite()) {
            return Err(Error::Numerical { operation: "the zero-forcing power" });
        }
        Ok(Objective { value, gradient })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{BlockFading, Fading};
    use crate::linalg::inner;

    /// Central differences of the smooth `α`, at unequal multipliers, powers, variances and antennas.
    #[test]
    fn gradient_agrees_with_differences() {
        let channels = BlockFading::new(Fading::PAPER, 8, &[3, 4, 3], 1).unwrap().block(0);
        let problem = Problem::new(channels, vec![0.5, 1.0, 2.0], 1.0).unwrap();
        let problem = problem.with_signal_variance(vec![1.0, 3.0, 0.3]).unwrap();
        let smooth = SmoothAlpha { problem: &problem, multipliers: vec![0.2, 0.5, 0.3], sharpness: 4.0 };
        let [point, direction] =
            [2, 3].map(|seed| BlockFading::new(Fading::RAYLEIGH, 8, &[3], seed).unwrap().block(0).remove(0));
        let value = |step: f64| {
            let moved = &point + scaled(direction.as_ref(), step);
            smooth.evaluate(moved.as_ref()).unwrap().value
        };
        let gradient = smooth.evaluate(point.as_ref()).unwrap().gradient;
        let slope = inner(gradient.as_ref(), direction.as_ref());
        let difference = (value(1e-6) - value(-1e-6)) / 2e-6;
        assert!((slope - difference).abs() < 1e-6 * slope.abs(), "{slope} {difference}");
        // Scaling A changes nothing.
        assert!(inner(gradient.as_ref(), point.as_ref()).abs() < 1e-9 * value(0.0));
    }
}
