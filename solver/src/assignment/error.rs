//! Why an assignment, or the evaluation of one, has no result.

use thiserror::Error;

use crate::relaxation::Certificate;
use crate::sca::{OptionsError, PolyhedronError, ScaError};

/// Errors of the model assignment, with the values that show why.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AssignmentError {
    /// There is no device.
    #[error("there is no device to assign a share to")]
    NoDevices,
    /// Energy models and channels disagree on the number of devices.
    #[error("{energy_models} energy models for channels of {channels} devices")]
    DeviceCount {
        /// Number of energy models.
        energy_models: usize,
        /// Number of devices of the channel source.
        channels: usize,
    },
    /// The minimum share is outside [0, 1/N].
    #[error("minimum share {minimum_share} is outside [0, 1/{devices}]")]
    MinimumShare {
        /// The value refused.
        minimum_share: f64,
        /// Number of devices `N`.
        devices: usize,
    },
    /// The power floor is not positive and finite.
    #[error("power floor {floor} is not positive and finite")]
    PowerFloor {
        /// The value refused.
        floor: f64,
    },
    /// A device cannot compute even the minimum share, keep the power floor and hold its part in memory.
    #[error(
        "device {device} affords a share of at most {largest_share} above the power floor {floor} and within its memory, less than the minimum share {minimum_share}"
    )]
    MinimumShareUnaffordable {
        /// Index of the device.
        device: usize,
        /// The minimum share.
        minimum_share: f64,
        /// The largest share that leaves the floor and fits the memory.
        largest_share: f64,
        /// The power floor `p_floor`.
        floor: f64,
    },
    /// All devices together cannot compute the model, keep the power floor and hold their parts in memory.
    #[error(
        "the devices together afford {affordable} of the model above the power floor {floor} and within their memories; it must be at least 1"
    )]
    ModelUnaffordable {
        /// The sum of the largest shares.
        affordable: f64,
        /// The power floor `p_floor`.
        floor: f64,
    },
    /// A list of memories has the wrong length.
    #[error("{found} memories for {expected} devices")]
    MemoryCount {
        /// Number of devices.
        expected: usize,
        /// Length of the list.
        found: usize,
    },
    /// The model does not fit into all memories together.
    #[error(
        "the model of {model_bytes} bytes does not fit into {memory_bytes} bytes, the memory of all devices: {} bytes are missing",
        u128::from(*model_bytes).saturating_sub(*memory_bytes)
    )]
    ModelTooLarge {
        /// Size of the model.
        model_bytes: u64,
        /// Memory of all devices together.
        memory_bytes: u128,
    },
    /// A list of shares has the wrong length.
    #[error("{found} shares for {expected} devices")]
    ShareCount {
        /// Number of devices.
        expected: usize,
        /// Length of the list.
        found: usize,
    },
    /// Shares do not sum to 1.
    #[error("the shares sum to {sum}, not 1")]
    ShareSum {
        /// Their sum.
        sum: f64,
    },
    /// An estimate with a standard error needs at least two samples.
    #[error(
        "{samples} samples or batches are too few for a standard error; at least 2 are needed, none of them empty"
    )]
    Samples {
        /// The number refused.
        samples: usize,
    },
    /// The short-term value has the wrong number of derivatives.
    #[error("the short-term value has {found} derivatives for {expected} devices")]
    DerivativeCount {
        /// Number of devices.
        expected: usize,
        /// Number found.
        found: usize,
    },
    /// A short-term value or derivative is NaN or infinite.
    #[error("the short-term value or one of its derivatives is {value}")]
    NotFinite {
        /// The value.
        value: f64,
    },
    /// A kept state is of another number of devices.
    #[error("a state of {found} devices where there are {expected}")]
    StateDevices {
        /// Number of devices.
        expected: usize,
        /// Number of devices of the state.
        found: usize,
    },
    /// A kept state is of devices that spend otherwise: `w_n = −(dp_n/dm_n)/p_n` at the start.
    #[error("a state with weight {found} for device {device} where the problem has {expected}")]
    StateWeight {
        /// Index of the device.
        device: usize,
        /// `w_n` of the problem.
        expected: f64,
        /// `w_n` of the state.
        found: f64,
    },
    /// A kept state is of a run with another seed.
    #[error("a state of seed {found} where the options have seed {expected}")]
    StateSeed {
        /// Seed of the options.
        expected: u64,
        /// Seed of the state.
        found: u64,
    },
    /// A kept state is of other channels or another short-term value: at the start, the first pilot block has another `v`, or bounds of
    /// another scope.
    #[error(
        "a state whose first block has the value {} to {} ({:?}) where the problem's has {} to {} ({:?}): other channels or another short-term value",
        found.lower, found.upper, found.scope, expected.lower, expected.upper, expected.scope
    )]
    StateValue {
        /// The value of the problem.
        expected: Certificate,
        /// The value of the state.
        found: Certificate,
    },
    /// A kept state has estimates of several functions; an assignment has no stochastic constraints.
    #[error("a state with estimates of {found} functions; an assignment has one")]
    StateFunctions {
        /// Functions with estimates in the state.
        found: usize,
    },
    /// A kept state has a weight or a scale that is not positive and finite.
    #[error("the state holds the scale {value}, which is not positive and finite")]
    StateScale {
        /// The value.
        value: f64,
    },
    /// A share leaves no power, or a short-term problem could not be solved.
    #[error(transparent)]
    ShortTerm(#[from] crate::Error),
    /// An option outside its range.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The set of shares could not be built.
    #[error("the feasible set of shares could not be built")]
    FeasibleSet(#[from] PolyhedronError),
    /// The stochastic optimization failed.
    #[error("stochastic optimization of the shares failed")]
    Optimization(#[from] Box<ScaError<AssignmentError>>),
}
