//! How low the averaged error of any transceiver can be.

use super::ChannelError;
use crate::error::Error;
use crate::linalg::{Spectrum, eigenvalues, hermitian_part, trace};
use crate::mismatch;
use crate::problem::Problem;
use crate::recovery;
use crate::relaxation::{Options, mmse};
use crate::transceiver::Transceiver;
use faer::{Mat, MatRef, c64};

/// Relaxations solved at most, each at the powers that the last one had a use for.
const ROUNDS: usize = 20;
/// Relative change of the bound from one round to the next below which they end.
const CHANGE: f64 = 1e-3;
/// No power limit is lowered by more than this factor: a device always transmits.
const SMALLEST_POWER: f64 = 1e-12;
/// The bound is lowered by this much, relatively: room for the rounding of its own evaluation.
const ROUNDING: f64 = 1e-12;

/// A lower bound on the averaged [`mean_squared_error`](super::mean_squared_error) of *every* transceiver within the power limits; `None` where some device
/// has more than `L` antennas.
///
/// The averaged problem has a convex relaxation: with `a = ‖A‖_F²`, `X = A A^H / a` and `Q_n = a ‖B_n‖_F²` its objective is
/// `Σ v_n (φ_n(Ĥ_n^H X Ĥ_n, Q_n) + σ_e,n² Q_n) + σ² a`, jointly convex on `X ⪰ 0`, `tr X ≤ 1`, `v_n Q_n ≤ a p_n` (`φ_n` as in theory, section 3). So for any
/// `λ_n ≥ 0` with `Σ λ_n p_n ≤ σ²`, any `U_n ⪰ 0` and `w_n = σ_e,n² + λ_n`,
///
/// `MSE ≥ (Σ v_n w_n^{1/2} tr U_n^{1/2})² / (Σ v_n w_n tr U_n + λ_max(Σ v_n Ĥ_n U_n Ĥ_n^H))`,
///
/// from `w tr((M + wI)^{-1}) ≥ 2 w^{1/2} tr U^{1/2} − tr(U (M + wI))` and the best common scale of the `U_n`. Good `U_n` and `λ_n`, those or
/// `σ²/Σ p_n` for all, come from `mmse` relaxations at the power limits lowered to what the averaged error has a use for: at first to the powers of `design`, then round by
/// round to those that the last relaxation asks for. The bound that is returned is this formula's, and at least [`recovery::lower_bound`] of the estimates.
/// It holds for every transceiver, whatever the design, and is the tighter the better the design: take that of [`alternate`](super::alternate).
///
/// `options` are those of each relaxation; relative gaps of `1e-4` to `1e-6` are enough.
///
/// # Errors
/// [`Error::DeviceCount`], [`Error::Shape`] where errors or design do not fit `estimated`; [`Error::InvalidOption`]; [`Error::TooManyUnknowns`];
/// [`Error::Numerical`]. A relaxation that fails is none: the bound holds.
pub fn lower_bound(
    estimated: &Problem,
    error: &ChannelError,
    design: &Transceiver,
    options: &Options,
) -> Result<Option<f64>, Error> {
    super::mean_squared_error(estimated, error, design)?;
    if !estimated.is_square() {
        return Ok(None);
    }
    let (own, error, units) = super::in_own_units(estimated, error)?;
    let mut best = recovery::lower_bound(&own, options)?;
    let (mut power, mut last) = (units.transceiver(design).transmit_power(&own), 0.0_f64);
    for _ in 0..ROUNDS {
        let Ok(certified) = round(&own, &error, &power, options) else { break };
        best = best.max(certified.bound);
        if (certified.bound - last).abs() <= CHANGE * last {
            break;
        }
        (power, last) = (certified.power, certified.bound);
    }
    units.restore_error(best).map(Some)
}

/// What the `mmse` relaxation says at lowered power limits.
fn round(
    estimated: &Problem,
    error: &ChannelError,
    power: &[f64],
    options: &Options,
) -> Result<Certified, Error> {
    let relaxed = mmse::solve(&at_power(estimated, error, power)?, options)?;
    Certified::new(estimated, error, relaxed.primal.as_ref())
}

/// The robust problem of devices whose limits are lowered to the given powers.
fn at_power(estimated: &Problem, error: &ChannelError, power: &[f64]) -> Result<Problem, Error> {
    let limits = estimated.transmit_power().iter().zip(power);
    let lowered: Vec<f64> = limits.map(|(&most, power)| power.clamp(SMALLEST_POWER * most, most)).collect();
    let noise_power = estimated.noise_power() + error.received_power(lowered.iter().copied());
    Problem::new(estimated.channels().to_vec(), lowered, noise_power)?
        .with_signal_variance(estimated.signal_variance().to_vec())
}

/// What one `X` says.
struct Certified {
    /// The bound of [`lower_bound`].
    bound: f64,
    /// `v_n ‖B_n‖_F²` of the precoders that minimize the averaged error for this `X`.
    power: Vec<f64>,
}

impl Certified {
    fn new(estimated: &Problem, error: &ChannelError, relaxed: MatRef<'_, c64>) -> Result<Self, Error> {
        let alpha = trace(relaxed);
        if alpha == 0.0 {
            return Err(Error::Numerical { operation: "the averaged bound" });
        }
        let mut spectra = Vec::with_capacity(estimated.devices());
        let (mut limit_prices, mut power) = (Vec::new(), Vec::new());
        for (device, (estimate, variance)) in estimated.channels().iter().zip(error.variance()).enumerate() {
            let seen = hermitian_part((estimate.adjoint() * (relaxed * estimate)).as_ref());
            let mut spectrum = Spectrum::of(seen.as_ref())?;
            let limit = mismatch::multiplier(&spectrum.values, estimated.precoder_budget(device));
            let multiplier = limit.max(variance * alpha);
            let modes = spectrum.values.iter().map(|&value| (value, 1.0));
            power.push(mismatch::precoder_power(modes, multiplier) * estimated.signal_variance()[device]);
            limit_prices.push(multiplier / alpha - variance);
            spectrum.values.iter_mut().for_each(|value| *value = value.max(0.0) / alpha);
            spectra.push(spectrum);
        }
        let total: f64 = estimated.transmit_power().iter().sum();
        let even = vec![estimated.noise_power() / total; estimated.devices()];
        let bound = spending_all(estimated, &limit_prices)
            .into_iter()
            .chain([even])
            .map(|prices| dual_value(estimated, error, &spectra, &prices))
            .try_fold(0.0_f64, |best, bound| bound.map(|bound| best.max(bound)))?;
        Ok(Self { bound, power })
    }
}

/// Prices `λ_n` in proportion to the positive among these, with `Σ λ_n p_n = σ²`; none where there are no positive ones.
fn spending_all(estimated: &Problem, prices: &[f64]) -> Option<Vec<f64>> {
    let positive = || prices.iter().map(|price| price.max(0.0));
    let spent: f64 = positive().zip(estimated.transmit_power()).map(|(price, power)| price * power).sum();
    (spent > 0.0).then(|| positive().map(|price| price * (estimated.noise_power() / spent)).collect())
}

/// The formula of [`lower_bound`] at `λ_n` = `prices` and `U_n = w_n (M_n + w_n I)^{-2}`.
fn dual_value(
    estimated: &Problem,
    error: &ChannelError,
    spectra: &[Spectrum],
    prices: &[f64],
) -> Result<f64, Error> {
    let side = estimated.receive_antennas();
    let mut received = Mat::<c64>::zeros(side, side);
    let (mut roots, mut weights) = (0.0, 0.0);
    for (device, (estimate, spectrum)) in estimated.channels().iter().zip(spectra).enumerate() {
        let weight = error.variance()[device] + prices[device];
        if weight == 0.0 {
            continue;
        }
        let variance = estimated.signal_variance()[device];
        let multiplier = |value: f64| weight / (value + weight).powi(2);
        let sum = |f: &dyn Fn(f64) -> f64| spectrum.values.iter().map(|&value| f(value)).sum::<f64>();
        roots += variance * weight.sqrt() * sum(&|value| multiplier(value).sqrt());
        weights += variance * weight * sum(&multiplier);
        received += estimate * (spectrum.map(|value| variance * multiplier(value)) * estimate.adjoint());
    }
    let largest = eigenvalues(received.as_ref())?.last().copied().unwrap_or(0.0).max(0.0);
    let bound = roots * roots / (weights + largest) * (1.0 - ROUNDING);
    if bound.is_finite() { Ok(bound) } else { Err(Error::Numerical { operation: "the averaged bound" }) }
}
