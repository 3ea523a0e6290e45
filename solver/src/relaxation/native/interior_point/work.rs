//! Memory, and what is done to one matrix at a time.

use super::lanes::{self, Lanes};
use super::packs::{Pack, Parts};
use crate::linalg::{Scratch, factorize, invert_factorized, multiply, scale, squared_norm};
use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, MatRef, c64};

/// The first part of a step that is given up where a matrix leaves the cone, doubled until it does not.
const STEP_LOSS: f64 = 0.02;
/// Squarings that bound an eigenvalue: for 20 antennas, within 21 %.
const SQUARINGS: i32 = 3;
/// A step shorter than this means that rounding has taken over.
const SHORTEST_STEP: f64 = 1e-6;

/// Memory for `R×R` matrices and for those of one pack.
#[derive(Debug, Clone)]
pub(super) struct Work {
    factor: Mat<c64>,
    product: Mat<c64>,
    /// Matrices of the devices of one pack.
    part: Vec<Lanes>,
    pub scratch: Scratch,
}

impl Work {
    pub fn new(receive: usize, packs: &[Pack]) -> Self {
        let square = || Mat::zeros(receive, receive);
        let largest = packs.iter().map(|pack| pack.side * pack.side).max().unwrap_or(0);
        let part = vec![Lanes::default(); largest];
        Self { factor: square(), product: square(), part, scratch: Scratch::default() }
    }

    /// Writes the inverse of a positive definite matrix. `false` if it is not, by rounding.
    pub fn invert(&mut self, matrix: MatRef<'_, c64>, out: MatMut<'_, c64>) -> bool {
        self.factor.copy_from(matrix);
        factorize(self.factor.as_mut(), &mut self.scratch) && {
            invert_factorized(self.factor.as_ref(), self.product.as_mut(), out);
            true
        }
    }

    /// `‖M^{2^k}‖_F^{1/2^k}` with `k` = [`SQUARINGS`]: at least the largest eigenvalue of a positive semidefinite `side × side` matrix, and at most
    /// `side^{1/2^{k + 1}}` of it.
    pub fn largest_eigenvalue_bound(&mut self, matrix: MatRef<'_, c64>) -> f64 {
        let Self { factor: power, product, .. } = self;
        power.copy_from(matrix);
        let (mut bound, mut exponent) = (1.0, 1.0);
        for squaring in 0..=SQUARINGS {
            // The norm is taken out each time: powers neither overflow nor vanish.
            let norm = squared_norm(power.as_ref()).sqrt();
            bound *= norm.powf(exponent);
            if squaring < SQUARINGS {
                scale(power.as_mut(), 1.0 / norm);
                multiply(product.as_mut(), power.as_ref(), power.as_ref());
                std::mem::swap(power, product);
                exponent *= 0.5;
            }
        }
        bound
    }

    /// `A ← A − sym(K M)`, `sym(M) = (M + M^H)/2`.
    pub fn subtract_product(&mut self, mut a: MatMut<'_, c64>, k: MatRef<'_, c64>, m: MatRef<'_, c64>) {
        let side = a.nrows();
        // The sides are known to agree, which spares checks of indices.
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

    /// The inverses of the matrices of a pack. `false` if one is not positive definite, by rounding.
    pub fn invert_parts(&mut self, pack: &Pack, parts: &Parts, out: &mut Parts) -> bool {
        let factor = &mut self.part[..pack.side * pack.side];
        lanes::invert(pack.side, pack.of(parts), pack.of_mut(out), factor)
    }

    /// The longest step, `limit` or below, along which a matrix stays positive definite.
    pub fn longest_step(&mut self, current: MatRef<'_, c64>, change: MatRef<'_, c64>, limit: f64) -> f64 {
        let (side, Self { product, scratch, .. }) = (current.nrows(), self);
        longest_step(limit, |length| {
            let mut trial = product.as_mut().submatrix_mut(0, 0, side, side);
            for j in 0..side {
                for i in j..side {
                    trial[(i, j)] = current[(i, j)] + change[(i, j)] * length;
                }
            }
            factorize(trial, scratch)
        })
    }

    /// The same for the matrices of a pack.
    pub fn longest_step_of_parts(&mut self, pack: &Pack, current: &Parts, change: &Parts, limit: f64) -> f64 {
        let trial = &mut self.part[..pack.side * pack.side];
        longest_step(limit, |length| {
            lanes::stays_definite(pack.side, pack.of(current), pack.of(change), length, trial)
        })
    }
}

/// The first of the steps `limit` times 1, 0.98, 0.96, 0.92, … ([`STEP_LOSS`]), then each half of the last, that is `feasible`; 0 if none down to
/// [`SHORTEST_STEP`] is.
fn longest_step(limit: f64, mut feasible: impl FnMut(f64) -> bool) -> f64 {
    let mut loss = 0.0;
    loop {
        let length = limit * (1.0 - loss);
        if length <= SHORTEST_STEP {
            return 0.0;
        }
        if feasible(length) {
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
