//! What does not fit, is not finite or has no size meets a typed error: no panic, and no number that means nothing.

use crate::common::paper_problem;
use faer::{Mat, c64};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use solver::baseline::truncated_inversion;
use solver::channel::{BlockFading, Fading, GaussMarkov, capacity};
use solver::csi::{self, ChannelError};
use solver::recovery::{
    Designer, Refinement, alternating, design, refine, refine_zero_forcing, scaled_zero_forcing,
};
use solver::relaxation::{Backend, Native, Options, Relaxation, Solution};
use solver::sca::subproblem::{
    AutomaticBackend, BackendFailure, ClarabelBackend, Goal, NativeBackend, Subproblem, SubproblemSolver,
};
use solver::sca::{LinearRow, Polyhedron, PolyhedronError, Row, Surrogate};
use solver::transceiver::power_limited;
use solver::{Error, Problem, Quantity};

fn problem(receive: usize, transmit: &[usize]) -> Problem {
    let channels = BlockFading::new(Fading::PAPER, receive, transmit, 1).unwrap().block(0);
    Problem::new(channels, vec![1.0; transmit.len()], 1.0).unwrap()
}

fn scaled(matrix: &Mat<c64>, factor: f64) -> Mat<c64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] * factor)
}

fn nan(rows: usize, columns: usize) -> Mat<c64> {
    Mat::from_fn(rows, columns, |i, j| c64::new(if (i, j) == (1, 0) { f64::NAN } else { 0.5 }, 0.0))
}

/// Points of other shapes, or no numbers, are no warm start: the answer is that without one.
#[test]
fn a_warm_start_that_does_not_fit_is_none() {
    let cold = problem(6, &[4, 4]);
    let solve = |problem: &Problem| Relaxation::Mmse.solve(problem, &Options::default()).unwrap();
    let good = solve(&cold);
    let mut starts = vec![
        solve(&problem(6, &[2, 2])),
        solve(&problem(6, &[4, 4, 4])),
        solve(&problem(5, &[4, 4])),
        Solution { dual: vec![Mat::zeros(4, 5), Mat::zeros(5, 4)], ..good.clone() },
        Solution { primal: Mat::zeros(6, 7), ..good.clone() },
        Solution { dual: Vec::new(), ..good.clone() },
    ];
    starts.push(Solution { primal: nan(6, 6), ..good.clone() });
    starts.push(Solution { dual: vec![nan(4, 4), good.dual[1].clone()], ..good });
    for relaxation in Relaxation::ALL {
        let points = |warm: Option<&Solution>| {
            Native::default().points(relaxation, &cold, &Options::default(), warm).unwrap()
        };
        let expected = points(None);
        for (index, start) in starts.iter().enumerate() {
            let found = points(Some(start));
            let same = found.primal == expected.primal && found.iterations == expected.iterations;
            assert!(same, "{relaxation:?}, start {index}");
        }
    }
}

/// The derivatives of another problem's solution are refused, whichever matrix tells.
#[test]
fn sensitivities_need_the_solution_of_the_problem() {
    let own = problem(6, &[4, 4]);
    for relaxation in Relaxation::ALL {
        let good = relaxation.solve(&own, &Options::default()).unwrap();
        let sensitivity = |solution: &Solution| relaxation.power_sensitivity(&own, solution);
        assert!(sensitivity(&good).unwrap().iter().all(|slope| *slope < 0.0));
        let other = relaxation.solve(&problem(6, &[2, 2]), &Options::default()).unwrap();
        let (expected, found) = ((4, 4), (2, 2));
        let shape = Error::Shape { quantity: Quantity::DualMatrix, device: 0, expected, found };
        assert_eq!(sensitivity(&other), Err(shape), "{relaxation:?}");
        let bent = Solution { dual: vec![Mat::zeros(4, 4), Mat::zeros(4, 5)], ..good.clone() };
        let (expected, found) = ((4, 4), (4, 5));
        let shape = Error::Shape { quantity: Quantity::DualMatrix, device: 1, expected, found };
        assert_eq!(sensitivity(&bent), Err(shape), "{relaxation:?}");
        let fewer = Solution { dual: good.dual[..1].to_vec(), ..good.clone() };
        let (quantity, devices, found) = (Quantity::DualMatrix, 2, 1);
        assert_eq!(sensitivity(&fewer), Err(Error::DeviceCount { quantity, devices, found }));
        let taller = Solution { primal: Mat::zeros(7, 6), ..good.clone() };
        assert!(matches!(
            sensitivity(&taller),
            Err(Error::Shape { quantity: Quantity::PrimalMatrix, found: (7, 6), .. })
        ));
        let unknown = Solution { dual: vec![good.dual[0].clone(), nan(4, 4)], ..good.clone() };
        let (device, row, column) = (1, 1, 0);
        let entry = Error::NonFiniteEntry { quantity: Quantity::DualMatrix, device, row, column };
        assert_eq!(sensitivity(&unknown), Err(entry), "{relaxation:?}");
        let unknown = Solution { primal: nan(6, 6), ..good };
        assert!(matches!(
            sensitivity(&unknown),
            Err(Error::NonFiniteEntry { quantity: Quantity::PrimalMatrix, .. })
        ));
    }
}

/// Every backend refuses a subproblem whose parts do not fit each other or are no numbers, and says which.
#[test]
fn backends_refuse_malformed_subproblems() {
    let boxed = Polyhedron::builder(3).bounds(vec![0.0; 3], vec![1.0; 3]).build().unwrap();
    let curved =
        |length: usize, curvature: f64| Surrogate { value: 0.0, gradient: vec![1.0; length], curvature };
    let third = vec![1.0 / 3.0; 3];
    let with_gradient = |entry: f64| Surrogate { gradient: vec![1.0, entry, 1.0], ..curved(3, 1.0) };
    let cases: Vec<(&str, Vec<f64>, Surrogate, Vec<Surrogate>)> = vec![
        ("gradient of f̂_0 has 1 entries, not 3", third.clone(), curved(1, 1.0), vec![]),
        ("gradient of f̂_0 has 9 entries, not 3", third.clone(), curved(9, 1.0), vec![]),
        ("gradient of f̂_1 has 9 entries, not 3", third.clone(), curved(3, 1.0), vec![curved(9, 0.0)]),
        (
            "gradient of f̂_2 has 9 entries, not 3",
            third.clone(),
            curved(3, 1.0),
            vec![curved(3, 0.0), curved(9, 1.0)],
        ),
        ("centre has 0 entries, not 3", vec![], curved(3, 1.0), vec![]),
        ("centre has 4 entries, not 3", vec![0.3; 4], curved(3, 1.0), vec![curved(3, 1.0)]),
        ("curvature of f̂_0 is 0", third.clone(), curved(3, 0.0), vec![]),
        ("curvature of f̂_0 is NaN", third.clone(), curved(3, f64::NAN), vec![]),
        ("curvature of f̂_0 is -1", third.clone(), curved(3, -1.0), vec![]),
        ("curvature of f̂_1 is -1", third.clone(), curved(3, 1.0), vec![curved(3, -1.0)]),
        ("curvature of f̂_1 is inf", third.clone(), curved(3, 1.0), vec![curved(3, f64::INFINITY)]),
        ("centre holds NaN", vec![f64::NAN; 3], curved(3, 1.0), vec![]),
        ("gradient of f̂_0 holds inf", third.clone(), with_gradient(f64::INFINITY), vec![]),
        ("gradient of f̂_1 holds NaN", third.clone(), curved(3, 1.0), vec![with_gradient(f64::NAN)]),
        ("value of f̂_0 is NaN", third.clone(), Surrogate { value: f64::NAN, ..curved(3, 1.0) }, vec![]),
        (
            "value of f̂_1 is -inf",
            third,
            curved(3, 1.0),
            vec![Surrogate { value: f64::NEG_INFINITY, ..curved(3, 1.0) }],
        ),
    ];
    for (reason, center, objective, constraints) in &cases {
        for goal in [Goal::Objective, Goal::LeastViolation] {
            let subproblem = Subproblem { feasible_set: &boxed, center, objective, constraints, goal };
            let backends: Vec<(&str, Box<dyn SubproblemSolver>)> = vec![
                ("Clarabel", Box::new(ClarabelBackend)),
                ("native", Box::new(NativeBackend)),
                ("automatic", Box::new(AutomaticBackend)),
                #[cfg(feature = "osqp")]
                ("OSQP", Box::new(solver::sca::subproblem::OsqpBackend)),
            ];
            for (name, mut backend) in backends {
                // What it does not solve, it need not look at.
                let curved = constraints.iter().any(|constraint| constraint.curvature > 0.0);
                let unsupported = match name {
                    "native" => !NativeBackend::applies(&subproblem),
                    "OSQP" => curved,
                    _ => false,
                };
                match backend.solve(&subproblem) {
                    Err(BackendFailure::Malformed(found)) => {
                        assert!(
                            found.to_string().contains(reason),
                            "{name}, {goal:?}: {found}, expected {reason}"
                        );
                    }
                    Err(BackendFailure::Unsupported { .. }) if unsupported => {}
                    other => panic!("{name}, {goal:?}, {reason}: {other:?}"),
                }
            }
        }
    }
}

/// An optimum beyond the floating-point range is no point.
#[test]
fn native_refuses_what_overflows() {
    let line = Polyhedron::builder(1).build().unwrap();
    let objective = Surrogate { value: 0.0, gradient: vec![1e300], curvature: 1e-300 };
    let subproblem = Subproblem {
        feasible_set: &line,
        center: &[0.0],
        objective: &objective,
        constraints: &[],
        goal: Goal::Objective,
    };
    assert!(matches!(NativeBackend.solve(&subproblem), Err(BackendFailure::Stopped { .. })));
}

/// A row or a surrogate has no value at a point of another length.
#[test]
fn functions_need_points_of_their_length() {
    let row = LinearRow { coefficients: vec![1.0; 3], right_hand_side: 0.5 };
    let surrogate = Surrogate { value: 2.0, gradient: vec![1.0; 3], curvature: 1.0 };
    assert_eq!((row.residual(&[1.0; 3]), surrogate.at(&[1.0; 3])), (Ok(2.5), Ok(8.0)));
    for found in [0, 1, 2, 4] {
        let length = PolyhedronError::Length { row: Row::Point, expected: 3, found };
        assert_eq!(row.residual(&vec![1.0; found]), Err(length.clone()));
        assert_eq!(surrogate.at(&vec![1.0; found]), Err(length));
    }
}

/// Matrices without entries are no channels, however many columns they have.
#[test]
fn channels_have_entries() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let empty = Error::EmptyMatrix { quantity: Quantity::Channel, device: 0 };
    for (rows, columns) in [(0, 5), (5, 0), (0, usize::MAX), (usize::MAX, 0), (0, 0)] {
        assert_eq!(Fading::PAPER.draw(rows, columns, &mut rng), Err(empty.clone()));
    }
    let error = ChannelError::new(vec![0.1; 2]).unwrap();
    for (rows, columns) in [(0, 5), (5, 0), (0, 0)] {
        let hollow = Mat::<c64>::zeros(rows, columns);
        assert_eq!(capacity(hollow.as_ref(), 1.0, 1.0), Err(empty.clone()));
        let channels = [Mat::zeros(4, 2), hollow];
        let second = Error::EmptyMatrix { quantity: Quantity::Channel, device: 1 };
        assert_eq!(csi::predict(&Fading::PAPER, 0.9, &channels), Err(second.clone()));
        assert_eq!(error.channels(&channels, 1, 0), Err(second.clone()));
        assert_eq!(error.estimates(&Fading::PAPER, &channels, 1, 0), Err(second));
    }
}

/// No NaN and no infinity passes through the model of channel knowledge, nor comes out of it.
#[test]
fn channel_knowledge_is_finite() {
    let error = ChannelError::new(vec![0.1; 2]).unwrap();
    for bad in [f64::NAN, f64::INFINITY] {
        let mut broken = Mat::<c64>::zeros(4, 2);
        broken[(3, 1)] = c64::new(0.0, bad);
        let channels = [Mat::zeros(4, 2), broken];
        let (quantity, device, row, column) = (Quantity::Channel, 1, 3, 1);
        let entry = Error::NonFiniteEntry { quantity, device, row, column };
        assert_eq!(csi::predict(&Fading::PAPER, 0.9, &channels), Err(entry.clone()));
        assert_eq!(error.channels(&channels, 1, 0), Err(entry.clone()));
        assert_eq!(error.estimates(&Fading::PAPER, &channels, 1, 0), Err(entry));
    }
    // Finite entries whose distance from the mean is beyond the range.
    let far = Fading::rician(c64::new(-1e308, 0.0), 1.0).unwrap();
    let channels = vec![Mat::full(4, 2, c64::new(1e308, 0.0)); 2];
    for result in [csi::predict(&far, 0.9, &channels), error.estimates(&far, &channels, 1, 0)] {
        assert!(matches!(result, Err(Error::Numerical { .. })), "{result:?}");
    }
    let loud = ChannelError::new(vec![f64::MAX; 2]).unwrap();
    let edge = vec![Mat::full(4, 2, c64::new(f64::MAX, f64::MIN)); 2];
    if let Ok(drawn) = loud.channels(&edge, 1, 0) {
        assert!(
            crate::common::entries(&drawn).iter().all(|entry| entry.re.is_finite() && entry.im.is_finite())
        );
    }
}

/// A correlated process whose blocks would overflow is refused before its first block.
#[test]
fn correlated_blocks_are_finite() {
    for (mean, correlation) in [(c64::new(1e308, 1e308), 0.5), (c64::new(1.7e308, 0.0), -1.0)] {
        let fading = Fading::rician(mean, 1.0).unwrap();
        let result = GaussMarkov::new(fading, correlation, 2, &[2], 1);
        assert!(
            matches!(result, Err(Error::OutOfRange { quantity: Quantity::FadingMean, .. })),
            "{mean} {correlation}"
        );
    }
    let fading = Fading::rician(c64::new(1e300, -1e300), 1e300).unwrap();
    for block in GaussMarkov::new(fading, -1.0, 2, &[2], 1).unwrap().take(4) {
        assert!(
            crate::common::entries(&block).iter().all(|entry| entry.re.is_finite() && entry.im.is_finite())
        );
    }
}

/// A silent receiver is no stationary point while some channel is open: its MSE is reported for what it is.
#[test]
fn silence_is_not_called_stationary() {
    let problem = paper_problem(8, 1);
    let silent = Mat::<c64>::zeros(20, 4);
    let options = Refinement::default();
    for refined in
        [refine(&problem, silent.as_ref(), &options), alternating(&problem, silent.as_ref(), &options)]
    {
        let refined = refined.unwrap();
        assert!((refined.mse - 32.0).abs() < 1e-12);
        assert_eq!((refined.stationarity, refined.converged), (f64::INFINITY, false));
    }
    let error = ChannelError::new(vec![0.1; 8]).unwrap();
    let alternated = csi::alternate(&problem, &error, silent.as_ref(), &Default::default()).unwrap();
    assert!(!alternated.converged && (alternated.mse - 32.0).abs() < 1e-12);

    // Where all channels are closed it is the optimum.
    let closed = Problem::new(vec![Mat::zeros(20, 4); 2], vec![1.0; 2], 1.0).unwrap();
    assert!(refine(&closed, silent.as_ref(), &options).unwrap().converged);
    for start in [silent.clone(), problem.channels()[0].clone()] {
        let refined = refine(&closed, start.as_ref(), &options).unwrap();
        assert!((refined.mse - 8.0).abs() < 1e-12, "{}", refined.mse);
        assert!(refined.stationarity < 1e-12, "{}", refined.stationarity);
    }
    let error = ChannelError::new(vec![0.1; 2]).unwrap();
    assert!(csi::alternate(&closed, &error, silent.as_ref(), &Default::default()).unwrap().converged);
    let designed = design(&closed, &Default::default()).unwrap();
    assert!((designed.mse - 8.0).abs() < 1e-12 && designed.stationarity < 1e-12);
    let mut designer = Designer::new(Default::default()).unwrap();
    for _ in 0..2 {
        assert!((designer.design(&closed).unwrap().mse - 8.0).abs() < 1e-12);
    }
}

/// A start in which some device is unheard, though its channel is open, either loses that or is not called stationary.
#[test]
fn an_unheard_device_is_not_called_stationary() {
    let problem = paper_problem(2, 1);
    let second = &problem.channels()[1];
    let basis = second.svd().unwrap().U().to_owned();
    let deaf = Mat::from_fn(20, 4, |i, j| basis[(i, 4 + j)]);
    for refined in [
        refine(&problem, deaf.as_ref(), &Default::default()).unwrap(),
        alternating(&problem, deaf.as_ref(), &Default::default()).unwrap(),
    ] {
        let heard = (second.adjoint() * refined.transceiver.aggregator()).norm_l2();
        let loud = refined.transceiver.aggregator().norm_l2() * second.norm_l2();
        assert!(
            heard > 1e-6 * loud || refined.stationarity == f64::INFINITY && !refined.converged,
            "{refined:?}"
        );
    }
}

/// Where the scale of a start does not matter, one at the end of the floating-point range is as good as another.
#[test]
fn the_scale_of_a_start_does_not_matter() {
    let problem = paper_problem(8, 1);
    let start = problem.channels()[0].clone();
    let options = Refinement::default();
    let usual = refine(&problem, start.as_ref(), &options).unwrap();
    let forced = scaled_zero_forcing(&problem, start.as_ref()).unwrap();
    let refined_forced =
        refine_zero_forcing(&problem, start.as_ref(), &Refinement { max_iterations: 20, ..options }).unwrap();
    let truncated = truncated_inversion(&problem, start.as_ref(), 0.1).unwrap();
    let near = |a: f64, b: f64, within: f64| (a / b - 1.0).abs() <= within;
    let mse = |transceiver: &solver::transceiver::Transceiver| {
        transceiver.mean_squared_error(&problem).unwrap().total()
    };
    let best = power_limited(&problem, scaled(&start, 1e-90).as_ref()).unwrap();
    for scale in [1e-300, 1e-200, 1e-110, 1e-30, 1e110, 1e200, 1e300] {
        let start = scaled(&start, scale);
        let refined = refine(&problem, start.as_ref(), &options).unwrap();
        assert!(near(refined.mse, usual.mse, 1e-3), "{scale}: {} {}", refined.mse, usual.mse);
        assert!(refined.stationarity < 1e-4, "{scale}: {}", refined.stationarity);
        let alternated =
            alternating(&problem, start.as_ref(), &Refinement { decrease: 1e-6, ..options }).unwrap();
        assert!(near(alternated.mse, usual.mse, 0.05), "{scale}: {} {}", alternated.mse, usual.mse);
        let alpha = scaled_zero_forcing(&problem, start.as_ref()).unwrap().alpha();
        assert!(near(alpha, forced.alpha(), 1e-9), "{scale}: {alpha} {}", forced.alpha());
        let descended =
            refine_zero_forcing(&problem, start.as_ref(), &Refinement { max_iterations: 20, ..options });
        let descended = descended.unwrap().transceiver.alpha();
        assert!(near(descended, refined_forced.transceiver.alpha(), 1e-2), "{scale}: {descended}");
        let inverted = truncated_inversion(&problem, start.as_ref(), 0.1).unwrap();
        assert!(near(mse(&inverted), mse(&truncated), 1e-9), "{scale}");
        if scale < 1e-100 {
            // Far below every limit the best precoders are matched to what is heard, at full power.
            let matched = power_limited(&problem, start.as_ref()).unwrap();
            for (power, (found, expected)) in
                matched.transmit_power(&problem).iter().zip(matched.precoders().iter().zip(best.precoders()))
            {
                let difference = (found - expected).norm_l2();
                assert!(near(*power, 1.0, 1e-9) && difference < 1e-9, "{scale:e}: {power} {difference:e}");
            }
        }
    }
}
