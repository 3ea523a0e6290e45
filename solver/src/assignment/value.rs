//! Short-term values `v(p; H)` and their derivatives by the transmit powers.

use faer::{Mat, c64};

use crate::relaxation::{Options, lambda_min, mmse};
use crate::{Error, Problem};

/// `v(p; H)` and `∂v/∂p_n`.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerValue {
    /// `v`.
    pub value: f64,
    /// `∂v/∂p_n ≤ 0`, one for each device.
    pub derivatives: Vec<f64>,
}

/// A short-term optimal value as a function of the transmit powers, for one state of the channels.
///
/// If `v` is convex and non-increasing in `p`, [`super::assign`] tends to a global optimum.
pub trait ShortTermValue {
    /// `v(p; H)` and its gradient for channels `H_n` (`R×T_n`) and powers `p_n > 0` per channel use.
    ///
    /// # Errors
    /// Whatever keeps the short-term problem from being solved.
    fn value_and_gradient(&self, channels: &[Mat<c64>], transmit_power: &[f64]) -> Result<PowerValue, Error>;
}

/// `σ² α`, the value of the papers' relaxation (17): [`crate::relaxation::lambda_min`].
/// `∂α/∂p_n = −(c_n/p_n) tr U_n`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LambdaMin {
    noise_power: f64,
    options: Options,
}

impl LambdaMin {
    /// With noise power `σ² > 0` per receive antenna and channel use. Relative gap of each solve: `1e-6`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `σ²` is positive and finite.
    pub fn new(noise_power: f64) -> Result<Self, Error> {
        require_noise(noise_power)?;
        Ok(Self { noise_power, options: Options { relative_gap: 1e-6, ..Options::default() } })
    }

    /// The same with other options of the relaxation, which checks them when it solves.
    pub fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }
}

impl ShortTermValue for LambdaMin {
    fn value_and_gradient(&self, channels: &[Mat<c64>], transmit_power: &[f64]) -> Result<PowerValue, Error> {
        let problem = Problem::new(channels.to_vec(), transmit_power.to_vec(), self.noise_power)?;
        let solution = lambda_min::solve(&problem, &self.options)?;
        let sensitivity = lambda_min::power_sensitivity(&problem, &solution)?;
        Ok(PowerValue {
            value: self.noise_power * midpoint(&solution.certificate),
            derivatives: sensitivity.iter().map(|s| self.noise_power * s).collect(),
        })
    }
}

/// The value of the `mmse` relaxation, a lower bound of the mean squared error of any transceiver:
/// [`crate::relaxation::mmse`]. `∂v/∂p_n = −μ_n` at the optimum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmse {
    noise_power: f64,
    options: Options,
}

impl Mmse {
    /// With noise power `σ² > 0` per receive antenna and channel use. Relative gap of each solve: `1e-4`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `σ²` is positive and finite.
    pub fn new(noise_power: f64) -> Result<Self, Error> {
        require_noise(noise_power)?;
        Ok(Self { noise_power, options: Options { relative_gap: 1e-4, ..Options::default() } })
    }

    /// The same with other options of the relaxation, which checks them when it solves.
    pub fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }
}

impl ShortTermValue for Mmse {
    fn value_and_gradient(&self, channels: &[Mat<c64>], transmit_power: &[f64]) -> Result<PowerValue, Error> {
        let problem = Problem::new(channels.to_vec(), transmit_power.to_vec(), self.noise_power)?;
        let solution = mmse::solve(&problem, &self.options)?;
        let derivatives = mmse::power_sensitivity(&problem, &solution)?;
        Ok(PowerValue { value: midpoint(&solution.certificate), derivatives })
    }
}

fn midpoint(certificate: &crate::relaxation::Certificate) -> f64 {
    0.5 * (certificate.lower + certificate.upper)
}

fn require_noise(noise_power: f64) -> Result<(), Error> {
    if noise_power > 0.0 && noise_power.is_finite() {
        return Ok(());
    }
    let (quantity, valid) = (crate::Quantity::NoisePower, "positive and finite");
    Err(Error::OutOfRange { quantity, device: 0, value: noise_power, valid })
}
