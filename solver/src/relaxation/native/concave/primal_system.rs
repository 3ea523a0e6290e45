//! The Newton system of `ΔX`: `R²` unknowns, cost linear in `N`.

use super::device::Device;
use super::newton::{Direction, Frame};
use super::operator::Operator;
use crate::linalg::{Scratch, factorize, multiply, solve_factorized};
use crate::relaxation::native::coordinates;
use crate::relaxation::native::pairs::Pairs;
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::prelude::ReborrowMut;
use faer::{Accum, Mat, MatMut, MatRef, Par, c64};

/// `(I + W^{1/2} 𝓗 K 𝓗ᵀ W^{1/2}) x = W^{-1/2} b − W^{1/2} (r − 𝓗 K^{1/2} z Δλ)` for `ΔX = W^{1/2} x`, with the `Δλ_n` as a border.
///
/// `𝓗 K 𝓗ᵀ` takes `X` to `Σ (A_n X B_n + B_n X A_n)`, `A_n = E_n (M_n + θ_n λ_n I)^{-1} E_n^H`, `B_n = E_n U_n E_n^H`.
#[derive(Debug, Clone)]
pub(super) struct PrimalSystem {
    /// `W^{1/2}` by coordinate.
    root_weights: Vec<f64>,
    /// The `A_n` and the `B_n`.
    pairs: Pairs,
    /// `L L^T = I + W^{1/2} 𝓗 K 𝓗ᵀ W^{1/2}`.
    matrix: Mat<f64>,
    /// `L^{-1} W^{1/2} 𝓗 K^{1/2} z`, a column per device.
    coupled: Mat<f64>,
    /// The system of the `Δλ_n`, which stays well conditioned as `β → 0`.
    border: Mat<f64>,
    /// One device's columns of `[E_1 … E_N]`, scaled.
    scaled: Mat<c64>,
    square: Mat<c64>,
    x: Vec<f64>,
}

impl PrimalSystem {
    pub fn new(receive: usize, sides: &[usize]) -> Self {
        let (unknowns, devices) = (receive * receive, sides.len());
        let side = sides.iter().copied().max().unwrap_or(0);
        Self {
            root_weights: vec![0.0; unknowns],
            pairs: Pairs::new(receive, devices),
            matrix: Mat::zeros(unknowns, unknowns),
            coupled: Mat::zeros(unknowns, devices),
            border: Mat::zeros(devices, devices),
            scaled: Mat::zeros(receive, side),
            square: Mat::zeros(receive, receive),
            x: vec![0.0; unknowns],
        }
    }

    /// Assembles and factorizes it; `X'` is diagonal, `softness` is `β`. `false` if rounding leaves no factor.
    pub fn assemble(
        &mut self,
        frame: &Frame,
        operator: &Operator,
        devices: &[Device],
        softness: &[f64],
        scratch: &mut Scratch,
    ) -> bool {
        self.weigh(frame);
        self.write_devices(operator, devices);
        let Self { root_weights, pairs, matrix, coupled, border, .. } = self;
        pairs.write_operator(1.0, matrix.as_mut());
        for (j, &factor) in root_weights.iter().enumerate() {
            let column = matrix.col_as_slice_mut(j)[j..].iter_mut();
            column.zip(&root_weights[j..]).for_each(|(entry, weight)| *entry *= factor * weight);
            matrix[(j, j)] += 1.0;
        }
        if !factorize(matrix.as_mut(), scratch) {
            return false;
        }
        solve_lower_triangular_in_place(matrix.as_ref(), coupled.as_mut(), Par::Seq);
        border.fill(0.0);
        softness.iter().enumerate().for_each(|(n, &softness)| border[(n, n)] = softness);
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        let (left, right) = (coupled.transpose(), coupled.as_ref());
        triangular::matmul(border.as_mut(), lower, Accum::Add, left, full, right, full, 1.0, Par::Seq);
        factorize(border.as_mut(), scratch)
    }

    /// `W^{1/2}`: `W` multiplies entry `(i, j)` by the mean of entries `i` and `j` of the diagonal `X'`.
    fn weigh(&mut self, frame: &Frame) {
        let mut next = 0;
        for b in 0..frame.x.nrows() {
            for a in b..frame.x.nrows() {
                let weight = (0.5 * (frame.x[(a, a)].re + frame.x[(b, b)].re)).sqrt();
                let count = if a == b { 1 } else { 2 };
                self.root_weights[next..next + count].fill(weight);
                next += count;
            }
        }
    }

    /// `A_n`, `B_n` and `W^{1/2} 𝓗 K^{1/2} z_n` of every device.
    fn write_devices(&mut self, operator: &Operator, devices: &[Device]) {
        let Self { root_weights, pairs, coupled, scaled, square, .. } = self;
        for (n, (part, device)) in operator.parts.iter().zip(devices).enumerate() {
            let e = part.columns(&operator.stacked);
            let mut congruence = |square: &mut Mat<c64>, weight: &dyn Fn(usize) -> f64| {
                let mut scaled = scaled.as_mut().subcols_mut(0, part.side);
                for (i, (column, source)) in scaled.rb_mut().col_iter_mut().zip(e.col_iter()).enumerate() {
                    let weight = weight(i);
                    column.iter_mut().zip(source.iter()).for_each(|(out, value)| *out = *value * weight);
                }
                multiply(square.as_mut(), scaled.as_ref(), e.adjoint());
            };
            congruence(square, &|i| device.inverses[i]);
            pairs.first.set(n, square.as_ref());
            congruence(square, &|i| device.amplitudes[i] * device.amplitudes[i]);
            pairs.second.set(n, square.as_ref());
            congruence(square, &|i| {
                device.coupling[i] * device.stiffness[coordinates::diagonal(part.side, i)]
            });
            let column = coupled.col_as_slice_mut(n);
            coordinates::write(square.as_ref(), column);
            column.iter_mut().zip(root_weights.iter()).for_each(|(value, weight)| *value *= weight);
        }
    }

    /// Replaces `b` in `out.x` by `ΔX`, and writes `ΔS`, the `Δλ_n` and `u`; `drive` is `γ`.
    pub fn solve(
        &mut self,
        frame: &Frame,
        operator: &mut Operator,
        devices: &[Device],
        drive: &[f64],
        out: &mut Direction,
    ) {
        let Self { root_weights, matrix, coupled, border, x, square, .. } = self;
        // W^{-1} b − r, and then W^{1/2} of it.
        coordinates::write(out.x.as_ref(), x);
        x.iter_mut().zip(root_weights.iter()).for_each(|(value, weight)| *value /= weight * weight);
        coordinates::read(x, square.as_mut());
        *square -= &frame.remainder;
        coordinates::write(square.as_ref(), x);
        x.iter_mut().zip(root_weights.iter()).for_each(|(value, weight)| *value *= weight);
        let length = x.len();
        let mut unknowns = MatMut::from_column_major_slice_mut(x, length, 1);
        solve_lower_triangular_in_place(matrix.as_ref(), unknowns.rb_mut(), Par::Seq);
        out.multiplier.copy_from_slice(drive);
        let mut change = MatMut::from_column_major_slice_mut(&mut out.multiplier, drive.len(), 1);
        matmul(change.rb_mut(), Accum::Add, coupled.transpose(), unknowns.as_ref(), -1.0, Par::Seq);
        solve_factorized(border.as_ref(), &mut out.multiplier);
        let change = MatRef::from_column_major_slice(&out.multiplier, drive.len(), 1);
        matmul(unknowns.rb_mut(), Accum::Add, coupled.as_ref(), change, 1.0, Par::Seq);
        solve_upper_triangular_in_place(matrix.transpose(), unknowns, Par::Seq);
        x.iter_mut().zip(root_weights.iter()).for_each(|(value, weight)| *value *= weight);
        coordinates::read(x, out.x.as_mut());
        let u = &mut out.u;
        operator.seen(out.x.as_ref(), u);
        u.iter_mut().for_each(|value| *value = -*value);
        for (n, (part, device)) in operator.parts.iter().zip(devices).enumerate() {
            device.along(part.row).for_each(|(i, z)| u[i] += z * out.multiplier[n]);
        }
        frame.write_slack(operator, u, out.s.as_mut());
    }
}
