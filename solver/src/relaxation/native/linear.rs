//! `lambda_min`: max `Σ c_n tr U_n` over `𝒰`.

use super::interior_point::InteriorPoint;
use crate::error::{Error, Quantity};
use crate::linalg::{require_full_column_rank, squared_norm};
use crate::problem::Problem;
use crate::relaxation::lambda_min::demand;
use crate::relaxation::{Options, Points};
use faer::{Mat, c64};

/// Solves (17) by the interior-point method, each channel turned to its right singular vectors.
pub(super) fn points(
    method: &mut InteriorPoint,
    problem: &Problem,
    options: &Options,
) -> Result<Points, Error> {
    // With H_n = W Σ V^H and s = Σ/√c_n the constraint is diag(s) W^H X W diag(s) ⪰ I, and c_n U_n = V U' V^H: in these bases
    // a strong line of sight only scales the unknowns, which Cholesky factors do not mind.
    let sides: Vec<usize> = problem.channels().iter().map(Mat::ncols).collect();
    method.reserve(problem.receive_antennas(), &sides);
    let mut rotations: Vec<Mat<c64>> = Vec::with_capacity(problem.devices());
    for (device, channel) in problem.channels().iter().enumerate() {
        let norm = squared_norm(channel.as_ref()).sqrt();
        require_full_column_rank(channel.as_ref(), norm, Quantity::Channel, device)?;
        let svd = channel.thin_svd().map_err(|_| Error::Numerical { operation: "singular values" })?;
        let antennas = channel.ncols();
        let scale = |i: usize| svd.S().column_vector()[i].re / demand(problem, device).sqrt();
        let whitened = Mat::from_fn(channel.nrows(), antennas, |row, i| svd.U()[(row, i)] * scale(i));
        method.channel_mut(device).copy_from(whitened);
        rotations.push(svd.V().to_owned());
    }
    method.start()?;
    // Half the tolerance, because certifying scales the points.
    let iterations = method.solve(0.5 * options.relative_gap, options.max_iterations);
    let whole = |(device, v): (usize, &Mat<c64>)| {
        let mut dual = v * method.multiplier(device) * v.adjoint();
        dual *= faer::Scale(c64::new(1.0 / demand(problem, device), 0.0));
        dual
    };
    let dual = rotations.iter().enumerate().map(whole).collect();
    Ok(Points { primal: method.x.clone(), dual, iterations })
}
