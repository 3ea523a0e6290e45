//! The few vector operations that the method needs, on plain slices.

/// Inner product `aᵀb` (over the shorter length).
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// `‖a‖²`.
pub(super) fn squared_norm(a: &[f64]) -> f64 {
    dot(a, a)
}

/// `‖a‖₂`, scaled so that it neither overflows nor underflows.
pub(super) fn norm(a: &[f64]) -> f64 {
    let largest = largest_magnitude(a);
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    largest * a.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
}

/// `‖a‖_∞`.
pub(super) fn largest_magnitude(a: &[f64]) -> f64 {
    a.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()))
}

/// A positive, finite number, or else 1: what may be divided by.
pub(super) fn positive_or_one(value: f64) -> f64 {
    if value > 0.0 && value.is_finite() { value } else { 1.0 }
}

/// `a − b`.
pub(super) fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(x, y)| x - y).collect()
}

/// `y ← y + s x`.
pub(super) fn add_scaled(y: &mut [f64], scale: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += scale * x;
    }
}
