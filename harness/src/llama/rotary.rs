//! Rotary position embedding, and which keys a query may see.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

use super::LlamaError;
use crate::checkpoint::LlamaConfig;

/// Cosines and sines of the angles `φ_{p,i} = p · θ^(−2i/d)` of positions `p` and pairs `i < d/2` of a head of width `d`.
///
/// Frequencies and angles are rounded to `f32` as transformers does: at position 500 the angles differ from exact
/// ones by up to 3·10⁻⁵, and models are trained with the rounded ones.
#[derive(Debug, Clone)]
pub(crate) struct RotaryTable {
    /// `[capacity, d/2]`.
    cos: Tensor<2>,
    /// `[capacity, d/2]`.
    sin: Tensor<2>,
    capacity: usize,
    half: usize,
    device: Device,
}

/// What attention needs to know of a run of positions.
#[derive(Debug, Clone)]
pub(crate) struct Positions {
    /// The positions of the tokens at hand.
    pub(crate) range: Range<usize>,
    /// `[tokens, d/2]`.
    cos: Tensor<2>,
    /// `[tokens, d/2]`.
    sin: Tensor<2>,
    /// `[1, tokens, end of range]`: `0` where the query sees the key, `−∞` where the key is in its future.
    /// `None` for a single token, which sees everything.
    pub(crate) mask: Option<Tensor<3>>,
}

impl RotaryTable {
    /// The table for positions below `capacity`.
    pub(crate) fn new(config: &LlamaConfig, capacity: usize, device: &Device) -> Self {
        let half = config.head_dim / 2;
        let frequencies: Vec<f32> =
            (0..half).map(|pair| (1.0 / config.rope_theta.powf(pair as f64 / half as f64)) as f32).collect();
        let angles = |function: fn(f64) -> f64| {
            let values: Vec<f32> = (0..capacity)
                .flat_map(|position| frequencies.iter().map(move |frequency| position as f32 * frequency))
                .map(|angle| function(f64::from(angle)) as f32)
                .collect();
            Tensor::from_data(TensorData::new(values, [capacity, half]), device)
        };
        Self { cos: angles(f64::cos), sin: angles(f64::sin), capacity, half, device: device.clone() }
    }

    /// What `tokens` tokens need when the first is at `position`.
    ///
    /// # Errors
    /// [`LlamaError::CapacityExceeded`] when the last position is not below the capacity.
    pub(crate) fn positions(&self, position: usize, tokens: usize) -> Result<Positions, LlamaError> {
        let capacity = self.capacity;
        let end = position
            .checked_add(tokens)
            .filter(|&end| end <= capacity)
            .ok_or(LlamaError::CapacityExceeded { capacity, position, tokens })?;
        let rows = |table: &Tensor<2>| table.clone().slice([position..end, 0..self.half]);
        let mask = (tokens > 1).then(|| {
            let seen =
                |query: usize, key: usize| if key <= position + query { 0.0 } else { f32::NEG_INFINITY };
            let values: Vec<f32> =
                (0..tokens).flat_map(|query| (0..end).map(move |key| seen(query, key))).collect();
            Tensor::from_data(TensorData::new(values, [1, tokens, end]), &self.device)
        });
        Ok(Positions { range: position..end, cos: rows(&self.cos), sin: rows(&self.sin), mask })
    }
}

impl Positions {
    /// Turns every head of `x`, `[heads, tokens, d]`: with halves `a` and `b` of a head,
    /// `(a, b) ← (a·cos φ − b·sin φ, b·cos φ + a·sin φ)`.
    pub(crate) fn rotate(&self, x: Tensor<3>) -> Tensor<3> {
        let [heads, tokens, width] = x.dims();
        let a = x.clone().slice([0..heads, 0..tokens, 0..width / 2]);
        let b = x.slice([0..heads, 0..tokens, width / 2..width]);
        let (cos, sin) = (self.cos.clone().unsqueeze::<3>(), self.sin.clone().unsqueeze::<3>());
        let first = a.clone() * cos.clone() - b.clone() * sin.clone();
        let second = b * cos + a * sin;
        Tensor::cat(vec![first, second], 2)
    }
}
