//! What the wireless links share: the channel of a round, the devices' powers, and what time on the air costs.

use super::symbols::Signals;
use super::{Activations, LinkError, Reduction, Round, Transmission, exact, validate};
use faer::{Mat, c64};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use solver::channel::{BlockFading, Fading, capacity};

/// Bits of one shared scale: a device's energy for one token, or the common scale that the server returns.
const SCALE_BITS: f64 = 32.0;
/// Separate the randomness of noise and of designs from the channels'.
const NOISE_SEED: u64 = 0x6e6f_6973_6500_0000;
const DESIGN_SEED: u64 = 0x6465_7369_676e_0000;

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

    /// The seed of the design's randomness in a round.
    pub(super) fn design_seed(&self, round: Round) -> u64 {
        (self.cell.seed ^ DESIGN_SEED).wrapping_add(round.index())
    }

    /// Channel uses of the whole band, by all devices at once: device `n` at `power[n]`.
    pub(super) fn joint_uplink(&self, channel_uses: f64, power: &[f64]) -> Uplink {
        Uplink {
            seconds: channel_uses / self.cell.bandwidth_hz,
            energy: channel_uses * power.iter().sum::<f64>(),
        }
    }

    /// Channel uses by every device on its own `1/N` of the band, device `n` at `power[n]`. A channel use of a narrower band lasts
    /// longer, at the same energy: powers are per channel use, against noise of power 1 in each.
    pub(super) fn separate_uplink(&self, channel_uses: f64, power: &[f64]) -> Uplink {
        Uplink {
            seconds: self.devices() as f64 * channel_uses / self.cell.bandwidth_hz,
            ..self.joint_uplink(channel_uses, power)
        }
    }

    /// `bits` from every device, over its `1/N` of the band, at the capacity of its channel.
    pub(super) fn digital_uplink(
        &self,
        round: Round,
        channels: &[Mat<c64>],
        bits: f64,
    ) -> Result<Uplink, LinkError> {
        let mut uplink = Uplink::default();
        for (channel, &power) in channels.iter().zip(&self.transmit_power) {
            let rate = capacity(channel.as_ref(), power, 1.0)
                .map_err(|source| LinkError::Channel { round, source })?;
            let alone = self.separate_uplink(bits / rate, &[power]);
            uplink =
                Uplink { seconds: uplink.seconds.max(alone.seconds), energy: uplink.energy + alone.energy };
        }
        Ok(uplink)
    }

    /// One scale from every device.
    pub(super) fn scale_uplink(&self, round: Round, channels: &[Mat<c64>]) -> Result<Uplink, LinkError> {
        self.digital_uplink(round, channels, SCALE_BITS)
    }

    /// Bits of a scale that goes along with a token's entries.
    pub(super) fn scale_bits(&self) -> f64 {
        SCALE_BITS
    }

    /// What a link received, with its error against the exact sum and the time and energy of all tokens: the uplink, the
    /// broadcast of the sum (and of the common scale where devices share one), and synchronization.
    pub(super) fn reduction(
        &self,
        partials: &[Activations],
        signals: &Signals,
        received: Vec<f64>,
        (squared_error, expected_squared_error): (f64, f64),
        uplink: &[Uplink],
        shared_scale: bool,
    ) -> Reduction {
        let scale = if shared_scale { SCALE_BITS } else { 0.0 };
        let bits = partials[0].width as f64 * self.cell.downlink.bits_per_entry + scale;
        let broadcast_uses = bits / self.cell.downlink.spectral_efficiency;
        let seconds = uplink.iter().map(|part| part.seconds).sum::<f64>()
            + broadcast_uses / self.cell.bandwidth_hz
            + self.cell.synchronization_seconds;
        // The server broadcasts at the mean power of the devices' budgets.
        let server = self.transmit_power.iter().sum::<f64>() / self.devices() as f64;
        let energy = uplink.iter().map(|part| part.energy).sum::<f64>() + server * broadcast_uses;
        let tokens = signals.layout.tokens() as f64;
        let transmission = Transmission {
            symbol_vectors: signals.layout.vectors() as f64,
            squared_error,
            expected_squared_error,
            seconds: tokens * seconds,
            joules: tokens * energy / self.cell.bandwidth_hz * self.cell.watts_per_unit_power,
            ..Transmission::default()
        };
        exact::against_exact(partials, received, transmission)
    }
}

/// What one token took on the way up.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Uplink {
    /// Seconds on the air.
    seconds: f64,
    /// Power times channel uses, over all devices.
    energy: f64,
}
