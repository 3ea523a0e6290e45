//! The best aggregator for given precoders.

use super::{Transceiver, most_streams, require_precoders};
use crate::error::Error;
use crate::linalg::{Scratch, ThinSvd, multiply, product, scale, solve_positive_definite, squared_norm};
use crate::problem::Problem;
use faer::{Mat, MatMut, c64};

/// The best aggregator for given precoders, the linear MMSE filter (theory, section 4):
/// `A = (Σ_n v_n H_n B_n B_n^H H_n^H + σ² I)^{-1} Σ_n v_n H_n B_n E_n^H`, `R×L`.
///
/// # Errors
/// [`Error::DeviceCount`], [`Error::Shape`], [`Error::NonFiniteEntry`] if `precoders` are not finite `T_n×L_n` matrices, one per
/// device; [`Error::Numerical`] if arithmetic overflows.
pub fn mmse_aggregator(problem: &Problem, precoders: &[Mat<c64>]) -> Result<Mat<c64>, Error> {
    require_precoders(problem, precoders)?;
    let (own, units) = problem.in_own_units();
    let aggregator = Mat::zeros(problem.receive_antennas(), problem.streams());
    let mut transceiver = units.transceiver(&Transceiver { aggregator, precoders: precoders.to_vec() });
    let Transceiver { aggregator, precoders } = &mut transceiver;
    LinearMmse::new(&own).write(precoders, own.noise_power(), aggregator.as_mut())?;
    Ok(units.restore_transceiver(transceiver).aggregator)
}

/// [`mmse_aggregator`] for one set of precoders after another, in the same memory.
pub(crate) struct LinearMmse<'a> {
    problem: &'a Problem,
    /// `H_n B_n`, and more columns where another device has more streams.
    received: Mat<c64>,
    /// `v_n H_n B_n`, likewise.
    weighted: Mat<c64>,
    /// `v_n H_n B_n B_n^H H_n^H`.
    share: Mat<c64>,
    /// The sum of these and the noise, `R×R`.
    covariance: Mat<c64>,
    scratch: Scratch,
}

impl<'a> LinearMmse<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        let antennas = problem.receive_antennas();
        let received = || Mat::zeros(antennas, most_streams(problem));
        let square = || Mat::zeros(antennas, antennas);
        let (received, weighted, share, covariance) = (received(), received(), square(), square());
        Self { problem, received, weighted, share, covariance, scratch: Scratch::default() }
    }

    /// Writes the aggregator for precoders of the problem's shapes, at any noise power.
    pub fn write(
        &mut self,
        precoders: &[Mat<c64>],
        noise_power: f64,
        mut aggregator: MatMut<'_, c64>,
    ) -> Result<(), Error> {
        let problem = self.problem;
        self.covariance.fill(c64::new(0.0, 0.0));
        aggregator.fill(c64::new(0.0, 0.0));
        for (device, (channel, precoder)) in problem.channels().iter().zip(precoders).enumerate() {
            let mut received = self.received.as_mut().subcols_mut(0, precoder.ncols());
            multiply(received.as_mut(), channel.as_ref(), precoder.as_ref());
            let mut weighted = self.weighted.as_mut().subcols_mut(0, precoder.ncols());
            weighted.copy_from(received.as_ref());
            scale(weighted.as_mut(), problem.signal_variance()[device]);
            multiply(self.share.as_mut(), weighted.as_ref(), received.adjoint());
            self.covariance += &self.share;
            for (column, &stream) in problem.device_streams()[device].iter().enumerate() {
                let mut sum = aggregator.as_mut().col_mut(stream);
                sum += weighted.as_ref().col(column);
            }
        }
        for antenna in 0..problem.receive_antennas() {
            self.covariance[(antenna, antenna)] += noise_power;
        }
        let solved =
            solve_positive_definite(self.covariance.as_mut(), aggregator.as_mut(), &mut self.scratch);
        if !(solved && squared_norm(aggregator.as_ref()).is_finite()) {
            self.write_in_span(precoders, noise_power.sqrt(), aggregator.as_mut())?;
        }
        Ok(())
    }

    /// The same where rounding of the covariance hides the noise: with `W = [… √v_n H_n B_n …]/σ = U S V^H` the filter is
    /// `A = U (S² + I)^{-1} S V^H [… √v_n E_n …]^H/σ`.
    fn write_in_span(
        &self,
        precoders: &[Mat<c64>],
        noise: f64,
        mut aggregator: MatMut<'_, c64>,
    ) -> Result<(), Error> {
        let problem = self.problem;
        let streams: usize = problem.device_streams().iter().map(Vec::len).sum();
        let mut received = Mat::<c64>::zeros(problem.receive_antennas(), streams);
        let mut wanted = Mat::<c64>::zeros(streams, problem.streams());
        let mut next = 0;
        for (device, (channel, precoder)) in problem.channels().iter().zip(precoders).enumerate() {
            let weight = problem.signal_variance()[device].sqrt() / noise;
            let mut columns = received.as_mut().subcols_mut(next, precoder.ncols());
            multiply(columns.as_mut(), channel.as_ref(), precoder.as_ref());
            scale(columns, weight);
            for &stream in &problem.device_streams()[device] {
                wanted[(next, stream)] = c64::new(weight, 0.0);
                next += 1;
            }
        }
        let ThinSvd { mut left, values, right } = ThinSvd::of(received.as_ref())?;
        for (mode, value) in values.into_iter().enumerate() {
            // 0 where the value is.
            scale(left.as_mut().subcols_mut(mode, 1), (value + value.recip()).recip());
        }
        multiply(aggregator.as_mut(), left.as_ref(), product(right.adjoint(), wanted.as_ref()).as_ref());
        if squared_norm(aggregator.as_ref()).is_finite() {
            Ok(())
        } else {
            Err(Error::Numerical { operation: "the linear MMSE aggregator" })
        }
    }
}
