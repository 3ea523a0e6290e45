//! Hermitian matrices as real vectors.
//!
//! - *Embedding*: `E(M) = [[Re M, −Im M], [Im M, Re M]]`, symmetric, of side `2n`; its eigenvalues are those of `M`,
//!   each twice, so `E(M) ⪰ 0` iff `M ⪰ 0`.
//! - *svec*, Clarabel's vectorization: the upper triangle column by column, entries off the diagonal times `√2`.
//! - *Adjoint* of the embedding: `⟨E(M), W⟩ = Re tr(M^H E*(W))`,
//!   `E*([[A, B], [B^T, D]]) = (A + D) + i(B^T − B)`; it maps a dual matrix back to the Hermitian cone.

use faer::{Mat, MatRef, c64};
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

/// Length of `svec E(M)` for `M` of the given side.
pub(super) fn length(side: usize) -> usize {
    side * (2 * side + 1)
}

/// `svec E(M)`; the lower triangle of `M` is read.
pub(super) fn svec(matrix: MatRef<'_, c64>) -> Vec<f64> {
    let side = matrix.nrows();
    let entry = |i: usize, j: usize| if i >= j { matrix[(i, j)] } else { matrix[(j, i)].conj() };
    let mut vector = Vec::with_capacity(length(side));
    for column in 0..2 * side {
        for row in 0..=column {
            let value = match (row < side, column < side) {
                (true, true) => entry(row, column).re,
                (true, false) => -entry(row, column - side).im,
                (false, _) => entry(row - side, column - side).re,
            };
            // The diagonal of the off-diagonal block is zero for a Hermitian matrix, whatever was stored.
            let value = if row + side == column { 0.0 } else { value };
            vector.push(if row == column { value } else { value * SQRT_2 });
        }
    }
    vector
}

/// `E*(W)` of `svec W`, Hermitian of the given side.
pub(super) fn adjoint(vector: &[f64], side: usize) -> Mat<c64> {
    let entry = |i: usize, j: usize| {
        let (row, column) = (i.min(j), i.max(j));
        let value = vector[column * (column + 1) / 2 + row];
        if row == column { value } else { value * FRAC_1_SQRT_2 }
    };
    Mat::from_fn(side, side, |i, j| {
        c64::new(entry(i, j) + entry(i + side, j + side), entry(j, i + side) - entry(i, j + side))
    })
}

/// An orthonormal basis of the Hermitian matrices of a side under `Re tr(A^H B)`, `side²` of them.
pub fn basis(side: usize) -> impl Iterator<Item = Mat<c64>> {
    let unit = move |a: usize, b: usize, value: c64| {
        let mut matrix = Mat::<c64>::zeros(side, side);
        matrix[(a, b)] = value;
        matrix[(b, a)] = value.conj();
        matrix
    };
    (0..side).flat_map(move |b| {
        (b..side).flat_map(move |a| {
            let values = if a == b {
                vec![c64::new(1.0, 0.0)]
            } else {
                vec![c64::new(FRAC_1_SQRT_2, 0.0), c64::new(0.0, FRAC_1_SQRT_2)]
            };
            values.into_iter().map(move |value| unit(a, b, value))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Fading;
    use crate::linalg::inner;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn hermitian(side: usize, seed: u64) -> Mat<c64> {
        let matrix = Fading::PAPER.sample(side, side, &mut ChaCha8Rng::seed_from_u64(seed));
        &matrix + matrix.adjoint()
    }

    #[test]
    fn embedding_doubles_the_inner_product_and_has_the_stated_adjoint() {
        let (a, b) = (hermitian(3, 1), hermitian(3, 2));
        let (x, y) = (svec(a.as_ref()), svec(b.as_ref()));
        let dot: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
        assert!((dot - 2.0 * inner(a.as_ref(), b.as_ref())).abs() < 1e-12 * dot.abs());
        // ⟨E(A), W⟩ = ⟨A, E*(W)⟩ for a W that is no embedding.
        let w: Vec<f64> = (0..length(3)).map(|k| (k as f64).sin()).collect();
        let dot: f64 = x.iter().zip(&w).map(|(x, w)| x * w).sum();
        assert!((dot - inner(a.as_ref(), adjoint(&w, 3).as_ref())).abs() < 1e-12 * dot.abs());
        // E*(E(A)) = 2A.
        let difference = adjoint(&x, 3) - &a - &a;
        assert!(inner(difference.as_ref(), difference.as_ref()) < 1e-24);
    }

    #[test]
    fn basis_is_orthonormal_and_complete() {
        let basis: Vec<Mat<c64>> = basis(3).collect();
        assert_eq!(basis.len(), 9);
        for (i, a) in basis.iter().enumerate() {
            for (j, b) in basis.iter().enumerate() {
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((inner(a.as_ref(), b.as_ref()) - expected).abs() < 1e-15);
            }
        }
    }
}
