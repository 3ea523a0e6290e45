//! What a run reports.

/// One iteration of a run.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::IterationRecord")
)]
pub struct IterationRecord {
    /// τ = 0, 1, …
    pub iteration: usize,
    /// `x^τ`, where the samples were taken.
    pub point: Vec<f64>,
    /// `f_0^τ` of (19), the running estimate of the objective.
    pub objective: f64,
    /// `f_i^τ` of (19), the running estimates of the constraints; feasible means ≤ 0.
    pub constraints: Vec<f64>,
    /// ρ_τ, as used (1 at τ = 0).
    pub averaging: f64,
    /// γ_τ.
    pub step: f64,
    /// The optimality residual `‖x̂ − x^τ‖`; 0 exactly at a stationary point of the estimated problem.
    pub residual: f64,
    /// Certified suboptimality of `x̂` in the subproblem that was solved, ≥ 0, in units of its objective: (21), or the projection that
    /// ends a restoration, `min ‖x − x^τ‖²`.
    pub subproblem_gap: f64,
    /// The multipliers `λ_i ≥ 0` of the stochastic constraints in (21), with the Lagrangian `f̂_0 + Σ_i λ_i f̂_i` over 𝒳: allowing `f̂_i ≤ ε` lowers its
    /// optimum by `λ_i ε` to first order, and where the run converges to a point that meets a constraint qualification, they tend to the multipliers
    /// of the program. In units of the objective over those of the constraint. Empty without stochastic constraints, and where (21) had no
    /// feasible point.
    pub multipliers: Vec<f64>,
    /// `None` if (21) was solved. If (21) had no feasible point, `max_i f̂_i(x̂)` > 0, the least possible in 𝒳 up to about `1e-6` of the constraints'
    /// magnitude.
    pub restored: Option<f64>,
}

/// The optimality residual of one point, estimated from samples that had no part in finding it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::ResidualEstimate")
)]
pub struct ResidualEstimate {
    /// `‖x̂ − x‖` with the sample mean of the gradient in place of its expectation.
    pub residual: f64,
    /// A bound that the residual for the true expectation is below, with the given confidence.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::document::records::infinity_as_null"))]
    pub upper_bound: f64,
    /// Confidence of the bound, in (0, 1).
    pub confidence: f64,
    /// Number of samples.
    pub samples: usize,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
#[non_exhaustive]
pub enum TerminationReason {
    /// All iterations of the schedule ran, and no residual tolerance was set.
    ScheduleCompleted,
    /// The residual stayed within the tolerance for as many iterations as asked.
    ResidualBelowTolerance {
        /// The last residual.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::document::records::size"))]
        residual: f64,
    },
    /// The residual stayed within the tolerance, and fresh samples at the final point confirmed it.
    ResidualConfirmed {
        /// What the fresh samples say of the final point.
        estimate: ResidualEstimate,
        /// The confidence of the claim that a run like this does not stop too early; see
        /// [`super::ScaOptions::with_confirmation`].
        #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::document::records::confidence"))]
        confidence: f64,
    },
    /// All iterations ran without reaching the residual tolerance.
    IterationLimit {
        /// The last residual.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::document::records::size"))]
        residual: f64,
    },
    /// The last subproblem had no feasible point: the estimated constraints are not met near the final point.
    Infeasible {
        /// The least possible `max_i f̂_i` of the last iteration.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::document::records::size"))]
        least_violation: f64,
    },
    /// The observer asked to stop.
    StoppedByObserver,
}

impl TerminationReason {
    /// Whether the run reached what was asked of it: its schedule, or its tolerance if one was set, at a point whose
    /// estimated constraints can be met.
    pub fn was_successful(&self) -> bool {
        matches!(
            self,
            Self::ScheduleCompleted | Self::ResidualBelowTolerance { .. } | Self::ResidualConfirmed { .. }
        )
    }
}

impl TerminationReason {
    /// The same with residuals in another unit.
    pub(crate) fn times(self, length: f64) -> Self {
        match self {
            Self::ResidualBelowTolerance { residual } => {
                Self::ResidualBelowTolerance { residual: length * residual }
            }
            Self::ResidualConfirmed { estimate, confidence } => {
                let (residual, upper_bound) = (length * estimate.residual, length * estimate.upper_bound);
                let estimate = ResidualEstimate { residual, upper_bound, ..estimate };
                Self::ResidualConfirmed { estimate, confidence }
            }
            Self::IterationLimit { residual } => Self::IterationLimit { residual: length * residual },
            Self::ScheduleCompleted | Self::Infeasible { .. } | Self::StoppedByObserver => self,
        }
    }
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::ScaReport")
)]
pub struct ScaReport {
    /// The final point `x`, in 𝒳.
    pub point: Vec<f64>,
    /// Why the run ended.
    pub termination: TerminationReason,
    /// Whether the schedules meet the conditions of convergence of \[C\]; `false` for
    /// [`super::Schedules::constant_without_guarantee`].
    pub guaranteed: bool,
    /// One record per iteration since the start or the resumption, in order; never empty.
    pub history: Vec<IterationRecord>,
}

impl ScaReport {
    /// The number of iterations whose (21) was infeasible.
    pub fn restorations(&self) -> usize {
        self.history.iter().filter(|record| record.restored.is_some()).count()
    }
}
