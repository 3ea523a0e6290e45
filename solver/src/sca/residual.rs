//! The optimality residual with its confidence, from samples that had no part in the run.

use super::options::{Confirmation, require_sampling};
use super::subproblem::{Goal, Subproblem, SubproblemSolver, certify};
use super::vector::{difference, norm};
use super::{
    ResidualEstimate, ScaError, ScaState, StochasticProgram, StochasticSca, Surrogate, TerminationReason,
};
use crate::statistics::{Moments, student_margin};

/// Streams of the samples of confirmations and of estimates, far from those of the iterations and from each other.
const CONFIRMATION_STREAM: u64 = 1 << 63;
const ESTIMATE_STREAM: u64 = 1 << 62;

impl<P: StochasticProgram, B: SubproblemSolver> StochasticSca<'_, P, B> {
    /// Estimates the optimality residual `‖x̂ − x‖` of (21) at `point` ∈ 𝒳, with the true expectation of the gradient, from
    /// `samples` samples chosen by `seed`; for programs without stochastic constraints.
    ///
    /// The bound: `x̂ = Π_𝒳(x − ∇F/(2η_0))`, and projections do not expand distances, so an error `e` of the gradient moves the
    /// residual by at most `‖e‖/(2η_0)`. Each of the `n` entries of `e` is within `t s_j/√samples` with confidence `1 − δ/n`, `t` the
    /// two-sided Student quantile and `s_j` the sample deviation, hence all of them with confidence `1 − δ` (Bonferroni). This is
    /// exact for Gaussian gradients whatever their correlations, and asymptotic in `samples` for others (central limit). The
    /// samples are of streams that no run uses, so they had no part in finding `point` even if `seed` is the run's.
    ///
    /// # Errors
    /// [`ScaError::Options`] for fewer than two samples or a confidence outside (0, 1);
    /// [`ScaError::ConfirmationWithConstraints`]; otherwise as [`StochasticSca::run_observed`].
    pub fn estimate_residual(
        &mut self,
        point: &[f64],
        samples: usize,
        confidence: f64,
        seed: u64,
    ) -> Result<ResidualEstimate, ScaError<P::Error>> {
        require_sampling(samples, confidence).map_err(ScaError::Options)?;
        self.check_point(point)?;
        self.check_unconstrained()?;
        self.residual_from(point, samples, confidence, seed, ESTIMATE_STREAM, 0)
    }

    /// The end of a run whose residual was small for long enough; `None` if fresh samples do not confirm it.
    pub(super) fn tolerance_met(
        &mut self,
        state: &mut ScaState,
        residual: f64,
    ) -> Result<Option<TerminationReason>, ScaError<P::Error>> {
        let Some(Confirmation { samples, confidence }) = self.options.confirmation else {
            return Ok(Some(TerminationReason::ResidualBelowTolerance { residual }));
        };
        let test = state.confirmations as f64 + 1.0;
        let level = 1.0 - (1.0 - confidence) / (test * (test + 1.0));
        let first =
            CONFIRMATION_STREAM.wrapping_add((state.confirmations as u64).wrapping_mul(samples as u64));
        let seed = self.options.seed;
        let estimate = self.residual_from(&state.point, samples, level, seed, first, state.iteration)?;
        state.confirmations += 1;
        state.quiet = 0;
        let confirmed = self.options.residual_tolerance.is_some_and(|most| estimate.upper_bound <= most);
        Ok(confirmed.then_some(TerminationReason::ResidualConfirmed { estimate, confidence }))
    }

    /// As [`StochasticSca::estimate_residual`], on the samples of streams `first`, `first + 1`, … of `seed`.
    fn residual_from(
        &mut self,
        point: &[f64],
        samples: usize,
        confidence: f64,
        seed: u64,
        first: u64,
        iteration: usize,
    ) -> Result<ResidualEstimate, ScaError<P::Error>> {
        let mut entries = vec![Moments::default(); point.len()];
        for sample in 0..samples as u64 {
            let evaluation = self.evaluate_one(iteration, point, seed, first.wrapping_add(sample))?;
            let gradient = evaluation.objective.gradient;
            entries.iter_mut().zip(gradient).for_each(|(entry, draw)| entry.push(draw));
        }
        let share = (1.0 - confidence) / (2.0 * point.len() as f64);
        let (gradient, errors): (Vec<f64>, Vec<f64>) =
            entries.iter().map(|entry| (entry.mean(), entry.standard_error())).unzip();
        let margin = student_margin(1.0 - share, samples - 1, norm(&errors));
        let curvature = self.options.objective_curvature;
        let mean = Surrogate { value: 0.0, gradient, curvature };
        let feasible_set = self.program.feasible_set();
        // The projection onto 𝒳 itself: nothing is known of the distance to that onto a loosened set.
        let projection = Subproblem {
            feasible_set,
            center: point,
            objective: &mean,
            constraints: &[],
            goal: Goal::Objective,
        };
        let target = certify(&mut self.backend, &projection)
            .map_err(|source| ScaError::Subproblem { iteration, source })?;
        let residual = norm(&difference(&target.point, point));
        // The target is itself exact only up to √(gap/η_0).
        let inexact = (target.gap / curvature).sqrt();
        let upper_bound = residual + margin / (2.0 * curvature) + inexact;
        Ok(ResidualEstimate { residual, upper_bound, confidence, samples })
    }
}
