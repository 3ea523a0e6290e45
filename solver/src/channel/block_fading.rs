//! Channels that are independent between blocks.

use super::Fading;
use super::fading::require_entries;
use crate::error::{Error, Quantity};
use faer::{Mat, c64};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Block fading: channels that stay put within a block and are independent between blocks.
///
/// Block `i` is a function of the seed and of `i` alone, so blocks can be drawn in any order and on any
/// number of threads. As an iterator, yields blocks 0, 1, 2, … without end.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::BlockFading")
)]
pub struct BlockFading {
    fading: Fading,
    receive_antennas: usize,
    transmit_antennas: Vec<usize>,
    seed: u64,
    next: u64,
}

impl BlockFading {
    /// Blocks for devices with `transmit_antennas[n]` antennas each and a server with `receive_antennas`, at most 10⁸ entries in all.
    ///
    /// # Errors
    /// [`Error::NoDevices`]; [`Error::EmptyMatrix`] if some number of antennas is zero; [`Error::TooManyEntries`].
    pub fn new(
        fading: Fading,
        receive_antennas: usize,
        transmit_antennas: &[usize],
        seed: u64,
    ) -> Result<Self, Error> {
        if transmit_antennas.is_empty() {
            return Err(Error::NoDevices);
        }
        let empty = transmit_antennas.iter().position(|&antennas| antennas == 0 || receive_antennas == 0);
        if let Some(device) = empty {
            return Err(Error::EmptyMatrix { quantity: Quantity::Channel, device });
        }
        let together = transmit_antennas.iter().fold(0, |sum: usize, &antennas| sum.saturating_add(antennas));
        require_entries(receive_antennas, together)?;
        Ok(Self { fading, receive_antennas, transmit_antennas: transmit_antennas.to_vec(), seed, next: 0 })
    }

    /// `N`.
    pub fn devices(&self) -> usize {
        self.transmit_antennas.len()
    }

    /// `T_1, …, T_N`.
    pub fn transmit_antennas(&self) -> &[usize] {
        &self.transmit_antennas
    }

    /// The block that the iterator yields next.
    #[cfg(feature = "serde")]
    pub(crate) fn next_block(&self) -> u64 {
        self.next
    }

    /// The same blocks, whose iterator goes on at block `next`.
    #[cfg(feature = "serde")]
    pub(crate) fn starting_at(self, next: u64) -> Self {
        Self { next, ..self }
    }

    /// The law of every channel's entries.
    pub fn fading(&self) -> Fading {
        self.fading
    }

    /// `R`.
    pub fn receive_antennas(&self) -> usize {
        self.receive_antennas
    }

    /// The channels `H_1, …, H_N` of block `index`.
    pub fn block(&self, index: u64) -> Vec<Mat<c64>> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(index);
        self.transmit_antennas
            .iter()
            .map(|&antennas| self.fading.sample(self.receive_antennas, antennas, &mut rng))
            .collect()
    }
}

impl Iterator for BlockFading {
    type Item = Vec<Mat<c64>>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.block(self.next);
        self.next = self.next.wrapping_add(1);
        Some(block)
    }
}
