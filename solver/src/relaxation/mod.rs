//! Convex relaxations of the short-term problem and the certificates they give (theory, section 3).
//!
//! With `X = A A^H` and its rank dropped, all relaxations are convex in `X ⪰ 0`, and all their duals live on
//! one set, `𝒰 = { U_n ⪰ 0 : Σ_n H_n U_n H_n^H ⪯ I }`:
//!
//! | module | primal over `X ⪰ 0` | dual over `𝒰` | value |
//! |---|---|---|---|
//! | [`lambda_min`] | min `tr X` s.t. `H_n^H X H_n ⪰ c_n I`, `c_n = T_n v_n/p_n` | max `Σ c_n tr U_n` | `α` |
//! | [`trace_inverse`] | min `tr X` s.t. `tr((H_n^H X H_n)^{-1}) ≤ p_n/v_n` | max `Σ v_n (tr U_n^{1/2})²/p_n` | `α` |
//! | [`mmse`] | min `Σ v_n φ_n(H_n^H X H_n) + σ² tr X` | max `Σ σ² v_n (tr U_n^{1/2})² / (p_n + σ² tr U_n)` | MSE |
//!
//! Their values are ordered, `mmse ≤ σ² trace_inverse ≤ σ² lambda_min`. Each is one file with the same rooms: `solve`, `certify`,
//! `power_sensitivity`; [`Relaxation`] names them, [`Solver`] solves one after another. A certificate needs no trust
//! in the solver that produced the points: any `U_n ⪰ 0`, divided by `λ_max(Σ H_n U_n H_n^H)`, is in `𝒰`. [`Backend`] is where other
//! solvers plug in; `clarabel_sdp` (feature `clarabel-sdp`) is one, an independent check of [`Native`].
//!
//! Each iteration of [`Native`] factorizes a system of `min(R², Σ T_n²)` unknowns: its time is cubic in that number, its memory quadratic. What takes
//! more than 4.8 GB is refused with [`Error::TooManyUnknowns`] before anything is allocated: `8 (u² + 8 (Σ T_n)²)` bytes for `u = Σ T_n²` unknowns,
//! `8 (2 u² + 3 u (N + 1))` for `u = R²`, and `8 N²` more for `trace_inverse` and `mmse`. With 4 antennas a device that is 20 000 unknowns of the first kind
//! (1 250 devices), and 16 000 to 17 000 of the second.
//!
//! Results do not depend on the units of channels, powers and variances. They do depend on the condition `κ` of the worst channel: a relative gap below about
//! `1e-15 κ²` is out of reach of `lambda_min` and `trace_inverse`, `1e-7` at `κ = 10⁴`. Where rounding stops a method, [`Error::NotConverged`] carries the interval
//! that was reached, and [`Solver::last`] the points.

mod bounds;
mod certificate;
#[cfg(feature = "clarabel-sdp")]
pub mod clarabel_sdp;
pub mod lambda_min;
pub mod mmse;
mod native;
mod solver;
pub mod trace_inverse;
mod units;

pub use certificate::{Certificate, Scope};
pub use native::Native;
pub use solver::{Backend, Solver};

use crate::error::{Error, Quantity};
use crate::linalg::require_matrix;
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// The three relaxations, named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Relaxation {
    /// The papers' (17): [`lambda_min`].
    LambdaMin,
    /// The true power constraint under zero forcing: [`trace_inverse`].
    TraceInverse,
    /// The true problem P_s: [`mmse`].
    Mmse,
}

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct Options {
    /// Largest relative gap `(upper − lower)/upper` of the certificate. Default: `1e-7`. Valid: `1e-11` to 1, 1 excluded.
    pub relative_gap: f64,
    /// Most iterations from one start, of which a [`Solver`] may need two: a warm one, then a cold one. Default: 100; the native methods need
    /// about 6, and take no more than 20 from a warm start. Valid: at least 1.
    pub max_iterations: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { relative_gap: 1e-7, max_iterations: 100 }
    }
}

impl Options {
    fn validate(&self) -> Result<(), Error> {
        if !(self.relative_gap >= 1e-11 && self.relative_gap < 1.0) {
            return Err(Error::InvalidOption {
                option: "relative_gap",
                value: self.relative_gap,
                valid: "at least 1e-11 and below 1",
            });
        }
        if self.max_iterations == 0 {
            return Err(Error::InvalidOption { option: "max_iterations", value: 0.0, valid: "at least 1" });
        }
        Ok(())
    }
}

/// A solved relaxation.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Solution {
    /// `X`, `R×R`, Hermitian and positive semidefinite: feasible and near-optimal.
    #[cfg_attr(feature = "serde", serde(with = "crate::document::matrix"))]
    pub primal: Mat<c64>,
    /// `U_n`, `T_n×T_n`, Hermitian and positive semidefinite, in `𝒰`: feasible and near-optimal.
    #[cfg_attr(feature = "serde", serde(with = "crate::document::matrices"))]
    pub dual: Vec<Mat<c64>>,
    /// Bounds on the optimal value, computed from the points and the problem's data alone: from factors of the points, of which `primal` and `dual` are
    /// the rounded products. Where a channel's condition is beyond about `1e6`, [`Relaxation::certify`] of those products gives wider ones.
    pub certificate: Certificate,
    /// Iterations taken, from all starts.
    pub iterations: usize,
}

impl Solution {
    /// The better primal and the better dual point of two solutions of one problem.
    fn or_better(mut self, other: Self) -> Self {
        if other.certificate.upper < self.certificate.upper {
            (self.primal, self.certificate.upper) = (other.primal, other.certificate.upper);
        }
        if other.certificate.lower > self.certificate.lower {
            (self.dual, self.certificate.lower) = (other.dual, other.certificate.lower);
        }
        self.iterations += other.iterations;
        self
    }

    /// Whether it can be a warm start for the problem.
    fn fits(&self, problem: &Problem) -> bool {
        require_points(problem, self.primal.as_ref(), &self.dual).is_ok()
    }
}

/// Checks that points are finite and have the shapes of the problem's.
fn require_points(problem: &Problem, primal: MatRef<'_, c64>, dual: &[Mat<c64>]) -> Result<(), Error> {
    let side = problem.receive_antennas();
    require_matrix(primal, (side, side), Quantity::PrimalMatrix, 0)?;
    certificate::require_dual_count(problem, dual)?;
    for (device, dual) in dual.iter().enumerate() {
        let side = problem.transmit_antennas(device);
        require_matrix(dual.as_ref(), (side, side), Quantity::DualMatrix, device)?;
    }
    Ok(())
}

/// What a [`Backend`] returns: points that nobody has checked yet.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Points {
    /// `X`, `R×R`.
    #[cfg_attr(feature = "serde", serde(with = "crate::document::matrix"))]
    pub primal: Mat<c64>,
    /// `U_n`, `T_n×T_n`.
    #[cfg_attr(feature = "serde", serde(with = "crate::document::matrices"))]
    pub dual: Vec<Mat<c64>>,
    /// Iterations taken.
    pub iterations: usize,
}
