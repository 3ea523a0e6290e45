//! The Newton system of `ΔX`: `R²` unknowns, cost linear in `N`.

use super::channels::Channels;
use super::direction::{Direction, Target, write_target};
use super::work::Work;
use super::{Inverses, Iterate};
use crate::linalg::{add_scaled, factorize, multiply, scale, solve_factorized};
use crate::relaxation::native::coordinates::{self, Places};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, MatRef, Par, c64};

/// With `ΔS = s̄ − sym(S ΔX X^{-1})` and `ΔU_n = ū_n − sym(U_n ΔZ_n Z_n^{-1})`,
///
/// `Σ_n sym(A_n ΔX B_n) = s̄ + Σ H_n ū_n H_n^H`,  `A_0 = S`, `B_0 = X^{-1}`, `A_n = H_n U_n H_n^H`, `B_n = H_n Z_n^{-1} H_n^H`.
///
/// The matrix of that operator holds the sums `Σ_n A_n[i,k] conj(B_n[j,l]) + B_n[i,k] conj(A_n[j,l])` only. With the real and imaginary parts of the
/// `A_n` and `B_n` in the columns of real `R²×2(N + 1)` matrices, they are sums and differences of the entries of one product of two: an eighth of
/// the arithmetic that a column for each unknown of `T_n = 4` antennas takes.
#[derive(Debug, Clone)]
pub(super) struct PrimalSystem {
    /// `H_n V`, `V` being `U_n` or `Z_n^{-1}`.
    amplified: Mat<c64>,
    /// `A_n` or `B_n`.
    square: Mat<c64>,
    /// The parts of `A_0, B_0, A_1, B_1, …`, a column each.
    parts: Mat<f64>,
    /// The same, each pair in the other order.
    swapped: Mat<f64>,
    /// `parts · swappedᵀ`.
    gram: Mat<f64>,
    places: Places,
    matrix: Mat<f64>,
    right: Vec<f64>,
}

impl PrimalSystem {
    pub fn new(receive: usize, sides: &[usize]) -> Self {
        let columns = sides.iter().sum();
        let unknowns = receive * receive;
        let square = || Mat::zeros(unknowns, unknowns);
        let parts = || Mat::zeros(unknowns, 2 * (sides.len() + 1));
        Self {
            amplified: Mat::zeros(receive, columns),
            square: Mat::zeros(receive, receive),
            parts: parts(),
            swapped: parts(),
            gram: square(),
            places: Places::new(receive),
            matrix: square(),
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
        let receive = self.square.nrows();
        write_parts(&self.places, iterate.s.as_ref(), 0, &mut self.parts, &mut self.swapped);
        write_parts(&self.places, inverses.whole.as_ref(), 1, &mut self.parts, &mut self.swapped);
        for (n, block) in channels.blocks.iter().enumerate() {
            for (strip, column) in [(&iterate.u, 2 * n + 2), (&inverses.parts, 2 * n + 3)] {
                let columns = block.columns(&channels.columns);
                multiply(block.columns_mut(&mut self.amplified), columns, block.of(strip));
                multiply(self.square.as_mut(), block.columns(&self.amplified), columns.adjoint());
                write_parts(&self.places, self.square.as_ref(), column, &mut self.parts, &mut self.swapped);
            }
        }
        let full = BlockStructure::Rectangular;
        matmul(
            self.gram.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Replace,
            self.parts.as_ref(),
            full,
            self.swapped.transpose(),
            full,
            0.5,
            Par::Seq,
        );
        for j in 0..self.gram.ncols() {
            for i in j + 1..self.gram.nrows() {
                self.gram[(j, i)] = self.gram[(i, j)];
            }
        }
        let (gram, places) = (&self.gram, &self.places);
        coordinates::write_operator(self.matrix.as_mut(), (receive, receive), true, |i, k, j, l| {
            places.product(gram, (i, k), (j, l))
        });
        factorize(self.matrix.as_mut(), &mut work.scratch)
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

/// Writes the parts of a Hermitian matrix to a column, and in `swapped` to its pair's.
fn write_parts(
    places: &Places,
    matrix: MatRef<'_, c64>,
    column: usize,
    parts: &mut Mat<f64>,
    swapped: &mut Mat<f64>,
) {
    places.write(matrix, parts.col_as_slice_mut(column));
    places.write(matrix, swapped.col_as_slice_mut(column ^ 1));
}
