//! The relaxation with the true power constraint (theory, section 3): tighter than (17).
//!
//! min `tr X` s.t. `tr((H_n^H X H_n)^{-1}) ≤ q_n` for every device, `X ⪰ 0`, with `q_n = p_n/v_n`; its dual is
//! max `Σ (tr U_n^{1/2})²/q_n` over `𝒰`. The value is a zero-forcing `α = ‖A‖_F²`; the MSE is `σ² α`.
//!
//! Where every device has exactly `L` antennas, its lower bound holds for the `α` of *every* zero-forcing transceiver
//! ([`Scope::ZeroForcing`](super::Scope::ZeroForcing)).

use super::certificate::{Certificate, Positive};
use super::{Options, Relaxation, Solution};
use crate::error::Error;
use crate::linalg::trace_of_root;
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// Solves the relaxation: [`Relaxation::solve`] of [`Relaxation::TraceInverse`].
///
/// # Errors
/// - [`Error::RankDeficient`] if some `H_n` lacks full column rank: the relaxation is then infeasible;
/// - [`Error::NotConverged`] if the certified relative gap is above `options.relative_gap`;
/// - [`Error::InvalidOption`], [`Error::TooManyUnknowns`], [`Error::Numerical`].
pub fn solve(problem: &Problem, options: &Options) -> Result<Solution, Error> {
    Relaxation::TraceInverse.solve(problem, options)
}

/// Bounds on the value from any `X` and `U_n`, whoever computed them.
///
/// Both are made feasible first: positive parts, `X` scaled up to meet every constraint, the `U_n` scaled into `𝒰`.
///
/// # Errors
/// [`Error::Shape`], [`Error::DeviceCount`], [`Error::NonFiniteEntry`] on malformed points;
/// [`Error::Numerical`] if no scaling of `X` is feasible.
pub fn certify(problem: &Problem, primal: MatRef<'_, c64>, dual: &[Mat<c64>]) -> Result<Certificate, Error> {
    Relaxation::TraceInverse.certify(problem, primal, dual)
}

/// `∂α/∂p_n = −v_n (tr U_n^{1/2})²/p_n²`, at the dual point: a subgradient of the optimal value by the powers to within the certificate's gap, and where the value
/// has a derivative, that in the limit (theory, section 3).
///
/// # Errors
/// [`Error::DeviceCount`], [`Error::Shape`] or [`Error::NonFiniteEntry`] if the solution is that of a problem of another shape;
/// [`Error::Numerical`].
pub fn power_sensitivity(problem: &Problem, solution: &Solution) -> Result<Vec<f64>, Error> {
    Relaxation::TraceInverse.power_sensitivity(problem, solution)
}

/// The same of one device.
pub(super) fn slope(problem: &Problem, device: usize, multiplier: &Mat<c64>) -> Result<f64, Error> {
    let roots = trace_of_root(multiplier.as_ref())?;
    Ok(-roots * roots / problem.precoder_budget(device) / problem.transmit_power()[device])
}

/// `X` scaled up to meet every constraint, and `tr X`; `seen` are lower bounds on the eigenvalues of the `H_n^H X H_n`.
pub(super) fn primal_bound(
    problem: &Problem,
    x: Positive,
    seen: &[Vec<f64>],
) -> Result<(Mat<c64>, f64), Error> {
    let mut scale = 0.0_f64;
    for (device, eigenvalues) in seen.iter().enumerate() {
        let power: f64 = eigenvalues.iter().map(|value| 1.0 / value).sum();
        scale = scale.max(power / problem.precoder_budget(device));
    }
    x.scaled_bound(scale)
}

/// `Σ (tr U_n^{1/2})²/q_n`.
pub(super) fn dual_bound(problem: &Problem, dual: &[Positive]) -> Result<f64, Error> {
    let mut value = 0.0;
    for (device, multiplier) in dual.iter().enumerate() {
        value += multiplier.trace_of_root()?.powi(2) / problem.precoder_budget(device);
    }
    Ok(value)
}
