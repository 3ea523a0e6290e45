//! What is read back (feature `serde`) is checked like what is built: types whose fields obey rules are read as the plain structures of
//! this file, which then go through the constructors.
//!
//! Options, schedules and sets are in [`inputs`]; results whose fields are public are checked in [`records`].
//!
//! A matrix is written as `{rows, columns, re, im}`, its real and imaginary parts column by column; a complex number as `[re, im]`.

pub(crate) mod inputs;
pub(crate) mod records;

use crate::error::{Error, Quantity};
use crate::linalg::require_matrix;
use crate::{channel, csi, power, problem, transceiver};
use faer::{Mat, c64};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// For `#[serde(with)]` on a field of type `c64`.
pub(crate) mod complex {
    use super::*;

    pub fn serialize<S: Serializer>(number: &c64, serializer: S) -> Result<S::Ok, S::Error> {
        [number.re, number.im].serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<c64, D::Error> {
        <[f64; 2]>::deserialize(deserializer).map(|[re, im]| c64::new(re, im))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    rows: usize,
    columns: usize,
    re: Vec<f64>,
    im: Vec<f64>,
}

impl From<&Mat<c64>> for Entries {
    fn from(matrix: &Mat<c64>) -> Self {
        let entries = || matrix.col_iter().flat_map(|column| column.iter());
        Self {
            rows: matrix.nrows(),
            columns: matrix.ncols(),
            re: entries().map(|entry| entry.re).collect(),
            im: entries().map(|entry| entry.im).collect(),
        }
    }
}

/// A matrix with at least one entry.
#[derive(Deserialize)]
#[serde(try_from = "Entries")]
struct Matrix(Mat<c64>);

impl TryFrom<Entries> for Matrix {
    type Error = String;

    fn try_from(Entries { rows, columns, re, im }: Entries) -> Result<Self, String> {
        let count = rows.checked_mul(columns);
        if re.is_empty() || count != Some(re.len()) || count != Some(im.len()) {
            let (re, im) = (re.len(), im.len());
            return Err(format!("a {rows}×{columns} matrix with {re} real and {im} imaginary parts"));
        }
        Ok(Self(Mat::from_fn(rows, columns, |i, j| c64::new(re[i + j * rows], im[i + j * rows]))))
    }
}

/// For `#[serde(with)]` on a field of type `Mat<c64>`.
pub(crate) mod matrix {
    use super::*;

    pub fn serialize<S: Serializer>(matrix: &Mat<c64>, serializer: S) -> Result<S::Ok, S::Error> {
        Entries::from(matrix).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mat<c64>, D::Error> {
        Matrix::deserialize(deserializer).map(|matrix| matrix.0)
    }
}

/// For `#[serde(with)]` on a field of type `Vec<Mat<c64>>`.
pub(crate) mod matrices {
    use super::*;

    pub fn serialize<S: Serializer>(matrices: &[Mat<c64>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(matrices.iter().map(Entries::from))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Mat<c64>>, D::Error> {
        let matrices = Vec::<Matrix>::deserialize(deserializer)?;
        Ok(matrices.into_iter().map(|matrix| matrix.0).collect())
    }
}

/// Whether all lists of streams are `0..L`: then they are not written.
pub(crate) fn are_complete(device_streams: &[Vec<usize>]) -> bool {
    let streams = device_streams.iter().map(Vec::len).max();
    device_streams
        .iter()
        .all(|list| list.len() == streams.unwrap_or(0) && list.iter().copied().eq(0..list.len()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Problem {
    #[serde(with = "matrices")]
    channels: Vec<Mat<c64>>,
    transmit_power: Vec<f64>,
    noise_power: f64,
    signal_variance: Vec<f64>,
    streams: usize,
    device_streams: Option<Vec<Vec<usize>>>,
}

impl TryFrom<Problem> for problem::Problem {
    type Error = Error;

    fn try_from(document: Problem) -> Result<Self, Error> {
        let problem = Self::new(document.channels, document.transmit_power, document.noise_power)?
            .with_signal_variance(document.signal_variance)?;
        let Some(lists) = document.device_streams else {
            return problem.with_streams(document.streams);
        };
        let streams = document.streams;
        if let Some(device) = lists.iter().position(|list| list.iter().any(|&stream| stream >= streams)) {
            return Err(Error::DeviceStreams {
                device,
                streams: lists[device].clone(),
                valid: "each below L",
            });
        }
        let problem = problem.with_device_streams(lists)?;
        match problem.streams() {
            named if named < streams => Err(Error::UnservedStream { stream: named }),
            _ => Ok(problem),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transceiver {
    #[serde(with = "matrix")]
    aggregator: Mat<c64>,
    #[serde(with = "matrices")]
    precoders: Vec<Mat<c64>>,
}

impl TryFrom<Transceiver> for transceiver::Transceiver {
    type Error = Error;

    fn try_from(Transceiver { aggregator, precoders }: Transceiver) -> Result<Self, Error> {
        if precoders.is_empty() {
            return Err(Error::NoDevices);
        }
        let (receive_antennas, streams) = aggregator.shape();
        require_matrix(aggregator.as_ref(), (receive_antennas, streams), Quantity::Aggregator, 0)?;
        for (device, precoder) in precoders.iter().enumerate() {
            let (transmit_antennas, served) = (precoder.nrows(), precoder.ncols().min(streams));
            require_matrix(precoder.as_ref(), (transmit_antennas, served), Quantity::Precoder, device)?;
            if served > transmit_antennas || streams > receive_antennas {
                return Err(Error::Streams { streams, device, transmit_antennas, receive_antennas });
            }
        }
        Ok(Self::from_parts(aggregator, precoders))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnergyModel {
    budget: f64,
    whole_model: f64,
    accounting: power::Accounting,
}

impl TryFrom<EnergyModel> for power::EnergyModel {
    type Error = Error;

    fn try_from(document: EnergyModel) -> Result<Self, Error> {
        Self::new(document.budget, document.whole_model, 1.0, document.accounting)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelError {
    variance: Vec<f64>,
}

impl TryFrom<ChannelError> for csi::ChannelError {
    type Error = Error;

    fn try_from(document: ChannelError) -> Result<Self, Error> {
        Self::new(document.variance)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fading {
    #[serde(with = "complex")]
    mean: c64,
    variance: f64,
}

impl TryFrom<Fading> for channel::Fading {
    type Error = Error;

    fn try_from(document: Fading) -> Result<Self, Error> {
        Self::rician(document.mean, document.variance)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlockFading {
    fading: channel::Fading,
    receive_antennas: usize,
    transmit_antennas: Vec<usize>,
    seed: u64,
    next: u64,
}

impl TryFrom<BlockFading> for channel::BlockFading {
    type Error = Error;

    fn try_from(document: BlockFading) -> Result<Self, Error> {
        let BlockFading { fading, receive_antennas, transmit_antennas, seed, next } = document;
        Ok(Self::new(fading, receive_antennas, &transmit_antennas, seed)?.starting_at(next))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GaussMarkov {
    #[serde(with = "complex")]
    correlation: c64,
    innovations: channel::BlockFading,
    #[serde(with = "matrices")]
    last: Vec<Mat<c64>>,
}

impl TryFrom<GaussMarkov> for channel::GaussMarkov {
    type Error = String;

    fn try_from(GaussMarkov { correlation, innovations, last }: GaussMarkov) -> Result<Self, String> {
        channel::require_correlation(correlation).map_err(|error| error.to_string())?;
        channel::require_room(innovations.fading()).map_err(|error| error.to_string())?;
        let (next, antennas) = (innovations.next_block(), innovations.transmit_antennas());
        let (expected, why) = match next {
            0 => (0, "where `innovations.next` is 0, before the first block".into()),
            _ => (antennas.len(), format!("one per device, where `innovations.next` is {next}")),
        };
        let valid = last.len() == expected;
        records::require(
            valid,
            "the number of matrices in `last`",
            last.len(),
            &format!("{expected}, {why}"),
        )?;
        for (device, (channel, &columns)) in last.iter().zip(antennas).enumerate() {
            let expected = (innovations.receive_antennas(), columns);
            require_matrix(channel.as_ref(), expected, Quantity::Channel, device)
                .map_err(|error| format!("`last`: {error}"))?;
            // Like the fading's mean, so that no later block overflows.
            let largest = channel.norm_max();
            let room = (8.0 * largest).is_finite();
            records::require(
                room,
                "an entry of `last`",
                format!("{largest:e}"),
                "small enough for 8 times it to be finite",
            )?;
        }
        Ok(Self::from_parts(correlation, innovations, last))
    }
}
