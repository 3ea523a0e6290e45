//! The Newton system of the `ΔW_n`: `Σ T_n²` unknowns, cost cubic in `N`.

use super::channels::Channels;
use super::direction::{Direction, Target, write_target};
use super::work::Work;
use super::{Inverses, Iterate};
use crate::linalg::{add_scaled, factorize, multiply, scale, solve_factorized};
use crate::relaxation::native::coordinates;
use crate::relaxation::native::layout::write_products;
use faer::prelude::ReborrowMut;
use faer::{Mat, c64};
use std::ops::Range;

/// With `ΔX = x̄ − sym(X ΔS S^{-1})`, `ΔZ_n = z̄_n − sym(Z_n ΔW_n W_n^{-1})`, `h = [h_1 … h_N]`, `P = h^H X h` and `Q = h^H S^{-1} h`,
///
/// `Σ_m sym(P_nm ΔW_m Q_mn) + sym(Z_n ΔW_n W_n^{-1}) = z̄_n − h_n^H x̄ h_n`.
#[derive(Debug, Clone)]
pub(super) struct DualSystem {
    /// `S^{-1} h`.
    product: Mat<c64>,
    /// `P` and `Q`.
    gram: Mat<c64>,
    inverse_gram: Mat<c64>,
    matrix: Mat<f64>,
    right: Vec<f64>,
}

impl DualSystem {
    pub fn new(receive: usize, sides: &[usize]) -> Self {
        let columns = sides.iter().sum();
        let unknowns = sides.iter().map(|side| side * side).sum();
        let gram = || Mat::zeros(columns, columns);
        Self {
            product: Mat::zeros(receive, columns),
            gram: gram(),
            inverse_gram: gram(),
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
        if !inverses.update(channels, iterate.s.as_ref(), &iterate.u, work) {
            return false;
        }
        let Self { product, gram, inverse_gram, matrix, .. } = self;
        let Channels { blocks, columns, .. } = channels;
        multiply(product.as_mut(), iterate.x.as_ref(), columns.as_ref());
        multiply(gram.as_mut(), columns.adjoint(), product.as_ref());
        multiply(product.as_mut(), inverses.whole.as_ref(), columns.as_ref());
        multiply(inverse_gram.as_mut(), columns.adjoint(), product.as_ref());
        write_products(blocks, gram, inverse_gram, matrix);
        for block in blocks {
            let Range { start, end } = block.coordinates();
            let diagonal = matrix.as_mut().submatrix_mut(start, start, end - start, end - start);
            let (z, inverse) = (block.of(&iterate.z), block.of(&inverses.parts));
            coordinates::put_product(diagonal, z, inverse, |slot, value| *slot += 0.5 * value);
        }
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
        let whole = estimate.map(|estimate| (estimate.x.as_ref(), estimate.ratio.as_ref()));
        let (x, inverse) = (iterate.x.as_ref(), inverses.whole.as_ref());
        write_target(out.x.as_mut(), x, inverse, complementarity, whole, work);
        channels.seen(out.x.as_ref(), &mut out.u);
        for block in &channels.blocks {
            let part = estimate.map(|estimate| (block.of(&estimate.z), block.of(&estimate.ratios)));
            let (z, inverse) = (block.of(&iterate.z), block.of(&inverses.parts));
            let mut right = block.of_mut(&mut out.z);
            write_target(right.rb_mut(), z, inverse, complementarity, part, work);
            let mut difference = block.of_mut(&mut out.u);
            scale(difference.rb_mut(), -1.0);
            add_scaled(difference.rb_mut(), right.as_ref(), 1.0);
            coordinates::write(difference.as_ref(), &mut self.right[block.coordinates()]);
        }
        solve_factorized(self.matrix.as_ref(), &mut self.right);
        for block in &channels.blocks {
            coordinates::read(&self.right[block.coordinates()], block.of_mut(&mut out.u));
            let (z, inverse) = (block.of(&iterate.z), block.of(&inverses.parts));
            multiply(block.of_mut(&mut out.ratios), block.of(&out.u), inverse);
            work.subtract_product(block.of_mut(&mut out.z), z, block.of(&out.ratios));
        }
        channels.received(&out.u, out.s.as_mut());
        scale(out.s.as_mut(), -1.0);
        multiply(out.ratio.as_mut(), out.s.as_ref(), inverse);
        work.subtract_product(out.x.as_mut(), x, out.ratio.as_ref());
    }
}
