//! The re-check of a backend's answer, from the subproblem's own data.
//!
//! Relaxing all but the bounds, the Lagrangian is `c + gᵀd + κ‖d‖²` with one `κ = η_0 + Σ λ_i η_i > 0`, so its
//! minimum over `l ≤ x^τ + d ≤ u` is in closed form, `d_j = clamp(−g_j / 2κ)`. For any multipliers `λ, z ≥ 0` and any `y`
//! that minimum is a lower bound of the subproblem's optimal value; the distance to it bounds the
//! suboptimality of the candidate, and by strong convexity `‖x̂ − x*‖² ≤ gap / η_0`.

use super::super::polyhedron::FEASIBILITY_TOLERANCE;
use super::super::vector::{add_scaled, difference, largest_magnitude, squared_norm};
use super::{Candidate, Goal, Subproblem, SubproblemError, SubproblemSolver};

/// Certified gap, relative to the objective's magnitude, up to which a candidate counts as optimal.
const GAP_TOLERANCE: f64 = 1e-7;

/// A candidate that has stood the re-check.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sca) struct Certified {
    /// `x̂`, in 𝒳.
    pub point: Vec<f64>,
    /// Objective at `x̂` less the dual bound, ≥ 0 up to rounding.
    pub gap: f64,
    /// `max(0, max_i f̂_i(x̂))`.
    pub largest_violation: f64,
}

/// Solves `subproblem` and re-checks the answer.
pub(in crate::sca) fn certify(
    backend: &mut dyn SubproblemSolver,
    subproblem: &Subproblem<'_>,
) -> Result<Certified, SubproblemError> {
    let candidate = backend.solve(subproblem)?;
    check_form(subproblem, &candidate)?;
    let point = subproblem.feasible_set.snap(&candidate.point);
    let violation = subproblem.feasible_set.largest_violation(&point);
    if violation.amount > FEASIBILITY_TOLERANCE {
        return Err(SubproblemError::OutsideFeasibleSet { row: violation.row, amount: violation.amount });
    }
    let displacement = difference(&point, subproblem.center);
    let values: Vec<f64> = subproblem.constraints.iter().map(|c| c.value_at(&displacement)).collect();
    if values.iter().any(|value| value.is_nan()) {
        return Err(SubproblemError::Malformed);
    }
    if subproblem.goal == Goal::Objective {
        for (index, (&value, constraint)) in values.iter().zip(subproblem.constraints).enumerate() {
            let tolerance = FEASIBILITY_TOLERANCE * constraint.scale(subproblem.size());
            if value > tolerance || tolerance.is_infinite() {
                return Err(SubproblemError::ConstraintViolated { constraint: index + 1, value, tolerance });
            }
        }
    }
    let largest_violation = values.iter().fold(0.0, |largest: f64, v| largest.max(*v));
    let mut primal = subproblem.objective.value_at(&displacement);
    if subproblem.goal == Goal::LeastViolation {
        primal += largest_violation;
    }
    let gap = primal - dual_bound(subproblem, &candidate);
    let tolerance = GAP_TOLERANCE * subproblem.objective_scale();
    // Where the magnitude overflows there is nothing to measure a gap against.
    if gap.is_nan() || gap > tolerance || tolerance.is_infinite() {
        return Err(SubproblemError::NotOptimal { gap, tolerance });
    }
    Ok(Certified { point, gap, largest_violation })
}

impl Subproblem<'_> {
    /// `‖x^τ‖_∞`, the size of points.
    pub(super) fn size(&self) -> f64 {
        largest_magnitude(self.center)
    }

    /// The magnitude of the objective: of `f̂_0` without its constant, or of the constraints whose violation
    /// is minimised.
    pub(super) fn objective_scale(&self) -> f64 {
        match self.goal {
            Goal::Objective => super::Surrogate { value: 0.0, ..self.objective.clone() }.scale(self.size()),
            Goal::LeastViolation => {
                let scales = self.constraints.iter().map(|c| c.scale(self.size()));
                scales.fold(self.objective.curvature, f64::max)
            }
        }
    }
}

fn check_form(subproblem: &Subproblem<'_>, candidate: &Candidate) -> Result<(), SubproblemError> {
    let set = subproblem.feasible_set;
    let vectors = [
        (&candidate.point, set.dimension()),
        (&candidate.constraint_multipliers, subproblem.constraints.len()),
        (&candidate.equality_multipliers, set.equalities().len()),
        (&candidate.inequality_multipliers, set.inequalities().len()),
    ];
    let well_formed = vectors.iter().all(|(v, length)| v.len() == *length && v.iter().all(|x| x.is_finite()));
    if well_formed { Ok(()) } else { Err(SubproblemError::Malformed) }
}

/// A lower bound of the optimal value from the candidate's multipliers, made admissible first.
fn dual_bound(subproblem: &Subproblem<'_>, candidate: &Candidate) -> f64 {
    let set = subproblem.feasible_set;
    let mut weights: Vec<f64> = candidate.constraint_multipliers.iter().map(|w| w.max(0.0)).collect();
    let total: f64 = weights.iter().sum();
    // Minimising the Lagrangian over α ≥ 0 leaves Σ λ_i ≤ 1.
    if subproblem.goal == Goal::LeastViolation && total > 1.0 {
        weights.iter_mut().for_each(|w| *w /= total);
    }
    let mut constant = subproblem.objective.value;
    let mut gradient = subproblem.objective.gradient.clone();
    let mut curvature = subproblem.objective.curvature;
    for (weight, constraint) in weights.iter().zip(subproblem.constraints) {
        constant += weight * constraint.value;
        add_scaled(&mut gradient, *weight, &constraint.gradient);
        curvature += weight * constraint.curvature;
    }
    let equalities = set.equalities().iter().zip(candidate.equality_multipliers.iter().copied());
    let inequalities = candidate.inequality_multipliers.iter().map(|z| z.max(0.0));
    for (row, multiplier) in equalities.chain(set.inequalities().iter().zip(inequalities)) {
        constant += multiplier * row.excess(subproblem.center);
        add_scaled(&mut gradient, multiplier, &row.coefficients);
    }
    let bounds = set.lower().iter().zip(set.upper());
    let minimizer: Vec<f64> = gradient
        .iter()
        .zip(subproblem.center.iter().zip(bounds))
        // Bounds within rounding of the centre may be crossed after subtraction: max then min, no clamp.
        .map(|(g, (x, (l, u)))| (-g / (2.0 * curvature)).max(l - x).min(u - x))
        .collect();
    let linear: f64 = gradient.iter().zip(&minimizer).map(|(g, d)| g * d).sum();
    constant + linear + curvature * squared_norm(&minimizer)
}
