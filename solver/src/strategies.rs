//! Strategies for property tests of over-the-air computation (feature `proptest`).
//!
//! Whole [`Problem`]s, and what goes with them: aggregators, precoders, primal and dual points of the relaxations, fading
//! models. The properties of the workspace's own `proofs` are written on these; so can yours be:
//!
//! ```
//! use proptest::prelude::*;
//! use solver::Problem;
//! use solver::strategies::{Channels, Sizes, aggregators, problems};
//! use solver::transceiver::power_limited;
//!
//! const SIZES: Sizes =
//!     Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };
//!
//! proptest! {
//!     # #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]
//!     // In your tests: #[test]
//!     fn more_power_never_raises_the_error(
//!         problem in problems(&SIZES, Channels::LineOfSight), aggregator in aggregators(&SIZES), factor in 1.0..4.0_f64,
//!     ) {
//!         let aggregator = aggregator.of(&problem);
//!         let power = problem.transmit_power().iter().map(|p| factor * p).collect();
//!         let stronger = Problem::new(problem.channels().to_vec(), power, problem.noise_power())?
//!             .with_streams(problem.streams())?
//!             .with_signal_variance(problem.signal_variance().to_vec())?;
//!         let before = power_limited(&problem, aggregator.as_ref())?.mean_squared_error(&problem)?.total();
//!         let after = power_limited(&stronger, aggregator.as_ref())?.mean_squared_error(&stronger)?.total();
//!         prop_assert!(after <= before * (1.0 + 1e-9));
//!     }
//! }
//! # more_power_never_raises_the_error();
//! ```
//!
//! # How cases are drawn, and how they shrink
//!
//! Everything is built from small integers, so that a failing case shrinks to a readable one: numbers to 0, powers to 1, sizes
//! to one device with one antenna, channels to the rectangular identity. Matrices are drawn at the largest size that [`Sizes`]
//! allows and cut to that of the case, so that sizes and entries shrink independently; that is also why [`aggregators`] and its
//! like give something that becomes a matrix only when it meets its problem. Conditions are bounded by construction, from a
//! singular value decomposition that is chosen rather than found: no case is drawn and thrown away.

use crate::Problem;
use crate::channel::Fading;
use crate::linalg::{eigenvalues, squared_norm};
use faer::{Mat, MatRef, c64};
use proptest::collection::vec;
use proptest::prelude::*;
use std::f64::consts::PI;
use std::ops::RangeInclusive;

/// Levels of the amplitude, and of the phase, of [`scatter`].
const AMPLITUDES: u8 = 64;
const PHASES: u8 = 16;
/// Largest singular value of well-conditioned matrices; the least is its inverse.
pub const WELL_CONDITIONED_GAIN: f64 = 4.0;
/// Largest singular value of ill-conditioned channels; the least is its inverse.
pub const ILL_CONDITIONED_GAIN: f64 = 1e3;

/// A number from -4 to 4 in steps of 1/16; shrinks to 0.
pub fn number() -> impl Strategy<Value = f64> + Clone {
    (-64..=64_i32).prop_map(|step| f64::from(step) / 16.0)
}

/// A power of two from `2^−largest_exponent` to `2^largest_exponent`; shrinks to 1.
pub fn power_of_two(largest_exponent: i32) -> impl Strategy<Value = f64> + Clone {
    (-largest_exponent..=largest_exponent).prop_map(|exponent| f64::from(exponent).exp2())
}

/// A transmit power `p_n`: a power of two from 1/16 to 16; shrinks to 1.
pub fn transmit_power() -> impl Strategy<Value = f64> + Clone {
    power_of_two(4)
}

/// A signal variance `v_n`: a power of two from 1/16 to 16; shrinks to 1.
pub fn signal_variance() -> impl Strategy<Value = f64> + Clone {
    power_of_two(4)
}

/// A noise power `σ²`: a power of two from `2⁻⁸` to `2⁸`, 24 dB either way; shrinks to 1.
pub fn noise_power() -> impl Strategy<Value = f64> + Clone {
    power_of_two(8)
}

/// An entry of unit-variance Rayleigh fading: a circular normal number on a polar grid of 64 amplitudes and 16 phases, with
/// mean 0 and `E|g|² = 1` exactly; shrinks to 0.
pub fn scatter() -> impl Strategy<Value = c64> + Clone {
    let level = |k: u8| -(1.0 - f64::from(k) / f64::from(AMPLITUDES)).ln();
    let mean = (0..AMPLITUDES).map(level).sum::<f64>() / f64::from(AMPLITUDES);
    (0..AMPLITUDES, 0..PHASES).prop_map(move |(k, phase)| {
        c64::from_polar((level(k) / mean).sqrt(), 2.0 * PI * f64::from(phase) / f64::from(PHASES))
    })
}

/// A fading model: a mean on a grid from -4 to 4 in both parts, a variance from 1/16 to 16; shrinks to
/// [`Fading::RAYLEIGH`].
pub fn fading_models() -> impl Strategy<Value = Fading> + Clone {
    (number(), number(), power_of_two(4))
        .prop_filter_map("a finite mean, a positive variance", |(re, im, v)| {
            Fading::rician(c64::new(re, im), v).ok()
        })
}

/// A `rows × columns` matrix of entries drawn from one strategy.
pub fn entries(
    rows: usize,
    columns: usize,
    entry: impl Strategy<Value = c64>,
) -> impl Strategy<Value = Mat<c64>> {
    vec(entry, rows * columns)
        .prop_map(move |values| Mat::from_fn(rows, columns, |i, j| values[i * columns + j]))
}

/// A `rows × columns` matrix whose real and imaginary parts are [`number`]s; shrinks to 0.
pub fn grid(rows: usize, columns: usize) -> impl Strategy<Value = Mat<c64>> {
    entries(rows, columns, (number(), number()).prop_map(|(re, im)| c64::new(re, im)))
}

/// The leading `rows × columns` block; zeros where the matrix has no entries.
pub fn crop(matrix: &Mat<c64>, rows: usize, columns: usize) -> Mat<c64> {
    Mat::from_fn(rows, columns, |i, j| {
        if i < matrix.nrows() && j < matrix.ncols() { matrix[(i, j)] } else { c64::new(0.0, 0.0) }
    })
}

/// `Q = Π_k (I − 2 v_k v_k^H / ‖v_k‖²)` of the columns `v_k`, unitary; a zero column is left out.
pub fn unitary(columns: MatRef<'_, c64>) -> Mat<c64> {
    let mut product = Mat::<c64>::identity(columns.nrows(), columns.nrows());
    for k in 0..columns.ncols() {
        let v = columns.subcols(k, 1);
        let length = squared_norm(v);
        if length > 0.0 {
            let reflected = &product * v;
            product -= reflected * v.adjoint() * faer::Scale(c64::new(2.0 / length, 0.0));
        }
    }
    product
}

/// The factors of a matrix `V Σ W^H`, up to a largest size.
///
/// Reaches, up to the grid of the numbers, every matrix with singular values within its bounds.
#[derive(Debug, Clone)]
pub struct Factors {
    left: Mat<c64>,
    right: Mat<c64>,
    gains: Vec<c64>,
}

impl Factors {
    /// `V Σ W^H` of `rows × columns`: `V` and `W` unitary, and on the diagonal `rank` numbers of modulus
    /// `1/largest_gain` to `largest_gain`, then zeros.
    pub fn matrix_of_rank(&self, rows: usize, columns: usize, rank: usize) -> Mat<c64> {
        let reflections = rows.min(columns);
        let v = unitary(crop(&self.left, rows, reflections).as_ref());
        let w = unitary(crop(&self.right, columns, reflections).as_ref());
        let gain = |i: usize, j: usize| self.gains.get(i).copied().filter(|_| i == j && i < rank);
        let diagonal = Mat::from_fn(rows, columns, |i, j| gain(i, j).unwrap_or(c64::new(0.0, 0.0)));
        v * diagonal * w.adjoint()
    }

    /// The same with full rank.
    pub fn matrix(&self, rows: usize, columns: usize) -> Mat<c64> {
        self.matrix_of_rank(rows, columns, rows.min(columns))
    }
}

/// Factors of matrices of up to `rows × columns`, whose singular values are from `1/largest_gain` to `largest_gain`; shrink to
/// those of the rectangular identity.
pub fn factors(rows: usize, columns: usize, largest_gain: f64) -> impl Strategy<Value = Factors> {
    let reflections = rows.min(columns);
    let gain = (-8..=8_i32, 0..PHASES).prop_map(move |(exponent, phase)| {
        let modulus = largest_gain.powf(f64::from(exponent) / 8.0);
        c64::from_polar(modulus, 2.0 * PI * f64::from(phase) / f64::from(PHASES))
    });
    (grid(rows, reflections), grid(columns, reflections), vec(gain, reflections))
        .prop_map(|(left, right, gains)| Factors { left, right, gains })
}

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

/// An aggregator of full column rank, at its largest size.
#[derive(Debug, Clone)]
pub struct Aggregator(Factors);

impl Aggregator {
    /// `A`, `R×L`, with singular values from 1/4 to 4.
    pub fn of(&self, problem: &Problem) -> Mat<c64> {
        self.0.matrix(problem.receive_antennas(), problem.streams())
    }
}

/// Aggregators for problems of the given sizes; shrink to the rectangular identity.
pub fn aggregators(sizes: &Sizes) -> impl Strategy<Value = Aggregator> + use<> {
    factors(sizes.most_receive_antennas(), sizes.most_streams(), WELL_CONDITIONED_GAIN).prop_map(Aggregator)
}

/// Precoders at their largest size.
#[derive(Debug, Clone)]
pub struct Precoders {
    entries: Vec<Mat<c64>>,
    shares: Vec<f64>,
}

impl Precoders {
    /// `B_n`, `T_n×L`, of whatever power.
    pub fn of(&self, problem: &Problem) -> Vec<Mat<c64>> {
        let devices = problem.channels().iter().zip(&self.entries);
        devices.map(|(channel, entries)| crop(entries, channel.ncols(), problem.streams())).collect()
    }

    /// `B_n` scaled to take a share of what each limit allows, `v_n ‖B_n‖_F² = s_n p_n` with `s_n` from 0 to 1, both reached.
    pub fn within_power(&self, problem: &Problem) -> Vec<Mat<c64>> {
        let mut precoders = self.of(problem);
        for (device, precoder) in precoders.iter_mut().enumerate() {
            let power = squared_norm(precoder.as_ref());
            let allowed = self.shares[device] * problem.precoder_budget(device);
            if power > 0.0 {
                *precoder *= faer::Scale(c64::new((allowed / power).sqrt(), 0.0));
            }
        }
        precoders
    }
}

/// Precoders for problems of the given sizes; shrink to 0.
pub fn precoders(sizes: &Sizes) -> impl Strategy<Value = Precoders> + use<> {
    let precoder = grid(sizes.most_transmit_antennas(), sizes.most_streams());
    let device = (precoder, (0..=16_u8).prop_map(|sixteenths| 1.0 - f64::from(sixteenths) / 16.0));
    vec(device, sizes.most_devices()).prop_map(|devices| {
        let (entries, shares) = devices.into_iter().unzip();
        Precoders { entries, shares }
    })
}

/// A primal point of the relaxations at its largest size.
#[derive(Debug, Clone)]
pub struct Primal(Factors);

impl Primal {
    /// `X = F F^H ≻ 0`, `R×R`, with eigenvalues from 1/16 to 16.
    pub fn of(&self, problem: &Problem) -> Mat<c64> {
        self.of_rank(problem, problem.receive_antennas())
    }

    /// The same with all but `rank` eigenvalues 0.
    pub fn of_rank(&self, problem: &Problem, rank: usize) -> Mat<c64> {
        let side = problem.receive_antennas();
        let factor = self.0.matrix_of_rank(side, side, rank);
        &factor * factor.adjoint()
    }
}

/// Primal points for problems of the given sizes; shrink to the identity.
pub fn primals(sizes: &Sizes) -> impl Strategy<Value = Primal> + use<> {
    let side = sizes.most_receive_antennas();
    factors(side, side, WELL_CONDITIONED_GAIN).prop_map(Primal)
}

/// A dual point of the relaxations at its largest size.
#[derive(Debug, Clone)]
pub struct Dual {
    entries: Vec<Mat<c64>>,
    share: f64,
}

impl Dual {
    /// Matrices `T_n×T_n`, not even Hermitian.
    pub fn of(&self, problem: &Problem) -> Vec<Mat<c64>> {
        let devices = problem.channels().iter().zip(&self.entries);
        devices.map(|(channel, entries)| crop(entries, channel.ncols(), channel.ncols())).collect()
    }

    /// A point of `𝒰 = { U_n ⪰ 0 : Σ_n H_n U_n H_n^H ⪯ I }`: Gram matrices of [`Dual::of`], scaled so that the largest
    /// eigenvalue of the sum is a share from 1/16 to 1 of what `𝒰` allows, the boundary included. All zero if no channel lets
    /// anything of them through.
    pub fn within(&self, problem: &Problem) -> Vec<Mat<c64>> {
        let mut dual: Vec<Mat<c64>> = self.of(problem).iter().map(|u| u * u.adjoint()).collect();
        let side = problem.receive_antennas();
        let mut received = Mat::<c64>::zeros(side, side);
        for (channel, multiplier) in problem.channels().iter().zip(&dual) {
            received += channel * (multiplier * channel.adjoint());
        }
        let largest = eigenvalues(received.as_ref()).ok().and_then(|values| values.last().copied());
        let factor = largest.filter(|&value| value > 0.0).map_or(0.0, |value| self.share / value);
        for multiplier in &mut dual {
            *multiplier *= faer::Scale(c64::new(factor, 0.0));
        }
        dual
    }
}

/// Dual points for problems of the given sizes; shrink to 0.
pub fn duals(sizes: &Sizes) -> impl Strategy<Value = Dual> + use<> {
    let side = sizes.most_transmit_antennas();
    let share = (0..=15_u8).prop_map(|sixteenths| 1.0 - f64::from(sixteenths) / 16.0);
    (vec(grid(side, side), sizes.most_devices()), share).prop_map(|(entries, share)| Dual { entries, share })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{TestCaseResult, TestError, TestRunner};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=2, receive_surplus: 0..=2, tall: true };

    fn config() -> ProptestConfig {
        ProptestConfig {
            failure_persistence: None,
            max_shrink_iters: 20_000,
            ..ProptestConfig::with_cases(64)
        }
    }

    /// Singular values, largest first.
    fn singular_values(matrix: &Mat<c64>) -> Vec<f64> {
        let mut values = matrix.singular_values().unwrap();
        values.sort_by(|a, b| b.total_cmp(a));
        values
    }

    /// The simplest case that fails a property.
    fn shrunk<S: Strategy>(strategy: S, property: impl Fn(S::Value) -> TestCaseResult) -> S::Value {
        match TestRunner::new(config()).run(&strategy, property) {
            Err(TestError::Fail(_, value)) => value,
            other => panic!("no failure: {other:?}"),
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn singular_values_are_within_their_bounds(
            factors in factors(5, 3, 4.0), rows in 1..=5_usize, columns in 1..=3_usize, rank in 0..=3_usize,
        ) {
            let matrix = factors.matrix_of_rank(rows, columns, rank);
            for (index, value) in singular_values(&matrix).into_iter().enumerate() {
                // Singular values are known to a few roundings of the largest.
                if index < rank {
                    prop_assert!(value > 0.25 - 1e-13 && value < 4.0 + 1e-13, "{value}");
                } else {
                    prop_assert!(value < 1e-13, "{value}");
                }
            }
        }

        #[test]
        fn products_of_reflections_are_unitary(columns in grid(5, 4)) {
            let q = unitary(columns.as_ref());
            let difference = q.adjoint() * &q - Mat::<c64>::identity(5, 5);
            prop_assert!(squared_norm(difference.as_ref()).sqrt() < 1e-13);
        }

        #[test]
        fn sizes_are_within_their_ranges(
            problem in problems(&SIZES, Channels::Rayleigh), wide in Sizes { tall: false, ..SIZES }.shapes(),
        ) {
            prop_assert!(SIZES.devices.contains(&problem.devices()));
            prop_assert!(SIZES.streams.contains(&problem.streams()));
            let most = problem.channels().iter().map(Mat::ncols).max().unwrap();
            prop_assert!(SIZES.receive_surplus.contains(&(problem.receive_antennas() - most)));
            for channel in problem.channels() {
                prop_assert!(SIZES.transmit_surplus.contains(&(channel.ncols() - problem.streams())));
            }
            prop_assert!(SIZES.receive_surplus.contains(&(wide.receive_antennas - wide.streams)));
        }

        /// All but the faded channels keep their singular values above the least gain.
        #[test]
        fn channels_have_full_column_rank(
            well in problems(&SIZES, Channels::WellConditioned), ill in problems(&SIZES, Channels::IllConditioned),
            sight in problems(&SIZES, Channels::LineOfSight),
        ) {
            for (problem, least) in [(well, 0.25), (ill, 1e-3), (sight, 0.25)] {
                for channel in problem.channels() {
                    let weakest = singular_values(channel)[channel.ncols() - 1];
                    prop_assert!(weakest >= least * (1.0 - 1e-8), "{weakest} < {least}");
                }
            }
        }

        #[test]
        fn dual_points_are_in_the_dual_set(problem in problems(&SIZES, Channels::IllConditioned), dual in duals(&SIZES)) {
            let side = problem.receive_antennas();
            let mut received = Mat::<c64>::zeros(side, side);
            for (channel, multiplier) in problem.channels().iter().zip(dual.within(&problem)) {
                let size = squared_norm(multiplier.as_ref()).sqrt();
                prop_assert!(eigenvalues(multiplier.as_ref()).unwrap()[0] >= -1e-13 * size);
                received += channel * multiplier * channel.adjoint();
            }
            let largest = eigenvalues(received.as_ref()).unwrap()[side - 1];
            prop_assert!(largest <= 1.0 + 1e-12, "{largest}");
        }

        #[test]
        fn precoders_are_within_the_limits(
            problem in problems(&SIZES, Channels::WellConditioned), precoders in precoders(&SIZES),
        ) {
            for (n, precoder) in precoders.within_power(&problem).iter().enumerate() {
                let power = problem.signal_variance()[n] * squared_norm(precoder.as_ref());
                prop_assert!(power <= problem.transmit_power()[n] * (1.0 + 1e-12), "{power}");
            }
        }
    }

    /// A line of sight is heard up to a thousand times as loud as the rest.
    #[test]
    fn lines_of_sight_are_strong() {
        let mut runner = TestRunner::new(config());
        let strategy = problems(&SIZES, Channels::LineOfSight);
        let loudest = (0..64).map(|_| {
            let problem = strategy.new_tree(&mut runner).unwrap().current();
            singular_values(&problem.channels()[0])[0]
        });
        assert!(loudest.fold(0.0, f64::max) > 100.0);
    }

    /// Over its whole grid, scatter has mean 0, variance 1 and no preferred axis: the moments of `CN(0, 1)`.
    #[test]
    fn scatter_has_the_moments_of_rayleigh_fading() {
        let mut runner = TestRunner::new(config());
        let draws = 20_000;
        let (mut mean, mut power, mut pseudo) = (c64::new(0.0, 0.0), 0.0, c64::new(0.0, 0.0));
        for _ in 0..draws {
            let g = scatter().new_tree(&mut runner).unwrap().current();
            (mean, power, pseudo) = (mean + g, power + g.norm_sqr(), pseudo + g * g);
        }
        let count = f64::from(draws);
        // Standard errors are 1/√20000 = 0.007 each; E|g|⁴ = 2.
        assert!(
            mean.norm() / count < 0.04 && (power / count - 1.0).abs() < 0.04 && pseudo.norm() / count < 0.06
        );
    }

    /// A failure that needs two devices and some power shrinks to just that, all else at its simplest.
    #[test]
    fn failures_shrink_to_the_simplest_problem() {
        let problem = shrunk(problems(&SIZES, Channels::LineOfSight), |problem| {
            prop_assert!(problem.devices() < 2 || problem.transmit_power()[1] < 4.0);
            Ok(())
        });
        assert_eq!((problem.devices(), problem.streams(), problem.receive_antennas()), (2, 1, 1));
        assert_eq!(problem.transmit_power(), [1.0, 4.0]);
        assert_eq!((problem.signal_variance(), problem.noise_power()), ([1.0, 1.0].as_slice(), 1.0));
        for channel in problem.channels() {
            assert_eq!((channel.ncols(), channel[(0, 0)]), (1, c64::new(1.0, 0.0)));
        }
        assert_eq!(shrunk(fading_models(), |_| Err(TestCaseError::fail("any"))), Fading::RAYLEIGH);
    }
}
