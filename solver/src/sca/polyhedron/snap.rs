//! Taking the rounding of an interior-point answer out of a point.

use faer::Mat;

use super::super::vector::{add_scaled, dot, largest_magnitude};
use super::{FEASIBILITY_TOLERANCE, Polyhedron};
use crate::linalg::ThinSvd;

/// A point that violates by more than this is wrong, not rounded, and is left as it is.
const ROUNDING: f64 = 10.0 * FEASIBILITY_TOLERANCE;

impl Polyhedron {
    /// `point` moved onto the bounds it misses by rounding, and onto the equalities by the least-norm correction of the variables that are off their
    /// bounds if that leaves the largest violation no worse. What is rounding depends on the `size` of the points that it was computed
    /// from, where that is above its own.
    ///
    /// It changes what is already nearly feasible in its last digits; it is no projection, and the caller
    /// still checks the result.
    pub(crate) fn snap(&self, point: &[f64], size: f64) -> Vec<f64> {
        let size = largest_magnitude(point).max(size);
        if self.violation_at_size(point, size).amount > ROUNDING {
            return point.to_vec();
        }
        let clamped = self.clamp(point);
        match self.correct_equalities(&clamped, size).map(|corrected| self.clamp(&corrected)) {
            Some(corrected)
                if self.largest_violation(&corrected).amount <= self.largest_violation(&clamped).amount =>
            {
                corrected
            }
            _ => clamped,
        }
    }

    fn clamp(&self, point: &[f64]) -> Vec<f64> {
        point.iter().zip(self.lower.iter().zip(&self.upper)).map(|(x, (l, u))| x.max(*l).min(*u)).collect()
    }

    /// `x − A_F⁺ (A_eq x − b_eq)` with `A_F` the columns of variables strictly between their bounds, less the singular directions in which that is more than
    /// rounding of points of `size`: rows that differ by rounding say nothing there.
    fn correct_equalities(&self, point: &[f64], size: f64) -> Option<Vec<f64>> {
        if self.equalities.is_empty() {
            return None;
        }
        let bounds = self.lower.iter().zip(&self.upper);
        let free: Vec<bool> = point.iter().zip(bounds).map(|(x, (l, u))| l < x && x < u).collect();
        let columns = Mat::from_fn(self.equalities.len(), self.dimension(), |i, j| {
            let row = self.equalities.get(i).map(|row| row.coefficients.as_slice()).unwrap_or_default();
            if free.get(j) == Some(&true) { row.get(j).copied().unwrap_or(0.0) } else { 0.0 }
        });
        let ThinSvd { left, values, right } = ThinSvd::of(columns.as_ref()).ok()?;
        let negligible = values.first()? * f64::EPSILON * columns.nrows().max(columns.ncols()) as f64;
        let excess: Vec<f64> = self.equalities.iter().map(|row| row.excess(point)).collect();
        let mut corrected = point.to_vec();
        for (k, value) in values.iter().enumerate().filter(|(_, value)| **value > negligible) {
            let part = dot(left.col_as_slice(k), &excess) / value;
            if part.abs() <= ROUNDING * size {
                add_scaled(&mut corrected, -part, right.col_as_slice(k));
            }
        }
        corrected.iter().all(|x| x.is_finite()).then_some(corrected)
    }
}
