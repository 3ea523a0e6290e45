//! Instance files: whatever the bytes, `harness::instance::parse` and the solver answer with a value or a typed
//! error.
#![no_main]

use harness::instance::{Instance, parse};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use solver::Problem;
use solver::recovery::{self, DesignOptions, Randomization, Refinement};
use solver::relaxation::{Options, Relaxation, Scope};
use solver::transceiver::{self, Transceiver};

/// Instances above this `R`, or above this `Σ T_n`, are only read: designing for them would take the fuzzer's time.
const SMALL: usize = 6;

fuzz_target!(|bytes: &[u8]| {
    let first = parse(bytes);
    let second = parse(bytes);
    match (first, second) {
        (Ok(first), Ok(second)) => {
            assert!(!first.is_empty(), "a file holds at least one instance");
            assert_same(&first, &second, "a second reading");
            let written = Value::Array(first.iter().map(written).collect()).to_string();
            match parse(written.as_bytes()) {
                Ok(third) => assert_same(&first, &third, "reading what was written"),
                Err(error) => panic!("what was read cannot be written and read again: {error}: {written}"),
            }
            first.iter().for_each(design);
        }
        (Err(first), Err(second)) => {
            assert_eq!(first.to_string(), second.to_string(), "a second reading fails differently");
        }
        (first, second) => panic!("a second reading differs: {first:?} and {second:?}"),
    }
});

/// The instance in the format of the file.
fn written(instance: &Instance) -> Value {
    let channels: Vec<Value> = instance
        .channels
        .iter()
        .map(|channel| {
            let rows = |part: fn(f64, f64) -> f64| -> Vec<Vec<f64>> {
                (0..channel.nrows())
                    .map(|i| {
                        (0..channel.ncols()).map(|j| part(channel[(i, j)].re, channel[(i, j)].im)).collect()
                    })
                    .collect()
            };
            json!({"re": rows(|re, _| re), "im": rows(|_, im| im)})
        })
        .collect();
    json!({
        "name": instance.name,
        "receive_antennas": instance.channels[0].nrows(),
        "transmit_antennas": instance.channels.iter().map(|channel| channel.ncols()).collect::<Vec<_>>(),
        "transmit_power": instance.transmit_power,
        "noise_power": instance.noise_power,
        "channels": channels,
    })
}

/// Equality to the last bit.
fn assert_same(left: &[Instance], right: &[Instance], occasion: &str) {
    let bits = |instance: &Instance| -> (String, Vec<(usize, usize)>, Vec<u64>) {
        let shapes = instance.channels.iter().map(|channel| (channel.nrows(), channel.ncols())).collect();
        let entries = instance.channels.iter().flat_map(|channel| {
            (0..channel.nrows() * channel.ncols()).flat_map(move |k| {
                let entry = channel[(k / channel.ncols(), k % channel.ncols())];
                [entry.re, entry.im]
            })
        });
        let numbers = instance.transmit_power.iter().copied().chain([instance.noise_power]).chain(entries);
        (instance.name.clone(), shapes, numbers.map(f64::to_bits).collect())
    };
    let (left, right): (Vec<_>, Vec<_>) = (left.iter().map(bits).collect(), right.iter().map(bits).collect());
    assert_eq!(left, right, "{occasion} gives other values");
}

/// Builds the problem, and for small instances designs transceivers: no panic, and every answer keeps its promise.
fn design(instance: &Instance) {
    let rows = instance.channels[0].nrows();
    let columns: usize = instance.channels.iter().map(|channel| channel.ncols()).sum();
    let fewest = instance.channels.iter().map(|channel| channel.ncols()).min().unwrap_or(0);
    let limit = rows.min(fewest);
    for streams in [Some(0), Some(limit + 1), Some(usize::MAX)] {
        assert!(instance.problem(streams).is_err(), "{streams:?} streams over {limit} antennas");
    }
    let Ok(problem) = instance.problem(None) else {
        assert!(instance.problem(Some(1)).is_err(), "the number of streams hides a bad power");
        return;
    };
    assert_eq!(problem.streams(), limit);
    if rows > SMALL || columns > SMALL {
        return;
    }
    design_with(&problem);
    if limit > 1 {
        match problem.with_streams(1) {
            Ok(problem) => design_with(&problem),
            Err(error) => panic!("one stream: {error}"),
        }
    }
}

fn design_with(problem: &Problem) {
    let channel = problem.channels()[0].as_ref();
    let start = channel.subcols(0, problem.streams());
    if let Ok(limited) = transceiver::power_limited(problem, start) {
        check(problem, &limited);
    }
    let refined = recovery::refine(problem, start, &Refinement { decrease: 1e-6, max_iterations: 20 });
    if let Ok(refined) = &refined {
        assert!(refined.mse.is_finite() && refined.mse >= 0.0, "refined MSE {}", refined.mse);
        check(problem, &refined.transceiver);
    }
    let options = Options { relative_gap: 1e-3, max_iterations: 40 };
    for relaxation in Relaxation::ALL {
        let Ok(relaxed) = relaxation.solve(problem, &options) else { continue };
        let certificate = relaxed.certificate;
        assert!(certificate.lower <= certificate.upper, "{relaxation:?} {certificate:?}");
        assert!(certificate.relative_gap() <= options.relative_gap, "{relaxation:?} {certificate:?}");
        if let (Scope::AnyTransceiver, Ok(refined)) = (certificate.scope, &refined) {
            assert!(certificate.lower <= refined.mse * (1.0 + 1e-9), "{certificate:?} {}", refined.mse);
        }
        let randomization = Randomization { draws: 3, seed: 0 };
        if let Ok(paper) = recovery::gaussian_randomization(problem, relaxed.primal.as_ref(), &randomization)
        {
            check(problem, &paper);
        }
    }
    design_zero_forcing(problem);
}

/// Of zero forcing, the same, and `σ² α` not below the bound for all of it.
fn design_zero_forcing(problem: &Problem) {
    let options = DesignOptions {
        relaxation: Options { relative_gap: 1e-3, max_iterations: 40 },
        candidates: 2,
        starts: 2,
        finalists: 1,
        rough: Refinement { decrease: 1e-2, max_iterations: 10 },
        refinement: Refinement { decrease: 1e-6, max_iterations: 20 },
        ..Default::default()
    };
    let Ok(design) = recovery::design_zero_forcing(problem, &options) else { return };
    check(problem, &design.transceiver);
    let noise = problem.noise_power() * design.transceiver.alpha();
    assert!(design.mse.is_finite() && design.mse >= noise, "MSE {} below σ² α = {noise}", design.mse);
    assert!(design.stationarity >= 0.0, "stationarity {}", design.stationarity);
    if let Some(bound) = design.bound {
        assert!(bound <= noise * (1.0 + 1e-9), "the bound {bound} is above σ² α = {noise}");
    }
}

/// A transceiver that the solver hands out is within every power limit, and its error is a number or an overflow.
fn check(problem: &Problem, transceiver: &Transceiver) {
    if let Err(error) = transceiver.check_power(problem) {
        panic!("{error}");
    }
    if let Ok(error) = transceiver.mean_squared_error(problem) {
        assert!(error.mismatch >= 0.0 && error.noise >= 0.0 && error.total().is_finite(), "{error:?}");
    }
}
