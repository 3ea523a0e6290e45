//! The three dual forms.

use super::embedding::basis;
use super::program::{Program, Run};
use crate::error::{Error, Quantity};
use crate::linalg::{
    congruence, norm, orthonormal_basis, product, require_finite, require_full_column_rank, side_by_side,
    trace,
};
use crate::problem::Problem;
use crate::relaxation::lambda_min::demand;
use crate::relaxation::{Points, Relaxation};
use faer::{Mat, MatRef, c64};

/// One relaxation of one problem, built for Clarabel in its dual form.
#[derive(Debug, Clone)]
pub struct Model {
    /// Orthonormal basis of the range of `[H_1 … H_N]`.
    range: Mat<c64>,
    transmit_antennas: Vec<usize>,
    program: Program,
}

impl Model {
    /// Builds the program.
    ///
    /// # Errors
    /// [`Error::RankDeficient`] if some `H_n` lacks full column rank, where `lambda_min` and `trace_inverse` are infeasible.
    pub fn new(relaxation: Relaxation, problem: &Problem) -> Result<Self, Error> {
        if relaxation != Relaxation::Mmse {
            for (device, channel) in problem.channels().iter().enumerate() {
                require_full_column_rank(
                    channel.as_ref(),
                    norm(channel.as_ref()),
                    Quantity::Channel,
                    device,
                )?;
            }
        }
        let range = range(problem);
        let channels: Vec<_> =
            problem.channels().iter().map(|h| product(range.adjoint(), h.as_ref())).collect();
        let program = program(relaxation, problem, &channels)?;
        Ok(Self { transmit_antennas: channels.iter().map(Mat::ncols).collect(), range, program })
    }

    /// The program: cone 0 is `I − Σ H_n U_n H_n^H ⪰ 0`, cone `n + 1` the one of device `n`. Its value is minus the relaxation's.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// `X` and the `U_n` where Clarabel ended.
    ///
    /// # Errors
    /// [`Error::Numerical`] if they are not finite.
    pub fn points(&self, run: &Run) -> Result<Points, Error> {
        let primal = congruence(&self.range, &run.multiplier(0));
        let corner = |(device, &side): (usize, &usize)| run.slack(device + 1).get(..side, ..side).to_owned();
        let dual: Vec<Mat<c64>> = self.transmit_antennas.iter().enumerate().map(corner).collect();
        let finite = std::iter::once(&primal)
            .chain(&dual)
            .all(|matrix| require_finite(matrix.as_ref(), Quantity::PrimalMatrix, 0).is_ok());
        if !finite {
            return Err(Error::Numerical { operation: "Clarabel's iterations" });
        }
        Ok(Points { primal, dual, iterations: run.iterations() })
    }
}

/// Orthonormal basis of the range of `[H_1 … H_N]`, `R × min(R, Σ T_n)`.
pub fn range(problem: &Problem) -> Mat<c64> {
    orthonormal_basis(side_by_side(problem.channels()))
}

fn program(relaxation: Relaxation, problem: &Problem, channels: &[Mat<c64>]) -> Result<Program, Error> {
    let noise_power = if relaxation == Relaxation::Mmse { problem.noise_power() } else { 1.0 };
    let receive = channels.first().map_or(0, Mat::nrows);
    let blocks = if relaxation == Relaxation::LambdaMin { 1 } else { 2 };
    let mut constants = vec![scaled(Mat::identity(receive, receive).as_ref(), noise_power)];
    constants.extend(
        channels.iter().map(|channel| Mat::zeros(blocks * channel.ncols(), blocks * channel.ncols())),
    );
    let mut program = Program::new(&constants)?;
    for (device, channel) in channels.iter().enumerate() {
        let (side, cone) = (channel.ncols(), device + 1);
        // U_n.
        for unit in basis(side) {
            let received = scaled(congruence(channel, &unit).as_ref(), -1.0);
            let (cost, own) = if relaxation == Relaxation::LambdaMin {
                (-demand(problem, device) * trace(unit.as_ref()), unit)
            } else {
                (0.0, placed(unit.as_ref(), &[(0, 0)]))
            };
            program.add_variable(cost, 0.0, &[(0, received.as_ref()), (cone, own.as_ref())])?;
        }
        if relaxation == Relaxation::LambdaMin {
            continue;
        }
        // V_n and s_n.
        let curvature =
            if relaxation == Relaxation::Mmse { 2.0 / problem.signal_variance()[device] } else { 0.0 };
        for unit in basis(side) {
            let cross = placed(unit.as_ref(), &[(0, 1), (1, 0)]);
            program.add_variable(-2.0 * trace(unit.as_ref()), curvature, &[(cone, cross.as_ref())])?;
        }
        let corner = placed(Mat::identity(side, side).as_ref(), &[(1, 1)]);
        program.add_variable(problem.precoder_budget(device), 0.0, &[(cone, corner.as_ref())])?;
    }
    Ok(program)
}

fn scaled(matrix: MatRef<'_, c64>, scale: f64) -> Mat<c64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] * scale)
}

/// The 2×2 block matrix with `block` at the given places and zeros elsewhere.
fn placed(block: MatRef<'_, c64>, places: &[(usize, usize)]) -> Mat<c64> {
    let side = block.nrows();
    let mut matrix = Mat::zeros(2 * side, 2 * side);
    for &(row, column) in places {
        matrix.as_mut().submatrix_mut(row * side, column * side, side, side).copy_from(block);
    }
    matrix
}
