//! Two-timescale beamforming on an uplink: powers for the long term, chosen once for the statistics of the channels; receive
//! beams for the short term, zero forcing on each state of the channels. The answer is known in closed form.
//!
//! `K` users of one antenna with gains `β_k` send to `M` antennas through `h_k = √β_k g_k`, `g_k ~ CN(0, I)`. With zero forcing, user k's
//! symbol is off by `σ² [(GᴴG)^{-1}]_kk / (β_k p_k)` on average over the noise. Over the channels `(GᴴG)^{-1}` is inverse Wishart, of
//! mean `I/(M − K)` (Tulino and Verdú 2004, *Random Matrix Theory and Wireless Communications*, section 2.1.6), so that
//!
//! ```text
//! minimise  Σ E[error_k(p)]  s.t.  E[error_0(p)] ≤ ε,  Σ p_k = P,       E[error_k] = σ²/(β_k (M − K) p_k)
//! ```
//!
//! has `p_0 = σ²/(β_0 (M − K) ε)` where the constraint is active, and gives the others what is left in proportion to `1/√β_k`. The
//! optimizer is told none of this: it sees channels, one at a time. (\[C\] is the method's original use of this kind.)
//!
//! `cargo run --release -p solver --example two_timescale_beamforming`

use std::error::Error;

use rand_distr::{Distribution, StandardNormal};
use solver::faer::linalg::solvers::DenseSolveCore;
use solver::faer::{Mat, Side, c64};
use solver::sca::{
    Evaluation, Function, Polyhedron, Rng, ScaOptions, ScaReport, StochasticProgram, StochasticSca,
};

const ANTENNAS: usize = 8;
const GAINS: [f64; 4] = [1.0, 0.5, 0.2, 0.05];
const NOISE_POWER: f64 = 1.0;
const TOTAL_POWER: f64 = 100.0;
/// Most that user 0's expected error may be, when it is limited; without a limit it would be about twice as large.
const LIMIT: f64 = 0.01;

/// The long-term problem in the fractions `x_k = p_k/P`.
struct Uplink {
    fractions: Polyhedron,
    limited: bool,
}

impl StochasticProgram for Uplink {
    /// `[(GᴴG)^{-1}]_kk` for all users.
    type Sample = Vec<f64>;
    type Error = std::io::Error;

    fn feasible_set(&self) -> &Polyhedron {
        &self.fractions
    }

    fn stochastic_constraints(&self) -> usize {
        usize::from(self.limited)
    }

    fn sample(&self, rng: &mut dyn Rng) -> Result<Vec<f64>, Self::Error> {
        let mut normal = || -> f64 { StandardNormal.sample(rng) };
        let channel =
            Mat::from_fn(ANTENNAS, GAINS.len(), |_, _| c64::new(normal(), normal()) * 0.5_f64.sqrt());
        let gram = channel.adjoint() * &channel;
        let inverse =
            gram.llt(Side::Lower).map_err(|_| std::io::Error::other("channels without rank"))?.inverse();
        Ok(inverse.diagonal().column_vector().iter().map(|entry| entry.re).collect())
    }

    fn evaluate(&self, fractions: &[f64], inverse: &Vec<f64>) -> Result<Evaluation, Self::Error> {
        let users = fractions.iter().zip(&GAINS).zip(inverse);
        let errors: Vec<f64> =
            users.map(|((x, gain), z)| NOISE_POWER * z / (gain * TOTAL_POWER * x)).collect();
        let slopes: Vec<f64> = errors.iter().zip(fractions).map(|(error, x)| -error / x).collect();
        let first_alone = (0..slopes.len()).map(|k| if k == 0 { slopes[0] } else { 0.0 }).collect();
        let limit = Function { value: errors[0] - LIMIT, gradient: first_alone };
        Ok(Evaluation {
            objective: Function { value: errors.iter().sum(), gradient: slopes },
            constraints: if self.limited { vec![limit] } else { vec![] },
        })
    }
}

/// The optimal fractions.
fn closed_form(limited: bool) -> Vec<f64> {
    let need = |gain: f64| NOISE_POWER / (gain * (ANTENNAS - GAINS.len()) as f64 * TOTAL_POWER);
    let roots = GAINS.map(|gain| need(gain).sqrt());
    let total: f64 = roots.iter().sum();
    if !limited || need(GAINS[0]) / (roots[0] / total) <= LIMIT {
        return roots.map(|root| root / total).to_vec();
    }
    let first = need(GAINS[0]) / LIMIT;
    let others = total - roots[0];
    std::iter::once(first).chain(roots[1..].iter().map(|root| (1.0 - first) * root / others)).collect()
}

fn optimize(limited: bool, start: [f64; 4], curvature: f64) -> Result<ScaReport, Box<dyn Error>> {
    let program = Uplink { fractions: Polyhedron::simplex(GAINS.len(), 0.02)?, limited };
    let options = ScaOptions::new(3).with_iterations(1500)?.with_mini_batch(10)?;
    let options = options.with_constraint_curvatures(vec![curvature; usize::from(limited)])?;
    Ok(StochasticSca::new(&program, options).run(&start)?)
}

/// Runs the example.
pub fn main() -> Result<(), Box<dyn Error>> {
    for (name, limited, start, curvature) in [
        ("no limit", false, [0.25; 4], 0.0),
        ("user 0's error limited", true, [0.25; 4], 0.0),
        // Where a curved surrogate of user 0's error does not reach the limit, restoration leads towards it.
        ("the same, from little power for user 0, by curved surrogates", true, [0.02, 0.3, 0.3, 0.38], 1.0),
    ] {
        let (exact, report) = (closed_form(limited), optimize(limited, start, curvature)?);
        println!("{name}:");
        println!("| user | gain | closed form, p/P | from channels, p/P |");
        println!("|---|---|---|---|");
        for (user, (gain, (exact, found))) in GAINS.iter().zip(exact.iter().zip(&report.point)).enumerate() {
            println!("| {user} | {gain} | {exact:.3} | {found:.3} |");
        }
        let distance = exact.iter().zip(&report.point).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        let restorations = report.restorations();
        println!("distance {distance:.4}; restorations {restorations}\n");
        if distance > 0.02 || !report.termination.was_successful() {
            return Err(format!("{distance} away from the optimum, {:?}", report.termination).into());
        }
        if (restorations > 0) != (curvature > 0.0) {
            return Err(format!("{restorations} restorations").into());
        }
    }
    Ok(())
}
