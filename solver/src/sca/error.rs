//! Everything that can go wrong, with the values that show why.

use thiserror::Error;

use super::polyhedron::Row;
use super::subproblem::SubproblemError;

/// A schedule that breaks a condition of convergence (theory §5).
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// Values would leave (0, 1].
    #[error("schedule scale {scale} is outside (0, 1]")]
    Scale {
        /// The scale refused.
        scale: f64,
    },
    /// The delay is no positive finite number of iterations.
    #[error("schedule delay {delay} is not a positive, finite number of iterations")]
    Delay {
        /// The delay refused.
        delay: f64,
    },
    /// The sum would converge (exponent > 1) or that of the squares diverge (exponent ≤ 1/2).
    #[error(
        "schedule exponent {exponent} is outside (1/2, 1]: the sum must diverge and that of squares converge"
    )]
    Exponent {
        /// The exponent refused.
        exponent: f64,
    },
    /// Values would round to 0.
    #[error(
        "the schedule {scale:?}·(1 + τ/{delay:?})^−{exponent} leaves no normal number after 2^64 iterations"
    )]
    Vanishing {
        /// The scale.
        scale: f64,
        /// The delay.
        delay: f64,
        /// The exponent.
        exponent: f64,
    },
    /// The ratio of a geometric decay.
    #[error("geometric ratio {ratio} is outside (0, 1)")]
    Ratio {
        /// The ratio refused.
        ratio: f64,
    },
    /// The geometric phase leaves so little that values would round to 0.
    #[error("a ratio of {ratio} leaves nothing after {crossover} iterations; cross over earlier")]
    Crossover {
        /// The ratio of the geometric phase.
        ratio: f64,
        /// Its length in iterations.
        crossover: usize,
    },
    /// A declared schedule took a value outside (0, 1].
    #[error("the {schedule} schedule is {value} at iteration {iteration}, outside (0, 1]")]
    Value {
        /// `averaging` or `step`.
        schedule: &'static str,
        /// Iteration τ.
        iteration: usize,
        /// The value refused.
        value: f64,
    },
    /// γ/ρ would not tend to 0.
    #[error(
        "step exponent {step_exponent} must exceed averaging exponent {averaging_exponent}: γ/ρ must tend to 0"
    )]
    StepNotFaster {
        /// Exponent of ρ.
        averaging_exponent: f64,
        /// Exponent of γ.
        step_exponent: f64,
    },
}

/// An option outside its range.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A count that must be at least 1.
    #[error("option {option} must be at least 1")]
    NotPositive {
        /// Name of the option.
        option: &'static str,
    },
    /// A count of which each unit takes memory is more than any use has.
    #[error("option {option} is {value}; valid: at most {most}")]
    TooLarge {
        /// Name of the option.
        option: &'static str,
        /// The value refused.
        value: usize,
        /// The most accepted.
        most: usize,
    },
    /// `η_0` must be positive and finite.
    #[error("objective curvature {curvature} is not positive and finite")]
    ObjectiveCurvature {
        /// The value refused.
        curvature: f64,
    },
    /// `η_i` must be finite and at least 0.
    #[error("curvature {curvature} of stochastic constraint {index} is not finite and ≥ 0")]
    ConstraintCurvature {
        /// Index of the constraint, from 0.
        index: usize,
        /// The value refused.
        curvature: f64,
    },
    /// A count of samples too small for what is made of them.
    #[error("option {option} is {samples}; at least {least} samples are needed")]
    TooFewSamples {
        /// Name of the option.
        option: &'static str,
        /// The number refused.
        samples: usize,
        /// The least number accepted.
        least: usize,
    },
    /// A confidence level must be inside (0, 1).
    #[error("confidence {confidence} is outside (0, 1)")]
    Confidence {
        /// The level refused.
        confidence: f64,
    },
    /// There is nothing to confirm without a residual tolerance.
    #[error(
        "a confirmation by {samples} samples without a residual tolerance, which alone lets a run stop early"
    )]
    ConfirmationWithoutTolerance {
        /// Samples of the confirmation.
        samples: usize,
    },
    /// The residual tolerance must be positive and finite.
    #[error("residual tolerance {tolerance} is not positive and finite")]
    ResidualTolerance {
        /// The value refused.
        tolerance: f64,
    },
}

/// A kept state that no run can have left.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum StateError {
    /// Estimates exist from the first iteration on.
    #[error("a state after {iteration} iterations with estimates of {found} functions")]
    Estimates {
        /// Iterations done.
        iteration: usize,
        /// Number of functions with estimates.
        found: usize,
    },
    /// More quiet iterations or confirmations than iterations.
    #[error("{quiet} quiet iterations and {confirmations} confirmations after {iteration} iterations")]
    Counts {
        /// Iterations done.
        iteration: usize,
        /// Iterations in a row within the tolerance.
        quiet: usize,
        /// Confirmations tried.
        confirmations: usize,
    },
    /// A gradient is not of the point's length.
    #[error("an estimated gradient has {found} entries, the point {expected}")]
    GradientLength {
        /// Length of the point.
        expected: usize,
        /// Length found.
        found: usize,
    },
    /// A number is NaN or infinite.
    #[error("the state holds the value {value}")]
    NotFinite {
        /// The value.
        value: f64,
    },
}

/// A polyhedron that cannot be built, or a point that does not fit one.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PolyhedronError {
    /// No variables.
    #[error("a polyhedron needs at least one variable")]
    NoVariables,
    /// More variables than any use has. Nothing was allocated for them.
    #[error("a polyhedron in {dimension} variables; valid: 1 to {most}")]
    TooManyVariables {
        /// The number asked for.
        dimension: usize,
        /// The most accepted.
        most: usize,
    },
    /// A vector has the wrong length.
    #[error("{row} has {found} entries where the dimension is {expected}")]
    Length {
        /// Where.
        row: Row,
        /// The dimension.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// NaN, or an infinity that is no absent bound.
    #[error("{row} holds the value {value}")]
    NotFinite {
        /// Where.
        row: Row,
        /// The value refused.
        value: f64,
    },
    /// `l > u` for one variable.
    #[error("variable {index} has lower bound {lower} above upper bound {upper}")]
    CrossedBounds {
        /// Index of the variable.
        index: usize,
        /// Its lower bound.
        lower: f64,
        /// Its upper bound.
        upper: f64,
    },
    /// No point satisfies all rows.
    #[error(
        "the polyhedron is empty: every point within its bounds, up to {radius:e} from the origin or the bounds next to it, misses some unit-norm row by {least_violation:e} or more"
    )]
    Empty {
        /// A lower bound on what the largest violation can be, rows scaled to unit norm.
        least_violation: f64,
        /// How far from the point within the bounds that is nearest to the origin the bound holds: at least 5 times as far as the
        /// point of least violation is.
        radius: f64,
    },
    /// Whether a point exists, or which is nearest, could not be decided numerically.
    #[error("the polyhedron could not be searched")]
    Undecided(#[source] SubproblemError),
}

/// Why a run of stochastic SCA ended without a report. `E` is the program's own error.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScaError<E: std::error::Error + 'static> {
    /// The initial point has the wrong length.
    #[error("initial point has {found} entries, the program has dimension {expected}")]
    InitialPointLength {
        /// Dimension of the program.
        expected: usize,
        /// Length found.
        found: usize,
    },
    /// The initial point holds NaN or an infinity.
    #[error("initial point holds {value} at index {index}")]
    InitialPointNotFinite {
        /// Index of the entry.
        index: usize,
        /// The value.
        value: f64,
    },
    /// The initial point is outside 𝒳. [`super::Polyhedron::project`] gives the nearest point inside.
    #[error("initial point violates {row} by {amount:e} (relative)")]
    InitialPointInfeasible {
        /// The row violated most.
        row: Row,
        /// Its violation relative to the row's magnitude.
        amount: f64,
    },
    /// As many `η_i` as constraints are needed, or none.
    #[error("{found} constraint curvatures for {expected} stochastic constraints")]
    ConstraintCurvatures {
        /// Number of stochastic constraints.
        expected: usize,
        /// Number of curvatures in the options.
        found: usize,
    },
    /// A resumed state belongs to a program with another number of stochastic constraints.
    #[error("the state has estimates of {found} functions, the program has {expected}")]
    StateFunctions {
        /// Functions `f_0 … f_I` of the program.
        expected: usize,
        /// Functions with estimates in the state.
        found: usize,
    },
    /// A resumed state has done all iterations already.
    #[error("the state is after {iteration} iterations, the options ask for {iterations}")]
    NothingLeft {
        /// Iterations done.
        iteration: usize,
        /// Iterations asked for.
        iterations: usize,
    },
    /// The confidence of the residual is not known for programs with stochastic constraints.
    #[error("a residual cannot be confirmed with {constraints} stochastic constraints: only without any")]
    ConfirmationWithConstraints {
        /// Number of stochastic constraints.
        constraints: usize,
    },
    /// Options of a residual estimate outside their range, or options of the run that contradict each other.
    #[error(transparent)]
    Options(OptionsError),
    /// A declared schedule left (0, 1].
    #[error(transparent)]
    Schedule(ScheduleError),
    /// An evaluation has the wrong number of constraints.
    #[error("iteration {iteration}: evaluation has {found} constraints, the program declares {expected}")]
    ConstraintCount {
        /// Iteration τ.
        iteration: usize,
        /// Number the program declares.
        expected: usize,
        /// Number found.
        found: usize,
    },
    /// A gradient has the wrong length.
    #[error("iteration {iteration}: gradient of f_{function} has {found} entries, not {expected}")]
    GradientLength {
        /// Iteration τ.
        iteration: usize,
        /// 0 for the objective, i for the i-th constraint.
        function: usize,
        /// Dimension of the program.
        expected: usize,
        /// Length found.
        found: usize,
    },
    /// A value is NaN or infinite.
    #[error("iteration {iteration}: f_{function} is {value}")]
    NonFiniteValue {
        /// Iteration τ.
        iteration: usize,
        /// 0 for the objective, i for the i-th constraint.
        function: usize,
        /// The value.
        value: f64,
    },
    /// A gradient entry is NaN or infinite.
    #[error("iteration {iteration}: gradient of f_{function} is {value} at index {index}")]
    NonFiniteGradient {
        /// Iteration τ.
        iteration: usize,
        /// 0 for the objective, i for the i-th constraint.
        function: usize,
        /// Index of the entry.
        index: usize,
        /// The value.
        value: f64,
    },
    /// The program could not draw or evaluate a sample.
    #[error("iteration {iteration}: the program failed")]
    Program {
        /// Iteration τ.
        iteration: usize,
        /// Its own error.
        source: E,
    },
    /// Neither (21) nor its restoration gave a point that stands the re-check.
    #[error("iteration {iteration}: the subproblem was not solved")]
    Subproblem {
        /// Iteration τ.
        iteration: usize,
        /// Why.
        source: SubproblemError,
    },
}
