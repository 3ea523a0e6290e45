//! Descent on the averaged error itself.

use super::{ChannelError, average};
use crate::error::Error;
use crate::linalg::squared_norm;
use crate::mismatch::{self, Seen};
use crate::problem::Problem;
use crate::transceiver::{LinearMmse, SumError, Transceiver, regularized, require_aggregator};
use faer::{MatRef, c64};

/// When [`alternate`] stops.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct Alternation {
    /// Relative decrease of the averaged MSE in one iteration below which it stops. Default: `1e-8`. Valid: 0 to 1, 1 excluded.
    pub decrease: f64,
    /// Most iterations. Default: 1000. Valid: at least 1.
    pub max_iterations: usize,
}

impl Default for Alternation {
    fn default() -> Self {
        Self { decrease: 1e-8, max_iterations: 1000 }
    }
}

impl Alternation {
    fn validate(&self) -> Result<(), Error> {
        if !(0.0..1.0).contains(&self.decrease) {
            let (value, valid) = (self.decrease, "at least 0 and below 1");
            return Err(Error::InvalidOption { option: "decrease", value, valid });
        }
        if self.max_iterations == 0 {
            return Err(Error::InvalidOption { option: "max_iterations", value: 0.0, valid: "at least 1" });
        }
        Ok(())
    }
}

/// A transceiver improved by [`alternate`].
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::Alternated")
)]
pub struct Alternated {
    /// The transceiver, within every power limit.
    pub transceiver: Transceiver,
    /// Its averaged MSE.
    pub mse: f64,
    /// Iterations taken: pairs of an aggregator and its precoders.
    pub iterations: usize,
    /// Whether it stopped because nothing was left to gain, not for want of iterations; never in a silence that either side keeps the other in,
    /// as from `A = 0`, while some channel is open.
    pub converged: bool,
}

/// Lowers the averaged [`mean_squared_error`](super::mean_squared_error) from a starting aggregator by turns, each exact:
///
/// - given `A`, `B_n = (M_n + μ_n I)^{-1} D_n J_n` with `D_n = Ĥ_n^H A`, `M_n = D_n D_n^H`, and the least `μ_n ≥ σ_e,n² ‖A‖_F²` for which
///   `v_n ‖B_n‖_F² ≤ p_n`: the average is convex in `B_n`, and `σ_e,n² ‖A‖_F²` is its own weight on `‖B_n‖_F²`;
/// - given the `B_n`, `A = (Σ v_n G_n G_n^H + s I)^{-1} Σ v_n G_n J_n^H` with `G_n = Ĥ_n B_n`, `s = σ² + Σ σ_e,n² v_n ‖B_n‖_F²`.
///
/// `J_n` is the selection of the device's streams ([`Problem::with_device_streams`]), `I` where it serves all. So no iteration raises the
/// average, and the result is no worse than any transceiver with the starting aggregator. Solving [`robust`](super::robust) anew with the noise
/// power of the last design, the obvious alternative, is not monotone: the new precoders may use more power than the noise power was made for.
/// By turns the limit is only stationary in each of `A` and `B`, and convergence is linear: [`design`](super::design()) does better. Where rounding would raise
/// the average, or arithmetic breaks down, it stops.
///
/// A start at an end of the floating-point range stands for its direction.
///
/// # Errors
/// [`Error::InvalidOption`]; [`Error::DeviceCount`]; [`Error::Shape`], [`Error::NonFiniteEntry`] if `start` is not a finite `R×L` matrix;
/// [`Error::Numerical`], [`Error::PowerExceeded`] as [`power_limited`](crate::transceiver::power_limited).
pub fn alternate(
    estimated: &Problem,
    error: &ChannelError,
    start: MatRef<'_, c64>,
    options: &Alternation,
) -> Result<Alternated, Error> {
    options.validate()?;
    require_aggregator(estimated, start)?;
    let (own, error, units) = super::in_own_units(estimated, error)?;
    let (estimated, error, start) = (own.as_ref(), &error, units.aggregator(start));
    // The weight of the averaged error on `‖B_n‖_F²`, given `‖A‖_F²`.
    let least = |alpha: f64| move |device: usize| error.variance()[device] * alpha;
    let mut sum_error = SumError::new(estimated);
    let mut total = |transceiver: &Transceiver| -> Result<f64, Error> {
        Ok(average(sum_error.of(transceiver)?, estimated, error, transceiver)?.total())
    };
    let (mut linear_mmse, mut seen) = (LinearMmse::new(estimated), Seen::new(estimated));
    let mut transceiver = regularized(estimated, start.as_ref(), least(squared_norm(start.as_ref())))?;
    let mut mse = total(&transceiver)?;
    let mut next = transceiver.clone();
    let (mut iterations, mut converged) = (0, false);
    while !converged && iterations < options.max_iterations {
        let noise_power = estimated.noise_power() + error.received_power(transceiver.powers(estimated));
        let filter = linear_mmse.write(transceiver.precoders(), noise_power, next.aggregator_mut());
        // Neither an aggregator nor precoders that could not be designed are any better.
        let alpha = next.alpha();
        let designed = filter.and_then(|()| next.precode(&mut seen, least(alpha)));
        iterations += 1;
        let Ok(next_mse) = designed.and_then(|()| total(&next)) else { break };
        converged = next_mse >= mse * (1.0 - options.decrease);
        if next_mse < mse {
            std::mem::swap(&mut transceiver, &mut next);
            mse = next_mse;
        }
    }
    converged &= mismatch::has_gradient(estimated, transceiver.aggregator(), least(transceiver.alpha()))?;
    let (transceiver, mse) = (units.restore_transceiver(transceiver), units.restore_error(mse)?);
    Ok(Alternated { transceiver, mse, iterations, converged })
}
