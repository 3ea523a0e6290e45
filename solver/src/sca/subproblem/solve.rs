//! One step of the method: (21) if it has a point, the restoration of \[C\] if it has none.

use super::super::polyhedron::FEASIBILITY_TOLERANCE;
use super::super::vector::largest_magnitude;
use super::certify::{certify, require_feasible};
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
    /// The least possible `max_i f̂_i` when (21) is infeasible.
    pub restored: Option<f64>,
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
        Ok(answer) => return Ok(Step { point: answer.point, gap: answer.gap, restored: None }),
        Err(failure) => failure,
    };
    let nothing_to_loosen = constraints.is_empty() && feasible_set.inequalities().is_empty();
    if nothing_to_loosen || !failure.depends_on_units() {
        return Err(failure);
    }
    let size = direct.size();
    let relative: Vec<Surrogate> = constraints.iter().map(|c| c.divided(c.scale(size))).collect();
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
    let size = size.max(largest_magnitude(&least.point));
    // Where the nearest of them is not found, any will do.
    let (point, gap) = nearest(backend, feasible_set, center, constraints, least.upper, size)
        .unwrap_or((least.point, least.gap));
    Ok(Step { point, gap, restored: Some(least.upper) })
}

/// The answer of (21) with inequalities and constraints loosened, if it is within the tolerance of (21).
fn loosened(backend: &mut dyn SubproblemSolver, direct: &Subproblem<'_>) -> Option<Step> {
    let size = direct.size();
    let set = direct.feasible_set.loosened(ROOM, size);
    let constraints = lowered(direct.constraints, size, 0.0);
    let answer =
        certify(backend, &Subproblem { feasible_set: &set, constraints: &constraints, ..*direct }).ok()?;
    require_feasible(direct, &answer.point, size.max(largest_magnitude(&answer.point))).ok()?;
    Some(Step { point: answer.point, gap: answer.gap, restored: None })
}
