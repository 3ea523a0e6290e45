//! The law of a channel matrix's entries.

use crate::error::{Error, Quantity};
use faer::{Mat, MatMut, c64};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// Most entries of the channel matrices of one block: 1.6 GB.
const MOST_ENTRIES: usize = 100_000_000;

/// A channel matrix's entries: i.i.d. `CN(mean, variance)`.
///
/// With a mean this is Rician fading with factor `K = |mean|²/variance`, without one Rayleigh fading.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::Fading")
)]
pub struct Fading {
    #[cfg_attr(feature = "serde", serde(with = "crate::document::complex"))]
    mean: c64,
    variance: f64,
}

impl Fading {
    /// The setting of \[A\], section IV: Rician, mean 1 and variance 1.
    pub const PAPER: Self = Self { mean: c64 { re: 1.0, im: 0.0 }, variance: 1.0 };
    /// Rayleigh fading of unit variance: no line of sight.
    pub const RAYLEIGH: Self = Self { mean: c64 { re: 0.0, im: 0.0 }, variance: 1.0 };

    /// Rician fading: entries `CN(mean, variance)`, the variance shared equally by real and imaginary part.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the mean is not finite, or the variance is not positive and finite.
    pub fn rician(mean: c64, variance: f64) -> Result<Self, Error> {
        if !(mean.re.is_finite() && mean.im.is_finite()) {
            let value = if mean.re.is_finite() { mean.im } else { mean.re };
            return Err(Error::OutOfRange {
                quantity: Quantity::FadingMean,
                device: 0,
                value,
                valid: "finite",
            });
        }
        if !(variance.is_finite() && variance > 0.0) {
            return Err(Error::OutOfRange {
                quantity: Quantity::FadingVariance,
                device: 0,
                value: variance,
                valid: "positive and finite",
            });
        }
        Ok(Self { mean, variance })
    }

    /// The mean of every entry: the line of sight.
    pub fn mean(&self) -> c64 {
        self.mean
    }

    /// The variance of every entry: the scattered power.
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// One `rows × columns` channel matrix of 1 to 10⁸ entries.
    ///
    /// # Errors
    /// [`Error::EmptyMatrix`] if a side is zero; [`Error::TooManyEntries`].
    pub fn draw(
        &self,
        rows: usize,
        columns: usize,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Mat<c64>, Error> {
        if rows == 0 || columns == 0 {
            return Err(Error::EmptyMatrix { quantity: Quantity::Channel, device: 0 });
        }
        require_entries(rows, columns)?;
        Ok(self.sample(rows, columns, rng))
    }

    /// [`Fading::draw`] of a size that was checked or that another matrix has.
    pub(crate) fn sample(&self, rows: usize, columns: usize, rng: &mut (impl Rng + ?Sized)) -> Mat<c64> {
        let mut matrix = Mat::zeros(rows, columns);
        self.fill(matrix.as_mut(), rng);
        matrix
    }

    /// Writes a channel matrix.
    pub(crate) fn fill(&self, matrix: MatMut<'_, c64>, rng: &mut (impl Rng + ?Sized)) {
        let deviation = (self.variance / 2.0).sqrt();
        for column in matrix.col_iter_mut() {
            for entry in column.iter_mut() {
                let re: f64 = StandardNormal.sample(rng);
                let im: f64 = StandardNormal.sample(rng);
                *entry = self.mean + c64::new(re, im) * deviation;
            }
        }
    }
}

/// Checks the size of channels side by side before they are allocated.
pub(super) fn require_entries(receive_antennas: usize, transmit_antennas: usize) -> Result<(), Error> {
    match receive_antennas.checked_mul(transmit_antennas) {
        Some(entries) if entries <= MOST_ENTRIES => Ok(()),
        _ => Err(Error::TooManyEntries { receive_antennas, transmit_antennas, most: MOST_ENTRIES }),
    }
}
