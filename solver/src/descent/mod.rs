//! Minimization of differentiable functions of an aggregator, `F(A) = Σ v_n φ_n(H_n^H A A^H H_n) + σ² ‖A‖_F²` before all, by argmin's L-BFGS.

mod vector;

use crate::error::Error;
use crate::mismatch::{self, Evaluator, Objective};
use crate::problem::Problem;
use argmin::core::{CostFunction, Executor, Gradient, State, TerminationReason};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use faer::{Mat, MatMut, MatRef, c64};
use std::cell::RefCell;
use vector::{Pool, Vector};

/// Curvature pairs that L-BFGS keeps.
const MEMORY: usize = 10;
/// Most stages of a continuation: 300 dB.
const MOST_STAGES: f64 = 30.0;
/// Below this ratio of mismatch to noise, in powers of ten, descents need no continuation.
const BALANCED_DECADES: f64 = 1.0;

/// When the descent stops.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// Norm of the gradient of `F/F(start)` with respect to `A/‖start‖`.
    pub gradient: f64,
    /// Decrease of `F/F(start)` in one iteration.
    pub decrease: f64,
    /// Iterations.
    pub iterations: u64,
}

/// Where the descent ended.
pub(crate) struct Descent {
    /// The best point found, never worse than the start.
    pub factor: Mat<c64>,
    /// `F` there.
    pub value: f64,
    /// Iterations taken.
    pub iterations: usize,
    /// Whether it stopped because nothing was left to gain, not for want of iterations or of a step that gains.
    pub converged: bool,
}

/// Minimizes `F` of `problem` from the best scale of `start`.
pub(crate) fn minimize(problem: &Problem, start: MatRef<'_, c64>, stop: Stop) -> Result<Descent, Error> {
    let scale = mismatch::best_scale(problem, start)?;
    let start = Mat::from_fn(start.nrows(), start.ncols(), |i, j| start[(i, j)] * scale);
    let mut evaluator = Evaluator::new(problem);
    minimize_function(&mut |factor, objective| evaluator.evaluate(factor, objective), start.as_ref(), stop)
}

/// A differentiable, positive function of a complex matrix, which writes its value and gradient.
pub(crate) type Function<'a> = dyn FnMut(MatRef<'_, c64>, &mut Objective) -> Result<(), Error> + 'a;

/// Minimizes `function` from `start`.
pub(crate) fn minimize_function(
    function: &mut Function<'_>,
    start: MatRef<'_, c64>,
    stop: Stop,
) -> Result<Descent, Error> {
    let length = crate::linalg::squared_norm(start).sqrt();
    let mut evaluations = Evaluations::start(function, start)?;
    let value = evaluations.latest.value;
    if !(value > 0.0 && length > 0.0) {
        return Ok(Descent { factor: start.to_owned(), value, iterations: 0, converged: true });
    }
    let pool = Pool::default();
    let parameter = pool.vector(flat(start, 1.0 / length));
    evaluations.parameter.extend_from_slice(parameter.entries());
    let evaluations = RefCell::new(evaluations);
    let scaled = Scaled { length, value, evaluations: &evaluations, pool };
    let numerical = |_| Error::Numerical { operation: "the quasi-Newton descent" };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
        .with_tolerance_grad(stop.gradient)
        .and_then(|solver| solver.with_tolerance_cost(stop.decrease))
        .map_err(numerical)?;
    let run = Executor::new(scaled, solver)
        .configure(|state| state.param(parameter).max_iters(stop.iterations))
        .timer(false)
        .run();
    let run = run.map_err(numerical)?;
    let state = run.state();
    // A line search without a step that gains ends the descent too.
    let converged = state.get_termination_reason() == Some(&TerminationReason::SolverConverged);
    let iterations = usize::try_from(state.get_iter()).unwrap_or(usize::MAX);
    let Evaluations { best, best_value, .. } = evaluations.into_inner();
    Ok(Descent { factor: best, value: best_value, iterations, converged })
}

/// Noise powers from a tenth of the balance of noise and mismatch, `σ² α = Σ v_n L_n`, down to the problem's own in steps of 10 dB.
///
/// Far above the noise `F` is a stiff penalty on mismatch, and a descent from afar takes very long. From the optimum at ten times
/// the noise it is short.
pub(crate) fn continuation(problem: &Problem, start: MatRef<'_, c64>) -> Result<Vec<f64>, Error> {
    let symbols: f64 = problem
        .signal_variance()
        .iter()
        .zip(problem.device_streams())
        .map(|(variance, streams)| variance * streams.len() as f64)
        .sum();
    let alpha = mismatch::zero_forcing_scale(problem, start)? * crate::linalg::squared_norm(start);
    let decades = (symbols / (alpha * problem.noise_power())).log10() - BALANCED_DECADES;
    let stages = if decades.is_finite() { decades.clamp(0.0, MOST_STAGES) as i32 } else { 0 };
    Ok((0..=stages).rev().map(|stage| problem.noise_power() * 10.0_f64.powi(stage)).collect())
}

/// The latest and the best point that a descent has evaluated.
struct Evaluations<'a, 'f> {
    function: &'a mut Function<'f>,
    /// Where `latest` was evaluated, as argmin has it.
    parameter: Vec<f64>,
    /// The same point, as `function` has it.
    factor: Mat<c64>,
    /// argmin asks for cost and gradient apart; one evaluation gives both.
    latest: Objective,
    best: Mat<c64>,
    best_value: f64,
}

impl<'a, 'f> Evaluations<'a, 'f> {
    fn start(function: &'a mut Function<'f>, start: MatRef<'_, c64>) -> Result<Self, Error> {
        let factor = start.to_owned();
        let mut latest = Objective::zeros(start);
        function(start, &mut latest)?;
        let (best, best_value) = (factor.clone(), latest.value);
        Ok(Self { function, parameter: Vec::new(), factor, latest, best, best_value })
    }

    /// The objective at `parameter`, in units of which `length` is one.
    fn at(&mut self, parameter: &[f64], length: f64) -> Result<&Objective, Error> {
        if self.parameter != parameter {
            self.parameter.clear();
            unflatten(parameter, length, self.factor.as_mut());
            (self.function)(self.factor.as_ref(), &mut self.latest)?;
            self.parameter.extend_from_slice(parameter);
            if self.latest.value < self.best_value {
                self.best_value = self.latest.value;
                self.best.copy_from(&self.factor);
            }
        }
        Ok(&self.latest)
    }
}

/// A function in units in which the start has value and length 1.
struct Scaled<'r, 'a, 'f> {
    length: f64,
    value: f64,
    evaluations: &'r RefCell<Evaluations<'a, 'f>>,
    pool: Pool,
}

impl CostFunction for Scaled<'_, '_, '_> {
    type Param = Vector;
    type Output = f64;

    fn cost(&self, parameter: &Vector) -> Result<f64, argmin::core::Error> {
        Ok(self.evaluations.borrow_mut().at(parameter.entries(), self.length)?.value / self.value)
    }
}

impl Gradient for Scaled<'_, '_, '_> {
    type Param = Vector;
    type Gradient = Vector;

    fn gradient(&self, parameter: &Vector) -> Result<Vector, argmin::core::Error> {
        let mut evaluations = self.evaluations.borrow_mut();
        let objective = evaluations.at(parameter.entries(), self.length)?;
        Ok(self.pool.vector(flat(objective.gradient.as_ref(), self.length / self.value)))
    }
}

/// Column by column, real and imaginary parts in turn.
fn flat(matrix: MatRef<'_, c64>, scale: f64) -> impl Iterator<Item = f64> {
    let entries = matrix.col_iter().flat_map(|column| column.iter());
    entries.flat_map(move |entry| [entry.re * scale, entry.im * scale])
}

fn unflatten(flat: &[f64], scale: f64, mut matrix: MatMut<'_, c64>) {
    let mut numbers = flat.chunks_exact(2);
    for column in matrix.as_mut().col_iter_mut() {
        for (entry, number) in column.iter_mut().zip(&mut numbers) {
            *entry = c64::new(number[0] * scale, number[1] * scale);
        }
    }
}
