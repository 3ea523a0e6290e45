//! How far from optimal the papers' pipeline and designed transceivers are: means over seeded channels in the papers'
//! setting (R = 20, T = L = 4, p = σ² = 1, Rician fading of mean 1 and variance 1).
//!
//! `cargo run --release -p solver --example gap`
//!
//! Which side of the gap is loose (minutes): with `starts` at the end, the best of 1000 refinements from starts of four kinds. Where all kinds
//! end at the same MSE, hardly any transceiver is better, and what is left of the gap is the bound's.

use faer::Mat;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use solver::channel::{BlockFading, Fading, capacity};
use solver::recovery::{
    DesignOptions, Refinement, design, design_zero_forcing, gaussian_randomization, refine,
};
use solver::relaxation::{Options, lambda_min, mmse};
use solver::{Error, Problem};

const CHANNELS: usize = 20;
/// Seeds of two sets of channels.
const SETS: [u64; 2] = [1, 2];

fn main() -> Result<(), Error> {
    if std::env::args().nth(1).as_deref() == Some("starts") { starts() } else { pipelines() }
}

fn problems(devices: usize, set: u64) -> Result<Vec<Problem>, Error> {
    let blocks = BlockFading::new(Fading::PAPER, 20, &vec![4; devices], set)?;
    blocks.take(CHANNELS).map(|channels| Problem::new(channels, vec![1.0; devices], 1.0)).collect()
}

/// One device alone, on one channel. Its errors `E` of the `L` symbols have `log2 det E^{-1}` at most the capacity `C`, so `tr E ≥ L 2^{−C/L}`.
fn alone() -> Result<(), Error> {
    let channel = Fading::PAPER.draw(20, 4, &mut ChaCha8Rng::seed_from_u64(SETS[0]))?;
    let capacity = capacity(channel.as_ref(), 1.0, 1.0)?;
    let least = 4.0 * (-capacity / 4.0).exp2();
    let mse = design(&Problem::new(vec![channel], vec![1.0], 1.0)?, &DesignOptions::default())?.mse;
    println!(
        "One device, {capacity:.1} bit/s/Hz: MSE {mse:.3}, which its capacity keeps above {least:.3}.\n"
    );
    assert!(mse >= least);
    Ok(())
}

fn pipelines() -> Result<(), Error> {
    alone()?;
    println!(
        "| devices | set | paper, MSE | designed, MSE | certified bound | designed above bound | zero forcing above its bound |"
    );
    println!("|---|---|---|---|---|---|---|");
    for devices in [1, 2, 4, 8, 16, 32] {
        for set in SETS {
            let (mut paper, mut designed, mut bound) = (0.0, 0.0, 0.0);
            let (mut forced, mut forced_bound) = (0.0, 0.0);
            for problem in problems(devices, set)? {
                let relaxed = lambda_min::solve(&problem, &Default::default())?;
                let transceiver =
                    gaussian_randomization(&problem, relaxed.primal.as_ref(), &Default::default())?;
                paper += transceiver.mean_squared_error(&problem)?.total();
                let design = design(&problem, &DesignOptions::default())?;
                designed += design.mse;
                bound += design.bound.unwrap_or(0.0);
                let design = design_zero_forcing(&problem, &DesignOptions::default())?;
                forced += design.mse;
                forced_bound += design.bound.unwrap_or(0.0);
            }
            let mean = |sum: f64| sum / CHANNELS as f64;
            println!(
                "| {devices} | {set} | {:.2} | {:.3} | {:.3} | {:.2} % | {:.2} % |",
                mean(paper),
                mean(designed),
                mean(bound),
                100.0 * (designed / bound - 1.0),
                100.0 * (forced / forced_bound - 1.0)
            );
        }
    }
    Ok(())
}

/// Means of the best of 250 refinements of each kind, and of the best of all, above the bound.
fn starts() -> Result<(), Error> {
    const KINDS: usize = 4;
    println!("| devices | set | `X Ξ` | `Ξ` | `Σ H_n H_n^H Ξ` | `H_n + 0.3 Ξ` | all |");
    println!("|---|---|---|---|---|---|---|");
    for devices in [8, 16, 32] {
        for set in SETS {
            let (mut best, mut bound) = ([0.0; KINDS + 1], 0.0);
            for problem in problems(devices, set)? {
                let relaxed = mmse::solve(&problem, &Options { relative_gap: 1e-5, ..Default::default() })?;
                bound += relaxed.certificate.lower;
                let mut covariance = Mat::zeros(20, 20);
                for channel in problem.channels() {
                    covariance += channel * channel.adjoint();
                }
                let mut least = [f64::INFINITY; KINDS + 1];
                for (draw, mut noise) in
                    BlockFading::new(Fading::RAYLEIGH, 20, &[4], 1)?.take(250 * KINDS).enumerate()
                {
                    let noise = noise.remove(0);
                    let kind = draw % KINDS;
                    let start = match kind {
                        0 => &relaxed.primal * noise,
                        1 => noise,
                        2 => &covariance * noise,
                        _ => &problem.channels()[draw / KINDS % devices] + noise * faer::Scale(0.3.into()),
                    };
                    let stop = Refinement { decrease: 1e-5, max_iterations: 300 };
                    let mse = refine(&problem, start.as_ref(), &stop)?.mse;
                    least[kind] = least[kind].min(mse);
                    least[KINDS] = least[KINDS].min(mse);
                }
                best.iter_mut().zip(least).for_each(|(sum, mse)| *sum += mse);
            }
            let cells = best.map(|sum| format!("{:.2} %", 100.0 * (sum / bound - 1.0)));
            println!("| {devices} | {set} | {} |", cells.join(" | "));
        }
    }
    Ok(())
}
