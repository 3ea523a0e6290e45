//! Where the optimization starts, and the variables in which it moves.
//!
//! `v` depends on the shares only through the powers left, so it is far from isotropic in `m`: a share of a device that
//! spends 8 times as much bends `v` 64 times as much, and one curvature `η_0` for all would crawl in every
//! other direction. The optimization therefore moves in `z_n = w_n m_n`, with `w_n = −(dp_n/dm_n)/p_n` at the
//! start: the power spent on computing, relative to the power left there. Only the ratios of the `w_n` make a difference, so it computes with
//! `z_n` in units of the largest of them: where computing costs little, `z_n` are of the size of what is rounding to a set.

use super::{AssignmentError, AssignmentProblem, ChannelSource, ShortTermValue};
use crate::sca::Polyhedron;

/// Least `w_n` relative to the largest: a device that computes for nothing still needs a coordinate.
const LEAST_WEIGHT: f64 = 1e-2;
/// Least of the largest `w_n`: what costs less makes a difference of a millionth, and its curvature would be rounding beside its slope.
const LEAST_UNIT: f64 = 1e-6;
/// Bisections for the power level of the start; doubles have no more bits to give.
const BISECTIONS: usize = 80;

/// Feasible shares that leave all devices the same power, as far as the bounds on the shares allow.
pub(super) fn equal_power_start<S: ChannelSource, V: ShortTermValue>(
    problem: &AssignmentProblem<S, V>,
) -> Result<Vec<f64>, AssignmentError> {
    let set = problem.feasible_shares();
    let mut idle = Vec::with_capacity(problem.devices());
    for (device, model) in problem.energy().iter().enumerate() {
        idle.push(model.transmit_power(device, 0.0)?);
    }
    let leaving = |level: f64| -> Vec<f64> {
        let bounds = set.lower().iter().zip(set.upper());
        let devices = problem.energy().iter().zip(&idle).zip(bounds);
        devices
            .map(|((model, idle), (lower, upper))| match idle - level {
                // Where computing costs nothing, any share leaves the same.
                spare if model.slope() == 0.0 && spare > 0.0 => *upper,
                spare if model.slope() == 0.0 || spare <= 0.0 => *lower,
                spare => (spare / -model.slope()).max(*lower).min(*upper),
            })
            .collect()
    };
    // The sum of the shares falls with the level.
    let (mut low, mut high) = (0.0, idle.iter().copied().fold(0.0, f64::max));
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (low + high);
        if leaving(middle).iter().sum::<f64>() >= 1.0 { low = middle } else { high = middle }
    }
    Ok(set.project(&leaving(low))?)
}

/// The change of variables `z_n = w_n m_n`, which are kept in units of `max w_n`.
#[derive(Debug, Clone)]
pub(super) struct Coordinates {
    /// `w_n / max w_n`.
    weights: Vec<f64>,
    /// `max w_n`.
    unit: f64,
    shares: Polyhedron,
    scaled: Polyhedron,
}

impl Coordinates {
    /// Coordinates about the shares `start`.
    pub(super) fn about<S: ChannelSource, V: ShortTermValue>(
        problem: &AssignmentProblem<S, V>,
        start: &[f64],
    ) -> Result<Self, AssignmentError> {
        let power = problem.transmit_power(start)?;
        let slopes: Vec<f64> =
            problem.energy().iter().zip(power).map(|(model, p)| -model.slope() / p).collect();
        let largest = slopes.iter().copied().fold(0.0, f64::max);
        let weight = |slope: &f64| if largest > 0.0 { (slope / largest).max(LEAST_WEIGHT) } else { 1.0 };
        let unit = if largest > 0.0 { largest.max(LEAST_UNIT) } else { 1.0 };
        let weights: Vec<f64> = slopes.iter().map(weight).collect();
        let shares = problem.feasible_shares().clone();
        let times = |bounds: &[f64]| bounds.iter().zip(&weights).map(|(b, w)| b * w).collect();
        let scaled = Polyhedron::builder(weights.len())
            .bounds(times(shares.lower()), times(shares.upper()))
            .equality(weights.iter().map(|w| 1.0 / w).collect(), 1.0)
            .build()?;
        Ok(Self { weights, unit, shares, scaled })
    }

    /// `w_n`.
    pub(super) fn weights(&self) -> Vec<f64> {
        self.weights.iter().map(|weight| weight * self.unit).collect()
    }

    /// What one unit of the `z` below is.
    pub(super) fn unit(&self) -> f64 {
        self.unit
    }

    /// The feasible set of `z`.
    pub(super) fn feasible_set(&self) -> &Polyhedron {
        &self.scaled
    }

    /// `z` of `m`.
    pub(super) fn scaled(&self, shares: &[f64]) -> Vec<f64> {
        shares.iter().zip(&self.weights).map(|(m, w)| m * w).collect()
    }

    /// `m` of `z`, its rounding taken out.
    pub(super) fn shares(&self, scaled: &[f64]) -> Vec<f64> {
        let shares: Vec<f64> = scaled.iter().zip(&self.weights).map(|(z, w)| z / w).collect();
        self.shares.snap(&shares, 1.0)
    }

    /// Turns `∂/∂m` into `∂/∂z`.
    pub(super) fn turn(&self, gradient: &mut [f64]) {
        gradient.iter_mut().zip(&self.weights).for_each(|(g, w)| *g /= w);
    }
}
