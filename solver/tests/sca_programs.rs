//! Runs of stochastic SCA on programs whose optima are known in closed form.

use std::convert::Infallible;
use std::ops::ControlFlow;

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use solver::sca::{
    Evaluation, Function, Polyhedron, PolynomialDecay, Rng, ScaOptions, Schedules, StochasticProgram,
    StochasticSca, TerminationReason,
};

fn normal(rng: &mut dyn Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// `E (aᵀx − b)²` with independent `a_j ~ N(0, w_j)`, `b = aᵀx_0 + N(0, s²)`: in expectation
/// `Σ w_j (x_j − x_0j)² + s²`.
struct LeastSquares {
    set: Polyhedron,
    weights: Vec<f64>,
    truth: Vec<f64>,
    noise: f64,
}

impl StochasticProgram for LeastSquares {
    type Sample = (Vec<f64>, f64);
    type Error = Infallible;

    fn feasible_set(&self) -> &Polyhedron {
        &self.set
    }

    fn sample(&self, rng: &mut dyn Rng) -> Result<Self::Sample, Infallible> {
        let a: Vec<f64> = self.weights.iter().map(|w| w.sqrt() * normal(rng)).collect();
        let b = a.iter().zip(&self.truth).map(|(a, x)| a * x).sum::<f64>() + self.noise * normal(rng);
        Ok((a, b))
    }

    fn evaluate(&self, x: &[f64], (a, b): &Self::Sample) -> Result<Evaluation, Infallible> {
        let residual = a.iter().zip(x).map(|(a, x)| a * x).sum::<f64>() - b;
        let gradient = a.iter().map(|a| 2.0 * residual * a).collect();
        Ok(Evaluation { objective: Function { value: residual * residual, gradient }, constraints: vec![] })
    }
}

/// `argmin Σ w_j (x_j − x_0j)²` on the simplex: `x_j = max(0, x_0j − μ/w_j)`, μ by bisection.
fn weighted_simplex_optimum(weights: &[f64], truth: &[f64]) -> Vec<f64> {
    let at =
        |mu: f64| -> Vec<f64> { truth.iter().zip(weights).map(|(x, w)| (x - mu / w).max(0.0)).collect() };
    let (mut low, mut high) = (-100.0, 100.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if at(middle).iter().sum::<f64>() > 1.0 { low = middle } else { high = middle }
    }
    at(0.5 * (low + high))
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

fn least_squares() -> LeastSquares {
    LeastSquares {
        set: Polyhedron::simplex(5, 0.0).unwrap(),
        weights: vec![1.0, 2.0, 0.5, 1.5, 1.0],
        truth: vec![0.6, 0.5, -0.3, 0.4, 0.1],
        noise: 0.3,
    }
}

/// Root mean square distance to the optimum over eight seeds; checks what must hold of every run.
fn error_after(program: &LeastSquares, optimum: &[f64], batch: usize, iterations: usize) -> f64 {
    let squared = (0..8).map(|seed| {
        let options =
            ScaOptions::new(seed).with_iterations(iterations).unwrap().with_mini_batch(batch).unwrap();
        let report = StochasticSca::new(program, options).run(&[0.2; 5]).unwrap();
        assert_eq!(report.termination, TerminationReason::ScheduleCompleted);
        assert_eq!(report.history.len(), iterations);
        assert!(program.set.largest_violation(&report.point).amount < 1e-12);
        assert!(report.history.iter().all(|r| r.subproblem_gap < 1e-6 && r.subproblem_gap > -1e-8));
        distance(&report.point, optimum).powi(2)
    });
    (squared.sum::<f64>() / 8.0).sqrt()
}

/// The error falls like `τ^{−1/2}`. Over 16 seeds the root mean square was 0.093, 0.069, 0.039, 0.017 after 500,
/// 1000, 4000, 16000 iterations of one sample, and 0.041, 0.025, 0.015 after 250, 1000, 4000 of eight.
#[test]
fn least_squares_on_the_simplex_tends_to_the_deterministic_optimum() {
    let program = least_squares();
    let optimum = weighted_simplex_optimum(&program.weights, &program.truth);
    assert!(optimum[2] == 0.0 && optimum[4] == 0.0, "two bounds are active: {optimum:?}");
    let errors = [500, 8000].map(|iterations| error_after(&program, &optimum, 1, iterations));
    assert!(errors[1] < 0.05 && errors[0] > 2.0 * errors[1], "{errors:?}");
    let batched = error_after(&program, &optimum, 8, 500);
    assert!(batched < 0.7 * errors[0], "{batched} against {errors:?}");
}

/// Without noise nothing is left of the error: the same functions, given by their expectations.
#[test]
fn a_program_without_noise_reaches_its_optimum() {
    struct Expected(LeastSquares);
    impl StochasticProgram for Expected {
        type Sample = ();
        type Error = Infallible;
        fn feasible_set(&self) -> &Polyhedron {
            &self.0.set
        }
        fn sample(&self, _: &mut dyn Rng) -> Result<(), Infallible> {
            Ok(())
        }
        fn evaluate(&self, x: &[f64], _: &()) -> Result<Evaluation, Infallible> {
            let terms = x.iter().zip(&self.0.truth).zip(&self.0.weights);
            let gradient = terms.clone().map(|((x, t), w)| 2.0 * w * (x - t)).collect();
            let value = terms.map(|((x, t), w)| w * (x - t).powi(2)).sum();
            Ok(Evaluation { objective: Function { value, gradient }, constraints: vec![] })
        }
    }
    let program = Expected(least_squares());
    let optimum = weighted_simplex_optimum(&program.0.weights, &program.0.truth);
    let report = StochasticSca::new(&program, ScaOptions::new(0).with_iterations(3000).unwrap())
        .run(&[0.2; 5])
        .unwrap();
    let error = distance(&report.point, &optimum);
    assert!(error < 1e-4, "{:?}, error {error}", report.point);
}

#[test]
fn seeds_repeat_bit_for_bit_and_differ_from_each_other() {
    let program = least_squares();
    let run = |seed| {
        let options = ScaOptions::new(seed).with_iterations(50).unwrap().with_mini_batch(3).unwrap();
        StochasticSca::new(&program, options).run(&[0.2; 5]).unwrap()
    };
    let (first, second, other) = (run(11), run(11), run(12));
    assert_eq!(first, second);
    let bits = |x: &[f64]| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&first.point), bits(&second.point));
    assert_ne!(bits(&first.point), bits(&other.point));
}

#[test]
fn the_observer_sees_every_iteration_and_can_stop() {
    let program = least_squares();
    let mut seen = Vec::new();
    let options = ScaOptions::new(1).with_iterations(30).unwrap();
    let report = StochasticSca::new(&program, options)
        .run_observed(&[0.2; 5], |record| {
            seen.push(record.clone());
            if record.iteration == 6 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(report.termination, TerminationReason::StoppedByObserver);
    assert!(!report.termination.was_successful());
    assert_eq!(seen, report.history);
    assert_eq!(seen.iter().map(|r| r.iteration).collect::<Vec<_>>(), (0..7).collect::<Vec<_>>());
    assert_eq!(seen[0].averaging, 1.0);
}

#[test]
fn a_residual_tolerance_ends_the_run_or_is_reported_as_missed() {
    let mut program = least_squares();
    program.weights = vec![1.0; 5];
    let options = |tolerance| {
        ScaOptions::new(4)
            .with_mini_batch(20)
            .unwrap()
            .with_iterations(400)
            .unwrap()
            .with_residual_tolerance(tolerance, 5)
            .unwrap()
    };
    let report = StochasticSca::new(&program, options(0.1)).run(&[0.2; 5]).unwrap();
    assert!(
        matches!(report.termination, TerminationReason::ResidualBelowTolerance { residual } if residual <= 0.1)
    );
    assert!(report.history.len() < 400 && report.termination.was_successful());
    let report = StochasticSca::new(&program, options(1e-9)).run(&[0.2; 5]).unwrap();
    assert!(matches!(report.termination, TerminationReason::IterationLimit { .. }));
    assert!(!report.termination.was_successful());
}

/// `min E‖x − ξ‖²` s.t. `E‖x − ζ‖² ≤ r²`, `x` in a box; ξ, ζ uniform in cubes of half-width 1/2 about their means, so
/// that the constraint is the ball about `E ζ` of squared radius `r² − n/12`.
struct BallConstrained {
    set: Polyhedron,
    target: Vec<f64>,
    center: Vec<f64>,
    squared_radius: f64,
}

impl StochasticProgram for BallConstrained {
    type Sample = (Vec<f64>, Vec<f64>);
    type Error = Infallible;

    fn feasible_set(&self) -> &Polyhedron {
        &self.set
    }

    fn stochastic_constraints(&self) -> usize {
        1
    }

    fn sample(&self, rng: &mut dyn Rng) -> Result<Self::Sample, Infallible> {
        let mut around = |mean: &[f64]| mean.iter().map(|m| m + rng.random_range(-0.5..0.5)).collect();
        Ok((around(&self.target), around(&self.center)))
    }

    fn evaluate(&self, x: &[f64], (xi, zeta): &Self::Sample) -> Result<Evaluation, Infallible> {
        let squared = |mean: &[f64], offset: f64| {
            let gradient: Vec<f64> = x.iter().zip(mean).map(|(x, m)| 2.0 * (x - m)).collect();
            Function { value: gradient.iter().map(|g| 0.25 * g * g).sum::<f64>() - offset, gradient }
        };
        Ok(Evaluation { objective: squared(xi, 0.0), constraints: vec![squared(zeta, self.squared_radius)] })
    }
}

impl BallConstrained {
    fn new() -> Self {
        let set = Polyhedron::builder(2).bounds(vec![-5.0; 2], vec![5.0; 2]).build().unwrap();
        Self { set, target: vec![3.0, 1.0], center: vec![0.0, 0.0], squared_radius: 1.0 + 2.0 / 12.0 }
    }

    /// The target projected on the unit ball.
    fn optimum(&self) -> Vec<f64> {
        let norm = distance(&self.target, &self.center);
        self.target.iter().map(|t| t / norm).collect()
    }

    fn options(&self, curvature: f64) -> ScaOptions {
        let averaging = PolynomialDecay::new(1.0, 1.0, 0.6).unwrap();
        let step = PolynomialDecay::new(0.5, 20.0, 0.9).unwrap();
        ScaOptions::new(5)
            .with_iterations(1500)
            .unwrap()
            .with_constraint_curvatures(vec![curvature])
            .unwrap()
            .with_schedules(Schedules::new(averaging, step).unwrap())
    }
}

#[test]
fn an_active_stochastic_constraint_is_met_with_and_without_curvature() {
    let program = BallConstrained::new();
    for curvature in [0.0, 0.3, 1.0] {
        let report = StochasticSca::new(&program, program.options(curvature)).run(&[0.0, 0.0]).unwrap();
        let error = distance(&report.point, &program.optimum());
        assert!(error < 0.05, "η_1 = {curvature}: {:?}, error {error}", report.point);
        assert!(report.termination.was_successful(), "{:?}", report.termination);
        let last = report.history.last().unwrap();
        assert!(last.constraints[0].abs() < 0.1);
        // 2(x − t) + 2λx = 0 at x = t/‖t‖.
        let multiplier = distance(&program.target, &program.center) - 1.0;
        assert!(
            (last.multipliers[0] / multiplier - 1.0).abs() < 0.1,
            "{:?}, not {multiplier}",
            last.multipliers
        );
    }
}

#[test]
fn an_infeasible_start_is_restored() {
    let program = BallConstrained::new();
    // η_1 = 3 makes the surrogate so conservative far from the ball that (21) has no feasible point.
    let report = StochasticSca::new(&program, program.options(3.0)).run(&[-4.0, -4.0]).unwrap();
    assert!(report.history[0].restored.is_some_and(|violation| violation > 1.0));
    assert!(report.history[0].constraints[0] > 20.0);
    assert!(report.restorations() > 0 && report.restorations() < report.history.len());
    let error = distance(&report.point, &program.optimum());
    assert!(error < 0.07, "{:?}, error {error}", report.point);
}

#[test]
fn a_constraint_that_no_point_meets_ends_unsuccessfully() {
    let program = BallConstrained { squared_radius: -1.0, ..BallConstrained::new() };
    let options = program.options(1.0).with_iterations(300).unwrap();
    let report = StochasticSca::new(&program, options).run(&[2.0, 2.0]).unwrap();
    assert_eq!(report.restorations(), 300);
    assert!(!report.termination.was_successful());
    // The least that E‖x − ζ‖² + 1 can be is 1 + 2/12, at the centre.
    match report.termination {
        TerminationReason::Infeasible { least_violation } => {
            assert!((least_violation - 7.0 / 6.0).abs() < 0.1)
        }
        other => panic!("{other:?}"),
    }
    assert!(distance(&report.point, &program.center) < 0.1);
}
