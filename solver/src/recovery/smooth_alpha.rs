//! The smooth maximum that zero-forcing refinement descends on.

use crate::error::Error;
use crate::linalg::{Eigensolver, add_product, add_scaled, multiply, scale, side_by_side, squared_norm};
use crate::mismatch::{Objective, keep_columns};
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// First exponent of the smooth maximum.
const SHARPNESS: f64 = 8.0;
/// No multiplier falls below this, so that a device whose limit is slack can become the neediest again.
const LEAST_MULTIPLIER: f64 = 1e-12;

/// `‖A‖_F² (Σ λ_n z_n^β)^{1/β}`, `z_n = v_n tr(E_n^H C_n)/p_n`, `C_n = (D_n^H D_n)^{-1} E_n`, `D_n = H_n^H A`, at one `A` (`R×L`) after another:
/// the room for what depends on `A` is kept.
pub(super) struct SmoothAlpha<'a> {
    problem: &'a Problem,
    /// `λ_n`.
    multipliers: Vec<f64>,
    /// `β`.
    pub sharpness: f64,
    /// `[H_1 … H_N]`, `R×Σ T_n`.
    channels: Mat<c64>,
    /// `D_n`, one below the other, `Σ T_n×L`.
    seen: Mat<c64>,
    /// `D_n C_n C_n^H`, likewise; then `∇ log z_n = −2 H_n D_n C_n C_n^H/tr(E_n^H C_n)` without `H_n`, times its weight in the gradient.
    slopes: Mat<c64>,
    /// `D_n^H D_n` of one device, then `C_n C_n^H`.
    square: Mat<c64>,
    /// `C_n`, in the columns of the device's streams.
    inverse: Mat<c64>,
    /// `z_n`.
    needs: Vec<f64>,
    /// `λ_n z_n^β / Σ λ_m z_m^β`.
    shares: Vec<f64>,
    eigensolver: Eigensolver,
}

impl<'a> SmoothAlpha<'a> {
    /// With equal multipliers.
    pub fn new(problem: &'a Problem) -> Self {
        let (channels, streams) = (side_by_side(problem.channels()), problem.streams());
        let stacked = || Mat::zeros(channels.ncols(), streams);
        let square = || Mat::zeros(streams, streams);
        let per_device = |value: f64| vec![value; problem.devices()];
        Self {
            problem,
            multipliers: per_device(1.0 / problem.devices() as f64),
            sharpness: SHARPNESS,
            seen: stacked(),
            slopes: stacked(),
            square: square(),
            inverse: square(),
            needs: per_device(0.0),
            shares: per_device(0.0),
            eigensolver: Eigensolver::new(streams),
            channels,
        }
    }

    /// `λ_n ← λ_n z_n^β / Σ λ_m z_m^β` at `aggregator`.
    pub fn update_multipliers(&mut self, aggregator: MatRef<'_, c64>) -> Result<(), Error> {
        self.smooth_maximum(aggregator)?;
        self.multipliers.copy_from_slice(&self.shares);
        Ok(())
    }

    /// Writes the value and its gradient.
    pub fn evaluate(&mut self, aggregator: MatRef<'_, c64>, objective: &mut Objective) -> Result<(), Error> {
        let smooth_maximum = self.smooth_maximum(aggregator)?;
        let alpha = squared_norm(aggregator);
        let value = alpha * smooth_maximum;
        let mut first = 0;
        for (device, channel) in self.problem.channels().iter().enumerate() {
            let power = self.needs[device] * self.problem.precoder_budget(device);
            let slope = self.slopes.subrows_mut(first, channel.ncols());
            scale(slope, -2.0 * self.shares[device] * value / power);
            first += channel.ncols();
        }
        objective.value = value;
        objective.gradient.fill(c64::new(0.0, 0.0));
        add_scaled(objective.gradient.as_mut(), aggregator, 2.0 * value / alpha);
        add_product(objective.gradient.as_mut(), self.channels.as_ref(), self.slopes.as_ref());
        if !(value.is_finite() && squared_norm(objective.gradient.as_ref()).is_finite()) {
            return Err(Error::Numerical { operation: "the zero-forcing power" });
        }
        Ok(())
    }

    /// `(Σ λ_n z_n^β)^{1/β}`; writes `needs`, `shares` and unweighted `slopes`.
    fn smooth_maximum(&mut self, aggregator: MatRef<'_, c64>) -> Result<f64, Error> {
        multiply(self.seen.as_mut(), self.channels.adjoint(), aggregator);
        let mut first = 0;
        for (device, channel) in self.problem.channels().iter().enumerate() {
            let streams = &self.problem.device_streams()[device];
            let seen = self.seen.subrows(first, channel.ncols());
            multiply(self.square.as_mut(), seen.adjoint(), seen);
            self.eigensolver.decompose(self.square.as_ref(), self.problem.streams())?;
            let inverse = |value: f64| if value > 0.0 { value.recip() } else { f64::INFINITY };
            self.eigensolver.map(inverse, self.inverse.as_mut());
            keep_columns(self.inverse.as_mut(), streams);
            let power: f64 = streams.iter().map(|&stream| self.inverse[(stream, stream)].re).sum();
            self.needs[device] = power / self.problem.precoder_budget(device);
            multiply(self.square.as_mut(), self.inverse.as_ref(), self.inverse.adjoint());
            multiply(self.slopes.subrows_mut(first, channel.ncols()), seen, self.square.as_ref());
            first += channel.ncols();
        }
        let most = self.needs.iter().copied().fold(0.0, f64::max);
        for ((share, need), multiplier) in self.shares.iter_mut().zip(&self.needs).zip(&self.multipliers) {
            *share = multiplier * (need / most).powf(self.sharpness);
        }
        let sum: f64 = self.shares.iter().sum();
        self.shares.iter_mut().for_each(|share| *share = (*share / sum).max(LEAST_MULTIPLIER));
        Ok(most * sum.powf(self.sharpness.recip()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{BlockFading, Fading};
    use crate::linalg::inner;
    use crate::recovery::scaled;

    /// Central differences of the smooth `α`, at unequal multipliers, powers, variances and antennas.
    #[test]
    fn gradient_agrees_with_differences() {
        let channels = BlockFading::new(Fading::PAPER, 8, &[3, 4, 3], 1).unwrap().block(0);
        let problem = Problem::new(channels, vec![0.5, 1.0, 2.0], 1.0).unwrap();
        let problem = problem.with_signal_variance(vec![1.0, 3.0, 0.3]).unwrap();
        let mut smooth = SmoothAlpha::new(&problem);
        smooth.multipliers = vec![0.2, 0.5, 0.3];
        smooth.sharpness = 4.0;
        let [point, direction] =
            [2, 3].map(|seed| BlockFading::new(Fading::RAYLEIGH, 8, &[3], seed).unwrap().block(0).remove(0));
        let mut evaluate = |step: f64| {
            let moved = &point + scaled(direction.as_ref(), step);
            let mut objective = Objective::zeros(moved.as_ref());
            smooth.evaluate(moved.as_ref(), &mut objective).unwrap();
            objective
        };
        let gradient = evaluate(0.0).gradient;
        let slope = inner(gradient.as_ref(), direction.as_ref());
        let difference = (evaluate(1e-6).value - evaluate(-1e-6).value) / 2e-6;
        assert!((slope - difference).abs() < 1e-6 * slope.abs(), "{slope} {difference}");
        // Scaling A changes nothing.
        assert!(inner(gradient.as_ref(), point.as_ref()).abs() < 1e-9 * evaluate(0.0).value);
    }
}
