//! What can go wrong, with the data that tells where and by how much.

use thiserror::Error as ThisError;

/// Which input an [`Error`] talks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Quantity {
    /// A channel matrix `H_n`.
    Channel,
    /// The aggregator `A`.
    Aggregator,
    /// A precoder `B_n`.
    Precoder,
    /// The matrix variable `X` of a relaxation.
    PrimalMatrix,
    /// A multiplier `U_n` of a relaxation.
    DualMatrix,
    /// A device's transmit power limit `p_n`.
    TransmitPower,
    /// The streams that a device serves.
    DeviceStreams,
    /// The receiver's noise power `σ²`.
    NoisePower,
    /// The variance `v_n` of a device's symbols.
    SignalVariance,
    /// A device's energy budget `P_n^max`.
    EnergyBudget,
    /// A device's energy per parameter `e_n`.
    ComputeCoefficient,
    /// The number of parameters `s_tot`.
    Parameters,
    /// A device's share `m_n` of the model.
    Share,
    /// The variance of a fading model's scattered part.
    FadingVariance,
    /// The mean of a fading model's entries.
    FadingMean,
    /// The correlation `ρ` of a fading process from one block to the next.
    FadingCorrelation,
    /// The maximum Doppler shift `f_D`.
    DopplerShift,
    /// The time `T` between blocks.
    BlockInterval,
    /// The variance `σ_e,n²` of what is unknown of a device's channel.
    ChannelErrorVariance,
    /// The signal-to-noise ratio of a device's pilots.
    PilotSnr,
    /// A coefficient matrix of a semidefinite program; its cone stands for the device.
    ConstraintMatrix,
}

impl Quantity {
    /// The quantity in words, with the device where it is a device's.
    fn owned_by(self, device: usize) -> String {
        match self {
            Self::Aggregator
            | Self::PrimalMatrix
            | Self::NoisePower
            | Self::Parameters
            | Self::FadingVariance
            | Self::FadingMean
            | Self::FadingCorrelation
            | Self::DopplerShift
            | Self::BlockInterval => self.to_string(),
            Self::Channel
            | Self::Precoder
            | Self::DualMatrix
            | Self::TransmitPower
            | Self::DeviceStreams
            | Self::SignalVariance
            | Self::EnergyBudget
            | Self::ComputeCoefficient
            | Self::Share
            | Self::ChannelErrorVariance
            | Self::PilotSnr
            | Self::ConstraintMatrix => format!("{self} of device {device}"),
        }
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Channel => "channel matrix H_n",
            Self::Aggregator => "aggregator A",
            Self::Precoder => "precoder B_n",
            Self::PrimalMatrix => "primal matrix X",
            Self::DualMatrix => "dual matrix U_n",
            Self::TransmitPower => "transmit power p_n",
            Self::DeviceStreams => "device streams",
            Self::NoisePower => "noise power",
            Self::SignalVariance => "signal variance v_n",
            Self::EnergyBudget => "energy budget P_n^max",
            Self::ComputeCoefficient => "compute coefficient e_n",
            Self::Parameters => "parameter count s_tot",
            Self::Share => "share m_n",
            Self::FadingVariance => "fading variance",
            Self::FadingMean => "fading mean",
            Self::FadingCorrelation => "fading correlation",
            Self::DopplerShift => "Doppler shift",
            Self::BlockInterval => "block interval",
            Self::ChannelErrorVariance => "channel error variance",
            Self::PilotSnr => "pilot signal-to-noise ratio",
            Self::ConstraintMatrix => "constraint matrix of a semidefinite program",
        })
    }
}

/// Errors of the solver. Every variant carries what a caller needs to mend the input.
#[derive(Debug, Clone, PartialEq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// There is no device.
    #[error("there is no device: at least one channel matrix is needed")]
    NoDevices,
    /// One list has another length than the number of devices.
    #[error("{found} values of {quantity} for {devices} devices")]
    DeviceCount {
        /// The list.
        quantity: Quantity,
        /// Number of devices.
        devices: usize,
        /// Length of the list.
        found: usize,
    },
    /// A matrix has the wrong shape.
    #[error(
        "{} is {}×{}, expected {}×{}",
        quantity.owned_by(*device), found.0, found.1, expected.0, expected.1
    )]
    Shape {
        /// The matrix.
        quantity: Quantity,
        /// Device index; 0 where the matrix belongs to the server.
        device: usize,
        /// Expected rows and columns.
        expected: (usize, usize),
        /// Found rows and columns.
        found: (usize, usize),
    },
    /// A matrix without rows or columns.
    #[error("{} has a side of length zero", quantity.owned_by(*device))]
    EmptyMatrix {
        /// The matrix.
        quantity: Quantity,
        /// Device index.
        device: usize,
    },
    /// A matrix entry is NaN or infinite.
    #[error("{} has a non-finite entry at row {row}, column {column}", quantity.owned_by(*device))]
    NonFiniteEntry {
        /// The matrix.
        quantity: Quantity,
        /// Device index; 0 where the matrix belongs to the server.
        device: usize,
        /// Row of the first such entry.
        row: usize,
        /// Column of the first such entry.
        column: usize,
    },
    /// A number is outside its valid range.
    #[error("{} is {value}; valid: {valid}", quantity.owned_by(*device))]
    OutOfRange {
        /// The number.
        quantity: Quantity,
        /// Device index; 0 where the number belongs to the whole system.
        device: usize,
        /// Its value.
        value: f64,
        /// The valid range, in words.
        valid: &'static str,
    },
    /// An option of an algorithm is outside its valid range.
    #[error("option {option} is {value}; valid: {valid}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// Its value.
        value: f64,
        /// The valid range, in words.
        valid: &'static str,
    },
    /// More streams than some device or the server has antennas, or none at all.
    #[error(
        "{streams} streams cannot be sent: device {device} has {transmit_antennas} transmit antennas, the server {receive_antennas}; valid: 1 to the least of these"
    )]
    Streams {
        /// Streams `L` asked for.
        streams: usize,
        /// The device with the fewest antennas.
        device: usize,
        /// Its number of antennas.
        transmit_antennas: usize,
        /// The server's antennas.
        receive_antennas: usize,
    },
    /// Channel matrices whose sizes, given as numbers, make more entries than any use has. Nothing was allocated.
    #[error(
        "channels of {receive_antennas}×{transmit_antennas} entries, those of all devices side by side; valid: at most {most} entries"
    )]
    TooManyEntries {
        /// `R`, or the rows asked for.
        receive_antennas: usize,
        /// `Σ T_n` (`usize::MAX` where it overflows), or the columns asked for.
        transmit_antennas: usize,
        /// The most entries accepted.
        most: usize,
    },
    /// A relaxation whose Newton system takes more memory than any use has. Nothing was allocated.
    #[error(
        "the Newton system of {unknowns} unknowns, the lesser of R² and Σ T_n², and {devices} devices takes {bytes} bytes; valid: at most {most}"
    )]
    TooManyUnknowns {
        /// `min(R², Σ T_n²)`.
        unknowns: usize,
        /// `N`.
        devices: usize,
        /// What the system takes, `usize::MAX` where it overflows.
        bytes: usize,
        /// The most bytes accepted.
        most: usize,
    },
    /// The list of streams of one device is not what it must be.
    #[error("device {device} serves streams {streams:?}; valid: {valid}")]
    DeviceStreams {
        /// Device index.
        device: usize,
        /// Its list.
        streams: Vec<usize>,
        /// The valid lists, in words.
        valid: &'static str,
    },
    /// A stream that no device serves.
    #[error("no device serves stream {stream}")]
    UnservedStream {
        /// Its index.
        stream: usize,
    },
    /// A channel, or a channel seen through the aggregator, lacks full column rank.
    #[error(
        "{quantity} of device {device} lacks full column rank {columns}: singular values from {largest:e} down to {smallest:e}"
    )]
    RankDeficient {
        /// `Channel` for `H_n`, `Aggregator` for `H_n^H A`.
        quantity: Quantity,
        /// Device index.
        device: usize,
        /// The rank needed.
        columns: usize,
        /// Largest singular value.
        largest: f64,
        /// Smallest singular value.
        smallest: f64,
    },
    /// A precoder takes more power than its device has. Zero forcing of this device is within its limit at an aggregator scaled by at least
    /// `√(required/available)`; for the scale at which that of every device is, see [`scaled_zero_forcing`](crate::recovery::scaled_zero_forcing).
    #[error("the precoder of device {device} takes power {required:?}, above its limit of {available:?}")]
    PowerExceeded {
        /// Device index.
        device: usize,
        /// The precoder's power `v_n ‖B_n‖_F²`; of zero forcing `v_n tr((D_n^H D_n)^{-1})`.
        required: f64,
        /// The device's limit `p_n`.
        available: f64,
    },
    /// A share whose computation uses up the whole energy budget.
    #[error(
        "share {share} of device {device} costs {computing} to compute, of a budget of {budget}: no power is left to transmit; largest share with power left: {largest_share}"
    )]
    NoPowerLeft {
        /// Device index.
        device: usize,
        /// The share `m_n`.
        share: f64,
        /// `e_n m_n s_tot`.
        computing: f64,
        /// `P_n^max`.
        budget: f64,
        /// The share at which the power left reaches zero.
        largest_share: f64,
    },
    /// An iterative method stopped short of its tolerance. The best certified interval comes with it.
    #[error(
        "no convergence in {iterations} iterations: the optimum is between {lower:?} and {upper:?}, relative gap above {tolerance:e}"
    )]
    NotConverged {
        /// Iterations taken, from all starts.
        iterations: usize,
        /// Best certified lower bound.
        lower: f64,
        /// Best certified upper bound.
        upper: f64,
        /// The relative gap asked for.
        tolerance: f64,
    },
    /// Floating-point arithmetic broke down: overflow, or a factorization that failed.
    #[error("arithmetic broke down in {operation}; channels or powers may span too many orders of magnitude")]
    Numerical {
        /// The operation that failed.
        operation: &'static str,
    },
}
