//! Channel inversion that gives up weak directions.

use crate::error::Error;
use crate::linalg::squared_norm;
use crate::problem::Problem;
use crate::transceiver::{Transceiver, require_aggregator};
use faer::{Mat, MatRef, c64};

/// Truncated channel inversion along `aggregator` (`R×L`; its scale does not matter).
///
/// Zhu, Wang, Huang, *Broadband Analog Aggregation for Low-Latency Federated Edge Learning*, IEEE TWC 2020, arXiv 1812.11494,
/// let a device with `|h_n|²` below a threshold be silent and the others invert, so that one deep fade does not cost all. With several
/// antennas this is done per singular direction of `D_n = H_n^H A = W_n S_n V_n^H`: direction `i` is silent if
/// `q_n s_{n,i}² < threshold · max_{m,j} q_m s_{m,j}²`, `q_n = p_n/v_n`, or if it has no gain at all; the others are inverted,
/// `B_n = Σ_i w_{n,i} v_{n,i}^H / s_{n,i}`. `A` is then scaled to the least norm that every power limit allows. The MSE is
/// `Σ v_n (silent directions of device n) + σ² ‖A‖²`.
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
    let mut directions = Vec::with_capacity(problem.devices());
    let mut strongest = 0.0_f64;
    for (device, channel) in problem.channels().iter().enumerate() {
        let seen = Directions::of(channel.as_ref(), aggregator)?;
        let budget = problem.precoder_budget(device);
        strongest = seen.gains.iter().fold(strongest, |most, gain| most.max(budget * gain * gain));
        directions.push(seen);
    }
    let mut precoders = Vec::with_capacity(problem.devices());
    // The least factor on ‖A‖² for which every device can afford its precoder.
    let mut scale = 0.0_f64;
    for (device, seen) in directions.iter().enumerate() {
        let budget = problem.precoder_budget(device);
        let precoder = seen.inverse(|gain| budget * gain * gain >= threshold * strongest);
        scale = scale.max(squared_norm(precoder.as_ref()) / budget);
        precoders.push(precoder);
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
    let transceiver = Transceiver::new(problem, aggregator, precoders)?;
    transceiver.check_power(problem)?;
    Ok(transceiver)
}

/// The singular value decomposition of `D_n = H_n^H A`.
struct Directions {
    left: Mat<c64>,
    gains: Vec<f64>,
    right: Mat<c64>,
    /// Gains up to this are rounding.
    rounding: f64,
}

impl Directions {
    fn of(channel: MatRef<'_, c64>, aggregator: MatRef<'_, c64>) -> Result<Self, Error> {
        let seen = channel.adjoint() * aggregator;
        let svd = seen.thin_svd().map_err(|_| Error::Numerical { operation: "singular values" })?;
        let size = (squared_norm(channel) * squared_norm(aggregator)).sqrt();
        let gains = svd.S().column_vector().iter().map(|value| value.re).collect();
        let rounding = (seen.nrows() + seen.ncols()) as f64 * f64::EPSILON * size;
        Ok(Self { left: svd.U().to_owned(), gains, right: svd.V().to_owned(), rounding })
    }

    /// `Σ_i w_i v_i^H / s_i` over the directions that are kept.
    fn inverse(&self, keep: impl Fn(f64) -> bool) -> Mat<c64> {
        let factor = |gain: f64| if gain > self.rounding && keep(gain) { gain.recip() } else { 0.0 };
        let scaled = Mat::from_fn(self.left.nrows(), self.left.ncols(), |i, j| {
            self.left[(i, j)] * factor(self.gains[j])
        });
        scaled * self.right.adjoint()
    }
}
