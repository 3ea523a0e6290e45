//! The model assignment on the setting of [A]: R = 20, T = 4, Rician fading of mean 1 and variance 1.

use faer::{Mat, c64};
use solver::Error;
use solver::assignment::{
    AssignmentError, AssignmentOptions, AssignmentProblem, CertifiedValue, ChannelSource, GapSampling,
    RelaxedMse, ShortTermValue, assign, assign_observed, expected_value, optimality_gap, paired_difference,
};
use solver::channel::{BlockFading, Fading};
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::{Options, Relaxation};
use solver::sca::ScaError;

/// Devices with budget 1 per channel use that spend `costs[n]` of it on computing the whole model.
fn energy(costs: &[f64]) -> Vec<EnergyModel> {
    costs.iter().map(|&cost| EnergyModel::new(1.0, cost, 1.0, Accounting::PerChannelUse).unwrap()).collect()
}

fn channels(devices: usize) -> BlockFading {
    BlockFading::new(Fading::PAPER, 20, &vec![4; devices], 2024).unwrap()
}

fn lambda_min() -> RelaxedMse {
    RelaxedMse::new(Relaxation::LambdaMin, 1.0).unwrap()
}

fn problem<V: ShortTermValue>(costs: &[f64], value: V) -> AssignmentProblem<BlockFading, V> {
    AssignmentProblem::new(energy(costs), channels(costs.len()), value).unwrap()
}

/// Energy coefficients 1 : 2 : 4 : 8. Uniform shares leave powers of 0.9, 0.8, 0.6, 0.2.
const UNEQUAL: [f64; 4] = [0.4, 0.8, 1.6, 3.2];

#[test]
fn unequal_devices_gain_from_optimized_shares() {
    let problem = problem(&UNEQUAL, lambda_min());
    let uniform = problem.uniform_shares();
    let options = AssignmentOptions::new(1).with_iterations(100).unwrap();
    let assignment = assign(&problem, &options).unwrap();
    assert!(assignment.termination.was_successful());
    assert!(problem.feasible_shares().contains(&assignment.shares));
    assert!((assignment.shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    // Cheaper devices compute more; the dearest may compute nothing.
    assert!(assignment.shares.windows(2).all(|pair| pair[0] >= pair[1]), "{:?}", assignment.shares);
    assert!(assignment.shares[0] > assignment.shares[1] + 0.2);

    let gain = paired_difference(&problem, &uniform, &assignment.shares, 60, 99).unwrap();
    let before = expected_value(&problem, &uniform, 60, 99).unwrap();
    let after = expected_value(&problem, &assignment.shares, 60, 99).unwrap();
    assert!(gain.mean > 10.0 * gain.standard_error, "{gain:?}");
    assert!(gain.mean > 0.5 * before.mean, "{gain:?} of {before:?}");
    assert!((before.mean - after.mean - gain.mean).abs() < 1e-9 * before.mean);
    // The running estimate of the objective is in the units of v.
    let last = assignment.history.last().unwrap().objective;
    assert!((last / after.mean - 1.0).abs() < 0.25, "{last} against {after:?}");
}

/// Default options reach the optimum, on channels of another seed than any used to choose the defaults.
#[test]
fn the_result_is_near_the_global_optimum() {
    for (costs, tolerance) in
        [(UNEQUAL.as_slice(), 0.02), (&[1.5; 4], 0.03), (&[1.6, 2.4], 0.03), (&[0.0, 1.0, 2.0], 0.02)]
    {
        let channels = BlockFading::new(Fading::PAPER, 20, &vec![4; costs.len()], 77).unwrap();
        let problem = AssignmentProblem::new(energy(costs), channels, lambda_min()).unwrap();
        let assignment = assign(&problem, &AssignmentOptions::new(21)).unwrap();
        // Neither the optimizer nor agreement between seeds enters this bound.
        let gap = optimality_gap(&problem, &assignment.shares, &GapSampling::new(1_000_000)).unwrap();
        let relative = gap.gap_upper() / gap.value.mean;
        assert!(relative >= 0.0 && relative < tolerance, "{costs:?}: {:?}, {gap:?}", assignment.shares);
    }
}

#[test]
fn equal_devices_share_evenly() {
    let problem = problem(&[1.5; 3], lambda_min());
    let options = AssignmentOptions::new(3).with_iterations(150).unwrap();
    let assignment = assign(&problem, &options).unwrap();
    for share in &assignment.shares {
        assert!((share - 1.0 / 3.0).abs() < 0.03, "{:?}", assignment.shares);
    }
}

/// Shares are what they are where computing costs next to nothing; and of costs that are all as small, the ratios alone count.
#[test]
fn small_costs_are_no_trouble() {
    for cost in [1e-3, 1e-5, 1e-7, 1e-9, 1e-12, 1e-15, 1e-18, 1e-300] {
        for (seed, ratio) in [(1, 1e-3), (2, 0.3), (3, 1.0), (4, 1e-3)] {
            let problem = problem(&[cost, ratio * cost, cost], lambda_min()).with_minimum_share(0.3).unwrap();
            let options = AssignmentOptions::new(seed).with_iterations(20).unwrap();
            let assignment = assign(&problem, &options).unwrap();
            let last = assignment.history.last().unwrap();
            for shares in [&assignment.shares, &last.point] {
                let sum: f64 = shares.iter().sum();
                assert!(
                    (sum - 1.0).abs() < 1e-9 && shares.iter().all(|m| *m >= 0.3 - 1e-9),
                    "{cost:e}: {shares:?}"
                );
            }
            if ratio < 0.5 {
                // The second computes for less: what may be given freely goes there.
                assert!(assignment.shares[1] > 0.39, "{cost:e}, {ratio:e}: {:?}", assignment.shares);
            }
        }
    }
}

#[test]
fn the_true_problems_relaxation_serves_as_well() {
    let problem = problem(&UNEQUAL, RelaxedMse::new(Relaxation::Mmse, 1.0).unwrap());
    let options = AssignmentOptions::new(1).with_iterations(30).unwrap();
    let assignment = assign(&problem, &options).unwrap();
    let gain = paired_difference(&problem, &problem.uniform_shares(), &assignment.shares, 20, 99).unwrap();
    assert!(gain.mean > 5.0 * gain.standard_error, "{gain:?}");
}

fn finite_differences<V: ShortTermValue>(value: V, step: f64, tolerance: f64) {
    let problem = problem(&UNEQUAL, value);
    let shares = [0.4, 0.3, 0.2, 0.1];
    for block in 0..3 {
        let gradient = problem.value_and_gradient(&shares, block).unwrap().gradient;
        // Directions that keep the sum at 1.
        for n in 0..4 {
            let along = |sign: f64| {
                let mut moved = shares;
                moved[n] += sign * step;
                moved[(n + 1) % 4] -= sign * step;
                problem.value_and_gradient(&moved, block).unwrap().value()
            };
            let difference = (along(1.0) - along(-1.0)) / (2.0 * step);
            let envelope = gradient[n] - gradient[(n + 1) % 4];
            let scale = gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
            assert!((difference - envelope).abs() < tolerance * scale, "{difference} against {envelope}");
        }
        assert!(gradient.iter().all(|g| *g >= 0.0), "more to compute never helps: {gradient:?}");
    }
}

#[test]
fn envelope_gradients_agree_with_finite_differences() {
    for (relaxation, noise_power, gap, step, tolerance) in [
        (Relaxation::LambdaMin, 1.0, 1e-9, 1e-3, 1e-3),
        (Relaxation::TraceInverse, 2.0, 1e-5, 1e-2, 1e-2),
        (Relaxation::Mmse, 0.5, 1e-5, 1e-2, 1e-2),
    ] {
        let options = Options { relative_gap: gap, ..Default::default() };
        let value = RelaxedMse::new(relaxation, noise_power).unwrap().with_options(options);
        finite_differences(value, step, tolerance);
    }
}

#[test]
fn runs_repeat_bit_for_bit_and_can_be_watched() {
    let problem = problem(&UNEQUAL, lambda_min());
    let options = AssignmentOptions::new(5).with_iterations(10).unwrap().with_mini_batch(2).unwrap();
    let first = assign(&problem, &options).unwrap();
    let mut seen = Vec::new();
    let second = assign_observed(&problem, &options, |record| {
        seen.push(record.clone());
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(first, second);
    assert_eq!(seen, second.history);
}

#[test]
fn bounds_on_the_shares_hold() {
    let problem =
        problem(&UNEQUAL, lambda_min()).with_minimum_share(0.1).unwrap().with_power_floor(0.5).unwrap();
    let options = AssignmentOptions::new(5).with_iterations(30).unwrap();
    let assignment = assign(&problem, &options).unwrap();
    assert!(assignment.shares.iter().all(|share| *share >= 0.1 - 1e-12));
    let power = problem.transmit_power(&assignment.shares).unwrap();
    assert!(power.iter().all(|p| *p >= 0.5 - 1e-9), "{power:?}");
    assert!(assignment.shares[3] < 0.11, "the dearest device is at its minimum: {:?}", assignment.shares);
    // One possible assignment only: everyone at 1/N.
    let single = problem_of_equals().with_minimum_share(0.25).unwrap();
    let assignment = assign(&single, &AssignmentOptions::new(0).with_iterations(3).unwrap()).unwrap();
    assert!(assignment.shares.iter().all(|share| (share - 0.25).abs() < 1e-9));
}

fn problem_of_equals() -> AssignmentProblem<BlockFading, RelaxedMse> {
    problem(&[0.5; 4], lambda_min())
}

#[test]
fn shares_are_refused_with_their_values() {
    // A uniform share costs the second device 1.25 of a budget of 1; assigning still works, elsewhere.
    let steep = problem(&[0.5, 2.5], lambda_min());
    match expected_value(&steep, &steep.uniform_shares(), 5, 0).unwrap_err() {
        AssignmentError::ShortTerm(Error::NoPowerLeft { device: 1, share, largest_share, .. }) => {
            assert_eq!((share, largest_share), (0.5, 0.4));
        }
        other => panic!("{other:?}"),
    }
    let options = AssignmentOptions::new(0).with_iterations(10).unwrap();
    assert!(assign(&steep, &options).unwrap().shares[1] < 0.4);

    let problem = problem_of_equals();
    assert!(matches!(
        expected_value(&problem, &[0.5; 3], 5, 0),
        Err(AssignmentError::ShareCount { expected: 4, found: 3 })
    ));
    assert!(matches!(
        expected_value(&problem, &[0.5; 4], 5, 0),
        Err(AssignmentError::ShareSum { sum }) if sum == 2.0
    ));
    assert!(matches!(
        expected_value(&problem, &[f64::NAN; 4], 5, 0),
        Err(AssignmentError::ShortTerm(Error::OutOfRange { .. }))
    ));
    assert!(matches!(
        expected_value(&problem, &[0.25; 4], 1, 0),
        Err(AssignmentError::Samples { samples: 1 })
    ));
}

#[test]
fn problems_without_a_feasible_assignment_are_refused() {
    let value = lambda_min();
    let of = |costs: &[f64]| AssignmentProblem::new(energy(costs), channels(costs.len()), value);
    assert!(matches!(AssignmentProblem::new(vec![], channels(2), value), Err(AssignmentError::NoDevices)));
    assert!(matches!(
        AssignmentProblem::new(energy(&[1.0]), channels(2), value),
        Err(AssignmentError::DeviceCount { energy_models: 1, channels: 2 })
    ));
    // Each affords a share of 0.99/4, together less than one model.
    match of(&[4.0, 4.0]).unwrap_err() {
        AssignmentError::ModelUnaffordable { affordable, floor } => {
            assert!((affordable - 0.495).abs() < 1e-12 && (floor - 0.01).abs() < 1e-15);
        }
        other => panic!("{other:?}"),
    }
    let fine = || of(&[0.5, 4.0]).unwrap();
    for minimum_share in [-0.1, 0.51, f64::NAN] {
        assert!(matches!(
            fine().with_minimum_share(minimum_share),
            Err(AssignmentError::MinimumShare { devices: 2, .. })
        ));
    }
    assert!(matches!(
        fine().with_minimum_share(0.4),
        Err(AssignmentError::MinimumShareUnaffordable { device: 1, largest_share, .. })
            if (largest_share - 0.2475).abs() < 1e-12
    ));
    for floor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(fine().with_power_floor(floor), Err(AssignmentError::PowerFloor { .. })));
    }
    // Above what a device has without computing anything.
    assert!(matches!(
        fine().with_power_floor(1.5),
        Err(AssignmentError::MinimumShareUnaffordable { device: 0, .. })
    ));
    for noise_power in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for relaxation in Relaxation::ALL {
            assert!(matches!(RelaxedMse::new(relaxation, noise_power), Err(Error::OutOfRange { .. })));
        }
    }
}

/// Memory of 8 GB in all, by device.
const GIGABYTE: u64 = 1 << 30;

#[test]
fn a_devices_memory_bounds_its_share() {
    // The cheapest device would compute most of the model, but holds a quarter of it.
    let memory = [2, 3, 3, 8].map(|gigabytes| gigabytes * GIGABYTE);
    let problem = problem(&UNEQUAL, lambda_min()).with_memory(8 * GIGABYTE, &memory).unwrap();
    assert_eq!(problem.feasible_shares().upper(), &[0.25, 0.375, 0.375, 0.99 / 3.2]);
    let options = AssignmentOptions::new(1).with_iterations(100).unwrap();
    let shares = assign(&problem, &options).unwrap().shares;
    assert!(shares.iter().zip(problem.feasible_shares().upper()).all(|(share, most)| share <= most));
    assert!((shares[0] - 0.25).abs() < 1e-3, "{shares:?}");
    // Memories that hold the model exactly leave one assignment.
    let thirds = problem_of(&[0.5; 3]).with_memory(3 * GIGABYTE, &[GIGABYTE; 3]).unwrap();
    let shares = assign(&thirds, &AssignmentOptions::new(0).with_iterations(2).unwrap()).unwrap().shares;
    assert!(shares.iter().all(|share| (share - 1.0 / 3.0).abs() < 1e-9), "{shares:?}");
    // Memory without end bounds nothing, and so does a model without size.
    for (bytes, memory) in [(u64::MAX, u64::MAX), (0, 0)] {
        let free = problem_of(&[0.5; 3]).with_memory(bytes, &[memory; 3]).unwrap();
        assert_eq!(free.feasible_shares(), problem_of(&[0.5; 3]).feasible_shares());
    }
}

fn problem_of(costs: &[f64]) -> AssignmentProblem<BlockFading, RelaxedMse> {
    problem(costs, lambda_min())
}

#[test]
fn memories_that_do_not_hold_the_model_are_refused() {
    let problem = || problem_of(&[0.5, 4.0]);
    match problem().with_memory(8 * GIGABYTE, &[3 * GIGABYTE, 4 * GIGABYTE]).unwrap_err() {
        error @ AssignmentError::ModelTooLarge { model_bytes, memory_bytes } => {
            assert_eq!((model_bytes, memory_bytes), (8 * GIGABYTE, 7 * u128::from(GIGABYTE)));
            assert!(error.to_string().contains(&format!("{GIGABYTE} bytes are missing")), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        problem().with_memory(1, &[1; 3]),
        Err(AssignmentError::MemoryCount { expected: 2, found: 3 })
    ));
    // Memory for 0.7 and 0.9 of the model, but the second device has energy for 0.2475 only.
    match problem().with_memory(10, &[7, 9]).unwrap_err() {
        AssignmentError::ModelUnaffordable { affordable, .. } => {
            assert!((affordable - 0.9475).abs() < 1e-12);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        problem().with_minimum_share(0.2).unwrap().with_memory(10, &[10, 1]),
        Err(AssignmentError::MinimumShareUnaffordable { device: 1, largest_share, .. })
            if (largest_share - 0.1).abs() < 1e-15
    ));
    // Limits add up whatever the order in which they are set.
    assert!(matches!(
        problem().with_memory(10, &[10, 1]).unwrap().with_minimum_share(0.2),
        Err(AssignmentError::MinimumShareUnaffordable { device: 1, .. })
    ));
}

/// A value that answers badly.
struct Scripted(CertifiedValue);

impl ShortTermValue for Scripted {
    fn value_and_gradient(&self, _: &[Mat<c64>], _: &[f64]) -> Result<CertifiedValue, Error> {
        Ok(self.0.clone())
    }
}

/// Channels that cannot carry anything.
struct Dead;

impl ChannelSource for Dead {
    fn devices(&self) -> usize {
        2
    }
    fn block(&self, _: u64) -> Vec<Mat<c64>> {
        vec![Mat::zeros(4, 2), Mat::zeros(4, 2)]
    }
}

#[test]
fn bad_values_and_channels_end_in_typed_errors() {
    let options = AssignmentOptions::new(0);
    let scripted = |value, derivatives: &[f64]| {
        let value = Scripted(CertifiedValue::exact(value, derivatives.to_vec()));
        assign(&problem(&[0.5, 0.5], value), &options).unwrap_err()
    };
    assert!(matches!(scripted(1.0, &[-1.0]), AssignmentError::DerivativeCount { expected: 2, found: 1 }));
    assert!(matches!(scripted(f64::NAN, &[-1.0; 2]), AssignmentError::NotFinite { .. }));
    assert!(matches!(scripted(1.0, &[-1.0, f64::NEG_INFINITY]), AssignmentError::NotFinite { .. }));
    let dead = AssignmentProblem::new(energy(&[0.5; 2]), Dead, lambda_min()).unwrap();
    assert!(matches!(assign(&dead, &options), Err(AssignmentError::ShortTerm(Error::RankDeficient { .. }))));
    // What fails only after the pilot ends the optimization with the iteration named.
    struct Tiring(std::cell::Cell<usize>);
    impl ShortTermValue for Tiring {
        fn value_and_gradient(&self, _: &[Mat<c64>], _: &[f64]) -> Result<CertifiedValue, Error> {
            self.0.set(self.0.get() + 1);
            if self.0.get() > 10 {
                return Err(Error::Numerical { operation: "a test" });
            }
            Ok(CertifiedValue::exact(1.0, vec![-1.0, -2.0]))
        }
    }
    match assign(&problem(&[0.5, 0.5], Tiring(Default::default())), &options).unwrap_err() {
        AssignmentError::Optimization(error) => match *error {
            ScaError::Program { iteration: 2, source: AssignmentError::ShortTerm(_) } => {}
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}
