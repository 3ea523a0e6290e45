//! Newton directions and the two systems that give them.

use super::channels::Channels;
use super::dual_system::DualSystem;
use super::lanes;
use super::packs::{self, Pack, Parts};
use super::primal_system::PrimalSystem;
use super::work::Work;
use super::{Inverses, Iterate};
use crate::relaxation::native::Elimination;
use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, MatRef, c64};

/// One direction: `ΔX`, `ΔS`, the `ΔW_n` and the `ΔZ_n`.
#[derive(Debug, Clone)]
pub(super) struct Direction {
    pub x: Mat<c64>,
    pub s: Mat<c64>,
    pub w: Parts,
    pub z: Parts,
    /// `ΔS S^{-1}` and the `ΔW_n W_n^{-1}`, or `ΔX X^{-1}` and the `ΔZ_n Z_n^{-1}`.
    pub ratio: Mat<c64>,
    pub ratios: Parts,
}

impl Direction {
    pub fn new(receive: usize, packs: &[Pack]) -> Self {
        let square = || Mat::zeros(receive, receive);
        let [w, z, ratios] = [(); 3].map(|()| packs::parts(packs));
        Self { x: square(), s: square(), w, z, ratio: square(), ratios }
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
    pub fn new(elimination: Elimination, receive: usize, packs: &[Pack]) -> Self {
        match elimination {
            Elimination::Dual => Self::Dual(DualSystem::new(receive, packs)),
            Elimination::Primal => Self::Primal(PrimalSystem::new(receive, packs)),
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

    /// The unknowns that it keeps, of the last direction in coordinates, and its matrix times them.
    pub fn solved(&self) -> [&[f64]; 2] {
        match self {
            Self::Dual(system) => system.solved(),
            Self::Primal(system) => system.solved(),
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

/// The same for every device of a pack.
#[inline(always)]
pub(super) fn write_targets(
    pack: &Pack,
    out: &mut Parts,
    (kept, inverse): (&Parts, &Parts),
    complementarity: f64,
    estimate: Option<(&Parts, &Parts)>,
) {
    let out = pack.of_mut(out);
    for ((out, &kept), &inverse) in out.iter_mut().zip(pack.of(kept)).zip(pack.of(inverse)) {
        *out = inverse.scaled(complementarity) - kept;
    }
    if let Some((kept_change, ratio)) = estimate {
        lanes::subtract_product(pack.side, out, pack.of(kept_change), pack.of(ratio));
    }
}

/// `ΔK ← ΔK − sym(K ΔV V^{-1})` for every device of a pack, with `ΔV V^{-1}` written to `ratios`.
#[inline(always)]
pub(super) fn subtract_ratios(
    pack: &Pack,
    kept_change: &mut Parts,
    (kept, inverse): (&Parts, &Parts),
    change: &Parts,
    ratios: &mut Parts,
) {
    let ratios = pack.of_mut(ratios);
    lanes::multiply(pack.side, pack.of(change), pack.of(inverse), ratios);
    lanes::subtract_product(pack.side, pack.of_mut(kept_change), pack.of(kept), ratios);
}
