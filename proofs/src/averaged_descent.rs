//! Descent on the averaged error: *theory*, section 6.
//!
//! # Statement
//!
//! Let `E(A, B)` be the averaged error of [`channel_errors`](crate::channel_errors), with a variance `σ_{e,n}²` for each device.
//!
//! 1. For a fixed aggregator, `B_n = (M_n + μ_n I)^{-1} D_n` with `D_n = Ĥ_n^H A`, `M_n = D_n D_n^H`, and the least
//!    `μ_n ≥ σ_{e,n}² ‖A‖²` for which `‖B_n‖² ≤ q_n` is least among precoders within the limits, if `D_n` has full column rank or `μ_n > 0`;
//! 2. for fixed precoders, `A = (Σ v_n G_n G_n^H + s I)^{-1} Σ v_n G_n` with `G_n = Ĥ_n B_n`, `s = σ² + Σ σ_{e,n}² v_n ‖B_n‖²`, is least.
//!
//! 3. Of full or no power the robust problem's error is `E`, and of any other it is no less. So `csi::design`, the best of the designs for the estimates and for
//!    the robust problem and of what is reached from them, is no worse than either, than silence and than equal power with any aggregator.
//!
//! So no turn raises `E`, and the result is no worse than any precoders within the limits with the starting aggregator.
//!
//! # Hypotheses
//!
//! - **own weight** (for 1): `μ_n ≥ σ_{e,n}² ‖A‖²`. The best precoders for the estimates alone use power that costs more than it gains;
//! - **noise of the error** (for 2): `s`, not `σ²`. With `σ²` alone the turn can raise `E`;
//! - **both designs** (for 3): that for the robust problem alone can be worse than that for the estimates, and the reverse;
//! - **turns of the same `E`**. Solving the robust problem anew with the noise of the last design's powers is not monotone: the new
//!   precoders may use more power than that noise was made for.

use crate::alternating::regularized;
use crate::arithmetic::{identity, squared_norm};
use faer::{Mat, c64};
use solver::Problem;

/// The `B_n` of statement 1, for `μ_n` of at least `weights[n]`: by bisection, down to neighbouring numbers. With `D_n = W S V^H` it is
/// `W (S² + μ_n I)^{-1} S V^H`; directions of rounding size stay silent.
pub fn best_precoders(problem: &Problem, aggregator: &Mat<c64>, weights: &[f64]) -> Vec<Mat<c64>> {
    let precoder = |(n, channel): (usize, &Mat<c64>)| {
        let (seen, budget) = (channel.adjoint() * aggregator, crate::programs::budget(problem, n));
        let svd = seen.thin_svd().expect("the iteration for singular values ends");
        let values: Vec<f64> = svd.S().column_vector().iter().map(|value| value.re).collect();
        let least = 8.0 * f64::EPSILON * values[0];
        let gain = |value: f64, mu: f64| if value > least { value / (value * value + mu) } else { 0.0 };
        let power = |mu: f64| values.iter().map(|&value| gain(value, mu).powi(2)).sum::<f64>();
        let (mut low, mut high) = (weights[n], weights[n]);
        if power(weights[n]) > budget {
            high += (values.iter().map(|value| value * value).sum::<f64>() / budget).sqrt();
            while low < 0.5 * (low + high) && 0.5 * (low + high) < high {
                let middle = 0.5 * (low + high);
                if power(middle) > budget { low = middle } else { high = middle }
            }
        }
        let served = Mat::from_fn(seen.nrows(), values.len(), |i, j| svd.U()[(i, j)] * gain(values[j], high));
        served * svd.V().adjoint()
    };
    problem.channels().iter().enumerate().map(precoder).collect()
}

/// `σ² + Σ σ_{e,n}² v_n ‖B_n‖²`.
pub fn noise_and_error(problem: &Problem, variance: &[f64], precoders: &[Mat<c64>]) -> f64 {
    let parts = precoders.iter().zip(problem.signal_variance()).zip(variance);
    problem.noise_power() + parts.map(|((b, v), e)| e * v * squared_norm(b.as_ref())).sum::<f64>()
}

/// The `A` of statement 2.
pub fn best_aggregator(problem: &Problem, variance: &[f64], precoders: &[Mat<c64>]) -> Mat<c64> {
    let noise = noise_and_error(problem, variance, precoders);
    regularized(problem, precoders, problem.signal_variance(), noise)
}

/// `E(A, B) = Σ v_n ‖A^H Ĥ_n B_n − I‖² + s ‖A‖²`.
pub fn averaged(problem: &Problem, variance: &[f64], aggregator: &Mat<c64>, precoders: &[Mat<c64>]) -> f64 {
    let mut sum = noise_and_error(problem, variance, precoders) * squared_norm(aggregator.as_ref());
    for ((channel, precoder), v) in problem.channels().iter().zip(precoders).zip(problem.signal_variance()) {
        let residual = aggregator.adjoint() * (channel * precoder) - identity(aggregator.ncols());
        sum += v * squared_norm(residual.as_ref());
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::scaled;
    use crate::{config, config_of};
    use proptest::prelude::*;
    use solver::baseline::{equal_power, scalar_power_control};
    use solver::csi::{self, Alternation, ChannelError};
    use solver::recovery::design;
    use solver::strategies::{
        Channels, Precoders, Sizes, aggregators, crop, grid, power_of_two, precoders, problems,
    };
    use solver::transceiver::Transceiver;

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };
    const WITHIN: f64 = 1e-9;

    /// Variances of the errors, 0 among them, for the largest number of devices.
    fn variances() -> impl Strategy<Value = Vec<f64>> {
        let variance = prop_oneof![1 => Just(0.0), 3 => power_of_two(6)];
        prop::collection::vec(variance, SIZES.most_devices())
    }

    /// `σ_{e,n}² ‖A‖²`.
    fn own_weights(variance: &[f64], aggregator: &Mat<c64>) -> Vec<f64> {
        variance.iter().map(|e| e * squared_norm(aggregator.as_ref())).collect()
    }

    fn with_best_precoders(
        problem: &Problem,
        variance: &[f64],
        aggregator: &Mat<c64>,
    ) -> (Vec<Mat<c64>>, f64) {
        let precoders = best_precoders(problem, aggregator, &own_weights(variance, aggregator));
        let error = averaged(problem, variance, aggregator, &precoders);
        (precoders, error)
    }

    /// Precoders within the limits that go a small part of the way from given ones to any others: the limits are convex.
    fn towards(problem: &Problem, from: &[Mat<c64>], others: &Precoders, part: f64) -> Vec<Mat<c64>> {
        let others = others.within_power(problem);
        from.iter()
            .zip(&others)
            .map(|(b, c)| scaled(b.as_ref(), 1.0 - part) + scaled(c.as_ref(), part))
            .collect()
    }

    proptest! {
        #![proptest_config(config())]

        /// 1 and 2: against others near and far.
        #[test]
        fn each_turn_is_the_best(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES), others in precoders(&SIZES),
            away in grid(6, 2), variance in variances(), part in (0..=10_i32).prop_map(|e| f64::from(-e).exp2()),
        ) {
            let (variance, a) = (&variance[..problem.devices()], aggregator.of(&problem));
            let (precoders, least) = with_best_precoders(&problem, variance, &a);
            let other = averaged(&problem, variance, &a, &towards(&problem, &precoders, &others, part));
            prop_assert!(other >= least * (1.0 - WITHIN), "precoders: {other} < {least}");
            let within = others.within_power(&problem);
            let best = best_aggregator(&problem, variance, &within);
            let least = averaged(&problem, variance, &best, &within);
            let away = &best + scaled(crop(&away, best.nrows(), best.ncols()).as_ref(), part);
            let other = averaged(&problem, variance, &away, &within);
            prop_assert!(other >= least * (1.0 - WITHIN), "aggregator: {other} < {least}");
        }

        /// The solver's averaged error is the formula's, and its turns are these: as many give the same error, none raises it, and the
        /// first is no worse than any precoders within the limits.
        #[test]
        fn no_turn_raises_the_average(
            problem in problems(&SIZES, Channels::WellConditioned), start in aggregators(&SIZES), others in precoders(&SIZES),
            variance in variances(),
        ) {
            let variance = &variance[..problem.devices()];
            let error = ChannelError::new(variance.to_vec())?;
            let mut a = start.of(&problem);
            let (mut precoders, mut last) = with_best_precoders(&problem, variance, &a);
            let any = Transceiver::new(&problem, a.clone(), others.within_power(&problem))?;
            let formula = averaged(&problem, variance, &a, any.precoders());
            let averaged_any = csi::mean_squared_error(&problem, &error, &any)?.total();
            prop_assert!((averaged_any - formula).abs() <= WITHIN * formula, "{averaged_any}, formula {formula}");
            for turns in 1..=4 {
                let after_aggregator = { a = best_aggregator(&problem, variance, &precoders); averaged(&problem, variance, &a, &precoders) };
                prop_assert!(after_aggregator <= last * (1.0 + WITHIN), "{last}, then {after_aggregator}");
                (precoders, last) = with_best_precoders(&problem, variance, &a);
                prop_assert!(last <= after_aggregator * (1.0 + WITHIN), "{after_aggregator}, then {last}");
                let options = Alternation { decrease: 0.0, max_iterations: turns };
                let found = csi::alternate(&problem, &error, start.of(&problem).as_ref(), &options)?;
                found.transceiver.check_power(&problem)?;
                prop_assert!(found.mse <= averaged_any * (1.0 + WITHIN), "{} > {averaged_any}", found.mse);
                prop_assert!((found.mse - last).abs() <= 1e-6 * last, "{turns} turns: {}, formula {last}", found.mse);
                let stated = csi::mean_squared_error(&problem, &error, &found.transceiver)?.total();
                prop_assert!((stated - found.mse).abs() <= WITHIN * stated, "{stated}, reported {}", found.mse);
            }
        }
    }

    proptest! {
        #![proptest_config(config_of(24))]

        /// Where the solver says that nothing is left to gain, neither turn gains, and the precoders of its aggregator are its own.
        #[test]
        fn ends_where_no_turn_gains(
            problem in problems(&SIZES, Channels::WellConditioned), start in aggregators(&SIZES), variance in variances(),
        ) {
            let variance = &variance[..problem.devices()];
            let error = ChannelError::new(variance.to_vec())?;
            let found = csi::alternate(&problem, &error, start.of(&problem).as_ref(), &Default::default())?;
            prop_assume!(found.converged);
            let next = best_aggregator(&problem, variance, found.transceiver.precoders());
            let (_, after) = with_best_precoders(&problem, variance, &next);
            prop_assert!(after >= found.mse * (1.0 - 1e-6), "{after} after {}", found.mse);
        }
    }

    proptest! {
        #![proptest_config(config_of(16))]

        /// 3, with the solver's own bound below.
        #[test]
        fn the_one_call_is_no_worse_than_its_parts(
            problem in problems(&SIZES, Channels::WellConditioned), any in aggregators(&SIZES), variance in variances(),
        ) {
            let variance = &variance[..problem.devices()];
            let error = ChannelError::new(variance.to_vec())?;
            let of = |part: &Transceiver| averaged(&problem, variance, &part.aggregator().to_owned(), part.precoders());
            let found = csi::design(&problem, &error, &Default::default())?;
            found.transceiver.check_power(&problem)?;
            let own = of(&found.transceiver);
            prop_assert!((found.mse - own).abs() <= WITHIN * own, "{own}, reported {}", found.mse);
            prop_assert!(found.bound.is_some_and(|bound| bound <= own * (1.0 + WITHIN)), "{:?} > {own}", found.bound);
            let silence = problem.signal_variance().iter().sum::<f64>() * problem.streams() as f64;
            prop_assert!(own <= silence * (1.0 + WITHIN), "{own} > {silence}");
            let equal = equal_power(&problem)?;
            let other = Transceiver::new(&problem, any.of(&problem), equal.precoders().to_vec())?;
            for part in [design(&problem, &Default::default())?.transceiver, equal, other] {
                prop_assert!(own <= of(&part) * (1.0 + WITHIN), "{own} > {}", of(&part));
            }
            let robust = design(&csi::robust(&problem, &error)?, &Default::default())?.transceiver;
            prop_assert!(own <= of(&robust) * (1.0 + WITHIN), "{own} > {}, of the robust design", of(&robust));
        }
    }

    fn scalar(value: f64) -> Mat<c64> {
        scaled(identity(1).as_ref(), value)
    }

    /// Without **own weight**: `σ_e² = 4`, `A = 1`. Zero forcing leaves `0 + 5`, half of a precoder `1/4 + 2`, and the best, `1/5`, less.
    #[test]
    fn best_for_the_estimates_alone() {
        let problem = Problem::new(vec![scalar(1.0)], vec![1.0], 1.0).unwrap();
        let at = |weight| {
            averaged(&problem, &[4.0], &scalar(1.0), &best_precoders(&problem, &scalar(1.0), &[weight]))
        };
        assert!((at(0.0) - 5.0).abs() < 1e-12 && (at(4.0) - 1.8).abs() < 1e-12, "{} {}", at(0.0), at(4.0));
    }

    /// Without **noise of the error**: an aggregator for `σ² = 0.01` where the error makes it 1.01.
    #[test]
    fn best_for_the_noise_alone() {
        let problem = Problem::new(vec![scalar(1.0)], vec![1.0], 0.01).unwrap();
        let (precoders, variance) = ([scalar(1.0)], [1.0]);
        let start = best_aggregator(&problem, &variance, &precoders);
        let without = best_aggregator(&problem, &[0.0], &precoders);
        let (before, after) = (
            averaged(&problem, &variance, &start, &precoders),
            averaged(&problem, &variance, &without, &precoders),
        );
        assert!(after > 1.9 * before, "{before}, then {after}");
    }

    /// Without **both designs**: closed forms for scalars, `p = 1`. Gains 40 dB apart and errors of 1 %: the robust one is the worse; a single gain and errors
    /// as large as it: the other.
    #[test]
    fn either_design_alone() {
        let at = |channels: &[f64], noise| {
            let channels: Vec<_> = channels.iter().map(|&h| scalar(h)).collect();
            Problem::new(channels.clone(), vec![1.0; channels.len()], noise).unwrap()
        };
        let averages = |channels: &[f64], variance: &[f64]| {
            let problem = at(channels, 1e-3);
            let error = ChannelError::new(variance.to_vec()).unwrap();
            [problem.clone(), csi::robust(&problem, &error).unwrap()].map(|seen| {
                let design = scalar_power_control(&seen).unwrap();
                csi::mean_squared_error(&problem, &error, &design).unwrap().total()
            })
        };
        let [naive, robust] = averages(&[1.0, 100.0], &[0.01, 100.0]);
        assert!(robust > 10.0 * naive, "{naive}, robust {robust}");
        let [naive, robust] = averages(&[1.0], &[1.0]);
        assert!(naive > 1.5 * robust, "{naive}, robust {robust}");
    }

    /// Without **turns of the same `E`**: optimal designs (the closed form for scalars) for the noise that the last one's powers make,
    /// from a noise of 1 more than there is. The second costs 31 % more than the first; no turn from the first does.
    #[test]
    fn robust_designs_in_turn() {
        let (noise_power, variance) = (1.0 / 64.0, [0.0, 1.0]);
        let at = |noise| Problem::new(vec![scalar(1.0); 2], vec![1.0, 64.0], noise).unwrap();
        let estimated = at(noise_power);
        let error = ChannelError::new(variance.to_vec()).unwrap();
        let average =
            |design: &Transceiver| csi::mean_squared_error(&estimated, &error, design).unwrap().total();
        let first = scalar_power_control(&at(1.0 + noise_power)).unwrap();
        let second =
            scalar_power_control(&at(noise_and_error(&estimated, &variance, first.precoders()))).unwrap();
        assert!(average(&second) > 1.3 * average(&first), "{}, then {}", average(&first), average(&second));
        let turned = csi::alternate(&estimated, &error, first.aggregator(), &Default::default()).unwrap();
        assert!(turned.mse < average(&first), "{}, then {}", average(&first), turned.mse);
    }
}
