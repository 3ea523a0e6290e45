//! Small Hermitian matrices of several devices at once: entry by entry side by side, so that what is done to one matrix is done to all by the
//! same vector instructions. Their arithmetic is tens of numbers at a time, less than it costs to call a general routine.

use faer::c64;
use pulp::{Arch, Simd};
use std::ops::{Add, Mul, Sub};

/// How many devices.
pub(super) const LANES: usize = 4;

/// One complex number per device, real and imaginary parts apart.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Lanes {
    pub re: [f64; LANES],
    pub im: [f64; LANES],
}

#[inline(always)]
fn zip(a: [f64; LANES], b: [f64; LANES], f: impl Fn(f64, f64) -> f64) -> [f64; LANES] {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

impl Lanes {
    pub const ONE: Self = Self { re: [1.0; LANES], im: [0.0; LANES] };

    /// The numbers that `entry` gives for each lane.
    #[inline(always)]
    pub fn new(entry: impl Fn(usize) -> c64) -> Self {
        let entries: [c64; LANES] = std::array::from_fn(entry);
        Self { re: entries.map(|entry| entry.re), im: entries.map(|entry| entry.im) }
    }

    /// The number of one device.
    #[inline(always)]
    pub fn lane(&self, lane: usize) -> c64 {
        c64::new(self.re[lane], self.im[lane])
    }

    #[inline(always)]
    pub fn set(&mut self, lane: usize, value: c64) {
        (self.re[lane], self.im[lane]) = (value.re, value.im);
    }

    #[inline(always)]
    pub fn conj(self) -> Self {
        Self { re: self.re, im: self.im.map(|im| -im) }
    }

    #[inline(always)]
    pub fn scaled(self, factor: f64) -> Self {
        Self { re: self.re.map(|re| re * factor), im: self.im.map(|im| im * factor) }
    }

    #[inline(always)]
    fn each_scaled(self, factors: [f64; LANES]) -> Self {
        Self { re: zip(self.re, factors, |a, b| a * b), im: zip(self.im, factors, |a, b| a * b) }
    }

    #[inline(always)]
    fn real(re: [f64; LANES]) -> Self {
        Self { re, im: [0.0; LANES] }
    }

    /// `|z|²`.
    #[inline(always)]
    fn norm_sqr(self) -> [f64; LANES] {
        zip(self.re, self.im, |re, im| re * re + im * im)
    }
}

impl Add for Lanes {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { re: zip(self.re, other.re, |a, b| a + b), im: zip(self.im, other.im, |a, b| a + b) }
    }
}

impl Sub for Lanes {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { re: zip(self.re, other.re, |a, b| a - b), im: zip(self.im, other.im, |a, b| a - b) }
    }
}

impl Mul for Lanes {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self {
            re: std::array::from_fn(|l| self.re[l] * other.re[l] - self.im[l] * other.im[l]),
            im: std::array::from_fn(|l| self.re[l] * other.im[l] + self.im[l] * other.re[l]),
        }
    }
}

/// `Σ_k a_k b_k`.
#[inline(always)]
pub(super) fn product_sum(a: &[Lanes], b: &[Lanes]) -> Lanes {
    let mut total = Lanes::default();
    for (&a, &b) in a.iter().zip(b) {
        total = total + a * b;
    }
    total
}

/// `Σ_k a_k conj(b_k)`.
#[inline(always)]
pub(super) fn product_sum_conjugate(a: &[Lanes], b: &[Lanes]) -> Lanes {
    let mut total = Lanes::default();
    for (&a, &b) in a.iter().zip(b) {
        total = total + a * b.conj();
    }
    total
}

/// `Σ_k f(k)`. A loop, because an iterator's closure is not sure to be inlined into vector instructions.
#[inline(always)]
fn sum(range: std::ops::Range<usize>, f: impl Fn(usize) -> Lanes) -> Lanes {
    let mut total = Lanes::default();
    for k in range {
        total = total + f(k);
    }
    total
}

/// `A B` of `side×side` matrices, column by column as all here.
#[inline(always)]
pub(super) fn multiply(side: usize, a: &[Lanes], b: &[Lanes], out: &mut [Lanes]) {
    for j in 0..side {
        for i in 0..side {
            out[i + j * side] = sum(0..side, |k| a[i + k * side] * b[k + j * side]);
        }
    }
}

/// `A ← A − sym(K M)`, `sym(M) = (M + M^H)/2`.
#[inline(always)]
pub(super) fn subtract_product(side: usize, a: &mut [Lanes], k: &[Lanes], m: &[Lanes]) {
    let product = |i: usize, j: usize| sum(0..side, |l| k[i + l * side] * m[l + j * side]);
    for j in 0..side {
        let diagonal = &mut a[j + j * side];
        *diagonal = *diagonal - Lanes::real(product(j, j).re);
        for i in j + 1..side {
            let entry = a[i + j * side] - (product(i, j) + product(j, i).conj()).scaled(0.5);
            a[i + j * side] = entry;
            a[j + i * side] = entry.conj();
        }
    }
}

/// Replaces Hermitian matrices, of which the lower triangle is read, by their Cholesky factors, in the lower triangle, with the
/// reciprocals of the factors' diagonals. `false` if one is not (numerically) positive definite; they are then of no use.
#[inline(always)]
pub(super) fn factorize(side: usize, a: &mut [Lanes]) -> bool {
    for j in 0..side {
        let mut pivot = a[j + j * side].re;
        for k in 0..j {
            pivot = zip(pivot, a[j + k * side].norm_sqr(), |pivot, part| pivot - part);
        }
        if !pivot.iter().all(|&pivot| pivot > 0.0 && pivot < f64::INFINITY) {
            return false;
        }
        let reciprocal = pivot.map(|pivot| 1.0 / pivot.sqrt());
        a[j + j * side] = Lanes::real(reciprocal);
        for i in j + 1..side {
            let rest = sum(0..j, |k| a[i + k * side] * a[j + k * side].conj());
            a[i + j * side] = (a[i + j * side] - rest).each_scaled(reciprocal);
        }
    }
    true
}

/// Writes the inverses of Hermitian matrices; `factor` is memory. `false` if one is not positive definite, by rounding.
#[pulp::with_simd(invert = Arch::new())]
#[inline(always)]
pub(super) fn invert_with<S: Simd>(
    _simd: S,
    side: usize,
    a: &[Lanes],
    out: &mut [Lanes],
    factor: &mut [Lanes],
) -> bool {
    factor.copy_from_slice(a);
    if !factorize(side, factor) {
        return false;
    }
    // L^{-1} in place of L, row by row: those above are inverted by then.
    for i in 0..side {
        let reciprocal = factor[i + i * side].re;
        for j in 0..i {
            let rest = sum(j..i, |k| {
                let below = factor[i + k * side];
                let inverted = factor[k + j * side];
                below * inverted
            });
            out[j] = Lanes::default() - rest.each_scaled(reciprocal);
        }
        (0..i).for_each(|j| factor[i + j * side] = out[j]);
    }
    for j in 0..side {
        for i in j..side {
            let entry = sum(i..side, |k| factor[k + i * side].conj() * factor[k + j * side]);
            out[i + j * side] = entry;
            out[j + i * side] = entry.conj();
        }
        out[j + j * side].im = [0.0; LANES];
    }
    true
}

/// Whether Hermitian matrices stay positive definite along a step; `trial` is memory.
#[pulp::with_simd(stays_definite = Arch::new())]
#[inline(always)]
pub(super) fn stays_definite_with<S: Simd>(
    _simd: S,
    side: usize,
    current: &[Lanes],
    change: &[Lanes],
    length: f64,
    trial: &mut [Lanes],
) -> bool {
    for (trial, (&current, &change)) in trial.iter_mut().zip(current.iter().zip(change)) {
        *trial = current + change.scaled(length);
    }
    factorize(side, trial)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 3;

    /// Positive definite, another one in every lane, but for the last entry of the diagonal in one lane.
    fn matrices(odd: usize, entry: f64) -> Vec<Lanes> {
        let mut matrices: Vec<_> = (0..SIDE * SIDE)
            .map(|place| {
                let (i, j) = (place % SIDE, place / SIDE);
                let side = (i as f64 - j as f64) * 0.3;
                Lanes::new(|lane| c64::new(if i == j { 2.0 + lane as f64 } else { 0.4 }, side))
            })
            .collect();
        matrices[SIDE * SIDE - 1].set(odd, c64::new(entry, 0.0));
        matrices
    }

    #[test]
    fn one_indefinite_matrix_is_seen_in_any_lane() {
        let definite = matrices(0, 2.0);
        let [mut inverses, mut memory] = [(); 2].map(|()| definite.clone());
        for lane in 0..LANES {
            for entry in [-1.0, 0.0, f64::NAN, f64::INFINITY] {
                let odd = matrices(lane, entry);
                assert!(!invert(SIDE, &odd, &mut inverses, &mut memory), "{lane} {entry}");
                let change: Vec<_> = odd.iter().zip(&definite).map(|(&odd, &even)| odd - even).collect();
                assert!(!stays_definite(SIDE, &definite, &change, 1.0, &mut memory), "{lane} {entry}");
            }
        }
        assert!(stays_definite(SIDE, &definite, &definite, 1.0, &mut memory));
        assert!(invert(SIDE, &definite, &mut inverses, &mut memory));
        let mut product = definite.clone();
        multiply(SIDE, &definite, &inverses, &mut product);
        for (place, entry) in product.iter().enumerate() {
            let wanted = if place % (SIDE + 1) == 0 { 1.0 } else { 0.0 };
            (0..LANES).for_each(|lane| assert!((entry.lane(lane) - wanted).norm() < 1e-14));
        }
    }
}
