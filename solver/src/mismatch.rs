//! The best precoder of one device under its power limit, and what it costs (theory, sections 2 and 3).
//!
//! For a Gram matrix `M` with eigenvalues `λ_i` (`D D^H` or `D^H D`, `D = H^H A`) and a budget `q`:
//!
//! `φ(M) = min_B ‖D^H B − I‖_F² s.t. ‖B‖_F² ≤ q = Σ (μ/(λ_i + μ))²`,
//!
//! with the least `μ ≥ 0` for which `s(μ) = Σ λ_i/(λ_i + μ)² ≤ q`. Everything the solver does with power
//! limits is built on this scalar root.

use crate::error::Error;
use crate::linalg::{Spectrum, inner, squared_norm};
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// More Newton steps than the root ever needs: from the left they converge monotonically and quadratically.
const NEWTON_STEPS: usize = 64;
/// Bisections of `log s` in [`best_scale`]: from a factor of 4 to one of 1 + 1e-6.
const SCALE_BISECTIONS: usize = 21;
/// Scales of `X` beyond this, or below its inverse, are not looked at.
const SCALE_LIMIT: f64 = 1e60;

/// The least `μ ≥ 0` with `Σ λ_i/(λ_i + μ)² ≤ q`. Negative `λ_i` (rounding) count as zero.
pub(crate) fn multiplier(eigenvalues: &[f64], budget: f64) -> f64 {
    let positive = || eigenvalues.iter().copied().filter(|&value| value > 0.0);
    // No single term may exceed the budget, which starts Newton's method left of the root.
    let mut multiplier = positive().map(|value| (value / budget).sqrt() - value).fold(0.0, f64::max);
    for _ in 0..NEWTON_STEPS {
        let power: f64 = positive().map(|value| value / (value + multiplier).powi(2)).sum();
        if power <= budget {
            break;
        }
        // Newton on 1/√q − 1/√s(μ), nearly linear in μ (the secular equation of trust regions).
        let slope: f64 = positive().map(|value| value / (value + multiplier).powi(3)).sum();
        let step = power / slope * ((power / budget).sqrt() - 1.0);
        if multiplier + step <= multiplier {
            break;
        }
        multiplier += step;
    }
    multiplier
}

/// `(μ/(λ + μ))²`: what one eigendirection contributes to `φ`. A direction with `λ = 0` cannot be reached and costs 1.
pub(crate) fn residual(eigenvalue: f64, multiplier: f64) -> f64 {
    let eigenvalue = eigenvalue.max(0.0);
    if eigenvalue + multiplier > 0.0 { (multiplier / (eigenvalue + multiplier)).powi(2) } else { 1.0 }
}

/// `μ/(λ + μ)²`: the eigenvalue of `U = μ(M + μI)^{-2} = −∂φ/∂M`.
fn sensitivity(eigenvalue: f64, multiplier: f64) -> f64 {
    let eigenvalue = eigenvalue.max(0.0);
    if multiplier > 0.0 { multiplier / (eigenvalue + multiplier).powi(2) } else { 0.0 }
}

/// `F(A) = Σ_n v_n φ_n + σ² ‖A‖_F²` at one point.
pub(crate) struct Objective {
    /// `F(A)`.
    pub value: f64,
    /// `2σ²A − 2 Σ_n H_n U_n H_n^H A`, the gradient with respect to `Re tr(·^H ·)`.
    pub gradient: Mat<c64>,
}

/// Evaluates `F`, the objective of P_s after eliminating the precoders, and its gradient at `factor` (`R×L`).
pub(crate) fn evaluate(problem: &Problem, factor: MatRef<'_, c64>) -> Result<Objective, Error> {
    let noise_power = problem.noise_power();
    let mut value = noise_power * squared_norm(factor);
    let mut gradient =
        Mat::from_fn(factor.nrows(), factor.ncols(), |i, j| factor[(i, j)] * (2.0 * noise_power));
    for (device, channel) in problem.channels().iter().enumerate() {
        let variance = problem.signal_variance()[device];
        let seen = channel.adjoint() * factor;
        let spectrum = Spectrum::of((seen.adjoint() * &seen).as_ref())?;
        let multiplier = multiplier(&spectrum.values, problem.precoder_budget(device));
        value += variance * spectrum.values.iter().map(|&lambda| residual(lambda, multiplier)).sum::<f64>();
        if multiplier > 0.0 {
            let weight = spectrum.map(|lambda| -2.0 * variance * sensitivity(lambda, multiplier));
            gradient += channel * (&seen * weight);
        }
    }
    if !(value.is_finite() && squared_norm(gradient.as_ref()).is_finite()) {
        return Err(Error::Numerical { operation: "the mean squared error" });
    }
    Ok(Objective { value, gradient })
}

/// The `t > 0` that minimizes `F(t·A)`: in `t²` the problem is convex, and one eigendecomposition per device serves all `t`.
///
/// Descents start there: on the ray through a start whose power limits are slack, `F` is the quadratic `σ²t²‖A‖²`,
/// and a quasi-Newton method's first step would land on `A = 0`, where `F` has no gradient.
pub(crate) fn best_scale(problem: &Problem, factor: MatRef<'_, c64>) -> Result<f64, Error> {
    let noise = problem.noise_power() * squared_norm(factor);
    let mut spectra = Vec::with_capacity(problem.devices());
    for channel in problem.channels() {
        let seen = channel.adjoint() * factor;
        spectra.push(crate::linalg::eigenvalues((seen.adjoint() * &seen).as_ref())?);
    }
    // dF/ds at X = s A A^H, increasing in s.
    let derivative = |scale: f64| {
        let mut sum = noise;
        for (device, spectrum) in spectra.iter().enumerate() {
            let scaled: Vec<f64> = spectrum.iter().map(|value| value * scale).collect();
            let multiplier = multiplier(&scaled, problem.precoder_budget(device));
            let gain: f64 = scaled
                .iter()
                .zip(spectrum)
                .map(|(s, value)| sensitivity(*s, multiplier) * value.max(0.0))
                .sum();
            sum -= problem.signal_variance()[device] * gain;
        }
        sum
    };
    let (mut low, mut high) = (0.0, 1.0);
    while derivative(high) < 0.0 && high < SCALE_LIMIT {
        (low, high) = (high, high * 4.0);
    }
    if low == 0.0 {
        low = high / 4.0;
        while derivative(low) > 0.0 && low > 1.0 / SCALE_LIMIT {
            (low, high) = (low / 4.0, low);
        }
    }
    for _ in 0..SCALE_BISECTIONS {
        let middle = (low * high).sqrt();
        if derivative(middle) < 0.0 { low = middle } else { high = middle }
    }
    Ok((low * high).sqrt().sqrt())
}

/// `min_t F(t·A)`.
pub(crate) fn best_value(problem: &Problem, factor: MatRef<'_, c64>) -> Result<f64, Error> {
    let scale = best_scale(problem, factor)?;
    let scaled = Mat::from_fn(factor.nrows(), factor.ncols(), |i, j| factor[(i, j)] * scale);
    Ok(evaluate(problem, scaled.as_ref())?.value)
}

/// Relative size of the gradient: `‖∇F‖ ‖A‖ / F`, the first-order decrease that a unit relative step could bring.
pub(crate) fn stationarity(objective: &Objective, factor: MatRef<'_, c64>) -> f64 {
    (inner(objective.gradient.as_ref(), objective.gradient.as_ref()) * squared_norm(factor)).sqrt()
        / objective.value.max(f64::MIN_POSITIVE)
}

/// `max_n v_n tr((G^H H_n H_n^H G)^{-1})/p_n`: the least factor on `‖G‖²` for which zero forcing is within every limit;
/// infinite if some `H_n^H G` lacks rank.
pub(crate) fn zero_forcing_scale(problem: &Problem, direction: MatRef<'_, c64>) -> Result<f64, Error> {
    let mut scale = 0.0_f64;
    for (device, channel) in problem.channels().iter().enumerate() {
        let seen = channel.adjoint() * direction;
        let singular =
            seen.singular_values().map_err(|_| Error::Numerical { operation: "singular values" })?;
        // Singular values of this size are what rounding leaves where the channel cancels the direction.
        let rounding = (seen.nrows() + seen.ncols()) as f64
            * f64::EPSILON
            * (squared_norm(channel.as_ref()) * squared_norm(direction)).sqrt();
        if singular.iter().any(|&value| value <= rounding) {
            return Ok(f64::INFINITY);
        }
        let power: f64 = singular.iter().map(|value| 1.0 / (value * value)).sum();
        scale = scale.max(power / problem.precoder_budget(device));
    }
    Ok(scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{BlockFading, Fading};

    /// Central differences of `F` where some power limits bind and others do not, at unequal powers, variances and antennas.
    #[test]
    fn gradient_agrees_with_differences() {
        let channels = BlockFading::new(Fading::PAPER, 8, &[3, 4, 3], 1).unwrap().block(0);
        let problem = Problem::new(channels, vec![1e-3, 1.0, 1e3], 0.3).unwrap();
        let problem = problem.with_signal_variance(vec![1.0, 3.0, 0.3]).unwrap();
        let [point, direction] =
            [2, 3].map(|seed| BlockFading::new(Fading::RAYLEIGH, 8, &[3], seed).unwrap().block(0).remove(0));
        let value = |step: f64| {
            let moved = Mat::from_fn(8, 3, |i, j| point[(i, j)] + direction[(i, j)] * step);
            evaluate(&problem, moved.as_ref()).unwrap().value
        };
        let gradient = evaluate(&problem, point.as_ref()).unwrap().gradient;
        let slope = inner(gradient.as_ref(), direction.as_ref());
        let difference = (value(1e-5) - value(-1e-5)) / 2e-5;
        assert!((slope - difference).abs() < 1e-6 * slope.abs(), "{slope} {difference}");
    }
}
