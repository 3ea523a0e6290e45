//! Convex surrogates (20) and their recursive estimates (19).

use super::polyhedron::require_length;
use super::vector::{add_scaled, dot, norm, positive_or_one, squared_norm};
use super::{Function, PolyhedronError};

/// `f̂(x) = f + uᵀ(x − x^τ) + η ‖x − x^τ‖²` ((20) of \[A\]) in terms of the displacement `d = x − x^τ`.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::Surrogate")
)]
pub struct Surrogate {
    /// `f`, the value at the centre.
    pub value: f64,
    /// `u`, the gradient at the centre; length = dimension.
    pub gradient: Vec<f64>,
    /// `η ≥ 0`; half the second derivative along any direction.
    pub curvature: f64,
}

impl Surrogate {
    /// `f + uᵀd + η ‖d‖²` at a displacement `d` from the centre.
    ///
    /// # Errors
    /// [`PolyhedronError::Length`] unless `d` is as long as `u`.
    pub fn at(&self, displacement: &[f64]) -> Result<f64, PolyhedronError> {
        require_length(self.gradient.len(), displacement)?;
        Ok(self.value_at(displacement))
    }

    /// The same at a displacement as long as `u`.
    pub(super) fn value_at(&self, displacement: &[f64]) -> f64 {
        self.value + dot(&self.gradient, displacement) + self.curvature * squared_norm(displacement)
    }

    /// The same function in other units.
    pub(super) fn divided(&self, unit: f64) -> Self {
        let gradient = self.gradient.iter().map(|u| u / unit).collect();
        Self { value: self.value / unit, gradient, curvature: self.curvature / unit }
    }

    /// A magnitude to measure this function's residuals against, where displacements are of a size: `max(|f|, ‖u‖ size, η size²)`.
    pub(super) fn scale(&self, size: f64) -> f64 {
        (norm(&self.gradient) * size).max(self.curvature * size * size).max(self.value.abs())
    }

    /// The same as a unit: 1 for a zero function.
    pub(super) fn unit(&self, size: f64) -> f64 {
        positive_or_one(self.scale(size))
    }
}

/// One step of (19): `f ← (1 − ρ) f + ρ f_new`, the same for `u`.
pub(super) fn average_in(estimate: &mut Function, weight: f64, new: &Function) {
    estimate.value = (1.0 - weight) * estimate.value + weight * new.value;
    for (u, g) in estimate.gradient.iter_mut().zip(&new.gradient) {
        *u = (1.0 - weight) * *u + weight * g;
    }
}

/// `sum ← sum + weight · f` for a mini-batch mean.
pub(super) fn accumulate(sum: &mut Function, weight: f64, function: &Function) {
    sum.value += weight * function.value;
    add_scaled(&mut sum.gradient, weight, &function.gradient);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_at_a_displacement_follows_equation_20() {
        let surrogate = Surrogate { value: 1.0, gradient: vec![2.0, -1.0], curvature: 0.5 };
        assert_eq!(surrogate.at(&[0.0, 0.0]), Ok(1.0));
        assert_eq!(surrogate.at(&[1.0, 2.0]), Ok(1.0 + 2.0 - 2.0 + 2.5));
    }

    #[test]
    fn averaging_follows_equation_19() {
        let mut estimate = Function { value: 1.0, gradient: vec![2.0] };
        average_in(&mut estimate, 0.25, &Function { value: 3.0, gradient: vec![-2.0] });
        assert_eq!(estimate, Function { value: 1.5, gradient: vec![1.0] });
    }
}
