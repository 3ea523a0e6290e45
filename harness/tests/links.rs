//! The links on synthetic signals: their errors against (7), their costs, their errors.

use harness::link::{
    Activations, Air, Cell, Design, Digital, Downlink, Exact, Fdma, Link, LinkError, Radio, Round,
    Transmission,
};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use solver::channel::Fading;

const CELL: Cell = Cell {
    fading: Fading::PAPER,
    receive_antennas: 20,
    transmit_antennas: 4,
    streams: 4,
    bandwidth_hz: 10e6,
    downlink: Downlink { spectral_efficiency: 15.0, bits_per_entry: 8.0 },
    synchronization_seconds: 0.0,
    watts_per_unit_power: 0.1,
    seed: 1,
};

fn radio(devices: usize, power: f64) -> Radio {
    Radio::new(CELL, vec![power; devices]).unwrap()
}

/// Three streams: the symbols of 32 entries fill five vectors and a third.
fn padded(devices: usize) -> Radio {
    Radio::new(Cell { streams: 3, ..CELL }, vec![1.0; devices]).unwrap()
}

/// Independent standard normal entries: the signals that (7) assumes.
fn partials(devices: usize, tokens: usize, width: usize, seed: u64) -> Vec<Activations> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = || {
        let value: f64 = StandardNormal.sample(&mut rng);
        value as f32
    };
    (0..devices)
        .map(|_| Activations { width, values: (0..tokens * width).map(|_| draw()).collect() })
        .collect()
}

fn round(sequence: u64) -> Round {
    Round { sequence, position: 0, step: 0 }
}

/// Mean and standard error of measured minus expected error per symbol vector, over independent rounds.
fn against_formula(link: &dyn Link, devices: usize, width: usize, rounds: u64) -> (f64, f64, f64) {
    let mut differences = Vec::new();
    let mut total = Transmission::default();
    for sequence in 0..rounds {
        let reduction =
            link.all_reduce(round(sequence), &partials(devices, 16, width, 1000 + sequence)).unwrap();
        let t = reduction.transmission;
        differences.push((t.squared_error - t.expected_squared_error) / t.symbol_vectors);
        total += t;
    }
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, (variance / count).sqrt(), total.expected_squared_error / total.symbol_vectors)
}

/// The measured MSE of each wireless link agrees with (7) within its 99 % confidence interval.
#[test]
fn measured_error_agrees_with_the_formula() {
    let links: [(&str, Box<dyn Link>); 7] = [
        ("refined", Box::new(Air::new(radio(4, 1.0), Design::Refined))),
        ("paper", Box::new(Air::new(radio(4, 1.0), Design::Paper))),
        ("zero forcing", Box::new(Air::new(radio(4, 1.0), Design::ZeroForcing))),
        ("fdma", Box::new(Fdma::new(radio(4, 1.0), Design::Refined))),
        ("digital", Box::new(Digital::new(radio(4, 1.0), 8).unwrap())),
        ("padded zero forcing", Box::new(Air::new(padded(4), Design::ZeroForcing))),
        ("padded fdma", Box::new(Fdma::new(padded(4), Design::ZeroForcing))),
    ];
    for (name, link) in links {
        let width = if name.starts_with("padded") { 32 } else { 64 };
        let (mean, deviation, expected) = against_formula(link.as_ref(), 4, width, 60);
        println!("{name}: expected {expected:.4e}, measured − expected {mean:.1e} ± {deviation:.1e}");
        assert!(mean.abs() < 2.576 * deviation, "{name}: {mean} ± {deviation} at {expected}");
        assert!(deviation < 0.05 * expected, "{name}: the test has no power, {deviation} at {expected}");
    }
}

/// Powers are per channel use: a device radiates as much for a symbol vector on a narrow band as on the whole one.
#[test]
fn orthogonal_bands_cost_time_and_no_energy() {
    let sent = partials(4, 4, 64, 5);
    let of = |link: &dyn Link| link.all_reduce(round(0), &sent).unwrap().transmission;
    let quiet = Cell { downlink: Downlink { spectral_efficiency: 1e12, bits_per_entry: 1.0 }, ..CELL };
    let radio = Radio::new(quiet, vec![1.0; 4]).unwrap();
    let (air, fdma) = (of(&Air::new(radio.clone(), Design::Paper)), of(&Fdma::new(radio, Design::Paper)));
    assert!(fdma.seconds > 2.0 * air.seconds, "{air:?} {fdma:?}");
    assert!(fdma.joules > 0.9 * air.joules && fdma.joules < 2.0 * air.joules, "{air:?} {fdma:?}");
}

#[test]
fn air_approaches_exact_as_power_grows() {
    let sent = partials(4, 8, 64, 5);
    let exact = Exact.all_reduce(round(0), &sent).unwrap().sum;
    let mut last = f64::INFINITY;
    for power in [1.0, 1e2, 1e4, 1e8] {
        let t = Air::new(radio(4, power), Design::Refined).all_reduce(round(0), &sent).unwrap();
        let nmse = t.transmission.error_energy / t.transmission.signal_energy;
        assert!(nmse < 0.2 * last, "{power}: {nmse} after {last}");
        last = nmse;
        if power == 1e8 {
            for (a, b) in t.sum.values.iter().zip(&exact.values) {
                assert!((a - b).abs() < 1e-2, "{a} {b}");
            }
        }
    }
}

/// FDMA pays for every device, in error and in time; the air link's time does not depend on their number.
#[test]
fn fdma_grows_linearly_and_air_stays_flat() {
    let measure = |link: &dyn Link, devices: usize| {
        let mut total = Transmission::default();
        for sequence in 0..20 {
            total +=
                link.all_reduce(round(sequence), &partials(devices, 8, 64, sequence)).unwrap().transmission;
        }
        (total.squared_error / total.symbol_vectors, total.seconds / total.tokens as f64)
    };
    let fdma = |n| measure(&Fdma::new(radio(n, 1.0), Design::Refined), n);
    let air = |n| measure(&Air::new(radio(n, 1.0), Design::Refined), n);
    let ((mse2, time2), (mse8, time8)) = (fdma(2), fdma(8));
    assert!((mse8 / mse2 - 4.0).abs() < 0.4, "{mse2} {mse8}");
    assert!(time8 > 2.0 * time2);
    let ((air2, air_time2), (air8, air_time8)) = (air(2), air(8));
    assert!(air8 < 3.0 * air2 && air8 < 0.5 * mse8, "{air2} {air8} {mse8}");
    assert!(air_time8 < 2.0 * air_time2 && air_time8 < time8, "{air_time2} {air_time8} {time8}");
}

#[test]
fn digital_error_is_that_of_quantization() {
    let sent = partials(3, 8, 64, 5);
    let nmse = |bits| {
        let t = Digital::new(radio(3, 1.0), bits).unwrap().all_reduce(round(0), &sent).unwrap().transmission;
        t.error_energy / t.signal_energy
    };
    assert!(nmse(8) < 1e-4, "{}", nmse(8));
    // Every bit quarters it.
    assert!((nmse(8) / nmse(12) / 256.0 - 1.0).abs() < 0.2, "{} {}", nmse(8), nmse(12));
}

#[test]
fn devices_with_nothing_to_send_take_no_part() {
    let mut sent = partials(3, 4, 32, 2);
    sent[1].values.fill(0.0);
    for link in [
        &Air::new(radio(3, 1e6), Design::Refined) as &dyn Link,
        &Fdma::new(radio(3, 1e6), Design::Refined),
        &Digital::new(radio(3, 1e6), 8).unwrap(),
    ] {
        let t = link.all_reduce(round(3), &sent).unwrap().transmission;
        assert!(t.error_energy < 1e-3 * t.signal_energy);
        let mut silent = sent.clone();
        silent.iter_mut().for_each(|partial| partial.values.fill(0.0));
        let reduction = link.all_reduce(round(3), &silent).unwrap();
        assert!(reduction.sum.values.iter().all(|value| *value == 0.0));
    }
}

#[test]
fn one_seed_and_round_give_one_result() {
    let sent = partials(3, 4, 32, 2);
    let link = Air::new(radio(3, 1.0), Design::Refined);
    let of = |round| link.all_reduce(round, &sent).unwrap().sum;
    assert_eq!(of(round(1)), of(round(1)));
    assert_ne!(of(round(1)), of(round(2)));
    let other = Radio::new(Cell { seed: 2, ..CELL }, vec![1.0; 3]).unwrap();
    assert_ne!(of(round(1)), Air::new(other, Design::Refined).all_reduce(round(1), &sent).unwrap().sum);
}

#[test]
fn malformed_partials_are_refused_by_every_link() {
    let links: [Box<dyn Link>; 4] = [
        Box::new(Exact),
        Box::new(Air::new(radio(2, 1.0), Design::Refined)),
        Box::new(Fdma::new(radio(2, 1.0), Design::Paper)),
        Box::new(Digital::new(radio(2, 1.0), 8).unwrap()),
    ];
    for (index, link) in links.iter().enumerate() {
        assert!(matches!(link.all_reduce(round(0), &[]), Err(LinkError::NoDevices)));
        let mut sent = partials(2, 3, 8, 1);
        sent[1].values.pop();
        assert!(matches!(
            link.all_reduce(round(0), &sent),
            Err(LinkError::Shape { device: 1, expected: 24, expected_width: 8, found: 23, found_width: 8 })
        ));
        let mut sent = partials(2, 3, 8, 1);
        sent[1].values[5] = f32::NAN;
        assert!(matches!(
            link.all_reduce(round(0), &sent),
            Err(LinkError::NonFinite { device: 1, index: 5, .. })
        ));
        let result = link.all_reduce(round(0), &partials(3, 3, 8, 1));
        assert_eq!(index == 0, result.is_ok(), "only the exact link takes any number of devices");
    }
}

#[test]
fn settings_are_checked() {
    for bits in [0, 1, 17, 64] {
        let result = Digital::new(radio(2, 1.0), bits);
        assert!(matches!(result, Err(LinkError::Setting { setting: "bits per entry", .. })));
    }
    let new = |cell, power| Radio::new(cell, power).map(|_| ());
    for bandwidth_hz in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let result = new(Cell { bandwidth_hz, ..CELL }, vec![1.0]);
        assert!(matches!(result, Err(LinkError::Setting { setting: "bandwidth in hertz", .. })));
    }
    assert!(matches!(
        new(Cell { synchronization_seconds: -1.0, ..CELL }, vec![1.0]),
        Err(LinkError::Setting { .. })
    ));
    assert!(matches!(new(CELL, vec![]), Err(LinkError::Channel { source: solver::Error::NoDevices, .. })));
    assert!(matches!(
        new(CELL, vec![1.0, 0.0]),
        Err(LinkError::Channel { source: solver::Error::OutOfRange { device: 1, .. }, .. })
    ));
    assert!(matches!(
        new(Cell { streams: 5, ..CELL }, vec![1.0]),
        Err(LinkError::Channel { source: solver::Error::Streams { streams: 5, .. }, .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    /// Any shape, any magnitudes: finite results of the right shape, and records that add up.
    #[test]
    fn every_shape_comes_back(
        devices in 1_usize..5, tokens in 1_usize..4, width in 1_usize..40, exponent in -20_i32..20, seed: u64,
    ) {
        let mut sent = partials(devices, tokens, width, seed);
        for partial in &mut sent {
            partial.values.iter_mut().for_each(|value| *value *= 10_f32.powi(exponent));
        }
        let links: [Box<dyn Link>; 3] = [
            Box::new(Air::new(radio(devices, 1.0), Design::Refined)),
            Box::new(Fdma::new(radio(devices, 1.0), Design::ZeroForcing)),
            Box::new(Digital::new(radio(devices, 1.0), 4).unwrap()),
        ];
        for link in links {
            let reduction = link.all_reduce(round(seed % 1000), &sent).unwrap();
            prop_assert_eq!(reduction.sum.width, width);
            prop_assert_eq!(reduction.sum.tokens(), tokens);
            prop_assert!(reduction.sum.values.iter().all(|value| value.is_finite()));
            prop_assert_eq!(reduction.transmission.tokens, tokens as u64);
            prop_assert!(reduction.transmission.seconds > 0.0 && reduction.transmission.joules > 0.0);
            prop_assert!(reduction.transmission.squared_error.is_finite());
        }
    }
}
