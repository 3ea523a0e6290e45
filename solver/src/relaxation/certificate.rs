//! Bounds that need no trust in a solver.

use crate::error::{Error, Quantity};
use crate::linalg::{
    Spectrum, cholesky, eigenvalues, hermitian_part, multiply, norm, product, require_matrix, scale,
    side_by_side, singular_values, squared_norm, unit_of_size,
};
use crate::problem::Problem;
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Mat, MatMut, MatRef, c64};

/// What a lower bound bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Scope {
    /// The value of this convex program, and nothing else.
    Program,
    /// The `α = ‖A‖_F²` of every zero-forcing transceiver within the power limits.
    ZeroForcing,
    /// The mean squared error of every transceiver within the power limits.
    AnyTransceiver,
}

/// Each bound is moved outwards by this much, relatively: room for the sums of positive numbers that it is.
const ROUNDING: f64 = 1e-12;

/// An interval that holds the optimal value, from a feasible point on each side.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::Certificate")
)]
pub struct Certificate {
    /// Value of a dual feasible point.
    pub lower: f64,
    /// Value of a primal feasible point.
    pub upper: f64,
    /// What `lower` bounds from below.
    pub scope: Scope,
}

impl Certificate {
    pub(super) fn new(lower: f64, upper: f64, scope: Scope) -> Result<Self, Error> {
        let (lower, upper) = (lower * (1.0 - ROUNDING), upper * (1.0 + ROUNDING));
        // Below the normal numbers nothing is left of the relative precision.
        let lower = if lower.abs() < f64::MIN_POSITIVE { 0.0 } else { lower };
        if lower.is_finite() && upper.is_normal() && lower <= upper {
            Ok(Self { lower, upper, scope })
        } else {
            Err(Error::Numerical { operation: "the certificate" })
        }
    }

    /// Of the same value in units that are `2^exponent` times as small.
    pub(super) fn in_units(self, exponent: i32) -> Result<Self, Error> {
        let [lower, upper] = [self.lower, self.upper].map(|bound| libm::scalbn(bound, exponent));
        let lower = if lower.abs() < f64::MIN_POSITIVE { 0.0 } else { lower };
        if lower.is_finite() && upper.is_normal() {
            Ok(Self { lower, upper, ..self })
        } else {
            Err(Error::Numerical { operation: "the certificate's units" })
        }
    }

    /// `(upper − lower)/upper`.
    pub fn relative_gap(&self) -> f64 {
        (self.upper - self.lower) / self.upper
    }
}

/// A bound, relative to the sum of the products' sizes, on the rounding of a sum of so many products of complex numbers, and on that of
/// eigenvalues and singular values of matrices of so many rows, relative to their norm.
/// For the latter it is an assumption: the known bounds have unspecified constants.
fn rounding(terms: usize) -> f64 {
    (terms + 2) as f64 * f64::EPSILON
}

/// A positive semidefinite matrix by a factor. What a certificate says is true of `G G^H`, of which `matrix` is a rounding: with `G`
/// a channel's condition enters the rounding of `H^H G G^H H` once, with a matrix it would enter squared.
pub(super) struct Positive {
    pub matrix: Mat<c64>,
    /// `G`.
    pub root: Mat<c64>,
}

impl Positive {
    /// The nearest to the Hermitian part of a `side × side` matrix.
    pub fn part(
        matrix: MatRef<'_, c64>,
        side: usize,
        quantity: Quantity,
        device: usize,
    ) -> Result<Self, Error> {
        require_matrix(matrix, (side, side), quantity, device)?;
        let hermitian = hermitian_part(matrix);
        // A matrix with a Cholesky factor is positive definite: the usual case, and far cheaper than its eigenvalues.
        if let Some(root) = cholesky(hermitian.as_ref()) {
            return Ok(Self { root, matrix: hermitian });
        }
        let Spectrum { values, vectors } = Spectrum::of(hermitian.as_ref())?;
        let roots: Vec<f64> = values.iter().map(|value| value.max(0.0).sqrt()).collect();
        let root = Mat::from_fn(side, side, |i, j| vectors[(i, j)] * roots[j]);
        Ok(Self::of_root(root))
    }

    /// `G G^H` for any `G`.
    pub fn of_root(root: Mat<c64>) -> Self {
        Self { matrix: hermitian_part(product(root.as_ref(), root.adjoint()).as_ref()), root }
    }

    /// `tr G G^H`, column by column, so that no sum is long.
    pub fn trace(&self) -> f64 {
        (0..self.root.ncols()).map(|j| squared_norm(self.root.as_ref().subcols(j, 1))).sum()
    }

    /// A lower bound on `tr (G G^H)^{1/2}`, the sum of the singular values of `G`.
    pub fn trace_of_root(&self) -> Result<f64, Error> {
        let values = singular_values(self.root.as_ref())?;
        let lost = rounding(values.len()) * self.trace().sqrt();
        Ok(values.iter().map(|value| (value - lost).max(0.0)).sum())
    }

    /// The same matrix times a factor that makes it feasible, and its trace.
    pub fn scaled_bound(self, factor: f64) -> Result<(Mat<c64>, f64), Error> {
        let bound = factor * self.trace();
        if factor.is_normal() && bound.is_normal() {
            Ok((scaled(self.matrix, factor), bound))
        } else {
            Err(Error::Numerical { operation: "the scale of the primal point" })
        }
    }

    /// The same matrix times `factor ≥ 0`.
    pub fn scaled(self, factor: f64) -> Self {
        Self { matrix: scaled(self.matrix, factor), root: scaled(self.root, factor.sqrt()) }
    }
}

pub(super) fn scaled(mut matrix: Mat<c64>, factor: f64) -> Mat<c64> {
    scale(matrix.as_mut(), factor);
    matrix
}

/// Checks that there is one multiplier per device.
pub(super) fn require_dual_count(problem: &Problem, dual: &[Mat<c64>]) -> Result<(), Error> {
    let (devices, found) = (problem.devices(), dual.len());
    if found == devices {
        return Ok(());
    }
    Err(Error::DeviceCount { quantity: Quantity::DualMatrix, devices, found })
}

/// Products of channels and factors below this may have lost their precision to underflow: they count as unknown, up to this.
const SMALLEST: f64 = 1e-250;
/// The size that a sum of unknown products is given.
const UNKNOWN: f64 = 1e-100;

/// The [`unit_of`](crate::linalg::unit_of) products, so that squares of what is divided by it neither overflow nor underflow; `None` where they
/// are unknown.
fn unit_of_products(matrix: MatRef<'_, c64>) -> Result<Option<f64>, Error> {
    let largest = matrix.norm_max();
    if !largest.is_finite() {
        return Err(Error::Numerical { operation: "the products of the certificate" });
    }
    Ok((largest >= SMALLEST).then(|| unit_of_size(largest)))
}

/// Divides by a power of two.
fn divide(matrix: MatMut<'_, c64>, unit: f64) {
    if unit != 1.0 {
        scale(matrix, unit.recip());
    }
}

/// Lower bounds on the eigenvalues, ascending, of every `H_n^H X H_n`.
pub(super) fn seen(problem: &Problem, x: &Positive) -> Result<Vec<Vec<f64>>, Error> {
    let channels = side_by_side(problem.channels());
    let mut amplified = product(x.root.adjoint(), channels.as_ref());
    let size = norm(x.root.as_ref());
    let mut next = 0;
    let of_device = |channel: &Mat<c64>| {
        let z = amplified.as_mut().subcols_mut(next, channel.ncols());
        next += channel.ncols();
        seen_by_one(z, rounding(channel.nrows()) * size * norm(channel.as_ref()))
    };
    problem.channels().iter().map(of_device).collect()
}

/// The same of `H_n^H G_n G_n^H H_n`, which is at most `H_n^H X H_n` where `G_n G_n^H ⪯ X`.
pub(super) fn seen_alone(channel: &Mat<c64>, root: &Mat<c64>) -> Result<Vec<f64>, Error> {
    let lost = rounding(channel.nrows()) * norm(root.as_ref()) * norm(channel.as_ref());
    seen_by_one(product(root.adjoint(), channel.as_ref()).as_mut(), lost)
}

/// The same from `Z = G^H H_n`, known to within `lost`.
fn seen_by_one(mut z: MatMut<'_, c64>, lost: f64) -> Result<Vec<f64>, Error> {
    let Some(unit) = unit_of_products(z.rb())? else { return Ok(vec![0.0; z.ncols()]) };
    divide(z.rb_mut(), unit);
    let z = z.rb();
    let mut values = eigenvalues(hermitian_part(product(z.adjoint(), z).as_ref()).as_ref())?;
    // Z^H Z and its eigenvalues are known to within `square`.
    let square = rounding(z.nrows() + z.ncols()) * squared_norm(z);
    for value in &mut values {
        *value = (unit * (*value - square).max(0.0).sqrt() - lost).max(0.0).powi(2);
    }
    Ok(values)
}

/// The positive parts of any multipliers, whose common factor does not matter.
pub(super) fn positive_parts(problem: &Problem, dual: &[Mat<c64>]) -> Result<Vec<Positive>, Error> {
    require_dual_count(problem, dual)?;
    let largest = dual.iter().map(|multiplier| multiplier.norm_max()).fold(0.0, f64::max);
    let unit = unit_of_size(largest);
    let part = |(device, multiplier): (usize, &Mat<c64>)| {
        let rescaled = (unit != 1.0).then(|| scaled(multiplier.clone(), unit.recip()));
        let multiplier = rescaled.as_ref().unwrap_or(multiplier).as_ref();
        Positive::part(multiplier, problem.transmit_antennas(device), Quantity::DualMatrix, device)
    };
    dual.iter().enumerate().map(part).collect()
}

/// Makes any multipliers a point of `𝒰`: divides them by an upper bound on `λ_max(Σ_n H_n U_n H_n^H)`.
pub(super) fn dual_feasible(problem: &Problem, dual: Vec<Positive>) -> Result<Vec<Positive>, Error> {
    let channels = problem.channels();
    let columns = channels.iter().map(Mat::ncols).sum();
    let mut amplified = Mat::<c64>::zeros(problem.receive_antennas(), columns);
    let (mut next, mut lost) = (0, 0.0_f64);
    for (channel, multiplier) in channels.iter().zip(&dual) {
        let side = channel.ncols();
        multiply(amplified.as_mut().subcols_mut(next, side), channel.as_ref(), multiplier.root.as_ref());
        lost = lost.hypot(rounding(side) * norm(channel.as_ref()) * norm(multiplier.root.as_ref()));
        next += side;
    }
    // Y = [H_1 G_1 … H_N G_N] is known to within `lost`, Y Y^H and its eigenvalues to within `square`.
    let received = match unit_of_products(amplified.as_ref())? {
        None => UNKNOWN,
        Some(unit) => {
            divide(amplified.as_mut(), unit);
            let y = &amplified;
            let largest =
                eigenvalues(product(y.as_ref(), y.adjoint()).as_ref())?.last().copied().unwrap_or(0.0);
            let square = rounding(y.nrows() + columns) * squared_norm(y.as_ref());
            unit * (largest + square).sqrt()
        }
    };
    let factor = (received + lost).powi(-2);
    if !factor.is_normal() {
        return Err(Error::Numerical { operation: "the largest eigenvalue of what is received" });
    }
    Ok(dual.into_iter().map(|multiplier| multiplier.scaled(factor)).collect())
}
