//! The two linear maps of the Newton equations, between `ΔX` and the `ΔU_n`.

use super::device::Device;
use super::layout::Block;
use crate::linalg::{make_hermitian, multiply};
use crate::relaxation::native::coordinates;
use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, MatRef, c64};

/// `𝓗 K^{1/2}` and its adjoint, where `𝓗` takes `(U_1, …, U_N)` to `Σ E_n U_n E_n^H` with `R×T_n` matrices `E_n`, and `K` multiplies
/// coordinate `i` by the square of a stiffness.
#[derive(Debug, Clone)]
pub(super) struct Operator {
    pub parts: Vec<Block>,
    /// `[E_1 … E_N]`.
    pub stacked: Mat<c64>,
    /// `K^{1/2}` by coordinate, device after device.
    pub stiffness: Vec<f64>,
    product: Mat<c64>,
    /// Top left: one device's matrices.
    matrix: Mat<c64>,
    bent: Mat<c64>,
    coordinates: Vec<f64>,
}

impl Operator {
    /// Room for `receive` antennas and devices of the given `sides`.
    pub fn new(receive: usize, sides: &[usize]) -> Self {
        let columns = sides.iter().sum();
        let side = sides.iter().copied().max().unwrap_or(0);
        let unknowns = sides.iter().map(|side| side * side).sum();
        let stacked = || Mat::zeros(receive, columns);
        Self {
            parts: Block::all(sides),
            stacked: stacked(),
            stiffness: vec![0.0; unknowns],
            product: stacked(),
            matrix: Mat::zeros(side, side),
            bent: Mat::zeros(side, side),
            coordinates: vec![0.0; side * side],
        }
    }

    /// Takes `F^H [H_1 V_1 … H_N V_N]` for `[E_1 … E_N]`, and the devices' stiffness.
    pub fn update(&mut self, frame: MatRef<'_, c64>, eigenbases: MatRef<'_, c64>, devices: &[Device]) {
        multiply(self.stacked.as_mut(), frame.adjoint(), eigenbases);
        for (part, device) in self.parts.iter().zip(devices) {
            self.stiffness[part.coordinates()].copy_from_slice(&device.stiffness);
        }
    }

    /// Writes `𝓗 K^{1/2} u`, Hermitian.
    pub fn received(&mut self, u: &[f64], mut out: MatMut<'_, c64>) {
        for part in &self.parts {
            let values = u[part.coordinates()].iter().zip(&self.stiffness[part.coordinates()]);
            let coordinates = &mut self.coordinates[..part.side * part.side];
            coordinates.iter_mut().zip(values).for_each(|(out, (u, stiffness))| *out = u * stiffness);
            let mut matrix = self.matrix.as_mut().submatrix_mut(0, 0, part.side, part.side);
            coordinates::read(coordinates, matrix.rb_mut());
            multiply(part.columns_mut(&mut self.product), part.columns(&self.stacked), matrix.as_ref());
        }
        multiply(out.rb_mut(), self.product.as_ref(), self.stacked.adjoint());
        make_hermitian(out);
    }

    /// The second order of the devices' parts ([`Device::bend`]) along the direction that has the `u` and the changes of the `λ_n`: writes that
    /// of `Σ E_n U_n E_n^H`, and subtracts that of each `s_n` from its `drive`.
    pub fn bend(
        &mut self,
        u: &[f64],
        multipliers: &[f64],
        devices: &[Device],
        drive: &mut [f64],
        mut out: MatMut<'_, c64>,
    ) {
        let Self { parts, stacked, stiffness, product, matrix, bent, coordinates } = self;
        for (n, (part, device)) in parts.iter().zip(devices).enumerate() {
            // u = z Δλ − K^{1/2} 𝓗ᵀ ΔX.
            let change = &mut coordinates[..part.side * part.side];
            change.iter_mut().zip(&u[part.coordinates()]).for_each(|(change, u)| *change = -u);
            device.along(0).for_each(|(i, z)| change[i] += z * multipliers[n]);
            change.iter_mut().zip(&stiffness[part.coordinates()]).for_each(|(change, k)| *change /= k);
            let mut matrix = matrix.as_mut().submatrix_mut(0, 0, part.side, part.side);
            let mut bent = bent.as_mut().submatrix_mut(0, 0, part.side, part.side);
            coordinates::read(change, matrix.rb_mut());
            (0..part.side).for_each(|i| matrix[(i, i)].re += device.noise * multipliers[n]);
            drive[n] -= device.bend(matrix.as_ref(), multipliers[n], bent.rb_mut());
            multiply(part.columns_mut(product), part.columns(stacked), bent.as_ref());
        }
        multiply(out.rb_mut(), product.as_ref(), stacked.adjoint());
        make_hermitian(out);
    }

    /// Writes `K^{1/2} 𝓗ᵀ x`.
    pub fn seen(&mut self, x: MatRef<'_, c64>, out: &mut [f64]) {
        multiply(self.product.as_mut(), x, self.stacked.as_ref());
        for part in &self.parts {
            let mut matrix = self.matrix.as_mut().submatrix_mut(0, 0, part.side, part.side);
            multiply(matrix.rb_mut(), part.columns(&self.stacked).adjoint(), part.columns(&self.product));
            coordinates::write(matrix.as_ref(), &mut out[part.coordinates()]);
        }
        out.iter_mut().zip(&self.stiffness).for_each(|(out, stiffness)| *out *= stiffness);
    }
}
