use super::*;
use crate::channel::Fading;
use crate::linalg::{eigenvalues, squared_norm};
use crate::transceiver::Transceiver;
use faer::{Mat, c64};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{TestCaseResult, TestError, TestRunner};

const SIZES: Sizes =
    Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=2, receive_surplus: 0..=2, tall: true };

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::with_cases(64) }
}

/// Singular values, largest first.
fn singular_values(matrix: &Mat<c64>) -> Vec<f64> {
    let mut values = matrix.singular_values().unwrap();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

/// The simplest case that fails a property.
fn shrunk<S: Strategy>(strategy: S, property: impl Fn(S::Value) -> TestCaseResult) -> S::Value {
    match TestRunner::new(config()).run(&strategy, property) {
        Err(TestError::Fail(_, value)) => value,
        other => panic!("no failure: {other:?}"),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn singular_values_are_within_their_bounds(
        factors in factors(5, 3, 4.0), rows in 1..=5_usize, columns in 1..=3_usize, rank in 0..=3_usize,
    ) {
        let matrix = factors.matrix_of_rank(rows, columns, rank);
        for (index, value) in singular_values(&matrix).into_iter().enumerate() {
            // Singular values are known to a few roundings of the largest.
            if index < rank {
                prop_assert!(value > 0.25 - 1e-13 && value < 4.0 + 1e-13, "{value}");
            } else {
                prop_assert!(value < 1e-13, "{value}");
            }
        }
    }

    #[test]
    fn products_of_reflections_are_unitary(columns in grid(5, 4)) {
        let q = unitary(columns.as_ref());
        let difference = q.adjoint() * &q - Mat::<c64>::identity(5, 5);
        prop_assert!(squared_norm(difference.as_ref()).sqrt() < 1e-13);
    }

    #[test]
    fn sizes_are_within_their_ranges(
        problem in problems(&SIZES, Channels::Rayleigh), wide in Sizes { tall: false, ..SIZES }.shapes(),
    ) {
        prop_assert!(SIZES.devices.contains(&problem.devices()));
        prop_assert!(SIZES.streams.contains(&problem.streams()));
        let most = problem.channels().iter().map(Mat::ncols).max().unwrap();
        prop_assert!(SIZES.receive_surplus.contains(&(problem.receive_antennas() - most)));
        for channel in problem.channels() {
            prop_assert!(SIZES.transmit_surplus.contains(&(channel.ncols() - problem.streams())));
        }
        prop_assert!(SIZES.receive_surplus.contains(&(wide.receive_antennas - wide.streams)));
    }

    /// All but the faded channels keep their singular values above the least gain.
    #[test]
    fn channels_have_full_column_rank(
        well in problems(&SIZES, Channels::WellConditioned), ill in problems(&SIZES, Channels::IllConditioned),
        sight in problems(&SIZES, Channels::LineOfSight),
    ) {
        for (problem, least) in [(well, 0.25), (ill, 1e-3), (sight, 0.25)] {
            for channel in problem.channels() {
                let weakest = singular_values(channel)[channel.ncols() - 1];
                prop_assert!(weakest >= least * (1.0 - 1e-8), "{weakest} < {least}");
            }
        }
    }

    #[test]
    fn dual_points_are_in_the_dual_set(problem in problems(&SIZES, Channels::IllConditioned), dual in duals(&SIZES)) {
        let side = problem.receive_antennas();
        let mut received = Mat::<c64>::zeros(side, side);
        for (channel, multiplier) in problem.channels().iter().zip(dual.within(&problem)) {
            let size = squared_norm(multiplier.as_ref()).sqrt();
            prop_assert!(eigenvalues(multiplier.as_ref()).unwrap()[0] >= -1e-13 * size);
            received += channel * multiplier * channel.adjoint();
        }
        let largest = eigenvalues(received.as_ref()).unwrap()[side - 1];
        prop_assert!(largest <= 1.0 + 1e-12, "{largest}");
    }

    #[test]
    fn precoders_are_within_the_limits(
        problem in problems(&SIZES, Channels::WellConditioned), precoders in precoders(&SIZES),
    ) {
        for (n, precoder) in precoders.within_power(&problem).iter().enumerate() {
            let power = problem.signal_variance()[n] * squared_norm(precoder.as_ref());
            prop_assert!(power <= problem.transmit_power()[n] * (1.0 + 1e-12), "{power}");
        }
    }

    #[test]
    fn precoders_fit_devices_of_some_streams(
        problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES), precoders in precoders(&SIZES),
    ) {
        let own = (0..problem.devices()).map(|device| vec![device % problem.streams()]).collect();
        let Ok(problem) = problem.with_device_streams(own) else { return Ok(()) };
        for precoders in [precoders.of(&problem), precoders.within_power(&problem)] {
            Transceiver::new(&problem, aggregator.of(&problem), precoders)?;
        }
    }
}

/// A line of sight is heard up to a thousand times as loud as the rest.
#[test]
fn lines_of_sight_are_strong() {
    let mut runner = TestRunner::new(config());
    let strategy = problems(&SIZES, Channels::LineOfSight);
    let loudest = (0..64).map(|_| {
        let problem = strategy.new_tree(&mut runner).unwrap().current();
        singular_values(&problem.channels()[0])[0]
    });
    assert!(loudest.fold(0.0, f64::max) > 100.0);
}

/// Over its whole grid, scatter has mean 0, variance 1 and no preferred axis: the moments of `CN(0, 1)`.
#[test]
fn scatter_has_the_moments_of_rayleigh_fading() {
    let mut runner = TestRunner::new(config());
    let draws = 20_000;
    let (mut mean, mut power, mut pseudo) = (c64::new(0.0, 0.0), 0.0, c64::new(0.0, 0.0));
    for _ in 0..draws {
        let g = scatter().new_tree(&mut runner).unwrap().current();
        (mean, power, pseudo) = (mean + g, power + g.norm_sqr(), pseudo + g * g);
    }
    let count = f64::from(draws);
    // Standard errors are 1/√20000 = 0.007 each; E|g|⁴ = 2.
    assert!(mean.norm() / count < 0.04 && (power / count - 1.0).abs() < 0.04 && pseudo.norm() / count < 0.06);
}

/// A failure that needs two devices and some power shrinks to just that, all else at its simplest.
#[test]
fn failures_shrink_to_the_simplest_problem() {
    let problem = shrunk(problems(&SIZES, Channels::LineOfSight), |problem| {
        prop_assert!(problem.devices() < 2 || problem.transmit_power()[1] < 4.0);
        Ok(())
    });
    assert_eq!((problem.devices(), problem.streams(), problem.receive_antennas()), (2, 1, 1));
    assert_eq!(problem.transmit_power(), [1.0, 4.0]);
    assert_eq!((problem.signal_variance(), problem.noise_power()), ([1.0, 1.0].as_slice(), 1.0));
    for channel in problem.channels() {
        assert_eq!((channel.ncols(), channel[(0, 0)]), (1, c64::new(1.0, 0.0)));
    }
    assert_eq!(shrunk(fading_models(), |_| Err(TestCaseError::fail("any"))), Fading::RAYLEIGH);
}
