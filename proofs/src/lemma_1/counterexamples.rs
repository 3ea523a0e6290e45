//! Lemma 1 without each of its hypotheses.

use crate::arithmetic::{identity, inverse, norm, scaled, squared_norm};
use crate::config;
use faer::{Mat, c64};
use proptest::prelude::*;
use solver::strategies::{WELL_CONDITIONED_GAIN, crop, factors, grid};
use solver::transceiver::{power_limited, zero_forcing};
use solver::{Error, Problem, Quantity};

fn real(rows: usize, columns: usize, entries: &[f64]) -> Mat<c64> {
    Mat::from_fn(rows, columns, |i, j| c64::new(entries[i * columns + j], 0.0))
}

/// `‖D^H B − I‖_F²`.
fn mismatch(seen: &Mat<c64>, precoder: &Mat<c64>) -> f64 {
    squared_norm((seen.adjoint() * precoder - identity(seen.ncols())).as_ref())
}

/// A problem with power to spare: nothing below fails for want of it.
fn affluent(channels: Vec<Mat<c64>>) -> Problem {
    let devices = channels.len();
    Problem::new(channels, vec![1e6; devices], 1.0).unwrap()
}

proptest! {
    #![proptest_config(config())]

    /// Without **streams** or **rank**: whatever the precoder, and whatever its power, the mismatch of a `D_n` of
    /// rank `r` is at least `L − r` (Eckart and Young: nothing of rank `r` is closer to `I`), so conclusion 1
    /// fails.
    #[test]
    fn lost_rank_is_a_mismatch_for_every_precoder(
        seen in factors(3, 3, WELL_CONDITIONED_GAIN), precoder in grid(3, 3),
        antennas in 1..=3_usize, streams in 1..=3_usize, rank in 0..=3_usize,
    ) {
        let rank = rank.min(antennas).min(streams);
        let seen = seen.matrix_of_rank(antennas, streams, rank);
        let precoder = crop(&precoder, antennas, streams);
        let lost = (streams - rank) as f64;
        // Singular values of D of rounding size, 1e-14, are reached by no precoder of norm at most 20 here.
        let found = mismatch(&seen, &precoder);
        prop_assert!(found >= lost - 1e-9, "{found} < {lost}");
        // Regularized, (12) exists, and comes as close to L − r as one likes: that is all there is to lose.
        let gram = seen.adjoint() * &seen;
        let limit = &seen * inverse((gram + scaled(identity(streams).as_ref(), 1e-7)).as_ref());
        prop_assert!((mismatch(&seen, &limit) - lost).abs() < 1e-6, "{}", mismatch(&seen, &limit));
    }
}

/// Without **streams**: one antenna, two streams.
#[test]
fn more_streams_than_antennas() {
    let (channel, aggregator) = (real(2, 1, &[1.0, 2.0]), identity(2));
    let seen = channel.adjoint() * &aggregator;
    let best = real(1, 2, &[1.0 / 5.0, 2.0 / 5.0]);
    assert!((mismatch(&seen, &best) - 1.0).abs() < 1e-15);
    // (12) asks for the inverse of a matrix of determinant 1·4 − 2·2.
    let gram = seen.adjoint() * &seen;
    assert_eq!(gram[(0, 0)] * gram[(1, 1)] - gram[(0, 1)] * gram[(1, 0)], c64::new(0.0, 0.0));
    match affluent(vec![channel]).with_streams(2) {
        Err(Error::Streams { streams: 2, device: 0, transmit_antennas: 1, receive_antennas: 2 }) => {}
        other => panic!("{other:?}"),
    }
}

/// Without **rank**, in the two ways in which it is lost: in the aggregator itself, and in what one of the channels
/// lets through of it.
#[test]
fn aggregators_of_which_a_device_sees_too_little() {
    let through = identity(2);
    let blind = real(2, 2, &[1.0, 1.0, 1.0, 1.0]);
    for (channels, aggregator, device) in [
        (vec![through.clone(), through.clone()], blind.clone(), 0),
        (vec![through.clone(), blind], through.clone(), 1),
    ] {
        let problem = affluent(channels);
        match zero_forcing(&problem, aggregator.as_ref()) {
            Err(Error::RankDeficient {
                quantity: Quantity::Aggregator, device: found, columns: 2, ..
            }) => {
                assert_eq!(found, device);
            }
            other => panic!("{other:?}"),
        }
        // The best precoders exist, and lose one stream of the two of that device (and of each that sees as little).
        let limited = power_limited(&problem, aggregator.as_ref()).unwrap();
        let seen = problem.channels()[device].adjoint() * &aggregator;
        let lost = mismatch(&seen, &limited.precoders()[device]);
        assert!((lost - 1.0).abs() < 1e-9, "{lost}");
    }
}

/// Without **power**: zero forcing needs 1 + 1/0.01² and has 1. Scaled down to the limit it loses both streams; the
/// best precoder gives up the weak one, and keeps the strong one.
#[test]
fn a_limit_below_the_lemmas_power() {
    let weak = 0.01;
    let channel = real(2, 2, &[1.0, 0.0, 0.0, weak]);
    let problem = Problem::new(vec![channel.clone()], vec![1.0], 1.0).unwrap();
    let aggregator = identity(2);
    let required = 1.0 + 1.0 / (weak * weak);
    match zero_forcing(&problem, aggregator.as_ref()) {
        Err(Error::PowerExceeded { device: 0, required: found, available }) => {
            assert!((found - required).abs() < 1e-9 * required);
            assert_eq!(available, 1.0);
        }
        other => panic!("{other:?}"),
    }
    let limited = power_limited(&problem, aggregator.as_ref()).unwrap();
    let best = limited.mean_squared_error(&problem).unwrap();
    let scaled_down = scaled(inverse(channel.as_ref()).as_ref(), required.powf(-0.5));
    assert!(norm(scaled_down.as_ref()) <= 1.0 + 1e-12);
    let of_scaled_down = mismatch(&channel.adjoint().to_owned(), &scaled_down);
    assert!(best.mismatch > 0.9, "{best:?}");
    assert!(best.mismatch < 0.6 * of_scaled_down, "{best:?}, scaled down {of_scaled_down}");
}
