//! Bounds hold where rounding is large: ill-conditioned channels, fewer antennas at the server than at a device, little noise.

use faer::{Mat, c64};
use proptest::prelude::*;
use solver::channel::{BlockFading, Fading};
use solver::recovery::{DesignOptions, design, design_zero_forcing, lower_bound};
use solver::relaxation::{Options, Relaxation};
use solver::{Error, Problem, baseline};

fn random_matrix(rows: usize, columns: usize, seed: u64) -> Mat<c64> {
    BlockFading::new(Fading::RAYLEIGH, rows, &[columns], seed).unwrap().block(0).remove(0)
}

/// `Q diag(s) W^H` with random orthonormal `Q` and `W`.
fn channel(rows: usize, singular_values: &[f64], seed: u64) -> Mat<c64> {
    let columns = singular_values.len();
    let basis = |rows: usize, seed: u64| random_matrix(rows, columns, seed).qr().compute_thin_Q();
    let mut scaled = basis(rows, seed);
    for (column, &value) in scaled.col_iter_mut().zip(singular_values) {
        column.iter_mut().for_each(|entry| *entry *= value);
    }
    scaled * basis(columns, seed + 1).adjoint()
}

/// The interval that a solver ends with, whether it gets to the gap or not.
fn interval(relaxation: Relaxation, problem: &Problem, relative_gap: f64) -> Option<(f64, f64)> {
    let options = Options { relative_gap, ..Options::default() };
    match relaxation.solve(problem, &options) {
        Ok(solution) => Some((solution.certificate.lower, solution.certificate.upper)),
        Err(Error::NotConverged { lower, upper, .. }) => Some((lower, upper)),
        // Where rounding leaves no bound at all, the error says so.
        Err(Error::Numerical { .. } | Error::RankDeficient { .. }) => None,
        Err(error) => panic!("{error:?}"),
    }
}

proptest! {
    /// One device: (17) is `(T/q) Σ 1/s_i²`, the other `(Σ 1/s_i)²/q`. The channel's own rounding moves a singular value by `ε ‖H‖`.
    #[test]
    fn intervals_hold_the_closed_form_of_one_ill_conditioned_device(
        decades in prop::collection::vec(-7.0_f64..0.0, 1..4),
        gap in -7.0_f64..-0.3,
        extra in 0_usize..3,
        seed in 0_u64..1000,
    ) {
        let values: Vec<f64> = decades.iter().map(|decade| 10_f64.powf(*decade)).collect();
        let side = values.len();
        let problem = Problem::new(vec![channel(side + extra, &values, seed)], vec![1.0], 1.0).unwrap();
        let (largest, least) = values.iter().fold((0.0_f64, 1.0_f64), |(l, s), v| (l.max(*v), s.min(*v)));
        let slack = 1e-11 + 32.0 * f64::EPSILON * largest / least;
        let demand: f64 = values.iter().map(|s| side as f64 / (s * s)).sum();
        let inverse: f64 = values.iter().map(|s| 1.0 / s).sum();
        for (relaxation, optimum) in [(Relaxation::LambdaMin, demand), (Relaxation::TraceInverse, inverse * inverse)] {
            let interval = interval(relaxation, &problem, 10_f64.powf(gap));
            prop_assert!(interval.is_some(), "{relaxation:?}: no interval");
            if let Some((lower, upper)) = interval {
                let reached = (upper - lower) / upper;
                prop_assert!(reached <= 10_f64.powf(gap).max(1e-6), "{relaxation:?}: a gap of {reached:e}");
                prop_assert!(
                    lower <= optimum * (1.0 + slack) && upper >= optimum * (1.0 - slack),
                    "{relaxation:?}: {optimum:e} outside [{lower:e}, {upper:e}], slack {slack:e}"
                );
            }
        }
    }

    /// Any points give a true interval, of ill-conditioned channels too.
    #[test]
    fn certificates_of_any_points_hold_the_closed_form(
        decades in prop::collection::vec(-9.0_f64..0.0, 2..4),
        seed in 0_u64..1000,
    ) {
        let values: Vec<f64> = decades.iter().map(|decade| 10_f64.powf(*decade)).collect();
        let side = values.len();
        let problem = Problem::new(vec![channel(side, &values, seed)], vec![1.0], 1.0).unwrap();
        let square = |seed| {
            let root = random_matrix(side, side, seed);
            &root * root.adjoint()
        };
        let (primal, dual) = (square(seed + 2), square(seed + 3));
        let (largest, least) = values.iter().fold((0.0_f64, 1.0_f64), |(l, s), v| (l.max(*v), s.min(*v)));
        let slack = 1e-11 + 32.0 * f64::EPSILON * largest / least;
        let optimum: f64 = values.iter().map(|s| side as f64 / (s * s)).sum();
        let certificate = Relaxation::LambdaMin.certify(&problem, primal.as_ref(), &[dual]);
        prop_assert!(certificate.is_ok() || largest > 1e3 * least, "{certificate:?}");
        if let Ok(certificate) = certificate {
            prop_assert!(certificate.lower <= optimum * (1.0 + slack), "{certificate:?} {optimum:e}");
            prop_assert!(certificate.upper >= optimum * (1.0 - slack), "{certificate:?} {optimum:e}");
        }
    }
}

/// Points times any power of ten, down to the subnormal numbers: the same interval, a wider one, or an error.
#[test]
fn certificates_hold_at_every_scale_of_the_points() {
    let channels = BlockFading::new(Fading::RAYLEIGH, 4, &[2; 3], 3).unwrap().block(0);
    let problem = Problem::new(channels, vec![1.0; 3], 1.0).unwrap();
    let scaled = |matrix: &Mat<c64>, exponent: i32| {
        // In two steps: 1e-320 is no factor.
        let factors = [10_f64.powi(exponent / 2), 10_f64.powi(exponent - exponent / 2)];
        Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] * factors[0] * factors[1])
    };
    for relaxation in Relaxation::ALL {
        let solution = relaxation.solve(&problem, &Options::default()).unwrap();
        let optimum = solution.certificate;
        for exponent in [-320, -315, -308, -300, -200, -100, 0, 100, 200, 300] {
            let dual: Vec<_> = solution.dual.iter().map(|u| scaled(u, exponent)).collect();
            let certificate = relaxation.certify(&problem, solution.primal.as_ref(), &dual).unwrap();
            let what = format!("{relaxation:?} 1e{exponent}: {certificate:?} {optimum:?}");
            assert!(certificate.lower <= optimum.upper, "{what}");
            assert!(exponent < -308 || certificate.lower >= optimum.lower * (1.0 - 1e-9), "{what}");
            let primal = scaled(&solution.primal, exponent);
            if let Ok(certificate) = relaxation.certify(&problem, primal.as_ref(), &solution.dual) {
                assert!(certificate.upper >= optimum.lower, "{relaxation:?} 1e{exponent}: {certificate:?}");
            }
        }
    }
}

/// Channels and powers of any size have the same certificates, times what the value is in proportion to.
#[test]
fn certificates_do_not_depend_on_units() {
    let channels = BlockFading::new(Fading::RAYLEIGH, 4, &[2; 3], 5).unwrap().block(0);
    let problem = |size: i32, power: i32, noise: i32| {
        let of = |channel: &Mat<c64>| Mat::from_fn(4, 2, |i, j| channel[(i, j)] * 10_f64.powi(size));
        let channels = channels.iter().map(of).collect();
        Problem::new(channels, vec![10_f64.powi(power); 3], 10_f64.powi(noise)).unwrap()
    };
    let base = problem(0, 0, 0);
    for relaxation in Relaxation::ALL {
        let solution = relaxation.solve(&base, &Options::default()).unwrap();
        let expected = solution.certificate;
        // α is in proportion to 1/(p ‖H‖²), the MSE depends on p ‖H‖²/σ² alone.
        for (size, power) in
            [(-70, 0), (-51, 0), (-51, 102), (0, 110), (0, -110), (60, 0), (60, -120), (-60, 120)]
        {
            let mmse = relaxation == Relaxation::Mmse;
            let problem = problem(size, power, if mmse { 2 * size + power } else { 0 });
            let unit = if mmse { 1.0 } else { 10_f64.powi(-power) * 10_f64.powi(-2 * size) };
            // X is in proportion to 1/(p ‖H‖²) or, of the MSE, to 1/σ²; U to 1/‖H‖².
            let primal = solution.primal.as_ref();
            let x = Mat::from_fn(4, 4, |i, j| primal[(i, j)] * 10_f64.powi(-2 * size) * 10_f64.powi(-power));
            let certificate = relaxation.certify(&problem, x.as_ref(), &solution.dual);
            let certificate = certificate
                .unwrap_or_else(|error| panic!("{relaxation:?} 1e{size}, p = 1e{power}: {error:?}"));
            for (found, expected) in
                [(certificate.lower, expected.lower), (certificate.upper, expected.upper)]
            {
                let relative = (found / (expected * unit) - 1.0).abs();
                assert!(
                    relative < 1e-9,
                    "{relaxation:?} 1e{size}, p = 1e{power}: {found:e} {expected:e} {unit:e}"
                );
            }
        }
    }
}

/// A device with more antennas than the server: from 40 to 120 dB there is a design, a bound, and the bound is one.
#[test]
fn bounds_hold_far_above_the_noise_with_few_antennas_at_the_server() {
    for (receive, transmit, devices) in [(1, 3, 1), (1, 3, 2), (2, 3, 1), (2, 3, 2), (3, 4, 2)] {
        for decibel in [40, 60, 70, 80, 90, 100, 120] {
            for seed in 0..8 {
                let antennas = vec![transmit; devices];
                let channels = BlockFading::new(Fading::RAYLEIGH, receive, &antennas, seed).unwrap().block(0);
                let noise = 10_f64.powf(-0.1 * f64::from(decibel));
                let problem = Problem::new(channels, vec![1.0; devices], noise).unwrap();
                let problem = problem.with_streams(receive.min(transmit)).unwrap();
                let what = format!("R = {receive}, T = {transmit}, N = {devices}, {decibel} dB, seed {seed}");
                let options = DesignOptions { candidates: 3, starts: 2, finalists: 1, ..Default::default() };
                let designed = design(&problem, &options).unwrap_or_else(|error| panic!("{what}: {error}"));
                let bound = designed.bound.unwrap();
                assert!(designed.mse >= bound * (1.0 - 1e-9), "{what}: {:e} below {bound:e}", designed.mse);
                let alone = baseline::single_device_bound(&problem).unwrap();
                assert!(
                    bound >= alone && bound == lower_bound(&problem, &options.relaxation).unwrap(),
                    "{what}"
                );
                let forced = design_zero_forcing(&problem, &options);
                assert!(!matches!(forced, Err(Error::Numerical { .. })), "{what}: {forced:?}");
            }
        }
    }
}
