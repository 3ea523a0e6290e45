//! The confidence of the optimality residual, on programs whose residual is known in closed form.

use std::convert::Infallible;

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use solver::sca::{
    Evaluation, Function, OptionsError, Polyhedron, Rng, ScaError, ScaOptions, StochasticProgram,
    StochasticSca, TerminationReason,
};

/// `min E‖x − ξ‖²` with `ξ = mean + noise`: with `η_0 = 1`, (21) at any point has the answer `Π_𝒳(mean)`.
struct NearestToMean {
    set: Polyhedron,
    mean: Vec<f64>,
    noise: fn(&mut dyn Rng) -> f64,
    constraints: usize,
}

impl StochasticProgram for NearestToMean {
    type Sample = Vec<f64>;
    type Error = Infallible;

    fn feasible_set(&self) -> &Polyhedron {
        &self.set
    }

    fn stochastic_constraints(&self) -> usize {
        self.constraints
    }

    fn sample(&self, rng: &mut dyn Rng) -> Result<Vec<f64>, Infallible> {
        Ok(self.mean.iter().map(|mean| mean + (self.noise)(rng)).collect())
    }

    fn evaluate(&self, x: &[f64], sample: &Vec<f64>) -> Result<Evaluation, Infallible> {
        let gradient: Vec<f64> = x.iter().zip(sample).map(|(x, s)| 2.0 * (x - s)).collect();
        let value = gradient.iter().map(|g| 0.25 * g * g).sum();
        let constraint = Function { value: -1.0, gradient: vec![0.0; x.len()] };
        let constraints = vec![constraint; self.constraints];
        Ok(Evaluation { objective: Function { value, gradient }, constraints })
    }
}

fn gaussian(rng: &mut dyn Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Exponential, centred: skewed, mean 0, variance 1.
fn skewed(rng: &mut dyn Rng) -> f64 {
    -(1.0 - rng.random_range(0.0..1.0_f64)).ln() - 1.0
}

/// On the line: mean 5, five deviations from `x = 0` and from the bounds.
fn on_the_line() -> NearestToMean {
    let set = Polyhedron::builder(1).bounds(vec![-10.0], vec![10.0]).build().unwrap();
    NearestToMean { set, mean: vec![5.0], noise: gaussian, constraints: 0 }
}

/// On the simplex: two of four bounds are active at the optimum (0.7, 0.3, 0, 0).
fn on_the_simplex() -> NearestToMean {
    let set = Polyhedron::simplex(4, 0.0).unwrap();
    NearestToMean { set, mean: vec![0.7, 0.3, -0.2, -0.5], noise: skewed, constraints: 0 }
}

const OPTIMUM: [f64; 4] = [0.7, 0.3, 0.0, 0.0];

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

/// In one dimension nothing is conservative: the two-sided Student interval at 80 % misses on the one side that matters with
/// probability 10 %, at five Gaussian samples as at fifty.
#[test]
fn on_the_line_the_bound_misses_exactly_as_often_as_it_may() {
    let program = on_the_line();
    let mut sca = StochasticSca::new(&program, ScaOptions::new(0));
    for samples in [5, 50] {
        let trials = 4000;
        let missed = (0..trials)
            .filter(|&seed| sca.estimate_residual(&[0.0], samples, 0.8, seed).unwrap().upper_bound < 5.0)
            .count() as f64;
        let (rate, deviation) = (missed / trials as f64, (0.1 * 0.9 / trials as f64).sqrt());
        assert!((rate - 0.1).abs() < 3.5 * deviation, "{samples} samples: missed {rate}");
    }
}

/// Skewed noise, active bounds, the optimum itself and a point far from it: the level is kept, and the bound closes in like
/// `1/√samples`.
#[test]
fn on_the_simplex_the_bound_holds_at_its_level() {
    let program = on_the_simplex();
    let mut sca = StochasticSca::new(&program, ScaOptions::new(0));
    for point in [OPTIMUM, [0.25; 4], [0.0, 0.0, 0.0, 1.0]] {
        let truth = distance(&point, &OPTIMUM);
        let trials = 500;
        let mut slack = Vec::new();
        for samples in [40, 640] {
            let (mut missed, mut mean) = (0, 0.0);
            for seed in 0..trials {
                let estimate = sca.estimate_residual(&point, samples, 0.9, seed).unwrap();
                assert_eq!((estimate.samples, estimate.confidence), (samples, 0.9));
                assert!(estimate.upper_bound >= estimate.residual);
                missed += usize::from(estimate.upper_bound < truth);
                mean += (estimate.upper_bound - estimate.residual) / trials as f64;
            }
            assert!(missed as f64 <= 0.1 * trials as f64, "{point:?}: missed {missed} of {trials}");
            slack.push(mean);
        }
        assert!((slack[0] / slack[1] - 4.0).abs() < 0.4, "{slack:?}");
    }
}

/// A level that rounds to 1 bounds nothing, even where the samples agree; a number of samples beyond all memory is no panic.
#[test]
fn absurd_sampling_is_harmless() {
    fn none(_: &mut dyn Rng) -> f64 {
        0.0
    }
    let program = NearestToMean { noise: none, ..on_the_line() };
    let mut sca = StochasticSca::new(&program, ScaOptions::new(0));
    let estimate = sca.estimate_residual(&[0.0], 5, 1.0 - f64::EPSILON / 2.0, 1).unwrap();
    assert_eq!((estimate.residual, estimate.upper_bound), (5.0, f64::INFINITY));
    let broken = NearestToMean { noise: |_| f64::NAN, ..on_the_line() };
    let mut sca = StochasticSca::new(&broken, ScaOptions::new(0));
    let result = sca.estimate_residual(&[0.0], usize::MAX, 0.9, 1);
    assert!(matches!(result, Err(ScaError::NonFiniteValue { .. })));
}

/// Runs that stop while their true residual is above the tolerance, and all that stop.
fn stops(options: impl Fn(u64) -> ScaOptions, tolerance: f64, runs: u64) -> (usize, usize) {
    let program = on_the_simplex();
    let (mut early, mut stopped) = (0, 0);
    for seed in 0..runs {
        let report = StochasticSca::new(&program, options(seed)).run(&[0.0, 0.0, 0.0, 1.0]).unwrap();
        if report.termination.was_successful() {
            stopped += 1;
            early += usize::from(distance(&report.point, &OPTIMUM) > tolerance);
        }
    }
    (early, stopped)
}

/// The claim about whole runs, many of which test more than once: at most a tenth stops too early. Without confirmation the
/// run's own residual, which chases its own averages, stops most of them too early.
#[test]
fn confirmed_runs_do_not_stop_early() {
    let (tolerance, runs) = (0.3, 100);
    let options = |seed| {
        let options = ScaOptions::new(seed).with_iterations(1000).unwrap();
        options.with_residual_tolerance(tolerance, 5).unwrap()
    };
    let (early, stopped) = stops(options, tolerance, runs);
    assert!(stopped as u64 == runs && early > runs as usize / 2, "{early} of {stopped} without confirmation");
    let (early, stopped) = stops(|seed| options(seed).with_confirmation(1000, 0.9).unwrap(), tolerance, runs);
    assert!(stopped as u64 > runs / 2, "{stopped} stopped");
    assert!(early as f64 <= 0.1 * runs as f64, "{early} of {stopped} too early");
}

#[test]
fn the_report_carries_the_claim() {
    let program = on_the_simplex();
    let options = ScaOptions::new(3).with_iterations(3000).unwrap();
    let options = options.with_residual_tolerance(0.2, 3).unwrap().with_confirmation(2000, 0.95).unwrap();
    let report = StochasticSca::new(&program, options.clone()).run(&[0.25; 4]).unwrap();
    match report.termination {
        TerminationReason::ResidualConfirmed { estimate, confidence } => {
            assert!(estimate.upper_bound <= 0.2 && estimate.residual < estimate.upper_bound);
            // The first test already has to spare for those that might have followed.
            assert!(confidence == 0.95 && estimate.confidence >= 0.975);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(report, StochasticSca::new(&program, options).run(&[0.25; 4]).unwrap());
}

#[test]
fn what_gives_no_confidence_is_refused() {
    let options = || ScaOptions::new(0);
    assert_eq!(
        options().with_confirmation(1, 0.9),
        Err(OptionsError::TooFewSamples { option: "samples", samples: 1, least: 2 })
    );
    for confidence in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(matches!(
            options().with_confirmation(10, confidence),
            Err(OptionsError::Confidence { confidence: refused }) if refused.to_bits() == confidence.to_bits()
        ));
    }
    let program = on_the_simplex();
    // A confirmation of nothing; with a tolerance, in either order, it is one of something.
    let alone = options().with_confirmation(10, 0.9).unwrap();
    let run = |options: &ScaOptions| StochasticSca::new(&program, options.clone()).run(&[0.25; 4]);
    assert!(matches!(
        run(&alone),
        Err(ScaError::Options(OptionsError::ConfirmationWithoutTolerance { samples: 10 }))
    ));
    let last = alone.with_residual_tolerance(0.2, 3).unwrap();
    let first = options().with_residual_tolerance(0.2, 3).unwrap().with_confirmation(10, 0.9).unwrap();
    assert_eq!(run(&last).unwrap(), run(&first).unwrap());
    let mut sca = StochasticSca::new(&program, options());
    assert!(matches!(
        sca.estimate_residual(&[0.25; 4], 0, 0.9, 1),
        Err(ScaError::Options(OptionsError::TooFewSamples { .. }))
    ));
    assert!(matches!(
        sca.estimate_residual(&[0.5; 4], 10, 0.9, 1),
        Err(ScaError::InitialPointInfeasible { .. })
    ));
    // With stochastic constraints no such bound is known.
    let constrained = NearestToMean { constraints: 2, ..on_the_simplex() };
    let confirmed = options().with_confirmation(10, 0.9).unwrap();
    let mut sca = StochasticSca::new(&constrained, confirmed);
    assert!(matches!(sca.run(&[0.25; 4]), Err(ScaError::ConfirmationWithConstraints { constraints: 2 })));
    assert!(matches!(
        sca.estimate_residual(&[0.25; 4], 10, 0.9, 1),
        Err(ScaError::ConfirmationWithConstraints { constraints: 2 })
    ));
}
