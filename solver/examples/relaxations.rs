//! The three relaxations of one channel state, and what each bound is worth: `cargo run --release -p solver --example relaxations`.

use solver::channel::{BlockFading, Fading};
use solver::recovery::{self, gaussian_randomization, scaled_zero_forcing};
use solver::relaxation::{Options, Relaxation, Scope};
use solver::{Error, Problem, faer};

fn main() -> Result<(), Error> {
    // Unequal devices: 4, 2 and 3 antennas, and a factor of ten between their powers.
    let channels = BlockFading::new(Fading::PAPER, 12, &[4, 2, 3], 1)?.block(0);
    let problem = Problem::new(channels, vec![1.0, 0.1, 0.4], 0.5)?;
    println!("R = 12, T = 4, 2, 3, σ² = {}; L = {} streams", problem.noise_power(), problem.streams());
    let square = {
        let channels = BlockFading::new(Fading::PAPER, 12, &[3, 3, 3], 1)?.block(0);
        Problem::new(channels, vec![1.0, 0.1, 0.4], 0.5)?
    };
    for (name, problem) in [("unequal antennas", &problem), ("T = L = 3", &square)] {
        println!("\n{name}\n{:>14} {:>12} {:>12} {:>5}  the lower bound bounds", "", "lower", "upper", "it.");
        let options = Options { relative_gap: 1e-6, ..Options::default() };
        for relaxation in Relaxation::ALL {
            let solution = relaxation.solve(problem, &options)?;
            let bounds = match solution.certificate.scope {
                Scope::Program => "this program",
                Scope::ZeroForcing => "α of every zero-forcing transceiver",
                Scope::AnyTransceiver => "the MSE of every transceiver",
            };
            println!(
                "{:>14} {:>12.6} {:>12.6} {:>5}  {bounds}",
                relaxation.name(),
                solution.certificate.lower,
                solution.certificate.upper,
                solution.iterations,
            );
        }
        // What the bounds are compared with.
        let relaxed = Relaxation::LambdaMin.solve(problem, &options)?;
        let paper = gaussian_randomization(problem, relaxed.primal.as_ref(), &Default::default())?;
        let refined = recovery::refine(problem, paper.aggregator(), &Default::default())?;
        let forced = scaled_zero_forcing(problem, refined.transceiver.aggregator())?;
        println!(
            "{:>14} α {:.6}, MSE {:.6}",
            "zero forcing",
            forced.alpha(),
            problem.noise_power() * forced.alpha()
        );
        println!("{:>14} MSE {:.6}", "refined", refined.mse);
    }

    // No solver has to be trusted: any matrices give valid bounds, bad ones wide intervals.
    let x = faer::Mat::identity(12, 12);
    let u = vec![faer::Mat::identity(3, 3); 3];
    let certificate = Relaxation::Mmse.certify(&square, x.as_ref(), &u)?;
    println!("\nmmse from X = I, U_n = I alone: {:.3} to {:.3}", certificate.lower, certificate.upper);
    Ok(())
}
