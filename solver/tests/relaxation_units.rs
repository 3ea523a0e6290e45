//! Relaxations do not depend on units; at the ends of the floating-point range, and where channels are ill-conditioned, bounds stay bounds.

use crate::common::paper_problem;
use faer::{Mat, c64};
use proptest::prelude::*;
use solver::channel::{BlockFading, Fading};
use solver::relaxation::{Certificate, Options, Relaxation, Solver, lambda_min, mmse};
use solver::{Error, Problem, baseline};

fn rayleigh(receive: usize, transmit: &[usize], seed: u64) -> Vec<Mat<c64>> {
    BlockFading::new(Fading::RAYLEIGH, receive, transmit, seed).unwrap().block(0)
}

fn scaled(matrix: &Mat<c64>, factor: f64) -> Mat<c64> {
    matrix * faer::Scale(c64::new(factor, 0.0))
}

fn number(value: f64) -> Mat<c64> {
    Mat::from_fn(1, 1, |_, _| c64::new(value, 0.0))
}

fn options(relative_gap: f64) -> Options {
    Options { relative_gap, ..Options::default() }
}

/// The interval, whether the gap is reached or not.
fn interval(relaxation: Relaxation, problem: &Problem, relative_gap: f64) -> (f64, f64) {
    match relaxation.solve(problem, &options(relative_gap)) {
        Ok(solution) => (solution.certificate.lower, solution.certificate.upper),
        Err(Error::NotConverged { lower, upper, .. }) => (lower, upper),
        Err(error) => panic!("{relaxation:?}: {error:?}"),
    }
}

fn power_of_two(exponent: i32) -> f64 {
    2.0_f64.powi(exponent)
}

/// `(gH, p, σ²)` has the values of `(H, p g², σ²)`, and all are in proportion where they must be: to the last bit for powers of two.
#[test]
fn units_change_no_bit() {
    let (receive, transmit, power, noise) = (5, [2, 3, 1], [1.3, 0.2, 7.0], 0.4);
    let variance = [1.0, 0.6, 2.5];
    let channels = rayleigh(receive, &transmit, 3);
    let problem = |channel: i32, watt: i32, error: i32, noise_unit: i32| {
        let channels = channels.iter().map(|h| scaled(h, power_of_two(channel))).collect();
        let power = power.iter().map(|p| p * power_of_two(watt)).collect();
        let variance = variance.iter().map(|v| v * power_of_two(error)).collect();
        let problem = Problem::new(channels, power, noise * power_of_two(noise_unit)).unwrap();
        problem.with_signal_variance(variance).unwrap()
    };
    // Units of the channels, of the powers and of the variances; the noise has the unit of what is received.
    for relaxation in Relaxation::ALL {
        let usual = relaxation.solve(&problem(0, 0, 0, 0), &options(1e-6)).unwrap();
        let slopes = relaxation.power_sensitivity(&problem(0, 0, 0, 0), &usual).unwrap();
        for (channel, watt, error) in [
            (0, 0, 0),
            (7, 0, 0),
            (-240, 0, 0),
            (220, 0, 0),
            (0, 300, 0),
            (0, -300, 0),
            (11, -30, 44),
            (100, 80, -120),
        ] {
            let problem = problem(channel, watt, error, 2 * channel + watt);
            let found = relaxation.solve(&problem, &options(1e-6)).unwrap();
            // α = ‖A‖² is in proportion to 1/(H² p/v), an error to v.
            let unit = match relaxation {
                Relaxation::Mmse => error,
                Relaxation::LambdaMin | Relaxation::TraceInverse => error - 2 * channel - watt,
            };
            let usual_value = Certificate {
                lower: usual.certificate.lower * power_of_two(unit),
                upper: usual.certificate.upper * power_of_two(unit),
                ..usual.certificate
            };
            assert_eq!(found.certificate, usual_value, "{relaxation:?} {channel} {watt} {error}");
            assert_eq!(found.iterations, usual.iterations);
            let again = relaxation.certify(&problem, found.primal.as_ref(), &found.dual).unwrap();
            assert!(again.lower <= found.certificate.upper && found.certificate.lower <= again.upper);
            for (found, usual) in relaxation.power_sensitivity(&problem, &found).unwrap().iter().zip(&slopes)
            {
                assert_eq!(
                    *found,
                    usual * power_of_two(unit - watt),
                    "{relaxation:?} {channel} {watt} {error}"
                );
            }
        }
    }
}

/// Bounds hold where products of the caller's numbers leave the normal range.
#[test]
fn bounds_hold_at_the_ends_of_the_floating_point_range() {
    for (channel, power, noise, variance) in
        [(1e40, 1e-226, 1e-149, 7.45e-95), (1e35, 1e-221, 1e-149, 1e-94), (1e-60, 1e200, 1e80, 1e-3)]
    {
        let problem = Problem::new(vec![number(channel)], vec![power], noise).unwrap();
        let problem = problem.with_signal_variance(vec![variance]).unwrap();
        let optimum =
            baseline::single_device(&problem).unwrap().mean_squared_error(&problem).unwrap().total();
        let certificate = mmse::certify(&problem, number(0.0).as_ref(), &[number(1.0)]).unwrap();
        assert!(certificate.lower <= optimum, "{certificate:?}, {optimum:e}");
        let (lower, upper) = interval(Relaxation::Mmse, &problem, 1e-7);
        assert!(lower <= optimum && optimum <= upper, "{lower:e} to {upper:e}, {optimum:e}");
    }
}

/// A subnormal `X` is scaled before its products lose their precision.
#[test]
fn subnormal_points_are_no_smaller_than_they_are() {
    let unit = f64::from_bits(1);
    let x = Mat::from_fn(2, 2, |i, j| match (i, j) {
        (0, 0) => c64::new(2.0 * unit, 0.0),
        (1, 1) => c64::new(unit, 0.0),
        (0, _) => c64::new(unit, unit),
        _ => c64::new(unit, -unit),
    });
    let channel =
        |size: f64| Mat::from_fn(2, 1, |i, _| c64::new([2.0, 1.0][i] * size, [0.0, -1.0][i] * size));
    let problem = Problem::new(vec![channel(1e60), channel(1e61)], vec![1.0; 2], 1.0).unwrap();
    for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
        let upper = relaxation.certify(&problem, x.as_ref(), &[number(0.0), number(1.0)]).unwrap().upper;
        assert!(upper >= 1.0 / 6e120, "{relaxation:?}: {upper:e}");
    }
}

/// More transmit than receive antennas, little noise: what is not heard is not mistaken for rounding.
#[test]
fn little_noise_and_few_receive_antennas_have_a_bound() {
    for (receive, transmit) in [(1, &[2][..]), (1, &[4, 4, 4]), (2, &[4; 4]), (3, &[4, 6, 5])] {
        for noise_power in [1e-6, 1e-8, 1e-10] {
            for seed in 0..40 {
                let channels = rayleigh(receive, transmit, seed);
                let problem = Problem::new(channels, vec![1.0; transmit.len()], noise_power).unwrap();
                let (lower, upper) = interval(Relaxation::Mmse, &problem, 1e-3);
                assert!(
                    upper - lower <= 1e-3 * upper,
                    "{receive} {transmit:?} {noise_power} {seed}: {lower} to {upper}"
                );
            }
        }
    }
}

/// `X = 0` is a point of `mmse` whatever else is offered.
#[test]
fn no_value_is_above_silence() {
    let problem = paper_problem(3, 1);
    let silence = (3 * 4) as f64;
    for size in [0.0, 1.0, 1e30, 1e200] {
        let x = Mat::from_fn(20, 20, |i, j| c64::new(if i == j { size } else { 0.0 }, 0.0));
        let dual = vec![Mat::identity(4, 4); 3];
        let upper = mmse::certify(&problem, x.as_ref(), &dual).unwrap().upper;
        assert!(upper <= silence * (1.0 + 1e-11), "{size:e}: {upper}");
    }
}

/// A certificate that rounding widens beyond the goal is sought again with a tighter one: a larger goal is no harder.
#[test]
fn a_larger_goal_is_no_harder() {
    const ANTENNAS: [usize; 8] = [6, 3, 8, 8, 5, 6, 6, 5];
    let mut hard = 0;
    for seed in 0..30 {
        // A common subspace plus little else.
        let little = 10.0_f64.powf(-4.0 - (seed % 5) as f64 * 0.5);
        let common = rayleigh(8, &[2], 1000 + seed).remove(0);
        let (near, rest) = (rayleigh(2, &ANTENNAS, 2000 + seed), rayleigh(8, &ANTENNAS, 3000 + seed));
        let channels =
            near.iter().zip(&rest).map(|(near, rest)| &common * near + scaled(rest, little)).collect();
        let problem = Problem::new(channels, vec![1.0; 8], 1.0).unwrap();
        for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
            let solves = |goal: f64| relaxation.solve(&problem, &options(goal)).is_ok();
            let goals = [0.3, 0.1, 1e-2, 1e-3, 1e-5].map(solves);
            hard += usize::from(!goals[4]);
            assert!(goals.windows(2).all(|pair| pair[0] || !pair[1]), "{seed} {relaxation:?}: {goals:?}");
        }
    }
    assert!(hard > 2, "{hard} instances are hard enough to say anything");
}

/// The last solution is at hand where the gap was not reached.
#[test]
fn what_was_found_short_of_the_gap_is_kept() {
    let problem = paper_problem(8, 4);
    for relaxation in Relaxation::ALL {
        let few = Options { relative_gap: 1e-9, max_iterations: 2 };
        let mut solver = Solver::new(relaxation, few).unwrap();
        assert!(solver.last().is_none());
        let Err(Error::NotConverged { lower, upper, .. }) = solver.solve(&problem) else {
            panic!("{relaxation:?}: two iterations do")
        };
        let last = solver.last().unwrap();
        assert_eq!((last.certificate.lower, last.certificate.upper), (lower, upper));
        let again = relaxation.certify(&problem, last.primal.as_ref(), &last.dual).unwrap();
        assert!((again.lower - lower).abs() <= 1e-9 * lower && (again.upper - upper).abs() <= 1e-9 * upper);
        assert_eq!(relaxation.power_sensitivity(&problem, last).unwrap().len(), 8);
        solver.forget();
        assert!(solver.into_last().is_none());
    }
}

/// `p ∂v/∂p_n`, as a part of the value, against a solution far more exact: at most a few gaps, or their roots.
#[test]
fn sensitivities_of_rough_solutions_are_near() {
    for seed in 0..200 {
        let problem = Problem::new(rayleigh(3, &[2], seed), vec![1000.0], 0.1).unwrap();
        let slope = |gap: f64| {
            let solution = mmse::solve(&problem, &options(gap)).unwrap();
            mmse::power_sensitivity(&problem, &solution).unwrap()[0]
        };
        let (rough, exact) = (slope(1e-3), slope(1e-9));
        assert!((rough / exact - 1.0).abs() < 0.1, "{seed}: {rough:e}, {exact:e}");
    }
}

proptest! {
    /// `v(p') ≥ lower + Σ g_n (p'_n − p_n)` for all powers, however rough the solution: the subgradient inequality, of the dual bound.
    #[test]
    fn sensitivities_are_subgradients_of_a_lower_bound(
        seed in 0_u64..1000,
        gap in -6.0_f64..-0.5,
        steps in prop::collection::vec(-2.0_f64..2.0, 3),
    ) {
        let problem = |power: Vec<f64>| Problem::new(rayleigh(4, &[2, 1, 3], seed), power, 0.3).unwrap();
        let power = vec![1.0, 2.0, 0.5];
        let other: Vec<f64> = power.iter().zip(&steps).map(|(p, step)| p * step.exp2()).collect();
        for relaxation in Relaxation::ALL {
            let here = problem(power.clone());
            let solution = relaxation.solve(&here, &options(10_f64.powf(gap))).unwrap();
            let slopes = relaxation.power_sensitivity(&here, &solution).unwrap();
            let moved: f64 = slopes.iter().zip(other.iter().zip(&power)).map(|(g, (q, p))| g * (q - p)).sum();
            let (_, upper) = interval(relaxation, &problem(other.clone()), 1e-8);
            prop_assert!(solution.certificate.lower + moved <= upper * (1.0 + 1e-9), "{relaxation:?}");
        }
    }
}

/// Ill-conditioned channels have an interval, at any condition that counts as full rank.
#[test]
fn no_condition_leaves_no_interval() {
    for decades in [2, 5, 7, 9, 11] {
        for seed in 0..20 {
            let near = 10.0_f64.powi(-decades);
            let channels: Vec<Mat<c64>> = (0..3)
                .map(|n| {
                    let mut channel = rayleigh(5, &[2], 10 * seed + n).remove(0);
                    for i in 0..5 {
                        let first = channel[(i, 0)];
                        channel[(i, 1)] = first + channel[(i, 1)] * near;
                    }
                    channel
                })
                .collect();
            let problem = Problem::new(channels, vec![1.0; 3], 1.0).unwrap();
            for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
                let (lower, upper) = interval(relaxation, &problem, 0.5);
                assert!(0.0 < lower && lower <= upper, "{decades} {seed} {relaxation:?}");
                assert!(upper <= 9.1 * lower, "{decades} {seed} {relaxation:?}: {lower:e} to {upper:e}");
            }
        }
    }
    // Beyond that they count as rank-deficient.
    let parallel = Mat::from_fn(3, 2, |i, _| c64::new(1.0 + i as f64, 0.0));
    let problem = Problem::new(vec![parallel], vec![1.0], 1.0).unwrap();
    assert!(matches!(lambda_min::solve(&problem, &Options::default()), Err(Error::RankDeficient { .. })));
}
