//! Step sizes of stochastic successive convex approximation: \[C\], (19) and (22); *theory*, section 5.
//!
//! # Statement
//!
//! \[C\] asks of the averaging weights `ρ_τ` and the steps `γ_τ`: in (0, 1], → 0, sums that diverge, sums of squares that converge,
//! and `γ_τ/ρ_τ → 0`. Of `c (1 + τ/τ_0)^{−a}` all but the last hold exactly for `0 < c ≤ 1`, `τ_0 > 0`, `1/2 < a ≤ 1`, and the last
//! exactly where the exponent of `γ` is the larger. The schedules are refused otherwise, and accepted then.
//!
//! # Hypotheses
//!
//! Each is a condition, and without it
//!
//! - **sum diverges**: the start is never forgotten, `Π (1 − γ_τ) > 0`;
//! - **tends to 0**: averages keep a share `ρ/(2 − ρ)` of the noise's variance;
//! - **squares converge**: the noise that steps add up has no finite variance;
//! - `γ/ρ → 0`: averages stay behind the point that moves, by `γ/ρ`.

#[cfg(test)]
mod tests {
    use crate::config;
    use proptest::prelude::*;
    use solver::sca::{PolynomialDecay, ScheduleError, Schedules};
    use solver::strategies::power_of_two;

    const ITERATIONS: usize = 20_000;

    /// Exponents in steps of 1/16 up to 2, scales in steps of 1/8 up to 2.
    fn decay() -> impl Strategy<Value = (f64, f64, f64)> {
        let scale = (-2..=16_i8).prop_map(|step| f64::from(step) / 8.0);
        let delay =
            prop_oneof![4 => power_of_two(6), 1 => Just(0.0), 1 => Just(-1.0), 1 => Just(f64::INFINITY)];
        (scale, delay, (0..=32_u8).prop_map(|step| f64::from(step) / 16.0))
    }

    /// An accepted one.
    fn valid() -> impl Strategy<Value = PolynomialDecay> {
        let exponent = (9..=16_u8).prop_map(|step| f64::from(step) / 16.0);
        ((1..=8_u8).prop_map(|step| f64::from(step) / 8.0), power_of_two(4), exponent)
            .prop_map(|(scale, delay, exponent)| PolynomialDecay::new(scale, delay, exponent).unwrap())
    }

    proptest! {
        #![proptest_config(config())]

        /// Accepted exactly where the conditions hold.
        #[test]
        fn refused_where_a_condition_fails((scale, delay, exponent) in decay()) {
            let expected = if !(scale > 0.0 && scale <= 1.0) {
                Some(ScheduleError::Scale { scale })
            } else if !(delay > 0.0 && delay.is_finite()) {
                Some(ScheduleError::Delay { delay })
            } else if !(exponent > 0.5 && exponent <= 1.0) {
                Some(ScheduleError::Exponent { exponent })
            } else {
                None
            };
            prop_assert_eq!(PolynomialDecay::new(scale, delay, exponent).err(), expected);
        }

        #[test]
        fn pairs_are_refused_where_the_step_is_not_faster(averaging in valid(), step in valid()) {
            let expected = (step.exponent() <= averaging.exponent()).then(|| ScheduleError::StepNotFaster {
                averaging_exponent: averaging.exponent(), step_exponent: step.exponent(),
            });
            prop_assert_eq!(Schedules::new(averaging, step).err(), expected);
        }

        /// The conditions themselves, on accepted schedules: sums lie between the integrals that bound them, of which that of
        /// the sequence grows without limit and that of its square does not.
        #[test]
        fn accepted_ones_meet_the_conditions(decay in valid()) {
            let (c, delay, a) = (decay.scale(), decay.delay(), decay.exponent());
            let (mut sum, mut squares, mut last) = (0.0, 0.0, f64::INFINITY);
            for iteration in 0..ITERATIONS {
                let value = decay.at(iteration);
                prop_assert!(value > 0.0 && value <= 1.0 && value < last, "{value} after {last}");
                (sum, squares, last) = (sum + value, squares + value * value, value);
            }
            let end = 1.0 + ITERATIONS as f64 / delay;
            prop_assert!(last <= c * (end / 2.0).powf(-a), "{last}");
            let integral = if a < 1.0 { (end.powf(1.0 - a) - 1.0) / (1.0 - a) } else { end.ln() };
            prop_assert!(sum >= c * delay * integral * (1.0 - 1e-9), "{sum}, integral {}", c * delay * integral);
            let limit = c * c * (1.0 + delay / (2.0 * a - 1.0));
            prop_assert!(squares <= limit, "{squares} > {limit}");
        }

        /// `γ_τ/ρ_τ → 0`, at the rate of the difference of exponents, and with it the distance of the average from what it
        /// follows: a point that moves by `γ_τ`.
        #[test]
        fn averages_catch_up(averaging in valid(), step in valid()) {
            prop_assume!(step.exponent() > averaging.exponent());
            let schedules = Schedules::new(averaging, step).unwrap();
            let ratio = |iteration| schedules.step(iteration).unwrap() / schedules.averaging(iteration).unwrap();
            let rate = (ratio(1 << 40) / ratio(1 << 30)).log2() / 10.0;
            prop_assert!((rate - (averaging.exponent() - step.exponent())).abs() < 1e-3, "{rate}");
        }
    }

    /// The distance of `u ← (1 − ρ) u + ρ x` from `x ← x + γ` at the end.
    fn lag(rho: impl Fn(usize) -> f64, gamma: impl Fn(usize) -> f64) -> f64 {
        let (mut point, mut average) = (0.0, 0.0);
        for iteration in 0..ITERATIONS {
            average += rho(iteration) * (point - average);
            point += gamma(iteration);
        }
        point - average
    }

    fn power(exponent: f64) -> impl Fn(usize) -> f64 {
        move |iteration| (1.0 + iteration as f64).powf(-exponent)
    }

    #[test]
    fn with_every_condition() {
        let schedules = Schedules::default();
        assert!(lag(|t| schedules.averaging(t).unwrap(), |t| schedules.step(t).unwrap()) < 0.5);
        assert!(lag(power(0.6), power(1.0)) < 0.05);
        let forgotten: f64 = (1..ITERATIONS).map(|t| 1.0 - power(0.9)(t)).product();
        assert!(forgotten < 1e-4, "{forgotten}");
    }

    /// Without `γ/ρ → 0`: equal schedules, and the average stays one step of the ratio behind.
    #[test]
    fn equal_exponents() {
        let found = lag(power(0.6), power(0.6));
        assert!(found > 0.99, "{found}");
        assert!(matches!(
            PolynomialDecay::new(1.0, 1.0, 0.6).and_then(|decay| Schedules::new(decay, decay)),
            Err(ScheduleError::StepNotFaster { .. })
        ));
    }

    /// Without **sum diverges**: exponent 2, and half of the start is still there (`Π (1 − 1/τ²) = 1/2`).
    #[test]
    fn steps_that_end_too_soon() {
        let kept: f64 = (1..ITERATIONS).map(|t| 1.0 - power(2.0)(t)).product();
        assert!((kept - 0.5).abs() < 1e-4, "{kept}");
        assert_eq!(PolynomialDecay::new(1.0, 1.0, 2.0), Err(ScheduleError::Exponent { exponent: 2.0 }));
    }

    /// Without **tends to 0**: the variance of `u ← (1 − ρ) u + ρ w` for white `w` of variance 1, in closed form.
    #[test]
    fn constant_weights() {
        let variance = |rho: &dyn Fn(usize) -> f64| {
            (0..ITERATIONS).fold(1.0, |u, t| (1.0 - rho(t)).powi(2) * u + rho(t).powi(2))
        };
        assert!((variance(&|_| 0.5) - 0.5 / 1.5).abs() < 1e-12);
        assert!(variance(&power(0.6)) < 0.002);
        assert_eq!(PolynomialDecay::new(1.0, 1.0, 0.0), Err(ScheduleError::Exponent { exponent: 0.0 }));
    }

    /// Without **squares converge**: exponent 1/2, and the sum of squares passes every bound, as `ln τ` does.
    #[test]
    fn steps_that_last_too_long() {
        let squares =
            |exponent: f64, count: usize| (0..count).map(|t| power(exponent)(t).powi(2)).sum::<f64>();
        assert!(squares(0.5, 100 * ITERATIONS) > squares(0.5, ITERATIONS) + 4.0);
        assert!(squares(0.75, 100 * ITERATIONS) < squares(0.75, ITERATIONS) + 0.02);
        assert_eq!(PolynomialDecay::new(1.0, 1.0, 0.5), Err(ScheduleError::Exponent { exponent: 0.5 }));
    }
}
