//! Surrogates of stochastic successive convex approximation: \[A\], (19) to (22), after \[C\]; *theory*, section 5.
//!
//! # Statement
//!
//! With `f_i^τ`, `u_i^τ` the averages (19) and `d = x − x^τ`, let `f̂_i(x) = f_i^τ + (u_i^τ)^T d + η_i ‖d‖²`, `η_0 > 0`, `η_i ≥ 0`.
//!
//! 1. `f̂_i(x^τ) = f_i^τ` and `∇f̂_i(x^τ) = u_i^τ`: after the averaging, value and gradient agree at the point;
//! 2. `f̂_0` is strongly convex, and so `x̂ = argmin f̂_0` over the convex set of (21) is one point, `f̂_0(y) ≥ f̂_0(x̂) + η_0 ‖y − x̂‖²` for
//!    every `y` of it;
//! 3. so where (21) has `x^τ` among its points, `x̂` is a direction of descent, `(u_0^τ)^T (x̂ − x^τ) ≤ −2η_0 ‖x̂ − x^τ‖²`;
//! 4. `x^{τ+1} = (1 − γ_τ) x^τ + γ_τ x̂` stays in `𝒳`, which is convex.
//!
//! Where (21) has no point, `x̂` is one of [`restoration`](crate::restoration); how far `x̂` may be from exact is in
//! [`subproblem_bound`](crate::subproblem_bound).
//!
//! # Hypotheses
//!
//! - **curvature**: `η_0 > 0`. Without it `x̂` need not be one point, and jumps between vertices however near the optimum is;
//! - **first weight** (for 1): `ρ_0 = 1`. Averages that start from 0 are too small at first.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{dot, minus};
    use crate::config;
    use proptest::prelude::*;
    use solver::sca::{
        Evaluation, Function, OptionsError, Polyhedron, Rng, ScaOptions, ScaReport, StochasticProgram,
        StochasticSca, Surrogate, TerminationReason,
    };
    use solver::strategies::{number, power_of_two};
    use std::cell::RefCell;
    use std::convert::Infallible;

    /// Quadratics `level + gradient^T x + bend ‖x‖² + noise ξ (1 + Σ x)` over the simplex, which notes what it returns.
    struct Quadratics {
        set: Polyhedron,
        /// The objective, then the constraints.
        functions: Vec<(f64, Vec<f64>)>,
        bend: f64,
        noise: f64,
        seen: RefCell<Vec<Vec<Function>>>,
    }

    impl StochasticProgram for Quadratics {
        type Sample = f64;
        type Error = Infallible;
        fn feasible_set(&self) -> &Polyhedron {
            &self.set
        }
        fn stochastic_constraints(&self) -> usize {
            self.functions.len() - 1
        }
        fn sample(&self, rng: &mut dyn Rng) -> Result<f64, Infallible> {
            Ok(crate::simulation::normal(rng))
        }
        fn evaluate(&self, point: &[f64], sample: &f64) -> Result<Evaluation, Infallible> {
            let of = |(level, gradient): &(f64, Vec<f64>)| {
                let noise = self.noise * sample;
                let value = level
                    + dot(gradient, point)
                    + self.bend * dot(point, point)
                    + noise * (1.0 + point.iter().sum::<f64>());
                let gradient = gradient.iter().zip(point).map(|(g, x)| g + 2.0 * self.bend * x + noise);
                Function { value, gradient: gradient.collect() }
            };
            let all: Vec<Function> = self.functions.iter().map(of).collect();
            self.seen.borrow_mut().push(all.clone());
            let mut all = all.into_iter();
            Ok(Evaluation { objective: all.next().unwrap(), constraints: all.collect() })
        }
    }

    /// Relative violation, and error of `x̂` as read off (22), that count as rounding: three times what the solver allows for a row.
    const TOLERANCE: f64 = 3.0 * solver::sca::FEASIBILITY_TOLERANCE;

    fn shares(weights: &[f64]) -> Vec<f64> {
        let sum: f64 = weights.iter().map(|w| w.abs() + 1.0 / 16.0).sum();
        weights.iter().map(|w| (w.abs() + 1.0 / 16.0) / sum).collect()
    }

    /// A program of `constraints` constraints in `dimension` variables, with a level for all of the constraints, a start, and other points.
    #[derive(Debug, Clone)]
    struct Case {
        functions: Vec<(f64, Vec<f64>)>,
        bend: f64,
        noise: f64,
        curvatures: Vec<f64>,
        start: Vec<f64>,
        others: Vec<Vec<f64>>,
    }

    fn case(constraints: std::ops::RangeInclusive<usize>, level: f64) -> impl Strategy<Value = Case> {
        (2..=4_usize, constraints).prop_flat_map(move |(dimension, constraints)| {
            let vector = || prop::collection::vec(number(), dimension);
            let function = (number(), vector()).prop_map(move |(value, gradient)| (value + level, gradient));
            let curvature = prop_oneof![Just(0.0), power_of_two(3)];
            (
                (number(), vector()),
                prop::collection::vec(function, constraints),
                (0..=4_u8).prop_map(|quarters| f64::from(quarters) / 4.0),
                prop_oneof![Just(0.0), Just(0.25)],
                (power_of_two(4), prop::collection::vec(curvature, constraints)),
                vector().prop_map(|weights| shares(&weights)),
                prop::collection::vec(vector().prop_map(|weights| shares(&weights)), 4),
            )
                .prop_map(
                    |(objective, constraints, bend, noise, (first, curvatures), start, mut others)| {
                        // The vertices too: what is linear is worst or best there.
                        let dimension = start.len();
                        let vertex = |k: usize| (0..dimension).map(|i| f64::from(u8::from(i == k))).collect();
                        others.extend((0..dimension).map(vertex));
                        let functions = std::iter::once(objective).chain(constraints).collect();
                        let curvatures = std::iter::once(first).chain(curvatures).collect();
                        Case { functions, bend, noise, curvatures, start, others }
                    },
                )
        })
    }

    impl Case {
        fn program(&self) -> Quadratics {
            Quadratics {
                set: Polyhedron::simplex(self.start.len(), 0.0).unwrap(),
                functions: self.functions.clone(),
                bend: self.bend,
                noise: self.noise,
                seen: RefCell::default(),
            }
        }

        fn options(&self, iterations: usize) -> ScaOptions {
            ScaOptions::new(3)
                .with_iterations(iterations)
                .and_then(|options| options.with_objective_curvature(self.curvatures[0]))
                .and_then(|options| options.with_constraint_curvatures(self.curvatures[1..].to_vec()))
                .unwrap()
        }

        /// The surrogates of given averages.
        fn surrogates(&self, averages: &[Function]) -> Vec<Surrogate> {
            let pairs = averages.iter().zip(&self.curvatures);
            pairs
                .map(|(f, &curvature)| Surrogate { value: f.value, gradient: f.gradient.clone(), curvature })
                .collect()
        }
    }

    fn worst(constraints: &[Surrogate], displacement: &[f64]) -> f64 {
        constraints.iter().map(|c| c.at(displacement).unwrap()).fold(f64::NEG_INFINITY, f64::max)
    }

    /// `x̂` of the last iteration, from (22).
    fn target(report: &ScaReport) -> Vec<f64> {
        let last = report.history.last().unwrap();
        let moved = report.point.iter().zip(&last.point);
        moved.map(|(next, x)| x + (next - x) / last.step).collect()
    }

    /// Runs of `iterations`, checked at the last: 1 to 4, and what restoration says where it applies. Returns whether (21) had a point.
    fn check(case: &Case, iterations: usize) -> Result<bool, TestCaseError> {
        let program = case.program();
        let mut sca = StochasticSca::new(&program, case.options(iterations));
        let mut state = sca.start(&case.start).unwrap();
        let report = sca.resume(&mut state, |_| std::ops::ControlFlow::Continue(())).unwrap();
        let last = report.history.last().unwrap();

        // 1: (19) by its definition, from what the program returned.
        let mut averages: Vec<Function> = program.seen.borrow()[0].clone();
        for (record, new) in report.history.iter().zip(program.seen.borrow().iter()).skip(1) {
            for (average, new) in averages.iter_mut().zip(new) {
                let mix = |old: f64, new: f64| (1.0 - record.averaging) * old + record.averaging * new;
                average.value = mix(average.value, new.value);
                average.gradient.iter_mut().zip(&new.gradient).for_each(|(u, g)| *u = mix(*u, *g));
            }
        }
        let (all, nowhere) = (case.surrogates(&averages), vec![0.0; case.start.len()]);
        for (kept, surrogate) in state.estimates().iter().zip(&all) {
            let size = 1.0 + surrogate.value.abs();
            prop_assert!(
                (kept.value - surrogate.at(&nowhere).unwrap()).abs() <= 1e-9 * size,
                "{kept:?}, {surrogate:?}"
            );
            for (j, u) in kept.gradient.iter().enumerate() {
                let step = |t: f64| {
                    surrogate
                        .at(&(0..nowhere.len()).map(|i| if i == j { t } else { 0.0 }).collect::<Vec<_>>())
                        .unwrap()
                };
                // Exact for a quadratic.
                prop_assert!(
                    (step(0.5) - step(-0.5) - u).abs() <= 1e-9 * (1.0 + u.abs()),
                    "{kept:?}, {surrogate:?}"
                );
            }
        }
        prop_assert!((last.objective - all[0].value).abs() <= 1e-9 * (1.0 + all[0].value.abs()));

        // 4
        let found = target(&report);
        prop_assert!(
            program.set.contains(&report.point) && program.set.largest_violation(&found).amount <= TOLERANCE,
            "{found:?}"
        );
        let length = dot(&minus(&found, &last.point), &minus(&found, &last.point)).sqrt();
        prop_assert!((length - last.residual).abs() <= TOLERANCE, "{length}, recorded {}", last.residual);

        let (objective, constraints) = all.split_first().unwrap();
        let here = minus(&found, &last.point);
        let scale = 1.0
            + all
                .iter()
                .map(|f| f.value.abs() + f.curvature + dot(&f.gradient, &f.gradient).sqrt())
                .fold(0.0, f64::max);
        if let Some(least) = last.restored {
            // As restoration says, with noise and curvature.
            let within = TOLERANCE * scale;
            prop_assert!(
                (worst(constraints, &here) - least).abs() <= TOLERANCE * scale,
                "{least}, {}",
                worst(constraints, &here)
            );
            for other in case.others.iter().chain([&last.point]) {
                let there = worst(constraints, &minus(other, &last.point));
                prop_assert!(least <= there + within, "least violation {least}, but {there} at {other:?}");
            }
            return Ok(false);
        }
        // 2 and 3, with the points of (21) that are known. By strong convexity x̂ is within the root of gap over curvature, and the simplex
        // has diameter √2.
        let gap = last.subproblem_gap.max(0.0) + TOLERANCE * scale;
        let within = 2.0 * gap + (8.0 * objective.curvature * gap).sqrt();
        prop_assert!(worst(constraints, &here) <= TOLERANCE * scale, "{}", worst(constraints, &here));
        for other in case.others.iter().chain([&last.point]) {
            let displacement = minus(other, &last.point);
            if worst(constraints, &displacement) <= 0.0 {
                let away = minus(other, &found);
                let least = objective.at(&here).unwrap() + objective.curvature * dot(&away, &away);
                let there = objective.at(&displacement).unwrap();
                prop_assert!(
                    there >= least - within,
                    "f̂ = {there} at {other:?}, but {least} by strong convexity"
                );
            }
        }
        if worst(constraints, &nowhere) <= 0.0 {
            let slope = dot(&objective.gradient, &here);
            prop_assert!(
                slope <= -2.0 * objective.curvature * dot(&here, &here) + within,
                "slope {slope} along {here:?}"
            );
        }
        Ok(true)
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn without_constraints(case in case(0..=0, 0.0), iterations in 1..=6_usize) {
            prop_assert!(check(&case, iterations)?);
        }

        /// With a point in (21) or without.
        #[test]
        fn with_constraints(case in case(1..=2, 0.0), iterations in 1..=4_usize) {
            check(&case, iterations)?;
        }

        /// Constraints that no point of the simplex meets: always restored, and at the end the report says so.
        #[test]
        fn where_there_is_no_point(case in case(1..=2, 16.0), iterations in 1..=4_usize) {
            prop_assert!(!check(&case, iterations)?);
            let program = case.program();
            let report = StochasticSca::new(&program, case.options(iterations)).run(&case.start).unwrap();
            prop_assert!(matches!(report.termination, TerminationReason::Infeasible { .. }), "{:?}", report.termination);
        }

    }

    /// Without **curvature**: where the gradient is 0 every point of the interval has the least surrogate; next to it, on either side, the
    /// least is at opposite ends. With `η = 1` it moves as the gradient does. Options refuse 0.
    #[test]
    fn flat_surrogates() {
        let refused = ScaOptions::new(0).with_objective_curvature(0.0);
        assert_eq!(refused.err(), Some(OptionsError::ObjectiveCurvature { curvature: 0.0 }));
        let end = |gradient: f64, curvature: f64| {
            let surrogate = Surrogate { value: 0.0, gradient: vec![gradient], curvature };
            let points = (-100..=100).map(|k| f64::from(k) / 100.0);
            points
                .min_by(|a, b| surrogate.at(&[*a]).unwrap().total_cmp(&surrogate.at(&[*b]).unwrap()))
                .unwrap()
        };
        assert_eq!((end(1e-6, 0.0), end(-1e-6, 0.0)), (-1.0, 1.0));
        assert_eq!((end(1e-6, 1.0), end(-1e-6, 1.0)), (0.0, 0.0));
        let level = Surrogate { value: 0.0, gradient: vec![0.0], curvature: 0.0 };
        assert_eq!(level.at(&[-1.0]), level.at(&[1.0]));
    }

    /// Without **first weight**: of a constant 1, averages that start from 0 with `ρ_0 = 1/2` know one half.
    #[test]
    fn averages_from_nothing() {
        let case = Case {
            functions: vec![(1.0, vec![0.0, 0.0])],
            bend: 0.0,
            noise: 0.0,
            curvatures: vec![1.0],
            start: vec![0.5, 0.5],
            others: vec![],
        };
        let program = case.program();
        let schedules = solver::sca::Schedules::constant_without_guarantee(0.5, 0.5).unwrap();
        let options = case.options(1).with_schedules(schedules);
        let report = StochasticSca::new(&program, options).run(&case.start).unwrap();
        assert_eq!((report.history[0].averaging, report.history[0].objective), (1.0, 1.0));
        let (rho, before) = (0.5, 0.0);
        assert_eq!((1.0 - rho) * before + rho * 1.0, 0.5);
    }
}
