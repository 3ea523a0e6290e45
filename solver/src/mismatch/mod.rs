//! The best precoder of one device under its power limit, and what it costs (theory, sections 2 and 3).
//!
//! For a Gram matrix `M` with eigenvalues `λ_i` (`D D^H` or `D^H D`, `D = H^H A`) and a budget `q`:
//!
//! `φ(M) = min_B ‖D^H B − I‖_F² s.t. ‖B‖_F² ≤ q = Σ (μ/(λ_i + μ))²`,
//!
//! with the least `μ ≥ 0` for which `s(μ) = Σ λ_i/(λ_i + μ)² ≤ q`. Everything the solver does with power
//! limits is built on this scalar root.

mod evaluator;
mod ray;
mod seen;

pub(crate) use evaluator::{Evaluator, Objective, keep_columns};
pub(crate) use ray::{best_scale, best_value};
pub(crate) use seen::{Seen, has_gradient, zero_forcing_scale};

use crate::error::Error;
use crate::linalg::{Spectrum, inner, squared_norm};
use crate::problem::Problem;
use faer::{MatRef, c64};

/// More Newton steps than the root ever needs: from the left they converge monotonically and quadratically.
const NEWTON_STEPS: usize = 64;
/// An eigenvalue `λ_i` of `D_n^H D_n` and its weight `ω_i = ‖w_i^H E_n‖²`, the share of its eigenvector `w_i` in the streams of the device;
/// 1 where that is all streams.
pub(crate) type Mode = (f64, f64);

/// The least `μ ≥ 0` with `Σ λ_i/(λ_i + μ)² ≤ q`. Negative `λ_i` (rounding) count as zero.
pub(crate) fn multiplier(eigenvalues: &[f64], budget: f64) -> f64 {
    weighted_multiplier(eigenvalues.iter().map(|&value| (value, 1.0)), budget)
}

/// The least `μ ≥ 0` with `Σ ω_i λ_i/(λ_i + μ)² ≤ q`.
pub(crate) fn weighted_multiplier(modes: impl Iterator<Item = Mode> + Clone, budget: f64) -> f64 {
    let positive = || modes.clone().filter(|&(value, _)| value > 0.0);
    // No single term may exceed the budget, which starts Newton's method left of the root.
    let mut multiplier =
        positive().map(|(value, weight)| (weight * value / budget).sqrt() - value).fold(0.0, f64::max);
    for _ in 0..NEWTON_STEPS {
        let power = precoder_power(positive(), multiplier);
        if power <= budget {
            break;
        }
        // Newton on 1/√q − 1/√s(μ), nearly linear in μ (the secular equation of trust regions).
        let slope: f64 = positive()
            .map(|(value, weight)| weight * (value / (value + multiplier)) / (value + multiplier).powi(2))
            .sum();
        let step = power / slope * ((power / budget).sqrt() - 1.0);
        if multiplier + step <= multiplier {
            break;
        }
        multiplier += step;
    }
    multiplier
}

/// `‖B‖_F² = Σ ω_i λ_i/(λ_i + μ)²`. A direction with `λ = 0` takes none.
pub(crate) fn precoder_power(modes: impl Iterator<Item = Mode>, multiplier: f64) -> f64 {
    let heard = modes.filter(|&(value, _)| value > 0.0);
    heard.map(|(value, weight)| weight * value / (value + multiplier).powi(2)).sum()
}

/// `(μ/(λ + μ))²`: what one eigendirection contributes to `φ`. A direction with `λ = 0` cannot be reached and costs 1.
pub(crate) fn residual(eigenvalue: f64, multiplier: f64) -> f64 {
    let eigenvalue = eigenvalue.max(0.0);
    if eigenvalue + multiplier > 0.0 { (multiplier / (eigenvalue + multiplier)).powi(2) } else { 1.0 }
}

/// `μ/(λ + μ)²`: the eigenvalue of `U = μ(M + μI)^{-2} = −∂φ/∂M`.
fn sensitivity(eigenvalue: f64, multiplier: f64) -> f64 {
    let eigenvalue = eigenvalue.max(0.0);
    if multiplier > 0.0 { multiplier / (eigenvalue + multiplier).powi(2) } else { 0.0 }
}

/// The modes of a device from the decomposition of its `D_n^H D_n`.
fn modes(problem: &Problem, device: usize, spectrum: &Spectrum) -> impl Iterator<Item = Mode> {
    let all = problem.serves_all(device);
    let streams = &problem.device_streams()[device];
    let weight = move |mode: usize| -> f64 {
        if all {
            1.0
        } else {
            streams.iter().map(|&stream| spectrum.vectors[(stream, mode)].norm_sqr()).sum()
        }
    };
    spectrum.values.iter().enumerate().map(move |(mode, &value)| (value, weight(mode)))
}

/// `Σ_i ω_i (μ/(λ_i + μ))²`: what the device's best precoder leaves, `‖D^H B − E‖_F²`.
fn total_residual(modes: &[Mode], multiplier: f64) -> f64 {
    modes.iter().map(|&(value, weight)| weight * residual(value, multiplier)).sum()
}

/// [`Evaluator::stationarity`] of `F` at `A`.
pub(crate) fn stationarity_at(problem: &Problem, factor: MatRef<'_, c64>) -> Result<f64, Error> {
    Evaluator::new(problem).stationarity(factor)
}

/// Relative size of the gradient: `‖∇F‖ ‖A‖ / F`, the first-order decrease that a unit relative step could bring.
pub(crate) fn stationarity(objective: &Objective, factor: MatRef<'_, c64>) -> f64 {
    (inner(objective.gradient.as_ref(), objective.gradient.as_ref()) * squared_norm(factor)).sqrt()
        / objective.value.max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests;
