//! Closed forms against refinement and the relaxations; baselines within power and as good as they claim.

use crate::common::paper_problem;
use faer::{Mat, c64};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use solver::baseline::{
    equal_power, scalar_power_control, single_device, single_device_bound, truncated_inversion,
};
use solver::channel::{BlockFading, Fading};
use solver::recovery::{DesignOptions, Refinement, design, refine, scaled_zero_forcing};
use solver::relaxation::{Options, mmse};
use solver::transceiver::Transceiver;
use solver::{Error, Problem, Quantity};

fn error(problem: &Problem, transceiver: &Transceiver) -> f64 {
    transceiver.check_power(problem).unwrap();
    transceiver.mean_squared_error(problem).unwrap().total()
}

/// Scalar channels with the given gains, powers and noise.
fn scalar(gains: &[c64], powers: Vec<f64>, noise: f64) -> Problem {
    Problem::new(gains.iter().map(|&gain| Mat::full(1, 1, gain)).collect(), powers, noise).unwrap()
}

/// Two devices by hand: c = (1/2, 2), σ² = 1. a_1 = 0.5/1.25 = 0.4, a_2 = 2.5/5.25 = 10/21: both below their thresholds, so both at
/// full power.
#[test]
fn scalar_power_control_by_hand() {
    let problem = scalar(&[c64::new(0.0, 0.5), c64::new(-2.0, 0.0)], vec![1.0, 1.0], 1.0);
    let transceiver = scalar_power_control(&problem).unwrap();
    let a = transceiver.aggregator()[(0, 0)];
    assert!((a - c64::new(10.0 / 21.0, 0.0)).norm() < 1e-15);
    // 1/21² + (16/21)² + (10/21)² = 357/441.
    assert!((error(&problem, &transceiver) - 357.0 / 441.0).abs() < 1e-14);
    // At σ² = 0.01 the strong device inverts: a = 0.5/0.26, |b_2| = 0.26.
    let problem = scalar(&[c64::new(0.0, 0.5), c64::new(-2.0, 0.0)], vec![1.0, 1.0], 0.01);
    let transceiver = scalar_power_control(&problem).unwrap();
    assert!((transceiver.aggregator()[(0, 0)].re - 0.5 / 0.26).abs() < 1e-14);
    assert!((transceiver.precoders()[1][(0, 0)] - c64::new(-0.26, 0.0)).norm() < 1e-14);
    assert!((transceiver.precoders()[0][(0, 0)] - c64::new(0.0, -1.0)).norm() < 1e-14);
}

#[test]
fn scalar_power_control_needs_scalars() {
    let result = scalar_power_control(&paper_problem(2, 1));
    assert!(matches!(
        result,
        Err(Error::Shape { quantity: Quantity::Channel, device: 0, expected: (1, 1), found: (20, 4) })
    ));
    // A device that is not heard costs its variance, and all of them leave the server deaf.
    let zero = c64::new(0.0, 0.0);
    let problem = scalar(&[zero, c64::new(1.0, 0.0)], vec![1.0; 2], 1e-12);
    assert!((error(&problem, &scalar_power_control(&problem).unwrap()) - 1.0).abs() < 1e-9);
    let problem = scalar(&[zero, zero], vec![1.0; 2], 1.0);
    assert_eq!(error(&problem, &scalar_power_control(&problem).unwrap()), 2.0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: proptest::test_runner::RngSeed::Fixed(11), ..ProptestConfig::default() })]

    /// With one antenna everywhere the `mmse` relaxation is exact, and three ways to the optimum meet: the closed form, refinement from
    /// anywhere, the certified bound.
    #[test]
    fn scalar_power_control_is_optimal(
        devices in 1_usize..12,
        decades in prop::collection::vec(-1.0_f64..1.0, 24),
        noise in -2.0_f64..1.0,
        seed in 0_u64..1000,
    ) {
        let channels = BlockFading::new(Fading::RAYLEIGH, 1, &vec![1; devices], seed).unwrap().block(0);
        let powers = decades[..devices].iter().map(|x| 10.0_f64.powf(*x)).collect();
        let variances = decades[12..12 + devices].iter().map(|x| 10.0_f64.powf(*x)).collect();
        let problem = Problem::new(channels, powers, 10.0_f64.powf(noise)).unwrap();
        let problem = problem.with_signal_variance(variances).unwrap();
        let optimum = error(&problem, &scalar_power_control(&problem).unwrap());
        let options = Options { relative_gap: 1e-6, ..Options::default() };
        let bound = mmse::lower_bound(&problem, &options).unwrap().unwrap();
        prop_assert!(bound <= optimum && optimum <= bound * (1.0 + 1e-5), "{bound} {optimum}");
        let start = Mat::full(1, 1, c64::new(0.1, 0.0));
        let refined = refine(&problem, start.as_ref(), &Refinement::default()).unwrap();
        prop_assert!((refined.mse / optimum - 1.0).abs() < 1e-6, "{} {optimum}", refined.mse);
    }

    /// One device, any shape and `L ≤ T`: the closed form is what refinement finds from a random start, and never above it.
    #[test]
    fn single_device_is_optimal(
        receive in 1_usize..7,
        transmit in 1_usize..6,
        streams in 1_usize..6,
        noise in -2.0_f64..1.5,
        variance in 0.1_f64..10.0,
        seed in 0_u64..1000,
    ) {
        let channels = BlockFading::new(Fading::PAPER, receive, &[transmit], seed).unwrap().block(0);
        let problem = Problem::new(channels, vec![2.0], 10.0_f64.powf(noise)).unwrap();
        let streams = streams.min(problem.streams());
        let problem = problem.with_streams(streams).unwrap().with_signal_variance(vec![variance]).unwrap();
        let optimum = error(&problem, &single_device(&problem).unwrap());
        prop_assert!((single_device_bound(&problem).unwrap() / optimum - 1.0).abs() < 1e-9);
        let mut best = f64::INFINITY;
        for start in 0..4 {
            let start = BlockFading::new(Fading::RAYLEIGH, receive, &[streams], start).unwrap().block(0).remove(0);
            best = best.min(refine(&problem, start.as_ref(), &Refinement::default()).unwrap().mse);
        }
        prop_assert!(best >= optimum * (1.0 - 1e-9) && best <= optimum * (1.0 + 1e-3), "{best} {optimum}");
    }

    /// Every transceiver of many devices is above each device's own optimum.
    #[test]
    fn single_devices_bound_the_sum(seed in 0_u64..1000, streams in 1_usize..4, devices in 1_usize..4) {
        let problem = paper_problem(devices, seed).with_streams(streams).unwrap();
        let bound = single_device_bound(&problem).unwrap();
        let design = design(&problem, &DesignOptions::default()).unwrap();
        prop_assert!(bound > 0.0 && bound <= design.mse * (1.0 + 1e-9));
        prop_assert!(bound <= design.bound.unwrap());
    }
}

/// For `T = L` the closed form also meets the relaxation's certified interval.
#[test]
fn single_device_meets_the_relaxation() {
    for seed in 0..5 {
        let problem = paper_problem(1, seed);
        let solution = mmse::solve(&problem, &Options { relative_gap: 1e-9, ..Options::default() }).unwrap();
        let optimum = error(&problem, &single_device(&problem).unwrap());
        let certificate = solution.certificate;
        assert!(certificate.lower <= optimum * (1.0 + 1e-12), "{certificate:?} {optimum}");
        assert!(optimum <= certificate.upper * (1.0 + 1e-12), "{certificate:?} {optimum}");
    }
    assert!(matches!(
        single_device(&paper_problem(2, 1)),
        Err(Error::DeviceCount { quantity: Quantity::Channel, devices: 1, found: 2 })
    ));
}

/// At low signal-to-noise ratio only the strongest direction is worth power: singular values 2 and 0.5, σ² = 1, p = 0.5.
#[test]
fn a_single_device_drops_weak_directions() {
    let diagonal = Mat::from_fn(2, 2, |i, j| c64::new([[2.0, 0.0], [0.0, 0.5]][i][j], 0.0));
    let problem = Problem::new(vec![diagonal], vec![0.5], 1.0).unwrap();
    let transceiver = single_device(&problem).unwrap();
    assert!((transceiver.precoders()[0].norm_l2().powi(2) - 0.5).abs() < 1e-14);
    // 1/(1 + 4·0.5) + 1.
    assert!((error(&problem, &transceiver) - 4.0 / 3.0).abs() < 1e-14);
    let problem = Problem::new(vec![Mat::zeros(3, 2)], vec![1.0], 1.0).unwrap();
    assert_eq!(error(&problem, &single_device(&problem).unwrap()), 2.0);
}

/// Equal power spends every budget, and knowing the channel is worth a lot.
#[test]
fn equal_power_is_beaten_by_design() {
    for problem in [
        paper_problem(4, 1),
        paper_problem(4, 2).with_streams(2).unwrap(),
        paper_problem(4, 3).with_signal_variance(vec![0.1, 1.0, 2.0, 5.0]).unwrap(),
    ] {
        let transceiver = equal_power(&problem).unwrap();
        for (used, limit) in transceiver.transmit_power(&problem).iter().zip(problem.transmit_power()) {
            assert!((used / limit - 1.0).abs() < 1e-12);
        }
        let design = design(&problem, &DesignOptions::default()).unwrap();
        let silence: f64 = problem.signal_variance().iter().sum::<f64>() * problem.streams() as f64;
        let mse = error(&problem, &transceiver);
        assert!(design.mse < mse && mse < silence, "{} {mse} {silence}", design.mse);
    }
}

/// Truncation: threshold 0 is zero forcing, each silent direction costs `v_n` and lowers the noise.
#[test]
fn truncated_inversion_trades_mismatch_for_noise() {
    let problem = paper_problem(4, 5).with_signal_variance(vec![1.0, 0.5, 2.0, 1.0]).unwrap();
    let aggregator = problem.channels()[0].clone();
    let forced = scaled_zero_forcing(&problem, aggregator.as_ref()).unwrap();
    let all = truncated_inversion(&problem, aggregator.as_ref(), 0.0).unwrap();
    assert!((error(&problem, &all) / error(&problem, &forced) - 1.0).abs() < 1e-9);
    let mut last = all.mean_squared_error(&problem).unwrap();
    for threshold in [1e-3, 1e-2, 0.1, 0.5, 1.0] {
        let transceiver = truncated_inversion(&problem, aggregator.as_ref(), threshold).unwrap();
        transceiver.check_power(&problem).unwrap();
        let now = transceiver.mean_squared_error(&problem).unwrap();
        // Variances are multiples of 1/2, so the lost symbols are too.
        assert!((2.0 * now.mismatch - (2.0 * now.mismatch).round()).abs() < 1e-8, "{now:?}");
        assert!(now.mismatch >= last.mismatch - 1e-8 && now.noise <= last.noise * (1.0 + 1e-9));
        last = now;
    }
    // 18 symbol variances in all (4·4.5), of which the strongest direction is kept.
    assert!(last.mismatch >= 16.0 && last.mismatch < 18.0, "{last:?}");
}

/// Scalars as in the source: the device in a deep fade is silent, the others invert at `√ρ/h_n`.
#[test]
fn truncated_inversion_in_the_scalar_setting() {
    let gains = [c64::new(1.0, 0.0), c64::new(0.0, 2.0), c64::new(0.01, 0.0)];
    let problem = scalar(&gains, vec![1.0; 3], 0.5);
    let transceiver =
        truncated_inversion(&problem, Mat::full(1, 1, c64::new(3.0, 0.0)).as_ref(), 0.1).unwrap();
    let sent: Vec<f64> = transceiver.transmit_power(&problem);
    assert!((sent[0] - 1.0).abs() < 1e-12 && (sent[1] - 0.25).abs() < 1e-12 && sent[2] == 0.0, "{sent:?}");
    assert!((error(&problem, &transceiver) - 1.5).abs() < 1e-12);
    let best = error(&problem, &scalar_power_control(&problem).unwrap());
    assert!(best < 1.5);
}

#[test]
fn truncated_inversion_refuses_bad_input() {
    let problem = paper_problem(2, 1);
    let aggregator = problem.channels()[0].clone();
    for threshold in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let result = truncated_inversion(&problem, aggregator.as_ref(), threshold);
        assert!(matches!(result, Err(Error::InvalidOption { option: "threshold", .. })));
    }
    let result = truncated_inversion(&problem, Mat::zeros(20, 3).as_ref(), 0.5);
    assert!(matches!(result, Err(Error::Shape { quantity: Quantity::Aggregator, .. })));
    // Nothing is heard along a zero aggregator: everybody is silent.
    let silent = truncated_inversion(&problem, Mat::zeros(20, 4).as_ref(), 0.5).unwrap();
    assert_eq!(error(&problem, &silent), 8.0);
}

/// At every limit, however small against `1/g`, the closed form spends the limit and no more, and is never above full power into one stream.
#[test]
fn single_device_spends_its_limit() {
    let diagonal = Mat::from_fn(2, 2, |i, j| c64::new(if i == j { [0.9, 0.7][i] } else { 0.0 }, 0.0));
    for power in [1.0, 1e-6, 1e-9, 1e-12, 1e-15, 1e-16, 1e-20, 1e-100, 1e-300] {
        let problem = Problem::new(vec![diagonal.clone()], vec![power], 1.0).unwrap();
        let spent = single_device(&problem).unwrap().transmit_power(&problem)[0];
        assert!((spent / power - 1.0).abs() < 1e-12, "{spent:e} of {power:e}");
    }
    let mut draws = Fading::RAYLEIGH.draw(1, 2000 * 6, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    let mut next = |decades: f64| {
        let column = draws.ncols() - 1;
        let exponent = draws[(0, column)].re.clamp(-2.0, 2.0) * decades / 2.0;
        draws.truncate(1, column);
        10.0_f64.powf(exponent)
    };
    for seed in 0..2000 {
        let decades = 1.0 + (seed % 6) as f64;
        let (receive, transmit) = (1 + seed % 4, 1 + seed / 4 % 3);
        let channel =
            BlockFading::new(Fading::RAYLEIGH, receive, &[transmit], seed as u64).unwrap().block(0).remove(0);
        let gains: Vec<f64> = (0..transmit).map(|_| next(decades)).collect();
        let channel = Mat::from_fn(receive, transmit, |i, j| channel[(i, j)] * gains[j]);
        let problem = Problem::new(vec![channel.clone()], vec![next(decades)], next(decades)).unwrap();
        let problem = problem.with_signal_variance(vec![next(decades)]).unwrap();
        let (limit, variance) = (problem.transmit_power()[0], problem.signal_variance()[0]);
        let transceiver = single_device(&problem).unwrap();
        let spent = transceiver.transmit_power(&problem)[0];
        assert!((spent / limit - 1.0).abs() < 1e-9, "{seed}: {spent:e} of {limit:e}");
        let optimum = error(&problem, &transceiver);
        let bound = single_device_bound(&problem).unwrap();
        // The bound allows for the rounding of the singular values, relative to the largest.
        let singular = channel.singular_values().unwrap();
        let strongest = singular.iter().copied().fold(0.0, f64::max);
        let weakest = singular.iter().copied().fold(f64::INFINITY, f64::min);
        let within = 1e-11 + 1e-13 * strongest / weakest;
        assert!(bound <= optimum && optimum <= bound * (1.0 + within), "{seed}: {bound:e} {optimum:e}");
        let alone = problem.streams() as f64 - 1.0
            + 1.0 / (1.0 + limit * strongest * strongest / problem.noise_power());
        assert!(optimum <= variance * alone * (1.0 + 1e-9), "{seed}: {optimum:e}");
    }
}

/// Gains whose squares leave the floating-point range.
#[test]
fn single_device_at_the_ends_of_the_range() {
    for (gain, noise) in [(1e150, 1e-9), (1e-160, 1e-300), (1e-200, 1e-300)] {
        let channel =
            Mat::from_fn(2, 2, |i, j| c64::new(if i == j { [1.0, 0.5][i] * gain } else { 0.0 }, 0.0));
        let problem = Problem::new(vec![channel], vec![1.0], noise).unwrap();
        let optimum = error(&problem, &single_device(&problem).unwrap());
        let bound = single_device_bound(&problem).unwrap();
        assert!(bound <= optimum && optimum <= bound * (1.0 + 1e-9), "{gain:e}: {bound:e} {optimum:e}");
    }
}
