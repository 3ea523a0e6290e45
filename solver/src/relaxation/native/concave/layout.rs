//! Where the devices' parts are in what holds all of them.

use crate::relaxation::native::coordinates;
use faer::{Mat, MatMut, MatRef, c64};
use std::ops::Range;

/// One device's columns and real coordinates among those of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// The first column.
    pub offset: usize,
    /// Their number `T_n`.
    pub side: usize,
    /// The first of its `T_n²` coordinates.
    pub row: usize,
}

impl Block {
    /// One after another for devices of the given `sides`.
    pub fn all(sides: &[usize]) -> Vec<Self> {
        let next = |place: &mut (usize, usize), &side: &usize| {
            let (offset, row) = *place;
            *place = (offset + side, row + side * side);
            Some(Self { offset, side, row })
        };
        sides.iter().scan((0, 0), next).collect()
    }

    /// Where its coordinates are among those of all.
    pub fn coordinates(&self) -> Range<usize> {
        self.row..self.row + self.side * self.side
    }

    pub fn columns<'a>(&self, matrix: &'a Mat<c64>) -> MatRef<'a, c64> {
        matrix.as_ref().subcols(self.offset, self.side)
    }

    pub fn columns_mut<'a>(&self, matrix: &'a mut Mat<c64>) -> MatMut<'a, c64> {
        matrix.as_mut().subcols_mut(self.offset, self.side)
    }
}

/// Writes the lower blocks of the matrix, in coordinates, of `(U_n) ↦ (½ Σ_m (P_nm U_m Q_nm^H + Q_nm U_m P_nm^H))_n`.
pub(super) fn write_products(blocks: &[Block], p: &Mat<c64>, q: &Mat<c64>, matrix: &mut Mat<f64>) {
    for (m, second) in blocks.iter().enumerate() {
        for first in &blocks[m..] {
            let [p, q] =
                [p, q].map(|of| of.as_ref().submatrix(first.offset, second.offset, first.side, second.side));
            let (rows, columns) = (first.coordinates(), second.coordinates());
            let block = matrix.as_mut().submatrix_mut(rows.start, columns.start, rows.len(), columns.len());
            coordinates::write_product(block, p, q, 0.5);
        }
    }
}
