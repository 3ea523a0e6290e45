//! The Newton system of `ΔX`: `R²` unknowns, cost linear in `N`.

use super::channels::Channels;
use super::direction::{Direction, Target, write_target};
use super::work::Work;
use super::{Inverses, Iterate};
use crate::linalg::{add_scaled, factorize, multiply, scale, solve_factorized};
use crate::relaxation::native::coordinates;
use crate::relaxation::native::pairs::Pairs;
use faer::{Mat, c64};

/// With `ΔS = s̄ − sym(S ΔX X^{-1})` and `ΔW_n = w̄_n − sym(W_n ΔZ_n Z_n^{-1})`,
///
/// `Σ_n sym(A_n ΔX B_n) = s̄ + Σ h_n w̄_n h_n^H`,  `A_0 = S`, `B_0 = X^{-1}`, `A_n = h_n W_n h_n^H`, `B_n = h_n Z_n^{-1} h_n^H`.
#[derive(Debug, Clone)]
pub(super) struct PrimalSystem {
    /// `h_n W_n` or `h_n Z_n^{-1}`.
    amplified: Mat<c64>,
    /// `A_n` or `B_n`.
    square: Mat<c64>,
    /// `A_0` and `B_0` first, then each device's.
    pairs: Pairs,
    matrix: Mat<f64>,
    right: Vec<f64>,
}

impl PrimalSystem {
    pub fn new(receive: usize, sides: &[usize]) -> Self {
        let columns = sides.iter().sum();
        let unknowns = receive * receive;
        Self {
            amplified: Mat::zeros(receive, columns),
            square: Mat::zeros(receive, receive),
            pairs: Pairs::new(receive, sides.len() + 1),
            matrix: Mat::zeros(unknowns, unknowns),
            right: vec![0.0; unknowns],
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
        let Self { amplified, square, pairs, matrix, .. } = self;
        pairs.set(0, 1, iterate.s.as_ref());
        pairs.set(1, 0, inverses.whole.as_ref());
        for (n, block) in channels.blocks.iter().enumerate() {
            let (a, b) = (2 * n + 2, 2 * n + 3);
            for (strip, index, partner) in [(&iterate.u, a, b), (&inverses.parts, b, a)] {
                let columns = block.columns(&channels.columns);
                multiply(block.columns_mut(amplified), columns, block.of(strip));
                multiply(square.as_mut(), block.columns(amplified), columns.adjoint());
                pairs.set(index, partner, square.as_ref());
            }
        }
        pairs.write_operator(0.5, matrix.as_mut());
        factorize(matrix.as_mut(), &mut work.scratch)
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
        for block in &channels.blocks {
            let part = estimate.map(|estimate| (block.of(&estimate.u), block.of(&estimate.ratios)));
            let (u, inverse) = (block.of(&iterate.u), block.of(&inverses.parts));
            write_target(block.of_mut(&mut out.u), u, inverse, complementarity, part, work);
        }
        channels.received(&out.u, out.x.as_mut());
        add_scaled(out.x.as_mut(), out.s.as_ref(), 1.0);
        coordinates::write(out.x.as_ref(), &mut self.right);
        solve_factorized(self.matrix.as_ref(), &mut self.right);
        coordinates::read(&self.right, out.x.as_mut());
        multiply(out.ratio.as_mut(), out.x.as_ref(), inverse);
        channels.seen(out.x.as_ref(), &mut out.z);
        for block in &channels.blocks {
            let (u, inverse) = (block.of(&iterate.u), block.of(&inverses.parts));
            multiply(block.of_mut(&mut out.ratios), block.of(&out.z), inverse);
            work.subtract_product(block.of_mut(&mut out.u), u, block.of(&out.ratios));
        }
        channels.received(&out.u, out.s.as_mut());
        scale(out.s.as_mut(), -1.0);
    }
}
