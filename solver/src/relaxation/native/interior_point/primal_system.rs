//! The Newton system of `ΔX`: `R²` unknowns, cost linear in `N`.

use super::channels::{Channels, Strip};
use super::direction::{Direction, Scalings, solve_factorized};
use super::scaling::Work;
use crate::linalg::{add_scaled, factorize, multiply, scale};
use crate::relaxation::native::coordinates;
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, Par, c64};

/// `Σ M_n ΔX M_n + W^{-1} ΔX W^{-1} = E x̄ E^H + Σ H_n F_n z̄_n F_n^H H_n^H`, `M_n = H_n W_n H_n^H`, `W_n = F_n F_n^H`, `W^{-1} = E E^H`.
///
/// With `M_0 = W^{-1}`, the matrix of `X ↦ Σ M_n X M_n` holds the sums `Σ_n M_n[i,k] conj(M_n[j,l])` only. With the real and imaginary parts of the `M_n` in the
/// columns of a real `R²×(N + 1)` matrix, they are sums and differences of the entries of its Gram matrix: a sixteenth of the
/// arithmetic that a column for each unknown of `T_n = 4` antennas takes.
#[derive(Debug, Clone)]
pub(super) struct PrimalSystem {
    /// The `W_n`.
    metrics: Strip,
    /// The `H_n F_n`.
    amplified: Mat<c64>,
    /// `M_n`.
    square: Mat<c64>,
    /// Column `n`: the parts of `M_n`.
    parts: Mat<f64>,
    gram: Mat<f64>,
    /// By column of an `R×R` matrix: where its entries' parts are.
    places: Vec<Place>,
    matrix: Mat<f64>,
    right: Vec<f64>,
}

/// Where the parts of one entry of a Hermitian matrix are among those of its lower triangle.
#[derive(Debug, Clone, Copy)]
struct Place {
    real: usize,
    /// Any place where `sign` is zero.
    imaginary: usize,
    /// 1 below the diagonal, −1 above, 0 on it.
    sign: f64,
}

impl PrimalSystem {
    pub fn new(receive: usize, sides: &[usize]) -> Self {
        let columns = sides.iter().sum();
        let side = sides.iter().copied().max().unwrap_or(0);
        let unknowns = receive * receive;
        // Real parts are stored at their places in the lower triangle, imaginary parts at their mirror images.
        let place = |i: usize, j: usize| {
            let (a, b) = (i.max(j), i.min(j));
            let sign = (i as f64 - j as f64).clamp(-1.0, 1.0);
            Place { real: a + b * receive, imaginary: b + a * receive, sign }
        };
        let places = (0..unknowns).map(|k| place(k % receive, k / receive)).collect();
        let square = || Mat::zeros(unknowns, unknowns);
        Self {
            metrics: Mat::zeros(side, columns),
            amplified: Mat::zeros(receive, columns),
            square: Mat::zeros(receive, receive),
            parts: Mat::zeros(unknowns, sides.len() + 1),
            gram: square(),
            places,
            matrix: square(),
            right: vec![0.0; unknowns],
        }
    }

    /// Assembles and factorizes it. `false` if rounding leaves no factor.
    pub fn assemble(&mut self, channels: &Channels, scalings: &Scalings, work: &mut Work) -> bool {
        let receive = self.square.nrows();
        let frame = scalings.whole.dual_frame.as_ref();
        multiply(self.square.as_mut(), frame, frame.adjoint());
        self.write_parts(0);
        for (n, block) in channels.blocks.iter().enumerate() {
            let frame = block.of(&scalings.parts.frame);
            multiply(block.of_mut(&mut self.metrics), frame, frame.adjoint());
            let amplified = block.columns_mut(&mut self.amplified);
            multiply(amplified, block.columns(&channels.columns), frame);
            let amplified = block.columns(&self.amplified);
            multiply(self.square.as_mut(), amplified, amplified.adjoint());
            self.write_parts(n + 1);
        }
        let full = BlockStructure::Rectangular;
        matmul(
            self.gram.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Replace,
            self.parts.as_ref(),
            full,
            self.parts.transpose(),
            full,
            1.0,
            Par::Seq,
        );
        for j in 0..self.gram.ncols() {
            for i in j + 1..self.gram.nrows() {
                self.gram[(j, i)] = self.gram[(i, j)];
            }
        }
        let (gram, places) = (&self.gram, &self.places);
        let place = |i: usize, j: usize| places[i + j * receive];
        coordinates::write_operator(self.matrix.as_mut(), (receive, receive), true, |i, k, j, l| {
            conjugate_product(gram, place(i, k), place(j, l))
        });
        factorize(self.matrix.as_mut(), &mut work.scratch)
    }

    fn write_parts(&mut self, column: usize) {
        let receive = self.square.nrows();
        let parts = self.parts.col_as_slice_mut(column);
        for j in 0..receive {
            for i in j..receive {
                let entry = self.square[(i, j)];
                parts[j + i * receive] = entry.im;
                parts[i + j * receive] = entry.re;
            }
        }
    }

    /// Replaces `(x̄, z̄)` in `out.x` and `out.z` by the direction.
    pub fn solve(
        &mut self,
        channels: &mut Channels,
        scalings: &Scalings,
        work: &mut Work,
        out: &mut Direction,
    ) {
        work.turn(out.x.as_mut(), scalings.whole.dual_frame.as_ref());
        for block in &channels.blocks {
            work.turn(block.of_mut(&mut out.z), block.of(&scalings.parts.frame));
        }
        out.u.copy_from(&out.z);
        channels.received(&out.u, out.s.as_mut());
        add_scaled(out.x.as_mut(), out.s.as_ref(), 1.0);
        coordinates::write(out.x.as_ref(), &mut self.right);
        solve_factorized(self.matrix.as_ref(), &mut self.right);
        coordinates::read(&self.right, out.x.as_mut());
        channels.seen(out.x.as_ref(), &mut out.z);
        for block in &channels.blocks {
            let (u, z) = (block.of_mut(&mut out.u), block.of(&out.z));
            work.subtract_turned(u, z, block.of(&self.metrics));
        }
        channels.received(&out.u, out.s.as_mut());
        scale(out.s.as_mut(), -1.0);
    }
}

/// `Σ_n M_n[i,k] conj(M_n[j,l])`, from the Gram matrix and the places of both entries.
#[inline]
fn conjugate_product(gram: &Mat<f64>, first: Place, second: Place) -> c64 {
    let (real, imaginary) = (gram.col_as_slice(second.real), gram.col_as_slice(second.imaginary));
    c64::new(
        real[first.real] + first.sign * second.sign * imaginary[first.imaginary],
        first.sign * real[first.imaginary] - second.sign * imaginary[first.real],
    )
}
