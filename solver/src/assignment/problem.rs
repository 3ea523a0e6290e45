//! The long-term problem: devices, channels, short-term value, and the set of shares.

use faer::{Mat, c64};

use super::{AssignmentError, CertifiedValue, Evaluator, ShortTermValue};
use crate::channel::BlockFading;
use crate::power::EnergyModel;
use crate::sca::Polyhedron;

/// Largest distance of `Σ m_n` from 1 that an evaluation accepts.
pub(crate) const SUM_TOLERANCE: f64 = 1e-6;

/// Independent draws of the channels of all devices, numbered.
pub trait ChannelSource {
    /// The number of devices `N`.
    fn devices(&self) -> usize;

    /// The channels `H_1 … H_N` (`R×T_n`) of draw `index`. The same index gives the same draw; different ones are
    /// independent.
    fn block(&self, index: u64) -> Vec<Mat<c64>>;
}

impl ChannelSource for BlockFading {
    fn devices(&self) -> usize {
        self.devices()
    }

    fn block(&self, index: u64) -> Vec<Mat<c64>> {
        self.block(index)
    }
}

/// `min E_H[v(p(m); H)]` s.t. `Σ m_n = 1`, `m_min ≤ m_n`, `p_n(m_n) ≥ p_floor`, `m_n · bytes ≤ memory_n`.
#[derive(Debug, Clone)]
pub struct AssignmentProblem<S, V> {
    energy: Vec<EnergyModel>,
    channels: S,
    value: V,
    limits: Limits,
    shares: Polyhedron,
}

/// What bounds the shares.
#[derive(Debug, Clone)]
struct Limits {
    minimum_share: f64,
    power_floor: f64,
    /// The largest share that each device's memory holds; empty where memory is no matter.
    held: Vec<f64>,
}

impl<S: ChannelSource, V: ShortTermValue> AssignmentProblem<S, V> {
    /// Devices with `energy[n]` and the channels of `channels`, judged by `value`. No minimum share; the power floor is 1 %
    /// of the least power that any device has without computing.
    ///
    /// # Errors
    /// [`AssignmentError::NoDevices`], [`AssignmentError::DeviceCount`], or
    /// [`AssignmentError::ModelUnaffordable`] if no shares keep the floor.
    pub fn new(energy: Vec<EnergyModel>, channels: S, value: V) -> Result<Self, AssignmentError> {
        if energy.is_empty() {
            return Err(AssignmentError::NoDevices);
        }
        if energy.len() != channels.devices() {
            return Err(AssignmentError::DeviceCount {
                energy_models: energy.len(),
                channels: channels.devices(),
            });
        }
        let mut power_floor = f64::INFINITY;
        for (device, model) in energy.iter().enumerate() {
            power_floor = power_floor.min(0.01 * model.transmit_power(device, 0.0)?);
        }
        let limits = Limits { minimum_share: 0.0, power_floor, held: Vec::new() };
        let shares = feasible_shares(&energy, &limits)?;
        Ok(Self { energy, channels, value, limits, shares })
    }

    /// The same with every share at least `minimum_share`. Default: `0`.
    ///
    /// # Errors
    /// [`AssignmentError::MinimumShare`] outside `[0, 1/N]`, [`AssignmentError::MinimumShareUnaffordable`].
    pub fn with_minimum_share(self, minimum_share: f64) -> Result<Self, AssignmentError> {
        let limits = Limits { minimum_share, ..self.limits.clone() };
        self.with_limits(limits)
    }

    /// The same with at least `floor` transmit power left per channel use, in the units of the energy models.
    /// Default: 1 % of the least `p_n(0)`.
    ///
    /// # Errors
    /// [`AssignmentError::PowerFloor`] unless positive and finite; [`AssignmentError::ModelUnaffordable`],
    /// [`AssignmentError::MinimumShareUnaffordable`] if no shares keep it.
    pub fn with_power_floor(self, floor: f64) -> Result<Self, AssignmentError> {
        let limits = Limits { power_floor: floor, ..self.limits.clone() };
        self.with_limits(limits)
    }

    /// The same with `m_n · model_bytes ≤ memory_bytes[n]`: a device holds the part of the model that it computes. `u64::MAX` stands
    /// for memory without end. Default: memory is no matter.
    ///
    /// # Errors
    /// [`AssignmentError::MemoryCount`]; [`AssignmentError::ModelTooLarge`] if all memories together do not hold the model;
    /// [`AssignmentError::ModelUnaffordable`], [`AssignmentError::MinimumShareUnaffordable`] if no shares also keep the
    /// power floor and the minimum share.
    pub fn with_memory(self, model_bytes: u64, memory_bytes: &[u64]) -> Result<Self, AssignmentError> {
        if memory_bytes.len() != self.devices() {
            let (expected, found) = (self.devices(), memory_bytes.len());
            return Err(AssignmentError::MemoryCount { expected, found });
        }
        let memory_bytes_together: u128 = memory_bytes.iter().map(|&bytes| u128::from(bytes)).sum();
        if memory_bytes_together < u128::from(model_bytes) {
            return Err(AssignmentError::ModelTooLarge { model_bytes, memory_bytes: memory_bytes_together });
        }
        let held = |&bytes: &u64| if bytes < model_bytes { bytes as f64 / model_bytes as f64 } else { 1.0 };
        let limits = Limits { held: memory_bytes.iter().map(held).collect(), ..self.limits.clone() };
        self.with_limits(limits)
    }

    fn with_limits(self, limits: Limits) -> Result<Self, AssignmentError> {
        let shares = feasible_shares(&self.energy, &limits)?;
        Ok(Self { limits, shares, ..self })
    }

    /// The number of devices `N`.
    pub fn devices(&self) -> usize {
        self.energy.len()
    }

    /// `m_n = 1/N` for all devices, whether or not it leaves them power.
    pub fn uniform_shares(&self) -> Vec<f64> {
        vec![1.0 / self.devices() as f64; self.devices()]
    }

    /// The feasible set of shares.
    pub fn feasible_shares(&self) -> &Polyhedron {
        &self.shares
    }

    /// `p_n(m_n)` per channel use, for each device.
    ///
    /// # Errors
    /// [`AssignmentError::ShareCount`], [`AssignmentError::ShareSum`], and as [`AssignmentError::ShortTerm`] a share
    /// outside [0, 1] or one that leaves no power.
    pub fn transmit_power(&self, shares: &[f64]) -> Result<Vec<f64>, AssignmentError> {
        if shares.len() != self.devices() {
            return Err(AssignmentError::ShareCount { expected: self.devices(), found: shares.len() });
        }
        let models = self.energy.iter().zip(shares).enumerate();
        let power: Result<Vec<f64>, crate::Error> =
            models.map(|(device, (model, &share))| model.transmit_power(device, share)).collect();
        let power = power?;
        let sum: f64 = shares.iter().sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(AssignmentError::ShareSum { sum });
        }
        Ok(power)
    }

    /// `v(p(m); H)` and `∂v/∂m_n = (∂v/∂p_n) · dp_n/dm_n` on the channels of one block; `p(m)` is affine, so what bounds `v` at
    /// every power bounds it at all shares.
    ///
    /// # Errors
    /// As [`AssignmentProblem::transmit_power`]; [`AssignmentError::ShortTerm`] if the short-term problem is not
    /// solved; [`AssignmentError::DerivativeCount`] or [`AssignmentError::NotFinite`] if the value is malformed.
    pub fn value_and_gradient(&self, shares: &[f64], block: u64) -> Result<CertifiedValue, AssignmentError> {
        self.values().value_and_gradient(shares, block)
    }

    /// [`AssignmentProblem::value_and_gradient`] of one block after another, in memory that is kept.
    pub(super) fn values(&self) -> Values<'_, S, V> {
        Values { problem: self, evaluator: self.value.evaluator() }
    }

    /// The devices' energy models.
    pub(super) fn energy(&self) -> &[EnergyModel] {
        &self.energy
    }
}

/// See [`AssignmentProblem::values`].
pub(super) struct Values<'a, S, V> {
    problem: &'a AssignmentProblem<S, V>,
    evaluator: Box<Evaluator<'a>>,
}

impl<S: ChannelSource, V: ShortTermValue> Values<'_, S, V> {
    pub fn value_and_gradient(
        &mut self,
        shares: &[f64],
        block: u64,
    ) -> Result<CertifiedValue, AssignmentError> {
        let Self { problem, evaluator } = self;
        let power = problem.transmit_power(shares)?;
        let mut value = evaluator(&problem.channels.block(block), &power)?;
        if value.gradient.len() != problem.devices() {
            let (expected, found) = (problem.devices(), value.gradient.len());
            return Err(AssignmentError::DerivativeCount { expected, found });
        }
        value.gradient.iter_mut().zip(&problem.energy).for_each(|(d, model)| *d *= model.slope());
        match [value.lower, value.upper].iter().chain(&value.gradient).find(|v| !v.is_finite()) {
            Some(&value) => Err(AssignmentError::NotFinite { value }),
            None => Ok(value),
        }
    }
}

fn feasible_shares(energy: &[EnergyModel], limits: &Limits) -> Result<Polyhedron, AssignmentError> {
    let devices = energy.len();
    let (minimum_share, floor) = (limits.minimum_share, limits.power_floor);
    // Relative rounding of 1/N is forgiven, so that m_min = 1/N can be asked for.
    if !(minimum_share >= 0.0 && minimum_share * devices as f64 <= 1.0 + f64::EPSILON) {
        return Err(AssignmentError::MinimumShare { minimum_share, devices });
    }
    if !(floor > 0.0 && floor.is_finite()) {
        return Err(AssignmentError::PowerFloor { floor });
    }
    let held = limits.held.iter().copied().chain(std::iter::repeat(1.0));
    let largest: Vec<f64> =
        energy.iter().zip(held).map(|(model, held)| model.largest_share(floor).min(held)).collect();
    // A device that cannot even idle above the floor affords no share at all.
    let below = energy
        .iter()
        .enumerate()
        .find(|(device, model)| model.transmit_power(*device, 0.0).map_or(true, |power| power < floor));
    let short = largest.iter().position(|&share| share < minimum_share);
    if let Some(device) = below.map(|(device, _)| device).or(short) {
        let largest_share = largest.get(device).copied().unwrap_or(0.0);
        return Err(AssignmentError::MinimumShareUnaffordable {
            device,
            minimum_share,
            largest_share,
            floor,
        });
    }
    let affordable: f64 = largest.iter().sum();
    // Memories that hold the model exactly sum to 1 up to rounding.
    if affordable < 1.0 - f64::EPSILON * devices as f64 {
        return Err(AssignmentError::ModelUnaffordable { affordable, floor });
    }
    let set = Polyhedron::builder(devices).bounds(vec![minimum_share; devices], largest);
    Ok(set.equality(vec![1.0; devices], 1.0).build()?)
}
