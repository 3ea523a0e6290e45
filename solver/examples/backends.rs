//! Who solves is a caller's choice, and nobody is believed. Relaxations: the native method, Clarabel's semidefinite cone, and a method of one's
//! own, each with an interval that is certified from the problem's data. Then the subproblems of stochastic successive convex approximation:
//! native, Clarabel, OSQP, one's own, and one that answers without solving.
//!
//! `cargo run --release -p solver --example backends`; `--features clarabel-sdp` adds Clarabel's semidefinite cone (needs `libopenblas-dev`; set
//! `OPENBLAS_NUM_THREADS=1`), `--features osqp` adds OSQP (needs CMake).

use std::convert::Infallible;
use std::time::Instant;

use rand::RngExt;
use solver::faer::prelude::Solve;
use solver::faer::{Scale, Side};
use solver::prelude::*;
use solver::relaxation::{Backend, Native, Options, Points};
use solver::sca::subproblem::{
    AutomaticBackend, BackendFailure, Candidate, ClarabelBackend, NativeBackend, Subproblem, SubproblemSolver,
};
use solver::sca::{
    Evaluation, Function, Polyhedron, PolyhedronError, Rng, ScaError, ScaOptions, StochasticProgram,
    StochasticSca,
};

/// `mmse` by alternating between the best precoders for an aggregator and the best aggregator for precoders, on `A` with as many columns as
/// rows, so that `X = A A^H` may have any rank. It has no step length, no round raises the value, and it is slow at the end.
struct Alternating;

impl Alternating {
    /// Rounds from one look at the certificate to the next.
    const ROUNDS: usize = 25;

    /// The next `A`, and the `U_n` that belong to this one.
    fn round(problem: &Problem, aggregator: &Mat<c64>) -> Result<(Mat<c64>, Vec<Mat<c64>>), Error> {
        let failed = Error::Numerical { operation: "a round of the alternating backend" };
        let side = aggregator.nrows();
        // Σ v H B B^H H^H + σ²I and Σ v H B, with B = (M + μI)^{-1} H^H A.
        let mut covariance = Mat::<c64>::identity(side, side) * Scale(c64::from(problem.noise_power()));
        let mut wanted = Mat::<c64>::zeros(side, side);
        let mut dual = Vec::new();
        for (n, channel) in problem.channels().iter().enumerate() {
            let variance = problem.signal_variance()[n];
            let seen = channel.adjoint() * aggregator;
            let eigen =
                (&seen * seen.adjoint()).self_adjoint_eigen(Side::Lower).map_err(|_| failed.clone())?;
            let gains: Vec<f64> = eigen.S().column_vector().iter().map(|gain| gain.re.max(0.0)).collect();
            let multiplier = multiplier(&gains, problem.transmit_power()[n] / variance);
            let function = |f: &dyn Fn(f64) -> f64| {
                let scaled =
                    Mat::from_fn(gains.len(), gains.len(), |i, j| eigen.U()[(i, j)] * variance * f(gains[j]));
                scaled * eigen.U().adjoint()
            };
            let inverse = function(&|gain| 1.0 / (gain + multiplier));
            covariance += channel * function(&|gain| gain / (gain + multiplier).powi(2)) * channel.adjoint();
            wanted += channel * inverse * seen;
            dual.push(function(&|gain| multiplier / (gain + multiplier).powi(2)));
        }
        let factor = covariance.llt(Side::Lower).map_err(|_| failed)?;
        Ok((factor.solve(wanted), dual))
    }
}

/// The least `μ ≥ 0` at which `Σ λ/(λ + μ)² ≤ q`, by bisection.
fn multiplier(gains: &[f64], budget: f64) -> f64 {
    let power = |multiplier: f64| gains.iter().map(|gain| gain / (gain + multiplier).powi(2)).sum::<f64>();
    let (mut low, mut high) = (0.0, (gains.iter().sum::<f64>() / budget).sqrt());
    if power(low) <= budget {
        return low;
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if power(middle) > budget { low = middle } else { high = middle }
    }
    high
}

impl Backend for Alternating {
    /// Points near the optimum of `mmse`. For the other two relaxations they are points like any others.
    fn points(
        &mut self,
        relaxation: Relaxation,
        problem: &Problem,
        options: &Options,
        _warm: Option<&Solution>,
    ) -> Result<Points, Error> {
        let side = problem.receive_antennas();
        let (mut aggregator, mut iterations) = (Mat::identity(side, side), 0);
        loop {
            let (next, dual) = Self::round(problem, &aggregator)?;
            (aggregator, iterations) = (next, iterations + 1);
            let last = iterations == options.max_iterations;
            if last || iterations % Self::ROUNDS == 0 {
                let primal = &aggregator * aggregator.adjoint();
                let found = relaxation.certify(problem, primal.as_ref(), &dual)?;
                if last || found.relative_gap() <= options.relative_gap {
                    return Ok(Points { primal, dual, iterations });
                }
            }
        }
    }
}

/// Prints a row, and returns the certified interval.
fn relaxed(
    name: &str,
    relaxation: Relaxation,
    problem: &Problem,
    options: Options,
    backend: impl Backend,
) -> Result<[f64; 2], Error> {
    let mut solver = Solver::with_backend(relaxation, options, backend)?;
    let start = Instant::now();
    let (lower, upper, iterations) = match solver.solve(problem) {
        Ok(Solution { certificate, iterations, .. }) => (certificate.lower, certificate.upper, *iterations),
        // Short of the gap asked for; the interval holds all the same.
        Err(Error::NotConverged { lower, upper, iterations, .. }) => (lower, upper, iterations),
        Err(other) => return Err(other),
    };
    println!(
        "| {} | {name} | {lower:.6} | {upper:.6} | {:.1e} | {iterations} | {:.2} |",
        relaxation.name(),
        (upper - lower) / upper,
        1e3 * start.elapsed().as_secs_f64()
    );
    Ok([lower, upper])
}

fn relaxations() -> Result<(), Box<dyn std::error::Error>> {
    let channels = BlockFading::new(Fading::PAPER, 20, &[4; 8], 3)?.block(0);
    let problem = Problem::new(channels, vec![1.0; 8], 1.0)?;
    println!("| relaxation | backend | lower | upper | gap | iterations | ms |");
    println!("|---|---|---|---|---|---|---|");
    for relaxation in Relaxation::ALL {
        let options = Options { relative_gap: 1e-5, ..Options::default() };
        let patient = Options { relative_gap: 1e-3, max_iterations: 2000 };
        let intervals = [
            relaxed("native", relaxation, &problem, options, Native::default())?,
            #[cfg(feature = "clarabel-sdp")]
            relaxed("Clarabel", relaxation, &problem, options, relaxation::clarabel_sdp::ClarabelSdp)?,
            relaxed("alternating, one's own", relaxation, &problem, patient, Alternating)?,
        ];
        let lower = intervals.iter().fold(0.0, |most: f64, interval| most.max(interval[0]));
        let upper = intervals.iter().fold(f64::INFINITY, |least: f64, interval| least.min(interval[1]));
        if lower > upper {
            return Err(format!("{}: intervals that do not meet: {intervals:?}", relaxation.name()).into());
        }
    }
    Ok(())
}

/// The point of the simplex nearest to the mean of what is observed; with a limit also `E[x_0 + x_1 + noise] ≤ 0.3`.
struct Nearest {
    simplex: Polyhedron,
    limited: bool,
}

const VARIABLES: usize = 12;
const LIMIT: f64 = 0.3;

fn mean(variable: usize) -> f64 {
    0.5 - 0.08 * variable as f64
}

impl StochasticProgram for Nearest {
    type Sample = Vec<f64>;
    type Error = Infallible;

    fn feasible_set(&self) -> &Polyhedron {
        &self.simplex
    }

    fn stochastic_constraints(&self) -> usize {
        usize::from(self.limited)
    }

    fn sample(&self, rng: &mut dyn Rng) -> Result<Vec<f64>, Infallible> {
        Ok((0..VARIABLES).map(|j| mean(j) + rng.random_range(-0.5..0.5)).collect())
    }

    fn evaluate(&self, x: &[f64], sample: &Vec<f64>) -> Result<Evaluation, Infallible> {
        let gradient: Vec<f64> = x.iter().zip(sample).map(|(x, s)| 2.0 * (x - s)).collect();
        let objective = Function { value: gradient.iter().map(|g| 0.25 * g * g).sum(), gradient };
        let noise = sample[0] - mean(0);
        let limit = Function {
            value: x[0] + x[1] + noise - LIMIT,
            gradient: (0..VARIABLES).map(|j| if j < 2 { 1.0 } else { 0.0 }).collect(),
        };
        Ok(Evaluation { objective, constraints: if self.limited { vec![limit] } else { vec![] } })
    }
}

/// The optimum, by projection of the true mean.
fn optimum(limited: bool) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let simplex = Polyhedron::builder(VARIABLES)
        .bounds(vec![0.0; VARIABLES], vec![f64::INFINITY; VARIABLES])
        .equality(vec![1.0; VARIABLES], 1.0);
    let limit = (0..VARIABLES).map(|j| if j < 2 { 1.0 } else { 0.0 }).collect();
    let set = if limited { simplex.inequality(limit, LIMIT) } else { simplex }.build()?;
    Ok(set.project(&(0..VARIABLES).map(mean).collect::<Vec<f64>>())?)
}

/// Bounds and one equality, by bisection on the multiplier of the equality.
#[derive(Clone, Copy)]
struct Bisection;

impl SubproblemSolver for Bisection {
    fn solve(&mut self, subproblem: &Subproblem<'_>) -> Result<Candidate, BackendFailure> {
        let set = subproblem.feasible_set;
        let ([row], true) = (set.equalities(), NativeBackend::applies(subproblem)) else {
            return Err(BackendFailure::Unsupported { needs: "bounds and one equality" });
        };
        let twice = 2.0 * subproblem.objective.curvature;
        let at = |multiplier: f64| -> Vec<f64> {
            let of = |j: usize| {
                let slope = subproblem.objective.gradient[j] + multiplier * row.coefficients[j];
                (subproblem.center[j] - slope / twice).max(set.lower()[j]).min(set.upper()[j])
            };
            (0..set.dimension()).map(of).collect()
        };
        let excess = |multiplier: f64| {
            let refused = |error: PolyhedronError| BackendFailure::Refused { reason: error.to_string() };
            row.residual(&at(multiplier)).map_err(refused)
        };
        let (mut low, mut high) = (-1.0, 1.0);
        while excess(low)? < 0.0 && low > -1e300 {
            low *= 2.0;
        }
        while excess(high)? > 0.0 && high < 1e300 {
            high *= 2.0;
        }
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if excess(middle)? > 0.0 { low = middle } else { high = middle }
        }
        Ok(Candidate {
            point: at(high),
            constraint_multipliers: vec![],
            equality_multipliers: vec![high],
            inequality_multipliers: vec![],
        })
    }
}

/// Says that the last point is the best there is.
#[derive(Clone, Copy)]
struct Idle;

impl SubproblemSolver for Idle {
    fn solve(&mut self, subproblem: &Subproblem<'_>) -> Result<Candidate, BackendFailure> {
        let set = subproblem.feasible_set;
        Ok(Candidate {
            point: subproblem.center.to_vec(),
            constraint_multipliers: vec![0.0; subproblem.constraints.len()],
            equality_multipliers: vec![0.0; set.equalities().len()],
            inequality_multipliers: vec![0.0; set.inequalities().len()],
        })
    }
}

/// Prints a row: how far from the optimum each kind of program ends and what an iteration takes. Returns why it got no answers.
fn subproblems(
    name: &str,
    backend: impl SubproblemSolver + Copy,
) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    print!("| {name} |");
    let mut refusals = Vec::new();
    // The simplex alone; a stochastic constraint, affine; the same with a curved surrogate.
    for (limited, curvatures) in [(false, vec![]), (true, vec![0.0]), (true, vec![0.5])] {
        let program = Nearest { simplex: Polyhedron::simplex(VARIABLES, 0.0)?, limited };
        let options = ScaOptions::new(5).with_mini_batch(20)?.with_constraint_curvatures(curvatures)?;
        let mut method = StochasticSca::new(&program, options).with_backend(backend);
        let start = Instant::now();
        match method.run(&[1.0 / VARIABLES as f64; VARIABLES]) {
            Ok(report) => {
                let each = 1e6 * start.elapsed().as_secs_f64() / report.history.len() as f64;
                let pairs = report.point.iter().zip(optimum(limited)?);
                let distance = pairs.map(|(x, best)| (x - best).powi(2)).sum::<f64>().sqrt();
                print!(" {distance:.4}, {each:.0} µs |");
                if distance > 0.02 {
                    return Err(format!("{name}: {distance} away from the optimum").into());
                }
            }
            Err(ScaError::Subproblem { source, .. }) => {
                print!(" refused |");
                refusals.push(format!("{name}: {source}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    println!();
    refusals.dedup();
    Ok(refusals)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    relaxations()?;
    println!("\n| backend | bounds, one equality | a stochastic constraint | with curvature |");
    println!("|---|---|---|---|");
    let refusals = [
        subproblems("native", NativeBackend)?,
        subproblems("Clarabel", ClarabelBackend)?,
        subproblems("automatic", AutomaticBackend)?,
        #[cfg(feature = "osqp")]
        subproblems("OSQP", solver::sca::subproblem::OsqpBackend)?,
        subproblems("bisection, one's own", Bisection)?,
        subproblems("idle", Idle)?,
    ];
    for refusal in refusals.iter().flatten() {
        println!("{refusal}");
    }
    Ok(())
}
