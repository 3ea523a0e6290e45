//! Shards: which part of every block each device holds.
//!
//! A block is cut along its key–value groups (a key–value head together with the query heads that use
//! it) and along the columns of its MLP: both parts then need one sum over the devices and nothing else
//! (Megatron-style tensor parallelism). Devices take any shares, not only equal ones: what a share amounts to
//! in whole groups and columns is settled by largest remainders.

use std::ops::Range;

use crate::checkpoint::LlamaConfig;

/// How far the sum of the shares may be from one.
const SUM_TOLERANCE: f64 = 1e-6;

/// Why shares are not shares.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ShardError {
    /// There are no devices.
    #[error("there are no shares: at least one device is needed")]
    NoDevices,
    /// A share is negative, infinite or not a number.
    #[error("the share of device {device} is {share}, and shares are non-negative numbers")]
    InvalidShare {
        /// The device.
        device: usize,
        /// Its share.
        share: f64,
    },
    /// The shares do not add up to one.
    #[error("the shares add up to {sum} instead of 1")]
    Sum {
        /// What they add up to.
        sum: f64,
    },
}

/// The part of every block that one device holds. Ranges may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Key–value heads; query head `h` goes with key–value head `h / group_size`.
    pub kv_heads: Range<usize>,
    /// Columns of the MLP: rows of its gate and up matrices, columns of its down matrix.
    pub mlp_columns: Range<usize>,
}

impl Shard {
    /// Query heads that go with the key–value heads when `group_size` of them share one.
    pub fn query_heads(&self, group_size: usize) -> Range<usize> {
        self.kv_heads.start * group_size..self.kv_heads.end * group_size
    }
}

/// Cuts a model into one shard per device, in device order.
///
/// # Errors
/// [`ShardError`] when `shares` is empty, has an entry that is negative or not finite, or does not
/// add up to one within `1e-6`.
pub fn shards(config: &LlamaConfig, shares: &[f64]) -> Result<Vec<Shard>, ShardError> {
    let heads = ranges(apportion(shares, config.kv_heads)?);
    let columns = ranges(apportion(shares, config.intermediate_size)?);
    Ok(heads.zip(columns).map(|(kv_heads, mlp_columns)| Shard { kv_heads, mlp_columns }).collect())
}

/// Distributes `total` indivisible units by the largest-remainder method (Hamilton's).
///
/// Device `n` first gets `⌊q_n⌋` of its quota `q_n = total · share_n / Σ share`; the units that remain go
/// one each to the largest fractional parts, the lowest index first among equals. The counts add up to
/// `total`, and each is within one of its quota.
///
/// # Errors
/// As for [`shards`].
pub fn apportion(shares: &[f64], total: usize) -> Result<Vec<usize>, ShardError> {
    let sum = validate(shares)?;
    let quotas: Vec<f64> = shares.iter().map(|share| share / sum * total as f64).collect();
    let mut counts: Vec<usize> = quotas.iter().map(|quota| quota.floor() as usize).collect();

    let remainder = |device: usize| quotas[device] - quotas[device].floor();
    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    // The sort is stable, so equal remainders stay in index order.
    by_remainder.sort_by(|&a, &b| remainder(b).total_cmp(&remainder(a)));
    let missing = total.saturating_sub(counts.iter().sum());
    for device in by_remainder.into_iter().take(missing) {
        counts[device] += 1;
    }
    Ok(counts)
}

/// The sum of the shares.
fn validate(shares: &[f64]) -> Result<f64, ShardError> {
    if shares.is_empty() {
        return Err(ShardError::NoDevices);
    }
    if let Some(device) = shares.iter().position(|share| !(share.is_finite() && *share >= 0.0)) {
        return Err(ShardError::InvalidShare { device, share: shares[device] });
    }
    let sum: f64 = shares.iter().sum();
    if (sum - 1.0).abs() <= SUM_TOLERANCE { Ok(sum) } else { Err(ShardError::Sum { sum }) }
}

/// Consecutive ranges of the given lengths.
fn ranges(counts: Vec<usize>) -> impl Iterator<Item = Range<usize>> {
    counts.into_iter().scan(0, |start, count| {
        let range = *start..*start + count;
        *start = range.end;
        Some(range)
    })
}
