//! The Newton equations, and the two eliminations against each other.

use super::*;
use crate::channel::Fading;
use crate::linalg::hermitian_part;
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
        method.channel_mut(device).copy_from(svd.U() * svd.S());
    }
    method.start().unwrap();
    method
}

fn distance(a: &Mat<c64>, b: &Mat<c64>) -> f64 {
    (a - b).norm_l2() / a.norm_l2()
}

const SHAPES: [(usize, &[usize]); 4] = [(6, &[2, 3, 1]), (5, &[2; 9]), (1, &[1; 4]), (4, &[4, 2, 4])];
const ELIMINATIONS: [Elimination; 2] = [Elimination::Dual, Elimination::Primal];

#[test]
fn starts_are_strictly_feasible() {
    for (receive, sides) in SHAPES {
        let mut method = method(receive, sides, Elimination::Dual, 4);
        method.update_slack();
        method.update_surplus();
        let Iterate { x, s, u, z } = &method.iterate;
        let smallest = |matrix: MatRef<'_, c64>| crate::linalg::eigenvalues(matrix).unwrap()[0];
        assert!(smallest(x.as_ref()) > 0.0 && smallest(s.as_ref()) > 0.0);
        for block in &method.channels.blocks {
            assert!(smallest(block.of(u)) > 0.0 && smallest(block.of(z)) > 0.0);
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

/// `ΔK + sym(K ΔV V^{-1}) = τV^{-1} − K − sym(ΔK' ΔV' V^{-1})` for every pair, `ΔS = −Σ h_n ΔW_n h_n^H`, `ΔZ_n = h_n^H ΔX h_n`.
#[test]
fn directions_satisfy_the_newton_equations() {
    let cases = SHAPES.into_iter().flat_map(|shape| ELIMINATIONS.map(|elimination| (shape, elimination)));
    for ((receive, sides), elimination) in cases {
        let mut method = method(receive, sides, elimination, 9);
        method.solve(1e-9, 1);
        assert!(method.linearize());
        let target = 0.2;
        let [mut direction, mut first, _] = method.directions.clone();
        let InteriorPoint { channels, iterate, inverses, system, work, .. } = &mut method;
        let aim = Target { complementarity: 0.7, estimate: None };
        system.solve(channels, iterate, inverses, aim, work, &mut first);
        let aim = Target { complementarity: target, estimate: Some(&first) };
        system.solve(channels, iterate, inverses, aim, work, &mut direction);
        let holds = |kept: (&Mat<c64>, &Mat<c64>, &Mat<c64>), inverted: (&Mat<c64>, &Mat<c64>, &Mat<c64>)| {
            let (k, dk, dk_estimate) = kept;
            let (v, dv, dv_estimate) = inverted;
            let inverse = v.llt(faer::Side::Lower).unwrap().inverse();
            let left = dk + hermitian_part((k * dv * &inverse).as_ref());
            let product = hermitian_part((dk_estimate * dv_estimate * &inverse).as_ref());
            let right = faer::Scale(c64::new(target, 0.0)) * &inverse - k - product;
            assert!(distance(&right, &left) < 1e-9, "{elimination:?}: {:e}", distance(&right, &left));
        };
        let check = |x: [&Mat<c64>; 3], s: [&Mat<c64>; 3]| match elimination {
            Elimination::Dual => holds((x[0], x[1], x[2]), (s[0], s[1], s[2])),
            Elimination::Primal => holds((s[0], s[1], s[2]), (x[0], x[1], x[2])),
        };
        check([&iterate.x, &direction.x, &first.x], [&iterate.s, &direction.s, &first.s]);
        let mut received = Mat::<c64>::zeros(receive, receive);
        for block in &channels.blocks {
            let of = |strip: &Strip| block.of(strip).to_owned();
            let z = [&iterate.z, &direction.z, &first.z].map(of);
            let u = [&iterate.u, &direction.u, &first.u].map(of);
            check([&z[0], &z[1], &z[2]], [&u[0], &u[1], &u[2]]);
            let h = block.columns(&channels.columns);
            assert!(distance(&z[1], &(h.adjoint() * &direction.x * h)) < 1e-9, "{elimination:?}");
            received -= h * &u[1] * h.adjoint();
        }
        assert!(distance(&direction.s, &received) < 1e-9, "{elimination:?}");
    }
}

/// Estimated by its own last value long enough, a direction leads to points with `⟨X, S⟩ + Σ ⟨W_n, Z_n⟩` as aimed at, second order and all.
#[test]
fn repeated_solutions_reach_the_complementarity_they_aim_at() {
    for elimination in ELIMINATIONS {
        let mut method = method(6, &[2, 3, 1], elimination, 11);
        method.solve(1e-9, 3);
        assert!(method.linearize());
        let degree = 6.0 + 6.0;
        let complementarity = 0.5 * method.gap() / degree;
        let [mut last, mut direction, _] = method.directions.clone();
        let InteriorPoint { channels, iterate, inverses, system, work, .. } = &mut method;
        for solution in 0..30 {
            let estimate = (solution > 0).then_some(&last);
            let aim = Target { complementarity, estimate };
            system.solve(channels, iterate, inverses, aim, work, &mut direction);
            std::mem::swap(&mut last, &mut direction);
        }
        add_scaled(method.iterate.x.as_mut(), last.x.as_ref(), 1.0);
        add_scaled(method.iterate.u.as_mut(), last.u.as_ref(), 1.0);
        let (found, wanted) = (method.gap(), degree * complementarity);
        assert!((found - wanted).abs() < 1e-9 * wanted, "{elimination:?}: {found} {wanted}");
    }
}
