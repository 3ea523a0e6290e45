//! The claims behind the solver, executable.
//!
//! Each module states one claim in formulas, with its source, and names the hypotheses it needs. Its tests are
//! properties over generated cases that shrink, one per conclusion, and for each hypothesis a counterexample: a
//! case in which everything else holds and the conclusion does not. Where the claim is about functions of the
//! solver these are what is tested, against arithmetic that shares nothing with them ([`arithmetic`]).
//!
//! | claim | source | module |
//! |---|---|---|
//! | zero forcing inverts the channel, at the least power, with the least error | \[A\], Lemma 1, (12) | [`lemma_1`] |
//! | the error of the sum is `Σ v_n ‖A^H H_n B_n − I‖² + σ² ‖A‖²` | \[A\], (7) | [`mean_squared_error`] |
//! | any point of `𝒰` bounds the value of `lambda_min` from below | \[A\], (17); theory, section 3 | [`weak_duality`] |
//!
//! \[A\] is arXiv 2502.12559; *theory* is the chapter of that name in `docs/`. [`solver::strategies`] says
//! what cases there are.
//!
//! # Tolerances
//!
//! A comparison of numbers that are equal in exact arithmetic allows `ROUNDINGS · ε · d · m`: `d` the length of the
//! longest inner product, `m` the product of the norms of the factors, which bounds every intermediate result, and
//! [`ROUNDINGS`] for the constants of the decompositions. Conditions are bounded in the generators, or enter
//! through a norm of an inverse.

pub mod alternating;
pub mod arithmetic;
pub mod certificate;
pub mod channel_errors;
pub mod concave_duals;
pub mod dominant_subspace;
pub mod envelope;
pub mod lemma_1;
pub mod mean_squared_error;
pub mod order;
pub mod penalty;
pub mod power_limited_precoder;
pub mod programs;
pub mod randomization;
pub mod real_embedding;
pub mod reduction;
pub mod refinement;
pub mod scopes;
pub mod single_device;
pub mod step_sizes;
pub mod streams_below_antennas;
pub mod strict_feasibility;
pub mod strong_duality;
pub mod transmit_power;
pub mod value_in_power;
pub mod weak_duality;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// 96 cases from one fixed seed, so that a failure is the same everywhere; `PROPTEST_CASES` and `PROPTEST_RNG_SEED`
/// override both. Failures are not kept in files.
pub fn config() -> ProptestConfig {
    config_of(96)
}

/// The same with another number of cases, for properties that solve a relaxation in each.
pub fn config_of(cases: u32) -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(0);
    }
    // A case has hundreds of numbers, each of which takes a few steps to shrink.
    config.max_shrink_iters = 20_000;
    config
}

/// Roundings that a chain of products and one decomposition may add up to, per unit of dimension.
pub const ROUNDINGS: f64 = 32.0;

/// The tolerance for a sum over `dimension` products bounded by `magnitude`.
pub fn tolerance(dimension: usize, magnitude: f64) -> f64 {
    ROUNDINGS * f64::EPSILON * dimension as f64 * magnitude
}
