//! Envelope gradients: *theory*, section 5.
//!
//! # Statement
//!
//! With optimal `X` and `U_n` of each relaxation, the derivative of its value by `p_n` is
//!
//! | `lambda_min` | `trace_inverse` | `mmse` |
//! |---|---|---|
//! | `−(c_n/p_n) tr U_n` | `−v_n (tr U_n^{1/2})²/p_n²` | `−μ_n` |
//!
//! and `∂α/∂c_n = tr U_n` for `lambda_min`; by a share, `∂v/∂m_n = (∂v/∂p_n) p_n'(m_n)`. For `lambda_min` and `trace_inverse` the
//! `U_n` of one problem are a point of `𝒰` at all powers, so that a linear bound holds everywhere, for any point of `𝒰` with
//! dual value `d`: `v(p') ≥ d + Σ s_n (p'_n − p_n)`, exactly.
//!
//! For `mmse` the same holds of the derivative of the dual objective `D(p'; U)` itself, `−σ² v_n (tr U_n^{1/2})²/(p_n + σ² tr U_n)²`:
//! `D` is convex in `p'`, so its tangent at `p` bounds `D`, and that `v`, at every power, for any point of `𝒰`. These tangents are what
//! [`RelaxedMse`](solver::assignment::RelaxedMse) gives, however loosely a relaxation is solved.
//!
//! # Hypotheses
//!
//! - **optimal**: `U_n` (for `mmse`, `X`) are optimal. Feasible ones give some other number;
//! - **tangent of `D`** (for the bound of `mmse`). The slope `−μ_n` of an `X` that is not optimal bounds nothing.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{scaled, trace};
    use crate::config_of;
    use crate::programs::{budget, dual_value, options, solve, with_power};
    use crate::weak_duality::Points;
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::Problem;
    use solver::assignment::{RelaxedMse, ShortTermValue};
    use solver::channel::{BlockFading, Fading};
    use solver::power::{Accounting, EnergyModel};
    use solver::relaxation::{Certificate, Options, Relaxation, Solution, lambda_min, mmse};
    use solver::strategies::{Channels, Sizes, power_of_two, problems};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };
    /// Relative step of the differences.
    const STEP: f64 = 0.05;
    const WITHIN: f64 = 1e-9;

    /// The value with device `n` at `factor` times its power.
    fn at(
        relaxation: Relaxation,
        problem: &Problem,
        device: usize,
        factor: f64,
    ) -> Result<Certificate, solver::Error> {
        let mut power = problem.transmit_power().to_vec();
        power[device] *= factor;
        solve(relaxation, &with_power(problem, power)).map(|solution| solution.certificate)
    }

    /// Backward and forward difference of the value by the power of one device, as far as the certificates know them: the
    /// derivative of a convex function is between them.
    fn bracket(
        relaxation: Relaxation,
        problem: &Problem,
        device: usize,
        here: Certificate,
    ) -> Result<(f64, f64), solver::Error> {
        let step = STEP * problem.transmit_power()[device];
        let (less, more) =
            (at(relaxation, problem, device, 1.0 - STEP)?, at(relaxation, problem, device, 1.0 + STEP)?);
        Ok(((here.lower - less.upper) / step, (more.upper - here.lower) / step))
    }

    proptest! {
        #![proptest_config(config_of(32))]

        /// Of each relaxation, between the differences, which are close to each other.
        #[test]
        fn lies_between_the_differences(problem in problems(&SIZES, Channels::WellConditioned)) {
            for relaxation in Relaxation::ALL {
                let solution = solve(relaxation, &problem)?;
                let here = solution.certificate;
                let gradient = relaxation.power_sensitivity(&problem, &solution)?;
                for (n, slope) in gradient.into_iter().enumerate() {
                    let (backward, forward) = bracket(relaxation, &problem, n, here)?;
                    // −μ_n is read off X, whose distance from the optimum is of the order of the root of the gap.
                    let within = match relaxation {
                        Relaxation::Mmse => 0.02 * here.upper / problem.transmit_power()[n],
                        _ => WITHIN * here.upper / problem.transmit_power()[n],
                    };
                    prop_assert!(
                        backward - within <= slope && slope <= forward + within,
                        "{relaxation:?}, device {n}: {slope} not in {backward}..{forward}"
                    );
                    // The values are at most as curved as 1/p: their differences are that close.
                    let gap = 4.0 * options(relaxation).relative_gap * here.upper / (STEP * problem.transmit_power()[n]);
                    let curvature = 4.0 * STEP * here.upper / problem.transmit_power()[n];
                    prop_assert!(forward - backward <= gap + curvature, "{backward}..{forward}");
                }
            }
        }

        /// The linear bound, at powers near and far; it is the dual objective's own, so the dual point need not be optimal.
        #[test]
        fn bounds_the_value_at_other_powers(
            problem in problems(&SIZES, Channels::WellConditioned),
            factors in prop::collection::vec(power_of_two(4), 3), share in 1..=16_u8,
        ) {
            let power: Vec<f64> = problem.transmit_power().iter().zip(&factors).map(|(p, factor)| p * factor).collect();
            let other = with_power(&problem, power);
            for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
                let mut solution = solve(relaxation, &problem)?;
                for multiplier in &mut solution.dual {
                    *multiplier = scaled(multiplier.as_ref(), f64::from(share) / 16.0);
                }
                let slopes = relaxation.power_sensitivity(&problem, &solution)?;
                let mut bound = dual_value(relaxation, &problem, &solution.dual);
                for (n, slope) in slopes.into_iter().enumerate() {
                    bound += slope * (other.transmit_power()[n] - problem.transmit_power()[n]);
                }
                let value = solve(relaxation, &other)?.certificate;
                prop_assert!(bound <= value.upper * (1.0 + WITHIN), "{relaxation:?}: {bound} > {value:?}");
            }
        }

        /// `∂α/∂c_n = tr U_n`: `α` is of degree 1 in the `c_n`, so `α = Σ c_n tr U_n` (Euler), and the bound above is linear in them.
        #[test]
        fn by_the_demands_it_is_the_trace(problem in problems(&SIZES, Channels::WellConditioned), factor in power_of_two(4)) {
            let solution = solve(Relaxation::LambdaMin, &problem)?;
            let demand = |problem: &Problem, n| Points::demand(problem, n);
            let of = |problem: &Problem| -> f64 {
                solution.dual.iter().enumerate().map(|(n, u)| demand(problem, n) * trace(u.as_ref())).sum()
            };
            let found = solution.certificate;
            prop_assert!((of(&problem) - found.upper).abs() <= 2e-7 * found.upper, "{} {found:?}", of(&problem));
            let mut power = problem.transmit_power().to_vec();
            power[0] /= factor;
            let other = with_power(&problem, power);
            prop_assert!((demand(&other, 0) - factor * demand(&problem, 0)).abs() <= 1e-12 * demand(&other, 0));
            let value = solve(Relaxation::LambdaMin, &other)?.certificate;
            prop_assert!(of(&other) <= value.upper * (1.0 + WITHIN), "{} {value:?}", of(&other));
        }
    }

    proptest! {
        #![proptest_config(config_of(32))]

        /// The gradient that the long-term problem sees is that of `D` at the solution's `U`, by central differences, and the tangent is
        /// below `D`, which is below the value, at powers near and far; at gaps from a third to a millionth.
        #[test]
        fn inexact_solutions_give_tangents(
            problem in problems(&SIZES, Channels::WellConditioned), factors in prop::collection::vec(power_of_two(4), 3),
            relative_gap in prop_oneof![Just(0.3), Just(1e-2), Just(1e-6)],
        ) {
            let ones = vec![1.0; problem.devices()];
            let problem = problem.with_signal_variance(ones)?;
            let power = problem.transmit_power();
            let far: Vec<f64> = power.iter().zip(&factors).map(|(p, factor)| p * factor).collect();
            let options = Options { relative_gap, ..Options::default() };
            for relaxation in Relaxation::ALL {
                let value = RelaxedMse::new(relaxation, problem.noise_power())?.with_options(options).with_streams(problem.streams());
                let found = value.value_and_gradient(problem.channels(), power)?;
                let dual = relaxation.solve(&problem, &options)?.dual;
                let unit = if relaxation == Relaxation::Mmse { 1.0 } else { problem.noise_power() };
                let objective = |power: Vec<f64>| unit * dual_value(relaxation, &with_power(&problem, power), &dual);
                prop_assert!((found.lower - objective(power.to_vec())).abs() <= WITHIN * found.lower, "{relaxation:?}: {found:?}");
                for (n, slope) in found.gradient.iter().enumerate() {
                    let moved = |factor: f64| {
                        let mut moved = power.to_vec();
                        moved[n] *= factor;
                        objective(moved)
                    };
                    let step = 1e-5;
                    let difference = (moved(1.0 + step) - moved(1.0 - step)) / (2.0 * step * power[n]);
                    prop_assert!((difference - slope).abs() <= 1e-7 * found.lower / power[n], "{relaxation:?}, device {n}: {difference}, {slope}");
                }
                let other = with_power(&problem, far.clone());
                let change = other.transmit_power().iter().zip(power).map(|(new, old)| new - old);
                let tangent = found.lower + found.gradient.iter().zip(change).map(|(g, d)| g * d).sum::<f64>();
                let there = objective(far.clone());
                prop_assert!(tangent <= there + WITHIN * (found.lower + there), "{relaxation:?}: {tangent} > D = {there}");
                let value = unit * solve(relaxation, &other)?.certificate.upper;
                prop_assert!(there <= value * (1.0 + WITHIN), "{relaxation:?}: D = {there} > {value}");
            }
        }
    }

    /// By shares: the chain rule through `p_n(m_n)`, against differences in the share itself.
    #[test]
    fn by_the_shares() {
        let energy =
            EnergyModel::new(1.0, 0.8, 1.0, Accounting::PerAllReduce { symbols: 8, streams: 2 }).unwrap();
        let channels = BlockFading::new(Fading::PAPER, 6, &[2, 2], 3).unwrap().block(0);
        let fine = Options { relative_gap: 1e-9, ..Options::default() };
        let solved = |share: f64| -> (Problem, Solution) {
            let power = [share, 1.0 - share].map(|share| energy.transmit_power(0, share).unwrap());
            let problem = Problem::new(channels.clone(), power.to_vec(), 1.0).unwrap();
            let solution = lambda_min::solve(&problem, &fine).unwrap();
            (problem, solution)
        };
        let (share, step) = (0.4, 1e-3);
        let (problem, solution) = solved(share);
        let by_power = lambda_min::power_sensitivity(&problem, &solution).unwrap();
        let slope = (by_power[0] - by_power[1]) * energy.slope();
        let difference = (solved(share + step).1.certificate.upper
            - solved(share - step).1.certificate.upper)
            / (2.0 * step);
        assert!((slope - difference).abs() < 1e-4 * difference.abs(), "{slope}, difference {difference}");
    }

    /// Without **optimal**: half of the optimal `U` gives half of the derivative, −1/2 where the value is `1/p`.
    #[test]
    fn feasible_multipliers_are_not_enough() {
        let problem = Problem::new(vec![Mat::identity(1, 1)], vec![1.0], 1.0).unwrap();
        let mut solution = solve(Relaxation::LambdaMin, &problem).unwrap();
        assert_eq!(budget(&problem, 0), 1.0);
        let slope = |solution: &Solution| lambda_min::power_sensitivity(&problem, solution).unwrap()[0];
        let (backward, forward) = bracket(Relaxation::LambdaMin, &problem, 0, solution.certificate).unwrap();
        assert!(backward < -1.0 && forward > -1.0 && (slope(&solution) + 1.0).abs() < 1e-6);
        let half: Mat<c64> = scaled(solution.dual[0].as_ref(), 0.5);
        solution.dual = vec![half];
        assert!(slope(&solution) > forward + 0.4, "{}", slope(&solution));
    }

    /// Without **tangent of `D`**: where the value is `1/(1 + p)`, a silent `X` has `μ = 0.09` in place of 1/4 at `p = 1`, and with the exact
    /// `U = 1` its line is above the value at `p = 2`. The derivative of `D` is −1/4.
    #[test]
    fn a_slope_from_a_bad_primal_point_bounds_nothing() {
        let problem = Problem::new(vec![Mat::identity(1, 1)], vec![1.0], 1.0).unwrap();
        let mut solution = solve(Relaxation::Mmse, &problem).unwrap();
        let line = |slope: f64| 0.5 + slope * (2.0 - 1.0);
        let exact = mmse::power_sensitivity(&problem, &solution).unwrap()[0];
        assert!((exact + 0.25).abs() < 1e-3 && line(exact) < 1.0 / 3.0, "{exact}");
        solution.primal = scaled(Mat::<c64>::identity(1, 1).as_ref(), 0.01);
        let slope = mmse::power_sensitivity(&problem, &solution).unwrap()[0];
        assert!((slope + 0.09).abs() < 1e-9 && line(slope) > 0.4, "{slope}");
    }
}
