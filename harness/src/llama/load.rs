//! What a forward pass asks of the machine that computes it.

/// Work of one machine per decoded token, for a model of latency.
///
/// Counts weights and the products with them. What attention does with the cache grows with the context
/// and is left out: `4 · query_heads · head_dim` operations per cached position and block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeviceLoad {
    /// Bytes of weights that are read for one token, as stored in memory.
    pub weight_bytes: u64,
    /// Floating-point operations of the products with weights, two per weight.
    pub flops_per_token: u64,
    /// Weights held.
    pub parameters: u64,
}

impl std::ops::AddAssign for DeviceLoad {
    fn add_assign(&mut self, other: Self) {
        self.weight_bytes += other.weight_bytes;
        self.flops_per_token += other.flops_per_token;
        self.parameters += other.parameters;
    }
}

impl std::iter::Sum for DeviceLoad {
    fn sum<I: Iterator<Item = Self>>(loads: I) -> Self {
        loads.fold(Self::default(), |mut total, load| {
            total += load;
            total
        })
    }
}
