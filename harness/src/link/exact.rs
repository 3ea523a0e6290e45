//! The exact link: the sum itself, free and instantaneous. The reference for every other link.

use super::{Activations, Link, LinkError, Reduction, Round, Transmission, validate};

/// Sums in `f64`, in device order, and rounds once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exact;

impl Link for Exact {
    fn all_reduce(&self, _round: Round, partials: &[Activations]) -> Result<Reduction, LinkError> {
        validate(partials)?;
        let sum = exact_sum(partials);
        let signal_energy = sum.iter().map(|value| value * value).sum();
        let width = partials[0].width;
        let sum = Activations { width, values: sum.into_iter().map(|value| value as f32).collect() };
        let transmission =
            Transmission { tokens: sum.tokens() as u64, signal_energy, ..Transmission::default() };
        Ok(Reduction { sum, transmission })
    }
}

/// `Σ_n partial_n` in double precision. The partials must have been validated.
pub(crate) fn exact_sum(partials: &[Activations]) -> Vec<f64> {
    let mut sum = vec![0.0_f64; partials[0].values.len()];
    for partial in partials {
        for (total, &value) in sum.iter_mut().zip(&partial.values) {
            *total += f64::from(value);
        }
    }
    sum
}
