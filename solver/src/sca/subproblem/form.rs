//! What a subproblem must be before any backend looks at it.

use super::{BackendFailure, Subproblem};
use std::fmt;

impl Subproblem<'_> {
    /// Checks that every vector is of the set's dimension, that every number is finite, and the signs of the curvatures.
    ///
    /// # Errors
    /// [`BackendFailure::Refused`], with the first part that is malformed.
    pub(super) fn check(&self) -> Result<(), BackendFailure> {
        check_vector(format_args!("the centre"), self.center, self.feasible_set.dimension())?;
        for (index, function) in std::iter::once(self.objective).chain(self.constraints).enumerate() {
            let gradient = format_args!("the gradient of f̂_{index}");
            check_vector(gradient, &function.gradient, self.feasible_set.dimension())?;
            if !function.value.is_finite() {
                return refuse(format!("the value of f̂_{index} is {}; valid: finite", function.value));
            }
            let curvature = function.curvature;
            let (signed, valid) =
                if index == 0 { (curvature > 0.0, "positive") } else { (curvature >= 0.0, "≥ 0") };
            if !(signed && curvature.is_finite()) {
                return refuse(format!(
                    "the curvature of f̂_{index} is {curvature}; valid: {valid} and finite"
                ));
            }
        }
        Ok(())
    }
}

fn check_vector(name: fmt::Arguments<'_>, vector: &[f64], dimension: usize) -> Result<(), BackendFailure> {
    if vector.len() != dimension {
        return refuse(format!("{name} has {} entries, not {dimension}", vector.len()));
    }
    match vector.iter().position(|entry| !entry.is_finite()) {
        None => Ok(()),
        Some(index) => refuse(format!("{name} holds {} at index {index}", vector[index])),
    }
}

fn refuse(reason: String) -> Result<(), BackendFailure> {
    Err(BackendFailure::Refused { reason })
}
