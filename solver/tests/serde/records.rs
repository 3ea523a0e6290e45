//! Results whose fields are public come back whole or not at all.

use super::{assert_refused, assert_round_trip, round_trip, with};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use solver::assignment::{Assignment, Estimate};
use solver::relaxation::{Certificate, Scope};
use solver::sca::{Function, IterationRecord, ResidualEstimate, ScaReport, ScaState, TerminationReason};
use solver::transceiver::MeanSquaredError;

/// Round trip; an unknown field; each of `broken` (place, value, message); NaN at each of `numbers`, by CBOR, which has it.
#[track_caller]
pub fn assert_checked<T>(value: &T, broken: &[(&str, Value, &str)], numbers: &[&str])
where
    T: Serialize + DeserializeOwned + Clone + std::fmt::Debug,
{
    round_trip(value);
    let mut unknown = serde_json::to_value(value).unwrap();
    let fields = unknown.as_object_mut().unwrap();
    // The fields of an enum's variant are one level down.
    let variant = fields.len() == 1 && fields.values().all(Value::is_object);
    let fields = if variant { fields.values_mut().next().unwrap().as_object_mut().unwrap() } else { fields };
    fields.insert("surprise".into(), json!(1));
    assert_refused::<T>(unknown, "unknown field `surprise`");
    for (pointer, replacement, expected) in broken {
        assert_refused::<T>(with(value, pointer, replacement.clone()), expected);
    }
    for pointer in numbers {
        let mut document = ciborium::Value::serialized(value).unwrap();
        let mut place = &mut document;
        for key in pointer.split('/').skip(1) {
            place = match (place, key.parse::<usize>()) {
                (ciborium::Value::Array(entries), Ok(index)) => &mut entries[index],
                (ciborium::Value::Map(entries), _) => {
                    &mut entries.iter_mut().find(|(name, _)| name.as_text() == Some(key)).unwrap().1
                }
                other => panic!("{pointer}: {other:?}"),
            };
        }
        *place = ciborium::Value::Float(f64::NAN);
        let error = document.deserialized::<T>().expect_err(pointer).to_string();
        assert!(error.contains("NaN"), "{pointer}: {error}");
    }
}

fn record(iteration: usize) -> IterationRecord {
    let (point, constraints) = (vec![0.3, 0.7], vec![-0.1]);
    let (objective, averaging, step, residual, subproblem_gap) = (-2.0, 1.0, 0.5, 0.1, 1e-12);
    let (multipliers, restored) = (vec![3.0], None);
    IterationRecord {
        iteration,
        point,
        objective,
        constraints,
        averaging,
        step,
        residual,
        subproblem_gap,
        multipliers,
        restored,
    }
}

#[test]
fn small_records_are_checked() {
    assert_checked(
        &MeanSquaredError { mismatch: 0.1, noise: 0.2 },
        &[("/noise", json!(-1.0), "noise is -1; valid: at least 0 and finite")],
        &["/mismatch", "/noise"],
    );
    assert_checked(
        &Certificate { lower: 0.1, upper: 0.3, scope: Scope::Program },
        &[("/lower", json!(0.4), "the lower bound is 0.4; valid: at most the upper bound, 0.3")],
        &["/lower", "/upper"],
    );
    assert_checked(
        &Estimate { mean: -0.1, standard_error: 0.3, samples: 2 },
        &[
            ("/samples", json!(1), "samples is 1; valid: at least 2"),
            ("/standard_error", json!(-0.3), "standard_error is -0.3"),
        ],
        &["/mean", "/standard_error"],
    );
    // Infinite where a sample says nothing; `null` where a format has no infinities.
    let nothing = Estimate { mean: 1.0, standard_error: f64::INFINITY, samples: 2 };
    assert_eq!(serde_json::to_value(nothing).unwrap()["standard_error"], Value::Null);
    assert_round_trip(nothing);
    let nothing =
        ResidualEstimate { residual: 0.1, upper_bound: f64::INFINITY, confidence: 0.9, samples: 10 };
    assert_round_trip(nothing);
    let mut bytes = Vec::new();
    ciborium::into_writer(&nothing, &mut bytes).unwrap();
    assert_eq!(ciborium::from_reader::<ResidualEstimate, _>(bytes.as_slice()).unwrap(), nothing);
    assert_checked(&Function { value: 1.0, gradient: vec![2.0, 3.0] }, &[], &["/value", "/gradient/1"]);
    let estimate = ResidualEstimate { residual: 0.1, upper_bound: 0.2, confidence: 0.9, samples: 10 };
    let level = "confidence is 1; valid: inside (0, 1)";
    assert_checked(
        &estimate,
        &[
            ("/confidence", json!(1.0), level),
            ("/samples", json!(0), "samples is 0"),
            ("/upper_bound", json!(0.05), "upper_bound is 0.05; valid: at least the residual, 0.1"),
        ],
        &["/residual", "/upper_bound", "/confidence"],
    );
    for (reason, number) in [
        (TerminationReason::ResidualBelowTolerance { residual: 0.1 }, "/residual_below_tolerance/residual"),
        (
            TerminationReason::ResidualConfirmed { estimate, confidence: 0.9 },
            "/residual_confirmed/confidence",
        ),
        (TerminationReason::IterationLimit { residual: 0.1 }, "/iteration_limit/residual"),
        (TerminationReason::Infeasible { least_violation: 0.1 }, "/infeasible/least_violation"),
    ] {
        assert_checked(&reason, &[(number, json!(-0.5), "floating point `-0.5`")], &[number]);
    }
    for reason in [TerminationReason::ScheduleCompleted, TerminationReason::StoppedByObserver] {
        assert_round_trip(reason);
    }
}

#[test]
fn reports_are_checked() {
    assert_checked(
        &record(3),
        &[
            ("/step", json!(0.0), "step is 0; valid: above 0, at most 1"),
            ("/averaging", json!(1.5), "averaging is 1.5"),
            ("/residual", json!(-0.1), "residual is -0.1"),
            ("/subproblem_gap", json!(-1e-9), "subproblem_gap is -0.000000001"),
            ("/multipliers/0", json!(-1.0), "a multiplier is -1"),
            ("/multipliers", json!([]), "the number of multipliers is 0; valid: that of the constraints"),
            ("/restored", json!(0.2), "the number of multipliers is 1; valid: 0 where (21) had no point"),
        ],
        &[
            "/point/0",
            "/objective",
            "/constraints/0",
            "/averaging",
            "/residual",
            "/subproblem_gap",
            "/multipliers/0",
        ],
    );
    let restored = IterationRecord { multipliers: vec![], restored: Some(0.2), ..record(3) };
    assert_checked(
        &restored,
        &[
            ("/restored", json!(0.0), "restored is 0; valid: above 0"),
            ("/restored", json!(-1.0), "restored is -1"),
        ],
        &["/restored"],
    );
    let history = vec![record(3), record(4)];
    let (termination, guaranteed) = (TerminationReason::ScheduleCompleted, true);
    let unconstrained = IterationRecord { constraints: vec![], multipliers: vec![], ..record(4) };
    let histories = [
        ("/history", json!([]), "a history without records"),
        ("/history/1/iteration", json!(3), "iteration is 3; valid: one more than 3"),
        ("/history/0/iteration", json!(usize::MAX), "iteration is 4; valid: one more than"),
        ("/history/1/point", json!([1.0]), "a recorded point's length is 1; valid: 2"),
        ("/history/1", json!(unconstrained), "the number of constraints is 0; valid: 1"),
    ];
    let report = ScaReport { point: vec![0.4, 0.6], termination, guaranteed, history: history.clone() };
    assert_checked(&report, &histories, &["/point/1", "/history/1/objective"]);
    let shares = vec![0.4, 0.6];
    let assignment = Assignment { shares, termination, guaranteed, unconverged: 1, history };
    assert_checked(&assignment, &histories, &["/shares/0", "/history/1/objective"]);
    assert_checked(
        &assignment,
        &[
            ("/shares/0", json!(0.5), "the sum of the shares is 1.1; valid: 1"),
            ("/shares", json!([-0.5, 1.5]), "a share is -0.5; valid: 0 to 1"),
            ("/shares", json!([0.2, 0.3, 0.5]), "a recorded point's length is 2; valid: 3"),
        ],
        &[],
    );
    let state: ScaState = serde_json::from_value(json!({
        "iteration": 2, "point": [0.4, 0.6], "quiet": 1, "confirmations": 0,
        "estimates": [{ "value": 1.0, "gradient": [0.5, -0.5] }],
    }))
    .unwrap();
    assert_checked(
        &state,
        &[("/quiet", json!(3), "3 quiet iterations"), ("/point", json!([1.0]), "2 entries, the point 1")],
        &["/point/1", "/estimates/0/value", "/estimates/0/gradient/1"],
    );
}
