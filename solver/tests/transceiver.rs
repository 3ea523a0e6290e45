//! Transceivers: the error (7) against simulation, both precoders against their optimality conditions, recovery.

use crate::common::{paper_problem, references};
use faer::linalg::solvers::Solve;
use faer::{Mat, c64};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use solver::channel::{BlockFading, Fading};
use solver::recovery::{Randomization, Refinement, gaussian_randomization, refine, scaled_zero_forcing};
use solver::relaxation::{lambda_min, mmse};
use solver::transceiver::{Transceiver, power_limited, zero_forcing};
use solver::{Error, Problem, Quantity};

fn paper_pipeline(problem: &Problem) -> Transceiver {
    let relaxed = lambda_min::solve(problem, &Default::default()).unwrap();
    gaussian_randomization(problem, relaxed.primal.as_ref(), &Randomization::default()).unwrap()
}

fn squared_norm(matrix: &Mat<c64>) -> f64 {
    (0..matrix.ncols()).map(|j| (0..matrix.nrows()).map(|i| matrix[(i, j)].norm_sqr()).sum::<f64>()).sum()
}

/// (7) is the mean of ‖ŝ − s‖² over symbols and noise: 20,000 simulated channel uses, 99.9 % interval.
#[test]
fn error_formula_agrees_with_simulation() {
    let problem = paper_problem(3, 2).with_signal_variance(vec![0.5, 1.0, 2.0]).unwrap();
    let refined = refine(&problem, paper_pipeline(&problem).aggregator(), &Refinement::default()).unwrap();
    let a = refined.transceiver.aggregator();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let (mut sum, mut squares, trials) = (0.0, 0.0, 20_000);
    for _ in 0..trials {
        let mut received = Fading::RAYLEIGH.draw(20, 1, &mut rng).unwrap();
        let mut wanted = Mat::<c64>::zeros(4, 1);
        for (n, precoder) in refined.transceiver.precoders().iter().enumerate() {
            let deviation = problem.signal_variance()[n].sqrt();
            let unit = Fading::RAYLEIGH.draw(4, 1, &mut rng).unwrap();
            let symbols = Mat::from_fn(4, 1, |i, j| unit[(i, j)] * deviation);
            received += &problem.channels()[n] * (precoder * &symbols);
            wanted += symbols;
        }
        let error = squared_norm(&(a.adjoint() * received - wanted));
        sum += error;
        squares += error * error;
    }
    let mean = sum / trials as f64;
    let deviation = ((squares / trials as f64 - mean * mean) / trials as f64).sqrt();
    assert!((mean - refined.mse).abs() < 3.3 * deviation, "{mean} ± {deviation}, formula {}", refined.mse);
}

#[test]
fn zero_forcing_inverts_the_channel_at_the_lemmas_power() {
    let problem = paper_problem(4, 3);
    let transceiver = paper_pipeline(&problem);
    let error = transceiver.mean_squared_error(&problem).unwrap();
    assert!(error.mismatch < 1e-18 * error.noise.max(1.0));
    assert!((error.noise - problem.noise_power() * transceiver.alpha()).abs() < 1e-12);
    // Scaled to the true constraint: the neediest device transmits exactly its limit.
    let most = transceiver.transmit_power(&problem).into_iter().fold(0.0, f64::max);
    assert!((most - 1.0).abs() < 1e-9);
}

#[test]
fn zero_forcing_refuses_what_the_lemma_does_not_cover() {
    let problem = paper_problem(2, 4);
    let good = paper_pipeline(&problem);
    let weak = Mat::from_fn(20, 4, |i, j| good.aggregator()[(i, j)] * 0.5);
    match zero_forcing(&problem, weak.as_ref()) {
        Err(Error::PowerExceeded { required, available, .. }) => {
            assert!((required / available - 4.0).abs() < 1e-6);
        }
        other => panic!("{other:?}"),
    }
    let mut rank_one = good.aggregator().to_owned();
    for row in 0..20 {
        rank_one[(row, 1)] = rank_one[(row, 0)];
    }
    let result = zero_forcing(&problem, rank_one.as_ref());
    assert!(
        matches!(result, Err(Error::RankDeficient { quantity: Quantity::Aggregator, columns: 4, .. })),
        "{result:?}"
    );
    let result = scaled_zero_forcing(&problem, rank_one.as_ref());
    assert!(matches!(result, Err(Error::RankDeficient { .. })), "{result:?}");
    // A channel that cancels the aggregator leaves rounding of full rank, which is no rank.
    let channel = &problem.channels()[1];
    let gram = (channel.adjoint() * channel).full_piv_lu();
    let aggregator = good.aggregator() - channel * gram.solve(channel.adjoint() * good.aggregator());
    for result in
        [zero_forcing(&problem, aggregator.as_ref()), scaled_zero_forcing(&problem, aggregator.as_ref())]
    {
        assert!(matches!(result, Err(Error::RankDeficient { device: 1, .. })), "{result:?}");
    }
    // The power-limited precoders exist all the same, and pay for the lost direction.
    let limited = power_limited(&problem, rank_one.as_ref()).unwrap();
    assert!(limited.mean_squared_error(&problem).unwrap().mismatch > 0.5);
}

/// A column of `A` so far below the others that squares leave the floating-point range is a stream that is silent.
#[test]
fn columns_of_any_size_have_power_limited_precoders() {
    let random = |rows, columns: &[usize], seed| {
        BlockFading::new(Fading::RAYLEIGH, rows, columns, seed).unwrap().block(0)
    };
    for seed in 0..20 {
        let full = Problem::new(random(4, &[3, 3, 3, 3], seed), vec![0.1, 1.0, 3.0, 9.0], 0.1).unwrap();
        let own = full.clone().with_device_streams(vec![vec![0], vec![1], vec![2], vec![0]]).unwrap();
        for (problem, exponent) in [60, 75, 100, 120, 140, 154, 158, 160, 162, 165, 200]
            .into_iter()
            .flat_map(|exponent| [(&full, exponent), (&own, exponent)])
        {
            let mut aggregator = random(4, &[3], 1000 + seed).remove(0);
            (0..4).for_each(|row| aggregator[(row, 0)] *= 10.0_f64.powi(-exponent));
            let limited = power_limited(problem, aggregator.as_ref()).unwrap();
            check_limits(problem, &limited);
            let few = Refinement { max_iterations: 5, ..Default::default() };
            let refined = refine(problem, aggregator.as_ref(), &few).unwrap();
            check_limits(problem, &refined.transceiver);
            assert!(refined.mse <= limited.mean_squared_error(problem).unwrap().total());
            if exponent > 70 {
                (0..4).for_each(|row| aggregator[(row, 0)] = c64::new(0.0, 0.0));
                let silent = power_limited(problem, aggregator.as_ref()).unwrap();
                let [silent, limited] =
                    [silent, limited].map(|t| t.mean_squared_error(problem).unwrap().total());
                assert!((silent - limited).abs() <= 1e-12 * silent, "{silent} {limited}");
            }
        }
    }
}

/// No precoder takes more than its limit, but for the rounding of the power itself.
#[track_caller]
fn check_limits(problem: &Problem, transceiver: &Transceiver) {
    for (power, limit) in transceiver.transmit_power(problem).iter().zip(problem.transmit_power()) {
        assert!(*power <= limit * (1.0 + 1e-14), "{} above", power / limit - 1.0);
    }
}

/// A direction that zero forcing can nearly afford: its precoder is shortened.
#[test]
fn zero_forcing_keeps_to_the_limit() {
    let problem = paper_problem(3, 4);
    let good = scaled_zero_forcing(&problem, paper_pipeline(&problem).aggregator()).unwrap();
    check_limits(&problem, &good);
    for excess in [1e-12, 1e-10, 9e-10] {
        let weaker = Mat::from_fn(20, 4, |i, j| good.aggregator()[(i, j)] * (1.0 - 0.5 * excess));
        let limited = zero_forcing(&problem, weaker.as_ref()).unwrap();
        check_limits(&problem, &limited);
        let refined = refine(&problem, weaker.as_ref(), &Refinement::default()).unwrap();
        check_limits(&problem, &refined.transceiver);
        assert!(refined.mse <= limited.mean_squared_error(&problem).unwrap().total());
    }
}

/// Karush–Kuhn–Tucker: `(M_n + μ_n I) B_n = D_n` with `μ_n ≥ 0`, and `μ_n > 0` only at full power.
#[test]
fn power_limited_precoders_satisfy_their_optimality_conditions() {
    for (seed, scale) in [(1, 0.05), (2, 0.3), (3, 1.0), (4, 30.0)] {
        let problem = paper_problem(3, seed);
        let start = paper_pipeline(&problem);
        let aggregator = Mat::from_fn(20, 4, |i, j| start.aggregator()[(i, j)] * scale);
        let transceiver = power_limited(&problem, aggregator.as_ref()).unwrap();
        let powers = transceiver.transmit_power(&problem);
        for (n, precoder) in transceiver.precoders().iter().enumerate() {
            let seen = problem.channels()[n].adjoint() * &aggregator;
            let residual = &seen - &seen * (seen.adjoint() * precoder);
            // residual = μ B
            let inner: f64 = (0..4)
                .map(|j| (0..4).map(|i| (residual[(i, j)] * precoder[(i, j)].conj()).re).sum::<f64>())
                .sum();
            let multiplier = inner / squared_norm(precoder);
            let rest =
                squared_norm(&Mat::from_fn(4, 4, |i, j| residual[(i, j)] - precoder[(i, j)] * multiplier));
            assert!(rest.sqrt() < 1e-9 * squared_norm(&seen).sqrt(), "seed {seed} device {n}: {rest}");
            assert!(multiplier > -1e-9, "{multiplier}");
            assert!(
                multiplier < 1e-9 || (powers[n] - 1.0).abs() < 1e-9,
                "μ = {multiplier} at power {}",
                powers[n]
            );
        }
    }
}

#[test]
fn refined_is_never_worse_than_the_paper_and_never_below_the_bound() {
    for reference in references().unwrap_or_default() {
        let paper = paper_pipeline(&reference.problem);
        let refined = refine(&reference.problem, paper.aggregator(), &Refinement::default()).unwrap();
        let paper = paper.mean_squared_error(&reference.problem).unwrap().total();
        assert!(refined.mse <= paper, "{}: {} > {paper}", reference.name, refined.mse);
        assert!(refined.stationarity < 1e-4, "{}: {}", reference.name, refined.stationarity);
        refined.transceiver.check_power(&reference.problem).unwrap();
        match mmse::lower_bound(&reference.problem, &Default::default()).unwrap() {
            Some(bound) => assert!(refined.mse >= bound * (1.0 - 1e-12), "{}", reference.name),
            None => assert_eq!(reference.name, "unequal-antennas"),
        }
    }
}

/// Also where nothing but rounding is left of the error: channels of any scale, to the last bit.
#[test]
fn refined_is_never_worse_than_the_paper_at_any_scale() {
    for seed in 0..5 {
        for scale in [1e-6, 1e6, 1e12] {
            let base = paper_problem(3, seed);
            let scaled = |h: &Mat<c64>| Mat::from_fn(20, 4, |i, j| h[(i, j)] * scale);
            let channels = base.channels().iter().map(scaled).collect();
            let problem = Problem::new(channels, vec![1.0; 3], 1.0).unwrap();
            let paper = paper_pipeline(&problem);
            let refined = refine(&problem, paper.aggregator(), &Refinement::default()).unwrap();
            let paper = paper.mean_squared_error(&problem).unwrap().total();
            assert!(refined.mse <= paper, "seed {seed}, scale {scale:e}: {} > {paper}", refined.mse);
            let recomputed = refined.transceiver.mean_squared_error(&problem).unwrap().total();
            assert_eq!(refined.mse.to_bits(), recomputed.to_bits());
        }
    }
}

/// The figure: at N = 8 in the paper's setting the mean MSE over 20 channels is at most a third of the paper's.
#[test]
fn refinement_is_worth_a_factor_of_three_at_eight_devices() {
    let (mut paper, mut refined, mut bound) = (0.0, 0.0, 0.0);
    for seed in 0..20 {
        let problem = paper_problem(8, seed);
        let start = paper_pipeline(&problem);
        paper += start.mean_squared_error(&problem).unwrap().total();
        refined += refine(&problem, start.aggregator(), &Refinement::default()).unwrap().mse;
        bound += mmse::lower_bound(&problem, &Default::default()).unwrap().unwrap();
    }
    println!(
        "mean over 20 channels: paper {}, refined {}, bound {}",
        paper / 20.0,
        refined / 20.0,
        bound / 20.0
    );
    assert!(refined <= paper / 3.0, "paper {paper}, refined {refined}");
    assert!(refined <= 1.06 * bound, "refined {refined}, bound {bound}");
}

/// Far above the noise, where the problem is a stiff penalty on mismatch, refinement still ends near its certified bound and
/// ahead of zero forcing along its own aggregator.
#[test]
fn refinement_stands_high_signal_to_noise_ratios() {
    for (devices, seed, gap) in [(2, 1, 1e-3), (8, 2, 0.1)] {
        let base = paper_problem(devices, seed);
        for noise in [1e-2, 1e-5, 1e-10] {
            let problem = Problem::new(base.channels().to_vec(), vec![1.0; devices], noise).unwrap();
            let refined =
                refine(&problem, paper_pipeline(&problem).aggregator(), &Refinement::default()).unwrap();
            assert!(refined.converged, "N = {devices}, noise {noise:e}: {} iterations", refined.iterations);
            let forced = scaled_zero_forcing(&problem, refined.transceiver.aggregator()).unwrap();
            assert!(refined.mse <= forced.mean_squared_error(&problem).unwrap().total() * (1.0 + 1e-9));
            let bound = mmse::lower_bound(&problem, &Default::default()).unwrap().unwrap();
            assert!(bound <= refined.mse && refined.mse <= bound * (1.0 + gap), "{bound} {}", refined.mse);
        }
    }
}

#[test]
fn one_seed_gives_one_result() {
    let problem = paper_problem(4, 6);
    let relaxed = lambda_min::solve(&problem, &Default::default()).unwrap();
    let draw = |seed| {
        gaussian_randomization(&problem, relaxed.primal.as_ref(), &Randomization { draws: 10, seed })
            .unwrap()
            .alpha()
    };
    assert_eq!(draw(3).to_bits(), draw(3).to_bits());
    assert_ne!(draw(3).to_bits(), draw(4).to_bits());
}

#[test]
fn more_draws_never_hurt() {
    let problem = paper_problem(4, 6);
    let relaxed = lambda_min::solve(&problem, &Default::default()).unwrap();
    let alpha = |draws| {
        gaussian_randomization(&problem, relaxed.primal.as_ref(), &Randomization { draws, seed: 1 })
            .unwrap()
            .alpha()
    };
    assert!(alpha(100) <= alpha(10) && alpha(10) <= alpha(1));
    assert!(matches!(
        gaussian_randomization(&problem, relaxed.primal.as_ref(), &Randomization { draws: 0, seed: 1 }),
        Err(Error::InvalidOption { option: "draws", .. })
    ));
}

/// With fewer streams than antennas everything works but the bound.
#[test]
fn fewer_streams_than_antennas() {
    let problem = paper_problem(3, 7).with_streams(2).unwrap();
    let start = paper_pipeline(&problem);
    assert_eq!((start.aggregator().nrows(), start.aggregator().ncols()), (20, 2));
    let refined = refine(&problem, start.aggregator(), &Refinement::default()).unwrap();
    assert!(refined.mse <= start.mean_squared_error(&problem).unwrap().total());
    assert_eq!(mmse::lower_bound(&problem, &Default::default()).unwrap(), None);
}

#[test]
fn transceivers_for_another_problem_are_refused() {
    let transceiver = paper_pipeline(&paper_problem(2, 1));
    assert!(matches!(
        transceiver.mean_squared_error(&paper_problem(3, 1)),
        Err(Error::DeviceCount { quantity: Quantity::Precoder, devices: 3, found: 2 })
    ));
    let fewer = paper_problem(2, 1).with_streams(3).unwrap();
    assert!(matches!(
        transceiver.mean_squared_error(&fewer),
        Err(Error::Shape { quantity: Quantity::Aggregator, expected: (20, 3), found: (20, 4), .. })
    ));
}
