//! A subproblem in units of its own size, for backends whose tolerances are absolute.

use super::{Candidate, Goal, Subproblem};
use crate::sca::polyhedron::LinearRow;
use crate::sca::vector::{largest_magnitude, norm};
use crate::sca::{Polyhedron, Surrogate};

/// Less than this part of the size of points is rounding.
const ROUNDING: f64 = 1e-12;

impl Subproblem<'_> {
    /// About how far `x̂` is from `x^τ`: as far as the objective alone would go, but no farther than points are large; at least as far as the
    /// row that `x^τ` misses most. Where nothing but rounding calls `x̂` away, the size of points up to 1. Positive and finite.
    pub(super) fn reach(&self) -> f64 {
        let size = largest_magnitude(self.center);
        let free = match self.goal {
            Goal::Objective => norm(&self.objective.gradient) / (2.0 * self.objective.curvature),
            Goal::LeastViolation => 0.0,
        };
        let missed = |row: &LinearRow, excess: f64| excess / positive_or_one(norm(&row.coefficients));
        let equalities =
            self.feasible_set.equalities().iter().map(|row| missed(row, row.excess(self.center).abs()));
        let inequalities =
            self.feasible_set.inequalities().iter().map(|row| missed(row, row.excess(self.center)));
        let constraints = self.constraints.iter().map(|f| f.value / positive_or_one(norm(&f.gradient)));
        let reach = equalities.chain(inequalities).chain(constraints).fold(free.min(size.max(1.0)), f64::max);
        positive_or_one(if reach > ROUNDING * size { reach } else { size.min(1.0) })
    }

    /// The size of points: `‖x^τ‖_∞`, or where that is smaller, the reach up to 1.
    pub(super) fn size(&self) -> f64 {
        largest_magnitude(self.center).max(self.reach().min(1.0))
    }
}

/// A positive, finite number, or else 1.
fn positive_or_one(value: f64) -> f64 {
    if value > 0.0 && value.is_finite() { value } else { 1.0 }
}

/// A subproblem whose displacements are divided by `length` and whose functions by their magnitudes there.
pub(super) struct Scaled {
    length: f64,
    /// What one unit of the objective is.
    value: f64,
    /// What one unit of each constraint is.
    values: Vec<f64>,
    /// What one unit of each row is.
    equalities: Vec<f64>,
    inequalities: Vec<f64>,
    feasible_set: Polyhedron,
    center: Vec<f64>,
    objective: Surrogate,
    constraints: Vec<Surrogate>,
    goal: Goal,
}

impl Scaled {
    /// `subproblem` in units of `length` > 0.
    pub(super) fn new(subproblem: &Subproblem<'_>, length: f64) -> Self {
        let Subproblem { feasible_set, center, objective, constraints, goal } = *subproblem;
        let own = |function: &Surrogate| positive_or_one(function.scale(length));
        let (value, values) = match goal {
            Goal::Objective => {
                (own(&Surrogate { value: 0.0, ..objective.clone() }), constraints.iter().map(own).collect())
            }
            // All measure one violation.
            Goal::LeastViolation => {
                let value = positive_or_one(constraints.iter().map(own).fold(0.0, f64::max));
                (value, vec![value; constraints.len()])
            }
        };
        let in_units = |function: &Surrogate, value: f64| Surrogate {
            value: function.value / value,
            gradient: function.gradient.iter().map(|u| u * (length / value)).collect(),
            curvature: function.curvature * length * (length / value),
        };
        let unit =
            |row: &LinearRow| positive_or_one(positive_or_one(largest_magnitude(&row.coefficients)) * length);
        let units = |rows: &[LinearRow]| rows.iter().map(unit).collect::<Vec<f64>>();
        let (equalities, inequalities) =
            (units(feasible_set.equalities()), units(feasible_set.inequalities()));
        Self {
            length,
            value,
            feasible_set: feasible_set.in_units(length, &equalities, &inequalities),
            center: center.iter().map(|x| x / length).collect(),
            objective: Surrogate { value: 0.0, ..in_units(objective, value) },
            constraints: constraints.iter().zip(&values).map(|(f, &value)| in_units(f, value)).collect(),
            values,
            equalities,
            inequalities,
            goal,
        }
    }

    pub(super) fn subproblem(&self) -> Subproblem<'_> {
        let Self { feasible_set, center, objective, constraints, goal, .. } = self;
        Subproblem { feasible_set, center, objective, constraints, goal: *goal }
    }

    /// A candidate for the scaled subproblem as one for the subproblem.
    pub(super) fn restored(&self, candidate: Candidate) -> Candidate {
        let back = |multipliers: Vec<f64>, units: &[f64]| {
            multipliers
                .into_iter()
                .zip(units)
                .map(|(multiplier, unit)| multiplier * (self.value / unit))
                .collect()
        };
        Candidate {
            point: candidate.point.into_iter().map(|x| x * self.length).collect(),
            constraint_multipliers: back(candidate.constraint_multipliers, &self.values),
            equality_multipliers: back(candidate.equality_multipliers, &self.equalities),
            inequality_multipliers: back(candidate.inequality_multipliers, &self.inequalities),
        }
    }
}
