//! What imperfect channel knowledge costs, and what a robust design saves: means over seeded channels (R = 20, T = L = 4, N = 8, Rician
//! fading of mean 1 and variance 1, σ² = 1; half the devices have ten times the power of the others). Channels are estimated from pilots by linear
//! MMSE, or predicted from those of the block before; every design sees the estimates and is measured on the true channels.
//!
//! `cargo run --release -p solver --example imperfect_csi`

use solver::channel::{BlockFading, Fading, GaussMarkov};
use solver::csi::{self, ChannelError};
use solver::faer::{Mat, c64};
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

/// Prints the means over `blocks`, each with its true channels and what is known of them.
fn row(
    knowledge: &str,
    error: &ChannelError,
    blocks: impl Iterator<Item = Result<[Vec<Mat<c64>>; 2], Error>>,
) -> Result<(), Error> {
    let mut sums = [0.0; 6];
    for block in blocks {
        let [channels, estimates] = block?;
        let truth = Problem::new(channels, POWERS.to_vec(), 1.0)?;
        let estimated = csi::with_channels(&truth, estimates)?;

        let robust = design(&csi::robust(&estimated, error)?)?;
        let alternating = csi::alternate(&estimated, error, robust.aggregator(), &Default::default())?;
        let designs = [&design(&truth)?, &design(&estimated)?, &robust, &alternating.transceiver];
        for (sum, design) in sums.iter_mut().zip(designs) {
            *sum += design.mean_squared_error(&truth)?.total();
        }
        let options = Options { relative_gap: 1e-5, ..Default::default() };
        let bound = csi::lower_bound(&estimated, error, &alternating.transceiver, &options)?;
        let bound = bound.expect("every device has L antennas");
        assert!(bound <= alternating.mse);
        sums[4] += alternating.mse;
        sums[5] += bound;
    }
    let means = sums.map(|sum| format!("{:.3}", sum / BLOCKS as f64)).join(" | ");
    println!("| {knowledge} | {:.4} | {means} |", error.variance()[0]);
    Ok(())
}

fn main() -> Result<(), Error> {
    println!(
        "MSE on the true channels by design; then the closed form for `alternating`, and a bound on that of any design."
    );
    println!(
        "| known from | error variance | perfect knowledge | naive | robust | alternating | closed form | bound |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for pilots in [1, 4, 16, 64] {
        let error = ChannelError::from_pilots(&Fading::PAPER, pilots, &[1.0; 8])?;
        let channels = BlockFading::new(Fading::PAPER, 20, &[4; 8], 1)?;
        let blocks = (0..BLOCKS).map(|index| {
            let channels = channels.block(index);
            let estimates = error.estimates(&Fading::PAPER, &channels, 2, index)?;
            Ok([channels, estimates])
        });
        row(&format!("pilots: {pilots}"), &error, blocks)?;
    }
    // Known exactly, one block too late.
    for correlation in [0.9, 0.99] {
        let error = ChannelError::new(vec![0.0; 8])?.aged(&Fading::PAPER, correlation)?;
        let blocks = (0..BLOCKS).map(|seed| {
            let mut process = GaussMarkov::new(Fading::PAPER, correlation, 20, &[4; 8], seed)?.take(2);
            let (last, channels) = process.next().zip(process.next()).expect("blocks without end");
            Ok([channels, csi::predict(&Fading::PAPER, correlation, &last)?])
        });
        row(&format!("the last block, ρ = {correlation}"), &error, blocks)?;
    }
    Ok(())
}
