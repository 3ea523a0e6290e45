//! Products with weight matrices.

use burn::tensor::{Device, Tensor, TensorData};

use super::DeviceLoad;

/// A weight matrix `W` of `out × in` and the product `y = x·Wᵀ` of rows `x` with it.
///
/// The only place that knows how weights are stored. Today: `f32`, as `[in, out]`. Measured with burn-flex on 768
/// columns of 256: a product of 4 rows takes 16 µs in this orientation and 58 µs with a transposed view of
/// `[out, in]`; products of 1 and of 256 rows take the same either way.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    weight: Tensor<2>,
}

impl Linear {
    /// From the `out · in` values of `W`, row-major as in checkpoints.
    ///
    /// `values` must have `out · in` entries, which every slice read from a checkpoint has.
    pub(crate) fn from_rows(values: Vec<f32>, outputs: usize, inputs: usize, device: &Device) -> Self {
        debug_assert_eq!(values.len(), outputs * inputs);
        let mut transposed = vec![0.0; values.len()];
        for (output, row) in values.chunks_exact(inputs).enumerate() {
            for (input, &value) in row.iter().enumerate() {
                transposed[input * outputs + output] = value;
            }
        }
        Self { weight: Tensor::from_data(TensorData::new(transposed, [inputs, outputs]), device) }
    }

    /// Shares the memory of `rows`, which is `W` itself: a head tied to the embedding needs no second copy.
    pub(crate) fn tied(rows: &Tensor<2>) -> Self {
        Self { weight: rows.clone().transpose() }
    }

    /// `x·Wᵀ`: `[tokens, in]` to `[tokens, out]`.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.clone())
    }

    /// What one product with a row costs.
    pub(crate) fn load(&self) -> DeviceLoad {
        let parameters = self.weight.shape().num_elements() as u64;
        DeviceLoad {
            parameters,
            weight_bytes: parameters * size_of::<f32>() as u64,
            flops_per_token: 2 * parameters,
        }
    }
}
