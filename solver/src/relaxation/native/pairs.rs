//! The operator `X ↦ Σ_n (A_n X B_n + B_n X A_n)` on Hermitian matrices, in real coordinates.

use super::coordinates::slice_mut;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, c64};
use pulp::{Arch, Simd};
use std::array::from_fn;
use std::f64::consts::SQRT_2;

/// Pairs of Hermitian `R×R` matrices `A_n` and `B_n`, and their operator.
///
/// Its matrix holds the sums `Σ_n A_n[i,k] conj(B_n[j,l]) + B_n[i,k] conj(A_n[j,l])` only. They are sums and differences of the entries of `P + Pᵀ`,
/// `P = Σ_n a_n b_nᵀ`, where `a_n` and `b_n` hold the real and imaginary parts of `A_n` and `B_n`: an eighth of the arithmetic that a column for
/// each unknown of a device of `T_n = 4` antennas takes.
#[derive(Debug, Clone)]
pub(super) struct Pairs {
    side: usize,
    /// Where the parts of each entry are, by column of the matrix.
    places: Vec<Place>,
    /// The `a_n`.
    pub first: Parts,
    /// The `b_n`.
    pub second: Parts,
    /// `P`, then `P + Pᵀ`, with rows and columns up to a whole number of blocks.
    products: Vec<f64>,
    /// How many.
    padded: usize,
}

/// The real and imaginary parts of Hermitian matrices.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    /// `R`.
    pub side: usize,
    /// A row for each matrix, a column for each place of [`Place`].
    rows: Mat<f64>,
}

impl Parts {
    /// Takes the matrix of one pair, of which the lower triangle is read.
    pub fn set(&mut self, pair: usize, matrix: MatRef<'_, c64>) {
        for j in 0..self.side {
            for i in j..self.side {
                let entry = matrix[(i, j)];
                self.rows[(pair, j + i * self.side)] = entry.im;
                self.rows[(pair, i + j * self.side)] = entry.re;
            }
        }
    }

    /// Room for the real part of entry `(i, j)`, `i ≥ j`, in all pairs.
    #[inline(always)]
    pub fn real_mut(&mut self, i: usize, j: usize) -> &mut [f64] {
        self.rows.col_as_slice_mut(i + j * self.side)
    }

    /// Room for the imaginary part of entry `(i, j)`, `i > j`, in all pairs.
    #[inline(always)]
    pub fn imaginary_mut(&mut self, i: usize, j: usize) -> &mut [f64] {
        self.rows.col_as_slice_mut(j + i * self.side)
    }
}

/// Where the parts of one entry are.
#[derive(Debug, Clone, Copy)]
struct Place {
    real: usize,
    /// Any place where `sign` is zero.
    imaginary: usize,
    /// 1 below the diagonal, −1 above, 0 on it.
    sign: f64,
}

impl Pairs {
    /// Room for so many `pairs` of `side × side` matrices.
    pub fn new(side: usize, pairs: usize) -> Self {
        // Real parts at their places in the lower triangle, imaginary parts at their mirror images.
        let place = |k: usize| {
            let (i, j) = (k % side, k / side);
            let (a, b) = (i.max(j), i.min(j));
            let sign = (i as f64 - j as f64).clamp(-1.0, 1.0);
            Place { real: a + b * side, imaginary: b + a * side, sign }
        };
        let entries = side * side;
        let padded = entries.next_multiple_of(BLOCK);
        let parts = || Parts { side, rows: Mat::zeros(pairs, entries) };
        Self {
            side,
            places: (0..entries).map(place).collect(),
            first: parts(),
            second: parts(),
            products: vec![0.0; padded * padded],
            padded,
        }
    }

    /// Writes the lower triangle of `factor` times the operator's `R²×R²` matrix, of which the columns are contiguous.
    pub fn write_operator(&mut self, factor: f64, mut matrix: MatMut<'_, f64>) {
        let Self { side, first, second, products, padded, .. } = self;
        let (side, entries) = (*side, *side * *side);
        let out = MatMut::from_column_major_slice_with_stride_mut(products, entries, entries, *padded);
        matmul(out, Accum::Replace, first.rows.transpose(), second.rows.as_ref(), factor, Par::Seq);
        add_transpose(products, *padded);
        let mut columns = matrix.as_mut().col_iter_mut().map(slice_mut).enumerate();
        for l in 0..side {
            for k in l..side {
                let Some((first, real)) = columns.next() else { return };
                if k == l {
                    self.write_column_from_diagonal(l, &mut real[first..]);
                } else if let Some((_, imaginary)) = columns.next() {
                    self.write_columns(k, l, &mut real[first..], &mut imaginary[first..]);
                }
            }
        }
    }

    /// The column of coordinate `(l, l)`, from its diagonal down.
    fn write_column_from_diagonal(&self, l: usize, out: &mut [f64]) {
        let mut next = 0;
        for j in l..self.side {
            let columns = self.columns(j, l);
            out[next] = columns.sum(self.place(j, l)).re;
            next += 1;
            for i in j + 1..self.side {
                let first = columns.sum(self.place(i, l));
                (out[next], out[next + 1]) = (SQRT_2 * first.re, SQRT_2 * first.im);
                next += 2;
            }
        }
    }

    /// The columns of the real and the imaginary coordinate of `(k, l)`, `k > l`, from the diagonal of the first down.
    fn write_columns(&self, k: usize, l: usize, real: &mut [f64], imaginary: &mut [f64]) {
        let mut next = 0;
        for j in l..self.side {
            let (of_first, of_second) = (self.columns(j, l), self.columns(j, k));
            for i in (if j == l { k } else { j })..self.side {
                let first = of_first.sum(self.place(i, k));
                if i == j {
                    // The second sum is the conjugate of the first.
                    (real[next], imaginary[next]) = (SQRT_2 * first.re, -SQRT_2 * first.im);
                    next += 1;
                } else {
                    let second = of_second.sum(self.place(i, l));
                    let (sum, difference) = (first + second, first - second);
                    (real[next], real[next + 1]) = (sum.re, sum.im);
                    (imaginary[next], imaginary[next + 1]) = (-difference.im, difference.re);
                    next += 2;
                }
            }
        }
    }

    #[inline(always)]
    fn place(&self, i: usize, j: usize) -> Place {
        self.places[i + j * self.side]
    }

    /// Where the sums of entry `(j, l)` of the second matrices are.
    #[inline(always)]
    fn columns(&self, j: usize, l: usize) -> Columns<'_> {
        let Place { real, imaginary, sign } = self.place(j, l);
        let column = |index: usize| &self.products[index * self.padded..][..self.padded];
        Columns { real: column(real), imaginary: column(imaginary), sign }
    }
}

/// The products with the parts of one entry of the second matrices.
#[derive(Clone, Copy)]
struct Columns<'a> {
    real: &'a [f64],
    imaginary: &'a [f64],
    sign: f64,
}

impl Columns<'_> {
    /// `Σ_n A_n[i,k] conj(B_n[j,l]) + B_n[i,k] conj(A_n[j,l])`, times the factor, for the place of `(i, k)` and the columns of `(j, l)`.
    #[inline(always)]
    fn sum(self, place: Place) -> c64 {
        let Self { real, imaginary, sign } = self;
        c64::new(
            real[place.real] + place.sign * sign * imaginary[place.imaginary],
            place.sign * real[place.imaginary] - sign * imaginary[place.real],
        )
    }
}

/// Rows and columns of the blocks that [`add_transpose`] turns.
const BLOCK: usize = 4;
/// Rows and columns that it takes at a time, a multiple of [`BLOCK`]: neighbours in a row are far apart in memory.
const TILE: usize = 32;

/// `M ← M + Mᵀ`, with columns of a multiple of [`BLOCK`].
#[pulp::with_simd(add_transpose = Arch::new())]
#[inline(always)]
fn add_transpose_with<S: Simd>(_simd: S, matrix: &mut [f64], side: usize) {
    for left in (0..side).step_by(TILE) {
        for top in (left..side).step_by(TILE) {
            for j in (left..side.min(left + TILE)).step_by(BLOCK) {
                for i in (top.max(j)..side.min(top + TILE)).step_by(BLOCK) {
                    let above = transpose(block(matrix, side, j, i));
                    let mut sum = block(matrix, side, i, j);
                    for (sum, above) in sum.iter_mut().zip(above) {
                        (0..BLOCK).for_each(|row| sum[row] += above[row]);
                    }
                    write_block(matrix, side, i, j, sum);
                    write_block(matrix, side, j, i, transpose(sum));
                }
            }
        }
    }
}

/// Column by column.
type Block = [[f64; BLOCK]; BLOCK];

/// The block whose first entry is `(i, j)`.
#[inline(always)]
fn block(matrix: &[f64], side: usize, i: usize, j: usize) -> Block {
    let mut block = Block::default();
    for (column, out) in block.iter_mut().enumerate() {
        out.copy_from_slice(&matrix[i + (j + column) * side..][..BLOCK]);
    }
    block
}

#[inline(always)]
fn write_block(matrix: &mut [f64], side: usize, i: usize, j: usize, block: Block) {
    for (column, of) in block.iter().enumerate() {
        matrix[i + (j + column) * side..][..BLOCK].copy_from_slice(of);
    }
}

#[inline(always)]
fn transpose(block: Block) -> Block {
    from_fn(|i| from_fn(|j| block[j][i]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Fading;
    use crate::linalg::hermitian_part;
    use crate::relaxation::native::coordinates;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_operator_is_a_sum_of_products_of_matrices() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for (side, count) in [(1, 2), (2, 1), (3, 4), (5, 2), (6, 1), (9, 3)] {
            let mut hermitian = || hermitian_part(Fading::PAPER.sample(side, side, &mut rng).as_ref());
            let mut pairs = Pairs::new(side, count);
            let matrices: Vec<[Mat<c64>; 2]> = (0..count).map(|_| [hermitian(), hermitian()]).collect();
            for (n, [a, b]) in matrices.iter().enumerate() {
                pairs.first.set(n, a.as_ref());
                pairs.second.set(n, b.as_ref());
            }
            let entries = side * side;
            let mut operator = Mat::<f64>::zeros(entries, entries);
            pairs.write_operator(0.25, operator.as_mut());
            let (mut x, mut expected) = (Mat::zeros(side, side), vec![0.0; entries]);
            for column in 0..entries {
                let mut basis = vec![0.0; entries];
                basis[column] = 1.0;
                coordinates::read(&basis, x.as_mut());
                let mut image = Mat::zeros(side, side);
                for [a, b] in &matrices {
                    image += a * &x * b + b * &x * a;
                }
                coordinates::write(image.as_ref(), &mut expected);
                for row in column..entries {
                    let (found, expected) = (operator[(row, column)], 0.25 * expected[row]);
                    assert!((found - expected).abs() < 1e-12, "{side}: {row} {column}: {found} {expected}");
                }
            }
        }
    }
}
