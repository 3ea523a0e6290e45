//! The native methods against Clarabel's semidefinite cone (feature `clarabel-sdp`), which shares nothing with them: not
//! the cone, not the direction, not the linear algebra.

use crate::common::{paper_problem, references};
use faer::{Mat, c64};
use proptest::prelude::*;
use solver::channel::{BlockFading, Fading};
use solver::relaxation::clarabel_sdp::{ClarabelSdp, Program, Settings};
use solver::relaxation::{Backend, Certificate, Native, Options, Relaxation, Solver};
use solver::{Error, Problem, Quantity};

/// The certified gap that Clarabel reaches on every instance here; on most it is below 2e-6. It ends `AlmostSolved` on the rest.
const CLARABEL_GAP: f64 = 5e-5;
/// The certified gap asked of the native methods.
const NATIVE_GAP: f64 = 1e-7;
/// How far the feasible values of the two backends may differ, relatively.
const AGREEMENT: f64 = 1e-5;

fn certificate(
    relaxation: Relaxation,
    problem: &Problem,
    relative_gap: f64,
    backend: impl Backend,
) -> Result<Certificate, Error> {
    let options = Options { relative_gap, ..Options::default() };
    Solver::with_backend(relaxation, options, backend)?.solve(problem).map(|solution| solution.certificate)
}

/// Clarabel and the native method certify intervals that meet, and values that agree.
fn disagreement(relaxation: Relaxation, problem: &Problem) -> Result<(), String> {
    let clarabel =
        certificate(relaxation, problem, CLARABEL_GAP, ClarabelSdp).map_err(|e| format!("Clarabel: {e}"))?;
    let options = Options { relative_gap: NATIVE_GAP, ..Options::default() };
    let native = relaxation.solve(problem, &options).map_err(|e| format!("native: {e}"))?.certificate;
    let difference = (clarabel.upper - native.upper).abs() / native.upper;
    let meet = clarabel.lower <= native.upper && native.lower <= clarabel.upper;
    if meet && difference <= AGREEMENT {
        return Ok(());
    }
    Err(format!("{relaxation:?}: Clarabel {clarabel:?}, native {native:?}"))
}

#[test]
fn backends_agree_on_every_reference_instance() {
    for reference in references().unwrap_or_default() {
        for relaxation in Relaxation::ALL {
            let outcome = disagreement(relaxation, &reference.problem);
            assert_eq!(outcome, Ok(()), "{} {relaxation:?}", reference.name);
        }
    }
}

/// Clarabel alone against the reference intervals, which neither backend computed.
#[test]
fn clarabel_meets_every_reference_interval() {
    for reference in references().unwrap_or_default() {
        for relaxation in Relaxation::ALL {
            let found = certificate(relaxation, &reference.problem, CLARABEL_GAP, ClarabelSdp).unwrap();
            let (lower, upper) = reference.interval(relaxation.name());
            let name = &reference.name;
            assert!(found.lower <= upper && lower <= found.upper, "{name} {relaxation:?}: {found:?}");
        }
    }
}

fn instance() -> impl Strategy<Value = Problem> {
    let device = (1_usize..=3, 0.2_f64..5.0, 0.2_f64..5.0);
    (4_usize..=7, prop::collection::vec(device, 1..=4), 0.1_f64..3.0, any::<u64>()).prop_map(
        |(receive, devices, noise_power, seed)| {
            let antennas: Vec<usize> = devices.iter().map(|device| device.0).collect();
            let channels = BlockFading::new(Fading::PAPER, receive, &antennas, seed).unwrap().block(0);
            let power = devices.iter().map(|device| device.1).collect();
            let variance = devices.iter().map(|device| device.2).collect();
            Problem::new(channels, power, noise_power).unwrap().with_signal_variance(variance).unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Where Clarabel stops short of the gap, as on one of some hundred of these, its interval meets the native one.
    #[test]
    fn backends_agree_on_unequal_devices(problem in instance()) {
        for relaxation in Relaxation::ALL {
            match certificate(relaxation, &problem, CLARABEL_GAP, ClarabelSdp) {
                Err(Error::NotConverged { lower, upper, .. }) => {
                    let native = certificate(relaxation, &problem, NATIVE_GAP, Native::default())?;
                    prop_assert!(0.0 < lower && lower <= native.upper && native.lower <= upper && upper < 1.1 * lower, "{lower}..{upper}, {native:?}");
                }
                _ => prop_assert_eq!(disagreement(relaxation, &problem), Ok(())),
            }
        }
    }
}

/// `c ‖H⁺‖_F²`, `‖H⁺‖_*²/q` (theory, section 3): Clarabel alone.
#[test]
fn one_device_has_closed_forms() {
    let problem = paper_problem(1, 3);
    let singular = problem.channels()[0].singular_values().unwrap();
    let squares: f64 = singular.iter().map(|value| 1.0 / (value * value)).sum();
    let nuclear: f64 = singular.iter().map(|value| 1.0 / value).sum();
    for (relaxation, expected) in
        [(Relaxation::LambdaMin, 4.0 * squares), (Relaxation::TraceInverse, nuclear * nuclear)]
    {
        let found = certificate(relaxation, &problem, CLARABEL_GAP, ClarabelSdp).unwrap();
        assert!(found.lower <= expected && expected <= found.upper, "{expected} {found:?}");
        assert!((found.upper - expected).abs() < 1e-5 * expected, "{expected} {found:?}");
    }
}

#[test]
fn rank_deficient_channels_are_refused_before_solving() {
    let mut channels = paper_problem(2, 1).channels().to_vec();
    let repeated = channels[1].col(0).to_owned();
    channels[1].col_mut(3).copy_from(&repeated);
    let problem = Problem::new(channels, vec![1.0; 2], 1.0).unwrap();
    for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
        let found = certificate(relaxation, &problem, CLARABEL_GAP, ClarabelSdp);
        let refused = matches!(
            found,
            Err(Error::RankDeficient { quantity: Quantity::Channel, device: 1, columns: 4, .. })
        );
        assert!(refused, "{found:?}");
    }
}

/// A Clarabel that may not iterate still gets an honest certificate, or an error: never a wrong number.
#[test]
fn iteration_limits_end_in_certified_bounds() {
    let problem = paper_problem(2, 1);
    for relaxation in Relaxation::ALL {
        let options = Options { relative_gap: CLARABEL_GAP, max_iterations: 3 };
        let mut limited = Solver::with_backend(relaxation, options, ClarabelSdp).unwrap();
        let optimal = relaxation.solve(&problem, &Options { relative_gap: NATIVE_GAP, ..Options::default() });
        let optimal = optimal.unwrap().certificate;
        match limited.solve(&problem) {
            Err(Error::NotConverged { lower, upper, iterations, .. }) => {
                assert!(lower <= optimal.upper && optimal.lower <= upper, "{lower} {upper} {optimal:?}");
                assert!(iterations <= 3);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What a program cannot take is refused, and leaves it as it was.
#[test]
fn programs_refuse_malformed_variables() {
    let mut program = Program::new(&[Mat::identity(2, 2), Mat::identity(1, 1)]).unwrap();
    let (wide, narrow, nan) =
        (Mat::<c64>::identity(2, 2), Mat::<c64>::identity(1, 1), Mat::full(1, 1, c64::new(f64::NAN, 0.0)));
    for (linear, quadratic, name) in [
        (f64::NAN, 0.0, "linear_cost"),
        (f64::INFINITY, 0.0, "linear_cost"),
        (1.0, -1.0, "quadratic_cost"),
        (1.0, f64::NAN, "quadratic_cost"),
    ] {
        let result = program.add_variable(linear, quadratic, &[(0, wide.as_ref())]);
        assert!(matches!(result, Err(Error::InvalidOption { option, .. }) if option == name), "{result:?}");
    }
    for coefficients in [[(1, narrow.as_ref()), (0, wide.as_ref())], [(0, wide.as_ref()), (0, wide.as_ref())]]
    {
        let result = program.add_variable(1.0, 0.0, &coefficients);
        assert!(matches!(
            result,
            Err(Error::OutOfRange { quantity: Quantity::ConstraintMatrix, device: 0, .. })
        ));
    }
    let result = program.add_variable(1.0, 0.0, &[(0, wide.as_ref()), (1, nan.as_ref())]);
    assert!(matches!(result, Err(Error::NonFiniteEntry { device: 1, .. })));
    let result = program.add_variable(1.0, 0.0, &[(0, wide.as_ref()), (2, narrow.as_ref())]);
    assert!(matches!(result, Err(Error::DeviceCount { .. })));
    // min w s.t. 1 + w ≥ 0, twice: the refused variables left nothing behind.
    program.add_variable(1.0, 0.0, &[(0, wide.as_ref()), (1, narrow.as_ref())]).unwrap();
    let mut run = program.prepare(&Settings::default()).unwrap();
    run.solve();
    assert_eq!(run.variables().len(), 1);
    assert!((run.value() + 1.0).abs() < 1e-6, "{}", run.value());
}
