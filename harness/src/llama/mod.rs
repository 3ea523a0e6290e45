//! LLaMA in two kinds of parts: the server's and the devices'.
//!
//! The server holds what acts on the whole width of the residual stream `x`: embedding, norms, head. A
//! device holds some key–value groups and some MLP columns of every block ([`crate::shard`]), and its
//! part of the key–value cache. Block `l` computes
//!
//! ```text
//! x ← x + Σ_n attention_n(norm(x))        all-reduce 2l
//! x ← x + Σ_n mlp_n(norm(x))              all-reduce 2l + 1
//! ```
//!
//! where the sums over devices `n` are somebody else's business ([`crate::cluster`], [`crate::link`]).
//! All numbers are `f32`, all matrices `[tokens, width]`. Follows the Hugging Face implementation, which
//! rotates halves of a head where the LLaMA paper rotates neighbours.

mod attention;
mod device;
mod linear;
mod load;
mod mlp;
mod norm;
mod rotary;
mod server;

pub(crate) use attention::KvCache;
pub(crate) use device::DeviceModel;
pub use load::DeviceLoad;
pub(crate) use rotary::RotaryTable;
pub(crate) use server::ServerModel;

use linear::Linear;
use norm::RmsNorm;
use rotary::Positions;

/// Why a part of the model could not compute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LlamaError {
    /// A token that the vocabulary does not have.
    #[error("token {token} at index {index} is not below the vocabulary size {vocabulary}")]
    UnknownToken {
        /// Index into the tokens given.
        index: usize,
        /// The token.
        token: u32,
        /// Number of tokens in the vocabulary.
        vocabulary: usize,
    },
    /// There is no room left for the tokens given.
    #[error("{tokens} tokens from position {position} on do not fit a capacity of {capacity}")]
    CapacityExceeded {
        /// Positions that there is room for.
        capacity: usize,
        /// Position of the first token given.
        position: usize,
        /// Number of tokens given.
        tokens: usize,
    },
    /// The key–value cache does not fit into memory.
    #[error("a key–value cache of {positions} positions × {width} values cannot be allocated")]
    OutOfMemory {
        /// Positions asked for.
        positions: usize,
        /// Values per position: key–value heads times their width.
        width: usize,
    },
}
