//! The valid ranges of a configuration.

use super::Configuration;

/// A setting outside its valid range.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConfigurationError {
    /// A real number outside its range, or not finite.
    #[error("{field} is {value}, but must be a number from {minimum} to {maximum}")]
    Real {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: f64,
        /// Least valid value.
        minimum: f64,
        /// Greatest valid value.
        maximum: f64,
    },
    /// A count outside its range.
    #[error("{field} is {value}, but must be from {minimum} to {maximum}")]
    Count {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: usize,
        /// Least valid value.
        minimum: usize,
        /// Greatest valid value.
        maximum: usize,
    },
    /// A list with nothing in it, or too much.
    #[error("{field} holds {length} values, but must hold 1 to {maximum}")]
    Length {
        /// The field.
        field: &'static str,
        /// Values it holds.
        length: usize,
        /// Most values it may hold.
        maximum: usize,
    },
    /// A list that names something twice.
    #[error("{field} names {value} more than once")]
    Repeated {
        /// The field.
        field: &'static str,
        /// What it names twice.
        value: String,
    },
    /// More streams than one side has antennas.
    #[error(
        "streams is {streams}, but must be at most transmit_antennas ({transmit_antennas}) and receive_antennas ({receive_antennas})"
    )]
    Streams {
        /// Spatial streams asked for.
        streams: usize,
        /// Antennas of a device.
        transmit_antennas: usize,
        /// Antennas of the server.
        receive_antennas: usize,
    },
}

impl Configuration {
    /// Checks every setting against its valid range.
    ///
    /// What depends on the model or the channel (whether a share leaves power for the radio, whether the model has
    /// so many positions) is checked where it is known.
    ///
    /// # Errors
    /// [`ConfigurationError`] for the first setting that is out of range.
    pub fn validate(&self) -> Result<(), ConfigurationError> {
        list("devices", &self.devices, 128)?;
        for &devices in &self.devices {
            count("devices", devices, 1, 128)?;
        }
        list("links", &self.links, 4)?;
        real("snr_db", self.snr_db, -60.0, 120.0)?;
        length("energy_coefficients", self.energy_coefficients.len(), 128)?;
        for &coefficient in &self.energy_coefficients {
            real("energy_coefficients", coefficient, 0.0, 1000.0)?;
        }
        count("context", self.context, 2, 131_072)?;
        count("windows", self.windows.unwrap_or(1), 1, usize::MAX)?;
        self.validate_radio()?;
        self.device_profile.validate()?;
        count("assignment_iterations", self.assignment_iterations, 1, 100_000)?;
        real("minimum_share", self.minimum_share, 0.0, 1.0)?;
        count("threads", self.threads.unwrap_or(1), 1, 1024)
    }

    fn validate_radio(&self) -> Result<(), ConfigurationError> {
        count("receive_antennas", self.receive_antennas, 1, 256)?;
        count("transmit_antennas", self.transmit_antennas, 1, 64)?;
        count("streams", self.streams, 1, 64)?;
        if self.streams > self.transmit_antennas.min(self.receive_antennas) {
            return Err(ConfigurationError::Streams {
                streams: self.streams,
                transmit_antennas: self.transmit_antennas,
                receive_antennas: self.receive_antennas,
            });
        }
        real("bandwidth_hz", self.bandwidth_hz, 1.0, 1e12)?;
        count("quantization_bits", self.quantization_bits as usize, 2, 16)?;
        real("channel.mean", self.channel.mean, -1000.0, 1000.0)?;
        real("channel.variance", self.channel.variance, 1e-6, 1e6)?;
        real("downlink.spectral_efficiency", self.downlink.spectral_efficiency, 1e-3, 1e3)?;
        count("downlink.bits_per_entry", self.downlink.bits_per_entry as usize, 1, 64)?;
        real("synchronization_seconds", self.synchronization_seconds, 0.0, 10.0)
    }
}

/// Checks that `value` lies in `minimum..=maximum`; NaN does not.
pub(super) fn real(
    field: &'static str,
    value: f64,
    minimum: f64,
    maximum: f64,
) -> Result<(), ConfigurationError> {
    if (minimum..=maximum).contains(&value) {
        Ok(())
    } else {
        Err(ConfigurationError::Real { field, value, minimum, maximum })
    }
}

fn count(
    field: &'static str,
    value: usize,
    minimum: usize,
    maximum: usize,
) -> Result<(), ConfigurationError> {
    if (minimum..=maximum).contains(&value) {
        Ok(())
    } else {
        Err(ConfigurationError::Count { field, value, minimum, maximum })
    }
}

fn length(field: &'static str, length: usize, maximum: usize) -> Result<(), ConfigurationError> {
    if (1..=maximum).contains(&length) {
        Ok(())
    } else {
        Err(ConfigurationError::Length { field, length, maximum })
    }
}

/// A list of distinct values.
fn list<T: PartialEq + ToString>(
    field: &'static str,
    values: &[T],
    maximum: usize,
) -> Result<(), ConfigurationError> {
    for (index, value) in values.iter().enumerate() {
        if values[..index].contains(value) {
            return Err(ConfigurationError::Repeated { field, value: value.to_string() });
        }
    }
    length(field, values.len(), maximum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::LinkKind;

    /// The error after one change to the defaults.
    fn error(change: impl FnOnce(&mut Configuration)) -> ConfigurationError {
        let mut configuration = Configuration::default();
        configuration.validate().unwrap();
        change(&mut configuration);
        configuration.validate().unwrap_err()
    }

    #[test]
    fn absurd_reals_are_refused() {
        for value in [f64::NAN, f64::INFINITY, -60.1, 121.0] {
            assert!(matches!(
                error(|c| c.snr_db = value),
                ConfigurationError::Real { field: "snr_db", minimum: -60.0, maximum: 120.0, .. }
            ));
        }
        assert!(matches!(
            error(|c| c.energy_coefficients = vec![0.1, -0.1]),
            ConfigurationError::Real { value: -0.1, .. }
        ));
        error(|c| c.minimum_share = 1.1);
        error(|c| c.bandwidth_hz = 0.0);
        error(|c| c.channel.variance = 0.0);
        error(|c| c.channel.mean = f64::NAN);
        error(|c| c.downlink.spectral_efficiency = 0.0);
        error(|c| c.synchronization_seconds = -1.0);
        error(|c| c.device_profile.idle_watts = f64::NAN);
    }

    #[test]
    fn absurd_counts_are_refused() {
        assert_eq!(
            error(|c| c.devices = vec![4, 129]),
            ConfigurationError::Count { field: "devices", value: 129, minimum: 1, maximum: 128 }
        );
        error(|c| c.devices = vec![0]);
        error(|c| c.context = 1);
        error(|c| c.windows = Some(0));
        error(|c| c.quantization_bits = 17);
        error(|c| c.quantization_bits = 1);
        error(|c| c.threads = Some(0));
        error(|c| c.assignment_iterations = 0);
        error(|c| c.receive_antennas = 0);
        error(|c| c.streams = 0);
    }

    #[test]
    fn lists_are_non_empty_and_distinct() {
        assert!(matches!(error(|c| c.devices.clear()), ConfigurationError::Length { length: 0, .. }));
        error(|c| c.links.clear());
        error(|c| c.energy_coefficients.clear());
        assert_eq!(
            error(|c| c.links = vec![LinkKind::Air, LinkKind::Air]),
            ConfigurationError::Repeated { field: "links", value: "air".into() }
        );
    }

    #[test]
    fn more_streams_than_antennas_are_refused() {
        let refused = error(|c| c.streams = 5);
        assert!(matches!(refused, ConfigurationError::Streams { streams: 5, transmit_antennas: 4, .. }));
        error(|c| c.receive_antennas = 3);
    }
}
