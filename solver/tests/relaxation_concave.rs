//! `trace_inverse` and `mmse`: certified values, closed forms, limits, finite differences, and inputs at the edge.

use crate::common::{paper_problem, references};
use faer::{Mat, c64};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use solver::channel::{BlockFading, Fading};
use solver::relaxation::{Options, Relaxation, Scope, Solution, Solver};
use solver::{Error, Problem, Quantity};

const SMOOTH: [Relaxation; 2] = [Relaxation::TraceInverse, Relaxation::Mmse];

fn options(relative_gap: f64) -> Options {
    Options { relative_gap, ..Options::default() }
}

fn solve(relaxation: Relaxation, problem: &Problem, relative_gap: f64) -> Solution {
    relaxation.solve(problem, &options(relative_gap)).unwrap()
}

/// The optimal value to within half of `relative_gap`.
fn value(relaxation: Relaxation, problem: &Problem, relative_gap: f64) -> f64 {
    let certificate = solve(relaxation, problem, relative_gap).certificate;
    0.5 * (certificate.lower + certificate.upper)
}

fn assert_close(found: f64, expected: f64, relative: f64, context: &str) {
    assert!(
        (found - expected).abs() <= relative * expected.abs(),
        "{context}: {found} instead of {expected}"
    );
}

/// Unequal antennas, powers and variances.
fn mixed_problem(receive: usize, transmit: &[usize], noise_power: f64, seed: u64) -> Problem {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut spread = |decades: f64| -> Vec<f64> {
        transmit.iter().map(|_| 10f64.powf(decades * (rng.random::<f64>() - 0.5))).collect()
    };
    let (power, variance) = (spread(4.0), spread(2.0));
    let channels = BlockFading::new(Fading::PAPER, receive, transmit, seed).unwrap().block(0);
    Problem::new(channels, power, noise_power).unwrap().with_signal_variance(variance).unwrap()
}

#[test]
fn every_reference_instance_is_solved() {
    for reference in references().unwrap_or_default() {
        for relaxation in Relaxation::ALL {
            let (lower, upper) = reference.interval(relaxation.name());
            for relative_gap in [1e-4, 1e-6, 1e-8] {
                let certificate = solve(relaxation, &reference.problem, relative_gap).certificate;
                assert!(certificate.relative_gap() <= relative_gap);
                // The intervals hold the same number.
                let name = format!("{} {}: {certificate:?}", reference.name, relaxation.name());
                assert!(certificate.lower <= upper && lower <= certificate.upper, "{name}");
            }
        }
    }
}

/// `trace_inverse` of one device is `‖H⁺‖_*²/q` (theory, section 3).
#[test]
fn trace_inverse_of_one_device_has_a_closed_form() {
    for (receive, transmit, seed) in [(20, 4, 3), (4, 4, 1), (5, 1, 2)] {
        let channels = BlockFading::new(Fading::PAPER, receive, &[transmit], seed).unwrap().block(0);
        let nuclear: f64 = channels[0].singular_values().unwrap().iter().map(|value| 1.0 / value).sum();
        let problem =
            Problem::new(channels, vec![0.5], 1.0).unwrap().with_signal_variance(vec![3.0]).unwrap();
        let certificate = solve(Relaxation::TraceInverse, &problem, 1e-8).certificate;
        let expected = nuclear * nuclear / (0.5 / 3.0);
        assert!(
            certificate.lower <= expected && expected <= certificate.upper,
            "{expected}: {certificate:?}"
        );
    }
}

/// One device, one antenna on each side: the MSE of the linear MMSE receiver, `v σ²/(σ² + |h|² p)`.
#[test]
fn mmse_of_one_antenna_has_a_closed_form() {
    for noise_power in [1e-6, 0.3, 1e3] {
        let channel = Mat::from_fn(1, 1, |_, _| c64::new(0.6, -0.8));
        let problem = Problem::new(vec![channel], vec![2.0], noise_power)
            .unwrap()
            .with_signal_variance(vec![5.0])
            .unwrap();
        let certificate = solve(Relaxation::Mmse, &problem, 1e-8).certificate;
        let expected = 5.0 * noise_power / (noise_power + 2.0);
        assert!(
            certificate.lower <= expected && expected <= certificate.upper,
            "{expected}: {certificate:?}"
        );
    }
}

#[test]
fn relaxations_are_ordered_and_meet_as_noise_vanishes() {
    for seed in 0..4 {
        let noisy = mixed_problem(8, &[2, 3, 1, 4], 1.0, seed);
        let mut last = f64::INFINITY;
        for noise_power in [10.0, 1.0, 1e-3, 1e-6, 1e-9] {
            let problem =
                Problem::new(noisy.channels().to_vec(), noisy.transmit_power().to_vec(), noise_power)
                    .and_then(|problem| problem.with_signal_variance(noisy.signal_variance().to_vec()))
                    .unwrap();
            let [lambda_min, trace_inverse, mmse] =
                Relaxation::ALL.map(|relaxation| solve(relaxation, &problem, 1e-7).certificate);
            assert!(mmse.lower <= noise_power * trace_inverse.upper);
            assert!(trace_inverse.lower <= lambda_min.upper);
            let distance = 1.0 - mmse.upper / (noise_power * trace_inverse.upper);
            assert!(distance <= last + 1e-6, "seed {seed}, noise {noise_power}: {distance} after {last}");
            last = distance;
        }
        assert!(last.abs() < 1e-5, "seed {seed}: {last}");
    }
}

/// Only `p_n/v_n` matters to `trace_inverse`; `mmse` is homogeneous in `v_n`, `p_n` and `σ²` together.
#[test]
fn variances_enter_where_they_should() {
    let problem = mixed_problem(8, &[2, 3, 1], 0.5, 3);
    let budgets: Vec<f64> = problem
        .transmit_power()
        .iter()
        .zip(problem.signal_variance())
        .map(|(power, variance)| power / variance)
        .collect();
    let plain = Problem::new(problem.channels().to_vec(), budgets, 0.5).unwrap();
    let (a, b) =
        (value(Relaxation::TraceInverse, &problem, 1e-8), value(Relaxation::TraceInverse, &plain, 1e-8));
    assert_close(a, b, 1e-7, "trace_inverse");

    let times = |values: &[f64]| values.iter().map(|value| 7.0 * value).collect::<Vec<_>>();
    let scaled = Problem::new(problem.channels().to_vec(), times(problem.transmit_power()), 3.5)
        .and_then(|scaled| scaled.with_signal_variance(times(problem.signal_variance())))
        .unwrap();
    let (a, b) = (value(Relaxation::Mmse, &problem, 1e-8), value(Relaxation::Mmse, &scaled, 1e-8));
    assert_close(7.0 * a, b, 1e-7, "mmse");
}

/// Central differences of the optimal value by each power, in powers and variances of all sizes.
#[test]
fn power_sensitivities_are_derivatives() {
    let centre = mixed_problem(9, &[2, 4, 3], 0.7, 8);
    let step = 1e-3;
    for relaxation in Relaxation::ALL {
        let sensitivity = relaxation.power_sensitivity(&centre, &solve(relaxation, &centre, 1e-9)).unwrap();
        let largest =
            sensitivity.iter().zip(centre.transmit_power()).map(|(s, p)| (s * p).abs()).fold(0.0, f64::max);
        for device in 0..3 {
            let moved = |change: f64| {
                let mut power = centre.transmit_power().to_vec();
                power[device] *= 1.0 + change;
                let problem = Problem::new(centre.channels().to_vec(), power, 0.7)
                    .and_then(|problem| problem.with_signal_variance(centre.signal_variance().to_vec()))
                    .unwrap();
                value(relaxation, &problem, 1e-9)
            };
            // By the relative change of the power.
            let difference = (moved(step) - moved(-step)) / (2.0 * step);
            let expected = sensitivity[device] * centre.transmit_power()[device];
            assert!(
                (difference - expected).abs() < 1e-4 * largest,
                "{} device {device}: {difference} instead of {expected}",
                relaxation.name()
            );
        }
    }
}

#[test]
fn certificates_say_what_they_bound() {
    let scope = |relaxation, problem: &Problem| solve(relaxation, problem, 1e-4).certificate.scope;
    let square = paper_problem(2, 1);
    assert_eq!(scope(Relaxation::TraceInverse, &square), Scope::ZeroForcing);
    assert_eq!(scope(Relaxation::Mmse, &square), Scope::AnyTransceiver);
    let fewer = square.with_streams(3).unwrap();
    assert_eq!(scope(Relaxation::TraceInverse, &fewer), Scope::Program);
    assert_eq!(scope(Relaxation::Mmse, &fewer), Scope::Program);
}

#[test]
fn certificates_are_recomputed_from_the_points() {
    let problem = mixed_problem(8, &[2, 3, 1], 0.5, 4);
    for relaxation in SMOOTH {
        let solution = solve(relaxation, &problem, 1e-7);
        let again = relaxation.certify(&problem, solution.primal.as_ref(), &solution.dual).unwrap();
        assert_close(again.upper, solution.certificate.upper, 1e-11, relaxation.name());
        assert_close(again.lower, solution.certificate.lower, 1e-11, relaxation.name());
    }
}

#[test]
fn trace_inverse_refuses_channels_without_full_column_rank() {
    let mut channels = paper_problem(2, 1).channels().to_vec();
    for row in 0..20 {
        channels[1][(row, 3)] = channels[1][(row, 0)];
    }
    let problem = Problem::new(channels, vec![1.0; 2], 1.0).unwrap();
    let result = Relaxation::TraceInverse.solve(&problem, &Options::default());
    let expected = matches!(
        result,
        Err(Error::RankDeficient { quantity: Quantity::Channel, device: 1, columns: 4, .. })
    );
    assert!(expected, "{result:?}");
}

/// An antenna that is not heard costs `mmse` its symbol's variance, and nothing else changes.
#[test]
fn mmse_accepts_channels_without_full_column_rank() {
    let heard = mixed_problem(6, &[2, 1, 3], 0.2, 5);
    let expected = value(Relaxation::Mmse, &heard, 1e-8);
    let (power, variance) = (heard.transmit_power(), heard.signal_variance());

    let mut channels = heard.channels().to_vec();
    channels[1] = Mat::from_fn(6, 2, |i, j| if j == 0 { channels[1][(i, 0)] } else { c64::new(0.0, 0.0) });
    let problem =
        Problem::new(channels, power.to_vec(), 0.2).unwrap().with_signal_variance(variance.to_vec()).unwrap();
    assert_close(value(Relaxation::Mmse, &problem, 1e-7), expected + variance[1], 1e-7, "a zero column");

    // A device that is not heard at all, of two antennas and variance 1.
    let mut channels = heard.channels().to_vec();
    channels.push(Mat::zeros(6, 2));
    let with = |values: &[f64]| [values, &[1.0]].concat();
    let problem =
        Problem::new(channels, with(power), 0.2).unwrap().with_signal_variance(with(variance)).unwrap();
    assert_close(value(Relaxation::Mmse, &problem, 1e-7), expected + 2.0, 1e-7, "a zero channel");

    // A receive antenna that hears nothing.
    let deaf = |channel: &Mat<c64>| {
        Mat::from_fn(7, channel.ncols(), |i, j| if i < 6 { channel[(i, j)] } else { c64::new(0.0, 0.0) })
    };
    let channels = heard.channels().iter().map(deaf).collect();
    let problem =
        Problem::new(channels, power.to_vec(), 0.2).unwrap().with_signal_variance(variance.to_vec()).unwrap();
    assert_close(value(Relaxation::Mmse, &problem, 1e-7), expected, 1e-7, "a zero row");

    // More antennas than the server has, and nobody heard.
    let wide = mixed_problem(2, &[4, 3], 0.2, 6);
    assert!(
        value(Relaxation::Mmse, &wide, 1e-7) >= wide.signal_variance()[0] * 2.0 + wide.signal_variance()[1]
    );
    let silence = Problem::new(vec![Mat::zeros(3, 2), Mat::zeros(3, 1)], vec![1.0; 2], 1.0).unwrap();
    assert_close(value(Relaxation::Mmse, &silence, 1e-7), 3.0, 1e-7, "silence");
}

/// Noise from 1e-10 to 1e4, powers over four decades, variances over two, lines of sight up to 60 dB, square channels.
#[test]
fn extreme_problems_are_solved() {
    for (receive, transmit) in
        [(20, vec![4; 4]), (4, vec![4; 3]), (2, vec![2; 16]), (6, vec![1, 2, 4, 3]), (1, vec![1; 4])]
    {
        for line_of_sight in [0.0, 1.0, 31.6, 1000.0] {
            let fading = Fading::rician(c64::new(line_of_sight, 0.0), 1.0).unwrap();
            let blocks = BlockFading::new(fading, receive, &transmit, 5).unwrap();
            for (seed, channels) in blocks.take(3).enumerate() {
                for noise_power in [1e-10, 1e-4, 1.0, 1e4] {
                    let like = mixed_problem(receive, &transmit, noise_power, seed as u64);
                    let problem = Problem::new(channels.clone(), like.transmit_power().to_vec(), noise_power)
                        .and_then(|problem| problem.with_signal_variance(like.signal_variance().to_vec()))
                        .unwrap();
                    for relaxation in SMOOTH {
                        let result = relaxation.solve(&problem, &options(1e-6));
                        let name = relaxation.name();
                        assert!(
                            result.is_ok(),
                            "{name} R {receive} line {line_of_sight} noise {noise_power}: {result:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn many_devices_are_solved() {
    let problem = paper_problem(128, 2);
    for relaxation in SMOOTH {
        let solution = solve(relaxation, &problem, 1e-6);
        assert!(solution.iterations < 30, "{}: {}", relaxation.name(), solution.iterations);
    }
}

/// Few devices and many, at a receiver of 128 antennas: of the first only the subspace matters that they see.
#[test]
fn many_receive_antennas_are_solved() {
    for devices in [8, 128] {
        let channels = BlockFading::new(Fading::PAPER, 128, &vec![4; devices], 3).unwrap().block(0);
        let problem = Problem::new(channels, vec![1.0; devices], 1.0).unwrap();
        for relaxation in SMOOTH {
            let solution = solve(relaxation, &problem, 1e-6);
            assert!(solution.iterations < 30, "{} {devices}: {}", relaxation.name(), solution.iterations);
        }
    }
}

/// A Gauss–Markov sequence of correlation 0.99: the same values in fewer iterations.
#[test]
fn warm_starts_save_iterations() {
    let blocks = BlockFading::new(Fading::RAYLEIGH, 20, &[4; 4], 9).unwrap();
    let correlation: f64 = 0.99;
    let mut scattered = blocks.block(0);
    let mut problems = Vec::new();
    for index in 1..20 {
        for (state, fresh) in scattered.iter_mut().zip(blocks.block(index)) {
            let innovation = (1.0 - correlation * correlation).sqrt();
            *state = Mat::from_fn(20, 4, |i, j| state[(i, j)] * correlation + fresh[(i, j)] * innovation);
        }
        let channels = scattered.iter().map(|h| Mat::from_fn(20, 4, |i, j| h[(i, j)] + c64::new(1.0, 0.0)));
        problems.push(Problem::new(channels.collect(), vec![1.0; 4], 1.0).unwrap());
    }
    // Cold, `mmse` takes about four iterations to this gap: there is little left to save.
    for (relaxation, most) in [(Relaxation::TraceInverse, 0.75), (Relaxation::Mmse, 0.95)] {
        let mut solver = Solver::new(relaxation, options(1e-4)).unwrap();
        solver.solve(&problems[0]).unwrap();
        let (mut warm, mut cold) = (0, 0);
        for problem in &problems[1..] {
            let started = solver.solve(problem).unwrap();
            let fresh = solve(relaxation, problem, 1e-4);
            assert!(started.certificate.lower <= fresh.certificate.upper);
            assert!(fresh.certificate.lower <= started.certificate.upper);
            warm += started.iterations;
            cold += fresh.iterations;
        }
        assert!((warm as f64) < most * cold as f64, "{}: {warm} instead of {cold}", relaxation.name());
    }
}

/// From the solution of an unrelated problem, and of one that differs in scale by 120 dB.
#[test]
fn unrelated_warm_starts_do_no_harm() {
    for relaxation in SMOOTH {
        let mut solver = Solver::new(relaxation, options(1e-6)).unwrap();
        for (seed, noise_power) in [(1, 1.0), (2, 1e-6), (3, 1e6), (4, 1.0)] {
            let problem = mixed_problem(8, &[2, 3, 1], noise_power, seed);
            let expected = value(relaxation, &problem, 1e-6);
            let found = solver.solve(&problem).unwrap().certificate.upper;
            assert_close(found, expected, 2e-6, relaxation.name());
        }
    }
}

#[test]
fn iteration_limits_are_enforced() {
    for relaxation in SMOOTH {
        match relaxation.solve(&paper_problem(3, 1), &Options { max_iterations: 2, ..Options::default() }) {
            Err(Error::NotConverged { iterations: 2, lower, upper, .. }) => {
                assert!(0.0 < lower && lower < upper)
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A line of sight 40 dB above what is scattered, where the estimates of a step by the last go in circles.
#[test]
fn steps_that_make_new_residuals_do_not_go_in_circles() {
    const ENTRIES: [(f64, f64); 42] = [
        (-22.3, 1.2),
        (6.6, 5.0),
        (-11.0, -45.9),
        (-22.5, 0.9),
        (6.9, 5.0),
        (-10.7, -46.0),
        (-21.9, 1.1),
        (6.7, 5.0),
        (-11.0, -46.3),
        (-22.3, 0.6),
        (6.6, 5.0),
        (-11.0, -46.1),
        (-22.3, 0.9),
        (6.5, 5.0),
        (-10.6, -46.5),
        (-22.5, 1.0),
        (6.6, 5.0),
        (-11.0, -45.8),
        (-31.0, 16.3),
        (49.7, -23.5),
        (-31.2, 17.7),
        (49.4, -24.0),
        (-31.2, 16.5),
        (49.5, -24.0),
        (-32.4, 15.9),
        (49.1, -24.3),
        (-31.1, 17.6),
        (49.7, -24.4),
        (-31.0, 16.5),
        (49.3, -24.0),
        (22.4, 7.7),
        (4.3, -10.5),
        (22.2, 7.8),
        (4.4, -10.5),
        (22.3, 7.6),
        (4.4, -10.3),
        (22.3, 7.7),
        (4.7, -10.3),
        (22.4, 7.7),
        (4.6, -10.3),
        (22.3, 7.5),
        (4.6, -10.4),
    ];
    let mut entries = ENTRIES.chunks_exact(6);
    let mut channel = |columns: usize| {
        let entries: Vec<(f64, f64)> = entries.by_ref().take(columns).flatten().copied().collect();
        Mat::from_fn(6, columns, |i, j| c64::new(entries[i * columns + j].0, entries[i * columns + j].1))
    };
    let channels = [3, 2, 2].map(&mut channel).to_vec();
    let problem = Problem::new(channels, vec![4.0, 0.0625, 0.25], 64.0).unwrap().with_streams(2).unwrap();
    let problem = problem.with_signal_variance(vec![4.0, 0.125, 0.25]).unwrap();
    for relative_gap in [1e-4, 1e-6, 1e-9] {
        let options = Options { relative_gap, ..Default::default() };
        let solution = Relaxation::Mmse.solve(&problem, &options).unwrap();
        assert!(solution.iterations <= 10, "{relative_gap:e}: {} iterations", solution.iterations);
    }
}
