//! Digital all-reduce: every device quantizes its entries and sends the bits over its own OFDMA sub-channel, at capacity and
//! so without error; the server adds up what it decodes.

use super::radio::Radio;
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
        let (mut squared_error, mut expected) = (0.0, 0.0);
        for (token, &scale) in signals.scales.iter().enumerate() {
            let range = token * width..(token + 1) * width;
            let mut errors = vec![0.0; width];
            // Two entries make a symbol, of power 2c².
            let unit = 2.0 * scale * scale;
            for partial in partials {
                let values = &partial.values[range.clone()];
                let step = self.step(values);
                if step <= 0.0 {
                    continue;
                }
                for ((sum, error), &value) in received[range.clone()].iter_mut().zip(&mut errors).zip(values)
                {
                    let quantized = (f64::from(value) / step).round() * step;
                    *sum += quantized;
                    *error += quantized - f64::from(value);
                }
                // A uniform error over one step, step²/12, except for the largest entry, which sets the step and has none.
                expected += (width - 1) as f64 * step * step / 12.0 / unit;
            }
            if scale > 0.0 {
                squared_error += errors.iter().map(|error| error * error).sum::<f64>() / unit;
            }
        }

        let channels = self.radio.channels(round);
        let bits = width as f64 * f64::from(self.bits) + self.radio.scale_bits();
        let uplink = self.radio.digital_uplink(round, &channels, bits)?;
        Ok(self.radio.reduction(partials, &signals, received, (squared_error, expected), &[uplink], false))
    }
}
