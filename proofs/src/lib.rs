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
//! \[A\] is arXiv 2502.12559; *theory* is the chapter of that name in `docs/`. [`generators`] says what cases there
//! are.
//!
//! # Tolerances
//!
//! A comparison of numbers that are equal in exact arithmetic allows `ROUNDINGS · ε · d · m`: `d` the length of the
//! longest inner product, `m` the product of the norms of the factors, which bounds every intermediate result, and
//! [`ROUNDINGS`] for the constants of the decompositions. Conditions are bounded in the generators, or enter
//! through a norm of an inverse.

pub mod arithmetic;
pub mod generators;
pub mod lemma_1;
pub mod mean_squared_error;
pub mod weak_duality;

/// Roundings that a chain of products and one decomposition may add up to, per unit of dimension.
pub const ROUNDINGS: f64 = 32.0;

/// The tolerance for a sum over `dimension` products bounded by `magnitude`.
pub fn tolerance(dimension: usize, magnitude: f64) -> f64 {
    ROUNDINGS * f64::EPSILON * dimension as f64 * magnitude
}
