//! Where the iteration starts.

use super::{InteriorPoint, LastStep};
use crate::error::Error;
use crate::linalg::{multiply, scale, trace};
use faer::{Mat, c64};

/// The part of the start's trace that is spread evenly.
const EVEN_PART: f64 = 0.3;
/// `X` starts at this multiple of an upper bound on the least feasible scale.
const SURPLUS: f64 = 1.2;
/// An upper bound on the largest eigenvalue of `Σ h_n W_n h_n^H` at the start, 1 being the boundary.
const LOAD: f64 = 0.9;

impl InteriorPoint {
    /// A strictly feasible start: `X` is the sum of every device's own optimum `(h_n^+)^H h_n^+` and a multiple of the identity,
    /// scaled into the interior; `W_n` is proportional to `Z_n^{-1}`, as on the central path.
    pub fn start(&mut self) -> Result<(), Error> {
        let failed = Error::Numerical { operation: "the interior-point method's start" };
        self.last_step = LastStep::Other;
        let columns = &self.channels.columns;
        let weighted = Mat::from_fn(columns.nrows(), columns.ncols(), |i, j| {
            columns[(i, j)] / columns.col(j).squared_norm_l2().powi(2)
        });
        let x = &mut self.iterate.x;
        multiply(x.as_mut(), weighted.as_ref(), columns.adjoint());
        let even = EVEN_PART * trace(x.as_ref()) / x.nrows() as f64;
        (0..x.nrows()).for_each(|i| x[(i, i)] = c64::new(x[(i, i)].re + even, 0.0));
        self.channels.seen(self.iterate.x.as_ref(), &mut self.iterate.z);
        let Self { channels, iterate, inverses, work, .. } = self;
        if !inverses.update_parts(channels, &iterate.z, work) {
            return Err(failed);
        }
        // The inverse's norm is at least its largest eigenvalue.
        let strongest =
            channels.packs.iter().map(|pack| pack.largest_norm(&inverses.parts)).fold(0.0, f64::max);
        scale(iterate.x.as_mut(), SURPLUS * strongest);
        self.update_surplus();
        let Self { channels, iterate, inverses, work, .. } = self;
        if !inverses.update_parts(channels, &iterate.z, work) {
            return Err(failed);
        }
        iterate.w.copy_from_slice(&inverses.parts);
        channels.received(&iterate.w, iterate.s.as_mut());
        let load = work.largest_eigenvalue_bound(iterate.s.as_ref());
        if !(load.is_finite() && load > 0.0) {
            return Err(failed);
        }
        iterate.w.iter_mut().for_each(|entry| *entry = entry.scaled(LOAD / load));
        Ok(())
    }
}
