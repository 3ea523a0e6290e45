//! The same problem in units in which its powers are near 1.
//!
//! For any powers of two `e`, `r` and `t_n`, the problem with `H'_n = (t_n/r) H_n`, `v'_n = v_n/e`, `p'_n = p_n/(e t_n²)` and `σ'² = σ²/(e r²)` has the
//! transceivers `A' = r A`, `B'_n = B_n/t_n`, with `1/e` of the error and as far within their power limits; and in the relaxations `X' = r² X`,
//! `U'_n = (r/t_n)² U_n`. Nothing rounds, so what is found in one is true of the other to the last bit, but products of its numbers neither overflow nor underflow, and no
//! threshold depends on whether powers are in watts.

use super::Problem;
use crate::error::Error;
use crate::linalg::{largest_part, rescaled, times_power_of_two};
use crate::transceiver::Transceiver;
use faer::{Mat, MatRef, c64};
use std::borrow::Cow;

/// Powers of two, by their exponents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Units {
    /// `log2 e`, of variances and errors.
    pub error: i32,
    /// `log2 r`, of what is received.
    pub received: i32,
    /// `log2 t_n`, of each device's precoder.
    pub transmitted: Vec<i32>,
}

/// `⌊log2 x⌋` of a positive number.
fn exponent(value: f64) -> i32 {
    value.log2().floor() as i32
}

impl Units {
    fn none(devices: usize) -> Self {
        Self { error: 0, received: 0, transmitted: vec![0; devices] }
    }

    fn are_none(&self) -> bool {
        self.error == 0 && self.received == 0 && self.transmitted.iter().all(|&unit| unit == 0)
    }

    /// `log2` of the unit of a device's power `p_n`.
    pub fn power(&self, device: usize) -> i32 {
        self.error + 2 * self.transmitted[device]
    }

    /// The variance of a device's channel entries, or of errors of them, in these units.
    pub fn channel_variance(&self, device: usize, variance: f64) -> f64 {
        libm::scalbn(variance, 2 * (self.transmitted[device] - self.received))
    }

    /// The largest `v_n` near 1, and every `q_n = p_n/v_n`.
    fn of_devices(problem: &Problem) -> Self {
        let powers = problem.transmit_power.iter().zip(&problem.signal_variance);
        Self {
            error: exponent(problem.signal_variance.iter().copied().fold(0.0, f64::max)),
            received: 0,
            transmitted: powers
                .map(|(power, variance)| (exponent(*power) - exponent(*variance)).div_euclid(2))
                .collect(),
        }
    }

    /// An aggregator in these units; its direction alone where it is at an end of the floating-point range, here or there.
    pub fn aggregator(&self, aggregator: MatRef<'_, c64>) -> Mat<c64> {
        let mut aggregator = rescaled(aggregator);
        times_power_of_two(aggregator.as_mut(), self.received);
        rescaled(aggregator.as_ref())
    }

    /// A transceiver in these units.
    pub fn transceiver(&self, transceiver: &Transceiver) -> Transceiver {
        self.converted(transceiver.clone(), 1)
    }

    /// A transceiver in these units, in those of the problem itself.
    pub fn restore_transceiver(&self, transceiver: Transceiver) -> Transceiver {
        self.converted(transceiver, -1)
    }

    fn converted(&self, mut transceiver: Transceiver, sign: i32) -> Transceiver {
        times_power_of_two(transceiver.aggregator_mut(), sign * self.received);
        for (precoder, &unit) in transceiver.precoders_mut().iter_mut().zip(&self.transmitted) {
            times_power_of_two(precoder.as_mut(), -sign * unit);
        }
        transceiver
    }

    /// An error in these units, in those of the problem itself.
    ///
    /// # Errors
    /// [`Error::Numerical`] where it leaves the floating-point range.
    pub fn restore_error(&self, error: f64) -> Result<f64, Error> {
        let restored = libm::scalbn(error, self.error);
        if restored.is_finite() {
            Ok(restored)
        } else {
            Err(Error::Numerical { operation: "the mean squared error" })
        }
    }
}

impl Problem {
    /// In units in which `σ²`, every `q_n = p_n/v_n` and the largest `v_n` are near 1. As it is where numbers that far apart do not fit any.
    pub(crate) fn in_own_units(&self) -> (Cow<'_, Self>, Units) {
        let mut units = Units::of_devices(self);
        units.received = (exponent(self.noise_power) - units.error).div_euclid(2);
        self.in_units(units)
    }

    /// In units in which the largest entry of all channels, every `q_n = p_n/v_n` and the largest `v_n` are near 1, whatever the noise.
    pub(crate) fn in_units_of_channels(&self) -> (Cow<'_, Self>, Units) {
        let mut units = Units::of_devices(self);
        let sizes =
            self.channels.iter().map(|channel| largest_part(channel.as_ref())).zip(&units.transmitted);
        let largest = sizes.filter(|&(size, _)| size > 0.0).map(|(size, unit)| exponent(size) + unit).max();
        units.received = largest.unwrap_or(0);
        self.in_units(units)
    }

    fn in_units(&self, units: Units) -> (Cow<'_, Self>, Units) {
        if units.are_none() {
            return (Cow::Borrowed(self), units);
        }
        let mut scaled = self.clone();
        let Self { channels, transmit_power, noise_power, signal_variance, .. } = &mut scaled;
        for (n, &unit) in units.transmitted.iter().enumerate() {
            times_power_of_two(channels[n].as_mut(), unit - units.received);
            signal_variance[n] = libm::scalbn(signal_variance[n], -units.error);
            transmit_power[n] = libm::scalbn(transmit_power[n], -units.power(n));
        }
        // Where it leaves the floating-point range the units are those of channels, for which it does not matter.
        *noise_power =
            libm::scalbn(*noise_power, -units.error - 2 * units.received).clamp(f64::MIN_POSITIVE, f64::MAX);
        if scaled.is_representable() {
            (Cow::Owned(scaled), units)
        } else {
            (Cow::Borrowed(self), Units::none(self.devices()))
        }
    }

    /// Whether no number has left the floating-point range, or its precision there.
    fn is_representable(&self) -> bool {
        let powers = self.signal_variance.iter().chain(&self.transmit_power);
        self.channels.iter().all(|channel| largest_part(channel.as_ref()).is_finite())
            && powers.chain([&self.noise_power]).all(|power| power.is_normal())
    }
}
