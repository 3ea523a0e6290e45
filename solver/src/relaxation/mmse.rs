//! The relaxation of the true problem P_s (\[A\], eq. (10); theory, section 3).
//!
//! min `Σ v_n φ_n(H_n^H X H_n) + σ² tr X` over `X ⪰ 0`; its dual is
//! max `Σ σ² v_n (tr U_n^{1/2})² / (p_n + σ² tr U_n)` over `𝒰`. The value is an MSE.
//!
//! Where every device has exactly `L` antennas, its lower bound holds for *every* transceiver within the power limits
//! ([`Scope::AnyTransceiver`](super::Scope::AnyTransceiver)): this is what the gap of a transceiver is measured against. With `L < T_n` the program
//! pays `v_n` for each unused antenna, and the bound is that of the program alone.

use super::certificate::{Certificate, Positive};
use super::{Options, Relaxation, Solution};
use crate::error::Error;
use crate::linalg::{trace, trace_of_root};
use crate::mismatch;
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// Solves the relaxation: [`Relaxation::solve`] of [`Relaxation::Mmse`].
///
/// # Errors
/// [`Error::NotConverged`] with the best bounds if the certified relative gap stays above `options.relative_gap`;
/// [`Error::InvalidOption`], [`Error::TooManyUnknowns`], [`Error::Numerical`].
pub fn solve(problem: &Problem, options: &Options) -> Result<Solution, Error> {
    Relaxation::Mmse.solve(problem, options)
}

/// A lower bound on the MSE of *every* transceiver within the power limits, as tight as the relaxation is solved;
/// `None` where some device has more than `L` antennas, where the theory has no useful one.
///
/// # Errors
/// [`Error::InvalidOption`], [`Error::TooManyUnknowns`], [`Error::Numerical`]. A gap above `options.relative_gap` is no error: the bound holds.
pub fn lower_bound(problem: &Problem, options: &Options) -> Result<Option<f64>, Error> {
    if !problem.is_square() {
        return Ok(None);
    }
    match solve(problem, options) {
        Ok(solution) => Ok(Some(solution.certificate.lower)),
        Err(Error::NotConverged { lower, .. }) => Ok(Some(lower)),
        Err(error) => Err(error),
    }
}

/// Bounds on the optimal MSE from any `X` and `U_n`, whoever computed them. The `U_n` are scaled into `𝒰` first.
///
/// # Errors
/// [`Error::Shape`], [`Error::DeviceCount`], [`Error::NonFiniteEntry`] on malformed points; [`Error::Numerical`].
pub fn certify(problem: &Problem, primal: MatRef<'_, c64>, dual: &[Mat<c64>]) -> Result<Certificate, Error> {
    Relaxation::Mmse.certify(problem, primal, dual)
}

/// `∂D/∂p_n = −σ² v_n (tr U_n^{1/2})² / (p_n + σ² tr U_n)²` at the dual point, in MSE per unit of power: a subgradient of the optimal value to within
/// the certificate's gap, and where the value has a derivative by `p_n`, that in the limit (theory, section 3).
///
/// # Errors
/// [`Error::DeviceCount`], [`Error::Shape`] or [`Error::NonFiniteEntry`] if the solution is that of a problem of another shape;
/// [`Error::Numerical`].
pub fn power_sensitivity(problem: &Problem, solution: &Solution) -> Result<Vec<f64>, Error> {
    Relaxation::Mmse.power_sensitivity(problem, solution)
}

/// The same of one device.
pub(super) fn slope(problem: &Problem, device: usize, multiplier: &Mat<c64>) -> Result<f64, Error> {
    let noise = problem.noise_power();
    let used = problem.transmit_power()[device] + noise * trace(multiplier.as_ref());
    let roots = trace_of_root(multiplier.as_ref())?;
    Ok(-noise * problem.signal_variance()[device] * (roots / used).powi(2))
}

/// `X` and the program's value there, or `X = 0`, where it is `Σ v_n T_n`, if that is less; `seen` are lower bounds on the eigenvalues
/// of the `H_n^H X H_n`.
pub(super) fn primal_bound(
    problem: &Problem,
    x: Positive,
    seen: &[Vec<f64>],
) -> Result<(Mat<c64>, f64), Error> {
    let variances = problem.signal_variance();
    let mut value = problem.noise_power() * x.trace();
    for (device, eigenvalues) in seen.iter().enumerate() {
        let root = mismatch::multiplier(eigenvalues, problem.precoder_budget(device));
        let residuals = eigenvalues.iter().map(|&eigenvalue| mismatch::residual(eigenvalue, root));
        value += variances[device] * residuals.sum::<f64>();
    }
    let silence = (0..problem.devices()).map(|n| variances[n] * problem.transmit_antennas(n) as f64).sum();
    // Not so either where the value is not a number.
    if value <= silence { Ok((x.matrix, value)) } else { Ok((x.scaled(0.0).matrix, silence)) }
}

/// `Σ σ² v_n (tr U_n^{1/2})² / (p_n + σ² tr U_n)`.
pub(super) fn dual_bound(problem: &Problem, dual: &[Positive]) -> Result<f64, Error> {
    let mut value = 0.0;
    for (device, multiplier) in dual.iter().enumerate() {
        let sum = multiplier.trace();
        let heard = problem.noise_power() * sum;
        // What has lost its precision to underflow counts as 0. The other products are of numbers of moderate size.
        if sum.is_normal() && heard.is_normal() {
            let ratio = multiplier.trace_of_root()?.powi(2) / sum;
            value +=
                problem.signal_variance()[device] * ratio / (1.0 + problem.transmit_power()[device] / heard);
        }
    }
    Ok(value)
}
