//! Subproblems whose optimum is known because it was chosen first, and the objective's gradient to suit it.

use crate::arithmetic::{dot, minus};
use proptest::prelude::*;
use solver::sca::subproblem::{Candidate, Goal, Subproblem};
use solver::sca::{Polyhedron, Surrogate};
use solver::strategies::{number, power_of_two};

/// What one unit is.
#[derive(Debug, Clone, Copy)]
struct Units {
    length: f64,
    objective: f64,
}

/// A variable: where it starts and where its optimum is, whether a bound holds it there and with what multiplier, and whether others are finite.
#[derive(Debug, Clone, Copy)]
struct Variable {
    center: f64,
    moved: f64,
    held: bool,
    multiplier: f64,
    bounded: bool,
}

/// How a row or a constraint meets the optimum. An opposed row is an equality as two inequalities.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Equality,
    Opposed,
    Active,
    Slack,
}

/// A row, or a constraint, in a unit of its own.
#[derive(Debug, Clone)]
struct Side {
    kind: Kind,
    coefficients: Vec<f64>,
    curvature: f64,
    multiplier: f64,
    unit: f64,
}

/// A subproblem with its optimum.
#[derive(Debug, Clone)]
pub struct Case {
    pub set: Polyhedron,
    pub center: Vec<f64>,
    pub objective: Surrogate,
    pub constraints: Vec<Surrogate>,
    /// `x*` with its multipliers.
    pub optimum: Candidate,
    /// A point outside whose projection onto 𝒳 is `x*`.
    pub outside: Vec<f64>,
}

impl Case {
    pub fn subproblem(&self) -> Subproblem<'_> {
        Subproblem {
            feasible_set: &self.set,
            center: &self.center,
            objective: &self.objective,
            constraints: &self.constraints,
            goal: Goal::Objective,
        }
    }

    fn new(variables: &[Variable], rows: &[Side], functions: &[Side], curvature: f64, units: Units) -> Self {
        let Units { length, objective: unit } = units;
        let center: Vec<f64> = variables.iter().map(|v| v.center * length).collect();
        let moved: Vec<f64> = variables.iter().map(|v| v.moved * length).collect();
        let point: Vec<f64> = center.iter().zip(&moved).map(|(x, d)| x + d).collect();
        let bound = |v: &Variable, at: f64, sign: f64| match (v.held && v.moved * sign >= 0.0, v.bounded) {
            // Of a variable that stays where it is the lower bound alone.
            (true, _) if v.moved != 0.0 || sign < 0.0 => at,
            (_, true) => at + sign * (1.0 + v.moved.abs()) * length,
            _ => sign * f64::INFINITY,
        };
        let bounds = |sign: f64| variables.iter().zip(&point).map(|(v, &at)| bound(v, at, sign)).collect();
        let mut builder = Polyhedron::builder(center.len()).bounds(bounds(-1.0), bounds(1.0));
        let (mut equality_multipliers, mut inequality_multipliers) = (Vec::new(), Vec::new());
        // −∇f̂_0(x*), but for the constraints' part: of rows, and of bounds.
        let mut normal = vec![0.0; center.len()];
        for row in rows {
            let level = matches!(row.kind, Kind::Equality | Kind::Opposed);
            let Some(coefficients) = directed(&row.coefficients, &moved, level) else { continue };
            let coefficients: Vec<f64> = coefficients.iter().map(|a| a * row.unit).collect();
            let right_hand_side = dot(&coefficients, &point);
            let multiplier = row.multiplier * (unit / row.unit / length);
            let weight = if row.kind == Kind::Slack { 0.0 } else { multiplier };
            normal.iter_mut().zip(&coefficients).for_each(|(n, a)| *n += weight * a);
            match row.kind {
                Kind::Equality => {
                    builder = builder.equality(coefficients, right_hand_side);
                    equality_multipliers.push(multiplier);
                    continue;
                }
                Kind::Opposed => {
                    let opposite = coefficients.iter().map(|a| -a).collect();
                    builder = builder.inequality(opposite, -right_hand_side);
                    inequality_multipliers.push(0.0);
                }
                Kind::Active | Kind::Slack => {}
            }
            let room = if row.kind == Kind::Slack { row.unit * length } else { 0.0 };
            builder = builder.inequality(coefficients, right_hand_side + room);
            inequality_multipliers.push(weight);
        }
        for (n, v) in normal.iter_mut().zip(variables).filter(|(_, v)| v.held) {
            // A lower bound holds against a positive gradient.
            *n += if v.moved > 0.0 { 1.0 } else { -1.0 } * v.multiplier * (unit / length);
        }
        let outside = point.iter().zip(&normal).map(|(x, n)| x + n * (length / unit * length)).collect();
        let curvature = curvature * (unit / length / length);
        let mut gradient: Vec<f64> =
            normal.iter().zip(&moved).map(|(n, d)| -n - 2.0 * curvature * d).collect();
        let (mut constraints, mut constraint_multipliers) = (Vec::new(), Vec::new());
        for function in functions {
            let slope: Vec<f64> =
                function.coefficients.iter().map(|a| a * (function.unit / length)).collect();
            let curvature = function.curvature * (function.unit / length / length);
            let slack = function.kind == Kind::Slack;
            let weight = if slack { 0.0 } else { function.multiplier * (unit / function.unit) };
            let room = if slack { function.unit } else { 0.0 };
            let value = -dot(&slope, &moved) - curvature * dot(&moved, &moved) - room;
            for ((g, a), d) in gradient.iter_mut().zip(&slope).zip(&moved) {
                *g -= weight * (a + 2.0 * curvature * d);
            }
            constraints.push(Surrogate { value, gradient: slope, curvature });
            constraint_multipliers.push(weight);
        }
        Self {
            set: builder.build().expect("a set that has the optimum"),
            center,
            objective: Surrogate { value: 0.0, gradient, curvature },
            constraints,
            optimum: Candidate {
                point,
                constraint_multipliers,
                equality_multipliers,
                inequality_multipliers,
            },
            outside,
        }
    }
}

/// A row that the centre meets too: level along the way, or turned so that it falls against it. `None` where nothing is left.
fn directed(coefficients: &[f64], moved: &[f64], level: bool) -> Option<Vec<f64>> {
    let (along, square) = (dot(coefficients, moved), dot(moved, moved));
    let row: Vec<f64> = match level {
        true if square > 0.0 => {
            let part: Vec<f64> = moved.iter().map(|d| along / square * d).collect();
            minus(coefficients, &part)
        }
        false if along < 0.0 => coefficients.iter().map(|a| -a).collect(),
        _ => coefficients.to_vec(),
    };
    // Less than that of a row of sixteenths is rounding.
    (row.iter().any(|a| a.abs() > 1e-6)).then_some(row)
}

/// Subproblems in up to four variables, with up to two rows and as many constraints, in units up to `2^exponent` from each other.
pub fn cases(exponent: i32) -> impl Strategy<Value = Case> {
    let unit = move || power_of_two(exponent);
    let positive = || (0..=16_u8).prop_map(|quarters| f64::from(quarters) / 4.0);
    let variable = (number(), number(), any::<bool>(), positive(), any::<bool>()).prop_map(
        |(center, moved, held, multiplier, bounded)| Variable { center, moved, held, multiplier, bounded },
    );
    let kind =
        || prop_oneof![Just(Kind::Slack), Just(Kind::Active), Just(Kind::Equality), Just(Kind::Opposed)];
    let curvature = || prop_oneof![Just(0.0), power_of_two(3)];
    (1..=4_usize, prop::collection::vec(variable, 4)).prop_flat_map(move |(dimension, mut variables)| {
        variables.truncate(dimension);
        let side = || {
            (kind(), prop::collection::vec(number(), dimension), curvature(), positive(), unit()).prop_map(
                |(kind, coefficients, curvature, multiplier, unit)| Side {
                    kind,
                    coefficients,
                    curvature,
                    multiplier,
                    unit,
                },
            )
        };
        let units = (unit(), unit()).prop_map(|(length, objective)| Units { length, objective });
        let (rows, functions) = (prop::collection::vec(side(), 0..=2), prop::collection::vec(side(), 0..=2));
        (Just(variables), rows, functions, power_of_two(4), units).prop_map(
            |(variables, rows, functions, curvature, units)| {
                Case::new(&variables, &rows, &functions, curvature, units)
            },
        )
    })
}
