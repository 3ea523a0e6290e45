//! The exact link: the sum itself, free and instantaneous. The reference for every other link.

use super::{Activations, Link, LinkError, Reduction, Round, Transmission, validate};

/// Sums in `f64`, in device order, and rounds once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exact;

impl Link for Exact {
    fn all_reduce(&self, _round: Round, partials: &[Activations]) -> Result<Reduction, LinkError> {
        validate(partials)?;
        let sum = exact_sum(partials);
        Ok(against_exact(partials, sum, Transmission::default()))
    }
}

/// What a link received, with its error against the exact sum, in the units of the activations, filled into `transmission`.
pub(super) fn against_exact(
    partials: &[Activations],
    received: Vec<f64>,
    transmission: Transmission,
) -> Reduction {
    let wanted = exact_sum(partials);
    let width = partials[0].width;
    let errors = || received.iter().zip(&wanted).map(|(found, wanted)| found - wanted);
    let transmission = Transmission {
        tokens: partials[0].tokens() as u64,
        error_energy: errors().map(|error| error * error).sum(),
        signal_energy: wanted.iter().map(|value| value * value).sum(),
        ..transmission
    };
    let values = received.into_iter().map(|value| value as f32).collect();
    Reduction { sum: Activations { width, values }, transmission }
}

/// `Σ_n partial_n` in double precision. The partials must have been validated.
fn exact_sum(partials: &[Activations]) -> Vec<f64> {
    let mut sum = vec![0.0_f64; partials[0].values.len()];
    for partial in partials {
        for (total, &value) in sum.iter_mut().zip(&partial.values) {
            *total += f64::from(value);
        }
    }
    sum
}
