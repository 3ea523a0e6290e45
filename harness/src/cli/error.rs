//! What can go wrong on the command line, and with which exit status.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::configuration::DeviceProfileError;
use crate::evaluate::EvaluateError;
use crate::instance::InstanceError;
use crate::report::{FormatError, ReportError};

/// Why the program failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CliError {
    /// The arguments are wrong, or help was asked for.
    #[error(transparent)]
    Usage(clap::Error),
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not describe a device.
    #[error("{} does not describe a device", path.display())]
    DeviceProfile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: DeviceProfileError,
    },
    /// A file does not hold instances.
    #[error("{} does not hold channel instances", path.display())]
    Instance {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: InstanceError,
    },
    /// No transceiver could be designed.
    #[error("no transceiver for {name}")]
    Design {
        /// The instance.
        name: String,
        /// Why.
        source: solver::Error,
    },
    /// The report could not be written.
    #[error("the report was not written")]
    Report(#[from] ReportError),
    /// The result could not be rendered.
    #[error("the result could not be rendered")]
    Format(#[from] FormatError),
    /// Standard output is broken.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// The evaluation could not be run.
    #[error("the evaluation could not be run")]
    Evaluate(#[from] EvaluateError),
}

impl CliError {
    /// Tells the user, with everything that led to the error, and returns the exit status: 1 for bad input, 2 for bad usage,
    /// 0 where help or the version was asked for.
    pub fn report(&self) -> ExitCode {
        if let Self::Usage(error) = self {
            // Help goes to standard output, which may be closed already.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
        super::note(format_args!("error: {self}"));
        let mut cause = self.source();
        while let Some(error) = cause {
            super::note(format_args!("  because: {error}"));
            cause = error.source();
        }
        ExitCode::FAILURE
    }
}
