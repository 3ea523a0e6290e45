//! Assignments that are stopped, kept and resumed.

use std::cell::Cell;
use std::ops::ControlFlow;

use faer::{Mat, c64};
use solver::Error;
use solver::assignment::{
    Assignment, AssignmentError, AssignmentOptions, AssignmentProblem, AssignmentState, CertifiedValue,
    RelaxedMse, ShortTermValue, assign, resume, start,
};
use solver::channel::{BlockFading, Fading};
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::Relaxation;
use solver::sca::{IterationRecord, ScaError, TerminationReason};

/// `lambda_min`, of which every third value counts as inexact; the one numbered `failure` is not found.
struct Value {
    relaxed: RelaxedMse,
    calls: Cell<usize>,
    failure: Cell<usize>,
}

impl ShortTermValue for Value {
    fn value_and_gradient(&self, channels: &[Mat<c64>], power: &[f64]) -> Result<CertifiedValue, Error> {
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() == self.failure.get() {
            self.failure.set(0);
            self.calls.set(self.calls.get() - 2);
            return Err(Error::Numerical { operation: "the test" });
        }
        let value = self.relaxed.value_and_gradient(channels, power)?;
        Ok(CertifiedValue { converged: !self.calls.get().is_multiple_of(3), ..value })
    }
}

const COSTS: [f64; 3] = [0.4, 0.8, 1.6];
/// Blocks of the pilot and of each iteration.
const PILOT: usize = 8;
const BATCH: usize = 3;

fn problem(costs: &[f64], failure: usize) -> AssignmentProblem<BlockFading, Value> {
    let energy = costs.iter().map(|&cost| EnergyModel::new(1.0, cost, 1.0, Accounting::PerChannelUse));
    let channels = BlockFading::new(Fading::PAPER, 8, &vec![2; costs.len()], 5).unwrap();
    let relaxed = RelaxedMse::new(Relaxation::LambdaMin, 1.0).unwrap();
    let value = Value { relaxed, calls: Cell::new(0), failure: Cell::new(failure) };
    AssignmentProblem::new(energy.collect::<Result<_, _>>().unwrap(), channels, value).unwrap()
}

fn options(iterations: usize) -> AssignmentOptions {
    AssignmentOptions::new(11).with_iterations(iterations).unwrap().with_mini_batch(BATCH).unwrap()
}

fn go(_: &IterationRecord) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn whole() -> Assignment {
    assign(&problem(&COSTS, 0), &options(25)).unwrap()
}

/// All bits of the shares, and whatever else is reported.
fn assert_same(parts: [Assignment; 2], whole: &Assignment) {
    let bits = |shares: &[f64]| shares.iter().map(|share| share.to_bits()).collect::<Vec<_>>();
    let [before, after] = parts;
    assert_eq!(bits(&after.shares), bits(&whole.shares));
    assert_eq!([before.history, after.history].concat(), whole.history);
    assert_eq!((after.termination, after.guaranteed), (whole.termination, whole.guaranteed));
    assert_eq!(after.unconverged, whole.unconverged);
    assert_eq!(whole.unconverged, (PILOT + 25 * BATCH) / 3);
}

fn in_two_parts(keep: impl Fn(AssignmentState) -> AssignmentState) {
    let problem = problem(&COSTS, 0);
    let mut state = start(&problem, &options(10)).unwrap();
    assert_eq!(state.iteration(), 0);
    let mut state_before = keep(state.clone());
    assert_eq!(state_before, state);
    let before = resume(&problem, &options(10), &mut state_before, go).unwrap();
    state = keep(state_before);
    assert_eq!(state.iteration(), 10);
    let after = resume(&problem, &options(25), &mut state, go).unwrap();
    assert_same([before, after], &whole());
}

#[test]
fn a_resumed_assignment_is_the_one_that_was_not_stopped() {
    in_two_parts(|state| state);
}

#[test]
fn an_observers_stop_is_no_end() {
    let problem = problem(&COSTS, 0);
    let mut state = start(&problem, &options(25)).unwrap();
    let stop = |record: &IterationRecord| {
        if record.iteration == 6 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let before = resume(&problem, &options(25), &mut state, stop).unwrap();
    assert_eq!((before.termination, state.iteration()), (TerminationReason::StoppedByObserver, 7));
    let after = resume(&problem, &options(25), &mut state, go).unwrap();
    assert_same([before, after], &whole());
}

/// The second of three blocks of iteration 4 fails: the iteration is done again, and its blocks count once.
#[test]
fn a_failure_costs_one_iteration_not_the_run() {
    let problem = problem(&COSTS, PILOT + 4 * BATCH + 2);
    let mut state = start(&problem, &options(25)).unwrap();
    let mut history = Vec::new();
    let observer = |record: &IterationRecord| {
        history.push(record.clone());
        ControlFlow::Continue(())
    };
    let error = resume(&problem, &options(25), &mut state, observer).unwrap_err();
    let AssignmentError::Optimization(error) = error else { panic!("{error:?}") };
    assert!(matches!(*error, ScaError::Program { iteration: 4, .. }), "{error:?}");
    assert_eq!(state.iteration(), 4);
    let after = resume(&problem, &options(25), &mut state, go).unwrap();
    let before = Assignment { history, ..after.clone() };
    assert_same([before, after], &whole());
}

#[test]
fn states_that_do_not_fit_are_refused() {
    let first = problem(&COSTS, 0);
    let mut state = start(&first, &options(2)).unwrap();
    resume(&first, &options(2), &mut state, go).unwrap();
    let error = resume(&first, &options(2), &mut state, go).unwrap_err();
    let AssignmentError::Optimization(error) = error else { panic!("{error:?}") };
    assert!(matches!(*error, ScaError::NothingLeft { iteration: 2, iterations: 2 }));
    let error = resume(&problem(&COSTS[..2], 0), &options(9), &mut state, go).unwrap_err();
    assert!(matches!(error, AssignmentError::StateDevices { expected: 2, found: 3 }), "{error:?}");
    let error = resume(&problem(&[0.4, 0.8, 1.5], 0), &options(9), &mut state, go).unwrap_err();
    assert!(matches!(error, AssignmentError::StateWeight { .. }), "{error:?}");
    // None of them touched it.
    assert_eq!(resume(&first, &options(3), &mut state, go).unwrap().history.len(), 1);
}

#[cfg(feature = "serde")]
mod kept {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_kept_state_resumes_bit_for_bit() {
        in_two_parts(|state| {
            let text = serde_json::to_string(&state).unwrap();
            let read: AssignmentState = serde_json::from_str(&text).unwrap();
            assert_eq!(read, state);
            read
        });
    }

    #[test]
    fn a_damaged_state_is_refused() {
        let problem = problem(&COSTS, 0);
        let mut state = start(&problem, &options(2)).unwrap();
        resume(&problem, &options(2), &mut state, go).unwrap();
        let sound = serde_json::to_value(&state).unwrap();
        let refused = |edit: &dyn Fn(&mut Value), expected: &str| {
            let mut damaged = sound.clone();
            edit(&mut damaged);
            let error = serde_json::from_value::<AssignmentState>(damaged).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}; expected: {expected}");
        };
        refused(&|state| state["surprise"] = json!(1), "unknown field `surprise`");
        refused(&|state| state["sca"]["surprise"] = json!(1), "unknown field `surprise`");
        refused(&|state| state["weights"] = json!([1.0, 1.0]), "a state of 2 devices where there are 3");
        refused(&|state| state["weights"][1] = json!(0.0), "the scale 0, which is not positive");
        refused(&|state| state["unit"] = json!(-1.0), "the scale -1, which is not positive");
        refused(&|state| state["curvature"] = json!(0.0), "the scale 0, which is not positive");
        refused(&|state| state["sca"]["quiet"] = json!(7), "7 quiet iterations");

        // Whole numbers, but not those of any run of this problem.
        let resumed = |edit: &dyn Fn(&mut Value)| {
            let mut damaged = sound.clone();
            edit(&mut damaged);
            let mut state: AssignmentState = serde_json::from_value(damaged).unwrap();
            resume(&problem, &options(9), &mut state, go)
        };
        let outside = resumed(&|state| state["sca"]["point"][0] = json!(1e3)).unwrap_err();
        let AssignmentError::Optimization(outside) = outside else { panic!("{outside:?}") };
        assert!(matches!(*outside, ScaError::InitialPointInfeasible { .. }), "{outside:?}");
        let late = resumed(&|state| state["sca"]["iteration"] = json!(usize::MAX)).unwrap_err();
        let AssignmentError::Optimization(late) = late else { panic!("{late:?}") };
        assert!(matches!(*late, ScaError::NothingLeft { .. }), "{late:?}");
        let counted = resumed(&|state| state["unconverged"] = json!(usize::MAX)).unwrap();
        assert_eq!(counted.unconverged, usize::MAX);
    }
}
