//! Imperfect channel knowledge (theory, section 6): designs see estimates, transmissions see the channels.
//!
//! The channels are `H_n = Ĥ_n + E_n` with known estimates `Ĥ_n` and errors `E_n` that are independent of them and of each other, with
//! i.i.d. entries `CN(0, σ_e,n²)`: a [`ChannelError`]. `E[E_n^H A A^H E_n] = σ_e,n² ‖A‖_F² I`, so the average of (7) over the errors is
//!
//! `MSE(A, B) = Σ_n v_n ‖A^H Ĥ_n B_n − I‖_F² + (σ² + Σ_n σ_e,n² v_n ‖B_n‖_F²) ‖A‖_F²`,
//!
//! which [`mean_squared_error`] computes: what is unknown of a channel acts as noise in proportion to the power sent through it. A device with
//! streams of its own ([`Problem::with_device_streams`]) has their selection in place of `I`.
//!
//! # Robust design
//!
//! [`robust`] is the problem on the estimates with noise power `σ² + Σ_n σ_e,n² p_n`. As `v_n ‖B_n‖_F² ≤ p_n`, its MSE is an *upper bound* on the
//! average, with equality when every device with an error uses its full power. All of the crate applies to it, but
//! its noise is charged whether the power is used or not, so its designs save none: where path losses differ, they alone can be worse than designs
//! that ignore the errors. [`alternate`] descends on the average itself, where a device with power to spare does better below its limit.
//!
//! [`design()`] is one call: both designs, improved on the average by L-BFGS, the better of them with a bound.
//!
//! # Bounds
//!
//! What a lower bound of the `mmse` relaxation says about the average of a transceiver within the power limits:
//!
//! - at [`robust`], it holds for transceivers in which every device with an error uses its full power, and for those alone;
//! - at the estimates as they are, with noise power `σ²`, it holds for every transceiver, because errors only add; it is loose.
//!
//! [`lower_bound`] is a tighter one that holds for every transceiver.
//!
//! # Example
//!
//! ```
//! use solver::channel::{BlockFading, Fading};
//! use solver::csi::{self, ChannelError};
//! use solver::{Problem, recovery};
//!
//! // Four devices at different distances: two of them have power to spare.
//! let truth = BlockFading::new(Fading::PAPER, 20, &[4; 4], 7)?.block(0);
//! let error = ChannelError::from_pilots(&Fading::PAPER, 16, &[0.1; 4])?;
//! let estimates = error.estimates(&Fading::PAPER, &truth, 7, 0)?;
//! let estimated = Problem::new(estimates, vec![1.0, 1.0, 20.0, 20.0], 1.0)?;
//!
//! let design = csi::design(&estimated, &error, &Default::default())?;
//! // No transceiver's average is lower than the bound, so this one's is within a few percent of the best.
//! assert!(design.gap().is_some_and(|gap| gap < 0.05));
//! // A design for the robust problem alone: its MSE there, and its average, no higher.
//! let robust = recovery::design(&csi::robust(&estimated, &error)?, &Default::default())?;
//! let average = csi::mean_squared_error(&estimated, &error, &robust.transceiver)?.total();
//! assert!(design.mse < 0.7 * average && average < 1.000_001 * robust.mse);
//! // What became of the first on the true channels.
//! let met = design.transceiver.mean_squared_error(&csi::with_channels(&estimated, truth)?)?.total();
//! assert!(met < 2.0 * design.mse);
//! # Ok::<(), solver::Error>(())
//! ```

mod alternate;
mod bound;
mod channel_error;
mod design;

pub use alternate::{Alternated, Alternation, alternate};
pub use bound::lower_bound;
pub use channel_error::{ChannelError, predict};
pub use design::design;

use crate::error::Error;
use crate::problem::{Problem, Units};
use crate::transceiver::{MeanSquaredError, Transceiver};
use faer::{Mat, c64};
use std::borrow::Cow;

/// The robust problem: the estimates with noise power `σ² + Σ_n σ_e,n² p_n`.
///
/// `estimated` is the problem with the estimates `Ĥ_n` as its channels. The MSE of a transceiver at the robust problem is at least its
/// average [`mean_squared_error`], with equality when every device with an error uses its full power.
///
/// A design for it alone can be worse on average than one that ignores the errors, where path losses differ: the noise is that of all power, and near
/// devices leave most of theirs unused. Two devices 40 dB apart with errors of 1 % (`R = 6`, `p/σ²` of 30 dB) average 0.9 so, 0.02 without regard to the errors and
/// 0.006 by [`design()`], which takes both and descends on the average.
///
/// # Errors
/// [`Error::DeviceCount`] if there is not one error per device; [`Error::Numerical`] if the noise power overflows.
pub fn robust(estimated: &Problem, error: &ChannelError) -> Result<Problem, Error> {
    error.require_devices(estimated.devices())?;
    let noise_power =
        estimated.noise_power() + error.received_power(estimated.transmit_power().iter().copied());
    if noise_power.is_finite() {
        Ok(estimated.with_noise_power(noise_power))
    } else {
        Err(Error::Numerical { operation: "the robust noise power" })
    }
}

/// The MSE of a transceiver averaged over the channel errors, in closed form (the module's formula).
///
/// `mismatch` is the average of `Σ_n v_n ‖A^H H_n B_n − I‖_F²`, `noise` is `σ² ‖A‖_F²`. On one true channel it is
/// [`Transceiver::mean_squared_error`] of [`with_channels`].
///
/// # Errors
/// [`Error::DeviceCount`], [`Error::Shape`] where transceiver or errors do not fit `estimated`; [`Error::Numerical`] on overflow.
pub fn mean_squared_error(
    estimated: &Problem,
    error: &ChannelError,
    transceiver: &Transceiver,
) -> Result<MeanSquaredError, Error> {
    let (own, error, units) = in_own_units(estimated, error)?;
    let transceiver = units.transceiver(transceiver);
    let average = average(transceiver.mean_squared_error(&own)?, &own, &error, &transceiver)?;
    let (mismatch, noise) = (units.restore_error(average.mismatch)?, units.restore_error(average.noise)?);
    MeanSquaredError { mismatch, noise }.finite()
}

/// Problem and errors in the problem's own units.
fn in_own_units<'a>(
    estimated: &'a Problem,
    error: &ChannelError,
) -> Result<(Cow<'a, Problem>, ChannelError, Units), Error> {
    error.require_devices(estimated.devices())?;
    let (own, units) = estimated.in_own_units();
    let error = error.in_units(&units)?;
    Ok((own, error, units))
}

/// The average over the channel errors of a transceiver with this error on the estimates.
fn average(
    MeanSquaredError { mismatch, noise }: MeanSquaredError,
    estimated: &Problem,
    error: &ChannelError,
    transceiver: &Transceiver,
) -> Result<MeanSquaredError, Error> {
    let received = error.received_power(transceiver.powers(estimated));
    MeanSquaredError { mismatch: mismatch + received * transceiver.alpha(), noise }.finite()
}

/// The same problem over other channels: powers, noise, variances and streams stay. Takes a design from the estimates to the
/// true channels, or the reverse.
///
/// # Errors
/// As [`Problem::new`]; [`Error::Streams`] or [`Error::DeviceStreams`] if the channels are too narrow for the problem's streams.
pub fn with_channels(problem: &Problem, channels: Vec<Mat<c64>>) -> Result<Problem, Error> {
    Problem::new(channels, problem.transmit_power().to_vec(), problem.noise_power())?
        .with_signal_variance(problem.signal_variance().to_vec())?
        .with_streams_of(problem)
}
