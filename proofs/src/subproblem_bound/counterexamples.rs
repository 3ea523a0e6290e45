use super::dual_bound;
use solver::sca::subproblem::{Candidate, Goal, Subproblem};
use solver::sca::{OptionsError, Polyhedron, ScaOptions, Surrogate};

/// `min −2d + d²` with `d ≤ 1/2` as a constraint: `d = 1/2` with multiplier 1, and a value of −3/4.
fn bound(multiplier: f64) -> f64 {
    let set = Polyhedron::builder(1).bounds(vec![-4.0], vec![4.0]).build().unwrap();
    let objective = Surrogate { value: 0.0, gradient: vec![-2.0], curvature: 1.0 };
    let constraints = [Surrogate { value: -0.5, gradient: vec![1.0], curvature: 0.0 }];
    let subproblem = Subproblem {
        feasible_set: &set,
        center: &[0.0],
        objective: &objective,
        constraints: &constraints,
        goal: Goal::Objective,
    };
    let candidate = Candidate {
        point: vec![0.5],
        constraint_multipliers: vec![multiplier],
        equality_multipliers: vec![],
        inequality_multipliers: vec![],
    };
    dual_bound(&subproblem, &candidate).value
}

#[test]
fn with_every_hypothesis() {
    assert_eq!((bound(0.0), bound(1.0), bound(3.0)), (-1.0, -0.75, -1.75));
}

/// Without **signs**: where the constraint is slack, `d ≤ 3/2`, a multiplier of −1 gives more than the value of −1 at `d = 1`.
#[test]
fn a_negative_multiplier() {
    let set = Polyhedron::builder(1).bounds(vec![-4.0], vec![4.0]).build().unwrap();
    let objective = Surrogate { value: 0.0, gradient: vec![-2.0], curvature: 1.0 };
    let constraints = [Surrogate { value: -3.0, gradient: vec![1.0], curvature: 0.0 }];
    let subproblem = Subproblem {
        feasible_set: &set,
        center: &[0.0],
        objective: &objective,
        constraints: &constraints,
        goal: Goal::Objective,
    };
    let at = |weight: f64| Candidate {
        point: vec![1.0],
        constraint_multipliers: vec![weight],
        equality_multipliers: vec![],
        inequality_multipliers: vec![],
    };
    // min −2d + d² − (d − 3) = 3 − 9/4.
    assert_eq!(
        (dual_bound(&subproblem, &at(0.0)).value, dual_bound(&subproblem, &at(-1.0)).value),
        (-1.0, 0.75)
    );
}

/// Without **admissible**: `d = 1` breaks the constraint and has a value of −1, a gap of −1/4 to the bound −3/4, and is 1/2 away.
#[test]
fn a_gap_below_nothing() {
    let value = -2.0 + 1.0;
    assert!(value - bound(1.0) < 0.0);
}

/// Without **curvature**: of `0·d` on an interval every point is optimal, with a gap of 0, and two may be 8 apart. Options refuse it.
#[test]
fn no_curvature() {
    let set = Polyhedron::builder(1).bounds(vec![-4.0], vec![4.0]).build().unwrap();
    let flat = Surrogate { value: 0.0, gradient: vec![0.0], curvature: 0.0 };
    assert_eq!(flat.at(&[set.lower()[0]]), flat.at(&[set.upper()[0]]));
    let refused = ScaOptions::new(0).with_objective_curvature(0.0);
    assert_eq!(refused.err(), Some(OptionsError::ObjectiveCurvature { curvature: 0.0 }));
}
