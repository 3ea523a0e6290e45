//! The papers' relaxation (\[A\], eq. (17)).
//!
//! min `tr X` s.t. `H_n^H X H_n ⪰ c_n I` for every device, `X ⪰ 0`, with `c_n = T_n v_n/p_n`; its dual is
//! max `Σ c_n tr U_n` over `𝒰`. The value is a zero-forcing `α = ‖A‖_F²`; the MSE is `σ² α`.
//!
//! (17) replaces the power constraint `tr((H_n^H X H_n)^{-1}) ≤ p_n/v_n` by a sufficient one, so its value is no bound
//! on transceivers: the best zero-forcing one can undercut it ([`Scope::Program`]).

use super::certificate::{Certificate, Scope, dual_feasible, positive_part, require_dual_count};
use super::interior_point::{self, Constraint};
use super::{Options, Solution};
use crate::error::{Error, Quantity};
use crate::linalg::{eigenvalues, hermitian_part, require_full_column_rank, squared_norm, trace};
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// Solves (17) by a primal–dual interior-point method on the complex Hermitian cone.
///
/// # Errors
/// - [`Error::RankDeficient`] if some `H_n` lacks full column rank: (17) is then infeasible;
/// - [`Error::NotConverged`] if the certified relative gap is above `options.relative_gap`;
/// - [`Error::InvalidOption`], [`Error::Numerical`].
pub fn solve(problem: &Problem, options: &Options) -> Result<Solution, Error> {
    options.validate()?;
    // With H_n = W Σ V^H the constraint is W^H X W ⪰ c_n Σ^{-2}, and U_n = V Σ^{-1} U' Σ^{-1} V^H: orthonormal bases keep the
    // method's equations well conditioned under a strong line of sight.
    let mut constraints = Vec::with_capacity(problem.devices());
    let mut unwhitening = Vec::with_capacity(problem.devices());
    for (device, channel) in problem.channels().iter().enumerate() {
        let norm = squared_norm(channel.as_ref()).sqrt();
        require_full_column_rank(channel.as_ref(), norm, Quantity::Channel, device)?;
        let svd = channel.thin_svd().map_err(|_| Error::Numerical { operation: "singular values" })?;
        let singular: Vec<f64> = (0..channel.ncols()).map(|i| svd.S().column_vector()[i].re).collect();
        let demand = singular.iter().map(|value| demand(problem, device) / (value * value)).collect();
        constraints.push(Constraint { basis: svd.U().to_owned(), demand });
        unwhitening
            .push(Mat::from_fn(channel.ncols(), channel.ncols(), |i, j| svd.V()[(i, j)] / singular[j]));
    }
    // Half the tolerance, because certifying scales the points.
    let outcome = interior_point::solve(&constraints, 0.5 * options.relative_gap, options.max_iterations)?;
    let dual: Vec<Mat<c64>> =
        outcome.dual.iter().zip(&unwhitening).map(|(u, v)| v * u * v.adjoint()).collect();
    let (primal, dual, certificate) = feasible_points(problem, outcome.primal.as_ref(), &dual)?;
    if certificate.relative_gap() > options.relative_gap {
        return Err(Error::NotConverged {
            iterations: outcome.iterations,
            lower: certificate.lower,
            upper: certificate.upper,
            tolerance: options.relative_gap,
        });
    }
    Ok(Solution { primal, dual, certificate, iterations: outcome.iterations })
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
/// [`Error::DeviceCount`] if the solution is that of another problem.
pub fn power_sensitivity(problem: &Problem, solution: &Solution) -> Result<Vec<f64>, Error> {
    require_dual_count(problem, &solution.dual)?;
    let sensitivity =
        |(n, u): (usize, &Mat<c64>)| -demand(problem, n) / problem.transmit_power()[n] * trace(u.as_ref());
    Ok(solution.dual.iter().enumerate().map(sensitivity).collect())
}

/// `c_n = T_n v_n/p_n`.
fn demand(problem: &Problem, device: usize) -> f64 {
    problem.transmit_antennas(device) as f64 / problem.precoder_budget(device)
}

type FeasiblePoints = (Mat<c64>, Vec<Mat<c64>>, Certificate);

fn feasible_points(
    problem: &Problem,
    primal: MatRef<'_, c64>,
    dual: &[Mat<c64>],
) -> Result<FeasiblePoints, Error> {
    let x = positive_part(primal, problem.receive_antennas(), Quantity::PrimalMatrix, 0)?;
    let mut scale = 0.0_f64;
    for (device, channel) in problem.channels().iter().enumerate() {
        let seen = hermitian_part((channel.adjoint() * (&x * channel)).as_ref());
        let smallest = eigenvalues(seen.as_ref())?[0];
        scale = scale.max(if smallest > 0.0 { demand(problem, device) / smallest } else { f64::INFINITY });
    }
    let x = Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] * scale);
    let dual = dual_feasible(problem, dual)?;
    let lower = dual.iter().enumerate().map(|(n, u)| demand(problem, n) * trace(u.as_ref())).sum();
    let certificate = Certificate::new(lower, trace(x.as_ref()), Scope::Program)?;
    Ok((x, dual, certificate))
}
