//! Derivatives by finite differences, the operator against matrices, and the two eliminations against each other.

use super::device::Device;
use super::newton::{Elimination, Newton};
use super::operator::{Operator, hermitian, write};
use super::{Iterate, Program, start, step};
use crate::channel::{BlockFading, Fading};
use crate::linalg::{Spectrum, hermitian_part, inner, squared_norm, trace};
use crate::mismatch;
use faer::{Mat, c64};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn random(side: usize, seed: u64) -> Mat<c64> {
    hermitian_part(Fading::RAYLEIGH.sample(side, side, &mut ChaCha8Rng::seed_from_u64(seed)).as_ref())
}

fn positive(side: usize, seed: u64) -> Mat<c64> {
    let root = random(side, seed);
    moved(&(&root * &root), &Mat::identity(side, side), 0.3)
}

fn moved(matrix: &Mat<c64>, direction: &Mat<c64>, step: f64) -> Mat<c64> {
    matrix + scaled(direction, step)
}

fn scaled(matrix: &Mat<c64>, factor: f64) -> Mat<c64> {
    matrix * faer::Scale(c64::new(factor, 0.0))
}

fn assert_near(found: &Mat<c64>, expected: &Mat<c64>, relative: f64) {
    let (error, size) =
        (squared_norm((found - expected).as_ref()).sqrt(), squared_norm(expected.as_ref()).sqrt());
    assert!(error <= relative * size, "{error:e} of {size}");
}

const BUDGET: f64 = 0.8;

/// `h(M, λ)` from its definition.
fn saddle(gram: &Mat<c64>, multiplier: f64, noise: f64) -> f64 {
    let spectrum = Spectrum::of(gram.as_ref()).unwrap();
    let inverse: f64 = spectrum.values.iter().map(|gain| 1.0 / (gain + noise * multiplier)).sum();
    multiplier * (inverse - BUDGET)
}

/// `K` applied to a matrix in the standard basis.
fn curvature(device: &Device, direction: &Mat<c64>) -> Mat<c64> {
    let inside = device.vectors.adjoint() * direction * &device.vectors;
    let mut coordinates = Mat::zeros(device.stiffness.len(), 1);
    write(inside.as_ref(), coordinates.as_mut());
    let scaled = hermitian(device.antennas(), |i| coordinates[(i, 0)] * device.stiffness[i].powi(2));
    &device.vectors * scaled * device.vectors.adjoint()
}

/// `a` in the standard basis.
fn coupling(device: &Device) -> Mat<c64> {
    let side = device.antennas();
    let entry =
        |i: usize| device.coupling[i] * device.stiffness[super::operator::diagonal_coordinate(side, i)];
    let scaled = Mat::from_fn(side, side, |i, j| device.vectors[(i, j)] * entry(j));
    scaled * device.vectors.adjoint()
}

#[test]
fn device_derivatives_are_finite_differences() {
    let (gram, direction, multiplier, step) = (positive(4, 1), random(4, 2), 0.7, 1e-5);
    for noise in [0.0, 0.4, 5.0] {
        let at = |matrix: &Mat<c64>, multiplier: f64| {
            Device::new(matrix.as_ref(), multiplier, BUDGET, noise).unwrap()
        };
        let device = at(&gram, multiplier);
        let by_gram = |step: f64| moved(&gram, &direction, step);
        let slope = |f: &dyn Fn(f64) -> f64| (f(step) - f(-step)) / (2.0 * step);

        let gradient = slope(&|step| saddle(&by_gram(step), multiplier, noise));
        assert!((gradient + inner(device.dual().as_ref(), direction.as_ref())).abs() < 1e-8);
        let gradient = slope(&|step| saddle(&gram, multiplier + step, noise));
        assert!((gradient + device.slack).abs() < 1e-8);

        let slack = slope(&|step| at(&by_gram(step), multiplier).slack);
        assert!((slack - inner(coupling(&device).as_ref(), direction.as_ref())).abs() < 1e-8);
        let slack = slope(&|step| at(&gram, multiplier + step).slack);
        assert!((slack - device.curvature).abs() < 1e-8);

        let difference = |plus: Device, minus: Device| moved(&plus.dual(), &minus.dual(), -1.0);
        let change = difference(at(&by_gram(step), multiplier), at(&by_gram(-step), multiplier));
        assert_near(&change, &scaled(&curvature(&device, &direction), -2.0 * step), 1e-7);
        let change = difference(at(&gram, multiplier + step), at(&gram, multiplier - step));
        assert_near(&change, &scaled(&coupling(&device), 2.0 * step), 1e-7);
    }
}

/// The dual objective `g(U) = (tr U^{1/2})²/(q + θ tr U)`: its gradient at `U(M)` is `M`, and its Hessian is the inverse of `K + a aᵀ/(−∂²h/∂λ²)`,
/// negated.
#[test]
fn dual_objective_has_the_gradient_and_hessian_of_the_saddle_function() {
    let noise = 0.4;
    let value = |u: &Mat<c64>| {
        let roots: f64 = Spectrum::of(u.as_ref()).unwrap().values.iter().map(|value| value.sqrt()).sum();
        roots * roots / (BUDGET + noise * trace(u.as_ref()))
    };
    // At the λ that maximizes h.
    let at = |gram: &Mat<c64>| {
        let gains = Spectrum::of(gram.as_ref()).unwrap().values;
        let multiplier = mismatch::multiplier(&gains, BUDGET) / noise;
        Device::new(gram.as_ref(), multiplier, BUDGET, noise).unwrap()
    };
    let gram = positive(3, 3);
    let device = at(&gram);
    assert!(device.slack.abs() < 1e-10);
    let step = 1e-5;
    for seed in 0..3 {
        let change = random(3, 10 + seed);
        let slope = (value(&moved(&device.dual(), &change, step))
            - value(&moved(&device.dual(), &change, -step)))
            / (2.0 * step);
        assert!(
            (slope - inner(gram.as_ref(), change.as_ref())).abs() < 1e-7 * squared_norm(gram.as_ref()).sqrt()
        );

        // dU along dM, with λ following its maximum.
        let along = inner(coupling(&device).as_ref(), change.as_ref()) / device.curvature;
        let expected = moved(&curvature(&device, &change), &coupling(&device), along);
        let (plus, minus) =
            (at(&moved(&gram, &change, step)).dual(), at(&moved(&gram, &change, -step)).dual());
        let found = scaled(&(minus - plus), 0.5 / step);
        assert_near(&found, &expected, 1e-6);
    }
}

fn devices(antennas: &[usize]) -> Vec<Device> {
    let device = |(n, &side): (usize, &usize)| {
        Device::new(positive(side, 20 + n as u64).as_ref(), 0.7, BUDGET, 0.3).unwrap()
    };
    antennas.iter().enumerate().map(device).collect()
}

#[test]
fn operator_is_consistent() {
    let devices = devices(&[2, 1, 3]);
    let stacked = Fading::PAPER.sample(4, 6, &mut ChaCha8Rng::seed_from_u64(4));
    let lambda = vec![0.1, 0.5, 2.0, 3.0];
    let operator = Operator::new(stacked.clone(), lambda.clone(), &devices);
    assert_eq!(operator.columns(), 14);
    // By columns: W^{1/2} of E B E^H, one basis matrix B at a time.
    let mut dense = Mat::<f64>::zeros(16, 14);
    let mut column = 0;
    let mut antenna = 0;
    for device in &devices {
        let (side, e) = (device.antennas(), stacked.subcols(antenna, device.antennas()));
        for i in 0..side * side {
            let basis = hermitian(side, |j| if i == j { device.stiffness[i] } else { 0.0 });
            write((e * basis * e.adjoint()).as_ref(), dense.as_mut().subcols_mut(column, 1));
            column += 1;
        }
        antenna += side;
    }
    for j in 0..14 {
        (0..16).for_each(|i| dense[(i, j)] *= operator.root_weights[i]);
    }
    // W of the matrix whose coordinates are all 1.
    let ones = hermitian(4, |_| 1.0);
    let averaged = Mat::from_fn(4, 4, |i, j| ones[(i, j)] * (0.5 * (lambda[i] + lambda[j])));
    let mut weights = Mat::zeros(16, 1);
    write(averaged.as_ref(), weights.as_mut());
    (0..16).for_each(|i| assert!((weights[(i, 0)] - operator.root_weights[i].powi(2)).abs() < 1e-14));

    let u = Mat::from_fn(14, 1, |i, _| (i as f64).sin());
    let x = Mat::from_fn(16, 1, |i, _| (i as f64).cos());
    assert!((operator.apply(&u) - &dense * &u).norm_max() < 1e-12);
    assert!((operator.adjoint(&x) - dense.transpose() * &x).norm_max() < 1e-12);
    let couplings: Vec<Vec<f64>> = devices.iter().map(|device| device.coupling.clone()).collect();
    let diagonals = operator.apply_diagonals(couplings.iter());
    let mut start = 0;
    for (n, device) in devices.iter().enumerate() {
        let side = device.antennas();
        let mut z = Mat::zeros(14, 1);
        (0..side)
            .for_each(|i| z[(start + super::operator::diagonal_coordinate(side, i), 0)] = device.coupling[i]);
        assert!((diagonals.subcols(n, 1) - &dense * &z).norm_max() < 1e-12);
        start += side * side;
    }
    let (mut gram, mut outer) = (Mat::zeros(14, 14), Mat::zeros(16, 16));
    operator.add_gram(&mut gram);
    operator.add_outer(&mut outer);
    let (expected_gram, expected_outer) = (dense.transpose() * &dense, &dense * dense.transpose());
    for j in 0..14 {
        (j..14).for_each(|i| assert!((gram[(i, j)] - expected_gram[(i, j)]).abs() < 1e-10));
    }
    for j in 0..16 {
        (j..16).for_each(|i| assert!((outer[(i, j)] - expected_outer[(i, j)]).abs() < 1e-10));
    }
}

fn program(noise: f64) -> Program {
    let channels = BlockFading::new(Fading::PAPER, 5, &[2, 3, 1, 2], 6).unwrap().block(0);
    Program {
        channels,
        budgets: vec![1.0, 0.1, 5.0, 0.7],
        noise: vec![noise, 2.0 * noise, noise, 0.5 * noise],
    }
}

#[test]
fn eliminations_agree() {
    for noise in [0.0, 1e-3, 1.0, 100.0] {
        let program = program(noise);
        let mut iterate: Iterate = start::cold(&program).unwrap();
        for _ in 0..6 {
            let devices = program.devices(&iterate).unwrap();
            let [dual, primal] = [Elimination::Dual, Elimination::Primal].map(|elimination| {
                step(&Newton::new(&program, &iterate, &devices, elimination).unwrap(), 9.0).unwrap()
            });
            assert_near(&primal.x, &dual.x, 1e-6);
            assert_near(&primal.s, &dual.s, 1e-6);
            for n in 0..4 {
                assert!((primal.multiplier[n] / dual.multiplier[n] - 1.0).abs() < 1e-6);
                assert!((primal.slack[n] / dual.slack[n] - 1.0).abs() < 1e-6);
            }
            iterate = dual;
        }
        for elimination in [Elimination::Dual, Elimination::Primal] {
            let outcome = program.solve(start::cold(&program).unwrap(), 1e-8, 40, elimination);
            assert!(outcome.relative_gap <= 1e-8, "{noise} {elimination:?}: {:e}", outcome.relative_gap);
        }
    }
}

/// A direction of full length satisfies the linearized equations: the residual of `S = I − Σ H U H^H` vanishes to second order.
#[test]
fn full_steps_remove_the_residual_to_second_order() {
    let program = program(0.3);
    let mut iterate = start::cold(&program).unwrap();
    let residual = |iterate: &Iterate| {
        let devices = program.devices(iterate).unwrap();
        let mut residual = Mat::<c64>::identity(5, 5) - &iterate.s;
        for (channel, device) in program.channels.iter().zip(&devices) {
            residual -= channel * (device.dual() * channel.adjoint());
        }
        let slack: f64 =
            devices.iter().zip(&iterate.slack).map(|(device, slack)| (device.slack - slack).powi(2)).sum();
        (squared_norm(residual.as_ref()) + slack).sqrt()
    };
    for _ in 0..4 {
        let devices = program.devices(&iterate).unwrap();
        iterate = step(&Newton::new(&program, &iterate, &devices, Elimination::Dual).unwrap(), 9.0).unwrap();
    }
    let devices = program.devices(&iterate).unwrap();
    let newton = Newton::new(&program, &iterate, &devices, Elimination::Dual).unwrap();
    let direction = newton.direction(newton.complementarity() / 9.0, None);
    let before = residual(&iterate);
    for step in [0.1, 0.01] {
        let after = residual(&newton.advanced(&direction, step, step));
        assert!((after / before - (1.0 - step)).abs() < step * step, "{step}: {}", after / before);
    }
}
