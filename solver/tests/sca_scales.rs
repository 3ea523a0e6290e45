//! Sets and subproblems of any size: what is true of a problem in metres is true of it in micrometres and in light years.

use std::convert::Infallible;

use proptest::prelude::*;
use solver::sca::subproblem::{AutomaticBackend, ClarabelBackend, SubproblemSolver};
use solver::sca::{
    Evaluation, Function, Polyhedron, PolyhedronError, Rng, ScaOptions, ScaReport, Schedules,
    StochasticProgram, StochasticSca, TerminationReason,
};

const SIZES: [f64; 7] = [1e-6, 1e-4, 1e-2, 1.0, 1e3, 1e6, 1e9];

/// Functions that are affine and known exactly, `c_i + u_iᵀx`.
struct Affine {
    set: Polyhedron,
    functions: Vec<(f64, Vec<f64>)>,
}

impl StochasticProgram for Affine {
    type Sample = ();
    type Error = Infallible;

    fn feasible_set(&self) -> &Polyhedron {
        &self.set
    }

    fn stochastic_constraints(&self) -> usize {
        self.functions.len() - 1
    }

    fn sample(&self, _: &mut dyn Rng) -> Result<(), Infallible> {
        Ok(())
    }

    fn evaluate(&self, point: &[f64], (): &()) -> Result<Evaluation, Infallible> {
        let at = |(constant, gradient): &(f64, Vec<f64>)| Function {
            value: constant + gradient.iter().zip(point).map(|(u, x)| u * x).sum::<f64>(),
            gradient: gradient.clone(),
        };
        let mut all = self.functions.iter().map(at);
        let objective = all.next().unwrap();
        Ok(Evaluation { objective, constraints: all.collect() })
    }
}

/// One step all the way: the end is `x̂`.
fn step(program: &Affine, start: &[f64], curvature: f64, backend: impl SubproblemSolver) -> ScaReport {
    let options = ScaOptions::new(1)
        .with_iterations(1)
        .unwrap()
        .with_objective_curvature(curvature)
        .unwrap()
        .with_schedules(Schedules::constant_without_guarantee(1.0, 1.0).unwrap());
    StochasticSca::new(program, options).with_backend(backend).run(start).unwrap()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn projections_are_exact_at_every_size() {
    for size in SIZES {
        let corner =
            Polyhedron::builder(2).bounds(vec![0.0; 2], vec![size; 2]).inequality(vec![1.0, 1.0], size);
        let projected = corner.build().unwrap().project(&[0.9 * size, 0.5 * size]).unwrap();
        let error = distance(&projected, &[0.7 * size, 0.3 * size]);
        assert!(error < 1e-8 * size, "size {size:e}: {projected:?}, off by {error:e}");
    }
}

/// A small set far from the origin: the error is measured by the set.
#[test]
fn projections_are_exact_far_from_the_origin() {
    for offset in [1.0, 1e2, 1e4, 4e5] {
        for width in [1.0, 1e-2] {
            let set = Polyhedron::builder(2)
                .bounds(vec![offset - width; 2], vec![offset + width; 2])
                .inequality(vec![1.0, 1.0], 2.0 * offset)
                .build()
                .unwrap();
            let projected = set.project(&[offset + 0.8 * width, offset + 0.2 * width]).unwrap();
            let error = distance(&projected, &[offset + 0.3 * width, offset - 0.3 * width]) / width;
            assert!(error < 1e-6, "{width} about {offset:e}: {projected:?}, off by {error:e} of the width");
        }
    }
}

#[test]
fn sets_of_every_size_have_members() {
    for size in SIZES {
        let line = Polyhedron::builder(1).equality(vec![1.0], size).build().unwrap();
        assert!((line.member()[0] / size - 1.0).abs() < 1e-9, "{:?}", line.member());
        let half =
            Polyhedron::builder(2).bounds(vec![0.0; 2], vec![size; 2]).inequality(vec![-1.0, -1.0], -size);
        let member = half.build().unwrap().member().to_vec();
        assert!(distance(&member, &[0.5 * size; 2]) < 1e-6 * size, "{member:?}");
        let full =
            Polyhedron::builder(3).bounds(vec![0.0; 3], vec![size; 3]).equality(vec![1.0; 3], 3.0 * size);
        assert!(distance(full.build().unwrap().member(), &[size; 3]) < 1e-6 * size);
        // The wedge y ≤ 0, y ≥ slope·(size − x) begins far from the origin, which misses both rows by little.
        for slope in [1e-2, 1e-4] {
            let wedge = Polyhedron::builder(2)
                .inequality(vec![0.0, 1.0], 0.0)
                .inequality(vec![-slope, -1.0], -slope * size);
            let wedge = wedge.build().unwrap();
            assert!(wedge.contains(wedge.member()));
        }
    }
    let gibibyte = 1_073_741_824.0;
    let memories = Polyhedron::builder(3).bounds(vec![0.0; 3], vec![8.0 * gibibyte; 3]);
    memories.equality(vec![1.0; 3], 13.0 * gibibyte).build().unwrap();
    let simplex = Polyhedron::simplex(1_000_000, 0.0).unwrap();
    assert!((simplex.member().iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

/// The bound on the least violation is below it, and not by much.
#[test]
fn sets_of_every_size_can_be_empty() {
    for size in SIZES {
        let beyond = Polyhedron::builder(2)
            .bounds(vec![-size; 2], vec![size; 2])
            .inequality(vec![3.0, 4.0], -8.0 * size);
        // At best 3·(−1) + 4·(−1) = −7 against −8, in units of a row of norm 5.
        let least = 0.2 * size;
        match beyond.build() {
            Err(PolyhedronError::Empty { least_violation, radius }) => {
                assert!(least_violation <= least * (1.0 + 1e-9), "{least_violation:e} of {least:e}");
                assert!(
                    least_violation >= 0.99 * least && radius > 10.0 * size,
                    "{least_violation:e}, {radius:e}"
                );
            }
            other => panic!("size {size:e}: {other:?}"),
        }
    }
}

/// What `build` accepts can be used: two rows that exclude each other by less than a violation may be.
#[test]
fn sets_that_are_empty_by_rounding_can_be_projected_on() {
    for excess in [0.0, 1e-12, 1e-9, 9e-8, 1.5e-7] {
        let rows = Polyhedron::builder(2)
            .inequality(vec![1.0, 1.0], 1.0)
            .inequality(vec![-1.0, -1.0], -1.0 - excess);
        let line = rows.build().unwrap();
        for (point, nearest) in
            [([5.0, 0.0], [3.0, -2.0]), ([0.0, 0.0], [0.5, 0.5]), ([0.3, 0.7], [0.3, 0.7])]
        {
            let projected = line.project(&point).unwrap();
            assert!(
                distance(&projected, &nearest) < 2e-7 && line.contains(&projected),
                "{excess:e}: {projected:?}"
            );
        }
    }
}

/// A row whose products overflow to −∞ is not met.
#[test]
fn rows_that_cannot_be_measured_are_not_met() {
    let coefficients = vec![-1e308, -1e308, 1e308, 1e308, 1e308, 1e308];
    let half_space = Polyhedron::builder(6).inequality(coefficients, 0.0).build().unwrap();
    assert!(!half_space.contains(&[1.0; 6]));
}

#[test]
fn backends_agree_at_every_size() {
    for size in SIZES {
        let simplex = |extra: bool| {
            let rows = Polyhedron::builder(3)
                .bounds(vec![0.0; 3], vec![f64::INFINITY; 3])
                .equality(vec![1.0; 3], size);
            // A row that is never active keeps the native backend away.
            if extra { rows.inequality(vec![1.0, 0.0, 0.0], 10.0 * size) } else { rows }
        };
        let target = |extra: bool| {
            let functions = vec![(0.0, vec![-0.5, -0.1, 1.0])];
            let program = Affine { set: simplex(extra).build().unwrap(), functions };
            step(&program, &[size / 3.0; 3], 1.0 / size, AutomaticBackend).point
        };
        let (native, clarabel) = (target(false), target(true));
        assert!(distance(&native, &[0.6 * size, 0.4 * size, 0.0]) < 1e-12 * size, "{native:?}");
        assert!(distance(&native, &clarabel) < 1e-7 * size, "size {size:e}: {native:?}, {clarabel:?}");
    }
}

/// `min x` s.t. `x ≥ b`, from far below: feasible, however far.
#[test]
fn what_is_far_is_not_infeasible() {
    let check = |least: f64, curvature: f64, backend: &mut dyn SubproblemSolver| {
        let set = Polyhedron::builder(1).bounds(vec![0.0], vec![1e6]).build().unwrap();
        let program = Affine { set, functions: vec![(0.0, vec![1.0]), (least, vec![-1.0])] };
        let options =
            ScaOptions::new(1).with_iterations(60).unwrap().with_objective_curvature(curvature).unwrap();
        let report =
            StochasticSca::new(&program, options).with_backend(Borrowed(backend)).run(&[0.0]).unwrap();
        let second = report.history[1].point[0];
        assert_eq!((report.restorations(), report.termination), (0, TerminationReason::ScheduleCompleted));
        assert!((second / least - 1.0).abs() < 1e-6, "{least}, {curvature}: {second}");
    };
    for least in [1.0, 10.0, 100.0, 500.0, 1e3, 1e5] {
        for curvature in [1.0, 1.0 / least] {
            check(least, curvature, &mut AutomaticBackend);
            #[cfg(feature = "osqp")]
            check(least, curvature, &mut solver::sca::subproblem::OsqpBackend);
        }
    }
}

struct Borrowed<'a>(&'a mut dyn SubproblemSolver);

impl SubproblemSolver for Borrowed<'_> {
    fn solve(
        &mut self,
        subproblem: &solver::sca::subproblem::Subproblem<'_>,
    ) -> Result<solver::sca::subproblem::Candidate, solver::sca::subproblem::BackendFailure> {
        self.0.solve(subproblem)
    }
}

/// `x + level ≤ 0` on `[−half, half]`, `level > half`: at best violated by `level − half`.
#[test]
fn the_least_violation_is_the_least() {
    for size in SIZES {
        for (level, half) in [(10.0, 1.0), (1.0, 0.9), (1e4, 1e3)] {
            let (level, half) = (size * level, size * half);
            let set = Polyhedron::builder(1).bounds(vec![-half], vec![half]).build().unwrap();
            let program = Affine { set, functions: vec![(0.0, vec![1.0]), (level, vec![1.0])] };
            let check = |report: ScaReport| {
                let least = report.history[0].restored.expect("no point meets it");
                assert!((least / (level - half) - 1.0).abs() < 1e-6, "{level:e}, {half:e}: {least:e}");
                assert!(
                    (report.point[0] + half).abs() < 1e-6 * level,
                    "{level:e}, {half:e}: {:?}",
                    report.point
                );
            };
            check(step(&program, &[0.0], 1.0 / size, ClarabelBackend));
            #[cfg(feature = "osqp")]
            check(step(&program, &[0.0], 1.0 / size, solver::sca::subproblem::OsqpBackend));
        }
    }
}

/// A violation that is the same along a line: of its points the nearest is taken.
#[test]
fn restoration_goes_to_the_nearest_point() {
    for size in SIZES {
        let set = Polyhedron::builder(2).bounds(vec![-size; 2], vec![size; 2]).build().unwrap();
        let program = Affine { set, functions: vec![(0.0, vec![0.0, 1.0]), (2.0 * size, vec![1.0, 0.0])] };
        let start = [0.25 * size, -0.5 * size];
        let report = step(&program, &start, 1.0 / size, ClarabelBackend);
        assert!(report.history[0].restored.is_some());
        assert!(distance(&report.point, &[-size, -0.5 * size]) < 1e-4 * size, "{:?}", report.point);
    }
}

fn vector(n: usize) -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(-1.0..1.0_f64, n)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// The step in other units is the step: feasible or not, by the same amount, to the same point.
    #[test]
    fn steps_do_not_depend_on_units(
        (start, gradient, normals, row) in (2..5_usize).prop_flat_map(|n| {
            (vector(n), vector(n), proptest::collection::vec(vector(n), 1..3), vector(n))
        }),
        levels in proptest::collection::vec(-1.0..1.5_f64, 2), magnitude in -6..=9_i32, unit in -3..=6_i32,
    ) {
        let n = start.len();
        let target = |size: f64, unit: f64| {
            let set = Polyhedron::builder(n)
                .bounds(vec![-size; n], vec![size; n])
                .inequality(row.clone(), size * (0.2 + row.iter().zip(&start).map(|(a, x)| a * x).sum::<f64>()))
                .build()
                .unwrap();
            let mut functions = vec![(0.0, gradient.iter().map(|u| unit * u).collect())];
            for (normal, level) in normals.iter().zip(&levels) {
                functions.push((unit * size * level, normal.iter().map(|u| unit * u).collect()));
            }
            let start: Vec<f64> = start.iter().map(|x| size * x).collect();
            let report = step(&Affine { set, functions }, &start, unit / size, AutomaticBackend);
            let restored = report.history[0].restored.map(|least| least / (unit * size));
            (report.point.iter().map(|x| x / size).collect::<Vec<_>>(), restored)
        };
        let ((point, restored), (other, other_restored)) =
            (target(1.0, 1.0), target(10.0_f64.powi(magnitude), 10.0_f64.powi(unit)));
        match (restored, other_restored) {
            (None, None) => prop_assert!(distance(&point, &other) < 1e-4, "{point:?}, {other:?}"),
            (Some(one), Some(two)) => {
                // Each is the least up to about 1e-6 of the constraints' magnitude.
                let at_start = |(u, c): (&Vec<f64>, &f64)| {
                    let value: f64 = c + u.iter().zip(&start).map(|(u, x)| u * x).sum::<f64>();
                    value.abs().max(distance(u, &vec![0.0; n]))
                };
                let magnitude = normals.iter().zip(&levels).map(at_start).fold(0.0, f64::max);
                prop_assert!((one - two).abs() < 1.3e-6 * magnitude, "{one}, {two}");
                prop_assert!(distance(&point, &other) < 1e-2, "{point:?}, {other:?}");
            }
            // Feasible by less than a violation may be, or not quite.
            (least, other) => prop_assert!(least.or(other).unwrap() < 1e-6, "{least:?}, {other:?}"),
        }
    }
}
