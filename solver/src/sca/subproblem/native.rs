//! Subproblems over bounds and at most one equality, exactly, in `O(n log n)`.
//!
//! `min uᵀd + η‖d‖²` s.t. `l ≤ x ≤ u`, `aᵀx = b`, with `d = x − x^τ`. For a multiplier `ν` of the equality the Lagrangian's
//! minimizer is `x_j(ν) = clamp(x_j^τ − (u_j + ν a_j)/2η, l_j, u_j)`, and `aᵀx(ν)` is piecewise linear and falls with ν; its
//! breakpoints are where variables reach their bounds. The root lies between two neighbouring breakpoints, found by
//! bisection over the sorted list, and there one division gives it (Brucker 1984, *An O(n) algorithm for quadratic knapsack
//! problems*, with sorting in place of medians).

use super::{BackendFailure, Candidate, Goal, Subproblem, SubproblemSolver};
use crate::sca::polyhedron::LinearRow;

/// The native backend: bounds, at most one equality, no inequalities and no stochastic constraints. No iterations, no tolerance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NativeBackend;

impl NativeBackend {
    /// Whether `subproblem` has the form that this backend solves.
    pub fn applies(subproblem: &Subproblem<'_>) -> bool {
        let set = subproblem.feasible_set;
        subproblem.goal == Goal::Objective
            && subproblem.constraints.is_empty()
            && set.inequalities().is_empty()
            && set.equalities().len() <= 1
    }
}

impl SubproblemSolver for NativeBackend {
    fn solve(&mut self, subproblem: &Subproblem<'_>) -> Result<Candidate, BackendFailure> {
        if !Self::applies(subproblem) {
            return Err(BackendFailure::Unsupported {
                needs: "bounds, at most one equality, no inequalities, no stochastic constraints",
            });
        }
        subproblem.check()?;
        let no_row = LinearRow { coefficients: vec![0.0; subproblem.center.len()], right_hand_side: 0.0 };
        let row = subproblem.feasible_set.equalities().first();
        let variables = variables(subproblem, row.unwrap_or(&no_row));
        let multiplier = match row {
            Some(row) => root(&variables, row.right_hand_side)?,
            None => 0.0,
        };
        let point: Vec<f64> = variables.iter().map(|v| v.at(multiplier)).collect();
        if !(multiplier.is_finite() && point.iter().all(|x| x.is_finite())) {
            return Err(BackendFailure::Stopped { status: "overflow".into() });
        }
        Ok(Candidate {
            point,
            constraint_multipliers: Vec::new(),
            equality_multipliers: row.map(|_| multiplier).into_iter().collect(),
            inequality_multipliers: Vec::new(),
        })
    }
}

/// One variable as a function of the multiplier: `clamp(start − slope ν, lower, upper)`.
struct Variable {
    coefficient: f64,
    start: f64,
    slope: f64,
    lower: f64,
    upper: f64,
}

fn variables(subproblem: &Subproblem<'_>, row: &LinearRow) -> Vec<Variable> {
    let set = subproblem.feasible_set;
    let twice = 2.0 * subproblem.objective.curvature;
    let bounds = set.lower().iter().zip(set.upper());
    let data = subproblem.center.iter().zip(&subproblem.objective.gradient).zip(&row.coefficients);
    data.zip(bounds)
        .map(|(((x, gradient), &coefficient), (&lower, &upper))| Variable {
            coefficient,
            start: x - gradient / twice,
            slope: coefficient / twice,
            lower,
            upper,
        })
        .collect()
}

impl Variable {
    fn at(&self, multiplier: f64) -> f64 {
        (self.start - self.slope * multiplier).max(self.lower).min(self.upper)
    }

    /// The multipliers, in order, between which the variable is off its bounds.
    fn breakpoints(&self) -> (f64, f64) {
        let reaches = |bound: f64| (self.start - bound) / self.slope;
        let (a, b) = (reaches(self.lower), reaches(self.upper));
        (a.min(b), a.max(b))
    }
}

/// The ν at which `aᵀx(ν) = b`.
fn root(variables: &[Variable], right_hand_side: f64) -> Result<f64, BackendFailure> {
    let moving: Vec<&Variable> = variables.iter().filter(|v| v.slope != 0.0).collect();
    let mut breakpoints: Vec<f64> = moving
        .iter()
        .flat_map(|v| <[f64; 2]>::from(v.breakpoints()))
        .filter(|breakpoint| breakpoint.is_finite())
        .collect();
    breakpoints.sort_by(f64::total_cmp);
    let excess = |multiplier: f64| {
        variables.iter().map(|v| v.coefficient * v.at(multiplier)).sum::<f64>() - right_hand_side
    };
    let after = breakpoints.partition_point(|&breakpoint| excess(breakpoint) > 0.0);
    let low = after.checked_sub(1).and_then(|i| breakpoints.get(i)).copied().unwrap_or(f64::NEG_INFINITY);
    let high = breakpoints.get(after).copied().unwrap_or(f64::INFINITY);
    // Between the two, `aᵀx(ν) − b` is `constant − decline · ν`.
    let (mut constant, mut decline) = (-right_hand_side, 0.0);
    for v in variables {
        let (first, last) = v.breakpoints();
        if v.slope != 0.0 && first <= low && high <= last {
            constant += v.coefficient * v.start;
            decline += v.coefficient * v.slope;
        } else {
            // At the same bound all along: read where the interval is finite.
            let end = if low.is_finite() { low } else { high };
            constant += v.coefficient * if end.is_finite() { v.at(end) } else { v.at(0.0) };
        }
    }
    let (low, high) = (low.max(f64::MIN), high.min(f64::MAX));
    match constant / decline {
        inside if inside.is_finite() => Ok(inside.max(low).min(high)),
        // Level: the root is all of the interval, or there is none and the re-check will say so.
        _ if breakpoints.is_empty() => Ok(0.0),
        _ if low > f64::MIN => Ok(low),
        _ => Ok(high),
    }
}
