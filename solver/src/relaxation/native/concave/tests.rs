//! Derivatives by finite differences, the operator against matrices, and the two eliminations against each other; directions have a file of their own.

mod directions;

use super::device::Device;
use super::operator::Operator;
use super::{Iterate, Program, SaddlePoint, start};
use crate::channel::{BlockFading, Fading};
use crate::linalg::{Scratch, Spectrum, eigenvalues, hermitian_part, inner, squared_norm, trace};
use crate::mismatch;
use crate::relaxation::native::Elimination;
use crate::relaxation::native::coordinates::{self, diagonal};
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

fn device(gram: &Mat<c64>, multiplier: f64, noise: f64) -> Device {
    let mut device = Device::new(gram.nrows());
    assert!(device.update(gram.as_ref(), multiplier, (BUDGET, noise), &mut Scratch::default()));
    device
}

fn hermitian(side: usize, coordinates: &[f64]) -> Mat<c64> {
    let mut matrix = Mat::zeros(side, side);
    coordinates::read(coordinates, matrix.as_mut());
    matrix
}

fn written(matrix: &Mat<c64>) -> Vec<f64> {
    let mut coordinates = vec![0.0; matrix.nrows().pow(2)];
    coordinates::write(matrix.as_ref(), &mut coordinates);
    coordinates
}

/// `K` applied to a matrix in the standard basis.
fn curvature(device: &Device, direction: &Mat<c64>) -> Mat<c64> {
    let inside = device.vectors.adjoint() * direction * &device.vectors;
    let mut coordinates = written(&inside);
    coordinates.iter_mut().zip(&device.stiffness).for_each(|(value, k)| *value *= k * k);
    let scaled = hermitian(device.antennas(), &coordinates);
    &device.vectors * scaled * device.vectors.adjoint()
}

/// `a` in the standard basis.
fn coupling(device: &Device) -> Mat<c64> {
    let side = device.antennas();
    let entry = |i: usize| device.coupling[i] * device.stiffness[diagonal(side, i)];
    let scaled = Mat::from_fn(side, side, |i, j| device.vectors[(i, j)] * entry(j));
    scaled * device.vectors.adjoint()
}

#[test]
fn device_derivatives_are_finite_differences() {
    let (gram, direction, multiplier, step) = (positive(4, 1), random(4, 2), 0.7, 1e-5);
    for noise in [0.0, 0.4, 5.0] {
        let at = |matrix: &Mat<c64>, multiplier: f64| device(matrix, multiplier, noise);
        let device = at(&gram, multiplier);
        assert!((device.power() - inner(device.dual().as_ref(), gram.as_ref())).abs() < 1e-12);
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

#[test]
fn device_bends_are_second_differences() {
    let (gram, direction, multiplier, change, step) = (positive(4, 1), random(4, 2), 0.7, -0.4, 1e-3);
    for noise in [0.0, 0.4, 5.0] {
        let at = |step: f64| device(&moved(&gram, &direction, step), multiplier + change * step, noise);
        let [before, here, after] = [-step, 0.0, step].map(at);
        let inside = here.vectors.adjoint() * &direction * &here.vectors;
        let d = moved(&inside, &Mat::identity(4, 4), noise * change);
        let mut bent = Mat::zeros(4, 4);
        let slack = here.bend(d.as_ref(), change, bent.as_mut());
        let half = 0.5 / (step * step);
        let difference = half * (after.slack - 2.0 * here.slack + before.slack);
        assert!((slack - difference).abs() < 1e-4 * difference.abs(), "{slack} {difference}");
        let difference = scaled(&(after.dual() - scaled(&here.dual(), 2.0) + before.dual()), half);
        assert_near(&(&here.vectors * &bent * here.vectors.adjoint()), &difference, 1e-4);
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
        device(gram, multiplier, noise)
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

#[test]
fn operator_is_consistent() {
    let sides = [2, 1, 3];
    let device = |(n, &side): (u64, &usize)| device(&positive(side, 20 + n), 0.7, 0.3);
    let devices: Vec<Device> = (0..).zip(&sides).map(device).collect();
    let stacked = Fading::PAPER.sample(4, 6, &mut ChaCha8Rng::seed_from_u64(4));
    let mut operator = Operator::new(4, &sides);
    operator.update(Mat::<c64>::identity(4, 4).as_ref(), stacked.as_ref(), &devices);
    // By columns: E B E^H, one basis matrix B at a time.
    let mut dense = Mat::<f64>::zeros(16, 14);
    for (part, device) in operator.parts.iter().zip(&devices) {
        let e = part.columns(&stacked);
        for i in 0..part.side * part.side {
            let mut coordinates = vec![0.0; part.side * part.side];
            coordinates[i] = device.stiffness[i];
            let image = e * hermitian(part.side, &coordinates) * e.adjoint();
            dense.col_as_slice_mut(part.row + i).copy_from_slice(&written(&image));
        }
    }
    let u: Vec<f64> = (0..14).map(|i| (i as f64).sin()).collect();
    let x: Vec<f64> = (0..16).map(|i| (i as f64).cos()).collect();
    let mut received = Mat::zeros(4, 4);
    operator.received(&u, received.as_mut());
    for (i, found) in written(&received).iter().enumerate() {
        let expected: f64 = (0..14).map(|j| dense[(i, j)] * u[j]).sum();
        assert!((found - expected).abs() < 1e-12);
    }
    let mut seen = vec![0.0; 14];
    operator.seen(hermitian(4, &x).as_ref(), &mut seen);
    for (j, found) in seen.iter().enumerate() {
        let expected: f64 = (0..16).map(|i| dense[(i, j)] * x[i]).sum();
        assert!((found - expected).abs() < 1e-12);
    }
}

/// Devices of unequal antennas: fewer unknowns `ΔU_n` than `ΔX` has, and more.
const SHAPES: [(usize, [usize; 4]); 2] = [(5, [2, 3, 1, 2]), (3, [3, 1, 2, 3])];

/// At the cold start of a problem with unequal budgets and noise.
fn method((receive, sides): (usize, [usize; 4]), noise: f64, elimination: Elimination) -> SaddlePoint {
    let channels = BlockFading::new(Fading::PAPER, receive, &sides, 6).unwrap().block(0);
    let noise = vec![noise, 2.0 * noise, noise, 0.5 * noise];
    let program = Program::new(&channels, vec![1.0, 0.1, 5.0, 0.7], noise);
    let mut method = SaddlePoint::new(program, elimination);
    method.iterate = start::cold(&method.program).unwrap();
    assert!(method.evaluate());
    method
}

#[test]
fn eliminations_agree() {
    for noise in [0.0, 1e-3, 1.0, 100.0] {
        let [mut dual, mut primal] =
            [Elimination::Dual, Elimination::Primal].map(|elimination| method(SHAPES[0], noise, elimination));
        for _ in 0..6 {
            assert!(dual.advance() && primal.advance());
            let (found, expected) = (&primal.iterate, &dual.iterate);
            assert_near(&found.x, &expected.x, 1e-6);
            assert_near(&found.s, &expected.s, 1e-6);
            for n in 0..4 {
                assert!((found.multiplier[n] / expected.multiplier[n] - 1.0).abs() < 1e-6);
                assert!((found.slack[n] / expected.slack[n] - 1.0).abs() < 1e-6);
            }
            primal.iterate.copy_from(&dual.iterate);
            assert!(dual.evaluate() && primal.evaluate());
        }
        for mut method in [dual, primal] {
            let first = start::cold(&method.program).unwrap();
            assert!(method.solve(first, 1e-8, 40).is_some() && method.evaluate());
            let gap = method.relative_gap(1e-8);
            assert!(gap <= 1e-8, "{noise}: {gap:e}");
        }
    }
}

/// The relative gap by its definition, with the largest eigenvalue.
fn gap(method: &SaddlePoint) -> f64 {
    let Program { budgets, noise, .. } = &method.program;
    let (mut upper, mut excess) = (trace(method.iterate.x.as_ref()), 0.0_f64);
    for (n, device) in method.devices.iter().enumerate() {
        if noise[n] > 0.0 {
            let root = mismatch::multiplier(&device.gains, budgets[n]);
            upper += device.gains.iter().map(|&gain| mismatch::residual(gain, root)).sum::<f64>() / noise[n];
        } else {
            excess = excess.max(device.gains.iter().map(|gain| 1.0 / gain).sum::<f64>() / budgets[n]);
        }
    }
    let upper = if excess > 0.0 { upper * excess } else { upper };
    let largest = *eigenvalues(method.received.as_ref()).unwrap().last().unwrap();
    let share = |(n, device): (usize, &Device)| {
        let u = Spectrum::of(device.dual().as_ref()).unwrap();
        let roots: f64 = u.values.iter().map(|value| value.sqrt()).sum();
        roots * roots / (budgets[n] * largest + noise[n] * u.values.iter().sum::<f64>())
    };
    1.0 - method.devices.iter().enumerate().map(share).sum::<f64>() / upper
}

#[test]
fn bounds_on_the_gap_decide_as_the_gap_itself() {
    for noise in [0.0, 1.0] {
        let mut method = method(SHAPES[0], noise, Elimination::Dual);
        for _ in 0..6 {
            let gap = gap(&method);
            for tolerance in
                [0.1, 0.5, 0.9, 1.0 - 1e-6, 1.0 + 1e-6, 1.1, 2.0, 10.0].map(|factor| factor * gap)
            {
                let bound = method.relative_gap(tolerance);
                assert_eq!(bound <= tolerance, gap <= tolerance, "{noise}: {gap:e} {tolerance:e} {bound:e}");
                assert!(bound >= gap * (1.0 - 1e-9));
                assert!(method.evaluate());
            }
            assert!(method.advance() && method.evaluate());
        }
    }
}
