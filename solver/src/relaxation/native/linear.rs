//! `lambda_min`: max `Σ c_n tr U_n` over `𝒰`.

use super::interior_point::{self, Constraint};
use crate::error::{Error, Quantity};
use crate::linalg::{require_full_column_rank, squared_norm};
use crate::problem::Problem;
use crate::relaxation::lambda_min::demand;
use crate::relaxation::{Options, Points};
use faer::Mat;

/// Solves (17) by the interior-point method, in orthonormal bases.
pub(super) fn points(problem: &Problem, options: &Options) -> Result<Points, Error> {
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
    let dual = outcome.dual.iter().zip(&unwhitening).map(|(u, v)| v * u * v.adjoint()).collect();
    Ok(Points { primal: outcome.primal, dual, iterations: outcome.iterations })
}
