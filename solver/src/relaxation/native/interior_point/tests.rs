//! The Newton equations, and the two eliminations against each other.

use super::*;
use crate::channel::Fading;
use crate::linalg::hermitian_part;
use crate::relaxation::native::pairs;
use faer::linalg::solvers::DenseSolveCore;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// After the start, for random channels with orthogonal columns, as [`start`](InteriorPoint::start) wants them.
fn method(receive: usize, sides: &[usize], elimination: Elimination, seed: u64) -> InteriorPoint {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut method = InteriorPoint::new(receive, sides, elimination);
    for (device, &side) in sides.iter().enumerate() {
        let channel = Fading::PAPER.sample(receive, side, &mut rng);
        let svd = channel.thin_svd().unwrap();
        let whitened = svd.U() * svd.S();
        method.set_channel(device, |i, j| whitened[(i, j)]);
    }
    method.start().unwrap();
    method
}

/// The devices' matrices.
fn matrices(channels: &Channels, parts: &Parts) -> Vec<Mat<c64>> {
    let places = (0..packs::Size::of(&channels.packs).devices).map(|device| channels.place(device));
    places.map(|(pack, lane)| pack.matrix(parts, lane)).collect()
}

/// `h_n` of one device.
fn channel(channels: &Channels, device: usize) -> Mat<c64> {
    let (pack, lane) = channels.place(device);
    let columns = &channels.columns;
    Mat::from_fn(columns.nrows(), pack.side, |i, j| columns[(i, pack.column(j, lane))])
}

fn distance(a: &Mat<c64>, b: &Mat<c64>) -> f64 {
    (a - b).norm_l2() / a.norm_l2()
}

/// Packs that are full and not, of several sides.
const SHAPES: [(usize, &[usize]); 5] =
    [(6, &[2, 3, 1]), (5, &[2; 9]), (1, &[1; 4]), (4, &[4, 2, 4]), (9, &[3, 1, 3, 3, 1, 3, 3])];
const ELIMINATIONS: [Elimination; 2] = [Elimination::Dual, Elimination::Primal];

#[test]
fn starts_are_strictly_feasible() {
    for (receive, sides) in SHAPES {
        let mut method = method(receive, sides, Elimination::Dual, 4);
        method.update_slack();
        method.update_surplus();
        let Iterate { x, s, w, z } = &method.iterate;
        let smallest = |matrix: MatRef<'_, c64>| crate::linalg::eigenvalues(matrix).unwrap()[0];
        assert!(smallest(x.as_ref()) > 0.0 && smallest(s.as_ref()) > 0.0);
        for part in [w, z].into_iter().flat_map(|parts| matrices(&method.channels, parts)) {
            assert!(smallest(part.as_ref()) > 0.0);
        }
    }
}

/// The start is scaled as said: the weakest `Z_n + I` between 1.2 and what the norm's slack adds, the load below 0.9 by no more than the bound's slack.
#[test]
fn starts_are_not_far_from_the_boundary() {
    for (receive, sides) in SHAPES {
        let mut method = method(receive, sides, Elimination::Dual, 4);
        method.update_slack();
        method.update_surplus();
        let eigenvalues = |matrix: &Mat<c64>| crate::linalg::eigenvalues(matrix.as_ref()).unwrap();
        let parts = matrices(&method.channels, &method.iterate.z);
        let weakest = parts.iter().map(|z| eigenvalues(z)[0] + 1.0).fold(f64::INFINITY, f64::min);
        let side = sides.iter().copied().max().unwrap() as f64;
        assert!(weakest > 1.2 * (1.0 - 1e-9) && weakest < 1.2 * side.sqrt() * (1.0 + 1e-9), "{weakest}");
        let load = 1.0 - eigenvalues(&method.iterate.s)[0];
        let slack = (receive as f64).powf(1.0 / 16.0);
        assert!(load < 0.9 * (1.0 + 1e-9) && load > 0.9 / slack * (1.0 - 1e-9), "{load}");
    }
}

#[test]
fn bounds_on_the_largest_eigenvalue_are_tight() {
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    for (side, rank) in [(1, 1), (6, 6), (6, 1), (20, 7), (20, 40)] {
        let factor = Fading::PAPER.sample(side, rank, &mut rng);
        for scale in [1e-100, 1.0, 1e100] {
            for matrix in [&factor * factor.adjoint(), Mat::identity(side, side)] {
                let matrix = matrix * faer::Scale(c64::new(scale, 0.0));
                let bound = Work::new(side, &[]).largest_eigenvalue_bound(matrix.as_ref());
                let largest = crate::linalg::eigenvalues(matrix.as_ref()).unwrap()[side - 1];
                let slack = (side as f64).powf(1.0 / 16.0);
                assert!(bound >= largest * (1.0 - 1e-12), "{side} {rank} {scale}: {bound} {largest}");
                assert!(bound <= largest * slack * (1.0 + 1e-12), "{side} {rank} {scale}: {bound} {largest}");
            }
        }
    }
}

/// Where no aim leads to long steps, one step centres and the next gains all the same: there is no cycle.
#[test]
fn steps_after_one_that_only_centres_gain() {
    for (receive, sides) in SHAPES {
        let mut method = method(receive, sides, Elimination::smaller(receive, sides.iter().copied()), 6);
        for _ in 0..4 {
            method.last_step = LastStep::Centred;
            let before = method.gap();
            assert!(method.linearize() && method.advance(0.0));
            assert!(method.gap() < before, "{receive} {sides:?}: {} {before}", method.gap());
            assert_ne!(method.last_step, LastStep::Centred);
        }
    }
}

/// The last step stops short of the boundary too, however few the solutions that give it.
#[test]
fn all_that_is_returned_is_strictly_feasible() {
    let definite = |matrix: &Mat<c64>| crate::linalg::eigenvalues(matrix.as_ref()).unwrap()[0] > 0.0;
    for (receive, sides) in SHAPES {
        for elimination in ELIMINATIONS {
            for goal in [0.3, 1e-2, 1e-4, 1e-6, 1e-9] {
                let mut method = method(receive, sides, elimination, 13);
                method.solve(goal, 50);
                let case = format!("{receive} {sides:?} {elimination:?} {goal:e}");
                assert!(method.gap() <= goal * trace(method.primal().as_ref()), "{case}: {}", method.gap());
                method.update_slack();
                method.update_surplus();
                let Iterate { x, s, w, z } = &method.iterate;
                assert!(definite(x) && definite(s), "{case}");
                for parts in [w, z] {
                    assert!(matrices(&method.channels, parts).iter().all(definite), "{case}");
                }
            }
        }
    }
}

/// A goal near enough ends the repetition: the direction of the first or second solution is as good as that of the sixth.
#[test]
fn the_step_to_the_goal_takes_no_more_solutions_than_it_needs() {
    for elimination in ELIMINATIONS {
        let direction = |share: f64| {
            let mut method = method(6, &[2, 3, 1], elimination, 14);
            method.solve(1e-9, 2);
            assert!(method.linearize());
            let before = method.gap();
            assert!(method.advance(share * before));
            (method.gap() / before, method.directions[0].x.clone())
        };
        let ((near, first), (far, whole)) = (direction(0.9), direction(0.0));
        assert!(near <= 0.9 * FINAL_GAP && far < near, "{elimination:?}: {near} {far}");
        assert!(distance(&whole, &first) > 1e-6, "{elimination:?}: the same direction");
    }
}

/// `h_n W_n h_n^H`, one by one.
#[test]
fn what_is_received_apart_adds_up() {
    for (receive, sides) in SHAPES {
        let mut method = method(receive, sides, Elimination::Primal, 15);
        let mut apart = pairs::Pairs::new(receive, sides.len() + 1).first;
        let InteriorPoint { channels, iterate, .. } = &mut method;
        channels.received_apart(&iterate.w, 1, &mut apart);
        let mut pair = 1;
        for pack in &channels.packs {
            for (lane, &device) in pack.devices.iter().enumerate() {
                let h = channel(channels, device);
                let expected = &h * pack.matrix(&iterate.w, lane) * h.adjoint();
                for j in 0..receive {
                    for i in j..receive {
                        let imaginary = if i == j { 0.0 } else { apart.imaginary_mut(i, j)[pair] };
                        let found = c64::new(apart.real_mut(i, j)[pair], imaginary);
                        assert!(
                            (found - expected[(i, j)]).norm() < 1e-12 * expected.norm_l2(),
                            "{device}: {i} {j}"
                        );
                    }
                }
                pair += 1;
            }
        }
    }
}

#[test]
fn both_eliminations_give_the_same_value() {
    for (receive, sides) in SHAPES {
        let [dual, primal] = ELIMINATIONS.map(|elimination| {
            let mut method = method(receive, sides, elimination, 5);
            method.solve(1e-9, 50);
            let value = trace(method.primal().as_ref());
            let gap = method.gap() / value;
            assert!(gap <= 1e-9, "{receive} {sides:?} {elimination:?}: {gap}");
            value
        });
        assert!((dual - primal).abs() <= 2e-9 * dual, "{receive} {sides:?}: {dual} {primal}");
    }
}

/// `ΔK + sym(K ΔV V^{-1}) = τV^{-1} − K − sym(ΔK' ΔV' V^{-1})` for every pair, `ΔS = −Σ h_n ΔW_n h_n^H`, `ΔZ_n = h_n^H ΔX h_n`, without an
/// estimate and with one.
#[test]
fn directions_satisfy_the_newton_equations() {
    let cases = SHAPES.into_iter().flat_map(|shape| ELIMINATIONS.map(|elimination| (shape, elimination)));
    for ((receive, sides), elimination) in cases {
        let mut method = method(receive, sides, elimination, 9);
        method.solve(1e-9, 1);
        assert!(method.linearize());
        let [mut direction, mut first] = method.directions.clone();
        let mut nothing = first.clone();
        let InteriorPoint { channels, iterate, inverses, system, work, .. } = &mut method;
        let aim = Target { complementarity: 0.7, estimate: None };
        system.solve(channels, iterate, inverses, aim, work, &mut first);
        let aim = Target { complementarity: 0.2, estimate: Some(&first) };
        system.solve(channels, iterate, inverses, aim, work, &mut direction);
        nothing.x.fill(c64::new(0.0, 0.0));
        nothing.s.fill(c64::new(0.0, 0.0));
        nothing.w.fill(Default::default());
        nothing.z.fill(Default::default());
        let fits = |target: f64, [direction, estimate]: [&Direction; 2]| {
            let holds = |[k, dk, estimate_k]: [&Mat<c64>; 3], [v, dv, estimate_v]: [&Mat<c64>; 3]| {
                let inverse = v.llt(faer::Side::Lower).unwrap().inverse();
                let left = dk + hermitian_part((k * dv * &inverse).as_ref());
                let product = hermitian_part((estimate_k * estimate_v * &inverse).as_ref());
                let right = faer::Scale(c64::new(target, 0.0)) * &inverse - k - product;
                assert!(distance(&right, &left) < 1e-9, "{elimination:?}: {:e}", distance(&right, &left));
            };
            let check = |x, s| match elimination {
                Elimination::Dual => holds(x, s),
                Elimination::Primal => holds(s, x),
            };
            check([&iterate.x, &direction.x, &estimate.x], [&iterate.s, &direction.s, &estimate.s]);
            let z = [&iterate.z, &direction.z, &estimate.z].map(|parts| matrices(channels, parts));
            let w = [&iterate.w, &direction.w, &estimate.w].map(|parts| matrices(channels, parts));
            let mut received = Mat::<c64>::zeros(receive, receive);
            for device in 0..sides.len() {
                let [z, w] = [&z, &w].map(|of| of.each_ref().map(|matrices| &matrices[device]));
                check(z, w);
                let h = channel(channels, device);
                assert!(distance(z[1], &(h.adjoint() * &direction.x * &h)) < 1e-9, "{elimination:?}");
                received -= &h * w[1] * h.adjoint();
            }
            assert!(distance(&direction.s, &received) < 1e-9, "{elimination:?}");
        };
        fits(0.7, [&first, &nothing]);
        fits(0.2, [&direction, &first]);
    }
}

/// Estimated by the last solution, or by the mixture of the last few, long enough, a direction leads to points with `X S = τI` and `W_n Z_n = τI`, second
/// order and all; mixed, in fewer solutions.
#[test]
fn repeated_solutions_reach_the_complementarity_they_aim_at() {
    for elimination in ELIMINATIONS {
        // How far from it the direction leads, relative to τ.
        let error = |mixed: bool, solutions: usize| {
            let mut method = method(6, &[2, 3, 1], elimination, 11);
            method.solve(1e-9, 3);
            assert!(method.linearize());
            let complementarity = 0.05 * method.gap() / method.degree();
            let InteriorPoint { channels, iterate, inverses, system, mixing, directions, work, .. } =
                &mut method;
            mixing.restart();
            for solution in 0..solutions {
                directions.swap(0, 1);
                let [out, last] = &mut *directions;
                let aim = Target { complementarity, estimate: (solution > 0).then_some(&*last) };
                if mixed {
                    system.solve(channels, iterate, inverses, aim, work, mixing.next());
                    mixing.mix(system, out);
                } else {
                    system.solve(channels, iterate, inverses, aim, work, out);
                }
            }
            add_scaled(method.iterate.x.as_mut(), method.directions[0].x.as_ref(), 1.0);
            packs::add_scaled(&mut method.iterate.w, &method.directions[0].w, 1.0);
            method.update_slack();
            method.update_surplus();
            let Iterate { x, s, w, z } = &method.iterate;
            let error = |a: &Mat<c64>, b: &Mat<c64>| {
                let aim =
                    faer::Scale(c64::new(complementarity, 0.0)) * Mat::<c64>::identity(a.nrows(), a.nrows());
                distance(&aim, &(a * b))
            };
            let parts = matrices(&method.channels, w).into_iter().zip(matrices(&method.channels, z));
            parts.map(|(w, z)| error(&w, &z)).fold(error(x, s), f64::max)
        };
        let first = error(false, 1);
        assert!(first > 0.1, "{elimination:?}: {first}");
        for mixed in [false, true] {
            let last = error(mixed, 40);
            assert!(last < 1e-6, "{elimination:?} {mixed}: {last}");
        }
        let [alone, mixed] = [false, true].map(|mixed| error(mixed, 6));
        assert!(mixed < 0.1 * alone, "{elimination:?}: {alone} {mixed}");
    }
}
