//! One step of the method: (21) if it has a point, the restoration of \[C\] if it has none.

use super::super::polyhedron::FEASIBILITY_TOLERANCE;
use super::super::vector::{difference, largest_magnitude};
use super::certify::{Certified, certify, require_feasible};
use super::restoration::{ROOM, least_violation, lowered, nearest};
use super::{Goal, Subproblem, SubproblemError, SubproblemSolver};
use crate::sca::{Polyhedron, Surrogate};

/// The target `x̂` of one iteration.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sca) struct Step {
    /// `x̂`.
    pub point: Vec<f64>,
    /// Certified suboptimality of `x̂` in the problem that was solved.
    pub gap: f64,
    /// The `λ` of (21); empty when it is infeasible.
    pub multipliers: Vec<f64>,
    /// `max_i f̂_i(x̂)`, the least possible, when (21) is infeasible.
    pub restored: Option<f64>,
}

impl From<Certified> for Step {
    fn from(Certified { point, gap, multipliers, .. }: Certified) -> Self {
        Self { point, gap, multipliers, restored: None }
    }
}

/// Solves (21) about `center`.
///
/// (21) counts as infeasible when the certified least violation, of constraints in units of their magnitudes, is above the tolerance, whatever the
/// backend's status said; or when it has no certified answer although it may have a point. Before that it gets one more try with
/// inequalities and constraints loosened, which gives the set an interior; the answer is held to the tolerance of the set as it is.
pub(in crate::sca) fn solve(
    backend: &mut dyn SubproblemSolver,
    feasible_set: &Polyhedron,
    center: &[f64],
    objective: &Surrogate,
    constraints: &[Surrogate],
) -> Result<Step, SubproblemError> {
    let direct = Subproblem { feasible_set, center, objective, constraints, goal: Goal::Objective };
    let failure = match certify(backend, &direct) {
        Ok(answer) => return Ok(answer.into()),
        Err(failure) => failure,
    };
    let nothing_to_loosen = constraints.is_empty() && feasible_set.inequalities().is_empty();
    if nothing_to_loosen || !failure.depends_on_units() {
        return Err(failure);
    }
    let size = direct.size();
    let relative: Vec<Surrogate> = constraints.iter().map(|c| c.divided(c.unit(size))).collect();
    let may_have_a_point = relative.is_empty()
        || least_violation(backend, feasible_set, center, &relative)?.lower <= FEASIBILITY_TOLERANCE;
    if may_have_a_point && let Some(step) = loosened(backend, &direct) {
        return Ok(step);
    }
    if constraints.is_empty() {
        return Err(failure);
    }
    let least = least_violation(backend, feasible_set, center, constraints)?;
    if least.upper == 0.0 {
        return Err(failure);
    }
    // What the constraints miss is no size of points: where bounds are in the way, it may be far more.
    let points = largest_magnitude(center).max(largest_magnitude(&least.point));
    let size = if points > 0.0 { points } else { size };
    // Where the nearest of them is not found, any will do.
    let (point, gap) = match nearest(backend, feasible_set, center, constraints, least.upper, size) {
        Ok(answer) => (answer.point, answer.gap),
        Err(_) => (least.point, least.gap),
    };
    let displacement = difference(&point, center);
    match constraints.iter().map(|constraint| constraint.value_at(&displacement)).fold(0.0, f64::max) {
        // A point that meets them: (21) is feasible, and that it was not solved stands.
        0.0 => Err(failure),
        violation => Ok(Step { point, gap, multipliers: Vec::new(), restored: Some(violation) }),
    }
}

/// The answer of (21) with inequalities and constraints loosened, if it is within the tolerance of (21).
fn loosened(backend: &mut dyn SubproblemSolver, direct: &Subproblem<'_>) -> Option<Step> {
    let size = direct.size();
    let set = direct.feasible_set.loosened(ROOM, size);
    let constraints = lowered(direct.constraints, size, 0.0);
    let answer =
        certify(backend, &Subproblem { feasible_set: &set, constraints: &constraints, ..*direct }).ok()?;
    require_feasible(direct, &answer.point, size.max(largest_magnitude(&answer.point))).ok()?;
    Some(answer.into())
}
