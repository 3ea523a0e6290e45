//! What happens to the relaxations where a warm start misleads, rounding takes over, no channel is open, or no memory suffices.

use crate::common::paper_problem;
use faer::{Mat, c64};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use solver::channel::{BlockFading, Fading, GaussMarkov};
use solver::csi::{self, ChannelError};
use solver::recovery;
use solver::relaxation::{Backend, Options, Points, Relaxation, Solution, Solver, mmse};
use solver::transceiver::power_limited;
use solver::{Error, Problem, Quantity};

fn zeros(receive: usize, transmit: &[usize], power: f64, noise_power: f64) -> Problem {
    let channels = transmit.iter().map(|&antennas| Mat::zeros(receive, antennas)).collect();
    Problem::new(channels, vec![power; transmit.len()], noise_power).unwrap()
}

/// A solver along a sequence fails on no block that a fresh one solves, however few the iterations.
#[test]
fn a_warm_start_costs_no_solution() {
    let options = Options { relative_gap: 1e-3, max_iterations: 4 };
    for relaxation in [Relaxation::TraceInverse, Relaxation::Mmse] {
        let mut solver = Solver::new(relaxation, options).unwrap();
        let mut twice = 0;
        for channels in GaussMarkov::new(Fading::PAPER, 0.9, 20, &[4; 8], 1).unwrap().take(60) {
            let problem = Problem::new(channels, vec![1.0; 8], 1.0).unwrap();
            let fresh = relaxation.solve(&problem, &options).map(|solution| solution.iterations);
            let iterations = solver.solve(&problem).map(|solution| solution.iterations);
            assert!(iterations.is_ok() || fresh.is_err(), "{relaxation:?}: {iterations:?}");
            twice += usize::from(iterations.is_ok_and(|iterations| iterations > 4));
        }
        assert!(twice > 0, "{relaxation:?}: every warm start leads to the goal");
    }
}

/// What a start leads to.
#[derive(Clone, Copy)]
enum Found {
    Optimum,
    /// An optimal dual point, and a primal point far from optimal.
    Dual,
    /// An optimal primal point, and a dual point far from optimal.
    Primal,
    Nothing,
}

/// A backend that starts warm where it may, and ends where it is told to; nowhere after that, whatever goal it is given.
struct Misled {
    ends: std::vec::IntoIter<Found>,
    warm: bool,
}

impl Backend for Misled {
    fn points(
        &mut self,
        relaxation: Relaxation,
        problem: &Problem,
        options: &Options,
        warm: Option<&Solution>,
    ) -> Result<Points, Error> {
        self.warm = warm.is_some();
        let Solution { mut primal, mut dual, .. } = relaxation.solve(problem, options)?;
        match self.ends.next().unwrap_or(Found::Nothing) {
            Found::Optimum => {}
            Found::Dual => primal = Mat::identity(primal.nrows(), primal.nrows()),
            Found::Primal => dual.iter_mut().for_each(|u| *u = Mat::identity(u.nrows(), u.nrows())),
            Found::Nothing => return Err(Error::Numerical { operation: "the test" }),
        }
        Ok(Points { primal, dual, iterations: 7 })
    }

    fn started_warm(&self) -> bool {
        self.warm
    }
}

/// Where a warm start fails a cold one follows, and each bound is the better of the two.
#[test]
fn the_better_of_two_starts_is_kept() {
    use Found::{Dual, Nothing, Optimum, Primal};
    let problem = paper_problem(3, 5);
    let options = Options { relative_gap: 1e-6, ..Options::default() };
    for relaxation in Relaxation::ALL {
        // The second problem's solution, after the first problem has left one to start from.
        let second = |ends: &[Found]| {
            let ends: Vec<Found> = [Optimum].iter().chain(ends).copied().collect();
            let backend = Misled { ends: ends.into_iter(), warm: false };
            let mut solver = Solver::with_backend(relaxation, options, backend).unwrap();
            solver.solve(&problem).unwrap();
            solver.solve(&problem).map(|solution| (solution.certificate.relative_gap(), solution.iterations))
        };
        assert!(second(&[Optimum]).is_ok_and(|(gap, iterations)| gap <= 1e-6 && iterations == 7));
        for ends in [[Dual, Optimum], [Dual, Primal], [Primal, Dual]] {
            assert!(second(&ends).is_ok_and(|(gap, iterations)| gap <= 1e-6 && iterations == 14));
        }
        assert!(second(&[Nothing, Optimum]).is_ok_and(|(gap, iterations)| gap <= 1e-6 && iterations == 7));
        let interval = |ends: &[Found]| match second(ends) {
            Err(Error::NotConverged { lower, upper, .. }) => (lower, upper),
            other => panic!("{other:?}"),
        };
        let (alone, both) = (interval(&[Primal, Nothing]), interval(&[Primal, Primal]));
        assert_eq!(alone, both);
        assert!(alone.0 > 0.0 && alone.1 > 1.000_01 * alone.0);
        // Where a backend finds nothing at all there are the devices' own optima.
        match second(&[Nothing, Nothing]) {
            Err(Error::NotConverged { lower, upper, iterations: 0, .. }) => {
                assert!(
                    relaxation != Relaxation::Mmse && 0.0 < lower && lower <= upper && upper <= 9.0 * lower
                );
            }
            other => {
                assert_eq!(relaxation, Relaxation::Mmse);
                assert_eq!(other, Err(Error::Numerical { operation: "the test" }));
            }
        }
    }
}

/// Channels whose sizes spread over eight decades: the interval that comes with `NotConverged` is that of the points before rounding took over, so
/// a smaller gap asked for does not make it much wider than what a larger one gets.
#[test]
fn rounding_does_not_widen_the_interval() {
    let mut stopped = 0;
    for seed in 0..600 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let receive = rng.random_range(2..=8);
        let spread = |decades: f64, rng: &mut ChaCha8Rng| 10f64.powf(decades * (rng.random::<f64>() - 0.5));
        let channels: Vec<Mat<c64>> = (0..rng.random_range(2..=8))
            .map(|_| {
                let transmit = rng.random_range(1..=receive.min(4));
                let factor = c64::new(spread(4.0, &mut rng), 0.0);
                let fading = Fading::RAYLEIGH.draw(receive, transmit, &mut rng).unwrap();
                fading * faer::Scale(factor)
            })
            .collect();
        let power = (0..channels.len()).map(|_| spread(4.0, &mut rng)).collect();
        let problem = Problem::new(channels, power, 1.0).unwrap();
        let solve = |relative_gap: f64| {
            Relaxation::LambdaMin.solve(&problem, &Options { relative_gap, ..Options::default() })
        };
        solve(1e-7).unwrap();
        if let Err(error) = solve(1e-9) {
            let Error::NotConverged { lower, upper, .. } = error else { panic!("{seed}: {error}") };
            assert!(upper - lower <= 1e-4 * upper, "{seed}: {lower:?} to {upper:?}");
            stopped += 1;
        }
    }
    assert!(stopped > 5, "{stopped} problems are hard enough to say anything");
}

/// Where no channel is open the MSE is `Σ v_n T_n`, whatever the noise: of the relaxation, and of both bounds.
#[test]
fn closed_channels_have_a_value() {
    for noise_power in [1e-100, 1e-20, 4.84e-3, 1.0, 3e7, 1e60] {
        for (receive, transmit, power) in [(1, &[1][..], 6.61), (4, &[2, 2, 2], 1.0), (3, &[2, 5], 1e-8)] {
            let closed = zeros(receive, transmit, power, noise_power);
            let variance: Vec<f64> = (0..transmit.len()).map(|n| 0.035 * (n + 1) as f64).collect();
            let value: f64 = variance.iter().zip(transmit).map(|(v, &t)| v * t as f64).sum();
            let closed = closed.with_signal_variance(variance).unwrap();
            let solution = mmse::solve(&closed, &Options::default()).unwrap();
            let (lower, upper) = (solution.certificate.lower, solution.certificate.upper);
            assert!(lower <= value && value <= upper, "{noise_power}: {lower} to {upper}, not {value}");
            assert!(upper - lower <= 1e-10 * value, "{noise_power}: {lower} to {upper}");
            let slopes = mmse::power_sensitivity(&closed, &solution).unwrap();
            // As exact as the certificate: the value at any power is between 0 and Σ v_n T_n.
            assert!(slopes.iter().all(|slope| *slope <= 0.0 && -slope * power <= 1e-10 * value));
            let bound = mmse::lower_bound(&closed, &Options::default()).unwrap();
            assert_eq!(bound, closed.is_square().then_some(lower));

            // Estimates of channels of which nothing is known.
            let error = ChannelError::new(vec![0.5; transmit.len()]).unwrap();
            let silent = power_limited(&closed, Mat::zeros(receive, closed.streams()).as_ref()).unwrap();
            let averaged = csi::lower_bound(&closed, &error, &silent, &Options::default()).unwrap();
            assert_eq!(averaged.is_some(), closed.is_square());
            if let Some(averaged) = averaged {
                assert!(averaged <= value && value - averaged <= 1e-10 * value, "{averaged}, not {value}");
            }
        }
    }
}

/// Channels that are next to nothing beside the noise are no channels.
#[test]
fn hopeless_channels_have_a_value() {
    for (scale, noise_power) in [(1e-20, 1.0), (1e-60, 4.84e-3), (1e-120, 4.84e-3), (1e-120, 1e40)] {
        let faint = Mat::from_fn(4, 2, |i, j| c64::new(scale * (i + 1) as f64, 0.1 * scale * j as f64));
        let problem = Problem::new(vec![faint; 3], vec![1.0; 3], noise_power).unwrap();
        let certificate = mmse::solve(&problem, &Options::default()).unwrap().certificate;
        assert!(certificate.lower <= 6.0 && 6.0 <= certificate.upper && certificate.relative_gap() < 1e-10);
    }
}

/// What no memory holds is refused with its size, before anything is allocated for it; what some holds is not.
#[test]
fn systems_that_no_memory_holds_are_refused() {
    // One wide channel; many wide channels at a large receiver; so many devices that the border of their multipliers is too large.
    for (receive, transmit, unknowns) in
        [(300, vec![300], 90_000), (150, vec![30; 40], 22_500), (1, vec![1; 30_000], 1)]
    {
        let channels = transmit.iter().map(|&side| Mat::full(receive, side, c64::new(1.0, 0.0))).collect();
        let devices = transmit.len();
        let problem = Problem::new(channels, vec![1.0; devices], 1.0).unwrap();
        let refused = |result: Result<(), Error>| match result {
            Err(Error::TooManyUnknowns { unknowns: found, devices: of, bytes, most }) => {
                assert_eq!((found, of, most), (unknowns, devices, 4_800_000_000));
                assert!(bytes > most);
            }
            other => panic!("{receive} {devices}: {other:?}"),
        };
        refused(mmse::solve(&problem, &Options::default()).map(|_| ()));
        refused(recovery::lower_bound(&problem, &Default::default()).map(|_| ()));
        let lambda_min = Relaxation::LambdaMin.solve(&problem, &Options::default());
        // The papers' relaxation has no such border.
        if receive > 1 { refused(lambda_min.map(|_| ())) } else { assert!(lambda_min.is_ok()) }
    }
    let wide = BlockFading::new(Fading::PAPER, 30, &[30], 1).unwrap().block(0);
    assert!(mmse::solve(&Problem::new(wide, vec![1.0], 1.0).unwrap(), &Options::default()).is_ok());
}

/// What belongs to the server or to the whole system is not called a device's; the data are as ever.
#[test]
fn messages_name_a_device_only_where_there_is_one() {
    let of = |quantity| Error::OutOfRange { quantity, device: 0, value: -1.0, valid: "positive" }.to_string();
    assert_eq!(of(Quantity::NoisePower), "noise power is -1; valid: positive");
    assert_eq!(of(Quantity::TransmitPower), "transmit power p_n of device 0 is -1; valid: positive");
    let shape = |quantity| Error::Shape { quantity, device: 0, expected: (2, 3), found: (1, 1) }.to_string();
    assert_eq!(shape(Quantity::Aggregator), "aggregator A is 1×1, expected 2×3");
    assert_eq!(shape(Quantity::PrimalMatrix), "primal matrix X is 1×1, expected 2×3");
    assert_eq!(shape(Quantity::DualMatrix), "dual matrix U_n of device 0 is 1×1, expected 2×3");
    let entry = Error::NonFiniteEntry { quantity: Quantity::PrimalMatrix, device: 0, row: 4, column: 2 };
    assert_eq!(entry.to_string(), "primal matrix X has a non-finite entry at row 4, column 2");
}
