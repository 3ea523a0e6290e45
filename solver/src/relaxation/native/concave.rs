//! `trace_inverse` and `mmse` as one family, by a primal–dual interior-point method for convex–concave saddle functions.
//!
//! With `q_n = p_n/v_n` and `θ_n = σ²/v_n` (`mmse`, in units of `σ²`) or `θ_n = 0` (`trace_inverse`), both are
//!
//! min over `X ⪰ 0`, max over `λ_n ≥ 0` of `tr X + Σ h_n(H_n^H X H_n, λ_n)`,  `h_n(M, λ) = λ (tr (M + θ_n λ I)^{-1} − q_n)`,
//!
//! because `φ(M) = max_μ μ tr (M + μI)^{-1} − μq` with `μ = θλ`, and because `λ_n` is the Lagrange multiplier of
//! `tr M^{-1} ≤ q_n`. With barriers of weight `τ` on `X` and the `λ_n`, the saddle point solves
//!
//! `X S = τI`,  `S = I − Σ H_n U_n H_n^H`,  `λ_n s_n = τ`,  `U_n = λ_n (M_n + θ_n λ_n I)^{-2}`,
//! `s_n = q_n − tr M_n (M_n + θ_n λ_n I)^{-2}`,  `M_n = H_n^H X H_n`.
//!
//! `S` and `s_n` are unknowns of their own, positive throughout; their equations hold in the limit. Newton's method takes the
//! direction of Helmberg–Kojima–Monteiro in the first equation, and Mehrotra's predictor and corrector choose `τ`. The `U_n` are
//! functions of `X` and `λ_n`, positive definite always. `h_n` is smooth in relative terms (its third derivative is bounded by its second
//! and the relative size of a step), which is why full steps work from afar.

mod device;
mod newton;
mod operator;
mod start;
#[cfg(test)]
mod tests;

use super::reduced;
use crate::error::{Error, Quantity};
use crate::linalg::{eigenvalues, hermitian_part, require_full_column_rank, squared_norm, trace};
use crate::mismatch;
use crate::problem::Problem;
use crate::relaxation::{Options, Points, Relaxation, Solution};
use device::Device;
use faer::{Mat, c64};
use newton::{Elimination, Newton};

/// How much of the way to the boundary a step may go.
const STEP_FRACTION: f64 = 0.95;
/// Residuals beyond this many times `S` or `s_n` stop the complementarity from shrinking further.
const MOST_INFEASIBILITY: f64 = 100.0;
/// A warm start that has not converged by then is given up for a cold one.
const WARM_ITERATIONS: usize = 20;
/// If neither step is longer than this, rounding has taken over.
const SHORTEST_STEP: f64 = 1e-6;

/// The data of one saddle problem.
pub(super) struct Program {
    /// `H_n`.
    channels: Vec<Mat<c64>>,
    /// `q_n`.
    budgets: Vec<f64>,
    /// `θ_n`.
    noise: Vec<f64>,
}

/// The unknowns, all positive (definite).
#[derive(Clone)]
pub(super) struct Iterate {
    x: Mat<c64>,
    s: Mat<c64>,
    multiplier: Vec<f64>,
    slack: Vec<f64>,
}

/// Where the iteration ended.
struct Outcome {
    iterate: Iterate,
    relative_gap: f64,
    iterations: usize,
}

/// Solves `trace_inverse` or `mmse`.
pub(super) fn points(
    relaxation: Relaxation,
    problem: &Problem,
    options: &Options,
    warm: Option<&Solution>,
) -> Result<Points, Error> {
    if relaxation == Relaxation::TraceInverse {
        for (device, channel) in problem.channels().iter().enumerate() {
            let norm = squared_norm(channel.as_ref()).sqrt();
            require_full_column_rank(channel.as_ref(), norm, Quantity::Channel, device)?;
        }
    }
    let noise_power = if relaxation == Relaxation::TraceInverse { 0.0 } else { problem.noise_power() };
    let (basis, channels) = reduced(problem.channels());
    let devices = 0..problem.devices();
    let program = Program {
        channels,
        budgets: devices.clone().map(|n| problem.precoder_budget(n)).collect(),
        noise: devices.map(|n| noise_power / problem.signal_variance()[n]).collect(),
    };
    let warm = warm.and_then(|warm| {
        let primal = match &basis {
            Some(basis) => basis.adjoint() * (&warm.primal * basis),
            None => warm.primal.clone(),
        };
        start::warm(&program, &primal, &warm.dual)
    });
    // A little less than asked for, because certifying rounds.
    let relative_gap = 0.9 * options.relative_gap;
    let elimination = program.elimination();
    let solve = |first, iterations| program.solve(first, relative_gap, iterations, elimination);
    let warm = warm.map(|first| solve(first, options.max_iterations.min(WARM_ITERATIONS)));
    let Outcome { iterate, iterations, .. } = match warm {
        Some(warm) if warm.relative_gap <= relative_gap => warm,
        warm => {
            let spent = warm.map_or(0, |warm| warm.iterations);
            let cold = solve(start::cold(&program)?, options.max_iterations - spent);
            Outcome { iterations: spent + cold.iterations, ..cold }
        }
    };
    let dual = program.devices(&iterate)?.iter().map(Device::dual).collect();
    let primal = match &basis {
        Some(basis) => basis * &iterate.x * basis.adjoint(),
        None => iterate.x,
    };
    Ok(Points { primal, dual, iterations })
}

impl Program {
    /// The smaller Newton system.
    fn elimination(&self) -> Elimination {
        let dual: usize = self.channels.iter().map(|channel| channel.ncols().pow(2)).sum();
        if dual <= self.channels[0].nrows().pow(2) { Elimination::Dual } else { Elimination::Primal }
    }

    /// From `iterate` until the relative gap is below `relative_gap`, rounding stops the progress, or `max_iterations` are
    /// spent. The caller judges the outcome by its certificate.
    fn solve(
        &self,
        mut iterate: Iterate,
        relative_gap: f64,
        max_iterations: usize,
        elimination: Elimination,
    ) -> Outcome {
        let degree = (iterate.x.nrows() + self.channels.len()) as f64;
        let mut best = (f64::INFINITY, iterate.clone());
        let mut iterations = 0;
        while let Ok(devices) = self.devices(&iterate) {
            let Ok(gap) = self.relative_gap(&iterate, &devices) else { break };
            if gap < best.0 {
                best = (gap, iterate.clone());
            }
            if gap <= relative_gap || iterations == max_iterations {
                break;
            }
            let Some(newton) = Newton::new(self, &iterate, &devices, elimination) else { break };
            let Some(next) = step(&newton, degree) else { break };
            drop(newton);
            iterate = next;
            iterations += 1;
        }
        let (relative_gap, iterate) = best;
        Outcome { iterate, relative_gap, iterations }
    }

    /// Every device's part at an iterate.
    fn devices(&self, iterate: &Iterate) -> Result<Vec<Device>, Error> {
        let device = |(n, channel): (usize, &Mat<c64>)| {
            let gram = hermitian_part((channel.adjoint() * (&iterate.x * channel)).as_ref());
            Device::new(gram.as_ref(), iterate.multiplier[n], self.budgets[n], self.noise[n])
        };
        self.channels.iter().enumerate().map(device).collect()
    }

    /// `[H_1 V_1 … H_N V_N]`, `V_n` being the eigenvectors of `M_n`.
    fn in_eigenbases(&self, devices: &[Device]) -> Mat<c64> {
        let columns = self.channels.iter().map(Mat::ncols).sum();
        let mut stacked = Mat::zeros(self.channels[0].nrows(), columns);
        let mut start = 0;
        for (channel, device) in self.channels.iter().zip(devices) {
            stacked.as_mut().subcols_mut(start, channel.ncols()).copy_from(channel * &device.vectors);
            start += channel.ncols();
        }
        stacked
    }

    /// Relative gap between the values of `X`, scaled to be feasible for `trace_inverse`, and of the `U_n`, scaled into `𝒰`.
    fn relative_gap(&self, iterate: &Iterate, devices: &[Device]) -> Result<f64, Error> {
        let mut upper = trace(iterate.x.as_ref());
        let mut scale = 0.0_f64;
        for (n, device) in devices.iter().enumerate() {
            if self.noise[n] > 0.0 {
                let root = mismatch::multiplier(&device.gains, self.budgets[n]);
                let error: f64 = device.gains.iter().map(|&gain| mismatch::residual(gain, root)).sum();
                upper += error / self.noise[n];
            } else {
                let power: f64 = device.gains.iter().map(|gain| 1.0 / gain).sum();
                scale = scale.max(power / self.budgets[n]);
            }
        }
        if scale > 0.0 {
            upper *= scale;
        }
        let mut received = Mat::<c64>::zeros(iterate.x.nrows(), iterate.x.nrows());
        for (channel, device) in self.channels.iter().zip(devices) {
            received += channel * (device.dual() * channel.adjoint());
        }
        let largest = eigenvalues(received.as_ref())?.last().copied().unwrap_or(0.0);
        let share = |(n, device): (usize, &Device)| {
            let roots: f64 = device.amplitudes.iter().sum();
            let sum: f64 = device.amplitudes.iter().map(|root| root * root).sum();
            roots * roots / (self.budgets[n] * largest + self.noise[n] * sum)
        };
        let lower: f64 = devices.iter().enumerate().map(share).sum();
        Ok((upper - lower) / upper)
    }
}

/// One predictor–corrector step; `None` if rounding leaves no step worth taking.
fn step(newton: &Newton<'_>, degree: f64) -> Option<Iterate> {
    let complementarity = newton.complementarity();
    let predictor = newton.direction(0.0, None);
    let (primal, dual) = newton.steps(&predictor, 1.0)?;
    // Mehrotra: the better the predictor does, the less the centring.
    let centring = (newton.predicted(&predictor, primal, dual) / complementarity).clamp(0.0, 1.0).powi(3);
    // The residuals must not fall behind: S and the s_n shrink with the complementarity.
    let centring = centring.max((newton.infeasibility() / MOST_INFEASIBILITY).min(1.0));
    let corrector = newton.direction(centring * complementarity / degree, Some(&predictor));
    let (primal, dual) = newton.steps(&corrector, STEP_FRACTION)?;
    (primal.max(dual) >= SHORTEST_STEP).then(|| newton.advanced(&corrector, primal, dual))
}
