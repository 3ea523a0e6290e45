//! Memory, and what is done to one matrix at a time.

use crate::linalg::{Scratch, factorize, invert_factorized, multiply};
use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, MatRef, c64};

/// The first part of a step that is given up where a matrix leaves the cone, doubled until it does not.
const STEP_LOSS: f64 = 0.02;
/// A step shorter than this means that rounding has taken over.
pub(super) const SHORTEST_STEP: f64 = 1e-6;

/// Memory for matrices of up to a given side.
#[derive(Debug, Clone)]
pub(super) struct Work {
    factor: Mat<c64>,
    product: Mat<c64>,
    pub scratch: Scratch,
}

impl Work {
    pub fn new(side: usize) -> Self {
        let square = || Mat::zeros(side, side);
        Self { factor: square(), product: square(), scratch: Scratch::default() }
    }

    /// Writes the inverse of a positive definite matrix. `false` if it is not, by rounding.
    pub fn invert(&mut self, matrix: MatRef<'_, c64>, out: MatMut<'_, c64>) -> bool {
        let side = matrix.nrows();
        let mut factor = self.factor.as_mut().submatrix_mut(0, 0, side, side);
        factor.copy_from(matrix);
        factorize(factor.rb_mut(), &mut self.scratch) && {
            invert_factorized(factor.as_ref(), out, &mut self.scratch);
            true
        }
    }

    /// `A ← A − sym(K M)`, `sym(M) = (M + M^H)/2`.
    pub fn subtract_product(&mut self, mut a: MatMut<'_, c64>, k: MatRef<'_, c64>, m: MatRef<'_, c64>) {
        let side = a.nrows();
        let mut product = self.product.as_mut().submatrix_mut(0, 0, side, side);
        multiply(product.rb_mut(), k, m);
        for j in 0..side {
            a[(j, j)].re -= product[(j, j)].re;
            for i in j + 1..side {
                let mean = (product[(i, j)] + product[(j, i)].conj()) * 0.5;
                let entry = a[(i, j)] - mean;
                a[(i, j)] = entry;
                a[(j, i)] = entry.conj();
            }
        }
    }

    /// The first of the steps `limit` times 1, 0.98, 0.96, 0.92, … ([`STEP_LOSS`]), then each half of the last, along which a matrix stays positive
    /// definite; 0 if none down to [`SHORTEST_STEP`] does.
    pub fn longest_step(&mut self, current: MatRef<'_, c64>, change: MatRef<'_, c64>, limit: f64) -> f64 {
        let side = current.nrows();
        let mut loss = 0.0;
        loop {
            let length = limit * (1.0 - loss);
            if length <= SHORTEST_STEP {
                return 0.0;
            }
            let mut trial = self.product.as_mut().submatrix_mut(0, 0, side, side);
            for j in 0..side {
                for i in j..side {
                    trial[(i, j)] = current[(i, j)] + change[(i, j)] * length;
                }
            }
            if factorize(trial, &mut self.scratch) {
                return length;
            }
            loss = if loss == 0.0 {
                STEP_LOSS
            } else if loss < 0.5 {
                2.0 * loss
            } else {
                0.5 + 0.5 * loss
            };
        }
    }
}
