//! Real coordinates of Hermitian matrices.
//!
//! The `T×T` Hermitian matrices are a real vector space of dimension `T²`. Its orthonormal basis under
//! `Re tr(A^H B)`, column by column of the lower triangle: `e_b e_b^T`, then for each row `a > b` the two
//! matrices `(e_a e_b^T + e_b e_a^T)/√2` and `i(e_a e_b^T − e_b e_a^T)/√2`.

use faer::prelude::ReborrowMut;
use faer::{MatMut, MatRef, c64};
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

/// Writes the `T²` coordinates of the Hermitian part of `matrix`.
pub(super) fn write(matrix: MatRef<'_, c64>, coordinates: &mut [f64]) {
    let side = matrix.nrows();
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

/// Adds to `block` (`k_n² × k_m²`) the operator `U ↦ sym(P U Q^H)` in coordinates, `P` and `Q` being `k_n×k_m`.
///
/// `P E Q^H` of a basis matrix `E` is a sum of at most two outer products of a column of `P` and one of `Q`.
pub(super) fn add_product(mut block: MatMut<'_, f64>, p: MatRef<'_, c64>, q: MatRef<'_, c64>) {
    let (rows, side) = (p.nrows(), p.ncols());
    let mut column = 0;
    for b in 0..side {
        add_column(block.rb_mut(), column, rows, |i, j| p[(i, b)] * q[(j, b)].conj());
        column += 1;
        for a in b + 1..side {
            let first = |i: usize, j: usize| p[(i, a)] * q[(j, b)].conj();
            let second = |i: usize, j: usize| p[(i, b)] * q[(j, a)].conj();
            add_column(block.rb_mut(), column, rows, |i, j| (first(i, j) + second(i, j)) * FRAC_1_SQRT_2);
            add_column(block.rb_mut(), column + 1, rows, |i, j| {
                let difference = (first(i, j) - second(i, j)) * FRAC_1_SQRT_2;
                c64::new(-difference.im, difference.re)
            });
            column += 2;
        }
    }
}

/// Adds the coordinates of the Hermitian part of the `side × side` matrix with the given entries.
fn add_column(mut block: MatMut<'_, f64>, column: usize, side: usize, entry: impl Fn(usize, usize) -> c64) {
    let mut row = 0;
    for b in 0..side {
        block[(row, column)] += entry(b, b).re;
        row += 1;
        for a in b + 1..side {
            let sum = entry(a, b) + entry(b, a).conj();
            block[(row, column)] += sum.re * (SQRT_2 / 2.0);
            block[(row + 1, column)] += sum.im * (SQRT_2 / 2.0);
            row += 2;
        }
    }
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
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let p = Fading::PAPER.sample(3, 2, &mut rng);
        let q = Fading::PAPER.sample(2, 3, &mut rng);
        let u = hermitian_part(Fading::PAPER.sample(2, 2, &mut rng).as_ref());
        let mut operator = Mat::<f64>::zeros(9, 4);
        add_product(operator.as_mut(), p.as_ref(), q.adjoint().to_owned().as_ref());
        let (mut input, mut expected) = (vec![0.0; 4], vec![0.0; 9]);
        write(u.as_ref(), &mut input);
        write((&p * &u * &q).as_ref(), &mut expected);
        for (row, expected) in expected.iter().enumerate() {
            let found: f64 = (0..4).map(|column| operator[(row, column)] * input[column]).sum();
            assert!((found - expected).abs() < 1e-12);
        }
    }
}
