//! The best precoder of one device under its power limit, and what it costs (theory, sections 2 and 3).
//!
//! For a Gram matrix `M` with eigenvalues `λ_i` (`D D^H` or `D^H D`, `D = H^H A`) and a budget `q`:
//!
//! `φ(M) = min_B ‖D^H B − I‖_F² s.t. ‖B‖_F² ≤ q = Σ (μ/(λ_i + μ))²`,
//!
//! with the least `μ ≥ 0` for which `s(μ) = Σ λ_i/(λ_i + μ)² ≤ q`. Everything the solver does with power
//! limits is built on this scalar root.

use crate::error::Error;
use crate::linalg::{Eigensolver, Spectrum, eigenvalues, inner, product, squared_norm};
use crate::problem::Problem;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, c64};

/// More Newton steps than the root ever needs: from the left they converge monotonically and quadratically.
const NEWTON_STEPS: usize = 64;
/// Bisections of `log s` in [`Ray::best`]: from a factor of 4 to one of 1 + 1e-6.
const SCALE_BISECTIONS: usize = 21;
/// Scales `s` of `A A^H` beyond this, or below its inverse, are not looked at.
const SCALE_LIMIT: f64 = 1e60;

/// An eigenvalue `λ_i` of `D_n^H D_n` and its weight `ω_i = ‖w_i^H E_n‖²`, the share of its eigenvector `w_i` in the streams of the device;
/// 1 where that is all streams.
pub(crate) type Mode = (f64, f64);

/// The least `μ ≥ 0` with `Σ λ_i/(λ_i + μ)² ≤ q`. Negative `λ_i` (rounding) count as zero.
pub(crate) fn multiplier(eigenvalues: &[f64], budget: f64) -> f64 {
    root(eigenvalues.iter().map(|&value| (value, 1.0)), budget)
}

/// The least `μ ≥ 0` with `Σ ω_i λ_i/(λ_i + μ)² ≤ q`.
pub(crate) fn weighted_multiplier(modes: &[Mode], budget: f64) -> f64 {
    root(modes.iter().copied(), budget)
}

fn root(modes: impl Iterator<Item = Mode> + Clone, budget: f64) -> f64 {
    let positive = || modes.clone().filter(|&(value, _)| value > 0.0);
    // No single term may exceed the budget, which starts Newton's method left of the root.
    let mut multiplier =
        positive().map(|(value, weight)| (weight * value / budget).sqrt() - value).fold(0.0, f64::max);
    for _ in 0..NEWTON_STEPS {
        let power: f64 =
            positive().map(|(value, weight)| weight * value / (value + multiplier).powi(2)).sum();
        if power <= budget {
            break;
        }
        // Newton on 1/√q − 1/√s(μ), nearly linear in μ (the secular equation of trust regions).
        let slope: f64 =
            positive().map(|(value, weight)| weight * value / (value + multiplier).powi(3)).sum();
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

/// The modes of a device from the decomposition of its `D_n^H D_n`.
fn modes(problem: &Problem, device: usize, spectrum: &Spectrum) -> impl Iterator<Item = Mode> {
    let all = problem.serves_all(device);
    let streams = &problem.device_streams()[device];
    let weight = move |mode: usize| -> f64 {
        if all {
            1.0
        } else {
            streams.iter().map(|&stream| spectrum.vectors[(stream, mode)].norm_sqr()).sum()
        }
    };
    spectrum.values.iter().enumerate().map(move |(mode, &value)| (value, weight(mode)))
}

/// `Σ_i ω_i (μ/(λ_i + μ))²`: what the device's best precoder leaves, `‖D^H B − E‖_F²`.
fn total_residual(modes: &[Mode], multiplier: f64) -> f64 {
    modes.iter().map(|&(value, weight)| weight * residual(value, multiplier)).sum()
}

/// A value with its gradient with respect to `Re tr(·^H ·)`.
pub(crate) struct Objective {
    pub value: f64,
    pub gradient: Mat<c64>,
}

/// `F(A) = Σ_n v_n min_B ‖A^H H_n B − E_n‖_F² + σ² ‖A‖_F²`, the objective of P_s with the best precoders, at one `A` (`R×L`) after
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
    /// `(D_n^H D_n + μ_n I)^{-1}`, in the columns of the device's streams alone: `B_n = D_n (D_n^H D_n + μ_n I)^{-1} E_n`.
    precoding: Mat<c64>,
    /// `μ_n (D_n^H D_n + μ_n I)^{-1}`: `E_n − D_n^H B_n` is this times `E_n`.
    mismatch: Mat<c64>,
    modes: Vec<Mode>,
    eigensolver: Eigensolver,
}

impl<'a> Evaluator<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        let (channels, streams) = (side_by_side(problem.channels()), problem.streams());
        let stacked = || Mat::zeros(channels.ncols(), streams);
        let (seen, slopes) = (stacked(), stacked());
        let square = || Mat::zeros(streams, streams);
        let (square, precoding, mismatch) = (square(), square(), square());
        let (modes, eigensolver) = (Vec::with_capacity(streams), Eigensolver::new(streams));
        Self { problem, channels, seen, slopes, square, precoding, mismatch, modes, eigensolver }
    }

    /// Writes `F(A)` and its gradient `2σ²A − 2 Σ_n v_n H_n D_n U_n`, where `D_n U_n = B_n (E_n − D_n^H B_n)^H`: at the best precoders the
    /// derivative is that for fixed ones.
    pub fn evaluate(&mut self, factor: MatRef<'_, c64>, objective: &mut Objective) -> Result<(), Error> {
        let noise_power = self.problem.noise_power();
        product(self.seen.as_mut(), self.channels.adjoint(), factor);
        let mut value = noise_power * squared_norm(factor);
        let mut first = 0;
        for (device, channel) in self.problem.channels().iter().enumerate() {
            let variance = self.problem.signal_variance()[device];
            let seen = self.seen.subrows(first, channel.ncols());
            product(self.square.as_mut(), seen.adjoint(), seen);
            let spectrum = self.eigensolver.decompose(self.square.as_ref(), channel.ncols())?;
            self.modes.clear();
            self.modes.extend(modes(self.problem, device, spectrum));
            let multiplier = weighted_multiplier(&self.modes, self.problem.precoder_budget(device));
            value += variance * total_residual(&self.modes, multiplier);
            if self.problem.serves_all(device) {
                let weight = |value| -2.0 * variance * sensitivity(value, multiplier);
                self.eigensolver.map(weight, self.square.as_mut());
            } else {
                // Where λ = 0, D_n has nothing to precode.
                let inverse = |value| if value > 0.0 { 1.0 / (value + multiplier) } else { 0.0 };
                self.eigensolver.map(inverse, self.precoding.as_mut());
                keep_columns(self.precoding.as_mut(), &self.problem.device_streams()[device]);
                self.eigensolver.map(|value| residual(value, multiplier).sqrt(), self.mismatch.as_mut());
                let factor = c64::new(-2.0 * variance, 0.0);
                let (left, right) = (self.precoding.as_ref(), self.mismatch.as_ref());
                matmul(self.square.as_mut(), Accum::Replace, left, right, factor, Par::Seq);
            }
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

/// Sets all other columns to zero.
fn keep_columns(matrix: MatMut<'_, c64>, kept: &[usize]) {
    for (index, mut column) in matrix.col_iter_mut().enumerate() {
        if kept.binary_search(&index).is_err() {
            column.fill(c64::new(0.0, 0.0));
        }
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
/// `F = σ² s ‖A‖² + Σ v_n Σ_i ω_i (ν_n/(λ_i + ν_n))²`, convex in `s`, with `dF/ds = σ² ‖A‖² − Σ p_n ν_n`.
struct Ray<'a> {
    problem: &'a Problem,
    /// `σ² ‖A‖²`.
    noise: f64,
    /// Those of the `M_n`.
    modes: Vec<Vec<Mode>>,
}

impl<'a> Ray<'a> {
    fn new(problem: &'a Problem, factor: MatRef<'_, c64>) -> Result<Self, Error> {
        let modes = |(device, channel): (usize, &Mat<c64>)| {
            let seen = channel.adjoint() * factor;
            let square = seen.adjoint() * &seen;
            if problem.serves_all(device) {
                return Ok(eigenvalues(square.as_ref())?.into_iter().map(|value| (value, 1.0)).collect());
            }
            let mut spectrum = Spectrum::of(square.as_ref())?;
            spectrum.limit_rank(channel.ncols());
            Ok(modes(problem, device, &spectrum).collect())
        };
        let modes = problem.channels().iter().enumerate().map(modes).collect::<Result<_, Error>>()?;
        Ok(Self { problem, noise: problem.noise_power() * squared_norm(factor), modes })
    }

    /// `ν_n`.
    fn multiplier(&self, device: usize, scale: f64) -> f64 {
        weighted_multiplier(&self.modes[device], self.problem.precoder_budget(device) * scale)
    }

    /// `F` at `s`.
    fn value(&self, scale: f64) -> f64 {
        let mismatch = |(device, modes): (usize, &Vec<Mode>)| {
            self.problem.signal_variance()[device] * total_residual(modes, self.multiplier(device, scale))
        };
        self.noise * scale + self.modes.iter().enumerate().map(mismatch).sum::<f64>()
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

/// `max_n v_n tr(E_n^H (G^H H_n H_n^H G)^{-1} E_n)/p_n`: the least factor on `‖G‖²` for which zero forcing is within every limit;
/// infinite if some device has no zero forcing.
pub(crate) fn zero_forcing_scale(problem: &Problem, direction: MatRef<'_, c64>) -> Result<f64, Error> {
    let mut scale = 0.0_f64;
    for device in 0..problem.devices() {
        scale = scale.max(zero_forcing_power(problem, device, direction)? / problem.precoder_budget(device));
    }
    Ok(scale)
}

fn zero_forcing_power(problem: &Problem, device: usize, direction: MatRef<'_, c64>) -> Result<f64, Error> {
    if !problem.serves_all(device) {
        let seen = Seen::of(problem, device, direction)?;
        return Ok(if seen.reaches_all_streams() { seen.zero_forcing_power() } else { f64::INFINITY });
    }
    let channel = problem.channels()[device].as_ref();
    let seen = channel.adjoint() * direction;
    let singular = seen.singular_values().map_err(|_| Error::Numerical { operation: "singular values" })?;
    let rounding = rounding(seen.as_ref(), channel, direction);
    if singular.iter().any(|&value| value <= rounding) {
        return Ok(f64::INFINITY);
    }
    Ok(singular.iter().map(|value| 1.0 / (value * value)).sum())
}

/// Singular values of this size are what rounding leaves where the channel cancels the aggregator.
fn rounding(seen: MatRef<'_, c64>, channel: MatRef<'_, c64>, aggregator: MatRef<'_, c64>) -> f64 {
    (seen.nrows() + seen.ncols()) as f64
        * f64::EPSILON
        * (squared_norm(channel) * squared_norm(aggregator)).sqrt()
}

/// The singular value decomposition `D_n = H_n^H A = W S V^H` and its share in the device's streams: what its precoders are made of.
pub(crate) struct Seen {
    /// `W`, `T_n×min(T_n, L)`.
    left: Mat<c64>,
    /// `S`, descending.
    pub gains: Vec<f64>,
    /// `E_n^H V`, `L_n×min(T_n, L)`.
    right: Mat<c64>,
    /// Gains up to this are rounding.
    rounding: f64,
}

impl Seen {
    pub fn of(problem: &Problem, device: usize, aggregator: MatRef<'_, c64>) -> Result<Self, Error> {
        let channel = problem.channels()[device].as_ref();
        let seen = channel.adjoint() * aggregator;
        let svd = seen.thin_svd().map_err(|_| Error::Numerical { operation: "singular values" })?;
        let gains = svd.S().column_vector().iter().map(|value| value.re).collect();
        let streams = &problem.device_streams()[device];
        let right = Mat::from_fn(streams.len(), svd.V().ncols(), |i, j| svd.V()[(streams[i], j)]);
        let rounding = rounding(seen.as_ref(), channel, aggregator);
        Ok(Self { left: svd.U().to_owned(), gains, right, rounding })
    }

    /// `λ_i = s_i²` with the weights `ω_i = ‖v_i^H E_n‖²`; directions beyond have `λ = 0`.
    pub fn modes(&self) -> Vec<Mode> {
        let weight = |mode: usize| squared_norm(self.right.subcols(mode, 1));
        self.gains.iter().enumerate().map(|(mode, gain)| (gain * gain, weight(mode))).collect()
    }

    /// `W f(S) V^H E_n`.
    pub fn precoder(&self, f: impl Fn(f64) -> f64) -> Mat<c64> {
        let scaled =
            Mat::from_fn(self.left.nrows(), self.left.ncols(), |i, j| self.left[(i, j)] * f(self.gains[j]));
        scaled * self.right.adjoint()
    }

    /// Whether `D_n^H B = E_n` has a solution: the right singular vectors of no gain have no share in the streams.
    pub fn reaches_all_streams(&self) -> bool {
        let (streams, antennas) = (self.right.nrows() as f64, self.left.nrows() as f64);
        let reached = self.modes().into_iter().zip(&self.gains).filter(|(_, gain)| **gain > self.rounding);
        let lost = streams - reached.map(|((_, weight), _)| weight).sum::<f64>();
        lost <= (streams + antennas) * streams * f64::EPSILON
    }

    /// `1/s` of a gain that is none of rounding, 0 otherwise.
    pub fn inverse(&self, gain: f64) -> f64 {
        if gain > self.rounding { gain.recip() } else { 0.0 }
    }

    /// `‖B‖_F²` of the least `B` with `D_n^H B = E_n`, where there is one.
    fn zero_forcing_power(&self) -> f64 {
        let powers = self.modes().into_iter().zip(&self.gains);
        powers.map(|((_, weight), &gain)| weight * self.inverse(gain).powi(2)).sum()
    }
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

    /// The same devices, each with streams of its own; the third has fewer antennas than there are sums.
    fn grouped_problem() -> Problem {
        let channels = BlockFading::new(Fading::PAPER, 8, &[3, 4, 2], 1).unwrap().block(0);
        let problem = Problem::new(channels, vec![1e-3, 1.0, 1e3], 0.3).unwrap();
        problem.with_device_streams(vec![vec![0, 2], vec![1], vec![0, 1]]).unwrap()
    }

    /// Central differences of `F`.
    #[test]
    fn gradient_agrees_with_differences() {
        for problem in [uneven_problem(), grouped_problem()] {
            check_gradient(&problem);
        }
    }

    fn check_gradient(problem: &Problem) {
        let [point, direction] = [random(3, 2), random(3, 3)];
        let value = |step| evaluate(problem, moved(&point, &direction, step).as_ref()).unwrap().value;
        let gradient = evaluate(problem, point.as_ref()).unwrap().gradient;
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
        for problem in [uneven_problem(), grouped_problem()] {
            check_ray(&problem);
        }
    }

    fn check_ray(problem: &Problem) {
        let point = random(3, 2);
        let ray = Ray::new(problem, point.as_ref()).unwrap();
        for scale in [1e-3, 1.0, 1e3] {
            let at = moved(&point, &point, f64::sqrt(scale) - 1.0);
            let objective = evaluate(problem, at.as_ref()).unwrap();
            assert!((ray.value(scale) / objective.value - 1.0).abs() < 1e-12);
            // d/dt F(t A) = 2t dF/ds at s = t².
            let slope = inner(objective.gradient.as_ref(), at.as_ref());
            let derivative = 2.0 * scale * ray.derivative(scale);
            assert!((slope - derivative).abs() < 1e-9 * slope.abs(), "{slope} {derivative}");
        }
        let best = ray.best();
        assert!((ray.derivative(best) / ray.noise).abs() < 1e-5);
        assert_eq!(best_value(problem, point.as_ref()).unwrap(), ray.value(best));
    }
}
