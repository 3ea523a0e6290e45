//! A server that works in every block while the channels change slowly: Gauss–Markov fading of several Doppler shifts, 1 ms between
//! blocks. First the relaxations, by a solver that starts each block from the last solution and by one that starts from scratch. Then
//! the transceiver: designed anew in every block, or the last one refined.
//!
//! `cargo run --release -p solver --example tracking`

use solver::channel::jakes_correlation;
use solver::prelude::*;
use solver::recovery::DesignOptions;
use solver::relaxation::Options;
use std::time::Instant;

const BLOCKS: usize = 50;
const SECONDS_PER_BLOCK: f64 = 1e-3;
const DOPPLER: [f64; 4] = [1.0, 10.0, 32.0, 100.0];

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

/// Mean MSE and milliseconds per block, after the first, of transceivers designed anew and of the last one refined.
fn follow(problems: &[Problem]) -> Result<[(f64, f64); 2], Error> {
    let options = DesignOptions::default();
    let mut last = recovery::design(&problems[0], &options)?;
    let mut sums = [(0.0, 0.0); 2];
    for problem in &problems[1..] {
        let start = Instant::now();
        let anew = recovery::design(problem, &options)?;
        let middle = Instant::now();
        last = recovery::redesign(problem, last.transceiver.aggregator(), &options)?;
        let times = [middle - start, middle.elapsed()];
        for ((mse, seconds), (found, time)) in
            sums.iter_mut().zip([anew.mse, last.mse].into_iter().zip(times))
        {
            *mse += found;
            *seconds += time.as_secs_f64();
        }
    }
    let blocks = (problems.len() - 1) as f64;
    Ok(sums.map(|(mse, seconds)| (mse / blocks, 1e3 * seconds / blocks)))
}

fn problems(doppler: f64) -> Result<(f64, Vec<Problem>), Error> {
    let correlation = jakes_correlation(doppler, SECONDS_PER_BLOCK)?;
    let blocks = GaussMarkov::new(Fading::PAPER, correlation, 20, &[4; 8], 1)?;
    let problem = |channels| Problem::new(channels, vec![1.0; 8], 1.0);
    Ok((correlation, blocks.take(BLOCKS).map(problem).collect::<Result<_, _>>()?))
}

fn main() -> Result<(), Error> {
    println!("| relaxation | Doppler, Hz | correlation | cold: iterations | ms | warm: iterations | ms |");
    println!("|---|---|---|---|---|---|---|");
    for relaxation in [Relaxation::LambdaMin, Relaxation::Mmse] {
        let options = Options { relative_gap: 1e-4, ..Default::default() };
        for doppler in DOPPLER {
            let (correlation, problems) = problems(doppler)?;
            let (cold, cold_time) = track(&problems, relaxation, options, false)?;
            let (warm, warm_time) = track(&problems, relaxation, options, true)?;
            println!(
                "| {} | {doppler} | {correlation:.5} | {cold:.1} | {cold_time:.2} | {warm:.1} | {warm_time:.2} |",
                relaxation.name()
            );
        }
    }
    println!(
        "\n| Doppler, Hz | correlation | designed anew: MSE | ms | last one refined: MSE | ms | times faster |"
    );
    println!("|---|---|---|---|---|---|---|");
    for doppler in DOPPLER {
        let (correlation, problems) = problems(doppler)?;
        let [(anew, anew_time), (last, last_time)] = follow(&problems)?;
        println!(
            "| {doppler} | {correlation:.5} | {anew:.4} | {anew_time:.2} | {last:.4} | {last_time:.2} | {:.1} |",
            anew_time / last_time
        );
    }
    Ok(())
}
