//! The order of the three values: *theory*, section 3.
//!
//! # Statement
//!
//! `mmse ≤ σ² trace_inverse ≤ σ² lambda_min`, because every `X` that is feasible for one is feasible for that to its left, at no
//! higher value: `H^H X H ⪰ c I` implies `tr((H^H X H)^{-1}) ≤ q`, which implies `φ(H^H X H, q) = 0`. The dual objectives are
//! ordered in the same way at every point of `𝒰`: `(tr U^{1/2})² ≤ T tr U`.
//!
//! As `σ² → 0` the first two meet: at the dual solution `U_n` of `trace_inverse`
//! `mmse ≥ σ² trace_inverse/(1 + σ² max_n tr U_n/p_n)`.
//!
//! # Hypotheses
//!
//! - **vanishing noise** (for the two to meet). Without it `mmse` is strictly below;
//! - **equal eigenvalues** (for `lambda_min` to meet the others): the third never does otherwise, whatever the noise.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{scaled, trace};
    use crate::programs::{Penalty, budget, dual_value, load, primal_value, seen, solve, with_noise};
    use crate::{config, config_of};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::Problem;
    use solver::relaxation::Relaxation::{LambdaMin, Mmse, TraceInverse};
    use solver::strategies::{Channels, Sizes, duals, primals, problems};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };
    const WITHIN: f64 = 1e-10;

    proptest! {
        #![proptest_config(config())]

        /// Feasible sets and objectives, at every point.
        #[test]
        fn every_point_is_worth_less_to_the_left(
            problem in problems(&SIZES, Channels::WellConditioned), primal in primals(&SIZES), dual in duals(&SIZES),
        ) {
            let primal = primal.of(&problem);
            let needed = (0..problem.devices()).map(|n| load(LambdaMin, &problem, n, &primal)).fold(0.0, f64::max);
            let primal = scaled(primal.as_ref(), needed);
            for n in 0..problem.devices() {
                let (tight, loose) = (load(LambdaMin, &problem, n, &primal), load(TraceInverse, &problem, n, &primal));
                prop_assert!(loose <= tight * (1.0 + WITHIN), "{loose} > {tight}");
                let seen = scaled(seen(&problem, n, &primal).as_ref(), 1.0 + WITHIN);
                prop_assert_eq!(Penalty::of(seen.as_ref(), budget(&problem, n)).value, 0.0);
            }
            let sigma2 = problem.noise_power();
            let upper = primal_value(Mmse, &problem, &primal);
            prop_assert!(upper <= sigma2 * primal_value(TraceInverse, &problem, &primal) * (1.0 + WITHIN) + WITHIN);
            let dual = dual.within(&problem);
            let [mmse, trace_inverse, lambda_min] =
                [Mmse, TraceInverse, LambdaMin].map(|relaxation| dual_value(relaxation, &problem, &dual));
            prop_assert!(mmse <= sigma2 * trace_inverse * (1.0 + WITHIN), "{mmse} > {trace_inverse}");
            prop_assert!(trace_inverse <= lambda_min * (1.0 + WITHIN), "{trace_inverse} > {lambda_min}");
        }
    }

    proptest! {
        #![proptest_config(config_of(48))]

        /// The values themselves, as far as they are certified.
        #[test]
        fn values_are_ordered(problem in problems(&SIZES, Channels::WellConditioned)) {
            let [mmse, trace_inverse, lambda_min] =
                [Mmse, TraceInverse, LambdaMin].map(|relaxation| solve(relaxation, &problem).map(|found| found.certificate));
            let (mmse, trace_inverse, lambda_min) = (mmse?, trace_inverse?, lambda_min?);
            prop_assert!(mmse.lower <= problem.noise_power() * trace_inverse.upper, "{mmse:?} {trace_inverse:?}");
            prop_assert!(trace_inverse.lower <= lambda_min.upper, "{trace_inverse:?} {lambda_min:?}");
        }

        /// The first two meet.
        #[test]
        fn they_meet_as_the_noise_vanishes(problem in problems(&SIZES, Channels::WellConditioned)) {
            let solution = solve(TraceInverse, &problem)?;
            let value = dual_value(TraceInverse, &problem, &solution.dual);
            let strongest = solution.dual.iter().zip(problem.transmit_power())
                .map(|(u, p)| trace(u.as_ref()) / p).fold(0.0, f64::max);
            for exponent in [0, -10, -20, -40] {
                let sigma2 = f64::from(exponent).exp2();
                let quiet = with_noise(&problem, sigma2);
                let lower = dual_value(Mmse, &quiet, &solution.dual);
                let expected = sigma2 * value / (1.0 + sigma2 * strongest);
                prop_assert!(lower >= expected * (1.0 - WITHIN), "{lower} < {expected}");
                // X of trace_inverse is a point of mmse, of value σ² tr X.
                let upper = primal_value(Mmse, &quiet, &solution.primal);
                let ratio = lower / upper;
                prop_assert!(ratio >= (1.0 - 2e-4) / (1.0 + sigma2 * strongest) - WITHIN, "σ² = {sigma2}: {ratio}");
            }
        }
    }

    fn diagonal(first: f64, second: f64) -> Problem {
        let channel = Mat::from_fn(2, 2, |i, j| c64::new(if i == j { [first, second][i] } else { 0.0 }, 0.0));
        Problem::new(vec![channel], vec![2.0], 1.0).unwrap()
    }

    /// Without **vanishing noise**: at `σ² = 1` the first two differ by half. Without **equal eigenvalues**: the last two
    /// differ by a quarter, which no noise mends; with them, they meet.
    #[test]
    fn strictly_ordered() {
        let value = |relaxation, problem| {
            let found = solve(relaxation, problem).unwrap().certificate;
            0.5 * (found.lower + found.upper)
        };
        let equal = diagonal(1.0, 1.0);
        let [mmse, trace_inverse, lambda_min] = [Mmse, TraceInverse, LambdaMin].map(|r| value(r, &equal));
        assert!((mmse - 1.0).abs() < 1e-3 && (trace_inverse - 2.0).abs() < 1e-3, "{mmse} {trace_inverse}");
        assert!((lambda_min - trace_inverse).abs() < 1e-3, "{lambda_min}");
        let unequal = diagonal(1.0, 0.25);
        let [trace_inverse, lambda_min] = [TraceInverse, LambdaMin].map(|r| value(r, &unequal));
        assert!(
            (trace_inverse - 12.5).abs() < 1e-2 && (lambda_min - 17.0).abs() < 1e-3,
            "{trace_inverse} {lambda_min}"
        );
    }
}
