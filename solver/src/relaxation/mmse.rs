//! The relaxation of the true problem P_s (\[A\], eq. (10); theory, section 3).
//!
//! min `Σ v_n φ_n(H_n^H X H_n) + σ² tr X` over `X ⪰ 0`; its dual is
//! max `Σ σ² v_n (tr U_n^{1/2})² / (p_n + σ² tr U_n)` over `𝒰`. The value is an MSE.
//!
//! Where every device has exactly `L` antennas, its lower bound holds for *every* transceiver within the power limits
//! ([`Scope::AnyTransceiver`]): this is what the gap of a transceiver is measured against. With `L < T_n` the program
//! pays `v_n` for each unused antenna, and the bound is that of the program alone.

use super::certificate::{Certificate, Positive, Scope, dual_feasible, matrices, seen};
use super::solver::FeasiblePoints;
use super::{Options, Relaxation, Solution};
use crate::error::{Error, Quantity};
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
    feasible_points(problem, primal, dual).map(|(_, _, certificate)| certificate)
}

/// `∂v/∂p_n = −μ_n` at the optimum (theory, section 3), in MSE per unit of power.
///
/// # Errors
/// [`Error::DeviceCount`], [`Error::Shape`] or [`Error::NonFiniteEntry`] if the solution is that of another problem;
/// [`Error::Numerical`].
pub fn power_sensitivity(problem: &Problem, solution: &Solution) -> Result<Vec<f64>, Error> {
    let sensitivity = |(device, eigenvalues): (usize, &Vec<f64>)| {
        -mismatch::multiplier(eigenvalues, problem.precoder_budget(device))
    };
    super::power_sensitivity(problem, solution, || {
        let x =
            Positive::part(solution.primal.as_ref(), problem.receive_antennas(), Quantity::PrimalMatrix, 0)?;
        Ok(seen(problem, &x)?.iter().enumerate().map(sensitivity).collect())
    })
}

pub(super) fn feasible_points(
    problem: &Problem,
    primal: MatRef<'_, c64>,
    dual: &[Mat<c64>],
) -> Result<FeasiblePoints, Error> {
    let x = Positive::part(primal, problem.receive_antennas(), Quantity::PrimalMatrix, 0)?;
    let dual = dual_feasible(problem, dual)?;
    let noise_power = problem.noise_power();
    let mut upper = noise_power * x.trace();
    let mut lower = 0.0;
    for (device, (eigenvalues, multiplier)) in seen(problem, &x)?.iter().zip(&dual).enumerate() {
        let variance = problem.signal_variance()[device];
        let root = mismatch::multiplier(eigenvalues, problem.precoder_budget(device));
        upper += variance * eigenvalues.iter().map(|&value| mismatch::residual(value, root)).sum::<f64>();
        let (roots, sum) = (multiplier.trace_of_root()?, multiplier.trace());
        lower +=
            noise_power * variance * roots * roots / (problem.transmit_power()[device] + noise_power * sum);
    }
    let scope = if problem.is_square() { Scope::AnyTransceiver } else { Scope::Program };
    Ok((x.matrix, matrices(dual), Certificate::new(lower, upper, scope)?))
}
