//! What the relaxations say of where to start, and the bound that comes with it, for problems in their own units.

use super::scaled;
use crate::baseline::single_device_bound;
use crate::error::Error;
use crate::linalg::{ThinSvd, hermitian_part, largest_part, norm, product, rescaled, side_by_side};
use crate::problem::Problem;
use crate::relaxation::{Solution, Solver};
use faer::{Mat, c64};

/// What a relaxation says.
pub(super) struct Relaxed {
    /// Directions are drawn with these in turn: `X` first if there is one, and where it is not to the gap asked for, what needs no relaxation.
    pub weights: Vec<Mat<c64>>,
    /// A lower bound.
    pub bound: f64,
}

impl Relaxed {
    /// From a solver of `mmse`, with the bound of [`lower_bound`](super::lower_bound).
    pub fn mmse(problem: &Problem, solver: &mut Solver) -> Result<Self, Error> {
        let relaxed = Self::solve(problem, solver, matched_covariance)?;
        let unused = |(device, channel): (usize, &Mat<c64>)| {
            let antennas = channel.ncols() - problem.device_streams()[device].len();
            problem.signal_variance()[device] * antennas as f64
        };
        let offset: f64 = problem.channels().iter().enumerate().map(unused).sum();
        Ok(Self { bound: single_device_bound(problem)?.max(relaxed.bound - offset), ..relaxed })
    }

    /// From a solver of `trace_inverse`, with the certified lower bound on its value.
    pub fn zero_forcing(problem: &Problem, solver: &mut Solver) -> Result<Self, Error> {
        Self::solve(problem, solver, range)
    }

    fn solve(
        problem: &Problem,
        solver: &mut Solver,
        instead: impl Fn(&Problem) -> Result<Mat<c64>, Error>,
    ) -> Result<Self, Error> {
        let solved = match solver.solve(problem) {
            Ok(_) => true,
            Err(Error::NotConverged { .. } | Error::Numerical { .. } | Error::RankDeficient { .. }) => false,
            Err(error) => return Err(error),
        };
        let is_open = |solution: &&Solution| largest_part(solution.primal.as_ref()) > 0.0;
        let last = solver.last();
        let mut weights: Vec<_> = last.filter(is_open).map(|last| last.primal.clone()).into_iter().collect();
        if !solved || weights.is_empty() {
            weights.push(instead(problem)?);
        }
        Ok(Self { weights, bound: last.map_or(0.0, |last| last.certificate.lower) })
    }
}

/// `Σ q_n H_n H_n^H`, up to a factor.
fn matched_covariance(problem: &Problem) -> Result<Mat<c64>, Error> {
    let weighted = |(device, channel): (usize, &Mat<c64>)| {
        scaled(channel.as_ref(), problem.precoder_budget(device).sqrt())
    };
    let weighted: Vec<_> = problem.channels().iter().enumerate().map(weighted).collect();
    let channels = rescaled(side_by_side(&weighted).as_ref());
    Ok(hermitian_part(product(channels.as_ref(), channels.adjoint()).as_ref()))
}

/// The projection onto the range of `[H_1 … H_N]`. Directions drawn with it meet each channel once, where those drawn with a matrix made of channels
/// meet it as often again: that is too much for zero forcing where channels are ill conditioned.
fn range(problem: &Problem) -> Result<Mat<c64>, Error> {
    let of_unit_size = |channel: &Mat<c64>| {
        let size = norm(channel.as_ref());
        scaled(channel.as_ref(), if size > 0.0 { size.recip() } else { 0.0 })
    };
    let channels: Vec<_> = problem.channels().iter().map(of_unit_size).collect();
    let channels = side_by_side(&channels);
    let ThinSvd { left, values, .. } = ThinSvd::of(channels.as_ref())?;
    let largest = values.first().copied().unwrap_or(0.0);
    let rounding = (channels.nrows() + channels.ncols()) as f64 * f64::EPSILON * largest;
    let basis = left.subcols(0, values.iter().filter(|value| **value > rounding).count());
    Ok(hermitian_part(product(basis, basis.adjoint()).as_ref()))
}
