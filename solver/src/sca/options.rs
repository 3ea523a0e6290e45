//! Options of a run.

use super::{OptionsError, Schedules};

/// Most iterations: some gigabytes of records.
const MOST_ITERATIONS: usize = 10_000_000;

/// Options of [`super::StochasticSca`]; every setter checks its value.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "crate::document::inputs::ScaOptions", try_from = "crate::document::inputs::ScaOptions")
)]
pub struct ScaOptions {
    pub(crate) seed: u64,
    pub(crate) iterations: usize,
    pub(crate) mini_batch: usize,
    pub(crate) objective_curvature: f64,
    pub(crate) constraint_curvatures: Vec<f64>,
    pub(crate) schedules: Schedules,
    pub(crate) residual_tolerance: Option<f64>,
    pub(crate) residual_patience: usize,
    pub(crate) confirmation: Option<Confirmation>,
}

/// Fresh samples that decide whether a run may stop.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub(crate) struct Confirmation {
    pub samples: usize,
    pub confidence: f64,
}

impl ScaOptions {
    /// Default options for samples drawn from `seed`. The same seed, program and options repeat a run bit for bit.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            iterations: 500,
            mini_batch: 1,
            objective_curvature: 1.0,
            constraint_curvatures: Vec::new(),
            schedules: Schedules::default(),
            residual_tolerance: None,
            residual_patience: 10,
            confirmation: None,
        }
    }

    /// The number of iterations. Default: `500`. Valid: 1 to 10⁷, as the report has a record of each.
    ///
    /// # Errors
    /// [`OptionsError::NotPositive`] for 0, [`OptionsError::TooLarge`].
    pub fn with_iterations(mut self, iterations: usize) -> Result<Self, OptionsError> {
        let (option, value, most) = ("iterations", positive("iterations", iterations)?, MOST_ITERATIONS);
        if value > most {
            return Err(OptionsError::TooLarge { option, value, most });
        }
        self.iterations = value;
        Ok(self)
    }

    /// Samples averaged per iteration. Default: `1`.
    ///
    /// # Errors
    /// [`OptionsError::NotPositive`] for 0.
    pub fn with_mini_batch(mut self, samples: usize) -> Result<Self, OptionsError> {
        self.mini_batch = positive("mini_batch", samples)?;
        Ok(self)
    }

    /// `η_0` of (20), in units of the objective over those of `x²`. Small values take long, nervous steps; a good size is
    /// `‖∇f_0‖` over the diameter of 𝒳. Default: `1.0`.
    ///
    /// # Errors
    /// [`OptionsError::ObjectiveCurvature`] unless positive and finite.
    pub fn with_objective_curvature(mut self, curvature: f64) -> Result<Self, OptionsError> {
        if !(curvature > 0.0 && curvature.is_finite()) {
            return Err(OptionsError::ObjectiveCurvature { curvature });
        }
        self.objective_curvature = curvature;
        Ok(self)
    }

    /// `η_1 … η_I` of (20), one for each stochastic constraint; an empty list stands for all zero. With
    /// all zero, (21) is a quadratic program; otherwise it has second-order cones. Default: empty.
    ///
    /// # Errors
    /// [`OptionsError::ConstraintCurvature`] with the index (from 0) unless all are finite and ≥ 0. That
    /// the list has the right length is checked by the run.
    pub fn with_constraint_curvatures(mut self, curvatures: Vec<f64>) -> Result<Self, OptionsError> {
        for (index, &curvature) in curvatures.iter().enumerate() {
            if !(curvature >= 0.0 && curvature.is_finite()) {
                return Err(OptionsError::ConstraintCurvature { index, curvature });
            }
        }
        self.constraint_curvatures = curvatures;
        Ok(self)
    }

    /// Schedules ρ_τ and γ_τ. Default: [`Schedules::default`].
    pub fn with_schedules(mut self, schedules: Schedules) -> Self {
        self.schedules = schedules;
        self
    }

    /// Stop once the optimality residual `‖x̂ − x^τ‖` has been at most `tolerance` (in units of `x`) for
    /// `patience` iterations in a row, none of them a restoration. One small residual proves little, because the
    /// averages are noisy; hence the patience, and [`ScaOptions::with_confirmation`]. Default: no tolerance, all
    /// iterations run.
    ///
    /// # Errors
    /// [`OptionsError::ResidualTolerance`] unless finite and positive, [`OptionsError::NotPositive`] for no
    /// patience.
    pub fn with_residual_tolerance(mut self, tolerance: f64, patience: usize) -> Result<Self, OptionsError> {
        if !(tolerance > 0.0 && tolerance.is_finite()) {
            return Err(OptionsError::ResidualTolerance { tolerance });
        }
        self.residual_tolerance = Some(tolerance);
        self.residual_patience = positive("residual_patience", patience)?;
        Ok(self)
    }

    /// Stop by [`ScaOptions::with_residual_tolerance`] only if `samples` fresh samples at the final point agree, by
    /// [`super::StochasticSca::estimate_residual`]; otherwise the patience starts anew.
    ///
    /// The claim is about the run, not about one test: *with probability at least `confidence`, a run does not stop at a point
    /// whose residual is above the tolerance.* A run may test many times, so test `k = 1, 2, …` has level `1 − δ/(k(k+1))` with
    /// `δ = 1 − confidence`; these `δ/(k(k+1))` sum to δ. The samples of a test are independent of the point it tests. Only for
    /// programs without stochastic constraints. Default: none, the run's own noisy residual decides.
    ///
    /// # Errors
    /// [`OptionsError::TooFewSamples`] below 2, [`OptionsError::Confidence`] outside (0, 1). A run refuses a confirmation without a tolerance,
    /// in whichever order they are set, with [`OptionsError::ConfirmationWithoutTolerance`].
    pub fn with_confirmation(mut self, samples: usize, confidence: f64) -> Result<Self, OptionsError> {
        require_sampling(samples, confidence)?;
        self.confirmation = Some(Confirmation { samples, confidence });
        Ok(self)
    }

    /// Checks what depends on more than one option.
    pub(super) fn check_together(&self) -> Result<(), OptionsError> {
        match self.confirmation {
            Some(Confirmation { samples, .. }) if self.residual_tolerance.is_none() => {
                Err(OptionsError::ConfirmationWithoutTolerance { samples })
            }
            _ => Ok(()),
        }
    }
}

/// Checks what a confidence bound is made of.
pub(super) fn require_sampling(samples: usize, confidence: f64) -> Result<(), OptionsError> {
    if samples < 2 {
        return Err(OptionsError::TooFewSamples { option: "samples", samples, least: 2 });
    }
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(OptionsError::Confidence { confidence });
    }
    Ok(())
}

/// `value`, unless it is 0.
fn positive(option: &'static str, value: usize) -> Result<usize, OptionsError> {
    if value == 0 { Err(OptionsError::NotPositive { option }) } else { Ok(value) }
}
