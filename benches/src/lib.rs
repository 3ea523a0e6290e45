//! What the benchmarks share: their instances, and the peers they are measured beside.
//!
//! `README.md` says how to run them, and holds the figures.
//!
//! - [`paper_problem`], [`paper_blocks`], [`correlated_blocks`]: the instances;
//! - `clarabel_sdp` (feature `clarabel-sdp`): [`solver::relaxation::lambda_min`] as Clarabel sees it, in two forms;
//! - `bin/peers.rs` (feature `peers`): the Rust side of `peers/run.sh`.

#[cfg(feature = "clarabel-sdp")]
pub mod clarabel_sdp;

use solver::channel::{BlockFading, Fading, GaussMarkov};
use solver::{Error, Problem};

/// Receive antennas `R` of the paper's setting.
pub const PAPER_RECEIVE_ANTENNAS: usize = 20;
/// Transmit antennas `T` of each device in the paper's setting, and its streams `L`.
pub const PAPER_TRANSMIT_ANTENNAS: usize = 4;

/// An instance of the paper's setting: `R = 20`, `T = L = 4`, `p = σ² = 1`, Rician channels of mean 1 and variance 1.
///
/// # Errors
/// [`Error`] without devices.
pub fn paper_problem(devices: usize, seed: u64) -> Result<Problem, Error> {
    let powers = vec![1.0; devices];
    seeded_problem(PAPER_RECEIVE_ANTENNAS, &vec![PAPER_TRANSMIT_ANTENNAS; devices], &powers, seed)
}

/// So many blocks of fading in the paper's setting, the first that of [`paper_problem`].
///
/// # Errors
/// [`Error`] without devices.
pub fn paper_blocks(devices: usize, seed: u64, blocks: usize) -> Result<Vec<Problem>, Error> {
    let antennas = vec![PAPER_TRANSMIT_ANTENNAS; devices];
    let fading = BlockFading::new(Fading::PAPER, PAPER_RECEIVE_ANTENNAS, &antennas, seed)?;
    fading.take(blocks).map(|channels| Problem::new(channels, vec![1.0; devices], 1.0)).collect()
}

/// So many blocks of Gauss–Markov fading in the paper's setting, consecutive ones of the given correlation.
///
/// # Errors
/// [`Error`] without devices, or for a correlation outside `[0, 1]`.
pub fn correlated_blocks(
    devices: usize,
    seed: u64,
    correlation: f64,
    blocks: usize,
) -> Result<Vec<Problem>, Error> {
    let antennas = vec![PAPER_TRANSMIT_ANTENNAS; devices];
    let fading = GaussMarkov::new(Fading::PAPER, correlation, PAPER_RECEIVE_ANTENNAS, &antennas, seed)?;
    fading.take(blocks).map(|channels| Problem::new(channels, vec![1.0; devices], 1.0)).collect()
}

/// An instance with a terminal of `transmit_antennas[n]` antennas and power `powers[n]` for each `n`, noise power 1 and
/// the paper's Rician channels.
///
/// # Errors
/// [`Error`] on no antennas, no devices or a power that is not positive.
pub fn seeded_problem(
    receive_antennas: usize,
    transmit_antennas: &[usize],
    powers: &[f64],
    seed: u64,
) -> Result<Problem, Error> {
    let channels = BlockFading::new(Fading::PAPER, receive_antennas, transmit_antennas, seed)?.block(0);
    Problem::new(channels, powers.to_vec(), 1.0)
}
