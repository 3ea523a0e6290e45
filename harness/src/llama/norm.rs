//! Root-mean-square normalization.

use burn::tensor::{Device, Tensor, TensorData};

/// `y_i = w_i · x_i / √(mean_j x_j² + ε)` for every row `x`.
#[derive(Debug, Clone)]
pub(crate) struct RmsNorm {
    weight: Tensor<2>,
    epsilon: f64,
}

impl RmsNorm {
    pub(crate) fn new(weight: Vec<f32>, epsilon: f64, device: &Device) -> Self {
        let width = weight.len();
        Self { weight: Tensor::from_data(TensorData::new(weight, [1, width]), device), epsilon }
    }

    /// Normalizes every row of `x`, `[tokens, width]`.
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let mean_square = (x.clone() * x.clone()).mean_dim(1);
        x / (mean_square + self.epsilon).sqrt() * self.weight.clone()
    }

    /// Number of weights.
    pub(crate) fn parameters(&self) -> u64 {
        self.weight.shape().num_elements() as u64
    }
}
