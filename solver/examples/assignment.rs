//! Which share of a model each of six unequal devices should compute, by Algorithm 1 of the paper, and how far from the best
//! possible the answer can be.
//!
//! `cargo run --release -p solver --example assignment`

use solver::Problem;
use solver::assignment::{
    AssignmentError, AssignmentOptions, AssignmentProblem, GapSampling, RelaxedMse, assign, optimality_gap,
    paired_difference,
};
use solver::channel::{BlockFading, Fading};
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::Relaxation;

/// Part of its power that each device would spend on computing the whole model.
const COSTS: [f64; 6] = [0.5, 0.5, 1.0, 2.0, 4.0, 4.0];
/// A model of 13 GiB, and what each device has room for.
const MODEL_GIBIBYTES: u64 = 13;
const MEMORY_GIBIBYTES: [u64; 6] = [4, 16, 8, 8, 8, 3];
/// What every device has to compute at least.
const LEAST_SHARE: f64 = 0.02;

fn main() -> Result<(), AssignmentError> {
    let model = |cost| EnergyModel::new(1.0, cost, 1.0, Accounting::PerChannelUse);
    let energy = COSTS.into_iter().map(model).collect::<Result<Vec<_>, _>>()?;
    let channels = BlockFading::new(Fading::PAPER, 20, &[4; 6], 1)?;
    let value = RelaxedMse::new(Relaxation::LambdaMin, 1.0)?;
    let problem = AssignmentProblem::new(energy, channels.clone(), value)?
        .with_memory(MODEL_GIBIBYTES << 30, &MEMORY_GIBIBYTES.map(|gibibytes| gibibytes << 30))?
        .with_minimum_share(LEAST_SHARE)?;

    let assignment = assign(&problem, &AssignmentOptions::new(7))?;
    let uniform = problem.uniform_shares();
    let power = problem.transmit_power(&assignment.shares)?;
    // What more power of each device would be worth in one block.
    let block = Problem::new(channels.block(0), power.clone(), 1.0)?;
    let solution = Relaxation::LambdaMin.solve(&block, &Default::default())?;
    let slopes = Relaxation::LambdaMin.power_sensitivity(&block, &solution)?;
    println!("| device | cost | memory, GiB | most it can take | share | power left | error by power |");
    println!("|---|---|---|---|---|---|---|");
    let most = problem.feasible_shares().upper();
    for (n, share) in assignment.shares.iter().enumerate() {
        println!(
            "| {n} | {} | {} | {:.3} | {share:.3} | {:.3} | {:.3} |",
            COSTS[n], MEMORY_GIBIBYTES[n], most[n], power[n], slopes[n]
        );
    }
    assert!(problem.feasible_shares().contains(&assignment.shares));
    assert!(assignment.shares.iter().all(|share| *share > 0.999 * LEAST_SHARE));
    // All powers doubled halve the error, so these derivatives add up to it (Euler).
    let sum: f64 = power.iter().zip(&slopes).map(|(power, slope)| -power * slope).sum();
    assert!((sum / solution.certificate.upper - 1.0).abs() < 1e-6);

    // Blocks that the optimization has not seen.
    let gap = optimality_gap(&problem, &assignment.shares, &GapSampling::new(99))?;
    println!();
    println!("expected error          {:.3} ± {:.3}", gap.value.mean, gap.value.standard_error);
    println!("no shares reach below   {:.3} (confidence {} %)", gap.optimum_lower(), 100.0 * gap.confidence);
    println!("above the optimum by    {:.1} % at most", 100.0 * gap.gap_upper() / gap.optimum_lower());
    match paired_difference(&problem, &uniform, &assignment.shares, 200, 99) {
        Ok(gain) => println!("better than uniform by  {:.3} ± {:.3}", gain.mean, gain.standard_error),
        Err(error) => println!("uniform shares: {error}"),
    }
    Ok(())
}
