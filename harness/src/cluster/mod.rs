//! Clusters: a server and devices that run one model together over a link.
//!
//! [`Cluster`] is what evaluation and generation see; one file holds one kind. [`InProcess`] keeps all
//! machines in this process.

mod error;
mod in_process;

pub use error::ClusterError;
pub use in_process::{InProcess, Session};

use crate::checkpoint::LlamaConfig;
use crate::link::{Link, Transmission};
use crate::llama::DeviceLoad;

/// A server and at least one device that run a LLaMA together.
///
/// The cluster itself is immutable and shared between threads; what belongs to one sequence of tokens is in
/// its session. The results of a session do not depend on what other sessions do.
pub trait Cluster: Sync {
    /// The state of one sequence: the key–value caches and the next position.
    type Session: Send;

    /// Sizes and constants of the model.
    fn config(&self) -> &LlamaConfig;

    /// Number of devices, the server not counted.
    fn devices(&self) -> usize;

    /// Work per token of each machine.
    fn loads(&self) -> ClusterLoad;

    /// Starts a sequence of at most `capacity` tokens.
    ///
    /// # Errors
    /// [`ClusterError::Capacity`] when `capacity` is zero or beyond the model's `max_position_embeddings`,
    /// and [`LlamaError::OutOfMemory`](crate::llama::LlamaError::OutOfMemory).
    fn start_session(&self, capacity: usize) -> Result<Self::Session, ClusterError>;

    /// Appends `tokens`, the next ones of the session's sequence, and returns the logits after each of them together
    /// with what the all-reduces cost. One call with many tokens and many calls with one compute the same; the
    /// memory that attention needs for the time of a call grows with the product of its tokens and the session's.
    ///
    /// `link` carries two all-reduces per block, [`Round::step`](crate::link::Round::step) `2·layer` and `2·layer + 1`, in
    /// rounds of the given `sequence` whose position is that of the first of `tokens`. With one device there
    /// is nothing to sum: nothing goes over the air and the link is not used, so that one device is the same
    /// for all links, as in Table I of the paper.
    ///
    /// After an error the session is where it was before.
    ///
    /// # Errors
    /// [`ClusterError`], above all for unknown tokens, a full session and a failing link.
    fn forward(
        &self,
        session: &mut Self::Session,
        tokens: &[u32],
        sequence: u64,
        link: &dyn Link,
    ) -> Result<(Logits, Transmission), ClusterError>;
}

/// Unnormalized log-probabilities of the next token, one row per token given.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    /// Entries per row.
    pub vocabulary: usize,
    /// `tokens · vocabulary` values, row-major.
    pub values: Vec<f32>,
}

impl Logits {
    /// The rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.vocabulary.max(1))
    }
}

/// Work per token of a cluster's machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterLoad {
    /// Work of the server.
    pub server: DeviceLoad,
    /// Work of each device, in order.
    pub devices: Vec<DeviceLoad>,
}
