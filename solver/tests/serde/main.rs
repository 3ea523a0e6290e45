//! What is written is read back to the last bit; what could not have been built is refused, in the words of its typed error.

#[path = "../common/mod.rs"]
mod common;
mod inputs;
mod records;

use common::paper_problem;
use faer::c64;
use records::assert_checked;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use solver::channel::{BlockFading, Fading, GaussMarkov};
use solver::csi::{self, Alternated, Alternation, ChannelError};
use solver::power::{Accounting, EnergyModel};
use solver::recovery::{DesignOptions, Randomization, Refinement, design, gaussian_randomization, refine};
use solver::relaxation::{Certificate, Options, Points, Relaxation, Scope, Solution};
use solver::transceiver::{MeanSquaredError, Transceiver};
use solver::{Error, Problem};

/// Through JSON and back.
fn round_trip<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).unwrap();
    let back: T = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    back
}

/// Through JSON and back for types that compare.
#[track_caller]
fn assert_round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T) {
    assert_eq!(round_trip(&value), value);
}

fn bits(matrix: faer::MatRef<'_, c64>) -> Vec<(u64, u64)> {
    let entries = matrix.col_iter().flat_map(|column| column.iter());
    entries.map(|entry| (entry.re.to_bits(), entry.im.to_bits())).collect()
}

#[test]
fn values_come_back_to_the_last_bit() {
    let fading = Fading::rician(c64::new(0.1, -1.0 / 3.0), 0.7).unwrap();
    assert_round_trip(fading);
    assert_round_trip(Accounting::PerChannelUse);
    assert_round_trip(
        EnergyModel::new(0.3, 1e-7, 3e6, Accounting::PerAllReduce { symbols: 4096, streams: 3 }).unwrap(),
    );
    assert_round_trip(ChannelError::new(vec![0.0, 0.1]).unwrap());
    assert_round_trip(Randomization { draws: 7, seed: u64::MAX });
    assert_round_trip(Refinement { decrease: 1e-9, max_iterations: 3 });
    assert_round_trip(Options { relative_gap: 1e-9, max_iterations: 3 });
    assert_round_trip(Alternation { decrease: 0.1, max_iterations: 3 });
    assert_round_trip(Certificate { lower: 0.1, upper: 0.3, scope: Scope::AnyTransceiver });
    assert_round_trip(MeanSquaredError { mismatch: 0.1, noise: 0.2 });
    for relaxation in Relaxation::ALL {
        assert_round_trip(relaxation);
        assert_eq!(serde_json::to_value(relaxation).unwrap(), relaxation.name());
    }
}

#[test]
fn problems_and_designs_come_back_to_the_last_bit() {
    let channels = BlockFading::new(Fading::PAPER, 6, &[3, 2], 4).unwrap().block(0);
    let problem = Problem::new(channels, vec![0.1, 0.7], 1.0 / 3.0).unwrap();
    let problem = problem.with_signal_variance(vec![0.9, 1.1]).unwrap().with_streams(1).unwrap();
    assert_round_trip(problem.clone());
    let back = round_trip(&problem);
    for (a, b) in problem.channels().iter().zip(back.channels()) {
        assert_eq!(bits(a.as_ref()), bits(b.as_ref()));
    }
    assert_eq!(
        (back.transmit_power(), back.noise_power(), back.signal_variance(), back.streams()),
        (problem.transmit_power(), problem.noise_power(), problem.signal_variance(), 1)
    );

    let problem = paper_problem(2, 1);
    let solution = Relaxation::LambdaMin.solve(&problem, &Default::default()).unwrap();
    let back: Solution = round_trip(&solution);
    assert_eq!(bits(back.primal.as_ref()), bits(solution.primal.as_ref()));
    assert_eq!(bits(back.dual[1].as_ref()), bits(solution.dual[1].as_ref()));
    assert_eq!(back, solution);
    // A certificate that was read is a claim; the points that were read prove it.
    let proved = Relaxation::LambdaMin.certify(&problem, back.primal.as_ref(), &back.dual).unwrap();
    assert!(proved.relative_gap() < 1e-6);
    let points = Points { primal: solution.primal.clone(), dual: solution.dual, iterations: 3 };
    assert_round_trip(points);

    let start = gaussian_randomization(&problem, solution.primal.as_ref(), &Default::default()).unwrap();
    let refined = refine(&problem, start.aggregator(), &Default::default()).unwrap();
    assert_round_trip(refined.transceiver.clone());
    assert_round_trip(refined.clone());
    let error = ChannelError::new(vec![0.1; 2]).unwrap();
    let alternated = csi::alternate(&problem, &error, start.aggregator(), &Default::default()).unwrap();
    assert_round_trip(alternated.clone());
    assert_round_trip(csi::design(&problem, &error, &Default::default()).unwrap());
    let negative = [("/mse", json!(-1.0), "mse is -1; valid: at least 0")];
    assert_checked(&refined, &negative, &["/mse"]);
    // Silence, from which nothing leads on: infinite, and `null` where a format has no infinities.
    let silence = faer::Mat::zeros(start.aggregator().nrows(), start.aggregator().ncols());
    let silent = refine(&problem, silence.as_ref(), &Default::default()).unwrap();
    assert_eq!(silent.stationarity, f64::INFINITY);
    assert_round_trip(silent);
    let few = DesignOptions { starts: 1, finalists: 1, ..Default::default() };
    let bound = ("/bound", json!(-1.0), "bound is -1; valid: at least 0");
    let design = design(&problem, &few).unwrap();
    assert_round_trip(design.clone());
    assert_checked(&design, &[negative[0].clone(), bound], &["/mse", "/bound"]);
    let entry = "/transceiver/aggregator/re/0";
    assert_checked(&alternated, &negative, &["/mse"]);
    assert_refused::<Alternated>(with(&alternated, entry, Value::Null), "invalid type: null");
}

/// Blocks go on where they were interrupted.
#[test]
fn sequences_resume() {
    let mut blocks = BlockFading::new(Fading::PAPER, 4, &[2, 1], 9).unwrap();
    blocks.next();
    assert_eq!(round_trip(&blocks).next(), blocks.next());
    let mut process = GaussMarkov::new(Fading::PAPER, c64::from_polar(0.9, 0.2), 4, &[2, 1], 9).unwrap();
    for _ in 0..3 {
        assert_round_trip(process.clone());
        assert_eq!(round_trip(&process).next(), process.next());
    }
}

#[test]
fn options_default_where_they_are_silent_and_know_their_fields() {
    let options: Options = serde_json::from_value(json!({ "relative_gap": 1e-3 })).unwrap();
    assert_eq!(options, Options { relative_gap: 1e-3, ..Default::default() });
    assert_eq!(serde_json::from_value::<Randomization>(json!({})).unwrap(), Randomization::default());
    let error = serde_json::from_value::<Refinement>(json!({ "decreese": 1e-3 })).unwrap_err();
    assert!(error.to_string().contains("unknown field `decreese`"));
}

/// Beyond the types of [`records`], where the same is checked.
#[test]
fn unknown_fields_are_refused() {
    fn refused<T: Serialize + DeserializeOwned>(value: &T) {
        let mut document = serde_json::to_value(value).unwrap();
        document.as_object_mut().unwrap().insert("surprise".into(), json!(1));
        assert_refused::<T>(document, "unknown field `surprise`");
    }
    let problem = paper_problem(2, 1);
    refused(&problem);
    refused(&solver::transceiver::power_limited(&problem, problem.channels()[0].as_ref()).unwrap());
    let solution = Relaxation::LambdaMin.solve(&problem, &Default::default()).unwrap();
    refused(&solution);
    refused(&Points { primal: solution.primal, dual: solution.dual, iterations: 3 });
    refused(&EnergyModel::new(1.0, 0.1, 1.0, Accounting::PerChannelUse).unwrap());
    refused(&ChannelError::new(vec![0.1]).unwrap());
    refused(&Fading::PAPER);
    refused(&BlockFading::new(Fading::PAPER, 4, &[2], 9).unwrap());
    refused(&GaussMarkov::new(Fading::PAPER, 0.9, 4, &[2], 9).unwrap());
    refused(&Randomization::default());
    refused(&Refinement::default());
    refused(&DesignOptions::default());
    refused(&Options::default());
    refused(&Alternation::default());
    let accounting = json!({ "per_all_reduce": { "symbols": 8, "streams": 2, "surprise": 1 } });
    assert_refused::<Accounting>(accounting, "unknown field `surprise`");
    let refined = refine(&problem, problem.channels()[0].as_ref(), &Refinement::default()).unwrap();
    refused(&refined);
}

/// The document with one place replaced.
fn with(document: &impl Serialize, pointer: &str, value: Value) -> Value {
    let mut document = serde_json::to_value(document).unwrap();
    *document.pointer_mut(pointer).unwrap() = value;
    document
}

#[track_caller]
fn assert_refused<T: DeserializeOwned>(document: Value, expected: &str) {
    match serde_json::from_value::<T>(document) {
        Ok(_) => panic!("accepted; expected: {expected}"),
        Err(error) => assert!(error.to_string().contains(expected), "{error}; expected: {expected}"),
    }
}

#[test]
fn invalid_problems_are_refused() {
    let problem = paper_problem(2, 1).with_streams(2).unwrap();
    let refused = |pointer: &str, value: Value, error: Error| {
        assert_refused::<Problem>(with(&problem, pointer, value), &error.to_string());
    };
    refused("/channels", json!([]), Error::NoDevices);
    let other = paper_problem(3, 1);
    let (transmit_power, channel) = (solver::Quantity::TransmitPower, solver::Quantity::Channel);
    let count = Error::DeviceCount { quantity: transmit_power, devices: 2, found: 3 };
    refused("/transmit_power", json!(other.transmit_power()), count);
    let valid = "positive and finite";
    refused(
        "/transmit_power/1",
        json!(0.0),
        Error::OutOfRange { quantity: transmit_power, device: 1, value: 0.0, valid },
    );
    let quantity = solver::Quantity::NoisePower;
    refused("/noise_power", json!(-1.0), Error::OutOfRange { quantity, device: 0, value: -1.0, valid });
    let quantity = solver::Quantity::SignalVariance;
    refused("/signal_variance/0", json!(0.0), Error::OutOfRange { quantity, device: 0, value: 0.0, valid });
    refused(
        "/streams",
        json!(5),
        Error::Streams { streams: 5, device: 0, transmit_antennas: 4, receive_antennas: 20 },
    );
    let small = json!({ "rows": 1, "columns": 2, "re": [1.0, 2.0], "im": [0.0, 0.0] });
    refused(
        "/channels/1",
        small,
        Error::Shape { quantity: channel, device: 1, expected: (20, 2), found: (1, 2) },
    );

    for (rows, columns, entries) in
        [(1_usize, 2_usize, 3), (0, 0, 0), (usize::MAX, 0, 0), (1 << 40, 1 << 40, 0), (1, 1, 0)]
    {
        let matrix =
            json!({ "rows": rows, "columns": columns, "re": vec![1.0; entries], "im": vec![1.0; entries] });
        let text = format!("a {rows}×{columns} matrix with {entries} real and {entries} imaginary parts");
        assert_refused::<Problem>(with(&problem, "/channels/0", matrix), &text);
    }
    assert_refused::<Problem>(with(&problem, "/channels/0/re/3", Value::Null), "invalid type: null");
    assert_refused::<Problem>(json!({}), "missing field `channels`");
}

/// JSON has no NaN, other formats do: a NaN in the CBOR of a valid value is refused with its place.
#[test]
fn not_a_number_is_refused() {
    let refused = |bytes: Vec<u8>, read: &dyn Fn(&[u8]) -> Option<String>, expected: &str| {
        let error = read(&bytes).unwrap_or_else(|| panic!("accepted; expected: {expected}"));
        assert!(error.contains(expected), "{error}; expected: {expected}");
    };
    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<String> {
        ciborium::from_reader::<T, _>(bytes).err().map(|error| error.to_string())
    }
    // A number that CBOR writes with all its eight bytes and that occurs nowhere else.
    let mark = 0.123_456_789_f64;
    let spoiled = |value: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        value(&mut bytes);
        let place = bytes.windows(8).position(|window| window == mark.to_be_bytes()).unwrap();
        bytes[place..place + 8].copy_from_slice(&f64::NAN.to_be_bytes());
        bytes
    };
    let mut channels = paper_problem(2, 1).channels().to_vec();
    channels[1][(3, 2)].im = mark;
    let problem = Problem::new(channels, vec![1.0; 2], 1.0).unwrap();
    refused(
        spoiled(&|bytes| ciborium::into_writer(&problem, bytes).unwrap()),
        &read::<Problem>,
        "channel matrix H_n of device 1 has a non-finite entry at row 3, column 2",
    );
    let fading = Fading::rician(c64::new(mark, 0.0), 1.0).unwrap();
    refused(spoiled(&|bytes| ciborium::into_writer(&fading, bytes).unwrap()), &read::<Fading>, "fading mean");
    let error = ChannelError::new(vec![1.0, mark]).unwrap();
    refused(
        spoiled(&|bytes| ciborium::into_writer(&error, bytes).unwrap()),
        &read::<ChannelError>,
        "channel error variance of device 1 is NaN",
    );
    let process = GaussMarkov::new(Fading::PAPER, mark, 2, &[1], 1).unwrap();
    refused(
        spoiled(&|bytes| ciborium::into_writer(&process, bytes).unwrap()),
        &read::<GaussMarkov>,
        "fading correlation is NaN",
    );
}

#[test]
fn invalid_models_are_refused() {
    let fading = Fading::PAPER;
    assert_refused::<Fading>(
        with(&fading, "/variance", json!(0.0)),
        "fading variance is 0; valid: positive and finite",
    );
    let blocks = BlockFading::new(fading, 4, &[2, 1], 9).unwrap();
    assert_refused::<BlockFading>(
        with(&blocks, "/transmit_antennas", json!([])),
        &Error::NoDevices.to_string(),
    );
    assert_refused::<BlockFading>(
        with(&blocks, "/transmit_antennas/1", json!(0)),
        "channel matrix H_n of device 1 has a side of length zero",
    );
    assert_refused::<BlockFading>(with(&blocks, "/fading/variance", json!(-1.0)), "fading variance");
    let mut process = GaussMarkov::new(fading, 0.9, 4, &[2, 1], 9).unwrap();
    process.next();
    assert_refused::<GaussMarkov>(
        with(&process, "/correlation", json!([0.9, 0.9])),
        "fading correlation is 1.27",
    );
    let zeros = vec![0.0; 4];
    let column = json!({ "rows": 4, "columns": 1, "re": zeros, "im": zeros });
    assert_refused::<GaussMarkov>(
        with(&process, "/last/0", column.clone()),
        "`last`: channel matrix H_n of device 0 is 4×1, expected 4×2",
    );
    // No later block may overflow.
    let huge = json!({ "rows": 4, "columns": 1, "re": [0.0, 0.0, 0.0, 1e308], "im": zeros });
    assert_refused::<GaussMarkov>(
        with(&process, "/last/1", huge),
        "an entry of `last` is 1e308; valid: small enough",
    );
    // Before block 0 there is no last block, afterwards always one.
    let count = |found: usize, expected: &str| {
        format!("the number of matrices in `last` is {found}; valid: {expected}")
    };
    let after = "2, one per device, where `innovations.next` is 1";
    assert_refused::<GaussMarkov>(with(&process, "/last", json!([column])), &count(1, after));
    assert_refused::<GaussMarkov>(with(&process, "/last", json!([])), &count(0, after));
    let before = "0, where `innovations.next` is 0, before the first block";
    assert_refused::<GaussMarkov>(with(&process, "/innovations/next", json!(0)), &count(2, before));
    let energy =
        EnergyModel::new(1.0, 0.1, 1.0, Accounting::PerAllReduce { symbols: 8, streams: 2 }).unwrap();
    assert_refused::<EnergyModel>(
        with(&energy, "/budget", json!(0.0)),
        "energy budget P_n^max of device 0 is 0",
    );
    assert_refused::<EnergyModel>(
        with(&energy, "/accounting/per_all_reduce/streams", json!(0)),
        "option streams is 0; valid: at least 1",
    );
    assert_refused::<ChannelError>(
        json!({ "variance": [0.1, -0.1] }),
        "channel error variance of device 1 is -0.1",
    );
}

#[test]
fn device_streams_come_back_and_are_checked() {
    let problem = paper_problem(2, 1).with_device_streams(vec![vec![0, 2], vec![1]]).unwrap();
    assert_eq!(round_trip(&problem).device_streams(), problem.device_streams());
    let transceiver =
        solver::transceiver::power_limited(&problem, problem.channels()[0].subcols(0, 3)).unwrap();
    let back = round_trip(&transceiver).mean_squared_error(&problem).unwrap();
    assert_eq!(back, transceiver.mean_squared_error(&problem).unwrap());
    let lists = json!([[0, 2], [0]]);
    let error = Error::UnservedStream { stream: 1 }.to_string();
    assert_refused::<Problem>(with(&problem, "/device_streams", lists), &error);
    assert_refused::<Problem>(with(&problem, "/streams", json!(4)), "no device serves stream 3");
    assert_refused::<Problem>(with(&problem, "/streams", json!(2)), "each below L");
    // Complete lists are not written.
    assert!(serde_json::to_value(paper_problem(2, 1)).unwrap().get("device_streams").is_none());
}

#[test]
fn invalid_transceivers_are_refused() {
    let problem = paper_problem(2, 1);
    let transceiver = solver::transceiver::power_limited(&problem, problem.channels()[0].as_ref()).unwrap();
    assert_refused::<Transceiver>(with(&transceiver, "/precoders", json!([])), &Error::NoDevices.to_string());
    let precoder = |rows: usize, columns: usize| json!({ "rows": rows, "columns": columns, "re": vec![0.5; rows * columns], "im": vec![0.5; rows * columns] });
    assert_refused::<Transceiver>(
        with(&transceiver, "/precoders/1", precoder(4, 5)),
        "precoder B_n of device 1 is 4×5, expected 4×4",
    );
    assert_refused::<Transceiver>(
        with(&transceiver, "/precoders/1", precoder(3, 4)),
        "device 1 has 3 transmit antennas",
    );
    assert_refused::<Transceiver>(with(&transceiver, "/aggregator", precoder(3, 4)), "the server 3;");
}
