//! One device's part of the saddle function, at one point.

use crate::error::Error;
use crate::linalg::Spectrum;
use faer::{Mat, MatRef, c64};

/// `h(M, λ) = λ (tr (M + θλI)^{-1} − q)` and its derivatives at one `(M, λ)`.
///
/// In the eigenbasis of `M`, with eigenvalues `g_i` and `m_i = g_i + θλ`:
///
/// - `U = −∂h/∂M = λ (M + θλI)^{-2}`, eigenvalues `λ/m_i²`;
/// - `s = −∂h/∂λ = q − Σ g_i/m_i²`, the budget that is left;
/// - `∂²h/∂M² = K`, which multiplies entry `(i, j)` by `k_ij² = λ (m_i + m_j)/(m_i m_j)²`;
/// - `−∂²h/∂M∂λ = a`, diagonal, `a_i = (g_i − θλ)/m_i³`;
/// - `−∂²h/∂λ² = 2θ Σ g_i/m_i³`.
pub(super) struct Device {
    /// Eigenvectors of `M`.
    pub vectors: Mat<c64>,
    /// `g_i`, ascending.
    pub gains: Vec<f64>,
    /// `√λ/m_i`: the singular values of `U^{1/2}`.
    pub amplitudes: Vec<f64>,
    /// `k_ij` by coordinate (those of [`operator`](super::operator)).
    pub stiffness: Vec<f64>,
    /// `a_i/k_ii`.
    pub coupling: Vec<f64>,
    /// `−∂²h/∂λ²`.
    pub curvature: f64,
    /// `s`.
    pub slack: f64,
}

impl Device {
    /// At `gram` = `M`, `multiplier` = `λ`, for `budget` = `q` and `noise` = `θ`.
    ///
    /// # Errors
    /// [`Error::Numerical`] if `M + θλI` is not positive definite, or spans too many orders of magnitude.
    pub fn new(gram: MatRef<'_, c64>, multiplier: f64, budget: f64, noise: f64) -> Result<Self, Error> {
        let Spectrum { values: gains, vectors } = Spectrum::of(gram)?;
        let gains: Vec<f64> = gains.into_iter().map(|value| value.max(0.0)).collect();
        let regular: Vec<f64> = gains.iter().map(|gain| gain + noise * multiplier).collect();
        let sum = |power: i32| gains.iter().zip(&regular).map(|(gain, m)| gain / m.powi(power)).sum::<f64>();
        let (slack, curvature) = (budget - sum(2), 2.0 * noise * sum(3));
        let side = gains.len();
        let mut stiffness = Vec::with_capacity(side * side);
        let mut coupling = Vec::with_capacity(side);
        for b in 0..side {
            for a in b..side {
                let k = (multiplier * (regular[a] + regular[b])).sqrt() / (regular[a] * regular[b]);
                stiffness.push(k);
                if a == b {
                    coupling.push((gains[a] - noise * multiplier) / regular[a].powi(3) / k);
                } else {
                    stiffness.push(k);
                }
            }
        }
        let amplitudes: Vec<f64> = regular.iter().map(|m| multiplier.sqrt() / m).collect();
        let finite =
            stiffness.iter().chain(&coupling).chain([&slack, &curvature]).all(|value| value.is_finite());
        if !finite {
            return Err(Error::Numerical { operation: "a device's response" });
        }
        Ok(Self { vectors, gains, amplitudes, stiffness, coupling, curvature, slack })
    }

    /// `T`.
    pub fn antennas(&self) -> usize {
        self.gains.len()
    }

    /// `U`.
    pub fn dual(&self) -> Mat<c64> {
        let root =
            Mat::from_fn(self.antennas(), self.antennas(), |i, j| self.vectors[(i, j)] * self.amplitudes[j]);
        &root * root.adjoint()
    }
}
