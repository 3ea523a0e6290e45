//! A server that solves the papers' relaxation in every block while the channels change slowly: Gauss–Markov fading of several Doppler
//! shifts, 1 ms between blocks; a solver that starts each block from the last solution against one that starts from scratch.
//!
//! `cargo run --release -p solver --example tracking`

use solver::channel::jakes_correlation;
use solver::prelude::*;
use solver::relaxation::Options;
use std::time::Instant;

const BLOCKS: usize = 50;
const SECONDS_PER_BLOCK: f64 = 1e-3;

/// Mean iterations and milliseconds per block, after the first.
fn track(
    problems: &[Problem],
    relaxation: Relaxation,
    options: Options,
    warm: bool,
) -> Result<(f64, f64), Error> {
    let mut solver = Solver::new(relaxation, options)?;
    let (mut iterations, mut seconds) = (0, 0.0);
    for (block, problem) in problems.iter().enumerate() {
        if !warm {
            solver.forget();
        }
        let start = Instant::now();
        let solution = solver.solve(problem)?;
        if block > 0 {
            iterations += solution.iterations;
            seconds += start.elapsed().as_secs_f64();
        }
    }
    let blocks = (problems.len() - 1) as f64;
    Ok((iterations as f64 / blocks, 1e3 * seconds / blocks))
}

fn main() -> Result<(), Error> {
    println!("| relaxation | Doppler, Hz | correlation | cold: iterations | ms | warm: iterations | ms |");
    println!("|---|---|---|---|---|---|---|");
    for relaxation in [Relaxation::LambdaMin, Relaxation::Mmse] {
        let options = Options { relative_gap: 1e-4, ..Default::default() };
        for doppler in [1.0, 10.0, 32.0, 100.0] {
            let correlation = jakes_correlation(doppler, SECONDS_PER_BLOCK)?;
            let blocks = GaussMarkov::new(Fading::PAPER, correlation, 20, &[4; 8], 1)?;
            let problems: Vec<Problem> = blocks
                .take(BLOCKS)
                .map(|channels| Problem::new(channels, vec![1.0; 8], 1.0))
                .collect::<Result<_, _>>()?;
            let (cold, cold_time) = track(&problems, relaxation, options, false)?;
            let (warm, warm_time) = track(&problems, relaxation, options, true)?;
            println!(
                "| {} | {doppler} | {correlation:.5} | {cold:.1} | {cold_time:.2} | {warm:.1} | {warm_time:.2} |",
                relaxation.name()
            );
        }
    }
    Ok(())
}
