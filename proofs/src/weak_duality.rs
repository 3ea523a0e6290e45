//! Weak duality of the papers' relaxation: \[A\], eq. (17), `lambda_min`; *theory*, section 3.
//!
//! # Statement
//!
//! Let `c_n = T_n v_n/p_n`, `Z_n = H_n^H X H_n − c_n I` and `S = I − Σ_n H_n U_n H_n^H`. For Hermitian `X` and `U_n`
//!
//! `tr X − Σ c_n tr U_n = tr(X S) + Σ tr(U_n Z_n)`,
//!
//! and under the hypotheses both terms on the right are at least 0. So `Σ c_n tr U_n` of any dual feasible point is
//! at most the value of (17), which is at most `tr X` of any primal feasible point.
//!
//! For one device the two meet, at `X = c H (H^H H)^{-2} H^H` and `U = (H^H H)^{-1}`: nothing better than 0 can be
//! said.
//!
//! # Hypotheses
//!
//! - **primal cone**: `X ⪰ 0`;
//! - **primal constraint**: `Z_n ⪰ 0`;
//! - **dual cone**: `U_n ⪰ 0`;
//! - **dual constraint**: `S ⪰ 0`; with the dual cone this is `(U_n) ∈ 𝒰`.
//!
//! [`solver::relaxation::lambda_min::certify`] makes any points feasible before it compares them, so it needs none
//! of these.

use crate::arithmetic::{eigenvalues, identity, inner, norm, scaled, trace};
use crate::programs::{received_rounding, seen_rounding};
use crate::tolerance;
use faer::{Mat, c64};
use solver::Problem;

/// A primal and a dual point of (17), feasible or not.
#[derive(Debug, Clone)]
pub struct Points {
    /// `X`, `R×R`, Hermitian.
    pub primal: Mat<c64>,
    /// `U_n`, `T_n×T_n`, Hermitian.
    pub dual: Vec<Mat<c64>>,
}

/// By how much each hypothesis holds: a least eigenvalue, negative where it does not; or what rounding may move these by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Feasibility {
    /// `λ_min(X)`.
    pub primal_cone: f64,
    /// `min_n λ_min(Z_n)`.
    pub primal_constraint: f64,
    /// `min_n λ_min(U_n)`.
    pub dual_cone: f64,
    /// `λ_min(S)`.
    pub dual_constraint: f64,
}

impl Points {
    /// `c_n = T_n v_n/p_n`.
    pub fn demand(problem: &Problem, device: usize) -> f64 {
        problem.channels()[device].ncols() as f64 * problem.signal_variance()[device]
            / problem.transmit_power()[device]
    }

    /// `Σ c_n tr U_n`.
    pub fn dual_value(&self, problem: &Problem) -> f64 {
        self.dual.iter().enumerate().map(|(n, u)| Self::demand(problem, n) * trace(u.as_ref())).sum()
    }

    /// `tr X − Σ c_n tr U_n`.
    pub fn gap(&self, problem: &Problem) -> f64 {
        trace(self.primal.as_ref()) - self.dual_value(problem)
    }

    /// `Z_n`.
    pub fn primal_slack(&self, problem: &Problem, device: usize) -> Mat<c64> {
        let channel = &problem.channels()[device];
        let demand = scaled(identity(channel.ncols()).as_ref(), Self::demand(problem, device));
        channel.adjoint() * (&self.primal * channel) - demand
    }

    /// `S`.
    pub fn dual_slack(&self, problem: &Problem) -> Mat<c64> {
        let mut slack = identity(problem.receive_antennas());
        for (channel, multiplier) in problem.channels().iter().zip(&self.dual) {
            slack -= channel * (multiplier * channel.adjoint());
        }
        slack
    }

    /// `tr(X S) + Σ tr(U_n Z_n)`.
    pub fn complementarity(&self, problem: &Problem) -> f64 {
        let primal = inner(self.primal.as_ref(), self.dual_slack(problem).as_ref());
        let dual = self.dual.iter().enumerate().map(|(n, u)| {
            let slack = self.primal_slack(problem, n);
            inner(u.as_ref(), slack.as_ref())
        });
        primal + dual.sum::<f64>()
    }

    /// Which hypotheses hold, and by how much.
    pub fn feasibility(&self, problem: &Problem) -> Feasibility {
        let least = |matrix: &Mat<c64>| eigenvalues(matrix.as_ref())[0];
        let devices = 0..self.dual.len();
        Feasibility {
            primal_cone: least(&self.primal),
            primal_constraint: devices
                .clone()
                .map(|n| least(&self.primal_slack(problem, n)))
                .fold(f64::INFINITY, f64::min),
            dual_cone: devices.map(|n| least(&self.dual[n])).fold(f64::INFINITY, f64::min),
            dual_constraint: least(&self.dual_slack(problem)),
        }
    }

    /// What rounding may move the eigenvalues of [`Points::feasibility`] by, in proportion to the terms that the matrices are made of.
    pub fn rounding(&self, problem: &Problem) -> Feasibility {
        let slack = |n: usize| {
            let demand = tolerance(self.dual[n].ncols(), Self::demand(problem, n));
            seen_rounding(problem, n, &self.primal) + demand
        };
        let cone = |matrix: &Mat<c64>| tolerance(matrix.nrows(), norm(matrix.as_ref()));
        Feasibility {
            primal_cone: cone(&self.primal),
            primal_constraint: (0..self.dual.len()).map(slack).fold(0.0, f64::max),
            dual_cone: self.dual.iter().map(cone).fold(0.0, f64::max),
            dual_constraint: received_rounding(problem, &self.dual),
        }
    }
}

impl Feasibility {
    /// Every hypothesis holds, up to so much.
    pub fn holds_within(&self, rounding: &Self) -> bool {
        self.primal_cone >= -rounding.primal_cone
            && self.primal_constraint >= -rounding.primal_constraint
            && self.dual_cone >= -rounding.dual_cone
            && self.dual_constraint >= -rounding.dual_constraint
    }
}

#[cfg(test)]
mod counterexamples;
#[cfg(test)]
mod tests;
