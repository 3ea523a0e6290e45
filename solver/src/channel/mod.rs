//! Fading models, and channel blocks that follow them: independent ones and correlated ones.
//!
//! - [`Fading`]: the law of a channel matrix's entries;
//! - [`BlockFading`]: blocks that are independent;
//! - [`GaussMarkov`]: blocks that age, with [`jakes_correlation`] for how fast;
//! - [`capacity`]: what one uplink can carry.
//!
//! A caller with measured channels needs none of this: [`Problem::new`](crate::Problem::new) takes any matrices.

mod block_fading;
mod capacity;
mod fading;
mod gauss_markov;

pub use block_fading::BlockFading;
pub use capacity::capacity;
pub use fading::Fading;
pub(crate) use gauss_markov::require_correlation;
#[cfg(feature = "serde")]
pub(crate) use gauss_markov::require_room;
pub use gauss_markov::{GaussMarkov, jakes_correlation};
