//! One iteration's linear algebra: the frame, the Newton system, directions and steps.

use super::device::Device;
use super::operator::{Operator, add_lower_product, diagonal_coordinate, hermitian, write};
use super::{Iterate, Program};
use crate::linalg::{Spectrum, eigenvalues, hermitian_part, inner, squared_norm, trace};
use faer::linalg::solvers::{Llt, Solve};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Mat, MatRef, Par, Side, c64};

/// Which unknowns the Newton system has. Both give the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elimination {
    /// `ΔU_n`: `Σ T_n²` unknowns, cost cubic in `N`.
    Dual,
    /// `ΔX`: `R²` unknowns, cost linear in `N`.
    Primal,
}

/// A search direction; its matrices are in the frame of [`Newton`].
pub(super) struct Direction {
    x: Mat<c64>,
    s: Mat<c64>,
    multiplier: Vec<f64>,
    slack: Vec<f64>,
}

/// The Newton system at one iterate.
///
/// The frame `F` makes `S^{-1} = F F^H` and `X = F Λ F^H` with diagonal `Λ`, so that the linearized complementarity
/// `X S = τI` reads `ΔX + W ΔS = τI − Λ`, where `W` multiplies entry `(i, j)` by `(Λ_i + Λ_j)/2`. Let `x` be the coordinates
/// of `ΔX` divided by `W^{1/2}`, `s` those of `ΔS` multiplied by it, and `u` those of the `ΔU_n`, in the eigenbases of the `M_n`, divided by
/// `K_n^{1/2}`. With `G = W^{1/2} 𝓗 K^{1/2}`, `𝓗: ΔU ↦ Σ F^H H_n ΔU_n H_n^H F`, the Newton equations are
///
/// `x + s = b`,  `s = r − G u`,  `u = −Gᵀ x + z Δλ`,  `β Δλ = γ − zᵀ Gᵀ x`,
///
/// `r` being the residual of `S = I − Σ H_n U_n H_n^H`, `β_n = −∂²h_n/∂λ_n² + s_n/λ_n`. Hence, without `x`, `s` and `Δλ`,
/// `((I + z zᵀ/β)^{-1} + Gᵀ G) u = z γ/(β + zᵀz) − Gᵀ (b − r)`, and without `u` and `s`, `(I + G Gᵀ) x = b − r + G z Δλ`.
pub(super) struct Newton<'a> {
    iterate: &'a Iterate,
    devices: &'a [Device],
    lambda: Vec<f64>,
    frame: Mat<c64>,
    inverse_frame: Mat<c64>,
    residual: Mat<c64>,
    operator: Operator,
    /// `β_n`.
    softness: Vec<f64>,
    system: System,
}

/// The factorized Newton system.
enum System {
    /// Of `(I + z zᵀ/β)^{-1} + Gᵀ G`.
    Dual(Llt<f64>),
    /// Of `I + G Gᵀ = L Lᵀ`; `L^{-1} G z`, a column per device; and of the system of the `Δλ_n`, which stays well conditioned as
    /// `β → 0`.
    Primal { factor: Llt<f64>, coupled: Mat<f64>, border: Llt<f64> },
}

/// A solution of the Newton equations.
struct Solved {
    x: Mat<f64>,
    u: Mat<f64>,
    multiplier: Vec<f64>,
}

impl<'a> Newton<'a> {
    /// `None` where rounding has made a matrix indefinite: the iterate is as good as it gets.
    pub fn new(
        program: &Program,
        iterate: &'a Iterate,
        devices: &'a [Device],
        elimination: Elimination,
    ) -> Option<Self> {
        let side = iterate.x.nrows();
        let lower = iterate.s.llt(Side::Lower).ok()?;
        let product = hermitian_part((lower.L().adjoint() * (&iterate.x * lower.L())).as_ref());
        let Spectrum { values: lambda, vectors } = Spectrum::of(product.as_ref()).ok()?;
        if !lambda.iter().all(|&value| value > 0.0) {
            return None;
        }
        let inverse_frame = vectors.adjoint() * lower.L().adjoint();
        let mut frame = vectors;
        solve_upper_triangular_in_place(lower.L().adjoint(), frame.as_mut(), Par::Seq);

        let seen = frame.adjoint() * program.in_eigenbases(devices);
        let weighted = amplified(seen.as_ref(), devices);
        let residual =
            frame.adjoint() * &frame - &weighted * weighted.adjoint() - Mat::<c64>::identity(side, side);
        let operator = Operator::new(seen, lambda.clone(), devices);
        let softness: Vec<f64> = (0..devices.len())
            .map(|n| devices[n].curvature + iterate.slack[n] / iterate.multiplier[n])
            .collect();
        let system = match elimination {
            Elimination::Dual => dual_system(&operator, devices, &softness)?,
            Elimination::Primal => primal_system(&operator, devices, &softness)?,
        };
        Some(Self {
            iterate,
            devices,
            lambda,
            frame,
            inverse_frame,
            residual: hermitian_part(residual.as_ref()),
            operator,
            softness,
            system,
        })
    }

    /// The direction towards complementarity `target`, with Mehrotra's second-order correction if a predictor is given.
    pub fn direction(&self, target: f64, predictor: Option<&Direction>) -> Direction {
        let side = self.lambda.len();
        let mut base = Mat::<c64>::zeros(side, side);
        (0..side).for_each(|i| base[(i, i)] = c64::new(target - self.lambda[i], 0.0));
        if let Some(predictor) = predictor {
            base -= &predictor.x * &predictor.s;
        }
        // What λ_n s_n should be, divided by λ_n.
        let wanted = |n: usize| {
            let correction = predictor.map_or(0.0, |p| p.multiplier[n] * p.slack[n]);
            (target - correction) / self.iterate.multiplier[n]
        };
        let drive: Vec<f64> = (0..self.devices.len()).map(|n| wanted(n) - self.devices[n].slack).collect();
        let right = self.coordinates(base.as_ref(), |weight| 1.0 / weight)
            - self.coordinates(self.residual.as_ref(), |weight| weight);
        let Solved { x, u, multiplier } = self.solve(right, &drive);
        let slack = multiplier
            .iter()
            .enumerate()
            .map(|(n, change)| {
                let (current, left) = (self.iterate.multiplier[n], self.iterate.slack[n]);
                wanted(n) - left - left / current * change
            })
            .collect();
        Direction {
            x: self.matrix(&x, |weight| weight),
            // s = r − G u.
            s: &self.residual - self.matrix(&self.operator.apply(&u), |weight| 1.0 / weight),
            multiplier,
            slack,
        }
    }

    /// Solves the Newton equations, given `b − r` and `γ`.
    fn solve(&self, right: Mat<f64>, drive: &[f64]) -> Solved {
        match &self.system {
            System::Dual(factor) => {
                let mut u = -self.operator.adjoint(&right);
                for (n, (start, device)) in parts(self.devices).enumerate() {
                    let scale = drive[n] / (self.softness[n] + squared(&device.coupling));
                    along(start, device).for_each(|(i, z)| u[(i, 0)] += z * scale);
                }
                factor.solve_in_place(u.as_mut());
                // From the rows of u: no difference of large numbers where β is small.
                let change = |(n, (start, device)): (usize, (usize, &Device))| {
                    let coupled: f64 = along(start, device).map(|(i, z)| z * u[(i, 0)]).sum();
                    (drive[n] + coupled) / (self.softness[n] + squared(&device.coupling))
                };
                let multiplier = parts(self.devices).enumerate().map(change).collect();
                Solved { x: right + self.operator.apply(&u), u, multiplier }
            }
            System::Primal { factor, coupled, border } => {
                let mut x = right;
                solve_lower_triangular_in_place(factor.L(), x.as_mut(), Par::Seq);
                let mut change = Mat::from_fn(drive.len(), 1, |n, _| drive[n]) - coupled.transpose() * &x;
                border.solve_in_place(change.as_mut());
                x += coupled * &change;
                solve_upper_triangular_in_place(factor.L().transpose(), x.as_mut(), Par::Seq);
                let mut u = -self.operator.adjoint(&x);
                for (n, (start, device)) in parts(self.devices).enumerate() {
                    along(start, device).for_each(|(i, z)| u[(i, 0)] += z * change[(n, 0)]);
                }
                Solved { x, u, multiplier: (0..drive.len()).map(|n| change[(n, 0)]).collect() }
            }
        }
    }

    /// Coordinates of the Hermitian part of a matrix, each scaled by a function of its `W^{1/2}`.
    fn coordinates(&self, matrix: MatRef<'_, c64>, scale: impl Fn(f64) -> f64) -> Mat<f64> {
        let mut coordinates = Mat::zeros(self.operator.root_weights.len(), 1);
        write(matrix, coordinates.as_mut());
        let values = coordinates.col_as_slice_mut(0).iter_mut();
        values.zip(&self.operator.root_weights).for_each(|(value, &weight)| *value *= scale(weight));
        coordinates
    }

    /// The matrix with the given coordinates, each scaled by a function of its `W^{1/2}`.
    fn matrix(&self, coordinates: &Mat<f64>, scale: impl Fn(f64) -> f64) -> Mat<c64> {
        hermitian(self.lambda.len(), |i| coordinates[(i, 0)] * scale(self.operator.root_weights[i]))
    }

    /// `fraction` of the longest primal and dual steps, at most 1, that keep `X` and `s_n`, and `S` and `λ_n`, positive.
    pub fn steps(&self, direction: &Direction, fraction: f64) -> Option<(f64, f64)> {
        let root = |i: usize| self.lambda[i].sqrt();
        let side = self.lambda.len();
        let relative = Mat::from_fn(side, side, |i, j| direction.x[(i, j)] / (root(i) * root(j)));
        let lowest = |matrix: &Mat<c64>| eigenvalues(matrix.as_ref()).ok()?.first().copied();
        let ratio = |changes: &[f64], values: &[f64]| {
            changes.iter().zip(values).map(|(change, value)| change / value).fold(0.0, f64::min)
        };
        let primal = lowest(&relative)?.min(ratio(&direction.slack, &self.iterate.slack));
        let dual = lowest(&direction.s)?.min(ratio(&direction.multiplier, &self.iterate.multiplier));
        let step = |steepest: f64| (fraction / (-steepest).max(0.0)).min(1.0);
        Some((step(primal), step(dual)))
    }

    /// The largest of the residuals of `S` and the `s_n`, each relative to `S` or `s_n`.
    pub fn infeasibility(&self) -> f64 {
        let relative = |(device, slack): (&Device, &f64)| (device.slack / slack - 1.0).abs();
        let matrix = squared_norm(self.residual.as_ref()).sqrt();
        self.devices.iter().zip(&self.iterate.slack).map(relative).fold(matrix, f64::max)
    }

    /// `⟨X, S⟩ + Σ λ_n s_n`.
    pub fn complementarity(&self) -> f64 {
        let scalars = self.iterate.multiplier.iter().zip(&self.iterate.slack);
        self.lambda.iter().sum::<f64>() + scalars.map(|(multiplier, slack)| multiplier * slack).sum::<f64>()
    }

    /// The same after a step.
    pub fn predicted(&self, direction: &Direction, primal: f64, dual: f64) -> f64 {
        let along: f64 = (0..self.lambda.len()).map(|i| self.lambda[i] * direction.s[(i, i)].re).sum();
        let matrices = self.lambda.iter().sum::<f64>()
            + primal * trace(direction.x.as_ref())
            + dual * along
            + primal * dual * inner(direction.x.as_ref(), direction.s.as_ref());
        let scalar = |n: usize| {
            (self.iterate.multiplier[n] + dual * direction.multiplier[n])
                * (self.iterate.slack[n] + primal * direction.slack[n])
        };
        matrices + (0..self.devices.len()).map(scalar).sum::<f64>()
    }

    /// The iterate after a step.
    pub fn advanced(&self, direction: &Direction, primal: f64, dual: f64) -> Iterate {
        let moved = |current: &Mat<c64>, change: Mat<c64>, step: f64| {
            hermitian_part((current + change * faer::Scale(c64::new(step, 0.0))).as_ref())
        };
        let add = |current: &[f64], change: &[f64], step: f64| {
            current.iter().zip(change).map(|(current, change)| current + step * change).collect()
        };
        let x = &self.frame * &direction.x * self.frame.adjoint();
        let s = self.inverse_frame.adjoint() * &direction.s * &self.inverse_frame;
        Iterate {
            x: moved(&self.iterate.x, x, primal),
            s: moved(&self.iterate.s, s, dual),
            multiplier: add(&self.iterate.multiplier, &direction.multiplier, dual),
            slack: add(&self.iterate.slack, &direction.slack, primal),
        }
    }
}

/// `Y` in `Σ E_n U_n E_n^H = Y Y^H`, for `[E_1 … E_N]` in the eigenbases of the `M_n`.
fn amplified(stacked: MatRef<'_, c64>, devices: &[Device]) -> Mat<c64> {
    let amplitudes: Vec<f64> = devices.iter().flat_map(|device| device.amplitudes.iter().copied()).collect();
    Mat::from_fn(stacked.nrows(), stacked.ncols(), |i, j| stacked[(i, j)] * amplitudes[j])
}

fn dual_system(operator: &Operator, devices: &[Device], softness: &[f64]) -> Option<System> {
    let mut matrix = Mat::<f64>::identity(operator.columns(), operator.columns());
    for ((start, device), softness) in parts(devices).zip(softness) {
        // (I + z zᵀ/β)^{-1} = I − z zᵀ/(β + zᵀz).
        let scale = 1.0 / (softness + squared(&device.coupling));
        for (i, left) in along(start, device) {
            along(start, device).for_each(|(j, right)| matrix[(i, j)] -= left * right * scale);
        }
    }
    operator.add_gram(&mut matrix);
    Some(System::Dual(matrix.llt(Side::Lower).ok()?))
}

fn primal_system(operator: &Operator, devices: &[Device], softness: &[f64]) -> Option<System> {
    let side = operator.root_weights.len();
    let mut matrix = Mat::<f64>::identity(side, side);
    operator.add_outer(&mut matrix);
    let factor = matrix.llt(Side::Lower).ok()?;
    let mut coupled = operator.apply_diagonals(devices.iter().map(|device| &device.coupling));
    solve_lower_triangular_in_place(factor.L(), coupled.as_mut(), Par::Seq);
    let mut border =
        Mat::from_fn(devices.len(), devices.len(), |i, j| if i == j { softness[i] } else { 0.0 });
    add_lower_product(&mut border, coupled.transpose(), coupled.as_ref());
    Some(System::Primal { factor, coupled, border: border.llt(Side::Lower).ok()? })
}

/// Each device with the first of its coordinates.
fn parts(devices: &[Device]) -> impl Iterator<Item = (usize, &Device)> {
    devices.iter().scan(0, |next, device| {
        let start = *next;
        *next += device.stiffness.len();
        Some((start, device))
    })
}

/// The coordinates in which a device's `z` is not zero, those of the diagonal, with its values.
fn along(start: usize, device: &Device) -> impl Iterator<Item = (usize, &f64)> {
    let side = device.antennas();
    (0..side).map(move |i| start + diagonal_coordinate(side, i)).zip(&device.coupling)
}

fn squared(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}
