//! Weak duality without each of its hypotheses: points that break one and keep the other three, and have a negative
//! gap. `certify` still brackets the value.

use super::{Feasibility, Points};
use faer::{Mat, c64};
use solver::Problem;
use solver::relaxation::lambda_min;

fn diagonal(entries: &[f64]) -> Mat<c64> {
    Mat::from_fn(entries.len(), entries.len(), |i, j| c64::new(if i == j { entries[i] } else { 0.0 }, 0.0))
}

/// Devices with one antenna and `c_n = 1`, whose channels are real columns; the value of (17) is `value`.
fn assert_counterexample(
    channels: &[&[f64]],
    value: f64,
    (primal, dual): (&[f64], &[f64]),
    broken: fn(&Feasibility) -> f64,
) {
    let channels: Vec<Mat<c64>> = channels
        .iter()
        .map(|column| Mat::from_fn(column.len(), 1, |i, _| c64::new(column[i], 0.0)))
        .collect();
    let problem = Problem::new(channels.clone(), vec![1.0; channels.len()], 1.0).unwrap();
    let points = Points { primal: diagonal(primal), dual: dual.iter().map(|&u| diagonal(&[u])).collect() };
    let holds = points.feasibility(&problem);
    let all = [holds.primal_cone, holds.primal_constraint, holds.dual_cone, holds.dual_constraint];
    assert!(broken(&holds) < 0.0, "{holds:?}");
    assert_eq!(all.iter().filter(|margin| **margin < 0.0).count(), 1, "{holds:?}");
    let gap = points.gap(&problem);
    assert!(gap < 0.0, "a gap of {gap}");
    assert_eq!(gap, points.complementarity(&problem));

    let solved = lambda_min::solve(&problem, &Default::default()).unwrap().certificate;
    assert!(solved.lower <= value && value <= solved.upper, "{solved:?}");
    let certified = lambda_min::certify(&problem, points.primal.as_ref(), &points.dual).unwrap();
    assert!(certified.lower <= value && value <= certified.upper, "{certified:?}");
}

#[test]
fn with_every_hypothesis() {
    let channel = Mat::<c64>::identity(1, 1);
    let problem = Problem::new(vec![channel], vec![1.0], 1.0).unwrap();
    let points = Points { primal: diagonal(&[2.0]), dual: vec![diagonal(&[0.5])] };
    let holds = points.feasibility(&problem);
    let expected =
        Feasibility { primal_cone: 2.0, primal_constraint: 1.0, dual_cone: 0.5, dual_constraint: 0.5 };
    assert_eq!(holds, expected);
    assert_eq!((points.gap(&problem), points.complementarity(&problem)), (1.5, 1.5));
}

/// `X = diag(1, −5)`: the second antenna hears nobody, so nothing else notices.
#[test]
fn primal_point_outside_the_cone() {
    assert_counterexample(&[&[1.0, 0.0]], 1.0, (&[1.0, -5.0], &[1.0]), |holds| holds.primal_cone);
}

/// `X = 1/2` where 1 is needed.
#[test]
fn primal_point_below_the_constraint() {
    assert_counterexample(&[&[1.0]], 1.0, (&[0.5], &[1.0]), |holds| holds.primal_constraint);
}

/// `U = (5, −1)`: the second device hears itself twice as loud, `1·5 − 4·1 = 1`, and asks for no more than the first.
#[test]
fn dual_point_outside_the_cone() {
    assert_counterexample(&[&[1.0], &[2.0]], 1.0, (&[1.0], &[5.0, -1.0]), |holds| holds.dual_cone);
}

/// `U = 2` where 1 is allowed.
#[test]
fn dual_point_outside_the_set() {
    assert_counterexample(&[&[1.0]], 1.0, (&[1.0], &[2.0]), |holds| holds.dual_constraint);
}
