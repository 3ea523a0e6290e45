//! The relaxations against certified values, closed forms, and finite differences.

use crate::common::{paper_problem, references};
use faer::{Mat, c64};
use solver::channel::{BlockFading, Fading};
use solver::relaxation::{Options, Scope, lambda_min, mmse};
use solver::{Error, Problem, Quantity};

fn inside(value: f64, (lower, upper): (f64, f64), widening: f64) -> bool {
    value >= lower * (1.0 - widening) && value <= upper * (1.0 + widening)
}

#[test]
fn lambda_min_agrees_with_every_reference_instance() {
    for reference in references().unwrap_or_default() {
        for relative_gap in [1e-6, 1e-9] {
            let options = Options { relative_gap, ..Options::default() };
            let certificate = lambda_min::solve(&reference.problem, &options).unwrap().certificate;
            let interval = reference.interval("lambda_min");
            assert!(certificate.lower <= certificate.upper, "{}", reference.name);
            assert!(certificate.relative_gap() <= relative_gap, "{}", reference.name);
            assert!(inside(certificate.lower, interval, 1e-6), "{}: {certificate:?}", reference.name);
            assert!(inside(certificate.upper, interval, 1e-6), "{}: {certificate:?}", reference.name);
            assert_eq!(certificate.scope, Scope::Program);
        }
    }
}

#[test]
fn mmse_agrees_with_every_reference_instance() {
    for reference in references().unwrap_or_default() {
        let options = Options { relative_gap: 1e-6, ..Options::default() };
        let certificate = mmse::solve(&reference.problem, &options).unwrap().certificate;
        let interval = reference.interval("mmse");
        assert!(inside(certificate.lower, interval, 2e-6), "{}: {certificate:?}", reference.name);
        assert!(inside(certificate.upper, interval, 2e-6), "{}: {certificate:?}", reference.name);
    }
}

/// `c ‖H⁺‖_F²` for one device (theory, section 3).
#[test]
fn one_device_has_a_closed_form() {
    let problem = paper_problem(1, 3);
    let singular = problem.channels()[0].singular_values().unwrap();
    let expected = 4.0 * singular.iter().map(|value| 1.0 / (value * value)).sum::<f64>();
    let certificate = lambda_min::solve(&problem, &Options::default()).unwrap().certificate;
    assert!(inside(expected, (certificate.lower, certificate.upper), 1e-12), "{expected} {certificate:?}");
}

/// Lines of sight up to 60 dB above the scattered part, square channels, more antennas than the server has to spare: every
/// channel is solved, to the default gap.
#[test]
fn ill_conditioned_channels_are_solved() {
    for (receive, transmit, devices) in [(20, 4, 4), (4, 4, 2), (4, 4, 8), (2, 2, 16), (1, 1, 4), (6, 4, 3)] {
        for line_of_sight in [0.0, 1.0, 30.0, 1000.0] {
            let fading = Fading::rician(c64::new(line_of_sight, 0.0), 1.0).unwrap();
            let blocks = BlockFading::new(fading, receive, &vec![transmit; devices], 5).unwrap();
            for (index, channels) in blocks.take(20).enumerate() {
                let problem = Problem::new(channels, vec![1.0; devices], 1.0).unwrap();
                let solution = lambda_min::solve(&problem, &Options::default());
                assert!(solution.is_ok(), "R {receive} T {transmit} N {devices} #{index}: {solution:?}");
            }
        }
    }
}

/// Many devices, where Newton's method keeps the receiver's unknowns, and many receive antennas, of which only a subspace matters.
#[test]
fn many_devices_and_many_receive_antennas_are_solved() {
    for (receive, devices, transmit) in [(20, 128, 4), (4, 300, 1), (2, 40, 2), (128, 8, 4), (128, 2, 3)] {
        let channels =
            BlockFading::new(Fading::PAPER, receive, &vec![transmit; devices], 3).unwrap().block(0);
        let problem = Problem::new(channels, vec![1.0; devices], 1.0).unwrap();
        let options = Options { relative_gap: 1e-6, ..Options::default() };
        let solution = lambda_min::solve(&problem, &options).unwrap();
        assert!(solution.iterations <= 16, "{receive} {devices}: {}", solution.iterations);
    }
}

#[test]
fn certificates_are_recomputed_from_the_points() {
    let problem = paper_problem(4, 11);
    let solution = lambda_min::solve(&problem, &Options::default()).unwrap();
    let again = lambda_min::certify(&problem, solution.primal.as_ref(), &solution.dual).unwrap();
    assert!((again.upper - solution.certificate.upper).abs() < 1e-12 * again.upper);
    assert!((again.lower - solution.certificate.lower).abs() < 1e-12 * again.lower);
    // Worse points widen the interval and never break it.
    let identity = Mat::<c64>::identity(20, 20);
    let units = vec![Mat::<c64>::identity(4, 4); 4];
    let loose = lambda_min::certify(&problem, identity.as_ref(), &units).unwrap();
    assert!(loose.lower < again.lower && loose.upper > again.upper);
}

/// Central differences of the optimal value by each power against the envelope gradient of each relaxation.
#[test]
fn power_sensitivities_are_derivatives() {
    let options = Options { relative_gap: 1e-9, ..Options::default() };
    let loose = Options { relative_gap: 1e-7, ..Options::default() };
    let base = paper_problem(3, 5);
    let with_power = |device: usize, change: f64| {
        let mut power = vec![1.0, 0.5, 2.0];
        power[device] *= 1.0 + change;
        Problem::new(base.channels().to_vec(), power, 1.0).unwrap()
    };
    let centre = with_power(0, 0.0);
    let alpha =
        lambda_min::power_sensitivity(&centre, &lambda_min::solve(&centre, &options).unwrap()).unwrap();
    let error = mmse::power_sensitivity(&centre, &mmse::solve(&centre, &loose).unwrap()).unwrap();
    let step = 1e-3;
    for device in 0..3 {
        let power = centre.transmit_power()[device];
        let value =
            |change| lambda_min::solve(&with_power(device, change), &options).unwrap().certificate.lower;
        let difference = (value(step) - value(-step)) / (2.0 * step * power);
        assert!(
            (difference - alpha[device]).abs() < 1e-4 * alpha[device].abs().max(1e-2),
            "{difference} {alpha:?}"
        );
        let value = |change| mmse::solve(&with_power(device, change), &loose).unwrap().certificate.upper;
        let difference = (value(step) - value(-step)) / (2.0 * step * power);
        assert!(
            (difference - error[device]).abs() < 1e-3 * error[device].abs().max(1e-2),
            "{difference} {error:?}"
        );
    }
}

#[test]
fn scaling_powers_and_noise_together_changes_nothing() {
    let problem = paper_problem(3, 8);
    let scaled = Problem::new(problem.channels().to_vec(), vec![1e6; 3], 1e6).unwrap();
    let options = Options::default();
    let (a, b) = (mmse::solve(&problem, &options).unwrap(), mmse::solve(&scaled, &options).unwrap());
    assert!((a.certificate.upper - b.certificate.upper).abs() < 1e-6 * a.certificate.upper);
}

#[test]
fn rank_deficient_channels_are_refused_before_solving() {
    let mut channels = paper_problem(2, 1).channels().to_vec();
    for row in 0..20 {
        channels[1][(row, 3)] = channels[1][(row, 0)];
    }
    let problem = Problem::new(channels, vec![1.0; 2], 1.0).unwrap();
    match lambda_min::solve(&problem, &Options::default()) {
        Err(Error::RankDeficient {
            quantity: Quantity::Channel,
            device: 1,
            columns: 4,
            largest,
            smallest,
        }) => {
            assert!(smallest < 1e-12 * largest);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_and_iteration_limits_are_enforced() {
    let problem = paper_problem(2, 1);
    for relative_gap in [0.0, -1.0, f64::NAN, 1.0, f64::INFINITY] {
        let options = Options { relative_gap, ..Options::default() };
        let result = lambda_min::solve(&problem, &options);
        assert!(matches!(result, Err(Error::InvalidOption { option: "relative_gap", .. })), "{relative_gap}");
    }
    let options = Options { max_iterations: 2, ..Options::default() };
    match lambda_min::solve(&problem, &options) {
        Err(Error::NotConverged { iterations: 2, lower, upper, .. }) => assert!(0.0 < lower && lower < upper),
        other => panic!("{other:?}"),
    }
}

#[test]
fn malformed_points_are_refused() {
    let problem = paper_problem(2, 1);
    let x = Mat::<c64>::identity(20, 20);
    let u = vec![Mat::<c64>::identity(4, 4); 2];
    assert!(matches!(
        lambda_min::certify(&problem, Mat::<c64>::identity(19, 19).as_ref(), &u),
        Err(Error::Shape { quantity: Quantity::PrimalMatrix, expected: (20, 20), found: (19, 19), .. })
    ));
    assert!(matches!(
        mmse::certify(&problem, x.as_ref(), &u[..1]),
        Err(Error::DeviceCount { quantity: Quantity::DualMatrix, devices: 2, found: 1 })
    ));
    let other = mmse::solve(&paper_problem(1, 2), &Default::default()).unwrap();
    assert!(matches!(
        lambda_min::power_sensitivity(&problem, &other),
        Err(Error::DeviceCount { quantity: Quantity::DualMatrix, devices: 2, found: 1 })
    ));
    let mut poisoned = x.clone();
    poisoned[(2, 1)] = c64::new(f64::NAN, 0.0);
    assert!(matches!(
        mmse::certify(&problem, poisoned.as_ref(), &u),
        Err(Error::NonFiniteEntry { quantity: Quantity::PrimalMatrix, row: 2, column: 1, .. })
    ));
}
