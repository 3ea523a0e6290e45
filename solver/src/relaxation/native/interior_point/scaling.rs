//! Nesterov–Todd scaling of one pair of positive definite matrices.

use super::channels::Block;
use crate::linalg::{Scratch, add_scaled, eigen_into, factorize, make_hermitian, multiply};
use faer::linalg::triangular_solve::solve_upper_triangular_in_place;
use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, MatRef, Par, c64};

/// Frames `F` and `E = F^{-H}` of a pair of positive definite matrices `A` and `B`: `A = F diag(λ) F^H`, `B = E diag(λ) E^H`.
#[derive(Debug, Clone)]
pub(super) struct Scaling {
    pub frame: Mat<c64>,
    pub dual_frame: Mat<c64>,
    pub lambda: Vec<f64>,
}

impl Scaling {
    /// Room for `columns` columns of `rows` entries.
    pub fn new(rows: usize, columns: usize) -> Self {
        let frame = || Mat::zeros(rows, columns);
        Self { frame: frame(), dual_frame: frame(), lambda: vec![0.0; columns] }
    }

    /// Writes the frames of `A` and `B` into the block's columns.
    ///
    /// With `B = L L^H` and `L^H A L = Q diag(λ²) Q^H`, `F = L^{-H} Q diag(λ)^{1/2}` and `E = L Q diag(λ)^{-1/2}`. `false` where rounding
    /// has made a matrix indefinite.
    pub fn update(&mut self, block: &Block, a: MatRef<'_, c64>, b: MatRef<'_, c64>, work: &mut Work) -> bool {
        let Work { factor, product, eigenvalues, scratch } = work;
        let side = block.side;
        let (mut frame, mut dual) = (block.of_mut(&mut self.frame), block.of_mut(&mut self.dual_frame));
        let mut factor = factor.as_mut().submatrix_mut(0, 0, side, side);
        let mut product = product.as_mut().submatrix_mut(0, 0, side, side);
        factor.copy_from(b);
        if !factorize(factor.rb_mut(), scratch) {
            return false;
        }
        for j in 1..side {
            factor.rb_mut().col_mut(j).subrows_mut(0, j).fill(c64::new(0.0, 0.0));
        }
        multiply(frame.rb_mut(), a, factor.as_ref());
        multiply(product.rb_mut(), factor.as_ref().adjoint(), frame.as_ref());
        make_hermitian(product.rb_mut());
        let mut squares = eigenvalues.as_mut().col_mut(0).subrows_mut(0, side);
        if !eigen_into(product.as_ref(), squares.rb_mut(), frame.rb_mut(), scratch) {
            return false;
        }
        multiply(dual.rb_mut(), factor.as_ref(), frame.as_ref());
        solve_upper_triangular_in_place(factor.adjoint(), frame.rb_mut(), Par::Seq);
        let lambda = &mut self.lambda[block.range()];
        for (j, (lambda, square)) in lambda.iter_mut().zip(squares.iter()).enumerate() {
            *lambda = square.re.sqrt();
            let root = lambda.sqrt();
            if !(root.is_finite() && root > 0.0) {
                return false;
            }
            frame.rb_mut().col_mut(j).iter_mut().for_each(|entry| *entry *= root);
            dual.rb_mut().col_mut(j).iter_mut().for_each(|entry| *entry /= root);
        }
        true
    }
}

/// Memory for matrices of up to a given side.
#[derive(Debug, Clone)]
pub(super) struct Work {
    factor: Mat<c64>,
    product: Mat<c64>,
    eigenvalues: Mat<c64>,
    pub scratch: Scratch,
}

impl Work {
    pub fn new(side: usize) -> Self {
        let square = || Mat::zeros(side, side);
        let eigenvalues = Mat::zeros(side, 1);
        Self { factor: square(), product: square(), eigenvalues, scratch: Scratch::default() }
    }

    /// Whether a matrix is positive definite.
    pub fn is_positive(&mut self, matrix: MatRef<'_, c64>) -> bool {
        let mut copy = self.product.as_mut().submatrix_mut(0, 0, matrix.nrows(), matrix.nrows());
        copy.copy_from(matrix);
        factorize(copy, &mut self.scratch)
    }

    /// `D ← F D F^H`, Hermitian.
    pub fn turn(&mut self, mut d: MatMut<'_, c64>, frame: MatRef<'_, c64>) {
        let mut left = self.factor.as_mut().submatrix_mut(0, 0, d.nrows(), d.nrows());
        multiply(left.rb_mut(), frame, d.as_ref());
        multiply(d.rb_mut(), left.as_ref(), frame.adjoint());
        make_hermitian(d);
    }

    /// `D ← F^H D F`, Hermitian.
    pub fn turn_back(&mut self, mut d: MatMut<'_, c64>, frame: MatRef<'_, c64>) {
        let mut left = self.factor.as_mut().submatrix_mut(0, 0, d.nrows(), d.nrows());
        multiply(left.rb_mut(), frame.adjoint(), d.as_ref());
        multiply(d.rb_mut(), left.as_ref(), frame);
        make_hermitian(d);
    }

    /// `A ← A − W D W^H`, Hermitian.
    pub fn subtract_turned(&mut self, mut a: MatMut<'_, c64>, d: MatRef<'_, c64>, w: MatRef<'_, c64>) {
        let side = a.nrows();
        let mut left = self.factor.as_mut().submatrix_mut(0, 0, side, side);
        let mut product = self.product.as_mut().submatrix_mut(0, 0, side, side);
        multiply(left.rb_mut(), w, d);
        multiply(product.rb_mut(), left.as_ref(), w.adjoint());
        add_scaled(a.rb_mut(), product.as_ref(), -1.0);
        make_hermitian(a);
    }

    /// The longest step in `[0, limit]` along which a matrix stays positive definite, to within a bisection's last interval.
    pub fn longest_step(
        &mut self,
        current: MatRef<'_, c64>,
        change: MatRef<'_, c64>,
        limit: f64,
        bisections: usize,
    ) -> f64 {
        let side = current.nrows();
        if side == 1 {
            let (value, slope) = (current[(0, 0)].re, change[(0, 0)].re);
            return if value + limit * slope > 0.0 { limit } else { -value / slope };
        }
        let mut inside = |length: f64| {
            let mut trial = self.product.as_mut().submatrix_mut(0, 0, side, side);
            for j in 0..side {
                for i in j..side {
                    trial[(i, j)] = current[(i, j)] + change[(i, j)] * length;
                }
            }
            factorize(trial, &mut self.scratch)
        };
        if inside(limit) {
            return limit;
        }
        let (mut good, mut bad) = (0.0, limit);
        for _ in 0..bisections {
            let middle = 0.5 * (good + bad);
            if inside(middle) { good = middle } else { bad = middle }
        }
        good
    }
}

/// `τ diag(λ)^{-1} − diag(λ)`, less Mehrotra's second-order correction `2 sym(D_1 D_2)_ij/(λ_i + λ_j)` if a predictor `(D_1, D_2)` is
/// given: what the changes of both matrices of a pair add up to in their frame.
pub(super) fn write_target(
    mut out: MatMut<'_, c64>,
    lambda: &[f64],
    target: f64,
    predictor: Option<(MatRef<'_, c64>, MatRef<'_, c64>)>,
) {
    match predictor {
        None => out.fill(c64::new(0.0, 0.0)),
        Some((first, second)) => {
            multiply(out.rb_mut(), first, second);
            make_hermitian(out.rb_mut());
            for (j, column) in out.rb_mut().col_iter_mut().enumerate() {
                for (entry, value) in column.iter_mut().zip(lambda) {
                    *entry *= -2.0 / (value + lambda[j]);
                }
            }
        }
    }
    for (i, value) in lambda.iter().enumerate() {
        out[(i, i)].re += target / value - value;
    }
}
