//! Every kind of bad input meets its typed error; channels and power laws do what they say.

use crate::common::paper_problem;
use faer::{Mat, c64};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use solver::assignment::AssignmentOptions;
use solver::channel::{BlockFading, Fading, GaussMarkov, capacity};
use solver::power::{Accounting, EnergyModel};
use solver::recovery::{Refinement, refine};
use solver::relaxation::{lambda_min, mmse};
use solver::sca::{
    Evaluation, Function, OptionsError, Polyhedron, PolyhedronError, Rng, ScaError, ScaOptions,
    StochasticProgram, StochasticSca,
};
use solver::{Error, Problem, Quantity};

fn channels() -> Vec<Mat<c64>> {
    paper_problem(3, 1).channels().to_vec()
}

#[test]
fn non_finite_channels() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for entry in [c64::new(bad, 0.0), c64::new(0.0, bad)] {
            let mut channels = channels();
            channels[2][(5, 1)] = entry;
            match Problem::new(channels, vec![1.0; 3], 1.0) {
                Err(Error::NonFiniteEntry { quantity: Quantity::Channel, device: 2, row: 5, column: 1 }) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn powers_must_be_positive_and_finite() {
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let result = Problem::new(channels(), vec![1.0, bad, 1.0], 1.0);
        assert!(matches!(
            result,
            Err(Error::OutOfRange { quantity: Quantity::TransmitPower, device: 1, .. })
        ));
        let result = Problem::new(channels(), vec![1.0; 3], bad);
        assert!(matches!(result, Err(Error::OutOfRange { quantity: Quantity::NoisePower, .. })));
        let result = paper_problem(3, 1).with_signal_variance(vec![1.0, 1.0, bad]);
        assert!(matches!(
            result,
            Err(Error::OutOfRange { quantity: Quantity::SignalVariance, device: 2, .. })
        ));
    }
}

#[test]
fn shapes_must_agree() {
    assert!(matches!(Problem::new(vec![], vec![], 1.0), Err(Error::NoDevices)));
    let mut channels = channels();
    channels[1] = Mat::zeros(19, 4);
    assert!(matches!(
        Problem::new(channels.clone(), vec![1.0; 3], 1.0),
        Err(Error::Shape { quantity: Quantity::Channel, device: 1, expected: (20, 4), found: (19, 4) })
    ));
    channels[1] = Mat::zeros(20, 0);
    assert!(matches!(Problem::new(channels, vec![1.0; 3], 1.0), Err(Error::EmptyMatrix { device: 1, .. })));
    assert!(matches!(
        Problem::new(self::channels(), vec![1.0; 2], 1.0),
        Err(Error::DeviceCount { quantity: Quantity::TransmitPower, devices: 3, found: 2 })
    ));
}

#[test]
fn streams_must_fit_every_antenna_array() {
    for streams in [0, 5, usize::MAX] {
        let result = paper_problem(2, 1).with_streams(streams);
        assert!(matches!(result, Err(Error::Streams { transmit_antennas: 4, receive_antennas: 20, .. })));
    }
    let wide = BlockFading::new(Fading::PAPER, 2, &[4, 3], 1).unwrap().block(0);
    let problem = Problem::new(wide, vec![1.0; 2], 1.0).unwrap();
    assert_eq!(problem.streams(), 2);
    assert!(matches!(problem.with_streams(3), Err(Error::Streams { streams: 3, device: 1, .. })));
}

/// Channels at the ends of the floating-point range end in numbers or in errors, never in NaN or a panic.
#[test]
fn extreme_scales_are_solved_or_refused() {
    for scale in [1e-300, 1e-160, 1e-80, 1e-8, 1e8, 1e80, 1e160, 1e300] {
        let channels: Vec<Mat<c64>> =
            channels().iter().map(|h| Mat::from_fn(20, 4, |i, j| h[(i, j)] * scale)).collect();
        let problem = Problem::new(channels, vec![1.0; 3], 1.0).unwrap();
        if let Ok(solution) = lambda_min::solve(&problem, &Default::default()) {
            assert!(solution.certificate.lower > 0.0 && solution.certificate.upper.is_finite(), "{scale}");
        }
        if let Ok(solution) = mmse::solve(&problem, &Default::default()) {
            assert!(solution.certificate.lower <= solution.certificate.upper, "{scale}");
        }
        let start = Mat::from_fn(20, 4, |i, j| problem.channels()[0][(i, j)]);
        if let Ok(refined) = refine(&problem, start.as_ref(), &Refinement::default()) {
            assert!(refined.mse.is_finite() && refined.mse >= 0.0, "{scale}: {}", refined.mse);
        }
    }
}

#[test]
fn refinement_refuses_bad_starts_and_options() {
    let problem = paper_problem(2, 1);
    let mut start = Mat::<c64>::zeros(20, 4);
    // A zero start is stationary, not an error: no transmission, an MSE of v_n L per device.
    let refined = refine(&problem, start.as_ref(), &Refinement::default()).unwrap();
    assert!((refined.mse - 8.0).abs() < 1e-12);
    start[(1, 1)] = c64::new(f64::NAN, 0.0);
    let result = refine(&problem, start.as_ref(), &Refinement::default());
    assert!(matches!(
        result,
        Err(Error::NonFiniteEntry { quantity: Quantity::Aggregator, row: 1, column: 1, .. })
    ));
    let result = refine(&problem, Mat::<c64>::zeros(20, 3).as_ref(), &Refinement::default());
    assert!(matches!(result, Err(Error::Shape { quantity: Quantity::Aggregator, .. })));
    for decrease in [-1.0, 1.0, f64::NAN] {
        let options = Refinement { decrease, ..Refinement::default() };
        let result = refine(&problem, Mat::<c64>::zeros(20, 4).as_ref(), &options);
        assert!(matches!(result, Err(Error::InvalidOption { option: "decrease", .. })));
    }
}

#[test]
fn fading_has_the_moments_it_says() {
    let fading = Fading::rician(c64::new(0.5, -1.0), 2.0).unwrap();
    let blocks = BlockFading::new(fading, 10, &[3, 5], 42).unwrap();
    let (mut mean, mut power, mut count) = (c64::new(0.0, 0.0), 0.0, 0.0);
    for block in blocks.clone().take(500) {
        assert_eq!((block[0].ncols(), block[1].ncols(), block[1].nrows()), (3, 5, 10));
        for channel in &block {
            for j in 0..channel.ncols() {
                for i in 0..channel.nrows() {
                    mean += channel[(i, j)];
                    power += channel[(i, j)].norm_sqr();
                    count += 1.0;
                }
            }
        }
    }
    let mean = mean / count;
    assert!((mean - c64::new(0.5, -1.0)).norm() < 5.0 * (2.0 / count).sqrt());
    assert!((power / count - 3.25).abs() < 0.1);
    // Block i is the i-th of the iterator, and blocks differ.
    let (direct, iterated) = (blocks.block(3), blocks.clone().nth(3).unwrap());
    assert_eq!(direct[0][(0, 0)], iterated[0][(0, 0)]);
    assert_ne!(blocks.block(4)[0][(0, 0)], direct[0][(0, 0)]);
}

#[test]
fn fading_parameters_are_checked() {
    assert!(matches!(
        Fading::rician(c64::new(f64::NAN, 0.0), 1.0),
        Err(Error::OutOfRange { quantity: Quantity::FadingMean, .. })
    ));
    assert!(matches!(
        Fading::rician(c64::new(0.0, 0.0), 0.0),
        Err(Error::OutOfRange { quantity: Quantity::FadingVariance, .. })
    ));
    assert!(matches!(BlockFading::new(Fading::PAPER, 20, &[], 1), Err(Error::NoDevices)));
    assert!(matches!(
        BlockFading::new(Fading::PAPER, 20, &[4, 0], 1),
        Err(Error::EmptyMatrix { device: 1, .. })
    ));
    assert!(matches!(BlockFading::new(Fading::PAPER, 0, &[4], 1), Err(Error::EmptyMatrix { .. })));
}

/// (8) solved for the power: both accountings, the slope, and the share at which nothing is left.
#[test]
fn shares_cost_power() {
    let per_all_reduce = Accounting::PerAllReduce { symbols: 128, streams: 4 };
    let energy = EnergyModel::new(2.0, 1e-6, 5e5, per_all_reduce).unwrap();
    assert!((energy.transmit_power(0, 0.5).unwrap() - (2.0 - 0.25) * 4.0 / 128.0).abs() < 1e-15);
    assert!((energy.slope() + 0.5 * 4.0 / 128.0).abs() < 1e-15);
    let power = EnergyModel::new(2.0, 1e-6, 4e6, Accounting::PerChannelUse).unwrap();
    assert!((power.transmit_power(0, 0.25).unwrap() - 1.0).abs() < 1e-12);
    assert!((power.largest_share(0.0) - 0.5).abs() < 1e-12);
    assert!((power.largest_share(1.0) - 0.25).abs() < 1e-12);
    assert_eq!(power.largest_share(3.0), 0.0);
    match power.transmit_power(7, 0.5) {
        Err(Error::NoPowerLeft { device: 7, share, computing, budget, largest_share }) => {
            assert_eq!((share, computing, budget, largest_share), (0.5, 2.0, 2.0, 0.5));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn energy_parameters_are_checked() {
    let use_ = Accounting::PerChannelUse;
    let quantity = |result: Result<EnergyModel, Error>| match result {
        Err(Error::OutOfRange { quantity, .. }) => quantity,
        other => panic!("{other:?}"),
    };
    assert_eq!(quantity(EnergyModel::new(0.0, 1.0, 1.0, use_)), Quantity::EnergyBudget);
    assert_eq!(quantity(EnergyModel::new(1.0, -1.0, 1.0, use_)), Quantity::ComputeCoefficient);
    assert_eq!(quantity(EnergyModel::new(1.0, 1e200, 1e200, use_)), Quantity::Parameters);
    let no_streams = Accounting::PerAllReduce { symbols: 8, streams: 0 };
    assert!(matches!(
        EnergyModel::new(1.0, 1.0, 1.0, no_streams),
        Err(Error::InvalidOption { option: "streams", .. })
    ));
    let energy = EnergyModel::new(1.0, 0.1, 1.0, use_).unwrap();
    for share in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(
            energy.transmit_power(3, share),
            Err(Error::OutOfRange { quantity: Quantity::Share, device: 3, .. })
        ));
    }
}

/// Water-filling: a hand-computed case on each side of the threshold, and never below equal power.
#[test]
fn capacity_is_water_filling() {
    let diagonal = Mat::from_fn(3, 2, |i, j| c64::new([[2.0, 0.0], [0.0, 0.5], [0.0, 0.0]][i][j], 0.0));
    // Floors 1/4 and 4: up to p = 3.75 only the strong mode is used.
    assert!((capacity(diagonal.as_ref(), 1.0, 1.0).unwrap() - 5.0_f64.log2()).abs() < 1e-12);
    // p = 5.75: level (5.75 + 4.25)/2 = 5.
    let expected = (5.0_f64 / 0.25).log2() + (5.0_f64 / 4.0).log2();
    assert!((capacity(diagonal.as_ref(), 5.75, 1.0).unwrap() - expected).abs() < 1e-12);
    for channel in channels() {
        let gains = channel.singular_values().unwrap();
        let equal: f64 = gains.iter().map(|gain| (1.0 + 0.5 / 4.0 * gain * gain).log2()).sum();
        assert!(capacity(channel.as_ref(), 0.5, 1.0).unwrap() >= equal - 1e-12);
    }
    assert_eq!(capacity(Mat::<c64>::zeros(3, 2).as_ref(), 1.0, 1.0).unwrap(), 0.0);
    // Far below the noise: log2(1 + x) is x/ln 2, on one mode as on two that are alike, also where σ² alone or a gain alone has no square.
    for (gain, power, noise) in [(1e-8, 1.0, 1.0), (1e-150, 1.0, 1e-200), (1e-170, 1.0, 1e-300)] {
        let ratio = gain / noise * gain * power;
        for modes in [1, 2] {
            let alike = Mat::from_fn(2, modes, |i, j| c64::new(if i == j { gain } else { 0.0 }, 0.0));
            let found = capacity(alike.as_ref(), power, noise).unwrap();
            let expected = ratio / std::f64::consts::LN_2;
            assert!((found / expected - 1.0).abs() < 1e-12, "{gain} {modes}: {found} {expected}");
        }
    }
    assert!(matches!(
        capacity(diagonal.as_ref(), 0.0, 1.0),
        Err(Error::OutOfRange { quantity: Quantity::TransmitPower, .. })
    ));
}

/// Sizes given as numbers are refused before anything is allocated for them, with the number and the range.
#[test]
fn absurd_sizes_are_refused() {
    let huge = [usize::MAX, usize::MAX / 2 + 1, 1_000_000_000];
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for size in huge {
        let refused = |result: Result<(), Error>, rows: usize, columns: usize| {
            let most = 100_000_000;
            let (receive_antennas, transmit_antennas) = (rows, columns);
            assert_eq!(result, Err(Error::TooManyEntries { receive_antennas, transmit_antennas, most }));
        };
        refused(Fading::PAPER.draw(size, 1, &mut rng).map(drop), size, 1);
        refused(Fading::PAPER.draw(2, size, &mut rng).map(drop), 2, size);
        refused(BlockFading::new(Fading::PAPER, size, &[1], 1).map(drop), size, 1);
        refused(BlockFading::new(Fading::PAPER, 4, &[2, size], 1).map(drop), 4, size.saturating_add(2));
        refused(GaussMarkov::new(Fading::PAPER, 0.9, size, &[2], 1).map(drop), size, 2);

        let most = 10_000_000;
        let refused = |result: Result<Polyhedron, PolyhedronError>| {
            assert_eq!(result.unwrap_err(), PolyhedronError::TooManyVariables { dimension: size, most });
        };
        refused(Polyhedron::simplex(size, 0.0));
        refused(Polyhedron::builder(size).build());
        refused(Polyhedron::builder(size).bounds(vec![0.0], vec![1.0]).build());

        let too_large = OptionsError::TooLarge { option: "iterations", value: size, most };
        assert_eq!(ScaOptions::new(1).with_iterations(size).unwrap_err(), too_large);
        assert_eq!(AssignmentOptions::new(1).with_iterations(size).unwrap_err(), too_large);
    }
    // The most that is accepted, and one more.
    assert!(BlockFading::new(Fading::PAPER, 10_000, &[5000; 2], 1).is_ok());
    assert!(BlockFading::new(Fading::PAPER, 10_000, &[5000, 5001], 1).is_err());
    assert!(ScaOptions::new(1).with_iterations(10_000_000).is_ok());
    assert!(ScaOptions::new(1).with_iterations(10_000_001).is_err());
}

/// A program that declares another number of constraints than its evaluations have, however absurd, meets a typed error.
#[test]
fn absurd_numbers_of_constraints_are_refused() {
    struct Declaring {
        set: Polyhedron,
        constraints: usize,
    }
    impl StochasticProgram for Declaring {
        type Sample = ();
        type Error = std::convert::Infallible;
        fn feasible_set(&self) -> &Polyhedron {
            &self.set
        }
        fn stochastic_constraints(&self) -> usize {
            self.constraints
        }
        fn sample(&self, _: &mut dyn Rng) -> Result<(), Self::Error> {
            Ok(())
        }
        fn evaluate(&self, x: &[f64], (): &()) -> Result<Evaluation, Self::Error> {
            let objective = Function { value: x[0], gradient: vec![1.0, 0.0] };
            Ok(Evaluation { objective, constraints: vec![] })
        }
    }
    let [none, many] = [0, usize::MAX].map(|constraints| {
        let set = Polyhedron::simplex(2, 0.0).unwrap();
        Declaring { set, constraints }
    });
    let options = |iterations| ScaOptions::new(1).with_iterations(iterations).unwrap();
    let go = |_: &_| std::ops::ControlFlow::Continue(());
    let error = StochasticSca::new(&many, options(2)).run(&[0.5, 0.5]).unwrap_err();
    let declared: ScaError<std::convert::Infallible> =
        ScaError::ConstraintCount { iteration: 0, expected: usize::MAX, found: 0 };
    assert_eq!(error.to_string(), declared.to_string());
    let mut state = StochasticSca::new(&none, options(1)).start(&[0.5, 0.5]).unwrap();
    StochasticSca::new(&none, options(1)).resume(&mut state, go).unwrap();
    let error = StochasticSca::new(&many, options(2)).resume(&mut state, go).unwrap_err();
    let other: ScaError<std::convert::Infallible> =
        ScaError::StateFunctions { expected: usize::MAX, found: 1 };
    assert_eq!(error.to_string(), other.to_string());
}
