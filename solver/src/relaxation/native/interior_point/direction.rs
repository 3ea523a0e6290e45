//! Newton directions and the two systems that give them.

use super::channels::{Channels, Strip};
use super::dual_system::DualSystem;
use super::primal_system::PrimalSystem;
use super::scaling::{Scaling, Work};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Mat, MatMut, MatRef, Par, c64};

/// One direction: `ΔX`, `ΔS`, the `ΔU_n` and the `ΔZ_n`.
#[derive(Debug, Clone)]
pub(super) struct Direction {
    pub x: Mat<c64>,
    pub s: Mat<c64>,
    pub u: Strip,
    pub z: Strip,
}

impl Default for Direction {
    fn default() -> Self {
        Self::new(0, 0, 0)
    }
}

impl Direction {
    pub fn new(receive: usize, side: usize, columns: usize) -> Self {
        let (square, strip) = (|| Mat::zeros(receive, receive), || Mat::zeros(side, columns));
        Self { x: square(), s: square(), u: strip(), z: strip() }
    }
}

/// Which unknowns the Newton system keeps. Both give the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::relaxation::native) enum Elimination {
    /// The `ΔU_n`.
    Dual,
    /// `ΔX`.
    Primal,
}

/// The scalings of one iterate: of `X` and `S`, and of each `U_n` and `Z_n`.
#[derive(Debug, Clone)]
pub(super) struct Scalings {
    pub whole: Scaling,
    pub parts: Scaling,
}

/// The Newton equations, `F` and `E` being the frames of `X` and `S`, `F_n` and `E_n` those of `U_n` and `Z_n`:
///
/// `F^{-1} ΔX F^{-H} + E^{-1} ΔS E^{-H} = x̄`, `F_n^{-1} ΔU_n F_n^{-H} + E_n^{-1} ΔZ_n E_n^{-H} = z̄_n`, `ΔS = −Σ H_n ΔU_n H_n^H`,
/// `ΔZ_n = H_n^H ΔX H_n`.
///
/// The system is in the problem's own bases, not in the frames: there its condition grows with the square of that here.
#[derive(Debug, Clone)]
pub(super) enum System {
    Dual(DualSystem),
    Primal(PrimalSystem),
}

impl System {
    pub fn new(elimination: Elimination, receive: usize, sides: &[usize]) -> Self {
        match elimination {
            Elimination::Dual => Self::Dual(DualSystem::new(receive, sides)),
            Elimination::Primal => Self::Primal(PrimalSystem::new(receive, sides)),
        }
    }

    /// Assembles and factorizes it. `false` if rounding leaves no factor.
    pub fn assemble(&mut self, channels: &Channels, scalings: &Scalings, work: &mut Work) -> bool {
        match self {
            Self::Dual(system) => system.assemble(channels, scalings, work),
            Self::Primal(system) => system.assemble(channels, scalings, work),
        }
    }

    /// Replaces `x̄` in `out.x` and the `z̄_n` in `out.z` by the direction.
    pub fn solve(
        &mut self,
        channels: &mut Channels,
        scalings: &Scalings,
        work: &mut Work,
        out: &mut Direction,
    ) {
        match self {
            Self::Dual(system) => system.solve(channels, scalings, work, out),
            Self::Primal(system) => system.solve(channels, scalings, work, out),
        }
    }
}

/// Solves `L Lᵀ x = b` in place, `L` being in the lower triangle.
pub(super) fn solve_factorized(factor: MatRef<'_, f64>, right: &mut [f64]) {
    let mut right = MatMut::from_column_major_slice_mut(right, factor.nrows(), 1);
    solve_lower_triangular_in_place(factor, right.as_mut(), Par::Seq);
    solve_upper_triangular_in_place(factor.transpose(), right.as_mut(), Par::Seq);
}
