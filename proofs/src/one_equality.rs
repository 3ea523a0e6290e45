//! Bounds and one equality: the subproblem is a scalar root (Brucker 1984), *theory*, section 5.
//!
//! # Statement
//!
//! For `min u^T d + η ‖d‖²`, `d = x − x^τ`, `l ≤ x ≤ u`, `a^T x = b`, let `x_j(ν) = x_j^τ − (u_j + ν a_j)/2η`, cut off at `l_j` and `u_j`. Then
//!
//! 1. `a^T x(ν)` is piecewise linear and does not grow with `ν`, and its breakpoints are where variables reach their bounds;
//! 2. where `a^T x = b` has a point within the bounds, it has one among the `x(ν)`, and that is the optimum;
//! 3. the native backend returns it, with its `ν`; so does [`project`](solver::sca::Polyhedron::project) for such a set, for instance the simplex.
//!
//! # Hypotheses
//!
//! - **one equality**: with two no scalar does, and the backend refuses;
//! - **bounds in the root**: a root without bounds, cut off afterwards, misses the equality;
//! - **a point** (for 2): with none, `a^T x(ν) − b` has one sign for every `ν`, and no set can be built of it.

use crate::arithmetic::dot;

/// A problem with one equality, but for its right-hand side.
#[derive(Debug, Clone)]
pub struct OneEquality {
    /// `x^τ`.
    pub center: Vec<f64>,
    /// The objective's gradient.
    pub gradient: Vec<f64>,
    /// `η`.
    pub curvature: f64,
    /// `l`.
    pub lower: Vec<f64>,
    /// `u`.
    pub upper: Vec<f64>,
    /// `a`.
    pub coefficients: Vec<f64>,
}

impl OneEquality {
    /// `x(ν)`, and the sum of the sizes of the terms of `a^T x(ν)`, where nothing but the bound counts of a variable that is cut off.
    pub fn at(&self, multiplier: f64) -> (Vec<f64>, f64) {
        let mut size = 0.0;
        let entry = |j: usize| {
            let (u, a) = (self.gradient[j], self.coefficients[j]);
            let free = self.center[j] - (u + multiplier * a) / (2.0 * self.curvature);
            let point = free.max(self.lower[j]).min(self.upper[j]);
            let moved = (u.abs() + (multiplier * a).abs()) / (2.0 * self.curvature);
            size += a.abs() * if free == point { self.center[j].abs() + moved } else { point.abs() };
            point
        };
        let point = (0..self.center.len()).map(entry).collect();
        (point, size)
    }

    /// The optimum for a right-hand side, with its multiplier, by bisection between neighbouring numbers.
    pub fn optimum(&self, right_hand_side: f64) -> (Vec<f64>, f64) {
        let excess = |multiplier| dot(&self.coefficients, &self.at(multiplier).0) - right_hand_side;
        let mut most = 1.0;
        while (excess(-most) < 0.0 || excess(most) > 0.0) && most < 1e30 {
            most *= 2.0;
        }
        let (mut low, mut high) = (-most, most);
        while low < 0.5 * (low + high) && 0.5 * (low + high) < high {
            let middle = 0.5 * (low + high);
            if excess(middle) > 0.0 { low = middle } else { high = middle }
        }
        (self.at(high).0, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::{length, minus};
    use crate::{config, tolerance};
    use proptest::prelude::*;
    use solver::sca::subproblem::{
        BackendFailure, Candidate, Goal, NativeBackend, Subproblem, SubproblemSolver,
    };
    use solver::sca::{Polyhedron, PolyhedronError, Surrogate};
    use solver::strategies::{number, power_of_two};

    /// Bounds on either side or none, and a point within them that says what the right-hand side is.
    fn problems() -> impl Strategy<Value = (OneEquality, Vec<f64>)> {
        let eighths = (0..=32_u8).prop_map(|eighths| f64::from(eighths) / 8.0);
        let room = prop_oneof![1 => Just(f64::INFINITY), 3 => eighths];
        let variable = [
            number().boxed(),
            number().boxed(),
            number().boxed(),
            number().boxed(),
            room.clone().boxed(),
            room.boxed(),
        ];
        (prop::collection::vec(variable, 1..=6), power_of_two(6)).prop_map(|(variables, curvature)| {
            let column = |k: usize| variables.iter().map(|variable| variable[k]).collect::<Vec<f64>>();
            let [center, gradient, coefficients, point, below, above] = [0, 1, 2, 3, 4, 5].map(column);
            let (lower, upper) =
                (minus(&point, &below), point.iter().zip(&above).map(|(x, room)| x + room).collect());
            (OneEquality { center, gradient, curvature, lower, upper, coefficients }, point)
        })
    }

    impl OneEquality {
        fn set(&self, right_hand_side: f64) -> Result<Polyhedron, PolyhedronError> {
            Polyhedron::builder(self.center.len())
                .bounds(self.lower.clone(), self.upper.clone())
                .equality(self.coefficients.clone(), right_hand_side)
                .build()
        }

        fn objective(&self) -> Surrogate {
            Surrogate { value: 0.0, gradient: self.gradient.clone(), curvature: self.curvature }
        }
    }

    fn native(set: &Polyhedron, center: &[f64], objective: &Surrogate) -> Result<Candidate, BackendFailure> {
        let goal = Goal::Objective;
        NativeBackend.solve(&Subproblem { feasible_set: set, center, objective, constraints: &[], goal })
    }

    proptest! {
        #![proptest_config(config())]

        /// 1: no growth, and between breakpoints a straight line.
        #[test]
        fn falls_piecewise((problem, _) in problems(), first in number(), step in 1..=64_u8) {
            let last = first + f64::from(step) / 16.0;
            let [(start, size), (middle, _), (end, other)] = [first, 0.5 * (first + last), last].map(|multiplier| problem.at(multiplier));
            let [before, between, after] = [&start, &middle, &end].map(|x| dot(&problem.coefficients, x));
            let rounding = tolerance(problem.center.len(), size.max(other));
            prop_assert!(after <= before + rounding, "{before}, then {after}");
            let at_bounds = |x: &[f64]| x.iter().zip(&problem.lower).any(|(x, l)| x == l) || x.iter().zip(&problem.upper).any(|(x, u)| x == u);
            if !(at_bounds(&start) || at_bounds(&end)) {
                prop_assert!((between - 0.5 * (before + after)).abs() <= rounding, "{before}, {between}, {after}");
            }
        }

        /// 2 and 3: what the backend returns is `x(ν)` at its own `ν`, on the equality; by bisection there is no other.
        #[test]
        fn the_native_backend_finds_it((problem, point) in problems()) {
            let right_hand_side = dot(&problem.coefficients, &point);
            let set = problem.set(right_hand_side)?;
            let found = native(&set, &problem.center, &problem.objective())?;
            let multiplier = found.equality_multipliers[0];
            let (expected, size) = problem.at(multiplier);
            let rounding = tolerance(point.len(), size + right_hand_side.abs());
            let off = length(&minus(&expected, &found.point));
            let moved = (length(&problem.gradient) + multiplier.abs() * length(&problem.coefficients)) / problem.curvature;
            prop_assert!(off <= tolerance(point.len(), length(&problem.center) + moved), "{found:?}, x(ν) = {expected:?}");
            let excess = dot(&problem.coefficients, &found.point) - right_hand_side;
            prop_assert!(excess.abs() <= rounding, "{found:?} misses the equality by {excess}");
            // By strong convexity, against what bisection finds and against the point that is known.
            let value = |x: &[f64]| {
                let d = minus(x, &problem.center);
                (problem.objective().at(&d).unwrap(), length(&problem.gradient) * length(&d) + problem.curvature * dot(&d, &d))
            };
            let (least, size) = value(&found.point);
            for other in [&problem.optimum(right_hand_side).0, &point] {
                let ((there, other_size), away) = (value(other), minus(other, &found.point));
                let within = multiplier.abs() * rounding + tolerance(point.len(), size + other_size);
                prop_assert!(there >= least + problem.curvature * dot(&away, &away) - within, "{there} at {other:?}, but {least}");
            }
        }

        /// 3, of the simplex: what is projected is what is above a threshold.
        #[test]
        fn projections_onto_the_simplex_are_thresholds(point in prop::collection::vec(number(), 1..=6)) {
            let found = Polyhedron::simplex(point.len(), 0.0)?.project(&point)?;
            // What the k largest have above 1, shared by them, is greatest for those that stay.
            let mut sorted = point.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let shared = |k: usize| (sorted[..k].iter().sum::<f64>() - 1.0) / k as f64;
            let threshold = (1..=sorted.len()).map(shared).fold(f64::NEG_INFINITY, f64::max);
            for (x, y) in point.iter().zip(&found) {
                let expected = (x - threshold).max(0.0);
                prop_assert!((y - expected).abs() <= tolerance(point.len(), 1.0 + length(&point)), "{found:?}, threshold {threshold}");
            }
        }
    }

    /// Without **one equality**: `x_1 + x_2 = 1` and `x_1 = 0.9` from `(0, 0)`, to which `x_1 = x_2` is all that the first can do.
    #[test]
    fn two_equalities() {
        let first = OneEquality {
            center: vec![0.0; 2],
            gradient: vec![0.0; 2],
            curvature: 1.0,
            lower: vec![0.0; 2],
            upper: vec![1.0; 2],
            coefficients: vec![1.0; 2],
        };
        for sixteenths in -64..=64 {
            let (x, _) = first.at(f64::from(sixteenths) / 16.0);
            assert_eq!(x[0], x[1]);
        }
        let builder = Polyhedron::builder(2).bounds(vec![0.0; 2], vec![1.0; 2]);
        let set = builder.equality(vec![1.0; 2], 1.0).equality(vec![1.0, 0.0], 0.9).build().unwrap();
        let found = native(&set, &[0.0; 2], &first.objective());
        assert!(matches!(found, Err(BackendFailure::Unsupported { .. })), "{found:?}");
    }

    /// Without **bounds in the root**: `(2, −1)` onto the simplex. Without bounds that is itself, and what is cut off has the sum 2.
    #[test]
    fn cut_off_afterwards() {
        let point: [f64; 2] = [2.0, -1.0];
        let excess = (point.iter().sum::<f64>() - 1.0) / 2.0;
        let cut: f64 = point.iter().map(|x| (x - excess).max(0.0)).sum();
        assert_eq!((excess, cut), (0.0, 2.0));
        assert_eq!(Polyhedron::simplex(2, 0.0).unwrap().project(&point).unwrap(), [1.0, 0.0]);
    }

    /// Without **a point**: two numbers up to 1 do not add up to 3.
    #[test]
    fn out_of_reach() {
        let problem = OneEquality {
            center: vec![0.0; 2],
            gradient: vec![1.0, -1.0],
            curvature: 1.0,
            lower: vec![0.0; 2],
            upper: vec![1.0; 2],
            coefficients: vec![1.0; 2],
        };
        for multiplier in [-1e6, -1.0, 0.0, 1.0, 1e6] {
            assert!(dot(&problem.coefficients, &problem.at(multiplier).0) < 3.0);
        }
        assert!(problem.set(3.0).is_err());
    }
}
