//! From a relaxation back to a transceiver (theory, section 4).

use crate::channel::Fading;
use crate::descent::{self, Stop};
use crate::error::Error;
use crate::linalg::{Spectrum, squared_norm};
use crate::mismatch;
use crate::problem::Problem;
use crate::transceiver::{Transceiver, power_limited, zero_forcing};
use faer::{Mat, MatRef, c64};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// How many times Gaussian randomization draws, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct Randomization {
    /// Draws `T`. Default: 100, the papers' number. Valid: at least 1.
    pub draws: usize,
    /// Seed; draw `t` depends on the seed and on `t` alone. Default: 0.
    pub seed: u64,
}

impl Default for Randomization {
    fn default() -> Self {
        Self { draws: 100, seed: 0 }
    }
}

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
    /// Most iterations. Default: 1000. Valid: at least 1.
    pub max_iterations: u64,
}

impl Default for Refinement {
    fn default() -> Self {
        Self { decrease: 1e-12, max_iterations: 1000 }
    }
}

/// A refined transceiver.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Refined {
    /// The transceiver, within every power limit.
    pub transceiver: Transceiver,
    /// Its MSE (7).
    pub mse: f64,
    /// `‖∇F‖ ‖A‖ / F` at the end: 0 at a stationary point of P_s.
    pub stationarity: f64,
    /// Iterations taken, over all descents; of a descent whose line search failed, the evaluations of `F`.
    pub iterations: usize,
    /// Whether the last descent stopped because nothing was left to gain, not for want of iterations.
    pub converged: bool,
}

/// Gaussian randomization (\[D\]; \[A\], section III) with zero forcing: draws `G = X^{1/2} Ξ`, `Ξ ∈ C^{R×L}` i.i.d.
/// circular complex normal, scales each by the *true* power constraint to
/// `α = ‖G‖_F² max_n v_n tr((G^H H_n H_n^H G)^{-1})/p_n`, and keeps the least `α`.
///
/// # Errors
/// [`Error::InvalidOption`] without draws; [`Error::Shape`], [`Error::NonFiniteEntry`] if `relaxed` is not a finite `R×R`
/// matrix; [`Error::RankDeficient`] (via [`zero_forcing`]) if no draw has full rank through every channel.
pub fn gaussian_randomization(
    problem: &Problem,
    relaxed: MatRef<'_, c64>,
    options: &Randomization,
) -> Result<Transceiver, Error> {
    if options.draws == 0 {
        return Err(Error::InvalidOption { option: "draws", value: 0.0, valid: "at least 1" });
    }
    let side = problem.receive_antennas();
    crate::linalg::require_matrix(relaxed, (side, side), crate::Quantity::PrimalMatrix, 0)?;
    let root = Spectrum::of(relaxed)?.map(|value| value.max(0.0).sqrt());
    let mut best: Option<(f64, Mat<c64>)> = None;
    for draw in 0..options.draws as u64 {
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        rng.set_stream(draw);
        let direction = &root * Fading::RAYLEIGH.sample(side, problem.streams(), &mut rng);
        let scale = mismatch::zero_forcing_scale(problem, direction.as_ref())?;
        let alpha = scale * squared_norm(direction.as_ref());
        if alpha.is_finite() && best.as_ref().is_none_or(|(least, _)| alpha < *least) {
            best = Some((alpha, scaled(direction.as_ref(), scale.sqrt())));
        }
    }
    match best {
        Some((_, aggregator)) => zero_forcing(problem, aggregator.as_ref()),
        // No draw had full rank: let zero forcing say which device is to blame.
        None => zero_forcing(problem, root.as_ref().subcols(0, problem.streams())),
    }
}

/// The zero-forcing transceiver in the direction of `aggregator`, scaled to the least `α` that every power limit allows.
///
/// # Errors
/// As [`zero_forcing`], except that power is never exceeded.
pub fn scaled_zero_forcing(problem: &Problem, aggregator: MatRef<'_, c64>) -> Result<Transceiver, Error> {
    crate::linalg::require_matrix(
        aggregator,
        (problem.receive_antennas(), problem.streams()),
        crate::Quantity::Aggregator,
        0,
    )?;
    let scale = mismatch::zero_forcing_scale(problem, aggregator)?;
    let scale = if scale.is_finite() { scale.sqrt() } else { 1.0 };
    zero_forcing(problem, scaled(aggregator, scale).as_ref())
}

/// Local refinement of P_s from a starting aggregator: minimizes `F(A) = Σ v_n φ_n(H_n^H A A^H H_n) + σ² ‖A‖_F²` over
/// `A ∈ C^{R×L}` by L-BFGS, then takes the power-limited precoders. The result is never worse than the start with its own
/// best precoders or with zero forcing, to the last bit.
///
/// Far above the noise, `F` is a stiff penalty on mismatch and the descent may run out of iterations. Then it is done again by
/// continuation, from a tenth of the noise at which mismatch and noise weigh the same down to `σ²` in steps of 10 dB; every stage's
/// aggregator is also tried with zero forcing, and the least MSE wins.
///
/// # Errors
/// [`Error::InvalidOption`]; [`Error::Shape`], [`Error::NonFiniteEntry`] if `start` is not a finite `R×L` matrix;
/// [`Error::Numerical`].
pub fn refine(problem: &Problem, start: MatRef<'_, c64>, options: &Refinement) -> Result<Refined, Error> {
    if !(0.0..1.0).contains(&options.decrease) {
        return Err(Error::InvalidOption {
            option: "decrease",
            value: options.decrease,
            valid: "at least 0 and below 1",
        });
    }
    if options.max_iterations == 0 {
        return Err(Error::InvalidOption { option: "max_iterations", value: 0.0, valid: "at least 1" });
    }
    crate::linalg::require_matrix(
        start,
        (problem.receive_antennas(), problem.streams()),
        crate::Quantity::Aggregator,
        0,
    )?;
    let stop = Stop { gradient: 0.0, decrease: options.decrease, iterations: options.max_iterations };
    let descent = descent::minimize(problem, start, stop)?;
    let mut best = Candidate::new(problem, power_limited(problem, start)?)?;
    best.improve(problem, zero_forcing(problem, start))?;
    best.improve(problem, power_limited(problem, descent.factor.as_ref()))?;
    let (mut iterations, mut converged) = (descent.iterations, descent.converged);
    if !converged {
        let mut factor = start.to_owned();
        for noise_power in descent::continuation(problem, start)? {
            let eased = problem.with_noise_power(noise_power);
            let descent = descent::minimize(&eased, factor.as_ref(), stop)?;
            factor = descent.factor;
            (iterations, converged) = (iterations + descent.iterations, descent.converged);
            best.improve(problem, power_limited(problem, factor.as_ref()))?;
            best.improve(problem, scaled_zero_forcing(problem, factor.as_ref()))?;
        }
    }
    let objective = mismatch::evaluate(problem, best.transceiver.aggregator())?;
    let stationarity = mismatch::stationarity(&objective, best.transceiver.aggregator());
    Ok(Refined { transceiver: best.transceiver, mse: best.mse, stationarity, iterations, converged })
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

    /// Takes another transceiver if it is better. One that could not be designed is no better.
    fn improve(&mut self, problem: &Problem, other: Result<Transceiver, Error>) -> Result<(), Error> {
        if let Ok(other) = other {
            let other = Self::new(problem, other)?;
            if other.mse < self.mse {
                *self = other;
            }
        }
        Ok(())
    }
}

fn scaled(matrix: MatRef<'_, c64>, factor: f64) -> Mat<c64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] * factor)
}
