//! Sets and steps without an interior, with rows twice, opposite or of zeros, in units of all sizes: against the enumeration of all active sets, and
//! the cases that were once answered wrongly.

use std::convert::Infallible;

use proptest::collection::vec;
use proptest::prelude::*;
use solver::sca::{
    Evaluation, Function, IterationRecord, Polyhedron, PolyhedronBuilder, PolyhedronError, Rng, ScaError,
    ScaOptions, ScaReport, Schedules, StochasticProgram, StochasticSca,
};

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

fn largest(a: &[f64]) -> f64 {
    a.iter().fold(1.0, |largest: f64, x| largest.max(x.abs()))
}

fn times(factor: f64, a: &[f64]) -> Vec<f64> {
    a.iter().map(|x| factor * x).collect()
}

/// `aᵀx ≤ b` or `aᵀx = b`.
#[derive(Debug, Clone)]
struct Row {
    a: Vec<f64>,
    b: f64,
    equality: bool,
}

impl Row {
    fn at_most(a: Vec<f64>, b: f64) -> Self {
        Self { a, b, equality: false }
    }

    fn is_met(&self, x: &[f64]) -> bool {
        let excess = dot(&self.a, x) - self.b;
        (if self.equality { excess.abs() } else { excess }) < 1e-8
    }
}

/// The projection of `point` on `{aᵀx = b for all rows}`; `None` where rows depend on each other.
fn on_all(point: &[f64], rows: &[&Row]) -> Option<Vec<f64>> {
    let mut normal: Vec<(Vec<f64>, f64)> = Vec::new();
    let mut x = point.to_vec();
    for row in rows {
        let (mut a, mut b) = (row.a.clone(), row.b);
        for (direction, level) in &normal {
            let part = dot(&a, direction);
            a.iter_mut().zip(direction).for_each(|(a, u)| *a -= part * u);
            b -= part * level;
        }
        let length = dot(&a, &a).sqrt();
        if length < 1e-6 {
            return None;
        }
        let (direction, level) = (times(1.0 / length, &a), b / length);
        let off = dot(&direction, &x) - level;
        x.iter_mut().zip(&direction).for_each(|(x, u)| *x -= off * u);
        normal.push((direction, level));
    }
    Some(x)
}

/// The projections of `point` on the faces of the set: every set of independent rows, all of them active.
fn faces(point: &[f64], rows: &[Row]) -> Vec<Vec<f64>> {
    let selections = (0_u32..1 << rows.len()).filter(|s| s.count_ones() as usize <= point.len());
    let active = |selection: u32| (0..rows.len()).filter(move |i| selection >> i & 1 == 1).map(|i| &rows[i]);
    let found = selections.filter_map(|selection| on_all(point, &active(selection).collect::<Vec<_>>()));
    found.filter(|x| rows.iter().all(|row| row.is_met(x))).collect()
}

/// The point of the set that is nearest to `point`, if the set has one.
fn nearest(point: &[f64], rows: &[Row]) -> Option<Vec<f64>> {
    faces(point, rows).into_iter().min_by(|a, b| distance(a, point).total_cmp(&distance(b, point)))
}

/// `f̂ = c + uᵀd`.
type Affine = (f64, Vec<f64>);

/// `c + uᵀ(x − start) ≤ level`.
fn below(level: f64, (c, u): &Affine, start: &[f64]) -> Row {
    Row::at_most(u.clone(), level - c + dot(u, start))
}

/// `x̂`, and the least violation where (21) has no point.
fn truth(rows: &[Row], start: &[f64], target: &[f64], constraints: &[Affine]) -> (Vec<f64>, Option<f64>) {
    let with = |level: f64| {
        let below = constraints.iter().map(|constraint| below(level, constraint, start));
        rows.iter().cloned().chain(below).collect::<Vec<_>>()
    };
    if let Some(point) = nearest(target, &with(0.0)) {
        return (point, None);
    }
    // min t s.t. f̂_i(x) ≤ t, t ≥ 0: at all points of some face of the (x, t).
    let lifted = |row: &Row, t: f64| Row { a: [row.a.as_slice(), &[t]].concat(), ..*row };
    let mut all: Vec<Row> = rows.iter().map(|row| lifted(row, 0.0)).collect();
    all.extend(constraints.iter().map(|constraint| lifted(&below(0.0, constraint, start), -1.0)));
    all.push(Row::at_most([vec![0.0; start.len()].as_slice(), &[-1.0]].concat(), 0.0));
    let lowest = faces(&[start, &[0.0]].concat(), &all).into_iter().filter_map(|x| x.last().copied());
    let least = lowest.fold(f64::INFINITY, f64::min);
    (nearest(start, &with(least)).unwrap(), Some(least))
}

/// Functions known exactly, the objective first, about `center`.
struct Known {
    set: Polyhedron,
    center: Vec<f64>,
    functions: Vec<Affine>,
}

impl StochasticProgram for Known {
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

    fn evaluate(&self, x: &[f64], (): &()) -> Result<Evaluation, Infallible> {
        let moved: Vec<f64> = x.iter().zip(&self.center).map(|(x, c)| x - c).collect();
        let at = |(c, u): &Affine| Function { value: c + dot(u, &moved), gradient: u.clone() };
        let mut all = self.functions.iter().map(at);
        let objective = all.next().unwrap();
        Ok(Evaluation { objective, constraints: all.collect() })
    }
}

/// One step all the way from the centre.
fn step(program: &Known, curvature: f64) -> Result<ScaReport, ScaError<Infallible>> {
    let options = ScaOptions::new(1).with_iterations(1).unwrap().with_objective_curvature(curvature).unwrap();
    let options = options.with_schedules(Schedules::constant_without_guarantee(1.0, 1.0).unwrap());
    StochasticSca::new(program, options).run(&program.center)
}

/// The same of functions that need no units, its end and its record.
fn plain_step(
    set: PolyhedronBuilder,
    center: &[f64],
    functions: &[(f64, &[f64])],
    curvature: f64,
) -> (Vec<f64>, IterationRecord) {
    let functions = functions.iter().map(|(c, u)| (*c, u.to_vec())).collect();
    let program = Known { set: set.build().unwrap(), center: center.to_vec(), functions };
    let mut report = step(&program, curvature).unwrap();
    (report.point, report.history.pop().unwrap())
}

/// Rows and bounds through or beside a point, in small integers; some twice, opposite or zero.
fn rows(n: usize) -> impl Strategy<Value = Vec<Row>> {
    let row = (vec(-3_i8..=3, n), 0_i8..3, 0_u8..4, any::<bool>(), 0_usize..6);
    (vec(-3_i8..=3, n), vec(row, 0..6), vec((0_u8..2 * n as u8, 0_i8..4), 0..4)).prop_map(
        move |(inside, rows, bounds)| {
            let inside: Vec<f64> = inside.into_iter().map(f64::from).collect();
            let mut set: Vec<Row> = Vec::new();
            for (a, slack, kind, equality, other) in rows {
                let a: Vec<f64> = match (kind, set.get(other)) {
                    (0, Some(other)) => other.a.clone(),
                    (1, Some(other)) => times(-1.0, &other.a),
                    _ => a.into_iter().map(f64::from).collect(),
                };
                // At most two equalities; without slack often enough to leave no interior.
                let equality = equality && set.iter().filter(|row| row.equality).count() < 2;
                let slack = if equality || slack == 0 { 0.0 } else { f64::from(slack) };
                set.push(Row { b: dot(&a, &inside) + slack, a, equality });
            }
            for (place, room) in bounds {
                let (index, sign) = (usize::from(place) / 2, if place % 2 == 0 { 1.0 } else { -1.0 });
                let mut a = vec![0.0; n];
                a[index] = sign;
                set.push(Row::at_most(a, sign * inside[index] + f64::from(room)));
            }
            set
        },
    )
}

fn integers(n: usize, most: i8) -> impl Strategy<Value = Vec<f64>> {
    vec((-most..=most).prop_map(f64::from), n)
}

/// The set in units of `size` for points and of a power of ten for each row.
fn build(rows: &[Row], size: f64, units: &[f64]) -> Result<Polyhedron, PolyhedronError> {
    let mut set = Polyhedron::builder(rows.first().map_or(1, |row| row.a.len()));
    for (row, unit) in rows.iter().zip(units.iter().cycle()) {
        let (a, b) = (times(*unit, &row.a), unit * row.b * size);
        set = if row.equality { set.equality(a, b) } else { set.inequality(a, b) };
    }
    set.build()
}

/// Whether this may be said of a set that has a point.
fn refused(error: &PolyhedronError, mixed: bool) -> Result<(), TestCaseError> {
    prop_assert!(mixed && matches!(error, PolyhedronError::Undecided(_)), "{error:?}");
    Ok(())
}

/// A power of ten.
fn unit(least: i32, most: i32) -> impl Strategy<Value = f64> {
    (least..=most).prop_map(|exponent| 10.0_f64.powi(exponent))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2048) })]

    /// Where sizes are all alike there is always an answer; elsewhere it is right or refused, and no set is called empty.
    #[test]
    fn projections_are_right_or_refused(
        (rows, point) in (1_usize..4).prop_flat_map(|n| (rows(n), integers(n, 6))),
        mixed in any::<bool>(), size in unit(-6, 10), units in vec(unit(-8, 8), 1..6),
    ) {
        prop_assume!(!rows.is_empty());
        let (size, units) = if mixed { (size, units) } else { (1.0, vec![1.0]) };
        let set = match build(&rows, size, &units) {
            Ok(set) => set,
            Err(error) => return refused(&error, mixed),
        };
        prop_assert!(set.contains(set.member()), "{:?}", set.largest_violation(set.member()));
        let nearest = nearest(&point, &rows).unwrap();
        let projected = match set.project(&times(size, &point)) {
            Ok(projected) => projected,
            Err(error) => return refused(&error, mixed),
        };
        let error = distance(&times(1.0 / size, &projected), &nearest);
        prop_assert!(error < 1e-3 * largest(&point).max(largest(&nearest)), "{projected:?}, not {nearest:?}");
        prop_assert!(set.contains(&projected), "{:?}", set.largest_violation(&projected));
    }

    /// Steps and restorations. Where sizes are all alike there is always an answer.
    #[test]
    fn steps_are_right_or_refused(
        (rows, point, gradient, constraints) in (1_usize..4).prop_flat_map(|n| {
            let constraint = (integers(1, 3), integers(n, 3)).prop_map(|(c, u)| (c[0], u));
            (rows(n), integers(n, 4), integers(n, 3), vec(constraint, 0..3))
        }),
        curvature in prop::sample::select(vec![0.25, 1.0, 4.0]), mixed in any::<bool>(),
        size in unit(-4, 10), units in vec(unit(-8, 8), 1..6), magnitudes in (unit(-7, 7), unit(-7, 7)),
    ) {
        prop_assume!(!rows.is_empty());
        let (size, units, (objective, constraint)) =
            if mixed { (size, units, magnitudes) } else { (1.0, vec![1.0], (1.0, 1.0)) };
        let start = nearest(&point, &rows).unwrap();
        let target: Vec<f64> = start.iter().zip(&gradient).map(|(x, u)| x - u / (2.0 * curvature)).collect();
        let (point, least) = truth(&rows, &start, &target, &constraints);
        let mut functions = vec![(0.0, times(objective / size, &gradient))];
        functions.extend(constraints.iter().map(|(c, u)| (constraint * c, times(constraint / size, u))));
        let set = match build(&rows, size, &units) {
            Ok(set) => set,
            Err(error) => return refused(&error, mixed),
        };
        let program = Known { set, center: times(size, &start), functions };
        prop_assume!(program.set.contains(&program.center));
        match step(&program, curvature * objective / size / size) {
            Ok(report) => {
                let error = distance(&times(1.0 / size, &report.point), &point);
                prop_assert!(error < 1e-3 * [&start, &point, &target].map(|x| largest(x)).into_iter().fold(1.0, f64::max), "{report:?}, not {point:?}");
                let IterationRecord { restored, subproblem_gap, .. } = report.history[0];
                prop_assert!(program.set.contains(&report.point) && subproblem_gap >= 0.0);
                let off = restored.unwrap_or(0.0) / constraint - least.unwrap_or(0.0);
                prop_assert!(off.abs() < 1e-5 * (1.0 + least.unwrap_or(0.0)), "{restored:?}, not {least:?}");
            }
            Err(error) => prop_assert!(mixed, "{error:?}"),
        }
    }
}

/// The plane `x + y − z = 700` as two opposite inequalities: multipliers of 3e25, and with them a bound 8e4 above the value that it bounds.
#[test]
fn a_bound_that_is_rounding_certifies_nothing() {
    let infinity = f64::INFINITY;
    let plane = Polyhedron::builder(3)
        .bounds(vec![0.0, 100.0, -200.0], vec![infinity; 3])
        .inequality(vec![1e-6, 1e-6, -1e-6], 7e-4)
        .inequality(vec![-1e-6, -1e-6, 1e-6], -7e-4)
        .build()
        .unwrap();
    let projected = plane.project(&[400.0, 100.0, 400.0]).unwrap();
    assert!(distance(&projected, &[600.0, 300.0, 200.0]) < 1e-3, "{projected:?}");
    // As an equality twice.
    let plane = Polyhedron::builder(3)
        .bounds(vec![0.0, 1e4, -2e4], vec![infinity; 3])
        .equality(vec![1e-6, 1e-6, -1e-6], 7.0 * 1e4 * 1e-6)
        .equality(vec![1.0, 1.0, -1.0], 7e4)
        .build()
        .unwrap();
    let projected = plane.project(&[4e4, 0.0, 0.0]).unwrap();
    assert!(distance(&projected, &[5e4, 1e4, -1e4]) < 1.0, "{projected:?}");
}

/// What the optimizer returns is what it takes: a bound near 0 of points of size 4e8.
#[test]
fn points_at_bounds_are_inside_whatever_their_size() {
    let infinity = f64::INFINITY;
    let set = Polyhedron::builder(3)
        .bounds(vec![0.0; 3], vec![infinity; 3])
        .inequality(vec![-3.0, -3.0, 0.0], -4e8)
        .inequality(vec![2.0, -2.0, -3.0], 0.0)
        .build()
        .unwrap();
    let projected = set.project(&[-6e8, -2e8, -6e8]).unwrap();
    assert!(
        set.contains(set.member()) && set.contains(&projected),
        "{:?}",
        set.largest_violation(&projected)
    );
    let functions = vec![(0.0, vec![1.0, 1.0, 1.0])];
    let program = Known { set, center: projected, functions };
    let report = step(&program, 1e-9).unwrap();
    assert!(program.set.contains(&report.point), "{:?}", report.point);
}

/// `x^τ` has the least violation itself, like all to its left: it stays. From farther right the step ends where the violation stops falling.
#[test]
fn restoration_leaves_what_has_the_least_violation() {
    let functions: [(f64, &[f64]); 4] = [(0.0, &[0.0]), (20.0, &[0.0]), (-20.0, &[2e-4]), (-30.0, &[2e-4])];
    let (end, record) = plain_step(Polyhedron::builder(1), &[3e5], &functions, 1.0);
    assert_eq!((end[0], record.restored), (3e5, Some(20.0)));
    let functions: [(f64, &[f64]); 3] = [(0.0, &[0.0]), (20.0, &[0.0]), (40.0, &[2e-4])];
    let (end, record) = plain_step(Polyhedron::builder(1), &[3e5], &functions, 1.0);
    assert!(
        (end[0] - 2e5).abs() < 1.0 && (record.restored.unwrap() - 20.0).abs() < 1e-4,
        "{end:?}, {record:?}"
    );
}

/// `f̂_1 = 1` without a gradient, `f̂_2 = 3 − d/l`: the least violation is 1, and the nearest point that has it `2l`.
#[test]
fn a_constant_constraint_is_no_length() {
    for length in [1.0, 1e-4, 1e-8, 1e8] {
        let slope = [-1.0 / length];
        let functions: [(f64, &[f64]); 3] = [(0.0, &[0.0]), (1.0, &[0.0]), (3.0, &slope)];
        let (end, record) = plain_step(Polyhedron::builder(1), &[0.0], &functions, 1.0);
        let restored = record.restored.unwrap();
        assert!((end[0] / length - 2.0).abs() < 1e-4, "{length:e}: {end:?}");
        assert!((restored - (3.0 - end[0] / length).max(1.0)).abs() < 1e-9, "{length:e}: {restored}");
    }
    // A constraint that is zero everywhere is no magnitude beside one of 1e-7.
    let bounded = Polyhedron::builder(1).bounds(vec![-1.0], vec![1.0]);
    let functions: [(f64, &[f64]); 3] = [(0.0, &[0.0]), (0.0, &[0.0]), (3e-7, &[1e-7])];
    let (end, record) = plain_step(bounded, &[0.0], &functions, 1.0);
    assert!(
        (end[0] + 1.0).abs() < 1e-4 && (record.restored.unwrap() / 2e-7 - 1.0).abs() < 1e-5,
        "{end:?}, {record:?}"
    );
}

/// No step changes the violation: the length of the problem is that of its points.
#[test]
fn restorations_of_large_points_that_go_nowhere_are_found() {
    for size in [1e6, 1e8, 1e10] {
        let set = Polyhedron::builder(3)
            .bounds(vec![-3.0 * size, 0.0, f64::NEG_INFINITY], vec![f64::INFINITY, f64::INFINITY, -size])
            .equality(vec![-3e6, 0.0, -2e6], 5e6 * size)
            .inequality(vec![3e-8, 0.0, 2e-8], -5e-8 * size);
        let center = [-size, size, -size];
        let functions: [(f64, &[f64]); 2] = [(0.0, &[1.0, 0.0, 0.0]), (2.0, &[0.0; 3])];
        let (end, record) = plain_step(set, &center, &functions, 1.0 / size);
        assert_eq!((end.as_slice(), record.restored), (&center[..], Some(2.0)));
    }
}

/// `f̂_0 = −2d_1 + d_2 + d_1² + d_2²` with `d_1 ≤ 1/2`, `d_2 ≤ 9`, `d_1 ≤ 2` as stochastic constraints in units of their own: the optimum is
/// `(1/2, −1/2)`, where `−1 + λ_1/u = 0`.
#[test]
fn multipliers_meet_the_conditions_of_optimality() {
    for unit in [1e-6, 1.0, 1e6] {
        let slopes = [[1.0 / unit, 0.0], [0.0, 1.0], [unit, 0.0]];
        let functions: [(f64, &[f64]); 4] =
            [(7.0, &[-2.0, 1.0]), (-0.5 / unit, &slopes[0]), (-9.0, &slopes[1]), (-2.0 * unit, &slopes[2])];
        let (end, record) = plain_step(Polyhedron::builder(2), &[0.0; 2], &functions, 1.0);
        let IterationRecord { multipliers, restored: None, .. } = record else { panic!("{record:?}") };
        assert!(distance(&end, &[0.5, -0.5]) < 1e-4, "{end:?}");
        assert_eq!(multipliers.len(), 3);
        for (multiplier, slope, expected) in
            [(multipliers[0], 1.0 / unit, 1.0), (multipliers[1], 1.0, 0.0), (multipliers[2], unit, 0.0)]
        {
            assert!((multiplier * slope - expected).abs() < 1e-4, "{multipliers:?} in units of {unit:e}");
        }
    }
}

/// One point, and nothing that calls elsewhere.
#[test]
fn the_only_point_is_the_answer() {
    let point = Polyhedron::builder(1).bounds(vec![f64::NEG_INFINITY], vec![-1.0]).equality(vec![-1.0], 1.0);
    let (end, record) = plain_step(point, &[-1.0], &[(0.0, &[0.0]), (-1.0, &[-2.0])], 0.5);
    assert_eq!((end[0], record.residual, record.restored), (-1.0, 0.0, None));
}

/// Two equalities that are one, but for rounding: they say nothing of the direction along them.
#[test]
fn equalities_that_differ_by_rounding_are_one() {
    let line = Polyhedron::builder(2)
        .bounds(vec![-2.9375, f64::NEG_INFINITY], vec![3.6875, f64::INFINITY])
        .equality(vec![0.20231353591160195, -0.3564571823204421], 0.5882747755524862)
        .equality(vec![0.22044198895027634, -0.38839779005524855], 0.6409875690607735);
    let (end, _) = plain_step(line, &[2.6875, -0.125], &[(0.0, &[4.625, 2.625])], 1.0);
    assert!(distance(&end, &[0.375, -1.4375]) < 1e-6, "{end:?}");
}

#[test]
fn projections_far_beyond_the_member_are_found() {
    for size in [1e8, 1e9, 1e10] {
        let set = Polyhedron::builder(3)
            .bounds(vec![0.0; 3], vec![f64::INFINITY; 3])
            .inequality(vec![3.0, -1.0, 0.0], 4.0 * size)
            .inequality(vec![-3.0, 1.0, -2.0], 0.0);
        let point = [4.0 * size, 2.0 * size, 2.0 * size];
        let projected = set.build().unwrap().project(&point).unwrap();
        // On the plane 3x − y = 4: (4, 2, 2) less 6/10 of (3, −1, 0).
        let error = distance(&projected, &[2.2 * size, 2.6 * size, 2.0 * size]);
        assert!(error < 1e-3 * distance(&point, &[0.0; 3]), "{size:e}: {projected:?}");
    }
}

/// Rows of zeros are met everywhere or nowhere, in whatever units; those that are met take no part in anything.
#[test]
fn rows_of_zeros_are_decided_by_inspection() {
    for size in [1e-6, 1.0, 1e9] {
        let builder = || {
            let half_line = Polyhedron::builder(1).bounds(vec![-2.0 * size], vec![f64::INFINITY]);
            half_line.inequality(vec![0.0], size).inequality(vec![1.0], -size)
        };
        for refused in [builder().inequality(vec![-0.0], -size), builder().equality(vec![0.0], size)] {
            let expected = PolyhedronError::Empty { least_violation: size, radius: f64::INFINITY };
            assert_eq!(refused.build(), Err(expected));
        }
        let set = builder().inequality(vec![0.0], 0.0).equality(vec![0.0], 0.0);
        let projected = set.build().unwrap().project(&[3.0 * size]).unwrap();
        assert!((projected[0] / size + 1.0).abs() < 1e-9, "{size:e}: {projected:?}");
    }
}
