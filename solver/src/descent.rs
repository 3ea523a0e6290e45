//! Minimization of `F(A) = Σ v_n φ_n(H_n^H A A^H H_n) + σ² ‖A‖_F²` over complex matrices by argmin's L-BFGS.
//!
//! With `L` columns this refines a transceiver.

use crate::error::Error;
use crate::mismatch::{self, Objective};
use crate::problem::Problem;
use argmin::core::{CostFunction, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use faer::{Mat, MatRef, c64};
use std::cell::RefCell;

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
    /// Iterations taken; evaluations of `F` where the line search failed, which loses argmin's count.
    pub iterations: usize,
    /// Whether it stopped because nothing was left to gain, not for want of iterations or of a step that gains.
    pub converged: bool,
}

/// Minimizes `F` of `problem` from the best scale of `start`.
pub(crate) fn minimize(problem: &Problem, start: MatRef<'_, c64>, stop: Stop) -> Result<Descent, Error> {
    let scale = mismatch::best_scale(problem, start)?;
    let start = Mat::from_fn(start.nrows(), start.ncols(), |i, j| start[(i, j)] * scale);
    minimize_function(&|factor| mismatch::evaluate(problem, factor), start.as_ref(), stop)
}

/// A differentiable, positive function of a complex matrix.
pub(crate) type Function<'a> = dyn Fn(MatRef<'_, c64>) -> Result<Objective, Error> + 'a;

/// Minimizes `function` from `start`.
pub(crate) fn minimize_function(
    function: &Function<'_>,
    start: MatRef<'_, c64>,
    stop: Stop,
) -> Result<Descent, Error> {
    let shape = (start.nrows(), start.ncols());
    let initial = function(start)?;
    let length = crate::linalg::squared_norm(start).sqrt();
    if !(initial.value > 0.0 && length > 0.0) {
        return Ok(Descent { factor: start.to_owned(), iterations: 0, converged: true });
    }
    let parameter = flatten(start, 1.0 / length);
    let best = RefCell::new(Best { parameter: parameter.clone(), value: f64::INFINITY, evaluations: 0 });
    let value = initial.value;
    let latest = RefCell::new(None);
    let scaled = Scaled { function, shape, length, value, latest, best: &best };
    let numerical = |_| Error::Numerical { operation: "the quasi-Newton descent" };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
        .with_tolerance_grad(stop.gradient)
        .and_then(|solver| solver.with_tolerance_cost(stop.decrease))
        .map_err(numerical)?;
    let run = Executor::new(scaled, solver)
        .configure(|state| state.param(parameter).max_iters(stop.iterations))
        .timer(false)
        .run();
    // A line search without a step that gains is an error to argmin. Here it only ends the descent.
    let (iterations, converged) = match run {
        Ok(result) => (result.state().get_iter(), result.state().get_iter() < stop.iterations),
        Err(_) => (best.borrow().evaluations, false),
    };
    let factor = unflatten(&best.into_inner().parameter, shape, length);
    Ok(Descent { factor, iterations: usize::try_from(iterations).unwrap_or(usize::MAX), converged })
}

/// Noise powers from a tenth of the balance of noise and mismatch, `σ² α = Σ v_n L`, down to the problem's own in steps of 10 dB.
///
/// Far above the noise `F` is a stiff penalty on mismatch, and a descent from afar takes very long. From the optimum at ten times
/// the noise it is short.
pub(crate) fn continuation(problem: &Problem, start: MatRef<'_, c64>) -> Result<Vec<f64>, Error> {
    let symbols: f64 =
        problem.signal_variance().iter().map(|variance| variance * problem.streams() as f64).sum();
    let alpha = mismatch::zero_forcing_scale(problem, start)? * crate::linalg::squared_norm(start);
    let decades = (symbols / (alpha * problem.noise_power())).log10() - BALANCED_DECADES;
    let stages = if decades.is_finite() { decades.clamp(0.0, MOST_STAGES) as i32 } else { 0 };
    Ok((0..=stages).rev().map(|stage| problem.noise_power() * 10.0_f64.powi(stage)).collect())
}

/// The best point that a descent has evaluated, of how many.
struct Best {
    parameter: Vec<f64>,
    value: f64,
    /// How many points were evaluated.
    evaluations: u64,
}

/// A function in units in which the start has value and length 1.
struct Scaled<'a> {
    function: &'a Function<'a>,
    shape: (usize, usize),
    length: f64,
    value: f64,
    /// argmin asks for cost and gradient apart; one evaluation gives both.
    latest: RefCell<Option<(Vec<f64>, Objective)>>,
    best: &'a RefCell<Best>,
}

impl Scaled<'_> {
    fn with<T>(&self, parameter: &[f64], read: impl Fn(&Objective) -> T) -> Result<T, argmin::core::Error> {
        let mut latest = self.latest.borrow_mut();
        let stale = latest.as_ref().is_none_or(|(at, _)| at != parameter);
        if stale {
            let factor = unflatten(parameter, self.shape, self.length);
            let objective = (self.function)(factor.as_ref())?;
            let mut best = self.best.borrow_mut();
            best.evaluations += 1;
            if objective.value < best.value {
                (best.parameter, best.value) = (parameter.to_vec(), objective.value);
            }
            *latest = Some((parameter.to_vec(), objective));
        }
        let (_, objective) = latest.as_ref().ok_or(Error::Numerical { operation: "the descent's cache" })?;
        Ok(read(objective))
    }
}

impl CostFunction for Scaled<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, parameter: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        self.with(parameter, |objective| objective.value / self.value)
    }
}

impl Gradient for Scaled<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, parameter: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        self.with(parameter, |objective| flatten(objective.gradient.as_ref(), self.length / self.value))
    }
}

/// Column by column, real and imaginary parts in turn.
fn flatten(matrix: MatRef<'_, c64>, scale: f64) -> Vec<f64> {
    let mut flat = Vec::with_capacity(2 * matrix.nrows() * matrix.ncols());
    for j in 0..matrix.ncols() {
        for i in 0..matrix.nrows() {
            flat.push(matrix[(i, j)].re * scale);
            flat.push(matrix[(i, j)].im * scale);
        }
    }
    flat
}

fn unflatten(flat: &[f64], (rows, columns): (usize, usize), scale: f64) -> Mat<c64> {
    Mat::from_fn(rows, columns, |i, j| {
        let at = 2 * (j * rows + i);
        c64::new(flat[at] * scale, flat[at + 1] * scale)
    })
}
