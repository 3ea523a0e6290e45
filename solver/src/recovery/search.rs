//! The search among starts that `design` and its siblings make, for problems in their own units.

use super::randomization::Directions;
use super::{Design, DesignOptions, Method, Refined, design_zero_forcing, dominant_subspace, refine};
use crate::error::Error;
use crate::problem::Problem;
use crate::transceiver::Transceiver;
use crate::{baseline, descent, mismatch, parallel};
use faer::{Mat, MatRef, c64};

/// A refined transceiver of a larger stationarity stopped at a wall of `F`, not at a stationary point.
const STATIONARY: f64 = 1e-2;
/// Where the best rough MSE is at most this part of silence, zero forcing is searched too.
const FAR_ABOVE_NOISE: f64 = 0.02;
/// Where it is at most this part, that search takes the finalists' place.
const ALL_BUT_FORCED: f64 = 1e-3;

/// A transceiver that was found, and how.
pub(super) struct Found {
    method: Method,
    transceiver: Transceiver,
    mse: f64,
    /// `None` where it was not refined.
    stationarity: Option<f64>,
    iterations: usize,
    converged: bool,
}

impl Found {
    pub fn refined(method: Method, refined: Refined) -> Self {
        let Refined { transceiver, mse, stationarity, iterations, converged } = refined;
        Self { method, transceiver, mse, stationarity: Some(stationarity), iterations, converged }
    }

    /// `None` where its error is not a number.
    fn as_it_is(problem: &Problem, method: Method, transceiver: Transceiver) -> Option<Self> {
        let mse = transceiver.mean_squared_error(problem).ok()?.total();
        Some(Self { method, transceiver, mse, stationarity: None, iterations: 0, converged: false })
    }

    fn is_stationary(&self) -> bool {
        self.converged && self.stationarity.is_some_and(|stationarity| stationarity <= STATIONARY)
    }
}

/// Steps 2 to 4 of [`design`](super::design()), from the weights that directions are drawn with.
pub(super) fn search(
    problem: &Problem,
    weights: &[Mat<c64>],
    bound: f64,
    options: &DesignOptions,
) -> Result<Design, Error> {
    if let Some(optimum) = closed_form(problem) {
        return finish(problem, vec![optimum], Some(bound), 0);
    }
    let starts = Starts { problem, weights, options };
    let ranked_starts = ranked(starts.count(), |index| {
        let (method, direction) = starts.get(index)?;
        Ok((mismatch::best_value(problem, direction.as_ref())?, (method, direction)))
    })?;
    let rough = ranked(options.starts.min(ranked_starts.len()), |index| {
        let (method, direction) = &ranked_starts[index];
        let descent = descent::minimize(problem, direction.as_ref(), options.rough.stop())?;
        Ok((descent.value, (*method, descent)))
    })?;
    let level = rough.first().map_or(1.0, |(_, best)| best.value / problem.silence());
    let forced = if level <= FAR_ABOVE_NOISE { zero_forced(problem, options) } else { None };

    let mut finalists: Vec<(Method, MatRef<'_, c64>)> = Vec::new();
    if forced.is_none() || level > ALL_BUT_FORCED {
        let best = rough.iter().take(options.finalists);
        finalists.extend(best.map(|(method, rough)| (*method, rough.factor.as_ref())));
    }
    let dominant = ranked_starts.iter().find(|(method, _)| *method == Method::DominantSubspace);
    let is_in = |method: &Method| finalists.iter().any(|(finalist, _)| finalist == method);
    if let Some((method, start)) = dominant.filter(|(method, _)| level <= FAR_ABOVE_NOISE && !is_in(method)) {
        finalists.push((*method, start.as_ref()));
    }
    let equal_power = baseline::equal_power(problem).ok();
    let uneven = equal_power.as_ref().filter(|_| !problem.serves_all_streams());
    finalists.extend(uneven.map(|equal| (Method::EqualPower, equal.aggregator())));

    let refined = ranked(finalists.len(), |index| {
        let (method, start) = finalists[index];
        let refined = refine(problem, start, &options.refinement)?;
        Ok((refined.mse, Found::refined(method, refined)))
    });
    let mut found = if forced.is_some() { refined.unwrap_or_default() } else { refined? };
    let walled = level > FAR_ABOVE_NOISE && !found.first().is_some_and(Found::is_stationary);
    let forced = if walled { zero_forced(problem, options) } else { forced };
    found.extend(forced.into_iter().flatten());
    let silence = Transceiver::silent(problem);
    let simple = [(Method::EqualPower, equal_power), (Method::Silence, Some(silence))];
    found.extend(simple.into_iter().filter_map(|(method, simple)| Found::as_it_is(problem, method, simple?)));
    finish(problem, found, Some(bound), rough.iter().map(|(_, rough)| rough.iterations).sum())
}

/// The optimum, where it is known.
fn closed_form(problem: &Problem) -> Option<Found> {
    let one_device = baseline::single_device(problem).ok().map(|optimum| (Method::SingleDevice, optimum));
    let scalar = || Some((Method::ScalarPowerControl, baseline::scalar_power_control(problem).ok()?));
    let (method, optimum) = one_device.or_else(scalar)?;
    Found::as_it_is(problem, method, optimum)
}

/// The best zero-forcing transceiver, refined and as it is; `None` where there is none.
fn zero_forced(problem: &Problem, options: &DesignOptions) -> Option<Vec<Found>> {
    let Design { transceiver, iterations, .. } = design_zero_forcing(problem, options).ok()?;
    let refined = refine(problem, transceiver.aggregator(), &options.refinement).ok()?;
    let refined = Refined { iterations: iterations + refined.iterations, ..refined };
    let mut found = vec![Found::refined(Method::ZeroForcing, refined)];
    found.extend(Found::as_it_is(problem, Method::ZeroForcing, transceiver));
    Some(found)
}

/// Where a search may start.
pub(super) struct Starts<'a> {
    pub problem: &'a Problem,
    /// Directions are drawn with one after the other in turn.
    pub weights: &'a [Mat<c64>],
    pub options: &'a DesignOptions,
}

impl Starts<'_> {
    pub fn count(&self) -> usize {
        self.options.candidates + 1
    }

    /// The dominant subspace is the first.
    pub fn get(&self, index: usize) -> Result<(Method, Mat<c64>), Error> {
        let weight = |turn: usize| self.weights[turn % self.weights.len()].as_ref();
        let Some(draw) = index.checked_sub(1) else {
            return Ok((Method::DominantSubspace, dominant_subspace(self.problem, weight(0))?));
        };
        let directions =
            Directions { weight: weight(draw), streams: self.problem.streams(), seed: self.options.seed };
        Ok((Method::Randomization { draw }, directions.draw(draw)))
    }
}

/// What `evaluate` makes of `0, …, count − 1`, by the values that it gives, the least first; of equals the first. Those that fail
/// are left out; where all do, the first failure.
pub(super) fn ranked<T: Send>(
    count: usize,
    evaluate: impl Fn(usize) -> Result<(f64, T), Error> + Send + Sync,
) -> Result<Vec<T>, Error> {
    let mut results = Vec::with_capacity(count);
    let mut failure = None;
    for result in parallel::map(count, evaluate) {
        match result {
            Ok((value, result)) => results.push((if value.is_nan() { f64::INFINITY } else { value }, result)),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if let (true, Some(error)) = (results.is_empty(), failure) {
        return Err(error);
    }
    results.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// A design of the best that was found, of equals the first, where `iterations` is what came before.
pub(super) fn finish(
    problem: &Problem,
    found: Vec<Found>,
    bound: Option<f64>,
    iterations: usize,
) -> Result<Design, Error> {
    let iterations = iterations + found.iter().map(|found| found.iterations).sum::<usize>();
    let best = found.into_iter().min_by(|a, b| a.mse.total_cmp(&b.mse));
    let Found { method, transceiver, mse, stationarity, .. } =
        best.ok_or(Error::Numerical { operation: "the choice of a start" })?;
    let stationarity = match stationarity {
        Some(stationarity) => stationarity,
        None => mismatch::stationarity_at(problem, transceiver.aggregator())?,
    };
    Ok(Design { transceiver, mse, method, bound, stationarity, iterations })
}
