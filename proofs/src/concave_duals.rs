//! Weak duality of `trace_inverse` and `mmse`: *theory*, section 3. ([`weak_duality`](crate::weak_duality) is that of
//! `lambda_min`, on the same dual set.)
//!
//! # Statement
//!
//! Let `M_n = H_n^H X H_n`, `q_n = p_n/v_n`, `W_n = (σ²/v_n) U_n`. For `T×T` matrices `M ≻ 0`, `U, W ⪰ 0`
//!
//! 1. `tr(U M) · tr(M^{-1}) ≥ (tr U^{1/2})²`, with equality at `U = t M^{-2}`;
//! 2. `φ(M, q) + tr(W M) ≥ (tr W^{1/2})²/(q + tr W)`, with equality at `W = μ(M + μI)^{-2}`.
//!
//! With `σ² tr X ≥ σ² Σ tr(U_n M_n)`, which is what `𝒰` says, it follows for every `X` and every point of `𝒰` that
//!
//! 3. `tr X ≥ Σ (tr U_n^{1/2})²/q_n` wherever `tr(M_n^{-1}) ≤ q_n`;
//! 4. `Σ v_n φ(M_n, q_n) + σ² tr X ≥ Σ σ² v_n (tr U_n^{1/2})²/(p_n + σ² tr U_n)`.
//!
//! # Hypotheses
//!
//! - **primal cone**: `X ⪰ 0`;
//! - **primal constraint** (for 3): `tr(M_n^{-1}) ≤ q_n`;
//! - **dual set**: `Σ H_n U_n H_n^H ⪯ I`.
//!
//! `U_n ⪰ 0` is needed for `U_n^{1/2}` to be.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{hermitian, identity, inner, inverse, scaled, trace};
    use crate::config;
    use crate::programs::{Penalty, budget, dual_value, load, primal_value, seen, trace_of_root};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::Problem;
    use solver::relaxation::Relaxation;
    use solver::strategies::{
        Channels, Factors, Sizes, WELL_CONDITIONED_GAIN, crop, duals, factors, grid, power_of_two, primals,
        problems,
    };

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=2, receive_surplus: 0..=2, tall: true };
    const SIDE: usize = 3;
    const WITHIN: f64 = 1e-11;

    fn gram(factor: &Mat<c64>) -> Mat<c64> {
        hermitian((factor * factor.adjoint()).as_ref())
    }

    fn definite() -> impl Strategy<Value = Factors> {
        factors(SIDE, SIDE, WELL_CONDITIONED_GAIN)
    }

    proptest! {
        #![proptest_config(config())]

        /// 1, and where it is an equality.
        #[test]
        fn lemma_of_trace_inverse(factor in definite(), any in grid(SIDE, SIDE), side in 1..=SIDE, t in power_of_two(4)) {
            let m = gram(&factor.matrix(side, side));
            let inverted = inverse(m.as_ref());
            let product = |u: &Mat<c64>| inner(u.as_ref(), m.as_ref()) * trace(inverted.as_ref());
            let any = gram(&crop(&any, side, side));
            let (left, right) = (product(&any), trace_of_root(&any).powi(2));
            prop_assert!(left >= right - WITHIN * (1.0 + left), "{left} < {right}");
            let tight = scaled((&inverted * &inverted).as_ref(), t);
            let (left, right) = (product(&tight), trace_of_root(&hermitian(tight.as_ref())).powi(2));
            prop_assert!((left - right).abs() <= WITHIN * left, "{left}, {right}");
        }

        /// 2, and where it is an equality.
        #[test]
        fn lemma_of_mmse(factor in definite(), any in grid(SIDE, SIDE), side in 1..=SIDE, q in power_of_two(6)) {
            let m = gram(&factor.matrix(side, side));
            let penalty = Penalty::of(m.as_ref(), q);
            let left = |w: &Mat<c64>| penalty.value + inner(w.as_ref(), m.as_ref());
            let right = |w: &Mat<c64>| trace_of_root(w).powi(2) / (q + trace(w.as_ref()));
            let any = gram(&crop(&any, side, side));
            prop_assert!(left(&any) >= right(&any) - WITHIN * (1.0 + left(&any)), "{} < {}", left(&any), right(&any));
            let shifted = &m + scaled(identity(side).as_ref(), penalty.multiplier);
            let root = inverse(shifted.as_ref());
            let tight = hermitian(scaled((&root * &root).as_ref(), penalty.multiplier).as_ref());
            prop_assert!((left(&tight) - right(&tight)).abs() <= WITHIN * side as f64, "{} {}", left(&tight), right(&tight));
        }

        /// 3 and 4, for points on the boundary and inside.
        #[test]
        fn feasible_points_bound_each_other(
            problem in problems(&SIZES, Channels::WellConditioned), primal in primals(&SIZES), dual in duals(&SIZES),
            sixteenths in 0..=16_u8,
        ) {
            let dual = dual.within(&problem);
            let primal = primal.of(&problem);
            for relaxation in [Relaxation::TraceInverse, Relaxation::Mmse] {
                let needed = (0..problem.devices()).map(|n| load(relaxation, &problem, n, &primal)).fold(0.0, f64::max);
                // mmse needs nothing: any multiple will do.
                let factor = if needed > 0.0 { needed } else { 1.0 } * (1.0 + f64::from(sixteenths) / 16.0);
                let primal = scaled(primal.as_ref(), factor);
                let (upper, lower) = (primal_value(relaxation, &problem, &primal), dual_value(relaxation, &problem, &dual));
                prop_assert!(lower <= upper * (1.0 + WITHIN), "{relaxation:?}: {lower} > {upper}");
            }
        }
    }

    fn scalar(value: f64) -> Mat<c64> {
        Mat::from_fn(1, 1, |_, _| c64::new(value, 0.0))
    }

    /// One device, everything 1: the values are 1 and 1/2.
    fn unit() -> Problem {
        Problem::new(vec![scalar(1.0)], vec![1.0], 1.0).unwrap()
    }

    #[test]
    fn with_every_hypothesis() {
        let of = |relaxation, x, u| {
            (primal_value(relaxation, &unit(), &scalar(x)), dual_value(relaxation, &unit(), &[scalar(u)]))
        };
        assert_eq!(of(Relaxation::TraceInverse, 1.0, 1.0), (1.0, 1.0));
        let (upper, lower) = of(Relaxation::Mmse, 0.25, 1.0);
        assert!((upper - 0.5).abs() < 1e-15 && (lower - 0.5).abs() < 1e-15, "{upper}, {lower}");
    }

    /// Without **dual set**: `U = 2` where 1 is allowed, and "bounds" of 2 and 2/3.
    #[test]
    fn dual_point_outside_the_set() {
        for (relaxation, bound) in [(Relaxation::TraceInverse, 2.0), (Relaxation::Mmse, 2.0 / 3.0)] {
            assert!((dual_value(relaxation, &unit(), &[scalar(2.0)]) - bound).abs() < 1e-15);
        }
    }

    /// Without **primal constraint**: `X = 1/2` and a value below the bound of 1.
    #[test]
    fn primal_point_below_the_constraint() {
        let point = scalar(0.5);
        assert_eq!(load(Relaxation::TraceInverse, &unit(), 0, &point), 2.0);
        assert!(primal_value(Relaxation::TraceInverse, &unit(), &point) < 1.0);
    }

    /// Without **primal cone**: a second antenna that hears nobody takes the trace, and the value, as low as one likes.
    #[test]
    fn primal_point_outside_the_cone() {
        let channel = Mat::from_fn(2, 1, |i, _| c64::new([1.0, 0.0][i], 0.0));
        let problem = Problem::new(vec![channel], vec![1.0], 1.0).unwrap();
        let point = Mat::from_fn(2, 2, |i, j| c64::new(if i == j { [1.0, -5.0][i] } else { 0.0 }, 0.0));
        assert_eq!(seen(&problem, 0, &point)[(0, 0)].re * budget(&problem, 0), 1.0);
        for (relaxation, lower) in [(Relaxation::TraceInverse, 1.0), (Relaxation::Mmse, 0.5)] {
            assert!((dual_value(relaxation, &problem, &[scalar(1.0)]) - lower).abs() < 1e-15);
            assert!(primal_value(relaxation, &problem, &point) < lower);
        }
    }
}
