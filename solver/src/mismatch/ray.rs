//! The objective along the ray through an aggregator.

use super::{Mode, modes, total_residual, weighted_multiplier};
use crate::error::Error;
use crate::linalg::{Spectrum, drop_negligible, eigenvalues, product, rescaled, squared_norm};
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// The scale is found when a step changes `s^{-1/2}` by less than this, relatively.
const SCALE_TOLERANCE: f64 = 1e-7;
/// No step grows `s` by more than a factor of 10^6.
const LEAST_STEP: f64 = -0.999;
/// Most steps of [`Ray::best`].
const SCALE_STEPS: usize = 128;

/// `F(t·A)` for all `t > 0`, from one eigendecomposition per device.
///
/// With `M_n = D_n^H D_n` and `s = t²`, the multiplier of `s M_n` under the budget `q_n` is `s ν_n`, `ν_n` that of `M_n` under `s q_n`. Hence
/// `F = σ² s ‖A‖² + Σ v_n Σ_i ω_i (ν_n/(λ_i + ν_n))²`, convex in `s`, with `dF/ds = σ² ‖A‖² − Σ p_n ν_n`.
pub(super) struct Ray<'a> {
    problem: &'a Problem,
    /// `σ² ‖A‖²`.
    pub(super) noise: f64,
    /// Those of the `M_n`.
    modes: Vec<Vec<Mode>>,
}

impl<'a> Ray<'a> {
    pub(super) fn new(problem: &'a Problem, factor: MatRef<'_, c64>) -> Result<Self, Error> {
        let modes = |(device, channel): (usize, &Mat<c64>)| {
            let seen = product(channel.adjoint(), factor);
            let square = product(seen.adjoint(), seen.as_ref());
            if problem.serves_all(device) {
                let mut values = eigenvalues(square.as_ref())?;
                drop_negligible(&mut values);
                return Ok(values.into_iter().map(|value| (value, 1.0)).collect());
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
        let modes = self.modes[device].iter().copied();
        weighted_multiplier(modes, self.problem.precoder_budget(device) * scale)
    }

    /// `F` at `s`.
    pub(super) fn value(&self, scale: f64) -> f64 {
        let mismatch = |(device, modes): (usize, &Vec<Mode>)| {
            self.problem.signal_variance()[device] * total_residual(modes, self.multiplier(device, scale))
        };
        self.noise * scale + self.modes.iter().enumerate().map(mismatch).sum::<f64>()
    }

    /// `dF/ds`, increasing in `s`, and `d²F/ds² = Σ p_n q_n / (2 Σ_i ω_i λ_i/(λ_i + ν_n)³)` over the devices whose limit binds.
    pub(super) fn derivatives(&self, scale: f64) -> (f64, f64) {
        let (mut first, mut second) = (self.noise, 0.0);
        for (device, power) in self.problem.transmit_power().iter().enumerate() {
            let multiplier = self.multiplier(device, scale);
            if multiplier > 0.0 {
                let term = |&(value, weight): &Mode| weight * value.max(0.0) / (value + multiplier).powi(3);
                let slope: f64 = self.modes[device].iter().map(term).sum();
                first -= power * multiplier;
                second += power * self.problem.precoder_budget(device) / (2.0 * slope);
            }
        }
        (first, second)
    }

    /// The `s` of least `F`, by Newton's method in `s^{-1/2}`, of which `dF/ds` is nearly a linear function (the secular equation of trust regions).
    ///
    /// `ν_n` is convex in `s^{-1/2}`, so that from the second step on `s` only grows. The first is from above: at the best `s` some limit binds,
    /// `s < max_n Σ_i (ω_i/λ_i)/q_n`, and `F` is at most that of silence, `s ≤ Σ v_n L_n/(σ² ‖A‖²)`. So the size of `A` does not matter.
    pub(super) fn best(&self) -> f64 {
        let slack = |(device, modes): (usize, &Vec<Mode>)| {
            let heard = modes.iter().filter(|(value, _)| *value > 0.0);
            heard.map(|(value, weight)| weight / value).sum::<f64>() / self.problem.precoder_budget(device)
        };
        let all_slack = self.modes.iter().enumerate().map(slack).fold(0.0, f64::max);
        let mut scale = all_slack.min(self.problem.silence() / self.noise);
        if !(scale > 0.0 && scale.is_finite()) {
            scale = 1.0;
        }
        for _ in 0..SCALE_STEPS {
            let (first, second) = self.derivatives(scale);
            let step = if second > 0.0 { first / (2.0 * scale * second) } else { 1.0 };
            scale /= (1.0 + step.max(LEAST_STEP)).powi(2);
            if step.abs() < SCALE_TOLERANCE {
                break;
            }
        }
        scale
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
    let ray = Ray::new(problem, rescaled(factor).as_ref())?;
    let value = ray.value(ray.best());
    if value.is_finite() { Ok(value) } else { Err(Error::Numerical { operation: "the mean squared error" }) }
}
