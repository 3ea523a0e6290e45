//! Sensitivities to powers: subgradients by the envelope theorem, *theory*, sections 3 and 5.
//!
//! # Statement
//!
//! The value `v` of each relaxation is convex in the powers ([`value_in_power`](crate::value_in_power)). `𝒰` depends on the channels alone, so the
//! dual objective `D(p'; U)` of a point `U` of `𝒰` bounds the value at every power. Let `s_n = ∂D/∂p_n` at `p`:
//!
//! | | `lambda_min` | `trace_inverse` | `mmse` |
//! |---|---|---|---|
//! | `s_n` | `−(c_n/p_n) tr U_n` | `−v_n (tr U_n^{1/2})²/p_n²` | `−σ² v_n (tr U_n^{1/2})²/(p_n + σ² tr U_n)²` |
//!
//! 1. `D` is convex in `p'`, so its tangent bounds it, and with it `v`: `v(p') ≥ D(p'; U) ≥ D(p; U) + Σ s_n (p'_n − p_n)`, for any point of `𝒰`. At an
//!    optimal one `D(p; U) = v(p)`, and `s` is a subgradient of `v`: between its left and its right derivative by each power. These tangents are
//!    what `power_sensitivity` and [`RelaxedMse`](solver::assignment::RelaxedMse) give, however loosely a relaxation is solved.
//! 2. Where the dual optimum is unique, `s` is the derivative (Danskin 1967).
//! 3. For `mmse` it always is, and `s_n = −μ_n` of an optimal `X`: that is feasible at all powers, so its objective, in which `∂²φ/∂q² ≤ T/(2q²)`,
//!    bounds `v` from above, `v(p') ≤ v(p) − Σ μ_n (p'_n − p_n) + Σ v_n T_n (p'_n − p_n)²/(4 min(p_n, p'_n)²)`. So the `s_n` of a `U` with a gap
//!    `g ≤ v_n T_n/16`, and the `−μ_n` of such an `X`, are within `(5/2) √(g v_n T_n)/p_n` of the derivative.
//! 4. For `lambda_min` `D` is linear in the `c_n` as well, and `∂α/∂c_n = tr U_n` in the sense of 1 and 2.
//! 5. By a share, `∂v/∂m_n = (∂v/∂p_n) p_n'(m_n)`.
//!
//! *Proof of 3.* `Σ λ_i/(λ_i + μ)² = q` gives `−dμ/dq = 1/(2 Σ λ_i/(λ_i + μ)³)`, and by Cauchy and Schwarz
//! `q² ≤ Σ λ_i/(λ_i + μ)³ · Σ λ_i/(λ_i + μ)`, of which the last is at most `T`. So at `p_n (1 ± r)` the two bounds are apart by at most
//! `g + v_n T_n r²/(4 (1 − r)²)` more than their slopes make it; `v` is between them, and `r = √(4g/(v_n T_n)) ≤ 1/2` leaves the slopes that much. ∎
//!
//! # Hypotheses
//!
//! - **optimal** (for a subgradient): `U` is optimal. Feasible ones give some other number;
//! - **unique** (for 2): two devices that need the same of one antenna share a multiplier in any proportion, and the value has a kink;
//! - **tangent of `D`** (for the bound in 1). The slope `−μ_n` of an `X` that is not optimal bounds nothing.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{scaled, trace};
    use crate::config_of;
    use crate::programs::{Penalty, budget, dual_value, options, seen, solve, with_channels, with_power};
    use crate::single_device::closed_form;
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

    /// The problem, its value and its slope with device `n` at `factor` times its power.
    struct There {
        problem: Problem,
        value: Certificate,
        slope: f64,
    }

    impl There {
        fn new(
            relaxation: Relaxation,
            problem: &Problem,
            device: usize,
            factor: f64,
        ) -> Result<Self, solver::Error> {
            let mut power = problem.transmit_power().to_vec();
            power[device] *= factor;
            let problem = with_power(problem, power);
            let solution = solve(relaxation, &problem)?;
            let slope = relaxation.power_sensitivity(&problem, &solution)?[device];
            Ok(Self { problem, value: solution.certificate, slope })
        }
    }

    proptest! {
        #![proptest_config(config_of(32))]

        /// 1, of each relaxation: a slope is between the differences, a difference between the slopes at its ends.
        #[test]
        fn slopes_and_differences_alternate(problem in problems(&SIZES, Channels::WellConditioned), device in 0..3_usize) {
            let device = device % problem.devices();
            for relaxation in Relaxation::ALL {
                let factors = [1.0 - STEP, 1.0, 1.0 + STEP];
                let there: Result<Vec<There>, _> = factors.iter().map(|&factor| There::new(relaxation, &problem, device, factor)).collect();
                for pair in there?.windows(2) {
                    let [left, right] = pair else { unreachable!() };
                    let step = right.problem.transmit_power()[device] - left.problem.transmit_power()[device];
                    let least = (right.value.lower - left.value.upper) / step;
                    let most = (right.value.upper - left.value.lower) / step;
                    let [before, after] = [left, right].map(|there| WITHIN * there.value.upper / there.problem.transmit_power()[device]);
                    prop_assert!(left.slope - before <= most, "{relaxation:?}: {}, then {most}", left.slope);
                    prop_assert!(least <= right.slope + after, "{relaxation:?}: {least}, then {}", right.slope);
                }
            }
        }

        /// 2, where channels do not see each other: the values are sums over the devices, and each dual optimum is unique.
        #[test]
        fn is_the_derivative_where_the_dual_optimum_is_unique(problem in problems(&SIZES, Channels::WellConditioned)) {
            let rows = problem.receive_antennas();
            let apart = |(n, channel): (usize, &Mat<c64>)| {
                Mat::from_fn(rows * problem.devices(), channel.ncols(), |i, j| {
                    if i / rows == n { channel[(i % rows, j)] } else { c64::new(0.0, 0.0) }
                })
            };
            let problem = with_channels(&problem, problem.channels().iter().enumerate().map(apart).collect());
            for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
                let solution = solve(relaxation, &problem)?;
                let within = 2.0 * options(relaxation).relative_gap * solution.certificate.upper;
                for (n, slope) in relaxation.power_sensitivity(&problem, &solution)?.into_iter().enumerate() {
                    // The value is `κ/p_n` of this device, and no device's part is further from it than all together.
                    let (power, part) = (problem.transmit_power()[n], closed_form(relaxation, &problem, n, problem.channels()[n].ncols()));
                    prop_assert!((slope + part / power).abs() <= within / power, "{relaxation:?}, device {n}: {slope}, −{part}/{power}");
                }
            }
        }

        /// 3, near and far.
        #[test]
        fn mmse_is_no_more_curved_than_its_powers(
            problem in problems(&SIZES, Channels::WellConditioned), factors in prop::collection::vec(-8..=8_i32, 3),
        ) {
            let solution = solve(Relaxation::Mmse, &problem)?;
            let Certificate { lower, upper, .. } = solution.certificate;
            let slopes = mmse::power_sensitivity(&problem, &solution)?;
            let factors = factors.into_iter().map(|eighths| (f64::from(eighths) / 8.0).exp2());
            let power: Vec<f64> = problem.transmit_power().iter().zip(factors).map(|(p, factor)| p * factor).collect();
            let other = with_power(&problem, power);
            let mut bound = upper;
            for (n, slope) in slopes.iter().enumerate() {
                let (here, there) = (problem.transmit_power()[n], other.transmit_power()[n]);
                let multiplier = Penalty::of(seen(&problem, n, &solution.primal).as_ref(), budget(&problem, n)).multiplier;
                let most = problem.signal_variance()[n] * problem.channels()[n].ncols() as f64;
                bound += -multiplier * (there - here) + most / 4.0 * ((there - here) / here.min(there)).powi(2);
                // Each is so far from the derivative.
                let within = 2.0 * 2.5 * ((upper - lower) * most).sqrt() / here;
                prop_assert!((slope + multiplier).abs() <= within, "device {n}: {slope}, −μ = −{multiplier}, apart up to {within}");
            }
            let value = solve(Relaxation::Mmse, &other)?.certificate;
            prop_assert!(value.lower <= bound * (1.0 + WITHIN), "{value:?}, bound {bound}");
        }

        /// 1: the tangent bounds the value at powers near and far, and the dual point need not be optimal.
        #[test]
        fn bounds_the_value_at_other_powers(
            problem in problems(&SIZES, Channels::WellConditioned),
            factors in prop::collection::vec(power_of_two(4), 3), share in 1..=16_u8,
        ) {
            let power: Vec<f64> = problem.transmit_power().iter().zip(&factors).map(|(p, factor)| p * factor).collect();
            let other = with_power(&problem, power);
            for relaxation in Relaxation::ALL {
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

        /// 4: `∂α/∂c_n = tr U_n`: `α` is of degree 1 in the `c_n`, so `α = Σ c_n tr U_n` (Euler), and the bound above is linear in them.
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

        /// 1: the gradient that the long-term problem sees is that of `D` at the solution's `U`, by central differences, and the tangent is
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

    /// 5: the chain rule through `p_n(m_n)`, against differences in the share itself.
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
        assert!((slope(&solution) + 1.0).abs() < 1e-6);
        let half: Mat<c64> = scaled(solution.dual[0].as_ref(), 0.5);
        solution.dual = vec![half];
        assert!((slope(&solution) + 0.5).abs() < 1e-6, "{}", slope(&solution));
    }

    /// Without **unique**: two devices with `H = p = 1` at one antenna. The value of `lambda_min` and `trace_inverse` is `1/min p`: it falls at 1 from
    /// the left only, and the slopes are somewhere between, the same for both. That of `mmse` has no kink.
    #[test]
    fn two_devices_share_a_multiplier() {
        let problem =
            Problem::new(vec![Mat::identity(1, 1), Mat::identity(1, 1)], vec![1.0; 2], 1.0).unwrap();
        let fine = Options { relative_gap: 1e-10, ..Options::default() };
        for relaxation in Relaxation::ALL {
            let value = |power: f64| {
                relaxation.solve(&with_power(&problem, vec![power, 1.0]), &fine).unwrap().certificate.upper
            };
            let step = 1e-3;
            let (backward, forward) =
                ((value(1.0) - value(1.0 - step)) / step, (value(1.0 + step) - value(1.0)) / step);
            let solution = relaxation.solve(&problem, &fine).unwrap();
            let slopes = relaxation.power_sensitivity(&problem, &solution).unwrap();
            if relaxation == Relaxation::Mmse {
                let derivative = -2.0 / 9.0;
                assert!(
                    [backward, forward, slopes[0], slopes[1]].iter().all(|s| (s - derivative).abs() < step),
                    "{slopes:?}"
                );
            } else {
                assert!((backward + 1.0).abs() < 2.0 * step && forward.abs() < 1e-6, "{backward}, {forward}");
                assert!(slopes.iter().all(|s| (s + 0.5).abs() < 0.1), "{relaxation:?}: {slopes:?}");
            }
        }
    }

    /// Without **tangent of `D`**: where the value is `1/(1 + p)`, a silent `X` has `μ = 0.09` in place of 1/4 at `p = 1`, and with the exact
    /// `U = 1` its line is above the value at `p = 2`. The derivative of `D` is −1/4.
    #[test]
    fn a_slope_from_a_bad_primal_point_bounds_nothing() {
        let problem = Problem::new(vec![Mat::identity(1, 1)], vec![1.0], 1.0).unwrap();
        let mut solution = solve(Relaxation::Mmse, &problem).unwrap();
        let line = |slope: f64| 0.5 + slope * (2.0 - 1.0);
        solution.dual = vec![Mat::identity(1, 1)];
        let slope = mmse::power_sensitivity(&problem, &solution).unwrap()[0];
        assert!((slope + 0.25).abs() < 1e-12 && line(slope) < 1.0 / 3.0, "{slope}");
        let silent = Penalty::new(&[0.01], budget(&problem, 0)).multiplier;
        assert!((silent - 0.09).abs() < 1e-9 && line(-silent) > 0.4, "{silent}");
    }
}
