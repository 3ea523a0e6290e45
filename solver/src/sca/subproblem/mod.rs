//! The convex subproblem (21) and its feasibility restoration, apart from whoever solves it.
//!
//! A backend implements [`SubproblemSolver`], one file per backend. What it returns is a *candidate*:
//! `solve` accepts it only after `certify` has checked membership and a dual bound from the data.
//!
//! | backend | solves |
//! |---|---|
//! | [`AutomaticBackend`] (default) | all: native where it applies, else Clarabel |
//! | [`NativeBackend`] | bounds and at most one equality, exactly |
//! | [`ClarabelBackend`] | all: quadratic programs, second-order cones, restoration |
//! | `OsqpBackend` (feature `osqp`) | quadratic programs: constraints without curvature |

mod automatic;
mod certify;
mod clarabel;
mod form;
mod native;
#[cfg(feature = "osqp")]
mod osqp;
mod restoration;
mod solve;
mod units;

use thiserror::Error;

pub use self::clarabel::ClarabelBackend;
#[cfg(feature = "osqp")]
pub use self::osqp::OsqpBackend;
pub use automatic::AutomaticBackend;
pub(super) use certify::certify;
pub use form::{MalformedSubproblem, Vector};
pub use native::NativeBackend;
pub(super) use restoration::{LeastViolation, least_violation};
pub(super) use solve::{Step, solve};

use super::polyhedron::Row;
use super::{Polyhedron, Surrogate};

/// What a subproblem asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// (21): `min f̂_0(x)` s.t. `f̂_i(x) ≤ 0`, `x ∈ 𝒳`.
    Objective,
    /// Restoration of \[C\]: `min α + f̂_0(x)` s.t. `f̂_i(x) ≤ α`, `α ≥ 0`, `x ∈ 𝒳`. Here `f̂_0` is only a proximity term
    /// `w ‖x − x^τ‖²`, with a `w` that is next to nothing, so that the re-check has a strongly convex problem.
    LeastViolation,
}

/// One convex subproblem, in terms of the displacement `d = x − x^τ`.
#[derive(Debug, Clone, Copy)]
pub struct Subproblem<'a> {
    /// 𝒳.
    pub feasible_set: &'a Polyhedron,
    /// `x^τ`, length = dimension.
    pub center: &'a [f64],
    /// `f̂_0`, of positive curvature.
    pub objective: &'a Surrogate,
    /// `f̂_1 … f̂_I`, of curvature ≥ 0.
    pub constraints: &'a [Surrogate],
    /// Which of the two problems.
    pub goal: Goal,
}

/// A backend's answer, to be checked. Multipliers follow the Lagrangian
/// `f̂_0 + Σ λ_i f̂_i + yᵀ(A_eq x − b_eq) + zᵀ(A_in x − b_in)`, `λ, z ≥ 0`; those of the bounds are not
/// needed.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// `x̂`, length = dimension.
    pub point: Vec<f64>,
    /// `λ`, one for each stochastic constraint.
    pub constraint_multipliers: Vec<f64>,
    /// `y`, one for each equality of 𝒳.
    pub equality_multipliers: Vec<f64>,
    /// `z`, one for each inequality of 𝒳.
    pub inequality_multipliers: Vec<f64>,
}

/// Why a backend returned no candidate.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum BackendFailure {
    /// It holds that there is no feasible point (a claim that the restoration then checks).
    #[error("the backend claims that no feasible point exists")]
    ClaimsInfeasible,
    /// It does not solve problems of this form.
    #[error("the backend does not solve this form of problem; it needs {needs}")]
    Unsupported {
        /// What it needs.
        needs: &'static str,
    },
    /// The subproblem is malformed.
    #[error("malformed subproblem: {0}")]
    Malformed(#[from] MalformedSubproblem),
    /// It refused the data.
    #[error("the backend refused the problem: {reason}")]
    Refused {
        /// Its own words.
        reason: String,
    },
    /// It stopped without an answer.
    #[error("the backend stopped with status {status}")]
    Stopped {
        /// Its own name of the status.
        status: String,
    },
}

/// Why a subproblem has no accepted answer.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SubproblemError {
    /// The backend returned nothing.
    #[error(transparent)]
    Backend(#[from] BackendFailure),
    /// The candidate has vectors of the wrong length or entries that are not finite, or functions overflow at it.
    #[error("the backend returned a malformed candidate")]
    Malformed,
    /// The candidate is outside 𝒳.
    #[error("the candidate violates {row} by {amount:e} (relative)")]
    OutsideFeasibleSet {
        /// The row violated most.
        row: Row,
        /// Relative violation.
        amount: f64,
    },
    /// The candidate breaks a surrogate constraint.
    #[error("the candidate has f̂_{constraint} = {value:e}, above the tolerance {tolerance:e}")]
    ConstraintViolated {
        /// Constraint i = 1 … I.
        constraint: usize,
        /// `f̂_i(x̂)`.
        value: f64,
        /// The value up to which it would be accepted.
        tolerance: f64,
    },
    /// The candidate is feasible, but the dual bound does not show it to be optimal.
    #[error("the candidate's certified gap {gap:e} exceeds the tolerance {tolerance:e}")]
    NotOptimal {
        /// Objective at the candidate less the dual bound.
        gap: f64,
        /// The gap up to which it would be accepted.
        tolerance: f64,
    },
}

/// Solves convex subproblems. A backend may return any candidate; it is checked afterwards. The crate's own refuse
/// ([`BackendFailure::Malformed`]) a subproblem whose vectors differ in length from the dimension, that holds NaN or an infinity,
/// or whose curvatures have the wrong sign.
pub trait SubproblemSolver {
    /// A candidate for `subproblem`.
    ///
    /// # Errors
    /// [`BackendFailure`] when there is none to offer.
    fn solve(&mut self, subproblem: &Subproblem<'_>) -> Result<Candidate, BackendFailure>;
}
