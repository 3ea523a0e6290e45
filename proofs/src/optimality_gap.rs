//! How far from optimal shares are: *theory*, section 5 (Mak, Morton, Wood 1999, with tangents).
//!
//! # Statement
//!
//! Let `f(m) = E[v(p(m); ξ)]` over `𝒳 = { l ≤ m ≤ u, Σ m = 1 }`, `v` convex in the powers, and at given shares `m` let every block
//! have certified `l_s ≤ v ≤ u_s` and a tangent `g_s`, `l_s + g_s^T (m' − m) ≤ v(p(m'); ξ_s)`. With `M(l, g) = l + min_{m' ∈ 𝒳} g^T (m' − m)`,
//!
//! 1. `M(E l, E g) ≤ f* = min f` and `f(m) − f* ≤ E u − M(E l, E g)`, with equality for linear `v` known exactly;
//! 2. `E M` over means of batches is at most `M(E l, E g)`, and grows with the blocks in a batch (`M` is concave: Jensen);
//! 3. for Gaussian batch means each of the bounds on `f(m)`, `f*` and `f(m) − f*` holds with its confidence.
//!
//! # Hypotheses
//!
//! - **convex**: without it a tangent is no lower bound, and shares that are far from optimal look optimal;
//! - **blocks of its own**: the least of several bounds holds less often;
//! - **batches of many blocks** (for a tight bound): a minimum over noisy tangents of one block each widens the gap at the optimum itself.

#[cfg(test)]
mod tests {
    use crate::simulation::{is_at_most, is_near, normal};
    use crate::{config, config_of};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use solver::Error;
    use solver::assignment::{
        AssignmentProblem, CertifiedValue, ChannelSource, GapSampling, OptimalityGap, RelaxedMse,
        ShortTermValue, optimality_gap,
    };
    use solver::power::{Accounting, EnergyModel};
    use solver::relaxation::{Options, Relaxation};
    use solver::strategies::{Channels, Sizes, power_of_two, problems};

    /// Blocks of one normal number for each device, as 1×1 channels.
    #[derive(Clone)]
    struct Normals(usize);

    impl ChannelSource for Normals {
        fn devices(&self) -> usize {
            self.0
        }
        fn block(&self, index: u64) -> Vec<Mat<c64>> {
            let mut rng = ChaCha8Rng::seed_from_u64(index);
            (0..self.0).map(|_| Mat::full(1, 1, c64::new(normal(&mut rng), 0.0))).collect()
        }
    }

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

    /// `v(p; ξ) = Σ_n φ(p_n; w_n) + noise · ξ_n p_n`, known exactly, from `φ` and its derivative.
    #[derive(Clone)]
    struct Known {
        weights: Vec<f64>,
        shape: fn(f64, f64) -> (f64, f64),
        noise: f64,
    }

    impl ShortTermValue for Known {
        fn value_and_gradient(&self, channels: &[Mat<c64>], power: &[f64]) -> Result<CertifiedValue, Error> {
            let mut found = CertifiedValue::exact(0.0, Vec::new());
            for ((channel, &p), &w) in channels.iter().zip(power).zip(&self.weights) {
                let (value, slope) = (self.shape)(p, w);
                let noise = self.noise * channel[(0, 0)].re;
                found.lower += value + noise * p;
                found.gradient.push(slope + noise);
            }
            Ok(CertifiedValue { upper: found.lower, ..found })
        }
    }

    impl Known {
        /// `E v` at the powers that shares leave.
        fn mean(&self, shares: &[f64]) -> f64 {
            shares.iter().zip(&self.weights).map(|(m, &w)| (self.shape)(1.0 - m, w).0).sum()
        }

        /// Devices with `p_n = 1 − m_n`.
        fn problem(&self) -> AssignmentProblem<Normals, Self> {
            let devices = self.weights.len();
            let energy = vec![EnergyModel::new(1.0, 1.0, 1.0, Accounting::PerChannelUse).unwrap(); devices];
            AssignmentProblem::new(energy, Normals(devices), self.clone()).unwrap()
        }

        fn gap(&self, shares: &[f64], sampling: &GapSampling) -> OptimalityGap {
            optimality_gap(&self.problem(), shares, sampling).unwrap()
        }
    }

    /// `w/p`.
    fn inverse(power: f64, weight: f64) -> (f64, f64) {
        (weight / power, -weight / (power * power))
    }

    /// `−w p`.
    fn linear(power: f64, weight: f64) -> (f64, f64) {
        (-weight * power, -weight)
    }

    /// `−w p²`.
    fn concave(power: f64, weight: f64) -> (f64, f64) {
        (-weight * power * power, -2.0 * weight * power)
    }

    /// The best shares for [`inverse`], where bounds do not interfere: powers in proportion to `√w`.
    fn best_inverse(weights: &[f64]) -> Vec<f64> {
        let roots: f64 = weights.iter().map(|w| w.sqrt()).sum();
        weights.iter().map(|w| 1.0 - (weights.len() - 1) as f64 * w.sqrt() / roots).collect()
    }

    fn normalized(weights: &[f64]) -> Vec<f64> {
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|w| w / sum).collect()
    }

    fn sampling(seed: u64, batches: usize, blocks: usize) -> GapSampling {
        GapSampling { batches, blocks, confidence: CONFIDENCE, seed }
    }

    const CONFIDENCE: f64 = 0.8;

    proptest! {
        #![proptest_config(config())]

        /// 1, without noise: curved values against the known optimum, at which the gap is 0, and linear ones with equality.
        #[test]
        fn bounds_the_optimum(
            devices in prop::collection::vec(((16..=32_u8).prop_map(|w| f64::from(w) / 16.0), (1..=16_u8).prop_map(f64::from)), 2..=5),
        ) {
            let (weights, shares): (Vec<f64>, Vec<f64>) = devices.into_iter().unzip();
            let shares = normalized(&shares);
            let best = best_inverse(&weights);
            prop_assume!(best.iter().chain(&shares).all(|&m| (0.0..=0.98).contains(&m)));
            let curved = Known { weights, shape: inverse, noise: 0.0 };
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

    /// How many of 1000 bounds fail: on the value, on the optimum, and on the gap.
    fn misses(known: &Known, shares: &[f64], optimum: f64) -> [u32; 3] {
        let here = known.mean(shares);
        let mut missed = [0; 3];
        for seed in 0..1000 {
            let found = known.gap(shares, &sampling(seed, 4, 3));
            missed[0] += u32::from(found.value_upper() < here);
            missed[1] += u32::from(found.optimum_lower() > optimum);
            missed[2] += u32::from(found.gap_upper() < here - optimum);
        }
        missed
    }

    const WEIGHTS: [f64; 3] = [1.0, 1.5, 2.0];

    /// 3: at the optimum and away from it.
    #[test]
    fn covers() {
        let known = Known { weights: WEIGHTS.to_vec(), shape: inverse, noise: 0.5 };
        let best = best_inverse(&WEIGHTS);
        for shares in [best.clone(), vec![0.2, 0.3, 0.5]] {
            let found = misses(&known, &shares, known.mean(&best));
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
        let known = Known { weights: vec![1.0, 5.0, 9.0], shape: linear, noise: 0.5 };
        let optimum = known.mean(&[0.99, 0.01, 0.0]);
        let found = misses(&known, &[0.2, 0.3, 0.5], optimum);
        assert!(found.iter().all(|&count| is_near(count, 1000, 1.0 - CONFIDENCE)), "{found:?}");
    }

    /// 2, and without **batches of many blocks**: the mean gap at the optimum itself, which is 0.
    #[test]
    fn few_blocks_widen_the_gap() {
        let known = Known { weights: WEIGHTS.to_vec(), shape: inverse, noise: 0.5 };
        let best = best_inverse(&WEIGHTS);
        let gap = |blocks| known.gap(&best, &sampling(0, 400, blocks)).gap;
        let (one, four, many) = (gap(1), gap(4), gap(64));
        assert!(one.mean > 1.8 * four.mean && four.mean > 3.5 * many.mean, "{one:?} {four:?} {many:?}");
        assert!(many.mean > 0.0 && many.mean < 0.1 * known.mean(&best), "{many:?}");
    }

    /// Without **convex**: `−Σ p²` has its greatest value where all powers agree, which the tangent there shows as the optimum.
    #[test]
    fn a_concave_value() {
        let known = Known { weights: vec![1.0; 2], shape: concave, noise: 0.0 };
        let found = known.gap(&[0.5, 0.5], &sampling(0, 2, 1));
        let true_gap = known.mean(&[0.5, 0.5]) - known.mean(&[0.99, 0.01]);
        assert!(true_gap > 0.4 && found.gap_upper().abs() < 1e-12, "{true_gap}, {found:?}");
    }

    /// Without **blocks of its own**: the least of ten bounds on the gap fails more than half the time.
    #[test]
    fn the_least_of_several_bounds() {
        let known = Known { weights: vec![1.0, 5.0, 9.0], shape: linear, noise: 0.5 };
        let shares = [0.2, 0.3, 0.5];
        let gap = known.mean(&shares) - known.mean(&[0.99, 0.01, 0.0]);
        let least = |trial: u64| {
            let bounds = (0..10).map(|k| known.gap(&shares, &sampling(10 * trial + k, 4, 3)).gap_upper());
            bounds.fold(f64::INFINITY, f64::min)
        };
        let found = (0..200).filter(|&trial| least(trial) < gap).count();
        assert!(found > 100, "{found} of 200");
    }
}
