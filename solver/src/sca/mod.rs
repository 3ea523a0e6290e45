//! Stochastic successive convex approximation for any problem of the form
//!
//! ```text
//! minimise   E[f_0(x; ξ)]
//! subject to E[f_i(x; ξ)] ≤ 0,  i = 1 … I,
//!            x ∈ 𝒳 = { l ≤ x ≤ u,  A_eq x = b_eq,  A_in x ≤ b_in },
//! ```
//!
//! where the expectations are known only through samples ξ^τ. Iteration τ = 0, 1, … does four things
//! (equations (19) to (22) of \[A\], after \[C\]):
//!
//! ```text
//! (19) f_i^τ  = (1 − ρ_τ) f_i^{τ−1} + ρ_τ f_i(x^τ; ξ^τ)           recursive estimate of the value
//!      u_i^τ  = (1 − ρ_τ) u_i^{τ−1} + ρ_τ ∇f_i(x^τ; ξ^τ)          and of the gradient
//! (20) f̂_i(x) = f_i^τ + (u_i^τ)ᵀ(x − x^τ) + η_i ‖x − x^τ‖²        convex surrogate
//! (21) x̂      = argmin f̂_0(x)  s.t.  f̂_i(x) ≤ 0,  x ∈ 𝒳           subproblem
//! (22) x^{τ+1} = (1 − γ_τ) x^τ + γ_τ x̂                            update
//! ```
//!
//! When (21) has no feasible point, `x̂` is the point of 𝒳 with the least largest violation
//! `max_i f̂_i(x)` (the feasibility restoration of \[C\], which \[A\] leaves out).
//!
//! Nothing here knows of channels; [`crate::assignment`] is one user. Every answer of a subproblem
//! backend is re-checked from the problem's own data, and its optimality is certified by a dual bound
//! in closed form, so no status of a backend is believed ([`subproblem`] lists the backends).
//!
//! - [`Schedules`] of the caller's choice, refused where they break a condition of convergence;
//! - [`ScaOptions::with_confirmation`] stops a run when fresh samples show its residual to be small, with confidence;
//! - [`ScaState`] is what a run needs to be stopped, kept and resumed bit for bit ([`StochasticSca::resume`]).
//!
//! - \[A\] Zhang, He, Song, Zhang, Letaief, *Distributed On-Device LLM Inference With Over-the-Air
//!   Computation*, arXiv 2502.12559.
//! - \[C\] Liu, Lau, Zhao, *Stochastic Successive Convex Optimization for Two-Timescale Hybrid Precoding in
//!   Massive MIMO*, IEEE JSTSP 2018, arXiv 1801.08274.
//!
//! # Example
//!
//! The point of the unit simplex nearest to the mean of noisy observations:
//!
//! ```
//! use rand::RngExt;
//! use solver::sca::{Evaluation, Function, Polyhedron, Rng, ScaOptions, StochasticProgram, StochasticSca};
//!
//! struct NearestToMean { simplex: Polyhedron }
//!
//! impl StochasticProgram for NearestToMean {
//!     type Sample = Vec<f64>;
//!     type Error = std::convert::Infallible;
//!     fn feasible_set(&self) -> &Polyhedron { &self.simplex }
//!     fn sample(&self, rng: &mut dyn Rng) -> Result<Vec<f64>, Self::Error> {
//!         Ok([0.7, 0.5, -1.0].iter().map(|mean| mean + rng.random_range(-0.5..0.5)).collect())
//!     }
//!     fn evaluate(&self, x: &[f64], sample: &Vec<f64>) -> Result<Evaluation, Self::Error> {
//!         let gradient: Vec<f64> = x.iter().zip(sample).map(|(x, s)| 2.0 * (x - s)).collect();
//!         let value = gradient.iter().map(|g| 0.25 * g * g).sum();
//!         Ok(Evaluation { objective: Function { value, gradient }, constraints: vec![] })
//!     }
//! }
//!
//! let program = NearestToMean { simplex: Polyhedron::simplex(3, 0.0)? };
//! let report = StochasticSca::new(&program, ScaOptions::new(7)).run(&[1.0 / 3.0; 3])?;
//! assert!(report.termination.was_successful());
//! assert!((report.point[0] - 0.6).abs() < 0.05 && report.point[2] < 0.05);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
pub(crate) mod options;
mod polyhedron;
mod program;
mod report;
mod residual;
mod run;
pub(crate) mod schedule;
mod state;
pub mod subproblem;
mod surrogate;
mod vector;

pub use error::{OptionsError, PolyhedronError, ScaError, ScheduleError, StateError};
pub use options::ScaOptions;
pub use polyhedron::{FEASIBILITY_TOLERANCE, LinearRow, Polyhedron, PolyhedronBuilder, Row, Violation};
pub use program::{Evaluation, Function, StochasticProgram};
pub use rand::Rng;
pub use report::{IterationRecord, ResidualEstimate, ScaReport, TerminationReason};
pub use run::StochasticSca;
pub use schedule::{Decay, DeclaredDecay, GeometricThenPolynomial, PolynomialDecay, Schedules};
pub use state::ScaState;
pub use surrogate::Surrogate;
