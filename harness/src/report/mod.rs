//! What an evaluation found, and how it is shown.

mod evaluation;
mod progress;

pub use evaluation::{
    AssignmentIteration, AssignmentStudy, Estimate, Evaluation, ModelSummary, Row, TextSummary,
};
pub use progress::{Progress, Silent};
