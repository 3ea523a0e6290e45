//! The re-check of a backend's answer, from the subproblem's own data.
//!
//! Relaxing all but the bounds, the Lagrangian is `c + gᵀd + κ‖d‖²` with one `κ = η_0 + Σ λ_i η_i > 0`, so its
//! minimum over `l ≤ x^τ + d ≤ u` is in closed form, `d_j = clamp(−g_j / 2κ)`. For any multipliers `λ, z ≥ 0` and any `y`
//! that minimum is a lower bound of the subproblem's optimal value; the distance to it bounds the
//! suboptimality of the candidate, and by strong convexity `‖x̂ − x*‖² ≤ gap / η_0`.

use super::super::polyhedron::FEASIBILITY_TOLERANCE;
use super::super::vector::{difference, largest_magnitude, norm};
use super::units::{Scaled, largest_unit};
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
    /// What the objective at `x̂` may be above the optimum, ≥ 0.
    pub gap: f64,
    /// `max(0, max_i f̂_i(x̂))`.
    pub largest_violation: f64,
    /// The `λ ≥ 0` of the bound.
    pub multipliers: Vec<f64>,
}

/// Most scaled subproblems that are tried after the subproblem itself.
const RETRIES: usize = 3;
/// Lengths that differ by less than this factor are one guess.
const ANOTHER_LENGTH: f64 = 2.0;

/// Solves `subproblem` and re-checks the answer. Where it does not stand, because tolerances of backends are absolute in one place or another, the
/// subproblem is put to the backend once more in units of its reach, then in units of what the last answer moved, or of what the objective calls for.
pub(in crate::sca) fn certify(
    backend: &mut dyn SubproblemSolver,
    subproblem: &Subproblem<'_>,
) -> Result<Certified, SubproblemError> {
    if let Some(answer) = at_rest(subproblem) {
        return Ok(answer);
    }
    let mut attempt = backend.solve(subproblem);
    let mut lengths: Vec<f64> = Vec::with_capacity(RETRIES);
    loop {
        let moved = attempt.as_ref().ok().map(|candidate| moved(subproblem, candidate));
        let failure = match attempt.map_err(SubproblemError::from).and_then(|c| check(subproblem, &c)) {
            Ok(certified) => return Ok(certified),
            Err(failure) => failure,
        };
        let new = |length: &f64| {
            let apart = |known: &f64| (known / length).ln().abs() >= ANOTHER_LENGTH.ln();
            *length > 0.0 && length.is_finite() && lengths.iter().all(apart)
        };
        let guesses = [Some(subproblem.reach()), moved, Some(subproblem.free_step())];
        let length = guesses.into_iter().flatten().find(new);
        let length = length.filter(|_| lengths.len() < RETRIES && failure.depends_on_units());
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

/// `x^τ`, if nothing but rounding calls away from it and it stands the re-check, without any multipliers. No backend comes as near to it as the gap of
/// so short a step would have to be.
fn at_rest(subproblem: &Subproblem<'_>) -> Option<Certified> {
    if !subproblem.rests() {
        return None;
    }
    let candidate = Candidate {
        point: subproblem.center.to_vec(),
        constraint_multipliers: vec![0.0; subproblem.constraints.len()],
        equality_multipliers: vec![0.0; subproblem.feasible_set.equalities().len()],
        inequality_multipliers: vec![0.0; subproblem.feasible_set.inequalities().len()],
    };
    check(subproblem, &candidate).ok()
}

impl SubproblemError {
    /// Whether other units may help: not where the backend does not take such subproblems at all.
    pub(super) fn depends_on_units(&self) -> bool {
        !matches!(self, Self::Backend(BackendFailure::Unsupported { .. } | BackendFailure::Malformed(_)))
    }
}

/// `‖x̂ − x^τ‖_∞`.
fn moved(subproblem: &Subproblem<'_>, candidate: &Candidate) -> f64 {
    largest_magnitude(&difference(&candidate.point, subproblem.center))
}

/// Whether a candidate is feasible and, by the dual bound, optimal.
///
/// A violation counts relative to the row at points of the [size](Subproblem::size) of `x^τ` or `x̂`. The gap counts relative to what the objective
/// changes by over `‖x̂ − x^τ‖`, or over a small part of the reach where `x̂` is next to `x^τ`; and `x̂` is rounded.
fn check(subproblem: &Subproblem<'_>, candidate: &Candidate) -> Result<Certified, SubproblemError> {
    check_form(subproblem, candidate)?;
    let point = subproblem.feasible_set.snap(&candidate.point, subproblem.size());
    let size = subproblem.size().max(largest_magnitude(&point));
    let values = require_feasible(subproblem, &point, size)?;
    let largest_violation = values.iter().fold(0.0, |largest: f64, v| largest.max(*v));
    let gradient = &subproblem.objective.gradient;
    let (part, magnitude) = match subproblem.goal {
        Goal::Objective => {
            let moved = norm(&difference(&point, subproblem.center));
            let length = moved.max(LEAST_LENGTH * subproblem.reach().min(size));
            (GAP_TOLERANCE, Surrogate { value: 0.0, ..subproblem.objective.clone() }.scale(length))
        }
        Goal::LeastViolation => (RESTORATION_TOLERANCE, largest_unit(subproblem.constraints, size)),
    };
    let tolerance = part * magnitude + ROUNDING * norm(gradient) * size;
    let multipliers = admissible(subproblem, candidate);
    let gap = gap(subproblem, candidate, &multipliers, &point, &values);
    // Where the magnitude overflows there is nothing to measure a gap against.
    if gap.is_nan() || gap > tolerance || tolerance.is_infinite() {
        return Err(SubproblemError::NotOptimal { gap, tolerance });
    }
    Ok(Certified { point, gap: gap.max(0.0), largest_violation, multipliers })
}

/// The values of the constraints at a point that is in 𝒳 and, where that is the goal, meets them. The rows count as [`FEASIBILITY_TOLERANCE`]
/// says, or more strictly where sizes are below 1; the constraints at points of `size`.
pub(super) fn require_feasible(
    subproblem: &Subproblem<'_>,
    point: &[f64],
    size: f64,
) -> Result<Vec<f64>, SubproblemError> {
    let violation = subproblem.feasible_set.violation_at_size(point, size.min(1.0));
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

/// The candidate's `λ`, made admissible.
fn admissible(subproblem: &Subproblem<'_>, candidate: &Candidate) -> Vec<f64> {
    let mut multipliers: Vec<f64> = candidate.constraint_multipliers.iter().map(|w| w.max(0.0)).collect();
    let total: f64 = multipliers.iter().sum();
    // Minimising the Lagrangian over α ≥ 0 leaves Σ λ_i ≤ 1.
    if subproblem.goal == Goal::LeastViolation && total > 1.0 {
        multipliers.iter_mut().for_each(|w| *w /= total);
    }
    multipliers
}

/// What the objective at `point` may be above the optimum: how far `point` is from minimizing the Lagrangian, and what the
/// Lagrangian there is below the objective.
///
/// Each is a sum of terms that are not negative where `point` is feasible. As the difference of two values that large multipliers make large,
/// the gap would be their rounding, and far below 0 as soon as above it. What `point` violates by rounding counts against it.
fn gap(
    subproblem: &Subproblem<'_>,
    candidate: &Candidate,
    multipliers: &[f64],
    point: &[f64],
    values: &[f64],
) -> f64 {
    let set = subproblem.feasible_set;
    let mut lagrangian = Lagrangian::of(subproblem.objective);
    let mut below = 0.0;
    // Σ λ_i (α − f̂_i) + (1 − Σ λ_i) α with the largest violation α, which is 0 in (21).
    let violation = match subproblem.goal {
        Goal::Objective => 0.0,
        Goal::LeastViolation => values.iter().fold(0.0, |largest: f64, v| largest.max(*v)),
    };
    for ((multiplier, constraint), value) in multipliers.iter().zip(subproblem.constraints).zip(values) {
        lagrangian.add(*multiplier, &constraint.gradient, constraint.curvature);
        below += (multiplier * (violation - value)).abs();
    }
    below += (1.0 - multipliers.iter().sum::<f64>()) * violation;
    let equalities = set.equalities().iter().zip(candidate.equality_multipliers.iter().copied());
    let inequalities = candidate.inequality_multipliers.iter().map(|z| z.max(0.0));
    for (row, multiplier) in equalities.chain(set.inequalities().iter().zip(inequalities)) {
        lagrangian.add(multiplier, &row.coefficients, 0.0);
        below += (multiplier * row.excess(point)).abs();
    }
    lagrangian.above_minimum(subproblem, point) + below
}

/// The Lagrangian without its constant, `gᵀd + κ‖d‖²`.
struct Lagrangian {
    gradient: Vec<f64>,
    /// What the entries of `gradient` may be off by.
    rounding: Vec<f64>,
    curvature: f64,
}

impl Lagrangian {
    fn of(objective: &Surrogate) -> Self {
        let rounding = vec![0.0; objective.gradient.len()];
        Self { gradient: objective.gradient.clone(), rounding, curvature: objective.curvature }
    }

    fn add(&mut self, multiplier: f64, gradient: &[f64], curvature: f64) {
        self.curvature += multiplier * curvature;
        for ((sum, rounding), u) in self.gradient.iter_mut().zip(&mut self.rounding).zip(gradient) {
            let term = multiplier * u;
            *sum += term;
            // Half of it from the product, half from the sum, at most.
            *rounding += f64::EPSILON * term.abs().max(sum.abs());
        }
    }

    /// What it is at `point` above its minimum over the bounds, whatever its gradient is within the rounding.
    fn above_minimum(&self, subproblem: &Subproblem<'_>, point: &[f64]) -> f64 {
        let set = subproblem.feasible_set;
        let places = point.iter().zip(subproblem.center).zip(set.lower().iter().zip(set.upper()));
        let slopes = self.gradient.iter().zip(&self.rounding);
        let entries = slopes.zip(places).map(|((g, rounding), ((x, center), (lower, upper)))| {
            let bounds = (lower - center, upper - center);
            let above = |g: f64| above_minimum(g, self.curvature, x - center, bounds);
            above(g - rounding).max(above(g + rounding))
        });
        entries.sum()
    }
}

/// `g d + κ d²` above its minimum over the bounds.
fn above_minimum(gradient: f64, curvature: f64, displacement: f64, (lower, upper): (f64, f64)) -> f64 {
    // Bounds within rounding of the centre may be crossed after subtraction: max then min, no clamp.
    let minimizer = (-gradient / (2.0 * curvature)).max(lower).min(upper);
    let beyond = displacement - minimizer;
    (gradient + 2.0 * curvature * minimizer) * beyond + curvature * beyond * beyond
}
