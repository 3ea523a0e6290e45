//! The operator `G` of the Newton equations, in real coordinates.
//!
//! The `T×T` Hermitian matrices are a real vector space of dimension `T²`. Its orthonormal basis under `Re tr(A^H B)`, column by
//! column of the lower triangle: `e_b e_b^T`, then for each row `a > b` the two matrices `(e_a e_b^T + e_b e_a^T)/√2` and
//! `i(e_a e_b^T − e_b e_a^T)/√2`.

use super::device::Device;
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::prelude::ReborrowMut;
use faer::{Accum, Mat, MatMut, MatRef, Par, c64};
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

/// `G = W^{1/2} 𝓗 K^{1/2}`, where `𝓗` takes `(U_1, …, U_N)` to `Σ E_n U_n E_n^H` with `R×T_n` matrices `E_n`, `W` multiplies entry
/// `(i, j)` by `(Λ_i + Λ_j)/2`, and `K` coordinate `i` by the square of a stiffness.
pub(super) struct Operator {
    /// `[E_1 … E_N]`.
    stacked: Mat<c64>,
    /// `T_n`.
    antennas: Vec<usize>,
    lambda: Vec<f64>,
    /// `W^{1/2}` by coordinate.
    pub root_weights: Vec<f64>,
    /// `K^{1/2}` by coordinate, device after device.
    stiffness: Vec<f64>,
}

impl Operator {
    pub fn new(stacked: Mat<c64>, lambda: Vec<f64>, devices: &[Device]) -> Self {
        let mut root_weights = Vec::with_capacity(lambda.len().pow(2));
        for b in 0..lambda.len() {
            root_weights.push(lambda[b].sqrt());
            for a in b + 1..lambda.len() {
                let weight = (0.5 * (lambda[a] + lambda[b])).sqrt();
                root_weights.extend([weight, weight]);
            }
        }
        let antennas = devices.iter().map(Device::antennas).collect();
        let stiffness = devices.iter().flat_map(|device| device.stiffness.iter().copied()).collect();
        Self { stacked, antennas, lambda, root_weights, stiffness }
    }

    /// The number of coordinates of `(U_1, …, U_N)`, `Σ T_n²`.
    pub fn columns(&self) -> usize {
        self.stiffness.len()
    }

    /// `G u`.
    pub fn apply(&self, u: &Mat<f64>) -> Mat<f64> {
        let mut weighted = Mat::<c64>::zeros(self.stacked.nrows(), self.stacked.ncols());
        for Part { column, coordinate, side } in self.parts() {
            let u = hermitian(side, |i| u[(coordinate + i, 0)] * self.stiffness[coordinate + i]);
            weighted.as_mut().subcols_mut(column, side).copy_from(self.stacked.subcols(column, side) * u);
        }
        let sum = weighted * self.stacked.adjoint();
        let mut coordinates = Mat::zeros(self.root_weights.len(), 1);
        write(sum.as_ref(), coordinates.as_mut());
        scale(&mut coordinates, &self.root_weights, 0);
        coordinates
    }

    /// `G z_n` for each device, a column each, where `z_n` has these values on the diagonal and is zero elsewhere.
    pub fn apply_diagonals<'a>(&self, diagonals: impl Iterator<Item = &'a Vec<f64>>) -> Mat<f64> {
        let mut columns = Mat::zeros(self.root_weights.len(), self.antennas.len());
        for (n, (Part { column, coordinate, side }, diagonal)) in self.parts().zip(diagonals).enumerate() {
            let e = self.stacked.subcols(column, side);
            let value = |i: usize| diagonal[i] * self.stiffness[coordinate + diagonal_coordinate(side, i)];
            let scaled = Mat::from_fn(e.nrows(), side, |row, i| e[(row, i)] * value(i));
            write((scaled * e.adjoint()).as_ref(), columns.as_mut().subcols_mut(n, 1));
            scale(&mut columns, &self.root_weights, n);
        }
        columns
    }

    /// `Gᵀ x`.
    pub fn adjoint(&self, x: &Mat<f64>) -> Mat<f64> {
        let x = hermitian(self.lambda.len(), |i| x[(i, 0)] * self.root_weights[i]);
        let product = x * &self.stacked;
        let mut coordinates = Mat::zeros(self.columns(), 1);
        for Part { column, coordinate, side } in self.parts() {
            let seen = self.stacked.subcols(column, side).adjoint() * product.subcols(column, side);
            write(seen.as_ref(), coordinates.as_mut().subrows_mut(coordinate, side * side));
        }
        scale(&mut coordinates, &self.stiffness, 0);
        coordinates
    }

    /// Adds `Gᵀ G` to the lower triangle of a matrix.
    ///
    /// Block `(n, m)` of `𝓗ᵀ W 𝓗` takes `U` to the Hermitian part of `P_nm U Q_mn`, `P = E^H Λ E`, `Q = E^H E`.
    pub fn add_gram(&self, matrix: &mut Mat<f64>) {
        let (rows, columns) = (self.stacked.nrows(), self.stacked.ncols());
        let weighted = Mat::from_fn(rows, columns, |i, j| self.stacked[(i, j)] * self.lambda[i]);
        let (p, q) = (self.stacked.adjoint() * weighted, self.stacked.adjoint() * &self.stacked);
        for m in self.parts() {
            for n in self.parts().filter(|n| n.column >= m.column) {
                let block = matrix.as_mut().submatrix_mut(
                    n.coordinate,
                    m.coordinate,
                    n.side * n.side,
                    m.side * m.side,
                );
                let left = &self.stiffness[n.coordinate..n.coordinate + n.side * n.side];
                let right = &self.stiffness[m.coordinate..m.coordinate + m.side * m.side];
                let p = p.as_ref().submatrix(n.column, m.column, n.side, m.side);
                let q = q.as_ref().submatrix(m.column, n.column, m.side, n.side);
                add_product(block, p, q, left, right);
            }
        }
    }

    /// Adds `G Gᵀ` to the lower triangle of a matrix.
    pub fn add_outer(&self, matrix: &mut Mat<f64>) {
        let mut operator = Mat::<f64>::zeros(self.root_weights.len(), self.columns());
        for Part { column, coordinate, side } in self.parts() {
            let columns = operator.as_mut().subcols_mut(coordinate, side * side);
            write_outer_products(columns, self.stacked.subcols(column, side));
        }
        for (j, stiffness) in self.stiffness.iter().enumerate() {
            for (value, weight) in operator.col_as_slice_mut(j).iter_mut().zip(&self.root_weights) {
                *value *= weight * stiffness;
            }
        }
        add_lower_product(matrix, operator.as_ref(), operator.transpose());
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        let mut next = Part { column: 0, coordinate: 0, side: 0 };
        self.antennas.iter().map(move |&side| {
            let part = Part { side, ..next };
            next = Part { column: part.column + side, coordinate: part.coordinate + side * side, side };
            part
        })
    }
}

/// Where one device's columns of `[E_1 … E_N]` and its coordinates start, and `T_n`.
#[derive(Clone, Copy)]
struct Part {
    column: usize,
    coordinate: usize,
    side: usize,
}

/// Which coordinate of a `side × side` matrix is entry `(i, i)`.
pub(super) fn diagonal_coordinate(side: usize, i: usize) -> usize {
    i * (2 * side - i)
}

/// Writes the coordinates of the Hermitian part of `matrix` into a column.
pub(super) fn write(matrix: MatRef<'_, c64>, mut coordinates: MatMut<'_, f64>) {
    let side = matrix.nrows();
    let mut next = 0;
    for b in 0..side {
        coordinates[(next, 0)] = matrix[(b, b)].re;
        next += 1;
        for a in b + 1..side {
            let entry = (matrix[(a, b)] + matrix[(b, a)].conj()) * FRAC_1_SQRT_2;
            coordinates[(next, 0)] = entry.re;
            coordinates[(next + 1, 0)] = entry.im;
            next += 2;
        }
    }
}

/// The Hermitian matrix with the given coordinates.
pub(super) fn hermitian(side: usize, coordinate: impl Fn(usize) -> f64) -> Mat<c64> {
    let mut matrix = Mat::<c64>::zeros(side, side);
    let mut next = 0;
    for b in 0..side {
        matrix[(b, b)] = c64::new(coordinate(next), 0.0);
        next += 1;
        for a in b + 1..side {
            let entry = c64::new(coordinate(next), coordinate(next + 1)) * FRAC_1_SQRT_2;
            matrix[(a, b)] = entry;
            matrix[(b, a)] = entry.conj();
            next += 2;
        }
    }
    matrix
}

fn scale(coordinates: &mut Mat<f64>, weights: &[f64], column: usize) {
    coordinates.col_as_slice_mut(column).iter_mut().zip(weights).for_each(|(value, weight)| *value *= weight);
}

/// Adds to `block` the operator `U ↦ (P U Q + Q^H U P^H)/2` in coordinates, `P` being `T_n×T_m` and `Q` `T_m×T_n`, its rows scaled by
/// `left` and its columns by `right`.
fn add_product(
    mut block: MatMut<'_, f64>,
    p: MatRef<'_, c64>,
    q: MatRef<'_, c64>,
    left: &[f64],
    right: &[f64],
) {
    let (rows, columns) = (p.nrows(), p.ncols());
    let mut column = 0;
    for b in 0..columns {
        for a in b..columns {
            let mut row = 0;
            for d in 0..rows {
                for c in d..rows {
                    // Entry (c, d), and the conjugate of entry (d, c), of P e_a e_b^T Q; the same of P e_b e_a^T Q.
                    let (ab, ab_mirrored) = (p[(c, a)] * q[(b, d)], (p[(d, a)] * q[(b, c)]).conj());
                    let (ba, ba_mirrored) = (p[(c, b)] * q[(a, d)], (p[(d, b)] * q[(a, c)]).conj());
                    let scale = match (a == b, c == d) {
                        (true, true) => 0.25,
                        (false, false) => 0.5,
                        _ => 0.5 * FRAC_1_SQRT_2,
                    };
                    let real = (ab + ab_mirrored + ba + ba_mirrored) * (scale * left[row] * right[column]);
                    block[(row, column)] += real.re;
                    if c > d {
                        block[(row + 1, column)] += real.im;
                    }
                    if a > b {
                        // i times the difference.
                        let imaginary =
                            (ab - ab_mirrored - ba + ba_mirrored) * (scale * left[row] * right[column]);
                        block[(row, column + 1)] -= imaginary.im;
                        if c > d {
                            block[(row + 1, column + 1)] += imaginary.re;
                        }
                    }
                    row += if c > d { 2 } else { 1 };
                }
            }
            column += if a > b { 2 } else { 1 };
        }
    }
}

/// Writes, for each basis matrix `B`, the coordinates of `E B E^H` into one column.
fn write_outer_products(mut columns: MatMut<'_, f64>, e: MatRef<'_, c64>) {
    let (side, antennas) = (e.nrows(), e.ncols());
    let mut column = 0;
    for b in 0..antennas {
        for a in b..antennas {
            let scale = if a == b { 0.5 * SQRT_2 } else { 1.0 };
            let mut row = 0;
            for j in 0..side {
                let (tail_a, tail_b) = (e[(j, a)].conj() * scale, e[(j, b)].conj() * scale);
                let diagonal = e[(j, a)] * tail_b * SQRT_2;
                columns[(row, column)] = diagonal.re;
                if a > b {
                    columns[(row, column + 1)] = -diagonal.im;
                }
                row += 1;
                for i in j + 1..side {
                    let (first, second) = (e[(i, a)] * tail_b, e[(i, b)] * tail_a);
                    let (sum, difference) = (first + second, first - second);
                    columns[(row, column)] = sum.re;
                    columns[(row + 1, column)] = sum.im;
                    if a > b {
                        columns[(row, column + 1)] = -difference.im;
                        columns[(row + 1, column + 1)] = difference.re;
                    }
                    row += 2;
                }
            }
            column += if a > b { 2 } else { 1 };
        }
    }
}

/// Adds `left · right` to the lower triangle of a matrix.
pub(super) fn add_lower_product(matrix: &mut Mat<f64>, left: MatRef<'_, f64>, right: MatRef<'_, f64>) {
    let full = BlockStructure::Rectangular;
    matmul(
        matrix.rb_mut(),
        BlockStructure::TriangularLower,
        Accum::Add,
        left,
        full,
        right,
        full,
        1.0,
        Par::Seq,
    );
}
