//! Assignments that are stopped, kept and resumed.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;

use faer::{Mat, c64};
use solver::Error;
use solver::assignment::{
    Assignment, AssignmentError, AssignmentOptions, AssignmentProblem, AssignmentState, CertifiedValue,
    RelaxedMse, ShortTermValue, assign, resume, start,
};
use solver::channel::{BlockFading, Fading};
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::{Options, Relaxation, Scope};
use solver::sca::{IterationRecord, ScaError, TerminationReason};

/// `lambda_min`, some of whose blocks count as inexact; the one numbered `failure` is not found.
struct Value {
    relaxed: RelaxedMse,
    calls: Cell<usize>,
    failure: usize,
    unconverged: Rc<Cell<usize>>,
}

impl Value {
    fn failing_at(failure: usize) -> Self {
        let relaxed = RelaxedMse::new(Relaxation::LambdaMin, 1.0).unwrap();
        Self { relaxed, calls: Cell::new(0), failure, unconverged: Rc::default() }
    }
}

impl ShortTermValue for Value {
    fn value_and_gradient(&self, channels: &[Mat<c64>], power: &[f64]) -> Result<CertifiedValue, Error> {
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() == self.failure {
            return Err(Error::Numerical { operation: "the test" });
        }
        let value = self.relaxed.value_and_gradient(channels, power)?;
        let converged = !channels[0][(0, 0)].re.to_bits().is_multiple_of(3);
        self.unconverged.set(self.unconverged.get() + usize::from(!converged));
        Ok(CertifiedValue { converged, ..value })
    }
}

const COSTS: [f64; 3] = [0.4, 0.8, 1.6];
/// Blocks of the pilot and of each iteration.
const PILOT: usize = 8;
const BATCH: usize = 3;

fn problem(costs: &[f64], failure: usize) -> AssignmentProblem<BlockFading, Value> {
    problem_of(costs, 5, Value::failing_at(failure))
}

fn problem_of<V: ShortTermValue>(
    costs: &[f64],
    channel_seed: u64,
    value: V,
) -> AssignmentProblem<BlockFading, V> {
    let energy = costs.iter().map(|&cost| EnergyModel::new(1.0, cost, 1.0, Accounting::PerChannelUse));
    let channels = BlockFading::new(Fading::PAPER, 8, &vec![2; costs.len()], channel_seed).unwrap();
    AssignmentProblem::new(energy.collect::<Result<_, _>>().unwrap(), channels, value).unwrap()
}

fn options(iterations: usize) -> AssignmentOptions {
    AssignmentOptions::new(11).with_iterations(iterations).unwrap().with_mini_batch(BATCH).unwrap()
}

fn go(_: &IterationRecord) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn whole() -> Assignment {
    let value = Value::failing_at(0);
    let unconverged = Rc::clone(&value.unconverged);
    let whole = assign(&problem_of(&COSTS, 5, value), &options(25)).unwrap();
    assert_eq!(whole.unconverged, unconverged.get());
    assert!((1..PILOT + 25 * BATCH).contains(&whole.unconverged), "{}", whole.unconverged);
    whole
}

/// All bits of the shares, and whatever else is reported.
fn assert_same(parts: [Assignment; 2], whole: &Assignment) {
    let bits = |shares: &[f64]| shares.iter().map(|share| share.to_bits()).collect::<Vec<_>>();
    let [before, after] = parts;
    assert_eq!(bits(&after.shares), bits(&whole.shares));
    assert_eq!([before.history, after.history].concat(), whole.history);
    assert_eq!((after.termination, after.guaranteed), (whole.termination, whole.guaranteed));
    assert_eq!(after.unconverged, whole.unconverged);
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
    // Resuming begins with a look at a block.
    let problem = problem(&COSTS, PILOT + 1 + 4 * BATCH + 2);
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

/// Devices, accounting and coordinates are the same; what differs only shows in the seed or in a block's value.
#[test]
fn states_of_another_run_are_refused() {
    let value = |relaxation| RelaxedMse::new(relaxation, 1.0).unwrap();
    let own = problem_of(&COSTS, 5, value(Relaxation::Mmse));
    let mut state = start(&own, &options(2)).unwrap();
    resume(&own, &options(2), &mut state, go).unwrap();
    let kept = state.clone();

    let other_seed = AssignmentOptions::new(12).with_iterations(9).unwrap();
    let error = resume(&own, &other_seed, &mut state, go).unwrap_err();
    assert!(matches!(error, AssignmentError::StateSeed { expected: 12, found: 11 }), "{error:?}");

    let of_value = |value| problem_of(&COSTS, 5, value);
    let scopes = [Scope::AnyTransceiver; 2];
    for (other, scopes) in [
        (problem_of(&COSTS, 6, value(Relaxation::Mmse)), scopes),
        (of_value(RelaxedMse::new(Relaxation::Mmse, 1.0 + 1e-3).unwrap()), scopes),
        (of_value(value(Relaxation::Mmse).with_streams(1)), [Scope::Program, Scope::AnyTransceiver]),
        (of_value(value(Relaxation::TraceInverse)), [Scope::ZeroForcing, Scope::AnyTransceiver]),
        (of_value(value(Relaxation::LambdaMin)), [Scope::Program, Scope::AnyTransceiver]),
    ] {
        let error = resume(&other, &options(9), &mut state, go).unwrap_err();
        let AssignmentError::StateValue { expected, found } = error else { panic!("{error:?}") };
        assert_eq!([expected.scope, found.scope], scopes);
        if scopes[0] == scopes[1] {
            assert!(expected.upper < found.lower || found.upper < expected.lower, "{expected:?} {found:?}");
        }
    }
    // Nothing of it was touched, and the same value to another accuracy is the same value.
    assert_eq!(state, kept);
    let finer = Options { relative_gap: 1e-7, ..Options::default() };
    let finer = of_value(value(Relaxation::Mmse).with_options(finer));
    assert_eq!(resume(&finer, &options(3), &mut state, go).unwrap().history.len(), 1);
}

/// A value of a caller's own, exact, that knows neither scope nor gap.
#[test]
fn exact_values_are_recognized() {
    struct Inverse(f64);
    impl ShortTermValue for Inverse {
        fn value_and_gradient(&self, channels: &[Mat<c64>], power: &[f64]) -> Result<CertifiedValue, Error> {
            let inverses = channels.iter().zip(power).map(|(channel, p)| self.0 / (p * channel.norm_l2()));
            let gradient = inverses.clone().zip(power).map(|(inverse, p)| -inverse / p).collect();
            Ok(CertifiedValue::exact(inverses.sum(), gradient))
        }
    }
    let mut state = start(&problem_of(&COSTS, 5, Inverse(1.0)), &options(1)).unwrap();
    for other in [problem_of(&COSTS, 6, Inverse(1.0)), problem_of(&COSTS, 5, Inverse(1.0 + 1e-5))] {
        let error = resume(&other, &options(9), &mut state, go).unwrap_err();
        assert!(matches!(error, AssignmentError::StateValue { .. }), "{error:?}");
    }
    // As another machine might round it.
    let rounded = problem_of(&COSTS, 5, Inverse(1.0 + 1e-9));
    assert_eq!(resume(&rounded, &options(9), &mut state, go).unwrap().history.len(), 9);
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
        refused(&|state| state["seed"] = json!(-1), "invalid value: integer `-1`");
        refused(
            &|state| state["first"]["lower"] = json!(1e9),
            "the lower bound is 1000000000; valid: at most",
        );
        refused(&|state| state["first"]["scope"] = json!("everything"), "unknown variant `everything`");
        refused(&|state| drop(state.as_object_mut().unwrap().remove("first")), "missing field `first`");
        refused(&|state| state["sca"]["quiet"] = json!(7), "7 quiet iterations");
        let twice = |state: &mut Value| {
            let estimates = state["sca"]["estimates"].as_array_mut().unwrap();
            estimates.push(estimates[0].clone());
        };
        refused(&twice, "a state with estimates of 2 functions");

        // Whole numbers, but not those of any run of this problem.
        let resumed = |edit: &dyn Fn(&mut Value)| {
            let mut damaged = sound.clone();
            edit(&mut damaged);
            let mut state: AssignmentState = serde_json::from_value(damaged).unwrap();
            resume(&problem, &options(9), &mut state, go)
        };
        let other = resumed(&|state| state["seed"] = json!(7)).unwrap_err();
        assert!(matches!(other, AssignmentError::StateSeed { expected: 11, found: 7 }), "{other:?}");
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
