//! The command line.
//!
//! Standard output carries results and nothing else; progress, notes and errors go to standard error.
//! Exit status: 0 when all went well, 1 for bad input, 2 for bad usage.

mod design;
mod error;
mod eval;
mod progress;
mod values;

pub use error::CliError;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Over-the-air computation for tensor-parallel LLM inference.
///
/// Without a command: `aircomp eval` with every option at its default.
#[derive(Debug, Parser)]
#[command(
    name = "aircomp",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  \
        aircomp                            evaluate the bundled model and text, write aircomp-report/\n  \
        aircomp eval --devices 2,8 --link exact,air --snr-db 10\n  \
        aircomp design instances.json --json\n\n\
        Exit status: 0 success, 1 bad input, 2 bad usage."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Eval(Box<eval::Arguments>),
    Design(design::Arguments),
}

/// Runs the program on its arguments, the first being its own name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let outcome = match Cli::try_parse_from(&arguments) {
        Ok(Cli { command }) => match command.unwrap_or_else(|| Command::Eval(Box::default())) {
            Command::Eval(options) => eval::run(&options, &arguments),
            Command::Design(options) => design::run(&options),
        },
        Err(error) => Err(CliError::Usage(error)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

/// A usage error of a command, as clap words them.
fn usage(command: &str, message: impl std::fmt::Display) -> CliError {
    let mut root = Cli::command();
    root.build();
    let kind = clap::error::ErrorKind::ValueValidation;
    CliError::Usage(match root.find_subcommand_mut(command) {
        Some(command) => command.error(kind, message),
        None => root.error(kind, message),
    })
}

/// Prints a result. A reader that has seen enough and closed the pipe is no error.
fn print(result: &str) -> Result<(), CliError> {
    let mut output = io::stdout().lock();
    match output.write_all(result.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CliError::Output(error)),
        _ => Ok(()),
    }
}

/// Prints a note for people to standard error; if even that fails there is nobody to tell.
fn note(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
