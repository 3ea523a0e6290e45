//! The three relaxations evaluated from their formulas (*theory*, section 3), sharing nothing with the solver.
//!
//! | relaxation | primal over `X ⪰ 0` | dual over `𝒰` |
//! |---|---|---|
//! | `lambda_min` | `tr X` s.t. `H_n^H X H_n ⪰ c_n I`, `c_n = T_n/q_n` | `Σ c_n tr U_n` |
//! | `trace_inverse` | `tr X` s.t. `tr((H_n^H X H_n)^{-1}) ≤ q_n` | `Σ (tr U_n^{1/2})²/q_n` |
//! | `mmse` | `Σ v_n φ(H_n^H X H_n, q_n) + σ² tr X` | `Σ σ² v_n (tr U_n^{1/2})²/(p_n + σ² tr U_n)` |
//!
//! with `q_n = p_n/v_n` and `φ` the [`Penalty`].

use crate::arithmetic::{eigenvalues, hermitian, norm, trace};
use crate::tolerance;
use faer::{Mat, MatRef, c64};
use solver::relaxation::{Options, Relaxation, Solution};
use solver::{Error, Problem};

/// `φ = min_B ‖D^H B − I‖_F² s.t. ‖B‖_F² ≤ q`, by its multiplier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Penalty {
    /// `φ = Σ (μ/(λ_i + μ))²`.
    pub value: f64,
    /// The least `μ ≥ 0` with `Σ λ_i/(λ_i + μ)² ≤ q`.
    pub multiplier: f64,
}

impl Penalty {
    /// For a matrix `D D^H` or `D^H D` with eigenvalues `λ_i`. Bisection, down to neighbouring numbers.
    pub fn new(eigenvalues: &[f64], budget: f64) -> Self {
        let positive: Vec<f64> = eigenvalues.iter().copied().filter(|&value| value > 0.0).collect();
        let power = |mu: f64| positive.iter().map(|value| value / (value + mu).powi(2)).sum::<f64>();
        let (mut low, mut high) = (0.0, (positive.iter().sum::<f64>() / budget).sqrt());
        if power(0.0) <= budget {
            high = 0.0;
        }
        while low < 0.5 * (low + high) && 0.5 * (low + high) < high {
            let middle = 0.5 * (low + high);
            if power(middle) > budget { low = middle } else { high = middle }
        }
        let lost = (eigenvalues.len() - positive.len()) as f64;
        let value = positive.iter().map(|value| (high / (value + high)).powi(2)).sum::<f64>() + lost;
        Self { value, multiplier: high }
    }

    /// Of a positive semidefinite matrix.
    pub fn of(matrix: MatRef<'_, c64>, budget: f64) -> Self {
        Self::new(&eigenvalues(hermitian(matrix).as_ref()), budget)
    }
}

/// `q_n = p_n/v_n`.
pub fn budget(problem: &Problem, device: usize) -> f64 {
    problem.transmit_power()[device] / problem.signal_variance()[device]
}

/// `H_n^H X H_n`.
pub fn seen(problem: &Problem, device: usize, primal: &Mat<c64>) -> Mat<c64> {
    let channel = &problem.channels()[device];
    hermitian((channel.adjoint() * (primal * channel)).as_ref())
}

/// What rounding may move the eigenvalues of `H_n^H X H_n` by, whoever computes `X`, or the product: `‖X‖ ‖H_n‖²` bounds its terms.
pub fn seen_rounding(problem: &Problem, device: usize, primal: &Mat<c64>) -> f64 {
    let channel = &problem.channels()[device];
    let magnitude = norm(primal.as_ref()) * norm(channel.as_ref()).powi(2);
    tolerance(channel.nrows() + channel.ncols(), magnitude)
}

/// The same for `Σ H_n U_n H_n^H`.
pub fn received_rounding(problem: &Problem, dual: &[Mat<c64>]) -> f64 {
    let devices = problem.channels().iter().zip(dual);
    let magnitude = devices.map(|(channel, u)| norm(channel.as_ref()).powi(2) * norm(u.as_ref()));
    let antennas: usize = dual.iter().map(Mat::ncols).sum();
    tolerance(problem.receive_antennas() + antennas, 1.0 + magnitude.sum::<f64>())
}

/// How much of its constraint each device takes at `X`: at most 1 where `X` is feasible, always 0 for `mmse`.
pub fn load(relaxation: Relaxation, problem: &Problem, device: usize, primal: &Mat<c64>) -> f64 {
    load_of(relaxation, problem, device, &eigenvalues(seen(problem, device, primal).as_ref()))
}

/// The least that a device may take, with the eigenvalues of `H_n^H X H_n` as large as their [rounding](seen_rounding) may hide.
pub fn least_load(relaxation: Relaxation, problem: &Problem, device: usize, primal: &Mat<c64>) -> f64 {
    let rounding = seen_rounding(problem, device, primal);
    let values: Vec<f64> = eigenvalues(seen(problem, device, primal).as_ref());
    let raised: Vec<f64> = values.iter().map(|value| value + rounding).collect();
    load_of(relaxation, problem, device, &raised)
}

fn load_of(relaxation: Relaxation, problem: &Problem, device: usize, values: &[f64]) -> f64 {
    let q = budget(problem, device);
    match relaxation {
        Relaxation::LambdaMin => values.len() as f64 / (q * values[0].max(0.0)),
        Relaxation::TraceInverse => values.iter().map(|value| 1.0 / value.max(0.0)).sum::<f64>() / q,
        Relaxation::Mmse => 0.0,
    }
}

/// The objective at `X`; feasibility is what [`load`] says.
pub fn primal_value(relaxation: Relaxation, problem: &Problem, primal: &Mat<c64>) -> f64 {
    if relaxation != Relaxation::Mmse {
        return trace(primal.as_ref());
    }
    penalties(problem, primal, 0.0) + problem.noise_power() * trace(primal.as_ref())
}

/// What the [rounding](seen_rounding) of `H_n^H X H_n` may change the objective by: `φ` falls as eigenvalues grow.
pub fn primal_rounding(relaxation: Relaxation, problem: &Problem, primal: &Mat<c64>) -> f64 {
    match relaxation {
        Relaxation::Mmse => penalties(problem, primal, -1.0) - penalties(problem, primal, 1.0),
        _ => 0.0,
    }
}

/// `Σ v_n φ(H_n^H X H_n, q_n)`, with eigenvalues raised by so many times their rounding.
fn penalties(problem: &Problem, primal: &Mat<c64>, roundings: f64) -> f64 {
    let device = |n| {
        let rounding = roundings * seen_rounding(problem, n, primal);
        let values = eigenvalues(seen(problem, n, primal).as_ref());
        let moved: Vec<f64> = values.iter().map(|value| value + rounding).collect();
        problem.signal_variance()[n] * Penalty::new(&moved, budget(problem, n)).value
    };
    (0..problem.devices()).map(device).sum()
}

/// `tr U^{1/2}`.
pub fn trace_of_root(matrix: &Mat<c64>) -> f64 {
    eigenvalues(matrix.as_ref()).iter().map(|value| value.max(0.0).sqrt()).sum()
}

/// The dual objective at `U_1, …, U_N`.
pub fn dual_value(relaxation: Relaxation, problem: &Problem, dual: &[Mat<c64>]) -> f64 {
    let device = |(n, u): (usize, &Mat<c64>)| {
        let (q, sigma2) = (budget(problem, n), problem.noise_power());
        let (sum, roots) = (trace(u.as_ref()), trace_of_root(u));
        match relaxation {
            Relaxation::LambdaMin => u.nrows() as f64 / q * sum,
            Relaxation::TraceInverse => roots * roots / q,
            Relaxation::Mmse => {
                sigma2 * problem.signal_variance()[n] * roots * roots
                    / (problem.transmit_power()[n] + sigma2 * sum)
            }
        }
    };
    dual.iter().enumerate().map(device).sum()
}

/// `Σ_n H_n U_n H_n^H`, which `𝒰` keeps below `I`.
pub fn received(problem: &Problem, dual: &[Mat<c64>]) -> Mat<c64> {
    let rows = problem.receive_antennas();
    let mut sum = Mat::<c64>::zeros(rows, rows);
    for (channel, multiplier) in problem.channels().iter().zip(dual) {
        sum += channel * (multiplier * channel.adjoint());
    }
    hermitian(sum.as_ref())
}

/// The same channels, streams, variances and noise with other powers.
pub fn with_power(problem: &Problem, power: Vec<f64>) -> Problem {
    rebuilt(problem, problem.channels().to_vec(), power, problem.noise_power())
}

/// The same with another noise power.
pub fn with_noise(problem: &Problem, noise_power: f64) -> Problem {
    rebuilt(problem, problem.channels().to_vec(), problem.transmit_power().to_vec(), noise_power)
}

/// The same with other channels.
pub fn with_channels(problem: &Problem, channels: Vec<Mat<c64>>) -> Problem {
    rebuilt(problem, channels, problem.transmit_power().to_vec(), problem.noise_power())
}

fn rebuilt(problem: &Problem, channels: Vec<Mat<c64>>, power: Vec<f64>, noise_power: f64) -> Problem {
    Problem::new(channels, power, noise_power)
        .and_then(|new| new.with_streams(problem.streams()))
        .and_then(|new| new.with_signal_variance(problem.signal_variance().to_vec()))
        .expect("as well-formed as the problem that it is made of")
}

/// The first device alone.
pub fn alone(problem: &Problem, device: usize) -> Problem {
    Problem::new(
        vec![problem.channels()[device].clone()],
        vec![problem.transmit_power()[device]],
        problem.noise_power(),
    )
    .and_then(|new| new.with_streams(problem.streams()))
    .and_then(|new| new.with_signal_variance(vec![problem.signal_variance()[device]]))
    .expect("as well-formed as the problem that it is made of")
}

/// Gaps that the proofs ask the solver for.
pub fn options(relaxation: Relaxation) -> Options {
    let relative_gap = match relaxation {
        Relaxation::LambdaMin => 1e-7,
        Relaxation::TraceInverse | Relaxation::Mmse => 1e-6,
    };
    Options { relative_gap, ..Options::default() }
}

/// The solution with these gaps.
///
/// # Errors
/// As [`Relaxation::solve`].
pub fn solve(relaxation: Relaxation, problem: &Problem) -> Result<Solution, Error> {
    relaxation.solve(problem, &options(relaxation))
}
