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
//! (arXiv 2503.14882), \[C\] Liu, Lau, Zhao, *Stochastic Successive Convex Optimization for Two-Timescale Hybrid Precoding
//! in Massive MIMO* (IEEE JSTSP 2018), \[D\] Luo, Ma, So, Ye, Zhang, *Semidefinite Relaxation of Quadratic Optimization
//! Problems* (IEEE SPM 2010); *theory* is the chapter of that name in `docs/`.
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
//! # Conventions
//!
//! Matrices are [`faer::Mat`] of [`faer::c64`] (which is `num_complex::Complex<f64>`). Powers are linear, per channel
//! use, in one unit of the caller's choice. Nothing prints, reads files or panics on input; every failure is an
//! [`Error`] that carries its data. Everything random takes a seed, and one seed gives one result.

pub mod assignment;
pub mod baseline;
pub mod channel;
pub mod power;
pub mod recovery;
pub mod relaxation;
pub mod sca;
pub mod transceiver;

mod descent;
mod error;
mod linalg;
mod mismatch;
mod parallel;
mod problem;

pub use error::{Error, Quantity};
// The matrices and scalars of the public signatures, in the versions they are meant in.
pub use problem::Problem;
pub use {faer, num_complex};
