//! How close the run's transceivers are to the best possible, and how far the papers' pipeline is.

use rayon::prelude::*;
use solver::channel::BlockFading;
use solver::recovery::{self, Randomization};
use solver::relaxation::{Options, lambda_min, mmse};
use solver::{Error, Problem};

use super::error::EvaluateError;
use super::fading;
use super::shares::estimate;
use crate::configuration::Configuration;
use crate::report::{Progress, TransceiverStudy};

/// Channels over which each number of devices is averaged.
const CHANNELS: u64 = 20;
/// Relative gap of the relaxations, far below the differences shown.
const RELAXATION_GAP: f64 = 1e-4;
/// Separates these channels from all others of the run.
const SEED: u64 = 0x7472_616e_7363_6500;

/// MSE of the papers' pipeline and of the refined transceiver, and the bound that holds for every transceiver, on fresh channels,
/// for each list of powers (one per device) in `powers`.
pub(super) fn study(
    configuration: &Configuration,
    powers: &[Vec<f64>],
    pool: &rayon::ThreadPool,
    progress: &dyn Progress,
) -> Result<Vec<TransceiverStudy>, EvaluateError> {
    progress.begin(powers.len() as u64 * CHANNELS, "transceivers");
    powers
        .iter()
        .map(|power| {
            progress.message(&format!("N = {}", power.len()));
            let antennas = vec![configuration.transmit_antennas; power.len()];
            let seed = configuration.seed ^ SEED;
            let channels =
                BlockFading::new(fading(configuration)?, configuration.receive_antennas, &antennas, seed)?;
            let one = |block| {
                let problem = Problem::new(channels.block(block), power.clone(), 1.0)?
                    .with_streams(configuration.streams)?;
                let compared = compare(&problem, block);
                progress.advance(1);
                compared
            };
            // Collected in the order of the blocks: the result does not depend on the threads.
            let all: Vec<Compared> =
                pool.install(|| (0..CHANNELS).into_par_iter().map(one).collect::<Result<_, Error>>())?;
            let mean = |of: fn(&Compared) -> f64| estimate(&all.iter().map(of).collect::<Vec<_>>());
            let bounds: Option<Vec<f64>> = all.iter().map(|compared| compared.bound).collect();
            Ok(TransceiverStudy {
                devices: power.len(),
                channels: CHANNELS,
                paper: mean(|compared| compared.paper),
                refined: mean(|compared| compared.refined),
                bound: bounds.map(|bounds| estimate(&bounds)),
            })
        })
        .collect()
}

/// One channel.
struct Compared {
    paper: f64,
    refined: f64,
    bound: Option<f64>,
}

fn compare(problem: &Problem, seed: u64) -> Result<Compared, Error> {
    let options = Options { relative_gap: RELAXATION_GAP, ..Options::default() };
    let relaxed = lambda_min::solve(problem, &options)?;
    let randomization = Randomization { seed, ..Default::default() };
    let paper = recovery::gaussian_randomization(problem, relaxed.primal.as_ref(), &randomization)?;
    let refined = recovery::refine(problem, paper.aggregator(), &Default::default())?;
    Ok(Compared {
        paper: paper.mean_squared_error(problem)?.total(),
        refined: refined.mse,
        bound: mmse::lower_bound(problem, &options)?,
    })
}
