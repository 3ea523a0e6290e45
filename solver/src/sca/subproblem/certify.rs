//! The re-check of a backend's answer, from the subproblem's own data.
//!
//! Relaxing all but the bounds, the Lagrangian is `c + gᵀd + κ‖d‖²` with one `κ = η_0 + Σ λ_i η_i > 0`, so its
//! minimum over `l ≤ x^τ + d ≤ u` is in closed form, `d_j = clamp(−g_j / 2κ)`. For any multipliers `λ, z ≥ 0` and any `y`
//! that minimum is a lower bound of the subproblem's optimal value; the distance to it bounds the
//! suboptimality of the candidate, and by strong convexity `‖x̂ − x*‖² ≤ gap / η_0`.

use super::super::polyhedron::FEASIBILITY_TOLERANCE;
use super::super::vector::{add_scaled, difference, largest_magnitude, norm, squared_norm};
use super::units::Scaled;
use super::{BackendFailure, Candidate, Goal, Subproblem, SubproblemError, SubproblemSolver, Surrogate};

/// Certified gap, relative to the objective's magnitude, up to which a candidate counts as optimal.
const GAP_TOLERANCE: f64 = 1e-7;
/// The same for the least violation, relative to the constraints' magnitude.
const RESTORATION_TOLERANCE: f64 = 1e-6;
/// The part of the reach over which the objective's magnitude is measured at least.
const LEAST_LENGTH: f64 = 1e-2;
/// What the rounding of points adds to a gap, relative to what the gradient makes of it.
const ROUNDING: f64 = 1e-14;

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

/// Most scaled subproblems that are tried after the subproblem itself.
const RETRIES: usize = 3;
/// Lengths that differ by less than this factor are one guess.
const ANOTHER_LENGTH: f64 = 2.0;

/// Solves `subproblem` and re-checks the answer. Where it does not stand, because tolerances of backends are absolute in one place or another, the
/// subproblem is put to the backend once more in units of its reach, then in units of what the last answer moved.
pub(in crate::sca) fn certify(
    backend: &mut dyn SubproblemSolver,
    subproblem: &Subproblem<'_>,
) -> Result<Certified, SubproblemError> {
    let mut attempt = backend.solve(subproblem);
    let mut lengths: Vec<f64> = Vec::with_capacity(RETRIES);
    loop {
        let moved = attempt.as_ref().ok().and_then(|candidate| moved(subproblem, candidate));
        let failure = match attempt.map_err(SubproblemError::from).and_then(|c| check(subproblem, &c)) {
            Ok(certified) => return Ok(certified),
            Err(failure) => failure,
        };
        let length = if lengths.is_empty() { Some(subproblem.reach()) } else { moved };
        let known =
            |length: f64| lengths.iter().any(|known| (known / length).ln().abs() < ANOTHER_LENGTH.ln());
        let length =
            length.filter(|&length| lengths.len() < RETRIES && !known(length) && failure.depends_on_units());
        let Some(length) = length else { return Err(failure) };
        lengths.push(length);
        let scaled = Scaled::new(subproblem, length);
        attempt = match backend.solve(&scaled.subproblem()) {
            // What overflows in these units is no fault of the subproblem.
            Err(BackendFailure::Malformed(_)) => return Err(failure),
            other => other.map(|candidate| scaled.restored(candidate)),
        };
    }
}

impl SubproblemError {
    /// Whether other units may help: not where the backend does not take such subproblems at all.
    pub(super) fn depends_on_units(&self) -> bool {
        !matches!(self, Self::Backend(BackendFailure::Unsupported { .. } | BackendFailure::Malformed(_)))
    }
}

/// `‖x̂ − x^τ‖_∞`, where that is a length to measure by.
fn moved(subproblem: &Subproblem<'_>, candidate: &Candidate) -> Option<f64> {
    let moved = largest_magnitude(&difference(&candidate.point, subproblem.center));
    (moved > 0.0 && moved.is_finite()).then_some(moved)
}

/// Whether a candidate is feasible and, by the dual bound, optimal.
///
/// A violation counts relative to the row at points of the [size](Subproblem::size) of `x^τ` or `x̂`. The gap counts relative to what the objective
/// changes by over `‖x̂ − x^τ‖`, or over a small part of the reach where `x̂` is next to `x^τ`; and `x̂` is rounded.
fn check(subproblem: &Subproblem<'_>, candidate: &Candidate) -> Result<Certified, SubproblemError> {
    check_form(subproblem, candidate)?;
    let point = subproblem.feasible_set.snap(&candidate.point);
    let size = subproblem.size().max(largest_magnitude(&point));
    let displacement = difference(&point, subproblem.center);
    let values = require_feasible(subproblem, &point, size)?;
    let largest_violation = values.iter().fold(0.0, |largest: f64, v| largest.max(*v));
    let objective = Surrogate { value: 0.0, ..subproblem.objective.clone() };
    let mut primal = objective.value_at(&displacement);
    let magnitude = match subproblem.goal {
        Goal::Objective => {
            objective.scale(norm(&displacement).max(LEAST_LENGTH * subproblem.reach().min(size)))
        }
        Goal::LeastViolation => {
            primal += largest_violation;
            subproblem.constraints.iter().map(|c| c.scale(size)).fold(0.0, f64::max)
        }
    };
    let gap = primal - dual_bound(subproblem, &objective, candidate);
    let part = if subproblem.goal == Goal::Objective { GAP_TOLERANCE } else { RESTORATION_TOLERANCE };
    let tolerance = part * magnitude + ROUNDING * norm(&objective.gradient) * size;
    // Where the magnitude overflows there is nothing to measure a gap against.
    if gap.is_nan() || gap > tolerance || tolerance.is_infinite() {
        return Err(SubproblemError::NotOptimal { gap, tolerance });
    }
    Ok(Certified { point, gap, largest_violation })
}

/// The values of the constraints at a point that is in 𝒳 and, where that is the goal, meets them, both relative to magnitudes at points of `size`.
pub(super) fn require_feasible(
    subproblem: &Subproblem<'_>,
    point: &[f64],
    size: f64,
) -> Result<Vec<f64>, SubproblemError> {
    let violation = subproblem.feasible_set.violation_at_size(point, size);
    if violation.amount > FEASIBILITY_TOLERANCE {
        return Err(SubproblemError::OutsideFeasibleSet { row: violation.row, amount: violation.amount });
    }
    let displacement = difference(point, subproblem.center);
    let values: Vec<f64> = subproblem.constraints.iter().map(|c| c.value_at(&displacement)).collect();
    if values.iter().any(|value| value.is_nan()) {
        return Err(SubproblemError::Malformed);
    }
    if subproblem.goal == Goal::Objective {
        for (index, (&value, constraint)) in values.iter().zip(subproblem.constraints).enumerate() {
            let tolerance = FEASIBILITY_TOLERANCE * constraint.scale(size);
            if value > tolerance || tolerance.is_infinite() {
                return Err(SubproblemError::ConstraintViolated { constraint: index + 1, value, tolerance });
            }
        }
    }
    Ok(values)
}

impl Subproblem<'_> {
    /// The magnitude of the objective over the reach: of `f̂_0` without its constant, or of the constraints whose violation is minimised.
    pub(super) fn objective_scale(&self) -> f64 {
        let reach = self.reach();
        match self.goal {
            Goal::Objective => Surrogate { value: 0.0, ..self.objective.clone() }.scale(reach),
            Goal::LeastViolation => {
                let scales = self.constraints.iter().map(|c| c.scale(reach));
                scales.fold(self.objective.curvature * reach * reach, f64::max)
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

/// A lower bound of the optimal value, with this for `f̂_0`, from the candidate's multipliers, made admissible first.
fn dual_bound(subproblem: &Subproblem<'_>, objective: &Surrogate, candidate: &Candidate) -> f64 {
    let set = subproblem.feasible_set;
    let mut weights: Vec<f64> = candidate.constraint_multipliers.iter().map(|w| w.max(0.0)).collect();
    let total: f64 = weights.iter().sum();
    // Minimising the Lagrangian over α ≥ 0 leaves Σ λ_i ≤ 1.
    if subproblem.goal == Goal::LeastViolation && total > 1.0 {
        weights.iter_mut().for_each(|w| *w /= total);
    }
    let mut constant = objective.value;
    let mut gradient = objective.gradient.clone();
    let mut curvature = objective.curvature;
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
