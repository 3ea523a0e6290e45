//! Digital all-reduce: every device quantizes its entries and sends the bits over its own OFDMA sub-channel, at capacity and
//! so without error; the server adds up what it decodes.

use super::radio::{Radio, Uplink};
use super::{Activations, Link, LinkError, Reduction, Round};

/// The digital link.
#[derive(Debug, Clone)]
pub struct Digital {
    radio: Radio,
    bits: u32,
}

impl Digital {
    /// A digital link in a cell that quantizes every entry to `bits` bits, 2 to 16.
    ///
    /// Quantization is uniform and symmetric with `2^bits − 1` levels, its step set by each device's largest entry of each
    /// token; that scale is sent along, and counted.
    ///
    /// # Errors
    /// [`LinkError::Setting`] for another number of bits.
    pub fn new(radio: Radio, bits: u32) -> Result<Self, LinkError> {
        if !(2..=16).contains(&bits) {
            return Err(LinkError::Setting {
                setting: "bits per entry",
                value: f64::from(bits),
                valid: "2 to 16",
            });
        }
        Ok(Self { radio, bits })
    }

    /// The quantization step of one token's entries.
    fn step(&self, token: &[f32]) -> f64 {
        let largest = token.iter().map(|value| f64::from(value.abs())).fold(0.0, f64::max);
        largest / f64::from((1_u32 << (self.bits - 1)) - 1)
    }
}

impl Link for Digital {
    fn all_reduce(&self, round: Round, partials: &[Activations]) -> Result<Reduction, LinkError> {
        let signals = self.radio.signals(partials)?;
        let width = partials[0].width;
        let mut received = vec![0.0; partials[0].values.len()];
        let mut expected = 0.0;
        for partial in partials {
            let tokens =
                partial.values.chunks_exact(width).zip(received.chunks_exact_mut(width)).zip(&signals.scales);
            for ((token, sums), &scale) in tokens {
                let step = self.step(token);
                if step <= 0.0 {
                    continue;
                }
                for (sum, &value) in sums.iter_mut().zip(token) {
                    *sum += (f64::from(value) / step).round() * step;
                }
                // A uniform error over one step: step²/12 per entry, two entries to a symbol of power 2c². The largest entry
                // sets the step and has no error.
                expected += (width - 1) as f64 * step * step / 12.0 / (2.0 * scale * scale);
            }
        }

        let channels = self.radio.channels(round);
        let bits = width as f64 * f64::from(self.bits) + self.radio.scale_bits();
        let uplink = Uplink {
            seconds: self.radio.digital_uplink_seconds(round, &channels, bits)?,
            scale_seconds: 0.0,
            power: self.radio.transmit_power().to_vec(),
        };
        Ok(self.radio.reduction(partials, &signals, received, expected, &uplink))
    }
}
