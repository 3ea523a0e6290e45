//! The value of each relaxation as a function of powers and shares: *theory*, section 5.
//!
//! # Statement
//!
//! 1. The value `v(p)` of each relaxation is convex and non-increasing in the powers `p`: with `X_1` feasible at `p` and `X_2` at
//!    `p'`, any mixture of the two is feasible at the same mixture of powers, at no more than the mixture of values.
//! 2. With `p_n(m_n)` affine ([`transmit_power`](crate::transmit_power)), `f_0(m) = E_H[v(p(m); H)]` is convex in the shares: the
//!    relaxed long-term problem is a convex one.
//! 3. A power `t p_n` is worth as much as a channel `√t H_n`. Convex functions have a derivative almost everywhere; so where channels have a
//!    density, `v` has one at any given powers with probability 1, and a finite `E_H[v]` has one everywhere.
//!
//! # Hypotheses
//!
//! - **affine** (for 2), or at least concave. With a convex `p(m)` it fails;
//! - **relaxation** (for 1): `X` of any rank. Mixtures of `A A^H` are not of rank `L`;
//! - **density** (for the derivative in 3). The same two devices in every block have [a kink](crate::envelope), and so has their mean.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{eigenvalues, scaled};
    use crate::programs::{load, primal_value, solve, with_channels, with_power};
    use crate::{config, config_of};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::Problem;
    use solver::channel::{BlockFading, Fading};
    use solver::power::{Accounting, EnergyModel};
    use solver::relaxation::Relaxation;
    use solver::strategies::{Channels, Sizes, power_of_two, primals, problems};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };
    const WITHIN: f64 = 1e-10;

    /// A problem, other powers for it, and how much of the second a mixture takes.
    fn powers() -> impl Strategy<Value = (Problem, Problem, f64)> {
        let factors = prop::collection::vec(power_of_two(4), SIZES.most_devices());
        (problems(&SIZES, Channels::WellConditioned), factors, 1..16_u8).prop_map(
            |(problem, factors, sixteenths)| {
                let power =
                    problem.transmit_power().iter().zip(factors).map(|(p, factor)| p * factor).collect();
                let other = with_power(&problem, power);
                (problem, other, f64::from(sixteenths) / 16.0)
            },
        )
    }

    /// The problem at `(1 − t) p + t p'`.
    fn between(first: &Problem, second: &Problem, t: f64) -> Problem {
        let powers = first.transmit_power().iter().zip(second.transmit_power());
        with_power(first, powers.map(|(p, q)| (1.0 - t) * p + t * q).collect())
    }

    proptest! {
        #![proptest_config(config())]

        /// 1, point by point.
        #[test]
        fn mixtures_of_points_are_points(
            (first, second, t) in powers(), left in primals(&SIZES), right in primals(&SIZES),
        ) {
            let middle = between(&first, &second, t);
            for relaxation in Relaxation::ALL {
                // Points on the boundary, where there is one.
                let point = |problem: &Problem, x: Mat<c64>| {
                    let needed = (0..problem.devices()).map(|n| load(relaxation, problem, n, &x)).fold(0.0, f64::max);
                    scaled(x.as_ref(), if needed > 0.0 { needed } else { 1.0 })
                };
                let (left, right) = (point(&first, left.of(&first)), point(&second, right.of(&second)));
                let mixture = scaled(left.as_ref(), 1.0 - t) + scaled(right.as_ref(), t);
                for n in 0..middle.devices() {
                    let taken = load(relaxation, &middle, n, &mixture);
                    prop_assert!(taken <= 1.0 + WITHIN, "{relaxation:?}: device {n} takes {taken} of its limit");
                }
                let chord = (1.0 - t) * primal_value(relaxation, &first, &left) + t * primal_value(relaxation, &second, &right);
                let value = primal_value(relaxation, &middle, &mixture);
                prop_assert!(value <= chord * (1.0 + WITHIN), "{relaxation:?}: {value} above the chord {chord}");
            }
        }
    }

    proptest! {
        #![proptest_config(config_of(32))]

        /// 1, of the certified values.
        #[test]
        fn values_are_convex_and_non_increasing((first, second, t) in powers()) {
            let middle = between(&first, &second, t);
            let most = first.transmit_power().iter().zip(second.transmit_power()).map(|(p, q)| p.max(*q)).collect();
            let strongest = with_power(&first, most);
            for relaxation in Relaxation::ALL {
                let (left, right) = (solve(relaxation, &first)?.certificate, solve(relaxation, &second)?.certificate);
                let chord = (1.0 - t) * left.upper + t * right.upper;
                let value = solve(relaxation, &middle)?.certificate;
                prop_assert!(value.lower <= chord, "{relaxation:?}: {value:?} above the chord {chord}");
                let least = solve(relaxation, &strongest)?.certificate;
                prop_assert!(least.lower <= left.upper.min(right.upper), "{relaxation:?}: {least:?}, {left:?}, {right:?}");
            }
        }

        /// 3: each value of the one problem is within what the other's certificate leaves of its own.
        #[test]
        fn powers_scale_channels((first, second, _) in powers()) {
            let factors = first.transmit_power().iter().zip(second.transmit_power()).map(|(p, q)| (q / p).sqrt());
            let channels = first.channels().iter().zip(factors).map(|(channel, factor)| scaled(channel.as_ref(), factor)).collect();
            let louder = with_channels(&first, channels);
            for relaxation in Relaxation::ALL {
                let (power, channel) = (solve(relaxation, &second)?.certificate, solve(relaxation, &louder)?.certificate);
                prop_assert!(power.lower <= channel.upper * (1.0 + WITHIN), "{relaxation:?}: {power:?}, {channel:?}");
                prop_assert!(channel.lower <= power.upper * (1.0 + WITHIN), "{relaxation:?}: {power:?}, {channel:?}");
            }
        }

        /// 2: a mean over the same blocks at shares, and half way between them.
        #[test]
        fn the_long_term_objective_is_convex(first in 0..=16_u8, second in 0..=16_u8, seed in 0..1000_u64) {
            let energy = [1.0, 0.75].map(|coefficient| EnergyModel::new(1.0, coefficient, 1.0, Accounting::PerChannelUse).unwrap());
            let blocks = BlockFading::new(Fading::PAPER, 4, &[2, 2], seed).unwrap();
            let bounds = |relaxation: Relaxation, share: f64| {
                let power = vec![
                    energy[0].transmit_power(0, share).unwrap(), energy[1].transmit_power(1, 1.0 - share).unwrap(),
                ];
                let mut sum = (0.0, 0.0);
                for block in 0..2 {
                    let problem = Problem::new(blocks.block(block), power.clone(), 1.0)?;
                    let found = solve(relaxation, &problem)?.certificate;
                    sum = (sum.0 + found.lower, sum.1 + found.upper);
                }
                Ok::<_, solver::Error>(sum)
            };
            // From 1/32 to 31/32: at 1 the first device would have no power left.
            let share = |step: u8| 0.5 + (f64::from(step) - 8.0) * 15.0 / 256.0;
            let (first, second) = (share(first), share(second));
            for relaxation in Relaxation::ALL {
                let chord = 0.5 * (bounds(relaxation, first)?.1 + bounds(relaxation, second)?.1);
                let value = bounds(relaxation, 0.5 * (first + second))?.0;
                prop_assert!(value <= chord, "{relaxation:?}: {value} above the chord {chord}");
            }
        }
    }

    /// Without **affine**: `p(m) = m^{-1/2}`, decreasing but convex, makes of the value `1/p` of one device `√m`.
    #[test]
    fn convex_powers() {
        let value = |share: f64| {
            let problem = Problem::new(vec![Mat::identity(1, 1)], vec![share.powf(-0.5)], 1.0).unwrap();
            solve(Relaxation::LambdaMin, &problem).unwrap().certificate
        };
        let chord = 0.5 * (value(0.04).upper + value(1.0).upper);
        assert!((chord - 0.6).abs() < 1e-6 && value(0.52).lower > 0.72, "{chord} {:?}", value(0.52));
    }

    /// Without **relaxation**: half of `A A^H` and half of another has rank two, and no aggregator of one stream gives it.
    #[test]
    fn mixtures_lose_their_rank() {
        let unit =
            |k: usize| Mat::from_fn(2, 2, |i, j| c64::new(if i == k && j == k { 1.0 } else { 0.0 }, 0.0));
        let mixture = scaled((unit(0) + unit(1)).as_ref(), 0.5);
        assert_eq!(eigenvalues(unit(0).as_ref())[0], 0.0);
        assert_eq!(eigenvalues(mixture.as_ref()), [0.5, 0.5]);
    }
}
