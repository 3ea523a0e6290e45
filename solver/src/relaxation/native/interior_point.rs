//! A primal–dual interior-point method on the complex Hermitian cone (theory, section 3), for
//!
//! min `tr X` s.t. `Z_n = Q_n^H X Q_n − C_n ⪰ 0`  and its dual  max `Σ tr C_n U_n` s.t. `S = I − Σ Q_n U_n Q_n^H ⪰ 0`,
//!
//! with orthonormal columns in each `Q_n` and `C_n` positive and diagonal. Every iterate is strictly feasible on both sides, so
//! its gap `tr X − Σ tr C_n U_n` is a true one. Search directions are those of Helmberg–Kojima–Monteiro with Mehrotra's
//! corrector, reduced to the `Σ T_n²` real unknowns of the `ΔU_n`:
//!
//! `Σ_m sym(P_nm ΔU_m R_mn) + sym(Z_n ΔU_n U_n^{-1}) = τ(U_n^{-1} − R_nn) + C_n + correction`,
//! `P = Q^H X Q`, `R = Q^H S^{-1} Q`, `Q = [Q_1 … Q_N]`.

use super::coordinates;
use crate::error::Error;
use crate::linalg::{eigenvalues, hermitian_part, inner, inverse, is_positive_definite, trace};
use faer::linalg::solvers::Solve;
use faer::prelude::ReborrowMut;
use faer::{Mat, MatRef, Side, c64};

/// How much of the way to the boundary a step may go.
const STEP_FRACTION: f64 = 0.98;
/// Bisections of a step that leaves the cone.
const STEP_BISECTIONS: usize = 7;
/// A step shorter than this means that rounding has taken over.
const SHORTEST_STEP: f64 = 1e-6;

/// A strictly feasible primal–dual pair.
pub(super) struct Outcome {
    /// `X`, `R×R`.
    pub primal: Mat<c64>,
    /// `U_n`, `T_n×T_n`.
    pub dual: Vec<Mat<c64>>,
    /// Iterations taken.
    pub iterations: usize,
}

/// One Newton direction.
struct Direction {
    x: Mat<c64>,
    s: Mat<c64>,
    u: Vec<Mat<c64>>,
    z: Vec<Mat<c64>>,
}

/// One device's constraint, `Q^H X Q ⪰ diag(demand)`.
pub(super) struct Constraint {
    /// `Q`, `R×T_n`, orthonormal columns.
    pub basis: Mat<c64>,
    /// The diagonal of `C`, positive.
    pub demand: Vec<f64>,
}

/// The bases side by side, and where each device's columns start.
struct Stacked {
    matrix: Mat<c64>,
    demands: Vec<Vec<f64>>,
    offsets: Vec<usize>,
    sides: Vec<usize>,
}

impl Stacked {
    fn new(constraints: &[Constraint]) -> Self {
        let sides: Vec<usize> = constraints.iter().map(|constraint| constraint.basis.ncols()).collect();
        let offsets: Vec<usize> =
            sides.iter().scan(0, |next, side| Some(std::mem::replace(next, *next + side))).collect();
        let mut matrix = Mat::zeros(constraints[0].basis.nrows(), sides.iter().sum());
        for (Constraint { basis, .. }, &offset) in constraints.iter().zip(&offsets) {
            matrix.as_mut().subcols_mut(offset, basis.ncols()).copy_from(basis);
        }
        let demands = constraints.iter().map(|constraint| constraint.demand.clone()).collect();
        Self { matrix, demands, offsets, sides }
    }

    fn devices(&self) -> usize {
        self.sides.len()
    }

    /// `Q_n^H M Q_m` out of `Q^H M Q`.
    fn block<'a>(&self, gram: &'a Mat<c64>, n: usize, m: usize) -> MatRef<'a, c64> {
        gram.as_ref().submatrix(self.offsets[n], self.offsets[m], self.sides[n], self.sides[m])
    }

    /// `Q^H M Q`.
    fn gram(&self, matrix: &Mat<c64>) -> Mat<c64> {
        hermitian_part((self.matrix.adjoint() * (matrix * &self.matrix)).as_ref())
    }

    /// `Σ tr C_n U_n`.
    fn dual_value(&self, u: &[Mat<c64>]) -> f64 {
        let value = |(demand, u): (&Vec<f64>, &Mat<c64>)| {
            demand.iter().enumerate().map(|(i, demand)| demand * u[(i, i)].re).sum::<f64>()
        };
        self.demands.iter().zip(u).map(value).sum()
    }

    /// `Σ_n Q_n M_n Q_n^H`.
    fn received(&self, blocks: &[Mat<c64>]) -> Mat<c64> {
        let mut weighted = Mat::zeros(self.matrix.nrows(), self.matrix.ncols());
        for (block, &offset) in blocks.iter().zip(&self.offsets) {
            let basis = self.matrix.as_ref().subcols(offset, block.nrows());
            weighted.as_mut().subcols_mut(offset, block.nrows()).copy_from(basis * block);
        }
        hermitian_part((weighted * self.matrix.adjoint()).as_ref())
    }
}

/// Solves for any number of constraints, at least one, until the relative gap is below `relative_gap`, rounding stops the
/// progress, or `max_iterations` are spent. The caller judges the outcome by its certificate.
pub(super) fn solve(
    constraints: &[Constraint],
    relative_gap: f64,
    max_iterations: usize,
) -> Result<Outcome, Error> {
    let stacked = Stacked::new(constraints);
    let receive = stacked.matrix.nrows();
    let degree = (receive + stacked.matrix.ncols()) as f64;
    let (mut x, mut u) = start(&stacked)?;
    let mut iterations = 0;
    while iterations < max_iterations {
        let gap = trace(x.as_ref()) - stacked.dual_value(&u);
        if gap <= relative_gap * trace(x.as_ref()) {
            break;
        }
        let Some(newton) = Newton::new(&stacked, &x, &u) else { break };
        let predictor = newton.direction(0.0, None);
        let (primal_step, dual_step) = newton.steps(&predictor, 1.0);
        let predicted = newton.complementarity(&predictor, primal_step, dual_step);
        // Mehrotra: the better the predictor does, the less the centring.
        let target = gap / degree * (predicted / gap).clamp(0.0, 1.0).powi(3);
        let corrector = newton.direction(target, Some(&predictor));
        let (primal_step, dual_step) = newton.steps(&corrector, STEP_FRACTION);
        if primal_step.max(dual_step) < SHORTEST_STEP {
            break;
        }
        drop(newton);
        advance(&mut x, &corrector.x, primal_step);
        for (multiplier, direction) in u.iter_mut().zip(&corrector.u) {
            advance(multiplier, direction, dual_step);
        }
        iterations += 1;
    }
    Ok(Outcome { primal: x, dual: u, iterations })
}

/// A strictly feasible start: `X = κI` with `κ > λ_max(C_n)`, `U_n = δI` with `δ < 1/λ_max(Σ Q_n Q_n^H)`.
fn start(stacked: &Stacked) -> Result<(Mat<c64>, Vec<Mat<c64>>), Error> {
    let highest = stacked.demands.iter().flatten().copied().fold(0.0, f64::max);
    let identities: Vec<Mat<c64>> = stacked.sides.iter().map(|&side| scaled_identity(side, 1.0)).collect();
    let strongest = eigenvalues(stacked.received(&identities).as_ref())?.last().copied().unwrap_or(0.0);
    let (kappa, delta) = (2.0 * highest, 0.5 / strongest);
    if !(kappa.is_finite() && delta.is_finite() && kappa > 0.0 && delta > 0.0) {
        return Err(Error::Numerical { operation: "the interior-point method's start" });
    }
    let u = stacked.sides.iter().map(|&side| scaled_identity(side, delta)).collect();
    Ok((scaled_identity(stacked.matrix.nrows(), kappa), u))
}

/// Everything about the current iterate that both directions of one iteration share.
struct Newton<'a> {
    stacked: &'a Stacked,
    x: &'a Mat<c64>,
    u: &'a [Mat<c64>],
    s: Mat<c64>,
    s_inverse: Mat<c64>,
    z: Vec<Mat<c64>>,
    u_inverse: Vec<Mat<c64>>,
    r: Mat<c64>,
    factor: faer::linalg::solvers::Llt<f64>,
}

impl<'a> Newton<'a> {
    /// `None` where rounding has made a matrix indefinite: the iterate is as good as it gets.
    fn new(stacked: &'a Stacked, x: &'a Mat<c64>, u: &'a [Mat<c64>]) -> Option<Self> {
        let p = stacked.gram(x);
        let z: Vec<Mat<c64>> = (0..stacked.devices())
            .map(|n| {
                let mut z = stacked.block(&p, n, n).to_owned();
                stacked.demands[n].iter().enumerate().for_each(|(i, demand)| z[(i, i)] -= demand);
                z
            })
            .collect();
        let s = scaled_identity(x.nrows(), 1.0) - stacked.received(u);
        let s_inverse = inverse(s.as_ref())?;
        let u_inverse =
            u.iter().map(|multiplier| inverse(multiplier.as_ref())).collect::<Option<Vec<_>>>()?;
        let r = stacked.gram(&s_inverse);

        let starts: Vec<usize> = stacked
            .sides
            .iter()
            .scan(0, |next, side| Some(std::mem::replace(next, *next + side * side)))
            .collect();
        let size = stacked.sides.iter().map(|side| side * side).sum();
        let mut matrix = Mat::<f64>::zeros(size, size);
        for m in 0..stacked.devices() {
            for n in m..stacked.devices() {
                let (rows, columns) = (stacked.sides[n].pow(2), stacked.sides[m].pow(2));
                let mut block = matrix.as_mut().submatrix_mut(starts[n], starts[m], rows, columns);
                coordinates::add_product(block.rb_mut(), stacked.block(&p, n, m), stacked.block(&r, m, n));
                if n == m {
                    coordinates::add_product(block, z[n].as_ref(), u_inverse[n].as_ref());
                }
            }
        }
        let factor = matrix.llt(Side::Lower).ok()?;
        Some(Self { stacked, x, u, s, s_inverse, z, u_inverse, r, factor })
    }

    /// The direction towards complementarity `target`, with Mehrotra's second-order correction if a predictor is given.
    fn direction(&self, target: f64, predictor: Option<&Direction>) -> Direction {
        let x_correction = predictor.map(|d| symmetric_product(&d.x, &d.s, &self.s_inverse));
        let mut right = Mat::<f64>::zeros(self.factor.L().nrows(), 1);
        let mut start = 0;
        for n in 0..self.stacked.devices() {
            let side = self.stacked.sides[n];
            let r = self.stacked.block(&self.r, n, n);
            let mut rhs = Mat::from_fn(side, side, |i, j| (self.u_inverse[n][(i, j)] - r[(i, j)]) * target);
            self.stacked.demands[n].iter().enumerate().for_each(|(i, demand)| rhs[(i, i)] += demand);
            if let (Some(predictor), Some(correction)) = (predictor, &x_correction) {
                rhs -= symmetric_product(&predictor.z[n], &predictor.u[n], &self.u_inverse[n]);
                rhs += self.seen(correction, n);
            }
            let mut coordinates = vec![0.0; side * side];
            coordinates::write(rhs.as_ref(), &mut coordinates);
            for (offset, value) in coordinates.into_iter().enumerate() {
                right[(start + offset, 0)] = value;
            }
            start += side * side;
        }
        self.factor.solve_in_place(right.as_mut());

        let mut u = Vec::with_capacity(self.stacked.devices());
        let mut start = 0;
        for &side in &self.stacked.sides {
            let coordinates: Vec<f64> = (start..start + side * side).map(|row| right[(row, 0)]).collect();
            u.push(coordinates::read(&coordinates, side));
            start += side * side;
        }
        let received = self.stacked.received(&u);
        let s = Mat::from_fn(received.nrows(), received.ncols(), |i, j| -received[(i, j)]);
        let mut x =
            Mat::from_fn(s.nrows(), s.ncols(), |i, j| self.s_inverse[(i, j)] * target - self.x[(i, j)]);
        x -= symmetric_product(self.x, &s, &self.s_inverse);
        if let Some(correction) = x_correction {
            x -= correction;
        }
        let z = (0..self.stacked.devices()).map(|n| self.seen(&x, n)).collect();
        Direction { x, s, u, z }
    }

    /// `Q_n^H M Q_n`.
    fn seen(&self, matrix: &Mat<c64>, device: usize) -> Mat<c64> {
        let channel =
            self.stacked.matrix.as_ref().subcols(self.stacked.offsets[device], self.stacked.sides[device]);
        hermitian_part((channel.adjoint() * (matrix * channel)).as_ref())
    }

    /// Primal and dual steps up to 1 that stay strictly inside the cones.
    fn steps(&self, direction: &Direction, fraction: f64) -> (f64, f64) {
        let inside = |current: &Mat<c64>, step: &Mat<c64>, length: f64| {
            let trial = Mat::from_fn(current.nrows(), current.ncols(), |i, j| {
                current[(i, j)] + step[(i, j)] * length
            });
            is_positive_definite(trial.as_ref())
        };
        let all = |currents: &[Mat<c64>], steps: &[Mat<c64>], length: f64| {
            currents.iter().zip(steps).all(|(current, step)| inside(current, step, length))
        };
        let primal =
            longest(|length| all(&self.z, &direction.z, length) && inside(self.x, &direction.x, length));
        let dual =
            longest(|length| all(self.u, &direction.u, length) && inside(&self.s, &direction.s, length));
        (primal * fraction, dual * fraction)
    }

    /// `⟨X, S⟩ + Σ ⟨Z_n, U_n⟩` after the steps, which is the duality gap there.
    fn complementarity(&self, direction: &Direction, primal_step: f64, dual_step: f64) -> f64 {
        let pair = |a: &Mat<c64>, da: &Mat<c64>, b: &Mat<c64>, db: &Mat<c64>| {
            inner(a.as_ref(), b.as_ref())
                + primal_step * inner(da.as_ref(), b.as_ref())
                + dual_step * inner(a.as_ref(), db.as_ref())
                + primal_step * dual_step * inner(da.as_ref(), db.as_ref())
        };
        let mut sum = pair(self.x, &direction.x, &self.s, &direction.s);
        for n in 0..self.stacked.devices() {
            sum += pair(&self.z[n], &direction.z[n], &self.u[n], &direction.u[n]);
        }
        sum
    }
}

/// The longest step in `[0, 1]` that `inside` accepts, to within a bisection's last interval.
fn longest(inside: impl Fn(f64) -> bool) -> f64 {
    if inside(1.0) {
        return 1.0;
    }
    let (mut good, mut bad) = (0.0, 1.0);
    for _ in 0..STEP_BISECTIONS {
        let middle = 0.5 * (good + bad);
        if inside(middle) { good = middle } else { bad = middle }
    }
    good
}

/// `sym(A B C)`.
fn symmetric_product(a: &Mat<c64>, b: &Mat<c64>, c: &Mat<c64>) -> Mat<c64> {
    hermitian_part((a * (b * c)).as_ref())
}

fn scaled_identity(side: usize, scale: f64) -> Mat<c64> {
    Mat::from_fn(side, side, |i, j| c64::new(if i == j { scale } else { 0.0 }, 0.0))
}

fn advance(current: &mut Mat<c64>, direction: &Mat<c64>, length: f64) {
    for j in 0..current.ncols() {
        for i in 0..current.nrows() {
            current[(i, j)] += direction[(i, j)] * length;
        }
    }
}
