//! One step of the method: (21) if it has a point, the restoration of \[C\] if it has none.

use super::super::polyhedron::FEASIBILITY_TOLERANCE;
use super::{Goal, Subproblem, SubproblemError, SubproblemSolver, certify::certify};
use crate::sca::vector::difference;
use crate::sca::{Polyhedron, Surrogate};

/// Weight of `‖x − x^τ‖²` beside the largest violation, relative to the constraints' magnitude. For affine surrogates a
/// small enough weight leaves the least violation exact (Mangasarian and Meyer 1979) and picks the nearest point.
const RESTORATION_PROXIMITY: f64 = 1e-6;

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
/// (21) counts as infeasible when the certified least violation is above the tolerance, whatever the
/// backend's status said. If the backend failed on a (21) that has a point, it gets one more
/// try with the constraints loosened by the tolerance, which gives the set an interior.
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
    if constraints.is_empty() {
        return Err(failure);
    }
    let scales: Vec<f64> = constraints.iter().map(|c| c.scale(direct.size())).collect();
    let proximity = Surrogate {
        value: 0.0,
        gradient: vec![0.0; feasible_set.dimension()],
        curvature: RESTORATION_PROXIMITY * scales.iter().copied().fold(0.0, f64::max),
    };
    let restoration = Subproblem { objective: &proximity, goal: Goal::LeastViolation, ..direct };
    let least = certify(backend, &restoration)?;
    let displacement = difference(&least.point, center);
    let feasible = constraints
        .iter()
        .zip(&scales)
        .all(|(constraint, scale)| constraint.value_at(&displacement) <= FEASIBILITY_TOLERANCE * scale);
    if !feasible {
        return Ok(Step { point: least.point, gap: least.gap, restored: Some(least.largest_violation) });
    }
    let loosened: Vec<Surrogate> = constraints
        .iter()
        .zip(&scales)
        .map(|(c, scale)| Surrogate { value: c.value - FEASIBILITY_TOLERANCE * scale, ..c.clone() })
        .collect();
    let answer = certify(backend, &Subproblem { constraints: &loosened, ..direct })?;
    Ok(Step { point: answer.point, gap: answer.gap, restored: None })
}
