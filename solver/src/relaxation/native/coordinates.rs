//! Real coordinates of Hermitian matrices.
//!
//! The `T×T` Hermitian matrices are a real vector space of dimension `T²`. Its orthonormal basis under
//! `Re tr(A^H B)`, column by column of the lower triangle: `e_b e_b^T`, then for each row `a > b` the two
//! matrices `(e_a e_b^T + e_b e_a^T)/√2` and `i(e_a e_b^T − e_b e_a^T)/√2`.

use faer::prelude::ReborrowMut;
use faer::{ColMut, MatMut, MatRef, c64};
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

/// Writes the `T²` coordinates of the Hermitian part of `matrix`.
pub(super) fn write(matrix: MatRef<'_, c64>, coordinates: &mut [f64]) {
    let side = matrix.nrows();
    debug_assert_eq!(coordinates.len(), side * side);
    let mut next = coordinates.iter_mut();
    let mut push = |value: f64| {
        if let Some(slot) = next.next() {
            *slot = value;
        }
    };
    for b in 0..side {
        push(matrix[(b, b)].re);
        for a in b + 1..side {
            let entry = matrix[(a, b)] + matrix[(b, a)].conj();
            push(entry.re * FRAC_1_SQRT_2);
            push(entry.im * FRAC_1_SQRT_2);
        }
    }
}

/// Writes the Hermitian matrix with the given `side²` coordinates.
pub(super) fn read(coordinates: &[f64], mut matrix: MatMut<'_, c64>) {
    let side = matrix.nrows();
    let mut next = 0;
    for b in 0..side {
        matrix[(b, b)] = c64::new(coordinates[next], 0.0);
        next += 1;
        for a in b + 1..side {
            let entry = c64::new(coordinates[next], coordinates[next + 1]) * FRAC_1_SQRT_2;
            matrix[(a, b)] = entry;
            matrix[(b, a)] = entry.conj();
            next += 2;
        }
    }
}

/// Which coordinate of a `side × side` matrix is the first of entry `(a, b)`, `a ≥ b`.
#[inline(always)]
pub(super) fn coordinate(side: usize, a: usize, b: usize) -> usize {
    b * (2 * side - b) + if a == b { 0 } else { 2 * (a - b) - 1 }
}

/// Which coordinate of a `side × side` matrix is entry `(i, i)`.
pub(super) fn diagonal(side: usize, i: usize) -> usize {
    coordinate(side, i, i)
}

/// Writes `factor` times the `rows² × columns²` matrix, in coordinates, of `U ↦ P U Q^H + Q U P^H`, `P` and `Q` being `rows×columns`.
///
/// Its entries are sums and differences of `P[i,k] conj(Q[j,l]) + Q[i,k] conj(P[j,l])`, found column by column without a look at each entry's place.
#[inline]
pub(super) fn write_product(
    mut matrix: MatMut<'_, f64>,
    p: MatRef<'_, c64>,
    q: MatRef<'_, c64>,
    factor: f64,
) {
    let put = |slot: &mut f64, value: f64| *slot = factor * value;
    debug_assert_eq!((matrix.nrows(), matrix.ncols()), (p.nrows().pow(2), p.ncols().pow(2)));
    debug_assert_eq!((matrix.row_stride(), p.row_stride(), q.row_stride()), (1, 1, 1));
    let mut columns = matrix.rb_mut().col_iter_mut();
    let pair = |k: usize| (column(p, k), column(q, k));
    for l in 0..p.ncols() {
        let (pl, ql) = pair(l);
        let Some(diagonal) = columns.next() else { return };
        let diagonal = slice_mut(diagonal);
        let mut next = 0;
        for j in 0..p.nrows() {
            let (left, right) = (ql[j].conj(), pl[j].conj());
            let mut row = diagonal[next..].iter_mut();
            for (i, (p, q)) in pl.iter().zip(ql).enumerate().skip(j) {
                let entry = p * left + q * right;
                if i == j {
                    row.next().into_iter().for_each(|slot| put(slot, entry.re));
                } else {
                    row.next().into_iter().for_each(|slot| put(slot, SQRT_2 * entry.re));
                    row.next().into_iter().for_each(|slot| put(slot, SQRT_2 * entry.im));
                }
            }
            next += 2 * (p.nrows() - j) - 1;
        }
        for k in l + 1..p.ncols() {
            let (pk, qk) = pair(k);
            let (Some(real), Some(imaginary)) = (columns.next(), columns.next()) else { return };
            let (real, imaginary) = (slice_mut(real), slice_mut(imaginary));
            let mut next = 0;
            for j in 0..p.nrows() {
                let (left, right) = (ql[j].conj(), pl[j].conj());
                let (left_mirrored, right_mirrored) = (qk[j].conj(), pk[j].conj());
                let first = pk[j] * left + qk[j] * right;
                put(&mut real[next], SQRT_2 * first.re);
                put(&mut imaginary[next], -SQRT_2 * first.im);
                next += 1;
                let rest = j + 1..p.nrows();
                let end = next + 2 * rest.len();
                let slots = real[next..end].chunks_exact_mut(2).zip(imaginary[next..end].chunks_exact_mut(2));
                let k_entries = pk[rest.clone()].iter().zip(&qk[rest.clone()]);
                let l_entries = pl[rest.clone()].iter().zip(&ql[rest]);
                for ((real, imaginary), ((pk, qk), (pl, ql))) in slots.zip(k_entries.zip(l_entries)) {
                    let first = pk * left + qk * right;
                    let second = pl * left_mirrored + ql * right_mirrored;
                    put(&mut real[0], first.re + second.re);
                    put(&mut real[1], first.im + second.im);
                    put(&mut imaginary[0], second.im - first.im);
                    put(&mut imaginary[1], first.re - second.re);
                }
                next = end;
            }
        }
    }
}

fn column<'a>(matrix: MatRef<'a, c64>, index: usize) -> &'a [c64] {
    matrix.col(index).try_as_col_major().map_or(&[], |column| column.as_slice())
}

pub(super) fn slice_mut<'a>(column: ColMut<'a, f64>) -> &'a mut [f64] {
    column.try_as_col_major_mut().map_or(&mut [], |column| column.as_slice_mut())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Fading;
    use crate::linalg::{hermitian_part, inner};
    use faer::Mat;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn coordinates_are_an_isometry_and_invert() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let a = hermitian_part(Fading::PAPER.sample(4, 4, &mut rng).as_ref());
        let b = hermitian_part(Fading::PAPER.sample(4, 4, &mut rng).as_ref());
        let (mut x, mut y) = (vec![0.0; 16], vec![0.0; 16]);
        write(a.as_ref(), &mut x);
        write(b.as_ref(), &mut y);
        let dot: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
        assert!((dot - inner(a.as_ref(), b.as_ref())).abs() < 1e-12);
        let mut again = Mat::zeros(4, 4);
        read(&x, again.as_mut());
        let difference = again - &a;
        assert!(inner(difference.as_ref(), difference.as_ref()) < 1e-28);
    }

    #[test]
    fn products_in_coordinates_are_products_of_matrices() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for (rows, columns) in [(3, 2), (1, 4), (4, 4), (2, 1)] {
            let [p, q] = [(); 2].map(|()| Fading::PAPER.sample(rows, columns, &mut rng));
            let mut found = Mat::<f64>::zeros(rows * rows, columns * columns);
            write_product(found.as_mut(), p.as_ref(), q.as_ref(), 0.5);
            let (mut u, mut expected) = (Mat::zeros(columns, columns), vec![0.0; rows * rows]);
            for j in 0..columns * columns {
                let mut basis = vec![0.0; columns * columns];
                basis[j] = 1.0;
                read(&basis, u.as_mut());
                let image = &p * &u * q.adjoint() + &q * &u * p.adjoint();
                write(image.as_ref(), &mut expected);
                for (i, expected) in expected.iter().enumerate() {
                    let found = found[(i, j)];
                    assert!((found - 0.5 * expected).abs() < 1e-12, "{rows} {columns}: {i} {j}");
                }
            }
        }
    }
}
