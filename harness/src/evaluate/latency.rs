//! Time and energy per generated token: a roofline for computing, the link's own accounts for communicating.

use super::perplexity::Measurement;
use crate::cluster::ClusterLoad;
use crate::configuration::{DeviceProfile, LinkKind};
use crate::llama::DeviceLoad;
use crate::report::Row;

/// What one token costs on a cluster of equal machines, apart from the air.
///
/// The devices work at the same time, so the slowest counts; the server's part (embedding, norms, head) comes on top:
/// `max_n t_n + t_server`, `t = max(bytes/bandwidth, flops/speed)`. With one device the device is the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    compute_seconds: f64,
    compute_joules: f64,
    idle_watts: f64,
}

impl Latency {
    /// For machines of one profile with the given work per token.
    pub fn new(profile: &DeviceProfile, loads: &ClusterLoad) -> Self {
        let seconds = |load: &DeviceLoad| {
            let memory = load.weight_bytes as f64 / profile.memory_bandwidth_bytes_per_second;
            memory.max(load.flops_per_token as f64 / profile.flops_per_second)
        };
        let joules = |load: &DeviceLoad| {
            load.weight_bytes as f64 * profile.joules_per_byte
                + load.flops_per_token as f64 * profile.joules_per_flop
        };
        let slowest = loads.devices.iter().map(seconds).fold(0.0, f64::max);
        let machines = if loads.devices.len() > 1 { loads.devices.len() + 1 } else { 1 };
        Self {
            compute_seconds: slowest + seconds(&loads.server),
            compute_joules: loads.devices.iter().map(joules).sum::<f64>() + joules(&loads.server),
            idle_watts: machines as f64 * profile.idle_watts,
        }
    }

    /// Everything measured for one link with one number of devices.
    pub fn row(&self, link: LinkKind, devices: usize, measured: &Measurement) -> Row {
        let air = &measured.transmission;
        let tokens = measured.tokens as f64;
        let communication = air.seconds / tokens;
        let seconds = self.compute_seconds + communication;
        let per_vector = |sum: f64| if air.symbol_vectors > 0.0 { sum / air.symbol_vectors } else { 0.0 };
        Row {
            link,
            devices,
            mse: per_vector(air.squared_error),
            nmse: if air.signal_energy > 0.0 { air.error_energy / air.signal_energy } else { 0.0 },
            perplexity: measured.perplexity,
            ms_per_token: 1e3 * seconds,
            joules_per_token: self.idle_watts * seconds + self.compute_joules + air.joules / tokens,
            perplexity_standard_error: measured.standard_error,
            expected_mse: (air.symbol_vectors > 0.0).then(|| per_vector(air.expected_squared_error)),
            compute_ms_per_token: 1e3 * self.compute_seconds,
            communication_ms_per_token: 1e3 * communication,
        }
    }
}
