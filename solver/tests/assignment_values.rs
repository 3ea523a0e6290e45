//! Short-term values of every relaxation: their bounds at all powers, their units, and blocks that do not converge.

use faer::{Mat, c64};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use solver::Error;
use solver::assignment::{
    AssignmentError, AssignmentOptions, AssignmentProblem, CertifiedValue, GapSampling, RelaxedMse,
    ShortTermValue, assign, optimality_gap,
};
use solver::channel::{BlockFading, Fading};
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::{Options, Relaxation, Scope};

fn channels(receive: usize, transmit: &[usize], seed: u64) -> Vec<Mat<c64>> {
    BlockFading::new(Fading::PAPER, receive, transmit, seed).unwrap().block(0)
}

fn value(relaxation: Relaxation, noise_power: f64, relative_gap: f64) -> RelaxedMse {
    let options = Options { relative_gap, ..Default::default() };
    RelaxedMse::new(relaxation, noise_power).unwrap().with_options(options)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    /// `lower + gᵀ(p' − p) ≤ v(p')` for powers far from `p`, however roughly the relaxation was solved at `p`.
    #[test]
    fn the_tangent_bounds_the_value_at_every_power(
        seed in 0u64..1000,
        devices in proptest::collection::vec((1usize..4, -1.5..1.5f64, -2.0..2.0f64), 1..5),
        spare in 0usize..4,
        noise in -2.0..2.0f64,
        gap in -6.0..-0.5f64,
    ) {
        let antennas: Vec<usize> = devices.iter().map(|d| d.0).collect();
        let receive = antennas.iter().max().unwrap() + spare;
        let channels = channels(receive, &antennas, seed);
        let here: Vec<f64> = devices.iter().map(|d| d.1.exp()).collect();
        let there: Vec<f64> = devices.iter().map(|d| (d.1 + d.2).exp()).collect();
        for relaxation in Relaxation::ALL {
            let rough = value(relaxation, noise.exp(), 10.0_f64.powf(gap));
            let at = rough.value_and_gradient(&channels, &here).unwrap();
            let step = at.gradient.iter().zip(there.iter().zip(&here)).map(|(g, (t, h))| g * (t - h));
            let bound = at.lower + step.sum::<f64>();
            let far = value(relaxation, noise.exp(), 1e-4).value_and_gradient(&channels, &there).unwrap();
            prop_assert!(bound <= far.upper * (1.0 + 1e-9), "{relaxation:?}: {bound} above {far:?}");
            // At the point itself the bound is as tight as the certificate.
            prop_assert!(at.lower <= at.upper && at.gradient.iter().all(|g| *g <= 0.0));
            prop_assert!(at.upper - at.lower <= 10.0_f64.powf(gap) * at.upper || !at.converged);
        }
    }
}

/// What the moments of values rest on (theory, section 5, finite expectations), first half: `P(λ_min(H^H H) ≤ x)` falls like `x^{R−T+1}`, by
/// Hill's estimator of the exponent on the least of many draws. To the nearest integer: the power law bends before `λ_min` is large.
#[test]
fn least_eigenvalues_have_the_exponent_of_the_theory() {
    const DRAWS: usize = 300_000;
    const LEAST: usize = 300;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for fading in [Fading::RAYLEIGH, Fading::PAPER] {
        for spare in 0..3 {
            let least = (0..DRAWS).map(|_| {
                let channel = fading.draw(2 + spare, 2, &mut rng).unwrap();
                let gram = channel.adjoint() * &channel;
                let (a, d, b) = (gram[(0, 0)].re, gram[(1, 1)].re, gram[(0, 1)].norm_sqr());
                2.0 * (a * d - b) / (a + d + ((a - d).powi(2) + 4.0 * b).sqrt())
            });
            let mut least: Vec<f64> = least.collect();
            least.sort_by(f64::total_cmp);
            let logarithms: f64 = least[..LEAST].iter().map(|value| (least[LEAST] / value).ln()).sum();
            let exponent = LEAST as f64 / logarithms;
            assert!((exponent - (spare + 1) as f64).abs() < 0.5, "{fading:?} {spare}: {exponent}");
        }
    }
}

/// Second half: values are between the largest of the devices alone and their sum, a device alone is `1/λ_min` up to factors, and only `mmse`
/// has a bound for every channel, on its value and on its gradient.
#[test]
fn only_mmse_is_bounded_whatever_the_channels() {
    let power = [0.5, 1.0, 2.0];
    let values = |relaxation, channels: &[Mat<c64>], power: &[f64]| {
        value(relaxation, 0.7, 1e-4).value_and_gradient(channels, power).unwrap()
    };
    for seed in 0..20 {
        for shrink in [1.0, 1e-2, 1e-4] {
            let mut channels = channels(3, &[2; 3], seed);
            // The second column of the first channel turns towards the first, by which it loses rank.
            let first = channels[0].col(0).to_owned();
            for row in 0..3 {
                channels[0][(row, 1)] = first[row] + channels[0][(row, 1)] * shrink;
            }
            for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
                let (mut largest, mut sum) = (0.0, 0.0);
                for (channel, power) in channels.chunks(1).zip(power) {
                    let alone = values(relaxation, channel, &[power]);
                    let least = channel[0].singular_values().unwrap()[1].powi(2);
                    let scaled = alone.value() * power * least / 0.7;
                    assert!((0.999..=4.001).contains(&scaled), "{relaxation:?}: {scaled}");
                    (largest, sum) = (alone.lower.max(largest), sum + alone.upper);
                }
                let all = values(relaxation, &channels, &power);
                assert!(largest <= all.upper && all.lower <= sum, "{relaxation:?}: {all:?}");
                let homogeneous: f64 = all.gradient.iter().zip(power).map(|(g, p)| -g * p).sum();
                assert!(
                    (homogeneous / all.value() - 1.0).abs() < 1e-3,
                    "{relaxation:?}: {homogeneous} {all:?}"
                );
            }
            let mmse = values(Relaxation::Mmse, &channels, &power);
            assert!(mmse.upper <= 6.0, "{mmse:?}");
            assert!(mmse.gradient.iter().zip(power).all(|(g, p)| -g <= 2.0 / (4.0 * p)), "{mmse:?}");
        }
    }
}

/// All three are errors in the same unit, and in the order of the theory: `mmse ≤ σ² trace_inverse ≤ σ² lambda_min`.
#[test]
fn values_are_errors_in_one_unit() {
    let channels = channels(6, &[2; 3], 5);
    for noise_power in [0.01, 1.0, 30.0] {
        let [lambda_min, trace_inverse, mmse] = Relaxation::ALL.map(|relaxation| {
            value(relaxation, noise_power, 1e-5).value_and_gradient(&channels, &[1.0, 2.0, 0.5]).unwrap()
        });
        assert!(mmse.lower <= trace_inverse.upper && trace_inverse.lower <= lambda_min.upper);
        assert!(mmse.upper < 6.0, "no more than the error of sending nothing");
        // α does not depend on the noise; mmse meets trace_inverse as the noise vanishes.
        let unit = value(Relaxation::LambdaMin, 1.0, 1e-5);
        let unit = unit.value_and_gradient(&channels, &[1.0, 2.0, 0.5]).unwrap();
        assert!((lambda_min.value() / unit.value() / noise_power - 1.0).abs() < 1e-4);
        if noise_power == 0.01 {
            assert!((mmse.value() / trace_inverse.value() - 1.0).abs() < 0.05);
        }
    }
}

#[test]
fn streams_change_what_is_bounded_and_nothing_else() {
    let channels = channels(6, &[3; 2], 9);
    for relaxation in Relaxation::ALL {
        let all = value(relaxation, 1.0, 1e-4);
        let at = |value: RelaxedMse| value.value_and_gradient(&channels, &[1.0, 1.0]);
        let (full, fewer) = (at(all).unwrap(), at(all.with_streams(2)).unwrap());
        assert_eq!(
            full.scope,
            match relaxation {
                Relaxation::LambdaMin => Scope::Program,
                Relaxation::TraceInverse => Scope::ZeroForcing,
                Relaxation::Mmse => Scope::AnyTransceiver,
            }
        );
        assert_eq!(fewer.scope, Scope::Program);
        assert_eq!(fewer, CertifiedValue { scope: Scope::Program, ..full });
        assert!(matches!(
            at(all.with_streams(4)),
            Err(Error::Streams { streams: 4, transmit_antennas: 3, .. })
        ));
    }
}

fn problem(value: RelaxedMse) -> AssignmentProblem<BlockFading, RelaxedMse> {
    let energy =
        [0.4, 0.8, 1.6].map(|cost| EnergyModel::new(1.0, cost, 1.0, Accounting::PerChannelUse).unwrap());
    let channels = BlockFading::new(Fading::PAPER, 12, &[2; 3], 3).unwrap();
    AssignmentProblem::new(energy.to_vec(), channels, value).unwrap()
}

/// An interior-point method that is stopped early on every block: the run goes on, says so, and ends where it would have.
#[test]
fn blocks_that_do_not_converge_do_not_end_the_run() {
    let value = |max_iterations| {
        let options = Options { relative_gap: 1e-9, max_iterations };
        RelaxedMse::new(Relaxation::LambdaMin, 1.0).unwrap().with_options(options)
    };
    let options = AssignmentOptions::new(11).with_iterations(40).unwrap();
    let exact = assign(&problem(value(100)), &options).unwrap();
    assert_eq!(exact.unconverged, 0);
    let hurried = assign(&problem(value(4)), &options).unwrap();
    // Eight pilot blocks and forty iterations.
    assert_eq!(hurried.unconverged, 48);
    assert!(hurried.termination.was_successful());
    for (a, b) in exact.shares.iter().zip(&hurried.shares) {
        assert!((a - b).abs() < 0.01, "{:?} and {:?}", exact.shares, hurried.shares);
    }
    let sampling = GapSampling { batches: 3, blocks: 5, ..GapSampling::new(1) };
    let gap = |value| optimality_gap(&problem(value), &exact.shares, &sampling).unwrap();
    let (exact_gap, hurried_gap) = (gap(value(100)), gap(value(4)));
    assert_eq!((exact_gap.unconverged, hurried_gap.unconverged), (0, 15));
    // Rougher certificates can only raise the value's upper bound, and leave the optimum's lower bound one.
    assert!(hurried_gap.value.mean >= exact_gap.value.mean * (1.0 - 1e-8));
    assert!(hurried_gap.optimum_lower() <= exact_gap.value_upper());
    // With next to no iterations there is no certificate worth the name, and that does end the run.
    assert!(matches!(
        assign(&problem(value(1)), &options),
        Err(AssignmentError::ShortTerm(Error::NotConverged { .. }))
    ));
}

/// Every relaxation serves as the objective, and leads to its own optimum.
#[test]
fn any_relaxation_is_an_objective() {
    for relaxation in Relaxation::ALL {
        // A percent is well within the noise of one block.
        let problem = problem(value(relaxation, 1.0, 1e-2));
        let options = AssignmentOptions::new(2).with_iterations(100).unwrap();
        let shares = assign(&problem, &options).unwrap().shares;
        assert!(shares[0] > shares[1] && shares[1] > shares[2], "{relaxation:?}: {shares:?}");
        let sampling = GapSampling { batches: 5, blocks: 30, ..GapSampling::new(77) };
        let gap = optimality_gap(&problem, &shares, &sampling).unwrap();
        let uniform = optimality_gap(&problem, &problem.uniform_shares(), &sampling).unwrap();
        assert!(gap.gap_upper() < 0.1 * gap.value.mean, "{relaxation:?}: {gap:?}");
        assert!(uniform.gap.mean > 2.0 * gap.gap.mean && uniform.value.mean > gap.value.mean);
    }
}

/// An evaluator keeps memory from one state of the channels to the next. Whatever came before, refused, unsolved or of another shape, each
/// result is that of memory made anew, to the last bit.
#[test]
fn what_an_evaluator_keeps_changes_nothing() {
    let [small, wide] = [channels(8, &[2; 3], 5), channels(8, &[3, 1, 2, 2, 2], 6)];
    let mut deficient = small.clone();
    deficient[1] = Mat::from_fn(8, 2, |i, _| small[1][(i, 0)]);
    let mut undefined = small.clone();
    undefined[2][(0, 1)].re = f64::NAN;
    let scaled =
        |scale: f64| small.iter().map(|channel| channel * faer::Scale(c64::new(scale, 0.0))).collect();
    let (faint, loud): (Vec<Mat<c64>>, Vec<Mat<c64>>) = (scaled(1e-200), scaled(1e200));
    let (power, few) = (vec![1.0, 0.3, 2.0], vec![1.0, 0.3]);
    let five = vec![1.0, 0.1, 0.5, 2.0, 1.0];
    let states = [
        (&small, &power),
        (&deficient, &power),
        (&small, &power),
        (&wide, &five),
        (&undefined, &power),
        (&wide, &five),
        (&small, &few),
        (&faint, &power),
        (&small, &power),
        (&loud, &power),
        (&small, &power),
        (&channels(8, &[2; 3], 7), &power),
    ];
    let bits = |value: &CertifiedValue| {
        let numbers = value.gradient.iter().chain([&value.lower, &value.upper]);
        numbers.map(|number| number.to_bits()).collect::<Vec<_>>()
    };
    for relaxation in Relaxation::ALL {
        for value in [
            value(relaxation, 1.0, 1e-5),
            value(relaxation, 1.0, 1e-11).with_streams(1),
            value(relaxation, 1.0, 1e-5).with_options(Options { relative_gap: 1e-11, max_iterations: 4 }),
        ] {
            let mut evaluator = value.evaluator();
            let (mut solved, mut refused) = (0, 0);
            for (index, (channels, power)) in states.iter().enumerate() {
                let (kept, anew) = (evaluator(channels, power), value.value_and_gradient(channels, power));
                match (kept, anew) {
                    (Ok(kept), Ok(anew)) => {
                        assert_eq!(bits(&kept), bits(&anew), "{relaxation:?}, state {index}");
                        assert_eq!((kept.scope, kept.converged), (anew.scope, anew.converged));
                        solved += 1;
                    }
                    (kept, anew) => {
                        let [kept, anew] = [kept, anew].map(|result| result.unwrap_err().to_string());
                        assert_eq!(kept, anew, "{relaxation:?}, state {index}");
                        refused += 1;
                    }
                }
            }
            assert!(refused >= 2 && solved + refused == states.len(), "{solved} solved, {refused} refused");
        }
    }
}
