//! Whole problems.

use super::*;
use crate::Problem;
use faer::{Mat, c64};
use proptest::collection::vec;
use proptest::prelude::*;
use std::ops::RangeInclusive;

/// The sizes of one short-term problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// `R`.
    pub receive_antennas: usize,
    /// `T_1, …, T_N`, each at least `L`.
    pub transmit_antennas: Vec<usize>,
    /// `L ≤ R`.
    pub streams: usize,
}

/// The range that each size of a problem is drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// `N`, at least 1.
    pub devices: RangeInclusive<usize>,
    /// `L`, at least 1.
    pub streams: RangeInclusive<usize>,
    /// `T_n − L`, for each device anew. With `0..=0` every certificate speaks of transceivers.
    pub transmit_surplus: RangeInclusive<usize>,
    /// `R − max_n T_n` where `tall`, `R − L` otherwise.
    pub receive_surplus: RangeInclusive<usize>,
    /// Whether `R ≥ T_n` for every device, without which `H_n` cannot have full column rank.
    pub tall: bool,
}

impl Sizes {
    /// Shapes within these ranges; shrink to the least of each, first the number of devices.
    pub fn shapes(&self) -> impl Strategy<Value = Shape> + use<> {
        let tall = self.tall;
        let transmit = vec(self.transmit_surplus.clone(), self.devices.clone());
        (transmit, self.streams.clone(), self.receive_surplus.clone()).prop_map(
            move |(transmit, streams, receive)| {
                let most = transmit.iter().copied().max().unwrap_or(0);
                Shape {
                    receive_antennas: streams + receive + if tall { most } else { 0 },
                    transmit_antennas: transmit.into_iter().map(|surplus| streams + surplus).collect(),
                    streams,
                }
            },
        )
    }

    /// Largest `N`.
    pub fn most_devices(&self) -> usize {
        *self.devices.end()
    }

    /// Largest `L`.
    pub fn most_streams(&self) -> usize {
        *self.streams.end()
    }

    /// Largest `T_n`.
    pub fn most_transmit_antennas(&self) -> usize {
        self.most_streams() + self.transmit_surplus.end()
    }

    /// Largest `R`.
    pub fn most_receive_antennas(&self) -> usize {
        let counted_from = if self.tall { self.most_transmit_antennas() } else { self.most_streams() };
        counted_from + self.receive_surplus.end()
    }
}

/// The channels of a problem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Channels {
    /// Full rank, singular values from 1/4 to 4. Shrink to the rectangular identity.
    WellConditioned,
    /// Full rank, singular values from 10⁻³ to 10³. Shrink to the rectangular identity.
    IllConditioned,
    /// `(I + κ 1 1^T/R) F_n` with well-conditioned `F_n`: one direction at the server hears every device `1 + κ` times as loud,
    /// `κ + 1` up to `2¹⁰`. Of full rank as `F_n` is. Shrink to the rectangular identity.
    LineOfSight,
    /// Rayleigh fading of unit variance. Shrink to 0, so of any rank.
    Rayleigh,
    /// Entries `CN(mean, variance)`. Shrink to a matrix whose entries are all `mean`, so of any rank.
    Rician {
        /// Mean of each entry.
        mean: c64,
        /// Variance of each entry.
        variance: f64,
    },
}

/// A channel at its largest size.
#[derive(Debug, Clone)]
enum Channel {
    Factored(Factors),
    Faded(Mat<c64>),
}

impl Channel {
    fn matrix(&self, rows: usize, columns: usize) -> Mat<c64> {
        match self {
            Self::Factored(factors) => factors.matrix(rows, columns),
            Self::Faded(entries) => crop(entries, rows, columns),
        }
    }
}

impl Channels {
    fn channel(self, rows: usize, columns: usize) -> BoxedStrategy<Channel> {
        let factored = |gain| factors(rows, columns, gain).prop_map(Channel::Factored).boxed();
        let faded = |mean: c64, variance: f64| {
            let entry = scatter().prop_map(move |g| mean + g * variance.sqrt());
            entries(rows, columns, entry).prop_map(Channel::Faded).boxed()
        };
        match self {
            Self::WellConditioned | Self::LineOfSight => factored(WELL_CONDITIONED_GAIN),
            Self::IllConditioned => factored(ILL_CONDITIONED_GAIN),
            Self::Rayleigh => faded(c64::new(0.0, 0.0), 1.0),
            Self::Rician { mean, variance } => faded(mean, variance),
        }
    }

    /// `κ` of [`Channels::LineOfSight`], 0 for the others.
    fn line_of_sight(self) -> BoxedStrategy<f64> {
        match self {
            Self::LineOfSight => (0..=10_i32).prop_map(|e| f64::from(e).exp2() - 1.0).boxed(),
            _ => Just(0.0).boxed(),
        }
    }
}

/// `M + κ 1 1^T M/R`.
fn amplified(matrix: Mat<c64>, line_of_sight: f64) -> Mat<c64> {
    let factor = line_of_sight / matrix.nrows() as f64;
    let ones = Mat::from_fn(matrix.nrows(), matrix.nrows(), |_, _| c64::new(factor, 0.0));
    &matrix + ones * &matrix
}

/// Problems of the given sizes, with the given channels, unequal powers and variances, and a noise power. Shrink to the
/// least sizes, powers, variances and noise of 1, and channels as [`Channels`] says.
pub fn problems(sizes: &Sizes, channels: Channels) -> impl Strategy<Value = Problem> + use<> {
    let channel = channels.channel(sizes.most_receive_antennas(), sizes.most_transmit_antennas());
    let devices = vec((channel, transmit_power(), signal_variance()), sizes.most_devices());
    (sizes.shapes(), devices, channels.line_of_sight(), noise_power()).prop_filter_map(
        "a well-formed problem",
        |(shape, devices, line_of_sight, noise_power)| {
            let devices = shape.transmit_antennas.iter().zip(devices);
            let (mut channels, mut power, mut variance) = (Vec::new(), Vec::new(), Vec::new());
            for (&antennas, (channel, p, v)) in devices {
                let channel = channel.matrix(shape.receive_antennas, antennas);
                channels.push(amplified(channel, line_of_sight));
                power.push(p);
                variance.push(v);
            }
            let problem = Problem::new(channels, power, noise_power).ok()?;
            problem.with_streams(shape.streams).ok()?.with_signal_variance(variance).ok()
        },
    )
}
