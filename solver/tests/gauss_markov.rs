//! Gauss–Markov fading has the moments it says.

use crate::common::{assert_within, entries};
use faer::c64;
use solver::channel::{BlockFading, Fading, GaussMarkov, jakes_correlation};
use solver::{Error, Quantity};

/// Across 20000 entries of independent processes, block 0, block 7 and every lag have the moments of the model.
#[test]
fn gauss_markov_is_stationary_with_correlation_of_powers() {
    let (mean, variance) = (c64::new(0.5, -1.0), 2.0);
    let fading = Fading::rician(mean, variance).unwrap();
    for correlation in [c64::new(0.9, 0.0), c64::new(-0.3, 0.0), c64::from_polar(0.8, 1.1)] {
        let process = GaussMarkov::new(fading, correlation, 50, &[100; 4], 3).unwrap();
        let blocks: Vec<Vec<c64>> =
            process.take(8).map(|block| entries(&block).iter().map(|entry| entry - mean).collect()).collect();
        for time in [0, 1, 7] {
            assert_within(blocks[time].iter().map(|entry| entry.re), 0.0);
            assert_within(blocks[time].iter().map(|entry| entry.im), 0.0);
            assert_within(blocks[time].iter().map(|entry| entry.norm_sqr()), variance);
            // Circular: real and imaginary part are uncorrelated and of equal variance.
            assert_within(blocks[time].iter().map(|entry| (entry * entry).re), 0.0);
            assert_within(blocks[time].iter().map(|entry| (entry * entry).im), 0.0);
        }
        for (early, late) in [(0, 1), (3, 4), (0, 2), (1, 4), (0, 7)] {
            let expected = correlation.powi(late as i32 - early as i32) * variance;
            let products =
                || blocks[late].iter().zip(&blocks[early]).map(|(late, early)| late * early.conj());
            assert_within(products().map(|product| product.re), expected.re);
            assert_within(products().map(|product| product.im), expected.im);
        }
    }
}

#[test]
fn gauss_markov_at_its_ends() {
    let process = |correlation: f64| GaussMarkov::new(Fading::PAPER, correlation, 6, &[2, 3], 11).unwrap();
    // ρ = 0 is block fading of the same seed, to the last bit.
    let independent = BlockFading::new(Fading::PAPER, 6, &[2, 3], 11).unwrap();
    assert!(process(0.0).zip(independent).take(5).all(|(a, b)| a == b));
    // ρ = ±1 draws nothing new.
    let constant: Vec<_> = process(1.0).take(20).collect();
    assert!(constant.iter().all(|block| *block == constant[0]));
    let reflected: Vec<_> = process(-1.0).take(3).collect();
    let moved = |to: usize| {
        let pairs = entries(&reflected[0]).into_iter().zip(entries(&reflected[to]));
        pairs.map(|(a, b)| (a - b).norm()).fold(0.0, f64::max)
    };
    assert!(moved(1) > 0.1 && moved(2) < 1e-14);
    // One seed, one sequence, which goes on where it stopped; another seed, another sequence.
    let mut resumed = process(0.7);
    let first: Vec<_> = resumed.by_ref().take(4).collect();
    assert_eq!(
        first.into_iter().chain(resumed.take(4)).collect::<Vec<_>>(),
        process(0.7).take(8).collect::<Vec<_>>()
    );
    let other = GaussMarkov::new(Fading::PAPER, 0.7, 6, &[2, 3], 12).unwrap();
    assert_ne!(other.take(1).collect::<Vec<_>>(), process(0.7).take(1).collect::<Vec<_>>());
}

#[test]
fn gauss_markov_parameters_are_checked() {
    for bad in
        [c64::new(1.0 + 1e-9, 0.0), c64::new(0.8, 0.8), c64::new(f64::NAN, 0.0), c64::new(0.0, f64::INFINITY)]
    {
        let result = GaussMarkov::new(Fading::PAPER, bad, 4, &[2], 1);
        assert!(
            matches!(result, Err(Error::OutOfRange { quantity: Quantity::FadingCorrelation, .. })),
            "{bad}"
        );
    }
    // A phase factor whose absolute value rounds to just above 1 is no mistake of the caller's.
    for phase in 0..1000 {
        let block =
            GaussMarkov::new(Fading::PAPER, c64::cis(f64::from(phase)), 4, &[2], 1).unwrap().nth(3).unwrap();
        assert!(entries(&block).iter().all(|entry| entry.norm().is_finite()));
    }
    assert!(matches!(GaussMarkov::new(Fading::PAPER, 0.5, 4, &[], 1), Err(Error::NoDevices)));
    assert!(matches!(
        GaussMarkov::new(Fading::PAPER, 0.5, 4, &[2, 0], 1),
        Err(Error::EmptyMatrix { device: 1, .. })
    ));
}

/// Values of `J_0` from Abramowitz and Stegun, table 9.1, and its first zero.
#[test]
fn jakes_correlation_is_a_bessel_function() {
    let at = |phase: f64| jakes_correlation(phase / std::f64::consts::TAU, 1.0).unwrap();
    for (phase, expected) in [(0.0, 1.0), (1.0, 0.765_197_686_557_966_6), (2.0, 0.223_890_779_141_235_7)] {
        assert!((at(phase) - expected).abs() < 1e-14);
    }
    assert!(at(2.404_825_557_695_773).abs() < 1e-14);
    assert!((at(5.0) + 0.177_596_771_314_338_3).abs() < 1e-14);
    for (doppler, interval, quantity) in [
        (-1.0, 1.0, Quantity::DopplerShift),
        (f64::NAN, 1.0, Quantity::DopplerShift),
        (1.0, -1.0, Quantity::BlockInterval),
        (1.0, f64::INFINITY, Quantity::BlockInterval),
        (1e200, 1e200, Quantity::BlockInterval),
    ] {
        let result = jakes_correlation(doppler, interval);
        assert!(matches!(result, Err(Error::OutOfRange { quantity: found, .. }) if found == quantity));
    }
}
