//! What imperfect channel knowledge costs, and what a robust design saves: means over seeded channels (R = 20, T = L = 4, N = 8, Rician
//! fading of mean 1 and variance 1, σ² = 1; half the devices have ten times the power of the others). Channels are estimated from pilots by linear
//! MMSE; every design sees the estimates and is measured on the true channels.
//!
//! `cargo run --release -p solver --example imperfect_csi`

use solver::channel::{BlockFading, Fading};
use solver::csi::{self, ChannelError};
use solver::prelude::*;
use solver::recovery::{gaussian_randomization, refine};
use solver::relaxation::{Options, lambda_min};

const BLOCKS: u64 = 5;
const POWERS: [f64; 8] = [1.0, 1.0, 1.0, 1.0, 10.0, 10.0, 10.0, 10.0];

/// Refinement of P_s from the papers' start.
fn design(problem: &Problem) -> Result<Transceiver, Error> {
    let relaxed = lambda_min::solve(problem, &Default::default())?;
    let start = gaussian_randomization(problem, relaxed.primal.as_ref(), &Default::default())?;
    Ok(refine(problem, start.aggregator(), &Default::default())?.transceiver)
}

fn main() -> Result<(), Error> {
    println!(
        "MSE on the true channels by design; then the closed form for `alternating`, and a bound on that of any design."
    );
    println!(
        "| pilots | error variance | perfect knowledge | naive | robust | alternating | closed form | bound |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for pilots in [1, 4, 16, 64] {
        let error = ChannelError::from_pilots(&Fading::PAPER, pilots, &[1.0; 8])?;
        let blocks = BlockFading::new(Fading::PAPER, 20, &[4; 8], 1)?;
        let mut sums = [0.0; 6];
        for index in 0..BLOCKS {
            let truth = Problem::new(blocks.block(index), POWERS.to_vec(), 1.0)?;
            let estimates = error.estimates(&Fading::PAPER, truth.channels(), 2, index)?;
            let estimated = csi::with_channels(&truth, estimates)?;

            let robust = design(&csi::robust(&estimated, &error)?)?;
            let alternating = csi::alternate(&estimated, &error, robust.aggregator(), &Default::default())?;
            let designs = [&design(&truth)?, &design(&estimated)?, &robust, &alternating.transceiver];
            for (sum, design) in sums.iter_mut().zip(designs) {
                *sum += design.mean_squared_error(&truth)?.total();
            }
            let options = Options { relative_gap: 1e-5, ..Default::default() };
            let bound = csi::lower_bound(&estimated, &error, &alternating.transceiver, &options)?;
            sums[4] += alternating.mse;
            sums[5] += bound.unwrap_or(0.0);
        }
        let means = sums.map(|sum| format!("{:.3}", sum / BLOCKS as f64)).join(" | ");
        println!("| {pilots} | {:.4} | {means} |", error.variance()[0]);
    }
    Ok(())
}
