//! A portfolio chosen from samples of the returns alone, beside the one that their true moments give in closed form.
//!
//! ```text
//! minimise  E[ −rᵀw ] + κ/2 · Var[rᵀw],   Σ w = 1,  w ≥ 0       (Markowitz 1952)
//! ```
//!
//! The variance is an expectation of independent pairs, `Var[rᵀw] = E[((r − r')ᵀw)²]/2`, so one sample is a pair of returns and its
//! gradient `−(r + r')/2 + κ/2 · ((r − r')ᵀw)(r − r')` is unbiased.
//!
//! The returns follow one factor, `r = μ + β f + D^{1/2} e`, so `Σ = D + ββᵀ` is inverted by hand (Sherman and Morrison 1950). On the
//! assets held, `w = Σ^{-1}(μ − ν1)/κ` with ν such that `Σ w = 1`; the others must have a multiplier
//! `λ = κΣw − μ + ν1 ≥ 0`, which is checked.
//!
//! `cargo run --release -p solver --example portfolio`

use std::error::Error;

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use solver::sca::{
    Evaluation, Function, Polyhedron, Rng, ScaOptions, StochasticProgram, StochasticSca, TerminationReason,
};

/// Expected returns `μ`, factor loadings `β` and own variances `D`, in percent a year and its square.
const RETURN: [f64; 5] = [2.0, 5.0, 7.0, 6.0, 3.0];
const LOADING: [f64; 5] = [0.5, 2.0, 4.0, 2.5, 5.0];
const OWN_VARIANCE: [f64; 5] = [1.0, 9.0, 16.0, 12.0, 6.0];
/// `κ`, in return per variance.
const RISK_AVERSION: f64 = 0.5;

struct Portfolio {
    simplex: Polyhedron,
}

fn returns(rng: &mut dyn Rng) -> Vec<f64> {
    let factor: f64 = StandardNormal.sample(rng);
    let mut asset = |((mean, loading), variance): ((&f64, &f64), &f64)| {
        // Not Gaussian: the method needs no distribution, only samples.
        let own: f64 = rng.random_range(-1.0..1.0) * (3.0 * variance).sqrt();
        mean + loading * factor + own
    };
    RETURN.iter().zip(&LOADING).zip(&OWN_VARIANCE).map(&mut asset).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

impl StochasticProgram for Portfolio {
    type Sample = [Vec<f64>; 2];
    type Error = std::convert::Infallible;

    fn feasible_set(&self) -> &Polyhedron {
        &self.simplex
    }

    fn sample(&self, rng: &mut dyn Rng) -> Result<Self::Sample, Self::Error> {
        Ok([returns(rng), returns(rng)])
    }

    fn evaluate(&self, weights: &[f64], [r, s]: &Self::Sample) -> Result<Evaluation, Self::Error> {
        let spread: Vec<f64> = r.iter().zip(s).map(|(r, s)| r - s).collect();
        let along = dot(&spread, weights);
        let value = -0.5 * (dot(r, weights) + dot(s, weights)) + 0.25 * RISK_AVERSION * along * along;
        let gradient =
            r.iter().zip(s).zip(&spread).map(|((r, s), d)| -0.5 * (r + s) + 0.5 * RISK_AVERSION * along * d);
        Ok(Evaluation { objective: Function { value, gradient: gradient.collect() }, constraints: vec![] })
    }
}

/// `Σ_H^{-1} x` of the assets `held`: `D^{-1}x − D^{-1}β (βᵀD^{-1}x)/(1 + βᵀD^{-1}β)`, 0 elsewhere.
fn inverse_covariance(held: &[bool], x: &[f64]) -> Vec<f64> {
    let scaled = |x: &[f64]| -> Vec<f64> {
        let of = |((x, d), held): ((&f64, &f64), &bool)| if *held { x / d } else { 0.0 };
        x.iter().zip(&OWN_VARIANCE).zip(held).map(of).collect()
    };
    let (own, loading) = (scaled(x), scaled(&LOADING));
    let factor = dot(&LOADING, &own) / (1.0 + dot(&LOADING, &loading));
    own.iter().zip(&loading).map(|(x, b)| x - factor * b).collect()
}

/// The optimum on the assets `held`, and the multipliers `λ` of all.
fn closed_form(held: &[bool]) -> (Vec<f64>, Vec<f64>) {
    let (by_return, by_one) = (inverse_covariance(held, &RETURN), inverse_covariance(held, &[1.0; 5]));
    let sum = |x: &[f64]| x.iter().sum::<f64>();
    let level = (sum(&by_return) - RISK_AVERSION) / sum(&by_one);
    let weight = |(r, one): (&f64, &f64)| (r - level * one) / RISK_AVERSION;
    let weights: Vec<f64> = by_return.iter().zip(&by_one).map(weight).collect();
    let exposure = dot(&LOADING, &weights);
    let multipliers = (0..weights.len())
        .map(|j| RISK_AVERSION * (OWN_VARIANCE[j] * weights[j] + LOADING[j] * exposure) - RETURN[j] + level)
        .collect();
    (weights, multipliers)
}

/// Runs the example.
pub fn main() -> Result<(), Box<dyn Error>> {
    let (best, multipliers) = closed_form(&[true, true, true, true, false]);
    if best.iter().chain(&multipliers).any(|&value| value < -1e-12) {
        return Err(format!("these assets are not those of the optimum: {best:?}, {multipliers:?}").into());
    }

    let program = Portfolio { simplex: Polyhedron::simplex(5, 0.0)? };
    // ‖∇f_0‖ is about 5, the diameter of the simplex 1.4.
    let options =
        ScaOptions::new(1).with_iterations(4000)?.with_mini_batch(200)?.with_objective_curvature(4.0)?;
    let report = StochasticSca::new(&program, options.clone()).run(&[0.2; 5])?;

    println!("| asset | closed form | from samples |");
    println!("|---|---|---|");
    for (asset, (exact, found)) in best.iter().zip(&report.point).enumerate() {
        println!("| {asset} | {exact:.3} | {found:.3} |");
    }
    let distance = best.iter().zip(&report.point).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let estimate =
        StochasticSca::new(&program, options.clone()).estimate_residual(&report.point, 20_000, 0.95, 2)?;
    println!();
    println!("distance {distance:.4}; residual below {:.3} (95 %)", estimate.upper_bound);
    if distance > 0.02 {
        return Err(format!("the portfolio is {distance} away from the optimum").into());
    }

    // The same, until fresh samples say that the residual is small.
    let options = options.with_residual_tolerance(0.1, 10)?.with_confirmation(20_000, 0.95)?;
    let report = StochasticSca::new(&program, options).run(&[0.2; 5])?;
    let TerminationReason::ResidualConfirmed { estimate, confidence } = report.termination else {
        return Err(format!("the residual was not confirmed: {:?}", report.termination).into());
    };
    println!(
        "stopped after {} of 4000 iterations: residual below {:.3}, by fresh samples ({} %)",
        report.history.len(),
        estimate.upper_bound,
        100.0 * confidence
    );
    Ok(())
}
