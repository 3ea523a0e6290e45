//! Algorithm 1 watched while it runs, stopped, kept and continued: the run that is resumed is, bit for bit, the run that was not stopped. Then
//! the same for a stochastic program of one's own under several schedules: what they are worth, and which are refused.
//!
//! `cargo run --release -p solver --example resume`; with `--features serde` the state is kept as a JSON document.

use std::convert::Infallible;
use std::error::Error;
use std::ops::ControlFlow;

use rand::RngExt;
use solver::assignment::{self, AssignmentOptions, AssignmentProblem, RelaxedMse, assign};
use solver::channel::{BlockFading, Fading};
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::Relaxation;
use solver::sca::{
    DeclaredDecay, Evaluation, Function, GeometricThenPolynomial, IterationRecord, Polyhedron,
    PolynomialDecay, Rng, ScaOptions, Schedules, StochasticProgram, StochasticSca, TerminationReason,
};

/// Part of its power that each device would spend on computing the whole model.
const COSTS: [f64; 4] = [1.2, 1.6, 2.0, 2.4];
const ITERATIONS: usize = 400;
/// The iteration after which the machine is wanted for something else.
const STOP: usize = 150;
/// How [`kept`] keeps a state.
const FORMAT: &str = if cfg!(feature = "serde") { " as JSON" } else { " in memory" };

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

/// What a program would write to a file, and read after its restart.
#[cfg(feature = "serde")]
fn kept<S: serde::Serialize + serde::de::DeserializeOwned>(state: &S) -> Result<S, Box<dyn Error>> {
    Ok(serde_json::from_str(&serde_json::to_string(state)?)?)
}

#[cfg(not(feature = "serde"))]
fn kept<S: Clone>(state: &S) -> Result<S, Box<dyn Error>> {
    Ok(state.clone())
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn algorithm_1() -> Result<(), Box<dyn Error>> {
    let model = |cost| EnergyModel::new(1.0, cost, 1.0, Accounting::PerChannelUse);
    let energy = COSTS.into_iter().map(model).collect::<Result<Vec<_>, _>>()?;
    let channels = BlockFading::new(Fading::PAPER, 10, &[2; 4], 1)?;
    let problem = AssignmentProblem::new(energy, channels, RelaxedMse::new(Relaxation::Mmse, 1.0)?)?;
    let options = AssignmentOptions::new(7).with_iterations(ITERATIONS)?;

    println!("| iterations | shares | estimated error | step | residual |");
    println!("|---|---|---|---|---|");
    let mut state = assignment::start(&problem, &options)?;
    let first = assignment::resume(&problem, &options, &mut state, observer(Some(STOP)))?;
    if first.termination != TerminationReason::StoppedByObserver {
        return Err(format!("the run ended by itself: {:?}", first.termination).into());
    }
    println!("stopped; the state of {} iterations is kept{FORMAT}, and goes on:", state.iteration());
    let mut state = kept(&state)?;
    let last = assignment::resume(&problem, &options, &mut state, observer(None))?;

    let whole = assign(&problem, &options)?;
    if bits(&last.shares) != bits(&whole.shares) || [first.history, last.history].concat() != whole.history {
        return Err("the resumed run is not the run that was not stopped".into());
    }
    println!("every record and share is that of {ITERATIONS} iterations in one go, to the last bit");
    // A state goes on with its own problem and seed only.
    let other = AssignmentOptions::new(8).with_iterations(2 * ITERATIONS)?;
    match assignment::resume(&problem, &other, &mut state, observer(None)) {
        Err(error) => println!("with another seed: {error}"),
        Ok(_) => return Err("a state of another seed was accepted".into()),
    }
    Ok(())
}

/// The point of the simplex nearest to the mean of what is observed.
struct Nearest(Polyhedron);

const MEAN: [f64; 3] = [0.7, 0.5, -1.0];
/// Its projection on the simplex.
const NEAREST: [f64; 3] = [0.6, 0.4, 0.0];

impl StochasticProgram for Nearest {
    type Sample = Vec<f64>;
    type Error = Infallible;

    fn feasible_set(&self) -> &Polyhedron {
        &self.0
    }

    fn sample(&self, rng: &mut dyn Rng) -> Result<Vec<f64>, Infallible> {
        Ok(MEAN.iter().map(|mean| mean + rng.random_range(-0.5..0.5)).collect())
    }

    fn evaluate(&self, x: &[f64], sample: &Vec<f64>) -> Result<Evaluation, Infallible> {
        let gradient: Vec<f64> = x.iter().zip(sample).map(|(x, s)| 2.0 * (x - s)).collect();
        let value = gradient.iter().map(|g| 0.25 * g * g).sum();
        Ok(Evaluation { objective: Function { value, gradient }, constraints: vec![] })
    }
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

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

/// How far the points of a run went, in all.
fn path(history: &[IterationRecord]) -> f64 {
    history.windows(2).map(|pair| distance(&pair[0].point, &pair[1].point)).sum()
}

/// Each run stopped halfway and resumed, as [`algorithm_1`] above.
fn compare_schedules() -> Result<(), Box<dyn Error>> {
    println!(
        "\n| schedules | guaranteed | from the optimum after 2000 iterations | after 4000 | path between |"
    );
    println!("|---|---|---|---|---|");
    let program = Nearest(Polyhedron::simplex(3, 0.0)?);
    let go = |_: &IterationRecord| ControlFlow::Continue(());
    for (name, schedules) in schedules()? {
        let options = ScaOptions::new(3).with_schedules(schedules);
        let mut half = StochasticSca::new(&program, options.clone().with_iterations(2000)?);
        let mut whole = StochasticSca::new(&program, options.with_iterations(4000)?);
        let mut state = half.start(&[1.0 / 3.0; 3])?;
        let early = half.resume(&mut state, go)?;
        let late = whole.resume(&mut kept(&state)?, go)?;
        if bits(&late.point) != bits(&whole.run(&[1.0 / 3.0; 3])?.point) {
            return Err(format!("{name}: the resumed run is another").into());
        }
        println!(
            "| {name} | {} | {:.4} | {:.4} | {:.3} |",
            if late.guaranteed { "yes" } else { "no" },
            distance(&early.point, &NEAREST),
            distance(&late.point, &NEAREST),
            path(&late.history)
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
    algorithm_1()?;
    compare_schedules()
}
