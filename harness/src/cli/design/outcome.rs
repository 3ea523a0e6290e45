//! What `aircomp design` finds for one instance.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;
use solver::recovery::{self, DesignOptions, Randomization};
use solver::relaxation::{self, Options, Solution};
use solver::{Error, Problem};

use super::Relaxation;

/// Relative gap asked of the relaxations that nothing is recovered from.
const RELAXATION_GAP: f64 = 1e-6;
/// How close the bound that transceivers are measured against is to the relaxation's optimum: well below any gap of interest.
const BOUND_PRECISION: f64 = 1e-4;

/// One instance; serialised as issue 2 prescribes.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outcome {
    pub name: String,
    pub relaxations: BTreeMap<Relaxation, Interval>,
    pub transceivers: Transceivers,
}

/// A certified interval for the optimal value of a relaxation.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Interval {
    pub lower: f64,
    pub upper: f64,
    pub iterations: usize,
    pub seconds: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Transceivers {
    pub paper: Paper,
    pub refined: Refined,
    pub designed: Refined,
}

/// Semidefinite relaxation, Gaussian randomization, zero forcing.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Paper {
    pub mse: f64,
    pub alpha: f64,
    pub seconds: f64,
}

/// Local refinement of the true problem: from the paper's transceiver, or as `recovery::design` chooses the starts.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Refined {
    pub mse: f64,
    pub seconds: f64,
    /// `(mse − bound)/bound`; none without a bound that holds for every transceiver.
    pub gap: Option<f64>,
}

/// Solves the relaxations asked for and recovers the transceivers.
pub(super) fn design(
    name: &str,
    problem: &Problem,
    asked: &[Relaxation],
    randomization: &Randomization,
) -> Result<Outcome, Error> {
    let begin = Instant::now();
    let relaxed = relaxation::lambda_min::solve(problem, &Options::default())?;
    let lambda_min = Interval::of(&relaxed, begin);
    let paper = recovery::gaussian_randomization(problem, relaxed.primal.as_ref(), randomization)?;
    let paper_mse = paper.mean_squared_error(problem)?.total();
    let paper_seconds = begin.elapsed().as_secs_f64();
    let refined = recovery::refine(problem, paper.aggregator(), &Default::default())?;
    let refined_seconds = begin.elapsed().as_secs_f64();

    let mut relaxations = BTreeMap::new();
    for &(name, relaxation) in asked.iter().flat_map(|name| name.members()) {
        let interval = match relaxation {
            relaxation::Relaxation::LambdaMin => lambda_min,
            other => interval(other, problem)?,
        };
        relaxations.insert(name, interval);
    }
    let begin = Instant::now();
    let options = DesignOptions {
        relaxation: Options { relative_gap: BOUND_PRECISION, ..Options::default() },
        seed: randomization.seed,
        ..DesignOptions::default()
    };
    let designed = recovery::design(problem, &options)?;
    let designed_seconds = begin.elapsed().as_secs_f64();
    let gap = |mse: f64| {
        let bound = designed.bound.filter(|_| problem.is_square())?;
        Some((mse - bound) / bound).filter(|gap: &f64| gap.is_finite())
    };
    Ok(Outcome {
        name: name.into(),
        relaxations,
        transceivers: Transceivers {
            paper: Paper { mse: paper_mse, alpha: paper.alpha(), seconds: paper_seconds },
            refined: Refined { mse: refined.mse, seconds: refined_seconds, gap: gap(refined.mse) },
            designed: Refined { mse: designed.mse, seconds: designed_seconds, gap: gap(designed.mse) },
        },
    })
}

/// The interval of a relaxation. One that is wider than asked for is valid all the same.
fn interval(relaxation: relaxation::Relaxation, problem: &Problem) -> Result<Interval, Error> {
    let begin = Instant::now();
    match relaxation.solve(problem, &Options { relative_gap: RELAXATION_GAP, ..Options::default() }) {
        Ok(solution) => Ok(Interval::of(&solution, begin)),
        Err(Error::NotConverged { iterations, lower, upper, .. }) => {
            Ok(Interval { lower, upper, iterations, seconds: begin.elapsed().as_secs_f64() })
        }
        Err(error) => Err(error),
    }
}

impl Interval {
    fn of(solution: &Solution, begin: Instant) -> Self {
        Self {
            lower: solution.certificate.lower,
            upper: solution.certificate.upper,
            iterations: solution.iterations,
            seconds: begin.elapsed().as_secs_f64(),
        }
    }
}
