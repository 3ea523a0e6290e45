//! The native methods, one per shape of the dual objective over `𝒰`.
//!
//! - [`linear`]: `lambda_min`, by a primal–dual interior-point method ([`interior_point`]);
//! - [`concave`]: `trace_inverse` and `mmse`, whose dual objectives are one family of smooth concave functions.

mod concave;
mod coordinates;
mod interior_point;
mod linear;
mod pairs;

use super::{Backend, Options, Points, Relaxation, Solution};
use crate::error::Error;
use crate::linalg::{orthonormal_basis, product, side_by_side};
use crate::problem::Problem;
use faer::{Mat, c64};
use std::borrow::Cow;

/// The native methods: complex Hermitian throughout, no dependencies beyond linear algebra.
#[derive(Clone, Default)]
pub struct Native {
    interior_point: interior_point::InteriorPoint,
    saddle_point: concave::SaddlePoint,
}

impl std::fmt::Debug for Native {
    /// Nothing of its memory, which is a megabyte of numbers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native").finish_non_exhaustive()
    }
}

impl Backend for Native {
    fn points(
        &mut self,
        relaxation: Relaxation,
        problem: &Problem,
        options: &Options,
        warm: Option<&Solution>,
    ) -> Result<Points, Error> {
        self.saddle_point.started_warm = false;
        require_room(relaxation, problem)?;
        let warm = warm.filter(|warm| warm.fits(problem));
        match relaxation {
            Relaxation::LambdaMin => linear::points(&mut self.interior_point, problem, options),
            Relaxation::TraceInverse => {
                concave::trace_inverse(&mut self.saddle_point, problem, options, warm)
            }
            Relaxation::Mmse => concave::mmse(&mut self.saddle_point, problem, options, warm),
        }
    }

    fn started_warm(&self) -> bool {
        self.saddle_point.started_warm
    }
}

/// Which unknowns a Newton system keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Elimination {
    /// `ΔU_n`, or `ΔW_n` where the channels are whitened: `Σ T_n²` unknowns, cost cubic in `N`.
    Dual,
    /// `ΔX`: `R²` unknowns, cost linear in `N`.
    Primal,
}

impl Elimination {
    /// The smaller system for `receive` antennas and devices of the given `sides`.
    fn smaller(receive: usize, sides: impl IntoIterator<Item = usize>) -> Self {
        let unknowns: usize = sides.into_iter().map(|side| side * side).sum();
        if unknowns <= receive * receive { Self::Dual } else { Self::Primal }
    }

    /// How many there are.
    fn unknowns(self, receive: usize, sides: &[usize]) -> usize {
        match self {
            Self::Dual => sides.iter().map(|side| side * side).sum(),
            Self::Primal => receive * receive,
        }
    }
}

/// Most bytes that the matrices of a Newton system may take.
const MOST_BYTES: usize = 4_800_000_000;

/// Refuses what [`MOST_BYTES`] do not hold.
fn require_room(relaxation: Relaxation, problem: &Problem) -> Result<(), Error> {
    let sides = || problem.channels().iter().map(Mat::ncols);
    let sum = |terms: &mut dyn Iterator<Item = usize>| terms.fold(0, usize::saturating_add);
    let columns = sum(&mut sides());
    let receive = problem.receive_antennas().min(columns);
    let whole = receive.saturating_mul(receive);
    let parts = sum(&mut sides().map(|side| side.saturating_mul(side)));
    let (unknowns, devices) = (whole.min(parts), problem.devices());
    let square = |side: usize| (side as f64).powi(2);
    let numbers = match Elimination::smaller(receive, sides()) {
        // The matrix, and P and Q.
        Elimination::Dual => square(unknowns) + 8.0 * square(columns),
        // The matrix and the products that it is made of, both matrices of every pair, and the border of the Δλ_n.
        Elimination::Primal => {
            let border = match relaxation {
                Relaxation::LambdaMin => 0.0,
                Relaxation::TraceInverse | Relaxation::Mmse => square(devices),
            };
            2.0 * square(unknowns) + 3.0 * unknowns as f64 * (devices as f64 + 1.0) + border
        }
    };
    let bytes = (numbers * size_of::<f64>() as f64) as usize;
    if bytes <= MOST_BYTES {
        Ok(())
    } else {
        Err(Error::TooManyUnknowns { unknowns, devices, bytes, most: MOST_BYTES })
    }
}

/// Orthonormal columns `Q` and `Q^H H_n`, where all the channels together have fewer columns than rows: `X = Q X' Q^H`.
fn reduced(channels: &[Mat<c64>]) -> (Option<Mat<c64>>, Cow<'_, [Mat<c64>]>) {
    let columns: usize = channels.iter().map(Mat::ncols).sum();
    let rows = channels.first().map_or(0, Mat::nrows);
    if columns >= rows {
        return (None, Cow::Borrowed(channels));
    }
    let basis = orthonormal_basis(side_by_side(channels));
    let seen = channels.iter().map(|channel| product(basis.adjoint(), channel.as_ref())).collect();
    (Some(basis), Cow::Owned(seen))
}
