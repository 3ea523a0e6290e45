//! A device's part of grouped-query attention, and its key–value cache.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};

use super::{DeviceLoad, Linear, LlamaError, Positions};
use crate::checkpoint::layout::{KEY, OUTPUT, QUERY, VALUE, block};
use crate::checkpoint::{CheckpointError, LlamaConfig, WeightSource};
use crate::shard::Shard;

/// Keys and values of one device's heads in one block, room for which is set aside from the start.
#[derive(Debug)]
pub(crate) struct KvCache {
    /// `[kv_heads, capacity, head_dim]`.
    keys: Tensor<3>,
    /// `[kv_heads, capacity, head_dim]`.
    values: Tensor<3>,
}

impl KvCache {
    fn new(heads: usize, capacity: usize, head_dim: usize, device: &Device) -> Result<Self, LlamaError> {
        let zeros = || {
            let too_large = LlamaError::OutOfMemory { positions: capacity, width: heads * head_dim };
            let Some(length) = (heads * head_dim).checked_mul(capacity) else { return Err(too_large) };
            let mut values: Vec<f32> = Vec::new();
            values.try_reserve_exact(length).map_err(|_| too_large)?;
            values.resize(length, 0.0);
            Ok(Tensor::from_data(TensorData::new(values, [heads, capacity, head_dim]), device))
        };
        Ok(Self { keys: zeros()?, values: zeros()? })
    }

    /// Writes the keys and values of the positions at hand, and returns those of all positions so far, as views.
    fn extend(
        &mut self,
        keys: Tensor<3>,
        values: Tensor<3>,
        positions: &Positions,
    ) -> (Tensor<3>, Tensor<3>) {
        let [heads, _, width] = self.keys.dims();
        let (range, end) = (positions.range.clone(), positions.range.end);
        // `inplace` leaves the cache the only owner of its memory, so that nothing is copied.
        self.keys.inplace(|cache| cache.slice_assign([0..heads, range.clone(), 0..width], keys));
        self.values.inplace(|cache| cache.slice_assign([0..heads, range, 0..width], values));
        let so_far = |cache: &Tensor<3>| cache.clone().slice([0..heads, 0..end, 0..width]);
        (so_far(&self.keys), so_far(&self.values))
    }
}

/// The key–value groups of one block that a device holds.
#[derive(Debug)]
pub(crate) struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    kv_heads: usize,
    group_size: usize,
    head_dim: usize,
}

impl Attention {
    /// Reads the heads of `shard` in block `layer`; `None` when it has none.
    pub(crate) fn load(
        config: &LlamaConfig,
        weights: &dyn WeightSource,
        layer: usize,
        shard: &Shard,
        device: &Device,
    ) -> Result<Option<Self>, CheckpointError> {
        if shard.kv_heads.is_empty() {
            return Ok(None);
        }
        let (hidden, head_dim, group_size) = (config.hidden_size, config.head_dim, config.group_size());
        let heads = shard.query_heads(group_size);
        let queries = heads.start * head_dim..heads.end * head_dim;
        let keys = shard.kv_heads.start * head_dim..shard.kv_heads.end * head_dim;
        let rows = |part, rows: std::ops::Range<usize>| {
            let values = weights.read(&block(layer, part), rows.clone(), 0..hidden)?;
            Ok(Linear::from_rows(values, rows.len(), hidden, device))
        };
        let output = weights.read(&block(layer, OUTPUT), 0..hidden, queries.clone())?;
        Ok(Some(Self {
            query: rows(QUERY, queries.clone())?,
            key: rows(KEY, keys.clone())?,
            value: rows(VALUE, keys)?,
            output: Linear::from_rows(output, hidden, queries.len(), device),
            kv_heads: shard.kv_heads.len(),
            group_size,
            head_dim,
        }))
    }

    pub(crate) fn cache(&self, capacity: usize, device: &Device) -> Result<KvCache, LlamaError> {
        KvCache::new(self.kv_heads, capacity, self.head_dim, device)
    }

    /// `Σ_h softmax(q_h·Kᵀ/√d)·V·O_hᵀ` over this device's query heads `h`, `[tokens, hidden]`.
    pub(crate) fn forward(&self, x: Tensor<2>, cache: &mut KvCache, positions: &Positions) -> Tensor<2> {
        let tokens = positions.range.len();
        let (groups, group, width) = (self.kv_heads, self.group_size, self.head_dim);
        let heads = groups * group;
        let by_head = |x: Tensor<2>, heads| x.reshape([tokens, heads, width]).swap_dims(0, 1);

        let query = positions.rotate(by_head(self.query.forward(x.clone()), heads));
        let key = positions.rotate(by_head(self.key.forward(x.clone()), groups));
        let value = by_head(self.value.forward(x), groups);
        let (keys, values) = cache.extend(key, value, positions);

        // The query heads of a group lie below each other, so that one product per group serves them all.
        let query = (query * (width as f64).powf(-0.5)).reshape([groups, group * tokens, width]);
        let scores = query.matmul(keys.swap_dims(1, 2)).reshape([heads, tokens, positions.range.end]);
        let scores = match &positions.mask {
            Some(mask) => scores + mask.clone(),
            None => scores,
        };
        let weights = softmax(scores, 2).reshape([groups, group * tokens, positions.range.end]);
        let mixed = weights.matmul(values).reshape([heads, tokens, width]);
        self.output.forward(mixed.swap_dims(0, 1).reshape([tokens, heads * width]))
    }

    pub(crate) fn work(&self) -> DeviceLoad {
        [&self.query, &self.key, &self.value, &self.output].into_iter().map(Linear::load).sum()
    }
}
