//! Algorithm 1 watched while it runs, stopped, kept and continued: the run that is resumed is, bit for bit, the run that was not stopped. Then
//! what other schedules make of it, and which schedules are refused.
//!
//! `cargo run --release -p solver --example resume`; with `--features serde` the state is kept as a JSON document.

use std::error::Error;
use std::ops::ControlFlow;

use solver::assignment::{
    self, Assignment, AssignmentOptions, AssignmentProblem, AssignmentState, RelaxedMse, assign,
    paired_difference,
};
use solver::channel::{BlockFading, Fading};
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::Relaxation;
use solver::sca::{
    DeclaredDecay, GeometricThenPolynomial, IterationRecord, PolynomialDecay, Schedules, TerminationReason,
};

type Problem = AssignmentProblem<BlockFading, RelaxedMse>;

/// Part of its power that each device would spend on computing the whole model.
const COSTS: [f64; 4] = [1.2, 1.6, 2.0, 2.4];
const ITERATIONS: usize = 400;
/// The iteration after which the machine is wanted for something else.
const STOP: usize = 150;

/// Shows every fiftieth iteration, and stops the run after as many iterations as said.
fn observer(stop: Option<usize>) -> impl Fn(&IterationRecord) -> ControlFlow<()> {
    move |record| {
        let done = record.iteration + 1;
        if done % 50 == 0 {
            let shares: Vec<String> = record.point.iter().map(|share| format!("{share:.3}")).collect();
            println!(
                "| {done} | {} | {:.3} | {:.3} | {:.4} |",
                shares.join(", "),
                record.objective,
                record.step,
                record.residual
            );
        }
        if Some(done) == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// What a program would write to a file and read after its restart.
#[cfg(feature = "serde")]
fn kept(state: AssignmentState) -> Result<AssignmentState, Box<dyn Error>> {
    let document = serde_json::to_string(&state)?;
    println!("kept: {} bytes of JSON, {:.90}…", document.len(), document);
    Ok(serde_json::from_str(&document)?)
}

#[cfg(not(feature = "serde"))]
fn kept(state: AssignmentState) -> Result<AssignmentState, Box<dyn Error>> {
    println!("kept in memory, after {} iterations; with the feature serde, as a document", state.iteration());
    Ok(state)
}

fn schedules() -> Result<Vec<(&'static str, Schedules)>, Box<dyn Error>> {
    let averaging = PolynomialDecay::new(1.0, 1.0, 0.6)?;
    let geometric = GeometricThenPolynomial::new(0.9, 10, PolynomialDecay::new(1.0, 20.0, 0.95)?)?;
    let logarithmic = |tau: usize| 1.0 / ((1.0 + tau as f64 / 10.0) * (1.0 + (1.0 + tau as f64).ln()));
    Ok(vec![
        ("default", Schedules::default()),
        ("steps in proportion to 1/τ", Schedules::new(averaging, PolynomialDecay::new(1.0, 1.0, 1.0)?)?),
        ("geometric until τ = 10", Schedules::new(averaging, geometric)?),
        ("one's own, 1/(τ log τ)", Schedules::new(averaging, DeclaredDecay::new(1.0, logarithmic)?)?),
        ("constant", Schedules::constant_without_guarantee(0.5, 0.5)?),
    ])
}

/// How far the shares went in the last 100 iterations, in all.
fn path(history: &[IterationRecord]) -> f64 {
    let length = |pair: &[IterationRecord]| {
        let squares = pair[0].point.iter().zip(&pair[1].point).map(|(a, b)| (a - b).powi(2));
        squares.sum::<f64>().sqrt()
    };
    history[history.len().saturating_sub(100)..].windows(2).map(length).sum()
}

fn stop_and_resume(problem: &Problem, options: &AssignmentOptions) -> Result<Assignment, Box<dyn Error>> {
    println!("| iterations | shares | estimated error | step | residual |");
    println!("|---|---|---|---|---|");
    let mut state = assignment::start(problem, options)?;
    let first = assignment::resume(problem, options, &mut state, observer(Some(STOP)))?;
    if first.termination != TerminationReason::StoppedByObserver {
        return Err(format!("the run ended by itself: {:?}", first.termination).into());
    }
    let mut state = kept(state)?;
    let last = assignment::resume(problem, options, &mut state, observer(None))?;

    let whole = assign(problem, options)?;
    let bits = |shares: &[f64]| shares.iter().map(|share| share.to_bits()).collect::<Vec<u64>>();
    if bits(&last.shares) != bits(&whole.shares) || [first.history, last.history].concat() != whole.history {
        return Err("the resumed run is not the run that was not stopped".into());
    }
    println!("every record and share is that of {ITERATIONS} iterations in one go, to the last bit");
    // A state goes on with its own problem and seed only.
    let other = AssignmentOptions::new(8).with_iterations(2 * ITERATIONS)?;
    match assignment::resume(problem, &other, &mut state, observer(None)) {
        Err(error) => println!("with another seed: {error}"),
        Ok(_) => return Err("a state of another seed was accepted".into()),
    }
    Ok(whole)
}

fn compare_schedules(
    problem: &Problem,
    options: &AssignmentOptions,
    default: &Assignment,
) -> Result<(), Box<dyn Error>> {
    println!("\n| schedules | guaranteed | path of the last 100 iterations | error above the default's |");
    println!("|---|---|---|---|");
    for (name, schedules) in schedules()? {
        let found = assign(problem, &options.clone().with_schedules(schedules))?;
        // On the same fresh blocks, so that the noise they share cancels.
        let above = paired_difference(problem, &found.shares, &default.shares, 200, 99)?;
        println!(
            "| {name} | {} | {:.3} | {:+.4} ± {:.4} |",
            if found.guaranteed { "yes" } else { "no" },
            path(&found.history),
            above.mean,
            above.standard_error
        );
    }
    let refused = [
        PolynomialDecay::new(1.0, 1.0, 0.5).err(),
        Schedules::new(PolynomialDecay::new(1.0, 1.0, 0.9)?, PolynomialDecay::new(1.0, 1.0, 0.6)?).err(),
        GeometricThenPolynomial::new(0.5, 2000, PolynomialDecay::new(1.0, 1.0, 0.9)?).err(),
    ];
    for refusal in refused {
        println!("refused: {}", refusal.ok_or("a schedule that breaks convergence was accepted")?);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let model = |cost| EnergyModel::new(1.0, cost, 1.0, Accounting::PerChannelUse);
    let energy = COSTS.into_iter().map(model).collect::<Result<Vec<_>, _>>()?;
    let channels = BlockFading::new(Fading::PAPER, 10, &[2; 4], 1)?;
    let problem = AssignmentProblem::new(energy, channels, RelaxedMse::new(Relaxation::Mmse, 1.0)?)?;
    let options = AssignmentOptions::new(7).with_iterations(ITERATIONS)?;
    let whole = stop_and_resume(&problem, &options)?;
    compare_schedules(&problem, &options, &whole)
}
