//! Restoration, where the subproblem (21) has no point: \[C\]; *theory*, section 5.
//!
//! # Statement
//!
//! 1. For a weight `w > 0` let `D` be a dual bound of `min α + w ‖d‖²` s.t. `f̂_i ≤ α`, `α ≥ 0`, `x^τ + d ∈ 𝒳`: the bound of
//!    [`subproblem_bound`](crate::subproblem_bound) with `w ‖d‖²` for the objective and `λ ≥ 0`, `Σ λ_i ≤ 1`. Then every such `d` has
//!    `max(0, max_i f̂_i) ≥ D − w ‖d‖²`.
//! 2. If (21) has no point, `x̂` is a point of `𝒳` with the least `max_i f̂_i`, and of these, for affine `f̂_i`, the one nearest to `x^τ`. The
//!    violation is so up to `1e-6` of the constraints' magnitude, the point up to a thousandth of its distance, or of a hundredth of the size,
//!    and what that violation saves; sizes are those of points of `𝒳`, or the reach `‖u_0‖/2η_0` if that is more. So the worst constraint is no worse at
//!    `x̂` than at `x^τ`, and `x^τ` stays where it is if it has the least violation itself. In any units.
//!
//! # Hypotheses
//!
//! - **sum** (for 1): `Σ λ_i ≤ 1`. With more, violations count more than once;
//! - **small weight** (for 2): the least of `α + w ‖d‖²` has the least violation only as `w` vanishes against it;
//! - **restoration** (for 2). Descent on the objective instead can raise the worst constraint.

#[cfg(test)]
mod counterexamples;
#[cfg(test)]
mod tests;
