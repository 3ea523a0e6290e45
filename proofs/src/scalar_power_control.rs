//! Scalar power control: *theory*, section 4 (Cao, Zhu, Xu, Huang, IEEE TWC 2020; Liu, Zang, Li, Vucetic, arXiv 1909.00329).
//!
//! # Statement
//!
//! Let `R = T_n = L = 1` and `c_n = √q_n |h_n|`. Of all transceivers within the power limits the least MSE has
//!
//! `a = max_k Σ_{n≤k} v_n c_n/(σ² + Σ_{n≤k} v_n c_n²)`, the devices sorted by `c_n`, weakest first,
//!
//! with full power where `c_n < 1/a` and channel inversion where `c_n ≥ 1/a`. It is `F(a) = Σ v_n (1 − a c_n)_+² + σ² a²`, which is
//! convex in `a ≥ 0` and least there, and equals the value of the relaxation `mmse`.
//!
//! # Hypotheses
//!
//! - **sorted**: the prefixes are those of the weakest devices. In another order the maximum is another, and the MSE larger;
//! - **threshold**: full power below it only. Inversion by all, at the `a` that the weakest can follow, leaves more; so does full power
//!   for all;
//! - **one receive antenna**. With more, `c_n = √q_n ‖h_n‖` promises an MSE that no transceiver has.

use solver::Problem;

/// `max_k Σ_{n≤k} v_n c_n/(σ² + Σ_{n≤k} v_n c_n²)` over prefixes of the given order of devices.
pub fn best_prefix(noise_power: f64, variance: &[f64], quality: &[f64], order: &[usize]) -> f64 {
    let (mut best, mut numerator, mut denominator) = (0.0_f64, 0.0, noise_power);
    for &n in order {
        numerator += variance[n] * quality[n];
        denominator += variance[n] * quality[n] * quality[n];
        best = best.max(numerator / denominator);
    }
    best
}

/// `F(a)`.
pub fn remaining_error(noise_power: f64, variance: &[f64], quality: &[f64], a: f64) -> f64 {
    let mismatch = variance.iter().zip(quality).map(|(v, c)| v * (1.0 - a * c).max(0.0).powi(2));
    mismatch.sum::<f64>() + noise_power * a * a
}

/// `c_n = √q_n ‖h_n‖`, which for one receive antenna is `√q_n |h_n|`.
pub fn quality(problem: &Problem) -> Vec<f64> {
    let channels = problem.channels().iter().enumerate();
    channels
        .map(|(n, h)| crate::programs::budget(problem, n).sqrt() * crate::arithmetic::norm(h.as_ref()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::{identity, scaled};
    use crate::config;
    use crate::programs::{budget, solve};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::baseline::scalar_power_control;
    use solver::relaxation::Relaxation;
    use solver::strategies::{Channels, Sizes, number, power_of_two, precoders, problems};
    use solver::transceiver::{Transceiver, power_limited};
    use solver::{Error, Quantity};

    const SIZES: Sizes = Sizes {
        devices: 1..=5,
        streams: 1..=1,
        transmit_surplus: 0..=0,
        receive_surplus: 0..=0,
        tall: false,
    };
    const WITHIN: f64 = 1e-10;
    /// Points of the grid over `a`, up to four times the optimum.
    const GRID: u32 = 400;

    fn total(problem: &Problem, transceiver: &Transceiver) -> f64 {
        transceiver.mean_squared_error(problem).unwrap().total()
    }

    /// Of any conditioning, and faded.
    fn scalars() -> impl Strategy<Value = Problem> {
        prop_oneof![
            problems(&SIZES, Channels::WellConditioned),
            problems(&SIZES, Channels::IllConditioned),
            problems(&SIZES, Channels::Rayleigh),
        ]
    }

    proptest! {
        #![proptest_config(config())]

        /// Optimal along a grid of `a`, against any aggregator with the best precoders, and against anything within the limits.
        #[test]
        fn nothing_within_the_limits_is_better(
            problem in scalars(), precoders in precoders(&SIZES), aggregator in (number(), number()), scale in power_of_two(10),
        ) {
            let best = scalar_power_control(&problem)?;
            let least = total(&problem, &best);
            best.check_power(&problem)?;
            let (c, a) = (quality(&problem), best.aggregator()[(0, 0)].re);
            let at = |a: f64| remaining_error(problem.noise_power(), problem.signal_variance(), &c, a);
            prop_assert!((least - at(a)).abs() <= WITHIN * least, "MSE {least}, F(a) = {}", at(a));
            let strongest = c.iter().copied().fold(0.0, f64::max);
            // Beyond 1/c of the weakest there is noise only; where nobody is heard, a = 0.
            for point in 0..=GRID {
                let other = 4.0 * a * f64::from(point) / f64::from(GRID);
                prop_assert!(at(other) >= least * (1.0 - WITHIN), "F({other}) = {} < {least}", at(other));
            }
            prop_assert!(strongest == 0.0 || a > 0.0);
            let any = Mat::from_fn(1, 1, |_, _| c64::new(aggregator.0 * scale, aggregator.1 * scale));
            let any_best = power_limited(&problem, any.as_ref())?;
            let within = Transceiver::new(&problem, any, precoders.within_power(&problem))?;
            let turned = Transceiver::new(&problem, best.aggregator().to_owned(), precoders.within_power(&problem))?;
            for other in [any_best, within, turned] {
                prop_assert!(total(&problem, &other) >= least * (1.0 - WITHIN), "{} < {least}", total(&problem, &other));
            }
        }

        /// Full power below the threshold, inversion above.
        #[test]
        fn is_a_threshold(problem in scalars()) {
            let best = scalar_power_control(&problem)?;
            let a = best.aggregator()[(0, 0)].re;
            for (n, c) in quality(&problem).into_iter().enumerate() {
                let (b, h) = (best.precoders()[n][(0, 0)], problem.channels()[n][(0, 0)]);
                let expected = if c == 0.0 { 0.0 } else { (a * c).min(1.0) };
                let found = a * h * b;
                prop_assert!((found - c64::new(expected, 0.0)).norm() <= WITHIN, "device {n}: {found}, not {expected}");
                if c > 0.0 && a * c <= 1.0 {
                    let limit = budget(&problem, n).sqrt();
                    prop_assert!((b.norm() - limit).abs() <= WITHIN * limit, "device {n}: {} of {limit}", b.norm());
                }
            }
        }

        /// The relaxation's certified value, by an algorithm that knows nothing of thresholds.
        #[test]
        fn is_the_value_of_the_relaxation(problem in problems(&SIZES, Channels::WellConditioned)) {
            let found = total(&problem, &scalar_power_control(&problem)?);
            let value = solve(Relaxation::Mmse, &problem)?.certificate;
            prop_assert!(value.lower * (1.0 - WITHIN) <= found && found <= value.upper * (1.0 + WITHIN), "{found}, {value:?}");
        }
    }

    fn scalar(value: f64) -> Mat<c64> {
        scaled(identity(1).as_ref(), value)
    }

    /// Gains 10 and 1 at unit power, noise and variance.
    fn unequal() -> (Problem, f64) {
        let problem = Problem::new(vec![scalar(10.0), scalar(1.0)], vec![1.0; 2], 1.0).unwrap();
        let least = total(&problem, &scalar_power_control(&problem).unwrap());
        (problem, least)
    }

    /// Without **sorted**: strongest first.
    #[test]
    fn strongest_first() {
        let (problem, least) = unequal();
        let c = quality(&problem);
        let at = |order: &[usize]| {
            let a = best_prefix(1.0, problem.signal_variance(), &c, order);
            remaining_error(1.0, problem.signal_variance(), &c, a)
        };
        assert!((at(&[1, 0]) - least).abs() < 1e-12, "{} {least}", at(&[1, 0]));
        assert!(at(&[0, 1]) > 1.5 * least, "{} {least}", at(&[0, 1]));
    }

    /// Without **threshold**: all invert, at the least `a` at which the weakest can, 1; or all send at full power, and the server does
    /// the best it can with that, `a = Σ c/(1 + Σ c²)`.
    #[test]
    fn one_rule_for_all() {
        let (problem, least) = unequal();
        let inverting = [scalar(0.1), scalar(1.0)];
        let inverted = Transceiver::new(&problem, scalar(1.0), inverting.to_vec()).unwrap();
        inverted.check_power(&problem).unwrap();
        assert!(total(&problem, &inverted) > 1.5 * least, "{} {least}", total(&problem, &inverted));
        let loud = Transceiver::new(&problem, scalar(11.0 / 102.0), vec![scalar(1.0); 2]).unwrap();
        assert!(total(&problem, &loud) > 1.5 * least, "{} {least}", total(&problem, &loud));
    }

    /// Without **one receive antenna**: two devices that the server hears on an antenna each. The rule is refused there, and its
    /// formula promises 2/3, where certainly no transceiver is below 1.
    #[test]
    fn two_receive_antennas() {
        let column = |row: usize| Mat::from_fn(2, 1, |i, _| c64::new(if i == row { 1.0 } else { 0.0 }, 0.0));
        let problem = Problem::new(vec![column(0), column(1)], vec![1.0; 2], 1.0).unwrap();
        let found = scalar_power_control(&problem);
        assert!(
            matches!(found, Err(Error::Shape { quantity: Quantity::Channel, device: 0, .. })),
            "{found:?}"
        );
        let (c, variance) = (quality(&problem), problem.signal_variance());
        let promised = remaining_error(1.0, variance, &c, best_prefix(1.0, variance, &c, &[0, 1]));
        let bound = solve(Relaxation::Mmse, &problem).unwrap().certificate.lower;
        assert!((promised - 2.0 / 3.0).abs() < 1e-12 && bound > 0.999_99, "{promised}, bound {bound}");
    }
}
