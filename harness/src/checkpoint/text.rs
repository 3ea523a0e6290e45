//! `tokenizer.json`: text to tokens and back.

use std::panic::catch_unwind;

use serde::de::IgnoredAny;
use tokenizers::Tokenizer;

use super::CheckpointError;

/// A Hugging Face tokenizer whose tokens all have a row in the model's embedding.
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    bos: Option<u32>,
}

impl TextTokenizer {
    /// Reads the text of a `tokenizer.json` for a model with `vocabulary` tokens, of which `bos` begins a text.
    ///
    /// Truncation and padding that the file may ask for are switched off: they are for training batches
    /// and would silently shorten a text.
    ///
    /// # Errors
    /// [`CheckpointError::TokenizerSyntax`], and [`CheckpointError::TokenizerVocabulary`] when an id is not
    /// below `vocabulary`.
    pub fn from_json(json: &[u8], vocabulary: usize, bos: Option<u32>) -> Result<Self, CheckpointError> {
        let syntax = |reason: String| CheckpointError::TokenizerSyntax { reason };
        let mut tokenizer = parse(json).map_err(syntax)?;
        tokenizer.with_truncation(None).map_err(|error| syntax(error.to_string()))?;
        tokenizer.with_padding(None);
        match tokenizer.get_vocab(true).into_values().max() {
            Some(largest_id) if largest_id as usize >= vocabulary => {
                Err(CheckpointError::TokenizerVocabulary { largest_id, vocabulary })
            }
            _ => Ok(Self { tokenizer, bos }),
        }
    }

    /// The tokens of `text`, without any that mark its beginning or end.
    ///
    /// # Errors
    /// [`CheckpointError::Tokenizer`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, CheckpointError> {
        let encoding = self.tokenizer.encode_fast(text, false).map_err(failure)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The tokens of `text` after the token that begins every text, if the model has one.
    ///
    /// # Errors
    /// [`CheckpointError::Tokenizer`].
    pub fn encode_with_bos(&self, text: &str) -> Result<Vec<u32>, CheckpointError> {
        let mut tokens: Vec<u32> = self.bos.into_iter().collect();
        tokens.extend(self.encode(text)?);
        Ok(tokens)
    }

    /// The text of `tokens`, without those that mark beginning and end.
    ///
    /// # Errors
    /// [`CheckpointError::Tokenizer`].
    pub fn decode(&self, tokens: &[u32]) -> Result<String, CheckpointError> {
        self.tokenizer.decode(tokens, true).map_err(failure)
    }
}

/// Parses a `tokenizer.json`. The `tokenizers` crate panics on some that are malformed: those that are no
/// JSON never reach it, and what remains is caught.
fn parse(json: &[u8]) -> Result<Tokenizer, String> {
    serde_json::from_slice::<IgnoredAny>(json).map_err(|error| error.to_string())?;
    match catch_unwind(|| Tokenizer::from_bytes(json)) {
        Ok(parsed) => parsed.map_err(|error| error.to_string()),
        Err(_) => Err("it has a part of unknown form".to_owned()),
    }
}

fn failure(reason: tokenizers::Error) -> CheckpointError {
    CheckpointError::Tokenizer { reason: reason.to_string() }
}
