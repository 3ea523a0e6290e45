//! The subproblem (21) against closed forms, variational inequalities and its own other form.

use proptest::prelude::*;
use solver::sca::subproblem::{BackendFailure, ClarabelBackend, Goal, Subproblem, SubproblemSolver};
use solver::sca::{Polyhedron, PolyhedronError, Row, Surrogate};

/// Projection on `{x ≥ 0, Σ x = 1}` by sorting (Held, Wolfe, Crowder 1974).
fn simplex_projection(point: &[f64]) -> Vec<f64> {
    let mut sorted = point.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let mut sum = 0.0;
    let mut threshold = 0.0;
    for (k, x) in sorted.iter().enumerate() {
        sum += x;
        let candidate = (sum - 1.0) / (k + 1) as f64;
        if *x > candidate {
            threshold = candidate;
        }
    }
    point.iter().map(|x| (x - threshold).max(0.0)).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

fn solve(set: &Polyhedron, center: &[f64], objective: &Surrogate, constraints: &[Surrogate]) -> Vec<f64> {
    let subproblem = Subproblem { feasible_set: set, center, objective, constraints, goal: Goal::Objective };
    ClarabelBackend.solve(&subproblem).unwrap().point
}

fn vector(n: usize, size: f64) -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(-size..size, n)
}

fn dimensioned(size: f64) -> impl Strategy<Value = (Vec<f64>, Vec<f64>, Vec<f64>)> {
    (1usize..9).prop_flat_map(move |n| (vector(n, size), vector(n, size), vector(n, size)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn projection_on_the_simplex_is_the_closed_form((point, _, _) in dimensioned(3.0)) {
        let simplex = Polyhedron::simplex(point.len(), 0.0).unwrap();
        let projected = simplex.project(&point).unwrap();
        prop_assert!(distance(&projected, &simplex_projection(&point)) < 1e-5);
        prop_assert!(simplex.largest_violation(&projected).amount < 1e-12);
    }

    /// (21) on the simplex without constraints is the projection of `x − u/2η`.
    #[test]
    fn the_quadratic_program_is_a_projection(
        (center, gradient, _) in dimensioned(3.0), curvature in 0.05..20.0f64, magnitude in -6i32..7
    ) {
        let scale = 10.0_f64.powi(magnitude);
        let simplex = Polyhedron::simplex(center.len(), 0.0).unwrap();
        let center = simplex_projection(&center);
        let target: Vec<f64> = center.iter().zip(&gradient).map(|(x, u)| x - u / (2.0 * curvature)).collect();
        let objective = Surrogate {
            value: 1.0,
            gradient: gradient.iter().map(|u| scale * u).collect(),
            curvature: scale * curvature,
        };
        let point = solve(&simplex, &center, &objective, &[]);
        prop_assert!(distance(&point, &simplex_projection(&target)) < 1e-4);
    }

    /// `∇f̂_0(x̂)ᵀ(y − x̂) ≥ 0` for all feasible y: with a curved constraint that the centre meets strictly.
    #[test]
    fn the_cone_form_meets_the_variational_inequality(
        (center, gradient, normal) in dimensioned(2.0), others in proptest::collection::vec(vector(8, 2.0), 20),
        value in -1.0..-0.05f64, curvature in 0.0..3.0f64, objective_curvature in 0.05..3.0f64,
    ) {
        let n = center.len();
        let set = Polyhedron::builder(n)
            .bounds(vec![-2.0; n], vec![2.0; n])
            .inequality(vec![1.0; n], center.iter().sum::<f64>() + 0.5)
            .build()
            .unwrap();
        let objective = Surrogate { value: 0.0, gradient, curvature: objective_curvature };
        let constraint = Surrogate { value, gradient: normal, curvature };
        let point = solve(&set, &center, &objective, std::slice::from_ref(&constraint));
        let step: Vec<f64> = point.iter().zip(&center).map(|(a, b)| a - b).collect();
        prop_assert!(set.contains(&point));
        prop_assert!(constraint.at(&step).unwrap() < 1e-7);
        let slope: Vec<f64> =
            step.iter().zip(&objective.gradient).map(|(d, u)| u + 2.0 * objective.curvature * d).collect();
        for other in &others {
            // A feasible point on the way from the strictly feasible centre to the other one.
            let mut fraction = 1.0;
            let mut towards: Vec<f64>;
            loop {
                towards = other.iter().zip(&center).map(|(y, x)| fraction * (y - x)).collect();
                let candidate: Vec<f64> = center.iter().zip(&towards).map(|(x, d)| x + d).collect();
                if set.largest_violation(&candidate).amount == 0.0 && constraint.at(&towards).unwrap() <= 0.0 {
                    break;
                }
                fraction *= 0.7;
            }
            let descent: f64 = slope.iter().zip(towards.iter().zip(&step)).map(|(g, (y, d))| g * (y - d)).sum();
            prop_assert!(descent > -1e-4, "descent {descent}");
        }
    }

    /// The cone form with η_1 → 0 tends to the linear form, whose `d_0` is nearer than `‖d − d_0‖² ≤ t (f̂_0(0) − f̂_0(d_0))/η_0`,
    /// `t = η_1‖d_0‖²/|f_1|`: `(1 − t) d_0` meets the cone, which meets the half-space.
    #[test]
    fn cones_tend_to_the_quadratic_program(
        (center, gradient, normal) in dimensioned(2.0), value in -1.0..-0.05f64,
    ) {
        let n = center.len();
        let set = Polyhedron::builder(n).bounds(vec![-4.0; n], vec![4.0; n]).build().unwrap();
        let objective = Surrogate { value: 0.0, gradient, curvature: 0.5 };
        let linear = Surrogate { value, gradient: normal, curvature: 0.0 };
        let flat = solve(&set, &center, &objective, std::slice::from_ref(&linear));
        let step: Vec<f64> = flat.iter().zip(&center).map(|(x, c)| x - c).collect();
        let (length, descent) = (distance(&flat, &center), -objective.at(&step).unwrap());
        for curvature in [1e-2, 1e-4, 1e-6, 1e-8] {
            let curved = Surrogate { curvature, ..linear.clone() };
            let difference = distance(&flat, &solve(&set, &center, &objective, &[curved]));
            let shrunk = (curvature * length * length / -value).min(1.0);
            let bound = (shrunk * descent.max(0.0) / objective.curvature).sqrt();
            prop_assert!(difference <= bound + 1e-4, "{difference} above {bound} at η_1 = {curvature}");
        }
    }
}

#[test]
fn restoration_finds_the_least_violation() {
    // Two opposite demands on the line: x ≥ 1 and x ≤ −2 miss by 1.5 each at x = −1/2.
    let set = Polyhedron::builder(1).build().unwrap();
    let objective = Surrogate { value: 0.0, gradient: vec![0.0], curvature: 1e-6 };
    let constraints = [
        Surrogate { value: 1.0, gradient: vec![-1.0], curvature: 0.0 },
        Surrogate { value: 2.0, gradient: vec![1.0], curvature: 0.0 },
    ];
    let mut subproblem = Subproblem {
        feasible_set: &set,
        center: &[0.0],
        objective: &objective,
        constraints: &constraints,
        goal: Goal::LeastViolation,
    };
    let candidate = ClarabelBackend.solve(&subproblem).unwrap();
    assert!((candidate.point[0] + 0.5).abs() < 1e-6, "{candidate:?}");
    assert!(candidate.constraint_multipliers.iter().all(|w| (w - 0.5).abs() < 1e-5), "{candidate:?}");
    subproblem.goal = Goal::Objective;
    assert_eq!(ClarabelBackend.solve(&subproblem), Err(BackendFailure::ClaimsInfeasible));
}

#[test]
fn polyhedra_are_checked_when_built() {
    let infinity = f64::INFINITY;
    let builder = || Polyhedron::builder(2);
    let error = |built: Result<Polyhedron, PolyhedronError>| built.unwrap_err();
    assert_eq!(error(Polyhedron::builder(0).build()), PolyhedronError::NoVariables);
    assert_eq!(
        error(builder().bounds(vec![0.0], vec![1.0; 2]).build()),
        PolyhedronError::Length { row: Row::LowerBounds, expected: 2, found: 1 }
    );
    assert_eq!(
        error(builder().equality(vec![1.0; 3], 1.0).build()),
        PolyhedronError::Length { row: Row::Equality(0), expected: 2, found: 3 }
    );
    assert!(matches!(
        error(builder().inequality(vec![1.0, f64::NAN], 1.0).build()),
        PolyhedronError::NotFinite { row: Row::Inequality(0), .. }
    ));
    assert_eq!(
        error(builder().bounds(vec![infinity, 0.0], vec![infinity; 2]).build()),
        PolyhedronError::NotFinite { row: Row::LowerBound(0), value: infinity }
    );
    assert!(matches!(
        error(builder().bounds(vec![0.0; 2], vec![1.0, f64::NAN]).build()),
        PolyhedronError::NotFinite { row: Row::UpperBound(1), .. }
    ));
    assert_eq!(
        error(builder().bounds(vec![0.0, 2.0], vec![1.0, 1.0]).build()),
        PolyhedronError::CrossedBounds { index: 1, lower: 2.0, upper: 1.0 }
    );
    // Σ x = 1 with x ≥ 0.6 in two variables misses by 0.2, or 0.2/√2 in units of a unit-norm row.
    match error(Polyhedron::simplex(2, 0.6)) {
        PolyhedronError::Empty { least_violation, .. } => {
            assert!((least_violation - 0.2 / 2.0_f64.sqrt()).abs() < 1e-6, "{least_violation}")
        }
        other => panic!("{other:?}"),
    }
    let contradictory = builder().inequality(vec![1.0, 1.0], -1.0).inequality(vec![-1.0, -1.0], -1.0);
    assert!(matches!(error(contradictory.build()), PolyhedronError::Empty { .. }));
    assert!(matches!(error(builder().inequality(vec![0.0; 2], -1.0).build()), PolyhedronError::Empty { .. }));
}

#[test]
fn polyhedra_without_interior_or_bounds_have_members() {
    // The single point (1/2, 1/2), as a simplex whose minima take everything.
    let point = Polyhedron::simplex(2, 0.5).unwrap();
    assert!(distance(point.member(), &[0.5, 0.5]) < 1e-9);
    assert!(distance(&point.project(&[3.0, -1.0]).unwrap(), &[0.5, 0.5]) < 1e-7);
    // A fixed variable and a far-away row.
    let far = Polyhedron::builder(2)
        .bounds(vec![3.0, f64::NEG_INFINITY], vec![3.0, f64::INFINITY])
        .inequality(vec![0.0, -1.0], -1e4)
        .build()
        .unwrap();
    assert!(far.contains(far.member()));
    assert!(distance(&far.project(&[0.0, 0.0]).unwrap(), &[3.0, 1e4]) < 1e-2);
    // A repeated equality is consistent, if redundant.
    let twice = Polyhedron::builder(2)
        .bounds(vec![0.0; 2], vec![1.0; 2])
        .equality(vec![1.0, 1.0], 1.0)
        .equality(vec![2.0, 2.0], 2.0)
        .build()
        .unwrap();
    assert!(distance(&twice.project(&[1.0, 0.4]).unwrap(), &[0.8, 0.2]) < 1e-6);
    assert!(matches!(twice.project(&[1.0]), Err(PolyhedronError::Length { row: Row::Point, .. })));
    assert!(matches!(
        twice.project(&[1.0, f64::NAN]),
        Err(PolyhedronError::NotFinite { row: Row::Point, .. })
    ));
    assert!(!twice.contains(&[1.0, f64::NAN]) && !twice.contains(&[1.0]));
}

/// What cannot be measured is not inside.
#[test]
fn points_that_overflow_a_row_are_outside() {
    let simplex = Polyhedron::simplex(2, 0.0).unwrap();
    assert!(!simplex.contains(&[f64::INFINITY, 0.0]));
    let half_space = Polyhedron::builder(2).inequality(vec![1e200, 1e200], 1.0).build().unwrap();
    assert!(half_space.contains(&[-1.0, -1.0]) && !half_space.contains(&[1e200, 1e200]));
}
