use super::cases::{Case, cases};
use super::dual_bound;
use crate::arithmetic::{dot, length, minus};
use crate::{config, tolerance};
use proptest::prelude::*;
use solver::sca::subproblem::{AutomaticBackend, Candidate, ClarabelBackend, SubproblemSolver};
use solver::sca::{
    Evaluation, Function, Polyhedron, Rng, ScaOptions, StochasticProgram, StochasticSca, Surrogate,
};
use std::convert::Infallible;

/// Value and gradient of each function are those of its surrogate, wherever one asks.
struct Constant<'a>(&'a Case);

impl StochasticProgram for Constant<'_> {
    type Sample = ();
    type Error = Infallible;
    fn feasible_set(&self) -> &Polyhedron {
        &self.0.set
    }
    fn stochastic_constraints(&self) -> usize {
        self.0.constraints.len()
    }
    fn sample(&self, _: &mut dyn Rng) -> Result<(), Infallible> {
        Ok(())
    }
    fn evaluate(&self, _: &[f64], (): &()) -> Result<Evaluation, Infallible> {
        let of = |f: &Surrogate| Function { value: f.value, gradient: f.gradient.clone() };
        Ok(Evaluation {
            objective: of(&self.0.objective),
            constraints: self.0.constraints.iter().map(of).collect(),
        })
    }
}

impl Case {
    fn objective_at(&self, point: &[f64]) -> f64 {
        self.objective.at(&minus(point, &self.center)).unwrap()
    }

    /// `m(x)`, rounding not counted.
    fn missed(&self, point: &[f64]) -> f64 {
        let displacement = minus(point, &self.center);
        let functions = self.constraints.iter().zip(&self.optimum.constraint_multipliers);
        let functions = functions.map(|(f, weight)| weight * f.at(&displacement).unwrap().max(0.0));
        let equalities = self.set.equalities().iter().zip(&self.optimum.equality_multipliers);
        let equalities = equalities.map(|(row, weight)| weight.abs() * row.residual(point).unwrap().abs());
        let inequalities = self.set.inequalities().iter().zip(&self.optimum.inequality_multipliers);
        let inequalities = inequalities.map(|(row, weight)| weight * row.residual(point).unwrap().max(0.0));
        functions.chain(equalities).chain(inequalities).sum()
    }

    /// What rounding may change any comparison of values at `point` with those at the optimum by.
    fn rounding(&self, point: &[f64]) -> f64 {
        let displacement = minus(point, &self.center);
        let size: f64 = self.objective.gradient.iter().zip(&displacement).map(|(g, d)| (g * d).abs()).sum();
        let size = size + self.objective.curvature * dot(&displacement, &displacement);
        dual_bound(&self.subproblem(), &self.optimum).rounding + tolerance(point.len(), size)
    }

    /// 4, of one answer.
    fn require_close(&self, point: &[f64], gap: f64) -> Result<(), TestCaseError> {
        let (missed, rounding) = (self.missed(point), self.rounding(point));
        let moved = length(&minus(point, &self.center));
        let (slope, curvature) = (length(&self.objective.gradient), self.objective.curvature);
        let over = moved.max(0.01 * slope / (2.0 * curvature));
        let most = 1e-7 * (slope * over).max(curvature * over * over);
        prop_assert!(gap <= most + rounding, "a gap of {gap}, at most {most} ± {rounding}");
        prop_assert!(
            gap >= -missed - rounding,
            "a gap of {gap} at a point that misses by {missed} ± {rounding}"
        );
        let off = minus(point, &self.optimum.point);
        let distance = curvature * dot(&off, &off);
        prop_assert!(
            distance <= gap.max(0.0) + missed + rounding,
            "η‖x − x*‖² = {distance} with a gap of {gap} at a point that misses by {missed} ± {rounding}"
        );
        Ok(())
    }

    fn check_run(&self) -> Result<(), TestCaseError> {
        let options = ScaOptions::new(0).with_iterations(1).unwrap();
        let options = options.with_objective_curvature(self.objective.curvature).unwrap();
        let curvatures = self.constraints.iter().map(|f| f.curvature).collect();
        let options = options.with_constraint_curvatures(curvatures).unwrap();
        let program = Constant(self);
        let report = StochasticSca::new(&program, options).run(&self.center)?;
        let record = &report.history[0];
        prop_assert_eq!((record.step, record.restored), (1.0, None));
        self.require_close(&report.point, record.subproblem_gap)
    }

    /// The exact answer is no farther than a thousandth of the larger of the answer's distance from the member and a hundredth of the point's.
    fn check_projection(&self) -> Result<(), TestCaseError> {
        let found = self.set.project(&self.outside)?;
        let [own, outside] = [&found, &self.outside].map(|x| length(&minus(x, self.set.member())));
        let off = length(&minus(&found, &self.optimum.point));
        // A set without an interior is met up to the tolerance; so is the optimum here, up to rounding.
        let size = self.outside.iter().chain(&found).map(|x| x.abs()).fold(0.0, f64::max);
        let within = 1e-3 * own.max(0.01 * outside) + tolerance(found.len(), size);
        prop_assert!(off <= within, "{found:?}, off by {off}, at most {within}");
        Ok(())
    }
}

proptest! {
    #![proptest_config(config())]

    /// 1, 2 and 3: at the optimum's multipliers and at any others, and along the way from the centre.
    #[test]
    fn bounds_the_optimum(case in cases(6), factors in prop::collection::vec(0..=8_u8, 8)) {
        let subproblem = case.subproblem();
        let (least, rounding) = (case.objective_at(&case.optimum.point), case.rounding(&case.optimum.point));
        let exact = dual_bound(&subproblem, &case.optimum);
        prop_assert!((exact.value - least).abs() <= rounding, "{exact:?}, optimum {least} ± {rounding}");
        let mut factors = factors.into_iter().map(|quarters| f64::from(quarters) / 4.0).cycle();
        let mut others = case.optimum.clone();
        let Candidate { constraint_multipliers, equality_multipliers, inequality_multipliers, .. } = &mut others;
        for weight in constraint_multipliers.iter_mut().chain(equality_multipliers).chain(inequality_multipliers) {
            let factor = factors.next().unwrap();
            *weight = if *weight == 0.0 { factor } else { *weight * factor };
        }
        let other = dual_bound(&subproblem, &others);
        prop_assert!(other.value <= least + rounding + other.rounding, "{other:?}, optimum {least}");
        for quarters in 0..=4 {
            let part = f64::from(quarters) / 4.0;
            let point: Vec<f64> = case.center.iter().zip(&case.optimum.point).map(|(x, y)| x + part * (y - x)).collect();
            let off = minus(&point, &case.optimum.point);
            let bound = case.objective_at(&point) + case.missed(&point) - case.objective.curvature * dot(&off, &off);
            prop_assert!(bound >= least - case.rounding(&point), "{bound} at {part}, optimum {least}");
        }
    }

    /// 1, at the multipliers that backends return, if they do.
    #[test]
    fn multipliers_of_backends_bound_it(case in cases(0)) {
        let (subproblem, least) = (case.subproblem(), case.objective_at(&case.optimum.point));
        let backends: [Box<dyn SubproblemSolver>; 2] = [Box::new(AutomaticBackend), Box::new(ClarabelBackend)];
        for mut backend in backends {
            // None is what some return where they need other units; steps below must have an answer all the same.
            let Ok(mut found) = backend.solve(&subproblem) else { continue };
            for weight in found.constraint_multipliers.iter_mut().chain(&mut found.inequality_multipliers) {
                *weight = weight.max(0.0);
            }
            let bound = dual_bound(&subproblem, &found);
            let rounding = bound.rounding + case.rounding(&case.optimum.point);
            prop_assert!(bound.value <= least + rounding, "{bound:?}, optimum {least}");
        }
    }

    /// 4, where one unit suits all.
    #[test]
    fn steps_are_within_their_gap(case in cases(0)) {
        case.check_run()?;
    }

    #[test]
    fn projections_are_within_a_thousandth(case in cases(0)) {
        case.check_projection()?;
    }

    /// 4, in units up to six digits from each other.
    #[test]
    fn steps_are_within_their_gap_in_any_units(case in cases(20)) {
        case.check_run()?;
    }

    #[test]
    fn projections_are_within_a_thousandth_in_any_units(case in cases(20)) {
        case.check_projection()?;
    }
}
