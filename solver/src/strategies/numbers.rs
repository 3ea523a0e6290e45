//! Numbers and matrices of numbers.

use crate::channel::Fading;
use crate::linalg::squared_norm;
use faer::{Mat, MatRef, c64};
use proptest::collection::vec;
use proptest::prelude::*;
use std::f64::consts::PI;

/// Levels of the amplitude, and of the phase, of [`scatter`].
const AMPLITUDES: u8 = 64;
const PHASES: u8 = 16;
/// Largest singular value of well-conditioned matrices; the least is its inverse.
pub const WELL_CONDITIONED_GAIN: f64 = 4.0;
/// Largest singular value of ill-conditioned channels; the least is its inverse.
pub const ILL_CONDITIONED_GAIN: f64 = 1e3;

/// A number from -4 to 4 in steps of 1/16; shrinks to 0.
pub fn number() -> impl Strategy<Value = f64> + Clone {
    (-64..=64_i32).prop_map(|step| f64::from(step) / 16.0)
}

/// A power of two from `2^−largest_exponent` to `2^largest_exponent`; shrinks to 1.
pub fn power_of_two(largest_exponent: i32) -> impl Strategy<Value = f64> + Clone {
    (-largest_exponent..=largest_exponent).prop_map(|exponent| f64::from(exponent).exp2())
}

/// A transmit power `p_n`: a power of two from 1/16 to 16; shrinks to 1.
pub fn transmit_power() -> impl Strategy<Value = f64> + Clone {
    power_of_two(4)
}

/// A signal variance `v_n`: a power of two from 1/16 to 16; shrinks to 1.
pub fn signal_variance() -> impl Strategy<Value = f64> + Clone {
    power_of_two(4)
}

/// A noise power `σ²`: a power of two from `2⁻⁸` to `2⁸`, 24 dB either way; shrinks to 1.
pub fn noise_power() -> impl Strategy<Value = f64> + Clone {
    power_of_two(8)
}

/// An entry of unit-variance Rayleigh fading: a circular normal number on a polar grid of 64 amplitudes and 16 phases, with
/// mean 0 and `E|g|² = 1` exactly; shrinks to 0.
pub fn scatter() -> impl Strategy<Value = c64> + Clone {
    let level = |k: u8| -(1.0 - f64::from(k) / f64::from(AMPLITUDES)).ln();
    let mean = (0..AMPLITUDES).map(level).sum::<f64>() / f64::from(AMPLITUDES);
    (0..AMPLITUDES, 0..PHASES).prop_map(move |(k, phase)| {
        c64::from_polar((level(k) / mean).sqrt(), 2.0 * PI * f64::from(phase) / f64::from(PHASES))
    })
}

/// A fading model: a mean on a grid from -4 to 4 in both parts, a variance from 1/16 to 16; shrinks to
/// [`Fading::RAYLEIGH`].
pub fn fading_models() -> impl Strategy<Value = Fading> + Clone {
    (number(), number(), power_of_two(4))
        .prop_filter_map("a finite mean, a positive variance", |(re, im, v)| {
            Fading::rician(c64::new(re, im), v).ok()
        })
}

/// A `rows × columns` matrix of entries drawn from one strategy.
pub fn entries(
    rows: usize,
    columns: usize,
    entry: impl Strategy<Value = c64>,
) -> impl Strategy<Value = Mat<c64>> {
    vec(entry, rows * columns)
        .prop_map(move |values| Mat::from_fn(rows, columns, |i, j| values[i * columns + j]))
}

/// A `rows × columns` matrix whose real and imaginary parts are [`number`]s; shrinks to 0.
pub fn grid(rows: usize, columns: usize) -> impl Strategy<Value = Mat<c64>> {
    entries(rows, columns, (number(), number()).prop_map(|(re, im)| c64::new(re, im)))
}

/// The leading `rows × columns` block; zeros where the matrix has no entries.
pub fn crop(matrix: &Mat<c64>, rows: usize, columns: usize) -> Mat<c64> {
    Mat::from_fn(rows, columns, |i, j| {
        if i < matrix.nrows() && j < matrix.ncols() { matrix[(i, j)] } else { c64::new(0.0, 0.0) }
    })
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
/// Reaches, up to the grid of the numbers, every matrix with singular values within its bounds.
#[derive(Debug, Clone)]
pub struct Factors {
    left: Mat<c64>,
    right: Mat<c64>,
    gains: Vec<c64>,
}

impl Factors {
    /// `V Σ W^H` of `rows × columns`: `V` and `W` unitary, and on the diagonal `rank` numbers of modulus
    /// `1/largest_gain` to `largest_gain`, then zeros.
    pub fn matrix_of_rank(&self, rows: usize, columns: usize, rank: usize) -> Mat<c64> {
        let reflections = rows.min(columns);
        let v = unitary(crop(&self.left, rows, reflections).as_ref());
        let w = unitary(crop(&self.right, columns, reflections).as_ref());
        let gain = |i: usize, j: usize| self.gains.get(i).copied().filter(|_| i == j && i < rank);
        let diagonal = Mat::from_fn(rows, columns, |i, j| gain(i, j).unwrap_or(c64::new(0.0, 0.0)));
        v * diagonal * w.adjoint()
    }

    /// The same with full rank.
    pub fn matrix(&self, rows: usize, columns: usize) -> Mat<c64> {
        self.matrix_of_rank(rows, columns, rows.min(columns))
    }
}

/// Factors of matrices of up to `rows × columns`, whose singular values are from `1/largest_gain` to `largest_gain`; shrink to
/// those of the rectangular identity.
pub fn factors(rows: usize, columns: usize, largest_gain: f64) -> impl Strategy<Value = Factors> {
    let reflections = rows.min(columns);
    let gain = (-8..=8_i32, 0..PHASES).prop_map(move |(exponent, phase)| {
        let modulus = largest_gain.powf(f64::from(exponent) / 8.0);
        c64::from_polar(modulus, 2.0 * PI * f64::from(phase) / f64::from(PHASES))
    });
    (grid(rows, reflections), grid(columns, reflections), vec(gain, reflections))
        .prop_map(|(left, right, gains)| Factors { left, right, gains })
}
