//! The long-term model assignment \[A\]: which share `m_n` of the model each device computes.
//!
//! ```text
//! minimise   E_H[ v(p(m); H) ]                                    (theory §5)
//! subject to Σ_n m_n = 1,  m_n ≥ m_min,  p_n(m_n) ≥ p_floor > 0,  m_n · bytes ≤ memory_n
//! ```
//!
//! `v` is the optimal value of a short-term problem, `p_n(m_n)` the transmit power that share `m_n` leaves, affine and
//! decreasing. For a convex relaxation `v` is convex and non-increasing in `p`, so the long-term problem is
//! convex, and stochastic successive convex approximation ([`crate::sca`], Algorithm 1 of \[A\]) tends to a *global*
//! optimum. Its gradient costs nothing extra: by the envelope theorem
//! `∂v/∂m_n = (∂v/∂p_n) · dp_n/dm_n`, with `∂v/∂p_n` from the dual solution. By the same convexity [`optimality_gap`] bounds, with
//! confidence, how far from the optimum given shares are, whoever found them. A run can be stopped, kept and continued: [`start`], [`resume`].
//!
//! ```
//! use solver::assignment::{AssignmentOptions, AssignmentProblem, RelaxedMse, assign};
//! use solver::channel::{BlockFading, Fading};
//! use solver::power::{Accounting, EnergyModel};
//! use solver::relaxation::Relaxation;
//!
//! // Two devices; computing costs the second three times what it costs the first.
//! let energy = [0.3, 0.9].map(|cost| EnergyModel::new(1.0, cost, 1.0, Accounting::PerChannelUse));
//! let energy = energy.into_iter().collect::<Result<Vec<_>, _>>()?;
//! let channels = BlockFading::new(Fading::PAPER, 8, &[2, 2], 1)?;
//! let value = RelaxedMse::new(Relaxation::LambdaMin, 1.0)?;
//! let problem = AssignmentProblem::new(energy, channels, value)?;
//! let assignment = assign(&problem, &AssignmentOptions::new(7).with_iterations(30)?)?;
//! assert!(assignment.shares[0] > assignment.shares[1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assign;
mod coordinates;
mod error;
mod evaluate;
mod optimality;
mod options;
mod problem;
mod state;
mod value;

pub use assign::{Assignment, assign, assign_observed, resume, start};
pub use error::AssignmentError;
pub use evaluate::{Estimate, expected_value, paired_difference};
pub use optimality::{GapSampling, OptimalityGap, optimality_gap};
pub use options::AssignmentOptions;
#[cfg(feature = "serde")]
pub(crate) use problem::SUM_TOLERANCE;
pub use problem::{AssignmentProblem, ChannelSource};
pub use state::AssignmentState;
pub use value::{CertifiedValue, Evaluator, RelaxedMse, ShortTermValue};
