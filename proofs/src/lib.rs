//! The claims behind the solver, executable.
//!
//! Each module states one claim in formulas, with its source, and names the hypotheses it needs. Its tests are
//! properties over generated cases that shrink, one per conclusion, and for each hypothesis a counterexample: a
//! case in which everything else holds and the conclusion does not. Where the claim is about functions of the
//! solver these are what is tested, against arithmetic that shares nothing with them ([`arithmetic`],
//! [`programs`]); claims that hold with a probability are counted over explicit seeds ([`simulation`]).
//!
//! | claim | source | module | a counterexample without |
//! |---|---|---|---|
//! | a share leaves a power that is affine and decreasing in it | \[A\], (8); theory, 1 | [`transmit_power`] | power left; cost; named accounting |
//! | the error of the sum is `Σ v_n ‖A^H H_n B_n − I‖² + σ² ‖A‖²` | \[A\], (7) | [`mean_squared_error`] | variance; uncorrelated devices; white noise; independent noise |
//! | zero forcing inverts the channel, at the least power, with the least error | \[A\], Lemma 1, (12) | [`lemma_1`] | `L ≤ T_n`; rank; power |
//! | the best precoder within a power limit is one scalar root | theory, 2 | [`power_limited_precoder`] | limit; least `μ`; rank |
//! | the cost `φ` of a limit is a minimum and a maximum, convex, with gradients `−U`, `−μ` | theory, 3 | [`penalty`] | lifting to `X`; rank |
//! | any point of `𝒰` bounds the value of `lambda_min` from below | \[A\], (17); theory, 3 | [`weak_duality`] | each cone, each constraint |
//! | and those of `trace_inverse` and `mmse` | theory, 3 | [`concave_duals`] | dual set; primal constraint; primal cone |
//! | the bounds meet | theory, 3 | [`strong_duality`] | optimal points |
//! | there are strictly feasible points exactly at full column rank | theory, 3 | [`strict_feasibility`] | rank |
//! | every iterate for `lambda_min` is strictly feasible; solutions of all three are feasible; up to a rounding in proportion to the data | theory, 3 | [`interior_iterates`] | short of the optimum; rank |
//! | the Newton systems for `lambda_min` are positive definite, and solve the direction's equations | theory, 3 | [`newton_system`] | strictly feasible |
//! | `mmse ≤ σ² trace_inverse ≤ σ² lambda_min`; the first two meet as `σ² → 0` | theory, 3 | [`order`] | vanishing noise; equal eigenvalues |
//! | a certificate costs one eigenvalue, whatever `U_n` one has | theory, 3 | [`certificate`] | scaling; finite entries |
//! | what each lower bound bounds | theory, 3 | [`scopes`] | true constraint (`N` = 1, 2); zero forcing; limits; `T_n = L` |
//! | closed forms for one device, with their transceiver | theory, 3 and 4; Sampath et al. 2001 | [`single_device`] | one device |
//! | fewer receive antennas, same values | theory, 3 | [`reduction`] | basis of all channels |
//! | the real embedding doubles every eigenvalue | theory, 3 | [`real_embedding`] | signs; Hermitian |
//! | `L < T_n`: (14) and (15) hold for no aggregator; what bounds then | \[A\], (14), (15); theory, 3 | [`streams_below_antennas`] | equal eigenvalues of `C_n`; less the sum; `L < T_n` |
//! | randomization draws `X`, and its scale is exact | \[D\]; theory, 4 | [`randomization`] | root; white draws; all devices; true constraint |
//! | the dominant subspace is the nearest of rank `L`, and exact up to it | theory, 4 | [`dominant_subspace`] | rank |
//! | the gradient of the refinement | theory, 4 | [`refinement`] | rank |
//! | alternating never raises the error | theory, 4 | [`alternating`] | noise; weights; limits |
//! | zero-forcing refinement descends on a smooth maximum below `α`, and is never worse than its start | theory, 4 | [`smoothed_zero_forcing`] | sum; every device; rank |
//! | one antenna everywhere: a threshold is optimal | theory, 4; Cao et al. 2020 | [`scalar_power_control`] | sorted; threshold; one receive antenna |
//! | truncated inversion costs noise and what is silent | theory, 4; Zhu et al. 2018 | [`truncated_inversion`] | scaling; silent directions; rank |
//! | values are convex in powers, and in shares; their mean has no kinks | theory, 5 | [`value_in_power`] | affine `p(m)`; relaxation; density |
//! | slopes by powers are subgradients, and derivatives where the dual optimum is unique; tangents from inexact solutions | theory, 3 and 5 | [`envelope`] | optimal points; unique dual optimum; tangent of `D` |
//! | step sizes: each condition, and what it is for | \[C\]; theory, 5 | [`step_sizes`] | each condition |
//! | expectations are finite where there are antennas to spare; slopes are bounded | theory, 5; Edelman 1988 | [`finite_expectations`] | spare antennas; density; floor; `mmse` |
//! | surrogates agree at the point and have one minimizer | \[A\], (19) to (22); \[C\]; theory, 5 | [`surrogates`] | curvature; first weight |
//! | a bound on the subproblem in closed form, and how far from exact an answer is | theory, 5 | [`subproblem_bound`] | signs; admissible; curvature |
//! | bounds and one equality are one scalar root | theory, 5; Brucker 1984 | [`one_equality`] | one equality; bounds in the root; a point |
//! | restoration goes to the nearest point of least violation | \[C\]; theory, 5 | [`restoration`] | sum; small weight; restoration |
//! | a run that is stopped and resumed is the one that was not | theory, 5 | [`resumption`] | numbered samples; whole state; same options |
//! | a residual holds with its confidence, and a run's with its own | theory, 5 | [`residual_confidence`] | Gaussian; samples of its own; shrinking levels |
//! | tangents bound how far from optimal shares are | theory, 5; Mak et al. 1999 | [`optimality_gap`] | convex; finite variance; Gaussian means; blocks of its own; many blocks |
//! | errors of channel knowledge are noise, at full power | theory, 6 | [`channel_errors`] | uncorrelated; mean 0; full power |
//! | alternating on the averaged error never raises it | theory, 6 | [`averaged_descent`] | own weight; noise of the error; same error |
//! | a bound on the averaged error of every transceiver | theory, 6 | [`averaged_bound`] | prices; positive semidefinite; limits; `T_n = L` |
//!
//! \[A\] is arXiv 2502.12559; *theory* is the chapter of that name in `docs/`. [`solver::strategies`] says
//! what cases there are.
//!
//! # Seeds
//!
//! The cases are the same on every machine, from one seed, and properties hold for any: `PROPTEST_RNG_SEED=… cargo test -p proofs`.
//!
//! # Tolerances
//!
//! A comparison of numbers that are equal in exact arithmetic allows `ROUNDINGS · ε · d · m`: `d` the length of the
//! longest inner product, `m` the product of the norms of the factors, which bounds every intermediate result, and
//! [`ROUNDINGS`] for the constants of the decompositions. Conditions are bounded in the generators, or enter
//! through a norm of an inverse, or of the data ([`programs::seen_rounding`], [`weak_duality::Points::rounding`]). Where they are
//! bounded by the strategies, and enter several times, a module states one tolerance, `WITHIN`, for all of its comparisons.

pub mod alternating;
pub mod arithmetic;
pub mod averaged_bound;
pub mod averaged_descent;
pub mod certificate;
pub mod channel_errors;
pub mod concave_duals;
pub mod dominant_subspace;
pub mod envelope;
pub mod finite_expectations;
pub mod interior_iterates;
pub mod lemma_1;
pub mod mean_squared_error;
pub mod newton_system;
pub mod one_equality;
pub mod optimality_gap;
pub mod order;
pub mod penalty;
pub mod power_limited_precoder;
pub mod programs;
pub mod randomization;
pub mod real_embedding;
pub mod reduction;
pub mod refinement;
pub mod residual_confidence;
pub mod restoration;
pub mod resumption;
pub mod scalar_power_control;
pub mod scopes;
pub mod simulation;
pub mod single_device;
pub mod smoothed_zero_forcing;
pub mod step_sizes;
pub mod streams_below_antennas;
pub mod strict_feasibility;
pub mod strong_duality;
pub mod subproblem_bound;
pub mod surrogates;
pub mod transmit_power;
pub mod truncated_inversion;
pub mod value_in_power;
pub mod weak_duality;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// 96 cases from one fixed seed, so that a failure is the same everywhere; `PROPTEST_CASES`, `PROPTEST_RNG_SEED` and
/// `PROPTEST_MAX_SHRINK_ITERS` override it. Failures are not kept in files.
pub fn config() -> ProptestConfig {
    config_of(96)
}

/// The same with another number of cases, for properties that solve a relaxation in each.
pub fn config_of(cases: u32) -> ProptestConfig {
    let unset = |name| std::env::var_os(name).is_none();
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if unset("PROPTEST_CASES") {
        config.cases = cases;
    }
    if unset("PROPTEST_RNG_SEED") {
        config.rng_seed = RngSeed::Fixed(0);
    }
    if unset("PROPTEST_MAX_SHRINK_ITERS") {
        // A case has hundreds of numbers, each of which takes a few steps to shrink; dearer cases get fewer.
        config.max_shrink_iters = 200 * cases;
    }
    config
}

/// Roundings that a chain of products and one decomposition may add up to, per unit of dimension.
pub const ROUNDINGS: f64 = 32.0;

/// The tolerance for a sum over `dimension` products bounded by `magnitude`.
pub fn tolerance(dimension: usize, magnitude: f64) -> f64 {
    ROUNDINGS * f64::EPSILON * dimension as f64 * magnitude
}
