//! The operator `X ↦ Σ_n (A_n X B_n + B_n X A_n)` on Hermitian matrices, in real coordinates.

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, MatMut, MatRef, Par, c64};
use std::f64::consts::SQRT_2;

/// Pairs of Hermitian `R×R` matrices `A_n` and `B_n`, and their operator.
///
/// Its matrix holds the sums `Σ_n A_n[i,k] conj(B_n[j,l]) + B_n[i,k] conj(A_n[j,l])` only. With the real and imaginary parts of all `A_n` and `B_n`
/// in the columns of one real matrix, and those of their partners in the columns of another, they are sums and differences of the entries of the
/// product of the two: an eighth of the arithmetic that a column for each unknown of a device of `T_n = 4` antennas takes.
#[derive(Debug, Clone)]
pub(super) struct Pairs {
    side: usize,
    /// Where a column has the parts of each entry, by column of the matrix.
    places: Vec<Place>,
    /// The parts of one matrix in each column.
    parts: Mat<f64>,
    /// Those of its partner.
    partners: Mat<f64>,
    /// `parts · partnersᵀ`.
    products: Mat<f64>,
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
        let parts = || Mat::zeros(entries, 2 * pairs);
        Self {
            side,
            places: (0..entries).map(place).collect(),
            parts: parts(),
            partners: parts(),
            products: Mat::zeros(entries, entries),
        }
    }

    /// Takes a matrix, of which the lower triangle is read, as number `index` of all `2N`, paired with number `partner`.
    pub fn set(&mut self, index: usize, partner: usize, matrix: MatRef<'_, c64>) {
        let parts = self.parts.col_as_slice_mut(index);
        for j in 0..self.side {
            for i in j..self.side {
                let entry = matrix[(i, j)];
                parts[j + i * self.side] = entry.im;
                parts[i + j * self.side] = entry.re;
            }
        }
        self.partners.col_as_slice_mut(partner).copy_from_slice(parts);
    }

    /// Writes the lower triangle of `factor` times the operator's `R²×R²` matrix.
    pub fn write_operator(&mut self, factor: f64, mut matrix: MatMut<'_, f64>) {
        let Self { side, parts, partners, products, .. } = self;
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        let (parts, partners) = (parts.as_ref(), partners.transpose());
        matmul(products.as_mut(), lower, Accum::Replace, parts, full, partners, full, factor, Par::Seq);
        for j in 0..products.ncols() {
            for i in j + 1..products.nrows() {
                products[(j, i)] = products[(i, j)];
            }
        }
        let side = *side;
        let mut column = 0;
        for l in 0..side {
            for k in l..side {
                let mut row = column;
                for j in l..side {
                    for i in (if j == l { k } else { j })..side {
                        let first = self.sum((i, k), (j, l));
                        if i == j && k == l {
                            matrix[(row, column)] = first.re;
                        } else if i == j {
                            // The second sum is the conjugate of the first.
                            matrix[(row, column)] = SQRT_2 * first.re;
                            matrix[(row, column + 1)] = -SQRT_2 * first.im;
                        } else if k == l {
                            matrix[(row, column)] = SQRT_2 * first.re;
                            matrix[(row + 1, column)] = SQRT_2 * first.im;
                        } else {
                            let second = self.sum((i, l), (j, k));
                            let (sum, difference) = (first + second, first - second);
                            matrix[(row, column)] = sum.re;
                            matrix[(row + 1, column)] = sum.im;
                            matrix[(row, column + 1)] = -difference.im;
                            matrix[(row + 1, column + 1)] = difference.re;
                        }
                        row += if i == j { 1 } else { 2 };
                    }
                }
                column += if k == l { 1 } else { 2 };
            }
        }
    }

    /// `Σ_n A_n[i,k] conj(B_n[j,l]) + B_n[i,k] conj(A_n[j,l])`, times the factor, for `first = (i, k)` and `second = (j, l)`.
    #[inline]
    fn sum(&self, first: (usize, usize), second: (usize, usize)) -> c64 {
        let place = |(i, j): (usize, usize)| self.places[i + j * self.side];
        let (first, second) = (place(first), place(second));
        let column = |index: usize| self.products.col_as_slice(index);
        let (real, imaginary) = (column(second.real), column(second.imaginary));
        c64::new(
            real[first.real] + first.sign * second.sign * imaginary[first.imaginary],
            first.sign * real[first.imaginary] - second.sign * imaginary[first.real],
        )
    }
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
        for (side, count) in [(1, 2), (2, 1), (3, 4), (5, 2)] {
            let mut hermitian = || hermitian_part(Fading::PAPER.sample(side, side, &mut rng).as_ref());
            let mut pairs = Pairs::new(side, count);
            let matrices: Vec<[Mat<c64>; 2]> = (0..count).map(|_| [hermitian(), hermitian()]).collect();
            for (n, [a, b]) in matrices.iter().enumerate() {
                pairs.set(n, count + n, a.as_ref());
                pairs.set(count + n, n, b.as_ref());
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
