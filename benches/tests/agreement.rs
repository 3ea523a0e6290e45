//! Our interior-point method against Clarabel, which shares nothing with it: not the cone, not the direction, not the
//! linear algebra.

use benches::clarabel_sdp::{Factorization, Form, Model};
use benches::seeded_problem;
use solver::Problem;
use solver::relaxation::{Options, lambda_min};

/// Clarabel, in both forms, says what we say.
fn assert_agreement(problem: &Problem, name: &str) {
    let ours = lambda_min::solve(problem, &Options { relative_gap: 1e-9, ..Options::default() })
        .unwrap()
        .certificate;
    for form in [Form::Primal, Form::Dual] {
        for factorization in [Factorization::Qdldl, Factorization::Supernodal] {
            let answer = Model::new(problem, form).solve(factorization, 1e-7);
            let difference = (answer.value - ours.upper).abs() / ours.upper;
            assert!(difference < 2e-6, "{name}, {form:?}, {factorization:?}: {answer:?}, ours {ours:?}");
            // Its points, certified on their own, give an interval that must meet ours.
            let theirs = answer.certificate.unwrap();
            assert!(theirs.relative_gap() < 1e-5, "{name}, {form:?}, {factorization:?}: {theirs:?}");
            assert!(theirs.lower <= ours.upper && ours.lower <= theirs.upper, "{name}: {theirs:?}, {ours:?}");
        }
    }
}

#[test]
fn clarabel_agrees_on_small_instances() {
    for devices in 1..=3 {
        for seed in 0..4 {
            let problem = seeded_problem(6, &vec![2; devices], &vec![1.0; devices], seed).unwrap();
            assert_agreement(&problem, &format!("N = {devices}, seed {seed}"));
        }
    }
}

#[test]
fn clarabel_agrees_on_unequal_devices() {
    for seed in 0..4 {
        let problem = seeded_problem(6, &[1, 2, 3], &[0.5, 2.0, 4.0], seed).unwrap();
        assert_agreement(&problem, &format!("unequal, seed {seed}"));
        // More transmit than receive antennas in all: the channels fill the whole space.
        let crowded = seeded_problem(4, &[3, 3, 2], &[1.0, 3.0, 2.0], seed).unwrap();
        assert_agreement(&crowded, &format!("crowded, seed {seed}"));
    }
}

#[test]
fn one_device_has_a_closed_form() {
    let problem = seeded_problem(6, &[2], &[0.5], 1).unwrap();
    let singular = problem.channels()[0].singular_values().unwrap();
    let expected = 4.0 * singular.iter().map(|value| 1.0 / (value * value)).sum::<f64>();
    let answer = Model::new(&problem, Form::Dual).solve(Factorization::Supernodal, 1e-8);
    assert!((answer.value - expected).abs() < 1e-6 * expected, "{expected} {answer:?}");
}
