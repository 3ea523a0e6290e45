//! Random numbers and counts for claims that hold with a probability: explicit seeds, and tolerances from the binomial law.

use solver::sca::Rng;

/// A standard normal number (Box and Muller).
pub fn normal(rng: &mut dyn Rng) -> f64 {
    // (0, 1] and [0, 1), of 53 bits each.
    let mut uniform = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let (radius, angle) = ((-2.0 * (1.0 - uniform()).ln()).sqrt(), std::f64::consts::TAU * uniform());
    radius * angle.cos()
}

/// Five standard deviations of the number of times in `trials` independent ones that something of probability `rate` happens.
pub fn spread(trials: u32, rate: f64) -> f64 {
    5.0 * (f64::from(trials) * rate * (1.0 - rate)).sqrt()
}

/// Whether `count` of `trials` is what a probability of at most `rate` gives, up to [`spread`].
pub fn is_at_most(count: u32, trials: u32, rate: f64) -> bool {
    f64::from(count) <= f64::from(trials) * rate + spread(trials, rate)
}

/// Whether `count` of `trials` is what a probability of `rate` gives, up to [`spread`].
pub fn is_near(count: u32, trials: u32, rate: f64) -> bool {
    (f64::from(count) - f64::from(trials) * rate).abs() <= spread(trials, rate)
}
