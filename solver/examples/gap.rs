//! How far from optimal the papers' pipeline and designed transceivers are: means over seeded channels in the papers'
//! setting (R = 20, T = L = 4, p = σ² = 1, Rician fading of mean 1 and variance 1).
//!
//! `cargo run --release -p solver --example gap`

use solver::channel::{BlockFading, Fading};
use solver::recovery::{design, gaussian_randomization};
use solver::relaxation::lambda_min;
use solver::{Error, Problem};

const CHANNELS: u64 = 20;

fn main() -> Result<(), Error> {
    println!("| devices | paper, MSE | designed, MSE | certified bound | designed above bound |");
    println!("|---|---|---|---|---|");
    for devices in [1, 2, 4, 8, 16, 32] {
        let blocks = BlockFading::new(Fading::PAPER, 20, &vec![4; devices], 1)?;
        let (mut paper, mut designed, mut bound) = (0.0, 0.0, 0.0);
        for channels in blocks.take(CHANNELS as usize) {
            let problem = Problem::new(channels, vec![1.0; devices], 1.0)?;
            let relaxed = lambda_min::solve(&problem, &Default::default())?;
            let transceiver = gaussian_randomization(&problem, relaxed.primal.as_ref(), &Default::default())?;
            paper += transceiver.mean_squared_error(&problem)?.total();
            let design = design(&problem, &Default::default())?;
            designed += design.mse;
            bound += design.bound.unwrap_or(0.0);
        }
        let mean = |sum: f64| sum / CHANNELS as f64;
        println!(
            "| {devices} | {:.2} | {:.3} | {:.3} | {:.1} % |",
            mean(paper),
            mean(designed),
            mean(bound),
            100.0 * (designed / bound - 1.0)
        );
    }
    Ok(())
}
