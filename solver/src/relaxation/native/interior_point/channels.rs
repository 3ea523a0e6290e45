//! The two linear maps between the receiver's matrix and the devices' matrices.

use crate::linalg::{make_hermitian, multiply};
use crate::relaxation::native::layout::{Block, Strip};
use faer::prelude::ReborrowMut;
use faer::{Mat, MatMut, MatRef, c64};

/// `[h_1 … h_N]`, and memory for a product with it.
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

    /// `Σ h_n W_n h_n^H`.
    pub fn received(&mut self, u: &Strip, mut out: MatMut<'_, c64>) {
        for block in &self.blocks {
            let target = block.columns_mut(&mut self.product);
            multiply(target, block.columns(&self.columns), block.of(u));
        }
        multiply(out.rb_mut(), self.product.as_ref(), self.columns.adjoint());
        make_hermitian(out);
    }

    /// `h_n^H X h_n` for every device.
    pub fn seen(&mut self, x: MatRef<'_, c64>, out: &mut Strip) {
        multiply(self.product.as_mut(), x, self.columns.as_ref());
        for block in &self.blocks {
            let (columns, product) = (block.columns(&self.columns), block.columns(&self.product));
            multiply(block.of_mut(out), columns.adjoint(), product);
            make_hermitian(block.of_mut(out));
        }
    }
}
