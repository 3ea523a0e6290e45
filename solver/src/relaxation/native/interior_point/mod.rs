//! A primal–dual interior-point method on the complex Hermitian cone (theory, section 3), for
//!
//! min `tr X` s.t. `Z_n = H_n^H X H_n − I ⪰ 0`  and its dual  max `Σ tr U_n` s.t. `S = I − Σ H_n U_n H_n^H ⪰ 0`,
//!
//! with `H_n = Q_n diag(s_n)` whitened by its demand, `Q_n` with orthonormal columns. Every iterate is strictly feasible on both
//! sides, so its gap `tr X − Σ tr U_n` is a true one.
//!
//! Search directions are those of Nesterov and Todd, with Mehrotra's corrector. Frames make the two matrices of each pair one diagonal
//! matrix ([`scaling`]), with `E = F^{-H}`: `X = F Λ F^H`, `S = E Λ E^H`, `U_n = F_n Λ_n F_n^H`, `Z_n = E_n Λ_n E_n^H`. With `W = F F^H` and
//! `W_n = F_n F_n^H`, the Newton equations are
//!
//! `ΔX + W ΔS W = F x̄ F^H`,  `ΔU_n + W_n ΔZ_n W_n = F_n z̄_n F_n^H`,  `ΔS = −Σ H_n ΔU_n H_n^H`,  `ΔZ_n = H_n^H ΔX H_n`,
//!
//! `x̄ = τΛ^{-1} − Λ + correction`, `z̄_n = τΛ_n^{-1} − Λ_n + correction`. [`dual_system`] eliminates all but the `ΔU_n`, [`primal_system`]
//! all but `ΔX`; the smaller system is taken.
//! All memory is in [`InteriorPoint`] and is kept from one problem to the next: no iteration allocates.

mod channels;
mod direction;
mod dual_system;
mod primal_system;
mod scaling;
#[cfg(test)]
mod tests;

use crate::error::Error;
use crate::linalg::{add_scaled, inner, scale, trace};
use channels::{Block, Channels, Strip};
use direction::{Direction, Elimination, Scalings, System};
use faer::{Mat, MatMut, MatRef, c64};
use scaling::{Scaling, Work, write_target};

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

/// Memory of the method, kept from one problem to the next.
#[derive(Debug, Clone)]
pub(super) struct InteriorPoint {
    sides: Vec<usize>,
    /// The `H_n`, whitened.
    channels: Channels,
    /// `X`.
    pub x: Mat<c64>,
    /// The `U_n`, whitened: `Σ tr U_n` is the dual value.
    u: Strip,
    s: Mat<c64>,
    z: Strip,
    scalings: Scalings,
    system: System,
    predictor: Direction,
    corrector: Direction,
    work: Work,
}

impl Default for InteriorPoint {
    /// Room for nothing.
    fn default() -> Self {
        Self::new(0, &[], Elimination::Dual)
    }
}

impl InteriorPoint {
    /// Makes room for a problem with `receive` antennas and devices of the given `sides`.
    pub fn reserve(&mut self, receive: usize, sides: &[usize]) {
        let unknowns: usize = sides.iter().map(|side| side * side).sum();
        let elimination = if unknowns <= receive * receive { Elimination::Dual } else { Elimination::Primal };
        if self.x.nrows() != receive || self.sides != sides {
            *self = Self::new(receive, sides, elimination);
        }
    }

    fn new(receive: usize, sides: &[usize], elimination: Elimination) -> Self {
        let side = sides.iter().copied().max().unwrap_or(0);
        let columns = sides.iter().sum();
        let strip = || Mat::zeros(side, columns);
        let square = || Mat::zeros(receive, receive);
        let direction = || Direction::new(receive, side, columns);
        Self {
            sides: sides.to_vec(),
            channels: Channels::new(receive, sides),
            x: square(),
            u: strip(),
            s: square(),
            z: strip(),
            scalings: Scalings { whole: Scaling::new(receive, receive), parts: Scaling::new(side, columns) },
            system: System::new(elimination, receive, sides),
            predictor: direction(),
            corrector: direction(),
            work: Work::new(receive.max(side)),
        }
    }

    /// Where to write one device's `H_n`, whitened, before [`start`](Self::start).
    pub fn channel_mut(&mut self, device: usize) -> MatMut<'_, c64> {
        self.channels.blocks[device].columns_mut(&mut self.channels.columns)
    }

    /// A strictly feasible start: `X = κI` with `κ` twice what the weakest direction needs, `U_n` diagonal and proportional to the
    /// inverse of `H_n^H X H_n`, as on the central path, and so small that `S` is well inside its cone.
    pub fn start(&mut self) -> Result<(), Error> {
        let gains = |i: usize| self.channels.columns.col(i).squared_norm_l2();
        let weakest = (0..self.channels.columns.ncols()).map(gains).fold(f64::INFINITY, f64::min);
        let kappa = 2.0 / weakest;
        if !(kappa.is_finite() && kappa > 0.0) {
            return Err(Error::Numerical { operation: "the interior-point method's start" });
        }
        self.x.fill(c64::new(0.0, 0.0));
        (0..self.x.nrows()).for_each(|i| self.x[(i, i)].re = kappa);
        let barrier = kappa * self.x.nrows() as f64 / (self.x.nrows() + self.channels.columns.ncols()) as f64;
        self.u.fill(c64::new(0.0, 0.0));
        for block in &self.channels.blocks {
            for i in 0..block.side {
                let gain = self.channels.columns.col(block.offset + i).squared_norm_l2();
                self.u[(i, block.offset + i)].re = 0.5 * barrier / (kappa * gain);
            }
        }
        let mut shrink = FIRST_SHRINK;
        for _ in 0..SHRINKINGS {
            self.update_slack();
            let inside = self.work.is_positive(self.s.as_ref());
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
            if !self.linearize() {
                break;
            }
            let (mut predictor, mut corrector) =
                (std::mem::take(&mut self.predictor), std::mem::take(&mut self.corrector));
            let (primal_step, dual_step) = self.directions_and_steps(&mut predictor, &mut corrector);
            let moves = primal_step.max(dual_step) >= SHORTEST_STEP;
            if moves {
                add_scaled(self.x.as_mut(), corrector.x.as_ref(), primal_step);
                add_scaled(self.u.as_mut(), corrector.u.as_ref(), dual_step);
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
        trace(self.x.as_ref())
            - self.channels.blocks.iter().map(|block| trace(block.of(&self.u))).sum::<f64>()
    }

    /// `S = I − Σ H_n U_n H_n^H`.
    fn update_slack(&mut self) {
        self.channels.received(&self.u, self.s.as_mut());
        scale(self.s.as_mut(), -1.0);
        (0..self.x.nrows()).for_each(|i| self.s[(i, i)].re += 1.0);
    }

    /// `S` and the `Z_n`, the frames, and the factorized Newton system. `false` where rounding has made a matrix indefinite.
    fn linearize(&mut self) -> bool {
        self.update_slack();
        self.channels.seen(self.x.as_ref(), &mut self.z);
        let Self { channels, scalings, work, .. } = self;
        for block in &channels.blocks {
            let mut z = block.of_mut(&mut self.z);
            (0..block.side).for_each(|i| z[(i, i)].re -= 1.0);
            if !scalings.parts.update(block, block.of(&self.u), z.as_ref(), work) {
                return false;
            }
        }
        let whole = Block::whole(self.x.nrows());
        scalings.whole.update(&whole, self.x.as_ref(), self.s.as_ref(), work)
            && self.system.assemble(channels, scalings, work)
    }

    /// Predictor and corrector, and the corrector's steps in `X` and in the `U_n`.
    fn directions_and_steps(&mut self, predictor: &mut Direction, corrector: &mut Direction) -> (f64, f64) {
        let gap = self.gap();
        let degree = (self.x.nrows() + self.channels.columns.ncols()) as f64;
        self.direction(0.0, None, predictor);
        let (primal_step, dual_step) = self.steps(predictor, PREDICTOR_BISECTIONS);
        let predicted = self.complementarity(predictor, primal_step, dual_step);
        // Mehrotra: the better the predictor does, the less the centring.
        let target = gap / degree * (predicted / gap).clamp(0.0, 1.0).powi(3);
        self.turn_to_frames(predictor);
        self.direction(target, Some(predictor), corrector);
        let (primal_step, dual_step) = self.steps(corrector, CORRECTOR_BISECTIONS);
        (STEP_FRACTION * primal_step, STEP_FRACTION * dual_step)
    }

    /// The direction towards complementarity `target`, with Mehrotra's second-order correction if a predictor, in the frames, is
    /// given.
    fn direction(&mut self, target: f64, predictor: Option<&Direction>, out: &mut Direction) {
        let Scalings { whole, parts } = &self.scalings;
        let pair = predictor.map(|predictor| (predictor.x.as_ref(), predictor.s.as_ref()));
        write_target(out.x.as_mut(), &whole.lambda, target, pair);
        for block in &self.channels.blocks {
            let pair = predictor.map(|predictor| (block.of(&predictor.u), block.of(&predictor.z)));
            write_target(block.of_mut(&mut out.z), &parts.lambda[block.range()], target, pair);
        }
        self.system.solve(&mut self.channels, &self.scalings, &mut self.work, out);
    }

    /// `F^{-1} ΔX F^{-H}` and `E^{-1} ΔS E^{-H}` in place of `ΔX` and `ΔS`, and the same for each device.
    fn turn_to_frames(&mut self, direction: &mut Direction) {
        let Scalings { whole, parts } = &self.scalings;
        self.work.turn_back(direction.x.as_mut(), whole.dual_frame.as_ref());
        self.work.turn_back(direction.s.as_mut(), whole.frame.as_ref());
        for block in &self.channels.blocks {
            self.work.turn_back(block.of_mut(&mut direction.u), block.of(&parts.dual_frame));
            self.work.turn_back(block.of_mut(&mut direction.z), block.of(&parts.frame));
        }
    }

    /// The longest steps in `[0, 1]` that keep `X` and every `Z_n`, and `S` and every `U_n`, positive definite.
    fn steps(&mut self, direction: &Direction, bisections: usize) -> (f64, f64) {
        let (mut primal, mut dual) = (1.0, 1.0);
        let work = &mut self.work;
        for block in &self.channels.blocks {
            primal = work.longest_step(block.of(&self.z), block.of(&direction.z), primal, bisections);
            dual = work.longest_step(block.of(&self.u), block.of(&direction.u), dual, bisections);
        }
        (
            work.longest_step(self.x.as_ref(), direction.x.as_ref(), primal, bisections),
            work.longest_step(self.s.as_ref(), direction.s.as_ref(), dual, bisections),
        )
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
            + self.channels.blocks.iter().map(of_block).sum::<f64>()
    }

    /// The multipliers of one device, `U_n`, whitened.
    pub fn multiplier(&self, device: usize) -> MatRef<'_, c64> {
        self.channels.blocks[device].of(&self.u)
    }
}
