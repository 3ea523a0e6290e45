//! All machines in one process, one after the other on the calling thread.
//!
//! Sequential, because what is worth running in parallel are whole sequences: their sessions are
//! independent, and results stay the same for every number of threads.

use std::sync::atomic::{AtomicU64, Ordering};

use burn::tensor::{Device, Tensor, TensorData};

use super::{Cluster, ClusterError, ClusterLoad, Logits};
use crate::checkpoint::{Checkpoint, LlamaConfig};
use crate::link::{Activations, Link, Round, Transmission};
use crate::llama::{DeviceModel, KvCache, LlamaError, RotaryTable, ServerModel};
use crate::shard::shards;

/// A server and devices in this process. The only channel between them is the link.
#[derive(Debug)]
pub struct InProcess {
    config: LlamaConfig,
    server: ServerModel,
    devices: Vec<DeviceModel>,
    backend: Device,
    identity: u64,
}

/// One sequence on an [`InProcess`] cluster.
#[derive(Debug)]
pub struct Session {
    cluster: u64,
    position: usize,
    rotary: RotaryTable,
    /// Per device, per block.
    caches: Vec<Vec<Option<KvCache>>>,
}

impl Session {
    /// Number of tokens so far, which is the position of the next.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Forgets the tokens so far and begins another sequence in the same memory.
    pub fn restart(&mut self) {
        self.position = 0;
    }
}

impl InProcess {
    /// Loads a model onto as many devices as there are shares, cut as [`shards`] says.
    ///
    /// # Errors
    /// [`ClusterError::Shard`] and [`ClusterError::Checkpoint`].
    pub fn load(checkpoint: &Checkpoint, shares: &[f64]) -> Result<Self, ClusterError> {
        static CLUSTERS: AtomicU64 = AtomicU64::new(0);
        let (config, weights) = (checkpoint.config(), checkpoint.weights());
        let backend = Device::flex();
        let devices = shards(config, shares)?
            .iter()
            .map(|shard| DeviceModel::load(config, weights, shard, &backend))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            config: config.clone(),
            server: ServerModel::load(config, weights, &backend)?,
            devices,
            backend,
            identity: CLUSTERS.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// The sum of the devices' outputs, over the link if there is more than one device.
    fn all_reduce(
        &self,
        round: Round,
        partials: Vec<Option<Tensor<2>>>,
        tokens: usize,
        link: &dyn Link,
        transmission: &mut Transmission,
    ) -> Result<Tensor<2>, ClusterError> {
        let width = self.config.hidden_size;
        let shape = [tokens, width];
        if let [partial] = partials.as_slice() {
            return Ok(partial.clone().unwrap_or_else(|| Tensor::zeros(shape, &self.backend)));
        }
        let partials = partials
            .into_iter()
            .map(|partial| {
                let values = match partial {
                    Some(partial) => values(partial)?,
                    None => vec![0.0; tokens * width],
                };
                Ok(Activations { width, values })
            })
            .collect::<Result<Vec<_>, ClusterError>>()?;
        let reduction =
            link.all_reduce(round, &partials).map_err(|source| ClusterError::Link { round, source })?;
        *transmission += reduction.transmission;
        let sum = reduction.sum;
        if sum.width != width || sum.values.len() != tokens * width {
            return Err(ClusterError::ReductionShape {
                round,
                expected: tokens * width,
                expected_width: width,
                found: sum.values.len(),
                found_width: sum.width,
            });
        }
        if let Some(index) = sum.values.iter().position(|value| !value.is_finite()) {
            return Err(ClusterError::NonFiniteReduction { round, index, value: sum.values[index] });
        }
        Ok(Tensor::from_data(TensorData::new(sum.values, shape), &self.backend))
    }
}

impl Cluster for InProcess {
    type Session = Session;

    fn config(&self) -> &LlamaConfig {
        &self.config
    }

    fn devices(&self) -> usize {
        self.devices.len()
    }

    fn loads(&self) -> ClusterLoad {
        ClusterLoad {
            server: self.server.work(),
            devices: self.devices.iter().map(DeviceModel::work).collect(),
        }
    }

    fn start_session(&self, capacity: usize) -> Result<Session, ClusterError> {
        let limit = self.config.max_position_embeddings;
        if capacity == 0 || capacity > limit {
            return Err(ClusterError::Capacity { requested: capacity, limit });
        }
        let caches =
            self.devices.iter().map(|device| device.caches(capacity)).collect::<Result<_, LlamaError>>()?;
        let rotary = RotaryTable::new(&self.config, capacity, &self.backend);
        Ok(Session { cluster: self.identity, position: 0, rotary, caches })
    }

    fn forward(
        &self,
        session: &mut Session,
        tokens: &[u32],
        sequence: u64,
        link: &dyn Link,
    ) -> Result<(Logits, Transmission), ClusterError> {
        if session.cluster != self.identity {
            return Err(ClusterError::ForeignSession);
        }
        if tokens.is_empty() {
            return Err(ClusterError::NoTokens);
        }
        let positions = session.rotary.positions(session.position, tokens.len())?;
        let mut x = self.server.embed(tokens)?;
        let mut transmission = Transmission::default();
        let position = session.position as u64;
        let round = |step| Round { sequence, position, step };

        for layer in 0..self.config.layers {
            let step = 2 * layer as u64;
            let normalized = self.server.attention_input(layer, x.clone());
            let partials = self
                .devices
                .iter()
                .zip(&mut session.caches)
                .map(|(device, caches)| {
                    device.attention(layer, normalized.clone(), &mut caches[layer], &positions)
                })
                .collect();
            x = x + self.all_reduce(round(step), partials, tokens.len(), link, &mut transmission)?;

            let normalized = self.server.mlp_input(layer, x.clone());
            let partials = self.devices.iter().map(|device| device.mlp(layer, normalized.clone())).collect();
            x = x + self.all_reduce(round(step + 1), partials, tokens.len(), link, &mut transmission)?;
        }

        let logits = Logits { vocabulary: self.config.vocab_size, values: values(self.server.logits(x))? };
        if let Some(row) = logits.rows().position(|row| !row.iter().all(|logit| logit.is_finite())) {
            return Err(ClusterError::NonFiniteLogits { position: session.position + row });
        }
        session.position += tokens.len();
        Ok((logits, transmission))
    }
}

/// The values of a matrix, row-major.
fn values(matrix: Tensor<2>) -> Result<Vec<f32>, ClusterError> {
    matrix.try_into_vec_as::<f32>().map_err(|error| ClusterError::Backend { reason: error.to_string() })
}
