//! Transceivers: an aggregator with one precoder per device, their exact error, and the two best precoders
//! for a given aggregator, with and without regard to power.

mod linear_mmse;
mod sum_error;

pub(crate) use linear_mmse::LinearMmse;
pub use linear_mmse::mmse_aggregator;
pub(crate) use sum_error::SumError;

use crate::error::{Error, Quantity};
use crate::linalg::{least_eigenvalue, power_of_two, require_matrix, rescaled, scale, squared_norm, unit_of};
use crate::mismatch::{self, Seen};
use crate::problem::Problem;
use faer::{Mat, MatMut, MatRef, c64};

/// How far a power may exceed its limit, relatively, and still count as within it: room for rounding only.
pub const POWER_TOLERANCE: f64 = 1e-9;
/// What rounding may leave of a forced symbol, relative to its variance.
const FORCED: f64 = 1e-4;
/// How far a designed precoder may: the rounding of a power itself, far below what certified bounds leave for rounding.
const POWER_ROUNDING: f64 = 32.0 * f64::EPSILON;

/// The error of the sum, split as in (7).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::MeanSquaredError")
)]
pub struct MeanSquaredError {
    /// `Σ_n v_n ‖A^H H_n B_n − E_n‖_F²`: what the channel and the precoders leave of the devices' symbols.
    pub mismatch: f64,
    /// `σ² ‖A‖_F²`: the receiver's noise after combining.
    pub noise: f64,
}

impl MeanSquaredError {
    /// `mismatch + noise`, per vector of `L` symbols.
    pub fn total(&self) -> f64 {
        self.mismatch + self.noise
    }

    /// Itself, if it is a number.
    pub(crate) fn finite(self) -> Result<Self, Error> {
        if self.total().is_finite() {
            Ok(self)
        } else {
            Err(Error::Numerical { operation: "the mean squared error" })
        }
    }
}

/// An aggregator `A` (`R×L`) and precoders `B_n` (`T_n×L_n`; `L_n = L` unless set by [`Problem::with_device_streams`]).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::Transceiver")
)]
pub struct Transceiver {
    #[cfg_attr(feature = "serde", serde(with = "crate::document::matrix"))]
    aggregator: Mat<c64>,
    #[cfg_attr(feature = "serde", serde(with = "crate::document::matrices"))]
    precoders: Vec<Mat<c64>>,
}

impl Transceiver {
    /// A transceiver from given matrices.
    ///
    /// # Errors
    /// [`Error::DeviceCount`], [`Error::Shape`] or [`Error::NonFiniteEntry`] where they do not fit `problem`.
    /// Power limits are not enforced here: see [`Transceiver::check_power`].
    pub fn new(problem: &Problem, aggregator: Mat<c64>, precoders: Vec<Mat<c64>>) -> Result<Self, Error> {
        require_aggregator(problem, aggregator.as_ref())?;
        require_precoders(problem, &precoders)?;
        Ok(Self { aggregator, precoders })
    }

    /// From matrices that are known to fit each other.
    #[cfg(feature = "serde")]
    pub(crate) fn from_parts(aggregator: Mat<c64>, precoders: Vec<Mat<c64>>) -> Self {
        Self { aggregator, precoders }
    }

    /// With precoders of zeros, to be written over.
    fn unset(problem: &Problem, aggregator: MatRef<'_, c64>) -> Result<Self, Error> {
        require_aggregator(problem, aggregator)?;
        Ok(Self { aggregator: aggregator.to_owned(), precoders: zero_precoders(problem) })
    }

    /// Sends and receives nothing: an MSE of `Σ v_n L_n`.
    pub(crate) fn silent(problem: &Problem) -> Self {
        let aggregator = Mat::zeros(problem.receive_antennas(), problem.streams());
        Self { aggregator, precoders: zero_precoders(problem) }
    }

    /// `A`, `R×L`.
    pub fn aggregator(&self) -> MatRef<'_, c64> {
        self.aggregator.as_ref()
    }

    /// `B_n`, `T_n×L_n`.
    pub fn precoders(&self) -> &[Mat<c64>] {
        &self.precoders
    }

    /// `A`, to be written over; the precoders stay.
    pub(crate) fn aggregator_mut(&mut self) -> MatMut<'_, c64> {
        self.aggregator.as_mut()
    }

    /// The `B_n`, to be written over; the aggregator stays.
    pub(crate) fn precoders_mut(&mut self) -> &mut [Mat<c64>] {
        &mut self.precoders
    }

    /// `α = ‖A‖_F²`. For a zero-forcing transceiver the MSE is `σ² α`.
    pub fn alpha(&self) -> f64 {
        squared_norm(self.aggregator.as_ref())
    }

    /// `v_n ‖B_n‖_F²`, the power that each device of `problem` transmits, as far as both have devices.
    pub fn transmit_power(&self, problem: &Problem) -> Vec<f64> {
        self.powers(problem).collect()
    }

    /// [`Self::transmit_power`], one by one.
    pub(crate) fn powers(&self, problem: &Problem) -> impl Iterator<Item = f64> {
        let devices = self.precoders.iter().zip(problem.signal_variance());
        devices.map(|(precoder, variance)| power(*variance, precoder.as_ref()))
    }

    /// Checks every device's power limit, with [`POWER_TOLERANCE`].
    ///
    /// # Errors
    /// [`Error::PowerExceeded`] for the first device above its limit; [`Error::DeviceCount`] if the transceiver was designed
    /// for another number of devices.
    pub fn check_power(&self, problem: &Problem) -> Result<(), Error> {
        require_precoder_count(problem, self.precoders.len())?;
        for (device, required) in self.powers(problem).enumerate() {
            let available = problem.transmit_power()[device];
            if required > available * (1.0 + POWER_TOLERANCE) {
                return Err(Error::PowerExceeded { device, required, available });
            }
        }
        Ok(())
    }

    /// Shortens every precoder that is above its limit by more than [`POWER_ROUNDING`] and no more than [`POWER_TOLERANCE`] to its limit.
    ///
    /// # Errors
    /// [`Error::PowerExceeded`] for the first device that is further above.
    pub(crate) fn limit_power(&mut self, problem: &Problem) -> Result<(), Error> {
        for (device, precoder) in self.precoders.iter_mut().enumerate() {
            let required = power(problem.signal_variance()[device], precoder.as_ref());
            let available = problem.transmit_power()[device];
            if required > available * (1.0 + POWER_TOLERANCE) {
                return Err(Error::PowerExceeded { device, required, available });
            }
            if required > available * (1.0 + POWER_ROUNDING) {
                scale(precoder.as_mut(), (available / required).sqrt());
            }
        }
        Ok(())
    }

    /// The error of the received sum, exactly (\[A\], eq. (7), for symbols of variance `v_n`):
    ///
    /// `MSE(A, B) = Σ_n v_n ‖A^H H_n B_n − E_n‖_F² + σ² ‖A‖_F²`, `E_n = I` where a device serves all streams.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::DeviceCount`] if the transceiver was designed for another problem;
    /// [`Error::Numerical`] on overflow.
    pub fn mean_squared_error(&self, problem: &Problem) -> Result<MeanSquaredError, Error> {
        require_aggregator(problem, self.aggregator())?;
        require_precoders(problem, &self.precoders)?;
        let (own, units) = problem.in_own_units();
        let MeanSquaredError { mismatch, noise } = SumError::new(&own).of(&units.transceiver(self))?;
        let (mismatch, noise) = (units.restore_error(mismatch)?, units.restore_error(noise)?);
        MeanSquaredError { mismatch, noise }.finite()
    }

    /// Replaces the precoders by the best ones with `μ_n ≥ least(n)` ([`power_limited`]) for the aggregator; after an error they are of no use.
    pub(crate) fn precode(&mut self, seen: &mut Seen<'_>, least: impl Fn(usize) -> f64) -> Result<(), Error> {
        let problem = seen.problem();
        require_aggregator(problem, self.aggregator.as_ref())?;
        for (device, precoder) in self.precoders.iter_mut().enumerate() {
            // D = W S V^H gives B = W S (S² + μI)^{-1} V^H E, whose power is that of its diagonal, at any rank.
            // In units of the size of S, μ and S² among them: S² alone would leave the floating-point range long before B does.
            seen.look(device, self.aggregator.as_ref())?;
            let largest = seen.gains.iter().copied().fold(0.0, f64::max);
            let unit = power_of_two(largest);
            let least_eigenvalue = least_eigenvalue(largest * (largest / unit));
            let eigenvalue =
                |gain: f64| Some(gain * (gain / unit)).filter(|value| *value >= least_eigenvalue);
            let modes = seen.gains.iter().zip(&seen.weights);
            let modes = modes.map(|(&gain, &weight)| (eigenvalue(gain).unwrap_or(0.0), weight));
            let limit = mismatch::weighted_multiplier(modes, problem.precoder_budget(device) * unit);
            let multiplier = limit.max(least(device) / unit);
            let inverse =
                |gain: f64| eigenvalue(gain).map_or(0.0, |value| gain / unit / (value + multiplier));
            seen.precoder(inverse, precoder.as_mut());
        }
        require_precoders(problem, &self.precoders)?;
        self.limit_power(problem)
    }
}

/// Zero forcing (\[A\], Lemma 1, eq. (12)): `B_n = D_n (D_n^H D_n)^{-1}` with `D_n = H_n^H A`, so that
/// `A^H H_n B_n = I` at the least power that allows it, `‖B_n‖_F² = tr((D_n^H D_n)^{-1})`. For a device with streams of its own
/// ([`Problem::with_device_streams`]), the `B_n` of least power with `A^H H_n B_n = E_n`.
///
/// The lemma's hypotheses are checked: where one fails, it says nothing, and neither does this function. Its conclusion is checked too: what rounding
/// leaves of a device's symbols, `‖A^H H_n B_n − E_n‖_F²`, is at most `1e-4 L_n`, which it is where the condition of `D_n` is below about `1e13`.
///
/// # Errors
/// - [`Error::RankDeficient`] if some `D_n` lacks full column rank `L`, and misses a stream of its device by that, or is so near to it that the precoder is
///   rounding;
/// - [`Error::PowerExceeded`] if some device cannot afford it; a precoder above its limit by no more than [`POWER_TOLERANCE`] is shortened to it;
/// - [`Error::Shape`], [`Error::NonFiniteEntry`] if `aggregator` is not a finite `R×L` matrix.
pub fn zero_forcing(problem: &Problem, aggregator: MatRef<'_, c64>) -> Result<Transceiver, Error> {
    let mut transceiver = Transceiver::unset(problem, aggregator)?;
    let (mut seen, mut sum_error) = (Seen::new(problem), SumError::new(problem));
    for device in 0..problem.devices() {
        seen.look(device, aggregator)?;
        let forced = seen.reaches_all_streams() && {
            seen.precoder(seen.inverse(), transceiver.precoders[device].as_mut());
            let most = FORCED * problem.device_streams()[device].len() as f64;
            sum_error.left_of(device, &transceiver) <= most
        };
        if !forced {
            let columns = problem.streams();
            let largest = seen.gains.iter().copied().fold(0.0, f64::max);
            let smallest = seen.gains.get(columns - 1).copied().unwrap_or(0.0);
            let quantity = Quantity::Aggregator;
            return Err(Error::RankDeficient { quantity, device, columns, largest, smallest });
        }
    }
    transceiver.limit_power(problem)?;
    Ok(transceiver)
}

/// The best precoders under the power limits (theory, section 2):
/// `B_n = (M_n + μ_n I)^{-1} D_n E_n`, `M_n = D_n D_n^H`, with the least `μ_n ≥ 0` for which `v_n ‖B_n‖_F² ≤ p_n`.
///
/// `μ_n = 0` is zero forcing. Unlike zero forcing it exists for every aggregator, whatever its rank.
///
/// # Errors
/// [`Error::Shape`], [`Error::NonFiniteEntry`] if `aggregator` is not a finite `R×L` matrix;
/// [`Error::Numerical`] if arithmetic overflows; [`Error::PowerExceeded`] where `p_n/v_n` is rounded away at the end of the floating-point range.
pub fn power_limited(problem: &Problem, aggregator: MatRef<'_, c64>) -> Result<Transceiver, Error> {
    regularized(problem, aggregator, |_| 0.0)
}

/// [`power_limited`] with `μ_n ≥ least(n)`.
pub(crate) fn regularized(
    problem: &Problem,
    aggregator: MatRef<'_, c64>,
    least: impl Fn(usize) -> f64,
) -> Result<Transceiver, Error> {
    let mut transceiver = Transceiver::unset(problem, aggregator)?;
    transceiver.precode(&mut Seen::new(problem), least)?;
    Ok(transceiver)
}

/// `v_n ‖B_n‖_F²`, also where `‖B_n‖_F²` alone leaves the floating-point range.
fn power(variance: f64, precoder: MatRef<'_, c64>) -> f64 {
    let unit = unit_of(precoder);
    if unit == 1.0 {
        return variance * squared_norm(precoder);
    }
    variance * unit * (unit * squared_norm(rescaled(precoder).as_ref()))
}

/// `T_n×L_n` zeros, to be written over.
pub(crate) fn zero_precoders(problem: &Problem) -> Vec<Mat<c64>> {
    let devices = problem.channels().iter().zip(problem.device_streams());
    devices.map(|(channel, streams)| Mat::zeros(channel.ncols(), streams.len())).collect()
}

/// `max_n L_n`.
fn most_streams(problem: &Problem) -> usize {
    problem.device_streams().iter().map(Vec::len).max().unwrap_or(0)
}

/// Checks that there is one finite `T_n×L_n` precoder per device.
fn require_precoders(problem: &Problem, precoders: &[Mat<c64>]) -> Result<(), Error> {
    require_precoder_count(problem, precoders.len())?;
    for (device, precoder) in precoders.iter().enumerate() {
        let expected = (problem.transmit_antennas(device), problem.device_streams()[device].len());
        require_matrix(precoder.as_ref(), expected, Quantity::Precoder, device)?;
    }
    Ok(())
}

fn require_precoder_count(problem: &Problem, found: usize) -> Result<(), Error> {
    let devices = problem.devices();
    if found == devices {
        return Ok(());
    }
    Err(Error::DeviceCount { quantity: Quantity::Precoder, devices, found })
}

pub(crate) fn require_aggregator(problem: &Problem, aggregator: MatRef<'_, c64>) -> Result<(), Error> {
    let expected = (problem.receive_antennas(), problem.streams());
    require_matrix(aggregator, expected, Quantity::Aggregator, 0)
}
