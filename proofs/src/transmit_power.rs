//! The power that a share of the model leaves: \[A\], eq. (8); *theory*, section 1.
//!
//! # Statement
//!
//! A device with budget `P`, energy `e` per parameter and `s` parameters computes a share `m` and transmits `‖B‖_F² = p`
//! in each of `u` channel uses. (8), `e m s + u p ≤ P`, holds with equality at
//!
//! `p(m) = (P − e m s)/u`,
//!
//! affine and decreasing in `m`, with slope `−e s/u`; `u = L_0/L` where `P` is an energy per all-reduce, 1 where it is a
//! power per channel use. The largest share that leaves a power `f` is `m = (P − u f)/(e s)`, or 1 if that is more.
//!
//! # Hypotheses
//!
//! - **power left**: `e m s < P`. Without it there is no power to transmit ([`EnergyModel::transmit_power`] says so);
//! - **cost** (for decreasing): `e s > 0`. Without it `p` is constant;
//! - **accounting**: the two readings of `P` differ by a factor of `L_0/L`, so neither can be implied.
//!
//! [`EnergyModel::transmit_power`]: solver::power::EnergyModel::transmit_power

#[cfg(test)]
mod tests {
    use crate::config;
    use proptest::prelude::*;
    use solver::Error;
    use solver::power::{Accounting, EnergyModel};
    use solver::strategies::power_of_two;

    #[derive(Debug, Clone, Copy)]
    struct Case {
        budget: f64,
        coefficient: f64,
        parameters: f64,
        accounting: Accounting,
    }

    impl Case {
        fn model(&self) -> EnergyModel {
            EnergyModel::new(self.budget, self.coefficient, self.parameters, self.accounting).unwrap()
        }

        fn channel_uses(&self) -> f64 {
            match self.accounting {
                Accounting::PerAllReduce { symbols, streams } => symbols as f64 / streams as f64,
                Accounting::PerChannelUse => 1.0,
            }
        }

        /// `e s`.
        fn whole(&self) -> f64 {
            self.coefficient * self.parameters
        }
    }

    fn case() -> impl Strategy<Value = Case> {
        let accounting = prop_oneof![
            Just(Accounting::PerChannelUse),
            (1..=8192_usize, 1..=8_usize)
                .prop_map(|(symbols, streams)| Accounting::PerAllReduce { symbols, streams }),
        ];
        (power_of_two(6), power_of_two(3), power_of_two(3), accounting).prop_map(
            |(budget, coefficient, parameters, accounting)| Case {
                budget,
                coefficient,
                parameters,
                accounting,
            },
        )
    }

    /// A share in steps of 1/64.
    fn share() -> impl Strategy<Value = f64> {
        (0..=64_u8).prop_map(|step| f64::from(step) / 64.0)
    }

    proptest! {
        #![proptest_config(config())]

        /// Energy is spent to the last joule, or the device says that there is none left.
        #[test]
        fn spends_the_budget(case in case(), share in share()) {
            let computing = case.whole() * share;
            match case.model().transmit_power(3, share) {
                Ok(power) => {
                    let spent = computing + case.channel_uses() * power;
                    prop_assert!(power > 0.0 && (spent - case.budget).abs() <= 1e-14 * case.budget, "{spent}");
                }
                Err(Error::NoPowerLeft { device: 3, computing: found, .. }) => {
                    prop_assert!(computing >= case.budget && found == computing, "{computing} of {}", case.budget);
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }

        /// Affine: every chord has the one slope, which is negative.
        #[test]
        fn is_affine_and_decreasing(case in case(), first in share(), second in share()) {
            prop_assume!(first < second && case.whole() * second < case.budget);
            let model = case.model();
            let (p, q) = (model.transmit_power(0, first).unwrap(), model.transmit_power(0, second).unwrap());
            prop_assert!(q < p, "p({first}) = {p}, p({second}) = {q}");
            let slope = -case.whole() / case.channel_uses();
            prop_assert!((model.slope() - slope).abs() <= 1e-14 * slope.abs());
            let within = 1e-14 * case.budget / case.channel_uses();
            prop_assert!((q - p - slope * (second - first)).abs() <= within, "{p} to {q}, slope {slope}");
        }

        /// The largest share leaves the floor, and hardly more leaves less.
        #[test]
        fn the_largest_share_leaves_the_floor(case in case(), sixteenths in 1..=16_u8) {
            let model = case.model();
            let idle = model.transmit_power(0, 0.0).unwrap();
            let floor = idle * f64::from(sixteenths) / 17.0;
            let largest = model.largest_share(floor);
            let left = model.transmit_power(0, largest).unwrap();
            if largest < 1.0 {
                prop_assert!((left - floor).abs() <= 1e-13 * idle, "{left}, not {floor}");
            } else {
                prop_assert!(left >= floor * (1.0 - 1e-13), "{left} < {floor}");
            }
        }
    }

    /// Without **cost**: computing for free, every share leaves the same.
    #[test]
    fn computing_for_free() {
        let model = EnergyModel::new(1.0, 0.0, 1e6, Accounting::PerChannelUse).unwrap();
        let power = |share| model.transmit_power(0, share).unwrap();
        assert_eq!((power(0.0), power(1.0), model.slope(), model.largest_share(0.5)), (1.0, 1.0, 0.0, 1.0));
    }

    /// Without **power left**: at `e m s = P` nothing is left, and the formula would say 0 or less.
    #[test]
    fn computing_with_the_whole_budget() {
        let model = EnergyModel::new(1.0, 2.0, 1.0, Accounting::PerChannelUse).unwrap();
        for share in [0.5, 1.0] {
            let found = model.transmit_power(0, share);
            assert!(matches!(found, Err(Error::NoPowerLeft { largest_share: 0.5, .. })), "{found:?}");
        }
    }

    /// Without a named **accounting**: the same numbers with `L_0 = 4096` and `L = 4`, and a thousandth of the power.
    #[test]
    fn the_two_readings_of_a_budget() {
        let all_reduce = Accounting::PerAllReduce { symbols: 4096, streams: 4 };
        let power = |accounting| {
            EnergyModel::new(1.0, 0.0, 1.0, accounting)
                .and_then(|model| model.transmit_power(0, 0.0))
                .unwrap()
        };
        assert_eq!(power(Accounting::PerChannelUse), 1024.0 * power(all_reduce));
    }
}
