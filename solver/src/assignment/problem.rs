//! The long-term problem: devices, channels, short-term value, and the set of shares.

use faer::{Mat, c64};

use super::{AssignmentError, PowerValue, ShortTermValue};
use crate::channel::BlockFading;
use crate::power::EnergyModel;
use crate::sca::Polyhedron;

/// Largest distance of `Σ m_n` from 1 that an evaluation accepts.
const SUM_TOLERANCE: f64 = 1e-6;

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

/// `min E_H[v(p(m); H)]` s.t. `Σ m_n = 1`, `m_min ≤ m_n`, `p_n(m_n) ≥ p_floor`.
#[derive(Debug, Clone)]
pub struct AssignmentProblem<S, V> {
    energy: Vec<EnergyModel>,
    channels: S,
    value: V,
    minimum_share: f64,
    power_floor: f64,
    shares: Polyhedron,
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
        let shares = feasible_shares(&energy, 0.0, power_floor)?;
        Ok(Self { energy, channels, value, minimum_share: 0.0, power_floor, shares })
    }

    /// The same with every share at least `minimum_share`. Default: `0`.
    ///
    /// # Errors
    /// [`AssignmentError::MinimumShare`] outside `[0, 1/N]`, [`AssignmentError::MinimumShareUnaffordable`].
    pub fn with_minimum_share(mut self, minimum_share: f64) -> Result<Self, AssignmentError> {
        self.shares = feasible_shares(&self.energy, minimum_share, self.power_floor)?;
        self.minimum_share = minimum_share;
        Ok(self)
    }

    /// The same with at least `floor` transmit power left per channel use, in the units of the energy models.
    /// Default: 1 % of the least `p_n(0)`.
    ///
    /// # Errors
    /// [`AssignmentError::PowerFloor`] unless positive and finite; [`AssignmentError::ModelUnaffordable`],
    /// [`AssignmentError::MinimumShareUnaffordable`] if no shares keep it.
    pub fn with_power_floor(mut self, floor: f64) -> Result<Self, AssignmentError> {
        self.shares = feasible_shares(&self.energy, self.minimum_share, floor)?;
        self.power_floor = floor;
        Ok(self)
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

    /// `v(p(m); H)` and `∂v/∂m_n = (∂v/∂p_n) · dp_n/dm_n` on the channels of one block.
    ///
    /// # Errors
    /// As [`AssignmentProblem::transmit_power`]; [`AssignmentError::ShortTerm`] if the short-term problem is not
    /// solved; [`AssignmentError::DerivativeCount`] or [`AssignmentError::NotFinite`] if the value is malformed.
    pub fn value_and_gradient(&self, shares: &[f64], block: u64) -> Result<(f64, Vec<f64>), AssignmentError> {
        let power = self.transmit_power(shares)?;
        let PowerValue { value, derivatives } =
            self.value.value_and_gradient(&self.channels.block(block), &power)?;
        if derivatives.len() != self.devices() {
            let (expected, found) = (self.devices(), derivatives.len());
            return Err(AssignmentError::DerivativeCount { expected, found });
        }
        let gradient: Vec<f64> = derivatives.iter().zip(&self.energy).map(|(d, e)| d * e.slope()).collect();
        match std::iter::once(&value).chain(&gradient).find(|v| !v.is_finite()) {
            Some(&value) => Err(AssignmentError::NotFinite { value }),
            None => Ok((value, gradient)),
        }
    }

    /// The devices' energy models.
    pub(super) fn energy(&self) -> &[EnergyModel] {
        &self.energy
    }
}

fn feasible_shares(
    energy: &[EnergyModel],
    minimum_share: f64,
    floor: f64,
) -> Result<Polyhedron, AssignmentError> {
    let devices = energy.len();
    // Relative rounding of 1/N is forgiven, so that m_min = 1/N can be asked for.
    if !(minimum_share >= 0.0 && minimum_share * devices as f64 <= 1.0 + f64::EPSILON) {
        return Err(AssignmentError::MinimumShare { minimum_share, devices });
    }
    if !(floor > 0.0 && floor.is_finite()) {
        return Err(AssignmentError::PowerFloor { floor });
    }
    let largest: Vec<f64> = energy.iter().map(|model| model.largest_share(floor)).collect();
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
    if affordable < 1.0 {
        return Err(AssignmentError::ModelUnaffordable { affordable, floor });
    }
    let set = Polyhedron::builder(devices).bounds(vec![minimum_share; devices], largest);
    Ok(set.equality(vec![1.0; devices], 1.0).build()?)
}
