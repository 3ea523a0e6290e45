//! Where the iteration starts.

use super::{Iterate, Program};
use crate::error::Error;
use crate::linalg::{Spectrum, add_product, eigenvalues, hermitian_part, inner, product, trace};
use crate::mismatch;
use faer::{Mat, c64};

/// `λ_max(Σ H_n U_n H_n^H)` at the start.
const OCCUPANCY: f64 = 0.5;
/// The least `s_n` at the start, as a part of `q_n`.
const LEAST_SLACK: f64 = 0.1;
/// Scales of `X` beyond this, or below its inverse, are not looked at.
const SCALE_LIMIT: f64 = 1e100;
/// A warm start's margin, as a part of the change of `λ_max(Σ H_n U_n H_n^H)`, and its least: the part of the mean eigenvalue that is
/// added to every eigenvalue of `X`, and the least eigenvalue of `S`.
const MARGIN: f64 = 0.2;
const LEAST_MARGIN: f64 = 1e-3;
/// A warm start saves no time where `λ_max` has changed by more than this factor.
const FARTHEST_OCCUPANCY: f64 = 1.5;

/// `X = ξI` with the best `ξ`, which the relaxation's value along that ray has in closed form up to a scalar root.
pub(super) fn cold(program: &Program) -> Result<Iterate, Error> {
    let side = program.channels.nrows();
    let spectrum = |n: usize| {
        let channel = program.channel(n);
        Spectrum::of(product(channel.adjoint(), channel).as_ref())
    };
    let spectra = (0..program.parts.len()).map(spectrum).collect::<Result<Vec<_>, _>>()?;
    let scale = program.best_scale(&spectra, side as f64);
    let gains = |n: usize| spectra[n].values.iter().map(move |gain| gain.max(0.0) * scale);

    // λ_n on the central path if half the budget is left; less where that overfills 𝒰, more where X leaves a mismatch.
    let path: Vec<f64> = program.budgets.iter().map(|budget| scale / budget).collect();
    let eased = (OCCUPANCY / largest(&program.received(&spectra, scale, &path))?).min(1.0);
    let mut multiplier = Vec::with_capacity(path.len());
    let mut slack = Vec::with_capacity(path.len());
    for (n, path) in path.iter().enumerate() {
        let (budget, noise) = (program.budgets[n], program.noise[n]);
        let mut lambda = path * eased;
        if noise > 0.0 {
            let gains: Vec<f64> = gains(n).collect();
            lambda = lambda.max(mismatch::multiplier(&gains, budget) / noise);
        }
        let used: f64 = gains(n).map(|gain| gain / (gain + noise * lambda).powi(2)).sum();
        multiplier.push(lambda);
        slack.push((budget - used).max(LEAST_SLACK * budget));
    }
    let received = program.received(&spectra, scale, &multiplier);
    let fill = (OCCUPANCY / largest(&received)?).min(1.0);
    if !is_positive(multiplier.iter().chain(&slack).chain([&fill, &scale])) {
        return Err(Error::Numerical { operation: "the interior-point method's start" });
    }
    let x = shifted_identity(scale, &received, 0.0);
    let s = shifted_identity(1.0, &received, -fill);
    Ok(Iterate { x, s, multiplier, slack })
}

/// From the points of a similar problem, `primal` in this problem's receive space, pulled into the interior by a margin that grows
/// with what the channels have changed; `None` where they have changed too much for that to save time.
pub(super) fn warm(program: &Program, primal: &Mat<c64>, dual: &[Mat<c64>]) -> Option<Iterate> {
    let side = primal.nrows();
    let mut received = Mat::<c64>::zeros(side, side);
    for (n, dual) in dual.iter().enumerate() {
        let channel = program.channel(n);
        add_product(received.as_mut(), product(channel, dual.as_ref()).as_ref(), channel.adjoint());
    }
    let received = hermitian_part(received.as_ref());
    // It was 1 at the solution of the similar problem.
    let occupancy = largest(&received).ok()?;
    let near = (1.0 / FARTHEST_OCCUPANCY..=FARTHEST_OCCUPANCY).contains(&occupancy);
    if !near {
        return None;
    }
    let margin = (MARGIN * (occupancy - 1.0).abs()).max(LEAST_MARGIN);
    let fill = (1.0 - margin) / occupancy;
    let x = shifted_identity(margin * trace(primal.as_ref()) / side as f64, primal, 1.0);
    let s = shifted_identity(1.0, &received, -fill);

    let target = inner(x.as_ref(), s.as_ref()) / side as f64;
    let mut multiplier = Vec::with_capacity(dual.len());
    for (n, dual) in dual.iter().enumerate() {
        let values: Vec<f64> =
            eigenvalues(dual.as_ref()).ok()?.iter().map(|value| value.max(0.0) * fill).collect();
        let roots: f64 = values.iter().map(|value| value.sqrt()).sum();
        // The λ that suits U_n best, (tr U^{1/2}/(q + θ tr U))², and at least what the central path wants.
        let best = (roots / (program.budgets[n] + program.noise[n] * values.iter().sum::<f64>())).powi(2);
        multiplier.push(best.max(target / program.budgets[n]));
    }
    let slack: Vec<f64> = multiplier.iter().map(|lambda| target / lambda).collect();
    is_positive(multiplier.iter().chain(&slack)).then_some(Iterate { x, s, multiplier, slack })
}

/// The largest eigenvalue.
fn largest(matrix: &Mat<c64>) -> Result<f64, Error> {
    Ok(eigenvalues(matrix.as_ref())?.last().copied().unwrap_or(0.0))
}

/// `shift·I + scale·M`.
fn shifted_identity(shift: f64, matrix: &Mat<c64>, scale: f64) -> Mat<c64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| {
        matrix[(i, j)] * scale + if i == j { c64::new(shift, 0.0) } else { c64::new(0.0, 0.0) }
    })
}

fn is_positive<'a>(mut values: impl Iterator<Item = &'a f64>) -> bool {
    values.all(|&value| value > 0.0 && value.is_finite())
}

impl Program {
    /// The `ξ` that is best for `X = ξI`, at most a factor of 1.1 above it; twice the least feasible `ξ` for `trace_inverse`.
    fn best_scale(&self, spectra: &[Spectrum], side: f64) -> f64 {
        let inverse_trace =
            |n: usize| spectra[n].values.iter().map(|gain| 1.0 / gain).sum::<f64>() / self.budgets[n];
        if self.noise.iter().all(|&noise| noise == 0.0) {
            return 2.0 * (0..spectra.len()).map(inverse_trace).fold(0.0, f64::max);
        }
        // The derivative by ξ, increasing.
        let derivative = |scale: f64| {
            let mut sum = side;
            for (n, spectrum) in spectra.iter().enumerate() {
                let gains: Vec<f64> = spectrum.values.iter().map(|gain| gain.max(0.0) * scale).collect();
                let root = mismatch::multiplier(&gains, self.budgets[n]);
                if root > 0.0 {
                    let pull = |gain: &f64| root * (gain / scale) / (gain + root).powi(2);
                    sum -= gains.iter().map(pull).sum::<f64>() / self.noise[n];
                }
            }
            sum
        };
        let (mut low, mut high) = (1.0, 1.0);
        while derivative(high) < 0.0 && high < SCALE_LIMIT {
            (low, high) = (high, high * 10.0);
        }
        while derivative(low) > 0.0 && low > 1.0 / SCALE_LIMIT {
            (low, high) = (low / 10.0, low);
        }
        while high > 1.1 * low {
            let middle = (low * high).sqrt();
            if derivative(middle) < 0.0 { low = middle } else { high = middle }
        }
        high
    }

    /// `Σ H_n U_n H_n^H` at `X = scale·I`.
    fn received(&self, spectra: &[Spectrum], scale: f64, multiplier: &[f64]) -> Mat<c64> {
        let side = self.channels.nrows();
        let mut received = Mat::<c64>::zeros(side, side);
        for (n, spectrum) in spectra.iter().enumerate() {
            let (channel, lambda) = (self.channel(n), multiplier[n]);
            let root = |gain: f64| lambda.sqrt() / (gain.max(0.0) * scale + self.noise[n] * lambda);
            let mut amplified = product(channel, spectrum.vectors.as_ref());
            // Directions beyond the rank are not heard: what is left of them is rounding.
            let unheard = spectrum.values.len().saturating_sub(side);
            for (j, column) in amplified.as_mut().col_iter_mut().enumerate() {
                let factor = if j < unheard { 0.0 } else { root(spectrum.values[j]) };
                column.iter_mut().for_each(|entry| *entry *= factor);
            }
            add_product(received.as_mut(), amplified.as_ref(), amplified.adjoint());
        }
        hermitian_part(received.as_ref())
    }
}
