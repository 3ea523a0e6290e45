//! One call from a problem to a transceiver and the certificate of how good it is.

use super::randomization::Directions;
use super::{Refined, Refinement, design_zero_forcing, dominant_subspace, refine};
use crate::error::Error;
use crate::linalg::{hermitian_part, power_of_two, rescaled, unit_of};
use crate::problem::Problem;
use crate::relaxation::{self, Relaxation, Solver};
use crate::transceiver::Transceiver;
use crate::{baseline, descent, mismatch, parallel};
use faer::{Mat, MatRef, c64};

/// Powers of two up to this, and their inverses, leave room for products.
const FAMILIAR_EXPONENT: f64 = 200.0;
/// A refined transceiver of a larger stationarity stopped at a wall of `F`, not at a stationary point.
const STATIONARY: f64 = 1e-2;
/// Most candidates: each is kept as a matrix until all are ranked.
const MOST_CANDIDATES: usize = 1_000_000;

/// How hard [`design`] searches, and when a [`Designer`](super::Designer) does.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct DesignOptions {
    /// How the relaxation is solved, `mmse` or, for zero forcing, `trace_inverse`. Default: relative gap `1e-3`, which a gap of percents needs.
    pub relaxation: relaxation::Options,
    /// Random directions `X Ξ` drawn from the relaxation's `X`, beside its dominant subspace. Default: 40. Valid: 0 to 1,000,000.
    pub candidates: usize,
    /// How many of all directions, those of least MSE or `α`, are refined roughly. Default: 10. Valid: at least 1.
    pub starts: usize,
    /// How many of the roughly refined, those of least MSE or `α`, are refined to the end. Default: 3. Valid: at least 1.
    pub finalists: usize,
    /// Where the rough refinement of each start stops. Default: decrease `3e-3`, at most 100 iterations.
    pub rough: Refinement,
    /// Where the refinement of the finalists stops. Default: decrease `1e-8`, at most 1000 iterations.
    pub refinement: Refinement,
    /// Seed of the random directions. Default: 0.
    pub seed: u64,
    /// A [`Designer`](super::Designer) searches again where `mse/bound` is above the least since its last search by more than this fraction.
    /// Default: 0.03. Valid: at least 0, and finite.
    pub drift: f64,
}

impl Default for DesignOptions {
    fn default() -> Self {
        Self {
            relaxation: relaxation::Options { relative_gap: 1e-3, ..Default::default() },
            candidates: 40,
            starts: 10,
            finalists: 3,
            rough: Refinement { decrease: 3e-3, max_iterations: 100 },
            refinement: Refinement { decrease: 1e-8, ..Default::default() },
            seed: 0,
            drift: 0.03,
        }
    }
}

impl DesignOptions {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if !(self.drift >= 0.0 && self.drift.is_finite()) {
            let valid = "at least 0 and finite";
            return Err(Error::InvalidOption { option: "drift", value: self.drift, valid });
        }
        for (option, number) in [("starts", self.starts), ("finalists", self.finalists)] {
            if number == 0 {
                return Err(Error::InvalidOption { option, value: 0.0, valid: "at least 1" });
            }
        }
        if self.candidates > MOST_CANDIDATES {
            let value = self.candidates as f64;
            return Err(Error::InvalidOption { option: "candidates", value, valid: "0 to 1,000,000" });
        }
        self.rough.validate()?;
        self.refinement.validate()
    }
}

/// Where a designed transceiver was refined from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
#[non_exhaustive]
pub enum Method {
    /// The dominant subspace of the relaxation's `X`.
    DominantSubspace,
    /// A random direction from the relaxation's `X`.
    Randomization {
        /// The index of the draw.
        draw: usize,
    },
    /// The aggregator of the last problem ([`Designer`](super::Designer)).
    Last,
    /// The zero-forcing transceiver of [`design_zero_forcing`](super::design_zero_forcing).
    ZeroForcing,
    /// None: the optimum of one device, [`baseline::single_device`].
    SingleDevice,
}

/// A designed transceiver with its certificate.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::Design")
)]
pub struct Design {
    /// The transceiver, within every power limit.
    pub transceiver: Transceiver,
    /// Its MSE (7), computed from `transceiver` and the problem's data alone.
    pub mse: f64,
    /// Where it was refined from.
    pub method: Method,
    /// A lower bound on the MSE of every transceiver within the power limits; from [`design_zero_forcing`](super::design_zero_forcing) of every zero-forcing one,
    /// if there is such a bound.
    pub bound: Option<f64>,
    /// `‖∇F‖ ‖A‖ / F`: 0 at a stationary point of P_s, or for zero forcing what [`refine_zero_forcing`](super::refine_zero_forcing) calls stationarity.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::document::records::infinity_as_null"))]
    pub stationarity: f64,
    /// Iterations of all refinements.
    pub iterations: usize,
}

impl Design {
    /// `mse/bound − 1`: no transceiver that `bound` is a bound for can be better by more than this fraction of its own MSE.
    pub fn gap(&self) -> Option<f64> {
        self.bound.map(|bound| self.mse / bound - 1.0)
    }
}

/// The best transceiver that the recoveries find, with a lower bound for every transceiver.
///
/// 1. The `mmse` relaxation is solved; it gives `X` and, with [`baseline::single_device_bound`], the bound ([`lower_bound`]).
/// 2. Starts are the [`dominant_subspace`] of `X`, exact where `rank X ≤ L`, and random directions `X Ξ`, ranked by
///    `F(t A)` at the best `t`. (Descents from `X Ξ` end lower than from the `X^{1/2} Ξ` of
///    [`gaussian_randomization`](super::gaussian_randomization).)
/// 3. The best `starts` are refined roughly, by descent on `F` alone; of those the best `finalists` to the end ([`refine`]).
/// 4. Where the best of them has not converged or is not stationary to `1e-2` ([`Refined`]), as happens far above the noise, the transceiver of
///    [`design_zero_forcing`](super::design_zero_forcing) is refined too, or with one device [`baseline::single_device`] taken: the result is no worse than
///    these.
///
/// At most `Σ v_n L_n`, the MSE of silence. One seed gives one result, on any number of threads.
///
/// # Errors
/// [`Error::InvalidOption`], [`Error::TooManyUnknowns`], [`Error::Numerical`]. A relaxation that is not solved to its gap, or not at all, is none: the bound holds,
/// and the random directions are drawn from `Σ q_n H_n H_n^H` instead, `q_n = p_n/v_n`.
pub fn design(problem: &Problem, options: &DesignOptions) -> Result<Design, Error> {
    options.validate()?;
    let (relaxed, bound) = relax(problem, &mut Solver::new(Relaxation::Mmse, options.relaxation)?)?;
    search(problem, relaxed.as_ref(), bound, options)
}

/// Steps 2 to 4 of [`design`].
pub(super) fn search(
    problem: &Problem,
    relaxed: MatRef<'_, c64>,
    bound: f64,
    options: &DesignOptions,
) -> Result<Design, Error> {
    let starts = Starts::new(problem, relaxed, options);
    let ranked_starts = ranked(starts.count(), |index| {
        let (method, direction) = starts.get(index)?;
        Ok((mismatch::best_value(problem, direction.as_ref())?, (method, direction)))
    })?;
    let rough = ranked(options.starts.min(ranked_starts.len()), |index| {
        let (method, direction) = &ranked_starts[index];
        let descent = descent::minimize(problem, direction.as_ref(), options.rough.stop())?;
        Ok((descent.value, (*method, descent)))
    })?;
    let mut refined = ranked(options.finalists.min(rough.len()), |index| {
        let (method, rough) = &rough[index];
        let refined = refine(problem, rough.factor.as_ref(), &options.refinement)?;
        Ok((refined.mse, (*method, refined)))
    })?;
    let stationary = |refined: &Refined| refined.converged && refined.stationarity <= STATIONARY;
    if !refined.first().is_some_and(|(_, refined)| stationary(refined)) {
        refined.extend(walled(problem, options));
        refined.sort_by(|(_, a), (_, b)| a.mse.total_cmp(&b.mse));
    }
    let iterations = rough.iter().map(|(_, rough)| rough.iterations).sum();
    finish(refined, Some(bound), iterations)
}

/// Step 4 of [`design`]: the optimum of one device, else the best zero-forcing transceiver, refined. `None` where there is none.
fn walled(problem: &Problem, options: &DesignOptions) -> Option<(Method, Refined)> {
    if let Ok(transceiver) = baseline::single_device(problem) {
        let mse = transceiver.mean_squared_error(problem).ok()?.total();
        let stationarity = mismatch::stationarity_at(problem, transceiver.aggregator()).ok()?;
        let refined = Refined { transceiver, mse, stationarity, iterations: 0, converged: true };
        return Some((Method::SingleDevice, refined));
    }
    let forced = design_zero_forcing(problem, options).ok()?;
    let refined = refine(problem, forced.transceiver.aggregator(), &options.refinement).ok()?;
    let iterations = forced.iterations + refined.iterations;
    Some((Method::ZeroForcing, Refined { iterations, ..refined }))
}

/// A lower bound on the MSE of every transceiver within the power limits: the larger of [`baseline::single_device_bound`] and the
/// `mmse` relaxation's certified value less `Σ v_n (T_n − L_n)`, which the relaxation pays for antennas without a stream (theory, section 3).
/// Tight within percents where `T_n = L`, weak elsewhere.
///
/// Where device `n` serves `L_n` of the `L` streams: filled up with zeros to `L` columns, its precoder leaves `‖A^H H_n B_n − E_n‖² + L − L_n` of
/// `I_L`, and the relaxation's identity, `T_n×T_n`, has `T_n − L` more directions that `A A^H` cannot reach, so that the relaxed term is at most
/// `‖A^H H_n B_n − E_n‖² + T_n − L_n`.
///
/// # Errors
/// [`Error::InvalidOption`], [`Error::TooManyUnknowns`], [`Error::Numerical`]. A gap above `options.relative_gap` is no error, nor is a relaxation that rounding
/// leaves unsolved: the bound holds.
pub fn lower_bound(problem: &Problem, options: &relaxation::Options) -> Result<f64, Error> {
    relax(problem, &mut Solver::new(Relaxation::Mmse, *options)?).map(|(_, bound)| bound)
}

/// The matrix to draw directions from, and [`lower_bound`], from a solver of the `mmse` relaxation.
pub(super) fn relax(problem: &Problem, solver: &mut Solver) -> Result<(Mat<c64>, f64), Error> {
    let (relaxed, value) = match solver.solve(problem) {
        Ok(solution) => (solution.primal.clone(), solution.certificate.lower),
        Err(Error::NotConverged { lower, .. }) => (matched_covariance(problem), lower),
        Err(Error::Numerical { .. }) => (matched_covariance(problem), 0.0),
        Err(error) => return Err(error),
    };
    let unused = |(device, channel): (usize, &Mat<c64>)| {
        let antennas = channel.ncols() - problem.device_streams()[device].len();
        problem.signal_variance()[device] * antennas as f64
    };
    let offset: f64 = problem.channels().iter().enumerate().map(unused).sum();
    Ok((relaxed, baseline::single_device_bound(problem)?.max(value - offset)))
}

/// `Σ q_n H_n H_n^H`; where it is near an end of the floating-point range, divided by a power of two near its largest term.
pub(super) fn matched_covariance(problem: &Problem) -> Mat<c64> {
    // Each `q_n` times the square of a channel's unit, as a number and a power of two.
    let weight = |(device, channel): (usize, &Mat<c64>)| {
        let [power, variance] =
            [problem.transmit_power(), problem.signal_variance()].map(|list| list[device]);
        let [power_unit, variance_unit] = [power, variance].map(power_of_two);
        let exponent = power_unit.log2() - variance_unit.log2() + 2.0 * unit_of(channel.as_ref()).log2();
        ((power / power_unit) / (variance / variance_unit), exponent)
    };
    let weights: Vec<(f64, f64)> = problem.channels().iter().enumerate().map(weight).collect();
    let largest = weights.iter().map(|&(_, exponent)| exponent).fold(f64::NEG_INFINITY, f64::max);
    let shift = if largest.abs() <= FAMILIAR_EXPONENT { 0.0 } else { largest };
    let side = problem.receive_antennas();
    let mut sum = Mat::<c64>::zeros(side, side);
    for (channel, (number, exponent)) in problem.channels().iter().zip(weights) {
        let channel = rescaled(channel.as_ref());
        let weight = number * (exponent - shift).exp2();
        sum += super::scaled((&channel * channel.adjoint()).as_ref(), weight);
    }
    hermitian_part(sum.as_ref())
}

/// Where a search may start.
pub(super) struct Starts<'a> {
    problem: &'a Problem,
    relaxed: MatRef<'a, c64>,
    directions: Directions<'a>,
    count: usize,
}

impl<'a> Starts<'a> {
    pub fn new(problem: &'a Problem, relaxed: MatRef<'a, c64>, options: &DesignOptions) -> Self {
        let directions = Directions { weight: relaxed, streams: problem.streams(), seed: options.seed };
        Self { problem, relaxed, directions, count: options.candidates + 1 }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// The dominant subspace is the first.
    pub fn get(&self, index: usize) -> Result<(Method, Mat<c64>), Error> {
        match index.checked_sub(1) {
            None => Ok((Method::DominantSubspace, dominant_subspace(self.problem, self.relaxed)?)),
            Some(draw) => Ok((Method::Randomization { draw }, self.directions.draw(draw))),
        }
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

/// A design of the first of the refined, where `iterations` is what came before.
pub(super) fn finish(
    refined: Vec<(Method, Refined)>,
    bound: Option<f64>,
    iterations: usize,
) -> Result<Design, Error> {
    let iterations = iterations + refined.iter().map(|(_, refined)| refined.iterations).sum::<usize>();
    let best = refined.into_iter().next().ok_or(Error::Numerical { operation: "the choice of a start" });
    best.map(|(method, refined)| Design {
        transceiver: refined.transceiver,
        mse: refined.mse,
        method,
        bound,
        stationarity: refined.stationarity,
        iterations,
    })
}
