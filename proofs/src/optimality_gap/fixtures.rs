//! Short-term values that are known, with their blocks.

use crate::simulation::normal;
use faer::{Mat, c64};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use solver::Error;
use solver::assignment::{
    AssignmentProblem, CertifiedValue, ChannelSource, GapSampling, OptimalityGap, ShortTermValue,
    optimality_gap,
};
use solver::power::{Accounting, EnergyModel};

/// A law of mean 0.
pub type Law = fn(&mut dyn Rng) -> f64;

/// Blocks of one number of a law for each device, as 1×1 channels.
#[derive(Clone)]
pub struct Draws {
    devices: usize,
    law: Law,
}

impl ChannelSource for Draws {
    fn devices(&self) -> usize {
        self.devices
    }
    fn block(&self, index: u64) -> Vec<Mat<c64>> {
        let mut rng = ChaCha8Rng::seed_from_u64(index);
        (0..self.devices).map(|_| Mat::full(1, 1, c64::new((self.law)(&mut rng), 0.0))).collect()
    }
}

/// `v(p; ξ) = Σ_n φ(p_n; w_n) + noise · ξ_n p_n`, from `φ` and its derivative, known up to `below` and `above`.
#[derive(Clone)]
pub struct Known {
    pub weights: Vec<f64>,
    pub shape: fn(f64, f64) -> (f64, f64),
    pub noise: f64,
    pub law: Law,
    pub below: f64,
    pub above: f64,
}

impl ShortTermValue for Known {
    fn value_and_gradient(&self, channels: &[Mat<c64>], power: &[f64]) -> Result<CertifiedValue, Error> {
        let mut found = CertifiedValue::exact(0.0, Vec::new());
        for ((channel, &p), &w) in channels.iter().zip(power).zip(&self.weights) {
            let (value, slope) = (self.shape)(p, w);
            let noise = self.noise * channel[(0, 0)].re;
            found.lower += value + noise * p;
            found.gradient.push(slope + noise);
        }
        Ok(CertifiedValue { lower: found.lower - self.below, upper: found.lower + self.above, ..found })
    }
}

impl Known {
    /// Exactly, with normal `ξ`.
    pub fn new(weights: &[f64], shape: fn(f64, f64) -> (f64, f64), noise: f64) -> Self {
        Self { weights: weights.to_vec(), shape, noise, law: normal, below: 0.0, above: 0.0 }
    }

    /// `E v` at the powers that shares leave.
    pub fn mean(&self, shares: &[f64]) -> f64 {
        shares.iter().zip(&self.weights).map(|(m, &w)| (self.shape)(1.0 - m, w).0).sum()
    }

    /// Devices with `p_n = 1 − m_n`.
    fn problem(&self) -> AssignmentProblem<Draws, Self> {
        let devices = self.weights.len();
        let energy = vec![EnergyModel::new(1.0, 1.0, 1.0, Accounting::PerChannelUse).unwrap(); devices];
        AssignmentProblem::new(energy, Draws { devices, law: self.law }, self.clone()).unwrap()
    }

    pub fn gap(&self, shares: &[f64], sampling: &GapSampling) -> OptimalityGap {
        optimality_gap(&self.problem(), shares, sampling).unwrap()
    }
}

/// `w/p`.
pub fn inverse(power: f64, weight: f64) -> (f64, f64) {
    (weight / power, -weight / (power * power))
}

/// `−w p`.
pub fn linear(power: f64, weight: f64) -> (f64, f64) {
    (-weight * power, -weight)
}

/// `−w p²`.
pub fn concave(power: f64, weight: f64) -> (f64, f64) {
    (-weight * power * power, -2.0 * weight * power)
}

/// The best shares for [`inverse`], where bounds do not interfere: powers in proportion to `√w`.
pub fn best_inverse(weights: &[f64]) -> Vec<f64> {
    let roots: f64 = weights.iter().map(|w| w.sqrt()).sum();
    weights.iter().map(|w| 1.0 - (weights.len() - 1) as f64 * w.sqrt() / roots).collect()
}

pub fn normalized(weights: &[f64]) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

pub fn sampling(seed: u64, batches: usize, blocks: usize) -> GapSampling {
    GapSampling { batches, blocks, confidence: CONFIDENCE, seed }
}

pub const CONFIDENCE: f64 = 0.8;

/// How many of so many bounds, each of four batches of so many blocks, fail: on the value, on the optimum, and on the gap.
pub fn misses(known: &Known, shares: &[f64], optimum: f64, (trials, blocks): (u32, usize)) -> [u32; 3] {
    let here = known.mean(shares);
    let mut missed = [0; 3];
    for seed in 0..trials {
        let found = known.gap(shares, &sampling(u64::from(seed), 4, blocks));
        missed[0] += u32::from(found.value_upper() < here);
        missed[1] += u32::from(found.optimum_lower() > optimum);
        missed[2] += u32::from(found.gap_upper() < here - optimum);
    }
    missed
}

pub const WEIGHTS: [f64; 3] = [1.0, 1.5, 2.0];
