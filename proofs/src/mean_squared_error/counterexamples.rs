//! (7) without each of its hypotheses: two devices, one stream, one antenna everywhere, `H_n = 1`, `B_n = 1/2`,
//! `A = 1`, `σ² = 1`. Then `ŝ − s = n − (s_1 + s_2)/2`, and (7) says `1/4 + 1/4 + 1`.

use super::expectation::Source;
use faer::{Mat, c64};
use solver::Problem;
use solver::transceiver::Transceiver;

fn row(entries: &[f64]) -> Mat<c64> {
    Mat::from_fn(1, entries.len(), |_, j| c64::new(entries[j], 0.0))
}

/// `(7)` and the expectation for signs `e = (e_1, e_2, e_3)`.
fn both(first: [f64; 3], second: [f64; 3], noise: [f64; 3]) -> (f64, f64) {
    let problem = Problem::new(vec![row(&[1.0]); 2], vec![1.0; 2], 1.0).unwrap();
    let transceiver = Transceiver::new(&problem, row(&[1.0]), vec![row(&[0.5]); 2]).unwrap();
    let source = Source { symbols: vec![row(&first), row(&second)], noise: row(&noise) };
    let formula = transceiver.mean_squared_error(&problem).unwrap().total();
    (formula, source.error(&problem, &transceiver))
}

#[test]
fn with_every_hypothesis() {
    assert_eq!(both([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]), (1.5, 1.5));
}

/// Without **devices**: equal symbols double the mismatch, opposite ones cancel it.
#[test]
fn correlated_devices() {
    assert_eq!(both([1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]), (1.5, 2.0));
    assert_eq!(both([1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]), (1.5, 1.0));
}

/// Without **variance**, in size: symbols of variance 4 where the problem says 1.
#[test]
fn other_variances() {
    assert_eq!(both([2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]), (1.5, 2.25));
    // Said to the problem, they are what v_n is for.
    let problem = Problem::new(vec![row(&[1.0]); 2], vec![1.0; 2], 1.0)
        .and_then(|problem| problem.with_signal_variance(vec![4.0, 1.0]))
        .unwrap();
    let transceiver = Transceiver::new(&problem, row(&[1.0]), vec![row(&[0.5]); 2]).unwrap();
    assert_eq!(transceiver.mean_squared_error(&problem).unwrap().total(), 2.25);
}

/// Without **independent noise**: noise that repeats a symbol makes up for half of the mismatch.
#[test]
fn noise_that_repeats_a_symbol() {
    assert_eq!(both([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]), (1.5, 0.5));
}

/// Without **noise**: the same power in total, all of it in the antenna that is listened to.
#[test]
fn noise_that_is_not_white() {
    let column = |first: f64, second: f64| Mat::from_fn(2, 1, |i, _| c64::new([first, second][i], 0.0));
    let problem = Problem::new(vec![column(1.0, 0.0)], vec![1.0], 1.0).unwrap();
    let transceiver = Transceiver::new(&problem, column(1.0, 0.0), vec![row(&[1.0])]).unwrap();
    let formula = transceiver.mean_squared_error(&problem).unwrap().total();
    let root = |first: f64, second: f64| {
        Mat::from_fn(2, 3, |i, j| c64::new([[0.0, first, 0.0], [0.0, 0.0, second]][i][j], 0.0))
    };
    let expected =
        |noise| Source { symbols: vec![row(&[1.0, 0.0, 0.0])], noise }.error(&problem, &transceiver);
    assert_eq!((formula, expected(root(1.0, 1.0))), (1.0, 1.0));
    assert!((expected(root(2.0_f64.sqrt(), 0.0)) - 2.0).abs() < 1e-15);
}

/// Without **variance**, in direction: two streams of variance 1 that are the same symbol, over a device whose
/// precoder sends both with gain 1/2 and crosstalk 1/2. Its mismatch matrix has rank one, and equal symbols never
/// excite it.
#[test]
fn streams_that_are_one() {
    let identity = Mat::<c64>::identity(2, 2);
    let crosstalk = Mat::from_fn(2, 2, |_, _| c64::new(0.5, 0.0));
    let problem = Problem::new(vec![identity.clone()], vec![1.0], 1.0).unwrap();
    let transceiver = Transceiver::new(&problem, identity.clone(), vec![crosstalk]).unwrap();
    let formula = transceiver.mean_squared_error(&problem).unwrap();
    let same = Mat::from_fn(2, 2, |_, j| c64::new([1.0, 0.0][j], 0.0));
    let noise = Mat::<c64>::zeros(2, 2);
    let expected = |symbols: Mat<c64>| {
        Source { symbols: vec![symbols], noise: noise.clone() }.error(&problem, &transceiver)
    };
    assert_eq!((formula.mismatch, expected(identity.clone())), (1.0, 1.0));
    assert_eq!(expected(same), 0.0);
}
