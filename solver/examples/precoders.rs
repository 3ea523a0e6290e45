//! Ways from a relaxation to an aggregator, every way from an aggregator to precoders, closed forms and baselines, each with its MSE beside
//! a bound that holds for all: `cargo run --release -p solver --example precoders`

use solver::prelude::*;
use solver::recovery::{DesignOptions, lower_bound};
use solver::transceiver::{power_limited, zero_forcing};

fn row(name: &str, problem: &Problem, transceiver: Result<Transceiver, Error>) -> Result<(), Error> {
    match transceiver {
        Ok(transceiver) => {
            transceiver.check_power(problem)?;
            let error = transceiver.mean_squared_error(problem)?;
            println!(
                "{name:>34} {:>9.4} = {:.4} mismatch + {:.4} noise",
                error.total(),
                error.mismatch,
                error.noise
            );
        }
        // Lemma 1 says nothing where a hypothesis fails, and neither does the function.
        Err(error) => println!("{name:>34}   refused: {error}"),
    }
    Ok(())
}

fn mimo(title: &str, problem: &Problem) -> Result<(), Error> {
    println!(
        "\n{title}: R = {}, N = {}, L = {}",
        problem.receive_antennas(),
        problem.devices(),
        problem.streams()
    );
    let relaxed = Relaxation::Mmse.solve(problem, &relaxation::Options::default())?;
    let dominant = recovery::dominant_subspace(problem, relaxed.primal.as_ref())?;
    row("dominant subspace of X", problem, power_limited(problem, dominant.as_ref()))?;
    for (name, found) in [
        ("alternating from there", recovery::alternating(problem, dominant.as_ref(), &Default::default())?),
        ("refined from there", recovery::refine(problem, dominant.as_ref(), &Default::default())?),
    ] {
        let name = format!("{name}, {} it.", found.iterations);
        row(&name, problem, Ok(found.transceiver))?;
    }
    let design = recovery::design(problem, &DesignOptions::default())?;
    let aggregator = design.transceiver.aggregator();
    row("designed", problem, Ok(design.transceiver.clone()))?;
    row("its aggregator, power-limited", problem, power_limited(problem, aggregator))?;
    row("its aggregator, zero forcing", problem, zero_forcing(problem, aggregator))?;
    row("scaled until zero forcing fits", problem, recovery::scaled_zero_forcing(problem, aggregator))?;
    row(
        "zero forcing, refined",
        problem,
        recovery::refine_zero_forcing(problem, aggregator, &Default::default())
            .map(|found| found.transceiver),
    )?;
    row("equal power", problem, baseline::equal_power(problem))?;
    row("channel inversion, truncated", problem, baseline::truncated_inversion(problem, aggregator, 0.01))?;
    println!("{:>34} {:>9.4}", "no transceiver is below", lower_bound(problem, &Default::default())?);
    Ok(())
}

fn main() -> Result<(), Error> {
    let channels = BlockFading::new(Fading::PAPER, 20, &[4; 8], 3)?.block(0);
    mimo("the papers' setting", &Problem::new(channels.clone(), vec![1.0; 8], 1.0)?)?;
    mimo("two streams of four", &Problem::new(channels.clone(), vec![1.0; 8], 1.0)?.with_streams(2)?)?;
    let uneven = (0..8).map(|device| if device < 4 { 0.25 } else { 4.0 }).collect();
    mimo(
        "unequal signals",
        &Problem::new(channels.clone(), vec![1.0; 8], 1.0)?.with_signal_variance(uneven)?,
    )?;
    // Each device takes part in two of the four sums only, every sum has four devices.
    let lists = [[0, 1], [1, 2], [2, 3], [0, 3]];
    let lists = (0..8).map(|device| lists[device % 4].to_vec()).collect();
    mimo(
        "each device in two of four sums",
        &Problem::new(channels, vec![1.0; 8], 1.0)?.with_device_streams(lists)?,
    )?;

    // One antenna everywhere: the optimal power control is known. Below a threshold full power, above it channel inversion.
    let channels = BlockFading::new(Fading::RAYLEIGH, 1, &[1; 6], 3)?.block(0);
    let problem = Problem::new(channels, vec![1.0; 6], 0.1)?;
    println!("\none antenna everywhere: N = {}, σ² = {}", problem.devices(), problem.noise_power());
    let scalar = baseline::scalar_power_control(&problem)?;
    let power = scalar.transmit_power(&problem).iter().map(|p| format!("{p:.2}")).collect::<Vec<_>>();
    row("optimal power control", &problem, Ok(scalar))?;
    println!("{:>34} {}", "powers of 1", power.join(" "));
    println!("{:>34} {:>9.4}", "no transceiver is below", lower_bound(&problem, &Default::default())?);

    // One device: both sides are known in closed form.
    let problem = Problem::new(BlockFading::new(Fading::PAPER, 6, &[3], 3)?.block(0), vec![1.0], 1.0)?;
    println!("\none device: R = 6, T = L = 3");
    row("closed form", &problem, baseline::single_device(&problem))?;
    println!("{:>34} {:>9.4}", "no transceiver is below", baseline::single_device_bound(&problem)?);
    Ok(())
}
