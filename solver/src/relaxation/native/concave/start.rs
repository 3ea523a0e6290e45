//! Where the iteration starts.

use super::{Iterate, Program};
use crate::error::Error;
use crate::linalg::{Spectrum, eigenvalues, hermitian_part, trace};
use crate::mismatch;
use faer::{Mat, c64};

/// `λ_max(Σ H_n U_n H_n^H)` at the start.
const OCCUPANCY: f64 = 0.5;
/// The least `s_n` at the start, as a part of `q_n`.
const LEAST_SLACK: f64 = 0.1;
/// Scales of `X` beyond this, or below its inverse, are not looked at.
const SCALE_LIMIT: f64 = 1e100;
/// Part of the mean eigenvalue that a warm start adds to every eigenvalue of `X`, and `1 − λ_max(Σ H_n U_n H_n^H)` there.
const MARGIN: f64 = 0.01;

/// `X = ξI` with the best `ξ`, which the relaxation's value along that ray has in closed form up to a scalar root.
pub(super) fn cold(program: &Program) -> Result<Iterate, Error> {
    let side = program.channels[0].nrows();
    let spectra = program
        .channels
        .iter()
        .map(|channel| Spectrum::of((channel.adjoint() * channel).as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    let scale = program.best_scale(&spectra, side as f64);
    let gains = |n: usize| spectra[n].values.iter().map(move |gain| gain.max(0.0) * scale);

    // λ_n on the central path if half the budget is left; less where that overfills 𝒰, more where X leaves a mismatch.
    let path: Vec<f64> = program.budgets.iter().map(|budget| scale / budget).collect();
    let eased = (OCCUPANCY / program.occupancy(&spectra, scale, &path)?).min(1.0);
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
    let occupancy = program.occupancy(&spectra, scale, &multiplier)?;
    let received = program.received(&spectra, scale, &multiplier);
    let fill = (OCCUPANCY / occupancy).min(1.0);
    let finite = multiplier.iter().chain(&slack).chain([&fill, &scale]).all(|&value| value.is_finite() && value > 0.0);
    if !finite {
        return Err(Error::Numerical { operation: "the interior-point method's start" });
    }
    let x = Mat::from_fn(side, side, |i, j| c64::new(if i == j { scale } else { 0.0 }, 0.0));
    let s = Mat::from_fn(side, side, |i, j| c64::new(if i == j { 1.0 } else { 0.0 }, 0.0) - received[(i, j)] * fill);
    Ok(Iterate { x, s, multiplier, slack })
}

/// From the points of a similar problem, `primal` in this problem's receive space; `None` where they are of no use.
pub(super) fn warm(program: &Program, primal: &Mat<c64>, dual: &[Mat<c64>]) -> Option<Iterate> {
    let side = primal.nrows();
    let mut received = Mat::<c64>::zeros(side, side);
    for (channel, dual) in program.channels.iter().zip(dual) {
        received += channel * (dual * channel.adjoint());
    }
    let received = hermitian_part(received.as_ref());
    let occupancy = *eigenvalues(received.as_ref()).ok()?.last()?;
    if std::env::var("P").is_ok() { println!("occ {occupancy}"); }
    let c: f64 = std::env::var("C").map_or(0.1, |s| s.parse().unwrap());
    let l: f64 = std::env::var("L").map_or(100.0, |s| s.parse().unwrap());
    if occupancy > l { return None; }
    let margin = (c * (occupancy - 1.0).abs()).clamp(1e-3, 0.3);
    let fill = (1.0 - margin) / occupancy;
    let lift = margin * trace(primal.as_ref()) / side as f64;
    let x = Mat::from_fn(side, side, |i, j| primal[(i, j)] + c64::new(if i == j { lift } else { 0.0 }, 0.0));
    let s = Mat::from_fn(side, side, |i, j| c64::new(if i == j { 1.0 } else { 0.0 }, 0.0) - received[(i, j)] * fill);
    let target = {
        let product = &x * &s;
        trace(product.as_ref()) / side as f64
    };
    let mut multiplier = Vec::with_capacity(dual.len());
    for (n, dual) in dual.iter().enumerate() {
        let values = eigenvalues(dual.as_ref()).ok()?;
        let roots: f64 = values.iter().map(|value| (value.max(0.0) * fill).sqrt()).sum();
        let sum: f64 = values.iter().map(|value| value.max(0.0) * fill).sum();
        // The stationary λ = (tr U^{1/2}/(q + θ tr U))², and at least what the central path wants.
        let stationary = (roots / (program.budgets[n] + program.noise[n] * sum)).powi(2);
        multiplier.push(stationary.max(target / program.budgets[n]));
    }
    let slack: Vec<f64> = multiplier.iter().map(|lambda| target / lambda).collect();
    let usable = multiplier.iter().chain(&slack).chain([&fill]).all(|&value| value.is_finite() && value > 0.0);
    usable.then_some(Iterate { x, s, multiplier, slack })
}

impl Program {
    /// The `ξ` that is best for `X = ξI`, at most a factor of 1.1 above it; twice the least feasible `ξ` for `trace_inverse`.
    fn best_scale(&self, spectra: &[Spectrum], side: f64) -> f64 {
        let inverse_trace = |n: usize| spectra[n].values.iter().map(|gain| 1.0 / gain).sum::<f64>() / self.budgets[n];
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
        let side = self.channels[0].nrows();
        let mut received = Mat::<c64>::zeros(side, side);
        for (n, (channel, spectrum)) in self.channels.iter().zip(spectra).enumerate() {
            let lambda = multiplier[n];
            let u = spectrum.map(|gain| lambda / (gain.max(0.0) * scale + self.noise[n] * lambda).powi(2));
            received += channel * (u * channel.adjoint());
        }
        hermitian_part(received.as_ref())
    }

    /// Its largest eigenvalue.
    fn occupancy(&self, spectra: &[Spectrum], scale: f64, multiplier: &[f64]) -> Result<f64, Error> {
        let values = eigenvalues(self.received(spectra, scale, multiplier).as_ref())?;
        Ok(values.last().copied().unwrap_or(0.0))
    }
}
