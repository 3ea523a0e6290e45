//! Alternating between aggregator and precoders: *theory*, section 4.
//!
//! # Statement
//!
//! 1. For fixed precoders the MSE (7) is a strictly convex quadratic in `A`, least at
//!    `A = (Σ v_n H_n B_n B_n^H H_n^H + σ² I)^{-1} Σ v_n H_n B_n`.
//! 2. For a fixed aggregator the precoders of [`power_limited_precoder`](crate::power_limited_precoder) are the best within the
//!    limits.
//!
//! So neither step can raise the MSE, and as it is at least 0 it converges.
//!
//! # Hypotheses
//!
//! - **noise** (for 1): the term `σ² I`. Without it the step can raise the MSE without limit;
//! - **weights** (for 1): the `v_n`, as in (7). Without them it can raise the MSE;
//! - **limits** (for 2): the best *within* them. Zero forcing scaled down to the limit, in their place, can raise the MSE.

use crate::arithmetic::{identity, inverse, scaled};
use faer::{Mat, c64};
use solver::Problem;

/// `(Σ v_n H_n B_n B_n^H H_n^H + σ² I)^{-1} Σ v_n H_n B_n`.
pub fn best_aggregator(problem: &Problem, precoders: &[Mat<c64>]) -> Mat<c64> {
    regularized(problem, precoders, problem.signal_variance(), problem.noise_power())
}

/// The same with any weights and any multiple of the identity.
pub(crate) fn regularized(
    problem: &Problem,
    precoders: &[Mat<c64>],
    weights: &[f64],
    regularization: f64,
) -> Mat<c64> {
    let rows = problem.receive_antennas();
    let mut covariance = scaled(identity(rows).as_ref(), regularization);
    let mut cross = Mat::<c64>::zeros(rows, problem.streams());
    for ((channel, precoder), weight) in problem.channels().iter().zip(precoders).zip(weights) {
        let sent = channel * precoder;
        covariance += scaled((&sent * sent.adjoint()).as_ref(), *weight);
        cross += scaled(sent.as_ref(), *weight);
    }
    inverse(covariance.as_ref()) * cross
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::{inner, norm};
    use crate::config;
    use proptest::prelude::*;
    use solver::strategies::{Channels, Sizes, aggregators, crop, grid, power_of_two, precoders, problems};
    use solver::transceiver::{Transceiver, power_limited};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };
    const ROUNDS: usize = 8;
    const WITHIN: f64 = 1e-10;

    fn error(problem: &Problem, aggregator: &Mat<c64>, precoders: &[Mat<c64>]) -> f64 {
        let transceiver = Transceiver::new(problem, aggregator.clone(), precoders.to_vec()).unwrap();
        transceiver.mean_squared_error(problem).unwrap().total()
    }

    proptest! {
        #![proptest_config(config())]

        /// 1: stationary, and no other aggregator is better, by exactly the quadratic form of what it differs by.
        #[test]
        fn the_aggregator_is_best(
            problem in problems(&SIZES, Channels::WellConditioned), precoders in precoders(&SIZES), other in grid(6, 2),
            step in power_of_two(10),
        ) {
            let precoders = precoders.within_power(&problem);
            let best = best_aggregator(&problem, &precoders);
            let least = error(&problem, &best, &precoders);
            let away = scaled(crop(&other, best.nrows(), best.ncols()).as_ref(), step);
            let found = error(&problem, &(&best + &away), &precoders);
            let mut rise = problem.noise_power() * inner(away.as_ref(), away.as_ref());
            for (n, (channel, precoder)) in problem.channels().iter().zip(&precoders).enumerate() {
                let moved = away.adjoint() * (channel * precoder);
                rise += problem.signal_variance()[n] * inner(moved.as_ref(), moved.as_ref());
            }
            prop_assert!(found >= least, "{found} < {least}");
            let within = WITHIN * (found + norm(away.as_ref()));
            prop_assert!((found - least - rise).abs() <= within, "{found} − {least}, quadratic form {rise}");
        }

        /// Both steps in turn, from any start.
        #[test]
        fn no_step_raises_the_error(problem in problems(&SIZES, Channels::WellConditioned), start in aggregators(&SIZES)) {
            let mut aggregator = start.of(&problem);
            let mut last = f64::INFINITY;
            for _ in 0..ROUNDS {
                let limited = power_limited(&problem, aggregator.as_ref())?;
                let after_precoders = limited.mean_squared_error(&problem)?.total();
                aggregator = best_aggregator(&problem, limited.precoders());
                let after_aggregator = error(&problem, &aggregator, limited.precoders());
                prop_assert!(after_precoders <= last * (1.0 + WITHIN), "{last}, then {after_precoders}");
                prop_assert!(after_aggregator <= after_precoders * (1.0 + WITHIN), "{after_precoders}, then {after_aggregator}");
                last = after_aggregator;
            }
        }
    }

    fn scalar(value: f64) -> Mat<c64> {
        scaled(identity(1).as_ref(), value)
    }

    /// Without **noise**: one device at a hundredth of full gain, and the receiver makes up for it a hundred times over.
    #[test]
    fn forgetting_the_noise() {
        let problem = Problem::new(vec![scalar(0.01)], vec![1.0], 1.0).unwrap();
        let precoders = [scalar(1.0)];
        let (start, unregularized) = (scalar(1.0), regularized(&problem, &precoders, &[1.0], 0.0));
        let (before, after) =
            (error(&problem, &start, &precoders), error(&problem, &unregularized, &precoders));
        assert!(before < 2.0 && after > 9999.0, "{before}, then {after}");
        assert!(error(&problem, &best_aggregator(&problem, &precoders), &precoders) < 1.0);
    }

    /// Without **weights**: a device of variance 16 with gain 1 and one of variance 1/16 with gain 4.
    #[test]
    fn forgetting_the_variances() {
        let problem = Problem::new(vec![scalar(1.0), scalar(4.0)], vec![16.0; 2], 0.01)
            .and_then(|problem| problem.with_signal_variance(vec![16.0, 0.0625]))
            .unwrap();
        let precoders = [scalar(1.0), scalar(1.0)];
        let start = best_aggregator(&problem, &precoders);
        let unweighted = regularized(&problem, &precoders, &[1.0; 2], 0.01);
        let (before, after) = (error(&problem, &start, &precoders), error(&problem, &unweighted, &precoders));
        assert!(after > 2.0 * before, "{before}, then {after}");
    }

    /// Without **limits**: zero forcing for gains 1 and 0.01, scaled down to what there is, against the best within it.
    #[test]
    fn scaling_zero_forcing_down() {
        let channel = Mat::from_fn(2, 2, |i, j| c64::new(if i == j { [1.0, 0.01][i] } else { 0.0 }, 0.0));
        let problem = Problem::new(vec![channel.clone()], vec![1.0], 0.01).unwrap();
        let aggregator = identity(2);
        let best = power_limited(&problem, aggregator.as_ref()).unwrap();
        let before = error(&problem, &aggregator, best.precoders());
        let zero_forcing = inverse(channel.as_ref());
        let scaled_down = scaled(zero_forcing.as_ref(), 1.0 / norm(zero_forcing.as_ref()));
        let after = error(&problem, &aggregator, &[scaled_down]);
        assert!(after > 1.5 * before, "{before}, then {after}");
    }
}
