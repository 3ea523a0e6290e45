//! `mmse` and `trace_inverse`: max `Σ v_n (tr U_n^{1/2})² / (q_n + θ tr U_n)` over `𝒰`.

use crate::descent::{self, Stop};
use crate::error::Error;
use crate::linalg::{Spectrum, hermitian_part, inverse};
use crate::mismatch;
use crate::problem::Problem;
use crate::relaxation::{Options, Points, Relaxation, Solution};
use faer::{Mat, c64};

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
pub(super) fn mmse(problem: &Problem, options: &Options) -> Result<Points, Error> {
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
        let (primal, dual, certificate) =
            Relaxation::Mmse.feasible_points(problem, primal.as_ref(), &dual)?;
        let stalled = descent.iterations == 0;
        if best.as_ref().is_none_or(|best| certificate.relative_gap() < best.certificate.relative_gap()) {
            best = Some(Solution { primal, dual, certificate, iterations });
        }
        if stalled || certificate.relative_gap() <= options.relative_gap {
            break;
        }
    }
    let best = best.ok_or(Error::Numerical { operation: "the mmse relaxation" })?;
    Ok(Points { primal: best.primal, dual: best.dual, iterations })
}

/// `trace_inverse` is what `mmse`, divided by the noise power, tends to as the noise vanishes.
pub(super) fn trace_inverse(problem: &Problem, options: &Options) -> Result<Points, Error> {
    mmse(&problem.with_noise_power(1e-6 * problem.noise_power()), options)
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
