//! `aircomp design`.

mod outcome;
mod show;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use super::{CliError, print};
use crate::instance::{self, Instance};
use crate::report::FormatError;

/// Design transceivers for given channels and say how far from optimal they can be.
///
/// For each instance of FILE: solves the relaxations, each with a certified interval for its optimal value, and recovers three
/// transceivers: "paper" (semidefinite relaxation, Gaussian randomization, zero forcing), "refined" (local refinement of the
/// true problem from there) and "designed" (the best of several refinements, started from the true problem's relaxation). "gap" is how
/// far, relatively, an MSE is above the bound that holds for every transceiver; there is none where some device has more antennas
/// than there are streams. Seconds count everything that leads to a result.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    aircomp design instances.json\n  \
    aircomp design instances.json --relaxation all\n  \
    aircomp design instances.json --relaxation lambda_min,mmse --streams 2 --json\n\n\
    FILE is one instance or a list, in JSON:\n  \
    {\"name\": \"one\", \"receive_antennas\": 2, \"transmit_antennas\": [1], \"transmit_power\": [1.0],\n   \
    \"noise_power\": 1.0, \"channels\": [{\"re\": [[0.3], [1.2]], \"im\": [[0.0], [-0.7]]}]}\n\n\
    Exit status: 0 success, 1 bad input, 2 bad usage.")]
pub(super) struct Arguments {
    /// File of channel instances
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Relaxations to report
    #[arg(
        long = "relaxation",
        value_name = "RELAXATION,…",
        value_delimiter = ',',
        value_enum,
        default_value = "lambda_min"
    )]
    relaxations: Vec<Relaxation>,
    /// Streams, at least 1 and at most the antennas of every device and of the server [default: as many as possible]
    #[arg(long, value_name = "COUNT", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    streams: Option<usize>,
    /// Seed of the randomizations
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Gaussian randomizations, 1 to 1000000
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    randomizations: u32,
    /// Print one JSON list instead of the table
    #[arg(long)]
    json: bool,
}

/// A convex relaxation of the short-term problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
enum Relaxation {
    /// The papers' (17); its value is a zero-forcing α
    LambdaMin,
    /// Zero forcing with the true power constraint; its value is a zero-forcing α, and a bound on all of them
    TraceInverse,
    /// The true problem's; its value is an MSE, and a bound on all of them
    Mmse,
    /// All three
    All,
}

impl Relaxation {
    /// The relaxations that this name stands for, each under its own.
    fn members(self) -> &'static [(Self, solver::relaxation::Relaxation)] {
        use solver::relaxation::Relaxation as R;
        const ALL: [(Relaxation, R); 3] = [
            (Relaxation::LambdaMin, R::LambdaMin),
            (Relaxation::TraceInverse, R::TraceInverse),
            (Relaxation::Mmse, R::Mmse),
        ];
        match self {
            Self::LambdaMin => &ALL[..1],
            Self::TraceInverse => &ALL[1..2],
            Self::Mmse => &ALL[2..],
            Self::All => &ALL,
        }
    }
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let path = &arguments.file;
    let bytes = read(path)?;
    let instances =
        instance::parse(&bytes).map_err(|source| CliError::Instance { path: path.clone(), source })?;
    let mut outcomes = Vec::with_capacity(instances.len());
    for instance in &instances {
        let outcome = design(instance, arguments)
            .map_err(|source| CliError::Design { name: instance.name.clone(), source })?;
        outcomes.push(outcome);
    }
    if arguments.json {
        print(&(serde_json::to_string_pretty(&outcomes).map_err(FormatError::from)? + "\n"))
    } else {
        print(&show::table(&outcomes))
    }
}

fn design(instance: &Instance, arguments: &Arguments) -> Result<outcome::Outcome, solver::Error> {
    let problem = instance.problem(arguments.streams)?;
    let randomization =
        solver::recovery::Randomization { draws: arguments.randomizations as usize, seed: arguments.seed };
    outcome::design(&instance.name, &problem, &arguments.relaxations, &randomization)
}

/// The file, but never more of it than the parser would take.
fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(instance::LARGEST_FILE as u64 + 1).read_to_end(&mut bytes))
        .map_err(|source| CliError::Read { path: path.into(), source })?;
    Ok(bytes)
}
