//! The error (7), of one transceiver after another.

use super::{MeanSquaredError, Transceiver, most_streams};
use crate::error::Error;
use crate::linalg::{multiply, squared_norm};
use crate::problem::Problem;
use faer::{Mat, c64};

/// The errors (7) of one transceiver after another, in the same memory.
pub(crate) struct SumError<'a> {
    problem: &'a Problem,
    /// `H_n B_n`, and more columns where another device has more streams.
    received: Mat<c64>,
    /// `A^H H_n B_n − E_n`, likewise.
    mismatch: Mat<c64>,
}

impl<'a> SumError<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        let columns = most_streams(problem);
        let received = Mat::zeros(problem.receive_antennas(), columns);
        Self { problem, received, mismatch: Mat::zeros(problem.streams(), columns) }
    }

    /// [`Transceiver::mean_squared_error`] of one whose shapes are the problem's.
    pub fn of(&mut self, transceiver: &Transceiver) -> Result<MeanSquaredError, Error> {
        let variances = self.problem.signal_variance();
        let mut mismatch = 0.0;
        for (device, variance) in variances.iter().enumerate() {
            mismatch += variance * self.left_of(device, transceiver);
        }
        MeanSquaredError { mismatch, noise: self.problem.noise_power() * transceiver.alpha() }.finite()
    }

    /// `‖A^H H_n B_n − E_n‖_F²`.
    pub fn left_of(&mut self, device: usize, Transceiver { aggregator, precoders }: &Transceiver) -> f64 {
        let precoder = precoders[device].as_ref();
        let mut received = self.received.as_mut().subcols_mut(0, precoder.ncols());
        multiply(received.as_mut(), self.problem.channels()[device].as_ref(), precoder);
        let mut mismatch = self.mismatch.as_mut().subcols_mut(0, precoder.ncols());
        multiply(mismatch.as_mut(), aggregator.adjoint(), received.as_ref());
        for (column, &stream) in self.problem.device_streams()[device].iter().enumerate() {
            mismatch[(stream, column)] -= c64::new(1.0, 0.0);
        }
        squared_norm(mismatch.as_ref())
    }
}
