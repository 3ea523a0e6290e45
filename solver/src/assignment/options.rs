//! Options of an assignment.

use crate::sca::{OptionsError, ScaOptions, Schedules};

/// Options of [`super::assign`]. The scale of the surrogate is set from the problem itself.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "crate::document::inputs::AssignmentOptions"),
    serde(try_from = "crate::document::inputs::AssignmentOptions")
)]
pub struct AssignmentOptions {
    /// Its objective curvature is the relative one.
    pub(crate) sca: ScaOptions,
}

impl AssignmentOptions {
    /// Default options; `seed` chooses the channel blocks that are drawn.
    pub fn new(seed: u64) -> Self {
        Self { sca: ScaOptions { objective_curvature: 3.0, ..ScaOptions::new(seed) } }
    }

    pub(super) fn seed(&self) -> u64 {
        self.sca.seed
    }

    pub(super) fn relative_curvature(&self) -> f64 {
        self.sca.objective_curvature
    }

    /// The number of iterations. Default: `500`. Valid: 1 to 10⁷.
    ///
    /// # Errors
    /// As [`ScaOptions::with_iterations`].
    pub fn with_iterations(mut self, iterations: usize) -> Result<Self, OptionsError> {
        self.sca = self.sca.with_iterations(iterations)?;
        Ok(self)
    }

    /// Channel blocks averaged per iteration. Default: `1`.
    ///
    /// # Errors
    /// [`OptionsError::NotPositive`] for 0.
    pub fn with_mini_batch(mut self, blocks: usize) -> Result<Self, OptionsError> {
        self.sca = self.sca.with_mini_batch(blocks)?;
        Ok(self)
    }

    /// Curvature `η_0` of the surrogate relative to `max_n |∂v/∂z_n|` at the start, with `z_n` the power spent on computing
    /// relative to the power left there; that is half the second derivative of a value that falls like `1/p_n`. Default: `3.0`, which
    /// damps the noise of single blocks; values from 0.3 to 3 end within 0.1 % of each other after 500
    /// iterations in the settings tried.
    ///
    /// # Errors
    /// [`OptionsError::ObjectiveCurvature`] unless positive and finite.
    pub fn with_relative_curvature(mut self, curvature: f64) -> Result<Self, OptionsError> {
        self.sca = self.sca.with_objective_curvature(curvature)?;
        Ok(self)
    }

    /// Schedules of averaging and steps. Default: [`Schedules::default`].
    pub fn with_schedules(mut self, schedules: Schedules) -> Self {
        self.sca = self.sca.with_schedules(schedules);
        self
    }

    /// Stop once the residual `‖ẑ − z‖` has been at most `tolerance` for `patience` iterations in a row, with `z_n` the power
    /// spent on computing relative to the power left at the start. Default: run all iterations.
    ///
    /// # Errors
    /// As [`ScaOptions::with_residual_tolerance`].
    pub fn with_residual_tolerance(mut self, tolerance: f64, patience: usize) -> Result<Self, OptionsError> {
        self.sca = self.sca.with_residual_tolerance(tolerance, patience)?;
        Ok(self)
    }

    /// Stop by [`AssignmentOptions::with_residual_tolerance`] only if `blocks` fresh blocks agree with `confidence`; see
    /// [`ScaOptions::with_confirmation`] for the claim. Default: none.
    ///
    /// # Errors
    /// As [`ScaOptions::with_confirmation`]; a confirmation without a tolerance is refused by the run.
    pub fn with_confirmation(mut self, blocks: usize, confidence: f64) -> Result<Self, OptionsError> {
        self.sca = self.sca.with_confirmation(blocks, confidence)?;
        Ok(self)
    }
}
