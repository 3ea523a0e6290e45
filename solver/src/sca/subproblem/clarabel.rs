//! Subproblems by Clarabel, an interior-point method for conic programs.
//!
//! Variables are the displacement `d = x − x^τ` and, in restoration, the violation `α`. Surrogates without curvature
//! are linear rows (a quadratic program); `f + uᵀd + η‖d‖² ≤ 0` becomes, with `s = −(f + uᵀd)` in units of the
//! constraint's magnitude, the second-order cone `‖(2√η d, s − 1)‖ ≤ s + 1`, which degrades
//! smoothly to `s ≥ 0` as η → 0.

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};

use super::{BackendFailure, Candidate, Goal, Subproblem, SubproblemSolver};
use crate::sca::polyhedron::LinearRow;
use crate::sca::vector::norm;

/// Clarabel (pure Rust), a fresh model for each solve, one thread, tolerances 1e-10.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClarabelBackend;

impl SubproblemSolver for ClarabelBackend {
    fn solve(&mut self, subproblem: &Subproblem<'_>) -> Result<Candidate, BackendFailure> {
        subproblem.check()?;
        let model = Model::of(subproblem);
        let (n, rows) = (model.linear_cost.len(), model.right_hand_side.len());
        let quadratic = triplets(n, n, &model.quadratic_cost);
        let constraints = triplets(rows, n, &model.entries);
        let refused = |e: clarabel::solver::SolverError| BackendFailure::Refused { reason: e.to_string() };
        let mut solver = DefaultSolver::new(
            &quadratic,
            &model.linear_cost,
            &constraints,
            &model.right_hand_side,
            &model.cones,
            settings(),
        )
        .map_err(refused)?;
        solver.solve();
        match solver.solution.status {
            SolverStatus::PrimalInfeasible | SolverStatus::AlmostPrimalInfeasible => {
                return Err(BackendFailure::ClaimsInfeasible);
            }
            // Whatever has a point is offered; the re-check decides.
            SolverStatus::Solved
            | SolverStatus::AlmostSolved
            | SolverStatus::InsufficientProgress
            | SolverStatus::MaxIterations => {}
            status => return Err(BackendFailure::Stopped { status: status.to_string() }),
        }
        Ok(model.candidate(subproblem, &solver.solution.x, &solver.solution.z))
    }
}

fn settings() -> DefaultSettings<f64> {
    DefaultSettings {
        verbose: false,
        max_threads: 1,
        presolve_enable: false,
        tol_gap_abs: 1e-10,
        tol_gap_rel: 1e-10,
        tol_feas: 1e-10,
        // With the default, 0.99, one small program in 20 000 goes round in circles until the iterations end.
        max_step_fraction: 0.95,
        ..DefaultSettings::default()
    }
}

fn triplets(rows: usize, columns: usize, entries: &[(usize, usize, f64)]) -> CscMatrix<f64> {
    let i = entries.iter().map(|e| e.0).collect();
    let j = entries.iter().map(|e| e.1).collect();
    let v = entries.iter().map(|e| e.2).collect();
    CscMatrix::new_from_triplets(rows, columns, i, j, v)
}

/// Where a multiplier sits in Clarabel's dual vector, and its factor.
struct Multiplier {
    rows: Vec<usize>,
    factor: f64,
}

impl Multiplier {
    const NONE: Self = Self { rows: Vec::new(), factor: 0.0 };
}

/// `min ½ vᵀPv + qᵀv` s.t. `Av + s = b`, `s ∈ K`, with `v = d` or `(d, α)`.
struct Model {
    quadratic_cost: Vec<(usize, usize, f64)>,
    linear_cost: Vec<f64>,
    entries: Vec<(usize, usize, f64)>,
    right_hand_side: Vec<f64>,
    cones: Vec<SupportedConeT<f64>>,
    equalities: Vec<Multiplier>,
    inequalities: Vec<Multiplier>,
    constraints: Vec<Multiplier>,
}

impl Model {
    fn of(subproblem: &Subproblem<'_>) -> Self {
        let set = subproblem.feasible_set;
        let n = set.dimension();
        let (scale, reach) = (subproblem.objective_scale(), subproblem.reach());
        let objective = subproblem.objective;
        let mut linear_cost: Vec<f64> = objective.gradient.iter().map(|u| u / scale).collect();
        let violation = (subproblem.goal == Goal::LeastViolation).then_some(n);
        if violation.is_some() {
            // The column is α in units of `scale`.
            linear_cost.push(1.0);
        }
        let mut model = Self {
            quadratic_cost: (0..n).map(|j| (j, j, 2.0 * objective.curvature / scale)).collect(),
            linear_cost,
            entries: Vec::new(),
            right_hand_side: Vec::new(),
            cones: Vec::new(),
            equalities: Vec::new(),
            inequalities: Vec::new(),
            constraints: Vec::new(),
        };
        let bounds = || set.lower().iter().zip(set.upper()).zip(subproblem.center).enumerate();

        for row in set.equalities() {
            let multiplier = model.push_scaled(row, subproblem.center, scale);
            model.equalities.push(multiplier);
        }
        // A fixed variable as two inequalities would leave no interior.
        for (j, ((l, u), x)) in bounds() {
            if l == u {
                model.push([(j, 1.0)], l - x);
            }
        }
        model.cones.push(SupportedConeT::ZeroConeT(model.right_hand_side.len()));

        let first = model.right_hand_side.len();
        for row in set.inequalities() {
            let multiplier = model.push_scaled(row, subproblem.center, scale);
            model.inequalities.push(multiplier);
        }
        for (j, ((l, u), x)) in bounds() {
            for (sign, room) in [(-1.0, x - l), (1.0, u - x)] {
                if l < u && room.is_finite() {
                    let unit = room.max(1.0);
                    model.push([(j, sign / unit)], room / unit);
                }
            }
        }
        if let Some(column) = violation {
            model.push([(column, -1.0)], 0.0);
        }
        let mut cones = Vec::new();
        for constraint in subproblem.constraints {
            let constant = constraint.curvature == 0.0 && constraint.gradient.iter().all(|u| *u == 0.0);
            if violation.is_none() && constant && constraint.value <= 0.0 {
                model.constraints.push(Multiplier::NONE);
                continue;
            }
            let own = match violation {
                Some(_) => scale,
                None => constraint.unit(reach),
            };
            let normal = constraint.gradient.iter().map(|u| u / own).enumerate();
            let row = || normal.clone().chain(violation.map(|column| (column, -1.0)));
            let value = constraint.value / own;
            if constraint.curvature == 0.0 {
                let index = model.push(row(), -value);
                model.constraints.push(Multiplier { rows: vec![index], factor: scale / own });
            } else {
                cones.push((row().collect::<Vec<_>>(), value, constraint.curvature / own, scale / own));
                model.constraints.push(Multiplier::NONE);
            }
        }
        model.cones.push(SupportedConeT::NonnegativeConeT(model.right_hand_side.len() - first));

        let curved = subproblem.constraints.iter().enumerate().filter(|(_, c)| c.curvature > 0.0);
        for ((index, _), (row, value, curvature, factor)) in curved.zip(cones) {
            // Slacks (s + 1, s − 1, 2√η d) with s = −value − row·v.
            let head = model.push(row.iter().copied(), 1.0 - value);
            let second = model.push(row.iter().copied(), -1.0 - value);
            for j in 0..n {
                model.push([(j, -2.0 * curvature.sqrt())], 0.0);
            }
            model.cones.push(SupportedConeT::SecondOrderConeT(n + 2));
            if let Some(multiplier) = model.constraints.get_mut(index) {
                *multiplier = Multiplier { rows: vec![head, second], factor };
            }
        }
        model
    }

    /// Appends the row `Σ a_j v_j + s = b` and returns its index.
    fn push(&mut self, coefficients: impl IntoIterator<Item = (usize, f64)>, right_hand_side: f64) -> usize {
        let index = self.right_hand_side.len();
        self.right_hand_side.push(right_hand_side);
        self.entries.extend(coefficients.into_iter().map(|(column, value)| (index, column, value)));
        index
    }

    /// Appends a row of 𝒳 about `center`, scaled to unit norm, or less where `center` is more than 1 inside it: tolerances are relative to the largest
    /// right-hand side.
    /// A row of zeros, which 𝒳 meets, would leave no interior: there is none of it in the model.
    fn push_scaled(&mut self, row: &LinearRow, center: &[f64], objective_scale: f64) -> Multiplier {
        let length = norm(&row.coefficients);
        if length == 0.0 {
            return Multiplier::NONE;
        }
        let room = -row.excess(center);
        let length = length.max(room);
        let coefficients = row.coefficients.iter().map(|a| a / length).enumerate();
        let index = self.push(coefficients, room / length);
        Multiplier { rows: vec![index], factor: objective_scale / length }
    }

    fn candidate(&self, subproblem: &Subproblem<'_>, primal: &[f64], dual: &[f64]) -> Candidate {
        let read = |multipliers: &[Multiplier]| {
            multipliers
                .iter()
                .map(|m| m.factor * m.rows.iter().filter_map(|row| dual.get(*row)).sum::<f64>())
                .collect()
        };
        Candidate {
            point: subproblem.center.iter().zip(primal).map(|(x, d)| x + d).collect(),
            constraint_multipliers: read(&self.constraints),
            equality_multipliers: read(&self.equalities),
            inequality_multipliers: read(&self.inequalities),
        }
    }
}
