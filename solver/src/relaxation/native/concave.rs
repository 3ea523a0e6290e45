//! `trace_inverse` and `mmse` as one family, by a primal–dual interior-point method for convex–concave saddle functions.
//!
//! With `q_n = p_n/v_n` and `θ_n = σ²/v_n` (`mmse`, in units of `σ²`) or `θ_n = 0` (`trace_inverse`), both are
//!
//! min over `X ⪰ 0`, max over `λ_n ≥ 0` of `tr X + Σ h_n(H_n^H X H_n, λ_n)`,  `h_n(M, λ) = λ (tr (M + θ_n λ I)^{-1} − q_n)`,
//!
//! because `φ(M) = max_μ μ tr (M + μI)^{-1} − μq` with `μ = θλ`, and because `λ_n` is the Lagrange multiplier of
//! `tr M^{-1} ≤ q_n`. With barriers of weight `τ` on `X` and the `λ_n`, the saddle point solves
//!
//! `X S = τI`,  `S = I − Σ H_n U_n H_n^H`,  `λ_n s_n = τ`,  `U_n = λ_n (M_n + θ_n λ_n I)^{-2}`,
//! `s_n = q_n − tr M_n (M_n + θ_n λ_n I)^{-2}`,  `M_n = H_n^H X H_n`.
//!
//! `S` and `s_n` are unknowns of their own, positive throughout; their equations hold in the limit. Newton's method takes the
//! direction of Helmberg–Kojima–Monteiro in the first equation, and the equations are solved several times with one factorization, each time
//! with the second-order terms of the last direction. The `U_n` are
//! functions of `X` and `λ_n`, positive definite always. `h_n` is smooth in relative terms (its third derivative is bounded by its second
//! and the relative size of a step), which is why full steps work from afar.
//!
//! All memory is in [`SaddlePoint`] and is kept from one problem to the next: no iteration allocates.

mod device;
mod dual_system;
mod layout;
mod newton;
mod operator;
mod primal_system;
mod start;
#[cfg(test)]
mod tests;

use super::{Elimination, reduced};
use crate::error::{Error, Quantity};
use crate::linalg::{
    Scratch, congruence, factorize, make_hermitian, multiply, norm, require_full_column_rank, scale,
    side_by_side, squared_norm, trace,
};
use crate::mismatch;
use crate::problem::Problem;
use crate::relaxation::{Options, Points, Solution};
use device::Device;
use faer::prelude::ReborrowMut;
use faer::{Mat, MatRef, c64};
use layout::Block;
use newton::{Direction, Newton};

/// What a step leaves of the way to the boundary: as much as the complementarity is of `tr X`, within these limits. Far from the optimum
/// a longer step would change the `U_n`, which are no linear functions, by more than it gains.
const STEP_MARGIN: (f64, f64) = (0.02, 0.1);
/// What is aimed at, as parts of the mean complementarity, and how many solutions of the Newton equations that takes, each the next one's
/// estimate. The next aim is taken where a step of the last is short.
const AIMS: [(f64, usize); 2] = [(0.01, 4), (0.1, 1)];
const SHORT_STEP: f64 = 0.6;
/// Where residuals ask for more than this part of the mean complementarity, one solution is taken: estimates bend it by as much as makes new residuals, and
/// some instances with a strong line of sight go in circles.
const RESIDUALS_FIRST: f64 = 0.7;
/// Bisections of a step that leaves the cone.
const BISECTIONS: usize = 7;
/// Residuals beyond this many times `S` or `s_n` stop the complementarity from shrinking further.
const MOST_INFEASIBILITY: f64 = 100.0;
/// A warm start that has not converged by then is given up.
const WARM_ITERATIONS: usize = 20;
/// Bisections of a threshold for `λ_max(Σ H_n U_n H_n^H)`.
const THRESHOLD_BISECTIONS: usize = 50;
/// If neither step is longer than this, rounding has taken over.
const SHORTEST_STEP: f64 = 1e-6;

/// The data of one saddle problem.
#[derive(Debug, Clone)]
pub(super) struct Program {
    parts: Vec<Block>,
    /// `[H_1 … H_N]`.
    channels: Mat<c64>,
    /// `q_n`.
    budgets: Vec<f64>,
    /// `θ_n`.
    noise: Vec<f64>,
}

/// The unknowns, all positive (definite).
#[derive(Debug, Clone)]
pub(super) struct Iterate {
    x: Mat<c64>,
    s: Mat<c64>,
    multiplier: Vec<f64>,
    slack: Vec<f64>,
}

impl Iterate {
    fn new(receive: usize, devices: usize) -> Self {
        let (square, list) = (|| Mat::zeros(receive, receive), || vec![0.0; devices]);
        Self { x: square(), s: square(), multiplier: list(), slack: list() }
    }

    fn copy_from(&mut self, other: &Self) {
        self.x.copy_from(&other.x);
        self.s.copy_from(&other.s);
        self.multiplier.copy_from_slice(&other.multiplier);
        self.slack.copy_from_slice(&other.slack);
    }
}

/// Memory of the method, kept from one problem to the next.
#[derive(Debug, Clone)]
pub(super) struct SaddlePoint {
    program: Program,
    iterate: Iterate,
    best: Iterate,
    /// Every device's part at the iterate.
    devices: Vec<Device>,
    /// `[H_1 V_1 … H_N V_N]`, `V_n` being the eigenvectors of `M_n`.
    eigenbases: Mat<c64>,
    /// `X [H_1 … H_N]`, and then `[Y_1 … Y_N]` with `H_n U_n H_n^H = Y_n Y_n^H`.
    product: Mat<c64>,
    /// Top left: one device's `M_n`.
    gram: Mat<c64>,
    /// `Σ H_n U_n H_n^H`.
    received: Mat<c64>,
    /// `I − S − Σ H_n U_n H_n^H`.
    residual: Mat<c64>,
    newton: Newton,
    /// The direction, and the one that it was estimated by.
    directions: [Direction; 2],
    scratch: Scratch,
    /// Whether the last start was a warm one.
    pub started_warm: bool,
}

impl Default for SaddlePoint {
    /// Room for nothing.
    fn default() -> Self {
        Self::new(Program::new(&[], Vec::new(), Vec::new()), Elimination::Dual)
    }
}

/// Solves `trace_inverse`.
pub(super) fn trace_inverse(
    method: &mut SaddlePoint,
    problem: &Problem,
    options: &Options,
    warm: Option<&Solution>,
) -> Result<Points, Error> {
    for (device, channel) in problem.channels().iter().enumerate() {
        require_full_column_rank(channel.as_ref(), norm(channel.as_ref()), Quantity::Channel, device)?;
    }
    points(method, 0.0, problem, options, warm)
}

/// Solves `mmse`. Where no channel is open, or the arithmetic breaks down, as with channels that are next to nothing beside the noise, the answer is
/// [`silence`].
pub(super) fn mmse(
    method: &mut SaddlePoint,
    problem: &Problem,
    options: &Options,
    warm: Option<&Solution>,
) -> Result<Points, Error> {
    if problem.channels().iter().all(|channel| channel.norm_max() == 0.0) {
        return Ok(silence(problem));
    }
    match points(method, problem.noise_power(), problem, options, warm) {
        Err(Error::Numerical { .. }) => Ok(silence(problem)),
        points => points,
    }
}

/// `X = 0` and `U_n = I`: optimal for `mmse` where no channel is open.
fn silence(problem: &Problem) -> Points {
    let side = problem.receive_antennas();
    let identity = |channel: &Mat<c64>| Mat::identity(channel.ncols(), channel.ncols());
    let dual = problem.channels().iter().map(identity).collect();
    Points { primal: Mat::zeros(side, side), dual, iterations: 0 }
}

/// Solves the saddle problem with `θ_n v_n` = `noise_power`.
fn points(
    method: &mut SaddlePoint,
    noise_power: f64,
    problem: &Problem,
    options: &Options,
    warm: Option<&Solution>,
) -> Result<Points, Error> {
    let (basis, channels) = reduced(problem.channels());
    let devices = 0..problem.devices();
    method.reserve(Program::new(
        &channels,
        devices.clone().map(|n| problem.precoder_budget(n)).collect(),
        devices.map(|n| noise_power / problem.signal_variance()[n]).collect(),
    ));
    let warm = warm.and_then(|warm| {
        let primal = match &basis {
            Some(basis) => congruence(&basis.adjoint().to_owned(), &warm.primal),
            None => warm.primal.clone(),
        };
        start::warm(&method.program, &primal, &warm.dual)
    });
    method.started_warm = warm.is_some();
    let (first, most) = match warm {
        Some(first) => (first, options.max_iterations.min(WARM_ITERATIONS)),
        None => (start::cold(&method.program)?, options.max_iterations),
    };
    // A little less than asked for, because certifying rounds.
    let Some(iterations) = method.solve(first, 0.9 * options.relative_gap, most) else {
        return Err(Error::Numerical { operation: "the interior-point method" });
    };
    let dual = method.devices.iter().map(Device::dual).collect();
    let primal = match &basis {
        Some(basis) => congruence(basis, &method.iterate.x),
        None => method.iterate.x.clone(),
    };
    Ok(Points { primal, dual, iterations })
}

impl Program {
    fn new(channels: &[Mat<c64>], budgets: Vec<f64>, noise: Vec<f64>) -> Self {
        let sides: Vec<usize> = channels.iter().map(Mat::ncols).collect();
        Self { parts: Block::all(&sides), channels: side_by_side(channels), budgets, noise }
    }

    /// `H_n`.
    fn channel(&self, device: usize) -> MatRef<'_, c64> {
        self.parts[device].columns(&self.channels)
    }

    /// The smaller Newton system.
    fn elimination(&self) -> Elimination {
        Elimination::smaller(self.channels.nrows(), self.parts.iter().map(|part| part.side))
    }
}

impl SaddlePoint {
    /// Takes a problem, and makes room for it.
    fn reserve(&mut self, program: Program) {
        if self.program.channels.nrows() == program.channels.nrows() && self.program.parts == program.parts {
            self.program = program;
        } else {
            let elimination = program.elimination();
            *self = Self::new(program, elimination);
        }
    }

    fn new(program: Program, elimination: Elimination) -> Self {
        let sides: Vec<usize> = program.parts.iter().map(|part| part.side).collect();
        let (receive, columns) = (program.channels.nrows(), program.channels.ncols());
        let side = sides.iter().copied().max().unwrap_or(0);
        let square = || Mat::zeros(receive, receive);
        let iterate = || Iterate::new(receive, sides.len());
        let direction = || Direction::new(receive, &sides);
        Self {
            program,
            iterate: iterate(),
            best: iterate(),
            devices: sides.iter().map(|&side| Device::new(side)).collect(),
            eigenbases: Mat::zeros(receive, columns),
            product: Mat::zeros(receive, columns),
            gram: Mat::zeros(side, side),
            received: square(),
            residual: square(),
            newton: Newton::new(receive, &sides, elimination),
            directions: [direction(), direction()],
            scratch: Scratch::default(),
            started_warm: false,
        }
    }

    /// From `first` until the relative gap is below `relative_gap`, rounding stops the progress, or `max_iterations` are
    /// spent; ends at the best iterate, which the caller judges by its certificate. Returns the iterations taken, `None` if no iterate has a value.
    fn solve(&mut self, first: Iterate, relative_gap: f64, max_iterations: usize) -> Option<usize> {
        self.iterate = first;
        let (mut best, mut iterations) = (f64::INFINITY, 0);
        let mut is_best = false;
        while self.evaluate() {
            let gap = self.relative_gap(relative_gap);
            is_best = gap < best;
            if is_best {
                best = gap;
                self.best.copy_from(&self.iterate);
            }
            if gap <= relative_gap || iterations == max_iterations || !self.advance() {
                break;
            }
            is_best = false;
            iterations += 1;
        }
        if !is_best && best.is_finite() {
            self.iterate.copy_from(&self.best);
            self.evaluate();
        }
        best.is_finite().then_some(iterations)
    }

    /// Every device's part at the iterate, and the residual of `S`. `false` if some `M_n + θ_n λ_n I` is not positive definite.
    fn evaluate(&mut self) -> bool {
        let Self { program, iterate, devices, eigenbases, product, gram, received, residual, .. } = self;
        multiply(product.as_mut(), iterate.x.as_ref(), program.channels.as_ref());
        for (n, (part, device)) in program.parts.iter().zip(&mut *devices).enumerate() {
            let channel = program.channel(n);
            let mut gram = gram.as_mut().submatrix_mut(0, 0, part.side, part.side);
            multiply(gram.rb_mut(), channel.adjoint(), part.columns(product));
            make_hermitian(gram.rb_mut());
            let data = (program.budgets[n], program.noise[n]);
            if !device.update(gram.as_ref(), iterate.multiplier[n], data, &mut self.scratch) {
                return false;
            }
            multiply(part.columns_mut(eigenbases), channel, device.vectors.as_ref());
            let mut amplified = part.columns_mut(product);
            amplified.copy_from(part.columns(eigenbases));
            for (column, &amplitude) in amplified.col_iter_mut().zip(&device.amplitudes) {
                column.iter_mut().for_each(|entry| *entry *= amplitude);
            }
        }
        multiply(received.as_mut(), product.as_ref(), product.adjoint());
        make_hermitian(received.as_mut());
        for j in 0..residual.ncols() {
            for i in 0..residual.nrows() {
                residual[(i, j)] = -received[(i, j)] - iterate.s[(i, j)];
            }
            residual[(j, j)].re += 1.0;
        }
        true
    }

    /// A bound above the relative gap between the values of `X`, scaled to be feasible for `trace_inverse`, and of the `U_n`, scaled into
    /// `𝒰`. It is at most `tolerance` just where the gap is. It overwrites `received`.
    fn relative_gap(&mut self, tolerance: f64) -> f64 {
        let Self { program, iterate, devices, received, residual, .. } = self;
        let size = trace(iterate.x.as_ref());
        let mut upper = size;
        let mut excess = 0.0_f64;
        for (n, device) in devices.iter().enumerate() {
            let (budget, noise) = (program.budgets[n], program.noise[n]);
            if noise > 0.0 {
                let root = mismatch::multiplier(&device.gains, budget);
                let error: f64 = device.gains.iter().map(|&gain| mismatch::residual(gain, root)).sum();
                upper += error / noise;
            } else {
                let power: f64 = device.gains.iter().map(|gain| 1.0 / gain).sum();
                excess = excess.max(power / budget);
            }
        }
        if excess > 0.0 {
            upper *= excess;
        }
        // Where λ_max(Σ H_n U_n H_n^H) is `largest`.
        let gap = |largest: f64| {
            let share = |(n, device): (usize, &Device)| {
                let (roots, sum) = device.traces();
                roots * roots / (program.budgets[n] * largest + program.noise[n] * sum)
            };
            (upper - devices.iter().enumerate().map(share).sum::<f64>()) / upper
        };
        // It is at least ⟨X, Σ H_n U_n H_n^H⟩/tr X, and as S ⪰ 0 at most 1 plus the norm of the residual.
        let mut low = devices.iter().map(Device::power).sum::<f64>() / size;
        let mut high = 1.0 + squared_norm(residual.as_ref()).sqrt();
        let bound = gap(high);
        if bound <= tolerance || gap(low) > tolerance {
            return bound;
        }
        // In between, whether it is at most the largest value for which the gap is at most the tolerance.
        for _ in 0..THRESHOLD_BISECTIONS {
            let middle = 0.5 * (low + high);
            if gap(middle) <= tolerance { low = middle } else { high = middle }
        }
        scale(received.as_mut(), -1.0);
        (0..received.nrows()).for_each(|i| received[(i, i)].re += low);
        if factorize(received.as_mut(), &mut self.scratch) { tolerance } else { bound }
    }

    /// One step; `false` if rounding leaves none worth taking.
    fn advance(&mut self) -> bool {
        let Self { iterate, devices, newton, directions, scratch, .. } = self;
        if !newton.update(iterate, devices, &self.eigenbases, &self.residual, scratch) {
            return false;
        }
        let degree = (iterate.x.nrows() + devices.len()) as f64;
        let complementarity = newton.complementarity(iterate);
        // The residuals must not fall behind: S and the s_n shrink with the complementarity.
        let least_aim = (newton.infeasibility(iterate, devices) / MOST_INFEASIBILITY).min(1.0);
        let margin = (complementarity / trace(iterate.x.as_ref())).clamp(STEP_MARGIN.0, STEP_MARGIN.1);
        let mut steps = (0.0, 0.0);
        for (aim, most) in AIMS {
            let solutions = if least_aim > RESIDUALS_FIRST { 1 } else { most };
            let target = least_aim.max(aim) * complementarity / degree;
            for solution in 0..solutions {
                directions.swap(0, 1);
                let [out, last] = directions;
                newton.direction(iterate, devices, target, (solution > 0).then_some(&*last), out);
            }
            steps = newton.steps(iterate, &directions[0], 1.0 - margin, BISECTIONS, scratch);
            if steps.0.min(steps.1) >= SHORT_STEP {
                break;
            }
        }
        let moves = steps.0.max(steps.1) >= SHORTEST_STEP;
        if moves {
            newton.advance(iterate, &mut directions[0], steps.0, steps.1);
        }
        moves
    }
}
