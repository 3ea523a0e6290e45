//! Why a cluster could not be built or could not compute.

use crate::checkpoint::CheckpointError;
use crate::link::{LinkError, Round};
use crate::llama::LlamaError;
use crate::shard::ShardError;

/// Why a cluster could not be built or could not compute.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// A weight could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The shares of the devices are not shares.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// A token is unknown, the session is full, or memory is.
    #[error(transparent)]
    Llama(#[from] LlamaError),
    /// A session was asked to hold no position, or more than the model is meant for.
    #[error("a session cannot hold {requested} positions: the model is meant for 1 to {limit}")]
    Capacity {
        /// Positions asked for.
        requested: usize,
        /// The model's `max_position_embeddings`.
        limit: usize,
    },
    /// A forward pass was asked for without any token.
    #[error("a forward pass needs at least one token")]
    NoTokens,
    /// The session was started by another cluster.
    #[error("the session belongs to another cluster")]
    ForeignSession,
    /// The link could not carry out an all-reduce.
    #[error("all-reduce {} at position {} of sequence {}: {source}", round.step, round.position, round.sequence)]
    Link {
        /// Which all-reduce.
        round: Round,
        /// What the link said.
        source: LinkError,
    },
    /// The link returned a sum of another shape than the partial outputs it was given.
    #[error(
        "all-reduce {} returned {found} values of width {found_width} instead of {expected} of width {expected_width}",
        round.step
    )]
    ReductionShape {
        /// Which all-reduce.
        round: Round,
        /// Values of a partial output.
        expected: usize,
        /// Width of a partial output.
        expected_width: usize,
        /// Values of the sum.
        found: usize,
        /// Width of the sum.
        found_width: usize,
    },
    /// The link returned NaN or an infinity.
    #[error("all-reduce {} returned {value} at index {index}", round.step)]
    NonFiniteReduction {
        /// Which all-reduce.
        round: Round,
        /// Index into the values of the sum.
        index: usize,
        /// The value.
        value: f32,
    },
    /// The logits after a token are not finite: activations overflowed.
    #[error("the logits after the token at position {position} are not finite")]
    NonFiniteLogits {
        /// Position of the token.
        position: usize,
    },
    /// The tensor library could not hand a result over.
    #[error("cannot read a tensor: {reason}")]
    Backend {
        /// What it said.
        reason: String,
    },
}
