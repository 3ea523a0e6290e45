//! The Rust side of `benches/peers/run.sh`: the instances that all peers see, ours and Clarabel timed on them, and the
//! one certificate that judges everybody. JSON in the shape of the reference instances, on standard input and output.
//!
//! - `peers instances CHANNELS` prints the instances: that many seeded channels for each N, p = σ² = 1;
//! - `peers solve FILE` prints one line per solver and instance: certified gap and median seconds;
//! - `peers certify FILE` answers each line of points, `{"relaxation", "instance", "x", "u"}`, by a line of bounds.

use benches::clarabel_sdp::use_one_thread;
use benches::paper_problem;
use faer::{Mat, c64};
use serde_json::{Value, json};
use solver::Problem;
use solver::relaxation::clarabel_sdp::{Factorization, Model, Settings};
use solver::relaxation::{Options, Relaxation};
use std::io::BufRead;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

const DEVICES: [usize; 5] = [2, 4, 8, 16, 32];
const FIRST_SEED: u64 = 7;
/// What is there for reference is solved up to this N: `trace_inverse`, `mmse`, and Clarabel as a build with its feature `sdp` alone is, with QDLDL.
const REFERENCE_DEVICES: usize = 8;
/// The certified relative gap that counts as solved, and the tolerances tried, loosest first, until one reaches it.
const RELATIVE_GAP: f64 = 1e-6;
const TOLERANCES: [f64; 5] = [1e-6, 1e-7, 1e-8, 1e-9, 1e-10];
const REPEATS: usize = 3;
const LEAST_TIME: Duration = Duration::from_millis(200);

fn main() -> Result<(), Failure> {
    use_one_thread();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["instances", channels] => instances(channels.parse()?),
        ["solve", file] => solve(&read(file)?),
        ["certify", file] => certify(&read(file)?),
        _ => Err("usage: peers instances CHANNELS | solve FILE | certify FILE".into()),
    }
}

fn instances(channels: u64) -> Result<(), Failure> {
    let mut list = Vec::new();
    for devices in DEVICES {
        for seed in FIRST_SEED..FIRST_SEED + channels {
            let problem = paper_problem(devices, seed)?;
            list.push(json!({
                "name": format!("N = {devices}"),
                "noise_power": problem.noise_power(),
                "transmit_power": problem.transmit_power(),
                "channels": problem.channels().iter().map(matrix_to_json).collect::<Vec<_>>(),
            }));
        }
    }
    println!("{}", Value::from(list));
    Ok(())
}

fn solve(problems: &[Problem]) -> Result<(), Failure> {
    for relaxation in Relaxation::ALL {
        for (instance, problem) in problems.iter().enumerate() {
            let main = relaxation == Relaxation::LambdaMin;
            if main || problem.devices() <= REFERENCE_DEVICES {
                ours(relaxation, instance, problem, RELATIVE_GAP)?;
                clarabel(relaxation, instance, problem, Factorization::Supernodal)?;
            }
            if main && problem.devices() <= REFERENCE_DEVICES {
                clarabel(relaxation, instance, problem, Factorization::Qdldl)?;
            }
            if main {
                ours(relaxation, instance, problem, 1e-9)?;
            }
        }
    }
    Ok(())
}

fn ours(relaxation: Relaxation, instance: usize, problem: &Problem, gap: f64) -> Result<(), Failure> {
    let options = Options { relative_gap: gap, ..Options::default() };
    let (reached, tolerance) = match relaxation.solve(problem, &options) {
        Ok(solution) => (solution.certificate.relative_gap(), gap),
        Err(solver::Error::NotConverged { lower, upper, .. }) => ((upper - lower) / upper, gap),
        Err(error) => return Err(error.into()),
    };
    let seconds = median(|| {
        let start = Instant::now();
        let _ = std::hint::black_box(relaxation.solve(std::hint::black_box(problem), &options));
        start.elapsed()
    });
    let solver = if gap < RELATIVE_GAP { format!("ours, gap {gap:e}") } else { "ours".to_owned() };
    report(&solver, relaxation, instance, (tolerance, reached), (0.0, seconds));
    Ok(())
}

fn clarabel(
    relaxation: Relaxation,
    instance: usize,
    problem: &Problem,
    factorization: Factorization,
) -> Result<(), Failure> {
    let settings = |tolerance: f64| Settings { tolerance, factorization, ..Settings::default() };
    let mut best: Option<(f64, f64)> = None;
    for tolerance in TOLERANCES {
        let model = Model::new(relaxation, problem)?;
        let mut run = model.program().prepare(&settings(tolerance))?;
        run.solve();
        let points = model.points(&run)?;
        let gap = relaxation.certify(problem, points.primal.as_ref(), &points.dual)?.relative_gap();
        if best.is_none_or(|(_, least)| gap < least) {
            best = Some((tolerance, gap));
        }
        if gap <= RELATIVE_GAP {
            break;
        }
    }
    let Some((tolerance, gap)) = best else { return Err("no tolerances".into()) };
    let prepare = || {
        let model = Model::new(relaxation, problem)?;
        let run = model.program().prepare(&settings(tolerance))?;
        Ok::<_, solver::Error>((model, run))
    };
    let mut setups = Vec::new();
    let seconds = median(|| {
        let start = Instant::now();
        let prepared = prepare();
        setups.push(start.elapsed());
        let start = Instant::now();
        if let Ok((_, mut run)) = prepared {
            run.solve();
        }
        start.elapsed()
    });
    setups.sort();
    let setup = setups[setups.len() / 2].as_secs_f64();
    let solver = match factorization {
        Factorization::Supernodal => "Clarabel, Rust, dual",
        Factorization::Qdldl => "Clarabel, Rust, dual, QDLDL",
    };
    report(solver, relaxation, instance, (tolerance, gap), (setup, seconds));
    Ok(())
}

fn report(
    solver: &str,
    relaxation: Relaxation,
    instance: usize,
    (tolerance, gap): (f64, f64),
    (setup, seconds): (f64, f64),
) {
    let relaxation = relaxation.name();
    println!(
        "{}",
        json!({ "solver": solver, "relaxation": relaxation, "instance": instance, "tolerance": tolerance, "gap": gap,
                "setup": setup, "seconds": seconds })
    );
}

/// The median of at least [`REPEATS`] runs, after one that does not count, and of more where they are short.
fn median(mut run: impl FnMut() -> Duration) -> f64 {
    run();
    let mut times = Vec::new();
    let start = Instant::now();
    while times.len() < REPEATS || (start.elapsed() < LEAST_TIME && times.len() < 50) {
        times.push(run());
    }
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

fn certify(problems: &[Problem]) -> Result<(), Failure> {
    for line in std::io::stdin().lock().lines() {
        let points: Value = serde_json::from_str(&line?)?;
        let problem = problems.get(number(&points["instance"])? as usize).ok_or("no such instance")?;
        let relaxation = Relaxation::ALL
            .into_iter()
            .find(|relaxation| points["relaxation"] == relaxation.name())
            .ok_or("no such relaxation")?;
        let primal = matrix(&points["x"])?;
        let dual = list(&points["u"])?.iter().map(matrix).collect::<Result<Vec<_>, _>>()?;
        let answer = match relaxation.certify(problem, primal.as_ref(), &dual) {
            Ok(bounds) => {
                json!({ "lower": bounds.lower, "upper": bounds.upper, "gap": bounds.relative_gap() })
            }
            Err(error) => json!({ "error": error.to_string() }),
        };
        println!("{answer}");
    }
    Ok(())
}

fn read(file: &str) -> Result<Vec<Problem>, Failure> {
    let document: Value = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    list(&document)?
        .iter()
        .map(|instance| {
            let channels = list(&instance["channels"])?.iter().map(matrix).collect::<Result<_, _>>()?;
            let power = numbers(&instance["transmit_power"])?;
            Ok(Problem::new(channels, power, number(&instance["noise_power"])?)?)
        })
        .collect()
}

fn matrix(value: &Value) -> Result<Mat<c64>, Failure> {
    let rows = |part: &Value| list(part)?.iter().map(numbers).collect::<Result<Vec<_>, _>>();
    let (re, im) = (rows(&value["re"])?, rows(&value["im"])?);
    let columns = re.first().map_or(0, Vec::len);
    if im.len() != re.len() || re.iter().chain(&im).any(|row| row.len() != columns) {
        return Err("a matrix with rows of unequal length".into());
    }
    Ok(Mat::from_fn(re.len(), columns, |i, j| c64::new(re[i][j], im[i][j])))
}

fn matrix_to_json(matrix: &Mat<c64>) -> Value {
    let rows = |part: fn(c64) -> f64| -> Vec<Vec<f64>> {
        (0..matrix.nrows()).map(|i| (0..matrix.ncols()).map(|j| part(matrix[(i, j)])).collect()).collect()
    };
    json!({ "re": rows(|z| z.re), "im": rows(|z| z.im) })
}

fn list(value: &Value) -> Result<&Vec<Value>, Failure> {
    value.as_array().ok_or_else(|| format!("not a list: {value}").into())
}

fn numbers(value: &Value) -> Result<Vec<f64>, Failure> {
    list(value)?.iter().map(number).collect()
}

fn number(value: &Value) -> Result<f64, Failure> {
    value.as_f64().ok_or_else(|| format!("not a number: {value}").into())
}
