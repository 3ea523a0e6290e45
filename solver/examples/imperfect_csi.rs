//! What imperfect channel knowledge costs, and what a robust design saves: means over seeded channels (R = 20, T = L = 4, N = 8, Rician
//! fading of mean 1 and variance 1, σ² = 1; half the devices have ten times the power of the others). Channels are estimated from pilots by linear
//! MMSE, or predicted from those of the block before; every design sees the estimates and is measured on the true channels.
//!
//! `cargo run --release -p solver --example imperfect_csi`

use solver::channel::{BlockFading, Fading, GaussMarkov};
use solver::csi::{self, ChannelError};
use solver::faer::{Mat, c64};
use solver::prelude::*;
use solver::recovery::DesignOptions;
use solver::relaxation;

const BLOCKS: u64 = 5;
const POWERS: [f64; 8] = [1.0, 1.0, 1.0, 1.0, 10.0, 10.0, 10.0, 10.0];

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

        let relaxation = relaxation::Options { relative_gap: 1e-5, ..Default::default() };
        let options = DesignOptions { relaxation, ..Default::default() };
        let design = csi::design(&estimated, error, &options)?;
        let [known, naive, robust] = [&truth, &estimated, &csi::robust(&estimated, error)?]
            .map(|problem| recovery::design(problem, &options));
        let designs = [known?.transceiver, naive?.transceiver, robust?.transceiver];
        for (sum, transceiver) in sums.iter_mut().zip(designs.iter().chain([&design.transceiver])) {
            *sum += transceiver.mean_squared_error(&truth)?.total();
        }
        let bound = design.bound.expect("there always is one");
        assert!(bound <= design.mse);
        sums[4] += design.mse;
        sums[5] += bound;
    }
    let means = sums.map(|sum| format!("{:.3}", sum / BLOCKS as f64)).join(" | ");
    println!("| {knowledge} | {:.4} | {means} |", error.variance()[0]);
    Ok(())
}

fn main() -> Result<(), Error> {
    println!(
        "MSE on the true channels by design; then the closed form for that of `csi::design`, and a bound on that of any design."
    );
    println!(
        "| known from | error variance | perfect knowledge | naive | robust | `csi::design` | closed form | bound |"
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
