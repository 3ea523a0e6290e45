//! Links: how the devices' partial outputs become one sum at the server.
//!
//! Every link implements [`Link`]; one file holds one kind. A link knows nothing of transformers:
//! it sees one matrix of real numbers per device and returns (an estimate of) their sum together
//! with what the transmission cost and how far it missed.

mod air;
mod digital;
mod exact;
mod fdma;
mod radio;
mod symbols;

pub use air::{Air, Design};
pub use digital::Digital;
pub use exact::Exact;
pub use fdma::Fdma;
pub use radio::{Cell, Downlink, Radio};

/// A `tokens × width` matrix of activations, row-major: row `t` belongs to token `t`.
#[derive(Debug, Clone, PartialEq)]
pub struct Activations {
    /// Entries per token: the model's hidden size.
    pub width: usize,
    /// `tokens · width` values.
    pub values: Vec<f32>,
}

impl Activations {
    /// Number of rows.
    pub fn tokens(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }
}

/// Which all-reduce this is. Randomness (channel block, noise) is a function of the run's seed and
/// of these numbers alone, so results do not depend on the order in which sequences are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// The sequence (window of text) being evaluated.
    pub sequence: u64,
    /// Position of the first token of this all-reduce within its sequence.
    pub position: u64,
    /// Index of the all-reduce within one forward pass: `2·layer` for attention, `2·layer + 1` for the MLP.
    pub step: u64,
}

impl std::fmt::Display for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sequence {}, position {}, all-reduce {}", self.sequence, self.position, self.step)
    }
}

impl Round {
    /// One number per round, the index of its channel block and of its noise: 2³² sequences of 2²⁰ positions, 2¹² all-reduces each.
    pub(crate) fn index(self) -> u64 {
        (self.sequence << 32) ^ (self.position << 12) ^ self.step
    }
}

/// What one or several all-reduces cost and how well they did. Sums, so that records add up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Transmission {
    /// Tokens whose partial outputs were summed, counted once per all-reduce.
    pub tokens: u64,
    /// Symbol vectors (of `L` complex symbols) sent.
    pub symbol_vectors: f64,
    /// Measured `Σ ‖ŝ − s‖²` over the symbol vectors, in the units of (7): symbols of unit mean power.
    pub squared_error: f64,
    /// What (7) says `squared_error` should be.
    pub expected_squared_error: f64,
    /// Measured `Σ ‖ŝ − s‖²` in the units of the activations.
    pub error_energy: f64,
    /// `Σ ‖s‖²` in the units of the activations.
    pub signal_energy: f64,
    /// Time on the air, in seconds: uplink, side information and downlink.
    pub seconds: f64,
    /// Energy radiated by the devices and the server, in joules.
    pub joules: f64,
}

impl std::ops::AddAssign for Transmission {
    fn add_assign(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.symbol_vectors += other.symbol_vectors;
        self.squared_error += other.squared_error;
        self.expected_squared_error += other.expected_squared_error;
        self.error_energy += other.error_energy;
        self.signal_energy += other.signal_energy;
        self.seconds += other.seconds;
        self.joules += other.joules;
    }
}

/// The result of one all-reduce.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduction {
    /// The server's estimate of `Σ_n partial_n`.
    pub sum: Activations,
    /// Cost and error of getting it.
    pub transmission: Transmission,
}

/// Sums one matrix per device at the server.
pub trait Link: Send + Sync {
    /// The sum of `partials` (one per device, equal shapes) as the server receives it.
    ///
    /// # Errors
    /// [`LinkError`] when the partials do not agree with each other or with the link, hold
    /// non-finite values, or no transceiver exists for the channel of this round.
    fn all_reduce(&self, round: Round, partials: &[Activations]) -> Result<Reduction, LinkError>;
}

/// Why an all-reduce could not be carried out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LinkError {
    /// No device contributed.
    #[error("an all-reduce needs at least one device's partial output")]
    NoDevices,
    /// A link built for one number of devices was given another.
    #[error("the link was built for {expected} devices and got the partial outputs of {found}")]
    DeviceCount {
        /// Devices the link was built for.
        expected: usize,
        /// Partial outputs it was given.
        found: usize,
    },
    /// Partial outputs of unequal shape, or one whose length is not a multiple of its width.
    #[error(
        "device {device} sent {found} values of width {found_width}; device 0 sent {expected} of width {expected_width}"
    )]
    Shape {
        /// The device that disagrees.
        device: usize,
        /// Values of device 0.
        expected: usize,
        /// Width of device 0.
        expected_width: usize,
        /// Values of this device.
        found: usize,
        /// Width of this device.
        found_width: usize,
    },
    /// No transceiver or rate for the channel of this round.
    #[error("no transmission over the channel of {round}")]
    Channel {
        /// The round.
        round: Round,
        /// What the solver says.
        source: solver::Error,
    },
    /// A setting of the radio is outside its valid range.
    #[error("{setting} is {value}; valid: {valid}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: f64,
        /// The valid range, in words.
        valid: &'static str,
    },
    /// A partial output holds NaN or an infinity.
    #[error("device {device} sent a non-finite value ({value}) at index {index}")]
    NonFinite {
        /// The device.
        device: usize,
        /// Index into its values.
        index: usize,
        /// The value.
        value: f32,
    },
}

/// Checks that `partials` are one finite matrix per device, all of one shape.
pub(crate) fn validate(partials: &[Activations]) -> Result<(), LinkError> {
    let first = partials.first().ok_or(LinkError::NoDevices)?;
    for (device, partial) in partials.iter().enumerate() {
        let ragged = partial.width == 0 || partial.values.len() % partial.width != 0;
        if ragged || partial.width != first.width || partial.values.len() != first.values.len() {
            return Err(LinkError::Shape {
                device,
                expected: first.values.len(),
                expected_width: first.width,
                found: partial.values.len(),
                found_width: partial.width,
            });
        }
        if let Some(index) = partial.values.iter().position(|value| !value.is_finite()) {
            return Err(LinkError::NonFinite { device, index, value: partial.values[index] });
        }
    }
    Ok(())
}
