//! The objective along the ray through an aggregator.

use super::{Mode, modes, total_residual, weighted_multiplier};
use crate::error::Error;
use crate::linalg::{Spectrum, eigenvalues, squared_norm};
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// Bisections of `log s` in [`Ray::best`]: from a factor of 4 to one of 1 + 1e-6.
const SCALE_BISECTIONS: usize = 21;
/// Scales `s` of `A A^H` beyond this, or below its inverse, are not looked at.
const SCALE_LIMIT: f64 = 1e60;

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
    pub(super) fn value(&self, scale: f64) -> f64 {
        let mismatch = |(device, modes): (usize, &Vec<Mode>)| {
            self.problem.signal_variance()[device] * total_residual(modes, self.multiplier(device, scale))
        };
        self.noise * scale + self.modes.iter().enumerate().map(mismatch).sum::<f64>()
    }

    /// `dF/ds`, increasing in `s`.
    pub(super) fn derivative(&self, scale: f64) -> f64 {
        let gain = |(device, power): (usize, &f64)| power * self.multiplier(device, scale);
        self.noise - self.problem.transmit_power().iter().enumerate().map(gain).sum::<f64>()
    }

    /// The `s` of least `F`.
    pub(super) fn best(&self) -> f64 {
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
