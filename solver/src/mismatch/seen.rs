//! A channel seen through an aggregator.

use super::{Mode, rounding, weighted_multiplier};
use crate::error::Error;
use crate::linalg::{rescaled, squared_norm, unit_of};
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// Singular vectors are orthonormal within this many roundings per entry.
const ROUNDINGS: f64 = 16.0;

/// The singular value decomposition `D_n = H_n^H A = W S V^H` and its share in the device's streams: what its precoders are made of.
pub(crate) struct Seen {
    /// `W`, `T_n×min(T_n, L)`.
    left: Mat<c64>,
    /// `S`, descending.
    pub gains: Vec<f64>,
    /// `E_n^H V`, `L_n×min(T_n, L)`.
    right: Mat<c64>,
    /// Gains up to this are rounding.
    rounding: f64,
}

impl Seen {
    pub fn of(problem: &Problem, device: usize, aggregator: MatRef<'_, c64>) -> Result<Self, Error> {
        let channel = problem.channels()[device].as_ref();
        let seen = channel.adjoint() * aggregator;
        // The decomposition takes squares.
        let unit = unit_of(seen.as_ref());
        let svd = rescaled(seen.as_ref())
            .thin_svd()
            .map_err(|_| Error::Numerical { operation: "singular values" })?;
        let gains = svd.S().column_vector().iter().map(|value| value.re * unit).collect();
        let streams = &problem.device_streams()[device];
        let right = Mat::from_fn(streams.len(), svd.V().ncols(), |i, j| svd.V()[(streams[i], j)]);
        let rounding = rounding(seen.as_ref(), channel, aggregator);
        Ok(Self { left: svd.U().to_owned(), gains, right, rounding })
    }

    /// `λ_i = s_i²` with the weights `ω_i = ‖v_i^H E_n‖²`; directions beyond have `λ = 0`.
    pub fn modes(&self) -> Vec<Mode> {
        let weight = |mode: usize| squared_norm(self.right.subcols(mode, 1));
        self.gains.iter().enumerate().map(|(mode, gain)| (gain * gain, weight(mode))).collect()
    }

    /// `W f(S) V^H E_n`.
    pub fn precoder(&self, f: impl Fn(f64) -> f64) -> Mat<c64> {
        let scaled =
            Mat::from_fn(self.left.nrows(), self.left.ncols(), |i, j| self.left[(i, j)] * f(self.gains[j]));
        scaled * self.right.adjoint()
    }

    /// Whether `D_n^H B = E_n` has a solution: the right singular vectors of no gain have no share in the streams.
    pub fn reaches_all_streams(&self) -> bool {
        let (streams, antennas) = (self.right.nrows() as f64, self.left.nrows() as f64);
        let reached = self.modes().into_iter().zip(&self.gains).filter(|(_, gain)| **gain > self.rounding);
        let lost = streams - reached.map(|((_, weight), _)| weight).sum::<f64>();
        lost <= ROUNDINGS * (streams + antennas) * streams * f64::EPSILON
    }

    /// `1/s` of a gain that is none of rounding, 0 otherwise.
    pub fn inverse(&self, gain: f64) -> f64 {
        if gain > self.rounding { gain.recip() } else { 0.0 }
    }

    /// `‖B‖_F²` of the least `B` with `D_n^H B = E_n`, infinite where there is none.
    pub fn zero_forcing_power(&self) -> f64 {
        if !self.reaches_all_streams() {
            return f64::INFINITY;
        }
        let powers = self.modes().into_iter().zip(&self.gains);
        powers.map(|((_, weight), &gain)| weight * self.inverse(gain).powi(2)).sum()
    }
}

/// Whether the MSE with the best precoders, `μ_n ≥ least(n)`, has a gradient at `A`.
///
/// It has none where a device leaves streams unreached with power to spare (`μ_n = 0`) and has a direction that `A` does not hear
/// (`rank D_n < rank H_n`): towards hearing it, or away, the spare power lowers the MSE at first order, so such an `A` is no minimum.
pub(crate) fn has_gradient(
    problem: &Problem,
    aggregator: MatRef<'_, c64>,
    least: impl Fn(usize) -> f64,
) -> Result<bool, Error> {
    for (device, channel) in problem.channels().iter().enumerate() {
        let seen = Seen::of(problem, device, aggregator)?;
        if least(device) > 0.0 || seen.reaches_all_streams() {
            continue;
        }
        let heard = seen.modes().into_iter().zip(&seen.gains).filter(|(_, gain)| **gain > seen.rounding);
        let heard: Vec<Mode> = heard.map(|(mode, _)| mode).collect();
        if weighted_multiplier(&heard, problem.precoder_budget(device)) > 0.0 {
            continue;
        }
        let singular =
            channel.singular_values().map_err(|_| Error::Numerical { operation: "singular values" })?;
        let largest = singular.iter().copied().fold(0.0, f64::max);
        let rounding = (channel.nrows() + channel.ncols()) as f64 * f64::EPSILON * largest;
        if singular.iter().filter(|value| **value > rounding).count() > heard.len() {
            return Ok(false);
        }
    }
    Ok(true)
}
