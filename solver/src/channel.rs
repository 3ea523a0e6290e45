//! Fading models and independent channel blocks.
//!
//! A caller with measured channels needs none of this: [`Problem::new`](crate::Problem::new) takes any matrices.

use crate::error::{Error, Quantity};
use crate::linalg::require_finite;
use faer::{Mat, MatRef, c64};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// A channel matrix's entries: i.i.d. `CN(mean, variance)`.
///
/// With a mean this is Rician fading with factor `K = |mean|²/variance`, without one Rayleigh fading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fading {
    mean: c64,
    variance: f64,
}

impl Fading {
    /// The setting of \[A\], section IV: Rician, mean 1 and variance 1.
    pub const PAPER: Self = Self { mean: c64 { re: 1.0, im: 0.0 }, variance: 1.0 };
    /// Rayleigh fading of unit variance: no line of sight.
    pub const RAYLEIGH: Self = Self { mean: c64 { re: 0.0, im: 0.0 }, variance: 1.0 };

    /// Rician fading: entries `CN(mean, variance)`, the variance shared equally by real and imaginary part.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the mean is not finite, or the variance is not positive and finite.
    pub fn rician(mean: c64, variance: f64) -> Result<Self, Error> {
        if !(mean.re.is_finite() && mean.im.is_finite()) {
            let value = if mean.re.is_finite() { mean.im } else { mean.re };
            return Err(Error::OutOfRange {
                quantity: Quantity::FadingMean,
                device: 0,
                value,
                valid: "finite",
            });
        }
        if !(variance.is_finite() && variance > 0.0) {
            return Err(Error::OutOfRange {
                quantity: Quantity::FadingVariance,
                device: 0,
                value: variance,
                valid: "positive and finite",
            });
        }
        Ok(Self { mean, variance })
    }

    /// One `rows × columns` channel matrix.
    pub fn sample(&self, rows: usize, columns: usize, rng: &mut (impl Rng + ?Sized)) -> Mat<c64> {
        let deviation = (self.variance / 2.0).sqrt();
        Mat::from_fn(rows, columns, |_, _| {
            let re: f64 = StandardNormal.sample(rng);
            let im: f64 = StandardNormal.sample(rng);
            self.mean + c64::new(re, im) * deviation
        })
    }
}

/// Block fading: channels that stay put within a block and are independent between blocks.
///
/// Block `i` is a function of the seed and of `i` alone, so blocks can be drawn in any order and on any
/// number of threads. As an iterator, yields blocks 0, 1, 2, … without end.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockFading {
    fading: Fading,
    receive_antennas: usize,
    transmit_antennas: Vec<usize>,
    seed: u64,
    next: u64,
}

impl BlockFading {
    /// Blocks for devices with `transmit_antennas[n]` antennas each and a server with `receive_antennas`.
    ///
    /// # Errors
    /// [`Error::NoDevices`], or [`Error::EmptyMatrix`] if some number of antennas is zero.
    pub fn new(
        fading: Fading,
        receive_antennas: usize,
        transmit_antennas: &[usize],
        seed: u64,
    ) -> Result<Self, Error> {
        if transmit_antennas.is_empty() {
            return Err(Error::NoDevices);
        }
        let empty = transmit_antennas.iter().position(|&antennas| antennas == 0 || receive_antennas == 0);
        if let Some(device) = empty {
            return Err(Error::EmptyMatrix { quantity: Quantity::Channel, device });
        }
        Ok(Self { fading, receive_antennas, transmit_antennas: transmit_antennas.to_vec(), seed, next: 0 })
    }

    /// `N`.
    pub fn devices(&self) -> usize {
        self.transmit_antennas.len()
    }

    /// `T_1, …, T_N`.
    pub fn transmit_antennas(&self) -> &[usize] {
        &self.transmit_antennas
    }

    /// The channels `H_1, …, H_N` of block `index`.
    pub fn block(&self, index: u64) -> Vec<Mat<c64>> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(index);
        self.transmit_antennas
            .iter()
            .map(|&antennas| self.fading.sample(self.receive_antennas, antennas, &mut rng))
            .collect()
    }
}

/// Capacity of one device's uplink, in bit/s/Hz: `max_Q log2 det(I + H Q H^H/σ²)` s.t. `tr Q ≤ p`, by water-filling over
/// the singular values of `channel` (`R×T`). `transmit_power` = `p` and `noise_power` = `σ²` are per channel use.
///
/// # Errors
/// [`Error::NonFiniteEntry`]; [`Error::OutOfRange`] unless both powers are positive and finite; [`Error::Numerical`].
pub fn capacity(channel: MatRef<'_, c64>, transmit_power: f64, noise_power: f64) -> Result<f64, Error> {
    require_finite(channel, Quantity::Channel, 0)?;
    for (quantity, value) in [(Quantity::TransmitPower, transmit_power), (Quantity::NoisePower, noise_power)]
    {
        if !(value.is_finite() && value > 0.0) {
            return Err(Error::OutOfRange { quantity, device: 0, value, valid: "positive and finite" });
        }
    }
    let singular =
        channel.singular_values().map_err(|_| Error::Numerical { operation: "singular values" })?;
    // Noise-to-gain ratios, best first; the water level covers the k best for the largest k that keeps it above them.
    let mut floors: Vec<f64> = singular
        .iter()
        .map(|value| noise_power / (value * value))
        .filter(|floor| floor.is_finite())
        .collect();
    floors.sort_by(f64::total_cmp);
    let mut capacity = 0.0_f64;
    let mut sum = 0.0;
    for (used, floor) in floors.iter().enumerate() {
        let level = (transmit_power + sum + floor) / (used + 1) as f64;
        if level <= *floor {
            break;
        }
        sum += floor;
        capacity = floors[..=used].iter().map(|floor| (level / floor).log2()).sum();
    }
    if capacity.is_finite() { Ok(capacity) } else { Err(Error::Numerical { operation: "the capacity" }) }
}

impl Iterator for BlockFading {
    type Item = Vec<Mat<c64>>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.block(self.next);
        self.next = self.next.wrapping_add(1);
        Some(block)
    }
}
