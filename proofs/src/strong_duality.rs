//! Strong duality of the three relaxations: *theory*, section 3.
//!
//! # Statement
//!
//! Where every `H_n` has full column rank, each relaxation and its dual over `𝒰` have the same value: there are feasible `X`
//! and `U_n` whose values agree. At such a pair `tr(X S) = 0`, `S = I − Σ H_n U_n H_n^H`.
//!
//! Numerically: points that the solver returns, checked here for feasibility and evaluated from the formulas, agree up to
//! the gap that was asked for, whatever the channels; and `tr(X S)` (`σ² tr(X S)` for `mmse`) is no more than that gap.
//!
//! # Hypotheses
//!
//! - **rank** (for `lambda_min` and `trace_inverse`): see [`strict_feasibility`](crate::strict_feasibility).

#[cfg(test)]
mod tests {
    use crate::arithmetic::{eigenvalues, identity, inner, norm, trace};
    use crate::config_of;
    use crate::programs::{
        dual_value, least_load, options, primal_rounding, primal_value, received, received_rounding, solve,
    };
    use crate::tolerance;
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::Problem;
    use solver::relaxation::{Relaxation, Solution};
    use solver::strategies::{Channels, Sizes, problems};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=3, tall: true };
    /// What roots of eigenvalues, bisections and sums may change values by, relatively.
    const WITHIN: f64 = 1e-9;

    fn require_optimal(
        relaxation: Relaxation,
        problem: &Problem,
        solution: &Solution,
    ) -> Result<(), TestCaseError> {
        let Solution { primal, dual, .. } = solution;
        let in_cone = |matrix: &Mat<c64>| {
            eigenvalues(matrix.as_ref())[0] >= -tolerance(matrix.nrows(), norm(matrix.as_ref()))
        };
        prop_assert!(in_cone(primal), "X is not positive semidefinite");
        for (n, multiplier) in dual.iter().enumerate() {
            let taken = least_load(relaxation, problem, n, primal);
            prop_assert!(taken <= 1.0 + WITHIN, "device {n} takes {taken} of its limit");
            prop_assert!(in_cone(multiplier), "U_{n} is not positive semidefinite");
        }
        let (sum, rounding) = (received(problem, dual), received_rounding(problem, dual));
        let largest = eigenvalues(sum.as_ref())[sum.nrows() - 1];
        prop_assert!(largest <= 1.0 + rounding, "λ_max(Σ HUH^H) = {largest}, up to {rounding}");
        let (upper, lower) =
            (primal_value(relaxation, problem, primal), dual_value(relaxation, problem, dual));
        let within = WITHIN * upper + primal_rounding(relaxation, problem, primal);
        let gap = options(relaxation).relative_gap * upper;
        prop_assert!(upper - lower <= gap + within, "{relaxation:?}: {lower} to {upper}");
        prop_assert!(lower <= upper + within, "{relaxation:?}: {lower} > {upper}");
        let slack = identity(sum.nrows()) - sum;
        let weight = if relaxation == Relaxation::Mmse { problem.noise_power() } else { 1.0 };
        let complementarity = weight * inner(primal.as_ref(), slack.as_ref());
        let within = within + weight * trace(primal.as_ref()) * rounding;
        prop_assert!(complementarity <= gap + within, "{relaxation:?}: tr(XS) = {complementarity}");
        Ok(())
    }

    proptest! {
        #![proptest_config(config_of(48))]

        #[test]
        fn values_agree(problem in problems(&SIZES, Channels::WellConditioned)) {
            for relaxation in Relaxation::ALL {
                require_optimal(relaxation, &problem, &solve(relaxation, &problem)?)?;
            }
        }

        /// With a line of sight.
        #[test]
        fn values_agree_with_a_line_of_sight(problem in problems(&SIZES, Channels::LineOfSight)) {
            for relaxation in Relaxation::ALL {
                require_optimal(relaxation, &problem, &solve(relaxation, &problem)?)?;
            }
        }

        /// Channels of any rank, for `mmse` alone.
        #[test]
        fn mmse_needs_no_rank(
            problem in problems(&SIZES, Channels::Rician { mean: c64::new(1.0, 0.0), variance: 1.0 }),
        ) {
            let solution = solve(Relaxation::Mmse, &problem)?;
            require_optimal(Relaxation::Mmse, &problem, &solution)?;
        }
    }

    /// Every hypothesis of weak duality, and yet a gap: feasible points need not be optimal ones.
    #[test]
    fn feasible_is_not_optimal() {
        let problem = Problem::new(vec![identity(2)], vec![1.0], 1.0).unwrap();
        let scaled =
            |factor: f64| Mat::from_fn(2, 2, |i, j| c64::new(if i == j { factor } else { 0.0 }, 0.0));
        for (relaxation, upper, lower) in
            [(Relaxation::LambdaMin, 8.0, 2.0), (Relaxation::TraceInverse, 8.0, 2.0)]
        {
            assert_eq!(primal_value(relaxation, &problem, &scaled(4.0)), upper);
            assert!((dual_value(relaxation, &problem, &[scaled(0.5)]) - lower).abs() < 1e-12);
        }
    }
}
