//! Any two backends agree on what both solve.

use proptest::prelude::*;
use solver::sca::subproblem::{
    AutomaticBackend, BackendFailure, Candidate, ClarabelBackend, Goal, NativeBackend, Subproblem,
    SubproblemSolver,
};
use solver::sca::{LinearRow, Polyhedron, Surrogate};

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

fn subproblem<'a>(
    feasible_set: &'a Polyhedron,
    center: &'a [f64],
    objective: &'a Surrogate,
    constraints: &'a [Surrogate],
) -> Subproblem<'a> {
    Subproblem { feasible_set, center, objective, constraints, goal: Goal::Objective }
}

/// One variable: bounds (some absent, some equal), a coefficient of the equality (some zero), where the centre lies between the
/// bounds, and an entry of the gradient.
#[derive(Debug, Clone)]
struct Variable {
    lower: f64,
    upper: f64,
    coefficient: f64,
    center: f64,
    gradient: f64,
}

fn variable() -> impl Strategy<Value = Variable> {
    let kind = (0..8, 0..4);
    (-2.0..1.0f64, 0.0..3.0f64, -2.0..2.0f64, 0.0..1.0f64, -3.0..3.0f64, kind).prop_map(
        |(low, width, coefficient, fraction, gradient, (bounds, weight))| Variable {
            lower: if bounds == 0 || bounds == 1 { f64::NEG_INFINITY } else { low },
            upper: match bounds {
                0 | 2 => f64::INFINITY,
                3 => low,
                _ => low + width,
            },
            coefficient: if weight == 0 { 0.0 } else { coefficient },
            center: if bounds == 3 { low } else { low + fraction * width },
            gradient,
        },
    )
}

/// Bounds, an equality through the centre, and an objective.
fn instance() -> impl Strategy<Value = (Polyhedron, Vec<f64>, Surrogate)> {
    (proptest::collection::vec(variable(), 1..12), 0.05..20.0f64, -3i32..4).prop_map(
        |(variables, curvature, magnitude)| {
            let of = |field: fn(&Variable) -> f64| variables.iter().map(field).collect::<Vec<f64>>();
            let (center, coefficients) = (of(|v| v.center), of(|v| v.coefficient));
            let right_hand_side = coefficients.iter().zip(&center).map(|(a, x)| a * x).sum();
            let set = Polyhedron::builder(variables.len())
                .bounds(of(|v| v.lower), of(|v| v.upper))
                .equality(coefficients, right_hand_side)
                .build()
                .unwrap();
            let scale = 10.0_f64.powi(magnitude);
            let gradient = of(|v| v.gradient).iter().map(|u| scale * u).collect();
            (set, center, Surrogate { value: 1.0, gradient, curvature: scale * curvature })
        },
    )
}

/// `max |2η d + u + ν a|` over the variables off their bounds, and the sign condition at the bounds; relative to `scale`.
fn kkt_residual(
    set: &Polyhedron,
    center: &[f64],
    objective: &Surrogate,
    candidate: &Candidate,
    scale: f64,
) -> f64 {
    let no_row = LinearRow { coefficients: vec![0.0; center.len()], right_hand_side: 0.0 };
    let row = set.equalities().first().unwrap_or(&no_row);
    let multiplier = candidate.equality_multipliers.first().copied().unwrap_or(0.0);
    let mut worst = row.residual(&candidate.point).unwrap().abs();
    for (j, x) in candidate.point.iter().enumerate() {
        let slope = 2.0 * objective.curvature * (x - center[j])
            + objective.gradient[j]
            + multiplier * row.coefficients[j];
        let (lower, upper) = (set.lower()[j], set.upper()[j]);
        assert!(lower <= *x && *x <= upper, "{lower} ≤ {x} ≤ {upper}");
        let wrong = match (*x == lower, *x == upper) {
            (true, true) => 0.0,
            (true, false) => -slope,
            (false, true) => slope,
            (false, false) => slope.abs(),
        };
        worst = worst.max(wrong / scale);
    }
    worst
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// The conditions of optimality hold to rounding, and Clarabel's answer is the same within its tolerance.
    #[test]
    fn native_is_exact_and_clarabel_agrees((set, center, objective) in instance()) {
        let problem = subproblem(&set, &center, &objective, &[]);
        prop_assert!(NativeBackend::applies(&problem));
        let native = NativeBackend.solve(&problem).unwrap();
        let scale = objective.curvature.max(objective.gradient.iter().fold(0.0, |m, g| g.abs().max(m)));
        let residual = kkt_residual(&set, &center, &objective, &native, scale);
        prop_assert!(residual < 1e-11, "residual {residual:e}");
        let clarabel = ClarabelBackend.solve(&problem).unwrap();
        let error = distance(&native.point, &clarabel.point);
        prop_assert!(error < 1e-4, "{error:e}: {:?} and {:?}", native.point, clarabel.point);
        prop_assert_eq!(AutomaticBackend.solve(&problem).unwrap(), native);
    }

    /// Without an equality, the clamped minimizer; the automatic choice takes it.
    #[test]
    fn a_box_needs_no_multiplier((set, center, objective) in instance()) {
        let bounds = (set.lower().to_vec(), set.upper().to_vec());
        let set = Polyhedron::builder(center.len()).bounds(bounds.0, bounds.1).build().unwrap();
        let candidate = AutomaticBackend.solve(&subproblem(&set, &center, &objective, &[])).unwrap();
        for (j, x) in candidate.point.iter().enumerate() {
            let free = center[j] - objective.gradient[j] / (2.0 * objective.curvature);
            prop_assert_eq!(*x, free.max(set.lower()[j]).min(set.upper()[j]));
        }
        prop_assert!(candidate.equality_multipliers.is_empty());
    }

    /// The order in which variables come does not matter.
    #[test]
    fn native_follows_a_permutation((set, center, objective) in instance()) {
        let reversed = |values: &[f64]| values.iter().rev().copied().collect::<Vec<f64>>();
        let row = &set.equalities()[0];
        let turned = Polyhedron::builder(center.len())
            .bounds(reversed(set.lower()), reversed(set.upper()))
            .equality(reversed(&row.coefficients), row.right_hand_side)
            .build()
            .unwrap();
        let turned_objective = Surrogate { gradient: reversed(&objective.gradient), ..objective.clone() };
        let direct = NativeBackend.solve(&subproblem(&set, &center, &objective, &[])).unwrap();
        let turned_center = reversed(&center);
        let other = subproblem(&turned, &turned_center, &turned_objective, &[]);
        let other = NativeBackend.solve(&other).unwrap();
        prop_assert!(distance(&direct.point, &reversed(&other.point)) < 1e-9);
    }
}

#[test]
fn native_declines_what_is_not_its_form() {
    let objective = Surrogate { value: 0.0, gradient: vec![1.0, 0.0], curvature: 1.0 };
    let constraint = Surrogate { value: -1.0, gradient: vec![1.0, 0.0], curvature: 0.0 };
    let simplex = Polyhedron::simplex(2, 0.0).unwrap();
    let center = [0.5, 0.5];
    let constrained = subproblem(&simplex, &center, &objective, std::slice::from_ref(&constraint));
    let two_rows = Polyhedron::builder(2).equality(vec![1.0, 1.0], 1.0).equality(vec![1.0, -1.0], 0.0);
    let two_rows = two_rows.build().unwrap();
    let half_space = Polyhedron::builder(2).inequality(vec![1.0, 1.0], 2.0).build().unwrap();
    let cases = [
        constrained,
        Subproblem { goal: Goal::LeastViolation, ..constrained },
        subproblem(&two_rows, &center, &objective, &[]),
        subproblem(&half_space, &center, &objective, &[]),
    ];
    for problem in cases {
        assert!(!NativeBackend::applies(&problem));
        assert!(matches!(NativeBackend.solve(&problem), Err(BackendFailure::Unsupported { .. })));
        assert!(AutomaticBackend.solve(&problem).is_ok());
    }
}

#[cfg(feature = "osqp")]
mod osqp {
    use super::*;
    use solver::sca::subproblem::OsqpBackend;

    fn vector(n: usize, size: f64) -> impl Strategy<Value = Vec<f64>> {
        proptest::collection::vec(-size..size, n)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn osqp_agrees_with_native((set, center, objective) in instance()) {
            let problem = subproblem(&set, &center, &objective, &[]);
            let (native, osqp) = (NativeBackend.solve(&problem).unwrap(), OsqpBackend.solve(&problem).unwrap());
            let error = distance(&native.point, &osqp.point);
            prop_assert!(error < 1e-4, "{error:e}: {:?} and {:?}", native.point, osqp.point);
        }

        /// With inequalities and linear stochastic constraints, (21) and its restoration.
        #[test]
        fn osqp_agrees_with_clarabel(
            (center, gradient, normal, other) in (1usize..8).prop_flat_map(
                |n| (vector(n, 2.0), vector(n, 2.0), vector(n, 2.0), vector(n, 2.0))),
            value in -1.0..-0.05f64, demand in 0.1..2.0f64, curvature in 0.05..3.0f64,
        ) {
            let n = center.len();
            let set = Polyhedron::builder(n)
                .bounds(vec![-2.0; n], vec![2.0; n])
                .inequality(vec![1.0; n], center.iter().sum::<f64>() + 0.5)
                .build()
                .unwrap();
            let objective = Surrogate { value: 0.0, gradient, curvature };
            let linear = |value: f64, gradient: &[f64]| Surrogate { value, gradient: gradient.to_vec(), curvature: 0.0 };
            let met = [linear(value, &normal), linear(value, &other)];
            let mut problem = subproblem(&set, &center, &objective, &met);
            let point = |mut backend: Box<dyn SubproblemSolver>, problem: &Subproblem<'_>| backend.solve(problem).unwrap().point;
            let compare = |problem: &Subproblem<'_>, tolerance: f64| {
                distance(&point(Box::new(OsqpBackend), problem), &point(Box::new(ClarabelBackend), problem)) < tolerance
            };
            prop_assert!(compare(&problem, 1e-4));
            // A demand and its opposite cannot both be met; a firm proximity makes the answer unique.
            let negated: Vec<f64> = normal.iter().map(|g| -g).collect();
            let opposed = [linear(demand, &normal), linear(demand, &negated)];
            let proximity = Surrogate { value: 0.0, gradient: vec![0.0; n], curvature: 0.1 };
            problem = Subproblem { objective: &proximity, goal: Goal::LeastViolation, ..subproblem(&set, &center, &proximity, &opposed) };
            prop_assert!(compare(&problem, 1e-3));
        }
    }

    /// A whole run, each answer re-checked: OSQP's certificates stand like the others'.
    #[test]
    fn runs_agree_whatever_the_backend() {
        use solver::sca::{Evaluation, Function, Rng, ScaOptions, StochasticProgram, StochasticSca};
        struct Noisy(Polyhedron);
        impl StochasticProgram for Noisy {
            type Sample = f64;
            type Error = std::convert::Infallible;
            fn feasible_set(&self) -> &Polyhedron {
                &self.0
            }
            fn stochastic_constraints(&self) -> usize {
                1
            }
            fn sample(&self, rng: &mut dyn Rng) -> Result<f64, Self::Error> {
                Ok(rand::RngExt::random_range(rng, -0.5..0.5))
            }
            fn evaluate(&self, x: &[f64], noise: &f64) -> Result<Evaluation, Self::Error> {
                let gradient: Vec<f64> = x.iter().map(|x| 2.0 * (x - 1.0 - noise)).collect();
                let value = gradient.iter().map(|g| 0.25 * g * g).sum();
                let sum = x.iter().sum::<f64>() - 1.0 + noise;
                let constraint = Function { value: sum, gradient: vec![1.0; x.len()] };
                Ok(Evaluation { objective: Function { value, gradient }, constraints: vec![constraint] })
            }
        }
        let program = Noisy(Polyhedron::builder(3).bounds(vec![0.0; 3], vec![2.0; 3]).build().unwrap());
        let options = || ScaOptions::new(1).with_iterations(200).unwrap();
        let clarabel = StochasticSca::new(&program, options()).run(&[0.0; 3]).unwrap();
        let osqp = StochasticSca::new(&program, options()).with_backend(OsqpBackend).run(&[0.0; 3]).unwrap();
        assert!(distance(&clarabel.point, &osqp.point) < 1e-4);
        assert!(distance(&osqp.point, &[1.0 / 3.0; 3]) < 0.1, "{:?}", osqp.point);
    }

    #[test]
    fn osqp_declines_cones() {
        let objective = Surrogate { value: 0.0, gradient: vec![1.0], curvature: 1.0 };
        let set = Polyhedron::builder(1).build().unwrap();
        let curved = [Surrogate { value: -1.0, gradient: vec![1.0], curvature: 0.5 }];
        let problem = subproblem(&set, &[0.0], &objective, &curved);
        assert!(matches!(OsqpBackend.solve(&problem), Err(BackendFailure::Unsupported { .. })));
    }
}
