//! One call from a problem to a transceiver and the certificate of how good it is.

use super::Refinement;
use super::relaxed::Relaxed;
use super::search::search;
use crate::error::Error;
use crate::problem::{Problem, Units};
use crate::relaxation::{self, Relaxation, Solver};
use crate::transceiver::Transceiver;

/// Most candidates: each is kept as a matrix until all are ranked.
const MOST_CANDIDATES: usize = 1_000_000;

/// How hard [`design`] searches, and when a [`Designer`](super::Designer) does.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct DesignOptions {
    /// How the relaxation is solved, `mmse` or, for zero forcing, `trace_inverse`. Default: relative gap `1e-3`, which a gap of percents needs.
    pub relaxation: relaxation::Options,
    /// Random directions `X Ξ` drawn from the relaxation's `X`, beside its dominant subspace. Default: 40. Valid: 0 to 1,000,000.
    pub candidates: usize,
    /// How many of all directions, those of least MSE or `α`, are refined roughly. Default: 10. Valid: at least 1.
    pub starts: usize,
    /// How many of the roughly refined, those of least MSE or `α`, are refined to the end. Default: 3. Valid: at least 1.
    pub finalists: usize,
    /// Where the rough refinement of each start stops. Default: decrease `1e-2`, at most 100 iterations.
    pub rough: Refinement,
    /// Where the refinement of the finalists stops. Default: decrease `1e-8`, at most 4000 iterations.
    pub refinement: Refinement,
    /// Seed of the random directions. Default: 0.
    pub seed: u64,
    /// A [`Designer`](super::Designer) searches again where `mse/bound` is above the least since its last search by more than this fraction.
    /// Default: 0.03. Valid: at least 0, and finite.
    pub drift: f64,
}

impl Default for DesignOptions {
    fn default() -> Self {
        Self {
            relaxation: relaxation::Options { relative_gap: 1e-3, ..Default::default() },
            candidates: 40,
            starts: 10,
            finalists: 3,
            rough: Refinement { decrease: 1e-2, max_iterations: 100 },
            refinement: Refinement { decrease: 1e-8, ..Default::default() },
            seed: 0,
            drift: 0.03,
        }
    }
}

impl DesignOptions {
    pub(super) fn validate(&self) -> Result<(), Error> {
        if !(self.drift >= 0.0 && self.drift.is_finite()) {
            let valid = "at least 0 and finite";
            return Err(Error::InvalidOption { option: "drift", value: self.drift, valid });
        }
        for (option, number) in [("starts", self.starts), ("finalists", self.finalists)] {
            if number == 0 {
                return Err(Error::InvalidOption { option, value: 0.0, valid: "at least 1" });
            }
        }
        if self.candidates > MOST_CANDIDATES {
            let value = self.candidates as f64;
            return Err(Error::InvalidOption { option: "candidates", value, valid: "0 to 1,000,000" });
        }
        self.rough.validate()?;
        self.refinement.validate()
    }
}

/// Where a designed transceiver was refined from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
#[non_exhaustive]
pub enum Method {
    /// The dominant subspace of the relaxation's `X`.
    DominantSubspace,
    /// A random direction from the relaxation's `X`.
    Randomization {
        /// The index of the draw.
        draw: usize,
    },
    /// The aggregator of the last problem ([`Designer`](super::Designer)).
    Last,
    /// The zero-forcing transceiver of [`design_zero_forcing`](super::design_zero_forcing).
    ZeroForcing,
    /// None: the optimum of one device, [`baseline::single_device`](crate::baseline::single_device).
    SingleDevice,
    /// None: the optimum of one antenna everywhere, [`baseline::scalar_power_control`](crate::baseline::scalar_power_control).
    ScalarPowerControl,
    /// The aggregator of [`baseline::equal_power`](crate::baseline::equal_power), or that transceiver itself.
    EqualPower,
    /// None: no device sends anything, an MSE of `Σ v_n L_n`.
    Silence,
}

/// A designed transceiver with its certificate.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::Design")
)]
pub struct Design {
    /// The transceiver, within every power limit.
    pub transceiver: Transceiver,
    /// Its MSE (7), computed from `transceiver` and the problem's data alone; from [`csi::design`](crate::csi::design()) its average over the errors.
    pub mse: f64,
    /// Where it was refined from.
    pub method: Method,
    /// A lower bound on the MSE of every transceiver within the power limits; from [`design_zero_forcing`](super::design_zero_forcing) of every zero-forcing one,
    /// if there is such a bound.
    pub bound: Option<f64>,
    /// `‖∇F‖ ‖A‖ / F`: 0 at a stationary point of P_s, or for zero forcing what [`refine_zero_forcing`](super::refine_zero_forcing) calls stationarity.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::document::records::infinity_as_null"))]
    pub stationarity: f64,
    /// Iterations of all refinements.
    pub iterations: usize,
}

impl Design {
    /// `mse/bound − 1`: no transceiver that `bound` is a bound for can be better by more than this fraction of its own MSE.
    pub fn gap(&self) -> Option<f64> {
        self.bound.map(|bound| self.mse / bound - 1.0)
    }

    /// In the units of the problem itself.
    pub(crate) fn restored(self, units: &Units) -> Result<Self, Error> {
        let mse = units.restore_error(self.mse)?;
        let bound = self.bound.map(|bound| units.restore_error(bound)).transpose()?;
        Ok(Self { transceiver: units.restore_transceiver(self.transceiver), mse, bound, ..self })
    }
}

/// The best transceiver that the recoveries find, with a lower bound for every transceiver.
///
/// 1. The `mmse` relaxation is solved; it gives `X` and, with [`baseline::single_device_bound`](crate::baseline::single_device_bound), the bound
///    ([`lower_bound`]). Where the optimum is known in closed form, of one device or of one antenna everywhere, it is taken, and that is all.
/// 2. Starts are the [`dominant_subspace`](super::dominant_subspace) of `X`, exact where `rank X ≤ L`, and random directions `X Ξ`, ranked by
///    `F(t A)` at the best `t`. (Descents from `X Ξ` end lower than from the `X^{1/2} Ξ` of
///    [`gaussian_randomization`](super::gaussian_randomization).)
/// 3. The best `starts` are refined roughly, by descent on `F` alone; of those the best `finalists` to the end ([`refine`](super::refine)), and where
///    devices serve some streams only the aggregator of [`baseline::equal_power`](crate::baseline::equal_power).
/// 4. Far above the noise, where the best of the rough has an MSE of at most `0.02 Σ v_n L_n`, mismatch is stiff and ranks starts badly: the dominant
///    subspace is always a finalist, and the transceiver of [`design_zero_forcing`](super::design_zero_forcing) is refined too; at `1e-3 Σ v_n L_n` in
///    place of the other finalists. It is refined as well where no finalist has converged to a stationarity of `1e-2` ([`Refined`](super::Refined)).
///
/// The result is no worse than [`baseline::equal_power`](crate::baseline::equal_power), than silence (`Σ v_n L_n`), than the zero-forcing design of step 4, and
/// than any transceiver where there is a closed form. One seed gives one result, on any number of threads.
///
/// # Errors
/// [`Error::InvalidOption`], [`Error::TooManyUnknowns`], [`Error::Numerical`]. A relaxation that is not solved to its gap, or not at all, is none: the bound holds,
/// and half or all of the random directions are drawn from `Σ q_n H_n H_n^H` instead, `q_n = p_n/v_n`.
pub fn design(problem: &Problem, options: &DesignOptions) -> Result<Design, Error> {
    options.validate()?;
    let (own, units) = problem.in_own_units();
    let relaxed = Relaxed::mmse(&own, &mut Solver::new(Relaxation::Mmse, options.relaxation)?)?;
    search(&own, &relaxed.weights, relaxed.bound, options)?.restored(&units)
}

/// A lower bound on the MSE of every transceiver within the power limits: the larger of
/// [`baseline::single_device_bound`](crate::baseline::single_device_bound) and the
/// `mmse` relaxation's certified value less `Σ v_n (T_n − L_n)`, which the relaxation pays for antennas without a stream (theory, section 3).
/// Tight within percents where `T_n = L`, weak elsewhere.
///
/// Where device `n` serves `L_n` of the `L` streams: filled up with zeros to `L` columns, its precoder leaves `‖A^H H_n B_n − E_n‖² + L − L_n` of
/// `I_L`, and the relaxation's identity, `T_n×T_n`, has `T_n − L` more directions that `A A^H` cannot reach, so that the relaxed term is at most
/// `‖A^H H_n B_n − E_n‖² + T_n − L_n`.
///
/// # Errors
/// [`Error::InvalidOption`], [`Error::TooManyUnknowns`], [`Error::Numerical`]. A gap above `options.relative_gap` is no error, nor is a relaxation that rounding
/// leaves unsolved: the bound holds.
pub fn lower_bound(problem: &Problem, options: &relaxation::Options) -> Result<f64, Error> {
    let (own, units) = problem.in_own_units();
    let relaxed = Relaxed::mmse(&own, &mut Solver::new(Relaxation::Mmse, *options)?)?;
    units.restore_error(relaxed.bound)
}
