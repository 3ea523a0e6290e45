//! The short-term problem: one state of the uplink, with the power each device has left.

mod units;

pub(crate) use units::Units;

use crate::error::{Error, Quantity};
use crate::linalg::require_channel;
use faer::{Mat, c64};

/// One channel state of `N` devices that transmit to one server, all at once.
///
/// Device `n` has `T_n` antennas, the server `R`; `H_n` (`R×T_n`) is device `n`'s channel. Each device
/// precodes `L` symbols of variance `v_n`, the server combines with an aggregator `A` (`R×L`):
///
/// `ŝ = A^H Σ_n H_n B_n s_n + A^H n`, `n ~ CN(0, σ² I)`, subject to `v_n ‖B_n‖_F² ≤ p_n`  (\[A\], eq. (5), (8)).
///
/// The inputs are checked on construction: a `Problem` is always well-formed.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::Problem")
)]
pub struct Problem {
    #[cfg_attr(feature = "serde", serde(with = "crate::document::matrices"))]
    channels: Vec<Mat<c64>>,
    transmit_power: Vec<f64>,
    noise_power: f64,
    signal_variance: Vec<f64>,
    streams: usize,
    /// What each device serves; every list is `0..L` unless set.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "crate::document::are_complete"))]
    device_streams: Vec<Vec<usize>>,
}

impl Problem {
    /// A problem with unit-variance symbols and as many streams as every terminal has antennas,
    /// `L = min(R, T_1, …, T_N)`.
    ///
    /// - `channels[n]` is `H_n`, `R×T_n`, dimensionless amplitude gains;
    /// - `transmit_power[n]` is `p_n > 0`, the power of device `n` per channel use, in the units of `noise_power`;
    /// - `noise_power` is `σ² > 0` per receive antenna and channel use.
    ///
    /// # Errors
    /// [`Error::NoDevices`], [`Error::EmptyMatrix`], [`Error::Shape`] (unequal `R`), [`Error::NonFiniteEntry`],
    /// [`Error::DeviceCount`], [`Error::OutOfRange`] (a power that is not positive and finite).
    pub fn new(channels: Vec<Mat<c64>>, transmit_power: Vec<f64>, noise_power: f64) -> Result<Self, Error> {
        let receive_antennas = require_channels(&channels)?;
        require_positive(&transmit_power, Quantity::TransmitPower, channels.len())?;
        require_positive(&[noise_power], Quantity::NoisePower, 1)?;
        let fewest = channels.iter().map(Mat::ncols).min().unwrap_or(1);
        let streams = fewest.min(receive_antennas);
        Ok(Self {
            signal_variance: vec![1.0; channels.len()],
            streams,
            device_streams: vec![(0..streams).collect(); channels.len()],
            channels,
            transmit_power,
            noise_power,
        })
    }

    /// The same problem with `streams` = `L` symbols per channel use, to all of which every device contributes.
    ///
    /// # Errors
    /// [`Error::Streams`] unless `1 ≤ L ≤ min(R, T_1, …, T_N)`: with `L > T_n` no precoder of device `n`
    /// reaches `A^H H_n B_n = I`.
    pub fn with_streams(mut self, streams: usize) -> Result<Self, Error> {
        let receive_antennas = self.receive_antennas();
        let (device, transmit_antennas) = self
            .channels
            .iter()
            .map(Mat::ncols)
            .enumerate()
            .min_by_key(|&(_, antennas)| antennas)
            .unwrap_or((0, 0));
        if streams == 0 || streams > transmit_antennas.min(receive_antennas) {
            return Err(Error::Streams { streams, device, transmit_antennas, receive_antennas });
        }
        self.streams = streams;
        self.device_streams = vec![(0..streams).collect(); self.devices()];
        Ok(self)
    }

    /// The same problem with devices that contribute to some of the `L` sums only: `device_streams[n]` lists the `L_n` streams of device `n`,
    /// counted from 0, and `L` is the number of streams that the lists name.
    ///
    /// With the selection `E_n` (`L×L_n`, the columns of `I` that the list names) the server wants `s = Σ_n E_n s_n`, `s_n ∈ C^{L_n}`; the
    /// precoder `B_n` is `T_n×L_n`, and `MSE = Σ_n v_n ‖A^H H_n B_n − E_n‖_F² + σ² ‖A‖_F²`. Unlike in [`with_streams`](Self::with_streams), `L` may
    /// exceed `T_n`.
    ///
    /// # Errors
    /// [`Error::DeviceCount`]; [`Error::DeviceStreams`] unless each list is strictly ascending, has 1 to `T_n` entries and none from `R` on;
    /// [`Error::UnservedStream`] if the lists leave a gap.
    pub fn with_device_streams(mut self, device_streams: Vec<Vec<usize>>) -> Result<Self, Error> {
        let (devices, found) = (self.devices(), device_streams.len());
        if found != devices {
            return Err(Error::DeviceCount { quantity: Quantity::DeviceStreams, devices, found });
        }
        let mut served = vec![false; self.receive_antennas()];
        for (device, streams) in device_streams.iter().enumerate() {
            let ascending = streams.windows(2).all(|pair| pair[0] < pair[1]);
            let fits = (1..=self.transmit_antennas(device)).contains(&streams.len());
            if !(ascending && fits && streams.iter().all(|&stream| stream < served.len())) {
                let valid = "strictly ascending, 1 to T_n entries, each below R";
                return Err(Error::DeviceStreams { device, streams: streams.clone(), valid });
            }
            streams.iter().for_each(|&stream| served[stream] = true);
        }
        let streams = served.iter().rposition(|&served| served).map_or(0, |last| last + 1);
        if let Some(stream) = served.iter().take(streams).position(|&served| !served) {
            return Err(Error::UnservedStream { stream });
        }
        (self.streams, self.device_streams) = (streams, device_streams);
        Ok(self)
    }

    /// The same problem with the streams of another.
    pub(crate) fn with_streams_of(self, other: &Self) -> Result<Self, Error> {
        if other.serves_all_streams() {
            self.with_streams(other.streams)
        } else {
            self.with_device_streams(other.device_streams.clone())
        }
    }

    /// The same problem with symbols of variance `v_n` instead of 1, `E[s_n s_n^H] = v_n I`.
    ///
    /// # Errors
    /// [`Error::DeviceCount`]; [`Error::OutOfRange`] unless every `v_n` is positive and finite. A device
    /// that sends nothing is left out of the problem instead.
    pub fn with_signal_variance(mut self, signal_variance: Vec<f64>) -> Result<Self, Error> {
        require_positive(&signal_variance, Quantity::SignalVariance, self.devices())?;
        self.signal_variance = signal_variance;
        Ok(self)
    }

    /// The same problem with another (positive, finite) noise power.
    pub(crate) fn with_noise_power(&self, noise_power: f64) -> Self {
        Self { noise_power, ..self.clone() }
    }

    /// Replaces channels and powers by others, in the same memory. `false`, and nothing is replaced, where a channel has another shape.
    ///
    /// # Errors
    /// As [`Problem::new`]; nothing is replaced.
    pub(crate) fn replace(&mut self, channels: &[Mat<c64>], transmit_power: &[f64]) -> Result<bool, Error> {
        let shapes = self.channels.iter().map(Mat::shape);
        if !shapes.eq(channels.iter().map(Mat::shape)) {
            return Ok(false);
        }
        require_channels(channels)?;
        require_positive(transmit_power, Quantity::TransmitPower, channels.len())?;
        self.channels.iter_mut().zip(channels).for_each(|(own, other)| own.copy_from(other));
        self.transmit_power.copy_from_slice(transmit_power);
        Ok(true)
    }

    /// `N`.
    pub fn devices(&self) -> usize {
        self.channels.len()
    }

    /// `R`.
    pub fn receive_antennas(&self) -> usize {
        self.channels[0].nrows()
    }

    /// `T_n`.
    pub(crate) fn transmit_antennas(&self, device: usize) -> usize {
        self.channels[device].ncols()
    }

    /// `L`.
    pub fn streams(&self) -> usize {
        self.streams
    }

    /// The streams of each device, ascending: `0..L` unless set by [`with_device_streams`](Self::with_device_streams).
    pub fn device_streams(&self) -> &[Vec<usize>] {
        &self.device_streams
    }

    /// Whether device `n` contributes to all sums, `E_n = I`.
    pub(crate) fn serves_all(&self, device: usize) -> bool {
        self.device_streams[device].len() == self.streams
    }

    /// Whether every device contributes to all sums.
    pub fn serves_all_streams(&self) -> bool {
        (0..self.devices()).all(|device| self.serves_all(device))
    }

    /// `H_1, …, H_N`.
    pub fn channels(&self) -> &[Mat<c64>] {
        &self.channels
    }

    /// `p_1, …, p_N`.
    pub fn transmit_power(&self) -> &[f64] {
        &self.transmit_power
    }

    /// `σ²`.
    pub fn noise_power(&self) -> f64 {
        self.noise_power
    }

    /// `v_1, …, v_N`.
    pub fn signal_variance(&self) -> &[f64] {
        &self.signal_variance
    }

    /// `q_n = p_n / v_n`, the largest `‖B_n‖_F²` device `n` can afford.
    pub(crate) fn precoder_budget(&self, device: usize) -> f64 {
        self.transmit_power[device] / self.signal_variance[device]
    }

    /// `Σ v_n L_n`, the MSE of silence.
    pub(crate) fn silence(&self) -> f64 {
        let devices = self.signal_variance.iter().zip(&self.device_streams);
        devices.map(|(variance, streams)| variance * streams.len() as f64).sum()
    }

    /// Whether every device has exactly `L` antennas and contributes to all sums, the case in which the relaxations bound
    /// transceivers (theory, section 3).
    pub fn is_square(&self) -> bool {
        self.serves_all_streams() && self.channels.iter().all(|channel| channel.ncols() == self.streams)
    }
}

/// Checks that there are channels, not empty, finite and with equally many rows: `R`.
fn require_channels(channels: &[Mat<c64>]) -> Result<usize, Error> {
    let receive_antennas = channels.first().ok_or(Error::NoDevices)?.nrows();
    for (device, channel) in channels.iter().enumerate() {
        require_channel(channel.as_ref(), device)?;
        if channel.nrows() != receive_antennas {
            return Err(Error::Shape {
                quantity: Quantity::Channel,
                device,
                expected: (receive_antennas, channel.ncols()),
                found: (channel.nrows(), channel.ncols()),
            });
        }
    }
    Ok(receive_antennas)
}

/// Checks that a list has one positive, finite number per device.
fn require_positive(values: &[f64], quantity: Quantity, devices: usize) -> Result<(), Error> {
    if values.len() != devices {
        return Err(Error::DeviceCount { quantity, devices, found: values.len() });
    }
    match values.iter().position(|value| !(value.is_finite() && *value > 0.0)) {
        None => Ok(()),
        Some(device) => {
            Err(Error::OutOfRange { quantity, device, value: values[device], valid: "positive and finite" })
        }
    }
}
