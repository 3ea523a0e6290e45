//! The papers' relaxation (\[A\], eq. (17)).
//!
//! min `tr X` s.t. `H_n^H X H_n ⪰ c_n I` for every device, `X ⪰ 0`, with `c_n = T_n v_n/p_n`; its dual is
//! max `Σ c_n tr U_n` over `𝒰`. The value is a zero-forcing `α = ‖A‖_F²`; the MSE is `σ² α`.
//!
//! (17) replaces the power constraint `tr((H_n^H X H_n)^{-1}) ≤ p_n/v_n` by a sufficient one, so its value is no bound
//! on transceivers: the best zero-forcing one can undercut it ([`Scope::Program`](super::Scope::Program)).

use super::certificate::{Certificate, Positive};
use super::{Options, Relaxation, Solution};
use crate::error::Error;
use crate::linalg::trace;
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// Solves (17): [`Relaxation::solve`] of [`Relaxation::LambdaMin`].
///
/// # Errors
/// - [`Error::RankDeficient`] if some `H_n` lacks full column rank: (17) is then infeasible;
/// - [`Error::NotConverged`] if the certified relative gap is above `options.relative_gap`;
/// - [`Error::InvalidOption`], [`Error::TooManyUnknowns`], [`Error::Numerical`].
pub fn solve(problem: &Problem, options: &Options) -> Result<Solution, Error> {
    Relaxation::LambdaMin.solve(problem, options)
}

/// Bounds on the value of (17) from any `X` and `U_n`, whoever computed them.
///
/// Both are made feasible first: positive parts, `X` scaled up to meet every constraint, the `U_n` scaled into `𝒰`.
///
/// # Errors
/// [`Error::Shape`], [`Error::DeviceCount`], [`Error::NonFiniteEntry`] on malformed points;
/// [`Error::Numerical`] if no scaling of `X` is feasible.
pub fn certify(problem: &Problem, primal: MatRef<'_, c64>, dual: &[Mat<c64>]) -> Result<Certificate, Error> {
    Relaxation::LambdaMin.certify(problem, primal, dual)
}

/// `∂α/∂p_n = −(c_n/p_n) tr U_n`, at the dual point: a subgradient of the optimal value by the powers to within the certificate's gap, and where the value has a
/// derivative, that in the limit (theory, section 3).
///
/// # Errors
/// [`Error::DeviceCount`], [`Error::Shape`] or [`Error::NonFiniteEntry`] if the solution is that of a problem of another shape;
/// [`Error::Numerical`].
pub fn power_sensitivity(problem: &Problem, solution: &Solution) -> Result<Vec<f64>, Error> {
    Relaxation::LambdaMin.power_sensitivity(problem, solution)
}

/// The same of one device.
pub(super) fn slope(problem: &Problem, device: usize, multiplier: &Mat<c64>) -> f64 {
    -demand(problem, device) / problem.transmit_power()[device] * trace(multiplier.as_ref())
}

/// `c_n = T_n v_n/p_n`.
pub(super) fn demand(problem: &Problem, device: usize) -> f64 {
    problem.transmit_antennas(device) as f64 / problem.precoder_budget(device)
}

/// `X` scaled up to meet every constraint, and `tr X`; `seen` are lower bounds on the eigenvalues of the `H_n^H X H_n`.
pub(super) fn primal_bound(
    problem: &Problem,
    x: Positive,
    seen: &[Vec<f64>],
) -> Result<(Mat<c64>, f64), Error> {
    let mut scale = 0.0_f64;
    for (device, eigenvalues) in seen.iter().enumerate() {
        scale = scale.max(demand(problem, device) / eigenvalues[0]);
    }
    x.scaled_bound(scale)
}

/// `Σ c_n tr U_n`.
pub(super) fn dual_bound(problem: &Problem, dual: &[Positive]) -> f64 {
    dual.iter().enumerate().map(|(n, u)| demand(problem, n) * u.trace()).sum()
}
