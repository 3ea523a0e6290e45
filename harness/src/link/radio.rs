//! What the wireless links share: the channel of a round, the devices' powers, and what time on the air costs.

use super::symbols::Signals;
use super::{Activations, LinkError, Reduction, Round, Transmission, exact, validate};
use faer::{Mat, c64};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use solver::channel::{BlockFading, Fading, capacity};

/// Bits of one shared scale: a device's energy for one token, or the common scale that the server returns.
const SCALE_BITS: f64 = 32.0;
/// Separates the noise's randomness from the channels'.
const NOISE_SEED: u64 = 0x6e6f_6973_6500_0000;

/// How the server sends the sum (and the common scale) back to all devices, digitally and without error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Downlink {
    /// Spectral efficiency of the broadcast in bit/s/Hz.
    pub spectral_efficiency: f64,
    /// Bits per broadcast entry.
    pub bits_per_entry: f64,
}

/// The settings of one cell that do not depend on how the model is shared out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Distribution of the channel coefficients.
    pub fading: Fading,
    /// Antennas `R` of the server.
    pub receive_antennas: usize,
    /// Antennas `T` of each device.
    pub transmit_antennas: usize,
    /// Streams `L`.
    pub streams: usize,
    /// Bandwidth that all devices share, in hertz.
    pub bandwidth_hz: f64,
    /// How the sum goes back.
    pub downlink: Downlink,
    /// Seconds lost at every all-reduce.
    pub synchronization_seconds: f64,
    /// Watts per unit of transmit power (the noise power is the unit).
    pub watts_per_unit_power: f64,
    /// Channel block and noise of a round are functions of this seed and the round.
    pub seed: u64,
}

/// A cell at work: its fading, and the power each device has left for transmitting.
///
/// The noise power is the unit of power: `σ² = 1` per receive antenna and channel use.
#[derive(Debug, Clone)]
pub struct Radio {
    cell: Cell,
    blocks: BlockFading,
    transmit_power: Vec<f64>,
}

impl Radio {
    /// A cell of `transmit_power.len()` devices, device `n` with `p_n = transmit_power[n]` per channel use.
    ///
    /// # Errors
    /// [`LinkError::Setting`] for a bandwidth or a downlink that is not positive and finite, or times that are negative;
    /// [`LinkError::Channel`] if there is no device, a power is not positive, or the streams do not fit the antennas.
    pub fn new(cell: Cell, transmit_power: Vec<f64>) -> Result<Self, LinkError> {
        let positive = |setting, value: f64| {
            let valid = "positive and finite";
            if value.is_finite() && value > 0.0 {
                Ok(())
            } else {
                Err(LinkError::Setting { setting, value, valid })
            }
        };
        let non_negative = |setting, value: f64| {
            let valid = "at least 0 and finite";
            if value.is_finite() && value >= 0.0 {
                Ok(())
            } else {
                Err(LinkError::Setting { setting, value, valid })
            }
        };
        positive("bandwidth in hertz", cell.bandwidth_hz)?;
        positive("spectral efficiency of the downlink", cell.downlink.spectral_efficiency)?;
        positive("bits per broadcast entry", cell.downlink.bits_per_entry)?;
        non_negative("synchronization time in seconds", cell.synchronization_seconds)?;
        non_negative("watts per unit of power", cell.watts_per_unit_power)?;
        let round = Round { sequence: 0, position: 0, step: 0 };
        let channel = |source| LinkError::Channel { round, source };
        let antennas = vec![cell.transmit_antennas; transmit_power.len()];
        let blocks =
            BlockFading::new(cell.fading, cell.receive_antennas, &antennas, cell.seed).map_err(channel)?;
        solver::Problem::new(blocks.block(0), transmit_power.clone(), 1.0)
            .and_then(|problem| problem.with_streams(cell.streams))
            .map_err(channel)?;
        Ok(Self { cell, blocks, transmit_power })
    }

    /// `N`.
    pub fn devices(&self) -> usize {
        self.transmit_power.len()
    }

    /// `L`.
    pub fn streams(&self) -> usize {
        self.cell.streams
    }

    /// `p_1, …, p_N`.
    pub fn transmit_power(&self) -> &[f64] {
        &self.transmit_power
    }

    /// Checks that the partial outputs are well-formed, one per device, and measures them.
    pub(super) fn signals(&self, partials: &[Activations]) -> Result<Signals, LinkError> {
        validate(partials)?;
        let (expected, found) = (self.devices(), partials.len());
        if found != expected {
            return Err(LinkError::DeviceCount { expected, found });
        }
        Ok(Signals::new(partials, self.streams()))
    }

    /// The channels `H_n` of a round.
    pub(super) fn channels(&self, round: Round) -> Vec<Mat<c64>> {
        self.blocks.block(round.index())
    }

    /// The noise's generator of a round.
    pub(super) fn noise(&self, round: Round) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.cell.seed ^ NOISE_SEED);
        rng.set_stream(round.index());
        rng
    }

    /// The channel use's length in seconds when the whole band is used.
    pub(super) fn channel_use_seconds(&self) -> f64 {
        1.0 / self.cell.bandwidth_hz
    }

    /// Seconds until every device has sent `bits` over its `1/N` of the band, at the capacity of its channel.
    pub(super) fn digital_uplink_seconds(
        &self,
        round: Round,
        channels: &[Mat<c64>],
        bits: f64,
    ) -> Result<f64, LinkError> {
        let share = self.cell.bandwidth_hz / self.devices() as f64;
        let mut slowest = 0.0_f64;
        for (channel, &power) in channels.iter().zip(&self.transmit_power) {
            let rate = capacity(channel.as_ref(), power, 1.0)
                .map_err(|source| LinkError::Channel { round, source })?;
            slowest = slowest.max(bits / (share * rate));
        }
        Ok(slowest)
    }

    /// Seconds per token to agree on a scale: one number up from each device, one number down.
    pub(super) fn scale_seconds(&self, round: Round, channels: &[Mat<c64>]) -> Result<f64, LinkError> {
        let down = SCALE_BITS / (self.cell.bandwidth_hz * self.cell.downlink.spectral_efficiency);
        Ok(self.digital_uplink_seconds(round, channels, SCALE_BITS)? + down)
    }

    /// Bits of a scale that goes along with a token's entries.
    pub(super) fn scale_bits(&self) -> f64 {
        SCALE_BITS
    }

    /// What a link received, with its error against the exact sum and the time and energy of all tokens: the uplink, the
    /// broadcast of the sum, and synchronization.
    pub(super) fn reduction(
        &self,
        partials: &[Activations],
        signals: &Signals,
        received: Vec<f64>,
        expected_squared_error: f64,
        uplink: &Uplink,
    ) -> Reduction {
        let bits = partials[0].width as f64 * self.cell.downlink.bits_per_entry;
        let broadcast = bits / (self.cell.bandwidth_hz * self.cell.downlink.spectral_efficiency);
        let seconds = uplink.seconds + uplink.scale_seconds + broadcast + self.cell.synchronization_seconds;
        // The server broadcasts at the mean power of the devices' budgets.
        let server = self.transmit_power.iter().sum::<f64>() / self.devices() as f64;
        let power = uplink.power.iter().sum::<f64>();
        let joules = (power * uplink.seconds + server * broadcast) * self.cell.watts_per_unit_power;
        let tokens = signals.layout.tokens() as f64;
        let transmission = Transmission {
            symbol_vectors: signals.layout.vectors() as f64,
            expected_squared_error,
            seconds: tokens * seconds,
            joules: tokens * joules,
            ..Transmission::default()
        };
        exact::against_exact(partials, received, &signals.scales, transmission)
    }
}

/// What the uplink of one token took.
pub(super) struct Uplink {
    /// Seconds in which the entries were sent.
    pub seconds: f64,
    /// Seconds in which scales were shared beforehand.
    pub scale_seconds: f64,
    /// Power of each device while it sent entries.
    pub power: Vec<f64>,
}
