//! Arithmetic that the claims are checked with: faer's products and decompositions, nothing of the solver's.

use faer::linalg::solvers::{DenseSolveCore, SelfAdjointEigen};
use faer::{Mat, MatRef, Side, c64};

/// `a^T b`.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `a − b`.
pub fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// `‖a‖`.
pub fn length(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `I` of the given side.
pub fn identity(side: usize) -> Mat<c64> {
    Mat::identity(side, side)
}

/// `factor · M`.
pub fn scaled(matrix: MatRef<'_, c64>, factor: f64) -> Mat<c64> {
    matrix * faer::Scale(c64::new(factor, 0.0))
}

/// `Re tr(A^H B)`.
pub fn inner(a: MatRef<'_, c64>, b: MatRef<'_, c64>) -> f64 {
    trace((a.adjoint() * b).as_ref())
}

/// `‖M‖_F²`.
pub fn squared_norm(matrix: MatRef<'_, c64>) -> f64 {
    inner(matrix, matrix)
}

/// `‖M‖_F`.
pub fn norm(matrix: MatRef<'_, c64>) -> f64 {
    squared_norm(matrix).sqrt()
}

/// Real part of the trace.
pub fn trace(matrix: MatRef<'_, c64>) -> f64 {
    (0..matrix.nrows()).map(|i| matrix[(i, i)].re).sum()
}

/// `M^{-1}`, by elimination with full pivoting.
pub fn inverse(matrix: MatRef<'_, c64>) -> Mat<c64> {
    matrix.full_piv_lu().inverse()
}

/// `(M + M^H)/2`.
pub fn hermitian(matrix: MatRef<'_, c64>) -> Mat<c64> {
    scaled((matrix + matrix.adjoint()).as_ref(), 0.5)
}

/// Eigenvalues of a Hermitian matrix, ascending. A matrix with entries that are not finite has NaN.
pub fn eigenvalues(matrix: MatRef<'_, c64>) -> Vec<f64> {
    matrix.self_adjoint_eigenvalues(Side::Lower).unwrap_or_else(|_| vec![f64::NAN; matrix.nrows()])
}

/// `M_+^{1/2}`, the root of the positive part of a Hermitian matrix with finite entries.
pub fn root(matrix: MatRef<'_, c64>) -> Mat<c64> {
    let eigen = SelfAdjointEigen::new(matrix, Side::Lower).expect("finite entries");
    let half = Mat::from_fn(matrix.nrows(), matrix.nrows(), |i, j| {
        eigen.U()[(i, j)] * eigen.S().column_vector()[j].re.max(0.0).sqrt()
    });
    half * eigen.U().adjoint()
}
