//! A server that works in every block while the channels change slowly: Gauss–Markov fading of several Doppler shifts, 1 ms between
//! blocks. First the relaxations, by a solver that starts each block from the last solution and by one that starts from scratch. Then
//! transceivers with their certificates: designed anew in every block, or tracked by a `Designer`.
//!
//! `cargo run --release -p solver --example tracking`

use solver::channel::jakes_correlation;
use solver::prelude::*;
use solver::recovery::{Design, DesignOptions, Designer, Method};
use solver::relaxation::Options;
use std::time::Instant;

const BLOCKS: usize = 200;
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

/// Sums over the blocks after the first.
#[derive(Default)]
struct Sums {
    mse: f64,
    bound: f64,
    seconds: f64,
    replaced: usize,
}

impl Sums {
    fn add(&mut self, design: &Design, start: Instant) {
        self.seconds += start.elapsed().as_secs_f64();
        self.mse += design.mse;
        self.bound += design.bound.unwrap_or_default();
        self.replaced += usize::from(design.method != Method::Last);
    }

    /// Mean MSE, and how far it is above the mean bound, in percent.
    fn quality(&self, blocks: usize) -> String {
        format!("{:.4} | {:.2}", self.mse / blocks as f64, 100.0 * (self.mse / self.bound - 1.0))
    }
}

/// Transceivers designed anew, and by a designer that refines the last one where its certificate says that this serves.
fn follow(problems: &[Problem]) -> Result<[Sums; 2], Error> {
    let options = DesignOptions::default();
    let mut designer = Designer::new(options)?;
    designer.design(&problems[0])?;
    let mut sums = <[Sums; 2]>::default();
    for problem in &problems[1..] {
        let start = Instant::now();
        sums[0].add(&recovery::design(problem, &options)?, start);
        let start = Instant::now();
        sums[1].add(designer.design(problem)?, start);
    }
    Ok(sums)
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
        "\n| Doppler, Hz | correlation | designed anew: MSE | gap, % | ms | tracked: MSE | gap, % | replaced | ms | times faster |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for doppler in DOPPLER {
        let (correlation, problems) = problems(doppler)?;
        let blocks = problems.len() - 1;
        let [anew, tracked] = follow(&problems)?;
        println!(
            "| {doppler} | {correlation:.5} | {} | {:.2} | {} | {} of {blocks} | {:.2} | {:.1} |",
            anew.quality(blocks),
            1e3 * anew.seconds / blocks as f64,
            tracked.quality(blocks),
            tracked.replaced,
            1e3 * tracked.seconds / blocks as f64,
            anew.seconds / tracked.seconds
        );
    }
    Ok(())
}
