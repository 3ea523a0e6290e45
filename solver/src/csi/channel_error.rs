//! What is not known of the channels, where it comes from, and draws of it.

use crate::channel::{Fading, require_correlation};
use crate::error::{Error, Quantity};
use crate::linalg::{require_channel, require_finite};
use crate::problem::Units;
use faer::{Mat, c64};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What separates draws of errors and of estimation noise from each other and from the channels that [`crate::channel`] draws of the
/// same seed: with the channels' own draws in place of new ones, the errors would not be independent of anything.
const ERRORS: u64 = 0x6a09_e667_f3bc_c908;
const ESTIMATION_NOISE: u64 = 0xbb67_ae85_84ca_a73b;
/// A variance above the fading's by this much, relatively, is that of a channel of which nothing is known.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// What is unknown of each device's channel: `E_n = H_n − Ĥ_n` has i.i.d. entries `CN(0, σ_e,n²)`, independent of the estimate `Ĥ_n`.
///
/// The independence is that of linear MMSE estimates of Gaussian channels, so it holds for [`ChannelError::from_pilots`] and
/// [`ChannelError::aged`]; for variances given to [`ChannelError::new`] it is the caller's claim.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::ChannelError")
)]
pub struct ChannelError {
    variance: Vec<f64>,
}

impl ChannelError {
    /// Errors of variances `variance[n]` = `σ_e,n²`, in the (squared) units of the channel entries. 0 is a channel known exactly.
    ///
    /// # Errors
    /// [`Error::NoDevices`]; [`Error::OutOfRange`] unless every variance is non-negative and finite.
    pub fn new(variance: Vec<f64>) -> Result<Self, Error> {
        if variance.is_empty() {
            return Err(Error::NoDevices);
        }
        match variance.iter().position(|value| !(value.is_finite() && *value >= 0.0)) {
            None => Ok(Self { variance }),
            Some(device) => Err(out_of_range(
                Quantity::ChannelErrorVariance,
                device,
                variance[device],
                "non-negative and finite",
            )),
        }
    }

    /// Errors of linear MMSE estimates from pilots: each transmit antenna sends `length` = `τ` pilot symbols, orthogonal to those of all
    /// other antennas, each received at the signal-to-noise ratio `snr[n]` = `γ_n` (linear; transmit power over noise power, before the
    /// channel's gain). So many pilots are orthogonal only if they are long enough, `τ ≥ Σ_n T_n`, which is not checked: the `T_n` are not known here.
    /// With channels of variance `s²`,
    ///
    /// `σ_e,n² = s² / (1 + s² τ γ_n)`
    ///
    /// (Hassibi, Hochwald, *How much training is needed in multiple-antenna wireless links?*, IEEE Trans. Inf. Theory 2003).
    ///
    /// # Errors
    /// [`Error::NoDevices`]; [`Error::InvalidOption`] if `length` is 0; [`Error::OutOfRange`] unless every ratio is positive and finite.
    pub fn from_pilots(fading: &Fading, length: usize, snr: &[f64]) -> Result<Self, Error> {
        if length == 0 {
            return Err(Error::InvalidOption { option: "length", value: 0.0, valid: "at least 1" });
        }
        if let Some(device) = snr.iter().position(|value| !(value.is_finite() && *value > 0.0)) {
            return Err(out_of_range(Quantity::PilotSnr, device, snr[device], "positive and finite"));
        }
        Self::new(snr.iter().map(|snr| 1.0 / (1.0 / fading.variance() + length as f64 * snr)).collect())
    }

    /// The errors one step of Gauss–Markov fading later, of the linear MMSE prediction [`predict`]: with correlation `ρ`
    /// and channels of variance `s²`, `|ρ|² σ_e,n² + (1 − |ρ|²) s²`. For a delay of `k` blocks of [`GaussMarkov`] give `ρ^k`.
    ///
    /// [`GaussMarkov`]: crate::channel::GaussMarkov
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `|ρ| ≤ 1`.
    pub fn aged(self, fading: &Fading, correlation: impl Into<c64>) -> Result<Self, Error> {
        let correlation = correlation.into();
        require_correlation(correlation)?;
        let kept = correlation.norm_sqr().min(1.0);
        let aged = |variance| kept * variance + (1.0 - kept) * fading.variance();
        Self::new(self.variance.into_iter().map(aged).collect())
    }

    /// `σ_e,1², …, σ_e,N²`.
    pub fn variance(&self) -> &[f64] {
        &self.variance
    }

    /// Channels given their estimates, `H_n = Ĥ_n + E_n`: draw `draw` of `seed`, independent of whatever else is drawn of that seed.
    ///
    /// # Errors
    /// [`Error::DeviceCount`]; [`Error::EmptyMatrix`], [`Error::NonFiniteEntry`] of an estimate; [`Error::Numerical`] on overflow.
    pub fn channels(&self, estimates: &[Mat<c64>], seed: u64, draw: u64) -> Result<Vec<Mat<c64>>, Error> {
        self.require_devices(estimates.len())?;
        require_channels(estimates)?;
        let mut rng = rng(seed ^ ERRORS, draw);
        let channel = |(estimate, variance): (&Mat<c64>, &f64)| {
            let error = Fading::RAYLEIGH.sample(estimate.nrows(), estimate.ncols(), &mut rng);
            combine(estimate, |entry| entry, &error, variance.sqrt())
        };
        require_result(
            estimates.iter().zip(&self.variance).map(channel).collect(),
            "channels from their estimates",
        )
    }

    /// Linear MMSE estimates given the channels, themselves drawn from `fading`: draw `draw` of `seed`, independent of whatever
    /// else is drawn of that seed. The law of `Ĥ_n` given `H_n` is
    ///
    /// `Ĥ_n = m + κ_n (H_n − m) + √(κ_n σ_e,n²) Z_n`, `κ_n = 1 − σ_e,n²/s²`, `Z_n` i.i.d. `CN(0, 1)`,
    ///
    /// which makes `E_n = H_n − Ĥ_n` of variance `σ_e,n²` and independent of `Ĥ_n`.
    ///
    /// # Errors
    /// [`Error::DeviceCount`]; [`Error::EmptyMatrix`], [`Error::NonFiniteEntry`] of a channel; [`Error::Numerical`] on overflow;
    /// [`Error::OutOfRange`] if some `σ_e,n²` exceeds the fading's variance `s²`: no such estimate is an MMSE one.
    pub fn estimates(
        &self,
        fading: &Fading,
        channels: &[Mat<c64>],
        seed: u64,
        draw: u64,
    ) -> Result<Vec<Mat<c64>>, Error> {
        self.require_devices(channels.len())?;
        require_channels(channels)?;
        let most = fading.variance() * (1.0 + ROUNDING);
        if let Some(device) = self.variance.iter().position(|&variance| variance > most) {
            let valid = "at most the fading variance";
            return Err(out_of_range(Quantity::ChannelErrorVariance, device, self.variance[device], valid));
        }
        let (mean, mut rng) = (fading.mean(), rng(seed ^ ESTIMATION_NOISE, draw));
        let estimate = |(channel, variance): (&Mat<c64>, &f64)| {
            let kept = (1.0 - variance / fading.variance()).max(0.0);
            let noise = Fading::RAYLEIGH.sample(channel.nrows(), channel.ncols(), &mut rng);
            combine(channel, |entry| mean + (entry - mean) * kept, &noise, (kept * variance).sqrt())
        };
        require_result(channels.iter().zip(&self.variance).map(estimate).collect(), "estimates of channels")
    }

    /// `Σ_n σ_e,n² P_n`, what the receiver's every antenna gets through the unknown part of the channels.
    pub(super) fn received_power(&self, transmit_power: impl Iterator<Item = f64>) -> f64 {
        self.variance.iter().zip(transmit_power).map(|(variance, power)| variance * power).sum()
    }

    /// In the units of a problem.
    pub(super) fn in_units(&self, units: &Units) -> Result<Self, Error> {
        let in_units = |(device, &variance): (usize, &f64)| units.channel_variance(device, variance);
        Self::new(self.variance.iter().enumerate().map(in_units).collect())
            .map_err(|_| Error::Numerical { operation: "the errors in the problem's units" })
    }

    /// Checks that there is one error per device.
    pub(super) fn require_devices(&self, devices: usize) -> Result<(), Error> {
        let found = self.variance.len();
        if found == devices {
            return Ok(());
        }
        Err(Error::DeviceCount { quantity: Quantity::ChannelErrorVariance, devices, found })
    }
}

/// The linear MMSE prediction of channels one step of Gauss–Markov fading ahead, `m + ρ (H_n − m)`, from channels or their estimates.
/// Its error is [`ChannelError::aged`].
///
/// # Errors
/// [`Error::OutOfRange`] unless `|ρ| ≤ 1`; [`Error::EmptyMatrix`], [`Error::NonFiniteEntry`] of a channel; [`Error::Numerical`] on overflow.
pub fn predict(
    fading: &Fading,
    correlation: impl Into<c64>,
    channels: &[Mat<c64>],
) -> Result<Vec<Mat<c64>>, Error> {
    let (mean, correlation) = (fading.mean(), correlation.into());
    require_correlation(correlation)?;
    require_channels(channels)?;
    let prediction = |channel: &Mat<c64>| {
        Mat::from_fn(channel.nrows(), channel.ncols(), |i, j| mean + correlation * (channel[(i, j)] - mean))
    };
    require_result(channels.iter().map(prediction).collect(), "the prediction of channels")
}

fn require_channels(channels: &[Mat<c64>]) -> Result<(), Error> {
    channels.iter().enumerate().try_for_each(|(device, channel)| require_channel(channel.as_ref(), device))
}

/// Refuses what `operation` made of finite channels and is not finite.
fn require_result(channels: Vec<Mat<c64>>, operation: &'static str) -> Result<Vec<Mat<c64>>, Error> {
    let finite =
        channels.iter().all(|channel| require_finite(channel.as_ref(), Quantity::Channel, 0).is_ok());
    if finite { Ok(channels) } else { Err(Error::Numerical { operation }) }
}

/// `f(M) + d·Z`, entry by entry.
fn combine(matrix: &Mat<c64>, map: impl Fn(c64) -> c64, noise: &Mat<c64>, deviation: f64) -> Mat<c64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| map(matrix[(i, j)]) + noise[(i, j)] * deviation)
}

fn rng(seed: u64, draw: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(draw);
    rng
}

fn out_of_range(quantity: Quantity, device: usize, value: f64, valid: &'static str) -> Error {
    Error::OutOfRange { quantity, device, value, valid }
}
