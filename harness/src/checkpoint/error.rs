//! Why a checkpoint could not be read.

use std::ops::Range;
use std::path::PathBuf;

use safetensors::SafeTensorError;

/// Why a checkpoint could not be read. Every variant says where and what was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A file of the checkpoint does not exist.
    #[error("there is no {}", path.display())]
    MissingFile {
        /// The path that was looked for.
        path: PathBuf,
    },
    /// The weights are split over several files, which is not supported yet.
    #[error("{} says that the weights are sharded over several files, which is not supported yet", index.display())]
    ShardedWeights {
        /// Path of `model.safetensors.index.json`.
        index: PathBuf,
    },
    /// Reading a file failed.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// `config.json` is not JSON of the expected form.
    #[error("config.json is malformed: {source}")]
    ConfigSyntax {
        /// Place and reason.
        source: serde_json::Error,
    },
    /// `config.json` lacks a field that has no default.
    #[error("config.json has no `{field}`")]
    MissingField {
        /// Name of the field.
        field: &'static str,
    },
    /// A field of `config.json` has a value that no LLaMA can have.
    #[error("config.json: `{field}` is {found}, but must be {requirement}")]
    InvalidField {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What the value has to satisfy.
        requirement: &'static str,
    },
    /// The model is well-formed but uses something that this implementation does not compute.
    #[error("config.json: `{field}` = {found} is not supported")]
    Unsupported {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        found: String,
    },
    /// The safetensors file is shorter than its header, or declares a header larger than allowed.
    #[error("the safetensors header claims {declared} bytes, and at most {available} can follow")]
    HeaderLength {
        /// Length that the first eight bytes declare.
        declared: u64,
        /// Bytes that the file and the format's limit leave for the header.
        available: u64,
    },
    /// The safetensors file has fewer than the eight bytes that hold the header's length.
    #[error("the safetensors file has only {found} bytes")]
    TooShort {
        /// Length of the file.
        found: u64,
    },
    /// The safetensors header is not JSON of the expected form.
    #[error("the safetensors header is malformed: {source}")]
    HeaderSyntax {
        /// Place and reason.
        source: serde_json::Error,
    },
    /// The offsets in the safetensors header overlap, leave gaps or disagree with shapes.
    #[error("the safetensors header is inconsistent: {source}")]
    HeaderLayout {
        /// The rule that is broken.
        source: SafeTensorError,
    },
    /// The tensors do not fill the safetensors file exactly: it was cut off or continued.
    #[error("the safetensors header describes {declared} bytes of weights, and {found} follow it")]
    DataLength {
        /// Bytes that the header describes.
        declared: u64,
        /// Bytes that follow the header.
        found: u64,
    },
    /// A tensor that the configuration implies is absent.
    #[error("the weights have no tensor `{name}`")]
    MissingTensor {
        /// Name of the tensor.
        name: String,
    },
    /// A tensor that a LLaMA of this configuration has no use for: ignoring it could change the result.
    #[error("the weights have a tensor `{name}`, which this configuration has no use for")]
    UnexpectedTensor {
        /// Name of the tensor.
        name: String,
    },
    /// A tensor has another shape than the configuration implies.
    #[error("tensor `{name}` has shape {found:?} where config.json implies {expected:?}")]
    TensorShape {
        /// Name of the tensor.
        name: String,
        /// Shape that the configuration implies.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// A tensor has an element type other than F32, F16 or BF16.
    #[error("tensor `{name}` has elements of type {dtype}; F32, F16 and BF16 are supported")]
    TensorDtype {
        /// Name of the tensor.
        name: String,
        /// Its element type, as the file spells it.
        dtype: String,
    },
    /// A slice reaches beyond its tensor.
    #[error("slice {rows:?} × {columns:?} reaches beyond tensor `{name}` of {found_rows} × {found_columns}")]
    SliceOutOfRange {
        /// Name of the tensor.
        name: String,
        /// Rows asked for.
        rows: Range<usize>,
        /// Columns asked for.
        columns: Range<usize>,
        /// Rows of the tensor.
        found_rows: usize,
        /// Columns of the tensor.
        found_columns: usize,
    },
    /// A weight is NaN or infinite.
    #[error("tensor `{name}` holds {value} in row {row}, column {column}")]
    NonFiniteWeight {
        /// Name of the tensor.
        name: String,
        /// Row of the weight.
        row: usize,
        /// Column of the weight.
        column: usize,
        /// The weight.
        value: f32,
    },
    /// `tokenizer.json` cannot be used.
    #[error("tokenizer.json is malformed: {reason}")]
    TokenizerSyntax {
        /// What the `tokenizers` crate said.
        reason: String,
    },
    /// The tokenizer makes token ids that the model has no embedding for.
    #[error("the tokenizer's largest token id is {largest_id}, and the model's vocabulary has {vocabulary}")]
    TokenizerVocabulary {
        /// Largest id the tokenizer can produce.
        largest_id: u32,
        /// Rows of the model's embedding.
        vocabulary: usize,
    },
    /// A text could not be tokenized, or tokens could not be turned into text.
    #[error("the tokenizer failed: {reason}")]
    Tokenizer {
        /// What the `tokenizers` crate said.
        reason: String,
    },
}
