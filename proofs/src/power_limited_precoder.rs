//! The best precoder under the power limit: *theory*, section 2 (\[A\] has zero forcing only).
//!
//! # Statement
//!
//! Let `D` be `T×L`, `q > 0`, and `s(μ) = Σ λ_i/(λ_i + μ)²` over the positive eigenvalues `λ_i` of `D^H D`. Then
//! `min ‖D^H B − I‖_F² s.t. ‖B‖_F² ≤ q` is solved by
//!
//! `B = (D D^H + μ I)^{-1} D` with the least `μ ≥ 0` for which `s(μ) ≤ q`.
//!
//! 1. It meets the conditions of Karush, Kuhn and Tucker: `D (D^H B − I) + μ B = 0`, `μ ≥ 0`, `μ (q − ‖B‖²) = 0`; the
//!    problem is convex, so they are sufficient.
//! 2. No precoder within the limit has a smaller mismatch.
//! 3. `‖B‖² = s(μ)` decreases in `μ` and the mismatch increases: the multiplier is one root of a monotone function.
//! 4. `μ = 0` is zero forcing.
//!
//! # Hypotheses
//!
//! - **limit** (for 2): the others keep `‖B‖² ≤ q` too. Without it a smaller `μ` has a smaller mismatch;
//! - **least** `μ`. Any larger one is within the limit as well, and worse;
//! - **rank** (for 4): `D` has full column rank. Without it `μ = 0` leaves a mismatch of `L − r`.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{identity, inner, inverse, norm, scaled, squared_norm};
    use crate::{config, programs};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::Problem;
    use solver::strategies::{WELL_CONDITIONED_GAIN, crop, factors, grid, power_of_two};
    use solver::transceiver::{power_limited, zero_forcing};

    /// `D` of any rank, and a limit.
    #[derive(Debug, Clone)]
    struct Case {
        seen: Mat<c64>,
        budget: f64,
        rank: usize,
        /// `T×L`, anything.
        other: Mat<c64>,
    }

    fn case() -> impl Strategy<Value = Case> {
        let sizes = (1..=3_usize, 0..=2_usize, 0..=3_usize);
        (factors(5, 3, WELL_CONDITIONED_GAIN), sizes, power_of_two(8), grid(5, 3)).prop_map(
            |(seen, (streams, surplus, lost), budget, other)| {
                let (antennas, rank) = (streams + surplus, streams - lost.min(streams));
                let seen = seen.matrix_of_rank(antennas, streams, rank);
                Case { seen, budget, rank, other: crop(&other, antennas, streams) }
            },
        )
    }

    impl Case {
        fn streams(&self) -> usize {
            self.seen.ncols()
        }

        /// The problem in which the one device sees `D` of the aggregator `I`: `H = D^H`.
        fn problem(&self) -> Problem {
            Problem::new(vec![self.seen.adjoint().to_owned()], vec![self.budget], 1.0)
                .and_then(|problem| problem.with_streams(self.streams()))
                .unwrap()
        }

        fn best(&self) -> Mat<c64> {
            power_limited(&self.problem(), identity(self.streams()).as_ref()).unwrap().precoders()[0].clone()
        }

        /// `(D D^H + μ I)^{-1} D`.
        fn regularized(&self, multiplier: f64) -> Mat<c64> {
            let antennas = identity(self.seen.nrows());
            let shifted = &self.seen * self.seen.adjoint() + scaled(antennas.as_ref(), multiplier);
            inverse(shifted.as_ref()) * &self.seen
        }

        fn residual(&self, precoder: &Mat<c64>) -> Mat<c64> {
            self.seen.adjoint() * precoder - identity(self.streams())
        }

        fn mismatch(&self, precoder: &Mat<c64>) -> f64 {
            squared_norm(self.residual(precoder).as_ref())
        }

        fn penalty(&self) -> programs::Penalty {
            programs::Penalty::of((self.seen.adjoint() * &self.seen).as_ref(), self.budget)
        }
    }

    /// Room for rounding: `‖D‖ ‖B‖ ≤ 4·√3·4·√3`, and the condition `4⁴` of `D^H D`.
    const WITHIN: f64 = 1e-9;

    proptest! {
        #![proptest_config(config())]

        /// Conclusion 1, with the multiplier read off the precoder itself.
        #[test]
        fn meets_the_optimality_conditions(case in case()) {
            let best = case.best();
            let power = squared_norm(best.as_ref());
            let gradient = &case.seen * case.residual(&best);
            let mu = if power > 0.0 { -inner(best.as_ref(), gradient.as_ref()) / power } else { 0.0 };
            let full = case.rank == case.streams();
            // Lost directions are left with eigenvalues of rounding size, ε, and are served √(ε q) of the mismatch.
            let within = if full { WITHIN } else { 1e-5 };
            let stationarity = norm((gradient + scaled(best.as_ref(), mu)).as_ref());
            prop_assert!(stationarity <= within, "‖D(D^H B − I) + μB‖ = {stationarity}");
            prop_assert!(mu >= -within, "μ = {mu}");
            prop_assert!(power <= case.budget * (1.0 + WITHIN), "{power} of {}", case.budget);
            prop_assert!(mu * (case.budget - power) <= within * (1.0 + case.budget), "μ = {mu}, {power} of {}", case.budget);
            let expected = case.penalty();
            if full {
                prop_assert!((mu - expected.multiplier).abs() <= WITHIN * (1.0 + mu), "{mu}, {expected:?}");
            }
            prop_assert!((case.mismatch(&best) - expected.value).abs() <= within, "{expected:?}");
        }

        /// Conclusion 2, against precoders near and far, drawn back to the limit where they exceed it.
        #[test]
        fn nothing_within_the_limit_is_better(case in case(), step in power_of_two(12)) {
            let best = case.best();
            let least = case.mismatch(&best);
            let within = if case.rank == case.streams() { WITHIN } else { 1e-5 };
            for other in [case.other.clone(), &best + scaled(case.other.as_ref(), step), scaled(best.as_ref(), 1.0 - step)] {
                let length = norm(other.as_ref());
                let other = scaled(other.as_ref(), (case.budget.sqrt() / length.max(f64::MIN_POSITIVE)).min(1.0));
                let found = case.mismatch(&other);
                prop_assert!(found >= least - within, "{found} < {least}");
            }
        }

        /// Conclusion 3.
        #[test]
        fn power_falls_and_mismatch_rises_with_the_multiplier(
            case in case(), low in power_of_two(8), factor in power_of_two(3),
        ) {
            prop_assume!(factor > 1.0 && case.rank > 0);
            let (small, large) = (case.regularized(low), case.regularized(low * factor));
            let (before, after) = (squared_norm(small.as_ref()), squared_norm(large.as_ref()));
            prop_assert!(after < before, "{after} ≥ {before}");
            let spectrum = crate::arithmetic::eigenvalues((case.seen.adjoint() * &case.seen).as_ref());
            // Ascending: beyond the rank they are rounding.
            let formula: f64 = spectrum.iter().rev().take(case.rank).map(|value| value.max(0.0) / (value.max(0.0) + low).powi(2)).sum();
            prop_assert!((before - formula).abs() <= WITHIN * before, "{before}, but s(μ) = {formula}");
            prop_assert!(case.mismatch(&large) > case.mismatch(&small));
        }

        /// Conclusion 4.
        #[test]
        fn without_need_it_is_zero_forcing(case in case()) {
            prop_assume!(case.rank == case.streams());
            let required = squared_norm(case.regularized(1e-12).as_ref());
            let affordable = Case { budget: required.max(case.budget) * 1.5, ..case };
            let expected = zero_forcing(&affordable.problem(), identity(affordable.streams()).as_ref()).unwrap();
            let difference = norm((affordable.best() - &expected.precoders()[0]).as_ref());
            prop_assert!(difference <= WITHIN * norm(expected.precoders()[0].as_ref()), "{difference}");
            prop_assert_eq!(affordable.penalty().multiplier, 0.0);
        }

        /// Without the **limit**: half the multiplier takes more power and leaves less mismatch.
        /// Without **least**: twice the multiplier is within the limit, and leaves more.
        #[test]
        fn other_multipliers(case in case()) {
            let mu = case.penalty().multiplier;
            prop_assume!(mu > 1e-3);
            let best = case.mismatch(&case.best());
            let (bold, timid) = (case.regularized(0.5 * mu), case.regularized(2.0 * mu));
            prop_assert!(squared_norm(bold.as_ref()) > case.budget && case.mismatch(&bold) < best);
            prop_assert!(squared_norm(timid.as_ref()) < case.budget && case.mismatch(&timid) > best);
        }
    }

    /// Without **rank**: two streams through one direction. All the power there is leaves one of them.
    #[test]
    fn a_lost_stream() {
        let seen = Mat::from_fn(2, 2, |i, _| c64::new([1.0, 0.0][i], 0.0));
        let case = Case { seen, budget: 1e6, rank: 1, other: Mat::zeros(2, 2) };
        assert!((case.mismatch(&case.best()) - 1.0).abs() < 1e-12);
        assert_eq!(case.penalty(), programs::Penalty { value: 1.0, multiplier: 0.0 });
    }
}
