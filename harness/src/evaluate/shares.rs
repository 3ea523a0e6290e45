//! Shares of the model: what each device computes, and what that leaves it for transmitting.

use std::ops::ControlFlow;

use super::error::EvaluateError;
use super::{design, fading};
use crate::cluster::Cluster;
use crate::configuration::{AssignmentKind, Configuration, PowerAccounting};
use crate::report::{AssignmentIteration, AssignmentStudy, Estimate, Progress};
use solver::assignment::{
    AssignmentError, AssignmentOptions, AssignmentProblem, RelaxedMse, assign_observed, expected_value,
};
use solver::channel::BlockFading;
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::Relaxation;
use solver::{Error, Problem};

/// Channels, none of them used to find the shares, on which uniform and optimized shares are compared.
const COMPARED_CHANNELS: usize = 100;
/// Separate the channels of the optimization and of the comparison from each other and from the links'.
const OPTIMIZATION_SEED: u64 = 0x6173_7369_676e_0000;
const COMPARISON_SEED: u64 = 0x636f_6d70_6172_6500;

type LongTermProblem = AssignmentProblem<BlockFading, RelaxedMse>;

/// Optimizes the shares of `devices` devices and compares them with uniform ones, on the MSE that the configured
/// transceivers reach on fresh channels. Nothing to compare where optimized shares are asked for and
/// uniform ones would leave some device no power.
fn study(
    configuration: &Configuration,
    devices: usize,
    symbols: usize,
    progress: &dyn Progress,
) -> Result<Option<AssignmentStudy>, EvaluateError> {
    let problem = problem(configuration, devices, symbols)?;
    let uniform_shares = problem.uniform_shares();
    let uniform_power = match problem.transmit_power(&uniform_shares) {
        Err(AssignmentError::ShortTerm(Error::NoPowerLeft { .. }))
            if configuration.assignment == AssignmentKind::Optimized =>
        {
            return Ok(None);
        }
        power => power?,
    };
    let (optimized_shares, iterations) = optimize(configuration, &problem, progress)?;
    let optimized_power = problem.transmit_power(&optimized_shares)?;
    let objective = |shares: &[f64]| -> Result<Estimate, EvaluateError> {
        let seed = configuration.seed ^ COMPARISON_SEED;
        let value = expected_value(&problem, shares, COMPARED_CHANNELS, seed)?;
        Ok(Estimate { mean: value.mean, standard_error: value.standard_error })
    };
    let (objective_uniform, objective_optimized) =
        (objective(&uniform_shares)?, objective(&optimized_shares)?);
    let channels = channels(configuration, devices, COMPARISON_SEED)?;
    let (mut uniform, mut optimized) = (Vec::new(), Vec::new());
    for block in 0..COMPARED_CHANNELS as u64 {
        let mse = |power: &[f64]| -> Result<f64, Error> {
            let state = Problem::new(channels.block(block), power.to_vec(), 1.0)?
                .with_streams(configuration.streams)?;
            Ok(design(configuration).transceiver(&state, block)?.mean_squared_error(&state)?.total())
        };
        uniform.push(mse(&uniform_power)?);
        optimized.push(mse(&optimized_power)?);
        progress.advance(1);
    }
    let differences: Vec<f64> = uniform.iter().zip(&optimized).map(|(u, o)| u - o).collect();
    Ok(Some(AssignmentStudy {
        energy_coefficients: configuration.energy_coefficients_of(devices),
        uniform_shares,
        optimized_shares,
        iterations,
        objective_uniform,
        objective_optimized,
        uniform: estimate(&uniform),
        optimized: estimate(&optimized),
        difference: estimate(&differences),
        samples: COMPARED_CHANNELS,
    }))
}

/// Shares for every number of devices that the configuration names, and the study of the largest.
pub(super) struct Plan {
    /// In the order of the configuration.
    pub shares: Vec<Vec<f64>>,
    pub study: Option<AssignmentStudy>,
}

/// Chooses shares, optimizing where the configuration asks for it. Where nothing goes over the air there is nothing to study.
pub(super) fn plan(
    configuration: &Configuration,
    symbols: usize,
    on_air: bool,
    progress: &dyn Progress,
) -> Result<Plan, EvaluateError> {
    let optimized = configuration.assignment == AssignmentKind::Optimized;
    let most = configuration.devices.iter().copied().max().unwrap_or(1);
    let shared = configuration.devices.iter().filter(|&&devices| devices > 1).count();
    let studied = usize::from(on_air && most > 1);
    let optimizations = if optimized { shared.max(studied) } else { studied };
    let steps = optimizations * configuration.assignment_iterations + studied * COMPARED_CHANNELS;
    progress.begin(steps as u64, "shares");
    let study = if studied == 1 { study(configuration, most, symbols, progress)? } else { None };
    let shares = |&devices: &usize| {
        if devices == 1 || !optimized {
            return Ok(vec![1.0 / devices as f64; devices]);
        }
        if let Some(study) = study.as_ref().filter(|_| devices == most) {
            return Ok(study.optimized_shares.clone());
        }
        let problem = problem(configuration, devices, symbols)?;
        Ok(optimize(configuration, &problem, progress)?.0)
    };
    let shares = configuration.devices.iter().map(shares).collect::<Result<_, EvaluateError>>()?;
    Ok(Plan { shares, study })
}

/// `p_n` of (8) for the part of the model that each device really holds, whole heads and columns.
pub(super) fn transmit_power(
    configuration: &Configuration,
    cluster: &impl Cluster,
    symbols: usize,
) -> Result<Vec<f64>, EvaluateError> {
    let loads = cluster.loads().devices;
    if loads.len() == 1 {
        // Nothing is transmitted; computing may take the whole budget.
        return Ok(vec![configuration.snr()]);
    }
    let total = loads.iter().map(|load| load.parameters).sum::<u64>() as f64;
    let energy = energy(configuration, loads.len(), symbols)?;
    let power = |(device, (energy, load)): (usize, (&EnergyModel, &crate::llama::DeviceLoad))| {
        energy.transmit_power(device, load.parameters as f64 / total)
    };
    Ok(energy.iter().zip(&loads).enumerate().map(power).collect::<Result<_, Error>>()?)
}

/// Each device's energy model, in units of the noise power: `P^max = snr`, `e_n s_tot` its configured fraction of that.
fn energy(configuration: &Configuration, devices: usize, symbols: usize) -> Result<Vec<EnergyModel>, Error> {
    let accounting = match configuration.power_accounting {
        PowerAccounting::PerChannelUse => Accounting::PerChannelUse,
        PowerAccounting::PerAllReduce => Accounting::PerAllReduce { symbols, streams: configuration.streams },
    };
    let budget = configuration.snr();
    let model = |fraction| EnergyModel::new(budget, fraction, budget, accounting);
    configuration.energy_coefficients_of(devices).into_iter().map(model).collect()
}

fn problem(
    configuration: &Configuration,
    devices: usize,
    symbols: usize,
) -> Result<LongTermProblem, EvaluateError> {
    let energy = energy(configuration, devices, symbols)?;
    let channels = channels(configuration, devices, OPTIMIZATION_SEED)?;
    let minimum_share = configuration.minimum_share / devices as f64;
    Ok(AssignmentProblem::new(energy, channels, RelaxedMse::new(Relaxation::LambdaMin, 1.0)?)?
        .with_minimum_share(minimum_share)?)
}

fn channels(configuration: &Configuration, devices: usize, seed: u64) -> Result<BlockFading, EvaluateError> {
    let antennas = vec![configuration.transmit_antennas; devices];
    let seed = configuration.seed ^ seed;
    Ok(BlockFading::new(fading(configuration)?, configuration.receive_antennas, &antennas, seed)?)
}

fn optimize(
    configuration: &Configuration,
    problem: &LongTermProblem,
    progress: &dyn Progress,
) -> Result<(Vec<f64>, Vec<AssignmentIteration>), EvaluateError> {
    let options = AssignmentOptions::new(configuration.seed)
        .with_iterations(configuration.assignment_iterations)
        .map_err(AssignmentError::from)?;
    let assignment = assign_observed(problem, &options, |_| {
        progress.advance(1);
        ControlFlow::Continue(())
    })?;
    let iterations = assignment
        .history
        .iter()
        .map(|record| AssignmentIteration {
            iteration: record.iteration,
            estimate: record.objective,
            residual: record.residual,
        })
        .collect();
    Ok((assignment.shares, iterations))
}

/// Mean and standard error of independent samples.
pub(super) fn estimate(samples: &[f64]) -> Estimate {
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
    Estimate { mean, standard_error: (squares / (count * (count - 1.0))).sqrt() }
}
