//! One iteration's linear algebra: the scaled frame, the two eliminations, directions and steps.

use super::device::Device;
use super::{Iterate, Program};
use crate::linalg::{Spectrum, eigenvalues, hermitian_part, inner, trace};
use crate::relaxation::native::coordinates;
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::solvers::{Llt, Solve};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::prelude::ReborrowMut;
use faer::{Accum, Mat, MatMut, MatRef, Par, Side, c64};

/// Which unknowns the Newton system has. Both give the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elimination {
    /// `ΔU_n`: `Σ T_n²` unknowns, cost cubic in `N`.
    Dual,
    /// `ΔX`: `R²` unknowns, cost linear in `N`.
    Primal,
}

/// A search direction. Matrices are in the frame of [`Newton`].
pub(super) struct Direction {
    x: Mat<c64>,
    s: Mat<c64>,
    multiplier: Vec<f64>,
    slack: Vec<f64>,
}

/// The Newton system at one iterate.
///
/// The frame `F` makes `S^{-1} = F F^H` and `X = F Λ F^H` with diagonal `Λ`, so that the linearized complementarity
/// `X S = τI` reads `ΔX + W ΔS = τI − Λ`, where `W` multiplies entry `(i, j)` by `(Λ_i + Λ_j)/2`. With the operator
/// `𝓗: ΔU ↦ Σ F^H H_n ΔU_n H_n^H F`, coordinates of `ΔX` divided by `W^{1/2}`, of `ΔS` multiplied by it, of `ΔU_n` divided by
/// `K_n^{1/2}`, and `G = W^{1/2} 𝓗 K^{1/2}`, the Newton equations are
///
/// `x + s = b`,  `s = r − G u`,  `u = −Gᵀ x + z Δλ`,  `β Δλ = γ − zᵀ Gᵀ x`,
///
/// `r` being the residual of `S = I − Σ H_n U_n H_n^H`. Hence, without `x`, `s` and `Δλ`,
/// `((I + z zᵀ/β)^{-1} + Gᵀ G) u = z γ/(β + zᵀz) − Gᵀ (b − r)`, and without `u` and `s`, `(I + G Gᵀ) x = b − r + G z Δλ`.
pub(super) struct Newton<'a> {
    iterate: &'a Iterate,
    devices: &'a [Device],
    frame: Mat<c64>,
    inverse_frame: Mat<c64>,
    lambda: Vec<f64>,
    root_weights: Vec<f64>,
    residual: Mat<c64>,
    operator: Mat<f64>,
    softness: Vec<f64>,
    system: System,
}

/// The factorized Newton system.
enum System {
    /// Of `(I + z zᵀ/β)^{-1} + Gᵀ G`.
    Dual(Llt<f64>),
    /// Of `I + G Gᵀ = L Lᵀ`; `L^{-1} G z`, a column per device; and of the system of the `Δλ_n`, bordered so that it stays well
    /// conditioned as `β → 0`.
    Primal { factor: Llt<f64>, coupled: Mat<f64>, border: Llt<f64> },
}

/// A solution of the Newton equations in coordinates, and the `Δλ_n`.
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
        let product = lower.L().adjoint() * (&iterate.x * lower.L());
        let Spectrum { values: lambda, vectors } = Spectrum::of(hermitian_part(product.as_ref()).as_ref()).ok()?;
        if lambda.iter().any(|&value| !(value > 0.0)) {
            return None;
        }
        let inverse_frame = vectors.adjoint() * lower.L().adjoint();
        let mut frame = vectors;
        solve_upper_triangular_in_place(lower.L().adjoint(), frame.as_mut(), Par::Seq);

        let mut root_weights = Vec::with_capacity(side * side);
        for b in 0..side {
            root_weights.push(lambda[b].sqrt());
            for a in b + 1..side {
                let weight = (0.5 * (lambda[a] + lambda[b])).sqrt();
                root_weights.extend([weight, weight]);
            }
        }
        let unknowns: usize = devices.iter().map(|device| device.antennas().pow(2)).sum();
        let mut operator = Mat::<f64>::zeros(side * side, unknowns);
        let mut received = Mat::<c64>::zeros(side, side);
        let mut start = 0;
        for (channel, device) in program.channels.iter().zip(devices) {
            let seen = frame.adjoint() * (channel * &device.vectors);
            let weighted = device.weighted(seen.as_ref());
            received += &weighted * weighted.adjoint();
            let columns = operator.as_mut().subcols_mut(start, device.stiffness.len());
            write_operator(columns, seen.as_ref(), &root_weights, &device.stiffness);
            start += device.stiffness.len();
        }
        // F^H (I − Σ H U H^H − S) F.
        let residual = frame.adjoint() * &frame - received - Mat::<c64>::identity(side, side);
        let softness: Vec<f64> = devices
            .iter()
            .zip(iterate.slack.iter().zip(&iterate.multiplier))
            .map(|(device, (slack, multiplier))| device.curvature + slack / multiplier)
            .collect();
        let system = match elimination {
            Elimination::Dual => dual_system(&operator, devices, &softness)?,
            Elimination::Primal => primal_system(&operator, devices, &softness)?,
        };
        Some(Self {
            iterate,
            devices,
            frame,
            inverse_frame,
            lambda,
            root_weights,
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
            base -= hermitian_part((&predictor.x * &predictor.s).as_ref());
        }
        let correction = |n: usize| {
            predictor.map_or(0.0, |p| p.multiplier[n] * p.slack[n] / self.iterate.multiplier[n])
        };
        // b − r, and γ.
        let mut right = self.scaled(base.as_ref(), |weight| 1.0 / weight);
        right -= self.scaled(self.residual.as_ref(), |weight| weight);
        let drive: Vec<f64> = (0..self.devices.len())
            .map(|n| target / self.iterate.multiplier[n] - correction(n) - self.devices[n].slack)
            .collect();
        let Solved { x, u, multiplier } = self.solve(right, &drive);
        let slack = (0..self.devices.len())
            .map(|n| {
                let (current, left) = (self.iterate.multiplier[n], self.iterate.slack[n]);
                (target - left * multiplier[n]) / current - left - correction(n)
            })
            .collect();
        Direction {
            x: self.unscaled(&x, |weight| weight),
            // s = r − G u.
            s: &self.residual - self.unscaled(&(&self.operator * &u), |weight| 1.0 / weight),
            multiplier,
            slack,
        }
    }

    /// Solves the Newton equations, given `b − r` and `γ`.
    fn solve(&self, right: Mat<f64>, drive: &[f64]) -> Solved {
        match &self.system {
            System::Dual(factor) => {
                let mut u = Mat::<f64>::zeros(self.operator.ncols(), 1);
                for ((part, device), (softness, drive)) in self.parts().zip(self.softness.iter().zip(drive)) {
                    let scale = drive / (softness + squared(&device.coupling));
                    along(part, device).for_each(|(i, z)| u[(i, 0)] = z * scale);
                }
                u -= self.operator.transpose() * &right;
                factor.solve_in_place(u.as_mut());
                // From the rows of u: no difference of large numbers where β is small.
                let change = |((part, device), (softness, drive)): ((usize, &Device), (&f64, &f64))| {
                    let coupled: f64 = along(part, device).map(|(i, z)| z * u[(i, 0)]).sum();
                    (drive + coupled) / (softness + squared(&device.coupling))
                };
                let multiplier = self.parts().zip(self.softness.iter().zip(drive)).map(change).collect();
                Solved { x: right + &self.operator * &u, u, multiplier }
            }
            System::Primal { factor, coupled, border } => {
                let mut x = right;
                solve_lower_triangular_in_place(factor.L(), x.as_mut(), Par::Seq);
                let mut change = Mat::from_fn(drive.len(), 1, |n, _| drive[n]) - coupled.transpose() * &x;
                border.solve_in_place(change.as_mut());
                x += coupled * &change;
                solve_upper_triangular_in_place(factor.L().transpose(), x.as_mut(), Par::Seq);
                let mut u = -(self.operator.transpose() * &x);
                for (n, (part, device)) in self.parts().enumerate() {
                    along(part, device).for_each(|(i, z)| u[(i, 0)] += z * change[(n, 0)]);
                }
                Solved { x, u, multiplier: (0..drive.len()).map(|n| change[(n, 0)]).collect() }
            }
        }
    }

    /// Each device with the first of its coordinates.
    fn parts(&self) -> impl Iterator<Item = (usize, &Device)> {
        parts(self.devices)
    }

    /// Coordinates of a matrix, each scaled by a function of its `W^{1/2}`.
    fn scaled(&self, matrix: MatRef<'_, c64>, scale: impl Fn(f64) -> f64) -> Mat<f64> {
        let mut coordinates = vec![0.0; self.root_weights.len()];
        coordinates::write(matrix, &mut coordinates);
        Mat::from_fn(coordinates.len(), 1, |i, _| coordinates[i] * scale(self.root_weights[i]))
    }

    /// The matrix with the given coordinates, each scaled by a function of its `W^{1/2}`.
    fn unscaled(&self, x: &Mat<f64>, scale: impl Fn(f64) -> f64) -> Mat<c64> {
        let coordinates: Vec<f64> =
            self.root_weights.iter().enumerate().map(|(i, &weight)| x[(i, 0)] * scale(weight)).collect();
        coordinates::read(&coordinates, self.lambda.len())
    }

    /// The longest primal and dual steps, at most `1/fraction`, times `fraction`: `X`, `s_n` and `S`, `λ_n` stay positive.
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
        let step = |most_negative: f64| (fraction / (-most_negative).max(0.0)).min(1.0);
        Some((step(primal), step(dual)))
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
            let moved = Mat::from_fn(current.nrows(), current.ncols(), |i, j| {
                current[(i, j)] + change[(i, j)] * step
            });
            hermitian_part(moved.as_ref())
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

fn squared(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

/// The columns of `G` that belong to one device: coordinates of `h_a h_b^H` and its Hermitian combinations.
fn write_operator(mut columns: MatMut<'_, f64>, seen: MatRef<'_, c64>, root_weights: &[f64], stiffness: &[f64]) {
    let (side, antennas) = (seen.nrows(), seen.ncols());
    let root_two = std::f64::consts::SQRT_2;
    let mut column = 0;
    for b in 0..antennas {
        let k = stiffness[column];
        let mut row = 0;
        for j in 0..side {
            let tail = seen[(j, b)].conj();
            columns[(row, column)] = seen[(j, b)].norm_sqr() * k * root_weights[row];
            row += 1;
            for i in j + 1..side {
                let entry = seen[(i, b)] * tail * (k * root_weights[row] * root_two);
                columns[(row, column)] = entry.re;
                columns[(row + 1, column)] = entry.im;
                row += 2;
            }
        }
        column += 1;
        for a in b + 1..antennas {
            let k = stiffness[column];
            let mut pair = columns.rb_mut().subcols_mut(column, 2);
            let mut row = 0;
            for j in 0..side {
                let (tail_a, tail_b) = (seen[(j, a)].conj(), seen[(j, b)].conj());
                let weight = k * root_weights[row] * root_two;
                let product = seen[(j, a)] * tail_b;
                pair[(row, 0)] = product.re * weight;
                pair[(row, 1)] = -product.im * weight;
                row += 1;
                for i in j + 1..side {
                    let weight = k * root_weights[row];
                    let (first, second) = (seen[(i, a)] * tail_b, seen[(i, b)] * tail_a);
                    let (sum, difference) = ((first + second) * weight, (first - second) * weight);
                    pair[(row, 0)] = sum.re;
                    pair[(row + 1, 0)] = sum.im;
                    pair[(row, 1)] = -difference.im;
                    pair[(row + 1, 1)] = difference.re;
                    row += 2;
                }
            }
            column += 2;
        }
    }
}

fn dual_system(operator: &Mat<f64>, devices: &[Device], softness: &[f64]) -> Option<System> {
    let mut matrix = Mat::<f64>::identity(operator.ncols(), operator.ncols());
    for ((part, device), softness) in parts(devices).zip(softness) {
        let scale = 1.0 / (softness + squared(&device.coupling));
        for (i, left) in along(part, device) {
            along(part, device).for_each(|(j, right)| matrix[(i, j)] -= left * right * scale);
        }
    }
    add_lower_product(&mut matrix, operator.transpose(), operator.as_ref());
    Some(System::Dual(matrix.llt(Side::Lower).ok()?))
}

fn primal_system(operator: &Mat<f64>, devices: &[Device], softness: &[f64]) -> Option<System> {
    let mut matrix = Mat::<f64>::identity(operator.nrows(), operator.nrows());
    add_lower_product(&mut matrix, operator.as_ref(), operator.transpose());
    let factor = matrix.llt(Side::Lower).ok()?;
    let mut coupled = Mat::<f64>::zeros(operator.nrows(), devices.len());
    for (n, (part, device)) in parts(devices).enumerate() {
        for (i, z) in along(part, device) {
            (0..operator.nrows()).for_each(|row| coupled[(row, n)] += operator[(row, i)] * z);
        }
    }
    solve_lower_triangular_in_place(factor.L(), coupled.as_mut(), Par::Seq);
    let mut border = Mat::from_fn(devices.len(), devices.len(), |i, j| if i == j { softness[i] } else { 0.0 });
    add_lower_product(&mut border, coupled.transpose(), coupled.as_ref());
    Some(System::Primal { factor, coupled, border: border.llt(Side::Lower).ok()? })
}

/// Each device with the first of its coordinates.
fn parts(devices: &[Device]) -> impl Iterator<Item = (usize, &Device)> {
    devices.iter().scan(0, |next, device| {
        let part = *next;
        *next += device.stiffness.len();
        Some((part, device))
    })
}

/// The coordinates in which a device's `z` is not zero, those of the diagonal, with its values.
fn along(part: usize, device: &Device) -> impl Iterator<Item = (usize, &f64)> {
    let side = device.antennas();
    (0..side).map(move |i| part + i * (2 * side - i)).zip(&device.coupling)
}

fn add_lower_product(matrix: &mut Mat<f64>, left: MatRef<'_, f64>, right: MatRef<'_, f64>) {
    matmul(
        matrix.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Add,
        left,
        BlockStructure::Rectangular,
        right,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
}
