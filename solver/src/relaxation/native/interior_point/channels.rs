//! The two linear maps between the receiver's matrix and the devices' matrices.

use crate::linalg::{make_hermitian, multiply};
use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, MatRef, c64};
use std::ops::Range;

/// The devices' `T_n×T_n` matrices side by side, the top `T_n` rows of each in use.
pub(super) type Strip = Mat<c64>;

/// One device's columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// The first.
    pub offset: usize,
    /// Their number `T_n`.
    pub side: usize,
    /// The first of its `T_n²` real coordinates.
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

    pub fn of<'a>(&self, strip: &'a Strip) -> MatRef<'a, c64> {
        strip.as_ref().submatrix(0, self.offset, self.side, self.side)
    }

    pub fn of_mut<'a>(&self, strip: &'a mut Strip) -> MatMut<'a, c64> {
        strip.as_mut().submatrix_mut(0, self.offset, self.side, self.side)
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

/// `[H_1 … H_N]`, and memory for a product with it.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    pub blocks: Vec<Block>,
    pub columns: Mat<c64>,
    product: Mat<c64>,
}

impl Channels {
    /// All zero.
    pub fn new(receive: usize, sides: &[usize]) -> Self {
        let (blocks, total) = (Block::all(sides), sides.iter().sum());
        Self { blocks, columns: Mat::zeros(receive, total), product: Mat::zeros(receive, total) }
    }

    /// `Σ H_n U_n H_n^H`.
    pub fn received(&mut self, u: &Strip, mut out: MatMut<'_, c64>) {
        for block in &self.blocks {
            let target = block.columns_mut(&mut self.product);
            multiply(target, block.columns(&self.columns), block.of(u));
        }
        multiply(out.rb_mut(), self.product.as_ref(), self.columns.adjoint());
        make_hermitian(out);
    }

    /// `H_n^H X H_n` for every device.
    pub fn seen(&mut self, x: MatRef<'_, c64>, out: &mut Strip) {
        multiply(self.product.as_mut(), x, self.columns.as_ref());
        for block in &self.blocks {
            let (columns, product) = (block.columns(&self.columns), block.columns(&self.product));
            multiply(block.of_mut(out), columns.adjoint(), product);
            make_hermitian(block.of_mut(out));
        }
    }
}
