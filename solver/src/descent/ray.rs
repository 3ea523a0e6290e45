//! A function along a ray, and argmin's search for a step on it.

use super::Function;
use super::curvature::{Curvature, dot, norm};
use crate::error::Error;
use crate::mismatch::Objective;
use argmin::core::{CostFunction, Gradient, IterState, LineSearch, Problem, Solver, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use faer::{Mat, MatMut, MatRef, c64};
use std::cell::RefCell;

/// Most points that one line search may try.
const MOST_TRIALS: usize = 100;
/// Where the function is no number.
pub(super) const NO_NUMBER: Error = Error::Numerical { operation: "the quasi-Newton descent" };

/// A point with value and gradient, in units in which the start has length and value 1.
pub(super) struct Point {
    /// The matrix column by column, real and imaginary parts in turn; so is the gradient.
    pub position: Vec<f64>,
    pub value: f64,
    pub gradient: Vec<f64>,
}

impl Point {
    /// `‖∇f‖ ‖x‖ / f`, the relative decrease that a unit relative step could bring at first order.
    pub fn steepness(&self) -> f64 {
        norm(&self.gradient) * norm(&self.position) / self.value
    }
}

/// `φ(t) = f(x + t d)` of a point `x` and a direction `d`.
pub(super) struct Ray<'a, 'f> {
    function: &'a mut Function<'f>,
    /// The units.
    length: f64,
    value: f64,
    origin: Point,
    direction: Vec<f64>,
    /// Where `trial` is on this ray, and the slope `φ'` there.
    tried: Option<(f64, f64)>,
    trial: Point,
    /// The trial's position and objective as `function` has them.
    factor: Mat<c64>,
    objective: Objective,
    best: Mat<c64>,
    best_value: f64,
}

impl<'a, 'f> Ray<'a, 'f> {
    /// At `start`, without a direction. `objective` is `function` there. Its value and the start's length must be positive.
    pub fn new(
        function: &'a mut Function<'f>,
        start: MatRef<'_, c64>,
        length: f64,
        objective: Objective,
    ) -> Self {
        let value = objective.value;
        let zeros = || vec![0.0; 2 * start.nrows() * start.ncols()];
        let point = || Point { position: zeros(), value: 1.0, gradient: zeros() };
        let mut origin = point();
        flatten(start, length.recip(), &mut origin.position);
        flatten(objective.gradient.as_ref(), length / value, &mut origin.gradient);
        let (factor, best) = (start.to_owned(), start.to_owned());
        Self {
            function,
            length,
            value,
            origin,
            direction: zeros(),
            tried: None,
            trial: point(),
            factor,
            objective,
            best,
            best_value: value,
        }
    }

    /// Where the ray starts.
    pub fn origin(&self) -> &Point {
        &self.origin
    }

    /// The best matrix of all that were tried, and the function's value there.
    pub fn into_best(self) -> (Mat<c64>, f64) {
        (self.best, self.best_value)
    }

    /// Takes the quasi-Newton direction. The slope `φ'(0)`.
    pub fn aim(&mut self, curvature: &mut Curvature) -> f64 {
        curvature.direction(&self.origin.gradient, &mut self.direction);
        self.tried = None;
        dot(&self.direction, &self.origin.gradient)
    }

    /// Goes to `x + step·d`, from which the next ray starts.
    pub fn advance(&mut self, step: f64, curvature: &mut Curvature) -> Result<(), Error> {
        self.at(step)?;
        curvature.update(&self.origin, &self.trial);
        std::mem::swap(&mut self.origin, &mut self.trial);
        self.tried = None;
        Ok(())
    }

    /// `φ(step)` and `φ'(step)`. argmin asks for them apart; one evaluation gives both.
    fn at(&mut self, step: f64) -> Result<(f64, f64), Error> {
        if let Some((_, slope)) = self.tried.filter(|(tried, _)| *tried == step) {
            return Ok((self.trial.value, slope));
        }
        self.tried = None;
        let line = self.origin.position.iter().zip(&self.direction);
        self.trial.position.iter_mut().zip(line).for_each(|(entry, (x, d))| *entry = x + step * d);
        unflatten(&self.trial.position, self.length, self.factor.as_mut());
        (self.function)(self.factor.as_ref(), &mut self.objective)?;
        self.trial.value = self.objective.value / self.value;
        flatten(self.objective.gradient.as_ref(), self.length / self.value, &mut self.trial.gradient);
        let slope = dot(&self.direction, &self.trial.gradient);
        if !(self.trial.value.is_finite() && slope.is_finite()) {
            return Err(NO_NUMBER);
        }
        if self.objective.value < self.best_value {
            self.best_value = self.objective.value;
            self.best.copy_from(&self.factor);
        }
        self.tried = Some((step, slope));
        Ok((self.trial.value, slope))
    }
}

/// argmin's Moré–Thuente line search for the strong Wolfe conditions. Along a ray its vectors are numbers: the point is `t`, the direction 1,
/// the gradient `φ'(t)`; so it allocates nothing.
pub(super) struct Search<'r, 'a, 'f> {
    /// Each search starts with a copy.
    fresh: MoreThuenteLineSearch<f64, f64, f64>,
    /// Kept, for its table of evaluation counts.
    problem: Problem<Along<'r, 'a, 'f>>,
}

struct Along<'r, 'a, 'f>(&'r RefCell<Ray<'a, 'f>>);

impl<'r, 'a, 'f> Search<'r, 'a, 'f> {
    pub fn new(ray: &'r RefCell<Ray<'a, 'f>>) -> Self {
        let mut fresh = MoreThuenteLineSearch::new();
        fresh.search_direction(1.0);
        Self { fresh, problem: Problem::new(Along(ray)) }
    }

    /// The step `t` that the search ends at from `φ(0)` and `φ'(0)`; where rounding hides all gain it may be 0 or gain nothing. `None` where the ray
    /// does not descend, `φ` fails or is no number, or the search does not end.
    pub fn step(&mut self, value: f64, slope: f64) -> Option<f64> {
        // argmin refuses a slope that is not negative, but not one that is no number.
        if slope.is_nan() {
            return None;
        }
        let mut search = self.fresh.clone();
        let state = IterState::new().param(0.0).cost(value).gradient(slope);
        let (mut state, _) = search.init(&mut self.problem, state).ok()?;
        for _ in 0..MOST_TRIALS {
            (state, _) = search.next_iter(&mut self.problem, state).ok()?;
            if state.terminated() {
                return state.take_param();
            }
        }
        None
    }
}

impl CostFunction for Along<'_, '_, '_> {
    type Param = f64;
    type Output = f64;

    fn cost(&self, step: &f64) -> Result<f64, argmin::core::Error> {
        Ok(self.0.borrow_mut().at(*step)?.0)
    }
}

impl Gradient for Along<'_, '_, '_> {
    type Param = f64;
    type Gradient = f64;

    fn gradient(&self, step: &f64) -> Result<f64, argmin::core::Error> {
        Ok(self.0.borrow_mut().at(*step)?.1)
    }
}

/// Writes `scale·matrix`.
fn flatten(matrix: MatRef<'_, c64>, scale: f64, flat: &mut [f64]) {
    let entries = matrix.col_iter().flat_map(|column| column.iter());
    for (numbers, entry) in flat.chunks_exact_mut(2).zip(entries) {
        numbers.copy_from_slice(&[entry.re * scale, entry.im * scale]);
    }
}

/// Writes `scale·flat`.
fn unflatten(flat: &[f64], scale: f64, matrix: MatMut<'_, c64>) {
    let mut numbers = flat.chunks_exact(2);
    for column in matrix.col_iter_mut() {
        for (entry, number) in column.iter_mut().zip(&mut numbers) {
            *entry = c64::new(number[0] * scale, number[1] * scale);
        }
    }
}
