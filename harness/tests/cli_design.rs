//! `aircomp design`: what it prints, and how it fails.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::{Value, json};

fn aircomp() -> Command {
    Command::new(env!("CARGO_BIN_EXE_aircomp"))
}

/// R = 3, two devices of two antennas.
fn instance() -> Value {
    json!({
        "name": "small", "receive_antennas": 3, "transmit_antennas": [2, 2], "transmit_power": [1.0, 0.5], "noise_power": 0.1,
        "channels": [
            {"re": [[1.0, 0.2], [0.1, 1.3], [0.4, -0.8]], "im": [[0.3, 0.0], [0.0, -1.0], [0.9, 0.5]]},
            {"re": [[0.7, 1.1], [-0.6, 0.2], [1.4, 0.3]], "im": [[-0.2, 0.5], [0.8, 0.0], [0.1, -0.7]]},
        ],
    })
}

/// The instance after the value at `pointer` became `value`, as a file's text.
fn damaged(pointer: &str, value: Value) -> String {
    let mut instance = instance();
    *instance.pointer_mut(pointer).unwrap() = value;
    instance.to_string()
}

/// Runs `design` on a file with this content; exit status, standard output, standard error.
fn design(content: &[u8], options: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("instances.json");
    fs::write(&file, content).unwrap();
    outcome(aircomp().arg("design").arg(&file).args(options))
}

fn outcome(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn prints_one_json_list_with_the_promised_fields() {
    let content = json!([instance(), instance()]).to_string();
    let (status, stdout, stderr) = design(content.as_bytes(), &["--json"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    let list: Vec<Value> = serde_json::from_str(&stdout).unwrap();
    assert_eq!(list.len(), 2);
    let one = &list[0];
    assert_eq!(keys(one), ["name", "relaxations", "transceivers"]);
    assert_eq!(one["name"], "small");
    assert_eq!(keys(&one["relaxations"]), ["lambda_min"]);
    assert_eq!(keys(&one["relaxations"]["lambda_min"]), ["iterations", "lower", "seconds", "upper"]);
    assert_eq!(keys(&one["transceivers"]), ["designed", "paper", "refined"]);
    assert_eq!(keys(&one["transceivers"]["paper"]), ["alpha", "mse", "seconds"]);
    for name in ["refined", "designed"] {
        assert_eq!(keys(&one["transceivers"][name]), ["gap", "mse", "seconds"]);
    }
    let number = |pointer: &str| one.pointer(pointer).and_then(Value::as_f64).unwrap();
    assert!(number("/relaxations/lambda_min/lower") <= number("/relaxations/lambda_min/upper"));
    assert!(number("/transceivers/refined/mse") <= number("/transceivers/paper/mse"));
    assert!((0.0..1.0).contains(&number("/transceivers/refined/gap")));
    assert!((0.0..0.1).contains(&number("/transceivers/designed/gap")));
}

#[test]
fn all_three_relaxations_have_one_shape_and_their_order() {
    for relaxations in ["all", "lambda_min,trace_inverse,mmse", "all,mmse"] {
        let (status, stdout, stderr) =
            design(instance().to_string().as_bytes(), &["--json", "--relaxation", relaxations]);
        assert_eq!((status, stderr.as_str()), (Some(0), ""));
        let list: Value = serde_json::from_str(&stdout).unwrap();
        let found = &list[0]["relaxations"];
        assert_eq!(keys(found), ["lambda_min", "mmse", "trace_inverse"]);
        let bound = |name: &str, side: &str| found[name][side].as_f64().unwrap();
        for name in keys(found) {
            assert_eq!(keys(&found[name]), ["iterations", "lower", "seconds", "upper"]);
            assert!(bound(name, "lower") <= bound(name, "upper"));
            assert!(bound(name, "upper") - bound(name, "lower") <= 1e-5 * bound(name, "upper"), "{found}");
        }
        // mmse <= σ² trace_inverse <= σ² lambda_min, with σ² = 0.1.
        assert!(bound("mmse", "lower") <= 0.1 * bound("trace_inverse", "upper"));
        assert!(bound("trace_inverse", "lower") <= bound("lambda_min", "upper"));
        let refined = list[0]["transceivers"]["refined"]["mse"].as_f64().unwrap();
        assert!(bound("mmse", "lower") <= refined);
    }
}

#[test]
fn the_gap_is_null_where_no_bound_holds() {
    let (status, stdout, _) = design(instance().to_string().as_bytes(), &["--json", "--streams", "1"]);
    assert_eq!(status, Some(0));
    let list: Value = serde_json::from_str(&stdout).unwrap();
    assert!(list[0]["transceivers"]["refined"]["gap"].is_null());
}

#[test]
fn one_seed_gives_one_result() {
    let run = |seed| {
        let (_, stdout, _) = design(instance().to_string().as_bytes(), &["--json", "--seed", seed]);
        let list: Value = serde_json::from_str(&stdout).unwrap();
        list[0]["transceivers"]["paper"]["mse"].as_f64().unwrap()
    };
    assert_eq!(run("7"), run("7"));
    assert_ne!(run("7"), run("8"));
}

#[test]
fn prints_tables_for_people() {
    let options = ["--relaxation", "lambda_min,mmse"];
    let (status, stdout, stderr) = design(instance().to_string().as_bytes(), &options);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    for text in ["small", "lambda_min", "mmse", "paper", "refined", "designed", "above bound"] {
        assert!(stdout.contains(text), "{stdout}");
    }
}

#[test]
fn bad_files_are_named_and_explained() {
    let rows = json!([[1.0, 0.2], [0.1, 1.3]]);
    let deficient = json!([[1, 1], [1, 1], [1, 1]]);
    let still = json!([[0, 0], [0, 0], [0, 0]]);
    for (content, expected) in [
        (String::new(), "EOF while parsing a value at line 1 column 0"),
        ("[]".into(), "the list of instances is empty"),
        (instance().to_string().replace("1.3", "NaN"), "not JSON; it has no NaN and no infinity"),
        (instance().to_string().replace("1.3", "Infinity"), "every number must be finite"),
        (instance().to_string().replace("1.3", "1e999"), "number out of range"),
        (
            damaged("/channels/0/re/1/1", Value::Null),
            "channels[0].re[1][1]: expected a finite number, found null",
        ),
        (
            damaged("/channels/0/re", rows),
            "channels[0].re holds 2 values, expected 3: one row per receive antenna",
        ),
        (
            damaged("/transmit_antennas", json!([2])),
            "transmit_power holds 2 values, expected 1: one per device",
        ),
        (damaged("/receive_antennas", json!(0)), "receive_antennas is 0, but must be from 1 to 512"),
        (damaged("/receive_antennas", json!(u64::MAX)), "but must be from 1 to 512"),
        (
            damaged("/transmit_power/1", json!(0)),
            "transmit power p_n of device 1 is 0; valid: positive and finite",
        ),
        (damaged("/transmit_power/1", json!(-1)), "transmit power p_n of device 1 is -1"),
        (damaged("/noise_power", json!(0)), "noise power"),
        (
            damaged("/channels/1", json!({"re": deficient, "im": still})),
            "channel matrix H_n of device 1 lacks full column rank 2",
        ),
    ] {
        let (status, stdout, stderr) = design(content.as_bytes(), &["--json"]);
        assert_eq!((status, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(expected), "no {expected:?} in {stderr:?}");
    }
}

#[test]
fn a_failing_instance_is_named() {
    let (status, _, stderr) = design(damaged("/noise_power", json!(-1)).as_bytes(), &[]);
    assert_eq!(status, Some(1));
    assert!(stderr.starts_with("error: no transceiver for small\n  because: noise power"), "{stderr}");
}

#[test]
fn more_streams_than_antennas_are_bad_input() {
    let (status, _, stderr) = design(instance().to_string().as_bytes(), &["--streams", "3"]);
    assert_eq!(status, Some(1));
    assert!(stderr.contains("3 streams cannot be sent: device 0 has 2 transmit antennas"), "{stderr}");
}

#[test]
fn unreadable_files_are_bad_input() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.json");
    for path in [missing.as_path(), directory.path()] {
        let (status, stdout, stderr) = outcome(aircomp().arg("design").arg(path));
        assert_eq!((status, stdout.as_str()), (Some(1), ""));
        assert!(stderr.starts_with(&format!("error: cannot read {}", path.display())), "{stderr}");
    }
}

#[test]
fn absurd_options_are_bad_usage() {
    for options in [
        &["--streams", "0"][..],
        &["--streams", "-1"],
        &["--randomizations", "0"],
        &["--randomizations", "1e9"],
        &["--seed", "-1"],
        &["--seed", "18446744073709551616"],
        &["--relaxation", "guess"],
        &["--relaxation", ""],
        &["--no-such-option"],
    ] {
        let (status, stdout, stderr) = design(instance().to_string().as_bytes(), options);
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{options:?}: {stderr}");
    }
    assert_eq!(outcome(aircomp().arg("design")).0, Some(2));
}

/// Numbers at the ends of what a double can hold: results or errors, never a crash.
#[test]
fn extreme_numbers_do_not_crash() {
    let numbers = [5e-324, 1e-160, 1e-12, 1e30, 1e160, 1.7e308];
    for number in numbers {
        for pointer in ["/noise_power", "/transmit_power/0", "/channels/0/re/0/0"] {
            let (status, _, stderr) = design(damaged(pointer, json!(number)).as_bytes(), &["--json"]);
            assert!(matches!(status, Some(0 | 1)), "{pointer} {number}: {status:?} {stderr}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is() {
    use std::process::Stdio;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("instances.json");
    fs::write(&file, Value::from(vec![instance(); 40]).to_string()).unwrap();
    let run = |stdout: Stdio| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_aircomp"));
        command.arg("design").arg(&file).arg("--json").stdout(stdout).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut child = run(Stdio::piped());
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    if Path::new("/dev/full").exists() {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = run(full.into()).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
    }
}
