//! Points and bounds of a relaxation in the units of [`Units`], and out of them.

use super::{Relaxation, Solution};
use crate::error::Error;
use crate::linalg::{largest_part, times_power_of_two};
use crate::problem::{Problem, Units};
use faer::{Mat, MatRef, c64};
use std::borrow::Cow;

impl Relaxation {
    /// The problem in units in which this relaxation's numbers are near 1. `lambda_min` and `trace_inverse` do not depend on the noise.
    pub(super) fn units(self, problem: &Problem) -> (Cow<'_, Problem>, Units) {
        match self {
            Self::LambdaMin | Self::TraceInverse => problem.in_units_of_channels(),
            Self::Mmse => problem.in_own_units(),
        }
    }

    /// `log2` of the value's unit.
    pub(super) fn unit(self, units: &Units) -> i32 {
        match self {
            Self::LambdaMin | Self::TraceInverse => -2 * units.received,
            Self::Mmse => units.error,
        }
    }
}

impl Units {
    /// `X' = r² X` and `U'_n = (r/t_n)² U_n`.
    pub(super) fn points(&self, primal: MatRef<'_, c64>, dual: &[Mat<c64>]) -> (Mat<c64>, Vec<Mat<c64>>) {
        let (mut primal, mut dual) = (primal.to_owned(), dual.to_vec());
        self.change(&mut primal, &mut dual, 1);
        (primal, dual)
    }

    /// A similar problem's solution in these units.
    pub(super) fn warm(&self, solution: Solution) -> Solution {
        let Solution { mut primal, mut dual, certificate, iterations } = solution;
        self.change(&mut primal, &mut dual, 1);
        Solution { primal, dual, certificate, iterations }
    }

    /// A solution in these units, in those of the problem itself.
    pub(super) fn restore(&self, relaxation: Relaxation, solution: Solution) -> Result<Solution, Error> {
        let Solution { mut primal, mut dual, certificate, iterations } = solution;
        self.change(&mut primal, &mut dual, -1);
        if !std::iter::once(&primal).chain(&dual).all(|point| largest_part(point.as_ref()).is_finite()) {
            return Err(Error::Numerical { operation: "the solution's units" });
        }
        Ok(Solution { primal, dual, certificate: certificate.in_units(relaxation.unit(self))?, iterations })
    }

    fn change(&self, primal: &mut Mat<c64>, dual: &mut [Mat<c64>], sign: i32) {
        times_power_of_two(primal.as_mut(), 2 * sign * self.received);
        for (dual, unit) in dual.iter_mut().zip(&self.transmitted) {
            times_power_of_two(dual.as_mut(), 2 * sign * (self.received - unit));
        }
    }
}
