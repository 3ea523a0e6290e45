//! The papers' relaxation (\[A\], eq. (17)).
//!
//! min `tr X` s.t. `H_n^H X H_n ⪰ c_n I` for every device, `X ⪰ 0`, with `c_n = T_n v_n/p_n`; its dual is
//! max `Σ c_n tr U_n` over `𝒰`. The value is a zero-forcing `α = ‖A‖_F²`; the MSE is `σ² α`.
//!
//! (17) replaces the power constraint `tr((H_n^H X H_n)^{-1}) ≤ p_n/v_n` by a sufficient one, so its value is no bound
//! on transceivers: the best zero-forcing one can undercut it ([`Scope::Program`]).

use super::certificate::{Certificate, Positive, Scope, dual_feasible, matrices, scaled, seen};
use super::solver::FeasiblePoints;
use super::{Options, Relaxation, Solution};
use crate::error::{Error, Quantity};
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
    feasible_points(problem, primal, dual).map(|(_, _, certificate)| certificate)
}

/// `∂α/∂p_n = −(c_n/p_n) tr U_n`, the derivative of the optimal value by each device's power (envelope theorem;
/// theory, section 5).
///
/// # Errors
/// [`Error::DeviceCount`], [`Error::Shape`] or [`Error::NonFiniteEntry`] if the solution is that of another problem;
/// [`Error::Numerical`].
pub fn power_sensitivity(problem: &Problem, solution: &Solution) -> Result<Vec<f64>, Error> {
    let sensitivity =
        |(n, u): (usize, &Mat<c64>)| -demand(problem, n) / problem.transmit_power()[n] * trace(u.as_ref());
    super::power_sensitivity(problem, solution, || {
        Ok(solution.dual.iter().enumerate().map(sensitivity).collect())
    })
}

/// `c_n = T_n v_n/p_n`.
pub(super) fn demand(problem: &Problem, device: usize) -> f64 {
    problem.transmit_antennas(device) as f64 / problem.precoder_budget(device)
}

pub(super) fn feasible_points(
    problem: &Problem,
    primal: MatRef<'_, c64>,
    dual: &[Mat<c64>],
) -> Result<FeasiblePoints, Error> {
    let x = Positive::part(primal, problem.receive_antennas(), Quantity::PrimalMatrix, 0)?;
    let mut scale = 0.0_f64;
    for (device, eigenvalues) in seen(problem, &x)?.iter().enumerate() {
        scale = scale.max(demand(problem, device) / eigenvalues[0]);
    }
    if !scale.is_normal() {
        return Err(Error::Numerical { operation: "the scale of the primal point" });
    }
    let dual = dual_feasible(problem, dual)?;
    let lower = dual.iter().enumerate().map(|(n, u)| demand(problem, n) * u.trace()).sum();
    let certificate = Certificate::new(lower, scale * x.trace(), Scope::Program)?;
    Ok((scaled(x.matrix, scale), matrices(dual), certificate))
}
