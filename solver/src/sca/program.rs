//! What a caller describes: a stochastic program by its samples.

use rand::Rng;

use super::Polyhedron;

/// One function at one point for one sample.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::Function")
)]
pub struct Function {
    /// `f_i(x; ξ)`, finite.
    pub value: f64,
    /// `∇_x f_i(x; ξ)`, length = dimension, finite.
    pub gradient: Vec<f64>,
}

/// All functions of a program at one point for one sample.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::Evaluation")
)]
pub struct Evaluation {
    /// `f_0`, whose expectation is minimised.
    pub objective: Function,
    /// `f_1 … f_I`, whose expectations must be ≤ 0; as many as
    /// [`StochasticProgram::stochastic_constraints`] says.
    pub constraints: Vec<Function>,
}

/// `minimise E[f_0(x; ξ)]` s.t. `E[f_i(x; ξ)] ≤ 0` and `x ∈ 𝒳`, given through samples ξ (\[A\] (18), \[C\]).
///
/// The convergence theory of \[C\] asks that the `f_i(·; ξ)` be continuously differentiable on 𝒳 with
/// bounded gradients, that 𝒳 be bounded, and that the samples be independent.
pub trait StochasticProgram {
    /// One draw of ξ.
    type Sample;
    /// What can go wrong in drawing or evaluating.
    type Error: std::error::Error + 'static;

    /// The set 𝒳.
    fn feasible_set(&self) -> &Polyhedron;

    /// The number `I` of stochastic constraints. Default: `0`.
    fn stochastic_constraints(&self) -> usize {
        0
    }

    /// Draws one ξ. Everything random must come from `rng`, which is seeded per iteration and per place in
    /// the mini-batch; then runs repeat bit for bit.
    ///
    /// # Errors
    /// Whatever the program cannot draw; it ends the run as [`super::ScaError::Program`].
    fn sample(&self, rng: &mut dyn Rng) -> Result<Self::Sample, Self::Error>;

    /// Values and gradients of all functions at `point` (length = dimension, in 𝒳 up to rounding).
    ///
    /// # Errors
    /// Whatever the program cannot evaluate; it ends the run as [`super::ScaError::Program`].
    fn evaluate(&self, point: &[f64], sample: &Self::Sample) -> Result<Evaluation, Self::Error>;
}
