use super::fixtures::*;
use crate::simulation::{is_at_most, is_near};
use crate::{config, config_of};
use faer::{Mat, c64};
use proptest::prelude::*;
use solver::assignment::{AssignmentProblem, ChannelSource, RelaxedMse, optimality_gap};
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::{Options, Relaxation};
use solver::strategies::{Channels, Sizes, power_of_two, problems};

/// The same channels in every block.
struct Constant(Vec<Mat<c64>>);

impl ChannelSource for Constant {
    fn devices(&self) -> usize {
        self.0.len()
    }
    fn block(&self, _: u64) -> Vec<Mat<c64>> {
        self.0.clone()
    }
}

proptest! {
    #![proptest_config(config())]

    /// 1, without noise: curved values against the known optimum, at which the gap is 0, and linear ones with equality.
    #[test]
    fn bounds_the_optimum(
        devices in prop::collection::vec(((16..=32_u8).prop_map(|w| f64::from(w) / 16.0), (1..=16_u8).prop_map(f64::from)), 2..=5),
        below in power_of_two(3), above in power_of_two(3),
    ) {
        let (weights, shares): (Vec<f64>, Vec<f64>) = devices.into_iter().unzip();
        let shares = normalized(&shares);
        let best = best_inverse(&weights);
        prop_assume!(best.iter().chain(&shares).all(|&m| (0.0..=0.98).contains(&m)));
        let curved = Known::new(&weights, inverse, 0.0);
        let (here, optimum) = (curved.mean(&shares), curved.mean(&best));
        let found = curved.gap(&shares, &sampling(0, 2, 1));
        prop_assert!((found.value_upper() - here).abs() <= 1e-12 * here, "{found:?}, value {here}");
        prop_assert!(found.optimum_lower() <= optimum * (1.0 + 1e-12), "{found:?}, optimum {optimum}");
        prop_assert!(found.gap_upper() >= here - optimum - 1e-12 * here, "{found:?}, {here} − {optimum}");
        let at_best = curved.gap(&best, &sampling(0, 2, 1));
        prop_assert!(at_best.gap_upper().abs() <= 1e-9 * optimum && (at_best.optimum_lower() - optimum).abs() <= 1e-9 * optimum, "{at_best:?}");

        // Linear: all of the model but what keeps the floor of 0.01 goes to the device of least weight, and the rest to the next.
        let straight = Known { shape: linear, ..curved };
        let mut weights = straight.weights.clone();
        weights.sort_by(f64::total_cmp);
        let optimum = weights.iter().map(|w| -w).sum::<f64>() + 0.99 * weights[0] + 0.01 * weights[1];
        let found = straight.gap(&shares, &sampling(0, 2, 1));
        let gap = straight.mean(&shares) - optimum;
        prop_assert!((found.optimum_lower() - optimum).abs() <= 1e-9 && (found.gap_upper() - gap).abs() <= 1e-9, "{found:?}, {optimum}, {gap}");

        // Known up to something: each bound is off by its part of that.
        let here = straight.mean(&shares);
        let vague = Known { below, above, ..straight };
        let found = vague.gap(&shares, &sampling(0, 2, 1));
        let expected = [here + above, optimum - below, gap + below + above];
        for (bound, expected) in [found.value_upper(), found.optimum_lower(), found.gap_upper()].iter().zip(expected) {
            prop_assert!((bound - expected).abs() <= 1e-9, "{found:?}, {expected}");
        }
    }
}

proptest! {
    #![proptest_config(config_of(8))]

    /// 1, of the relaxations, however loosely they are solved: against the least certified value on a grid of shares.
    #[test]
    fn bounds_that_of_the_relaxations(
        problem in problems(&PAIRS, Channels::WellConditioned), cost in power_of_two(2), sixteenths in 4..=12_u8,
        relative_gap in prop_oneof![Just(0.3), Just(1e-2), Just(1e-6)],
    ) {
        for relaxation in Relaxation::ALL {
            let energy: Vec<_> = [0.9, 0.9 * cost.min(1.0 / cost)]
                .map(|cost| EnergyModel::new(1.0, cost, 1.0, Accounting::PerChannelUse).unwrap()).to_vec();
            let with_gap = |relative_gap| {
                let value = RelaxedMse::new(relaxation, problem.noise_power()).unwrap();
                let value = value.with_options(Options { relative_gap, ..Options::default() });
                AssignmentProblem::new(energy.clone(), Constant(problem.channels().to_vec()), value).unwrap()
            };
            let (loose, fine) = (with_gap(relative_gap), with_gap(1e-6));
            let value = |first: f64| fine.value_and_gradient(&[first, 1.0 - first], 0);
            let here = f64::from(sixteenths) / 16.0;
            let found = optimality_gap(&loose, &[here, 1.0 - here], &sampling(0, 2, 1))?;
            let mut least = f64::INFINITY;
            for step in 0..=16 {
                least = least.min(value(f64::from(step) / 16.0)?.upper);
            }
            prop_assert!(found.optimum_lower() <= least, "{relaxation:?}: {found:?}, but {least}");
            let gap = value(here)?.lower - least;
            prop_assert!(found.gap_upper() >= gap, "{relaxation:?}: {found:?}, but {gap}");
        }
    }
}

const PAIRS: Sizes =
    Sizes { devices: 2..=2, streams: 1..=2, transmit_surplus: 0..=0, receive_surplus: 0..=2, tall: true };

/// 3: at the optimum and away from it.
#[test]
fn covers() {
    let known = Known::new(&WEIGHTS, inverse, 0.5);
    let best = best_inverse(&WEIGHTS);
    for shares in [best.clone(), vec![0.2, 0.3, 0.5]] {
        let found = misses(&known, &shares, known.mean(&best), (1000, 3));
        assert!(
            found.iter().all(|&count| is_at_most(count, 1000, 1.0 - CONFIDENCE)),
            "{found:?} at {shares:?}"
        );
        assert!(is_near(found[0], 1000, 1.0 - CONFIDENCE), "{found:?} at {shares:?}");
    }
}

/// 3: where the tangent is the value and noise too small to move its minimum, the bounds fail as often as they may, so they are no
/// wider than they need be.
#[test]
fn is_exact_for_linear_values() {
    let known = Known::new(&[1.0, 5.0, 9.0], linear, 0.5);
    let optimum = known.mean(&[0.99, 0.01, 0.0]);
    let found = misses(&known, &[0.2, 0.3, 0.5], optimum, (1000, 3));
    assert!(found.iter().all(|&count| is_near(count, 1000, 1.0 - CONFIDENCE)), "{found:?}");
}
