//! What one device of a tensor-parallel cluster holds and computes.

use burn::tensor::{Device, Tensor};

use super::attention::Attention;
use super::mlp::Mlp;
use super::{DeviceLoad, KvCache, LlamaError, Positions};
use crate::checkpoint::{CheckpointError, LlamaConfig, WeightSource};
use crate::shard::Shard;

/// One device's slices of every block.
#[derive(Debug)]
pub(crate) struct DeviceModel {
    blocks: Vec<Block>,
    device: Device,
}

#[derive(Debug)]
struct Block {
    attention: Option<Attention>,
    mlp: Option<Mlp>,
}

impl DeviceModel {
    /// Reads the slices of `shard`, and nothing else.
    ///
    /// # Errors
    /// Those of [`WeightSource::read`].
    pub(crate) fn load(
        config: &LlamaConfig,
        weights: &dyn WeightSource,
        shard: &Shard,
        device: &Device,
    ) -> Result<Self, CheckpointError> {
        let blocks = (0..config.layers).map(|layer| {
            Ok(Block {
                attention: Attention::load(config, weights, layer, shard, device)?,
                mlp: Mlp::load(config, weights, layer, shard, device)?,
            })
        });
        Ok(Self { blocks: blocks.collect::<Result<_, CheckpointError>>()?, device: device.clone() })
    }

    /// Empty caches for `capacity` positions, one per block that has heads here.
    ///
    /// # Errors
    /// [`LlamaError::OutOfMemory`].
    pub(crate) fn caches(&self, capacity: usize) -> Result<Vec<Option<KvCache>>, LlamaError> {
        let cache = |block: &Block| {
            block.attention.as_ref().map(|attention| attention.cache(capacity, &self.device)).transpose()
        };
        self.blocks.iter().map(cache).collect()
    }

    /// This device's part of the attention of block `layer` for the normalized rows `x`, `[tokens, hidden]`;
    /// `None`, which stands for zero, when the device has no heads. `cache` is the one that
    /// [`DeviceModel::caches`] made for the block.
    pub(crate) fn attention(
        &self,
        layer: usize,
        x: Tensor<2>,
        cache: &mut Option<KvCache>,
        positions: &Positions,
    ) -> Option<Tensor<2>> {
        let attention = self.blocks[layer].attention.as_ref()?;
        Some(attention.forward(x, cache.as_mut()?, positions))
    }

    /// This device's part of the MLP of block `layer`; `None`, which stands for zero, when it has no columns.
    pub(crate) fn mlp(&self, layer: usize, x: Tensor<2>) -> Option<Tensor<2>> {
        Some(self.blocks[layer].mlp.as_ref()?.forward(x))
    }

    /// Work per token.
    pub(crate) fn work(&self) -> DeviceLoad {
        let block = |block: &Block| {
            let mut work = block.attention.as_ref().map(Attention::work).unwrap_or_default();
            work += block.mlp.as_ref().map(Mlp::work).unwrap_or_default();
            work
        };
        self.blocks.iter().map(block).sum()
    }
}
