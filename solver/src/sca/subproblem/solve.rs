//! One step of the method: (21) if it has a point, the restoration of \[C\] if it has none.

use super::super::polyhedron::FEASIBILITY_TOLERANCE;
use super::super::vector::{difference, largest_magnitude};
use super::restoration::{least_violation, lowered, nearest};
use super::{Goal, Subproblem, SubproblemError, SubproblemSolver, certify::certify};
use crate::sca::{Polyhedron, Surrogate};

/// How much a set without an interior is loosened, relative to its rows: nearly all that a point may violate.
const ROOM: f64 = 0.9 * FEASIBILITY_TOLERANCE;

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
/// backend's status said. If the backend failed on a (21) that has a point, it gets one more try with inequalities and constraints loosened
/// within the tolerance, which gives the set an interior.
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
    if !failure.depends_on_units() {
        return Err(failure);
    }
    let mut size = direct.size();
    if !constraints.is_empty() {
        let relative: Vec<Surrogate> = constraints.iter().map(|c| c.divided(c.scale(size))).collect();
        let least = least_violation(backend, feasible_set, center, &relative)?;
        size = size.max(largest_magnitude(&least.point));
        let displacement = difference(&least.point, center);
        let met = |c: &Surrogate| c.value_at(&displacement) <= FEASIBILITY_TOLERANCE * c.scale(size);
        if !constraints.iter().all(met) {
            let least = least_violation(backend, feasible_set, center, constraints)?;
            let (point, gap) = nearest(backend, feasible_set, center, constraints, least.upper, size)?;
            return Ok(Step { point, gap, restored: Some(least.upper) });
        }
    }
    let (set, loosened) = (feasible_set.loosened(ROOM, size), lowered(constraints, size, 0.0, ROOM));
    let answer = certify(backend, &Subproblem { feasible_set: &set, constraints: &loosened, ..direct })?;
    Ok(Step { point: answer.point, gap: answer.gap, restored: None })
}
