//! A hundred independent problems at once, one of them with a broken channel: what the batch costs per problem, and that the broken one
//! fails alone.
//!
//! `cargo run --release -p solver --features parallel --example batch`; without the feature, on one core.

use solver::prelude::*;
use std::time::Instant;

const PROBLEMS: u64 = 100;
const BROKEN: usize = 42;

fn main() -> Result<(), Error> {
    let blocks = BlockFading::new(Fading::PAPER, 20, &[4; 8], 1)?;
    let mut problems = Vec::new();
    for index in 0..PROBLEMS {
        let mut channels = blocks.block(index);
        if index == BROKEN as u64 {
            channels[3] = Mat::zeros(20, 4);
        }
        problems.push(Problem::new(channels, vec![1.0; 8], 1.0)?);
    }

    let solve = |problem: &Problem| Relaxation::LambdaMin.solve(problem, &Default::default());
    let start = Instant::now();
    let batch: Vec<Result<Solution, Error>> = batch::solve(&problems, solve);
    let batched = start.elapsed();
    let start = Instant::now();
    let one_by_one: Vec<Result<Solution, Error>> = problems.iter().map(solve).collect();
    let sequential = start.elapsed();

    let solved = batch.iter().flatten();
    let same = solved
        .clone()
        .zip(one_by_one.iter().flatten())
        .all(|(a, b)| a.primal == b.primal && a.dual == b.dual);
    println!("| | ms per problem |");
    println!("|---|---|");
    println!("| batch | {:.2} |", 1e3 * batched.as_secs_f64() / PROBLEMS as f64);
    println!("| one by one | {:.2} |", 1e3 * sequential.as_secs_f64() / PROBLEMS as f64);
    println!("{} of {PROBLEMS} solved, the same as one by one: {same}", solved.count());
    for (index, result) in batch.iter().enumerate() {
        if let Err(error) = result {
            println!("problem {index}: {error}");
        }
    }
    Ok(())
}
