//! The one call for channels that are known up to errors: never worse than what it is made of, and the same in any units.

use faer::{Mat, c64};
use solver::channel::{BlockFading, Fading};
use solver::csi::{self, ChannelError};
use solver::recovery::{self, DesignOptions};
use solver::transceiver::Transceiver;
use solver::{Error, Problem, baseline};

/// Devices at distances that spread their gains evenly, in decibels, from 1 to `spread`, errors in proportion: `p = 1`, `σ² = 10^-3`.
fn at_distances(antennas: &[usize], spread: f64, relative: f64, block: u64) -> (Problem, ChannelError) {
    let gain = |device: usize| 10.0_f64.powf(spread / 10.0 * device as f64 / (antennas.len() - 1) as f64);
    let channels = BlockFading::new(Fading::RAYLEIGH, 6, antennas, 7).unwrap().block(block);
    let channels = channels.iter().enumerate().map(|(n, h)| scaled(h, gain(n).sqrt())).collect();
    let error = ChannelError::new((0..antennas.len()).map(|n| relative * gain(n)).collect()).unwrap();
    (Problem::new(channels, vec![1.0; antennas.len()], 1e-3).unwrap(), error)
}

fn scaled(matrix: &Mat<c64>, factor: f64) -> Mat<c64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] * factor)
}

/// Unequal in everything, and with devices that serve one, two and three of the sums.
fn unequal(seed: u64) -> [(Problem, ChannelError); 2] {
    let estimates = BlockFading::new(Fading::PAPER, 8, &[3, 3, 4], seed).unwrap().block(0);
    let problem = Problem::new(estimates, vec![1.0, 3.0, 10.0], 0.07).unwrap();
    let problem = problem.with_signal_variance(vec![0.5, 1.0, 2.0]).unwrap();
    let own = problem.clone().with_device_streams(vec![vec![2], vec![0, 3], vec![0, 1, 3]]).unwrap();
    let error = ChannelError::new(vec![0.4, 0.0, 0.1]).unwrap();
    [(problem, error.clone()), (own, error)]
}

fn average(estimated: &Problem, error: &ChannelError, transceiver: &Transceiver) -> f64 {
    csi::mean_squared_error(estimated, error, transceiver).unwrap().total()
}

/// By the average: than the designs for estimates and for the robust problem, than equal power for either, and than silence.
#[test]
fn is_never_worse_than_its_parts() {
    let apart = (0..4).map(|block| at_distances(&[2; 3], 30.0, 0.01, block));
    for (estimated, error) in (0..4).flat_map(unequal).chain(apart) {
        let options = DesignOptions::default();
        let design = csi::design(&estimated, &error, &options).unwrap();
        design.transceiver.check_power(&estimated).unwrap();
        let stated = average(&estimated, &error, &design.transceiver);
        assert!((design.mse / stated - 1.0).abs() < 1e-14, "{} {stated}", design.mse);
        assert!(design.bound.unwrap() <= design.mse && design.stationarity < 1e-2, "{design:?}");
        for problem in [&estimated, &csi::robust(&estimated, &error).unwrap()] {
            let part = recovery::design(problem, &options).unwrap().transceiver;
            let equal_power = baseline::equal_power(problem).unwrap();
            for part in [part, equal_power] {
                let part = average(&estimated, &error, &part);
                assert!(design.mse <= part * (1.0 + 1e-12), "{} > {part}", design.mse);
            }
        }
        let streams = estimated.device_streams().iter().zip(estimated.signal_variance());
        assert!(design.mse < streams.map(|(streams, v)| streams.len() as f64 * v).sum());
    }
}

/// Where path losses differ, either of its parts can be several times as bad; alternation from either is no better, and the bound is near.
#[test]
fn gains_where_path_losses_differ() {
    let mut logarithms = [0.0; 4];
    for block in 0..20 {
        let (estimated, error) = at_distances(&[1; 2], 40.0, 0.01, block);
        let design = csi::design(&estimated, &error, &Default::default()).unwrap();
        let naive = recovery::design(&estimated, &Default::default()).unwrap().transceiver;
        let robust = csi::robust(&estimated, &error).unwrap();
        let robust = recovery::design(&robust, &Default::default()).unwrap().transceiver;
        for start in [&naive, &robust] {
            let turned = csi::alternate(&estimated, &error, start.aggregator(), &Default::default()).unwrap();
            assert!(design.mse <= turned.mse * (1.0 + 1e-6), "{} > {}", design.mse, turned.mse);
        }
        let [naive, robust] = [naive, robust].map(|part| average(&estimated, &error, &part));
        let found = [naive, robust, design.mse, design.bound.unwrap()];
        logarithms.iter_mut().zip(found).for_each(|(sum, found)| *sum += found.ln() / 20.0);
    }
    let [naive, robust, design, bound] = logarithms.map(f64::exp);
    assert!(robust > 10.0 * naive && naive > 3.0 * design && design < 1.01 * bound, "{logarithms:?}");
}

/// Without errors it is the design for the estimates.
#[test]
fn is_the_design_of_recovery_without_errors() {
    let [(problem, _), _] = unequal(1);
    let none = ChannelError::new(vec![0.0; 3]).unwrap();
    let expected = recovery::design(&problem, &Default::default()).unwrap();
    assert_eq!(csi::design(&problem, &none, &Default::default()).unwrap(), expected);
}

/// In units of `2^received`, `2^transmitted` for amplitudes and `2^symbols` for variances of symbols.
fn in_units(estimated: &Problem, error: &ChannelError, exponents: [i32; 3]) -> (Problem, ChannelError) {
    let [r, t, e] = exponents.map(|exponent| 2.0_f64.powi(exponent));
    let channels = estimated.channels().iter().map(|h| scaled(h, r / t)).collect();
    let power = estimated.transmit_power().iter().map(|p| p * e * t * t).collect();
    let problem = Problem::new(channels, power, estimated.noise_power() * e * r * r).unwrap();
    let variance = error.variance().iter().map(|variance| variance * (r / t) * (r / t)).collect();
    let problem = problem.with_signal_variance(vec![e; estimated.devices()]).unwrap();
    (problem, ChannelError::new(variance).unwrap())
}

/// Amplitudes and symbols in units of up to about `10^±100`: the same to the last bit.
#[test]
fn units_do_not_matter() {
    let (estimated, error) = at_distances(&[2; 3], 20.0, 0.1, 1);
    let options = DesignOptions::default();
    let design = csi::design(&estimated, &error, &options).unwrap();
    let bound = |problem: &Problem, error: &ChannelError, transceiver: &Transceiver| {
        csi::lower_bound(problem, error, transceiver, &options.relaxation).unwrap().unwrap()
    };
    for exponents in [[332, 0, 0], [-332, 0, 0], [0, 166, 0], [0, -166, 0], [166, 0, 332], [0, 0, -332]] {
        let (problem, error) = in_units(&estimated, &error, exponents);
        let unit = 2.0_f64.powi(exponents[2]);
        let found = csi::design(&problem, &error, &options).unwrap();
        assert_eq!((found.mse / unit, found.bound.unwrap() / unit), (design.mse, design.bound.unwrap()));
        found.transceiver.check_power(&problem).unwrap();
        assert_eq!(average(&problem, &error, &found.transceiver), found.mse);
        assert_eq!(bound(&problem, &error, &found.transceiver), found.bound.unwrap());
    }
}

/// One device gains by all its power, so that its average is that of the robust problem, in closed form: `Ĥ = 1`, `p = 16`, `σ² = 2^-7`,
/// `v = 1/2`, `σ_e² = 1/8`. All prices of the relaxation are rounding there. Also in other units.
#[test]
fn bound_is_attained_by_one_device() {
    for unit in [1.0, 2.0_f64.powi(332), 2.0_f64.powi(-332)] {
        let channel = Mat::from_fn(1, 1, |_, _| c64::new(unit, 0.0));
        let estimated = Problem::new(vec![channel], vec![16.0], unit * unit / 128.0).unwrap();
        let estimated = estimated.with_signal_variance(vec![0.5]).unwrap();
        let error = ChannelError::new(vec![unit * unit / 8.0]).unwrap();
        let design = csi::design(&estimated, &error, &Default::default()).unwrap();
        // v s/(s + p) with s = σ² + σ_e² p.
        let least = 0.5 * (2.0 + 1.0 / 128.0) / (18.0 + 1.0 / 128.0);
        let bound = design.bound.unwrap();
        assert!((design.mse / least - 1.0).abs() < 1e-9, "{} {least}", design.mse);
        assert!(bound <= least && bound > least * (1.0 - 1e-5), "{bound} {least}");
    }
}

/// A start at an end of the floating-point range stands for its direction, and units do not matter.
#[test]
fn alternation_starts_from_any_scale() {
    let (estimated, error) = at_distances(&[2; 3], 20.0, 0.1, 1);
    let start = &estimated.channels()[0];
    let turned = |problem: &Problem, error: &ChannelError, factor: f64| {
        csi::alternate(problem, error, scaled(start, factor).as_ref(), &Default::default()).unwrap()
    };
    let near = turned(&estimated, &error, 1.0);
    for scale in [1e-300, 1e-200, 1e155, 1e300] {
        let end = turned(&estimated, &error, scale);
        assert!((end.mse / near.mse - 1.0).abs() < 0.1, "{scale}: {} {}", end.mse, near.mse);
    }
    for exponents in [[150, 0, 0], [0, 332, 0], [0, 0, 332], [150, -150, -332]] {
        let (problem, error) = in_units(&estimated, &error, exponents);
        let end = turned(&problem, &error, 2.0_f64.powi(-exponents[0]));
        let mse = end.mse * 2.0_f64.powi(-exponents[2]);
        assert_eq!((mse, end.iterations), (near.mse, near.iterations), "{exponents:?}");
    }
}

/// Nothing known of a channel: silence, and proof that there is no better. Errors that do not fit, and numbers that leave the range.
#[test]
fn bad_input_is_refused() {
    let unknown = Problem::new(vec![Mat::zeros(4, 2); 3], vec![1.0; 3], 1.0).unwrap();
    let error = ChannelError::new(vec![1.0; 3]).unwrap();
    let silent = csi::design(&unknown, &error, &Default::default()).unwrap();
    assert_eq!((silent.mse, silent.stationarity), (6.0, 0.0));
    assert!(silent.bound.unwrap() > 6.0 * (1.0 - 1e-2), "{:?}", silent.bound);

    let [(estimated, error), _] = unequal(1);
    let few = ChannelError::new(vec![0.1; 2]).unwrap();
    let refused = csi::design(&estimated, &few, &Default::default());
    assert!(matches!(refused, Err(Error::DeviceCount { devices: 3, found: 2, .. })), "{refused:?}");
    let none = DesignOptions { starts: 0, ..Default::default() };
    let refused = csi::design(&estimated, &error, &none);
    assert!(matches!(refused, Err(Error::InvalidOption { option: "starts", .. })), "{refused:?}");
    let endless = ChannelError::new(vec![f64::MAX; 3]).unwrap();
    let refused = csi::design(&estimated, &endless, &Default::default());
    assert!(matches!(refused, Err(Error::Numerical { .. })), "{refused:?}");
}
