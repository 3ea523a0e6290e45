//! Generators of cases: shapes, matrices of bounded condition, powers.
//!
//! Everything is built from proptest's own integers, so a failing case shrinks to a readable one: numbers to 0,
//! scales to 1, shapes to one device with one antenna, matrices of bounded condition to the rectangular identity. A
//! matrix is drawn at its largest size and cut to the shape of the case, so that shape and entries shrink
//! independently. Conditions are bounded by construction, from a singular value decomposition that is chosen rather
//! than found: no case is drawn and thrown away.

use crate::arithmetic::squared_norm;
use faer::{Mat, MatRef, c64};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Singular values of a matrix of bounded condition are from `1/LARGEST_GAIN` to `LARGEST_GAIN`.
pub const LARGEST_GAIN: f64 = 4.0;

/// 96 cases from one fixed seed, so that a failure is the same everywhere; `PROPTEST_CASES` and `PROPTEST_RNG_SEED`
/// override both. Failures are not kept in files.
pub fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 96;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(0);
    }
    // A case has hundreds of numbers, each of which takes a few steps to shrink.
    config.max_shrink_iters = 20_000;
    config
}

/// A number from -4 to 4 in steps of 1/16; shrinks to 0.
pub fn number() -> impl Strategy<Value = f64> {
    (-64..=64_i32).prop_map(|step| f64::from(step) / 16.0)
}

/// A power of two from 1/16 to 16; shrinks to 1.
pub fn scale() -> impl Strategy<Value = f64> {
    (-4..=4_i32).prop_map(|exponent| f64::from(exponent).exp2())
}

/// A `rows × columns` matrix of [`number`]s; shrinks to 0.
pub fn grid(rows: usize, columns: usize) -> impl Strategy<Value = Mat<c64>> {
    prop::collection::vec((number(), number()), rows * columns).prop_map(move |entries| {
        Mat::from_fn(rows, columns, |i, j| {
            let (re, im) = entries[i * columns + j];
            c64::new(re, im)
        })
    })
}

/// The leading `rows × columns` block.
pub fn crop(matrix: &Mat<c64>, rows: usize, columns: usize) -> Mat<c64> {
    matrix.as_ref().submatrix(0, 0, rows, columns).to_owned()
}

/// `Q = Π_k (I − 2 v_k v_k^H / ‖v_k‖²)` of the columns `v_k`, unitary; a zero column is left out.
pub fn unitary(columns: MatRef<'_, c64>) -> Mat<c64> {
    let mut product = Mat::<c64>::identity(columns.nrows(), columns.nrows());
    for k in 0..columns.ncols() {
        let v = columns.subcols(k, 1);
        let length = squared_norm(v);
        if length > 0.0 {
            let reflected = &product * v;
            product -= reflected * v.adjoint() * faer::Scale(c64::new(2.0 / length, 0.0));
        }
    }
    product
}

/// The factors of a matrix `V Σ W^H`, up to a largest size.
///
/// Reaches, up to the grid of the numbers, every matrix with singular values within [`LARGEST_GAIN`].
#[derive(Debug, Clone)]
pub struct Factors {
    left: Mat<c64>,
    right: Mat<c64>,
    gains: Vec<c64>,
}

impl Factors {
    /// `V Σ W^H` of `rows × columns`: `V` and `W` unitary, and on the diagonal `rank` numbers of modulus
    /// `1/LARGEST_GAIN` to `LARGEST_GAIN`, then zeros.
    pub fn matrix_of_rank(&self, rows: usize, columns: usize, rank: usize) -> Mat<c64> {
        let reflections = rows.min(columns);
        let v = unitary(crop(&self.left, rows, reflections).as_ref());
        let w = unitary(crop(&self.right, columns, reflections).as_ref());
        let diagonal =
            Mat::from_fn(
                rows,
                columns,
                |i, j| {
                    if i == j && i < rank { self.gains[i] } else { c64::new(0.0, 0.0) }
                },
            );
        v * diagonal * w.adjoint()
    }

    /// The same with full rank.
    pub fn matrix(&self, rows: usize, columns: usize) -> Mat<c64> {
        self.matrix_of_rank(rows, columns, rows.min(columns))
    }
}

/// Factors of matrices of up to `rows × columns`; shrink to those of the rectangular identity.
pub fn factors(rows: usize, columns: usize) -> impl Strategy<Value = Factors> {
    let reflections = rows.min(columns);
    let gain = (-8..=8_i32, 0..16_i32).prop_map(|(exponent, phase)| {
        let modulus = LARGEST_GAIN.powf(f64::from(exponent) / 8.0);
        c64::from_polar(modulus, f64::from(phase) * std::f64::consts::PI / 8.0)
    });
    (grid(rows, reflections), grid(columns, reflections), prop::collection::vec(gain, reflections))
        .prop_map(|(left, right, gains)| Factors { left, right, gains })
}

/// The sizes of a short-term problem: `N`, `R`, `T_n`, `L`, with `L ≤ min(R, T_n)`.
#[derive(Debug, Clone)]
pub struct Shape {
    /// `R`.
    pub receive_antennas: usize,
    /// `T_1, …, T_N`.
    pub transmit_antennas: Vec<usize>,
    /// `L`.
    pub streams: usize,
}

/// The largest sizes that [`Limits::shapes`] draws.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest `N`.
    pub devices: usize,
    /// Largest `L`.
    pub streams: usize,
    /// Largest `R − L` and `T_n − L`.
    pub surplus: usize,
}

impl Limits {
    /// Shapes within these limits; shrink to `N = L = R = T_1 = 1`.
    pub fn shapes(self) -> impl Strategy<Value = Shape> {
        let surplus = prop::collection::vec(0..=self.surplus, 1..=self.devices);
        (1..=self.streams, 0..=self.surplus, surplus).prop_map(|(streams, receive, transmit)| Shape {
            receive_antennas: streams + receive,
            transmit_antennas: transmit.into_iter().map(|surplus| streams + surplus).collect(),
            streams,
        })
    }

    /// Largest `R` and `T_n`.
    pub fn antennas(self) -> usize {
        self.streams + self.surplus
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::{identity, squared_norm};

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn singular_values_are_within_their_bounds(
            factors in factors(5, 3), rows in 1..=5_usize, columns in 1..=3_usize, rank in 0..=3_usize,
        ) {
            let matrix = factors.matrix_of_rank(rows, columns, rank);
            let mut singular = matrix.singular_values().unwrap();
            singular.sort_by(|a, b| b.total_cmp(a));
            for (index, value) in singular.into_iter().enumerate() {
                // Singular values are known to a few roundings of the largest.
                if index < rank {
                    prop_assert!(value > 1.0 / LARGEST_GAIN - 1e-13 && value < LARGEST_GAIN + 1e-13, "{value}");
                } else {
                    prop_assert!(value < 1e-13, "{value}");
                }
            }
        }

        #[test]
        fn products_of_reflections_are_unitary(columns in grid(5, 4)) {
            let q = unitary(columns.as_ref());
            let difference = q.adjoint() * &q - identity(5);
            prop_assert!(squared_norm(difference.as_ref()).sqrt() < 1e-13);
        }
    }
}
