//! Short-term values `v(p; H)`, certified, with affine bounds below them.

use faer::{Mat, c64};

use crate::relaxation::{Certificate, Native, Options, Relaxation, Scope, Solution, Solver};
use crate::{Error, Problem, Quantity};

/// The widest relative gap of a certificate that still counts: within the noise of a single channel block.
const LOOSEST_GAP: f64 = 0.01;

/// Bounds on a convex function at one point `x`, and the tangent there of a function below it.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::CertifiedValue")
)]
pub struct CertifiedValue {
    /// `lower ≤ f(x)`.
    pub lower: f64,
    /// `f(x) ≤ upper`.
    pub upper: f64,
    /// `g` such that `lower + gᵀ(x' − x) ≤ f(x')` for *every* `x'`, one entry for each device. With `lower = upper` it is a
    /// subgradient of `f`; otherwise an ε-subgradient, `ε = upper − lower`.
    pub gradient: Vec<f64>,
    /// What `f` is a lower bound of.
    pub scope: Scope,
    /// Whether the bounds are as near to each other as was asked.
    pub converged: bool,
}

impl CertifiedValue {
    /// A value and a subgradient that are known exactly, of a program that bounds nothing but itself.
    pub fn exact(value: f64, gradient: Vec<f64>) -> Self {
        Self { lower: value, upper: value, gradient, scope: Scope::Program, converged: true }
    }

    /// The middle of the interval.
    pub fn value(&self) -> f64 {
        0.5 * (self.lower + self.upper)
    }
}

/// A short-term optimal value as a function of the transmit powers, for one state of the channels.
///
/// If `v` is convex and non-increasing in `p`, [`super::assign`] tends to a global optimum and [`super::optimality_gap`] bounds
/// how far from it a result is.
pub trait ShortTermValue {
    /// `v(p; H)` and its gradient for channels `H_n` (`R×T_n`) and powers `p_n > 0` per channel use.
    ///
    /// # Errors
    /// Whatever keeps the short-term problem from being solved.
    fn value_and_gradient(
        &self,
        channels: &[Mat<c64>],
        transmit_power: &[f64],
    ) -> Result<CertifiedValue, Error>;

    /// [`value_and_gradient`](Self::value_and_gradient) of one state of the channels after another, in memory that may be kept from each to the
    /// next: [`super::assign`] and its siblings take one for all their blocks. What was evaluated before must not change a result by a single bit,
    /// or a resumed run is not the run that was not stopped. Default: nothing is kept.
    fn evaluator(&self) -> Box<Evaluator<'_>> {
        Box::new(|channels: &[Mat<c64>], power: &[f64]| self.value_and_gradient(channels, power))
    }
}

/// See [`ShortTermValue::evaluator`].
pub type Evaluator<'a> = dyn FnMut(&[Mat<c64>], &[f64]) -> Result<CertifiedValue, Error> + 'a;

/// The value of a [`Relaxation`] as a mean squared error: `σ² α` for `lambda_min` and `trace_inverse`, the value itself for `mmse`.
///
/// The affine lower bound comes from the dual. A point `U` of `𝒰` stays feasible whatever the powers, because `𝒰` depends on
/// the channels alone, so the dual objective at fixed `U`,
///
/// | relaxation | `D(p'; U)` |
/// |---|---|
/// | `lambda_min` | `σ² Σ T_n v_n tr U_n / p'_n` |
/// | `trace_inverse` | `σ² Σ v_n (tr U_n^{1/2})² / p'_n` |
/// | `mmse` | `Σ σ² v_n (tr U_n^{1/2})² / (p'_n + σ² tr U_n)` |
///
/// bounds `v(p')` from below at every `p'`. It is convex in `p'`, hence so does its tangent at `p`: nothing is assumed about how
/// well the relaxation was solved (theory, sections 3 and 5).
///
/// # Where the expectation is finite
///
/// `mmse` is at most `Σ v_n T_n`: always. `lambda_min` and `trace_inverse` grow like `1/λ_min(H_n^H H_n)` where a channel loses rank. With
/// the i.i.d. Rayleigh or Rician entries of [`Fading`](crate::channel::Fading) `E_H[v]` is finite exactly where `R ≥ T_n + 1` for every device, and the variance where
/// `R ≥ T_n + 2`. Nothing checks this, as a [`ChannelSource`](super::ChannelSource) does not say what law it draws from, and no sample shows it: with `R = T_n` all
/// sample means, standard errors and bounds on `E_H[v]` are finite numbers that mean nothing (theory, section 5).
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::inputs::RelaxedMse")
)]
pub struct RelaxedMse {
    relaxation: Relaxation,
    noise_power: f64,
    streams: Option<usize>,
    options: Options,
}

impl RelaxedMse {
    /// With noise power `σ² > 0` per receive antenna and channel use. Relative gap of each solve: `1e-6` for `lambda_min`, whose
    /// interior-point method gets there in a few steps more, `1e-4` for the others.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `σ²` is positive and finite.
    pub fn new(relaxation: Relaxation, noise_power: f64) -> Result<Self, Error> {
        if !(noise_power > 0.0 && noise_power.is_finite()) {
            let (quantity, valid) = (Quantity::NoisePower, "positive and finite");
            return Err(Error::OutOfRange { quantity, device: 0, value: noise_power, valid });
        }
        let relative_gap = if relaxation == Relaxation::LambdaMin { 1e-6 } else { 1e-4 };
        let options = Options { relative_gap, ..Options::default() };
        Ok(Self { relaxation, noise_power, streams: None, options })
    }

    /// The same with other options of the relaxation, which checks them when it solves.
    pub fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// The same with `streams` = `L` symbols per channel use. The relaxations do not depend on `L`, but what they bound does:
    /// with `L < T_n` it is the program alone ([`Scope::Program`]). Default: `L = min(R, T_1, …, T_N)`.
    ///
    /// More streams than some terminal has antennas are refused when a block is solved, with [`Error::Streams`].
    pub fn with_streams(self, streams: usize) -> Self {
        Self { streams: Some(streams), ..self }
    }

    /// The relaxation.
    pub fn relaxation(&self) -> Relaxation {
        self.relaxation
    }

    /// Units of the relaxation's value in those of an MSE.
    fn unit(&self) -> f64 {
        match self.relaxation {
            Relaxation::LambdaMin | Relaxation::TraceInverse => self.noise_power,
            Relaxation::Mmse => 1.0,
        }
    }

    /// The problem of one state of the channels.
    fn problem(&self, channels: &[Mat<c64>], transmit_power: &[f64]) -> Result<Problem, Error> {
        let problem = Problem::new(channels.to_vec(), transmit_power.to_vec(), self.noise_power)?;
        match self.streams {
            Some(streams) => problem.with_streams(streams),
            None => Ok(problem),
        }
    }

    /// Its value and gradient.
    fn certified(&self, memory: &mut Native, problem: &Problem) -> Result<CertifiedValue, Error> {
        let (solution, converged) = self.solve(memory, problem)?;
        let unit = self.unit();
        let mut gradient = self.relaxation.power_sensitivity(problem, &solution)?;
        gradient.iter_mut().for_each(|slope| *slope *= unit);
        let Certificate { lower, upper, scope } = solution.certificate;
        Ok(CertifiedValue { lower: unit * lower, upper: unit * upper, gradient, scope, converged })
    }

    /// The solution, and whether it is as exact as asked: a certified answer all the same, unless it is looser than 1 %.
    fn solve(&self, memory: &mut Native, problem: &Problem) -> Result<(Solution, bool), Error> {
        let mut solver = Solver::with_backend(self.relaxation, self.options, memory)?;
        let result = solver.solve(problem).map(|_| ());
        match (solver.into_last(), result) {
            (Some(last), Ok(())) => Ok((last, true)),
            (Some(last), Err(_)) if last.certificate.relative_gap() <= LOOSEST_GAP => Ok((last, false)),
            (_, Err(error)) => Err(error),
            (None, Ok(())) => Err(Error::Numerical { operation: "the relaxation" }),
        }
    }
}

impl ShortTermValue for RelaxedMse {
    /// # Errors
    /// As [`Relaxation::solve`], but [`Error::NotConverged`] only if the certified gap stays above 1 %.
    fn value_and_gradient(
        &self,
        channels: &[Mat<c64>],
        transmit_power: &[f64],
    ) -> Result<CertifiedValue, Error> {
        self.evaluator()(channels, transmit_power)
    }

    /// Keeps the problem and the method's memory, and no solution: every problem is solved from scratch.
    fn evaluator(&self) -> Box<Evaluator<'_>> {
        let (mut memory, mut kept) = (Native::default(), None);
        Box::new(move |channels: &[Mat<c64>], power: &[f64]| {
            let replaced = match &mut kept {
                Some(problem) => Problem::replace(problem, channels, power)?,
                None => false,
            };
            let problem = match kept.take() {
                Some(problem) if replaced => problem,
                _ => self.problem(channels, power)?,
            };
            self.certified(&mut memory, kept.insert(problem))
        })
    }
}
