//! Where weights come from: matrices by name, read slice by slice.

use std::ops::Range;

use super::CheckpointError;

/// Named tensors of one checkpoint, whatever its file format.
///
/// Implementations read no more than the slice asked for, so that a device of a tensor-parallel
/// cluster never holds the weights of the others.
pub trait WeightSource: Send + Sync {
    /// Names of all tensors.
    fn names(&self) -> Vec<&str>;

    /// Shape of the tensor `name`, if there is one.
    fn shape(&self, name: &str) -> Option<&[usize]>;

    /// The part `rows × columns` of the tensor `name`, row-major. A vector counts as one row.
    ///
    /// # Errors
    /// [`CheckpointError::MissingTensor`], [`CheckpointError::SliceOutOfRange`],
    /// [`CheckpointError::TensorDtype`], [`CheckpointError::NonFiniteWeight`], [`CheckpointError::Io`].
    fn read(
        &self,
        name: &str,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> Result<Vec<f32>, CheckpointError>;
}

/// Rows and columns of a shape: a vector is one row, and leading dimensions multiply to rows.
pub(super) fn as_matrix(shape: &[usize]) -> (usize, usize) {
    match shape.split_last() {
        Some((&columns, leading)) => (leading.iter().product(), columns),
        None => (1, 1),
    }
}
