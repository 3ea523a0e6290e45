//! One device: closed forms of all three values, *theory*, section 3.
//!
//! # Statement
//!
//! For one device with channel `H` of full column rank and singular values `s_1, …, s_T`, power `p`, variance `v`, `q = p/v`:
//!
//! 1. `lambda_min` has value `(T/q) ‖H⁺‖_F² = (T/q) Σ s_i^{-2}`;
//! 2. `trace_inverse` has value `‖H⁺‖_*²/q = (Σ s_i^{-1})²/q`;
//! 3. `mmse` has value `v Σ 1/(1 + v s_i² b_i/σ²)`, where `b_i ≥ 0`, `Σ b_i = q`, fills water over the floors `σ²/(v s_i²)` with
//!    a level proportional to `1/s_i`: `b_i = (σ ν/(√v s_i) − σ²/(v s_i²))⁺` (the joint design of precoder and receiver for
//!    one link, known since Sampath, Stoica and Paulraj, IEEE Trans. Commun. 2001);
//! 4. [`baseline::single_device`](solver::baseline::single_device) is a transceiver that attains 3, with `L < T` of the `L` strongest `s_i`
//!    alone. The error of several devices is at least the largest that one of them would leave alone
//!    ([`baseline::single_device_bound`](solver::baseline::single_device_bound)).
//!
//! For more devices the value of each relaxation is at least the largest of the values of each alone, and at most their sum.
//!
//! # Hypotheses
//!
//! - **one device**. With two the value may lie strictly between these bounds;
//! - **rank** (for 1 and 2), as in [`strict_feasibility`](crate::strict_feasibility).

use solver::Problem;
use solver::relaxation::Relaxation;

/// Bisections of the water level: to neighbouring numbers.
const BISECTIONS: usize = 200;

/// The value of a relaxation of the first device of `problem` alone, from the singular values of its channel, largest first,
/// of which only the first `modes` are used.
pub fn closed_form(relaxation: Relaxation, problem: &Problem, device: usize, modes: usize) -> f64 {
    let mut singular = problem.channels()[device].singular_values().expect("finite channels");
    singular.sort_by(|a, b| b.total_cmp(a));
    let singular = &singular[..modes];
    let variance = problem.signal_variance()[device];
    let budget = crate::programs::budget(problem, device);
    match relaxation {
        Relaxation::LambdaMin => modes as f64 / budget * singular.iter().map(|s| 1.0 / (s * s)).sum::<f64>(),
        Relaxation::TraceInverse => singular.iter().map(|s| 1.0 / s).sum::<f64>().powi(2) / budget,
        Relaxation::Mmse => {
            let floors: Vec<f64> =
                singular.iter().map(|s| problem.noise_power() / (variance * s * s)).collect();
            let water = |level: f64, floor: &f64| (level * floor.sqrt() - floor).max(0.0);
            let (mut low, mut high) = (0.0, 1.0);
            while floors.iter().map(|floor| water(high, floor)).sum::<f64>() < budget {
                high *= 2.0;
            }
            for _ in 0..BISECTIONS {
                let level = 0.5 * (low + high);
                let used: f64 = floors.iter().map(|floor| water(level, floor)).sum();
                if used < budget { low = level } else { high = level }
            }
            variance * floors.iter().map(|floor| floor / (floor + water(high, floor))).sum::<f64>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::{identity, squared_norm};
    use crate::config_of;
    use crate::programs::{alone, budget, solve};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::baseline;
    use solver::strategies::{Channels, Sizes, problems};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=3, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };
    const WITHIN: f64 = 1e-9;

    fn check(relaxations: &[Relaxation], problem: &Problem) -> Result<(), TestCaseError> {
        for &relaxation in relaxations {
            let expected = closed_form(relaxation, problem, 0, problem.channels()[0].ncols());
            let found = solve(relaxation, problem)?.certificate;
            let shown = format!("{relaxation:?}: {found:?}, closed form {expected}");
            prop_assert!(found.lower <= expected * (1.0 + WITHIN), "{shown}");
            prop_assert!(found.upper >= expected * (1.0 - WITHIN), "{shown}");
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(config_of(48))]

        /// The certified interval holds the closed form.
        #[test]
        fn values_are_the_closed_forms(problem in problems(&SIZES, Channels::WellConditioned)) {
            check(&Relaxation::ALL, &alone(&problem, 0))?;
        }

        /// 4, within the limit, and by (7) itself.
        #[test]
        fn the_transceiver_attains_it(problem in problems(&SIZES, Channels::WellConditioned)) {
            let one = alone(&problem, 0);
            let transceiver = baseline::single_device(&one)?;
            let sent = squared_norm(transceiver.precoders()[0].as_ref());
            prop_assert!(sent <= budget(&one, 0) * (1.0 + WITHIN), "‖B‖² = {sent}, q = {}", budget(&one, 0));
            let (received, streams) = (transceiver.aggregator().adjoint() * (&one.channels()[0] * &transceiver.precoders()[0]), one.streams());
            let error = one.signal_variance()[0] * squared_norm((received - identity(streams)).as_ref())
                + one.noise_power() * squared_norm(transceiver.aggregator());
            let expected = closed_form(Relaxation::Mmse, &one, 0, streams);
            prop_assert!((error - expected).abs() <= WITHIN * expected, "{error}, closed form {expected}");
        }

        /// 4: the bound of several devices is the largest closed form.
        #[test]
        fn the_bound_is_the_largest(problem in problems(&SIZES, Channels::WellConditioned)) {
            let each = (0..problem.devices()).map(|n| closed_form(Relaxation::Mmse, &problem, n, problem.streams()));
            let (largest, bound) = (each.fold(0.0, f64::max), baseline::single_device_bound(&problem)?);
            prop_assert!((bound - largest).abs() <= WITHIN * largest, "{bound}, closed forms up to {largest}");
        }

        /// Under a line of sight of up to 60 dB, for those that the native methods reach there.
        #[test]
        fn values_with_a_line_of_sight(problem in problems(&SIZES, Channels::LineOfSight)) {
            check(&[Relaxation::LambdaMin, Relaxation::Mmse], &alone(&problem, 0))?;
        }

        /// More devices: between the largest and the sum.
        #[test]
        fn more_devices_lie_between(problem in problems(&SIZES, Channels::WellConditioned)) {
            for relaxation in Relaxation::ALL {
                let each: Vec<f64> = (0..problem.devices())
                    .map(|n| closed_form(relaxation, &problem, n, problem.channels()[n].ncols())).collect();
                let found = solve(relaxation, &problem)?.certificate;
                let largest = each.iter().copied().fold(0.0, f64::max);
                prop_assert!(found.upper >= largest * (1.0 - WITHIN), "{relaxation:?}: {found:?}, one alone {largest}");
                let sum: f64 = each.iter().sum();
                prop_assert!(found.lower <= sum * (1.0 + WITHIN), "{relaxation:?}: {found:?}, sum {sum}");
            }
        }
    }

    /// Without **one device**: two of one antenna each, at 45°. Each alone has values 1, 1 and 1/2; together they lie
    /// strictly between the largest and the sum.
    #[test]
    fn two_devices() {
        let column = |angle: f64| Mat::from_fn(2, 1, |i, _| c64::new([angle.cos(), angle.sin()][i], 0.0));
        let channels = vec![column(0.0), column(std::f64::consts::FRAC_PI_4)];
        let problem = Problem::new(channels, vec![1.0; 2], 1.0).unwrap();
        for (relaxation, alone) in Relaxation::ALL.into_iter().zip([1.0, 1.0, 0.5]) {
            assert!((closed_form(relaxation, &problem, 0, 1) - alone).abs() < 1e-12);
            let found = solve(relaxation, &problem).unwrap().certificate;
            assert!(found.lower > 1.1 * alone && found.upper < 1.9 * alone, "{relaxation:?}: {found:?}");
        }
    }
}
