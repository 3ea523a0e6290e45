//! Strategies for property tests of over-the-air computation (feature `proptest`).
//!
//! Whole [`Problem`](crate::Problem)s, and what goes with them: aggregators, precoders, primal and dual points of the relaxations, fading
//! models. The properties of the workspace's own `proofs` are written on these; so can yours be:
//!
//! ```
//! use proptest::prelude::*;
//! use solver::Problem;
//! use solver::strategies::{Channels, Sizes, aggregators, problems};
//! use solver::transceiver::power_limited;
//!
//! const SIZES: Sizes =
//!     Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };
//!
//! proptest! {
//!     # #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]
//!     // In your tests: #[test]
//!     fn more_power_never_raises_the_error(
//!         problem in problems(&SIZES, Channels::LineOfSight), aggregator in aggregators(&SIZES), factor in 1.0..4.0_f64,
//!     ) {
//!         let aggregator = aggregator.of(&problem);
//!         let power = problem.transmit_power().iter().map(|p| factor * p).collect();
//!         let stronger = Problem::new(problem.channels().to_vec(), power, problem.noise_power())?
//!             .with_streams(problem.streams())?
//!             .with_signal_variance(problem.signal_variance().to_vec())?;
//!         let before = power_limited(&problem, aggregator.as_ref())?.mean_squared_error(&problem)?.total();
//!         let after = power_limited(&stronger, aggregator.as_ref())?.mean_squared_error(&stronger)?.total();
//!         prop_assert!(after <= before * (1.0 + 1e-9));
//!     }
//! }
//! # more_power_never_raises_the_error();
//! ```
//!
//! # How cases are drawn, and how they shrink
//!
//! Everything is built from small integers, so that a failing case shrinks to a readable one: numbers to 0, powers to 1, sizes
//! to one device with one antenna, channels to the rectangular identity. Matrices are drawn at the largest size that [`Sizes`]
//! allows and cut to that of the case, so that sizes and entries shrink independently; that is also why [`aggregators`] and its
//! like give something that becomes a matrix only when it meets its problem. Conditions are bounded by construction, from a
//! singular value decomposition that is chosen rather than found: no case is drawn and thrown away.

mod numbers;
mod points;
mod problems;
#[cfg(test)]
mod tests;

pub use numbers::*;
pub use points::*;
pub use problems::*;
