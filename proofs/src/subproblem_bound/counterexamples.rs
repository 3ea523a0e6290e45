use super::dual_bound;
use solver::sca::subproblem::{Candidate, Goal, Subproblem};
use solver::sca::{OptionsError, Polyhedron, ScaOptions, Surrogate};

/// `−2d + d²`.
fn objective() -> Surrogate {
    Surrogate { value: 0.0, gradient: vec![-2.0], curvature: 1.0 }
}

/// `D` of `min −2d + d²` s.t. `d ≤ limit` for a multiplier of that constraint, with bounds that are far away.
fn bound(limit: f64, multiplier: f64) -> f64 {
    let set = Polyhedron::builder(1).bounds(vec![-4.0], vec![4.0]).build().unwrap();
    let subproblem = Subproblem {
        feasible_set: &set,
        center: &[0.0],
        objective: &objective(),
        constraints: &[Surrogate { value: -limit, gradient: vec![1.0], curvature: 0.0 }],
        goal: Goal::Objective,
    };
    let multipliers = Candidate {
        point: vec![0.0],
        constraint_multipliers: vec![multiplier],
        equality_multipliers: vec![],
        inequality_multipliers: vec![],
    };
    dual_bound(&subproblem, &multipliers).value
}

/// Up to `d = 1/2` the least is −3/4, and its multiplier is 1.
#[test]
fn with_every_hypothesis() {
    assert_eq!(objective().at(&[0.5]).unwrap(), -0.75);
    assert_eq!([0.0, 1.0, 3.0].map(|multiplier| bound(0.5, multiplier)), [-1.0, -0.75, -1.75]);
}

/// Without **signs**: up to `d = 3` the least is −1, at `d = 1`, and a multiplier of −1 says that it is 3/4.
#[test]
fn a_negative_multiplier() {
    assert_eq!((bound(3.0, 0.0), bound(3.0, -1.0)), (-1.0, 0.75));
}

/// Without **admissible**: `d = 1` is beyond `1/2`; its gap is −1/4, and it is 1/2 away from the optimum.
#[test]
fn a_gap_below_nothing() {
    assert_eq!(objective().at(&[1.0]).unwrap() - bound(0.5, 1.0), -0.25);
}

/// Without **curvature**: of `0·d` on an interval every point is optimal, with a gap of 0, and two may be 8 apart. Options refuse it.
#[test]
fn no_curvature() {
    let flat = Surrogate { value: 0.0, gradient: vec![0.0], curvature: 0.0 };
    assert_eq!(flat.at(&[-4.0]), flat.at(&[4.0]));
    let refused = ScaOptions::new(0).with_objective_curvature(0.0);
    assert_eq!(refused.err(), Some(OptionsError::ObjectiveCurvature { curvature: 0.0 }));
}
