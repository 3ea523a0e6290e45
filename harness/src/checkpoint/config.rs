//! `config.json`: the sizes and constants of a LLaMA, read and checked.

use serde::Deserialize;

use super::CheckpointError;

/// Largest value of any size in a configuration. Generous for real models (LLaMA 4's ten million positions
/// included), and small enough that products of two sizes cannot overflow 64 bits.
const LARGEST_SIZE: u64 = 1 << 24;

/// Sizes and constants of a LLaMA. Values of this type satisfy what each field says.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LlamaConfig {
    /// Width of the residual stream, positive.
    pub hidden_size: usize,
    /// Width of the MLP, positive.
    pub intermediate_size: usize,
    /// Number of blocks, positive.
    pub layers: usize,
    /// Number of query heads, positive.
    pub attention_heads: usize,
    /// Number of key–value heads; divides `attention_heads`. Default: `attention_heads`.
    pub kv_heads: usize,
    /// Width of a head, even and positive. Default: `hidden_size / attention_heads`.
    pub head_dim: usize,
    /// Number of tokens in the vocabulary, positive.
    pub vocab_size: usize,
    /// Longest sequence that the model is meant for, positive. Default: 2048.
    pub max_position_embeddings: usize,
    /// `ε` of the RMS norms, positive. Default: `1e-6`.
    pub rms_norm_eps: f64,
    /// Base `θ` of the rotary embedding, positive. Default: 10000.
    pub rope_theta: f64,
    /// Whether the head is the embedding. Default: `false`.
    pub tie_word_embeddings: bool,
    /// Token that begins every text, below `vocab_size`; `None` when the file names none.
    pub bos_token_id: Option<u32>,
}

impl LlamaConfig {
    /// Reads the text of a Hugging Face `config.json`. Defaults are those of transformers.
    ///
    /// # Errors
    /// [`CheckpointError::ConfigSyntax`], [`CheckpointError::MissingField`], [`CheckpointError::InvalidField`]
    /// for sizes that are zero, absurd or inconsistent, and [`CheckpointError::Unsupported`] for biases,
    /// another activation than SiLU, scaled or partial rotary embeddings and other architectures.
    pub fn from_json(json: &[u8]) -> Result<Self, CheckpointError> {
        let raw: RawConfig =
            serde_json::from_slice(json).map_err(|source| CheckpointError::ConfigSyntax { source })?;
        raw.reject_unsupported()?;

        let hidden_size = required("hidden_size", raw.hidden_size)?;
        let attention_heads = required("num_attention_heads", raw.num_attention_heads)?;
        let kv_heads = match raw.num_key_value_heads {
            Some(heads) => size("num_key_value_heads", heads)?,
            None => attention_heads,
        };
        if !attention_heads.is_multiple_of(kv_heads) {
            return Err(invalid("num_key_value_heads", kv_heads, "a divisor of num_attention_heads"));
        }
        let head_dim = match raw.head_dim {
            Some(head_dim) => size("head_dim", head_dim)?,
            None if hidden_size.is_multiple_of(attention_heads) => hidden_size / attention_heads,
            None => {
                return Err(invalid(
                    "num_attention_heads",
                    attention_heads,
                    "a divisor of hidden_size when there is no head_dim",
                ));
            }
        };
        if !head_dim.is_multiple_of(2) {
            return Err(invalid("head_dim", head_dim, "even, because the rotary embedding turns pairs"));
        }
        size("num_attention_heads", (attention_heads as u64).saturating_mul(head_dim as u64))?;
        let vocab_size = required("vocab_size", raw.vocab_size)?;
        let bos_token_id = raw.bos_token_id.map(|id| bos(id, vocab_size)).transpose()?;

        Ok(Self {
            hidden_size,
            intermediate_size: required("intermediate_size", raw.intermediate_size)?,
            layers: required("num_hidden_layers", raw.num_hidden_layers)?,
            attention_heads,
            kv_heads,
            head_dim,
            vocab_size,
            max_position_embeddings: size(
                "max_position_embeddings",
                raw.max_position_embeddings.unwrap_or(2048),
            )?,
            rms_norm_eps: positive("rms_norm_eps", raw.rms_norm_eps.unwrap_or(1e-6))?,
            rope_theta: raw.rope_theta()?,
            tie_word_embeddings: raw.tie_word_embeddings.unwrap_or(false),
            bos_token_id,
        })
    }

    /// Query heads that share one key–value head.
    pub fn group_size(&self) -> usize {
        self.attention_heads / self.kv_heads
    }
}

/// The fields of `config.json` that matter here, as they stand in the file.
#[derive(Deserialize)]
struct RawConfig {
    model_type: Option<String>,
    hidden_size: Option<u64>,
    intermediate_size: Option<u64>,
    num_hidden_layers: Option<u64>,
    num_attention_heads: Option<u64>,
    num_key_value_heads: Option<u64>,
    head_dim: Option<u64>,
    vocab_size: Option<u64>,
    max_position_embeddings: Option<u64>,
    rms_norm_eps: Option<f64>,
    rope_theta: Option<f64>,
    rope_parameters: Option<RawRope>,
    rope_scaling: Option<RawRope>,
    partial_rotary_factor: Option<f64>,
    tie_word_embeddings: Option<bool>,
    bos_token_id: Option<u64>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    hidden_act: Option<String>,
}

/// `rope_parameters` of transformers 5, or `rope_scaling` of earlier versions.
#[derive(Deserialize)]
struct RawRope {
    #[serde(alias = "type")]
    rope_type: Option<String>,
    rope_theta: Option<f64>,
    partial_rotary_factor: Option<f64>,
}

impl RawConfig {
    fn reject_unsupported(&self) -> Result<(), CheckpointError> {
        let unsupported = |field, found: &dyn ToString| {
            Err(CheckpointError::Unsupported { field, found: found.to_string() })
        };
        if let Some(kind) = self.model_type.as_ref().filter(|kind| *kind != "llama") {
            return unsupported("model_type", kind);
        }
        if self.attention_bias == Some(true) {
            return unsupported("attention_bias", &true);
        }
        if self.mlp_bias == Some(true) {
            return unsupported("mlp_bias", &true);
        }
        if let Some(activation) = self.hidden_act.as_ref().filter(|name| *name != "silu") {
            return unsupported("hidden_act", activation);
        }
        for (field, rope) in
            [("rope_parameters", &self.rope_parameters), ("rope_scaling", &self.rope_scaling)]
        {
            let kind = rope.as_ref().and_then(|rope| rope.rope_type.as_ref());
            if let Some(kind) = kind.filter(|kind| *kind != "default") {
                return unsupported(field, kind);
            }
        }
        let partial = self
            .partial_rotary_factor
            .or(self.rope_parameters.as_ref().and_then(|rope| rope.partial_rotary_factor));
        match partial.filter(|&factor| factor != 1.0) {
            Some(factor) => unsupported("partial_rotary_factor", &factor),
            None => Ok(()),
        }
    }

    /// The base of the rotary embedding, which transformers 5 moved into `rope_parameters`.
    fn rope_theta(&self) -> Result<f64, CheckpointError> {
        let nested = self.rope_parameters.as_ref().and_then(|rope| rope.rope_theta);
        if let (Some(top), Some(nested)) = (self.rope_theta, nested)
            && top != nested
        {
            return Err(invalid("rope_theta", top, "equal to rope_parameters.rope_theta"));
        }
        positive("rope_theta", self.rope_theta.or(nested).unwrap_or(10_000.0))
    }
}

fn invalid(field: &'static str, found: impl ToString, requirement: &'static str) -> CheckpointError {
    CheckpointError::InvalidField { field, found: found.to_string(), requirement }
}

fn required(field: &'static str, value: Option<u64>) -> Result<usize, CheckpointError> {
    size(field, value.ok_or(CheckpointError::MissingField { field })?)
}

fn size(field: &'static str, value: u64) -> Result<usize, CheckpointError> {
    match usize::try_from(value) {
        Ok(size) if (1..=LARGEST_SIZE).contains(&value) => Ok(size),
        _ => Err(invalid(field, value, "between 1 and 2^24, products with head_dim included")),
    }
}

fn positive(field: &'static str, value: f64) -> Result<f64, CheckpointError> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(invalid(field, value, "positive and finite"))
    }
}

fn bos(id: u64, vocab_size: usize) -> Result<u32, CheckpointError> {
    match u32::try_from(id) {
        Ok(token) if id < vocab_size as u64 => Ok(token),
        _ => Err(invalid("bos_token_id", id, "below vocab_size")),
    }
}
