//! Channels that are correlated between blocks.

use super::{BlockFading, Fading};
use crate::error::{Error, Quantity};
use faer::{Mat, c64};
use std::f64::consts::TAU;

/// Above 1 by this much, `|ρ|` still counts as 1: the rounding of a phase factor.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// First-order Gauss–Markov fading: every entry of every channel is an autoregressive process around the fading's mean `m`,
///
/// `H_{t+1} = m + ρ (H_t − m) + √(1 − |ρ|²) W_t`, `W_t` i.i.d. `CN(0, s²)`, `H_0` with entries `CN(m, s²)`,
///
/// so that every block has the law of the given [`Fading`] and blocks `k` apart have correlation
/// `E[(H_{t+k} − m)(H_t − m)^*] = ρ^k s²`. `ρ = 0` gives [`BlockFading`] of the same seed, `ρ = 1` one block for ever. A complex `ρ`
/// turns the scattered part by `arg ρ` per block, as a Doppler shift common to all paths does.
///
/// An iterator over blocks 0, 1, 2, … without end; one seed gives one sequence. Each block needs its predecessor: there is no random
/// access, and `nth(t)` draws all blocks up to `t`.
///
/// ```
/// use solver::channel::{Fading, GaussMarkov, jakes_correlation};
///
/// // 1 ms between blocks, 10 Hz of Doppler: a pedestrian at 2 GHz.
/// let correlation = jakes_correlation(10.0, 1e-3)?;
/// assert!((correlation - 0.99901).abs() < 1e-5);
/// let blocks = GaussMarkov::new(Fading::PAPER, correlation, 20, &[4; 8], 7)?;
/// assert_eq!(blocks.take(3).count(), 3);
/// # Ok::<(), solver::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::GaussMarkov")
)]
pub struct GaussMarkov {
    #[cfg_attr(feature = "serde", serde(with = "crate::document::complex"))]
    correlation: c64,
    /// `V_t = m + W_t`, by block.
    innovations: BlockFading,
    /// `H_t` of the last block; empty before block 0.
    #[cfg_attr(feature = "serde", serde(with = "crate::document::matrices"))]
    last: Vec<Mat<c64>>,
}

impl GaussMarkov {
    /// Blocks of correlation `correlation` = `ρ` (real or complex, dimensionless) between neighbours, for devices with
    /// `transmit_antennas[n]` antennas each and a server with `receive_antennas`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `|ρ| ≤ 1` and the fading's mean `m` leaves room for `8|m|`; otherwise as [`BlockFading::new`].
    pub fn new(
        fading: Fading,
        correlation: impl Into<c64>,
        receive_antennas: usize,
        transmit_antennas: &[usize],
        seed: u64,
    ) -> Result<Self, Error> {
        let innovations = BlockFading::new(fading, receive_antennas, transmit_antennas, seed)?;
        let correlation = correlation.into();
        require_correlation(correlation)?;
        require_room(fading)?;
        Ok(Self { correlation, innovations, last: Vec::new() })
    }

    /// A process whose next block follows `last`, from parts that are known to fit each other.
    #[cfg(feature = "serde")]
    pub(crate) fn from_parts(correlation: c64, innovations: BlockFading, last: Vec<Mat<c64>>) -> Self {
        Self { correlation, innovations, last }
    }

    /// `ρ`.
    pub fn correlation(&self) -> c64 {
        self.correlation
    }

    /// The law of every block.
    pub fn fading(&self) -> Fading {
        self.innovations.fading()
    }
}

impl Iterator for GaussMarkov {
    type Item = Vec<Mat<c64>>;

    fn next(&mut self) -> Option<Self::Item> {
        let innovations = self.innovations.next()?;
        let (correlation, mean) = (self.correlation, self.fading().mean());
        let weight = (1.0 - correlation.norm_sqr()).max(0.0).sqrt();
        // H_{t+1} = ρ H_t + w V_t + (1 − ρ − w) m, exact at ρ = 0 and ρ = 1.
        let rest = mean * (1.0 - correlation - weight);
        self.last = if self.last.is_empty() {
            innovations
        } else {
            let step = |(last, innovation): (&Mat<c64>, &Mat<c64>)| {
                Mat::from_fn(last.nrows(), last.ncols(), |i, j| {
                    correlation * last[(i, j)] + innovation[(i, j)] * weight + rest
                })
            };
            self.last.iter().zip(&innovations).map(step).collect()
        };
        Some(self.last.clone())
    }
}

/// Checks that no block overflows: of the three terms of a step, the mean's part is `|m|` and `(|1 − ρ − w| + w)|m|`, `|1 − ρ − w| ≤ 1 + √2`.
pub(crate) fn require_room(fading: Fading) -> Result<(), Error> {
    let mean = fading.mean();
    let value = mean.re.abs().max(mean.im.abs());
    if (8.0 * value).is_finite() {
        return Ok(());
    }
    let valid = "small enough for 8|m| to be finite";
    Err(Error::OutOfRange { quantity: Quantity::FadingMean, device: 0, value, valid })
}

/// Checks `|ρ| ≤ 1`, up to rounding.
pub(crate) fn require_correlation(correlation: c64) -> Result<(), Error> {
    let value = correlation.norm();
    if value <= 1.0 + ROUNDING {
        return Ok(());
    }
    let valid = "absolute value at most 1";
    Err(Error::OutOfRange { quantity: Quantity::FadingCorrelation, device: 0, value, valid })
}

/// Correlation `ρ = J_0(2π f_D T)` of a channel with itself after `interval` = `T` seconds, for isotropic scattering around a
/// terminal that moves with the maximum Doppler shift `doppler` = `f_D` = speed · carrier frequency / speed of light, in hertz.
///
/// Clarke, *A statistical theory of mobile-radio reception* (Bell Syst. Tech. J. 1968); Jakes, *Microwave Mobile Communications*
/// (1974). It oscillates, first negative from `f_D T ≈ 0.38` to `0.88`. [`GaussMarkov`] with this `ρ` has the model's correlation at lag 1 only: at lag `k` it has
/// `ρ^k`, not `J_0(2π k f_D T)`.
///
/// # Errors
/// [`Error::OutOfRange`] unless both are non-negative and finite, as is their product.
pub fn jakes_correlation(doppler: f64, interval: f64) -> Result<f64, Error> {
    for (quantity, value) in [(Quantity::DopplerShift, doppler), (Quantity::BlockInterval, interval)] {
        if !(value.is_finite() && value >= 0.0) {
            return Err(Error::OutOfRange { quantity, device: 0, value, valid: "non-negative and finite" });
        }
    }
    let phase = TAU * doppler * interval;
    if !phase.is_finite() {
        let valid = "small enough for 2π f_D T to be finite";
        return Err(Error::OutOfRange {
            quantity: Quantity::BlockInterval,
            device: 0,
            value: interval,
            valid,
        });
    }
    Ok(libm::j0(phase))
}
