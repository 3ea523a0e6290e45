//! Newton directions and the two systems that give them.

use super::channels::Channels;
use super::dual_system::DualSystem;
use super::primal_system::PrimalSystem;
use super::work::Work;
use super::{Inverses, Iterate};
use crate::relaxation::native::layout::{Elimination, Strip};
use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, MatRef, c64};

/// One direction: `ΔX`, `ΔS`, the `ΔW_n` and the `ΔZ_n`.
#[derive(Debug, Clone)]
pub(super) struct Direction {
    pub x: Mat<c64>,
    pub s: Mat<c64>,
    pub u: Strip,
    pub z: Strip,
    /// `ΔS S^{-1}` and the `ΔW_n W_n^{-1}`, or `ΔX X^{-1}` and the `ΔZ_n Z_n^{-1}`.
    pub ratio: Mat<c64>,
    pub ratios: Strip,
}

impl Direction {
    pub fn new(receive: usize, side: usize, columns: usize) -> Self {
        let (square, strip) = (|| Mat::zeros(receive, receive), || Mat::zeros(side, columns));
        Self { x: square(), s: square(), u: strip(), z: strip(), ratio: square(), ratios: strip() }
    }
}

/// What a direction aims at.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// `τ`, the eigenvalue that all of `X S` and the `W_n Z_n` should have.
    pub complementarity: f64,
    /// Whose products `ΔX ΔS` and `ΔW_n ΔZ_n` are taken for those of the direction sought.
    pub estimate: Option<&'a Direction>,
}

/// The factorized Newton equations: with the `ΔW_n` kept, of the direction of Helmberg, Kojima and Monteiro; with `ΔX` kept, of its dual.
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
    pub fn assemble(
        &mut self,
        channels: &mut Channels,
        iterate: &Iterate,
        inverses: &mut Inverses,
        work: &mut Work,
    ) -> bool {
        match self {
            Self::Dual(system) => system.assemble(channels, iterate, inverses, work),
            Self::Primal(system) => system.assemble(channels, iterate, inverses, work),
        }
    }

    /// Writes the direction.
    pub fn solve(
        &mut self,
        channels: &mut Channels,
        iterate: &Iterate,
        inverses: &Inverses,
        target: Target<'_>,
        work: &mut Work,
        out: &mut Direction,
    ) {
        match self {
            Self::Dual(system) => system.solve(channels, iterate, inverses, target, work, out),
            Self::Primal(system) => system.solve(channels, iterate, inverses, target, work, out),
        }
    }
}

/// Writes `τ V^{-1} − K − sym(ΔK ΔV V^{-1})` for a pair `K V = τI` with the estimates `ΔK` of a change and `ΔV V^{-1}` of
/// a ratio.
pub(super) fn write_target(
    mut out: MatMut<'_, c64>,
    kept: MatRef<'_, c64>,
    inverse: MatRef<'_, c64>,
    complementarity: f64,
    estimate: Option<(MatRef<'_, c64>, MatRef<'_, c64>)>,
    work: &mut Work,
) {
    for ((out, kept), inverse) in out.rb_mut().col_iter_mut().zip(kept.col_iter()).zip(inverse.col_iter()) {
        for ((out, kept), inverse) in out.iter_mut().zip(kept.iter()).zip(inverse.iter()) {
            *out = *inverse * complementarity - *kept;
        }
    }
    if let Some((kept_change, ratio)) = estimate {
        work.subtract_product(out, kept_change, ratio);
    }
}
