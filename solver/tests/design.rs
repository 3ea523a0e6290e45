//! `design` and `design_zero_forcing` as a whole: gaps, any problem, seeds and threads.

use crate::common::{paper_problem, references};
use faer::{Mat, c64};
use proptest::prelude::*;
use solver::channel::{BlockFading, Fading};
use solver::recovery::{
    Design, DesignOptions, Designer, Method, Refinement, design, design_zero_forcing, lower_bound,
    refine_zero_forcing,
};
use solver::relaxation::{self, Options};
use solver::{Error, Problem, baseline};

fn random_matrix(rows: usize, columns: usize, seed: u64) -> Mat<c64> {
    BlockFading::new(Fading::RAYLEIGH, rows, &[columns], seed).unwrap().block(0).remove(0)
}

pub(crate) fn random_problem(receive: usize, transmit: &[usize], noise: f64, seed: u64) -> Problem {
    let channels = BlockFading::new(Fading::PAPER, receive, transmit, seed).unwrap().block(0);
    Problem::new(channels, vec![1.0; transmit.len()], noise).unwrap()
}

/// A design's numbers hold, from the problem's data alone; no power is above its limit but for its rounding.
#[track_caller]
pub(crate) fn check(problem: &Problem, design: &Design) {
    for (power, limit) in design.transceiver.transmit_power(problem).iter().zip(problem.transmit_power()) {
        assert!(*power <= limit * (1.0 + 1e-14), "{power} above {limit}");
    }
    let mse = design.transceiver.mean_squared_error(problem).unwrap().total();
    assert_eq!(mse.to_bits(), design.mse.to_bits());
    if let Some(bound) = design.bound {
        assert!(bound > 0.0 && design.mse >= bound, "{} < {bound}", design.mse);
    }
}

/// The papers' setting, 20 channels from a seed.
fn channel_set(devices: usize, seed: u64) -> impl Iterator<Item = Problem> {
    let blocks = BlockFading::new(Fading::PAPER, 20, &vec![4; devices], seed).unwrap().take(20);
    blocks.map(move |channels| Problem::new(channels, vec![1.0; devices], 1.0).unwrap())
}

/// The goals over 20 channels, for two sets: mean gap 0 for one and two devices, at most 1.5 % for 4, 5 % for 8, 13 % for 16,
/// 30 % for 32.
#[test]
fn design_meets_its_gaps() {
    for (devices, most) in [(1, 1.1e-3), (2, 1.1e-3), (4, 0.015), (8, 0.05), (16, 0.13), (32, 0.3)] {
        for set in [1, 2] {
            let (mut sum, mut bounds) = (0.0, 0.0);
            for problem in channel_set(devices, set) {
                let design = design(&problem, &DesignOptions::default()).unwrap();
                check(&problem, &design);
                assert!(design.stationarity < 1e-2, "{}", design.stationarity);
                assert!(design.gap().unwrap() >= 0.0);
                sum += design.mse;
                bounds += design.bound.unwrap();
            }
            println!("N = {devices}: {:.2} %", 100.0 * (sum / bounds - 1.0));
            assert!(sum <= bounds * (1.0 + most), "N = {devices}: {sum} {bounds}");
        }
    }
}

/// Zero forcing likewise, within power and without mismatch; from one start the gaps are 5.6 % for 8 and 14.9 % for 16.
#[test]
fn zero_forcing_designs_are_near_their_bound() {
    for (devices, most) in [(1, 1e-3), (2, 1e-3), (4, 0.01), (8, 0.053), (16, 0.145)] {
        let (mut sum, mut bounds) = (0.0, 0.0);
        for problem in channel_set(devices, 1) {
            let design = design_zero_forcing(&problem, &DesignOptions::default()).unwrap();
            check(&problem, &design);
            let error = design.transceiver.mean_squared_error(&problem).unwrap();
            assert!(error.mismatch < 1e-15 * error.noise);
            sum += design.mse;
            bounds += design.bound.unwrap();
        }
        println!("N = {devices}: {:.2} %", 100.0 * (sum / bounds - 1.0));
        assert!(sum <= bounds * (1.0 + most), "N = {devices}: {sum} {bounds}");
    }
}

/// Unequal variances and powers; streams of some devices only and spare antennas, for which there is no bound; no zero forcing at all.
#[test]
fn zero_forcing_designs_of_any_problem() {
    let options = DesignOptions::default();
    let channels = paper_problem(3, 8).channels().to_vec();
    let problem = Problem::new(channels, vec![0.5, 1.0, 3.0], 0.1).unwrap();
    let problem = problem.with_signal_variance(vec![0.1, 1.0, 5.0]).unwrap();
    let best = design_zero_forcing(&problem, &options).unwrap();
    check(&problem, &best);
    assert!(best.gap().unwrap() < 0.02 && best.stationarity < 0.02, "{:?} {}", best.gap(), best.stationarity);
    assert!(design(&problem, &options).unwrap().mse <= best.mse);
    let streams = vec![vec![0, 1, 2, 3], vec![1], vec![0, 3]];
    for problem in [
        problem.clone().with_streams(2).unwrap(),
        problem.with_device_streams(streams).unwrap(),
        random_problem(6, &[3, 5, 4], 1.0, 2),
    ] {
        let best = design_zero_forcing(&problem, &options).unwrap();
        check(&problem, &best);
        assert_eq!(best.bound, None);
        let start = random_matrix(problem.receive_antennas(), problem.streams(), 4);
        let one = refine_zero_forcing(&problem, start.as_ref(), &options.refinement).unwrap();
        assert!(best.mse <= one.mse * (1.0 + 1e-3), "{} {}", best.mse, one.mse);
    }
    let mut channels = paper_problem(3, 1).channels().to_vec();
    channels[1] = Mat::zeros(20, 4);
    let dead = Problem::new(channels, vec![1.0; 3], 1.0).unwrap();
    let result = design_zero_forcing(&dead, &options);
    assert!(matches!(result, Err(Error::RankDeficient { device: 1, .. })), "{result:?}");
    let result = design_zero_forcing(&dead, &DesignOptions { finalists: 0, ..options });
    assert!(matches!(result, Err(Error::InvalidOption { option: "finalists", .. })));
}

/// Designs hold on the certified instances, and more starts never lose more than the search's own tolerance.
#[test]
fn design_holds_on_the_reference_instances() {
    for reference in references().unwrap_or_default() {
        let design = design(&reference.problem, &DesignOptions::default()).unwrap();
        check(&reference.problem, &design);
        if reference.problem.is_square() {
            let (lower, _) = reference.interval("mmse");
            assert!(design.mse >= lower * (1.0 - 1e-6), "{}", reference.name);
        }
    }
}

#[test]
fn one_seed_gives_one_design() {
    let problem = paper_problem(8, 3);
    let design = |options: DesignOptions| design(&problem, &options).unwrap();
    let (first, again) = (design(DesignOptions::default()), design(DesignOptions::default()));
    assert_eq!((first.mse.to_bits(), first.method), (again.mse.to_bits(), again.method));
    // Without random directions only the subspace is left.
    let alone = design(DesignOptions { candidates: 0, ..Default::default() });
    assert_eq!(alone.method, Method::DominantSubspace);
    assert!(first.mse <= alone.mse * (1.0 + 1e-3), "{} {}", first.mse, alone.mse);
}

#[test]
fn design_refuses_bad_options() {
    let problem = paper_problem(2, 3);
    let option = |options: DesignOptions| match design(&problem, &options) {
        Err(Error::InvalidOption { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    let default = DesignOptions::default();
    assert_eq!(option(DesignOptions { starts: 0, ..default }), "starts");
    assert_eq!(option(DesignOptions { finalists: 0, ..default }), "finalists");
    assert_eq!(option(DesignOptions { candidates: usize::MAX, ..default }), "candidates");
    let unlimited = DesignOptions { starts: usize::MAX, candidates: 2, ..default };
    check(&problem, &design(&problem, &unlimited).unwrap());
    let bad = Refinement { decrease: 1.0, ..Default::default() };
    assert_eq!(option(DesignOptions { rough: bad, ..default }), "decrease");
    assert_eq!(option(DesignOptions { refinement: bad, ..default }), "decrease");
    let relaxation = Options { relative_gap: 0.0, ..Default::default() };
    assert_eq!(option(DesignOptions { relaxation, ..default }), "relative_gap");
    assert!(matches!(
        Designer::new(DesignOptions { relaxation, ..default }),
        Err(Error::InvalidOption { option: "relative_gap", .. })
    ));
    assert_eq!(option(DesignOptions { drift: -0.01, ..default }), "drift");
    assert_eq!(option(DesignOptions { drift: f64::NAN, ..default }), "drift");
    assert_eq!(option(DesignOptions { drift: f64::INFINITY, ..default }), "drift");
}

/// A relaxation that runs out of iterations still gives a valid, weaker bound, and a design of the same kind.
#[test]
fn design_survives_an_unsolved_relaxation() {
    let problem = paper_problem(8, 2);
    let relaxation = Options { relative_gap: 1e-10, max_iterations: 1 };
    let hasty = design(&problem, &DesignOptions { relaxation, ..Default::default() }).unwrap();
    check(&problem, &hasty);
    let careful = design(&problem, &DesignOptions::default()).unwrap();
    assert!(hasty.mse < 1.1 * careful.mse && hasty.bound.unwrap() <= careful.bound.unwrap() * (1.0 + 1e-3));
}

/// A channel of zeros: its symbols are lost, `v_n L`, and the design says so without an error.
#[test]
fn a_dead_channel_costs_its_symbols() {
    let mut channels = paper_problem(3, 1).channels().to_vec();
    channels[1] = Mat::zeros(20, 4);
    let problem = Problem::new(channels, vec![1.0; 3], 1.0).unwrap();
    let design = design(&problem, &DesignOptions::default()).unwrap();
    check(&problem, &design);
    assert!(design.mse > 4.0 && design.mse < 6.0, "{}", design.mse);
}

/// Where zero forcing is all but affordable, its precoder is shortened to the limit.
#[test]
fn designs_of_scalars_keep_to_limit_and_bound() {
    let options = DesignOptions::default();
    let scalar = |gain, power, noise| {
        Problem::new(vec![Mat::full(1, 1, c64::new(gain, 0.0))], vec![power], noise).unwrap()
    };
    check_all(&scalar(464.79, 1.5, 1.598_360_657_735_705e-4), &options);
    for seed in 0..40 {
        let noise = 10.0_f64.powf(-0.2 * f64::from(seed));
        check_all(&random_problem(3, &[1, 1, 1], noise, u64::from(seed as u32)), &options);
    }
}

fn check_all(problem: &Problem, options: &DesignOptions) {
    check(problem, &design(problem, options).unwrap());
    check(problem, &design_zero_forcing(problem, options).unwrap());
}

/// `Σ q_n H_n H_n^H` beyond the floating-point range, where the relaxation is not solved: only its direction matters.
#[test]
fn designs_of_extreme_scale_name_no_matrix_that_was_not_given() {
    for (receive, antennas, streams, gain, power, variance, noise) in [
        (2, 6, 2, 3e147, 9e-40, 4e-53, 1.4e26),
        (8, 6, 1, 9.6e50, 2.4e121, 2.6e-150, 1.2e25),
        (6, 3, 2, 1.5e90, 7.8e119, 3.2e-50, 5.4e-70),
        (3, 2, 2, 1e-150, 1e-60, 1e60, 1.0),
    ] {
        let channel = random_matrix(receive, antennas, 1) * faer::Scale(c64::new(gain, 0.0));
        let problem = Problem::new(vec![channel], vec![power], noise).unwrap();
        let problem = problem.with_streams(streams).unwrap().with_signal_variance(vec![variance]).unwrap();
        match design(&problem, &DesignOptions::default()) {
            Ok(design) => {
                let silence = variance * streams as f64;
                assert!(design.mse <= silence * (1.0 + 1e-9), "{} {silence}", design.mse);
            }
            Err(error) => assert!(matches!(error, Error::Numerical { .. }), "{error}"),
        }
    }
}

/// Far above the noise `F` has walls that descents stop at: a design is no worse than the zero-forcing one, nor than the closed form of
/// one device.
#[test]
fn designs_far_above_the_noise_are_no_worse_than_closed_forms_and_zero_forcing() {
    let options = DesignOptions { starts: 4, finalists: 2, ..Default::default() };
    for (receive, antennas, devices, streams, decibels) in [
        (20, 4, 4, 4, 60),
        (20, 4, 4, 4, 80),
        (20, 4, 4, 4, 100),
        (20, 4, 8, 4, 100),
        (8, 4, 2, 1, 80),
        (8, 4, 1, 2, 80),
        (8, 4, 1, 2, 100),
    ] {
        let channels =
            BlockFading::new(Fading::RAYLEIGH, receive, &vec![antennas; devices], 5).unwrap().block(0);
        let noise = 10.0_f64.powf(-0.1 * f64::from(decibels));
        let problem =
            Problem::new(channels, vec![1.0; devices], noise).unwrap().with_streams(streams).unwrap();
        let best = design(&problem, &options).unwrap();
        check(&problem, &best);
        let forced = design_zero_forcing(&problem, &options).unwrap();
        assert!(best.mse <= forced.mse, "N = {devices}, {decibels} dB: {} {}", best.mse, forced.mse);
        if devices == 1 {
            let closed = baseline::single_device(&problem).unwrap().mean_squared_error(&problem).unwrap();
            assert!(best.mse <= closed.total(), "{decibels} dB: {} {}", best.mse, closed.total());
        }
        if best.method == Method::ZeroForcing {
            assert!(best.iterations > forced.iterations);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    /// Any shape, `L ≤ T_n` included, any variances and noise: a design is within power, above its bound, and no worse than silence.
    #[test]
    fn designs_of_any_problem_hold(
        receive in 1_usize..6,
        transmit in prop::collection::vec(1_usize..5, 1..4),
        streams in 1_usize..4,
        noise in -3.0_f64..2.0,
        variance in 0.1_f64..10.0,
        seed in 0_u64..1000,
    ) {
        let problem = random_problem(receive, &transmit, 10.0_f64.powf(noise), seed);
        let streams = streams.min(problem.streams());
        let mut variances = vec![1.0; transmit.len()];
        variances[0] = variance;
        let problem = problem.with_streams(streams).unwrap().with_signal_variance(variances.clone()).unwrap();
        let design = design(&problem, &DesignOptions::default()).unwrap();
        check(&problem, &design);
        let silence = variances.iter().sum::<f64>() * streams as f64;
        prop_assert!(design.mse <= silence * (1.0 + 1e-9));
    }
}

/// With two streams from four antennas everything works; the bound is the weak one.
#[test]
fn fewer_streams_than_antennas_have_a_weak_bound() {
    let problem = paper_problem(3, 7).with_streams(2).unwrap();
    let design = design(&problem, &DesignOptions::default()).unwrap();
    check(&problem, &design);
    assert_eq!(design.bound.unwrap(), lower_bound(&problem, &relaxation::Options::default()).unwrap());
    // Selecting antennas is one of the ways to use them.
    let selected: Vec<Mat<c64>> =
        problem.channels().iter().map(|h| Mat::from_fn(20, 2, |i, j| h[(i, j)])).collect();
    let selected = Problem::new(selected, vec![1.0; 3], 1.0).unwrap();
    let fewer = solver::recovery::design(&selected, &DesignOptions::default()).unwrap();
    assert!(design.mse < fewer.mse, "{} {}", design.mse, fewer.mse);
}

/// Any number of threads gives the same draws and designs, to the last bit.
#[cfg(feature = "parallel")]
#[test]
fn results_do_not_depend_on_threads() {
    use solver::recovery::{Randomization, gaussian_randomization};

    let problem = paper_problem(8, 6);
    let x = Mat::<c64>::identity(20, 20);
    let aggregators = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let options = DesignOptions::default();
            let drawn = gaussian_randomization(&problem, x.as_ref(), &Randomization::default()).unwrap();
            let designed = [design(&problem, &options), design_zero_forcing(&problem, &options)];
            let designed = designed.map(|design| design.unwrap().transceiver.aggregator().to_owned());
            (drawn.aggregator().to_owned(), designed)
        })
    };
    let one = aggregators(1);
    for threads in [2, 3, 7] {
        assert_eq!(aggregators(threads), one);
    }
}
