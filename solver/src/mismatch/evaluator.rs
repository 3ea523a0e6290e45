//! The objective of P_s with the best precoders, and its gradient.

use super::{
    Mode, has_gradient, modes, precoder_power, residual, sensitivity, stationarity, total_residual,
    weighted_multiplier,
};
use crate::error::Error;
use crate::linalg::{Eigensolver, add_product, multiply, side_by_side, squared_norm};
use crate::problem::Problem;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, c64};

/// A value with its gradient with respect to `Re tr(·^H ·)`.
pub(crate) struct Objective {
    pub value: f64,
    pub gradient: Mat<c64>,
}

impl Objective {
    /// Zeros of the shape of `factor`, to be written over.
    pub fn zeros(factor: MatRef<'_, c64>) -> Self {
        Self { value: 0.0, gradient: Mat::zeros(factor.nrows(), factor.ncols()) }
    }
}

/// `F(A) = Σ_n v_n min_B ‖A^H H_n B − E_n‖_F² + σ² ‖A‖_F²`, the objective of P_s with the best precoders, at one `A` (`R×L`) after
/// another: what does not depend on `A` and the room for what does are kept. Where channels are known up to errors, their averaged
/// objective: each minimum has `σ_e,n² ‖A‖_F² ‖B‖_F²` more, and is at `μ_n ≥ σ_e,n² ‖A‖_F²`.
pub(crate) struct Evaluator<'a> {
    problem: &'a Problem,
    /// `σ_e,n²`, if any.
    errors: Option<&'a [f64]>,
    /// `[H_1 … H_N]`, `R×Σ T_n`.
    channels: Mat<c64>,
    /// `D_n = H_n^H A`, one below the other, `Σ T_n×L`.
    seen: Mat<c64>,
    /// `−2 v_n D_n U_n`, likewise.
    slopes: Mat<c64>,
    /// `D_n^H D_n` of one device, then `−2 v_n U_n`.
    square: Mat<c64>,
    /// `(D_n^H D_n + μ_n I)^{-1}`, in the columns of the device's streams alone: `B_n = D_n (D_n^H D_n + μ_n I)^{-1} E_n`.
    precoding: Mat<c64>,
    /// `μ_n (D_n^H D_n + μ_n I)^{-1}`: `E_n − D_n^H B_n` is this times `E_n`.
    mismatch: Mat<c64>,
    modes: Vec<Mode>,
    eigensolver: Eigensolver,
}

impl<'a> Evaluator<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        let (channels, streams) = (side_by_side(problem.channels()), problem.streams());
        let stacked = || Mat::zeros(channels.ncols(), streams);
        let (seen, slopes) = (stacked(), stacked());
        let square = || Mat::zeros(streams, streams);
        let (square, precoding, mismatch) = (square(), square(), square());
        let (modes, eigensolver) = (Vec::with_capacity(streams), Eigensolver::new(streams));
        let errors = None;
        Self { problem, errors, channels, seen, slopes, square, precoding, mismatch, modes, eigensolver }
    }

    /// The averaged objective for errors of these variances, one per device.
    pub fn averaged(problem: &'a Problem, variances: &'a [f64]) -> Self {
        Self { errors: Some(variances), ..Self::new(problem) }
    }

    /// `σ_e,n² ‖A‖_F²`, from `‖A‖_F²`.
    fn least_multiplier(&self, device: usize, alpha: f64) -> f64 {
        self.errors.map_or(0.0, |errors| errors[device] * alpha)
    }

    /// Writes `F(A)` and its gradient `2sA − 2 Σ_n v_n H_n D_n U_n`, where `D_n U_n = B_n (E_n − D_n^H B_n)^H` and `s = σ² + Σ_n σ_e,n² v_n ‖B_n‖²`: at the
    /// best precoders the derivative is that for fixed ones.
    pub fn evaluate(&mut self, factor: MatRef<'_, c64>, objective: &mut Objective) -> Result<(), Error> {
        let (mut noise_power, alpha) = (self.problem.noise_power(), squared_norm(factor));
        multiply(self.seen.as_mut(), self.channels.adjoint(), factor);
        let mut value = noise_power * alpha;
        let mut first = 0;
        for (device, channel) in self.problem.channels().iter().enumerate() {
            let variance = self.problem.signal_variance()[device];
            let seen = self.seen.subrows(first, channel.ncols());
            multiply(self.square.as_mut(), seen.adjoint(), seen);
            let spectrum = self.eigensolver.decompose(self.square.as_ref(), channel.ncols())?;
            self.modes.clear();
            self.modes.extend(modes(self.problem, device, spectrum));
            let limit = weighted_multiplier(self.modes.iter().copied(), self.problem.precoder_budget(device));
            let multiplier = limit.max(self.least_multiplier(device, alpha));
            if let Some(errors) = self.errors {
                let power = variance * precoder_power(self.modes.iter().copied(), multiplier);
                noise_power += errors[device] * power;
                value += errors[device] * power * alpha;
            }
            value += variance * total_residual(&self.modes, multiplier);
            if self.problem.serves_all(device) {
                let weight = |value| -2.0 * variance * sensitivity(value, multiplier);
                self.eigensolver.map(weight, self.square.as_mut());
            } else {
                // Where λ = 0, D_n has nothing to precode.
                let inverse = |value| if value > 0.0 { 1.0 / (value + multiplier) } else { 0.0 };
                self.eigensolver.map(inverse, self.precoding.as_mut());
                keep_columns(self.precoding.as_mut(), &self.problem.device_streams()[device]);
                self.eigensolver.map(|value| residual(value, multiplier).sqrt(), self.mismatch.as_mut());
                let factor = c64::new(-2.0 * variance, 0.0);
                let (left, right) = (self.precoding.as_ref(), self.mismatch.as_ref());
                matmul(self.square.as_mut(), Accum::Replace, left, right, factor, Par::Seq);
            }
            multiply(self.slopes.subrows_mut(first, channel.ncols()), seen, self.square.as_ref());
            first += channel.ncols();
        }
        objective.value = value;
        objective.gradient.copy_from(factor);
        objective.gradient *= faer::Scale(c64::new(2.0 * noise_power, 0.0));
        add_product(objective.gradient.as_mut(), self.channels.as_ref(), self.slopes.as_ref());
        if !(value.is_finite() && squared_norm(objective.gradient.as_ref()).is_finite()) {
            return Err(Error::Numerical { operation: "the mean squared error" });
        }
        Ok(())
    }

    /// [`stationarity`] at `A`; infinite where there is no gradient ([`has_gradient`]), and some step lowers the objective at first order.
    pub fn stationarity(self, factor: MatRef<'_, c64>) -> Result<f64, Error> {
        let alpha = squared_norm(factor);
        if has_gradient(self.problem, factor, |device| self.least_multiplier(device, alpha))? {
            Ok(stationarity(&self.objective(factor)?, factor))
        } else {
            Ok(f64::INFINITY)
        }
    }

    /// The objective at one `A`.
    pub fn objective(mut self, factor: MatRef<'_, c64>) -> Result<Objective, Error> {
        let mut objective = Objective::zeros(factor);
        self.evaluate(factor, &mut objective)?;
        Ok(objective)
    }
}

/// Sets all other columns to zero.
pub(crate) fn keep_columns(matrix: MatMut<'_, c64>, kept: &[usize]) {
    for (index, mut column) in matrix.col_iter_mut().enumerate() {
        if kept.binary_search(&index).is_err() {
            column.fill(c64::new(0.0, 0.0));
        }
    }
}
