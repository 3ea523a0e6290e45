//! What a subproblem must be before any backend looks at it.

use super::Subproblem;
use std::fmt;
use thiserror::Error;

/// A vector of a [`Subproblem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Vector {
    /// `x^τ`.
    Center,
    /// The gradient of `f̂_i`, i = 0 … I.
    Gradient(usize),
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Center => write!(f, "the centre"),
            Self::Gradient(function) => write!(f, "the gradient of f̂_{function}"),
        }
    }
}

/// The first part of a [`Subproblem`] that is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum MalformedSubproblem {
    /// A vector is not of the set's dimension.
    #[error("{vector} has {found} entries, not {expected}")]
    Length {
        /// Which.
        vector: Vector,
        /// The dimension.
        expected: usize,
        /// Its length.
        found: usize,
    },
    /// A vector holds NaN or an infinity.
    #[error("{vector} holds {value} at index {index}")]
    NotFinite {
        /// Which.
        vector: Vector,
        /// The index of the entry.
        index: usize,
        /// The entry.
        value: f64,
    },
    /// A value is NaN or infinite.
    #[error("the value of f̂_{function} is {value}; valid: finite")]
    Value {
        /// The `i` of `f̂_i`, 0 … I.
        function: usize,
        /// The value.
        value: f64,
    },
    /// A curvature is of the wrong sign, NaN or infinite.
    #[error(
        "the curvature of f̂_{function} is {curvature}; valid: finite, and positive for f̂_0, ≥ 0 for the others"
    )]
    Curvature {
        /// The `i` of `f̂_i`, 0 … I.
        function: usize,
        /// The curvature.
        curvature: f64,
    },
}

impl Subproblem<'_> {
    /// Checks that every vector is of the set's dimension, that every number is finite, and the signs of the curvatures.
    pub(super) fn check(&self) -> Result<(), MalformedSubproblem> {
        self.check_vector(Vector::Center, self.center)?;
        for (function, surrogate) in std::iter::once(self.objective).chain(self.constraints).enumerate() {
            let (value, curvature) = (surrogate.value, surrogate.curvature);
            self.check_vector(Vector::Gradient(function), &surrogate.gradient)?;
            if !value.is_finite() {
                return Err(MalformedSubproblem::Value { function, value });
            }
            let signed = if function == 0 { curvature > 0.0 } else { curvature >= 0.0 };
            if !(signed && curvature.is_finite()) {
                return Err(MalformedSubproblem::Curvature { function, curvature });
            }
        }
        Ok(())
    }

    fn check_vector(&self, vector: Vector, entries: &[f64]) -> Result<(), MalformedSubproblem> {
        let (expected, found) = (self.feasible_set.dimension(), entries.len());
        if found != expected {
            return Err(MalformedSubproblem::Length { vector, expected, found });
        }
        match entries.iter().enumerate().find(|(_, entry)| !entry.is_finite()) {
            None => Ok(()),
            Some((index, &value)) => Err(MalformedSubproblem::NotFinite { vector, index, value }),
        }
    }
}
