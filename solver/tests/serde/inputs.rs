//! Options, schedules, sets and what the optimizers exchange.

use super::records::assert_checked;
use super::{assert_refused, assert_round_trip, round_trip, with};
use serde_json::{Value, json};
use solver::assignment::{
    AssignmentError, AssignmentOptions, CertifiedValue, Estimate, GapSampling, OptimalityGap, RelaxedMse,
};
use solver::relaxation::{Options, Relaxation, Scope};
use solver::sca::{
    Decay, DeclaredDecay, Evaluation, Function, GeometricThenPolynomial, LinearRow, Polyhedron,
    PolynomialDecay, ScaOptions, Schedules, Surrogate,
};

fn polynomial(exponent: f64) -> PolynomialDecay {
    PolynomialDecay::new(0.9, 4.0, exponent).unwrap()
}

#[test]
fn schedules_are_checked() {
    assert_round_trip(polynomial(0.6));
    assert_checked(
        &polynomial(0.6),
        &[
            ("/scale", json!(1.5), "schedule scale 1.5 is outside (0, 1]"),
            ("/delay", json!(0.0), "schedule delay 0 is not a positive"),
            ("/exponent", json!(0.5), "schedule exponent 0.5 is outside (1/2, 1]"),
        ],
        &["/scale", "/delay", "/exponent"],
    );
    let crossing = GeometricThenPolynomial::new(0.9, 20, polynomial(0.9)).unwrap();
    assert_round_trip(crossing);
    assert_checked(
        &crossing,
        &[
            ("/ratio", json!(1.0), "geometric ratio 1 is outside (0, 1)"),
            ("/crossover", json!(1_000_000), "leaves nothing after 1000000 iterations"),
            ("/tail/exponent", json!(2.0), "schedule exponent 2 is outside"),
        ],
        &["/ratio", "/tail/scale"],
    );
    assert_round_trip(Decay::from(crossing));
    assert_checked(&Decay::from(polynomial(0.7)), &[], &["/polynomial/scale"]);
    let schedules = Schedules::new(polynomial(0.6), crossing).unwrap();
    assert_round_trip(schedules.clone());
    let slow = ("/decaying/averaging/polynomial/exponent", json!(0.95), "step exponent 0.9 must exceed");
    assert_checked(&schedules, &[slow], &["/decaying/step/geometric_then_polynomial/ratio"]);
    let constant = Schedules::constant_without_guarantee(0.5, 0.1).unwrap();
    assert_round_trip(constant.clone());
    assert!(!round_trip(&constant).guaranteed());
    assert_checked(
        &constant,
        &[("/constant_without_guarantee/step", json!(0.0), "schedule scale 0 is outside (0, 1]")],
        &["/constant_without_guarantee/averaging"],
    );
    assert_round_trip(Schedules::default());
}

/// A function cannot be written, and no document stands for one.
#[test]
fn schedules_of_ones_own_are_not_written() {
    let declared = DeclaredDecay::new(0.9, |iteration| 1.0 / (1.0 + iteration as f64)).unwrap();
    let schedules = Schedules::new(polynomial(0.6), declared).unwrap();
    let options = ScaOptions::new(7).with_schedules(schedules.clone());
    let assignment = AssignmentOptions::new(7).with_schedules(schedules.clone());
    let errors = [
        serde_json::to_string(&schedules).unwrap_err(),
        serde_json::to_string(&options).unwrap_err(),
        serde_json::to_string(&assignment).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("Decay::Declared cannot be serialized"), "{error}");
    }
    assert_refused::<Decay>(json!({ "declared": { "exponent": 0.9 } }), "unknown variant `declared`");
}

/// What both kinds of options refuse.
fn broken() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/iterations", json!(0), "option iterations must be at least 1"),
        ("/iterations", json!(20_000_000), "option iterations is 20000000; valid: at most 10000000"),
        ("/mini_batch", json!(0), "option mini_batch must be at least 1"),
        ("/residual_tolerance/tolerance", json!(-1.0), "residual tolerance -1 is not positive"),
        ("/residual_tolerance/patience", json!(0), "option residual_patience must be at least 1"),
        ("/residual_tolerance", json!({ "tolerance": 0.1 }), "missing field `patience`"),
        ("/confirmation/samples", json!(1), "option samples is 1; at least 2"),
        ("/confirmation/confidence", json!(1.0), "confidence 1 is outside (0, 1)"),
        ("/confirmation", json!({ "samples": 9, "confidence": 0.9, "power": 1 }), "unknown field `power`"),
        ("/schedules/decaying/step/polynomial/scale", json!(2.0), "schedule scale 2 is outside (0, 1]"),
    ]
}

#[test]
fn options_are_checked() {
    let schedules = Schedules::new(polynomial(0.6), polynomial(0.8)).unwrap();
    let sca = ScaOptions::new(u64::MAX).with_iterations(30).unwrap().with_mini_batch(3).unwrap();
    let sca = sca.with_objective_curvature(0.1).unwrap().with_constraint_curvatures(vec![0.0, 0.3]).unwrap();
    let sca = sca.with_schedules(schedules.clone()).with_residual_tolerance(1e-3, 4).unwrap();
    let sca = sca.with_confirmation(50, 0.9).unwrap();
    assert_round_trip(sca.clone());
    let mut refused = broken();
    refused.push(("/objective_curvature", json!(0.0), "objective curvature 0 is not positive"));
    refused.push(("/constraint_curvatures/1", json!(-0.1), "curvature -0.1 of stochastic constraint 1"));
    assert_checked(
        &sca,
        &refused,
        &["/objective_curvature", "/constraint_curvatures/0", "/residual_tolerance/tolerance"],
    );

    let assignment = AssignmentOptions::new(7).with_iterations(30).unwrap().with_mini_batch(3).unwrap();
    let assignment = assignment.with_relative_curvature(0.3).unwrap().with_schedules(schedules);
    let assignment = assignment.with_residual_tolerance(1e-3, 4).unwrap().with_confirmation(50, 0.9).unwrap();
    assert_round_trip(assignment.clone());
    let mut refused = broken();
    refused.push(("/relative_curvature", json!(0.0), "objective curvature 0 is not positive"));
    assert_checked(&assignment, &refused, &["/relative_curvature", "/confirmation/confidence"]);

    // What a document leaves out has its default; the seed has none.
    assert_eq!(serde_json::from_value::<ScaOptions>(json!({ "seed": 7 })).unwrap(), ScaOptions::new(7));
    let silent = serde_json::from_value::<AssignmentOptions>(json!({ "seed": 7 })).unwrap();
    assert_eq!(silent, AssignmentOptions::new(7));
    assert_round_trip(ScaOptions::new(7));
    assert_round_trip(AssignmentOptions::new(7));
    assert_refused::<ScaOptions>(json!({}), "missing field `seed`");
    assert_refused::<AssignmentOptions>(json!({}), "missing field `seed`");
}

#[test]
fn samplings_and_values_are_checked() {
    let few = |samples| AssignmentError::Samples { samples }.to_string();
    let (one, none) = (few(1), few(0));
    assert_round_trip(GapSampling::new(3));
    assert_checked(
        &GapSampling::new(3),
        &[
            ("/batches", json!(1), &one),
            ("/blocks", json!(0), &none),
            ("/confidence", json!(0.0), "confidence 0 is outside (0, 1)"),
        ],
        &["/confidence"],
    );
    let options = Options { relative_gap: 1e-3, max_iterations: 9 };
    let value = RelaxedMse::new(Relaxation::Mmse, 0.1).unwrap().with_options(options).with_streams(2);
    assert_round_trip(value);
    assert_round_trip(RelaxedMse::new(Relaxation::LambdaMin, 0.1).unwrap());
    let power = "noise power is -1; valid: positive and finite";
    assert_checked(&value, &[("/noise_power", json!(-1.0), power)], &["/noise_power"]);
    assert_refused::<RelaxedMse>(with(&value, "/options", json!({ "gap": 1 })), "unknown field `gap`");
    let certified = CertifiedValue {
        lower: 0.1,
        upper: 0.3,
        gradient: vec![-1.0, 2.0],
        scope: Scope::AnyTransceiver,
        converged: true,
    };
    assert_round_trip(certified.clone());
    assert_checked(
        &certified,
        &[("/lower", json!(0.4), "the lower bound is 0.4; valid: at most the upper bound, 0.3")],
        &["/lower", "/upper", "/gradient/1"],
    );
    let estimate = Estimate { mean: 0.1, standard_error: 0.2, samples: 10 };
    let (value, optimum, gap) = (Estimate { samples: 40, ..estimate }, estimate, estimate);
    let gap = OptimalityGap { value, optimum, gap, confidence: 0.95, scope: Scope::Program, unconverged: 1 };
    assert_round_trip(gap);
    assert_checked(
        &gap,
        &[
            ("/confidence", json!(1.0), "confidence is 1; valid: inside (0, 1)"),
            ("/gap/samples", json!(1), "samples is 1; valid: at least 2"),
            (
                "/gap/samples",
                json!(9),
                "the number of batches of the gap is 9; valid: 10, that of the optimum",
            ),
            ("/value/samples", json!(41), "the number of blocks is 41; valid: a multiple of 10"),
            ("/unconverged", json!(41), "unconverged is 41; valid: at most 40"),
        ],
        &["/confidence", "/optimum/mean"],
    );
}

#[test]
fn sets_and_surrogates_are_checked() {
    let row = LinearRow { coefficients: vec![1.0, -1.0], right_hand_side: 0.5 };
    assert_round_trip(row.clone());
    assert_checked(&row, &[], &["/coefficients/1", "/right_hand_side"]);
    let set = Polyhedron::builder(2)
        .bounds(vec![0.25, f64::NEG_INFINITY], vec![1.0, f64::INFINITY])
        .equality(vec![1.0, 1.0], 1.0)
        .inequality(row.coefficients, row.right_hand_side)
        .build()
        .unwrap();
    assert_round_trip(set.clone());
    // A bound that is absent is null: JSON has no infinities.
    assert_eq!(serde_json::to_value(&set).unwrap()["lower"], json!([0.25, null]));
    assert_checked(
        &set,
        &[
            ("/lower/0", json!(2.0), "variable 0 has lower bound 2 above upper bound 1"),
            ("/lower", json!([]), "a polyhedron needs at least one variable"),
            ("/upper", json!([1.0]), "the vector of upper bounds has 1 entries where the dimension is 2"),
            ("/equalities/0/coefficients", json!([1.0]), "equality 0 has 1 entries where"),
            ("/inequalities/0/coefficients", json!([]), "inequality 0 has 0 entries where"),
            ("/equalities/0/right_hand_side", json!(-9.0), "the polyhedron is empty"),
        ],
        &["/lower/0", "/upper/0", "/equalities/0/coefficients/0", "/inequalities/0/right_hand_side"],
    );
    let surrogate = Surrogate { value: 1.0, gradient: vec![2.0, -1.0], curvature: 0.5 };
    assert_round_trip(surrogate.clone());
    assert_checked(
        &surrogate,
        &[("/curvature", json!(-0.5), "curvature is -0.5; valid: at least 0 and finite")],
        &["/value", "/gradient/0", "/curvature"],
    );
    let function = |value: f64| Function { value, gradient: vec![value, 1.0] };
    let evaluation = Evaluation { objective: function(0.1), constraints: vec![function(-0.2)] };
    assert_round_trip(evaluation.clone());
    assert_checked(
        &evaluation,
        &[("/constraints/0/gradient", json!([1.0]), "a gradient's length is 1; valid: 2")],
        &["/objective/value", "/constraints/0/gradient/1"],
    );
}
