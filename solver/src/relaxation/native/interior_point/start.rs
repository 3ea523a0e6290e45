//! Where the iteration starts.

use super::InteriorPoint;
use crate::error::Error;
use crate::linalg::{eigenvalues, multiply, scale, trace};
use faer::{Mat, c64};

/// The part of the start's trace that is spread evenly.
const EVEN_PART: f64 = 0.3;
/// How far beyond the weakest constraint `X` starts.
const SURPLUS: f64 = 1.3;
/// The largest eigenvalue of `Σ h_n W_n h_n^H` at the start, 1 being the boundary.
const LOAD: f64 = 0.95;

impl InteriorPoint {
    /// A strictly feasible start: `X` is the sum of every device's own optimum `(h_n^+)^H h_n^+` and a multiple of the identity,
    /// scaled into the interior; `W_n` is proportional to `Z_n^{-1}`, as on the central path.
    pub fn start(&mut self) -> Result<(), Error> {
        let failed = Error::Numerical { operation: "the interior-point method's start" };
        let columns = &self.channels.columns;
        let weighted = Mat::from_fn(columns.nrows(), columns.ncols(), |i, j| {
            columns[(i, j)] / columns.col(j).squared_norm_l2().powi(2)
        });
        let x = &mut self.iterate.x;
        multiply(x.as_mut(), weighted.as_ref(), columns.adjoint());
        let even = EVEN_PART * trace(x.as_ref()) / x.nrows() as f64;
        (0..x.nrows()).for_each(|i| x[(i, i)] = c64::new(x[(i, i)].re + even, 0.0));
        self.channels.seen(self.iterate.x.as_ref(), &mut self.iterate.z);
        let mut weakest = f64::INFINITY;
        for block in &self.channels.blocks {
            weakest = weakest.min(eigenvalues(block.of(&self.iterate.z))?[0]);
        }
        if !(weakest.is_finite() && weakest > 0.0) {
            return Err(failed);
        }
        scale(self.iterate.x.as_mut(), SURPLUS / weakest);
        self.update_surplus();
        let Self { channels, iterate, inverses, work, .. } = self;
        if !inverses.update(channels, iterate.x.as_ref(), &iterate.z, work) {
            return Err(failed);
        }
        iterate.u.copy_from(&inverses.parts);
        channels.received(&iterate.u, iterate.s.as_mut());
        let load = eigenvalues(iterate.s.as_ref())?.last().copied().unwrap_or(0.0);
        if !(load.is_finite() && load > 0.0) {
            return Err(failed);
        }
        scale(iterate.u.as_mut(), LOAD / load);
        Ok(())
    }
}
