//! The dominant subspace of a relaxation's `X`.

use super::require_relaxed;
use crate::error::Error;
use crate::linalg::{Spectrum, hermitian_part};
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// `A = [√λ_1 w_1 … √λ_L w_L]` (`R×L`) from the `L` largest eigenvalues `λ_i` of `relaxed` = `X` and their eigenvectors `w_i`: the best
/// approximation of `X` by `A A^H`.
///
/// Where `rank X ≤ L` it is exact: `A A^H = X`, and with the precoders of the relaxation's problem
/// ([`power_limited`](crate::transceiver::power_limited) for `mmse`, [`zero_forcing`](crate::transceiver::zero_forcing) for the others)
/// it attains the value of `X`. Where the rank is higher it drops directions that some device may need. Where devices serve some streams
/// only ([`Problem::with_device_streams`]) it is a start and no more: the relaxations do not know which column is whose.
///
/// # Errors
/// [`Error::Shape`], [`Error::NonFiniteEntry`] if `relaxed` is not a finite `R×R` matrix; [`Error::Numerical`].
pub fn dominant_subspace(problem: &Problem, relaxed: MatRef<'_, c64>) -> Result<Mat<c64>, Error> {
    require_relaxed(problem, relaxed)?;
    let spectrum = Spectrum::of(hermitian_part(relaxed).as_ref())?;
    let last = relaxed.ncols() - 1;
    Ok(Mat::from_fn(relaxed.nrows(), problem.streams(), |i, j| {
        spectrum.vectors[(i, last - j)] * spectrum.values[last - j].max(0.0).sqrt()
    }))
}
