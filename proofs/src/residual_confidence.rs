//! The residual with confidence: *theory*, section 5.
//!
//! # Statement
//!
//! Let `x̂(g) = Π_𝒳(x − g/(2η))` at a fixed `x`, `g = E[G]`, and `ḡ`, `s_j/√k` the mean and the standard errors of `k` independent
//! Gaussian gradients `G` with any covariance. Then
//!
//! 1. `|‖x̂(ḡ) − x‖ − ‖x̂(g) − x‖| ≤ ‖ḡ − g‖/(2η)`, as projections do not expand distances;
//! 2. `‖x̂(g) − x‖ ≤ ‖x̂(ḡ) − x‖ + t ‖s‖/(2η√k)` with probability at least `1 − δ`, `t` Student's quantile at `1 − δ/(2n)` for `n`
//!    entries. Where all entries have the same noise, along `g` and away from the bounds, it fails with probability `δ/(2n)`: one
//!    entry's part of `δ`, on one side, as there `‖ḡ − g‖/‖s‖` is `|ḡ_j − g_j|/s_j`, the same for every `j`;
//! 3. if test `i = 1, 2, …` of a run has level `1 − δ/(i(i+1))` and samples that no other test and no iteration has seen, the run stops at a
//!    point whose residual is above the tolerance with probability at most `δ`.
//!
//! # Hypotheses
//!
//! - **Gaussian** gradients, or many samples. Few samples of what is rare see none of it, and a spread of 0;
//! - **samples of its own** for each bound. The least of several bounds covers less often;
//! - **shrinking levels** (for 3). A run that trusts its own noisy residual stops too early almost always.

#[cfg(test)]
mod tests {
    use crate::config;
    use crate::simulation::{is_at_most, is_near, normal};
    use proptest::prelude::*;
    use solver::sca::{
        Evaluation, Function, Polyhedron, Rng, ScaOptions, Schedules, StochasticProgram, StochasticSca,
        TerminationReason,
    };
    use solver::strategies::{number, power_of_two};
    use std::cell::RefCell;
    use std::convert::Infallible;

    /// The gradient is a given one plus noise of a law of one's own.
    struct Noisy<F> {
        set: Polyhedron,
        gradient: Vec<f64>,
        noise: F,
    }

    impl<F: Fn(&mut dyn Rng, usize) -> Vec<f64>> StochasticProgram for Noisy<F> {
        type Sample = Vec<f64>;
        type Error = Infallible;
        fn feasible_set(&self) -> &Polyhedron {
            &self.set
        }
        fn sample(&self, rng: &mut dyn Rng) -> Result<Vec<f64>, Infallible> {
            Ok((self.noise)(rng, self.gradient.len()))
        }
        fn evaluate(&self, _: &[f64], sample: &Vec<f64>) -> Result<Evaluation, Infallible> {
            let gradient = self.gradient.iter().zip(sample).map(|(g, noise)| g + noise).collect();
            Ok(Evaluation { objective: Function { value: 0.0, gradient }, constraints: vec![] })
        }
    }

    /// Noise of standard deviation 1 in each entry, of which half of the variance is common to all.
    fn correlated(rng: &mut dyn Rng, entries: usize) -> Vec<f64> {
        let common = normal(rng);
        (0..entries).map(|_| (common + normal(rng)) / 2.0_f64.sqrt()).collect()
    }

    /// The same noise in each entry.
    fn common(rng: &mut dyn Rng, entries: usize) -> Vec<f64> {
        vec![normal(rng); entries]
    }

    /// 10 once in ten, and otherwise nothing; less the mean of 1.
    fn rare(rng: &mut dyn Rng, entries: usize) -> Vec<f64> {
        (0..entries).map(|_| if rng.next_u64().is_multiple_of(10) { 9.0 } else { -1.0 }).collect()
    }

    fn interval() -> Polyhedron {
        Polyhedron::builder(1).bounds(vec![-100.0], vec![100.0]).build().unwrap()
    }

    fn distance(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    /// `‖Π_𝒳(x − g/(2η)) − x‖` for the simplex, by bisection of the multiplier of its equality.
    fn on_the_simplex(x: &[f64], g: &[f64], curvature: f64) -> f64 {
        let aim: Vec<f64> = x.iter().zip(g).map(|(x, g)| x - g / (2.0 * curvature)).collect();
        let at = |level: f64| -> Vec<f64> { aim.iter().map(|a| (a - level).max(0.0)).collect() };
        let most = aim.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut low, mut high) = (most - 1.0, most);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if at(middle).iter().sum::<f64>() > 1.0 { low = middle } else { high = middle }
        }
        distance(&at(high), x)
    }

    /// A point of the simplex.
    fn shares(weights: &[f64]) -> Vec<f64> {
        let sum: f64 = weights.iter().map(|w| w.abs() + 1.0 / 16.0).sum();
        weights.iter().map(|w| (w.abs() + 1.0 / 16.0) / sum).collect()
    }

    proptest! {
        #![proptest_config(config())]

        /// 1; and without noise the estimate is the residual itself, and its bound no wider than rounding.
        #[test]
        fn moves_no_more_than_the_gradient(
            entries in prop::collection::vec((number(), number(), number()), 1..=5), curvature in power_of_two(6),
        ) {
            let of = |f: &dyn Fn(&(f64, f64, f64)) -> f64| -> Vec<f64> { entries.iter().map(f).collect() };
            let (x, gradient, error) = (shares(&of(&|e| e.0)), of(&|e| e.1), of(&|e| e.2));
            let (true_residual, other) = (
                on_the_simplex(&x, &gradient, curvature),
                on_the_simplex(&x, &gradient.iter().zip(&error).map(|(g, e)| g + e).collect::<Vec<_>>(), curvature),
            );
            let size = error.iter().map(|e| e * e).sum::<f64>().sqrt();
            prop_assert!((true_residual - other).abs() <= size / (2.0 * curvature) + 1e-12, "{true_residual}, {other}");
            let program = Noisy {
                set: Polyhedron::simplex(x.len(), 0.0).unwrap(), gradient, noise: |_: &mut dyn Rng, n| vec![0.0; n],
            };
            let options = ScaOptions::new(0).with_objective_curvature(curvature).unwrap();
            let found = StochasticSca::new(&program, options).estimate_residual(&x, 2, 0.9, 0).unwrap();
            prop_assert!((found.residual - true_residual).abs() <= 1e-9, "{found:?}, {true_residual}");
            prop_assert!(found.upper_bound >= true_residual - 1e-12 && found.upper_bound <= true_residual + 1e-3, "{found:?}");
        }
    }

    const CONFIDENCE: f64 = 0.8;

    /// How many of `trials` bounds, from `samples` samples each, are below the true residual.
    fn misses<F: Fn(&mut dyn Rng, usize) -> Vec<f64>>(
        program: &Noisy<F>,
        (x, residual): (&[f64], f64),
        samples: usize,
        trials: u32,
    ) -> u32 {
        let mut sca = StochasticSca::new(program, ScaOptions::new(0));
        let missed = |&seed: &u32| {
            let found = sca.estimate_residual(x, samples, CONFIDENCE, u64::from(seed)).unwrap();
            found.upper_bound < residual
        };
        (0..trials).filter(missed).count() as u32
    }

    /// 2: on the simplex, with correlated entries, at a vertex and inside.
    #[test]
    fn covers() {
        let gradient = vec![1.0, -0.5, 0.25, 0.0];
        let program = Noisy {
            set: Polyhedron::simplex(4, 0.0).unwrap(),
            gradient: gradient.clone(),
            noise: correlated,
        };
        for x in [[0.25; 4], [1.0, 0.0, 0.0, 0.0]] {
            let residual = on_the_simplex(&x, &gradient, 1.0);
            let found = misses(&program, (&x, residual), 5, 1000);
            assert!(is_at_most(found, 1000, 1.0 - CONFIDENCE), "{found} of 1000 at {x:?}");
        }
    }

    /// 2: where noise is common to all entries the bound is Student's own for one entry, at the level that is one entry's part: it is below the
    /// residual as often as that allows, no less often, or it would be wider than it need be.
    #[test]
    fn is_exact_for_common_noise() {
        for (entries, confidence) in [(1, 0.8), (4, 0.2), (16, 0.2)] {
            let set = Polyhedron::builder(entries)
                .bounds(vec![-100.0; entries], vec![100.0; entries])
                .build()
                .unwrap();
            let program = Noisy { set, gradient: vec![40.0; entries], noise: common };
            let mut sca = StochasticSca::new(&program, ScaOptions::new(0));
            let residual = 20.0 * (entries as f64).sqrt();
            let missed = |&seed: &u64| {
                sca.estimate_residual(&vec![0.0; entries], 4, confidence, seed).unwrap().upper_bound
                    < residual
            };
            let found = (0..4000).filter(missed).count() as u32;
            assert!(
                is_near(found, 4000, (1.0 - confidence) / (2.0 * entries as f64)),
                "{found} of 4000, {entries} entries"
            );
        }
    }

    /// Without **Gaussian**: three samples of a gradient that is 10 once in ten are equal 73 times in a hundred, and say that it is 0.
    #[test]
    fn rare_gradients() {
        let program = Noisy { set: interval(), gradient: vec![1.0], noise: rare };
        let few = misses(&program, (&[0.0], 0.5), 3, 1000);
        assert!(few > 650, "{few} of 1000");
        // Of 300 samples the mean is nearly normal.
        let many = misses(&program, (&[0.0], 0.5), 300, 400);
        assert!(is_at_most(many, 400, 1.0 - CONFIDENCE), "{many} of 400");
    }

    /// Without **samples of its own**: the least of ten bounds misses more than half the time.
    #[test]
    fn the_least_of_several_bounds() {
        let program = Noisy { set: interval(), gradient: vec![40.0], noise: correlated };
        let mut sca = StochasticSca::new(&program, ScaOptions::new(0));
        let mut least = |trial: u64| {
            let bounds = (0..10)
                .map(|k| sca.estimate_residual(&[0.0], 4, CONFIDENCE, 10 * trial + k).unwrap().upper_bound);
            bounds.fold(f64::INFINITY, f64::min)
        };
        let found = (0..300).filter(|&trial| least(trial) < 20.0).count();
        assert!(found > 150, "{found} of 300");
    }

    /// 3: no two samples of a run are the same, those of its tests included.
    #[test]
    fn confirmations_have_samples_of_their_own() {
        let drawn = RefCell::new(Vec::new());
        let noise = |rng: &mut dyn Rng, entries| {
            let noise = correlated(rng, entries);
            drawn.borrow_mut().push(noise[0].to_bits());
            noise
        };
        let program = Noisy { set: interval(), gradient: vec![40.0], noise };
        let options = hesitant(0).with_confirmation(4, 0.99).unwrap();
        StochasticSca::new(&program, options).run(&[0.0]).unwrap();
        let all = drawn.borrow().len();
        assert!(all > 30 + 5 * 4, "{all} samples: fewer than 5 tests");
        drawn.borrow_mut().sort_unstable();
        drawn.borrow_mut().dedup();
        assert_eq!(drawn.borrow().len(), all);
    }

    /// 30 iterations of one sample each at a point that hardly moves, with averages that forget at once, which stop at a residual below 19.99.
    fn hesitant(seed: u64) -> ScaOptions {
        let schedules = Schedules::constant_without_guarantee(1.0, 1e-9).unwrap();
        let options = ScaOptions::new(seed).with_iterations(30).unwrap().with_schedules(schedules);
        options.with_residual_tolerance(19.99, 1).unwrap()
    }

    /// Runs that stand at a residual of 20, and stop as they see less than 19.99.
    fn stopped(options: impl Fn(ScaOptions) -> ScaOptions, trials: u32) -> u32 {
        let program = Noisy { set: interval(), gradient: vec![40.0], noise: correlated };
        let run = |&seed: &u32| {
            let options = options(hesitant(u64::from(seed)));
            let report = StochasticSca::new(&program, options).run(&[0.0]).unwrap();
            !matches!(report.termination, TerminationReason::IterationLimit { .. })
        };
        (0..trials).filter(run).count() as u32
    }

    /// 3: up to 30 looks, about 15 tests, and all together they stop a run no more often than one test may.
    #[test]
    fn confirmed_runs_seldom_stop_too_early() {
        let found = stopped(|options| options.with_confirmation(4, CONFIDENCE).unwrap(), 400);
        assert!(is_at_most(found, 400, 1.0 - CONFIDENCE), "{found} of 400");
    }

    /// Without **shrinking levels**: the run's own residual decides.
    #[test]
    fn unconfirmed_runs_stop_too_early() {
        let found = stopped(|options| options, 100);
        assert!(found > 95, "{found} of 100");
    }
}
