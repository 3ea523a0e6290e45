//! Certified transceiver design for over-the-air computation, and stochastic successive convex approximation.
//!
//! # The problem
//!
//! `N` devices each hold a vector `s_n ∈ C^L`; a server wants `s = Σ_n s_n`. All transmit at once and the channel adds:
//!
//! `ŝ = A^H Σ_n H_n B_n s_n + A^H n`,  `n ~ CN(0, σ² I)`
//!
//! with channels `H_n` (`R×T_n`), precoders `B_n` (`T_n×L`) and an aggregator `A` (`R×L`). The short-term problem P_s is
//!
//! min `Σ_n v_n ‖A^H H_n B_n − I‖_F² + σ² ‖A‖_F²`  s.t. `v_n ‖B_n‖_F² ≤ p_n`,
//!
//! the long-term problem P_l chooses what the `p_n` are: the share of a model that each device computes, out of the
//! same energy budget. Zhang, He, Song, Zhang, Letaief, *Distributed On-Device LLM Inference With Over-the-Air
//! Computation*, arXiv 2502.12559, is cited as \[A\] throughout, with its equation numbers; \[B\] is its journal version
//! (IEEE JSTSP 2025, arXiv 2503.14882), \[C\] Liu, Lau, Zhao, *Stochastic Successive Convex Optimization for Two-Timescale Hybrid
//! Precoding in Massive MIMO* (IEEE JSTSP 2018, arXiv 1801.08274), \[D\] Luo, Ma, So, Ye, Zhang, *Semidefinite Relaxation of Quadratic Optimization
//! Problems* (IEEE SPM 2010); *theory* is the page [`theory`].
//!
//! # Example
//!
//! Eight devices of four antennas, a server of twenty; a transceiver within a few percent of the best there is.
//!
//! ```
//! use solver::channel::{BlockFading, Fading};
//! use solver::{Problem, recovery, relaxation};
//!
//! let channels = BlockFading::new(Fading::PAPER, 20, &[4; 8], 7)?.block(0);
//! let problem = Problem::new(channels, vec![1.0; 8], 1.0)?;
//!
//! // The papers' pipeline: semidefinite relaxation, 100 randomizations, zero forcing.
//! let relaxed = relaxation::lambda_min::solve(&problem, &Default::default())?;
//! let paper = recovery::gaussian_randomization(&problem, relaxed.primal.as_ref(), &Default::default())?;
//!
//! // Local refinement of P_s from there, and how far from optimal it can be at most.
//! let refined = recovery::refine(&problem, paper.aggregator(), &Default::default())?;
//! let bound = relaxation::mmse::lower_bound(&problem, &Default::default())?.expect("L = T_n");
//! assert!(refined.mse < 0.5 * paper.mean_squared_error(&problem)?.total());
//! assert!(refined.mse < 1.1 * bound);
//! # Ok::<(), solver::Error>(())
//! ```
//!
//! # Features
//!
//! - `parallel`: [`batch::solve`], [`recovery::gaussian_randomization`] and the starts of [`recovery::design`] and its siblings on the threads of the current rayon pool, with the same
//!   results;
//! - `serde`: `Serialize` and `Deserialize` on the public value types. Matrices are written as `{rows, columns, re, im}`, column by column, complex
//!   numbers as `[re, im]`. What is read is checked as the constructors check it, and unknown fields are refused; a certificate that is read is a claim, which
//!   [`Relaxation::certify`](relaxation::Relaxation::certify) proves anew from the points.
//! - `proptest`: the module `strategies`, which draws problems, transceivers and dual points for property tests;
//! - `clarabel-sdp`: Clarabel's semidefinite cone as a second backend of all three relaxations (links BLAS and LAPACK: needs
//!   `libopenblas-dev`);
//! - `osqp`: OSQP as a backend of the stochastic optimizer's quadratic subproblems (compiles a C library: needs cmake).
//!
//! All are off by default.
//!
//! # Conventions
//!
//! Matrices are [`faer::Mat`] of [`faer::c64`] (which is `num_complex::Complex<f64>`). Powers are linear, per channel
//! use, in one unit of the caller's choice. Nothing prints, reads files or panics on input; every failure is an
//! [`Error`] that carries its data. Everything random takes a seed, and one seed gives one result.

/// The examples of the crate's page, for the tests alone.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// The mathematics that the crate implements, with the hypotheses that each claim needs. The book's other pages that it names are in the
/// repository, under `docs/`.
///
/// [A]: #theory
/// [B]: #theory
/// [C]: #theory
/// [D]: #theory
#[cfg(doc)]
#[doc = include_str!("../theory.md")]
pub mod theory {}

pub mod assignment;
pub mod baseline;
pub mod batch;
pub mod channel;
pub mod csi;
pub mod power;
pub mod prelude;
pub mod recovery;
pub mod relaxation;
pub mod sca;
#[cfg(feature = "proptest")]
pub mod strategies;
pub mod transceiver;

mod descent;
#[cfg(feature = "serde")]
mod document;
mod error;
mod linalg;
mod mismatch;
mod parallel;
mod problem;
mod statistics;

pub use error::{Error, Quantity};
// The matrices and scalars of the public signatures, in the versions they are meant in.
pub use problem::Problem;
pub use {faer, num_complex};
