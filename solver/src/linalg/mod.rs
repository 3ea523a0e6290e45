//! Small dense complex linear algebra on top of faer: what several modules need and faer does not name.
//!
//! All matrices here have tens of rows, so everything runs sequentially and is the same on every machine
//! with the same instruction set, whatever the thread count.

mod substitution;

pub(crate) use substitution::solve_factorized;

use crate::error::{Error, Quantity};
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::cholesky::llt::factor::{LltParams, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::cholesky::llt::solve::{solve_in_place, solve_in_place_scratch};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::traits::{ComplexField, Conjugate};
use faer::{Accum, Auto, Col, ColMut, Mat, MatMut, MatRef, Par, Side, Spec, c64};
use std::mem::MaybeUninit;

/// Eigenvalues in ascending order and the matching orthonormal eigenvectors of a Hermitian matrix.
pub(crate) struct Spectrum {
    /// Ascending.
    pub values: Vec<f64>,
    /// Column `i` belongs to `values[i]`.
    pub vectors: Mat<c64>,
}

impl Spectrum {
    /// Of a Hermitian matrix; the lower triangle is read.
    pub fn of(matrix: MatRef<'_, c64>) -> Result<Self, Error> {
        let eigen = matrix
            .self_adjoint_eigen(Side::Lower)
            .map_err(|_| Error::Numerical { operation: "eigendecomposition" })?;
        let values = (0..matrix.nrows()).map(|i| eigen.S().column_vector()[i].re).collect();
        Ok(Self { values, vectors: eigen.U().to_owned() })
    }

    /// Sets to zero what rounding leaves of the eigenvalues of a positive semidefinite matrix of at most the given rank.
    pub fn limit_rank(&mut self, rank: usize) {
        let lost = self.values.len().saturating_sub(rank);
        self.values[..lost].fill(0.0);
        drop_negligible(&mut self.values);
    }

    /// `V f(Λ) V^H`.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Mat<c64> {
        let scaled = Mat::from_fn(self.vectors.nrows(), self.vectors.ncols(), |i, j| {
            self.vectors[(i, j)] * f(self.values[j])
        });
        scaled * self.vectors.adjoint()
    }
}

/// Eigendecompositions of Hermitian matrices of one size, one after another, in the same memory.
pub(crate) struct Eigensolver {
    spectrum: Spectrum,
    eigenvalues: Col<c64>,
    /// `V f(Λ)`.
    weighted: Mat<c64>,
    scratch: Scratch,
}

impl Eigensolver {
    /// For `side × side` matrices.
    pub fn new(side: usize) -> Self {
        let square = || Mat::zeros(side, side);
        Self {
            spectrum: Spectrum { values: vec![0.0; side], vectors: square() },
            eigenvalues: Col::zeros(side),
            weighted: square(),
            scratch: Scratch::default(),
        }
    }

    /// Of a finite Hermitian matrix of at most the given rank; the lower triangle is read.
    pub fn decompose(&mut self, matrix: MatRef<'_, c64>, rank: usize) -> Result<&Spectrum, Error> {
        let Spectrum { values, vectors } = &mut self.spectrum;
        if !eigen_into(matrix, self.eigenvalues.as_mut(), vectors.as_mut(), &mut self.scratch) {
            return Err(Error::Numerical { operation: "eigendecomposition" });
        }
        for (value, eigenvalue) in values.iter_mut().zip(self.eigenvalues.iter()) {
            *value = eigenvalue.re;
        }
        self.spectrum.limit_rank(rank);
        Ok(&self.spectrum)
    }

    /// Writes `V f(Λ) V^H` of the last matrix.
    pub fn map(&mut self, f: impl Fn(f64) -> f64, result: MatMut<'_, c64>) {
        let Spectrum { values, vectors } = &self.spectrum;
        for (j, &value) in values.iter().enumerate() {
            let factor = f(value);
            for i in 0..values.len() {
                self.weighted[(i, j)] = vectors[(i, j)] * factor;
            }
        }
        multiply(result, self.weighted.as_ref(), vectors.adjoint());
    }
}

/// `[M_1 … M_N]`, of matrices with the same number of rows.
pub(crate) fn side_by_side(matrices: &[Mat<c64>]) -> Mat<c64> {
    let columns: Vec<_> = matrices.iter().flat_map(|matrix| matrix.col_iter()).collect();
    Mat::from_fn(matrices.first().map_or(0, Mat::nrows), columns.len(), |i, j| columns[j][i])
}

/// Writes `A B`, sequentially.
pub(crate) fn multiply<A, B>(result: MatMut<'_, c64>, a: MatRef<'_, A>, b: MatRef<'_, B>)
where
    A: Conjugate<Canonical = c64>,
    B: Conjugate<Canonical = c64>,
{
    matmul(result, Accum::Replace, a, b, c64::new(1.0, 0.0), Par::Seq);
}

/// Adds `A B`, sequentially.
pub(crate) fn add_product<A, B>(result: MatMut<'_, c64>, a: MatRef<'_, A>, b: MatRef<'_, B>)
where
    A: Conjugate<Canonical = c64>,
    B: Conjugate<Canonical = c64>,
{
    matmul(result, Accum::Add, a, b, c64::new(1.0, 0.0), Par::Seq);
}

/// Eigenvalues of a Hermitian matrix, ascending; the lower triangle is read.
pub(crate) fn eigenvalues(matrix: MatRef<'_, c64>) -> Result<Vec<f64>, Error> {
    matrix.self_adjoint_eigenvalues(Side::Lower).map_err(|_| Error::Numerical { operation: "eigenvalues" })
}

/// An eigenvalue below this share of the largest counts as 0: far below rounding, and its square still in the floating-point range.
const NEGLIGIBLE: f64 = 1e-140;

/// The least eigenvalue of a positive semidefinite matrix that counts as positive, beside the largest.
pub(crate) fn least_eigenvalue(largest: f64) -> f64 {
    (NEGLIGIBLE * largest).max(f64::MIN_POSITIVE)
}

/// Sets to zero those of ascending eigenvalues that are below [`least_eigenvalue`].
pub(crate) fn drop_negligible(values: &mut [f64]) {
    let least = least_eigenvalue(values.last().copied().unwrap_or(0.0));
    values.iter_mut().take_while(|value| **value < least).for_each(|value| *value = 0.0);
}

/// `(M + M^H)/2`.
pub(crate) fn hermitian_part(matrix: MatRef<'_, c64>) -> Mat<c64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| (matrix[(i, j)] + matrix[(j, i)].conj()) * 0.5)
}

/// Real part of the trace.
pub(crate) fn trace(matrix: MatRef<'_, c64>) -> f64 {
    (0..matrix.nrows().min(matrix.ncols())).map(|i| matrix[(i, i)].re).sum()
}

/// `tr M^{1/2}` of a Hermitian matrix; negative eigenvalues (rounding) count as zero.
pub(crate) fn trace_of_root(matrix: MatRef<'_, c64>) -> Result<f64, Error> {
    Ok(eigenvalues(matrix)?.iter().map(|value| value.max(0.0).sqrt()).sum())
}

/// `Re tr(A^H B)`, the inner product of the real vector space of complex matrices.
pub(crate) fn inner(a: MatRef<'_, c64>, b: MatRef<'_, c64>) -> f64 {
    let mut sum = 0.0;
    for j in 0..a.ncols() {
        for i in 0..a.nrows() {
            sum += a[(i, j)].re * b[(i, j)].re + a[(i, j)].im * b[(i, j)].im;
        }
    }
    sum
}

/// `‖M‖_F²`.
pub(crate) fn squared_norm(matrix: MatRef<'_, c64>) -> f64 {
    inner(matrix, matrix)
}

/// `‖M‖_F` of a finite matrix, at either end of the floating-point range too.
pub(crate) fn norm(matrix: MatRef<'_, c64>) -> f64 {
    let squared = squared_norm(matrix);
    if squared.is_normal() && unit_of_size(squared) == 1.0 {
        return squared.sqrt();
    }
    unit_of(matrix) * squared_norm(rescaled(matrix).as_ref()).sqrt()
}

/// Matrices whose largest entry is within this power of two and its inverse are far from the ends of the floating-point range, and so are
/// squares and cubes of them.
const FAMILIAR_EXPONENT: i32 = 200;

/// A power of two to divide a finite matrix by: 1, or where its largest entry is near an end of the floating-point range, near that entry.
pub(crate) fn unit_of(matrix: MatRef<'_, c64>) -> f64 {
    let largest = matrix
        .col_iter()
        .flat_map(|column| column.iter())
        .fold(0.0_f64, |largest, entry| largest.max(entry.re.abs()).max(entry.im.abs()));
    unit_of_size(largest)
}

/// The same for a matrix of which this is the largest entry.
pub(crate) fn unit_of_size(largest: f64) -> f64 {
    let unit = power_of_two(largest);
    let limit = 2.0_f64.powi(FAMILIAR_EXPONENT);
    if unit <= limit && unit.recip() <= limit { 1.0 } else { unit }
}

/// A finite matrix of which the scale does not matter, divided by [`unit_of`] it.
pub(crate) fn rescaled(matrix: MatRef<'_, c64>) -> Mat<c64> {
    let unit = unit_of(matrix);
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] / unit)
}

/// A power of two near a positive number, both it and its inverse normal numbers; 1 for 0.
pub(crate) fn power_of_two(value: f64) -> f64 {
    if value > 0.0 { 2.0_f64.powi(value.log2().floor().clamp(-1022.0, 1022.0) as i32) } else { 1.0 }
}

/// Checks that every entry is finite.
pub(crate) fn require_finite(
    matrix: MatRef<'_, c64>,
    quantity: Quantity,
    device: usize,
) -> Result<(), Error> {
    for column in 0..matrix.ncols() {
        for row in 0..matrix.nrows() {
            let entry = matrix[(row, column)];
            if !(entry.re.is_finite() && entry.im.is_finite()) {
                return Err(Error::NonFiniteEntry { quantity, device, row, column });
            }
        }
    }
    Ok(())
}

/// Checks that a channel has entries and that they are finite.
pub(crate) fn require_channel(channel: MatRef<'_, c64>, device: usize) -> Result<(), Error> {
    if channel.nrows() == 0 || channel.ncols() == 0 {
        return Err(Error::EmptyMatrix { quantity: Quantity::Channel, device });
    }
    require_finite(channel, Quantity::Channel, device)
}

/// Checks that a matrix has the expected shape and finite entries.
pub(crate) fn require_matrix(
    matrix: MatRef<'_, c64>,
    expected: (usize, usize),
    quantity: Quantity,
    device: usize,
) -> Result<(), Error> {
    let found = (matrix.nrows(), matrix.ncols());
    if found != expected {
        return Err(Error::Shape { quantity, device, expected, found });
    }
    require_finite(matrix, quantity, device)
}

/// Checks full column rank, with the tolerance of numerical rank: singular values up to `(rows + columns)·ε·scale` are rounding.
/// `scale` is the size of what the matrix was computed from: `‖M‖_F` for data, `‖H_n‖_F ‖A‖_F` for a product `H_n^H A`, in which a
/// channel that cancels the aggregator leaves rounding alone.
pub(crate) fn require_full_column_rank(
    matrix: MatRef<'_, c64>,
    scale: f64,
    quantity: Quantity,
    device: usize,
) -> Result<(), Error> {
    let singular = matrix.singular_values().map_err(|_| Error::Numerical { operation: "singular values" })?;
    require_full_rank(&singular, (matrix.nrows(), matrix.ncols()), scale, quantity, device)
}

/// The same for a matrix of which the singular values are known.
pub(crate) fn require_full_rank(
    singular: &[f64],
    (rows, columns): (usize, usize),
    scale: f64,
    quantity: Quantity,
    device: usize,
) -> Result<(), Error> {
    let largest = singular.iter().copied().fold(0.0, f64::max);
    let smallest = if rows < columns { 0.0 } else { singular.iter().copied().fold(f64::INFINITY, f64::min) };
    let tolerance = (rows + columns) as f64 * f64::EPSILON * scale;
    if smallest > tolerance {
        return Ok(());
    }
    Err(Error::RankDeficient { quantity, device, columns, largest, smallest })
}

/// Grow-only memory for faer's in-place algorithms: allocation-free once it is large enough.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch(Vec<MaybeUninit<u8>>);

impl Scratch {
    fn stack(&mut self, request: StackReq) -> &mut MemStack {
        let bytes = request.unaligned_bytes_required();
        if self.0.len() < bytes {
            self.0.resize(bytes, MaybeUninit::uninit());
        }
        MemStack::new(&mut self.0)
    }
}

/// Where a Cholesky factorization stops to divide a matrix. faer's own 64 costs a sixth more for 128 unknowns.
const CHOLESKY_THRESHOLD: usize = 32;
/// Columns that it takes at a time. faer's own 128 costs a twentieth more for 400 unknowns.
const CHOLESKY_BLOCK: usize = 64;

/// Replaces a positive definite Hermitian matrix, of which the lower triangle is read, by its Cholesky factor, in the lower
/// triangle. `false` if it is not (numerically) positive definite; the matrix is then of no use.
pub(crate) fn factorize<T: ComplexField<Real = f64>>(
    mut matrix: MatMut<'_, T>,
    scratch: &mut Scratch,
) -> bool {
    let mut parameters = <LltParams as Auto<T>>::auto();
    (parameters.recursion_threshold, parameters.block_size) = (CHOLESKY_THRESHOLD, CHOLESKY_BLOCK);
    let parameters: Spec<LltParams, T> = parameters.into();
    let stack = scratch.stack(cholesky_in_place_scratch::<T>(matrix.nrows(), Par::Seq, parameters));
    cholesky_in_place(matrix.rb_mut(), Default::default(), Par::Seq, stack, parameters).is_ok()
        && (0..matrix.nrows()).all(|i| faer::traits::math_utils::real(&matrix[(i, i)]).is_finite())
}

/// Writes the eigenvalues of a Hermitian matrix, ascending, and its orthonormal eigenvectors. `false` if they are not found.
pub(crate) fn eigen_into(
    matrix: MatRef<'_, c64>,
    values: ColMut<'_, c64>,
    vectors: MatMut<'_, c64>,
    scratch: &mut Scratch,
) -> bool {
    let request = self_adjoint_evd_scratch::<c64>(
        matrix.nrows(),
        ComputeEigenvectors::Yes,
        Par::Seq,
        Default::default(),
    );
    let values = values.as_diagonal_mut();
    self_adjoint_evd(matrix, values, Some(vectors), Par::Seq, scratch.stack(request), Default::default())
        .is_ok()
}

/// Writes the singular values of a matrix, descending, and where asked for `(W, V)` of the thin decomposition `W S V^H`.
pub(crate) fn svd_into(
    matrix: MatRef<'_, c64>,
    values: ColMut<'_, c64>,
    vectors: Option<(MatMut<'_, c64>, MatMut<'_, c64>)>,
    scratch: &mut Scratch,
) -> Result<(), Error> {
    let compute = if vectors.is_some() { ComputeSvdVectors::Thin } else { ComputeSvdVectors::No };
    let (rows, columns) = matrix.shape();
    let request = svd_scratch::<c64>(rows, columns, compute, compute, Par::Seq, Default::default());
    let (left, right) = vectors.unzip();
    let (values, stack) = (values.as_diagonal_mut(), scratch.stack(request));
    svd(matrix, values, left, right, Par::Seq, stack, Default::default())
        .map_err(|_| Error::Numerical { operation: "singular values" })
}

/// `X ← M^{-1} X` for a positive definite Hermitian matrix, of which the lower triangle is read and written over. `false` if it is not
/// (numerically) positive definite.
pub(crate) fn solve_positive_definite(
    mut matrix: MatMut<'_, c64>,
    right: MatMut<'_, c64>,
    scratch: &mut Scratch,
) -> bool {
    let (side, columns) = right.shape();
    let stack = scratch.stack(cholesky_in_place_scratch::<c64>(side, Par::Seq, Default::default()));
    if cholesky_in_place(matrix.rb_mut(), Default::default(), Par::Seq, stack, Default::default()).is_err() {
        return false;
    }
    let stack = scratch.stack(solve_in_place_scratch::<c64>(side, columns, Par::Seq));
    solve_in_place(matrix.rb(), right, Par::Seq, stack);
    true
}

/// `M ← factor·M`.
pub(crate) fn scale(matrix: MatMut<'_, c64>, factor: f64) {
    for column in matrix.col_iter_mut() {
        column.iter_mut().for_each(|entry| *entry *= factor);
    }
}

/// `M ← M + factor·D`.
pub(crate) fn add_scaled(matrix: MatMut<'_, c64>, direction: MatRef<'_, c64>, factor: f64) {
    for (target, source) in matrix.col_iter_mut().zip(direction.col_iter()) {
        target.iter_mut().zip(source.iter()).for_each(|(target, source)| *target += *source * factor);
    }
}

/// `M ← (M + M^H)/2`.
pub(crate) fn make_hermitian(mut matrix: MatMut<'_, c64>) {
    for j in 0..matrix.ncols() {
        matrix[(j, j)].im = 0.0;
        for i in j + 1..matrix.nrows() {
            let mean = (matrix[(i, j)] + matrix[(j, i)].conj()) * 0.5;
            matrix[(i, j)] = mean;
            matrix[(j, i)] = mean.conj();
        }
    }
}

/// Writes the inverse of a Hermitian matrix of which the Cholesky factor is in the lower triangle of `factor`; `memory` is of its shape.
///
/// `L^{-1}` from the identity, and one product: for tens of rows faster than faer's recursive inverse.
pub(crate) fn invert_factorized(
    factor: MatRef<'_, c64>,
    mut memory: MatMut<'_, c64>,
    mut out: MatMut<'_, c64>,
) {
    memory.fill(c64::new(0.0, 0.0));
    (0..factor.nrows()).for_each(|i| memory[(i, i)] = c64::new(1.0, 0.0));
    solve_lower_triangular_in_place(factor, memory.rb_mut(), Par::Seq);
    multiply(out.rb_mut(), memory.rb().adjoint(), memory.rb());
    make_hermitian(out);
}
