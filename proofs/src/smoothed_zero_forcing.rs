//! Smoothed zero-forcing refinement: *theory*, section 4.
//!
//! # Statement
//!
//! Let `z_n(A) = tr((A^H H_n H_n^H A)^{-1})/q_n` and `α(A) = ‖A‖² max_n z_n(A)`, the least `‖A‖²` of a zero-forcing transceiver in the
//! direction of `A`. With `λ_n > 0`, `Σ λ_n = 1` and `β ≥ 1` let `s(A) = ‖A‖² (Σ λ_n z_n^β)^{1/β}`. Then
//!
//! 1. `s ≤ α`, with equality where all `z_n` agree, and only there;
//! 2. with `C_n = (D_n^H D_n)^{-1}`, `D_n = H_n^H A`, the gradient is `∇s = s (2A/‖A‖² + Σ λ'_n ∇ log z_n)`,
//!    `∇ log z_n = −2 H_n D_n C_n²/tr C_n`, `λ'_n = λ_n z_n^β/Σ λ_m z_m^β`;
//! 3. the multipliers `λ'` are again positive with sum 1, and `λ' = λ` where all `z_n` agree, and only there. In floating point one may fall
//!    below the least number; that is why the solver keeps every one above a least multiplier;
//! 4. refinement returns a zero-forcing transceiver within the limits whose `α` is not above that of its start, however good that is and
//!    however few iterations it has; and where it says that nothing is left to gain, small steps gain nothing.
//!
//! # Hypotheses
//!
//! - **sum**: `Σ λ_n = 1`. Without it `s` can exceed `α`;
//! - **every device**: `λ_n > 0`. A device without weight can need more than all others, and `λ' = λ` all the same;
//! - **rank**: every `D_n` has full column rank. Without it there is nothing to start from, and the start is refused.

use crate::arithmetic::{inverse, squared_norm, trace};
use crate::programs::budget;
use faer::{Mat, c64};
use solver::Problem;

/// `z_n`.
pub fn needs(problem: &Problem, aggregator: &Mat<c64>) -> Vec<f64> {
    let need = |(n, channel): (usize, &Mat<c64>)| {
        let seen = channel.adjoint() * aggregator;
        trace(inverse((seen.adjoint() * &seen).as_ref()).as_ref()) / budget(problem, n)
    };
    problem.channels().iter().enumerate().map(need).collect()
}

/// `(Σ λ_n z_n^β)^{1/β}`.
pub fn smooth_maximum(needs: &[f64], weights: &[f64], sharpness: f64) -> f64 {
    let most = needs.iter().copied().fold(0.0, f64::max);
    let sum: f64 = needs.iter().zip(weights).map(|(z, weight)| weight * (z / most).powf(sharpness)).sum();
    most * sum.powf(1.0 / sharpness)
}

/// `λ'_n = λ_n z_n^β/Σ λ_m z_m^β`.
pub fn updated(needs: &[f64], weights: &[f64], sharpness: f64) -> Vec<f64> {
    let most = needs.iter().copied().fold(0.0, f64::max);
    let parts: Vec<f64> = needs.iter().zip(weights).map(|(z, w)| w * (z / most).powf(sharpness)).collect();
    let sum: f64 = parts.iter().sum();
    parts.iter().map(|part| part / sum).collect()
}

/// `s(A)`.
pub fn smooth_alpha(problem: &Problem, aggregator: &Mat<c64>, weights: &[f64], sharpness: f64) -> f64 {
    squared_norm(aggregator.as_ref()) * smooth_maximum(&needs(problem, aggregator), weights, sharpness)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::{identity, inner, norm, scaled};
    use crate::programs::with_power;
    use crate::{config, config_of, tolerance};
    use proptest::prelude::*;
    use solver::Error;
    use solver::recovery::{Refinement, refine_zero_forcing, scaled_zero_forcing};
    use solver::strategies::{Channels, Sizes, aggregators, crop, grid, problems};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };

    /// Positive weights, to be cut to the number of devices and divided by their sum; and `β`.
    fn weights() -> impl Strategy<Value = (Vec<f64>, f64)> {
        let weight = (0..=15_u8).prop_map(|sixteenths| 1.0 - f64::from(sixteenths) / 16.0);
        (prop::collection::vec(weight, SIZES.most_devices()), (0..=6_u8).prop_map(|e| f64::from(e).exp2()))
    }

    fn normalized(weights: &[f64], devices: usize) -> Vec<f64> {
        let sum: f64 = weights[..devices].iter().sum();
        weights[..devices].iter().map(|weight| weight / sum).collect()
    }

    /// Whether each `D_n` is so far from losing rank that its inverse can be trusted.
    fn is_regular(problem: &Problem, aggregator: &Mat<c64>) -> bool {
        needs(problem, aggregator).iter().enumerate().all(|(n, z)| {
            let seen = problem.channels()[n].adjoint() * aggregator;
            z * budget(problem, n) * squared_norm(seen.as_ref()) < 1e6
        })
    }

    /// What rounding may change needs by, relatively: that of `D_n^H D_n`, times the condition of its inverse.
    fn rounding(problem: &Problem, aggregator: &Mat<c64>) -> f64 {
        let listening = squared_norm(aggregator.as_ref());
        let conditions = needs(problem, aggregator).into_iter().enumerate().map(|(n, z)| {
            let channel = &problem.channels()[n];
            let condition = z * budget(problem, n) * squared_norm(channel.as_ref()) * listening;
            tolerance(channel.nrows() + channel.ncols(), condition)
        });
        conditions.fold(0.0, f64::max)
    }

    /// `∇s` by the formula.
    fn gradient(problem: &Problem, aggregator: &Mat<c64>, weights: &[f64], sharpness: f64) -> Mat<c64> {
        let mut sum = scaled(aggregator.as_ref(), 2.0 / squared_norm(aggregator.as_ref()));
        let shares = updated(&needs(problem, aggregator), weights, sharpness);
        for (channel, share) in problem.channels().iter().zip(shares) {
            let seen = channel.adjoint() * aggregator;
            let inverted = inverse((seen.adjoint() * &seen).as_ref());
            let weight = scaled((&inverted * &inverted).as_ref(), 2.0 * share / trace(inverted.as_ref()));
            sum -= channel * (seen * weight);
        }
        scaled(sum.as_ref(), smooth_alpha(problem, aggregator, weights, sharpness))
    }

    proptest! {
        #![proptest_config(config())]

        /// 1 and 3: below the solver's `α`, by no more than the least weight allows; equal once powers are such that all need as much.
        #[test]
        fn is_at_most_alpha(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES), (weights, sharpness) in weights(),
        ) {
            let a = aggregator.of(&problem);
            prop_assume!(is_regular(&problem, &a));
            let (weights, within) = (normalized(&weights, problem.devices()), rounding(&problem, &a));
            let (found, alpha) =
                (smooth_alpha(&problem, &a, &weights, sharpness), scaled_zero_forcing(&problem, a.as_ref())?.alpha());
            let z = needs(&problem, &a);
            let (least, most) = z.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &z| (low.min(z), high.max(z)));
            prop_assert!(found <= alpha * (1.0 + within), "{found} > {alpha}");
            let lightest = weights.iter().copied().fold(1.0, f64::min).powf(1.0 / sharpness);
            prop_assert!(found >= lightest * alpha * (1.0 - within), "{found} < {lightest} of {alpha}");
            let moved = updated(&z, &weights, sharpness);
            prop_assert!((moved.iter().sum::<f64>() - 1.0).abs() <= tolerance(moved.len(), 1.0));
            for ((new, old), z) in moved.iter().zip(&weights).zip(&z) {
                let least_exponent = old.log2() + sharpness * (z / most).log2();
                prop_assert!(*new > 0.0 || least_exponent < f64::from(f64::MIN_EXP), "{old} becomes {new}, but 2^{least_exponent}");
            }
            if least < most * 0.99 {
                prop_assert!(found < alpha * (1.0 - 1e-6), "{found}, {alpha}, but needs {z:?}");
                let change = moved.iter().zip(&weights).map(|(new, old)| (new - old).abs()).fold(0.0, f64::max);
                prop_assert!(change > 1e-6, "{weights:?} do not move, but needs {z:?}");
            }
            let power = z.iter().zip(problem.transmit_power()).map(|(z, p)| z * p).collect();
            let agreeing = with_power(&problem, power);
            let (found, alpha) =
                (smooth_alpha(&agreeing, &a, &weights, sharpness), scaled_zero_forcing(&agreeing, a.as_ref())?.alpha());
            prop_assert!((found - alpha).abs() <= within * alpha, "{found}, {alpha}");
            let kept = updated(&needs(&agreeing, &a), &weights, sharpness);
            let change = kept.iter().zip(&weights).map(|(new, old)| (new - old).abs()).fold(0.0, f64::max);
            prop_assert!(change <= 2.0 * sharpness * within, "{weights:?}, then {kept:?}");
        }

        /// 2: central differences at two steps, whose own difference says how far they are from the derivative.
        #[test]
        fn its_gradient(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES), direction in grid(6, 2),
            (weights, sharpness) in weights(),
        ) {
            let a = aggregator.of(&problem);
            prop_assume!(is_regular(&problem, &a));
            let weights = normalized(&weights, problem.devices());
            let direction = crop(&direction, a.nrows(), a.ncols());
            let difference = |step: f64| {
                let at = |t: f64| smooth_alpha(&problem, &(&a + scaled(direction.as_ref(), t)), &weights, sharpness);
                (at(step) - at(-step)) / (2.0 * step)
            };
            let (coarse, fine) = (difference(2e-6), difference(1e-6));
            let slope = inner(gradient(&problem, &a, &weights, sharpness).as_ref(), direction.as_ref());
            let size = smooth_alpha(&problem, &a, &weights, sharpness);
            let within = 10.0 * (coarse - fine).abs() + 1e-6 * (size + slope.abs());
            prop_assert!((fine - slope).abs() <= within, "{fine}, formula {slope} ± {within}");
        }
    }

    proptest! {
        #![proptest_config(config_of(48))]

        /// 4, with `α` and the MSE computed apart from the solver, and steps along any direction and down each device's own slope.
        #[test]
        fn refinement_is_never_worse_than_its_start(
            problem in problems(&SIZES, Channels::WellConditioned), start in aggregators(&SIZES), direction in grid(6, 2),
        ) {
            let start = start.of(&problem);
            prop_assume!(is_regular(&problem, &start));
            let before = scaled_zero_forcing(&problem, start.as_ref())?;
            let refined = refine_zero_forcing(&problem, start.as_ref(), &Default::default())?;
            let a = refined.transceiver.aggregator().to_owned();
            let (alpha, found) = (squared_norm(a.as_ref()), refined.transceiver.alpha());
            prop_assert!((found - alpha).abs() <= tolerance(a.nrows() * a.ncols(), alpha), "{found}, ‖A‖² = {alpha}");
            prop_assert!(found <= before.alpha(), "{found} > {}", before.alpha());
            refined.transceiver.check_power(&problem)?;
            // From there one or two iterations on the smooth maximum, which is below the true one, lead upwards as often as not.
            let best = scaled_zero_forcing(&problem, a.as_ref())?.alpha();
            for max_iterations in 1..=2 {
                let hurried = Refinement { max_iterations, ..Refinement::default() };
                let again = refine_zero_forcing(&problem, a.as_ref(), &hurried)?.transceiver.alpha();
                prop_assert!(again <= best, "{again} > {best} after {max_iterations} iterations");
            }
            let mse = problem.noise_power() * alpha;
            prop_assert!((refined.mse - mse).abs() <= 1e-7 * (1.0 + mse), "MSE {}, of the noise {mse}", refined.mse);
            prop_assume!(refined.converged);
            let most = |a: &Mat<c64>| squared_norm(a.as_ref()) * needs(&problem, a).into_iter().fold(0.0, f64::max);
            prop_assert!((most(&a) - alpha).abs() <= 1e-6 * alpha, "{} at α = {alpha}", most(&a));
            let mut directions = vec![crop(&direction, a.nrows(), a.ncols())];
            for n in 0..problem.devices() {
                let alone: Vec<f64> = (0..problem.devices()).map(|m| f64::from(u8::from(m == n))).collect();
                directions.push(scaled(gradient(&problem, &a, &alone, 1.0).as_ref(), -1.0));
            }
            for direction in directions.iter().filter(|direction| norm(direction.as_ref()) > 0.0) {
                let step = 1e-3 * norm(a.as_ref()) / norm(direction.as_ref());
                let found = most(&(&a + scaled(direction.as_ref(), step)));
                prop_assert!(found >= alpha * (1.0 - 2e-5), "{found} < {alpha}");
            }
        }
    }

    /// Without **sum**: weights of 1 each, and two equal devices make `2^{1/β}` of what each of them needs.
    #[test]
    fn weights_that_add_up_to_more() {
        let problem = Problem::new(vec![identity(1), identity(1)], vec![1.0; 2], 1.0).unwrap();
        let found = smooth_alpha(&problem, &identity(1), &[1.0, 1.0], 2.0);
        let alpha = scaled_zero_forcing(&problem, identity(1).as_ref()).unwrap().alpha();
        assert!(
            (alpha - 1.0).abs() < 1e-12 && (found - 2.0_f64.sqrt()).abs() < 1e-12,
            "{found}, α = {alpha}"
        );
    }

    /// Without **every device**: the second needs four times as much as the first, has no weight, and never gets one.
    #[test]
    fn a_device_that_does_not_count() {
        let problem = Problem::new(vec![identity(1), identity(1)], vec![1.0, 0.25], 1.0).unwrap();
        let (z, weights) = (needs(&problem, &identity(1)), [1.0, 0.0]);
        assert_eq!(updated(&z, &weights, 8.0), weights);
        assert!((smooth_maximum(&z, &weights, 8.0) - 1.0).abs() < 1e-12);
        let alpha = scaled_zero_forcing(&problem, identity(1).as_ref()).unwrap().alpha();
        assert!((alpha - 4.0).abs() < 1e-12, "{alpha}");
    }

    /// Without **rank**: an aggregator that does not listen where the device is.
    #[test]
    fn a_start_that_hears_nothing() {
        let column = |entries: [f64; 2]| Mat::from_fn(2, 1, |i, _| c64::new(entries[i], 0.0));
        let problem = Problem::new(vec![column([1.0, 0.0])], vec![1.0], 1.0).unwrap();
        let found = refine_zero_forcing(&problem, column([0.0, 1.0]).as_ref(), &Default::default());
        assert!(matches!(found, Err(Error::RankDeficient { device: 0, .. })), "{found:?}");
    }
}
