//! The Newton system of `ΔX`: `R²` unknowns, cost linear in `N`.

use super::channels::Channels;
use super::direction::{Direction, Target, subtract_ratios, write_target, write_targets};
use super::packs::{Pack, Parts, Size};
use super::work::Work;
use super::{Inverses, Iterate};
use crate::linalg::{add_scaled, factorize, multiply, solve_factorized};
use crate::relaxation::native::coordinates;
use crate::relaxation::native::pairs::Pairs;
use faer::Mat;
use pulp::{Arch, Simd};

/// With `ΔS = s̄ − sym(S ΔX X^{-1})` and `ΔW_n = w̄_n − sym(W_n ΔZ_n Z_n^{-1})`,
///
/// `Σ_n sym(A_n ΔX B_n) = s̄ + Σ h_n w̄_n h_n^H`,  `A_0 = S`, `B_0 = X^{-1}`, `A_n = h_n W_n h_n^H`, `B_n = h_n Z_n^{-1} h_n^H`.
#[derive(Debug, Clone)]
pub(super) struct PrimalSystem {
    /// `A_0` and `B_0` first, then each device's.
    pairs: Pairs,
    matrix: Mat<f64>,
    right: Vec<f64>,
    solution: Vec<f64>,
}

impl PrimalSystem {
    pub fn new(receive: usize, packs: &[Pack]) -> Self {
        let Size { devices, .. } = Size::of(packs);
        let unknowns = receive * receive;
        Self {
            pairs: Pairs::new(receive, devices + 1),
            matrix: Mat::zeros(unknowns, unknowns),
            right: vec![0.0; unknowns],
            solution: vec![0.0; unknowns],
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
        if !inverses.update(channels, iterate.x.as_ref(), &iterate.z, work) {
            return false;
        }
        let Self { pairs, matrix, .. } = self;
        pairs.first.set(0, iterate.s.as_ref());
        pairs.second.set(0, inverses.whole.as_ref());
        channels.received_apart(&iterate.w, 1, &mut pairs.first);
        channels.received_apart(&inverses.parts, 1, &mut pairs.second);
        pairs.write_operator(0.5, matrix.as_mut());
        factorize(matrix.as_mut(), &mut work.scratch)
    }

    /// The last `ΔX` in coordinates, and the matrix times it.
    pub fn solved(&self) -> [&[f64]; 2] {
        [&self.solution, &self.right]
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
        let Target { complementarity, estimate } = target;
        let whole = estimate.map(|estimate| (estimate.s.as_ref(), estimate.ratio.as_ref()));
        let (s, inverse) = (iterate.s.as_ref(), inverses.whole.as_ref());
        write_target(out.s.as_mut(), s, inverse, complementarity, whole, work);
        let parts = estimate.map(|estimate| (&estimate.w, &estimate.ratios));
        let pairs = (&iterate.w, &inverses.parts);
        write_each(&channels.packs, pairs, complementarity, parts, &mut out.w);
        channels.received(&out.w, out.x.as_mut());
        add_scaled(out.x.as_mut(), out.s.as_ref(), 1.0);
        coordinates::write(out.x.as_ref(), &mut self.right);
        self.solution.copy_from_slice(&self.right);
        solve_factorized(self.matrix.as_ref(), &mut self.solution);
        coordinates::read(&self.solution, out.x.as_mut());
        multiply(out.ratio.as_mut(), out.x.as_ref(), inverse);
        channels.seen(out.x.as_ref(), &mut out.z);
        read_each(&channels.packs, pairs, &mut *out);
        work.subtract_product(out.s.as_mut(), s, out.ratio.as_ref());
    }
}

/// Writes the `w̄_n`.
#[pulp::with_simd(write_each = Arch::new())]
#[inline(always)]
fn write_each_with<S: Simd>(
    _simd: S,
    packs: &[Pack],
    pairs: (&Parts, &Parts),
    complementarity: f64,
    estimate: Option<(&Parts, &Parts)>,
    out: &mut Parts,
) {
    packs.iter().for_each(|pack| write_targets(pack, out, pairs, complementarity, estimate));
}

/// Writes the `ΔW_n` from the `ΔZ_n`.
#[pulp::with_simd(read_each = Arch::new())]
#[inline(always)]
fn read_each_with<S: Simd>(_simd: S, packs: &[Pack], pairs: (&Parts, &Parts), out: &mut Direction) {
    let Direction { w, z, ratios, .. } = out;
    packs.iter().for_each(|pack| subtract_ratios(pack, w, pairs, z, ratios));
}
