//! What an evaluation found, and how it is shown.
//!
//! [`Report`] is what there is to show; every way of showing it implements [`Format`], one file each;
//! [`Destination`] puts the files of a report into a directory, whole or not at all.

mod csv;
mod destination;
mod evaluation;
mod html;
mod json;
pub(crate) mod number;
mod progress;
mod table;

pub use csv::Csv;
pub use destination::{Destination, ReportError};
pub use evaluation::{
    AssignmentIteration, AssignmentStudy, Estimate, Evaluation, ModelSummary, Row, TextSummary,
    TransceiverStudy,
};
pub use html::Html;
pub use json::{ConfigurationJson, Json, SummaryJson};
pub use progress::{Progress, Silent};
pub use table::Table;

use serde::{Deserialize, Serialize};

/// An evaluation and how it came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`Report::PROGRAM`]; by it a report of ours is told from other files.
    pub program: String,
    /// Version of the program.
    pub version: String,
    /// The command line, one argument each.
    pub command_line: Vec<String>,
    /// What was found.
    #[serde(flatten)]
    pub evaluation: Evaluation,
}

impl Report {
    /// The name under which every report is written.
    pub const PROGRAM: &str = "aircomp";

    /// The report of an evaluation by this version of the program.
    pub fn new(evaluation: Evaluation, command_line: Vec<String>) -> Self {
        Self {
            program: Self::PROGRAM.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            command_line,
            evaluation,
        }
    }
}

/// One way of showing a report.
pub trait Format {
    /// Name of its file within the directory of a report.
    fn file_name(&self) -> &'static str;

    /// The whole file.
    ///
    /// # Errors
    /// [`FormatError`] when the report cannot be written in this format.
    fn render(&self, report: &Report) -> Result<String, FormatError>;
}

/// Why a report could not be written in a format.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The CSV writer refused.
    #[error("cannot write CSV")]
    Csv(#[from] ::csv::Error),
    /// The JSON writer refused.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
}

/// The files of a report's directory.
pub fn files() -> [&'static dyn Format; 4] {
    [&Html, &Csv, &Json, &ConfigurationJson]
}

#[cfg(test)]
mod synthetic;
