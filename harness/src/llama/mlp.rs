//! A device's part of the gated MLP.

use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor};

use super::{DeviceLoad, Linear};
use crate::checkpoint::layout::{DOWN, GATE, UP, block};
use crate::checkpoint::{CheckpointError, LlamaConfig, WeightSource};
use crate::shard::Shard;

/// The columns of one block's MLP that a device holds.
#[derive(Debug)]
pub(super) struct Mlp {
    gate: Linear,
    up: Linear,
    down: Linear,
}

impl Mlp {
    /// Reads the columns of `shard` in block `layer`; `None` when it has none.
    pub(super) fn load(
        config: &LlamaConfig,
        weights: &dyn WeightSource,
        layer: usize,
        shard: &Shard,
        device: &Device,
    ) -> Result<Option<Self>, CheckpointError> {
        let columns = &shard.mlp_columns;
        if columns.is_empty() {
            return Ok(None);
        }
        let hidden = config.hidden_size;
        let rows = |part| {
            let values = weights.read(&block(layer, part), columns.clone(), 0..hidden)?;
            Ok(Linear::from_rows(values, columns.len(), hidden, device))
        };
        let down = weights.read(&block(layer, DOWN), 0..hidden, columns.clone())?;
        Ok(Some(Self {
            gate: rows(GATE)?,
            up: rows(UP)?,
            down: Linear::from_rows(down, hidden, columns.len(), device),
        }))
    }

    /// `(silu(x·Gᵀ) ⊙ x·Uᵀ)·Dᵀ` over this device's columns, `[tokens, hidden]`.
    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let gate = silu(self.gate.forward(x.clone()));
        self.down.forward(gate * self.up.forward(x))
    }

    pub(super) fn work(&self) -> DeviceLoad {
        [&self.gate, &self.up, &self.down].into_iter().map(Linear::load).sum()
    }
}
