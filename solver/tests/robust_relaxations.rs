//! What happens to the relaxations where a warm start misleads, rounding takes over, no channel is open, or no memory suffices.

mod common;

use common::paper_problem;
use faer::{Mat, c64};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use solver::channel::{Fading, GaussMarkov};
use solver::relaxation::{Backend, Options, Points, Relaxation, Solution, Solver};
use solver::{Error, Problem};

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

/// A backend that starts warm where it may, and ends where it is told to.
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
        match self.ends.next().expect("one start more than expected") {
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
        assert_eq!(second(&[Nothing, Nothing]), Err(Error::Numerical { operation: "the test" }));
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
