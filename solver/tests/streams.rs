//! Devices that contribute to some of the sums only: error, precoders, refinement and bounds, against simulation, optimality
//! conditions, and the problems that they fall apart into.

use crate::common::paper_problem;
use faer::{Mat, MatRef, c64};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use solver::baseline::{equal_power, single_device_bound, truncated_inversion};
use solver::channel::{BlockFading, Fading};
use solver::csi;
use solver::recovery::{
    Refinement, alternating, design, lower_bound, refine, refine_zero_forcing, scaled_zero_forcing,
};
use solver::relaxation::{mmse, trace_inverse};
use solver::transceiver::{Transceiver, mmse_aggregator, power_limited, zero_forcing};
use solver::{Error, Problem, Quantity};

fn random_matrix(rows: usize, columns: usize, seed: u64) -> Mat<c64> {
    BlockFading::new(Fading::RAYLEIGH, rows, &[columns], seed).unwrap().block(0).remove(0)
}

/// Three devices of 2, 3 and 2 antennas that serve 2, 2 and 1 of four sums: more sums than any device has antennas.
fn uneven_problem(noise: f64, seed: u64) -> Problem {
    let channels = BlockFading::new(Fading::PAPER, 8, &[2, 3, 2], seed).unwrap().block(0);
    let problem = Problem::new(channels, vec![0.5, 1.0, 2.0], noise).unwrap();
    let problem = problem.with_signal_variance(vec![1.0, 2.0, 0.5]).unwrap();
    problem.with_device_streams(vec![vec![0, 2], vec![1, 3], vec![3]]).unwrap()
}

fn squared_norm(matrix: MatRef<'_, c64>) -> f64 {
    matrix.col_iter().flat_map(|column| column.iter()).map(|entry| entry.norm_sqr()).sum()
}

fn inner(a: MatRef<'_, c64>, b: MatRef<'_, c64>) -> f64 {
    (0..a.ncols()).map(|j| (0..a.nrows()).map(|i| (a[(i, j)].conj() * b[(i, j)]).re).sum::<f64>()).sum()
}

fn selection(problem: &Problem, device: usize) -> Mat<c64> {
    let streams = &problem.device_streams()[device];
    Mat::from_fn(problem.streams(), streams.len(), |i, j| {
        c64::new(if streams[j] == i { 1.0 } else { 0.0 }, 0.0)
    })
}

fn error(problem: &Problem, transceiver: &Transceiver) -> f64 {
    transceiver.mean_squared_error(problem).unwrap().total()
}

/// The formula is the mean of `‖ŝ − s‖²` over symbols and noise: 20,000 simulated channel uses.
#[test]
fn error_formula_agrees_with_simulation() {
    let problem = uneven_problem(0.3, 1);
    let transceiver = power_limited(&problem, random_matrix(8, 4, 2).as_ref()).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let errors = (0..20_000).map(|_| {
        let noise = Fading::RAYLEIGH.draw(8, 1, &mut rng).unwrap();
        let mut received = Mat::from_fn(8, 1, |i, _| noise[(i, 0)] * problem.noise_power().sqrt());
        let mut wanted = Mat::<c64>::zeros(4, 1);
        for (n, precoder) in transceiver.precoders().iter().enumerate() {
            let unit = Fading::RAYLEIGH.draw(problem.device_streams()[n].len(), 1, &mut rng).unwrap();
            let symbols = unit * faer::Scale(c64::from(problem.signal_variance()[n].sqrt()));
            received += &problem.channels()[n] * (precoder * &symbols);
            wanted += selection(&problem, n) * symbols;
        }
        squared_norm((transceiver.aggregator().adjoint() * received - wanted).as_ref())
    });
    crate::common::assert_within(errors, error(&problem, &transceiver));
}

/// Karush–Kuhn–Tucker: `D_n (E_n − D_n^H B_n) = μ_n B_n` with `μ_n ≥ 0`, and `μ_n > 0` only at full power.
#[test]
fn power_limited_precoders_satisfy_their_optimality_conditions() {
    let (mut bound, mut slack) = (false, false);
    for (seed, scale) in [(1, 0.05), (2, 0.3), (3, 1.0), (4, 30.0)] {
        let problem = uneven_problem(1.0, seed);
        let aggregator = random_matrix(8, 4, seed + 10) * faer::Scale(c64::from(scale));
        let transceiver = power_limited(&problem, aggregator.as_ref()).unwrap();
        let powers = transceiver.transmit_power(&problem);
        for (n, b) in transceiver.precoders().iter().enumerate() {
            let seen = problem.channels()[n].adjoint() * &aggregator;
            let slope = &seen * (selection(&problem, n) - seen.adjoint() * b);
            let multiplier = inner(b.as_ref(), slope.as_ref()) / squared_norm(b.as_ref());
            let rest = slope - b * faer::Scale(c64::from(multiplier));
            let size = squared_norm(seen.as_ref()).sqrt();
            assert!(rest.norm_l2() < 1e-9 * size, "seed {seed} device {n}");
            let unit = size * size;
            assert!(multiplier > -1e-9 * unit, "{multiplier}");
            let full = (powers[n] / problem.transmit_power()[n] - 1.0).abs() < 1e-9;
            assert!(multiplier < 1e-9 * unit || full, "μ = {multiplier} at power {}", powers[n]);
            (bound, slack) = (bound || full, slack || !full);
        }
    }
    assert!(bound && slack, "both cases occur");
}

/// At a refined transceiver no direction lowers the MSE, and refinement beats where it started and random aggregators.
#[test]
fn refined_is_stationary_and_beats_random_aggregators() {
    for seed in 0..4 {
        let problem = uneven_problem(0.1, seed);
        let best = |a: MatRef<'_, c64>| error(&problem, &power_limited(&problem, a).unwrap());
        let start = random_matrix(8, 4, seed + 20);
        let refined = refine(&problem, start.as_ref(), &Refinement::default()).unwrap();
        refined.transceiver.check_power(&problem).unwrap();
        assert_eq!(refined.mse.to_bits(), error(&problem, &refined.transceiver).to_bits());
        assert!(refined.stationarity < 1e-3, "{}", refined.stationarity);
        let a = refined.transceiver.aggregator();
        for other in 0..20 {
            let direction = random_matrix(8, 4, 100 + other);
            assert!(refined.mse < best(direction.as_ref()));
            let step = 1e-4 * (squared_norm(a) / squared_norm(direction.as_ref())).sqrt();
            let near = a + &direction * faer::Scale(c64::from(step));
            assert!(refined.mse <= best(near.as_ref()) * (1.0 + 1e-9));
        }
        let turned = alternating(&problem, start.as_ref(), &Refinement::default()).unwrap();
        assert!(turned.mse <= best(start.as_ref()) && turned.mse >= refined.mse * 0.5);
    }
}

/// The MMSE aggregator is the best for its precoders.
#[test]
fn mmse_aggregator_is_optimal() {
    let problem = uneven_problem(0.3, 5);
    let precoders = power_limited(&problem, random_matrix(8, 4, 6).as_ref()).unwrap().precoders().to_vec();
    let a = mmse_aggregator(&problem, &precoders).unwrap();
    let at = |a: Mat<c64>| error(&problem, &Transceiver::new(&problem, a, precoders.clone()).unwrap());
    for seed in 0..10 {
        let step = random_matrix(8, 4, seed) * faer::Scale(c64::from(1e-3));
        assert!(at(a.clone()) < at(&a + &step));
    }
}

/// Where every device lists all streams, nothing changes, to the last bit.
#[test]
fn complete_lists_change_nothing() {
    let plain = paper_problem(3, 4);
    let listed = plain.clone().with_device_streams(vec![vec![0, 1, 2, 3]; 3]).unwrap();
    assert!(listed.is_square() && listed.serves_all_streams());
    let start = random_matrix(20, 4, 1);
    let [a, b] = [&plain, &listed].map(|p| refine(p, start.as_ref(), &Refinement::default()).unwrap().mse);
    assert_eq!(a.to_bits(), b.to_bits());
    let [a, b] = [&plain, &listed].map(|p| lower_bound(p, &Default::default()).unwrap());
    assert_eq!(a.to_bits(), b.to_bits());
}

/// Two groups that the server hears on different antennas and that serve different sums: two problems side by side.
#[test]
fn disjoint_groups_decompose() {
    let groups = [[2, 2], [3, 3]].map(|antennas| {
        let channels = BlockFading::new(Fading::PAPER, 4, &antennas, antennas[0] as u64).unwrap().block(0);
        Problem::new(channels, vec![1.0; 2], 0.2).unwrap()
    });
    let placed = |first: usize| {
        move |channel: &Mat<c64>| {
            Mat::from_fn(8, channel.ncols(), |i, j| {
                if (first..first + 4).contains(&i) { channel[(i - first, j)] } else { c64::new(0.0, 0.0) }
            })
        }
    };
    let channels =
        groups[0].channels().iter().map(placed(0)).chain(groups[1].channels().iter().map(placed(4)));
    let whole = Problem::new(channels.collect(), vec![1.0; 4], 0.2).unwrap();
    let whole =
        whole.with_device_streams(vec![vec![0, 1], vec![0, 1], vec![2, 3, 4], vec![2, 3, 4]]).unwrap();

    let parts = groups.each_ref().map(|group| {
        let start = random_matrix(4, group.streams(), 8);
        refine(group, start.as_ref(), &Refinement::default()).unwrap()
    });
    let joined = Mat::from_fn(8, 5, |i, j| match (i < 4, j < 2) {
        (true, true) => parts[0].transceiver.aggregator()[(i, j)],
        (false, false) => parts[1].transceiver.aggregator()[(i - 4, j - 2)],
        _ => c64::new(0.0, 0.0),
    });
    let sum = parts[0].mse + parts[1].mse;
    let transceiver = power_limited(&whole, joined.as_ref()).unwrap();
    assert!((error(&whole, &transceiver) / sum - 1.0).abs() < 1e-9);
    // D_n has rank L_n < L, and zero forcing exists all the same, at the groups' powers.
    let forced = scaled_zero_forcing(&whole, joined.as_ref()).unwrap();
    let mse = forced.mean_squared_error(&whole).unwrap();
    assert!(mse.mismatch < 1e-12 * mse.noise, "{mse:?}");
    forced.check_power(&whole).unwrap();
    // Searching the whole does not find more than the parts have, and the bounds hold.
    let searched = design(&whole, &Default::default()).unwrap();
    let (bound, least) = (searched.bound.unwrap(), searched.mse.min(error(&whole, &transceiver)));
    assert!(bound > 0.0 && bound <= least * (1.0 + 1e-9), "{bound} {least}");
    let apart: f64 = groups.iter().map(|group| lower_bound(group, &Default::default()).unwrap()).sum();
    assert!(searched.mse >= apart * (1.0 - 1e-9), "{} {apart}", searched.mse);
    assert!(searched.mse <= 1.1 * sum, "{} {sum}", searched.mse);
}

/// With `L ≤ T_n` zero forcing inverts at the least power; what it costs a device falls with the streams it drops.
#[test]
fn zero_forcing_reaches_the_streams_of_each_device() {
    let all = paper_problem(3, 6);
    let some = all.clone().with_device_streams(vec![vec![0, 1, 2, 3], vec![1], vec![0, 3]]).unwrap();
    let direction = random_matrix(20, 4, 3);
    let [full, less] = [&all, &some].map(|p| scaled_zero_forcing(p, direction.as_ref()).unwrap());
    assert!(less.alpha() <= full.alpha());
    assert!(less.mean_squared_error(&some).unwrap().mismatch < 1e-18 * less.alpha());
    for (n, (b, whole)) in less.precoders().iter().zip(full.precoders()).enumerate() {
        // Columns of the pseudo-inverse, each for itself the least.
        let scale = (full.alpha() / less.alpha()).sqrt();
        let columns = whole * selection(&some, n) * faer::Scale(c64::from(scale));
        assert!((b - columns).norm_l2() < 1e-9 * b.norm_l2(), "device {n}");
    }
    let refined = refine_zero_forcing(&some, direction.as_ref(), &Refinement::default()).unwrap();
    assert!(refined.transceiver.alpha() < less.alpha());
    assert!(refined.transceiver.mean_squared_error(&some).unwrap().mismatch < 1e-12);
    // More sums than antennas: in general none.
    let crowded = uneven_problem(1.0, 1);
    let a = random_matrix(8, 4, 2);
    for result in [zero_forcing(&crowded, a.as_ref()), scaled_zero_forcing(&crowded, a.as_ref())] {
        assert!(matches!(result, Err(Error::RankDeficient { device: 0, columns: 4, .. })), "{result:?}");
    }
}

/// A device with fewer antennas than there are sums, which can be forced from the start only: a descent that leaves it returns it.
#[test]
fn zero_forcing_is_refined_no_further_than_it_exists() {
    let channel = |rows: &[&[f64]]| Mat::from_fn(2, rows[0].len(), |i, j| c64::new(rows[i][j], 0.0));
    let channels = vec![channel(&[&[1.0, 0.3], &[0.2, 2.0]]), channel(&[&[0.0], &[0.5]])];
    let problem = Problem::new(channels, vec![1.0, 2.0], 0.1).unwrap();
    let problem = problem.with_device_streams(vec![vec![0, 1], vec![1]]).unwrap();
    let start = Mat::<c64>::identity(2, 2);
    let forced = scaled_zero_forcing(&problem, start.as_ref()).unwrap();
    let refined = refine_zero_forcing(&problem, start.as_ref(), &Refinement::default()).unwrap();
    assert!(refined.transceiver.alpha() <= forced.alpha());
    assert!(refined.transceiver.mean_squared_error(&problem).unwrap().mismatch < 1e-12);
}

/// `design`, its bound and the baselines on the same problems.
#[test]
fn bounds_hold_for_every_transceiver() {
    for seed in 0..6 {
        for noise in [1e-3, 0.1, 10.0] {
            let problem = uneven_problem(noise, seed);
            let designed = design(&problem, &Default::default()).unwrap();
            let bound = designed.bound.unwrap();
            assert!(bound >= single_device_bound(&problem).unwrap());
            assert!(bound <= designed.mse, "{bound} {}", designed.mse);
            let silence = 1.0 * 2.0 + 2.0 * 2.0 + 0.5;
            assert!(designed.mse <= silence);
            let a = designed.transceiver.aggregator();
            for other in [equal_power(&problem).unwrap(), truncated_inversion(&problem, a, 0.1).unwrap()] {
                other.check_power(&problem).unwrap();
                assert!(bound <= error(&problem, &other) && designed.mse <= error(&problem, &other));
            }
        }
    }
}

/// The relaxations know nothing of device streams: theirs are bounds on their programs alone.
#[test]
fn relaxations_claim_nothing() {
    let problem = paper_problem(2, 1).with_device_streams(vec![vec![0, 1, 2, 3], vec![0]]).unwrap();
    assert!(!problem.is_square());
    assert_eq!(mmse::lower_bound(&problem, &Default::default()).unwrap(), None);
    let scope = trace_inverse::solve(&problem, &Default::default()).unwrap().certificate.scope;
    assert_eq!(scope, solver::relaxation::Scope::Program);
}

#[test]
fn lists_are_checked() {
    let with = |lists: Vec<Vec<usize>>| paper_problem(2, 1).with_device_streams(lists);
    let device = |result: Result<Problem, Error>| match result {
        Err(Error::DeviceStreams { device, .. }) => device,
        other => panic!("{other:?}"),
    };
    assert_eq!(device(with(vec![vec![0], vec![]])), 1);
    assert_eq!(device(with(vec![vec![1, 0], vec![0]])), 0);
    assert_eq!(device(with(vec![vec![0], vec![0, 0]])), 1);
    assert_eq!(device(with(vec![vec![0], vec![20]])), 1);
    assert_eq!(device(with(vec![vec![0, 1, 2, 3, 4], vec![0]])), 0);
    assert!(matches!(with(vec![vec![0], vec![2]]), Err(Error::UnservedStream { stream: 1 })));
    let count = Error::DeviceCount { quantity: Quantity::DeviceStreams, devices: 2, found: 1 };
    assert_eq!(with(vec![vec![0]]).unwrap_err(), count);
    // The number of streams resets the lists.
    let reset = with(vec![vec![0, 1], vec![2]]).unwrap().with_streams(2).unwrap();
    assert_eq!(reset.device_streams(), [[0, 1], [0, 1]]);
}

/// Designs for full streams do not fit; new channels keep the lists.
#[test]
fn other_shapes_are_refused_and_lists_are_kept() {
    let plain = paper_problem(2, 1);
    let problem = plain.clone().with_device_streams(vec![vec![0, 1, 2, 3], vec![2]]).unwrap();
    let full = power_limited(&plain, random_matrix(20, 4, 2).as_ref()).unwrap();
    assert!(matches!(
        full.mean_squared_error(&problem),
        Err(Error::Shape { quantity: Quantity::Precoder, device: 1, expected: (4, 1), found: (4, 4) })
    ));
    let moved = csi::with_channels(&problem, plain.channels().to_vec()).unwrap();
    assert_eq!(moved.device_streams(), problem.device_streams());
}
