//! Recovery where numbers are hard: far above the noise, ill-conditioned channels, units and starts of any size, limits on iterations.

use crate::common::paper_problem;
use faer::{Mat, MatRef, c64};
use solver::baseline::{equal_power, single_device, truncated_inversion};
use solver::channel::{BlockFading, Fading};
use solver::recovery::{
    Design, DesignOptions, Method, Refinement, alternating, design, design_zero_forcing, refine,
    refine_zero_forcing, scaled_zero_forcing,
};
use solver::transceiver::{Transceiver, mmse_aggregator, power_limited, zero_forcing};
use solver::{Error, Problem};

fn random_matrix(rows: usize, columns: usize, seed: u64) -> Mat<c64> {
    BlockFading::new(Fading::RAYLEIGH, rows, &[columns], seed).unwrap().block(0).remove(0)
}

fn times(matrix: MatRef<'_, c64>, factor: f64) -> Mat<c64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] * factor)
}

fn error(problem: &Problem, transceiver: &Transceiver) -> f64 {
    transceiver.mean_squared_error(problem).unwrap().total()
}

fn below_noise(decibels: f64) -> f64 {
    10.0_f64.powf(-0.1 * decibels)
}

/// One device with two nearly parallel columns, `h` and `h + eps g`.
fn nearly_parallel(eps: f64, power: f64, noise: f64) -> Problem {
    let directions = random_matrix(6, 2, 2);
    let channel = Mat::from_fn(6, 2, |i, j| {
        directions[(i, 0)] + if j == 1 { directions[(i, 1)] * eps } else { c64::new(0.0, 0.0) }
    });
    Problem::new(vec![channel], vec![power], noise).unwrap()
}

/// Devices with streams of their own have no zero forcing along a random direction; designs are no worse than equal power, refined too.
#[test]
fn devices_with_their_own_streams_are_designed_at_any_noise() {
    for (decibels, seed) in [(40.0, 100), (60.0, 101), (80.0, 102), (100.0, 103)] {
        let channels = BlockFading::new(Fading::PAPER, 12, &[2; 4], seed).unwrap().block(0);
        let problem = Problem::new(channels, vec![1.0; 4], below_noise(decibels)).unwrap();
        let streams = vec![vec![0, 1], vec![2, 3], vec![4, 5], vec![6, 7]];
        let problem = problem.with_device_streams(streams).unwrap();
        let options = DesignOptions { starts: 3, finalists: 1, candidates: 10, ..Default::default() };
        let found = design(&problem, &options).unwrap();
        let equal = equal_power(&problem).unwrap();
        let refined = refine(&problem, equal.aggregator(), &options.refinement).unwrap();
        assert!(
            found.mse <= error(&problem, &equal),
            "{decibels} dB: {} {}",
            found.mse,
            error(&problem, &equal)
        );
        assert!(found.mse <= refined.mse * (1.0 + 1e-6), "{decibels} dB: {} {}", found.mse, refined.mse);
    }
}

/// Many devices with one antenna each: mismatch is stiff well before noise is small, and ranks starts badly.
#[test]
fn designs_of_many_single_antennas_are_no_worse_than_zero_forcing() {
    for (devices, decibels, block) in
        [(16, 20.0, 3), (32, 10.0, 5), (32, 20.0, 0), (32, 20.0, 1), (64, 30.0, 2)]
    {
        let fading = BlockFading::new(Fading::RAYLEIGH, 8, &vec![1; devices], 1234).unwrap();
        let problem = Problem::new(fading.block(block), vec![1.0; devices], below_noise(decibels)).unwrap();
        let options = DesignOptions::default();
        let (found, forced) =
            (design(&problem, &options).unwrap(), design_zero_forcing(&problem, &options).unwrap());
        assert!(found.mse <= forced.mse, "N = {devices}, {decibels} dB: {} {}", found.mse, forced.mse);
        let subspace = solver::relaxation::Relaxation::Mmse.solve(&problem, &options.relaxation).unwrap();
        let subspace = solver::recovery::dominant_subspace(&problem, subspace.primal.as_ref()).unwrap();
        let refined = refine(&problem, subspace.as_ref(), &options.refinement).unwrap();
        assert!(
            found.mse <= refined.mse * 1.01,
            "N = {devices}, {decibels} dB: {} {}",
            found.mse,
            refined.mse
        );
    }
}

/// A refinement that ends converged is stationary, and gains nothing by being started again: 200 starts at 70 dB, where the power limits are walls.
#[test]
fn converged_refinements_have_nothing_left_to_gain() {
    for seed in 0..200 {
        let channels = BlockFading::new(Fading::PAPER, 8, &[3; 4], seed).unwrap().block(0);
        let problem = Problem::new(channels, vec![1.0; 4], 1e-7).unwrap();
        let start = random_matrix(8, 3, 900 + seed);
        let refined = refine(&problem, start.as_ref(), &Refinement::default()).unwrap();
        if refined.converged && refined.stationarity > 1e-2 {
            let again = refine(&problem, refined.transceiver.aggregator(), &Refinement::default()).unwrap();
            panic!("seed {seed}: {} at {:.1e}, then {}", refined.mse, refined.stationarity, again.mse);
        }
    }
}

/// Zero forcing of a channel of condition 1e6 to 1e9 reaches its optimum, `σ² (Σ 1/s_i)²/p` for one device.
#[test]
fn zero_forcing_of_ill_conditioned_channels_is_designed() {
    for eps in [1e-6, 1e-7, 1e-8, 1e-9] {
        let problem = nearly_parallel(eps, 1.0, 1e-3);
        let singular = problem.channels()[0].singular_values().unwrap();
        let optimum = 1e-3 * singular.iter().map(|s| s.recip()).sum::<f64>().powi(2);
        let found = design_zero_forcing(&problem, &DesignOptions::default()).unwrap();
        // The least singular value is known to about 1e-15 of the largest.
        let known = 1e-6_f64.max(1e-14 / eps);
        assert!((found.mse / optimum - 1.0).abs() < known, "{eps:e}: {} {optimum}", found.mse);
        assert_eq!(found.method, Method::SingleDevice);
    }
    // Two such devices: no closed form, but no worse than from a random direction.
    for eps in [1e-6, 1e-7, 1e-8] {
        let channels =
            [2.0, 3.0].map(|gain| times(nearly_parallel(eps, 1.0, 1.0).channels()[0].as_ref(), gain));
        let problem = Problem::new(channels.to_vec(), vec![1.0; 2], 1e-3).unwrap();
        let found = design_zero_forcing(&problem, &DesignOptions::default()).unwrap();
        for seed in 0..5 {
            let random = scaled_zero_forcing(&problem, random_matrix(6, 2, seed).as_ref()).unwrap();
            assert!(
                found.mse <= error(&problem, &random),
                "{eps:e}: {} {}",
                found.mse,
                error(&problem, &random)
            );
        }
    }
}

/// What rounding leaves of the symbols is small, or zero forcing is refused.
#[test]
fn forced_symbols_are_forced() {
    let aggregator = random_matrix(6, 2, 4);
    let (mut forced, mut refused) = (0, 0);
    for exponent in 8..17 {
        let problem = nearly_parallel(10.0_f64.powi(-exponent), 1e40, 1.0);
        match zero_forcing(&problem, aggregator.as_ref()) {
            Ok(transceiver) => {
                let mismatch = transceiver.mean_squared_error(&problem).unwrap().mismatch;
                assert!(mismatch < 1e-4, "1e-{exponent}: {mismatch}");
                forced += 1;
            }
            Err(Error::RankDeficient { .. }) => refused += 1,
            Err(error) => panic!("1e-{exponent}: {error}"),
        }
    }
    assert!(forced >= 4 && refused >= 2, "{forced} forced, {refused} refused");
}

/// The filter exists at any noise, and is the best aggregator for its precoders.
#[test]
fn filters_and_alternation_stand_any_noise() {
    for decibels in [100.0, 160.0, 200.0, 250.0] {
        let channels = BlockFading::new(Fading::RAYLEIGH, 8, &[2; 3], 5).unwrap().block(0);
        let problem = Problem::new(channels, vec![1.0; 3], below_noise(decibels)).unwrap();
        let start = random_matrix(8, 2, 6);
        let options = Refinement { max_iterations: 20, ..Default::default() };
        let before = power_limited(&problem, start.as_ref()).unwrap();
        let alternated = alternating(&problem, start.as_ref(), &options).unwrap();
        assert!(alternated.mse <= error(&problem, &before), "{decibels} dB: {}", alternated.mse);
        let equal = equal_power(&problem).unwrap();
        let filter = mmse_aggregator(&problem, equal.precoders()).unwrap();
        let least =
            error(&problem, &Transceiver::new(&problem, filter.clone(), equal.precoders().to_vec()).unwrap());
        for seed in 0..3 {
            let nearby = &filter + times(random_matrix(8, 2, seed).as_ref(), 1e-3 * filter.norm_l2());
            let nearby = Transceiver::new(&problem, nearby, equal.precoders().to_vec()).unwrap();
            assert!(least <= error(&problem, &nearby), "{decibels} dB: {least}");
        }
    }
}

/// `max_iterations` limits the whole, whatever the number of descents.
#[test]
fn iterations_are_limited_over_all_descents() {
    let base = paper_problem(8, 3);
    for decibels in [0.0, 40.0, 60.0] {
        let problem = Problem::new(base.channels().to_vec(), vec![1.0; 8], below_noise(decibels)).unwrap();
        for most in [1, 4, 50, 500] {
            let options = Refinement { max_iterations: most, ..Default::default() };
            let start = base.channels()[0].as_ref();
            let refined = refine(&problem, start, &options).unwrap();
            assert!(refined.iterations as u64 <= most, "{decibels} dB: {} of {most}", refined.iterations);
            let forced = refine_zero_forcing(&problem, start, &options).unwrap();
            assert!(forced.iterations as u64 <= most, "{decibels} dB: {} of {most}", forced.iterations);
        }
    }
}

/// Nothing left to gain is converged also where no decrease counts as none.
#[test]
fn a_decrease_of_zero_converges() {
    let problem = paper_problem(4, 2);
    let options = Refinement { decrease: 0.0, ..Default::default() };
    let refined = refine(&problem, problem.channels()[0].as_ref(), &options).unwrap();
    assert!(refined.converged && refined.stationarity < 1e-5, "{:e}", refined.stationarity);
}

/// The same problem in other units, by their exponents: `2^h H_n`, `2^p p_n`, `2^v v_n`, `2^{p+2h} σ²`. Its aggregators are `2^{(v−p)/2−h} A`.
fn in_other_units(problem: &Problem, received: i32, power: i32, variance: i32) -> Problem {
    let exp2 = |exponent: i32| 2.0_f64.powi(exponent);
    let channels = problem.channels().iter().map(|h| times(h.as_ref(), exp2(received))).collect();
    let powers = problem.transmit_power().iter().map(|p| p * exp2(power)).collect();
    let noise = problem.noise_power() * exp2(power + 2 * received);
    let variances = problem.signal_variance().iter().map(|v| v * exp2(variance)).collect();
    Problem::new(channels, powers, noise).unwrap().with_signal_variance(variances).unwrap()
}

/// Every recovery, baseline and precoder gives the same in any units of power, gain and signal, to the last bit.
#[test]
fn transceivers_are_the_same_in_any_units() {
    let channels = BlockFading::new(Fading::PAPER, 8, &[2; 3], 5).unwrap().block(0);
    let problem = Problem::new(channels, vec![1.0, 0.3, 2.0], 0.1).unwrap();
    let problem = problem.with_signal_variance(vec![1.0, 2.0, 0.7]).unwrap();
    let start = random_matrix(8, 2, 4);
    let options = Refinement::default();
    let design_options = DesignOptions { candidates: 8, starts: 3, finalists: 1, ..Default::default() };
    let single = |problem: &Problem| {
        let (channel, power) = (problem.channels()[0].clone(), problem.transmit_power()[0]);
        let alone = Problem::new(vec![channel], vec![power], problem.noise_power()).unwrap();
        alone.with_signal_variance(problem.signal_variance()[..1].to_vec()).unwrap()
    };
    let errors = |problem: &Problem, start: MatRef<'_, c64>| {
        let of = |transceiver: Result<Transceiver, Error>| error(problem, &transceiver.unwrap());
        let designed = |design: Result<Design, Error>| {
            let design = design.unwrap();
            [design.mse, design.bound.unwrap()]
        };
        let alone = single(problem);
        let mut errors = vec![
            refine(problem, start, &options).unwrap().mse,
            refine_zero_forcing(problem, start, &options).unwrap().mse,
            alternating(problem, start, &Refinement { max_iterations: 30, ..options }).unwrap().mse,
            of(scaled_zero_forcing(problem, start)),
            of(truncated_inversion(problem, start, 0.1)),
            of(equal_power(problem)),
            error(&alone, &single_device(&alone).unwrap()),
        ];
        errors.extend(designed(design(problem, &design_options)));
        errors.extend(designed(design_zero_forcing(problem, &design_options)));
        errors
    };
    let usual = errors(&problem, start.as_ref());
    for (received, power, variance) in
        [(0, 0, 10), (190, 0, 0), (-190, 0, 0), (0, 380, 0), (0, -480, -100), (150, -300, 200), (3, 4, -6)]
    {
        let start = times(start.as_ref(), 2.0_f64.powi((variance - power) / 2 - received));
        let other = errors(&in_other_units(&problem, received, power, variance), start.as_ref());
        let expected: Vec<f64> = usual.iter().map(|mse| mse * 2.0_f64.powi(variance)).collect();
        assert_eq!(other, expected, "2^{received}, 2^{power}, 2^{variance}");
    }
}

/// Starts of any size are the start.
#[test]
fn starts_of_any_size_end_alike() {
    let channels = BlockFading::new(Fading::PAPER, 8, &[2; 3], 5).unwrap().block(0);
    let problem = Problem::new(channels, vec![1.0; 3], 0.1).unwrap();
    let start = random_matrix(8, 2, 4);
    let usual = refine(&problem, start.as_ref(), &Refinement::default()).unwrap();
    for exponent in [-300, -60, -30, 20, 39, 45, 50, 55, 60, 61, 160, 300] {
        let start = times(start.as_ref(), 10.0_f64.powi(exponent));
        let refined = refine(&problem, start.as_ref(), &Refinement::default()).unwrap();
        assert!(
            refined.converged && (refined.mse / usual.mse - 1.0).abs() < 1e-6,
            "1e{exponent}: {} {}",
            refined.mse,
            usual.mse
        );
    }
    // What the lemma says of a large aggregator does not overflow either.
    let forced = zero_forcing(&problem, times(start.as_ref(), 1e155).as_ref()).unwrap();
    assert!(forced.mean_squared_error(&problem).is_err(), "σ² ‖A‖² is no number");
}
