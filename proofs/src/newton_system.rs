//! The Newton systems of the method for `lambda_min`: *theory*, section 3 (Helmberg, Kojima and Monteiro).
//!
//! # Statement
//!
//! Let `h_n` be channels whitened by their demands, `X ≻ 0`, `W_n ≻ 0`, `Z_n = h_n^H X h_n − I ≻ 0`, `S = I − Σ h_n W_n h_n^H ≻ 0`, and
//! `sym(M) = (M + M^H)/2`. On Hermitian matrices with the inner product `Re tr(·^H ·)` the maps
//!
//! 1. `(D_n) ↦ Σ_m sym(P_nm D_m Q_mn) + sym(Z_n D_n W_n^{-1})`, `P_nm = h_n^H X h_m`, `Q_nm = h_n^H S^{-1} h_m`,
//! 2. `D ↦ sym(S D X^{-1}) + Σ_n sym(A_n D B_n)`, `A_n = h_n W_n h_n^H`, `B_n = h_n Z_n^{-1} h_n^H`,
//!
//! are symmetric and positive definite;
//!
//! 3. with the solution `ΔW_n` of the first for `z̄_n − h_n^H x̄ h_n`, `ΔS = −Σ h_n ΔW_n h_n^H`, `ΔX = x̄ − sym(X ΔS S^{-1})` and
//!    `ΔZ_n = h_n^H ΔX h_n` solve `ΔX + sym(X ΔS S^{-1}) = x̄`, `ΔZ_n + sym(Z_n ΔW_n W_n^{-1}) = z̄_n`, the direction's equations.
//!
//! # Hypotheses
//!
//! - **strictly feasible**: at points whose `Z_n` or `S` is not positive definite the first map need not be either.

use crate::arithmetic::{hermitian, inverse};
use faer::{Mat, c64};

/// An orthonormal basis of the Hermitian matrices of a side.
pub fn basis(side: usize) -> Vec<Mat<c64>> {
    let mut all = Vec::new();
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let unit = |i: usize, j: usize, value: c64| {
        Mat::from_fn(side, side, |a, b| match (a, b) {
            _ if (a, b) == (i, j) => value,
            _ if (a, b) == (j, i) => value.conj(),
            _ => c64::new(0.0, 0.0),
        })
    };
    for i in 0..side {
        all.push(unit(i, i, c64::new(1.0, 0.0)));
        for j in 0..i {
            all.push(unit(i, j, c64::new(half, 0.0)));
            all.push(unit(i, j, c64::new(0.0, half)));
        }
    }
    all
}

/// A pair of points, with the slacks that they have.
#[derive(Debug, Clone)]
pub struct Pair {
    /// `h_n`.
    pub channels: Vec<Mat<c64>>,
    /// `X`.
    pub x: Mat<c64>,
    /// `W_n`.
    pub w: Vec<Mat<c64>>,
    /// `Z_n`.
    pub z: Vec<Mat<c64>>,
    /// `S`.
    pub s: Mat<c64>,
}

impl Pair {
    /// For any Hermitian `X` and `W_n`.
    pub fn new(channels: Vec<Mat<c64>>, x: Mat<c64>, w: Vec<Mat<c64>>) -> Self {
        use crate::arithmetic::identity;
        let slack = |h: &Mat<c64>| hermitian((h.adjoint() * (&x * h) - identity(h.ncols())).as_ref());
        let z = channels.iter().map(slack).collect();
        let mut s = identity(x.nrows());
        for (h, w) in channels.iter().zip(&w) {
            s -= h * (w * h.adjoint());
        }
        Self { s: hermitian(s.as_ref()), channels, x, w, z }
    }

    /// The map of statement 1.
    pub fn dual_map(&self, d: &[Mat<c64>]) -> Vec<Mat<c64>> {
        let inverted = inverse(self.s.as_ref());
        let row = |n: usize| {
            let h = &self.channels[n];
            let mut sum = hermitian((&self.z[n] * &d[n] * inverse(self.w[n].as_ref())).as_ref());
            for (m, d) in d.iter().enumerate() {
                let (p, q) =
                    (h.adjoint() * &self.x * &self.channels[m], self.channels[m].adjoint() * &inverted * h);
                sum += hermitian((p * d * q).as_ref());
            }
            sum
        };
        (0..d.len()).map(row).collect()
    }

    /// The map of statement 2.
    pub fn primal_map(&self, d: &Mat<c64>) -> Mat<c64> {
        let mut sum = hermitian((&self.s * d * inverse(self.x.as_ref())).as_ref());
        for ((h, w), z) in self.channels.iter().zip(&self.w).zip(&self.z) {
            let (a, b) = (h * w * h.adjoint(), h * inverse(z.as_ref()) * h.adjoint());
            sum += hermitian((a * d * b).as_ref());
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::{eigenvalues, identity, inner, norm, scaled};
    use crate::config;
    use crate::strict_feasibility::interior_points;
    use crate::weak_duality::Points;
    use faer::linalg::solvers::Solve;
    use proptest::prelude::*;
    use solver::Problem;
    use solver::strategies::{Channels, Dual, Primal, Sizes, crop, duals, grid, primals, problems};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=1, tall: true };
    const WITHIN: f64 = 1e-9;

    /// Strictly feasible points off the central path: `κI` and `δI` plus a part of any others.
    fn pair(problem: &Problem, primal: &Primal, dual: &Dual) -> Pair {
        let inside = interior_points(problem, 2.0);
        let x = &inside.primal + primal.of(problem);
        let w = inside.dual.iter().zip(dual.within(problem)).enumerate().map(|(n, (u, other))| {
            let mixed = scaled(u.as_ref(), 0.5) + scaled(other.as_ref(), 0.25);
            scaled(mixed.as_ref(), Points::demand(problem, n))
        });
        let whitened = problem.channels().iter().enumerate();
        let channels = whitened.map(|(n, h)| scaled(h.as_ref(), Points::demand(problem, n).powf(-0.5)));
        Pair::new(channels.collect(), x, w.collect())
    }

    /// The bases of all devices, one after another, with zeros for the others.
    fn joint_basis(sides: &[usize]) -> Vec<Vec<Mat<c64>>> {
        let mut all = Vec::new();
        for (n, &side) in sides.iter().enumerate() {
            for unit in basis(side) {
                let zeros = sides.iter().map(|&side| Mat::zeros(side, side));
                let mut element: Vec<Mat<c64>> = zeros.collect();
                element[n] = unit;
                all.push(element);
            }
        }
        all
    }

    fn joint_inner(a: &[Mat<c64>], b: &[Mat<c64>]) -> f64 {
        a.iter().zip(b).map(|(a, b)| inner(a.as_ref(), b.as_ref())).sum()
    }

    fn sides(pair: &Pair) -> Vec<usize> {
        pair.w.iter().map(Mat::nrows).collect()
    }

    /// The first map in coordinates.
    fn dual_matrix(pair: &Pair) -> Mat<f64> {
        let units = joint_basis(&sides(pair));
        let images: Vec<_> = units.iter().map(|unit| pair.dual_map(unit)).collect();
        Mat::from_fn(units.len(), units.len(), |i, j| joint_inner(&units[i], &images[j]))
    }

    fn primal_matrix(pair: &Pair) -> Mat<f64> {
        let units = basis(pair.x.nrows());
        let images: Vec<_> = units.iter().map(|unit| pair.primal_map(unit)).collect();
        Mat::from_fn(units.len(), units.len(), |i, j| inner(units[i].as_ref(), images[j].as_ref()))
    }

    fn least(matrix: &Mat<f64>) -> f64 {
        matrix.self_adjoint_eigenvalues(faer::Side::Lower).unwrap()[0]
    }

    fn entry_norm(matrix: &Mat<f64>) -> f64 {
        matrix.norm_l2()
    }

    proptest! {
        #![proptest_config(config())]

        /// 1 and 2.
        #[test]
        fn are_symmetric_and_positive_definite(
            problem in problems(&SIZES, Channels::WellConditioned), primal in primals(&SIZES), dual in duals(&SIZES),
        ) {
            let pair = pair(&problem, &primal, &dual);
            for matrix in [dual_matrix(&pair), primal_matrix(&pair)] {
                let skew = entry_norm(&(&matrix - matrix.transpose()));
                prop_assert!(skew <= 1e-12 * entry_norm(&matrix), "‖M − M^T‖ = {skew} of {}", entry_norm(&matrix));
                prop_assert!(least(&matrix) > 0.0, "{}", least(&matrix));
            }
        }

        /// 3.
        #[test]
        fn solves_the_equations_of_the_direction(
            problem in problems(&SIZES, Channels::WellConditioned), primal in primals(&SIZES), dual in duals(&SIZES), target in grid(4, 4),
        ) {
            let pair = pair(&problem, &primal, &dual);
            let part = |side| hermitian(crop(&target, side, side).as_ref());
            let x_bar = part(pair.x.nrows());
            let z_bar: Vec<Mat<c64>> = sides(&pair).into_iter().map(part).collect();
            let right: Vec<Mat<c64>> = z_bar.iter().zip(&pair.channels).map(|(z, h)| z - h.adjoint() * (&x_bar * h)).collect();
            let units = joint_basis(&sides(&pair));
            let coordinates = Mat::from_fn(units.len(), 1, |i, _| joint_inner(&units[i], &right));
            let solution = dual_matrix(&pair).partial_piv_lu().solve(&coordinates);
            let mut w: Vec<Mat<c64>> = sides(&pair).iter().map(|&side| Mat::zeros(side, side)).collect();
            for (i, unit) in units.iter().enumerate() {
                w.iter_mut().zip(unit).for_each(|(w, unit)| *w += scaled(unit.as_ref(), solution[(i, 0)]));
            }
            let mut s = Mat::<c64>::zeros(pair.x.nrows(), pair.x.nrows());
            for (h, w) in pair.channels.iter().zip(&w) {
                s -= h * (w * h.adjoint());
            }
            let x = &x_bar - hermitian((&pair.x * &s * inverse(pair.s.as_ref())).as_ref());
            for n in 0..w.len() {
                let z = pair.channels[n].adjoint() * (&x * &pair.channels[n]);
                let moved = hermitian((&pair.z[n] * &w[n] * inverse(pair.w[n].as_ref())).as_ref());
                let residual = norm((&z + &moved - &z_bar[n]).as_ref());
                let size = norm(z.as_ref()) + norm(moved.as_ref()) + norm(z_bar[n].as_ref());
                prop_assert!(residual <= WITHIN * (1.0 + size), "{residual} of {size}");
            }
        }
    }

    fn scalar(value: f64) -> Mat<c64> {
        scaled(identity(1).as_ref(), value)
    }

    /// With `h = 1`: `X = 2`, `W = 1/2`, and the first map is `X/S + Z/W = 4 + 2`.
    #[test]
    fn with_every_hypothesis() {
        let pair = Pair::new(vec![scalar(1.0)], scalar(2.0), vec![scalar(0.5)]);
        assert!((dual_matrix(&pair)[(0, 0)] - 6.0).abs() < 1e-12);
        assert!(eigenvalues(pair.s.as_ref())[0] > 0.0);
    }

    /// Without **strictly feasible**: `X = 1/8` leaves `Z = −7/8`, and `W = 3` leaves `S = −2`.
    #[test]
    fn outside() {
        for (x, w) in [(0.125, 0.5), (2.0, 3.0)] {
            let pair = Pair::new(vec![scalar(1.0)], scalar(x), vec![scalar(w)]);
            assert!(dual_matrix(&pair)[(0, 0)] < 0.0, "X = {x}, W = {w}");
        }
    }
}
