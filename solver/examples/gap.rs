//! How far from optimal the papers' pipeline and the refined transceivers are: means over seeded channels in the papers'
//! setting (R = 20, T = L = 4, p = σ² = 1, Rician fading of mean 1 and variance 1).
//!
//! `cargo run --release -p solver --example gap`

use solver::channel::{BlockFading, Fading};
use solver::recovery::{gaussian_randomization, refine};
use solver::relaxation::{lambda_min, mmse};
use solver::{Error, Problem};

const CHANNELS: u64 = 20;

fn main() -> Result<(), Error> {
    println!("| devices | paper, MSE | refined, MSE | certified bound | refined above bound |");
    println!("|---|---|---|---|---|");
    for devices in [1, 2, 4, 8, 16] {
        let blocks = BlockFading::new(Fading::PAPER, 20, &vec![4; devices], 1)?;
        let (mut paper, mut refined, mut bound) = (0.0, 0.0, 0.0);
        for channels in blocks.take(CHANNELS as usize) {
            let problem = Problem::new(channels, vec![1.0; devices], 1.0)?;
            let relaxed = lambda_min::solve(&problem, &Default::default())?;
            let start = gaussian_randomization(&problem, relaxed.primal.as_ref(), &Default::default())?;
            paper += start.mean_squared_error(&problem)?.total();
            refined += refine(&problem, start.aggregator(), &Default::default())?.mse;
            bound += mmse::lower_bound(&problem, &Default::default())?.unwrap_or(0.0);
        }
        let mean = |sum: f64| sum / CHANNELS as f64;
        println!(
            "| {devices} | {:.2} | {:.3} | {:.3} | {:.1} % |",
            mean(paper),
            mean(refined),
            mean(bound),
            100.0 * (refined / bound - 1.0)
        );
    }
    Ok(())
}
