//! The relaxation of the true problem P_s (\[A\], eq. (10); theory, section 3).
//!
//! min `Σ v_n φ_n(H_n^H X H_n) + σ² tr X` over `X ⪰ 0`; its dual is
//! max `Σ σ² v_n (tr U_n^{1/2})² / (p_n + σ² tr U_n)` over `𝒰`. The value is an MSE.
//!
//! Where every device has exactly `L` antennas, its lower bound holds for *every* transceiver within the power limits
//! ([`Scope::AnyTransceiver`]): this is what the gap of a transceiver is measured against. With `L < T_n` the program
//! pays `v_n` for each unused antenna, and the bound is that of the program alone.

use super::certificate::{Certificate, Scope, dual_feasible, positive_part};
use super::{Options, Solution};
use crate::descent::{self, Stop};
use crate::error::{Error, Quantity};
use crate::linalg::{Spectrum, hermitian_part, inverse, require_matrix, trace};
use crate::mismatch;
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// Quasi-Newton iterations between two certificates.
const ITERATIONS_PER_CERTIFICATE: u64 = 100;
/// Quasi-Newton iterations at each noise power above the problem's own, and the relative decrease at which they end.
const ITERATIONS_PER_STAGE: u64 = 500;
const EASED_DECREASE: f64 = 1e-10;
/// One iteration of the interior-point method counts as this many quasi-Newton ones.
const ITERATIONS_PER_OPTION: usize = 20;

/// Solves the relaxation by L-BFGS on a full-rank factor `X = A A^H`, `A ∈ C^{R×R}`, which has no spurious local
/// minima, until the certified gap is small enough.
///
/// Its convergence is linear, and slowest where eigenvalues of `X` tend to zero: ask for gaps of `1e-4` to `1e-6`.
///
/// # Errors
/// [`Error::NotConverged`] with the best bounds if the certified relative gap stays above `options.relative_gap`;
/// [`Error::InvalidOption`], [`Error::Numerical`].
pub fn solve(problem: &Problem, options: &Options) -> Result<Solution, Error> {
    options.validate()?;
    let mut factor = start(problem)?;
    let most = options.max_iterations.saturating_mul(ITERATIONS_PER_OPTION);
    let mut iterations = 0;
    let noise_powers = descent::continuation(problem, factor.as_ref())?;
    let (_, eased) = noise_powers.split_last().unwrap_or((&0.0, &[]));
    for noise_power in eased {
        let stop = Stop { gradient: 0.0, decrease: EASED_DECREASE, iterations: ITERATIONS_PER_STAGE };
        let descent = descent::minimize(&problem.with_noise_power(*noise_power), factor.as_ref(), stop)?;
        iterations += descent.iterations;
        factor = descent.factor;
    }
    let mut best: Option<Solution> = None;
    while iterations < most {
        let stop = Stop { gradient: 0.0, decrease: 0.0, iterations: ITERATIONS_PER_CERTIFICATE };
        let descent = descent::minimize(problem, factor.as_ref(), stop)?;
        iterations += descent.iterations.max(1);
        factor = descent.factor;
        let dual = mismatch::dual_matrices(problem, factor.as_ref())?;
        let primal = hermitian_part((&factor * factor.adjoint()).as_ref());
        let (primal, dual, certificate) = feasible_points(problem, primal.as_ref(), &dual)?;
        let stalled = descent.iterations == 0;
        if best.as_ref().is_none_or(|best| certificate.relative_gap() < best.certificate.relative_gap()) {
            best = Some(Solution { primal, dual, certificate, iterations });
        }
        if stalled || certificate.relative_gap() <= options.relative_gap {
            break;
        }
    }
    let best = best.ok_or(Error::Numerical { operation: "the mmse relaxation" })?;
    if best.certificate.relative_gap() > options.relative_gap {
        return Err(Error::NotConverged {
            iterations,
            lower: best.certificate.lower,
            upper: best.certificate.upper,
            tolerance: options.relative_gap,
        });
    }
    Ok(best)
}

/// A lower bound on the MSE of *every* transceiver within the power limits, as tight as the relaxation is solved;
/// `None` where some device has more than `L` antennas, where the theory has no useful one.
///
/// # Errors
/// [`Error::InvalidOption`], [`Error::Numerical`]. A gap above `options.relative_gap` is no error: the bound holds.
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
/// [`Error::Shape`], [`Error::NonFiniteEntry`] if the solution is that of another problem; [`Error::Numerical`].
pub fn power_sensitivity(problem: &Problem, solution: &Solution) -> Result<Vec<f64>, Error> {
    let side = problem.receive_antennas();
    require_matrix(solution.primal.as_ref(), (side, side), Quantity::PrimalMatrix, 0)?;
    let mut sensitivities = Vec::with_capacity(problem.devices());
    for (device, channel) in problem.channels().iter().enumerate() {
        let seen = hermitian_part((channel.adjoint() * (&solution.primal * channel)).as_ref());
        let eigenvalues = crate::linalg::eigenvalues(seen.as_ref())?;
        sensitivities.push(-mismatch::multiplier(&eigenvalues, problem.precoder_budget(device)));
    }
    Ok(sensitivities)
}

/// The square root of `C^{-1} W C^{-1}`, `W = Σ (q_n/T_n) H_n H_n^H`, `C = W + σ² I`: the Gram matrix of the linear MMSE
/// receiver for precoders that spread their power evenly.
fn start(problem: &Problem) -> Result<Mat<c64>, Error> {
    let side = problem.receive_antennas();
    let mut received = Mat::<c64>::zeros(side, side);
    for (device, channel) in problem.channels().iter().enumerate() {
        let power = problem.precoder_budget(device) / channel.ncols() as f64;
        let gram = channel * channel.adjoint();
        received += Mat::from_fn(side, side, |i, j| gram[(i, j)] * power);
    }
    let received = hermitian_part(received.as_ref());
    let mut covariance = received.clone();
    for i in 0..side {
        covariance[(i, i)] += problem.noise_power();
    }
    let inverse = inverse(covariance.as_ref())
        .ok_or(Error::Numerical { operation: "the receive covariance's inverse" })?;
    let gram = hermitian_part((&inverse * received * &inverse).as_ref());
    Ok(Spectrum::of(gram.as_ref())?.map(|value| value.max(0.0).sqrt()))
}

type FeasiblePoints = (Mat<c64>, Vec<Mat<c64>>, Certificate);

fn feasible_points(
    problem: &Problem,
    primal: MatRef<'_, c64>,
    dual: &[Mat<c64>],
) -> Result<FeasiblePoints, Error> {
    let x = positive_part(primal, problem.receive_antennas(), Quantity::PrimalMatrix, 0)?;
    let dual = dual_feasible(problem, dual)?;
    let noise_power = problem.noise_power();
    let mut upper = noise_power * trace(x.as_ref());
    let mut lower = 0.0;
    for (device, (channel, multiplier)) in problem.channels().iter().zip(&dual).enumerate() {
        let variance = problem.signal_variance()[device];
        let seen = hermitian_part((channel.adjoint() * (&x * channel)).as_ref());
        let eigenvalues = crate::linalg::eigenvalues(seen.as_ref())?;
        let root = mismatch::multiplier(&eigenvalues, problem.precoder_budget(device));
        upper += variance * eigenvalues.iter().map(|&value| mismatch::residual(value, root)).sum::<f64>();

        let values = crate::linalg::eigenvalues(multiplier.as_ref())?;
        let (sum, roots) = values
            .iter()
            .map(|value| value.max(0.0))
            .fold((0.0, 0.0), |(sum, roots), value| (sum + value, roots + value.sqrt()));
        lower +=
            noise_power * variance * roots * roots / (problem.transmit_power()[device] + noise_power * sum);
    }
    let scope = if problem.is_square() { Scope::AnyTransceiver } else { Scope::Program };
    Ok((x, dual, Certificate::new(lower, upper, scope)?))
}
