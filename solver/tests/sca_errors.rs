//! Every refusal of stochastic SCA, with the values it carries.

use solver::sca::subproblem::{BackendFailure, Candidate, Subproblem, SubproblemError, SubproblemSolver};
use solver::sca::{
    Evaluation, Function, OptionsError, Polyhedron, PolynomialDecay, Rng, Row, ScaError, ScaOptions,
    ScheduleError, Schedules, StochasticProgram, StochasticSca,
};

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("no sample")]
struct NoSample;

/// A program that returns whatever it is told to.
struct Scripted {
    set: Polyhedron,
    constraints: usize,
    evaluation: Result<Evaluation, NoSample>,
}

impl Scripted {
    fn new(objective: Function, constraints: Vec<Function>) -> Self {
        Self {
            set: Polyhedron::simplex(2, 0.0).unwrap(),
            constraints: 1,
            evaluation: Ok(Evaluation { objective, constraints }),
        }
    }

    fn run(&self, start: &[f64], options: ScaOptions) -> ScaError<NoSample> {
        StochasticSca::new(self, options).run(start).unwrap_err()
    }
}

impl StochasticProgram for Scripted {
    type Sample = ();
    type Error = NoSample;
    fn feasible_set(&self) -> &Polyhedron {
        &self.set
    }
    fn stochastic_constraints(&self) -> usize {
        self.constraints
    }
    fn sample(&self, _: &mut dyn Rng) -> Result<(), NoSample> {
        Ok(())
    }
    fn evaluate(&self, _: &[f64], _: &()) -> Result<Evaluation, NoSample> {
        self.evaluation.clone()
    }
}

fn function(value: f64, gradient: &[f64]) -> Function {
    Function { value, gradient: gradient.to_vec() }
}

const HALF: [f64; 2] = [0.5, 0.5];

#[test]
fn schedules_that_break_a_condition_are_refused() {
    let decay = PolynomialDecay::new;
    for scale in [0.0, -1.0, 1.5, f64::NAN] {
        assert!(matches!(decay(scale, 1.0, 0.8), Err(ScheduleError::Scale { .. })));
    }
    for delay in [0.0, -1.0, f64::INFINITY, f64::NAN] {
        assert!(matches!(decay(1.0, delay, 0.8), Err(ScheduleError::Delay { .. })));
    }
    // 1/2: the squares' sum diverges; above 1: the sum converges; 0 and below: no decay at all.
    for exponent in [0.5, 0.3, 0.0, -0.6, 1.01, f64::NAN] {
        assert!(matches!(decay(1.0, 1.0, exponent), Err(ScheduleError::Exponent { .. })));
    }
    assert_eq!(decay(1.0, 1.0, 0.5), Err(ScheduleError::Exponent { exponent: 0.5 }));
    let at = |exponent| decay(1.0, 1.0, exponent).unwrap();
    for (averaging, step) in [(0.9, 0.9), (0.9, 0.6)] {
        assert_eq!(
            Schedules::new(at(averaging), at(step)),
            Err(ScheduleError::StepNotFaster { averaging_exponent: averaging, step_exponent: step })
        );
    }
    let message = decay(1.0, 1.0, 2.0).unwrap_err().to_string();
    assert!(message.contains('2') && message.contains("(1/2, 1]"), "{message}");
}

#[test]
fn accepted_schedules_stay_in_range_and_separate() {
    let schedules = Schedules::default();
    let mut last_ratio = f64::INFINITY;
    for iteration in [0, 10, 1_000, 100_000, 10_000_000] {
        let (rho, gamma) = (schedules.averaging(iteration).unwrap(), schedules.step(iteration).unwrap());
        assert!(rho > 0.0 && rho <= 1.0 && gamma > 0.0 && gamma <= 1.0);
        if iteration >= 1_000 {
            assert!(gamma / rho < last_ratio);
            last_ratio = gamma / rho;
        }
    }
    let decay = PolynomialDecay::new(0.5, 3.0, 1.0).unwrap();
    assert_eq!((decay.at(0), decay.at(3)), (0.5, 0.25));
    assert_eq!((decay.scale(), decay.delay(), decay.exponent()), (0.5, 3.0, 1.0));
}

#[test]
fn options_outside_their_range_are_refused() {
    let options = || ScaOptions::new(0);
    assert_eq!(options().with_iterations(0), Err(OptionsError::NotPositive { option: "iterations" }));
    assert_eq!(options().with_mini_batch(0), Err(OptionsError::NotPositive { option: "mini_batch" }));
    assert_eq!(
        options().with_objective_curvature(0.0),
        Err(OptionsError::ObjectiveCurvature { curvature: 0.0 })
    );
    assert_eq!(
        options().with_constraint_curvatures(vec![0.0, -1.0]),
        Err(OptionsError::ConstraintCurvature { index: 1, curvature: -1.0 })
    );
    assert_eq!(
        options().with_residual_tolerance(0.0, 3),
        Err(OptionsError::ResidualTolerance { tolerance: 0.0 })
    );
    assert_eq!(
        options().with_residual_tolerance(0.1, 0),
        Err(OptionsError::NotPositive { option: "residual_patience" })
    );
}

#[test]
fn starts_that_do_not_fit_are_refused() {
    let program = Scripted::new(function(0.0, &[0.0; 2]), vec![function(-1.0, &[0.0; 2])]);
    let options = || ScaOptions::new(0);
    assert!(matches!(program.run(&[1.0], options()), ScaError::InitialPointLength { expected: 2, found: 1 }));
    assert!(matches!(
        program.run(&[0.5, f64::NAN], options()),
        ScaError::InitialPointNotFinite { index: 1, .. }
    ));
    match program.run(&[1.5, -0.5], options()) {
        ScaError::InitialPointInfeasible { row, amount } => {
            assert_eq!(row, Row::LowerBound(1));
            assert_eq!(amount, 0.5);
        }
        other => panic!("{other:?}"),
    }
    let curved = options().with_constraint_curvatures(vec![0.1; 3]).unwrap();
    assert!(matches!(program.run(&HALF, curved), ScaError::ConstraintCurvatures { expected: 1, found: 3 }));
}

#[test]
fn malformed_evaluations_are_refused() {
    let good = || function(0.0, &[1.0, 2.0]);
    let run = |objective, constraints| Scripted::new(objective, constraints).run(&HALF, ScaOptions::new(0));
    assert!(matches!(run(good(), vec![]), ScaError::ConstraintCount { iteration: 0, expected: 1, found: 0 }));
    assert!(matches!(
        run(good(), vec![function(0.0, &[1.0])]),
        ScaError::GradientLength { iteration: 0, function: 1, expected: 2, found: 1 }
    ));
    assert!(matches!(
        run(function(f64::INFINITY, &[0.0; 2]), vec![good()]),
        ScaError::NonFiniteValue { iteration: 0, function: 0, .. }
    ));
    assert!(matches!(
        run(good(), vec![function(0.0, &[0.0, f64::NAN])]),
        ScaError::NonFiniteGradient { iteration: 0, function: 1, index: 1, .. }
    ));
    let failing = Scripted { evaluation: Err(NoSample), ..Scripted::new(good(), vec![]) };
    let error = failing.run(&HALF, ScaOptions::new(0));
    assert!(matches!(error, ScaError::Program { iteration: 0, source: NoSample }));
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no sample");
}

#[test]
fn extreme_magnitudes_end_in_an_error_or_an_answer_never_in_a_panic() {
    for size in [1e-300, 1e-30, 1e-12, 1e12, 1e30, 1e150, 1e300, f64::MAX] {
        let objective = function(size, &[size, -size]);
        let program = Scripted::new(objective, vec![function(size, &[size, size])]);
        let options = ScaOptions::new(0).with_iterations(3).unwrap();
        if let Ok(report) = StochasticSca::new(&program, options).run(&HALF) {
            assert!(program.set.contains(&report.point), "size {size}");
        }
    }
}

/// A backend whose answers are wrong in a chosen way.
struct Faulty(fn(&Subproblem<'_>) -> Result<Candidate, BackendFailure>);

impl SubproblemSolver for Faulty {
    fn solve(&mut self, subproblem: &Subproblem<'_>) -> Result<Candidate, BackendFailure> {
        (self.0)(subproblem)
    }
}

fn candidate(subproblem: &Subproblem<'_>, point: &[f64]) -> Candidate {
    Candidate {
        point: point.to_vec(),
        constraint_multipliers: vec![0.0; subproblem.constraints.len()],
        equality_multipliers: vec![0.0; subproblem.feasible_set.equalities().len()],
        inequality_multipliers: vec![0.0; subproblem.feasible_set.inequalities().len()],
    }
}

#[test]
fn a_backend_is_never_believed() {
    let program = Scripted { constraints: 0, ..Scripted::new(function(0.0, &[1.0, 0.0]), vec![]) };
    let fails = |backend: fn(&Subproblem<'_>) -> Result<Candidate, BackendFailure>| {
        let error = StochasticSca::new(&program, ScaOptions::new(0)).with_backend(Faulty(backend)).run(&HALF);
        match error.unwrap_err() {
            ScaError::Subproblem { iteration: 0, source } => source,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(
        fails(|_| Err(BackendFailure::Stopped { status: "tired".into() })),
        SubproblemError::Backend(BackendFailure::Stopped { .. })
    ));
    assert!(matches!(
        fails(|_| Err(BackendFailure::ClaimsInfeasible)),
        SubproblemError::Backend(BackendFailure::ClaimsInfeasible)
    ));
    assert_eq!(fails(|s| Ok(candidate(s, &[0.5]))), SubproblemError::Malformed);
    assert_eq!(fails(|s| Ok(candidate(s, &[0.5, f64::NAN]))), SubproblemError::Malformed);
    assert!(matches!(
        fails(|s| Ok(candidate(s, &[2.0, 2.0]))),
        SubproblemError::OutsideFeasibleSet { row: Row::Equality(0), .. }
    ));
    // The centre is feasible but not optimal: descent towards the second vertex remains.
    assert!(matches!(
        fails(|s| Ok(candidate(s, s.center))),
        SubproblemError::NotOptimal { gap, .. } if gap > 0.01
    ));
}

#[test]
fn a_false_claim_of_infeasibility_does_not_count_as_restoration() {
    let program = Scripted::new(function(0.0, &[1.0, 0.0]), vec![function(-0.1, &[1.0, 1.0])]);
    let result = StochasticSca::new(&program, ScaOptions::new(0))
        .with_backend(Faulty(|s| match s.goal {
            solver::sca::subproblem::Goal::Objective => Err(BackendFailure::ClaimsInfeasible),
            _ => Ok(candidate(s, s.center)),
        }))
        .run(&HALF);
    assert!(matches!(
        result,
        Err(ScaError::Subproblem {
            iteration: 0,
            source: SubproblemError::Backend(BackendFailure::ClaimsInfeasible)
        })
    ));
}

#[test]
fn a_candidate_outside_a_surrogate_constraint_is_refused() {
    let program = Scripted::new(function(0.0, &[1.0, 0.0]), vec![function(0.2, &[1.0, 0.0])]);
    // Both the direct answer and the restoration stay at the centre, where f̂_1 = 0.2 although 0 can be reached.
    let result = StochasticSca::new(&program, ScaOptions::new(0))
        .with_backend(Faulty(|s| Ok(candidate(s, s.center))))
        .run(&HALF);
    match result.unwrap_err() {
        ScaError::Subproblem { source: SubproblemError::NotOptimal { .. }, .. } => {}
        other => panic!("{other:?}"),
    }
}

/// Where the magnitude of the objective overflows, no gap can be held against it: an answer would be unproved.
#[test]
fn an_objective_beyond_measure_is_no_certificate() {
    let mut program = Scripted::new(function(1.0, &[1e303, 0.0]), vec![]);
    program.constraints = 0;
    program.set = Polyhedron::builder(2).bounds(vec![0.0; 2], vec![1e7; 2]).build().unwrap();
    let mut sca = StochasticSca::new(&program, ScaOptions::new(0).with_iterations(1).unwrap())
        .with_backend(solver::sca::subproblem::ClarabelBackend);
    match sca.run(&[1e6, 1e6]) {
        Err(ScaError::Subproblem { source: SubproblemError::NotOptimal { tolerance, .. }, .. }) => {
            assert_eq!(tolerance, f64::INFINITY);
        }
        other => panic!("{other:?}"),
    }
}
