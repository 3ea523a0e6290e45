//! Small dense complex linear algebra on top of faer: what several modules need and faer does not name.
//!
//! All matrices here have tens of rows, so everything runs sequentially and is the same on every machine
//! with the same instruction set, whatever the thread count.

mod decompositions;
mod substitution;

pub(crate) use decompositions::*;
pub(crate) use substitution::solve_factorized;

use crate::error::{Error, Quantity};
use faer::linalg::matmul::matmul;
use faer::traits::Conjugate;
use faer::{Accum, Mat, MatMut, MatRef, Par, c64};

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

/// `A B`, sequentially: the operator `*` may use as many threads as a setting of the whole program says, and large products round accordingly.
pub(crate) fn product<A, B>(a: MatRef<'_, A>, b: MatRef<'_, B>) -> Mat<c64>
where
    A: Conjugate<Canonical = c64>,
    B: Conjugate<Canonical = c64>,
{
    let mut result = Mat::zeros(a.nrows(), b.ncols());
    multiply(result.as_mut(), a, b);
    result
}

/// `G M G^H`.
pub(crate) fn congruence(g: &Mat<c64>, matrix: &Mat<c64>) -> Mat<c64> {
    product(product(g.as_ref(), matrix.as_ref()).as_ref(), g.adjoint())
}

/// Adds `A B`, sequentially.
pub(crate) fn add_product<A, B>(result: MatMut<'_, c64>, a: MatRef<'_, A>, b: MatRef<'_, B>)
where
    A: Conjugate<Canonical = c64>,
    B: Conjugate<Canonical = c64>,
{
    matmul(result, Accum::Add, a, b, c64::new(1.0, 0.0), Par::Seq);
}

/// `(M + M^H)/2`.
pub(crate) fn hermitian_part(matrix: MatRef<'_, c64>) -> Mat<c64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| (matrix[(i, j)] + matrix[(j, i)].conj()) * 0.5)
}

/// Real part of the trace.
pub(crate) fn trace(matrix: MatRef<'_, c64>) -> f64 {
    (0..matrix.nrows().min(matrix.ncols())).map(|i| matrix[(i, i)].re).sum()
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
    unit_of_size(largest_part(matrix))
}

/// The largest real or imaginary part, in magnitude.
pub(crate) fn largest_part(matrix: MatRef<'_, c64>) -> f64 {
    let entries = matrix.col_iter().flat_map(|column| column.iter());
    entries.fold(0.0_f64, |largest, entry| largest.max(entry.re.abs()).max(entry.im.abs()))
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
    let singular = singular_values(matrix)?;
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

/// `M ← factor·M`.
pub(crate) fn scale(matrix: MatMut<'_, c64>, factor: f64) {
    for column in matrix.col_iter_mut() {
        column.iter_mut().for_each(|entry| *entry *= factor);
    }
}

/// `M ← 2^exponent·M`, exactly but for what leaves the floating-point range.
pub(crate) fn times_power_of_two(matrix: MatMut<'_, c64>, exponent: i32) {
    if exponent == 0 {
        return;
    }
    let factor = 2.0_f64.powi(exponent);
    if factor.is_normal() {
        scale(matrix, factor);
        return;
    }
    for column in matrix.col_iter_mut() {
        column.iter_mut().for_each(|entry| {
            *entry = c64::new(libm::scalbn(entry.re, exponent), libm::scalbn(entry.im, exponent));
        });
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
