//! Truncated channel inversion: *theory*, section 4 (Zhu, Wang, Huang, arXiv 1812.11494, per singular direction).
//!
//! # Statement
//!
//! Let `D_n = H_n^H A` have the singular values `s_{n,i}`, and let a direction be silent if `q_n s_{n,i}² < θ max_{m,j} q_m s_{m,j}²`
//! or `s_{n,i} = 0`. With `B_n = Σ_i w_{n,i} v_{n,i}^H/s_{n,i}` over the others, and `A` scaled to the least norm that every limit allows,
//!
//! 1. every device is within its power limit, and one is at it;
//! 2. `MSE = Σ v_n k_n + σ² ‖A‖²`, `k_n` the number of silent directions of device `n`;
//! 3. a larger `θ` never has less mismatch `Σ v_n k_n`, nor more noise `σ² ‖A‖²`;
//! 4. `θ = 0` is scaled zero forcing where every `D_n` has full column rank.
//!
//! # Hypotheses
//!
//! - **scaling** (for 1): the common factor of `A`. At the norm that `A` happens to have, inversion can exceed a limit;
//! - **silent directions count** (for 2): at `v_n` each. The noise alone can be less than any transceiver leaves;
//! - **rank** (for 4). Without it there is no zero forcing, and the lost directions are silent at any `θ`.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{eigenvalues, hermitian, identity, scaled};
    use crate::config;
    use crate::programs::{budget, solve};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::baseline::truncated_inversion;
    use solver::recovery::scaled_zero_forcing;
    use solver::relaxation::Relaxation;
    use solver::strategies::{Channels, Sizes, aggregators, problems};
    use solver::transceiver::{Transceiver, zero_forcing};
    use solver::{Error, Problem};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=3, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };
    const WITHIN: f64 = 1e-8;

    /// `q_n s_{n,i}²` for every device, ascending, relative to the largest of all.
    fn strengths(problem: &Problem, aggregator: &Mat<c64>) -> Vec<Vec<f64>> {
        let device = |(n, channel): (usize, &Mat<c64>)| -> Vec<f64> {
            let seen = channel.adjoint() * aggregator;
            let gram = hermitian((seen.adjoint() * &seen).as_ref());
            eigenvalues(gram.as_ref()).into_iter().map(|value| budget(problem, n) * value).collect()
        };
        let all: Vec<Vec<f64>> = problem.channels().iter().enumerate().map(device).collect();
        let most = all.iter().flatten().copied().fold(0.0, f64::max);
        all.into_iter().map(|device| device.into_iter().map(|value| value / most).collect()).collect()
    }

    /// How much of its limit each device takes.
    fn loads(problem: &Problem, transceiver: &Transceiver) -> Vec<f64> {
        transceiver.transmit_power(problem).iter().zip(problem.transmit_power()).map(|(p, q)| p / q).collect()
    }

    /// Thresholds 0, `2^{−8}` to 1 in steps of `√2`, so seldom where a strength is.
    fn threshold() -> impl Strategy<Value = f64> {
        prop_oneof![Just(0.0), (0..=16_u8).prop_map(|steps| (-0.5 * f64::from(steps)).exp2())]
    }

    proptest! {
        #![proptest_config(config())]

        /// 1 to 4.
        #[test]
        fn costs_what_is_silent_and_noise(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES), first in threshold(), second in threshold(),
        ) {
            let a = aggregator.of(&problem);
            let strengths = strengths(&problem, &a);
            // Away from the threshold, where rounding does not decide, and from lost rank.
            let apart = |threshold: f64| strengths.iter().flatten().all(|s| (s - threshold).abs() > 1e-6);
            prop_assume!(apart(first) && apart(second));
            let mut last: Option<(f64, f64)> = None;
            for threshold in [first.min(second), first.max(second)] {
                let found = truncated_inversion(&problem, a.as_ref(), threshold)?;
                let loads = loads(&problem, &found);
                let most = loads.iter().copied().fold(0.0, f64::max);
                prop_assert!((most - 1.0).abs() <= WITHIN, "{loads:?} of the limits");
                let silent = strengths.iter().map(|device| device.iter().filter(|&&s| s < threshold).count());
                let cost: f64 = silent.zip(problem.signal_variance()).map(|(k, v)| k as f64 * v).sum();
                let error = found.mean_squared_error(&problem)?;
                let noise = problem.noise_power() * crate::arithmetic::squared_norm(found.aggregator());
                prop_assert!((error.mismatch - cost).abs() <= WITHIN * (1.0 + cost), "{error:?}, silent {cost}");
                prop_assert!((error.total() - cost - noise).abs() <= WITHIN * error.total(), "{error:?}, {cost} + {noise}");
                if let Some((mismatch, noise)) = last {
                    prop_assert!(error.mismatch >= mismatch * (1.0 - WITHIN) - WITHIN, "{error:?}, before {mismatch}");
                    prop_assert!(error.noise <= noise * (1.0 + WITHIN), "{error:?}, before {noise}");
                }
                last = Some((error.mismatch, error.noise));
                if threshold == 0.0 {
                    let forced = scaled_zero_forcing(&problem, a.as_ref())?;
                    prop_assert!((forced.alpha() - found.alpha()).abs() <= WITHIN * forced.alpha(), "{} {}", forced.alpha(), found.alpha());
                }
            }
        }
    }

    /// One device that hears two directions, a thousand times apart.
    fn unequal(noise_power: f64) -> Problem {
        let channel = Mat::from_fn(2, 2, |i, j| c64::new(if i == j { [1.0, 1e-3][i] } else { 0.0 }, 0.0));
        Problem::new(vec![channel], vec![1.0], noise_power).unwrap()
    }

    #[test]
    fn one_deep_fade_does_not_cost_all() {
        let problem = unequal(1.0);
        let at = |threshold| {
            let found = truncated_inversion(&problem, identity(2).as_ref(), threshold).unwrap();
            found.mean_squared_error(&problem).unwrap()
        };
        let (truncated, inverted) = (at(0.5), at(0.0));
        assert!((truncated.total() - 3.0).abs() < 1e-9, "{truncated:?}");
        assert!(inverted.mismatch < 1e-9 && inverted.total() > 1e6, "{inverted:?}");
    }

    /// Without **scaling**: the same inversion at `A = I` takes a million times the limit.
    #[test]
    fn as_it_comes() {
        let problem = unequal(1.0);
        let inverse = Mat::from_fn(2, 2, |i, j| c64::new(if i == j { [1.0, 1e3][i] } else { 0.0 }, 0.0));
        let found = Transceiver::new(&problem, identity(2), vec![inverse]).unwrap();
        assert!(found.mean_squared_error(&problem).unwrap().mismatch < 1e-9);
        assert!(matches!(found.check_power(&problem), Err(Error::PowerExceeded { .. })));
    }

    /// Without **silent directions count**: the noise is 0.02, and no transceiver whatever has an MSE below 0.99.
    #[test]
    fn the_noise_alone() {
        let problem = unequal(0.01);
        let found = truncated_inversion(&problem, identity(2).as_ref(), 0.5).unwrap();
        let error = found.mean_squared_error(&problem).unwrap();
        let bound = solve(Relaxation::Mmse, &problem).unwrap().certificate.lower;
        assert!(
            (error.noise - 0.02).abs() < 1e-9 && bound > 0.99 && error.total() >= bound,
            "{error:?}, {bound}"
        );
    }

    /// Without **rank**: no zero forcing, and at `θ = 0` the one lost direction costs `v`.
    #[test]
    fn a_lost_direction_is_silent_at_any_threshold() {
        let problem = Problem::new(vec![identity(2)], vec![1.0], 1.0).unwrap();
        let blind = Mat::from_fn(2, 2, |i, j| c64::new(if i == 0 && j == 0 { 1.0 } else { 0.0 }, 0.0));
        assert!(matches!(zero_forcing(&problem, blind.as_ref()), Err(Error::RankDeficient { .. })));
        let problem = problem.with_signal_variance(vec![0.5]).unwrap();
        let found = truncated_inversion(&problem, scaled(blind.as_ref(), 3.0).as_ref(), 0.0).unwrap();
        let error = found.mean_squared_error(&problem).unwrap();
        assert!((error.mismatch - 0.5).abs() < 1e-9 && (error.noise - 0.5).abs() < 1e-9, "{error:?}");
    }
}
