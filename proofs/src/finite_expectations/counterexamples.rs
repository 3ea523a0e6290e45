use super::tests::lone_device;
use super::truncated_moment;
use crate::arithmetic::{identity, scaled};
use crate::programs::solve;
use faer::{Mat, c64};
use solver::assignment::{RelaxedMse, ShortTermValue, expected_value};
use solver::relaxation::Relaxation;
use solver::{Error, Problem};

fn scalar(gain: f64) -> Mat<c64> {
    scaled(identity(1).as_ref(), gain)
}

/// Without **spare antennas**: with `R = T + k − 1` each tenfold of what a moment is truncated at adds the same to it.
#[test]
fn moments_without_end() {
    for (receive, transmit, k) in [(1, 1, 1), (2, 1, 2), (2, 2, 1), (3, 2, 2)] {
        let [first, second, third] = [1e2, 1e3, 1e4].map(|most| truncated_moment(receive, transmit, k, most));
        let growth = (third - second) / (second - first);
        assert!((growth - 1.0).abs() < 0.05, "{receive}×{transmit}, {k}: {first}, {second}, {third}");
    }
}

/// Without **spare antennas** no sample shows it: with `R = T = 1` the mean is infinite, and every sample has a finite bound on it, below what is left of
/// the mean when values count up to `10³⁰` only.
#[test]
fn finite_bounds_on_an_infinite_mean() {
    let problem = lone_device(1, 1, Relaxation::LambdaMin);
    // Values are 2/|h|².
    let truncated = 2.0 * truncated_moment(1, 1, 1, 1e30);
    let below = |seed: &u64| expected_value(&problem, &[1.0], 100, *seed).unwrap().upper(0.99) < truncated;
    let found = (0..50).filter(below).count();
    assert!(found > 45, "{found} of 50, {truncated}");
}

/// Without **density**: equal entries have rank one, whatever `R` is, and there is no value.
#[test]
fn a_line_of_sight_alone() {
    let channel = Mat::from_fn(8, 2, |_, _| c64::new(1.0, 0.0));
    let problem = Problem::new(vec![channel], vec![1.0], 1.0).unwrap();
    for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
        let found = solve(relaxation, &problem);
        assert!(matches!(found, Err(Error::RankDeficient { .. })), "{found:?}");
    }
}

/// Without **floor**: at `σ² |h|^{-2} = p` the bound on the slope of `mmse` is attained, `1/(4p)`, so none holds for all powers.
#[test]
fn slopes_grow_as_powers_fall() {
    let value = RelaxedMse::new(Relaxation::Mmse, 1.0).unwrap();
    for power in [1.0_f64, 1e-3, 1e-6] {
        let found = value.value_and_gradient(&[scalar(power.powf(-0.5))], &[power]).unwrap();
        assert!((found.gradient[0] * 4.0 * power + 1.0).abs() < 1e-3, "{found:?}");
    }
}

/// Without **`mmse`**: the others grow without end as a channel fades away.
#[test]
fn a_channel_that_fades_away() {
    let value = |relaxation, gain| {
        RelaxedMse::new(relaxation, 1.0).unwrap().value_and_gradient(&[scalar(gain)], &[1.0]).unwrap()
    };
    for gain in [1e-2, 1e-4] {
        for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
            assert!(value(relaxation, gain).lower > 0.99 / (gain * gain));
        }
        assert!(value(Relaxation::Mmse, gain).upper <= 1.0);
    }
}
