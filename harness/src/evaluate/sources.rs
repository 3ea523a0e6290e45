//! Where model and text come from.

use super::error::EvaluateError;
use super::protocol::Window;
use crate::checkpoint::Checkpoint;
use crate::configuration::{ModelSource, TextSource};
use crate::report::{ModelSummary, TextSummary};

/// The bundled text.
const BUNDLED_TEXT: &str = include_str!("../../bundled/encyclopedia.txt");
/// Texts beyond this are refused: tokenizing holds several times their size in memory.
const LARGEST_TEXT: u64 = 1 << 30;

/// The model, and the text in its tokens.
pub(super) fn tokenized(model: &ModelSource, text: &str) -> Result<(Checkpoint, Vec<u32>), EvaluateError> {
    let opened = match model {
        ModelSource::Bundled => Checkpoint::bundled(),
        ModelSource::Directory(path) => Checkpoint::open(path),
    };
    opened
        .and_then(|checkpoint| {
            let tokens = checkpoint.tokenizer().encode_with_bos(text)?;
            Ok((checkpoint, tokens))
        })
        .map_err(|source| EvaluateError::Checkpoint { model: model.to_string(), source })
}

pub(super) fn text(source: &TextSource) -> Result<String, EvaluateError> {
    let text = match source {
        TextSource::Bundled => BUNDLED_TEXT.to_owned(),
        TextSource::File(path) => {
            let unreadable = |source| EvaluateError::UnreadableText { path: path.clone(), source };
            let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
            if bytes > LARGEST_TEXT {
                return Err(EvaluateError::LargeText { path: path.clone(), bytes, limit: LARGEST_TEXT });
            }
            std::fs::read_to_string(path).map_err(unreadable)?
        }
    };
    if text.trim().is_empty() {
        return Err(EvaluateError::EmptyText { text: source.to_string() });
    }
    Ok(text)
}

pub(super) fn summarize_model(source: &ModelSource, checkpoint: &Checkpoint) -> ModelSummary {
    let config = checkpoint.config();
    let weights = checkpoint.weights();
    let size = |name| weights.shape(name).map_or(0, |shape| shape.iter().product::<usize>() as u64);
    ModelSummary {
        name: source.to_string(),
        parameters: weights.names().iter().map(|name| size(name)).sum(),
        layers: config.layers,
        hidden_size: config.hidden_size,
        heads: config.attention_heads,
        key_value_heads: config.kv_heads,
        intermediate_size: config.intermediate_size,
        vocabulary: config.vocab_size,
    }
}

pub(super) fn summarize_text(
    source: &TextSource,
    text: &str,
    tokens: usize,
    windows: &[Window],
) -> TextSummary {
    TextSummary {
        name: source.to_string(),
        bytes: text.len() as u64,
        tokens: tokens as u64,
        windows: windows.len() as u64,
        predicted_tokens: windows.iter().map(|window| window.scored.len() as u64).sum(),
    }
}
