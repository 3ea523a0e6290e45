//! `lambda_min`: max `Σ c_n tr U_n` over `𝒰`.

use super::interior_point::InteriorPoint;
use super::reduced;
use crate::error::{Error, Quantity};
use crate::linalg::{ThinSvd, congruence, norm, require_full_rank};
use crate::problem::Problem;
use crate::relaxation::lambda_min::demand;
use crate::relaxation::{Options, Points};
use faer::{Mat, c64};

/// Solves (17) by the interior-point method, each channel turned to its right singular vectors,
/// and all to the subspace that they see.
pub(super) fn points(
    method: &mut InteriorPoint,
    problem: &Problem,
    options: &Options,
) -> Result<Points, Error> {
    let (basis, channels) = reduced(problem.channels());
    // With H_n = Q_n Σ_n V_n^H and h_n = Q_n Σ_n/√c_n the constraint is h_n^H X h_n ⪰ I, and c_n U_n = V_n W_n V_n^H: in these bases
    // a strong line of sight only scales the unknowns, which Cholesky factors do not mind.
    let sides: Vec<usize> = channels.iter().map(Mat::ncols).collect();
    method.reserve(channels.first().map_or(0, Mat::nrows), &sides);
    let mut rotations: Vec<Mat<c64>> = Vec::with_capacity(problem.devices());
    for (device, channel) in channels.iter().enumerate() {
        let ThinSvd { left, values: singular, right } = ThinSvd::of(channel.as_ref())?;
        let shape = (problem.receive_antennas(), channel.ncols());
        require_full_rank(&singular, shape, norm(channel.as_ref()), Quantity::Channel, device)?;
        let root = demand(problem, device).sqrt();
        method.set_channel(device, |row, i| left[(row, i)] * (singular[i] / root));
        rotations.push(right);
    }
    method.start()?;
    // A little less than asked for, because certifying rounds.
    let iterations = method.solve(0.9 * options.relative_gap, options.max_iterations);
    let whole = |(device, v): (usize, &Mat<c64>)| {
        let mut dual = congruence(v, &method.multiplier(device));
        dual *= faer::Scale(c64::new(1.0 / demand(problem, device), 0.0));
        dual
    };
    let dual = rotations.iter().enumerate().map(whole).collect();
    let primal = match &basis {
        Some(basis) => congruence(basis, method.primal()),
        None => method.primal().clone(),
    };
    Ok(Points { primal, dual, iterations })
}
