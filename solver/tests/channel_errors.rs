//! What is known of the channels: errors are what their formulas say, whoever simulates them.

use crate::common::{assert_within, entries, paper_problem};
use faer::{Mat, c64};
use solver::channel::{BlockFading, Fading, GaussMarkov};
use solver::csi::{self, Alternation, ChannelError};
use solver::transceiver::power_limited;
use solver::{Error, Quantity};

/// The law of true channels given estimates, and of estimates given true channels: both leave an error of the variance
/// claimed, independent of the estimate.
#[test]
fn errors_are_independent_of_estimates() {
    let fading = Fading::rician(c64::new(1.0, 0.5), 1.5).unwrap();
    let error = ChannelError::new(vec![0.0, 0.3, 1.5]).unwrap();
    let truth = BlockFading::new(fading, 100, &[100; 3], 5).unwrap().block(0);
    let estimates = error.estimates(&fading, &truth, 6, 0).unwrap();
    // No error: the channel itself. Nothing known: the mean.
    assert_eq!(estimates[0], truth[0]);
    assert!(entries(&estimates[2..]).iter().all(|entry| *entry == fading.mean()));
    let redrawn = error.channels(&estimates, 7, 0).unwrap();
    assert_eq!(redrawn[0], truth[0]);
    for (device, variance) in [(1, 0.3), (2, 1.5)] {
        let estimate = entries(&estimates[device..=device]);
        for channel in [&truth, &redrawn] {
            let channel = entries(&channel[device..=device]);
            let errors = || channel.iter().zip(&estimate).map(|(channel, estimate)| channel - estimate);
            assert_within(errors().map(|error| error.re), 0.0);
            assert_within(errors().map(|error| error.norm_sqr()), variance);
            assert_within(channel.iter().map(|entry| (entry - fading.mean()).norm_sqr()), 1.5);
            if variance < 1.5 {
                let products = || {
                    errors().zip(&estimate).map(|(error, estimate)| error * (estimate - fading.mean()).conj())
                };
                assert_within(products().map(|product| product.re), 0.0);
                assert_within(products().map(|product| product.im), 0.0);
            }
        }
    }
    assert_ne!(error.channels(&estimates, 7, 1).unwrap()[1], redrawn[1]);
}

/// One seed for everything is no mistake: channels, estimates and errors are still independent.
#[test]
fn one_seed_serves_channels_estimates_and_errors() {
    let error = ChannelError::new(vec![0.5]).unwrap();
    let truth = BlockFading::new(Fading::PAPER, 100, &[100], 7).unwrap().block(0);
    let estimates = error.estimates(&Fading::PAPER, &truth, 7, 0).unwrap();
    let redrawn = error.channels(&estimates, 7, 0).unwrap();
    let estimate = entries(&estimates);
    for channel in [entries(&truth), entries(&redrawn)] {
        let errors = || channel.iter().zip(&estimate).map(|(channel, estimate)| channel - estimate);
        assert_within(errors().map(|error| error.norm_sqr()), 0.5);
        let products = errors().zip(&estimate).map(|(error, estimate)| (error * (estimate - 1.0).conj()).re);
        assert_within(products, 0.0);
    }
    let products = entries(&truth).into_iter().zip(entries(&redrawn)).zip(&estimate);
    assert_within(products.map(|((a, b), estimate)| ((a - estimate) * (b - estimate).conj()).re), 0.0);
}

/// Errors of as much variance as the fading, up to the rounding of their own formulas, are those of channels of which nothing is known.
#[test]
fn nothing_known_is_accepted_whatever_the_rounding() {
    for step in 1..200 {
        let fading = Fading::rician(c64::new(1.0, 0.0), f64::from(step) / 7.0).unwrap();
        let truth = BlockFading::new(fading, 2, &[2], 1).unwrap().block(0);
        let faint = ChannelError::from_pilots(&fading, 1, &[1e-30]).unwrap();
        let all = ChannelError::new(vec![fading.variance()]).unwrap();
        for error in [faint, all.aged(&fading, f64::from(step) / 200.0).unwrap()] {
            let estimate = entries(&error.estimates(&fading, &truth, 2, 0).unwrap());
            assert!(estimate.iter().all(|entry| (entry - fading.mean()).norm() < 1e-6));
        }
    }
}

/// Pilots, simulated: the least-squares observation, scaled to the linear MMSE estimate, errs by the variance of the formula.
#[test]
fn pilot_formula_is_that_of_a_simulated_estimator() {
    let fading = Fading::rician(c64::new(1.0, 0.0), 2.0).unwrap();
    let (length, snr) = (3, 0.4);
    let expected = ChannelError::from_pilots(&fading, length, &[snr]).unwrap().variance()[0];
    let truth = BlockFading::new(fading, 100, &[200], 5).unwrap().block(0);
    let noise = BlockFading::new(Fading::rician(c64::new(0.0, 0.0), 1.0 / snr).unwrap(), 100, &[200; 3], 6)
        .unwrap()
        .block(0);
    let gain = 2.0 / (2.0 + 1.0 / (length as f64 * snr));
    let squared = (0..200).flat_map(|j| (0..100).map(move |i| (i, j))).map(|(i, j)| {
        let observed = truth[0][(i, j)] + (noise[0][(i, j)] + noise[1][(i, j)] + noise[2][(i, j)]) / 3.0;
        (fading.mean() + (observed - fading.mean()) * gain - truth[0][(i, j)]).norm_sqr()
    });
    assert_within(squared, expected);
}

/// Ageing, simulated: predictions from blocks of Gauss–Markov fading err by the variance of the formula, from exact channels and
/// from estimates.
#[test]
fn ageing_formula_is_that_of_simulated_blocks() {
    let fading = Fading::rician(c64::new(1.0, -1.0), 2.0).unwrap();
    let correlation = c64::from_polar(0.9, 0.4);
    let delay = 3;
    let blocks: Vec<_> =
        GaussMarkov::new(fading, correlation, 100, &[100; 2], 9).unwrap().take(delay + 1).collect();
    let known = ChannelError::new(vec![0.0, 0.5]).unwrap();
    let estimates = known.estimates(&fading, &blocks[0], 1, 0).unwrap();
    let predicted = csi::predict(&fading, correlation.powi(3), &estimates).unwrap();
    let aged = known.aged(&fading, correlation.powi(3)).unwrap();
    assert!((aged.variance()[0] - 2.0 * (1.0 - 0.9_f64.powi(6))).abs() < 1e-12);
    for device in 0..2 {
        let (truth, predicted) =
            (entries(&blocks[delay][device..=device]), entries(&predicted[device..=device]));
        let squared = truth.iter().zip(&predicted).map(|(truth, predicted)| (truth - predicted).norm_sqr());
        assert_within(squared, aged.variance()[device]);
    }
}

#[test]
fn channel_errors_are_checked() {
    assert!(matches!(ChannelError::new(vec![]), Err(Error::NoDevices)));
    for bad in [-1e-9, f64::NAN, f64::INFINITY] {
        let result = ChannelError::new(vec![0.1, bad]);
        assert!(matches!(
            result,
            Err(Error::OutOfRange { quantity: Quantity::ChannelErrorVariance, device: 1, .. })
        ));
    }
    assert!(matches!(
        ChannelError::from_pilots(&Fading::PAPER, 0, &[1.0]),
        Err(Error::InvalidOption { option: "length", .. })
    ));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let result = ChannelError::from_pilots(&Fading::PAPER, 4, &[1.0, bad]);
        assert!(matches!(result, Err(Error::OutOfRange { quantity: Quantity::PilotSnr, device: 1, .. })));
    }
    let error = ChannelError::new(vec![0.2, 1.1]).unwrap();
    assert!(error.clone().aged(&Fading::PAPER, 1.5).is_err());
    assert!(csi::predict(&Fading::PAPER, f64::NAN, &[]).is_err());
    let problem = paper_problem(2, 1);
    assert!(matches!(
        error.estimates(&Fading::PAPER, problem.channels(), 1, 0),
        Err(Error::OutOfRange { quantity: Quantity::ChannelErrorVariance, device: 1, value, .. }) if value == 1.1
    ));
    let three = paper_problem(3, 1);
    let start = Mat::<c64>::zeros(20, 4);
    let transceiver = power_limited(&three, start.as_ref()).unwrap();
    let mismatched = |result: Result<(), Error>| {
        assert!(matches!(
            result,
            Err(Error::DeviceCount { quantity: Quantity::ChannelErrorVariance, devices: 3, found: 2 })
        ));
    };
    mismatched(csi::robust(&three, &error).map(drop));
    mismatched(csi::mean_squared_error(&three, &error, &transceiver).map(drop));
    mismatched(csi::alternate(&three, &error, start.as_ref(), &Default::default()).map(drop));
    mismatched(csi::lower_bound(&three, &error, &transceiver, &Default::default()).map(drop));
    mismatched(error.channels(three.channels(), 1, 0).map(drop));
    mismatched(error.estimates(&Fading::PAPER, three.channels(), 1, 0).map(drop));
    let enormous = ChannelError::new(vec![f64::MAX; 2]).unwrap();
    assert!(matches!(csi::robust(&problem, &enormous), Err(Error::Numerical { .. })));
    for options in [
        Alternation { decrease: f64::NAN, ..Default::default() },
        Alternation { max_iterations: 0, ..Default::default() },
    ] {
        assert!(matches!(
            csi::alternate(&problem, &error, start.as_ref(), &options),
            Err(Error::InvalidOption { .. })
        ));
    }
    let bad = Mat::from_fn(20, 4, |_, _| c64::new(f64::NAN, 0.0));
    assert!(matches!(
        csi::alternate(&problem, &error, bad.as_ref(), &Default::default()),
        Err(Error::NonFiniteEntry { quantity: Quantity::Aggregator, .. })
    ));
}
