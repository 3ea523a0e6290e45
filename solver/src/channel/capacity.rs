//! What one device's uplink can carry.

use crate::error::{Error, Quantity};
use crate::linalg::{require_channel, singular_values};
use faer::{MatRef, c64};
use std::f64::consts::LN_2;

/// Capacity of one device's uplink, in bit/s/Hz: `max_Q log2 det(I + H Q H^H/σ²)` s.t. `tr Q ≤ p`, by water-filling over
/// the singular values of `channel` (`R×T`). `transmit_power` = `p` and `noise_power` = `σ²` are per channel use. As exact, relatively, where
/// little is heard as where much is.
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
    let singular = singular_values(channel)?;
    // Noise-to-gain ratios, best first. All is said of their differences, which a power far below them does not round away.
    let mut floors: Vec<f64> =
        singular.iter().map(|value| noise_power / value / value).filter(|floor| floor.is_finite()).collect();
    floors.sort_by(f64::total_cmp);
    // The power that lifts the water to the floor `k` is what fills the better ones up to it.
    let reached =
        |&k: &usize| floors[..k].iter().map(|floor| floors[k] - floor).sum::<f64>() < transmit_power;
    let used = &floors[..(0..floors.len()).take_while(reached).count()];
    let each = 1.0 / used.len() as f64;
    // The depth of the water, `level − floor`.
    let depth =
        |floor: &f64| each * transmit_power + used.iter().map(|other| each * (other - floor)).sum::<f64>();
    let capacity: f64 = used.iter().map(|floor| (depth(floor) / floor).ln_1p() / LN_2).sum();
    if capacity.is_finite() { Ok(capacity) } else { Err(Error::Numerical { operation: "the capacity" }) }
}
