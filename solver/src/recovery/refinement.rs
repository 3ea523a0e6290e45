//! Local refinement of P_s.

use super::scaled_zero_forcing;
use crate::descent::{self, Descent, Stop};
use crate::error::Error;
use crate::mismatch;
use crate::problem::{Problem, Units};
use crate::transceiver::{Transceiver, power_limited, require_aggregator, zero_forcing};
use faer::{MatRef, c64};

/// Iterations after which a descent that is still under way is taken for one that power limits hold up.
const FIRST_DESCENT: u64 = 200;

/// When refinement stops.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct Refinement {
    /// Relative decrease of the MSE in one iteration below which it stops. Default: `1e-12`. Valid: 0 to 1, 1 excluded.
    pub decrease: f64,
    /// Most iterations, over all descents. Default: 4000. Valid: at least 1.
    pub max_iterations: u64,
}

impl Default for Refinement {
    fn default() -> Self {
        Self { decrease: 1e-12, max_iterations: 4000 }
    }
}

impl Refinement {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if !(0.0..1.0).contains(&self.decrease) {
            return Err(Error::InvalidOption {
                option: "decrease",
                value: self.decrease,
                valid: "at least 0 and below 1",
            });
        }
        if self.max_iterations == 0 {
            return Err(Error::InvalidOption { option: "max_iterations", value: 0.0, valid: "at least 1" });
        }
        Ok(())
    }

    pub(crate) fn stop(&self) -> Stop {
        Stop { decrease: self.decrease, iterations: self.max_iterations }
    }
}

/// A refined transceiver.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::Refined")
)]
pub struct Refined {
    /// The transceiver, within every power limit.
    pub transceiver: Transceiver,
    /// Its MSE (7).
    pub mse: f64,
    /// `‖∇F‖ ‖A‖ / F` at the end: 0 at a stationary point of P_s; infinite where `F` has no gradient and some step lowers it, as at `A = 0`
    /// while some channel is open. Of zero forcing: [`refine_zero_forcing`](super::refine_zero_forcing).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::document::records::infinity_as_null"))]
    pub stationarity: f64,
    /// Iterations taken, over all descents.
    pub iterations: usize,
    /// Whether nothing was left to gain: an iteration lowered the MSE by no more than `decrease`, relatively, and so did, where `stationarity` was above
    /// `100 √decrease`, one along the gradient alone. It is `false` for want of iterations or of a gradient.
    pub converged: bool,
}

impl Refined {
    /// In the units of the problem itself.
    pub(super) fn restored(self, units: &Units) -> Result<Self, Error> {
        let mse = units.restore_error(self.mse)?;
        Ok(Self { transceiver: units.restore_transceiver(self.transceiver), mse, ..self })
    }
}

/// Local refinement of P_s from a starting aggregator: minimizes `F(A) = Σ v_n φ_n(H_n^H A A^H H_n) + σ² ‖A‖_F²` over
/// `A ∈ C^{R×L}` by L-BFGS, then takes the power-limited precoders. The result is never worse than the start with its own
/// best precoders or with zero forcing, to the last bit. For the descent the scale of the start does not matter; one at an end of the floating-point range
/// stands for its direction throughout.
///
/// `A = 0` has no direction: the result is silence, an MSE of `Σ v_n L_n`, and where some channel is open neither stationary nor converged.
///
/// Far above the noise, `F` is a stiff penalty on mismatch. Where the descent takes more than 200 iterations there, it is done again by
/// continuation, from a tenth of the noise at which mismatch and noise weigh the same (where the start has no zero forcing, from the noise at the level of
/// the strongest received signal) down to `σ²` in steps of 10 dB; every stage's
/// aggregator is also tried with zero forcing, and the least MSE wins.
///
/// # Errors
/// [`Error::InvalidOption`]; [`Error::Shape`], [`Error::NonFiniteEntry`] if `start` is not a finite `R×L` matrix;
/// [`Error::Numerical`]; [`Error::PowerExceeded`] as [`power_limited`].
pub fn refine(problem: &Problem, start: MatRef<'_, c64>, options: &Refinement) -> Result<Refined, Error> {
    options.validate()?;
    require_aggregator(problem, start)?;
    let (own, units) = problem.in_own_units();
    let (problem, start) = (own.as_ref(), units.aggregator(start));
    let start = start.as_ref();
    let mut best = Candidate::new(problem, power_limited(problem, start)?)?;
    best.improve(problem, zero_forcing(problem, start))?;
    let mut left = options.max_iterations;
    let mut descend = |problem: &Problem, start: MatRef<'_, c64>, share: u64| -> Result<Descent, Error> {
        let descent =
            descent::minimize(problem, start, Stop { iterations: left.min(share), ..options.stop() })?;
        left -= descent.iterations as u64;
        Ok(descent)
    };
    let first = descend(problem, start, FIRST_DESCENT)?;
    best.improve(problem, power_limited(problem, first.factor.as_ref()))?;
    let mut converged = first.converged;
    if !converged {
        let stages = descent::continuation(problem, start)?;
        let share = options.max_iterations / (stages.len() as u64 + 1);
        let mut factor = if stages.is_empty() { first.factor } else { start.to_owned() };
        for noise_power in stages {
            factor = descend(&problem.with_noise_power(noise_power), factor.as_ref(), share)?.factor;
            best.improve(problem, power_limited(problem, factor.as_ref()))?;
            best.improve(problem, scaled_zero_forcing(problem, factor.as_ref()))?;
        }
        let last = descend(problem, factor.as_ref(), u64::MAX)?;
        let ended_there = best.improve(problem, power_limited(problem, last.factor.as_ref()))?;
        converged = last.converged;
        if best.improve(problem, scaled_zero_forcing(problem, last.factor.as_ref()))? || !ended_there {
            // The least MSE is where no descent ended.
            let again = descend(problem, best.transceiver.aggregator(), u64::MAX)?;
            best.improve(problem, power_limited(problem, again.factor.as_ref()))?;
            converged = again.converged;
        }
    }
    let iterations = (options.max_iterations - left) as usize;
    let stationarity = mismatch::stationarity_at(problem, best.transceiver.aggregator())?;
    converged &= stationarity.is_finite();
    let Candidate { transceiver, mse } = best;
    Refined { transceiver, mse, stationarity, iterations, converged }.restored(&units)
}

/// The best transceiver so far.
struct Candidate {
    transceiver: Transceiver,
    mse: f64,
}

impl Candidate {
    fn new(problem: &Problem, transceiver: Transceiver) -> Result<Self, Error> {
        let mse = transceiver.mean_squared_error(problem)?.total();
        Ok(Self { transceiver, mse })
    }

    /// Takes another transceiver if it is better, and says so. One that could not be designed is no better.
    fn improve(&mut self, problem: &Problem, other: Result<Transceiver, Error>) -> Result<bool, Error> {
        let Ok(other) = other else { return Ok(false) };
        let other = Self::new(problem, other)?;
        let better = other.mse < self.mse;
        if better {
            *self = other;
        }
        Ok(better)
    }
}
