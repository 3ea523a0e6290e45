//! The configuration of one run: everything that decides its numbers, in one serialisable value.

mod device_profile;
mod validation;

pub use device_profile::{DeviceProfile, DeviceProfileError};
pub use validation::ConfigurationError;

use std::fmt;
use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Everything that decides the numbers of one evaluation.
///
/// Fields that are left out of a serialised configuration take their defaults; unknown fields are refused.
/// [`validate`](Self::validate) states every valid range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Configuration {
    /// The LLaMA checkpoint. Default: the bundled one.
    pub model: ModelSource,
    /// The text whose perplexity is measured. Default: the bundled one.
    pub text: TextSource,
    /// Numbers of devices to evaluate, each 1 to 128, without repetition. Default: `[1, 2, 4, 8]`.
    pub devices: Vec<usize>,
    /// Links to evaluate, in the order of the rows, without repetition. Default: all four.
    pub links: Vec<LinkKind>,
    /// `P^max / σ²` of every device in decibels, −60 to 120; see [`PowerAccounting`] for what `P^max` is spent on. Default: `0`.
    pub snr_db: f64,
    /// What a device's budget `P^max` covers. Default: [`PowerAccounting::PerChannelUse`].
    pub power_accounting: PowerAccounting,
    /// How the model is shared out among the devices. Default: [`AssignmentKind::Uniform`].
    pub assignment: AssignmentKind,
    /// How the air link designs its transceivers. Default: [`TransceiverKind::Refined`].
    pub transceiver: TransceiverKind,
    /// For each device the fraction of its energy budget that computing the *whole* model would take, `e_n · s_tot / P_n^max`,
    /// so that a share `m_n` leaves `1 − m_n` times this fraction for the radio. Finite, 0 to 1000;
    /// 1 to 128 numbers, repeated from the start when there are more devices. Default: `[0.2, 0.4, 0.8, 1.6]`, unequal devices.
    pub energy_coefficients: Vec<f64>,
    /// Length of one window of text in tokens, 2 to 131072. Default: `256`.
    pub context: usize,
    /// Evaluate only so many windows, from the start of the text (at least 1). Default: none, the whole text.
    pub windows: Option<usize>,
    /// Seed of every random number of the run. Default: `1`.
    pub seed: u64,
    /// Antennas `R` of the server, 1 to 256. Default: `20`.
    pub receive_antennas: usize,
    /// Antennas `T` of each device, 1 to 64. Default: `4`.
    pub transmit_antennas: usize,
    /// Spatial streams `L`, at least 1, at most the antennas of a device and of the server. Default: `4`.
    pub streams: usize,
    /// Bandwidth in hertz, 1 to 10¹². Default: `10e6`.
    pub bandwidth_hz: f64,
    /// Bits per entry on the digital link, 2 to 16. Default: `8`.
    pub quantization_bits: u32,
    /// Distribution of the channel coefficients. Default: mean 1, variance 1.
    pub channel: RicianChannel,
    /// What one device computes with. Default: a Raspberry Pi 5.
    pub device_profile: DeviceProfile,
    /// How the server sends the sum back. Default: see [`Downlink`].
    pub downlink: Downlink,
    /// Time lost to synchronizing the devices at each all-reduce, in seconds, 0 to 10. Default: `0`.
    pub synchronization_seconds: f64,
    /// Iterations of the stochastic successive convex approximation that optimizes the shares, 1 to 100000. Default: `300`.
    pub assignment_iterations: usize,
    /// The least share that the optimization may give a device, as a fraction of the uniform share, 0 to 1. With 0 it tends to give
    /// all work to the device that computes most cheaply. Default: `0.5`.
    pub minimum_share: f64,
    /// Worker threads, 1 to 1024; the numbers do not depend on it. Default: none, one per core.
    pub threads: Option<usize>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            model: ModelSource::Bundled,
            text: TextSource::Bundled,
            devices: vec![1, 2, 4, 8],
            links: LinkKind::value_variants().to_vec(),
            snr_db: 0.0,
            power_accounting: PowerAccounting::PerChannelUse,
            assignment: AssignmentKind::Uniform,
            transceiver: TransceiverKind::Refined,
            energy_coefficients: vec![0.2, 0.4, 0.8, 1.6],
            context: 256,
            windows: None,
            seed: 1,
            receive_antennas: 20,
            transmit_antennas: 4,
            streams: 4,
            bandwidth_hz: 10e6,
            quantization_bits: 8,
            channel: RicianChannel::default(),
            device_profile: DeviceProfile::default(),
            downlink: Downlink::default(),
            synchronization_seconds: 0.0,
            assignment_iterations: 300,
            minimum_share: 0.5,
            threads: None,
        }
    }
}

impl Configuration {
    /// [`snr_db`](Self::snr_db) as a ratio of powers, `10^(dB/10)`.
    pub fn snr(&self) -> f64 {
        10f64.powf(self.snr_db / 10.0)
    }

    /// One energy coefficient per device: [`energy_coefficients`](Self::energy_coefficients), repeated from the start as needed.
    pub fn energy_coefficients_of(&self, devices: usize) -> Vec<f64> {
        self.energy_coefficients.iter().copied().cycle().take(devices).collect()
    }
}

/// Where the checkpoint comes from. Serialised as `"bundled"` or `{"directory": "PATH"}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelSource {
    /// The checkpoint inside the program.
    #[default]
    Bundled,
    /// A directory in the Hugging Face layout (`config.json`, `model.safetensors`, `tokenizer.json`).
    Directory(#[serde(serialize_with = "lossy_path")] PathBuf),
}

/// Where the text comes from. Serialised as `"bundled"` or `{"file": "PATH"}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextSource {
    /// The text inside the program.
    #[default]
    Bundled,
    /// A file of UTF-8 text.
    File(#[serde(serialize_with = "lossy_path")] PathBuf),
}

/// Paths need not be UTF-8; a report is.
fn lossy_path<S: serde::Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

impl fmt::Display for ModelSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => formatter.write_str("bundled model"),
            Self::Directory(path) => path.display().fmt(formatter),
        }
    }
}

impl fmt::Display for TextSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => formatter.write_str("bundled text"),
            Self::File(path) => path.display().fmt(formatter),
        }
    }
}

/// How the devices' partial outputs reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    /// No channel: the exact sum, free of cost.
    Exact,
    /// Over-the-air computation: all devices at once, the channel adds.
    Air,
    /// Quantized entries over orthogonal sub-channels at their capacity.
    Digital,
    /// Uncoded analog symbols over orthogonal sub-channels, one per device.
    Fdma,
}

/// Writes the name by which the command line knows a value of the enum.
macro_rules! display_as_value_name {
    ($($kind:ty),+) => {$(
        impl fmt::Display for $kind {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.to_possible_value() {
                    Some(value) => formatter.pad(value.get_name()),
                    None => fmt::Debug::fmt(self, formatter),
                }
            }
        }
    )+};
}
display_as_value_name!(LinkKind, PowerAccounting, AssignmentKind, TransceiverKind);

/// What a device's budget `P^max` covers (the paper's (8) leaves it open).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PowerAccounting {
    /// `P^max` is the power of one channel use: what a share leaves of it goes into every symbol vector.
    #[default]
    PerChannelUse,
    /// `P^max` is the energy of one all-reduce, divided over its `L_0 / L` symbol vectors: (8) read literally.
    PerAllReduce,
}

/// How the model is shared out among the devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum AssignmentKind {
    /// Equal shares.
    #[default]
    Uniform,
    /// The shares that stochastic successive convex approximation finds.
    Optimized,
}

/// How the air link designs its transceivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum TransceiverKind {
    /// Local refinement of the true problem from the relaxation's solution.
    #[default]
    Refined,
    /// The paper's: semidefinite relaxation, 100 Gaussian randomizations, zero forcing.
    Paper,
    /// Zero forcing with the refined aggregator.
    ZeroForcing,
}

/// Independent complex Gaussian coefficients with a real mean: Rician fading, Rayleigh when the mean is 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RicianChannel {
    /// Mean of every coefficient, −1000 to 1000. Default: `1`.
    pub mean: f64,
    /// Variance of every coefficient, real and imaginary part together, 10⁻⁶ to 10⁶. Default: `1`.
    pub variance: f64,
}

impl Default for RicianChannel {
    fn default() -> Self {
        Self { mean: 1.0, variance: 1.0 }
    }
}

/// How the server sends the sum back to all devices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Downlink {
    /// Spectral efficiency of the broadcast in bit/s/Hz, 0.001 to 1000. Default: `15`, what the paper's Table I implies for its links.
    pub spectral_efficiency: f64,
    /// Bits per broadcast entry, 1 to 64. Default: `8`.
    pub bits_per_entry: u32,
}

impl Default for Downlink {
    fn default() -> Self {
        Self { spectral_efficiency: 15.0, bits_per_entry: 8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_json_and_fills_in_defaults() {
        let configuration = Configuration {
            model: ModelSource::Directory("some/where".into()),
            windows: Some(3),
            ..Configuration::default()
        };
        let json = serde_json::to_string(&configuration).unwrap();
        assert_eq!(serde_json::from_str::<Configuration>(&json).unwrap(), configuration);
        assert_eq!(serde_json::from_str::<Configuration>("{}").unwrap(), Configuration::default());
        assert!(serde_json::from_str::<Configuration>(r#"{"sede": 1}"#).is_err());
    }

    #[test]
    fn enums_are_named_alike_everywhere() {
        for link in LinkKind::value_variants() {
            assert_eq!(serde_json::to_value(link).unwrap(), link.to_string());
        }
        assert_eq!(TransceiverKind::ZeroForcing.to_string(), "zero-forcing");
        assert_eq!(PowerAccounting::PerAllReduce.to_string(), "per-all-reduce");
    }

    #[test]
    fn coefficients_are_cycled() {
        let configuration = Configuration { energy_coefficients: vec![0.1, 0.2], ..Configuration::default() };
        assert_eq!(configuration.energy_coefficients_of(3), [0.1, 0.2, 0.1]);
        assert_eq!(Configuration { snr_db: 20.0, ..configuration }.snr(), 100.0);
    }
}
