//! Why an evaluation could not be run.

use super::protocol::Window;
use crate::checkpoint::CheckpointError;
use crate::cluster::ClusterError;
use crate::configuration::ConfigurationError;
use crate::link::LinkError;
use solver::assignment::AssignmentError;
use std::path::PathBuf;

/// Why an evaluation could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The configuration is out of range.
    #[error("the configuration cannot be run")]
    Configuration(#[from] ConfigurationError),
    /// The model cannot be loaded, or its tokenizer cannot read the text.
    #[error("the model cannot be used: {model}")]
    Checkpoint {
        /// Which model.
        model: String,
        /// Why.
        source: CheckpointError,
    },
    /// The cluster failed.
    #[error("the model could not be run")]
    Cluster(#[from] ClusterError),
    /// The radio's settings are unusable.
    #[error("the radio cannot be set up")]
    Link(#[from] LinkError),
    /// The shares could not be optimized.
    #[error("the shares could not be optimized")]
    Assignment(#[from] AssignmentError),
    /// A channel, power or share is unusable.
    #[error("the radio or its energy budget cannot be used")]
    Solver(#[from] solver::Error),
    /// The text's file cannot be read as UTF-8.
    #[error("cannot read the text {}", path.display())]
    UnreadableText {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text's file is too large.
    #[error("the text {} has {bytes} bytes; at most {limit} are read", path.display())]
    LargeText {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest size read.
        limit: u64,
    },
    /// The text is empty or white space.
    #[error("the text {text} is empty; perplexity needs at least one window of tokens")]
    EmptyText {
        /// What text.
        text: String,
    },
    /// The text fills no window.
    #[error(
        "the text has {tokens} tokens, fewer than one window of {context}; take a longer text or a smaller --context"
    )]
    ShortText {
        /// Tokens of the text.
        tokens: usize,
        /// Tokens of a window.
        context: usize,
    },
    /// Windows longer than the model's positions.
    #[error("windows of {context} tokens, but the model was built for positions up to {limit}")]
    Context {
        /// Tokens of a window.
        context: usize,
        /// The model's `max_position_embeddings`.
        limit: usize,
    },
    /// A window outside the text, or one that scores tokens it does not run or its first.
    #[error("window {index} runs tokens {:?} and scores {:?} of a text of {tokens}", window.tokens, window.scored)]
    Window {
        /// Which window.
        index: usize,
        /// The window.
        window: Window,
        /// Tokens of the text.
        tokens: usize,
    },
    /// A perplexity beyond the largest number.
    #[error("the perplexity overflows: the mean negative log-likelihood per token is {mean}")]
    Perplexity {
        /// The mean negative log-likelihood.
        mean: f64,
    },
    /// Windows that score no token.
    #[error("{windows} windows score no token")]
    NothingScored {
        /// How many windows.
        windows: usize,
    },
    /// No threads.
    #[error("worker threads cannot be started: {reason}")]
    Threads {
        /// What the system says.
        reason: String,
    },
}
