//! Channel inversion that gives up weak directions.

use crate::error::Error;
use crate::linalg::squared_norm;
use crate::mismatch::Seen;
use crate::problem::Problem;
use crate::transceiver::{Transceiver, require_aggregator, zero_precoders};
use faer::{Mat, MatRef, c64};

/// Truncated channel inversion along `aggregator` (`R×L`; its scale does not matter).
///
/// Zhu, Wang, Huang, *Broadband Analog Aggregation for Low-Latency Federated Edge Learning*, IEEE TWC 2020, arXiv 1812.11494,
/// let a device with `|h_n|²` below a threshold be silent and the others invert, so that one deep fade does not cost all. With several
/// antennas this is done per singular direction of `D_n = H_n^H A = W_n S_n V_n^H`: direction `i` is silent if
/// `q_n s_{n,i}² < threshold · max_{m,j} q_m s_{m,j}²`, `q_n = p_n/v_n`, or if it has no gain at all; the others are inverted,
/// `B_n = Σ_i w_{n,i} v_{n,i}^H E_n / s_{n,i}`. `A` is then scaled to the least norm that every power limit allows. The MSE is
/// `Σ v_n Σ ‖v_{n,i}^H E_n‖² + σ² ‖A‖²` over the silent directions.
///
/// A threshold of 0 is zero forcing wherever that exists; 1 keeps the strongest direction alone.
///
/// # Errors
/// [`Error::InvalidOption`] unless the threshold is between 0 and 1; [`Error::Shape`], [`Error::NonFiniteEntry`] if `aggregator` is not
/// a finite `R×L` matrix; [`Error::Numerical`].
pub fn truncated_inversion(
    problem: &Problem,
    aggregator: MatRef<'_, c64>,
    threshold: f64,
) -> Result<Transceiver, Error> {
    if !(0.0..=1.0).contains(&threshold) {
        return Err(Error::InvalidOption { option: "threshold", value: threshold, valid: "0 to 1" });
    }
    require_aggregator(problem, aggregator)?;
    let (own, units) = problem.in_own_units();
    let (problem, direction) = (own.as_ref(), units.aggregator(aggregator));
    let aggregator = direction.as_ref();
    let mut directions = Vec::with_capacity(problem.devices());
    let mut strongest = 0.0_f64;
    for device in 0..problem.devices() {
        let mut seen = Seen::new(problem);
        seen.look(device, aggregator)?;
        let budget = problem.precoder_budget(device);
        strongest = seen.gains.iter().fold(strongest, |most, gain| most.max(budget * gain * gain));
        directions.push(seen);
    }
    let mut precoders = zero_precoders(problem);
    // The least factor on ‖A‖² for which every device can afford its precoder.
    let mut scale = 0.0_f64;
    for (device, (seen, precoder)) in directions.iter_mut().zip(&mut precoders).enumerate() {
        let budget = problem.precoder_budget(device);
        let keep = |gain: f64| budget * gain * gain >= threshold * strongest;
        let inverse = seen.inverse();
        seen.precoder(|gain| if keep(gain) { inverse(gain) } else { 0.0 }, precoder.as_mut());
        scale = scale.max(squared_norm(precoder.as_ref()) / budget);
    }
    let amplitude = scale.sqrt();
    let precoders =
        precoders
            .iter()
            .map(|b| {
                Mat::from_fn(b.nrows(), b.ncols(), |i, j| {
                    if scale > 0.0 { b[(i, j)] / amplitude } else { b[(i, j)] }
                })
            })
            .collect();
    let aggregator =
        Mat::from_fn(aggregator.nrows(), aggregator.ncols(), |i, j| aggregator[(i, j)] * amplitude);
    let mut transceiver = Transceiver::new(problem, aggregator, precoders)?;
    transceiver.limit_power(problem)?;
    Ok(units.restore_transceiver(transceiver))
}
