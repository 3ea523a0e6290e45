//! Transmission without channel knowledge.

use crate::error::Error;
use crate::problem::Problem;
use crate::transceiver::{Transceiver, mmse_aggregator};
use faer::{Mat, c64};

/// Every device sends its `L_n` streams from its first `L_n` antennas at equal power, `B_n = √(p_n/(v_n L_n)) [I; 0]`, and the server
/// combines them by [`mmse_aggregator`]: what can be had without channel knowledge at the transmitters.
///
/// # Errors
/// [`Error::Numerical`] as [`mmse_aggregator`]; [`Error::PowerExceeded`] where `p_n/v_n` is rounded away at the end of the floating-point range.
pub fn equal_power(problem: &Problem) -> Result<Transceiver, Error> {
    let (own, units) = problem.in_own_units();
    let problem = own.as_ref();
    let precoder = |(device, channel): (usize, &Mat<c64>)| {
        let streams = problem.device_streams()[device].len();
        let amplitude = (problem.precoder_budget(device) / streams as f64).sqrt();
        Mat::from_fn(channel.ncols(), streams, |i, j| c64::new(if i == j { amplitude } else { 0.0 }, 0.0))
    };
    let precoders: Vec<Mat<c64>> = problem.channels().iter().enumerate().map(precoder).collect();
    let aggregator = mmse_aggregator(problem, &precoders)?;
    let mut transceiver = Transceiver::new(problem, aggregator, precoders)?;
    transceiver.limit_power(problem)?;
    Ok(units.restore_transceiver(transceiver))
}
