//! Where (21) has no point: the least violation, and the nearest of the points that have it.

use super::super::polyhedron::FEASIBILITY_TOLERANCE;
use super::super::vector::{difference, norm};
use super::certify::{Certified, certify};
use super::units::largest_unit;
use super::{Goal, Subproblem, SubproblemError, SubproblemSolver};
use crate::sca::{Polyhedron, Surrogate};

/// Weight of `‖x − x^τ‖²` beside the largest violation, over a length of 1 in units of the subproblem: makes the point unique, and at
/// [`RADIUS`] times that length still counts for little.
const PROXIMITY: f64 = 1e-8;
/// How many lengths from `x^τ` the bound on the least violation holds.
const RADIUS: f64 = 10.0;
/// A point farther than this many lengths wants a new length.
const FAR: f64 = 2.0;
/// Most lengths that are tried.
const LENGTHS: usize = 8;
/// How much constraints and rows are loosened, relative to their magnitudes, to give a set an interior: nearly all that a point may violate.
pub(super) const ROOM: f64 = 0.9 * FEASIBILITY_TOLERANCE;

/// A point of least violation.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sca) struct LeastViolation {
    /// In 𝒳.
    pub point: Vec<f64>,
    /// `max(0, max_i f̂_i)` there.
    pub upper: f64,
    /// What it may be above the least, with the weight that made the point unique.
    pub gap: f64,
    /// No point of 𝒳 within `radius` of `x^τ` (Euclidean norm) has less.
    pub lower: f64,
    /// At least 5 times as far as the point is.
    pub radius: f64,
}

/// Minimizes `max(0, max_i f̂_i)` over 𝒳.
///
/// With a weight `w` on `‖d‖²` every `d` has `max_i f̂_i(d) ≥ D − w ‖d‖²`, where `D` is the dual bound of the problem with the weight. The weight
/// must be small against the distance of the point, which is not known beforehand: lengths grow until it is.
pub(in crate::sca) fn least_violation(
    backend: &mut dyn SubproblemSolver,
    feasible_set: &Polyhedron,
    center: &[f64],
    constraints: &[Surrogate],
) -> Result<LeastViolation, SubproblemError> {
    let mut proximity = Surrogate { value: 0.0, gradient: vec![0.0; center.len()], curvature: 1.0 };
    let goal = Goal::LeastViolation;
    let start = Subproblem { feasible_set, center, objective: &proximity, constraints, goal };
    let mut length = start.reach().max(start.size());
    let mut lengths = 0;
    loop {
        proximity.curvature = PROXIMITY * largest_unit(constraints, length) / length / length;
        let weighted = Subproblem { feasible_set, center, objective: &proximity, constraints, goal };
        let answer = certify(backend, &weighted)?;
        let distance = norm(&difference(&answer.point, center));
        lengths += 1;
        if distance > FAR * length && answer.largest_violation > 0.0 && lengths < LENGTHS {
            length = distance;
            continue;
        }
        let radius = RADIUS * length.max(distance / FAR);
        let bound = answer.largest_violation
            - answer.gap
            - proximity.curvature * (radius * radius - distance * distance);
        return Ok(LeastViolation {
            point: answer.point,
            upper: answer.largest_violation,
            gap: answer.gap,
            lower: bound.max(0.0),
            radius,
        });
    }
}

/// The point of 𝒳 nearest to `center` among those with `f̂_i ≤ level`, up to [`ROOM`].
pub(in crate::sca) fn nearest(
    backend: &mut dyn SubproblemSolver,
    feasible_set: &Polyhedron,
    center: &[f64],
    constraints: &[Surrogate],
    level: f64,
    size: f64,
) -> Result<Certified, SubproblemError> {
    let distance = Surrogate { value: 0.0, gradient: vec![0.0; center.len()], curvature: 1.0 };
    let constraints: Vec<Surrogate> = lowered(constraints, size, level);
    let subproblem = Subproblem {
        feasible_set,
        center,
        objective: &distance,
        constraints: &constraints,
        goal: Goal::Objective,
    };
    certify(backend, &subproblem)
}

/// The constraints less `level` and less [`ROOM`] of their magnitudes at points of `size`.
pub(super) fn lowered(constraints: &[Surrogate], size: f64, level: f64) -> Vec<Surrogate> {
    let lowered = |constraint: &Surrogate| {
        let room = ROOM * constraint.scale(size);
        Surrogate { value: constraint.value - level - room, ..constraint.clone() }
    };
    constraints.iter().map(lowered).collect()
}
