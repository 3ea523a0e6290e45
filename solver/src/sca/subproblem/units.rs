//! A subproblem in units of its own size, for backends whose tolerances are absolute.

use super::{Candidate, Goal, Subproblem};
use crate::sca::polyhedron::LinearRow;
use crate::sca::vector::{largest_magnitude, norm, positive_or_one};
use crate::sca::{Polyhedron, Surrogate};

/// Less than this part of the size of points is rounding.
const ROUNDING: f64 = 1e-12;

impl Subproblem<'_> {
    /// About how far `x̂` is from `x^τ`: as far as the objective alone would go, but no farther than points are large, or 1; at least as far as the
    /// row or constraint that `x^τ` misses most. Where nothing but rounding calls `x̂` away, the size of points. Positive and finite.
    pub(super) fn reach(&self) -> f64 {
        let size = largest_magnitude(self.center);
        let missed = |excess: f64, gradient: &[f64]| match norm(gradient) {
            // What no step changes is no distance.
            0.0 => 0.0,
            slope => excess / slope,
        };
        let set = self.feasible_set;
        let equalities =
            set.equalities().iter().map(|row| missed(row.excess(self.center).abs(), &row.coefficients));
        let inequalities =
            set.inequalities().iter().map(|row| missed(row.excess(self.center), &row.coefficients));
        let constraints = self.constraints.iter().map(|f| missed(f.value, &f.gradient));
        let free = self.free_step().min(size.max(1.0));
        let reach = equalities.chain(inequalities).chain(constraints).fold(free, f64::max);
        positive_or_one(if reach > ROUNDING * size { reach } else { size })
    }

    /// Whether the objective calls for no step, or for one that is rounding.
    pub(super) fn rests(&self) -> bool {
        self.goal == Goal::Objective && self.free_step() <= ROUNDING * self.size()
    }

    /// How far the objective alone would go.
    pub(super) fn free_step(&self) -> f64 {
        match self.goal {
            Goal::Objective => norm(&self.objective.gradient) / (2.0 * self.objective.curvature),
            Goal::LeastViolation => 0.0,
        }
    }

    /// The magnitude of the objective: of `f̂_0` without its constant over the reach, or of the constraints whose violation is minimised at points of this
    /// size, as it is certified. (Their reach is where they would be met, which may be far outside of the set.)
    pub(super) fn objective_scale(&self) -> f64 {
        match self.goal {
            Goal::Objective => Surrogate { value: 0.0, ..self.objective.clone() }.scale(self.reach()),
            Goal::LeastViolation => {
                let size = self.size();
                let scales = self.constraints.iter().map(|c| c.scale(size));
                scales.fold(self.objective.curvature * size * size, f64::max)
            }
        }
    }

    /// The size of points: `‖x^τ‖_∞`, or where that is smaller, the reach up to 1.
    pub(super) fn size(&self) -> f64 {
        largest_magnitude(self.center).max(self.reach().min(1.0))
    }
}

/// The unit of functions that measure one violation together.
pub(super) fn largest_unit(functions: &[Surrogate], size: f64) -> f64 {
    positive_or_one(functions.iter().map(|function| function.scale(size)).fold(0.0, f64::max))
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
        let (value, values) = match goal {
            Goal::Objective => {
                let value = Surrogate { value: 0.0, ..objective.clone() }.unit(length);
                (value, constraints.iter().map(|constraint| constraint.unit(length)).collect())
            }
            // All measure one violation.
            Goal::LeastViolation => {
                let value = largest_unit(constraints, length);
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
