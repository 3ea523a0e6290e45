//! How far from optimal given shares are, with confidence.
//!
//! Each block `H_s` gives, at shares `m`, bounds `l_s ≤ v(p(m); H_s) ≤ u_s` and a `g_s` with `l_s + g_sᵀ(m' − m) ≤ v(p(m'); H_s)`
//! for all `m'` ([`CertifiedValue`]). In expectation, `E l + E gᵀ(m' − m) ≤ f(m')`, so
//!
//! `M(E l, E g) ≤ f* = min f`,  `M(l, g) = l + min_{m'} gᵀ(m' − m)` over the feasible shares: a linear program.
//!
//! `M` is concave in `(l, g)`, so its mean over batches of blocks is below `M(E l, E g)` (Jensen), and its estimates err on the safe
//! side. Batches are independent, so Student's bound applies to their means (the batch-means bound of Mak, Morton and Wood
//! 1999, *Monte Carlo bounding techniques for determining solution quality in stochastic programs*, with a tangent in
//! place of their re-optimization).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{AssignmentError, AssignmentProblem, CertifiedValue, ChannelSource, Estimate, ShortTermValue};
use crate::relaxation::Scope;
use crate::sca::{OptionsError, Polyhedron};
use crate::statistics::Moments;

/// Which blocks an [`optimality_gap`] is estimated from.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::inputs::GapSampling")
)]
pub struct GapSampling {
    /// Independent batches. More give narrower confidence bounds. Default: `10`. Valid: at least 2.
    pub batches: usize,
    /// Blocks in each batch. More take out the bias that the minimum over noisy tangents has, which widens the gap. Default: `50`.
    /// Valid: at least 1.
    pub blocks: usize,
    /// Confidence of each bound, one-sided. Default: `0.95`. Valid: inside (0, 1).
    pub confidence: f64,
    /// Chooses the blocks. Choose another seed than that of the optimization. Default: `0`.
    pub seed: u64,
}

impl Default for GapSampling {
    fn default() -> Self {
        Self::new(0)
    }
}

impl GapSampling {
    /// The defaults, on blocks chosen by `seed`.
    pub fn new(seed: u64) -> Self {
        Self { batches: 10, blocks: 50, confidence: 0.95, seed }
    }

    pub(crate) fn check(&self) -> Result<(), AssignmentError> {
        let Self { batches, blocks, confidence, .. } = *self;
        if batches < 2 || blocks == 0 {
            return Err(AssignmentError::Samples { samples: batches.min(blocks) });
        }
        if !(confidence > 0.0 && confidence < 1.0) {
            return Err(OptionsError::Confidence { confidence }.into());
        }
        Ok(())
    }
}

/// What [`optimality_gap`] found, in units of `v`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::OptimalityGap")
)]
pub struct OptimalityGap {
    /// Of `f(m)`, from the upper bound of each block's value.
    pub value: Estimate,
    /// Of a lower bound on `f*`, the least expected value of any feasible shares; one draw per batch.
    pub optimum: Estimate,
    /// Of an upper bound on `f(m) − f*`; one draw per batch, never negative where `m` is feasible. What both sides share
    /// cancels in it.
    pub gap: Estimate,
    /// The one-sided confidence of each of the three bounds below, taken by itself.
    pub confidence: f64,
    /// What `f*` is in turn a lower bound of: with [`Scope::AnyTransceiver`], no shares and no transceivers whatever have
    /// an expected error below [`OptimalityGap::optimum_lower`].
    pub scope: Scope,
    /// Blocks whose bounds are wider than asked. They count with the bounds they have.
    pub unconverged: usize,
}

impl OptimalityGap {
    /// `f(m)` is below this.
    pub fn value_upper(&self) -> f64 {
        self.value.upper(self.confidence)
    }

    /// `f*` is above this.
    pub fn optimum_lower(&self) -> f64 {
        self.optimum.lower(self.confidence)
    }

    /// `f(m) − f*` is below this.
    pub fn gap_upper(&self) -> f64 {
        self.gap.upper(self.confidence)
    }
}

/// Bounds how far `shares` are from the best there are, `f(m) − min f`, by the convexity of the long-term problem; neither the
/// optimizer nor its convergence enters.
///
/// `v` must be convex in the powers, as the relaxations are. The statistical claim of each bound is exact for Gaussian batch means and
/// asymptotic (central limit) otherwise, for `v` of finite variance. The caller has to know that it is: for [`lambda_min` and
/// `trace_inverse`](super::RelaxedMse#where-the-expectation-is-finite) under Rayleigh or Rician fading it takes `R ≥ T_n + 2`, and with `R = T_n` the
/// expectations that the finite bounds are stated for are infinite.
///
/// # Errors
/// [`AssignmentError::Samples`] for fewer than 2 batches or an empty batch, [`AssignmentError::Options`] for a confidence outside
/// (0, 1), and as [`AssignmentProblem::value_and_gradient`].
pub fn optimality_gap<S: ChannelSource, V: ShortTermValue>(
    problem: &AssignmentProblem<S, V>,
    shares: &[f64],
    sampling: &GapSampling,
) -> Result<OptimalityGap, AssignmentError> {
    let GapSampling { batches, blocks, confidence, seed } = *sampling;
    sampling.check()?;
    let mut values = problem.values();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let [mut uppers, mut optima, mut gaps] = [Moments::default(); 3];
    let mut unconverged = 0;
    let mut scope = None;
    for _ in 0..batches {
        let (mut lower, mut upper, mut gradient) = (0.0, 0.0, vec![0.0; shares.len()]);
        for _ in 0..blocks {
            let value = values.value_and_gradient(shares, rng.next_u64())?;
            uppers.push(value.upper);
            unconverged += usize::from(!value.converged);
            scope = Some(common_scope(scope, &value));
            lower += value.lower / blocks as f64;
            upper += value.upper / blocks as f64;
            for (mean, g) in gradient.iter_mut().zip(&value.gradient) {
                *mean += g / blocks as f64;
            }
        }
        let best = least_of_linear(problem.feasible_shares(), &gradient);
        let descent: f64 = gradient.iter().zip(best.iter().zip(shares)).map(|(g, (b, m))| g * (b - m)).sum();
        optima.push(lower + descent);
        gaps.push(upper - lower - descent);
    }
    Ok(OptimalityGap {
        value: Estimate::of(&uppers),
        optimum: Estimate::of(&optima),
        gap: Estimate::of(&gaps),
        confidence,
        scope: scope.unwrap_or(Scope::Program),
        unconverged,
    })
}

/// The scope that holds for all blocks.
fn common_scope(so_far: Option<Scope>, value: &CertifiedValue) -> Scope {
    match so_far {
        Some(scope) if scope != value.scope => Scope::Program,
        _ => value.scope,
    }
}

/// `argmin gᵀm` over `{ l ≤ m ≤ u, Σ m = 1 }`: what is above the lower bounds goes to the least `g_n` first.
fn least_of_linear(shares: &Polyhedron, gradient: &[f64]) -> Vec<f64> {
    let mut point = shares.lower().to_vec();
    let mut left = 1.0 - point.iter().sum::<f64>();
    let bounds = point.iter_mut().zip(shares.upper());
    let mut order: Vec<_> = gradient.iter().zip(bounds).collect();
    order.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    for (_, (share, upper)) in order {
        let fill = left.min(upper - *share).max(0.0);
        *share += fill;
        left -= fill;
    }
    point
}
