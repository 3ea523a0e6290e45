//! The best precoder of one device under its power limit, and what it costs (theory, sections 2 and 3).
//!
//! For a Gram matrix `M` with eigenvalues `λ_i` (`D D^H` or `D^H D`, `D = H^H A`) and a budget `q`:
//!
//! `φ(M) = min_B ‖D^H B − I‖_F² s.t. ‖B‖_F² ≤ q = Σ (μ/(λ_i + μ))²`,
//!
//! with the least `μ ≥ 0` for which `s(μ) = Σ λ_i/(λ_i + μ)² ≤ q`. Everything the solver does with power
//! limits is built on this scalar root.

use crate::error::Error;
use crate::linalg::{Eigensolver, eigenvalues, inner, product, squared_norm};
use crate::problem::Problem;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, c64};

/// More Newton steps than the root ever needs: from the left they converge monotonically and quadratically.
const NEWTON_STEPS: usize = 64;
/// Bisections of `log s` in [`Ray::best`]: from a factor of 4 to one of 1 + 1e-6.
const SCALE_BISECTIONS: usize = 21;
/// Scales `s` of `A A^H` beyond this, or below its inverse, are not looked at.
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

/// A value with its gradient with respect to `Re tr(·^H ·)`.
pub(crate) struct Objective {
    pub value: f64,
    pub gradient: Mat<c64>,
}

/// `F(A) = Σ_n v_n φ_n(A^H H_n H_n^H A) + σ² ‖A‖_F²`, the objective of P_s with the best precoders, at one `A` (`R×L`) after
/// another: what does not depend on `A` and the room for what does are kept.
pub(crate) struct Evaluator<'a> {
    problem: &'a Problem,
    /// `[H_1 … H_N]`, `R×Σ T_n`.
    channels: Mat<c64>,
    /// `D_n = H_n^H A`, one below the other, `Σ T_n×L`.
    seen: Mat<c64>,
    /// `−2 v_n D_n U_n`, likewise.
    slopes: Mat<c64>,
    /// `D_n^H D_n` of one device, then `−2 v_n U_n`.
    square: Mat<c64>,
    eigensolver: Eigensolver,
}

impl<'a> Evaluator<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        let (channels, streams) = (side_by_side(problem.channels()), problem.streams());
        let stacked = || Mat::zeros(channels.ncols(), streams);
        let (seen, slopes) = (stacked(), stacked());
        let (square, eigensolver) = (Mat::zeros(streams, streams), Eigensolver::new(streams));
        Self { problem, channels, seen, slopes, square, eigensolver }
    }

    /// Writes `F(A)` and its gradient `2σ²A − 2 Σ_n v_n H_n D_n U_n`.
    pub fn evaluate(&mut self, factor: MatRef<'_, c64>, objective: &mut Objective) -> Result<(), Error> {
        let noise_power = self.problem.noise_power();
        product(self.seen.as_mut(), self.channels.adjoint(), factor);
        let mut value = noise_power * squared_norm(factor);
        let mut first = 0;
        for (device, channel) in self.problem.channels().iter().enumerate() {
            let variance = self.problem.signal_variance()[device];
            let seen = self.seen.subrows(first, channel.ncols());
            product(self.square.as_mut(), seen.adjoint(), seen);
            let spectrum = self.eigensolver.decompose(self.square.as_ref())?;
            let multiplier = multiplier(&spectrum.values, self.problem.precoder_budget(device));
            value += variance * spectrum.values.iter().map(|&value| residual(value, multiplier)).sum::<f64>();
            let weight = |value| -2.0 * variance * sensitivity(value, multiplier);
            self.eigensolver.map(weight, self.square.as_mut());
            product(self.slopes.subrows_mut(first, channel.ncols()), seen, self.square.as_ref());
            first += channel.ncols();
        }
        objective.value = value;
        objective.gradient.copy_from(factor);
        objective.gradient *= faer::Scale(c64::new(2.0 * noise_power, 0.0));
        matmul(
            objective.gradient.as_mut(),
            Accum::Add,
            self.channels.as_ref(),
            self.slopes.as_ref(),
            c64::new(1.0, 0.0),
            Par::Seq,
        );
        if !(value.is_finite() && squared_norm(objective.gradient.as_ref()).is_finite()) {
            return Err(Error::Numerical { operation: "the mean squared error" });
        }
        Ok(())
    }
}

/// `F` and its gradient at one `A` (`R×L`).
pub(crate) fn evaluate(problem: &Problem, factor: MatRef<'_, c64>) -> Result<Objective, Error> {
    let mut objective = Objective { value: 0.0, gradient: Mat::zeros(factor.nrows(), factor.ncols()) };
    Evaluator::new(problem).evaluate(factor, &mut objective)?;
    Ok(objective)
}

/// `[H_1 … H_N]`.
fn side_by_side(channels: &[Mat<c64>]) -> Mat<c64> {
    let columns: Vec<_> = channels.iter().flat_map(|channel| channel.col_iter()).collect();
    Mat::from_fn(channels[0].nrows(), columns.len(), |i, j| columns[j][i])
}

/// `F(t·A)` for all `t > 0`, from one eigendecomposition per device.
///
/// With `M_n = D_n^H D_n` and `s = t²`, the multiplier of `s M_n` under the budget `q_n` is `s ν_n`, `ν_n` that of `M_n` under `s q_n`. Hence
/// `F = σ² s ‖A‖² + Σ v_n Σ_i (ν_n/(λ_i + ν_n))²`, convex in `s`, with `dF/ds = σ² ‖A‖² − Σ p_n ν_n`.
struct Ray<'a> {
    problem: &'a Problem,
    /// `σ² ‖A‖²`.
    noise: f64,
    /// Eigenvalues of the `M_n`.
    spectra: Vec<Vec<f64>>,
}

impl<'a> Ray<'a> {
    fn new(problem: &'a Problem, factor: MatRef<'_, c64>) -> Result<Self, Error> {
        let spectrum = |channel: &Mat<c64>| {
            let seen = channel.adjoint() * factor;
            eigenvalues((seen.adjoint() * &seen).as_ref())
        };
        let spectra = problem.channels().iter().map(spectrum).collect::<Result<_, _>>()?;
        Ok(Self { problem, noise: problem.noise_power() * squared_norm(factor), spectra })
    }

    /// `ν_n`.
    fn multiplier(&self, device: usize, scale: f64) -> f64 {
        multiplier(&self.spectra[device], self.problem.precoder_budget(device) * scale)
    }

    /// `F` at `s`.
    fn value(&self, scale: f64) -> f64 {
        let mismatch = |(device, spectrum): (usize, &Vec<f64>)| {
            let multiplier = self.multiplier(device, scale);
            let residuals = spectrum.iter().map(|&value| residual(value, multiplier));
            self.problem.signal_variance()[device] * residuals.sum::<f64>()
        };
        self.noise * scale + self.spectra.iter().enumerate().map(mismatch).sum::<f64>()
    }

    /// `dF/ds`, increasing in `s`.
    fn derivative(&self, scale: f64) -> f64 {
        let gain = |(device, power): (usize, &f64)| power * self.multiplier(device, scale);
        self.noise - self.problem.transmit_power().iter().enumerate().map(gain).sum::<f64>()
    }

    /// The `s` of least `F`.
    fn best(&self) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        while self.derivative(high) < 0.0 && high < SCALE_LIMIT {
            (low, high) = (high, high * 4.0);
        }
        if low == 0.0 {
            low = high / 4.0;
            while self.derivative(low) > 0.0 && low > 1.0 / SCALE_LIMIT {
                (low, high) = (low / 4.0, low);
            }
        }
        for _ in 0..SCALE_BISECTIONS {
            let middle = (low * high).sqrt();
            if self.derivative(middle) < 0.0 { low = middle } else { high = middle }
        }
        (low * high).sqrt()
    }
}

/// The `t > 0` that minimizes `F(t·A)`.
///
/// Descents start there: on the ray through a start whose power limits are slack, `F` is the quadratic `σ²t²‖A‖²`,
/// and a quasi-Newton method's first step would land on `A = 0`, where `F` has no gradient.
pub(crate) fn best_scale(problem: &Problem, factor: MatRef<'_, c64>) -> Result<f64, Error> {
    Ok(Ray::new(problem, factor)?.best().sqrt())
}

/// `min_t F(t·A)`.
pub(crate) fn best_value(problem: &Problem, factor: MatRef<'_, c64>) -> Result<f64, Error> {
    let ray = Ray::new(problem, factor)?;
    let value = ray.value(ray.best());
    if value.is_finite() { Ok(value) } else { Err(Error::Numerical { operation: "the mean squared error" }) }
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

    fn random(columns: usize, seed: u64) -> Mat<c64> {
        BlockFading::new(Fading::RAYLEIGH, 8, &[columns], seed).unwrap().block(0).remove(0)
    }

    /// Some power limits bind and others do not; powers, variances and antennas are unequal.
    fn uneven_problem() -> Problem {
        let channels = BlockFading::new(Fading::PAPER, 8, &[3, 4, 3], 1).unwrap().block(0);
        let problem = Problem::new(channels, vec![1e-3, 1.0, 1e3], 0.3).unwrap();
        problem.with_signal_variance(vec![1.0, 3.0, 0.3]).unwrap()
    }

    fn moved(point: &Mat<c64>, direction: &Mat<c64>, step: f64) -> Mat<c64> {
        Mat::from_fn(8, 3, |i, j| point[(i, j)] + direction[(i, j)] * step)
    }

    /// Central differences of `F`, from one evaluator for all points.
    #[test]
    fn gradient_agrees_with_differences() {
        let problem = uneven_problem();
        let [point, direction] = [random(3, 2), random(3, 3)];
        let value = |step| evaluate(&problem, moved(&point, &direction, step).as_ref()).unwrap().value;
        let gradient = evaluate(&problem, point.as_ref()).unwrap().gradient;
        let slope = inner(gradient.as_ref(), direction.as_ref());
        let difference = (value(1e-5) - value(-1e-5)) / 2e-5;
        assert!((slope - difference).abs() < 1e-6 * slope.abs(), "{slope} {difference}");
    }

    /// What an evaluator finds does not depend on what it was asked before.
    #[test]
    fn evaluations_do_not_depend_on_the_last_one() {
        let problem = uneven_problem();
        let [first, second] = [random(3, 2), random(3, 3)];
        let fresh = evaluate(&problem, second.as_ref()).unwrap();
        let mut used = evaluate(&problem, first.as_ref()).unwrap();
        let mut evaluator = Evaluator::new(&problem);
        evaluator.evaluate(first.as_ref(), &mut used).unwrap();
        evaluator.evaluate(second.as_ref(), &mut used).unwrap();
        assert_eq!(fresh.value.to_bits(), used.value.to_bits());
        assert_eq!(fresh.gradient, used.gradient);
    }

    /// Along a ray, value and derivative are those of `F`, and the best scale leaves no slope.
    #[test]
    fn rays_agree_with_evaluations() {
        let problem = uneven_problem();
        let point = random(3, 2);
        let ray = Ray::new(&problem, point.as_ref()).unwrap();
        for scale in [1e-3, 1.0, 1e3] {
            let at = moved(&point, &point, f64::sqrt(scale) - 1.0);
            let objective = evaluate(&problem, at.as_ref()).unwrap();
            assert!((ray.value(scale) / objective.value - 1.0).abs() < 1e-12);
            // d/dt F(t A) = 2t dF/ds at s = t².
            let slope = inner(objective.gradient.as_ref(), at.as_ref());
            let derivative = 2.0 * scale * ray.derivative(scale);
            assert!((slope - derivative).abs() < 1e-9 * slope.abs(), "{slope} {derivative}");
        }
        let best = ray.best();
        assert!((ray.derivative(best) / ray.noise).abs() < 1e-5);
        assert_eq!(best_value(&problem, point.as_ref()).unwrap(), ray.value(best));
    }
}
