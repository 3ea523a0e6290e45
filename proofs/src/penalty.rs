//! What a device's power limit costs: `φ` of *theory*, section 3.
//!
//! # Statement
//!
//! For `M = D D^H ≻ 0` (`T×T`, `D` square) and `q > 0`
//!
//! `φ(M, q) = min_B ‖D^H B − I‖_F² s.t. ‖B‖_F² ≤ q = max_{μ ≥ 0} μ tr((M + μI)^{-1}) − μ q`.
//!
//! 1. Every `B` within the limit is worth at least as much as every `μ`, and the two extremes meet.
//! 2. `φ` is convex in `(M, q)` jointly, and decreasing in either: in the second form it is a maximum of functions of
//!    which each is.
//! 3. `∂φ/∂M = −U` with `U = μ(M + μI)^{-2}`, and `∂φ/∂q = −μ`, at the `μ` that attains the maximum.
//!
//! # Hypotheses
//!
//! - **lifting** (for 2): convex in `M = H^H A A^H H`. In `A` itself it is not;
//! - **rank** (for 3): `M ≻ 0`. At a singular `M` with power to spare the slope is infinite.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{hermitian, identity, inner, inverse, norm, scaled, squared_norm, trace};
    use crate::config;
    use crate::programs::Penalty;
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::Problem;
    use solver::strategies::{Factors, WELL_CONDITIONED_GAIN, crop, factors, grid, power_of_two};
    use solver::transceiver::power_limited;

    const SIDE: usize = 3;
    /// Eigenvalues of `M` are from 1/16 to 16, so `φ`, `μ` and `U` are known to some thousand roundings.
    const WITHIN: f64 = 1e-11;

    fn any_factors() -> impl Strategy<Value = Factors> {
        factors(SIDE, SIDE, WELL_CONDITIONED_GAIN)
    }

    fn gram(factors: &Factors, side: usize) -> Mat<c64> {
        let d = factors.matrix(side, side);
        hermitian((&d * d.adjoint()).as_ref())
    }

    /// `μ tr((M + μI)^{-1}) − μ q`.
    fn lower(matrix: &Mat<c64>, budget: f64, multiplier: f64) -> f64 {
        let shifted = matrix + scaled(identity(matrix.nrows()).as_ref(), multiplier);
        multiplier * trace(inverse(shifted.as_ref()).as_ref()) - multiplier * budget
    }

    /// `μ(M + μI)^{-2}`.
    fn gradient(matrix: &Mat<c64>, multiplier: f64) -> Mat<c64> {
        let shifted = matrix + scaled(identity(matrix.nrows()).as_ref(), multiplier);
        let inverted = inverse(shifted.as_ref());
        scaled((&inverted * &inverted).as_ref(), multiplier)
    }

    /// `φ` as the solver has it: the mismatch of the best precoder, for the channel `D^H` and the aggregator `I`.
    fn of_solver(d: &Mat<c64>, budget: f64) -> (f64, Mat<c64>) {
        let problem = Problem::new(vec![d.adjoint().to_owned()], vec![budget], 1.0).unwrap();
        let best = power_limited(&problem, identity(d.ncols()).as_ref()).unwrap();
        (best.mean_squared_error(&problem).unwrap().mismatch, best.precoders()[0].clone())
    }

    proptest! {
        #![proptest_config(config())]

        /// Conclusion 1.
        #[test]
        fn the_two_forms_meet(
            factors in any_factors(), side in 1..=SIDE, budget in power_of_two(6), multiplier in power_of_two(8),
            other in grid(SIDE, SIDE),
        ) {
            let d = factors.matrix(side, side);
            let m = hermitian((&d * d.adjoint()).as_ref());
            let (value, precoder) = of_solver(&d, budget);
            prop_assert!(squared_norm(precoder.as_ref()) <= budget * (1.0 + 1e-9));
            let penalty = Penalty::of(m.as_ref(), budget);
            let best = lower(&m, budget, penalty.multiplier);
            prop_assert!((value - best).abs() <= WITHIN, "min {value}, max {best}");
            prop_assert!((value - penalty.value).abs() <= WITHIN, "{value}, {penalty:?}");
            // Any precoder against any multiplier.
            let other = crop(&other, side, side);
            let length = squared_norm(other.as_ref());
            let other = scaled(other.as_ref(), (budget / length.max(f64::MIN_POSITIVE)).sqrt().min(1.0));
            let above = squared_norm((d.adjoint() * &other - identity(side)).as_ref());
            for mu in [multiplier, penalty.multiplier * 1.01, penalty.multiplier * 0.99] {
                let below = lower(&m, budget, mu);
                prop_assert!(below <= value + WITHIN && value <= above + WITHIN, "{below}, {value}, {above}");
            }
        }

        /// Conclusion 2: chords lie above, jointly in both arguments.
        #[test]
        fn is_jointly_convex(
            first in any_factors(), second in any_factors(), side in 1..=SIDE,
            p in power_of_two(6), q in power_of_two(6), sixteenths in 0..=16_u8,
        ) {
            let (first, second, t) = (gram(&first, side), gram(&second, side), f64::from(sixteenths) / 16.0);
            let between = scaled(first.as_ref(), 1.0 - t) + scaled(second.as_ref(), t);
            let value = Penalty::of(between.as_ref(), (1.0 - t) * p + t * q).value;
            let ends = (Penalty::of(first.as_ref(), p).value, Penalty::of(second.as_ref(), q).value);
            let chord = (1.0 - t) * ends.0 + t * ends.1;
            prop_assert!(value <= chord + WITHIN, "{value} above the chord {chord}");
        }

        /// Conclusion 2: more is seen, or more power there is, and less is lost.
        #[test]
        fn is_decreasing(factors in any_factors(), more in any_factors(), side in 1..=SIDE, q in power_of_two(6)) {
            let m = gram(&factors, side);
            let value = Penalty::of(m.as_ref(), q).value;
            prop_assert!(Penalty::of((&m + gram(&more, side)).as_ref(), q).value <= value + WITHIN);
            prop_assert!(Penalty::of(m.as_ref(), 1.25 * q).value <= value + WITHIN);
            prop_assert!((0.0..=side as f64).contains(&value), "{value}");
        }

        /// Conclusion 3. Along any line a convex function's derivative lies between its backward and its forward
        /// difference, which leaves no room but rounding, and the two are close, which leaves no room for another.
        #[test]
        fn has_these_gradients(
            factors in any_factors(), direction in grid(SIDE, SIDE), side in 1..=SIDE, q in power_of_two(6),
            of_budget in -1.0..1.0_f64,
        ) {
            let m = gram(&factors, side);
            let penalty = Penalty::of(m.as_ref(), q);
            let direction = hermitian(crop(&direction, side, side).as_ref());
            let direction = scaled(direction.as_ref(), 1.0 / norm(direction.as_ref()).max(1.0));
            // Eigenvalues and budgets are at least 1/64: the step leaves them positive.
            let step = 1e-5;
            let at = |t: f64| Penalty::of((&m + scaled(direction.as_ref(), t)).as_ref(), q + t * of_budget).value;
            let slope = -inner(gradient(&m, penalty.multiplier).as_ref(), direction.as_ref()) - penalty.multiplier * of_budget;
            let (backward, forward) = ((at(0.0) - at(-step)) / step, (at(step) - at(0.0)) / step);
            let within = WITHIN / step;
            prop_assert!(backward - within <= slope && slope <= forward + within, "{slope} not in {backward}..{forward}");
            // Second derivatives are at most of the size of λ^-2 and μ/q.
            let curvature = 10.0 * (256.0 + penalty.multiplier * (1.0 + 1.0 / q) * 64.0);
            prop_assert!(forward - backward <= curvature * step + within, "{backward}..{forward}");
        }
    }

    /// Without **lifting**: at `A` and `−A` it is small, half way between, at 0, nothing is sent.
    #[test]
    fn in_the_aggregator_it_is_not_convex() {
        let of = |aggregator: f64| Penalty::new(&[aggregator * aggregator], 1.0).value;
        assert_eq!((of(1.0), of(-1.0), of(0.0)), (0.0, 0.0, 1.0));
    }

    /// Without **rank**: `φ(λ, q) = (1 − √(λq))²` near 0 falls by `2√(λq)`, steeper than any line; `U` there is 0.
    #[test]
    fn at_a_singular_matrix_there_is_no_gradient() {
        let of = |eigenvalue: f64| Penalty::new(&[eigenvalue], 1.0).value;
        for step in [1e-4, 1e-8, 1e-12] {
            let slope = (of(step) - of(0.0)) / step;
            assert!((slope * step.sqrt() + 2.0).abs() < 0.02, "{slope}");
        }
        assert_eq!(gradient(&Mat::zeros(1, 1), 0.5), Mat::from_fn(1, 1, |_, _| c64::new(2.0, 0.0)));
        assert_eq!(Penalty::new(&[0.0], 1.0).multiplier, 0.0);
    }
}
