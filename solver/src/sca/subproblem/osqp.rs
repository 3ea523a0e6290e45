//! Subproblems by OSQP, an operator-splitting method for quadratic programs (Stellato et al. 2020).
//!
//! `min ½ vᵀPv + qᵀv` s.t. `low ≤ Av ≤ high` in the displacement `v = d = x − x^τ`, with the violation `α` as one more variable
//! in restoration. Rows: equalities, inequalities and constraints, scaled to unit norm, then one for each variable.

use osqp::{CscMatrix, Problem, Settings, Status};

use super::{BackendFailure, Candidate, Goal, Subproblem, SubproblemSolver};
use crate::sca::vector::norm;

/// What OSQP takes for infinity.
const INFINITY: f64 = 1e30;

/// OSQP, for quadratic programs: stochastic constraints must have no curvature. A fresh model for each solve, tolerances 1e-9 and
/// polishing; steps adapt by iteration counts, not by time, so that runs repeat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OsqpBackend;

impl SubproblemSolver for OsqpBackend {
    fn solve(&mut self, subproblem: &Subproblem<'_>) -> Result<Candidate, BackendFailure> {
        if subproblem.constraints.iter().any(|constraint| constraint.curvature > 0.0) {
            return Err(BackendFailure::Unsupported { needs: "stochastic constraints without curvature" });
        }
        subproblem.check()?;
        let model = Model::of(subproblem);
        let mut diagonal = vec![2.0 * subproblem.objective.curvature / model.scale; model.linear_cost.len()];
        if let (Goal::LeastViolation, Some(last)) = (subproblem.goal, diagonal.last_mut()) {
            *last = 0.0;
        }
        let (columns, rows) = (diagonal.len(), model.rows.len());
        let quadratic = CscMatrix {
            nrows: columns,
            ncols: columns,
            indptr: (0..=columns).collect(),
            indices: (0..columns).collect(),
            data: diagonal.into(),
        };
        let dense = (0..columns)
            .flat_map(|j| model.rows.iter().map(move |row| row.coefficients.get(j).copied().unwrap_or(0.0)));
        let constraints = CscMatrix::from_column_iter(rows, columns, dense);
        let low: Vec<f64> = model.rows.iter().map(|row| row.low).collect();
        let high: Vec<f64> = model.rows.iter().map(|row| row.high).collect();
        let refused = |e: osqp::SetupError| BackendFailure::Refused { reason: e.to_string() };
        let mut solver = Problem::new(quadratic, &model.linear_cost, constraints, &low, &high, &settings())
            .map_err(refused)?;
        match solver.solve() {
            // Whatever has a point is offered; the re-check decides.
            Status::Solved(solution)
            | Status::SolvedInaccurate(solution)
            | Status::MaxIterationsReached(solution)
            | Status::TimeLimitReached(solution) => {
                Ok(model.candidate(subproblem, solution.x(), solution.y()))
            }
            Status::PrimalInfeasible(_) | Status::PrimalInfeasibleInaccurate(_) => {
                Err(BackendFailure::ClaimsInfeasible)
            }
            other => Err(BackendFailure::Stopped { status: format!("{other:?}") }),
        }
    }
}

fn settings() -> Settings {
    Settings::default()
        .verbose(false)
        .eps_abs(1e-9)
        .eps_rel(1e-9)
        .max_iter(100_000)
        .adaptive_rho_interval(Some(25))
        .polish(true)
}

/// `low ≤ coefficientsᵀv ≤ high`; its multiplier in units of the subproblem is `factor` times that of the model.
struct ModelRow {
    coefficients: Vec<f64>,
    low: f64,
    high: f64,
    factor: f64,
}

/// The subproblem in units of its objective's magnitude.
struct Model {
    scale: f64,
    linear_cost: Vec<f64>,
    rows: Vec<ModelRow>,
}

impl Model {
    fn of(subproblem: &Subproblem<'_>) -> Self {
        let (set, center) = (subproblem.feasible_set, subproblem.center);
        let n = set.dimension();
        let (scale, reach) = (subproblem.objective_scale(), subproblem.reach());
        let restoring = subproblem.goal == Goal::LeastViolation;
        let mut linear_cost: Vec<f64> = subproblem.objective.gradient.iter().map(|u| u / scale).collect();
        if restoring {
            // The last variable is α in units of `scale`.
            linear_cost.push(1.0);
        }
        let mut rows = Vec::new();
        for (row, equality) in
            set.equalities().iter().map(|r| (r, true)).chain(set.inequalities().iter().map(|r| (r, false)))
        {
            let length = Some(norm(&row.coefficients)).filter(|length| *length > 0.0).unwrap_or(1.0);
            let high = -row.excess(center) / length;
            rows.push(ModelRow {
                coefficients: row.coefficients.iter().map(|a| a / length).collect(),
                low: if equality { high } else { -INFINITY },
                high,
                factor: scale / length,
            });
        }
        for constraint in subproblem.constraints {
            let own = if restoring { scale } else { constraint.unit(reach) };
            let mut coefficients: Vec<f64> = constraint.gradient.iter().map(|u| u / own).collect();
            coefficients.extend(restoring.then_some(-1.0));
            rows.push(ModelRow {
                coefficients,
                low: -INFINITY,
                high: -constraint.value / own,
                factor: scale / own,
            });
        }
        let unit = |j: usize| {
            let mut coefficients = vec![0.0; j + 1];
            if let Some(last) = coefficients.last_mut() {
                *last = 1.0;
            }
            coefficients
        };
        for (j, ((l, u), x)) in set.lower().iter().zip(set.upper()).zip(center).enumerate() {
            let (low, high) = ((l - x).max(-INFINITY), (u - x).min(INFINITY));
            rows.push(ModelRow { coefficients: unit(j), low, high: high.max(low), factor: 0.0 });
        }
        if restoring {
            rows.push(ModelRow { coefficients: unit(n), low: 0.0, high: INFINITY, factor: 0.0 });
        }
        Self { scale, linear_cost, rows }
    }

    fn candidate(&self, subproblem: &Subproblem<'_>, primal: &[f64], dual: &[f64]) -> Candidate {
        let set = subproblem.feasible_set;
        let mut multipliers = self.rows.iter().zip(dual).map(|(row, y)| row.factor * y);
        let mut next = |count: usize| multipliers.by_ref().take(count).collect::<Vec<f64>>();
        Candidate {
            point: subproblem.center.iter().zip(primal).map(|(x, d)| x + d).collect(),
            equality_multipliers: next(set.equalities().len()),
            inequality_multipliers: next(set.inequalities().len()),
            constraint_multipliers: next(subproblem.constraints.len()),
        }
    }
}
