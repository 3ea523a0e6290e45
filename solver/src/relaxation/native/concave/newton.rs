//! One iteration's linear algebra: the frame, the Newton system, directions and steps.

use super::device::Device;
use super::dual_system::DualSystem;
use super::operator::Operator;
use super::primal_system::PrimalSystem;
use super::{Iterate, SHORTEST_STEP};
use crate::linalg::{
    Scratch, add_scaled, eigen_into, factorize, make_hermitian, multiply, scale, squared_norm, trace,
};
use crate::relaxation::native::Elimination;
use faer::linalg::triangular_solve::solve_upper_triangular_in_place;
use faer::prelude::ReborrowMut;
use faer::traits::Conjugate;
use faer::{Col, Mat, MatMut, MatRef, Par, c64};

/// A search direction; its matrices are in the frame of [`Newton`].
#[derive(Debug, Clone)]
pub(super) struct Direction {
    pub x: Mat<c64>,
    pub s: Mat<c64>,
    pub multiplier: Vec<f64>,
    pub slack: Vec<f64>,
    /// The coordinates of the `ΔU_n` in first order, divided by `K^{1/2}`.
    pub u: Vec<f64>,
}

impl Direction {
    /// For `receive` antennas and devices of the given `sides`.
    pub fn new(receive: usize, sides: &[usize]) -> Self {
        let (square, list) = (|| Mat::zeros(receive, receive), || vec![0.0; sides.len()]);
        let unknowns = sides.iter().map(|side| side * side).sum();
        Self { x: square(), s: square(), multiplier: list(), slack: list(), u: vec![0.0; unknowns] }
    }
}

/// `F` with `S^{-1} = F F^H`, and what the iterate is in it: `X = F X' F^H`, `S = F^{-H} S' F^{-1}`.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    frame: Mat<c64>,
    /// `F^{-H}`.
    dual_frame: Mat<c64>,
    /// `X'`.
    pub x: Mat<c64>,
    /// `S' = I`.
    s: Mat<c64>,
    /// `r = F^H (I − S − Σ H_n U_n H_n^H) F`.
    pub residual: Mat<c64>,
    /// What `ΔS` and the first order of the `ΔU_n` are to sum up to: `r`, less what the `U_n` change by in second order.
    pub remainder: Mat<c64>,
    product: Mat<c64>,
    eigenvalues: Col<c64>,
}

impl Frame {
    fn new(receive: usize) -> Self {
        let square = || Mat::zeros(receive, receive);
        Self {
            frame: square(),
            dual_frame: square(),
            x: square(),
            s: Mat::identity(receive, receive),
            residual: square(),
            remainder: square(),
            product: square(),
            eigenvalues: Col::zeros(receive),
        }
    }

    /// `F = L^{-H}` with `S = L L^H`, or `L^{-H} V` with the eigenvectors of `L^H X L` where `X'` is to be diagonal. `false` where rounding
    /// has made a matrix indefinite.
    fn update(
        &mut self,
        iterate: &Iterate,
        residual: &Mat<c64>,
        diagonal: bool,
        scratch: &mut Scratch,
    ) -> bool {
        let Self { frame, dual_frame, x, product, eigenvalues, .. } = self;
        dual_frame.copy_from(&iterate.s);
        if !factorize(dual_frame.as_mut(), scratch) {
            return false;
        }
        let zero = c64::new(0.0, 0.0);
        for j in 1..dual_frame.ncols() {
            dual_frame.as_mut().col_mut(j).subrows_mut(0, j).fill(zero);
        }
        x.copy_from(&iterate.x);
        turn(x.as_mut(), dual_frame.adjoint(), product);
        if diagonal {
            if !eigen_into(x.as_ref(), eigenvalues.as_mut(), Some(frame.as_mut()), scratch) {
                return false;
            }
            x.fill(zero);
            (0..x.nrows()).for_each(|i| x[(i, i)].re = eigenvalues[i].re);
            multiply(product.as_mut(), dual_frame.as_ref(), frame.as_ref());
            solve_upper_triangular_in_place(dual_frame.adjoint(), frame.as_mut(), Par::Seq);
            dual_frame.copy_from(&*product);
        } else {
            product.copy_from(&*x);
            if !factorize(product.as_mut(), scratch) {
                return false;
            }
            frame.fill(zero);
            frame.diagonal_mut().fill(c64::new(1.0, 0.0));
            solve_upper_triangular_in_place(dual_frame.adjoint(), frame.as_mut(), Par::Seq);
        }
        self.residual.copy_from(residual);
        turn(self.residual.as_mut(), self.frame.adjoint(), &mut self.product);
        (0..self.x.nrows()).all(|i| self.x[(i, i)].re > 0.0)
    }

    /// `ΔS = r − 𝓗 K^{1/2} u`, with the remainder for `r`.
    pub fn write_slack(&self, operator: &mut Operator, u: &[f64], mut out: MatMut<'_, c64>) {
        operator.received(u, out.rb_mut());
        scale(out.rb_mut(), -1.0);
        add_scaled(out, self.remainder.as_ref(), 1.0);
    }
}

/// `D ← G D G^H`, Hermitian.
fn turn<G>(mut d: MatMut<'_, c64>, g: MatRef<'_, G>, product: &mut Mat<c64>)
where
    G: Conjugate<Canonical = c64>,
{
    multiply(product.as_mut(), g, d.as_ref());
    multiply(d.rb_mut(), product.as_ref(), g.adjoint());
    make_hermitian(d);
}

/// The Newton system at one iterate.
///
/// In the frame `F`, `S^{-1} = F F^H` and `X = F X' F^H`, the linearized complementarity `X S = τI` reads `ΔX + W ΔS = b = τI − X'`, `W`
/// taking `D` to `(X' D + D X')/2`; from here on `ΔX` and `ΔS` are in the frame. Let `u` be the coordinates of the `ΔU_n`, in the
/// eigenbases of the `M_n`, divided by `K_n^{1/2}`, and `𝓗: ΔU ↦ Σ F^H H_n ΔU_n H_n^H F`. The Newton equations are
///
/// `ΔX + W ΔS = b`,  `ΔS = r − 𝓗 K^{1/2} u`,  `u = −K^{1/2} 𝓗ᵀ ΔX + z Δλ`,  `β Δλ = γ − zᵀ K^{1/2} 𝓗ᵀ ΔX`,
///
/// `r` being the residual of `S = I − Σ H_n U_n H_n^H`, `β_n = −∂²h_n/∂λ_n² + s_n/λ_n`. [`dual_system`](super::dual_system) eliminates all but
/// `u`, [`primal_system`](super::primal_system) all but `ΔX`, in a frame in which `X'` is diagonal.
#[derive(Debug, Clone)]
pub(super) struct Newton {
    frame: Frame,
    operator: Operator,
    /// `β_n`.
    softness: Vec<f64>,
    /// `γ_n`.
    drive: Vec<f64>,
    system: System,
    /// The matrix of a step on trial.
    trial: Mat<c64>,
}

#[derive(Debug, Clone)]
enum System {
    Dual(Box<DualSystem>),
    Primal(Box<PrimalSystem>),
}

impl Newton {
    pub fn new(receive: usize, sides: &[usize], elimination: Elimination) -> Self {
        let list = || vec![0.0; sides.len()];
        Self {
            frame: Frame::new(receive),
            operator: Operator::new(receive, sides),
            softness: list(),
            drive: list(),
            system: match elimination {
                Elimination::Dual => System::Dual(Box::new(DualSystem::new(receive, sides))),
                Elimination::Primal => System::Primal(Box::new(PrimalSystem::new(receive, sides))),
            },
            trial: Mat::zeros(receive, receive),
        }
    }

    /// Moves to an iterate: its devices, `[H_1 V_1 … H_N V_N]` with the eigenvectors of the `M_n`, and `I − S − Σ H_n U_n H_n^H`.
    /// `false` where rounding has made a matrix indefinite: the iterate is as good as it gets.
    pub fn update(
        &mut self,
        iterate: &Iterate,
        devices: &[Device],
        eigenbases: &Mat<c64>,
        residual: &Mat<c64>,
        scratch: &mut Scratch,
    ) -> bool {
        let Self { frame, operator, softness, system, .. } = self;
        if !frame.update(iterate, residual, matches!(system, System::Primal(_)), scratch) {
            return false;
        }
        operator.update(frame.frame.as_ref(), eigenbases.as_ref(), devices);
        for (n, softness) in softness.iter_mut().enumerate() {
            *softness = devices[n].curvature + iterate.slack[n] / iterate.multiplier[n];
        }
        match system {
            System::Dual(system) => system.assemble(frame, operator, devices, softness, scratch),
            System::Primal(system) => system.assemble(frame, operator, devices, softness, scratch),
        }
    }

    /// The direction towards complementarity `target`; with an estimate of it, with the second-order terms that the estimate has: products in
    /// the complementarity, as Mehrotra's corrector, and what the `U_n` and the budgets left bend by.
    pub fn direction(
        &mut self,
        iterate: &Iterate,
        devices: &[Device],
        target: f64,
        estimate: Option<&Direction>,
        out: &mut Direction,
    ) {
        let Self { frame, operator, softness, drive, system, .. } = self;
        match estimate {
            None => out.x.fill(c64::new(0.0, 0.0)),
            Some(estimate) => {
                multiply(out.x.as_mut(), estimate.x.as_ref(), estimate.s.as_ref());
                make_hermitian(out.x.as_mut());
                scale(out.x.as_mut(), -1.0);
            }
        }
        add_scaled(out.x.as_mut(), frame.x.as_ref(), -1.0);
        (0..out.x.nrows()).for_each(|i| out.x[(i, i)].re += target);
        // What λ_n s_n should be, divided by λ_n.
        let wanted = |n: usize| {
            let correction = estimate.map_or(0.0, |last| last.multiplier[n] * last.slack[n]);
            (target - correction) / iterate.multiplier[n]
        };
        drive.iter_mut().enumerate().for_each(|(n, drive)| *drive = wanted(n) - devices[n].slack);
        frame.remainder.copy_from(&frame.residual);
        if let Some(Direction { u, multiplier, .. }) = estimate {
            operator.bend(u, multiplier, devices, drive, frame.product.as_mut());
            add_scaled(frame.remainder.as_mut(), frame.product.as_ref(), -1.0);
        }
        match system {
            System::Dual(system) => system.solve(frame, operator, devices, softness, drive, out),
            System::Primal(system) => system.solve(frame, operator, devices, drive, out),
        }
        for (n, change) in out.slack.iter_mut().enumerate() {
            let (multiplier, slack) = (iterate.multiplier[n], iterate.slack[n]);
            *change = wanted(n) - slack - slack / multiplier * out.multiplier[n];
        }
    }

    /// `fraction` of the longest primal and dual steps, at most 1, that keep `X` and `s_n`, and `S` and `λ_n`, positive; what is positive
    /// definite is found by so many `bisections`.
    pub fn steps(
        &mut self,
        iterate: &Iterate,
        direction: &Direction,
        fraction: f64,
        bisections: usize,
        scratch: &mut Scratch,
    ) -> (f64, f64) {
        let Self { frame, trial, .. } = self;
        let longest = |changes: &[f64], values: &[f64]| {
            let decrease =
                changes.iter().zip(values).map(|(change, value)| -change / value).fold(0.0, f64::max);
            (1.0 / decrease).min(1.0 / fraction)
        };
        let mut inside = |current: &Mat<c64>, change: &Mat<c64>, length: f64| {
            for j in 0..trial.ncols() {
                let entries = current.col_as_slice(j)[j..].iter().zip(&change.col_as_slice(j)[j..]);
                let out = trial.col_as_slice_mut(j)[j..].iter_mut();
                out.zip(entries).for_each(|(out, (current, change))| *out = *current + *change * length);
            }
            factorize(trial.as_mut(), scratch)
        };
        let limit = longest(&direction.slack, &iterate.slack);
        let primal = bisect(limit, bisections, |length| inside(&frame.x, &direction.x, length));
        let limit = longest(&direction.multiplier, &iterate.multiplier);
        let dual = bisect(limit, bisections, |length| inside(&frame.s, &direction.s, length));
        (fraction * primal, fraction * dual)
    }

    /// The largest of the residuals of `S` and the `s_n`, each relative to `S` or `s_n`.
    pub fn infeasibility(&self, iterate: &Iterate, devices: &[Device]) -> f64 {
        let relative = |(device, slack): (&Device, &f64)| (device.slack / slack - 1.0).abs();
        let matrix = squared_norm(self.frame.residual.as_ref()).sqrt();
        devices.iter().zip(&iterate.slack).map(relative).fold(matrix, f64::max)
    }

    /// `⟨X, S⟩ + Σ λ_n s_n`.
    pub fn complementarity(&self, iterate: &Iterate) -> f64 {
        let scalars = iterate.multiplier.iter().zip(&iterate.slack);
        trace(self.frame.x.as_ref()) + scalars.map(|(multiplier, slack)| multiplier * slack).sum::<f64>()
    }

    /// Moves the iterate; the direction is turned out of the frame.
    pub fn advance(&mut self, iterate: &mut Iterate, direction: &mut Direction, primal: f64, dual: f64) {
        let Frame { frame, dual_frame, product, .. } = &mut self.frame;
        turn(direction.x.as_mut(), frame.as_ref(), product);
        turn(direction.s.as_mut(), dual_frame.as_ref(), product);
        add_scaled(iterate.x.as_mut(), direction.x.as_ref(), primal);
        add_scaled(iterate.s.as_mut(), direction.s.as_ref(), dual);
        let add = |current: &mut [f64], changes: &[f64], step: f64| {
            current.iter_mut().zip(changes).for_each(|(value, change)| *value += step * change);
        };
        add(&mut iterate.multiplier, &direction.multiplier, dual);
        add(&mut iterate.slack, &direction.slack, primal);
    }
}

/// The largest length in `[0, limit]` that is `inside`, to within the last of `bisections` once one is, 0 if it is below
/// [`SHORTEST_STEP`].
fn bisect(limit: f64, bisections: usize, mut inside: impl FnMut(f64) -> bool) -> f64 {
    if inside(limit) {
        return limit;
    }
    let (mut good, mut bad) = (0.0, limit);
    let mut left = bisections;
    while left > 0 && bad > SHORTEST_STEP {
        let middle = 0.5 * (good + bad);
        if inside(middle) {
            good = middle
        } else {
            bad = middle
        }
        // Until one is inside, the next is half as long.
        if good > 0.0 {
            left -= 1;
        }
    }
    good
}
