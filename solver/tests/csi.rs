//! Designs on estimates do on the true channels what their formulas say.

use crate::common::{assert_within, mean_and_error, paper_problem};
use faer::{Mat, c64};
use solver::Problem;
use solver::channel::{BlockFading, Fading};
use solver::csi::{self, Alternation, ChannelError};
use solver::recovery::{Refined, Refinement, alternating, gaussian_randomization, refine};
use solver::relaxation::{Options, lambda_min, mmse};
use solver::transceiver::{Transceiver, power_limited};

/// A problem on estimates, with unequal powers, variances, antennas and errors, so that no factor can be misplaced unseen.
fn unequal(seed: u64) -> (Problem, ChannelError) {
    let estimates = BlockFading::new(Fading::PAPER, 8, &[2, 3, 4], seed).unwrap().block(0);
    let problem = Problem::new(estimates, vec![1.0, 3.0, 10.0], 0.7).unwrap();
    let problem = problem.with_signal_variance(vec![0.5, 1.0, 2.0]).unwrap();
    (problem, ChannelError::new(vec![0.4, 0.0, 0.1]).unwrap())
}

/// The same with devices that serve one, two and three of four sums, more sums than the first two have antennas.
fn uneven(seed: u64) -> (Problem, ChannelError) {
    let (problem, error) = unequal(seed);
    (problem.with_device_streams(vec![vec![2], vec![0, 3], vec![0, 1, 3]]).unwrap(), error)
}

/// An aggregator for both: columns of the widest channel.
fn start(problem: &Problem) -> Mat<c64> {
    problem.channels()[2].subcols(0, problem.streams()).to_owned()
}

/// Refinement from the papers' start.
fn design(problem: &Problem) -> Refined {
    let relaxed = lambda_min::solve(problem, &Default::default()).unwrap();
    let start = gaussian_randomization(problem, relaxed.primal.as_ref(), &Default::default()).unwrap();
    refine(problem, start.aggregator(), &Default::default()).unwrap()
}

/// The average over 20000 draws of the true channels is the closed form, part by part.
#[test]
fn averaged_error_is_the_average() {
    for (estimated, error) in [unequal(4), uneven(4)] {
        let transceiver = power_limited(&estimated, start(&estimated).as_ref()).unwrap();
        let expected = csi::mean_squared_error(&estimated, &error, &transceiver).unwrap();
        let known = transceiver.mean_squared_error(&estimated).unwrap();
        assert!(expected.mismatch > 1.2 * known.mismatch, "the errors must matter here");
        let draws = (0..20_000).map(|draw| {
            let truth = error.channels(estimated.channels(), 8, draw).unwrap();
            let truth = csi::with_channels(&estimated, truth).unwrap();
            let met = transceiver.mean_squared_error(&truth).unwrap();
            assert_eq!(met.noise, expected.noise);
            met.mismatch
        });
        assert_within(draws, expected.mismatch);
    }
}

/// Without errors everything is as if there were no such thing.
#[test]
fn no_error_is_the_identity() {
    let (estimated, _) = unequal(4);
    let none = ChannelError::new(vec![0.0; 3]).unwrap();
    let transceiver = power_limited(&estimated, estimated.channels()[0].as_ref()).unwrap();
    assert_eq!(csi::robust(&estimated, &none).unwrap().noise_power(), estimated.noise_power());
    assert_eq!(
        csi::mean_squared_error(&estimated, &none, &transceiver).unwrap(),
        transceiver.mean_squared_error(&estimated).unwrap()
    );
    assert_eq!(none.channels(estimated.channels(), 1, 0).unwrap(), estimated.channels());
    let moved = csi::with_channels(&estimated, estimated.channels().to_vec()).unwrap();
    assert_eq!(moved.streams(), estimated.streams());
    assert_eq!(moved.signal_variance(), estimated.signal_variance());
    assert_eq!(moved.transmit_power(), estimated.transmit_power());
}

/// The robust problem's error is the average at full power and above it at less.
#[test]
fn robust_error_bounds_the_average() {
    for seed in 0..10 {
        let (estimated, error) = unequal(seed);
        let robust = csi::robust(&estimated, &error).unwrap();
        assert!((robust.noise_power() - (0.7 + 0.4 + 10.0 * 0.1)).abs() < 1e-12);
        // Small aggregators ask for full power; large ones leave most of it.
        for (scale, full) in [(1e-3, true), (10.0, false)] {
            let start = &estimated.channels()[0];
            let start = Mat::from_fn(start.nrows(), start.ncols(), |i, j| start[(i, j)] * scale);
            let transceiver = power_limited(&robust, start.as_ref()).unwrap();
            let upper = transceiver.mean_squared_error(&robust).unwrap().total();
            let average = csi::mean_squared_error(&estimated, &error, &transceiver).unwrap().total();
            if full {
                assert!((upper - average).abs() < 1e-8 * upper, "{upper} {average}");
            } else {
                assert!(average < 0.99 * upper, "{upper} {average}");
            }
        }
    }
}

/// On the true channels, averaged over estimates and errors: naive > robust, by more than chance; and alternation is no worse.
#[test]
fn robust_designs_win_on_the_true_channels() {
    let fading = Fading::PAPER;
    let error = ChannelError::from_pilots(&fading, 1, &[0.5, 0.5, 2.0, 2.0]).unwrap();
    let (mut robust_gain, mut alternated_gain) = (Vec::new(), Vec::new());
    for seed in 0..40 {
        let truth = BlockFading::new(fading, 12, &[2; 4], 100).unwrap().block(seed);
        let estimates = error.estimates(&fading, &truth, 200, seed).unwrap();
        let estimated = Problem::new(estimates, vec![1.0, 1.0, 10.0, 10.0], 0.3).unwrap();
        let truth = csi::with_channels(&estimated, truth).unwrap();
        let naive = design(&estimated).transceiver;
        let robust = design(&csi::robust(&estimated, &error).unwrap()).transceiver;
        let alternated =
            csi::alternate(&estimated, &error, robust.aggregator(), &Default::default()).unwrap();
        let met = |transceiver: &Transceiver| transceiver.mean_squared_error(&truth).unwrap().total();
        robust_gain.push(met(&naive) - met(&robust));
        alternated_gain.push(met(&robust) - met(&alternated.transceiver));
    }
    let (gain, uncertainty) = mean_and_error(robust_gain);
    assert!(gain > 4.0 * uncertainty, "{gain} ± {uncertainty}");
    let (gain, uncertainty) = mean_and_error(alternated_gain);
    assert!(gain > 4.0 * uncertainty, "{gain} ± {uncertainty}");
}

/// Alternation: never worse than its start, iteration by iteration; within the power limits; stationary where it ends.
#[test]
fn alternation_descends_to_a_stationary_point() {
    for seed in 0..5 {
        let (estimated, error) = unequal(seed);
        let robust = design(&csi::robust(&estimated, &error).unwrap()).transceiver;
        assert_descent(&estimated, &error, &robust);
    }
}

/// The same where devices serve some of the sums only; there without errors it is the alternation that knows none.
#[test]
fn alternation_knows_device_streams() {
    for seed in 0..5 {
        let (estimated, error) = uneven(seed);
        let robust = csi::robust(&estimated, &error).unwrap();
        let robust = refine(&robust, start(&robust).as_ref(), &Refinement::default()).unwrap().transceiver;
        assert_descent(&estimated, &error, &robust);

        let none = ChannelError::new(vec![0.0; 3]).unwrap();
        let (decrease, max_iterations) = (0.0, 50);
        let options = Alternation { decrease, max_iterations };
        let alternated = csi::alternate(&estimated, &none, start(&estimated).as_ref(), &options).unwrap();
        let options = Refinement { decrease, max_iterations: max_iterations as u64 };
        let known = alternating(&estimated, start(&estimated).as_ref(), &options).unwrap();
        assert!((alternated.mse / known.mse - 1.0).abs() < 1e-10, "{} {}", alternated.mse, known.mse);
    }
}

fn assert_descent(estimated: &Problem, error: &ChannelError, robust: &Transceiver) {
    let mut last = csi::mean_squared_error(estimated, error, robust).unwrap().total();
    for max_iterations in 1..20 {
        let options = Alternation { decrease: 0.0, max_iterations };
        let step = csi::alternate(estimated, error, robust.aggregator(), &options).unwrap();
        assert!(step.mse <= last, "{} {last}", step.mse);
        last = step.mse;
    }
    let options = Alternation { decrease: 1e-13, max_iterations: 100_000 };
    let end = csi::alternate(estimated, error, robust.aggregator(), &options).unwrap();
    assert!(end.converged);
    end.transceiver.check_power(estimated).unwrap();
    // No small change of the aggregator, or of a precoder within its limit, does better to first order.
    let aggregator = end.transceiver.aggregator().to_owned();
    let precoders = end.transceiver.precoders().to_vec();
    let value = |aggregator: Mat<c64>, precoders: Vec<Mat<c64>>| {
        let moved = Transceiver::new(estimated, aggregator, precoders).unwrap();
        csi::mean_squared_error(estimated, error, &moved).unwrap().total()
    };
    let step = 1e-4;
    for direction in [c64::new(step, 0.0), c64::new(0.0, step), c64::new(-step, 0.0), c64::new(0.0, -step)] {
        for (i, j) in [(0, 0), (3, 1), (7, 0)] {
            let mut moved = aggregator.clone();
            moved[(i, j)] += direction;
            assert!(value(moved, precoders.clone()) > end.mse * (1.0 - 1e-7));
        }
        for device in 0..3 {
            let mut moved = precoders.clone();
            moved[device][(1, 0)] += direction;
            let budget = estimated.transmit_power()[device] / estimated.signal_variance()[device];
            let norm = moved[device].squared_norm_l2();
            if norm > budget {
                let scale = (budget / norm).sqrt();
                moved[device] = Mat::from_fn(moved[device].nrows(), moved[device].ncols(), |i, j| {
                    moved[device][(i, j)] * scale
                });
            }
            assert!(value(aggregator.clone(), moved) > end.mse * (1.0 - 1e-7));
        }
    }
}

/// What the lower bounds bound: at the estimates and of `csi`, every transceiver's average; at the robust problem, those at full power,
/// and not those at less.
#[test]
fn lower_bounds_hold_for_what_they_say() {
    let options = Options { relative_gap: 1e-4, ..Default::default() };
    let mut undercut = 0;
    for seed in 0..6 {
        let estimates = BlockFading::new(Fading::PAPER, 8, &[2; 3], seed).unwrap().block(0);
        let estimated = Problem::new(estimates, vec![0.5, 0.5, 50.0], 0.5).unwrap();
        let error = ChannelError::new(vec![0.3; 3]).unwrap();
        let robust = csi::robust(&estimated, &error).unwrap();
        let at_estimates = mmse::lower_bound(&estimated, &options).unwrap().unwrap();
        let at_robust = mmse::lower_bound(&robust, &options).unwrap().unwrap();
        let designed = design(&robust).transceiver;
        let alternated =
            csi::alternate(&estimated, &error, designed.aggregator(), &Default::default()).unwrap();
        let bound = csi::lower_bound(&estimated, &error, &alternated.transceiver, &options).unwrap().unwrap();
        assert!(
            at_estimates <= bound && bound <= alternated.mse,
            "{at_estimates} {bound} {}",
            alternated.mse
        );
        // It holds for every design, and whatever the design that it is asked for with.
        let naive = design(&estimated).transceiver;
        let loose = csi::lower_bound(&estimated, &error, &naive, &options).unwrap().unwrap();
        for other in [&naive, &designed, &alternated.transceiver] {
            let average = csi::mean_squared_error(&estimated, &error, other).unwrap().total();
            assert!(average >= bound && average >= loose);
        }
        undercut += usize::from(alternated.mse < at_robust);
        // Full power: the designed precoders scaled up to their limits.
        let precoders = designed.precoders().iter().enumerate().map(|(device, precoder)| {
            let scale = (estimated.transmit_power()[device] / precoder.squared_norm_l2()).sqrt();
            Mat::from_fn(precoder.nrows(), precoder.ncols(), |i, j| precoder[(i, j)] * scale)
        });
        let full =
            Transceiver::new(&estimated, designed.aggregator().to_owned(), precoders.collect()).unwrap();
        assert!(csi::mean_squared_error(&estimated, &error, &full).unwrap().total() > at_robust);
    }
    assert!(undercut > 0, "slack power should undercut the robust problem's bound somewhere");
}

/// Two devices: the relaxation has a solution of rank `L`, so the alternation's end is optimal, and the bound proves it. Without errors the
/// bound is that of the `mmse` relaxation; where some device has more antennas than streams there is none.
#[test]
fn lower_bound_is_tight_for_two_devices() {
    let options = Options { relative_gap: 1e-6, ..Default::default() };
    for seed in 0..4 {
        let estimates = BlockFading::new(Fading::PAPER, 12, &[3; 2], seed).unwrap().block(0);
        let estimated = Problem::new(estimates, vec![1.0, 10.0], 0.5).unwrap();
        let estimated = estimated.with_signal_variance(vec![0.5, 2.0]).unwrap();
        let error = ChannelError::new(vec![0.3, 0.2]).unwrap();
        let start = design(&csi::robust(&estimated, &error).unwrap()).transceiver;
        let settings = Alternation { decrease: 1e-12, max_iterations: 10_000 };
        let end = csi::alternate(&estimated, &error, start.aggregator(), &settings).unwrap();
        let bound = csi::lower_bound(&estimated, &error, &end.transceiver, &options).unwrap().unwrap();
        assert!(bound <= end.mse * (1.0 + 1e-9) && bound > 0.999 * end.mse, "{bound} {}", end.mse);

        let none = ChannelError::new(vec![0.0; 2]).unwrap();
        let refined = design(&estimated);
        let bound = csi::lower_bound(&estimated, &none, &refined.transceiver, &options).unwrap().unwrap();
        let expected = mmse::lower_bound(&estimated, &options).unwrap().unwrap();
        assert!((bound / expected - 1.0).abs() < 1e-4, "{bound} {expected}");
    }
    let (wide, error) = unequal(1);
    let transceiver = power_limited(&wide, wide.channels()[0].as_ref()).unwrap();
    assert_eq!(csi::lower_bound(&wide, &error, &transceiver, &options).unwrap(), None);
}

/// Channels at the ends of the floating-point range end in numbers or in errors, never in NaN or a panic.
#[test]
fn extreme_scales_are_solved_or_refused() {
    for scale in [1e-300, 1e-160, 1e-80, 1e-8, 1e8, 1e80, 1e160, 1e300] {
        let channels = paper_problem(2, 1)
            .channels()
            .iter()
            .map(|h| Mat::from_fn(20, 4, |i, j| h[(i, j)] * scale))
            .collect();
        let estimated = Problem::new(channels, vec![1.0; 2], 1.0).unwrap();
        for variance in [0.0, 1e-300, 1.0, 1e300] {
            let error = ChannelError::new(vec![variance; 2]).unwrap();
            let start = Mat::from_fn(20, 4, |i, j| estimated.channels()[0][(i, j)] / scale);
            let options = Alternation { max_iterations: 20, ..Default::default() };
            let Ok(end) = csi::alternate(&estimated, &error, start.as_ref(), &options) else { continue };
            assert!(end.mse.is_finite() && end.mse >= 0.0, "{scale} {variance}");
            if let Ok(bound) = csi::lower_bound(&estimated, &error, &end.transceiver, &Default::default()) {
                assert!(
                    bound.unwrap() <= end.mse * (1.0 + 1e-9),
                    "{scale} {variance}: {bound:?} {}",
                    end.mse
                );
            }
        }
    }
}
