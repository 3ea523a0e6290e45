//! The certified optimality of shares, on a long-term problem whose optimum is known in closed form.

use faer::{Mat, c64};
use solver::Error;
use solver::assignment::{
    AssignmentError, AssignmentOptions, AssignmentProblem, CertifiedValue, ChannelSource, GapSampling,
    RelaxedMse, ShortTermValue, assign, optimality_gap,
};
use solver::channel::{BlockFading, Fading};
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::{Relaxation, Scope};
use solver::sca::{OptionsError, TerminationReason};

/// `v(p; h) = Σ a_n |h_n|²/p_n` with `h_n ~ CN(0, 1)`, so that `E v = Σ a_n/p_n`. Its bounds are `slack` apart, relatively.
struct Inverse {
    weights: Vec<f64>,
    slack: f64,
}

impl ShortTermValue for Inverse {
    fn value_and_gradient(&self, channels: &[Mat<c64>], power: &[f64]) -> Result<CertifiedValue, Error> {
        let terms = channels.iter().zip(&self.weights).map(|(h, a)| a * h[(0, 0)].norm_sqr());
        let parts: Vec<f64> = terms.zip(power).map(|(w, p)| w / p).collect();
        let gradient = parts.iter().zip(power).map(|(part, p)| -part / p).collect();
        let exact = CertifiedValue::exact(parts.iter().sum(), gradient);
        Ok(CertifiedValue { upper: exact.upper * (1.0 + self.slack), ..exact })
    }
}

const WEIGHTS: [f64; 4] = [1.0, 2.0, 3.0, 4.0];
const COST: f64 = 2.0;

/// Powers `p_n = 1 − 2 m_n`, which sum to `N − 2`.
fn problem(slack: f64) -> AssignmentProblem<BlockFading, Inverse> {
    let energy = vec![EnergyModel::new(1.0, COST, 1.0, Accounting::PerChannelUse).unwrap(); 4];
    let channels = BlockFading::new(Fading::RAYLEIGH, 1, &[1; 4], 6).unwrap();
    AssignmentProblem::new(energy, channels, Inverse { weights: WEIGHTS.to_vec(), slack }).unwrap()
}

/// `p_n ∝ √a_n` by Lagrange; `f* = (Σ √a_n)²/(N − 2)`.
fn optimum() -> (Vec<f64>, f64) {
    let roots: f64 = WEIGHTS.iter().map(|a| a.sqrt()).sum();
    let shares = WEIGHTS.iter().map(|a| (1.0 - a.sqrt() / roots * (4.0 - COST)) / COST).collect();
    (shares, roots * roots / (4.0 - COST))
}

fn expected(shares: &[f64]) -> f64 {
    WEIGHTS.iter().zip(shares).map(|(a, m)| a / (1.0 - COST * m)).sum()
}

#[test]
fn the_closed_form_is_the_optimum() {
    let (shares, value) = optimum();
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-14 && (expected(&shares) - value).abs() < 1e-12);
    let options = AssignmentOptions::new(4).with_iterations(4000).unwrap();
    let found = assign(&problem(0.0), &options).unwrap();
    assert!(found.guaranteed && found.unconverged == 0);
    for (a, b) in found.shares.iter().zip(&shares) {
        assert!((a - b).abs() < 0.02, "{:?} instead of {shares:?}", found.shares);
    }
}

/// Confirmed by fresh blocks, a run may end before its schedule does.
#[test]
fn a_run_can_end_early_with_confidence() {
    let options = AssignmentOptions::new(4).with_iterations(4000).unwrap().with_mini_batch(20).unwrap();
    let options = options.with_residual_tolerance(0.2, 5).unwrap().with_confirmation(500, 0.9).unwrap();
    let found = assign(&problem(0.0), &options).unwrap();
    match found.termination {
        TerminationReason::ResidualConfirmed { estimate, confidence } => {
            assert!(estimate.upper_bound <= 0.2 && confidence == 0.9, "{estimate:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(found.history.len() < 1000, "{} iterations", found.history.len());
    let (least, value) = (optimum().1, expected(&found.shares));
    assert!(value < 1.05 * least, "{value} against {least}");
}

/// How often each bound misses what it bounds, over many seeds: of `f(m)`, of `f*`, of `f(m) − f*`.
fn misses(shares: &[f64], sampling: impl Fn(u64) -> GapSampling, trials: u64) -> [f64; 3] {
    let problem = problem(0.0);
    let (value, least) = (expected(shares), optimum().1);
    let mut missed = [0.0; 3];
    for seed in 0..trials {
        let gap = optimality_gap(&problem, shares, &sampling(seed)).unwrap();
        missed[0] += f64::from(gap.value_upper() < value);
        missed[1] += f64::from(gap.optimum_lower() > least);
        missed[2] += f64::from(gap.gap_upper() < value - least);
    }
    missed.map(|count| count / trials as f64)
}

/// At 90 %: the value's bound is no safer than it claims, so its misses are counted on both sides; the other two err on the safe side
/// (the minimum over noisy tangents, and at shares off the optimum the tangent itself).
#[test]
fn each_bound_holds_at_its_level() {
    let trials = 600;
    let deviation = (0.1 * 0.9 / trials as f64).sqrt();
    let sampling = |seed| GapSampling { batches: 8, blocks: 60, confidence: 0.9, ..GapSampling::new(seed) };
    for shares in [optimum().0, vec![0.25; 4], vec![0.4, 0.3, 0.2, 0.1]] {
        let [value, least, gap] = misses(&shares, sampling, trials);
        assert!((value - 0.1).abs() < 4.0 * deviation, "{shares:?}: f(m) missed {value}");
        assert!(least < 0.1 + 3.0 * deviation, "{shares:?}: f* missed {least}");
        assert!(gap < 0.1 + 3.0 * deviation, "{shares:?}: the gap missed {gap}");
    }
}

/// The gap at the optimum closes like `1/√blocks`; away from it, it does not.
#[test]
fn larger_batches_close_the_gap_at_the_optimum_alone() {
    let (best, least) = optimum();
    let gap = |shares: &[f64], blocks| {
        optimality_gap(&problem(0.0), shares, &GapSampling { blocks, seed: 3, ..Default::default() }).unwrap()
    };
    let (few, many) = (gap(&best, 100).gap.mean, gap(&best, 1600).gap.mean);
    assert!((few / many - 4.0).abs() < 1.5, "{few} and {many}");
    assert!(gap(&best, 1600).gap_upper() < 0.05 * least);
    let uniform = vec![0.25; 4];
    let truth = expected(&uniform) - least;
    let found = gap(&uniform, 1600);
    assert!(found.gap.mean > truth && found.gap_upper() < 8.0 * truth, "{found:?} against {truth}");
    // The difference of the separate bounds says less: in the gap, what both share cancels.
    let separate = gap(&best, 100);
    assert!(separate.gap_upper() < separate.value_upper() - separate.optimum_lower());
}

/// What the certificates leave open counts in full.
#[test]
fn a_blocks_own_gap_is_not_hidden() {
    let sampling = GapSampling::new(8);
    let exact = optimality_gap(&problem(0.0), &optimum().0, &sampling).unwrap();
    let loose = optimality_gap(&problem(0.1), &optimum().0, &sampling).unwrap();
    assert_eq!(loose.optimum, exact.optimum);
    assert!((loose.value.mean / exact.value.mean - 1.1).abs() < 1e-12);
    assert!((loose.gap.mean - exact.gap.mean - 0.1 * exact.value.mean).abs() < 1e-9);
}

/// On the papers' setting the `mmse` relaxation bounds every transceiver, and so does the long-term bound.
#[test]
fn the_scope_is_that_of_every_block() {
    let energy = [0.4, 1.2].map(|cost| EnergyModel::new(1.0, cost, 1.0, Accounting::PerChannelUse).unwrap());
    let sampling = GapSampling { batches: 3, blocks: 4, ..GapSampling::new(1) };
    let channels = BlockFading::new(Fading::PAPER, 8, &[2; 2], 5).unwrap();
    let value = RelaxedMse::new(Relaxation::Mmse, 1.0).unwrap();
    let problem = AssignmentProblem::new(energy.to_vec(), channels, value).unwrap();
    let gap = optimality_gap(&problem, &[0.6, 0.4], &sampling).unwrap();
    assert_eq!((gap.scope, gap.value.samples, gap.gap.samples), (Scope::AnyTransceiver, 12, 3));
    // Every other block has a device with a spare antenna: what holds for all is the program alone.
    struct Mixed;
    impl ChannelSource for Mixed {
        fn devices(&self) -> usize {
            2
        }
        fn block(&self, index: u64) -> Vec<Mat<c64>> {
            let spare = 2 + (index % 2) as usize;
            BlockFading::new(Fading::PAPER, 8, &[2, spare], 5).unwrap().block(index)
        }
    }
    let problem = AssignmentProblem::new(energy.to_vec(), Mixed, value).unwrap();
    assert_eq!(optimality_gap(&problem, &[0.6, 0.4], &sampling).unwrap().scope, Scope::Program);
}

#[test]
fn gaps_repeat_and_bad_sampling_is_refused() {
    let sampling = GapSampling { batches: 3, blocks: 5, ..GapSampling::new(2) };
    let gap = |sampling: GapSampling| optimality_gap(&problem(0.0), &[0.25; 4], &sampling);
    assert_eq!(gap(sampling).unwrap(), gap(sampling).unwrap());
    assert_ne!(gap(sampling).unwrap(), gap(GapSampling { seed: 3, ..sampling }).unwrap());
    assert!(matches!(
        gap(GapSampling { batches: 1, ..sampling }),
        Err(AssignmentError::Samples { samples: 1 })
    ));
    assert!(matches!(
        gap(GapSampling { blocks: 0, ..sampling }),
        Err(AssignmentError::Samples { samples: 0 })
    ));
    for confidence in [0.0, 1.0, f64::NAN] {
        assert!(matches!(
            gap(GapSampling { confidence, ..sampling }),
            Err(AssignmentError::Options(OptionsError::Confidence { .. }))
        ));
    }
    let few = optimality_gap(&problem(0.0), &[0.5; 3], &sampling);
    assert!(matches!(few, Err(AssignmentError::ShareCount { expected: 4, found: 3 })));
}
