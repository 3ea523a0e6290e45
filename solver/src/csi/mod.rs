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
//! its noise is charged whether the power is used or not, so its designs save none. [`alternate`] then descends on the average itself, where a
//! device with power to spare does better below its limit.
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
//! use solver::{Problem, recovery, relaxation};
//!
//! // Four devices at different distances: two of them have power to spare.
//! let truth = BlockFading::new(Fading::PAPER, 20, &[4; 4], 7)?.block(0);
//! let error = ChannelError::from_pilots(&Fading::PAPER, 16, &[0.1; 4])?;
//! let estimates = error.estimates(&Fading::PAPER, &truth, 7, 0)?;
//! let estimated = Problem::new(estimates, vec![1.0, 1.0, 20.0, 20.0], 1.0)?;
//!
//! let robust = csi::robust(&estimated, &error)?;
//! let relaxed = relaxation::lambda_min::solve(&robust, &Default::default())?;
//! let start = recovery::gaussian_randomization(&robust, relaxed.primal.as_ref(), &Default::default())?;
//! let design = recovery::refine(&robust, start.aggregator(), &Default::default())?;
//! let improved = csi::alternate(&estimated, &error, design.transceiver.aggregator(), &Default::default())?;
//!
//! // The average that was designed for, a better one, and what became of that on the true channels.
//! let average = csi::mean_squared_error(&estimated, &error, &design.transceiver)?.total();
//! assert!(improved.mse < 0.7 * average && average < 1.000_001 * design.mse);
//! // No transceiver's average is below this, so the improved one's is within a few percent of the best.
//! let bound = csi::lower_bound(&estimated, &error, &improved.transceiver, &Default::default())?.expect("L = T_n");
//! assert!(bound <= improved.mse && improved.mse < 1.05 * bound);
//! let met = improved.transceiver.mean_squared_error(&csi::with_channels(&estimated, truth)?)?.total();
//! assert!(met < 2.0 * improved.mse);
//! # Ok::<(), solver::Error>(())
//! ```

mod alternate;
mod bound;
mod channel_error;

pub use alternate::{Alternated, Alternation, alternate};
pub use bound::lower_bound;
pub use channel_error::{ChannelError, predict};

use crate::error::Error;
use crate::problem::Problem;
use crate::transceiver::{MeanSquaredError, Transceiver};
use faer::{Mat, c64};

/// The robust problem: the estimates with noise power `σ² + Σ_n σ_e,n² p_n`.
///
/// `estimated` is the problem with the estimates `Ĥ_n` as its channels. The MSE of a transceiver at the robust problem is at least its
/// average [`mean_squared_error`], with equality when every device with an error uses its full power.
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
    error.require_devices(estimated.devices())?;
    average(transceiver.mean_squared_error(estimated)?, estimated, error, transceiver)
}

/// The average over the channel errors of a transceiver with this error on the estimates.
fn average(
    MeanSquaredError { mismatch, noise }: MeanSquaredError,
    estimated: &Problem,
    error: &ChannelError,
    transceiver: &Transceiver,
) -> Result<MeanSquaredError, Error> {
    let received = error.received_power(transceiver.powers(estimated));
    let average = MeanSquaredError { mismatch: mismatch + received * transceiver.alpha(), noise };
    if average.total().is_finite() {
        Ok(average)
    } else {
        Err(Error::Numerical { operation: "the mean squared error" })
    }
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
