//! Complex Hermitian against real symmetric matrices: *theory*, section 3.
//!
//! # Statement
//!
//! A Hermitian `M = S + iK` of side `n` and its real embedding `[S −K; K S]` of side `2n` have the same eigenvalues, each of
//! the embedding's twice as often: it is positive semidefinite exactly when `M` is, and has twice the trace. So a solver for
//! real cones can be used, at twice the side, with every objective doubled.
//!
//! # Hypotheses
//!
//! - **signs**: `−K` above and `K` below. With equal signs the matrix is not symmetric, with its symmetric part the eigenvalues
//!   are others;
//! - **Hermitian**: of a matrix that is not, the embedding's symmetric part embeds the Hermitian part only.

use faer::{Mat, MatRef, c64};

/// `[S −K; K S]` for `S + iK`.
pub fn real_embedding(matrix: MatRef<'_, c64>) -> Mat<f64> {
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    Mat::from_fn(2 * rows, 2 * columns, |i, j| {
        let entry = matrix[(i % rows, j % columns)];
        match (i < rows, j < columns) {
            (true, true) | (false, false) => entry.re,
            (true, false) => -entry.im,
            (false, true) => entry.im,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::{eigenvalues, hermitian, norm, trace};
    use crate::{config, tolerance};
    use faer::Side;
    use proptest::prelude::*;
    use solver::strategies::{crop, grid};

    const SIDE: usize = 4;

    fn of_real(matrix: &Mat<f64>) -> Vec<f64> {
        let symmetric =
            Mat::from_fn(matrix.nrows(), matrix.nrows(), |i, j| 0.5 * (matrix[(i, j)] + matrix[(j, i)]));
        symmetric.self_adjoint_eigenvalues(Side::Lower).unwrap()
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn doubles_every_eigenvalue(matrix in grid(SIDE, SIDE), side in 1..=SIDE) {
            let matrix = hermitian(crop(&matrix, side, side).as_ref());
            let within = tolerance(2 * side, 2.0 * norm(matrix.as_ref()));
            let doubled = of_real(&real_embedding(matrix.as_ref()));
            for (index, value) in eigenvalues(matrix.as_ref()).into_iter().enumerate() {
                for copy in [doubled[2 * index], doubled[2 * index + 1]] {
                    prop_assert!((copy - value).abs() <= within, "{copy}, not {value}");
                }
            }
            let sum: f64 = doubled.iter().sum();
            prop_assert!((sum - 2.0 * trace(matrix.as_ref())).abs() <= within * side as f64);
        }

        /// It is a homomorphism: constraints `H^H X H` can be embedded factor by factor.
        #[test]
        fn products_embed_as_products(left in grid(SIDE, SIDE), right in grid(SIDE, SIDE), rows in 1..=SIDE) {
            let (left, right) = (crop(&left, rows, SIDE), crop(&right, SIDE, rows));
            let product = real_embedding((&left * &right).as_ref());
            let difference = product - real_embedding(left.as_ref()) * real_embedding(right.as_ref());
            let within = tolerance(SIDE, norm(left.as_ref()) * norm(right.as_ref()));
            prop_assert!(difference.norm_l2() <= within, "{}", difference.norm_l2());
        }
    }

    /// Without **signs**: eigenvalues ±1 of `[0 −i; i 0]` become 0, −1, 1 and 0 or worse.
    #[test]
    fn equal_signs() {
        let i = c64::new(0.0, 1.0);
        let matrix = Mat::from_fn(2, 2, |r, c| {
            if r == c {
                c64::new(0.0, 0.0)
            } else if r < c {
                -i
            } else {
                i
            }
        });
        assert_eq!(eigenvalues(matrix.as_ref()).iter().map(|v| v.round()).collect::<Vec<_>>(), [-1.0, 1.0]);
        let wrong = Mat::from_fn(4, 4, |r, c| {
            let entry = matrix[(r % 2, c % 2)];
            if (r < 2) == (c < 2) { entry.re } else { entry.im }
        });
        assert!(of_real(&wrong).iter().all(|value| value.abs() < 1e-15), "{:?}", of_real(&wrong));
    }

    /// Without **Hermitian**: the trace of a matrix with complex trace loses its imaginary part, and `[0 1; 0 0]`, with
    /// eigenvalues 0 and 0, is read as one with −1/2 and 1/2.
    #[test]
    fn not_hermitian() {
        let shift = Mat::from_fn(2, 2, |r, c| c64::new(if r < c { 1.0 } else { 0.0 }, 0.0));
        let values = of_real(&real_embedding(shift.as_ref()));
        assert!((values[0] + 0.5).abs() < 1e-15 && (values[3] - 0.5).abs() < 1e-15, "{values:?}");
    }
}
