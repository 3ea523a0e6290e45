//! What one device's uplink can carry.

use crate::error::{Error, Quantity};
use crate::linalg::require_channel;
use faer::{MatRef, c64};

/// Capacity of one device's uplink, in bit/s/Hz: `max_Q log2 det(I + H Q H^H/σ²)` s.t. `tr Q ≤ p`, by water-filling over
/// the singular values of `channel` (`R×T`). `transmit_power` = `p` and `noise_power` = `σ²` are per channel use.
///
/// # Errors
/// [`Error::EmptyMatrix`], [`Error::NonFiniteEntry`]; [`Error::OutOfRange`] unless both powers are positive and finite; [`Error::Numerical`].
pub fn capacity(channel: MatRef<'_, c64>, transmit_power: f64, noise_power: f64) -> Result<f64, Error> {
    require_channel(channel, 0)?;
    for (quantity, value) in [(Quantity::TransmitPower, transmit_power), (Quantity::NoisePower, noise_power)]
    {
        if !(value.is_finite() && value > 0.0) {
            return Err(Error::OutOfRange { quantity, device: 0, value, valid: "positive and finite" });
        }
    }
    let singular =
        channel.singular_values().map_err(|_| Error::Numerical { operation: "singular values" })?;
    // Noise-to-gain ratios, best first; the water level covers the k best for the largest k that keeps it above them.
    let mut floors: Vec<f64> = singular
        .iter()
        .map(|value| noise_power / (value * value))
        .filter(|floor| floor.is_finite())
        .collect();
    floors.sort_by(f64::total_cmp);
    let mut capacity = 0.0_f64;
    let mut sum = 0.0;
    for (used, floor) in floors.iter().enumerate() {
        let level = (transmit_power + sum + floor) / (used + 1) as f64;
        if level <= *floor {
            break;
        }
        sum += floor;
        capacity = floors[..=used].iter().map(|floor| (level / floor).log2()).sum();
    }
    if capacity.is_finite() { Ok(capacity) } else { Err(Error::Numerical { operation: "the capacity" }) }
}
