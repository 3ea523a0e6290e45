//! The Newton system of the `ΔU_n`: `Σ T_n²` unknowns, cost cubic in `N`.

use super::channels::{Channels, Strip};
use super::direction::{Direction, Scalings, solve_factorized};
use super::scaling::Work;
use crate::linalg::{add_scaled, factorize, multiply, scale};
use crate::relaxation::native::coordinates;
use faer::prelude::ReborrowMut;
use faer::{Mat, c64};

/// `Σ_m P_nm ΔU_m P_nm^H + W_n^{-1} ΔU_n W_n^{-1} = E_n z̄_n E_n^H − H_n^H F x̄ F^H H_n`, `P = H^H W H`, `W = F F^H`, `W_n^{-1} = E_n E_n^H`.
#[derive(Debug, Clone)]
pub(super) struct DualSystem {
    /// `W`.
    metric: Mat<c64>,
    /// `F^H H`.
    seen: Mat<c64>,
    /// `P`.
    gram: Mat<c64>,
    /// The `W_n^{-1}`.
    inverse_metrics: Strip,
    matrix: Mat<f64>,
    right: Vec<f64>,
}

impl DualSystem {
    pub fn new(receive: usize, sides: &[usize]) -> Self {
        let columns = sides.iter().sum();
        let unknowns = sides.iter().map(|side| side * side).sum();
        let side = sides.iter().copied().max().unwrap_or(0);
        Self {
            metric: Mat::zeros(receive, receive),
            seen: Mat::zeros(receive, columns),
            gram: Mat::zeros(columns, columns),
            inverse_metrics: Mat::zeros(side, columns),
            matrix: Mat::zeros(unknowns, unknowns),
            right: vec![0.0; unknowns],
        }
    }

    /// Assembles and factorizes it. `false` if rounding leaves no factor.
    pub fn assemble(&mut self, channels: &Channels, scalings: &Scalings, work: &mut Work) -> bool {
        let Self { metric, seen, gram, inverse_metrics, matrix, .. } = self;
        let frame = scalings.whole.frame.as_ref();
        multiply(metric.as_mut(), frame, frame.adjoint());
        multiply(seen.as_mut(), frame.adjoint(), channels.columns.as_ref());
        multiply(gram.as_mut(), seen.adjoint(), seen.as_ref());
        for (m, second) in channels.blocks.iter().enumerate() {
            let frame = second.of(&scalings.parts.dual_frame);
            multiply(second.of_mut(inverse_metrics), frame, frame.adjoint());
            let w = second.of(inverse_metrics);
            for (n, first) in channels.blocks.iter().enumerate().skip(m) {
                let shape = (first.side, second.side);
                let p = gram.as_ref().submatrix(first.offset, second.offset, shape.0, shape.1);
                let block = matrix.as_mut().submatrix_mut(
                    first.row,
                    second.row,
                    shape.0 * shape.0,
                    shape.1 * shape.1,
                );
                if n == m {
                    coordinates::write_operator(block, shape, true, |i, k, j, l| {
                        p[(i, k)] * p[(j, l)].conj() + w[(i, k)] * w[(j, l)].conj()
                    });
                } else {
                    coordinates::write_operator(block, shape, false, |i, k, j, l| {
                        p[(i, k)] * p[(j, l)].conj()
                    });
                }
            }
        }
        factorize(matrix.as_mut(), &mut work.scratch)
    }

    /// Replaces `(x̄, z̄)` in `out.x` and `out.z` by the direction.
    pub fn solve(
        &mut self,
        channels: &mut Channels,
        scalings: &Scalings,
        work: &mut Work,
        out: &mut Direction,
    ) {
        work.turn(out.x.as_mut(), scalings.whole.frame.as_ref());
        channels.seen(out.x.as_ref(), &mut out.u);
        for block in &channels.blocks {
            let mut right = block.of_mut(&mut out.z);
            work.turn(right.rb_mut(), block.of(&scalings.parts.dual_frame));
            add_scaled(right.rb_mut(), block.of(&out.u), -1.0);
            coordinates::write(right.as_ref(), &mut self.right[block.coordinates()]);
        }
        solve_factorized(self.matrix.as_ref(), &mut self.right);
        for block in &channels.blocks {
            coordinates::read(&self.right[block.coordinates()], block.of_mut(&mut out.u));
        }
        channels.received(&out.u, out.s.as_mut());
        scale(out.s.as_mut(), -1.0);
        work.subtract_turned(out.x.as_mut(), out.s.as_ref(), self.metric.as_ref());
        channels.seen(out.x.as_ref(), &mut out.z);
    }
}
