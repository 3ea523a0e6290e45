//! Directions against the equations that they solve.

use super::super::newton::Direction;
use super::{Elimination, Iterate, Program, SHAPES, SaddlePoint, assert_near, method, moved, scaled};
use crate::linalg::{Scratch, hermitian_part, squared_norm, trace};
use faer::linalg::solvers::DenseSolveCore;
use faer::{Mat, Side, c64};

/// The second order of `λ N^{-2}` and of `−tr N^{-1} + θλ tr N^{-2}`, by `(N + tD)^{-1} = P − t P D P + t² P D P D P`, `P = N^{-1}`, where `M` and `λ` change
/// so that `D = ΔM + θ Δλ I`.
fn second_order(
    p: &Mat<c64>,
    gram_change: &Mat<c64>,
    (value, change): (f64, f64),
    noise: f64,
) -> (Mat<c64>, f64) {
    let d = moved(gram_change, &Mat::identity(p.nrows(), p.nrows()), noise * change);
    let first = p * &d * p;
    let second = &first * &d * p;
    let of_square = &second * p + p * &second + &first * &first;
    let square_change = scaled(&(&first * p + p * &first), -1.0);
    let tr = |matrix: &Mat<c64>| trace(matrix.as_ref());
    let slack = noise * (value * tr(&of_square) + change * tr(&square_change)) - tr(&second);
    (moved(&scaled(&of_square, value), &square_change, change), slack)
}

/// Of each linearized equation, relatively.
const TOLERANCE: f64 = 1e-11;

/// `X S = τI` as Helmberg, Kojima and Monteiro linearize it, `λ_n s_n = τ`, `S = I − Σ H_n U_n H_n^H` and
/// `s_n = q_n − tr M_n (M_n + θ_n λ_n I)^{-2}` to first order with the second-order terms of `estimate`, for a direction that is not in the frame.
fn assert_solves(
    program: &Program,
    iterate: &Iterate,
    target: f64,
    estimate: Option<&Direction>,
    direction: &Direction,
) {
    let Iterate { x, s, multiplier, slack } = iterate;
    let inverse_of = |matrix: &Mat<c64>| matrix.llt(Side::Lower).unwrap().inverse();
    let identity = |side: usize| Mat::<c64>::identity(side, side);
    let close = |found: f64, expected: f64, size: f64| {
        assert!((found - expected).abs() <= TOLERANCE * size, "{found} {expected} of {size}");
    };

    let inverse = inverse_of(s);
    let product = |x: &Mat<c64>, s: &Mat<c64>| hermitian_part((x * s * &inverse).as_ref());
    let mut wanted = scaled(&inverse, target) - x;
    if let Some(estimate) = estimate {
        wanted -= product(&estimate.x, &estimate.s);
    }
    assert_near(&(&direction.x + product(x, &direction.s)), &wanted, TOLERANCE);

    let mut wanted = identity(s.nrows()) - s;
    for n in 0..multiplier.len() {
        let h = program.channel(n);
        let (gram, gram_change) = (h.adjoint() * x * h, h.adjoint() * &direction.x * h);
        let (value, change) = (multiplier[n], direction.multiplier[n]);
        let floor = program.noise[n] * value;
        let shift = scaled(&identity(gram.nrows()), floor);
        let m = inverse_of(&(&gram + &shift));
        let u = scaled(&(&m * &m), value);
        let coupling = (&gram - &shift) * &m * &m * &m;
        let u_change = scaled(&coupling, change) - &u * &gram_change * &m - &m * &gram_change * &u;
        wanted -= h * (u + u_change) * h.adjoint();

        let mut slack_bend = 0.0;
        if let Some(estimate) = estimate {
            let gram_change = h.adjoint() * &estimate.x * h;
            let change = estimate.multiplier[n];
            let (bend, of_slack) = second_order(&m, &gram_change, (value, change), program.noise[n]);
            wanted -= h * bend * h.adjoint();
            slack_bend = of_slack;
        }

        let left = program.budgets[n] - trace((&gram * &m * &m).as_ref());
        let along_gram = trace((&coupling * &gram_change).as_ref());
        let along_multiplier = 2.0 * program.noise[n] * trace((&gram * &m * &m * &m).as_ref()) * change;
        let terms = [left - slack[n], along_gram, along_multiplier, slack_bend];
        close(direction.slack[n], terms.iter().sum(), terms.iter().map(|term| term.abs()).sum());

        let second = estimate.map_or(0.0, |estimate| estimate.multiplier[n] * estimate.slack[n]);
        let terms = [value * direction.slack[n], slack[n] * change];
        let wanted = target - value * slack[n] - second;
        close(terms.iter().sum(), wanted, terms.iter().map(|term| term.abs()).sum());
    }
    assert_near(&direction.s, &wanted, TOLERANCE);
}

#[test]
fn directions_solve_the_linearized_equations() {
    for shape in SHAPES {
        for noise in [0.0, 0.3] {
            for elimination in [Elimination::Dual, Elimination::Primal] {
                let mut method = method(shape, noise, elimination);
                (0..2).for_each(|_| assert!(method.advance() && method.evaluate()));
                let SaddlePoint {
                    program,
                    iterate,
                    devices,
                    eigenbases,
                    residual,
                    newton,
                    directions: [first, second],
                    ..
                } = &mut method;
                assert!(newton.update(iterate, devices, eigenbases, residual, &mut Scratch::default()));
                newton.direction(iterate, devices, 0.01, None, first);
                newton.direction(iterate, devices, 0.02, Some(first), second);
                // Turns them out of the frame; a step of 0 leaves the iterate where it is.
                newton.advance(iterate, first, 0.0, 0.0);
                newton.advance(iterate, second, 0.0, 0.0);
                assert_solves(program, iterate, 0.01, None, first);
                assert_solves(program, iterate, 0.02, Some(first), second);
            }
        }
    }
}

/// A direction of full length satisfies the linearized equations: the residual of `S = I − Σ H U H^H` vanishes to second order.
#[test]
fn full_steps_remove_the_residual_to_second_order() {
    for elimination in [Elimination::Dual, Elimination::Primal] {
        let mut method = method(SHAPES[0], 0.3, elimination);
        (0..4).for_each(|_| assert!(method.advance() && method.evaluate()));
        let residual = |method: &SaddlePoint| {
            let slacks = method.devices.iter().zip(&method.iterate.slack);
            let slack: f64 = slacks.map(|(device, slack)| (device.slack - slack).powi(2)).sum();
            (squared_norm(method.residual.as_ref()) + slack).sqrt()
        };
        let before = residual(&method);
        let SaddlePoint { iterate, devices, eigenbases, residual: slack, newton, directions, .. } =
            &mut method;
        let scratch = &mut Scratch::default();
        assert!(newton.update(iterate, devices, eigenbases, slack, scratch));
        newton.direction(iterate, devices, newton.complementarity(iterate) / 9.0, None, &mut directions[0]);
        for step in [0.1, 0.01] {
            let mut moved = method.clone();
            moved.newton.advance(&mut moved.iterate, &mut moved.directions[0], step, step);
            assert!(moved.evaluate());
            let after = residual(&moved);
            assert!((after / before - (1.0 - step)).abs() < step * step, "{step}: {}", after / before);
        }
    }
}
