//! Checkpoints: a model's configuration, weights and tokenizer.
//!
//! A checkpoint comes as the three files of the Hugging Face layout, `config.json`,
//! `model.safetensors` and `tokenizer.json`, from a directory or from memory. Other weight formats
//! need one more [`WeightSource`].

mod config;
mod error;
pub(crate) mod layout;
mod safetensors_file;
mod source;
mod text;

use std::path::Path;

pub use config::LlamaConfig;
pub use error::CheckpointError;
pub use safetensors_file::SafetensorsFile;
pub use source::WeightSource;
pub use text::TextTokenizer;

/// A LLaMA on disk or in memory: checked sizes, weights to be read slice by slice, and a tokenizer.
pub struct Checkpoint {
    config: LlamaConfig,
    weights: Box<dyn WeightSource>,
    tokenizer: TextTokenizer,
}

impl Checkpoint {
    /// Opens a directory with `config.json`, `model.safetensors` and `tokenizer.json`.
    ///
    /// Weights stay on disk until a slice of them is read.
    ///
    /// # Errors
    /// [`CheckpointError::MissingFile`], [`CheckpointError::ShardedWeights`] when there is only
    /// `model.safetensors.index.json`, and everything else that [`CheckpointError`] names.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let directory = directory.as_ref();
        let config = LlamaConfig::from_json(&read(&directory.join("config.json"))?)?;
        let weights = directory.join("model.safetensors");
        let index = directory.join("model.safetensors.index.json");
        if !weights.exists() {
            return Err(if index.exists() {
                CheckpointError::ShardedWeights { index }
            } else {
                CheckpointError::MissingFile { path: weights }
            });
        }
        let weights = SafetensorsFile::open(&weights)?;
        let tokenizer = read(&directory.join("tokenizer.json"))?;
        Self::new(config, Box::new(weights), &tokenizer)
    }

    /// Takes the contents of the three files.
    ///
    /// # Errors
    /// Those of [`Checkpoint::open`] that do not concern files.
    pub fn from_bytes(config: &[u8], weights: Vec<u8>, tokenizer: &[u8]) -> Result<Self, CheckpointError> {
        let config = LlamaConfig::from_json(config)?;
        Self::new(config, Box::new(SafetensorsFile::from_bytes(weights)?), tokenizer)
    }

    /// The model that is part of the program: `wikitext2-llama-4m`, a LLaMA of 4,458,752 parameters in four
    /// blocks with eight heads, trained for this project on WikiText-2 in context 256; weights in f16.
    ///
    /// # Errors
    /// None when the program was built from intact files.
    pub fn bundled() -> Result<Self, CheckpointError> {
        const CONFIG: &[u8] = include_bytes!("../../bundled/wikitext2-llama-4m/config.json");
        const WEIGHTS: &[u8] = include_bytes!("../../bundled/wikitext2-llama-4m/model.safetensors");
        const TOKENIZER: &[u8] = include_bytes!("../../bundled/wikitext2-llama-4m/tokenizer.json");
        let config = LlamaConfig::from_json(CONFIG)?;
        Self::new(config, Box::new(SafetensorsFile::from_static(WEIGHTS)?), TOKENIZER)
    }

    /// Puts a checkpoint together from its parts, the weights in any format.
    ///
    /// # Errors
    /// [`CheckpointError::MissingTensor`], [`CheckpointError::TensorShape`] and
    /// [`CheckpointError::UnexpectedTensor`] when weights and configuration disagree;
    /// [`CheckpointError::TokenizerSyntax`] and [`CheckpointError::TokenizerVocabulary`].
    pub fn new(
        config: LlamaConfig,
        weights: Box<dyn WeightSource>,
        tokenizer: &[u8],
    ) -> Result<Self, CheckpointError> {
        layout::validate(&config, weights.as_ref())?;
        let tokenizer = TextTokenizer::from_json(tokenizer, config.vocab_size, config.bos_token_id)?;
        Ok(Self { config, weights, tokenizer })
    }

    /// Sizes and constants of the model.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// The weights.
    pub fn weights(&self) -> &dyn WeightSource {
        self.weights.as_ref()
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &TextTokenizer {
        &self.tokenizer
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => CheckpointError::MissingFile { path: path.to_owned() },
        _ => CheckpointError::Io { path: path.to_owned(), source },
    })
}
