use super::tests::Constraints;
use crate::subproblem_bound::dual_bound;
use solver::sca::subproblem::{
    AutomaticBackend, Candidate, ClarabelBackend, Goal, Subproblem, SubproblemSolver,
};
use solver::sca::{Polyhedron, Surrogate};

/// `2 − x_1 ≤ 0` on the simplex: the least violation is 1, at `x_1 = 1`. The objective `4 x_1` goes the other way.
fn case() -> Constraints {
    Constraints {
        set: Polyhedron::simplex(2, 0.0).unwrap(),
        center: vec![0.5, 0.5],
        objective: Surrogate { value: 0.0, gradient: vec![4.0, 0.0], curvature: 1.0 },
        functions: vec![Surrogate { value: 1.5, gradient: vec![-1.0, 0.0], curvature: 0.0 }],
    }
}

fn subproblem<'a>(
    case: &'a Constraints,
    objective: &'a Surrogate,
    constraints: &'a [Surrogate],
    goal: Goal,
) -> Subproblem<'a> {
    Subproblem { feasible_set: &case.set, center: &case.center, objective, constraints, goal }
}

fn proximity(weight: f64) -> Surrogate {
    Surrogate { value: 0.0, gradient: vec![0.0; 2], curvature: weight }
}

#[test]
fn with_every_hypothesis() {
    let case = case();
    let (found, record) = case.step().unwrap();
    assert!(
        (found[0] - 1.0).abs() < 1e-6 && (record.restored.unwrap() - 1.0).abs() < 1e-6,
        "{found:?} {record:?}"
    );
}

/// Without **sum**: a multiplier of 2 says that 2 is the least violation, where it is 1. The second variable is held by the equality's `y = 0`, the
/// first by its bounds alone.
#[test]
fn violations_that_count_twice() {
    let case = case();
    let weight = proximity(1e-9);
    let subproblem = subproblem(&case, &weight, &case.functions, Goal::LeastViolation);
    let at = |weight: f64| {
        // `y` that makes the Lagrangian level in `x_1`.
        let candidate = Candidate {
            point: case.center.clone(),
            constraint_multipliers: vec![weight],
            equality_multipliers: vec![weight],
            inequality_multipliers: vec![],
        };
        dual_bound(&subproblem, &candidate).value
    };
    assert!((at(1.0) - 1.0).abs() < 1e-6 && (at(2.0) - 2.0).abs() < 1e-6, "{} {}", at(1.0), at(2.0));
}

/// Without **small weight**: with `w = 2` the least of `α + w‖d‖²` is at `d_1 = 1/8`, and a violation of 11/8 in place of 1.
#[test]
fn a_weight_that_counts() {
    let case = case();
    let found = |weight: f64| {
        let weight = proximity(weight);
        let subproblem = subproblem(&case, &weight, &case.functions, Goal::LeastViolation);
        case.worst(&ClarabelBackend.solve(&subproblem).unwrap().point)
    };
    assert!(
        (found(1e-6) - 1.0).abs() < 1e-4 && (found(2.0) - 1.375).abs() < 1e-4,
        "{} {}",
        found(1e-6),
        found(2.0)
    );
}

/// Without **restoration**: the objective alone would go to `x_1 = 0`, where the constraint is worst. A backend that solves (21) as it stands
/// has no answer.
#[test]
fn descent_on_the_objective_alone() {
    let case = case();
    let alone =
        AutomaticBackend.solve(&subproblem(&case, &case.objective, &[], Goal::Objective)).unwrap().point;
    assert!(case.worst(&alone) > case.worst(&case.center) + 0.49, "{alone:?}");
    let direct = subproblem(&case, &case.objective, &case.functions, Goal::Objective);
    assert!(ClarabelBackend.solve(&direct).is_err());
}
