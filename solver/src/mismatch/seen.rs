//! A channel seen through an aggregator.

use super::{Mode, weighted_multiplier};
use crate::error::Error;
use crate::linalg::{Scratch, multiply, norm, scale, singular_values, squared_norm, svd_into, unit_of};
use crate::problem::Problem;
use faer::{Col, Mat, MatMut, MatRef, c64};

/// Singular vectors are orthonormal within this many roundings per entry.
const ROUNDINGS: f64 = 16.0;

/// The singular value decomposition `D_n = H_n^H A = W S V^H` and its share in the device's streams: what its precoders are made of.
/// Of one device and aggregator after another, in the same memory.
pub(crate) struct Seen<'a> {
    problem: &'a Problem,
    /// `D_n`, `T_n×L`; then room for `W f(S)`.
    seen: Mat<c64>,
    /// `W`, `T_n×min(T_n, L)`.
    left: Mat<c64>,
    singular: Col<c64>,
    /// `S`, descending.
    pub gains: Vec<f64>,
    /// `V`, `L×min(T_n, L)`.
    vectors: Mat<c64>,
    /// `E_n^H V`, `L_n×min(T_n, L)`.
    right: Mat<c64>,
    /// `ω_i = ‖v_i^H E_n‖²`.
    pub weights: Vec<f64>,
    /// Gains up to this are rounding.
    rounding: f64,
    scratch: Scratch,
}

impl<'a> Seen<'a> {
    /// Room for every device; nothing is seen yet.
    pub fn new(problem: &'a Problem) -> Self {
        let streams = problem.streams();
        let antennas = problem.channels().iter().map(Mat::ncols).max().unwrap_or(0);
        let rank = antennas.min(streams);
        Self {
            problem,
            seen: Mat::zeros(antennas, streams),
            left: Mat::zeros(antennas, rank),
            singular: Col::zeros(rank),
            gains: Vec::with_capacity(rank),
            vectors: Mat::zeros(streams, rank),
            right: Mat::zeros(streams, rank),
            weights: Vec::with_capacity(rank),
            rounding: 0.0,
            scratch: Scratch::default(),
        }
    }

    pub fn problem(&self) -> &'a Problem {
        self.problem
    }

    /// Sees the channel of a device through an aggregator.
    pub fn look(&mut self, device: usize, aggregator: MatRef<'_, c64>) -> Result<(), Error> {
        self.receive(device, aggregator);
        // The decomposition takes squares.
        let unit = unit_of(self.seen.as_ref());
        scale(self.seen.as_mut(), unit.recip());
        let rank = self.rank();
        resize(&mut self.left, self.seen.nrows(), rank);
        resize(&mut self.vectors, self.seen.ncols(), rank);
        self.decompose(true)?;
        self.gains.iter_mut().for_each(|gain| *gain *= unit);
        let streams = &self.problem.device_streams()[device];
        resize(&mut self.right, streams.len(), rank);
        self.weights.clear();
        for mode in 0..rank {
            for (row, &stream) in streams.iter().enumerate() {
                self.right[(row, mode)] = self.vectors[(stream, mode)];
            }
            self.weights.push(squared_norm(self.right.subcols(mode, 1)));
        }
        Ok(())
    }

    /// Writes `D_n`.
    fn receive(&mut self, device: usize, aggregator: MatRef<'_, c64>) {
        let channel = self.problem.channels()[device].as_ref();
        resize(&mut self.seen, channel.ncols(), aggregator.ncols());
        multiply(self.seen.as_mut(), channel.adjoint(), aggregator);
        // What rounding leaves where the channel cancels the aggregator.
        self.rounding =
            (self.seen.nrows() + self.seen.ncols()) as f64 * f64::EPSILON * norm(channel) * norm(aggregator);
    }

    /// `min(T_n, L)`.
    fn rank(&self) -> usize {
        self.seen.nrows().min(self.seen.ncols())
    }

    /// Writes `S` of `seen`, and its vectors if wanted.
    fn decompose(&mut self, with_vectors: bool) -> Result<(), Error> {
        let rank = self.rank();
        let mut singular = self.singular.as_mut().subrows_mut(0, rank);
        let vectors = with_vectors.then(|| (self.left.as_mut(), self.vectors.as_mut()));
        svd_into(self.seen.as_ref(), singular.as_mut(), vectors, &mut self.scratch)?;
        self.gains.clear();
        self.gains.extend(singular.iter().map(|value| value.re));
        Ok(())
    }

    /// Writes `W f(S) V^H E_n`.
    pub fn precoder(&mut self, f: impl Fn(f64) -> f64, precoder: MatMut<'_, c64>) {
        resize(&mut self.seen, self.left.nrows(), self.left.ncols());
        for (mode, &gain) in self.gains.iter().enumerate() {
            let factor = f(gain);
            for antenna in 0..self.left.nrows() {
                self.seen[(antenna, mode)] = self.left[(antenna, mode)] * factor;
            }
        }
        multiply(precoder, self.seen.as_ref(), self.right.adjoint());
    }

    /// `λ_i = s_i²` with the weights `ω_i` where the gain is none of rounding.
    fn heard(&self) -> impl Iterator<Item = Mode> + Clone {
        let modes = self.gains.iter().zip(&self.weights);
        modes.filter(|(gain, _)| **gain > self.rounding).map(|(gain, &weight)| (gain * gain, weight))
    }

    /// Whether `D_n^H B = E_n` has a solution: the right singular vectors of no gain have no share in the streams.
    pub fn reaches_all_streams(&self) -> bool {
        let (streams, antennas) = (self.right.nrows() as f64, self.left.nrows() as f64);
        let lost = streams - self.heard().map(|(_, weight)| weight).sum::<f64>();
        lost <= ROUNDINGS * (streams + antennas) * streams * f64::EPSILON
    }

    /// `1/s` of a gain that is none of rounding, 0 otherwise.
    pub fn inverse(&self) -> impl Fn(f64) -> f64 + use<> {
        let rounding = self.rounding;
        move |gain| if gain > rounding { gain.recip() } else { 0.0 }
    }

    /// `‖B‖_F²` of the least `B` with `D_n^H B = E_n`, infinite where there is none.
    pub fn zero_forcing_power(&self) -> f64 {
        if !self.reaches_all_streams() {
            return f64::INFINITY;
        }
        let inverse = self.inverse();
        self.gains.iter().zip(&self.weights).map(|(&gain, weight)| weight * inverse(gain).powi(2)).sum()
    }

    /// `tr((D_n^H D_n)^{-1})`, infinite if `D_n` lacks full column rank: [`Self::zero_forcing_power`] of a device that serves all streams,
    /// for which singular values without vectors are enough.
    pub fn inverse_gram_trace(&mut self, device: usize, direction: MatRef<'_, c64>) -> Result<f64, Error> {
        self.receive(device, direction);
        self.decompose(false)?;
        if self.gains.iter().any(|&gain| gain <= self.rounding) {
            return Ok(f64::INFINITY);
        }
        Ok(self.gains.iter().map(|gain| 1.0 / (gain * gain)).sum())
    }

    /// [`zero_forcing_scale`].
    pub fn zero_forcing_scale(&mut self, direction: MatRef<'_, c64>) -> Result<f64, Error> {
        let mut scale = 0.0_f64;
        for device in 0..self.problem.devices() {
            let power = if self.problem.serves_all(device) {
                self.inverse_gram_trace(device, direction)?
            } else {
                self.look(device, direction)?;
                self.zero_forcing_power()
            };
            scale = scale.max(power / self.problem.precoder_budget(device));
        }
        Ok(scale)
    }
}

/// `max_n v_n tr(E_n^H (G^H H_n H_n^H G)^{-1} E_n)/p_n`: the least factor on `‖G‖²` for which zero forcing is within every limit;
/// infinite if some device has no zero forcing.
pub(crate) fn zero_forcing_scale(problem: &Problem, direction: MatRef<'_, c64>) -> Result<f64, Error> {
    Seen::new(problem).zero_forcing_scale(direction)
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
    let mut seen = Seen::new(problem);
    for (device, channel) in problem.channels().iter().enumerate() {
        seen.look(device, aggregator)?;
        if least(device) > 0.0 || seen.reaches_all_streams() {
            continue;
        }
        if weighted_multiplier(seen.heard(), problem.precoder_budget(device)) > 0.0 {
            continue;
        }
        let singular = singular_values(channel.as_ref())?;
        let largest = singular.iter().copied().fold(0.0, f64::max);
        let rounding = (channel.nrows() + channel.ncols()) as f64 * f64::EPSILON * largest;
        if singular.iter().filter(|value| **value > rounding).count() > seen.heard().count() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Another shape, within the first.
fn resize(matrix: &mut Mat<c64>, rows: usize, columns: usize) {
    matrix.resize_with(rows, columns, |_, _| c64::new(0.0, 0.0));
}
