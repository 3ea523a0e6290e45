//! A bound on the subproblem (21) in closed form, and the distance that it bounds: *theory*, section 5.
//!
//! # Statement
//!
//! For `𝒳 = { l ≤ x ≤ u, A_eq x = b_eq, A_in x ≤ b_in }` and multipliers `λ, z ≥ 0`, `y` of all constraints but the bounds let, with `d = x − x^τ`,
//! `L(d) = f̂_0 + Σ λ_i f̂_i + y^T(A_eq x − b_eq) + z^T(A_in x − b_in) = c + g^T d + κ ‖d‖²`, `κ = η_0 + Σ λ_i η_i`. Then
//! `D = min L` over the bounds is attained at `d_j = −g_j/2κ`, cut off at them, and
//!
//! 1. `D ≤ f̂_0(x)` for every point of (21);
//! 2. with the multipliers of the optimum `x*` (Karush, Kuhn, Tucker), `D = f̂_0(x*)`;
//! 3. every `x` within the bounds has `η_0 ‖x − x*‖² ≤ f̂_0(x) − f̂_0(x*) + m(x)`, where `m(x)` is what it misses the constraints by, weighted with
//!    the multipliers of `x*`; so a point of (21) with a gap `f̂_0(x) − D` is within `√(gap/η_0)` of `x*`;
//! 4. the solver's `x̂` has such a gap, of no more than `1e-7` of what `f̂_0` changes by over `‖x̂ − x^τ‖`, or over a hundredth of its reach
//!    `‖u_0‖/2η_0`; and what [`project`](solver::sca::Polyhedron::project) returns is within a thousandth of its distance from the
//!    member. In any units.
//!
//! *Proof of 3.* `L` of the multipliers of `x*` has its minimum over the bounds at `x*`, and `L(x) ≥ L(x*) + η_0 ‖x − x*‖²`. ∎
//!
//! # Hypotheses
//!
//! - **signs** (for 1): `λ, z ≥ 0`. A negative multiplier rewards what it should charge;
//! - **admissible** (for the distance in 3): a point outside may have a gap below 0, which shows nothing, and be far away;
//! - **curvature** (for the distance): `η_0 > 0`. Without it optima need not be near each other.

use crate::arithmetic::{dot, minus};
use crate::tolerance;
use solver::sca::subproblem::{Candidate, Subproblem};

/// `D`, and what bounds its rounding.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// `D`.
    pub value: f64,
    /// What rounding may change it by: relative to the terms that it is a sum of.
    pub rounding: f64,
}

/// `D` at the multipliers of a candidate, taken as they are; its point does not count.
pub fn dual_bound(subproblem: &Subproblem<'_>, multipliers: &Candidate) -> Bound {
    let (set, center) = (subproblem.feasible_set, subproblem.center);
    let constraints = subproblem.constraints.iter().zip(&multipliers.constraint_multipliers);
    let equalities = set.equalities().iter().zip(&multipliers.equality_multipliers);
    let rows: Vec<_> =
        equalities.chain(set.inequalities().iter().zip(&multipliers.inequality_multipliers)).collect();
    let mut curvature = subproblem.objective.curvature;
    let (mut constant, mut size) = (subproblem.objective.value, subproblem.objective.value.abs());
    let mut gradient = subproblem.objective.gradient.clone();
    let mut sizes: Vec<f64> = gradient.iter().map(|u| u.abs()).collect();
    let mut add = |weight: f64, coefficients: &[f64]| {
        for ((g, size), a) in gradient.iter_mut().zip(&mut sizes).zip(coefficients) {
            *g += weight * a;
            *size += (weight * a).abs();
        }
    };
    for (function, weight) in constraints {
        constant += weight * function.value;
        size += (weight * function.value).abs();
        curvature += weight * function.curvature;
        add(*weight, &function.gradient);
    }
    for (row, weight) in rows {
        constant += weight * (dot(&row.coefficients, center) - row.right_hand_side);
        let terms = row.coefficients.iter().zip(center).map(|(a, x)| (a * x).abs());
        size += weight.abs() * (terms.sum::<f64>() + row.right_hand_side.abs());
        add(*weight, &row.coefficients);
    }
    let (lower, upper) = (minus(set.lower(), center), minus(set.upper(), center));
    for ((g, size_of_g), (l, u)) in gradient.iter().zip(&sizes).zip(lower.iter().zip(&upper)) {
        let d = (-g / (2.0 * curvature)).max(*l).min(*u);
        constant += g * d + curvature * d * d;
        size += size_of_g * d.abs() + curvature * d * d;
    }
    let terms =
        center.len() + multipliers.equality_multipliers.len() + multipliers.inequality_multipliers.len();
    Bound { value: constant, rounding: tolerance(terms + subproblem.constraints.len(), size) }
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod counterexamples;
#[cfg(test)]
mod tests;
