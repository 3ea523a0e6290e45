//! The two eliminations against each other, and the Newton equations.

use super::*;
use crate::channel::Fading;
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

#[test]
fn both_eliminations_give_the_same_direction() {
    for (receive, sides) in SHAPES {
        let directions = [Elimination::Dual, Elimination::Primal].map(|elimination| {
            let mut method = method(receive, sides, elimination, 3);
            method.solve(1e-9, 3);
            assert!(method.linearize());
            let (mut predictor, mut corrector) = (method.predictor.clone(), method.corrector.clone());
            method.direction(0.0, None, &mut predictor);
            method.turn_to_frames(&mut predictor);
            method.direction(0.3, Some(&predictor), &mut corrector);
            corrector
        });
        let [a, b] = &directions;
        for (a, b) in [(&a.x, &b.x), (&a.s, &b.s), (&a.u, &b.u), (&a.z, &b.z)] {
            assert!(distance(a, b) < 1e-8, "{receive} {sides:?}: {:e}", distance(a, b));
        }
    }
}

#[test]
fn both_eliminations_give_the_same_value() {
    for (receive, sides) in SHAPES {
        let [dual, primal] = [Elimination::Dual, Elimination::Primal].map(|elimination| {
            let mut method = method(receive, sides, elimination, 5);
            method.solve(1e-9, 50);
            let gap = method.gap() / trace(method.x.as_ref());
            assert!(gap <= 1e-9, "{receive} {sides:?} {elimination:?}: {gap}");
            trace(method.x.as_ref())
        });
        assert!((dual - primal).abs() <= 2e-9 * dual, "{receive} {sides:?}: {dual} {primal}");
    }
}

/// `A = F Λ F^H`, `B = E Λ E^H`, `E^H F = I`.
#[test]
fn frames_scale_both_matrices_of_a_pair() {
    let mut method = method(6, &[2, 3, 1], Elimination::Dual, 7);
    assert!(method.linearize());
    let Scaling { frame, dual_frame, lambda } = &method.scalings.whole;
    let diagonal = Mat::from_fn(6, 6, |i, j| c64::new(if i == j { lambda[i] } else { 0.0 }, 0.0));
    assert!(distance(&method.x, &(frame * &diagonal * frame.adjoint())) < 1e-12);
    assert!(distance(&method.s, &(dual_frame * &diagonal * dual_frame.adjoint())) < 1e-12);
    assert!(distance(&Mat::identity(6, 6), &(dual_frame.adjoint() * frame)) < 1e-12);
}

/// The first Newton equation, in the frame, and `ΔS` computed from the channels.
#[test]
fn directions_satisfy_the_newton_equations() {
    for elimination in [Elimination::Dual, Elimination::Primal] {
        let mut method = method(6, &[2, 3, 1], elimination, 9);
        assert!(method.linearize());
        let mut direction = method.predictor.clone();
        let target = 0.2;
        method.direction(target, None, &mut direction);
        let before = method.s.clone();
        add_scaled(method.u.as_mut(), direction.u.as_ref(), 1.0);
        method.update_slack();
        assert!(distance(&direction.s, &(&method.s - before)) < 1e-9, "{elimination:?}");
        method.turn_to_frames(&mut direction);
        for j in 0..6 {
            for i in 0..6 {
                let lambda = method.scalings.whole.lambda[i];
                let wanted = if i == j { target / lambda - lambda } else { 0.0 };
                let found = direction.x[(i, j)] + direction.s[(i, j)];
                assert!((found - wanted).norm() < 1e-9, "{elimination:?} {i} {j}: {found} {wanted}");
            }
        }
    }
}
