//! One device's part of the saddle function, at one point.

use crate::linalg::{Scratch, eigen_into, product};
use crate::relaxation::native::coordinates::diagonal;
use faer::{Col, Mat, MatMut, MatRef, c64};

/// `h(M, λ) = λ (tr (M + θλI)^{-1} − q)` and its derivatives at one `(M, λ)`.
///
/// In the eigenbasis of `M`, with eigenvalues `g_i` and `m_i = g_i + θλ`:
///
/// - `U = −∂h/∂M = λ (M + θλI)^{-2}`, eigenvalues `λ/m_i²`;
/// - `s = −∂h/∂λ = q − Σ g_i/m_i²`, the budget that is left;
/// - `∂²h/∂M² = K: D ↦ U D (M + θλI)^{-1} + (M + θλI)^{-1} D U`, which multiplies entry `(i, j)` by
///   `k_ij² = λ (m_i + m_j)/(m_i m_j)²`;
/// - `−∂²h/∂M∂λ = a`, diagonal, `a_i = (g_i − θλ)/m_i³`;
/// - `−∂²h/∂λ² = 2θ Σ g_i/m_i³`.
#[derive(Debug, Clone)]
pub(super) struct Device {
    /// Eigenvectors of `M`.
    pub vectors: Mat<c64>,
    /// `g_i`, ascending.
    pub gains: Vec<f64>,
    /// `1/m_i`.
    pub inverses: Vec<f64>,
    /// `√λ/m_i`: the singular values of `U^{1/2}`.
    pub amplitudes: Vec<f64>,
    /// `k_ij` by [coordinate](crate::relaxation::native::coordinates).
    pub stiffness: Vec<f64>,
    /// `a_i/k_ii`.
    pub coupling: Vec<f64>,
    /// `−∂²h/∂λ²`.
    pub curvature: f64,
    /// `s`.
    pub slack: f64,
    /// `λ`.
    multiplier: f64,
    /// `θ`.
    pub noise: f64,
    eigenvalues: Col<c64>,
}

impl Device {
    /// Room for `T = side`.
    pub fn new(side: usize) -> Self {
        let list = || vec![0.0; side];
        Self {
            vectors: Mat::zeros(side, side),
            gains: list(),
            inverses: list(),
            amplitudes: list(),
            stiffness: vec![0.0; side * side],
            coupling: list(),
            curvature: 0.0,
            slack: 0.0,
            multiplier: 0.0,
            noise: 0.0,
            eigenvalues: Col::zeros(side),
        }
    }

    /// Moves to `gram` = `M`, `multiplier` = `λ`, for `budget` = `q` and `noise` = `θ`. `false` if `M + θλI` is not positive definite, or
    /// spans too many orders of magnitude.
    pub fn update(
        &mut self,
        gram: MatRef<'_, c64>,
        multiplier: f64,
        (budget, noise): (f64, f64),
        scratch: &mut Scratch,
    ) -> bool {
        if !eigen_into(gram, self.eigenvalues.as_mut(), Some(self.vectors.as_mut()), scratch) {
            return false;
        }
        let side = self.antennas();
        (self.multiplier, self.noise) = (multiplier, noise);
        let floor = noise * multiplier;
        (self.slack, self.curvature) = (budget, 0.0);
        for (i, eigenvalue) in self.eigenvalues.iter().enumerate() {
            let gain = eigenvalue.re.max(0.0);
            let inverse = 1.0 / (gain + floor);
            let cube = inverse * inverse * inverse;
            self.gains[i] = gain;
            self.inverses[i] = inverse;
            self.amplitudes[i] = multiplier.sqrt() * inverse;
            self.slack -= gain * inverse * inverse;
            self.curvature += 2.0 * noise * gain * cube;
            self.coupling[i] = (gain - floor) * cube;
        }
        let mut next = 0;
        for b in 0..side {
            for a in b..side {
                // m_i + m_j over m_i m_j is 1/m_i + 1/m_j.
                let product = self.amplitudes[a] * self.amplitudes[b];
                let k = (product * (self.inverses[a] + self.inverses[b])).sqrt();
                self.stiffness[next] = k;
                if a > b {
                    self.stiffness[next + 1] = k;
                }
                next += if a > b { 2 } else { 1 };
            }
            self.coupling[b] /= self.stiffness[diagonal(side, b)];
        }
        let scalars = [self.slack, self.curvature];
        self.stiffness.iter().chain(&self.coupling).chain(&scalars).all(|value| value.is_finite())
    }

    /// `T`.
    pub fn antennas(&self) -> usize {
        self.gains.len()
    }

    /// `(tr U^{1/2}, tr U)`.
    pub fn traces(&self) -> (f64, f64) {
        self.amplitudes.iter().fold((0.0, 0.0), |(roots, sum), root| (roots + root, sum + root * root))
    }

    /// `tr U M`.
    pub fn power(&self) -> f64 {
        self.amplitudes.iter().zip(&self.gains).map(|(root, gain)| root * root * gain).sum()
    }

    /// `U`.
    pub fn dual(&self) -> Mat<c64> {
        let root =
            Mat::from_fn(self.antennas(), self.antennas(), |i, j| self.vectors[(i, j)] * self.amplitudes[j]);
        product(root.as_ref(), root.adjoint())
    }

    /// The second order of `U` and of `s` for a change `D` of `M + θλI` in the eigenbasis and a change of `λ`: writes the one, in the
    /// eigenbasis, and returns the other. With `p_i = 1/m_i`
    ///
    /// `U: λ p_i p_j Σ_k p_k (p_i + p_j + p_k) D_ik D_kj − Δλ p_i p_j (p_i + p_j) D_ij`,
    /// `s: Σ_ik p_i² p_k (θλ (2p_i + p_k) − 1) |D_ik|² − 2θΔλ Σ_i p_i³ D_ii`.
    pub fn bend(&self, change: MatRef<'_, c64>, multiplier: f64, mut out: MatMut<'_, c64>) -> f64 {
        let (p, floor) = (&self.inverses, self.noise * self.multiplier);
        let mut slack = 0.0;
        for j in 0..p.len() {
            slack -= 2.0 * self.noise * multiplier * p[j].powi(3) * change[(j, j)].re;
            for i in 0..p.len() {
                let pair = p[i] * p[j];
                let mut sum = c64::new(0.0, 0.0);
                for k in 0..p.len() {
                    sum += change[(i, k)] * change[(k, j)] * (p[k] * (p[i] + p[j] + p[k]));
                }
                out[(i, j)] =
                    sum * (self.multiplier * pair) - change[(i, j)] * (multiplier * pair * (p[i] + p[j]));
                slack += pair * p[i] * (floor * (2.0 * p[i] + p[j]) - 1.0) * change[(i, j)].norm_sqr();
            }
        }
        slack
    }

    /// What `z_n` has on the diagonal, `a_i/k_ii`, with the coordinates there, the device's first being `start`. Elsewhere it is zero.
    pub fn along(&self, start: usize) -> impl Iterator<Item = (usize, f64)> {
        let side = self.antennas();
        self.coupling.iter().enumerate().map(move |(i, &value)| (start + diagonal(side, i), value))
    }

    /// `z_nᵀ z_n`.
    pub fn squared_coupling(&self) -> f64 {
        self.coupling.iter().map(|value| value * value).sum()
    }
}
