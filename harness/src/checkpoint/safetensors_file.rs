//! Weights in one safetensors file, on disk or in memory.
//!
//! The header is checked against the real length of the file before anything is allocated; the
//! weights are read and widened to `f32` row by row.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Deserialize;

use super::CheckpointError;
use super::source::{WeightSource, as_matrix};

/// Bytes that hold the header's length.
const LENGTH_BYTES: u64 = 8;

/// The safetensors format's own limit on the header.
const LARGEST_HEADER: u64 = 100_000_000;

/// A safetensors file whose header has been read and checked.
pub struct SafetensorsFile {
    storage: Storage,
    tensors: HashMap<String, TensorInfo>,
    /// Where the weights begin: offsets of the header count from here.
    start: u64,
}

/// The bytes of the file.
enum Storage {
    Static(&'static [u8]),
    Owned(Vec<u8>),
    /// Read on demand; the lock is for the file's cursor.
    Disk {
        path: PathBuf,
        file: Mutex<File>,
    },
}

impl SafetensorsFile {
    /// Opens the file at `path` and reads its header; weights are read when asked for.
    ///
    /// # Errors
    /// [`CheckpointError::Io`] and the errors of the header: [`CheckpointError::TooShort`],
    /// [`CheckpointError::HeaderLength`], [`CheckpointError::HeaderSyntax`],
    /// [`CheckpointError::HeaderLayout`], [`CheckpointError::DataLength`], [`CheckpointError::TensorDtype`].
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let io = |source| CheckpointError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        Self::new(Storage::Disk { path: path.to_owned(), file: Mutex::new(file) }, length)
    }

    /// Takes the contents of a file.
    ///
    /// # Errors
    /// Those of [`SafetensorsFile::open`], without [`CheckpointError::Io`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, CheckpointError> {
        let length = bytes.len() as u64;
        Self::new(Storage::Owned(bytes), length)
    }

    /// Refers to the contents of a file that is part of the program.
    ///
    /// # Errors
    /// Those of [`SafetensorsFile::open`], without [`CheckpointError::Io`].
    pub fn from_static(bytes: &'static [u8]) -> Result<Self, CheckpointError> {
        Self::new(Storage::Static(bytes), bytes.len() as u64)
    }

    fn new(storage: Storage, length: u64) -> Result<Self, CheckpointError> {
        let Some(available) = length.checked_sub(LENGTH_BYTES) else {
            return Err(CheckpointError::TooShort { found: length });
        };
        let mut declared = [0_u8; LENGTH_BYTES as usize];
        storage.read_at(0, &mut declared)?;
        let declared = u64::from_le_bytes(declared);
        let available = available.min(LARGEST_HEADER);
        if declared > available {
            return Err(CheckpointError::HeaderLength { declared, available });
        }
        let mut header = vec![0_u8; declared as usize];
        storage.read_at(LENGTH_BYTES, &mut header)?;
        let start = LENGTH_BYTES + declared;
        let tensors = parse_header(&header, length - start)?;
        Ok(Self { storage, tensors, start })
    }

    fn info(&self, name: &str) -> Result<&TensorInfo, CheckpointError> {
        self.tensors.get(name).ok_or_else(|| CheckpointError::MissingTensor { name: name.to_owned() })
    }
}

impl WeightSource for SafetensorsFile {
    fn names(&self) -> Vec<&str> {
        self.tensors.keys().map(String::as_str).collect()
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|info| info.shape.as_slice())
    }

    fn read(
        &self,
        name: &str,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> Result<Vec<f32>, CheckpointError> {
        let info = self.info(name)?;
        let (found_rows, found_columns) = as_matrix(&info.shape);
        let within = |range: &Range<usize>, end| range.start <= range.end && range.end <= end;
        if !within(&rows, found_rows) || !within(&columns, found_columns) {
            let name = name.to_owned();
            return Err(CheckpointError::SliceOutOfRange { name, rows, columns, found_rows, found_columns });
        }
        let element = Element::of(name, info.dtype)?;
        // The slice lies within the tensor and the tensor within the file, so neither the product
        // nor the allocation exceeds the file by more than the widening to f32.
        let mut values = Vec::with_capacity(rows.len() * columns.len());
        let mut bytes = vec![0_u8; columns.len() * element.size()];
        for row in rows {
            let offset = info.data_offsets.0 + (row * found_columns + columns.start) * element.size();
            self.storage.read_at(self.start + offset as u64, &mut bytes)?;
            let begin = values.len();
            element.widen(&bytes, &mut values);
            if let Some(bad) = values[begin..].iter().position(|value| !value.is_finite()) {
                return Err(CheckpointError::NonFiniteWeight {
                    name: name.to_owned(),
                    row,
                    column: columns.start + bad,
                    value: values[begin + bad],
                });
            }
        }
        Ok(values)
    }
}

impl Storage {
    /// Fills `buffer` with the bytes from `offset` on.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), CheckpointError> {
        let bytes: &[u8] = match self {
            Self::Static(bytes) => bytes,
            Self::Owned(bytes) => bytes,
            Self::Disk { path, file } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(buffer));
                return read.map_err(|source| CheckpointError::Io { path: path.clone(), source });
            }
        };
        let range =
            usize::try_from(offset).ok().and_then(|start| Some(start..start.checked_add(buffer.len())?));
        match range.and_then(|range| bytes.get(range)) {
            Some(found) => buffer.copy_from_slice(found),
            None => return Err(CheckpointError::TooShort { found: bytes.len() as u64 }),
        }
        Ok(())
    }
}

/// The tensors that a header describes, checked to tile the `found` bytes that follow it.
fn parse_header(header: &[u8], found: u64) -> Result<HashMap<String, TensorInfo>, CheckpointError> {
    let syntax = |source| CheckpointError::HeaderSyntax { source };
    let mut entries: HashMap<String, serde_json::Value> = serde_json::from_slice(header).map_err(syntax)?;
    entries.remove("__metadata__");
    let mut tensors = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        if let Some(dtype) = entry.get("dtype").filter(|dtype| Dtype::deserialize(*dtype).is_err()) {
            let dtype = dtype.as_str().map_or_else(|| dtype.to_string(), str::to_owned);
            return Err(CheckpointError::TensorDtype { name, dtype });
        }
        tensors.push((name, TensorInfo::deserialize(entry).map_err(syntax)?));
    }
    tensors.sort_by(|(a, left), (b, right)| (left.data_offsets, a).cmp(&(right.data_offsets, b)));
    let metadata =
        Metadata::new(None, tensors.clone()).map_err(|source| CheckpointError::HeaderLayout { source })?;
    let declared = metadata.data_len() as u64;
    if declared != found {
        return Err(CheckpointError::DataLength { declared, found });
    }
    Ok(tensors.into_iter().collect())
}

/// Element types that can be read.
#[derive(Clone, Copy)]
enum Element {
    F32,
    F16,
    Bf16,
}

impl Element {
    fn of(name: &str, dtype: Dtype) -> Result<Self, CheckpointError> {
        match dtype {
            Dtype::F32 => Ok(Self::F32),
            Dtype::F16 => Ok(Self::F16),
            Dtype::BF16 => Ok(Self::Bf16),
            other => Err(CheckpointError::TensorDtype { name: name.to_owned(), dtype: format!("{other:?}") }),
        }
    }

    fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Appends the little-endian elements in `bytes`.
    fn widen(self, bytes: &[u8], values: &mut Vec<f32>) {
        match self {
            Self::F32 => values.extend(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b))),
            Self::F16 => values.extend(bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32())),
            Self::Bf16 => values.extend(bytes.as_chunks().0.iter().map(|&b| bf16::from_le_bytes(b).to_f32())),
        }
    }
}
