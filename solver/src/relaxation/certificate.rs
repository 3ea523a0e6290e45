//! Bounds that need no trust in a solver.

use crate::error::{Error, Quantity};
use crate::linalg::{Spectrum, eigenvalues, hermitian_part, multiply, require_matrix, side_by_side};
use crate::problem::Problem;
use faer::{Mat, MatRef, Side, c64};

/// What a lower bound bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Scope {
    /// The value of this convex program, and nothing else.
    Program,
    /// The `α = ‖A‖_F²` of every zero-forcing transceiver within the power limits.
    ZeroForcing,
    /// The mean squared error of every transceiver within the power limits.
    AnyTransceiver,
}

/// Each bound is moved outwards by this much, relatively: room for the rounding of its own evaluation.
const ROUNDING: f64 = 1e-12;

/// Bounds that cross by more than this, relatively, are no rounding any more.
const CROSSING: f64 = 1e-6;

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
        // Rounding can make bounds at the optimum cross: then the optimum is between them all the same. Farther apart they are worthless.
        let (lower, upper) = if lower > upper && lower - upper <= CROSSING * upper.abs() {
            (upper, lower)
        } else {
            (lower, upper)
        };
        if lower.is_finite() && upper.is_finite() && lower <= upper {
            Ok(Self { lower, upper, scope })
        } else {
            Err(Error::Numerical { operation: "the certificate" })
        }
    }

    /// `(upper − lower)/upper`.
    pub fn relative_gap(&self) -> f64 {
        (self.upper - self.lower) / self.upper
    }
}

/// The nearest positive semidefinite matrix to the Hermitian part of a `side × side` matrix.
pub(super) fn positive_part(
    matrix: MatRef<'_, c64>,
    side: usize,
    quantity: Quantity,
    device: usize,
) -> Result<Mat<c64>, Error> {
    require_matrix(matrix, (side, side), quantity, device)?;
    let hermitian = hermitian_part(matrix);
    // A matrix with a Cholesky factor is positive definite: the usual case, and far cheaper than its eigenvalues.
    if hermitian.llt(Side::Lower).is_ok() {
        return Ok(hermitian);
    }
    let spectrum = Spectrum::of(hermitian.as_ref())?;
    if spectrum.values.iter().all(|&value| value >= 0.0) {
        return Ok(hermitian);
    }
    Ok(hermitian_part(spectrum.map(|value| value.max(0.0)).as_ref()))
}

/// Checks that there is one multiplier per device.
pub(super) fn require_dual_count(problem: &Problem, dual: &[Mat<c64>]) -> Result<(), Error> {
    let (devices, found) = (problem.devices(), dual.len());
    if found == devices {
        return Ok(());
    }
    Err(Error::DeviceCount { quantity: Quantity::DualMatrix, devices, found })
}

/// The eigenvalues, ascending, of the Hermitian part of every `H_n^H X H_n`.
pub(super) fn seen(problem: &Problem, x: &Mat<c64>) -> Result<Vec<Vec<f64>>, Error> {
    let product = x * side_by_side(problem.channels());
    let mut next = 0;
    let of_device = |channel: &Mat<c64>| {
        let columns = product.subcols(next, channel.ncols());
        next += channel.ncols();
        eigenvalues(hermitian_part((channel.adjoint() * columns).as_ref()).as_ref())
    };
    problem.channels().iter().map(of_device).collect()
}

/// Makes any multipliers a point of `𝒰`: positive parts, divided by `λ_max(Σ_n H_n U_n H_n^H)`.
pub(super) fn dual_feasible(problem: &Problem, dual: &[Mat<c64>]) -> Result<Vec<Mat<c64>>, Error> {
    require_dual_count(problem, dual)?;
    let channels = side_by_side(problem.channels());
    let mut amplified = Mat::<c64>::zeros(channels.nrows(), channels.ncols());
    let mut feasible = Vec::with_capacity(dual.len());
    let mut next = 0;
    for (device, (channel, multiplier)) in problem.channels().iter().zip(dual).enumerate() {
        let side = channel.ncols();
        let positive = positive_part(multiplier.as_ref(), side, Quantity::DualMatrix, device)?;
        multiply(amplified.as_mut().subcols_mut(next, side), channel.as_ref(), positive.as_ref());
        feasible.push(positive);
        next += side;
    }
    let received = amplified * channels.adjoint();
    let largest = eigenvalues(received.as_ref())?.last().copied().unwrap_or(0.0);
    if !largest.is_finite() {
        return Err(Error::Numerical { operation: "the largest eigenvalue of what is received" });
    }
    if largest > 0.0 {
        for multiplier in &mut feasible {
            *multiplier =
                Mat::from_fn(multiplier.nrows(), multiplier.ncols(), |i, j| multiplier[(i, j)] / largest);
        }
    }
    Ok(feasible)
}
