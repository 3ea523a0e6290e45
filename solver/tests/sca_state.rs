//! Runs that are stopped, kept and resumed.

use std::cell::Cell;
use std::ops::ControlFlow;

use rand::RngExt;
use solver::sca::{
    Evaluation, Function, IterationRecord, Polyhedron, Rng, ScaError, ScaOptions, ScaState,
    StochasticProgram, StochasticSca, TerminationReason,
};

/// `min E‖x − ξ‖²` s.t. `E‖x − ζ‖² ≤ 1.2` in a box; fails on request.
struct Program {
    set: Polyhedron,
    constraints: usize,
    failures: Cell<usize>,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the line is dead")]
struct Dead;

impl StochasticProgram for Program {
    type Sample = [f64; 4];
    type Error = Dead;

    fn feasible_set(&self) -> &Polyhedron {
        &self.set
    }

    fn stochastic_constraints(&self) -> usize {
        self.constraints
    }

    fn sample(&self, rng: &mut dyn Rng) -> Result<[f64; 4], Dead> {
        let draws: [f64; 4] = std::array::from_fn(|_| rng.random_range(-0.5..0.5));
        match self.failures.get() {
            0 => Ok(draws),
            left => {
                self.failures.set(left - 1);
                if left == 1 { Err(Dead) } else { Ok(draws) }
            }
        }
    }

    fn evaluate(&self, x: &[f64], noise: &[f64; 4]) -> Result<Evaluation, Dead> {
        let squared = |mean: [f64; 2], offset: f64| {
            let gradient: Vec<f64> = x.iter().zip(mean).map(|(x, m)| 2.0 * (x - m)).collect();
            Function { value: gradient.iter().map(|g| 0.25 * g * g).sum::<f64>() - offset, gradient }
        };
        Ok(Evaluation {
            objective: squared([3.0 + noise[0], 1.0 + noise[1]], 0.0),
            constraints: vec![squared([noise[2], noise[3]], 1.2); self.constraints],
        })
    }
}

fn program() -> Program {
    let set = Polyhedron::builder(2).bounds(vec![-5.0; 2], vec![5.0; 2]).build().unwrap();
    Program { set, constraints: 1, failures: Cell::new(0) }
}

fn options(iterations: usize) -> ScaOptions {
    let options = ScaOptions::new(42).with_iterations(iterations).unwrap().with_mini_batch(3).unwrap();
    options.with_constraint_curvatures(vec![0.5]).unwrap()
}

const START: [f64; 2] = [0.1, -0.2];

fn go(_: &IterationRecord) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Runs 20 iterations, hands the state to `keep`, and runs 30 more from what comes back.
fn in_two_parts(keep: impl Fn(ScaState) -> ScaState) {
    let program = program();
    let whole = StochasticSca::new(&program, options(50)).run(&START).unwrap();
    let mut first = StochasticSca::new(&program, options(20));
    let mut state = first.start(&START).unwrap();
    let before = first.resume(&mut state, go).unwrap();
    assert_eq!((state.iteration(), state.point()), (20, before.point.as_slice()));
    let mut state = keep(state);
    let after = StochasticSca::new(&program, options(50)).resume(&mut state, go).unwrap();
    assert_eq!(bits(&after.point), bits(&whole.point));
    assert_eq!([before.history, after.history].concat(), whole.history);
    assert_eq!(after.termination, whole.termination);
}

#[test]
fn a_resumed_run_is_the_run_that_was_not_stopped() {
    in_two_parts(|state| state);
}

#[cfg(feature = "serde")]
#[test]
fn a_kept_state_resumes_bit_for_bit() {
    in_two_parts(|state| {
        let text = serde_json::to_string(&state).unwrap();
        let read: ScaState = serde_json::from_str(&text).unwrap();
        assert_eq!(read, state);
        read
    });
}

#[cfg(feature = "serde")]
#[test]
fn a_damaged_state_is_refused() {
    let program = program();
    let mut sca = StochasticSca::new(&program, options(5));
    let mut state = sca.start(&START).unwrap();
    sca.resume(&mut state, go).unwrap();
    let sound = serde_json::to_value(&state).unwrap();
    let refusal = |edit: &dyn Fn(&mut serde_json::Value)| {
        let mut damaged = sound.clone();
        edit(&mut damaged);
        serde_json::from_value::<ScaState>(damaged).unwrap_err().to_string()
    };
    let message = refusal(&|state| state["iteration"] = 0.into());
    assert!(message.contains("after 0 iterations with estimates of 2 functions"), "{message}");
    let message = refusal(&|state| state["estimates"] = serde_json::json!([]));
    assert!(message.contains("after 5 iterations with estimates of 0 functions"), "{message}");
    let message = refusal(&|state| state["quiet"] = 6.into());
    assert!(message.contains("6 quiet iterations"), "{message}");
    let message = refusal(&|state| state["point"] = serde_json::json!([0.0]));
    assert!(message.contains("2 entries, the point 1"), "{message}");
    let message = refusal(&|state| state["estimates"][1]["gradient"][0] = serde_json::Value::Null);
    assert!(message.contains("null"), "{message}");
    // Reports are kept as well.
    let report = StochasticSca::new(&program, options(5)).run(&START).unwrap();
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<solver::sca::ScaReport>(&text).unwrap(), report);
}

#[test]
fn a_failure_costs_one_iteration_not_the_run() {
    let mut program = program();
    let whole = StochasticSca::new(&program, options(50)).run(&START).unwrap();
    // Three samples an iteration: the 32nd is the second of iteration 10.
    program.failures = Cell::new(32);
    let mut sca = StochasticSca::new(&program, options(50));
    let mut state = sca.start(&START).unwrap();
    assert!(matches!(sca.resume(&mut state, go), Err(ScaError::Program { iteration: 10, source: Dead })));
    assert_eq!((state.iteration(), state.point()), (10, whole.history[10].point.as_slice()));
    let rest = sca.resume(&mut state, go).unwrap();
    assert_eq!(bits(&rest.point), bits(&whole.point));
}

/// A confirmation that fails halfway is repeated with its iteration.
#[test]
fn a_failure_in_a_confirmation_is_no_iteration() {
    let mut program = program();
    program.constraints = 0;
    let options = ScaOptions::new(4).with_iterations(400).unwrap().with_mini_batch(50).unwrap();
    let options = options.with_residual_tolerance(0.5, 10).unwrap().with_confirmation(1000, 0.9).unwrap();
    let whole = StochasticSca::new(&program, options.clone()).run(&START).unwrap();
    assert!(matches!(whole.termination, TerminationReason::ResidualConfirmed { .. }));
    // The last sample of the run is one of its confirmation.
    let iterations = whole.history.len();
    program.failures = Cell::new(50 * iterations + 1000);
    let mut sca = StochasticSca::new(&program, options);
    let mut state = sca.start(&START).unwrap();
    assert!(matches!(sca.resume(&mut state, go), Err(ScaError::Program { source: Dead, .. })));
    assert_eq!(state.iteration(), iterations - 1);
    let rest = sca.resume(&mut state, go).unwrap();
    assert_eq!((rest.history.len(), rest.termination), (1, whole.termination));
    assert_eq!(bits(&rest.point), bits(&whole.point));
}

#[test]
fn an_observers_stop_is_no_end() {
    let program = program();
    let whole = StochasticSca::new(&program, options(30)).run(&START).unwrap();
    let mut sca = StochasticSca::new(&program, options(30));
    let mut state = sca.start(&START).unwrap();
    let stop = |record: &IterationRecord| {
        if record.iteration == 6 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let part = sca.resume(&mut state, stop).unwrap();
    assert_eq!((part.termination, state.iteration()), (TerminationReason::StoppedByObserver, 7));
    assert_eq!(bits(&sca.resume(&mut state, go).unwrap().point), bits(&whole.point));
}

#[test]
fn the_patience_is_part_of_the_state() {
    let mut program = program();
    program.constraints = 0;
    let options = |iterations| {
        let options = ScaOptions::new(4).with_iterations(iterations).unwrap().with_mini_batch(50).unwrap();
        options.with_residual_tolerance(0.5, 10).unwrap()
    };
    let whole = StochasticSca::new(&program, options(400)).run(&START).unwrap();
    assert!(matches!(whole.termination, TerminationReason::ResidualBelowTolerance { .. }));
    let end = whole.history.len();
    assert!(end > 12);
    let mut state = StochasticSca::new(&program, options(end - 4)).start(&START).unwrap();
    StochasticSca::new(&program, options(end - 4)).resume(&mut state, go).unwrap();
    let rest = StochasticSca::new(&program, options(400)).resume(&mut state, go).unwrap();
    assert_eq!((rest.history.len(), rest.termination), (4, whole.termination));
}

#[test]
fn states_that_do_not_fit_are_refused() {
    let mut program = program();
    let mut sca = StochasticSca::new(&program, options(5));
    let mut state = sca.start(&START).unwrap();
    assert!(state.estimates().is_empty());
    sca.resume(&mut state, go).unwrap();
    assert_eq!(state.estimates().len(), 2);
    assert!(matches!(sca.resume(&mut state, go), Err(ScaError::NothingLeft { iteration: 5, iterations: 5 })));
    program.constraints = 2;
    let more = ScaOptions::new(42).with_iterations(9).unwrap();
    assert!(matches!(
        StochasticSca::new(&program, more.clone()).resume(&mut state, go),
        Err(ScaError::StateFunctions { expected: 3, found: 2 })
    ));
    program.set = Polyhedron::simplex(3, 0.0).unwrap();
    assert!(matches!(
        StochasticSca::new(&program, more).resume(&mut state, go),
        Err(ScaError::InitialPointLength { expected: 3, found: 2 })
    ));
}
