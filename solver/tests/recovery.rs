//! Recovery: each method against its start, its optimality conditions and the relaxations' bounds.

use crate::common::paper_problem;
use faer::{Mat, MatRef, c64};
use solver::channel::{BlockFading, Fading};
use solver::recovery::{
    Randomization, Refinement, alternating, dominant_subspace, gaussian_randomization, refine,
    refine_zero_forcing, scaled_zero_forcing,
};
use solver::relaxation::{Options, Relaxation, trace_inverse};
use solver::transceiver::{mmse_aggregator, power_limited};
use solver::{Error, Problem, Quantity};

fn random_matrix(rows: usize, columns: usize, seed: u64) -> Mat<c64> {
    BlockFading::new(Fading::RAYLEIGH, rows, &[columns], seed).unwrap().block(0).remove(0)
}

fn random_problem(receive: usize, transmit: &[usize], noise: f64, seed: u64) -> Problem {
    let channels = BlockFading::new(Fading::PAPER, receive, transmit, seed).unwrap().block(0);
    Problem::new(channels, vec![1.0; transmit.len()], noise).unwrap()
}

/// `A + step·E`.
fn moved(a: MatRef<'_, c64>, e: MatRef<'_, c64>, step: f64) -> Mat<c64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] + e[(i, j)] * step)
}

/// `F(A)`: the MSE with the best precoders.
fn best_error(problem: &Problem, aggregator: MatRef<'_, c64>) -> f64 {
    power_limited(problem, aggregator).unwrap().mean_squared_error(problem).unwrap().total()
}

/// `X = A A^H` of rank `L` comes back with its value, for all three relaxations' meaning of a value.
#[test]
fn dominant_subspace_is_exact_up_to_rank_l() {
    let problem = paper_problem(3, 5);
    for rank in [2, 4] {
        let factor = random_matrix(20, rank, 3);
        let x = &factor * factor.adjoint();
        let aggregator = dominant_subspace(&problem, x.as_ref()).unwrap();
        let difference = &aggregator * aggregator.adjoint() - &x;
        assert!(difference.norm_l2() < 1e-12 * x.norm_l2());
        let columns = Mat::from_fn(20, 4, |i, j| if j < rank { factor[(i, j)] } else { c64::new(0.0, 0.0) });
        let (found, given) =
            (best_error(&problem, aggregator.as_ref()), best_error(&problem, columns.as_ref()));
        // Eigenvalues that are zero but for rounding ε leave columns of size √ε.
        assert!((found - given).abs() < 1e-7 * given, "rank {rank}: {found} {given}");
        if rank == 4 {
            let alpha = |a: MatRef<'_, c64>| scaled_zero_forcing(&problem, a).unwrap().alpha();
            assert!((alpha(aggregator.as_ref()) / alpha(columns.as_ref()) - 1.0).abs() < 1e-9);
        }
    }
    // One device: the relaxation itself has rank L, and its subspace attains it.
    let problem = paper_problem(1, 5);
    let solution =
        Relaxation::Mmse.solve(&problem, &Options { relative_gap: 1e-9, ..Default::default() }).unwrap();
    let aggregator = dominant_subspace(&problem, solution.primal.as_ref()).unwrap();
    assert!(best_error(&problem, aggregator.as_ref()) < solution.certificate.lower * (1.0 + 1e-6));
}

/// Above rank `L` it is the best approximation by rank `L` (Eckart–Young), no more.
#[test]
fn dominant_subspace_drops_what_exceeds_rank_l() {
    let problem = paper_problem(3, 5);
    let diagonal = Mat::from_fn(20, 20, |i, j| c64::new(if i == j { 20.0 - i as f64 } else { 0.0 }, 0.0));
    let aggregator = dominant_subspace(&problem, diagonal.as_ref()).unwrap();
    let difference = &aggregator * aggregator.adjoint() - &diagonal;
    let dropped: f64 = (1..=16).map(|value| f64::from(value * value)).sum();
    assert!((difference.norm_l2() - dropped.sqrt()).abs() < 1e-9);
    assert!(matches!(
        dominant_subspace(&problem, Mat::<c64>::zeros(20, 4).as_ref()),
        Err(Error::Shape { quantity: Quantity::PrimalMatrix, expected: (20, 20), found: (20, 4), .. })
    ));
}

/// A refined aggregator is a stationary point of the MSE with the best precoders: central differences along random directions vanish
/// to first order, while at a point that is not refined they do not.
#[test]
fn refined_points_are_stationary() {
    for (problem, seed) in [
        (paper_problem(4, 2), 1),
        (paper_problem(3, 3).with_signal_variance(vec![0.2, 1.0, 3.0]).unwrap(), 2),
        (paper_problem(3, 4).with_streams(2).unwrap(), 3),
    ] {
        let start = random_matrix(20, problem.streams(), seed);
        let refined = refine(&problem, start.as_ref(), &Refinement::default()).unwrap();
        assert!(refined.mse <= best_error(&problem, start.as_ref()));
        let point = refined.transceiver.aggregator();
        let slope = |at: MatRef<'_, c64>, index: u64| {
            let direction = random_matrix(20, problem.streams(), 100 + index);
            let step = 1e-5 / direction.norm_l2();
            let ahead = best_error(&problem, moved(at, direction.as_ref(), step).as_ref());
            let behind = best_error(&problem, moved(at, direction.as_ref(), -step).as_ref());
            ((ahead - behind) / 2e-5).abs()
        };
        for index in 0..10 {
            assert!(slope(point, index) < 1e-4 * refined.mse, "{}", slope(point, index));
        }
        let off = moved(point, start.as_ref(), 0.01);
        assert!((0..10).map(|index| slope(off.as_ref(), index)).fold(0.0, f64::max) > 1e-3 * refined.mse);
    }
}

/// Zero-forcing refinement beats its start, respects the `trace_inverse` bound, is tight for one and two devices, and no random
/// direction lowers `α` to first order.
#[test]
fn zero_forcing_refinement_reaches_the_bound() {
    let options = Options { relative_gap: 1e-6, ..Default::default() };
    for (devices, most) in [(1, 1e-3), (2, 1e-2), (4, 0.04), (8, 0.09)] {
        let (mut sum, mut bounds) = (0.0, 0.0);
        for seed in 0..5 {
            let problem = paper_problem(devices, seed);
            let relaxed = trace_inverse::solve(&problem, &options).unwrap();
            let start =
                gaussian_randomization(&problem, relaxed.primal.as_ref(), &Randomization::default()).unwrap();
            let refined = refine_zero_forcing(&problem, start.aggregator(), &Refinement::default()).unwrap();
            refined.transceiver.check_power(&problem).unwrap();
            let (alpha, bound) = (refined.transceiver.alpha(), relaxed.certificate.lower);
            assert!(bound <= alpha && alpha <= start.alpha(), "{bound} {alpha} {}", start.alpha());
            assert!((refined.mse - alpha).abs() < 1e-9 * alpha, "σ² = 1");
            assert!(refined.converged, "N = {devices}, seed {seed}");
            assert!(refined.stationarity < 0.02, "N = {devices}, seed {seed}: {}", refined.stationarity);
            let point = refined.transceiver.aggregator();
            for index in 0..10 {
                let direction = random_matrix(20, 4, 50 + index);
                let step = 1e-4 * point.norm_l2() / direction.norm_l2();
                let near =
                    scaled_zero_forcing(&problem, moved(point, direction.as_ref(), step).as_ref()).unwrap();
                assert!(near.alpha() > alpha * (1.0 - 3e-6), "N = {devices}: {} < {alpha}", near.alpha());
            }
            sum += alpha;
            bounds += bound;
        }
        println!("N = {devices}: {:.2} % above the bound", 100.0 * (sum / bounds - 1.0));
        assert!(sum <= bounds * (1.0 + most), "N = {devices}: {sum} {bounds}");
    }
}

/// Unequal variances and powers, and fewer streams than antennas.
#[test]
fn zero_forcing_refinement_takes_any_problem() {
    let variances = vec![0.1, 1.0, 5.0];
    let channels = paper_problem(3, 8).channels().to_vec();
    let problem = Problem::new(channels, vec![0.5, 1.0, 3.0], 0.1).unwrap();
    for problem in [
        problem.clone().with_signal_variance(variances).unwrap(),
        problem.with_streams(2).unwrap(),
        random_problem(6, &[3, 5, 4], 1.0, 2),
    ] {
        let start = random_matrix(problem.receive_antennas(), problem.streams(), 4);
        let before = scaled_zero_forcing(&problem, start.as_ref()).unwrap();
        let refined = refine_zero_forcing(&problem, start.as_ref(), &Refinement::default()).unwrap();
        refined.transceiver.check_power(&problem).unwrap();
        assert!(refined.transceiver.alpha() < 0.9 * before.alpha());
        let error = refined.transceiver.mean_squared_error(&problem).unwrap();
        assert!(error.mismatch < 1e-15 * error.noise.max(1.0));
    }
    let problem = paper_problem(2, 1);
    let result = refine_zero_forcing(&problem, Mat::zeros(20, 4).as_ref(), &Refinement::default());
    assert!(matches!(result, Err(Error::RankDeficient { quantity: Quantity::Aggregator, .. })));
    let options = Refinement { max_iterations: 0, ..Default::default() };
    let result = refine_zero_forcing(&problem, random_matrix(20, 4, 1).as_ref(), &options);
    assert!(matches!(result, Err(Error::InvalidOption { option: "max_iterations", .. })));
}

/// Channels of any condition number: scaled zero forcing is within its limits wherever it exists.
#[test]
fn scaled_zero_forcing_takes_ill_conditioned_channels() {
    for exponent in [4, 6, 8, 10, 12] {
        for seed in 0..20 {
            let weak = Mat::from_fn(2, 2, |i, j| {
                c64::new(if i == j { 10.0_f64.powi(-exponent * i as i32) } else { 0.0 }, 0.0)
            });
            let channel = random_matrix(4, 2, seed) * weak * random_matrix(2, 2, 100 + seed);
            let problem = Problem::new(vec![channel], vec![1.0], 1.0).unwrap();
            let start = random_matrix(4, 2, 200 + seed);
            let forced = scaled_zero_forcing(&problem, start.as_ref()).unwrap();
            let power = forced.transmit_power(&problem)[0];
            // What the condition number makes of rounding is lost power.
            let rounding = 1e-14 * 10.0_f64.powi(exponent);
            assert!(power <= 1.0 + 1e-14 && power >= 1.0 - rounding, "{power}");
            let refined = refine_zero_forcing(&problem, start.as_ref(), &Refinement::default()).unwrap();
            assert!(refined.transceiver.alpha() <= forced.alpha());
        }
    }
}

/// The LMMSE aggregator is the minimum of a convex quadratic: every move away costs what the covariance says.
/// Channels of any condition number; and of a matrix that is Hermitian by rounding only, both triangles count.
#[test]
fn randomization_takes_any_channels_and_both_triangles() {
    for seed in 0..40 {
        let condition = 10.0_f64.powi(5 + (seed % 5) as i32);
        let channels = (0..3).map(|n| {
            let mut channel = random_matrix(6, 2, 3 * seed + n);
            (0..6).for_each(|i| channel[(i, 1)] = channel[(i, 0)] + channel[(i, 1)] / condition);
            channel
        });
        let problem = Problem::new(channels.collect(), vec![1.0; 3], 1.0).unwrap();
        let drawn = gaussian_randomization(&problem, Mat::identity(6, 6).as_ref(), &Randomization::default());
        drawn.unwrap().check_power(&problem).unwrap();
    }
    let problem = random_problem(4, &[2, 2], 1.0, 9);
    let factor = random_matrix(4, 4, 10);
    let hermitian = &factor * factor.adjoint();
    let skew = &factor - factor.adjoint();
    let draw =
        |relaxed: Mat<c64>| gaussian_randomization(&problem, relaxed.as_ref(), &Randomization::default());
    let (one, other) = (draw(hermitian.clone()).unwrap(), draw(&hermitian + &skew).unwrap());
    assert!((one.alpha() / other.alpha() - 1.0).abs() < 1e-9, "{}, {}", one.alpha(), other.alpha());
}

#[test]
fn mmse_aggregator_is_the_best_for_its_precoders() {
    let problem = paper_problem(3, 6).with_signal_variance(vec![0.5, 1.0, 2.0]).unwrap();
    let precoders = power_limited(&problem, random_matrix(20, 4, 2).as_ref()).unwrap().precoders().to_vec();
    let aggregator = mmse_aggregator(&problem, &precoders).unwrap();
    let error = |aggregator: Mat<c64>| {
        let transceiver =
            solver::transceiver::Transceiver::new(&problem, aggregator, precoders.clone()).unwrap();
        transceiver.mean_squared_error(&problem).unwrap().total()
    };
    let least = error(aggregator.clone());
    for seed in 0..10 {
        let direction = random_matrix(20, 4, seed);
        let (ahead, behind) = (
            error(moved(aggregator.as_ref(), direction.as_ref(), 1e-3)),
            error(moved(aggregator.as_ref(), direction.as_ref(), -1e-3)),
        );
        assert!(ahead > least && behind > least);
        assert!((ahead - behind).abs() < 1e-6 * (ahead - least), "no first-order term");
    }
    assert!(matches!(
        mmse_aggregator(&problem, &precoders[..2]),
        Err(Error::DeviceCount { quantity: Quantity::Precoder, devices: 3, found: 2 })
    ));
}

/// Each round of alternating lowers the MSE or leaves it, and it ends where refinement from its end finds nothing more.
#[test]
fn alternating_decreases_monotonically() {
    let problem = paper_problem(4, 9).with_signal_variance(vec![0.5, 1.0, 2.0, 1.0]).unwrap();
    let start = random_matrix(20, 4, 1);
    let run = |max_iterations| {
        alternating(&problem, start.as_ref(), &Refinement { decrease: 1e-10, max_iterations }).unwrap()
    };
    let mut last = best_error(&problem, start.as_ref());
    for rounds in 1..30 {
        let now = run(rounds).mse;
        assert!(now < last, "round {rounds}: {now} after {last}");
        last = now;
    }
    let end = run(100_000);
    assert!(end.converged && end.stationarity < 1e-3, "{} {}", end.iterations, end.stationarity);
    end.transceiver.check_power(&problem).unwrap();
    let refined = refine(&problem, end.transceiver.aggregator(), &Refinement::default()).unwrap();
    assert!(refined.mse > end.mse * (1.0 - 1e-4), "{} {}", refined.mse, end.mse);
    let result = alternating(&problem, start.as_ref(), &Refinement { decrease: f64::NAN, max_iterations: 5 });
    assert!(matches!(result, Err(Error::InvalidOption { option: "decrease", .. })));
}
