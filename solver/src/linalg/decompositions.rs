//! Decompositions, by faer's in-place routines: they take the number of threads as an argument, here always one, where its solvers read it from a
//! setting of the whole program. The bits of eigenvectors depend on it.

use super::{make_hermitian, multiply, product};
use crate::error::Error;
use faer::dyn_stack::{MemStack, StackReq};
use faer::linalg::cholesky::llt::factor::{LltParams, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::cholesky::llt::solve::{solve_in_place, solve_in_place_scratch};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
};
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::traits::ComplexField;
use faer::{Auto, Col, ColMut, Conj, Mat, MatMut, MatRef, Par, Spec, c64};
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
        let side = matrix.nrows();
        let (mut values, mut vectors) = (Col::zeros(side), Mat::zeros(side, side));
        if !eigen_into(matrix, values.as_mut(), Some(vectors.as_mut()), &mut Scratch::default()) {
            return Err(Error::Numerical { operation: "eigendecomposition" });
        }
        Ok(Self { values: real_parts(&values), vectors })
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
        product(scaled.as_ref(), self.vectors.adjoint())
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
        if !eigen_into(matrix, self.eigenvalues.as_mut(), Some(vectors.as_mut()), &mut self.scratch) {
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

/// Eigenvalues of a Hermitian matrix, ascending; the lower triangle is read.
pub(crate) fn eigenvalues(matrix: MatRef<'_, c64>) -> Result<Vec<f64>, Error> {
    let mut values = Col::zeros(matrix.nrows());
    if eigen_into(matrix, values.as_mut(), None, &mut Scratch::default()) {
        Ok(real_parts(&values))
    } else {
        Err(Error::Numerical { operation: "eigenvalues" })
    }
}

fn real_parts<T: ComplexField<Real = f64>>(values: &Col<T>) -> Vec<f64> {
    values.iter().map(faer::traits::math_utils::real).collect()
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

/// `tr M^{1/2}` of a Hermitian matrix; negative eigenvalues (rounding) count as zero.
pub(crate) fn trace_of_root(matrix: MatRef<'_, c64>) -> Result<f64, Error> {
    Ok(eigenvalues(matrix)?.iter().map(|value| value.max(0.0).sqrt()).sum())
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

/// Writes the eigenvalues of a Hermitian matrix, ascending, and where asked for its orthonormal eigenvectors; the lower triangle is read. `false` if
/// they are not found.
pub(crate) fn eigen_into(
    matrix: MatRef<'_, c64>,
    values: ColMut<'_, c64>,
    vectors: Option<MatMut<'_, c64>>,
    scratch: &mut Scratch,
) -> bool {
    let compute = if vectors.is_some() { ComputeEigenvectors::Yes } else { ComputeEigenvectors::No };
    let request = self_adjoint_evd_scratch::<c64>(matrix.nrows(), compute, Par::Seq, Default::default());
    let (values, stack) = (values.as_diagonal_mut(), scratch.stack(request));
    self_adjoint_evd(matrix, values, vectors, Par::Seq, stack, Default::default()).is_ok()
}

/// The thin singular value decomposition `W S V^H`.
pub(crate) struct ThinSvd<T> {
    /// `W`.
    pub left: Mat<T>,
    /// Descending.
    pub values: Vec<f64>,
    /// `V`.
    pub right: Mat<T>,
}

impl<T: ComplexField<Real = f64>> ThinSvd<T> {
    pub fn of(matrix: MatRef<'_, T>) -> Result<Self, Error> {
        let (rows, columns) = matrix.shape();
        let size = rows.min(columns);
        let (mut left, mut right) = (Mat::zeros(rows, size), Mat::zeros(columns, size));
        let mut values = Col::zeros(size);
        let vectors = Some((left.as_mut(), right.as_mut()));
        svd_into(matrix, values.as_mut(), vectors, &mut Scratch::default())?;
        Ok(Self { left, values: real_parts(&values), right })
    }
}

/// Singular values, descending.
pub(crate) fn singular_values(matrix: MatRef<'_, c64>) -> Result<Vec<f64>, Error> {
    let mut values = Col::zeros(matrix.nrows().min(matrix.ncols()));
    svd_into(matrix, values.as_mut(), None, &mut Scratch::default())?;
    Ok(real_parts(&values))
}

/// Writes the singular values of a matrix, descending, and where asked for `(W, V)` of the thin decomposition `W S V^H`.
pub(crate) fn svd_into<T: ComplexField<Real = f64>>(
    matrix: MatRef<'_, T>,
    mut values: ColMut<'_, T>,
    mut vectors: Option<(MatMut<'_, T>, MatMut<'_, T>)>,
    scratch: &mut Scratch,
) -> Result<(), Error> {
    let compute = if vectors.is_some() { ComputeSvdVectors::Thin } else { ComputeSvdVectors::No };
    let (rows, columns) = matrix.shape();
    let request = svd_scratch::<T>(rows, columns, compute, compute, Par::Seq, Default::default());
    let mut decompose = |matrix: MatRef<'_, T>, values: ColMut<'_, T>| {
        let (left, right) = vectors.as_mut().map(|(left, right)| (left.rb_mut(), right.rb_mut())).unzip();
        let stack = scratch.stack(request);
        svd(matrix, values.as_diagonal_mut(), left, right, Par::Seq, stack, Default::default())
    };
    if decompose(matrix, values.rb_mut()).is_ok() {
        return Ok(());
    }
    // Where singular values are equal the iteration can cycle, by a coincidence of roundings that another order of the columns does not have.
    let reversed = Mat::from_fn(rows, columns, |i, j| matrix[(i, columns - 1 - j)].clone());
    decompose(reversed.as_ref(), values)
        .map_err(|_| Error::Numerical { operation: "singular value decomposition" })?;
    if let Some((_, mut right)) = vectors {
        for j in 0..right.ncols() {
            for i in 0..columns / 2 {
                let (above, below) = (right[(i, j)].clone(), right[(columns - 1 - i, j)].clone());
                (right[(i, j)], right[(columns - 1 - i, j)]) = (below, above);
            }
        }
    }
    Ok(())
}

/// `L` with `M = L L^H` for a positive definite Hermitian matrix, of which the lower triangle is read; `None` if it is not (numerically) positive definite.
pub(crate) fn cholesky(matrix: MatRef<'_, c64>) -> Option<Mat<c64>> {
    let mut factor = matrix.to_owned();
    factorize(factor.as_mut(), &mut Scratch::default()).then(|| {
        for j in 1..factor.ncols() {
            factor.as_mut().col_mut(j).subrows_mut(0, j).fill(c64::new(0.0, 0.0));
        }
        factor
    })
}

/// Orthonormal columns with the range of a matrix of full rank, as many as the lesser of its sides.
pub(crate) fn orthonormal_basis(mut matrix: Mat<c64>) -> Mat<c64> {
    let (rows, columns) = matrix.shape();
    let (size, block) = (rows.min(columns), recommended_block_size::<c64>(rows, columns));
    let (mut coefficients, mut scratch) = (Mat::zeros(block, size), Scratch::default());
    let request = qr_in_place_scratch::<c64>(rows, columns, block, Par::Seq, Default::default());
    let stack = scratch.stack(request);
    qr_in_place(matrix.as_mut(), coefficients.as_mut(), Par::Seq, stack, Default::default());
    let mut basis = Mat::identity(rows, size);
    let request = apply_block_householder_sequence_on_the_left_in_place_scratch::<c64>(rows, block, size);
    apply_block_householder_sequence_on_the_left_in_place_with_conj(
        matrix.as_ref().subcols(0, size),
        coefficients.as_ref(),
        Conj::No,
        basis.as_mut(),
        Par::Seq,
        scratch.stack(request),
    );
    basis
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Singular values 2^{-1/4}, ½, ½, on which faer's iteration does not end, as no other matrix of 100 000 like it.
    #[test]
    fn cycles_among_equal_singular_values_are_left() {
        const PARTS: [(f64, f64); 15] = [
            (0.2027697100217385, -0.3831063102007006),
            (0.06614192391977539, 0.3218219162002939),
            (-0.13571449413024558, 0.2498402843474956),
            (0.16002527613673906, -0.09783661862115539),
            (-0.24548838779403845, 0.04998298044652423),
            (-0.03409559891784159, -0.04606068522874991),
            (-0.034701219099117955, 0.26624366518935055),
            (-0.18872514962042958, -0.036823704744479546),
            (-0.3524005013762569, -0.027211821983132593),
            (0.06546505499694971, -0.1665409226238345),
            (-0.16341284970650358, 0.05411917972709391),
            (0.25766563593718833, -0.29462657070217757),
            (-0.15620305498865006, -0.28368938069517385),
            (0.16453564286496436, -0.12295787061055939),
            (0.24782606980673155, -0.2681107906986091),
        ];
        let matrix = Mat::from_fn(5, 3, |i, j| c64::new(PARTS[5 * j + i].0, PARTS[5 * j + i].1));
        let ThinSvd { left, values, right } = ThinSvd::of(matrix.as_ref()).unwrap();
        for (value, expected) in values.iter().zip([0.5_f64.powf(0.25), 0.5, 0.5]) {
            assert!((value - expected).abs() < 1e-15, "{value}, {expected}");
        }
        let scaled = Mat::from_fn(5, 3, |i, j| left[(i, j)] * values[j]);
        assert!((product(scaled.as_ref(), right.adjoint()) - &matrix).norm_l2() < 1e-15);
        assert_eq!(singular_values(matrix.as_ref()).unwrap().len(), 3);
    }
}
