//! What the server holds and computes.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::{DeviceLoad, Linear, LlamaError, RmsNorm};
use crate::checkpoint::layout::{ATTENTION_NORM, EMBEDDING, FINAL_NORM, HEAD, MLP_NORM, block};
use crate::checkpoint::{CheckpointError, LlamaConfig, WeightSource};

/// Embedding, norms and head: everything that acts on the whole residual stream.
#[derive(Debug)]
pub(crate) struct ServerModel {
    /// `[vocab, hidden]`.
    embedding: Tensor<2>,
    /// Norms before attention and MLP, per block.
    norms: Vec<[RmsNorm; 2]>,
    final_norm: RmsNorm,
    head: Linear,
    tied: bool,
    device: Device,
}

impl ServerModel {
    /// Reads the server's weights.
    ///
    /// # Errors
    /// Those of [`WeightSource::read`].
    pub(crate) fn load(
        config: &LlamaConfig,
        weights: &dyn WeightSource,
        device: &Device,
    ) -> Result<Self, CheckpointError> {
        let (hidden, vocab) = (config.hidden_size, config.vocab_size);
        let norm = |name: &str| {
            let weight = weights.read(name, 0..1, 0..hidden)?;
            Ok(RmsNorm::new(weight, config.rms_norm_eps, device))
        };
        let norms = (0..config.layers)
            .map(|layer| Ok([norm(&block(layer, ATTENTION_NORM))?, norm(&block(layer, MLP_NORM))?]));
        let embedding = weights.read(EMBEDDING, 0..vocab, 0..hidden)?;
        let embedding = Tensor::from_data(TensorData::new(embedding, [vocab, hidden]), device);
        let head = if config.tie_word_embeddings {
            Linear::tied(&embedding)
        } else {
            Linear::from_rows(weights.read(HEAD, 0..vocab, 0..hidden)?, vocab, hidden, device)
        };
        Ok(Self {
            norms: norms.collect::<Result<_, CheckpointError>>()?,
            final_norm: norm(FINAL_NORM)?,
            head,
            embedding,
            tied: config.tie_word_embeddings,
            device: device.clone(),
        })
    }

    /// The rows of the embedding for `tokens`, `[tokens, hidden]`.
    ///
    /// # Errors
    /// [`LlamaError::UnknownToken`].
    pub(crate) fn embed(&self, tokens: &[u32]) -> Result<Tensor<2>, LlamaError> {
        let [vocabulary, _] = self.embedding.dims();
        if let Some(index) = tokens.iter().position(|&token| token as usize >= vocabulary) {
            return Err(LlamaError::UnknownToken { index, token: tokens[index], vocabulary });
        }
        let rows: Vec<i64> = tokens.iter().map(|&token| i64::from(token)).collect();
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [tokens.len()]), &self.device);
        Ok(self.embedding.clone().select(0, rows))
    }

    /// What the server broadcasts for the attention of block `layer`: `norm(x)`. `layer` must be below the number of blocks.
    pub(crate) fn attention_input(&self, layer: usize, x: Tensor<2>) -> Tensor<2> {
        self.norms[layer][0].forward(x)
    }

    /// What the server broadcasts for the MLP of block `layer`: `norm(x)`. `layer` must be below the number of blocks.
    pub(crate) fn mlp_input(&self, layer: usize, x: Tensor<2>) -> Tensor<2> {
        self.norms[layer][1].forward(x)
    }

    /// The logits after every token, `[tokens, vocab]`, from the residual stream after the last block.
    pub(crate) fn logits(&self, x: Tensor<2>) -> Tensor<2> {
        self.head.forward(self.final_norm.forward(x))
    }

    /// Work per token: the head, the norms, and one row of the embedding.
    pub(crate) fn work(&self) -> DeviceLoad {
        let [vocab, hidden] = self.embedding.dims().map(|size| size as u64);
        let norms =
            self.norms.iter().flatten().chain([&self.final_norm]).map(RmsNorm::parameters).sum::<u64>();
        let mut work = self.head.load();
        work.weight_bytes += (hidden + norms) * size_of::<f32>() as u64;
        work.parameters += norms + if self.tied { 0 } else { vocab * hidden };
        work
    }
}
