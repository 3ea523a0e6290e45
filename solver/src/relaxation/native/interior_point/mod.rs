//! A primal–dual interior-point method on the complex Hermitian cone (theory, section 3), for
//!
//! min `tr X` s.t. `Z_n = h_n^H X h_n − I ⪰ 0`  and its dual  max `Σ tr W_n` s.t. `S = I − Σ h_n W_n h_n^H ⪰ 0`,
//!
//! with `h_n = Q_n Σ_n/√c_n`, the channel `H_n = Q_n Σ_n V_n^H` in its singular bases and whitened by its demand, and `W_n = c_n V_n^H U_n V_n`.
//! Every iterate is strictly feasible on both sides, up to rounding, so its gap `tr X − Σ tr W_n` is a true one.
//!
//! A step aims at `X S = τI` and `W_n Z_n = τI` with `τ` a part of the mean complementarity. With `ΔS = −Σ h_n ΔW_n h_n^H` and
//! `ΔZ_n = h_n^H ΔX h_n`, the direction of Helmberg, Kojima and Monteiro solves
//!
//! `ΔX + sym(X ΔS S^{-1}) = τS^{-1} − X − sym(ΔX' ΔS' S^{-1})`,  `ΔZ_n + sym(Z_n ΔW_n W_n^{-1}) = τW_n^{-1} − Z_n − sym(ΔZ_n' ΔW_n' W_n^{-1})`,
//!
//! and its dual the same with the roles of `(X, Z_n)` and `(S, W_n)` exchanged. Primes mark an estimate of the direction itself: nothing at
//! first, then what [`mixing`] makes of the last solutions, so that a few of them with one factorization come close to a step that satisfies the
//! equations of complementarity whole, and may go nearly all the way. Mehrotra's corrector is the first of them.
//! [`dual_system`] eliminates all but the `ΔW_n`, [`primal_system`], for the dual direction, all but `ΔX`; the smaller system is taken.
//!
//! All memory is in [`InteriorPoint`] and is kept from one problem to the next: no iteration allocates.

mod channels;
mod direction;
mod dual_system;
mod lanes;
mod mixing;
mod packs;
mod primal_system;
mod start;
#[cfg(test)]
mod tests;
mod work;

use crate::linalg::{add_scaled, eigenvalues, scale, trace};
use crate::relaxation::native::Elimination;
use channels::Channels;
use direction::{Direction, System, Target};
use faer::{Mat, MatRef, c64};
use lanes::Lanes;
use mixing::Mixing;
use packs::Parts;
use work::Work;

/// A step of length `a` to the boundary goes `a` times this much of the way, the first number and `a` times the second: where the
/// boundary cuts a step short it is kept away from.
const STEP_FRACTION: [f64; 2] = [0.9, 0.097];
/// The part of the mean complementarity that a step aims at; then what it aims at instead where that leads to short steps. The last does nothing but
/// centre.
///
/// Solutions are cheap beside the factorization that they share, and each adds an order to the direction: the first aim takes them all. Far from
/// the central path the second order of a full step misleads: there every solution is measured, from the first.
const AIMS: [f64; 3] = [0.005, 0.3, 1.0];
/// What the next step aims at first when one with the first aim went all the way.
const AIM_AFTER_FULL_STEP: f64 = 0.003;
/// Steps shorter than this are short.
const SHORT_STEP: f64 = 0.3;
/// Steps this long need no better direction.
const LONG_STEP: f64 = 0.95;
/// Most solutions of the Newton equations for one direction, the first without an estimate: of [`FEW_UNKNOWNS`] and of more, whose factorization takes
/// longer beside a solution.
const MOST_SOLUTIONS: [usize; 2] = [6, 8];
const FEW_UNKNOWNS: usize = 180;
/// The part of the goal that the step to it should reach: the goal falls with `tr X`, and certifying rounds.
const FINAL_GAP: f64 = 0.5;

/// The last step is looked at where this much of the size of the numbers whose difference `Z_n` is exceeds the relative gap: four digits more than
/// what they lose themselves, because the Newton equations lose others.
const ROUNDING: f64 = 1e-12;

/// The least eigenvalue if it is negative, or 0.
fn least_negative(matrix: MatRef<'_, c64>) -> f64 {
    match eigenvalues(matrix).as_deref() {
        Ok([least, ..]) => least.min(0.0),
        _ => f64::NEG_INFINITY,
    }
}

/// How much of the way a step to the boundary goes.
fn part(step: f64) -> f64 {
    (STEP_FRACTION[0] + STEP_FRACTION[1] * step) * step
}

/// What the next aim depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastStep {
    /// The first aim, all the way.
    Full,
    /// The last aim: another such step would lead nowhere.
    Centred,
    Other,
}

/// A pair of strictly feasible points.
#[derive(Debug, Clone)]
struct Iterate {
    /// `X`.
    x: Mat<c64>,
    s: Mat<c64>,
    /// The `W_n`: `Σ tr W_n` is the dual value.
    w: Parts,
    z: Parts,
}

/// `S^{-1}` and the `W_n^{-1}`, or `X^{-1}` and the `Z_n^{-1}`.
#[derive(Debug, Clone)]
struct Inverses {
    whole: Mat<c64>,
    parts: Parts,
}

impl Inverses {
    /// `false` where rounding has made a matrix indefinite.
    fn update(
        &mut self,
        channels: &Channels,
        whole: MatRef<'_, c64>,
        parts: &Parts,
        work: &mut Work,
    ) -> bool {
        self.update_parts(channels, parts, work) && work.invert(whole, self.whole.as_mut())
    }

    fn update_parts(&mut self, channels: &Channels, parts: &Parts, work: &mut Work) -> bool {
        channels.packs.iter().all(|pack| work.invert_parts(pack, parts, &mut self.parts))
    }
}

/// Memory of the method, kept from one problem to the next.
#[derive(Debug, Clone)]
pub(super) struct InteriorPoint {
    sides: Vec<usize>,
    /// The `h_n`, whitened.
    channels: Channels,
    iterate: Iterate,
    /// The last `X` and the last `W_n` from which a step was taken, so that they were inside the cone.
    interior: (Mat<c64>, Parts),
    inverses: Inverses,
    system: System,
    mixing: Mixing,
    /// The last direction, and the one before it.
    directions: [Direction; 2],
    work: Work,
    last_step: LastStep,
    most_solutions: usize,
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
        if self.iterate.x.nrows() != receive || self.sides != sides {
            let elimination = Elimination::smaller(receive, sides.iter().copied());
            *self = Self::new(receive, sides, elimination);
        }
    }

    fn new(receive: usize, sides: &[usize], elimination: Elimination) -> Self {
        let channels = Channels::new(receive, sides);
        let packs = &channels.packs;
        let (square, parts) = (|| Mat::zeros(receive, receive), || packs::parts(packs));
        let unknowns = elimination.unknowns(receive, sides);
        Self {
            sides: sides.to_vec(),
            iterate: Iterate { x: square(), s: square(), w: parts(), z: parts() },
            interior: (square(), parts()),
            inverses: Inverses { whole: square(), parts: parts() },
            system: System::new(elimination, receive, packs),
            mixing: Mixing::new(receive, packs, unknowns),
            directions: [(); 2].map(|()| Direction::new(receive, packs)),
            work: Work::new(receive, packs),
            last_step: LastStep::Other,
            most_solutions: MOST_SOLUTIONS[usize::from(unknowns > FEW_UNKNOWNS)],
            channels,
        }
    }

    /// Sets one device's `h_n`, whitened and with orthogonal columns, before [`start`](Self::start).
    pub fn set_channel(&mut self, device: usize, entry: impl Fn(usize, usize) -> c64) {
        self.channels.set(device, entry);
    }

    /// `X`.
    pub fn primal(&self) -> &Mat<c64> {
        &self.iterate.x
    }

    /// The multipliers of one device, `W_n`, whitened.
    pub fn multiplier(&self, device: usize) -> Mat<c64> {
        let (pack, lane) = self.channels.place(device);
        pack.matrix(&self.iterate.w, lane)
    }

    /// Iterates from the start until the relative gap is below `relative_gap`, rounding stops the progress, or `max_iterations`
    /// are spent. Returns the iterations taken; the caller judges the points by their certificate.
    pub fn solve(&mut self, relative_gap: f64, max_iterations: usize) -> usize {
        self.interior.0.copy_from(&self.iterate.x);
        self.interior.1.copy_from_slice(&self.iterate.w);
        let mut iterations = 0;
        while iterations < max_iterations {
            let goal = relative_gap * trace(self.iterate.x.as_ref());
            if self.gap() <= goal || !self.linearize() || !self.advance(goal) {
                break;
            }
            iterations += 1;
        }
        if ROUNDING * self.size() > relative_gap {
            self.leave_the_boundary();
        }
        iterations
    }

    /// `tr X · max_n ‖h_n‖²`: how large the numbers are whose difference `Z_n` is.
    fn size(&self) -> f64 {
        let squares = self.channels.columns.col_iter().map(|column| column.squared_norm_l2());
        trace(self.iterate.x.as_ref()) * squares.fold(0.0, f64::max)
    }

    /// Puts back the last interior `X` where the bound of the newest is no better, because rounding has carried it out of the cone; the same with the
    /// `W_n`.
    fn leave_the_boundary(&mut self) {
        let newest = self.upper_bound();
        std::mem::swap(&mut self.iterate.x, &mut self.interior.0);
        if self.upper_bound() >= newest {
            std::mem::swap(&mut self.iterate.x, &mut self.interior.0);
        }
        let newest = self.lower_bound();
        std::mem::swap(&mut self.iterate.w, &mut self.interior.1);
        if self.lower_bound() <= newest {
            std::mem::swap(&mut self.iterate.w, &mut self.interior.1);
        }
    }

    /// `tr X` once `X` is scaled so that no `Z_n` has a negative eigenvalue; infinite where no scale does it.
    fn upper_bound(&mut self) -> f64 {
        self.update_surplus();
        let seen = (0..self.sides.len()).map(|device| {
            let (pack, lane) = self.channels.place(device);
            1.0 + least_negative(pack.matrix(&self.iterate.z, lane).as_ref())
        });
        trace(self.iterate.x.as_ref()) / seen.fold(1.0, f64::min).max(0.0)
    }

    /// `Σ tr W_n` once the `W_n` are scaled so that `S` has no negative eigenvalue.
    fn lower_bound(&mut self) -> f64 {
        self.update_slack();
        self.channels.trace(&self.iterate.w) / (1.0 - least_negative(self.iterate.s.as_ref()))
    }

    /// `tr X − Σ tr W_n`.
    fn gap(&self) -> f64 {
        trace(self.iterate.x.as_ref()) - self.channels.trace(&self.iterate.w)
    }

    /// Whether the gap after a step along the last direction is what the step to the goal should leave.
    fn reaches(&self, goal: f64, steps: (f64, f64)) -> bool {
        let direction = &self.directions[0];
        let (primal, dual) = (trace(direction.x.as_ref()), self.channels.trace(&direction.w));
        self.gap() + part(steps.0) * primal - part(steps.1) * dual <= FINAL_GAP * goal
    }

    /// `R + Σ T_n`, the number of products that make up the gap.
    fn degree(&self) -> f64 {
        (self.iterate.x.nrows() + self.channels.columns.ncols()) as f64
    }

    /// `S = I − Σ h_n W_n h_n^H`.
    fn update_slack(&mut self) {
        let Iterate { s, w, .. } = &mut self.iterate;
        self.channels.received(w, s.as_mut());
        scale(s.as_mut(), -1.0);
        (0..s.nrows()).for_each(|i| s[(i, i)].re += 1.0);
    }

    /// `Z_n = h_n^H X h_n − I`.
    fn update_surplus(&mut self) {
        let Iterate { x, z, .. } = &mut self.iterate;
        self.channels.seen(x.as_ref(), z);
        for pack in &self.channels.packs {
            let part = pack.of_mut(z);
            (0..pack.side).for_each(|i| part[i + i * pack.side] = part[i + i * pack.side] - Lanes::ONE);
        }
    }

    /// `S`, the `Z_n`, and the factorized Newton system. `false` where rounding has made a matrix indefinite.
    fn linearize(&mut self) -> bool {
        self.update_slack();
        self.update_surplus();
        let Self { channels, iterate, inverses, system, work, .. } = self;
        system.assemble(channels, iterate, inverses, work)
    }

    /// One step, of which no more is wanted than a gap below `goal`. `false` if none gains.
    fn advance(&mut self, goal: f64) -> bool {
        let mean = self.gap() / self.degree();
        let mut steps = (0.0, 0.0);
        let (first, aims) = match self.last_step {
            LastStep::Full => (AIM_AFTER_FULL_STEP, &AIMS[..]),
            LastStep::Centred => (AIMS[0], &AIMS[..AIMS.len() - 1]),
            LastStep::Other => (AIMS[0], &AIMS[..]),
        };
        for (index, &aim) in aims.iter().enumerate() {
            let (aim, fewest) = if index == 0 { (first, self.most_solutions) } else { (aim, 1) };
            steps = self.find_direction(aim * mean, fewest, goal);
            self.last_step = match index {
                0 if steps == (1.0, 1.0) => LastStep::Full,
                last if last + 1 == AIMS.len() => LastStep::Centred,
                _ => LastStep::Other,
            };
            if steps.0.min(steps.1) >= SHORT_STEP || self.reaches(goal, steps) {
                break;
            }
        }
        let direction = &self.directions[0];
        // A step of 0 may come from a direction without a number in it.
        if steps.0 > 0.0 {
            self.interior.0.copy_from(&self.iterate.x);
            add_scaled(self.iterate.x.as_mut(), direction.x.as_ref(), part(steps.0));
        }
        if steps.1 > 0.0 {
            self.interior.1.copy_from_slice(&self.iterate.w);
            packs::add_scaled(&mut self.iterate.w, &direction.w, part(steps.1));
        }
        steps.0 > 0.0 || steps.1 > 0.0
    }

    /// The direction towards `complementarity`, repeated until it reaches the goal or, from the `fewest` solutions on, its steps are long
    /// or grow no more. Returns the steps.
    fn find_direction(&mut self, complementarity: f64, fewest: usize, goal: f64) -> (f64, f64) {
        let mut best = (0.0, 0.0);
        self.mixing.restart();
        // The step to the goal need not be as good as one that others follow.
        let final_step = complementarity * self.degree() <= goal;
        for solution in 1..=self.most_solutions {
            self.directions.swap(0, 1);
            let Self { channels, iterate, inverses, system, mixing, directions: [out, last], work, .. } =
                self;
            let target = Target { complementarity, estimate: (solution > 1).then_some(&*last) };
            system.solve(channels, iterate, inverses, target, work, mixing.next());
            mixing.mix(system, out);
            if solution < fewest && !final_step {
                continue;
            }
            let steps = self.steps();
            if final_step && self.reaches(goal, steps) {
                return steps;
            }
            if solution < fewest {
                continue;
            }
            if steps.0 + steps.1 <= best.0 + best.1 {
                self.directions.swap(0, 1);
                break;
            }
            best = steps;
            if steps.0.min(steps.1) >= LONG_STEP {
                break;
            }
        }
        best
    }

    /// Steps in `[0, 1]` that keep `X` and every `Z_n`, and `S` and every `W_n`, positive definite along the last direction.
    fn steps(&mut self) -> (f64, f64) {
        let (mut primal, mut dual) = (1.0, 1.0);
        let Self { channels, iterate, directions: [direction, ..], work, .. } = self;
        for pack in &channels.packs {
            primal = work.longest_step_of_parts(pack, &iterate.z, &direction.z, primal);
            dual = work.longest_step_of_parts(pack, &iterate.w, &direction.w, dual);
        }
        (
            work.longest_step(iterate.x.as_ref(), direction.x.as_ref(), primal),
            work.longest_step(iterate.s.as_ref(), direction.s.as_ref(), dual),
        )
    }
}
