//! The names and shapes of a LLaMA's tensors in the Hugging Face layout.

use super::source::WeightSource;
use super::{CheckpointError, LlamaConfig};

/// The embedding, `[vocab, hidden]`.
pub(crate) const EMBEDDING: &str = "model.embed_tokens.weight";
/// The final norm, `[hidden]`.
pub(crate) const FINAL_NORM: &str = "model.norm.weight";
/// The head, `[vocab, hidden]`, absent when it is tied to the embedding.
pub(crate) const HEAD: &str = "lm_head.weight";
/// Norm before the attention, `[hidden]`.
pub(crate) const ATTENTION_NORM: &str = "input_layernorm";
/// Norm before the MLP, `[hidden]`.
pub(crate) const MLP_NORM: &str = "post_attention_layernorm";
/// Queries, `[heads · head_dim, hidden]`.
pub(crate) const QUERY: &str = "self_attn.q_proj";
/// Keys, `[kv_heads · head_dim, hidden]`.
pub(crate) const KEY: &str = "self_attn.k_proj";
/// Values, `[kv_heads · head_dim, hidden]`.
pub(crate) const VALUE: &str = "self_attn.v_proj";
/// Output of the attention, `[hidden, heads · head_dim]`.
pub(crate) const OUTPUT: &str = "self_attn.o_proj";
/// Gate of the MLP, `[intermediate, hidden]`.
pub(crate) const GATE: &str = "mlp.gate_proj";
/// Input of the MLP, `[intermediate, hidden]`.
pub(crate) const UP: &str = "mlp.up_proj";
/// Output of the MLP, `[hidden, intermediate]`.
pub(crate) const DOWN: &str = "mlp.down_proj";

/// Name of a tensor of block `layer`.
pub(crate) fn block(layer: usize, part: &str) -> String {
    format!("model.layers.{layer}.{part}.weight")
}

/// Checks that `weights` has exactly the tensors that `config` implies, in their shapes.
pub(super) fn validate(config: &LlamaConfig, weights: &dyn WeightSource) -> Result<(), CheckpointError> {
    let (hidden, mlp, vocab) = (config.hidden_size, config.intermediate_size, config.vocab_size);
    let queries = config.attention_heads * config.head_dim;
    let keys = config.kv_heads * config.head_dim;

    let mut known = 0;
    let mut check = |name: &str, expected: &[usize]| {
        let found =
            weights.shape(name).ok_or_else(|| CheckpointError::MissingTensor { name: name.to_owned() })?;
        if found != expected {
            return Err(CheckpointError::TensorShape {
                name: name.to_owned(),
                expected: expected.to_vec(),
                found: found.to_vec(),
            });
        }
        known += 1;
        Ok(())
    };
    check(EMBEDDING, &[vocab, hidden])?;
    for layer in 0..config.layers {
        check(&block(layer, ATTENTION_NORM), &[hidden])?;
        check(&block(layer, QUERY), &[queries, hidden])?;
        check(&block(layer, KEY), &[keys, hidden])?;
        check(&block(layer, VALUE), &[keys, hidden])?;
        check(&block(layer, OUTPUT), &[hidden, queries])?;
        check(&block(layer, MLP_NORM), &[hidden])?;
        check(&block(layer, GATE), &[mlp, hidden])?;
        check(&block(layer, UP), &[mlp, hidden])?;
        check(&block(layer, DOWN), &[hidden, mlp])?;
    }
    check(FINAL_NORM, &[hidden])?;
    if !config.tie_word_embeddings {
        check(HEAD, &[vocab, hidden])?;
    }

    let names = weights.names();
    if names.len() == known {
        return Ok(());
    }
    // A bias or a further block that is silently left out would make a different model.
    match names.into_iter().find(|name| !is_expected(config, name)) {
        Some(name) => Err(CheckpointError::UnexpectedTensor { name: name.to_owned() }),
        None => Ok(()),
    }
}

/// Whether a tensor is part of the model, or known to repeat what the configuration says.
fn is_expected(config: &LlamaConfig, name: &str) -> bool {
    // Early exports store the rotary frequencies; tied exports may store the embedding twice.
    if matches!(name, EMBEDDING | FINAL_NORM | HEAD) || name.ends_with("rotary_emb.inv_freq") {
        return true;
    }
    let Some((layer, part)) = name.strip_prefix("model.layers.").and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let parts = [ATTENTION_NORM, QUERY, KEY, VALUE, OUTPUT, MLP_NORM, GATE, UP, DOWN];
    layer.parse().is_ok_and(|layer: usize| layer < config.layers)
        && part.strip_suffix(".weight").is_some_and(|part| parts.contains(&part))
}
