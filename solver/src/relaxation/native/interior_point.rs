//! A primal–dual interior-point method on the complex Hermitian cone (theory, section 3), on a working set, for
//!
//! min `tr X` s.t. `Z_n = H_n^H X H_n − I ⪰ 0`  and its dual  max `Σ tr U_n` s.t. `S = I − Σ H_n U_n H_n^H ⪰ 0`,
//!
//! with `H_n = Q_n diag(s_n)` whitened by its demand, `Q_n` with orthonormal columns. Every iterate is strictly feasible on both
//! sides, so its gap `tr X − Σ tr U_n` is a true one. Search directions are those of Helmberg–Kojima–Monteiro with Mehrotra's
//! corrector, reduced to the `Σ T_n²` real unknowns of the `ΔU_n`:
//!
//! `Σ_m sym(P_nm ΔU_m R_nm^H) + sym(Z_n ΔU_n U_n^{-1}) = τ(U_n^{-1} − R_nn) + I + correction`, `P = H^H X H`, `R = H^H S^{-1} H`.
//!
//! All memory is in [`InteriorPoint`] and is kept from one problem to the next: no iteration allocates.

use super::coordinates;
use crate::error::Error;
use crate::linalg::{
    Scratch, factorize, inner, make_hermitian, multiply, multiply_adjoint, multiply_by_adjoint, trace,
};
use faer::linalg::triangular_inverse::invert_lower_triangular;
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::prelude::ReborrowMut;
use faer::{Accum, Mat, MatMut, MatRef, Par, c64};

/// How much of the way to the boundary a step may go.
const STEP_FRACTION: f64 = 0.98;
/// Bisections of a step that leaves the cone: for the predictor, of which only the rough length counts, and the corrector.
const PREDICTOR_BISECTIONS: usize = 4;
const CORRECTOR_BISECTIONS: usize = 7;
/// A step shorter than this means that rounding has taken over.
const SHORTEST_STEP: f64 = 1e-6;
/// The part of the distance to `S = 0` that the first multipliers shrink by, doubled until `S` is positive definite.
const FIRST_SHRINK: f64 = 0.03;
/// The most shrinkings.
const SHRINKINGS: usize = 60;

/// One device's columns.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// The first.
    offset: usize,
    /// Their number `T_n`.
    side: usize,
    /// The first of its `T_n²` unknowns.
    row: usize,
}

/// The devices' `T_n×T_n` matrices side by side, the top `T_n` rows of each in use.
type Strip = Mat<c64>;

/// One Newton direction.
#[derive(Debug, Clone)]
struct Direction {
    x: Mat<c64>,
    s: Mat<c64>,
    u: Strip,
    z: Strip,
}

/// Memory of the method, kept from one problem to the next.
#[derive(Debug, Clone)]
pub(super) struct InteriorPoint {
    receive: usize,
    blocks: Vec<Block>,
    /// `[H_1 … H_N]`, whitened.
    pub channels: Mat<c64>,
    /// `X`.
    pub x: Mat<c64>,
    /// The `U_n`, whitened: `Σ tr U_n` is the dual value.
    u: Strip,
    u_inverse: Strip,
    z: Strip,
    s: Mat<c64>,
    s_inverse: Mat<c64>,
    p: Mat<c64>,
    r: Mat<c64>,
    newton: Mat<f64>,
    right: Mat<f64>,
    predictor: Direction,
    corrector: Direction,
    correction: Mat<c64>,
    // Intermediate results: `R×R`, `R×ΣT_n`, and as large as one device's matrices.
    square: Mat<c64>,
    wide: Mat<c64>,
    small: Mat<c64>,
    small2: Mat<c64>,
    scratch: Scratch,
}

impl Default for InteriorPoint {
    /// Room for nothing.
    fn default() -> Self {
        Self::new(0, &[])
    }
}

impl Default for Direction {
    fn default() -> Self {
        Self { x: Mat::new(), s: Mat::new(), u: Mat::new(), z: Mat::new() }
    }
}

impl Block {
    fn of<'a>(&self, strip: &'a Strip) -> MatRef<'a, c64> {
        strip.as_ref().submatrix(0, self.offset, self.side, self.side)
    }

    fn of_mut<'a>(&self, strip: &'a mut Strip) -> MatMut<'a, c64> {
        strip.as_mut().submatrix_mut(0, self.offset, self.side, self.side)
    }

    fn columns<'a>(&self, matrix: &'a Mat<c64>) -> MatRef<'a, c64> {
        matrix.as_ref().subcols(self.offset, self.side)
    }
}

impl InteriorPoint {
    /// Makes room for a problem with `receive` antennas and devices of the given `sides`.
    pub fn reserve(&mut self, receive: usize, sides: &[usize]) {
        let same = self.blocks.iter().map(|block| block.side).eq(sides.iter().copied());
        if self.receive != receive || !same {
            *self = Self::new(receive, sides);
        }
    }

    fn new(receive: usize, sides: &[usize]) -> Self {
        let (mut offset, mut row) = (0, 0);
        let mut blocks = Vec::with_capacity(sides.len());
        for &side in sides {
            blocks.push(Block { offset, side, row });
            offset += side;
            row += side * side;
        }
        let side = sides.iter().copied().max().unwrap_or(0);
        let strip = || Mat::zeros(side, offset);
        let wide = || Mat::zeros(receive, offset);
        let square = || Mat::zeros(receive, receive);
        let direction = || Direction { x: square(), s: square(), u: strip(), z: strip() };
        Self {
            receive,
            blocks,
            channels: wide(),
            x: square(),
            u: strip(),
            u_inverse: strip(),
            z: strip(),
            s: square(),
            s_inverse: square(),
            p: Mat::zeros(offset, offset),
            r: Mat::zeros(offset, offset),
            newton: Mat::zeros(row, row),
            right: Mat::zeros(row, 1),
            predictor: direction(),
            corrector: direction(),
            correction: square(),
            square: square(),
            wide: wide(),
            small: Mat::zeros(side, side),
            small2: Mat::zeros(side, side),
            scratch: Scratch::default(),
        }
    }

    /// A strictly feasible start: `X = κI` with `κ` twice what the weakest direction needs, `U_n` diagonal and proportional to the
    /// inverse of `H_n^H X H_n`, as on the central path, and so small that `S` is well inside its cone.
    pub fn start(&mut self) -> Result<(), Error> {
        let gains = |i: usize| self.channels.col(i).squared_norm_l2();
        let weakest = (0..self.channels.ncols()).map(gains).fold(f64::INFINITY, f64::min);
        let kappa = 2.0 / weakest;
        if !(kappa.is_finite() && kappa > 0.0) {
            return Err(Error::Numerical { operation: "the interior-point method's start" });
        }
        self.x.fill(c64::new(0.0, 0.0));
        (0..self.receive).for_each(|i| self.x[(i, i)].re = kappa);
        let barrier = kappa * self.receive as f64 / (self.receive + self.channels.ncols()) as f64;
        self.u.fill(c64::new(0.0, 0.0));
        for block in &self.blocks {
            for i in 0..block.side {
                let gain = self.channels.col(block.offset + i).squared_norm_l2();
                self.u[(i, block.offset + i)].re = 0.5 * barrier / (kappa * gain);
            }
        }
        let mut shrink = FIRST_SHRINK;
        for _ in 0..SHRINKINGS {
            let inside = self.update_slack();
            scale(self.u.as_mut(), 1.0 - shrink);
            if inside {
                return Ok(());
            }
            shrink = (2.0 * shrink).min(0.5);
        }
        Err(Error::Numerical { operation: "the interior-point method's start" })
    }

    /// Iterates from the start until the relative gap is below `relative_gap`, rounding stops the progress, or `max_iterations`
    /// are spent. Returns the iterations taken; the caller judges the points by their certificate.
    pub fn solve(&mut self, relative_gap: f64, max_iterations: usize) -> usize {
        let mut iterations = 0;
        while iterations < max_iterations && self.gap() > relative_gap * trace(self.x.as_ref()) {
            if !(self.update_slack() && self.assemble()) {
                break;
            }
            let (mut predictor, mut corrector) =
                (std::mem::take(&mut self.predictor), std::mem::take(&mut self.corrector));
            let (primal_step, dual_step) = self.directions_and_steps(&mut predictor, &mut corrector);
            let moves = primal_step.max(dual_step) >= SHORTEST_STEP;
            if moves {
                add_scaled(self.x.as_mut(), corrector.x.as_ref(), primal_step);
                for block in &self.blocks {
                    add_scaled(block.of_mut(&mut self.u), block.of(&corrector.u), dual_step);
                }
                iterations += 1;
            }
            (self.predictor, self.corrector) = (predictor, corrector);
            if !moves {
                break;
            }
        }
        iterations
    }

    /// `tr X − Σ tr U_n`.
    fn gap(&self) -> f64 {
        trace(self.x.as_ref()) - self.blocks.iter().map(|block| trace(block.of(&self.u))).sum::<f64>()
    }

    /// `S = I − Σ H_n U_n H_n^H` and its inverse. `false` if it is not positive definite.
    fn update_slack(&mut self) -> bool {
        received(&self.blocks, &self.channels, &self.u, &mut self.wide, self.s.as_mut());
        scale(self.s.as_mut(), -1.0);
        (0..self.receive).for_each(|i| self.s[(i, i)].re += 1.0);
        self.square.copy_from(&self.s);
        if !factorize(self.square.as_mut(), &mut self.scratch) {
            return false;
        }
        self.correction.fill(c64::new(0.0, 0.0));
        invert_lower_triangular(self.correction.as_mut(), self.square.as_ref(), Par::Seq);
        let inverse = self.correction.as_ref();
        multiply_adjoint(self.s_inverse.as_mut(), Accum::Replace, inverse, inverse);
        make_hermitian(self.s_inverse.as_mut());
        true
    }

    /// `P`, `R`, the `Z_n` and `U_n^{-1}`, and the factored Newton matrix. `false` where rounding has made a matrix indefinite.
    fn assemble(&mut self) -> bool {
        let h = self.channels.as_ref();
        for (middle, result) in [(&self.x, &mut self.p), (&self.s_inverse, &mut self.r)] {
            multiply(self.wide.as_mut(), Accum::Replace, middle.as_ref(), h);
            multiply_adjoint(result.as_mut(), Accum::Replace, h, self.wide.as_ref());
            make_hermitian(result.as_mut());
        }
        let mut newton = self.newton.as_mut();
        for (m, second) in self.blocks.iter().enumerate() {
            let mut z = second.of_mut(&mut self.z);
            z.copy_from(self.p.as_ref().submatrix(second.offset, second.offset, second.side, second.side));
            (0..second.side).for_each(|i| z[(i, i)].re -= 1.0);
            if !invert(
                block_copy(&mut self.small, second.of(&self.u)),
                second.of_mut(&mut self.u_inverse),
                &mut self.small2,
                &mut self.scratch,
            ) {
                return false;
            }
            for (n, first) in self.blocks.iter().enumerate().skip(m) {
                let (i, j) = (first.offset, second.offset);
                if first.side == 1 && second.side == 1 {
                    let (p, r) = (self.p[(i, j)], self.r[(i, j)]);
                    newton[(first.row, second.row)] = p.re * r.re + p.im * r.im;
                } else {
                    let mut target = newton.rb_mut().submatrix_mut(
                        first.row,
                        second.row,
                        first.side * first.side,
                        second.side * second.side,
                    );
                    target.fill(0.0);
                    let p = self.p.as_ref().submatrix(i, j, first.side, second.side);
                    let r = self.r.as_ref().submatrix(i, j, first.side, second.side);
                    coordinates::add_product(target, p, r);
                }
                if n == m {
                    let count = first.side * first.side;
                    let target = newton.rb_mut().submatrix_mut(first.row, first.row, count, count);
                    coordinates::add_product(target, first.of(&self.z), first.of(&self.u_inverse));
                }
            }
        }
        factorize(newton, &mut self.scratch)
    }

    /// Predictor and corrector, and the corrector's steps in `X` and in the `U_n`.
    fn directions_and_steps(&mut self, predictor: &mut Direction, corrector: &mut Direction) -> (f64, f64) {
        let gap = self.gap();
        let degree = (self.receive + self.channels.ncols()) as f64;
        self.direction(0.0, None, predictor);
        let primal_step = self.primal_step(predictor, PREDICTOR_BISECTIONS);
        let dual_step = self.dual_step(predictor, PREDICTOR_BISECTIONS);
        let predicted = self.complementarity(predictor, primal_step, dual_step);
        // Mehrotra: the better the predictor does, the less the centring.
        let target = gap / degree * (predicted / gap).clamp(0.0, 1.0).powi(3);
        self.direction(target, Some(predictor), corrector);
        let primal_step = self.primal_step(corrector, CORRECTOR_BISECTIONS);
        let dual_step = self.dual_step(corrector, CORRECTOR_BISECTIONS);
        (STEP_FRACTION * primal_step, STEP_FRACTION * dual_step)
    }

    /// The direction towards complementarity `target`, with Mehrotra's second-order correction if a predictor is given.
    fn direction(&mut self, target: f64, predictor: Option<&Direction>, out: &mut Direction) {
        let h = self.channels.as_ref();
        if let Some(predictor) = predictor {
            multiply(self.square.as_mut(), Accum::Replace, predictor.s.as_ref(), self.s_inverse.as_ref());
            multiply(self.correction.as_mut(), Accum::Replace, predictor.x.as_ref(), self.square.as_ref());
            make_hermitian(self.correction.as_mut());
            multiply(self.wide.as_mut(), Accum::Replace, self.correction.as_ref(), h);
        }
        for block in &self.blocks {
            let side = block.side;
            let mut rhs = self.small.as_mut().submatrix_mut(0, 0, side, side);
            let r = self.r.as_ref().submatrix(block.offset, block.offset, side, side);
            let inverse = block.of(&self.u_inverse);
            for j in 0..side {
                for i in 0..side {
                    rhs[(i, j)] = (inverse[(i, j)] - r[(i, j)]) * target;
                }
                rhs[(j, j)].re += 1.0;
            }
            if let Some(predictor) = predictor {
                multiply_adjoint(
                    rhs.rb_mut(),
                    Accum::Add,
                    block.columns(&self.channels),
                    block.columns(&self.wide),
                );
                let mut product = self.small2.as_mut().submatrix_mut(0, 0, side, side);
                multiply(product.rb_mut(), Accum::Replace, block.of(&predictor.u), inverse);
                scale(product.rb_mut(), -1.0);
                multiply(rhs.rb_mut(), Accum::Add, block.of(&predictor.z), product.as_ref());
            }
            let mut entries = self.right.as_mut().col_mut(0).subrows_mut(block.row, side * side);
            if let Some(entries) = entries.rb_mut().try_as_col_major_mut() {
                coordinates::write(rhs.as_ref(), entries.as_slice_mut());
            }
        }
        solve_lower_triangular_in_place(self.newton.as_ref(), self.right.as_mut(), Par::Seq);
        solve_upper_triangular_in_place(self.newton.transpose(), self.right.as_mut(), Par::Seq);
        for block in &self.blocks {
            let entries = self.right.as_ref().col(0).subrows(block.row, block.side * block.side);
            if let Some(entries) = entries.try_as_col_major() {
                coordinates::read(entries.as_slice(), block.of_mut(&mut out.u));
            }
        }
        received(&self.blocks, &self.channels, &out.u, &mut self.wide, out.s.as_mut());
        scale(out.s.as_mut(), -1.0);
        // ΔX = τ S^{-1} − X − sym(X ΔS S^{-1}) − correction
        multiply(self.square.as_mut(), Accum::Replace, out.s.as_ref(), self.s_inverse.as_ref());
        multiply(out.x.as_mut(), Accum::Replace, self.x.as_ref(), self.square.as_ref());
        scale(out.x.as_mut(), -1.0);
        make_hermitian(out.x.as_mut());
        add_scaled(out.x.as_mut(), self.x.as_ref(), -1.0);
        add_scaled(out.x.as_mut(), self.s_inverse.as_ref(), target);
        if predictor.is_some() {
            add_scaled(out.x.as_mut(), self.correction.as_ref(), -1.0);
        }
        multiply(self.wide.as_mut(), Accum::Replace, out.x.as_ref(), h);
        for block in &self.blocks {
            let mut z = block.of_mut(&mut out.z);
            multiply_adjoint(
                z.rb_mut(),
                Accum::Replace,
                block.columns(&self.channels),
                block.columns(&self.wide),
            );
            make_hermitian(z);
        }
    }

    /// The longest step in `[0, 1]` that keeps `X` and every `Z_n` positive definite.
    fn primal_step(&mut self, direction: &Direction, bisections: usize) -> f64 {
        let mut step = 1.0;
        for block in &self.blocks {
            let (z, dz) = (block.of(&self.z), block.of(&direction.z));
            step = longest(z, dz, step, bisections, &mut self.small, &mut self.scratch);
        }
        longest(self.x.as_ref(), direction.x.as_ref(), step, bisections, &mut self.square, &mut self.scratch)
    }

    /// The longest step in `[0, 1]` that keeps every `U_n` and `S` positive definite.
    fn dual_step(&mut self, direction: &Direction, bisections: usize) -> f64 {
        let mut step = 1.0;
        for block in &self.blocks {
            let (u, du) = (block.of(&self.u), block.of(&direction.u));
            step = longest(u, du, step, bisections, &mut self.small, &mut self.scratch);
        }
        longest(self.s.as_ref(), direction.s.as_ref(), step, bisections, &mut self.square, &mut self.scratch)
    }

    /// `⟨X, S⟩ + Σ ⟨Z_n, U_n⟩` after the steps, which is the duality gap there.
    fn complementarity(&self, direction: &Direction, primal_step: f64, dual_step: f64) -> f64 {
        let pair = |a: MatRef<'_, c64>, da: MatRef<'_, c64>, b: MatRef<'_, c64>, db: MatRef<'_, c64>| {
            inner(a, b)
                + primal_step * inner(da, b)
                + dual_step * inner(a, db)
                + primal_step * dual_step * inner(da, db)
        };
        let of_block = |block: &Block| {
            pair(block.of(&self.z), block.of(&direction.z), block.of(&self.u), block.of(&direction.u))
        };
        pair(self.x.as_ref(), direction.x.as_ref(), self.s.as_ref(), direction.s.as_ref())
            + self.blocks.iter().map(of_block).sum::<f64>()
    }

    /// The multipliers of one device, `U_n`, whitened.
    pub fn multiplier(&self, device: usize) -> MatRef<'_, c64> {
        self.blocks[device].of(&self.u)
    }
}

/// `Σ H_n U_n H_n^H`, Hermitian.
fn received(
    blocks: &[Block],
    channels: &Mat<c64>,
    weights: &Strip,
    product: &mut Mat<c64>,
    mut out: MatMut<'_, c64>,
) {
    for block in blocks {
        let target = product.as_mut().subcols_mut(block.offset, block.side);
        multiply(target, Accum::Replace, block.columns(channels), block.of(weights));
    }
    multiply_by_adjoint(out.rb_mut(), product.as_ref(), channels.as_ref());
    make_hermitian(out);
}

/// The longest step in `[0, limit]` along which a matrix stays positive definite, to within a bisection's last interval.
fn longest(
    current: MatRef<'_, c64>,
    change: MatRef<'_, c64>,
    limit: f64,
    bisections: usize,
    trial: &mut Mat<c64>,
    scratch: &mut Scratch,
) -> f64 {
    let side = current.nrows();
    if side == 1 {
        let (value, slope) = (current[(0, 0)].re, change[(0, 0)].re);
        return if value + limit * slope > 0.0 { limit } else { -value / slope };
    }
    let mut inside = |length: f64| {
        let mut trial = trial.as_mut().submatrix_mut(0, 0, side, side);
        for j in 0..side {
            for i in j..side {
                trial[(i, j)] = current[(i, j)] + change[(i, j)] * length;
            }
        }
        factorize(trial, scratch)
    };
    if inside(limit) {
        return limit;
    }
    let (mut good, mut bad) = (0.0, limit);
    for _ in 0..bisections {
        let middle = 0.5 * (good + bad);
        if inside(middle) { good = middle } else { bad = middle }
    }
    good
}

/// The inverse of a positive definite Hermitian matrix, which is overwritten by its factor.
fn invert(
    mut matrix: MatMut<'_, c64>,
    mut out: MatMut<'_, c64>,
    small: &mut Mat<c64>,
    scratch: &mut Scratch,
) -> bool {
    let side = matrix.nrows();
    if side == 1 {
        out[(0, 0)] = c64::new(1.0 / matrix[(0, 0)].re, 0.0);
        return matrix[(0, 0)].re > 0.0;
    }
    if !factorize(matrix.rb_mut(), scratch) {
        return false;
    }
    let mut inverse = small.as_mut().submatrix_mut(0, 0, side, side);
    inverse.fill(c64::new(0.0, 0.0));
    invert_lower_triangular(inverse.rb_mut(), matrix.as_ref(), Par::Seq);
    multiply_adjoint(out.rb_mut(), Accum::Replace, inverse.as_ref(), inverse.as_ref());
    make_hermitian(out);
    true
}

fn block_copy<'a>(target: &'a mut Mat<c64>, source: MatRef<'_, c64>) -> MatMut<'a, c64> {
    let mut target = target.as_mut().submatrix_mut(0, 0, source.nrows(), source.ncols());
    target.copy_from(source);
    target
}

fn scale(mut matrix: MatMut<'_, c64>, factor: f64) {
    for column in matrix.rb_mut().col_iter_mut() {
        column.iter_mut().for_each(|entry| *entry *= factor);
    }
}

/// `M ← M + factor·D`.
fn add_scaled(mut matrix: MatMut<'_, c64>, direction: MatRef<'_, c64>, factor: f64) {
    for (target, source) in matrix.rb_mut().col_iter_mut().zip(direction.col_iter()) {
        target.iter_mut().zip(source.iter()).for_each(|(target, source)| *target += *source * factor);
    }
}
