//! Imperfect channel knowledge: *theory*, section 6.
//!
//! # Statement
//!
//! Let `H_n = Ĥ_n + E_n` with entries of `E_n` of mean 0 and variance `σ_e²`, uncorrelated. For a transceiver that knows `Ĥ_n`
//! alone, the MSE (7) on the true channels, averaged over the `E_n`, is
//!
//! `Σ v_n ‖A^H Ĥ_n B_n − I‖_F² + (σ² + σ_e² Σ v_n ‖B_n‖_F²) ‖A‖_F²`,
//!
//! that is, the MSE on `Ĥ_n` with more noise. With every device at full power, `v_n ‖B_n‖² = p_n`, that noise is
//! `σ² + σ_e² Σ p_n`, whatever the transceiver, so the robust design is the same problem with that noise.
//!
//! # Hypotheses
//!
//! - **uncorrelated** entries. Equal ones add up, or cancel;
//! - **mean 0**. Otherwise the mean is part of what the channel is;
//! - **full power** (for the robust problem). With power to spare it overstates the error, strictly.

use solver::transceiver::Transceiver;
use solver::{Error, Problem};

/// The averaged MSE by the formula, for a `problem` whose channels are the `Ĥ_n`.
///
/// # Errors
/// As [`Transceiver::mean_squared_error`].
pub fn averaged_error(
    problem: &Problem,
    transceiver: &Transceiver,
    error_variance: f64,
) -> Result<f64, Error> {
    let known = transceiver.mean_squared_error(problem)?.total();
    let power: f64 = transceiver.transmit_power(problem).iter().sum();
    Ok(known + error_variance * power * transceiver.alpha())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::{identity, norm, scaled};
    use crate::programs::{with_channels, with_noise};
    use crate::{config, config_of};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use solver::channel::{BlockFading, Fading};
    use solver::strategies::{Channels, Sizes, aggregators, power_of_two, precoders, problems};
    use solver::transceiver::power_limited;

    /// Up to 12 entries of errors: 4096 patterns of signs.
    const SIZES: Sizes =
        Sizes { devices: 1..=2, streams: 1..=2, transmit_surplus: 0..=0, receive_surplus: 0..=1, tall: true };
    const WITHIN: f64 = 1e-11;

    /// The MSE averaged over errors `E_n`, of which every entry is `√variance` times a sign of its own.
    fn over_signs(problem: &Problem, transceiver: &Transceiver, variance: f64) -> f64 {
        let entries: usize = problem.channels().iter().map(|h| h.nrows() * h.ncols()).sum();
        let mut sum = 0.0;
        for signs in 0..1_u32 << entries {
            let mut bit = 0;
            let mut channels = problem.channels().to_vec();
            for channel in &mut channels {
                for j in 0..channel.ncols() {
                    for i in 0..channel.nrows() {
                        let sign = if signs >> bit & 1 == 0 { 1.0 } else { -1.0 };
                        channel[(i, j)] += c64::new(sign * variance.sqrt(), 0.0);
                        bit += 1;
                    }
                }
            }
            sum += on(problem, channels, transceiver);
        }
        sum / f64::from(1_u32 << entries)
    }

    /// The MSE on other channels.
    fn on(problem: &Problem, channels: Vec<Mat<c64>>, transceiver: &Transceiver) -> f64 {
        transceiver.mean_squared_error(&with_channels(problem, channels)).unwrap().total()
    }

    proptest! {
        #![proptest_config(config_of(24))]

        /// Exactly, by second moments: every pattern of independent signs.
        #[test]
        fn is_the_average(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES), precoders in precoders(&SIZES),
            variance in power_of_two(6),
        ) {
            let transceiver = Transceiver::new(&problem, aggregator.of(&problem), precoders.within_power(&problem))?;
            let (formula, average) = (averaged_error(&problem, &transceiver, variance)?, over_signs(&problem, &transceiver, variance));
            prop_assert!((formula - average).abs() <= WITHIN * formula, "{formula}, average {average}");
        }
    }

    proptest! {
        #![proptest_config(config())]

        /// At full power it is the MSE with noise `σ² + σ_e² Σ p_n`; with any power it is no more, and the difference is what
        /// was spared.
        #[test]
        fn at_full_power_it_is_noise(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES), precoders in precoders(&SIZES),
            variance in power_of_two(6),
        ) {
            let limits: f64 = problem.transmit_power().iter().sum();
            let robust = with_noise(&problem, problem.noise_power() + variance * limits);
            let within_power = precoders.within_power(&problem);
            let any = Transceiver::new(&problem, aggregator.of(&problem), within_power.clone())?;
            let full: Vec<_> = within_power.iter().enumerate().map(|(n, b)| {
                let budget = crate::programs::budget(&problem, n).sqrt();
                scaled(b.as_ref(), budget / norm(b.as_ref()).max(f64::MIN_POSITIVE))
            }).collect();
            if within_power.iter().all(|b| norm(b.as_ref()) > 0.0) {
                let full = Transceiver::new(&problem, any.aggregator().to_owned(), full)?;
                let (formula, noisy) = (averaged_error(&problem, &full, variance)?, full.mean_squared_error(&robust)?.total());
                prop_assert!((formula - noisy).abs() <= WITHIN * noisy, "{formula}, with noise {noisy}");
            }
            let used: f64 = any.transmit_power(&problem).iter().sum();
            let (formula, noisy) = (averaged_error(&problem, &any, variance)?, any.mean_squared_error(&robust)?.total());
            let spared = variance * (limits - used) * any.alpha();
            prop_assert!((noisy - formula - spared).abs() <= WITHIN * noisy, "{noisy} − {formula}, spared {spared}");
            prop_assert!(spared >= -WITHIN * noisy);
        }
    }

    /// With circular normal errors: the mean over 4000 of them is within five standard errors of the formula.
    #[test]
    fn is_the_average_over_normal_errors() {
        let channels = BlockFading::new(Fading::PAPER, 6, &[2, 3], 1).unwrap().block(0);
        let problem = Problem::new(channels, vec![1.0, 0.5], 0.3)
            .and_then(|problem| problem.with_signal_variance(vec![1.0, 2.0]))
            .unwrap();
        let aggregator =
            Mat::from_fn(6, 2, |i, j| c64::new(0.1 * (i as f64 - j as f64), 0.05 * (i * j) as f64));
        let transceiver = power_limited(&problem, aggregator.as_ref()).unwrap();
        let (variance, draws) = (0.2, 4000);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let samples: Vec<f64> = (0..draws)
            .map(|_| {
                let channels = problem.channels().iter().map(|h| {
                    let error = Fading::RAYLEIGH.draw(h.nrows(), h.ncols(), &mut rng).unwrap();
                    h + scaled(error.as_ref(), f64::sqrt(variance))
                });
                on(&problem, channels.collect(), &transceiver)
            })
            .collect();
        let mean = samples.iter().sum::<f64>() / f64::from(draws);
        let spread = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(draws - 1);
        let standard_error = (spread / f64::from(draws)).sqrt();
        let formula = averaged_error(&problem, &transceiver, variance).unwrap();
        assert!(
            (mean - formula).abs() < 5.0 * standard_error,
            "{mean} ± {standard_error}, formula {formula}"
        );
        // It is no accident of a wide interval: without the last term the formula is far outside of it.
        let known = transceiver.mean_squared_error(&problem).unwrap().total();
        assert!(mean - known > 20.0 * standard_error, "{mean} ± {standard_error}, known {known}");
    }

    /// One device of one antenna, `Ĥ = 1`, `A = 1`, precoder `b`, `σ² = 1`; two receive antennas that both count.
    fn small(precoder: f64) -> (Problem, Transceiver) {
        let ones = Mat::from_fn(2, 1, |_, _| c64::new(1.0, 0.0));
        let problem = Problem::new(vec![ones.clone()], vec![1.0], 1.0).unwrap();
        let half = scaled(ones.as_ref(), 0.5);
        let transceiver =
            Transceiver::new(&problem, half, vec![scaled(identity(1).as_ref(), precoder)]).unwrap();
        (problem, transceiver)
    }

    fn average(problem: &Problem, transceiver: &Transceiver, errors: &[[f64; 2]]) -> f64 {
        let on = |error: &[f64; 2]| {
            let channel = Mat::from_fn(2, 1, |i, _| problem.channels()[0][(i, 0)] + error[i]);
            on(problem, vec![channel], transceiver)
        };
        errors.iter().map(on).sum::<f64>() / errors.len() as f64
    }

    #[test]
    fn with_every_hypothesis() {
        let (problem, transceiver) = small(1.0);
        let independent = [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]];
        assert_eq!(averaged_error(&problem, &transceiver, 1.0).unwrap(), 1.0);
        assert_eq!(average(&problem, &transceiver, &independent), 1.0);
    }

    /// Without **uncorrelated**: equal errors count twice, opposite ones not at all. Without **mean 0**: errors that are always 1.
    #[test]
    fn other_errors() {
        let (problem, transceiver) = small(1.0);
        assert_eq!(average(&problem, &transceiver, &[[1.0, 1.0], [-1.0, -1.0]]), 1.5);
        assert_eq!(average(&problem, &transceiver, &[[1.0, -1.0], [-1.0, 1.0]]), 0.5);
        assert_eq!(average(&problem, &transceiver, &[[2.0, 2.0], [0.0, 0.0], [2.0, 0.0], [0.0, 2.0]]), 2.0);
    }

    /// Without **full power**: at a quarter of it, the robust problem says 1.25 where 0.875 is true.
    #[test]
    fn with_power_to_spare() {
        let (problem, transceiver) = small(0.5);
        let robust = transceiver.mean_squared_error(&with_noise(&problem, 2.0)).unwrap().total();
        let averaged = averaged_error(&problem, &transceiver, 1.0).unwrap();
        assert_eq!((robust, averaged), (1.25, 0.875));
        assert_eq!(over_signs(&problem, &transceiver, 1.0), 0.875);
    }
}
