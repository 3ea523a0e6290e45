//! What a device computes with, as data.

use serde::{Deserialize, Serialize};

use super::validation::{ConfigurationError, real};

/// What a device computes with, for the roofline of time and energy per token.
///
/// Time: the larger of `bytes / memory_bandwidth` and `flops / speed`. Energy: `idle_watts` for as long as the token takes, plus
/// `joules_per_byte` and `joules_per_flop` for the work, plus `transmit_watts` while on the air. The two coefficients are calibrated
/// on whole-board measurements; figures for the memory chips alone are 6 to 200 times lower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceProfile {
    /// Name of the device.
    pub name: String,
    /// Where the figures come from.
    #[serde(default)]
    pub source: String,
    /// Effective memory bandwidth in bytes per second, 10³ to 10¹⁵.
    pub memory_bandwidth_bytes_per_second: f64,
    /// Effective speed in floating point operations per second, 10³ to 10¹⁸.
    pub flops_per_second: f64,
    /// Power drawn when idle, in watts, 0 to 10⁵.
    pub idle_watts: f64,
    /// Energy per byte of weights read, in joules above idle, 0 to 1.
    pub joules_per_byte: f64,
    /// Energy per floating point operation, in joules above idle, 0 to 1.
    pub joules_per_flop: f64,
    /// Power drawn by the transmitter while on the air, in watts above idle, 0 to 10⁵.
    pub transmit_watts: f64,
}

/// The embedded profile; its `source` field says where each figure comes from.
const RASPBERRY_PI_5: &str = include_str!("raspberry-pi-5.json");

impl Default for DeviceProfile {
    /// A Raspberry Pi 5.
    fn default() -> Self {
        serde_json::from_str(RASPBERRY_PI_5).expect("the embedded profile is tested")
    }
}

impl DeviceProfile {
    /// Reads a profile from JSON: an object with the fields of this struct (`source` may be left out).
    ///
    /// # Errors
    /// [`DeviceProfileError`] when the bytes are not such an object or a figure is out of range.
    pub fn from_json(bytes: &[u8]) -> Result<Self, DeviceProfileError> {
        let profile: Self = serde_json::from_slice(bytes)?;
        profile.validate()?;
        Ok(profile)
    }

    /// Checks every figure.
    ///
    /// # Errors
    /// [`ConfigurationError::Real`] for the first figure that is out of range.
    pub fn validate(&self) -> Result<(), ConfigurationError> {
        let bandwidth = self.memory_bandwidth_bytes_per_second;
        real("device_profile.memory_bandwidth_bytes_per_second", bandwidth, 1e3, 1e15)?;
        real("device_profile.flops_per_second", self.flops_per_second, 1e3, 1e18)?;
        real("device_profile.idle_watts", self.idle_watts, 0.0, 1e5)?;
        real("device_profile.joules_per_byte", self.joules_per_byte, 0.0, 1.0)?;
        real("device_profile.joules_per_flop", self.joules_per_flop, 0.0, 1.0)?;
        real("device_profile.transmit_watts", self.transmit_watts, 0.0, 1e5)
    }
}

/// Why a device profile could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DeviceProfileError {
    /// Not JSON, or not the fields of a profile.
    #[error("not a device profile")]
    Format(#[from] serde_json::Error),
    /// A figure is out of range.
    #[error("unusable device profile")]
    Figure(#[from] ConfigurationError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_profile_reproduces_what_it_is_calibrated_on() {
        let profile = DeviceProfile::default();
        profile.validate().unwrap();
        let (bytes, flops) = (2.02e9, 2.0 * 3.21e9);
        let seconds =
            (bytes / profile.memory_bandwidth_bytes_per_second).max(flops / profile.flops_per_second);
        assert!((4.6..5.0).contains(&(1.0 / seconds)), "{seconds} s per token");
        let joules =
            profile.idle_watts * seconds + profile.joules_per_byte * bytes + profile.joules_per_flop * flops;
        assert!((2.44..3.02).contains(&joules), "{joules} J per token");
    }

    #[test]
    fn bad_profiles_are_typed_errors() {
        assert!(matches!(DeviceProfile::from_json(b"{"), Err(DeviceProfileError::Format(_))));
        assert!(matches!(DeviceProfile::from_json(b"{}"), Err(DeviceProfileError::Format(_))));
        let slow = RASPBERRY_PI_5.replace("3.5e10", "0");
        assert!(matches!(
            DeviceProfile::from_json(slow.as_bytes()),
            Err(DeviceProfileError::Figure(ConfigurationError::Real {
                field: "device_profile.flops_per_second",
                ..
            }))
        ));
    }
}
