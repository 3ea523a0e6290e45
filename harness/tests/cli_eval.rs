//! `aircomp eval` and the program as a whole: usage, help, and how it fails before the work begins.

use std::fs;

use assert_cmd::Command;

/// Runs the program in an empty directory; exit status, standard output, standard error.
fn aircomp(arguments: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_aircomp"))
        .current_dir(directory.path())
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn absurd_options_are_bad_usage() {
    for (options, expected) in [
        (&["--devices", "0"][..], "devices is 0, but must be from 1 to 128"),
        (&["--devices", "1,129"], "devices is 129, but must be from 1 to 128"),
        (&["--devices", "4,4"], "devices names 4 more than once"),
        (&["--devices", "two"], "invalid value 'two' for '--devices"),
        (&["--devices", ""], "invalid value ''"),
        (&["--devices", "99999999999999999999"], "invalid value"),
        (&["--link", "carrier-pigeon"], "possible values: exact, air, digital, fdma"),
        (&["--link", "air,air"], "links names air more than once"),
        (&["--snr-db", "NaN"], "snr_db is NaN, but must be a number from -60 to 120"),
        (&["--snr-db", "inf"], "snr_db is inf"),
        (&["--snr-db", "-61"], "snr_db is -61"),
        (&["--snr-db", "loud"], "invalid value 'loud'"),
        (
            &["--energy-coefficients", "0.1:-0.2"],
            "energy_coefficients is -0.2, but must be a number from 0 to 1000",
        ),
        (&["--energy-coefficients", "-1"], "energy_coefficients is -1"),
        (&["--energy-coefficients", "1;2"], "\"1;2\" is not a number"),
        (&["--context", "1"], "context is 1, but must be from 2 to 131072"),
        (&["--windows", "0"], "windows is 0"),
        (&["--seed", "-1"], "'-1'"),
        (&["--threads", "0"], "threads is 0, but must be from 1 to 1024"),
        (
            &["--streams", "5"],
            "streams is 5, but must be at most transmit_antennas (4) and receive_antennas (20)",
        ),
        (&["--receive-antennas", "2"], "streams is 4, but must be at most"),
        (&["--quantization-bits", "1"], "quantization_bits is 1, but must be from 2 to 16"),
        (&["--bandwidth-hz", "0"], "bandwidth_hz is 0"),
        (&["--channel-variance", "0"], "channel.variance is 0"),
        (&["--assignment", "greedy"], "possible values: uniform, optimized"),
        (&["--transceiver", "magic"], "possible values: refined, paper, zero-forcing"),
        (&["--power-accounting", "free"], "possible values: per-channel-use, per-all-reduce"),
        (&["--assignment-iterations", "0"], "assignment_iterations is 0"),
        (&["--no-report", "--report", "x"], "cannot be used with"),
        (&["--no-such-option"], "unexpected argument"),
        (&["surplus"], "unexpected argument"),
    ] {
        let (status, stdout, stderr) = aircomp(&[&["eval"], options].concat());
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{options:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(expected), "no {expected:?} in {stderr:?}");
    }
    assert_eq!(aircomp(&["evaluate"]).0, Some(2));
    assert_eq!(aircomp(&["--seed", "1"]).0, Some(2));
}

#[test]
fn help_says_what_can_be_said() {
    for (arguments, expected) in [
        (&["--help"][..], &["Examples:", "eval", "design", "Exit status"][..]),
        (&["eval", "--help"], &["Examples:", "[default: 1,2,4,8]", "-60 to 120", "--energy-coefficients"]),
        (&["design", "--help"], &["Examples:", "[default: lambda_min]", "[default: 100]", "noise_power"]),
        (&["--version"], &["aircomp 0."]),
    ] {
        let (status, stdout, stderr) = aircomp(arguments);
        assert_eq!((status, stderr.as_str()), (Some(0), ""));
        for text in expected {
            assert!(stdout.contains(text), "no {text:?} in {stdout}");
        }
    }
}

#[test]
fn a_bad_device_profile_is_bad_input() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("device.json");
    let path = file.to_str().unwrap();
    let profile = r#"{"name": "x", "memory_bandwidth_bytes_per_second": 1e9, "flops_per_second": 0, "idle_watts": 1,
        "joules_per_byte": 0, "joules_per_flop": 0, "transmit_watts": 0}"#;
    for (content, expected) in [
        (None, "cannot read"),
        (Some("{"), "not a device profile"),
        (Some("{}"), "missing field `name`"),
        (Some(profile), "device_profile.flops_per_second is 0, but must be a number from 1000"),
    ] {
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let (status, stdout, stderr) = aircomp(&["eval", "--device-profile", path]);
        assert_eq!((status, stdout.as_str()), (Some(1), ""));
        assert!(stderr.contains(path) && stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn a_report_never_replaces_files_of_others() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report.csv");
    fs::write(&file, "mine").unwrap();
    for (path, expected) in [
        (directory.path(), "report.csv is not from an earlier report of aircomp"),
        (file.as_path(), "is not a directory"),
    ] {
        let (status, stdout, stderr) = aircomp(&["eval", "--report", path.to_str().unwrap()]);
        assert_eq!((status, stdout.as_str()), (Some(1), ""));
        assert!(stderr.contains(expected), "{stderr}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

/// A model or text that is not there, or is nothing.
#[test]
fn missing_models_and_texts_are_bad_input() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (missing, empty, binary) = (path("missing"), path("empty.txt"), path("binary.txt"));
    fs::write(&empty, "").unwrap();
    fs::write(&binary, b"\xff\xfe\x00").unwrap();
    for (option, path) in [
        ("--model", &missing),
        ("--model", &empty),
        ("--text", &missing),
        ("--text", &empty),
        ("--text", &binary),
    ] {
        let (status, stdout, stderr) = aircomp(&["eval", option, path, "--no-report", "--json"]);
        assert_eq!((status, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert!(stderr.contains("error: ") && stderr.contains(path.as_str()), "{stderr}");
    }
}

/// Text too short, windows too long, and shares that leave no power: found before the work, said with what would be right.
#[test]
fn unusable_evaluations_are_bad_input() {
    let directory = tempfile::tempdir().unwrap();
    let short = directory.path().join("short.txt");
    fs::write(&short, "Too short.").unwrap();
    for (arguments, expected) in [
        (&["--text", short.to_str().unwrap()][..], "fewer than one window of 256"),
        (&["--context", "100000"], "positions up to 512"),
        (&["--energy-coefficients", "8"], "it must be at least 1"),
        (
            &["--energy-coefficients", "0.1:4", "--devices", "2", "--minimum-share", "0"],
            "share 0.5 of device 1 costs 2 to compute, of a budget of 1: no power is left to transmit",
        ),
    ] {
        let (status, stdout, stderr) = aircomp(&[&["eval", "--no-report", "--json"], arguments].concat());
        assert_eq!((status, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

/// `eval --json` prints the object that the issue tells, and nothing else on standard output.
#[test]
fn json_is_the_documented_object() {
    let (status, stdout, stderr) = aircomp(&[
        "eval",
        "--json",
        "--no-report",
        "--devices",
        "1,2",
        "--windows",
        "1",
        "--context",
        "32",
        "--assignment-iterations",
        "3",
        "--link",
        "exact,air",
    ]);
    assert_eq!(status, Some(0), "{stderr}");
    let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["configuration", "rows"]);
    assert_eq!(document["configuration"]["seed"], 1);
    let rows = document["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let mut keys: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        let expected = ["devices", "joules_per_token", "link", "ms_per_token", "mse", "nmse", "perplexity"];
        assert_eq!(keys, expected);
    }
}

/// A checkpoint that was damaged on the way: named, explained, and never a crash.
#[test]
fn damaged_checkpoints_are_bad_input() {
    let good = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/grouped");
    for (file, damage, expected) in [
        (
            "model.safetensors",
            &(|bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec()) as &dyn Fn(Vec<u8>) -> Vec<u8>,
            "describes 80512 bytes of weights, and 39244 follow",
        ),
        ("model.safetensors", &|bytes| [&[0xff; 8], &bytes[8..]].concat(), "header"),
        (
            "tokenizer.json",
            &|_| b"{\"version\": \"1.0\", \"model\": {\"type\": \"Oracle\"}}".to_vec(),
            "tokenizer",
        ),
        ("config.json", &|_| b"{\"model_type\": \"llama\", \"hidden_size\": 1e9}".to_vec(), "config.json"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(good).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            let bytes = fs::read(&path).unwrap();
            fs::write(directory.path().join(name), if name == file { damage(bytes) } else { bytes }).unwrap();
        }
        let (status, stdout, stderr) =
            aircomp(&["eval", "--model", directory.path().to_str().unwrap(), "--no-report", "--json"]);
        assert_eq!((status, stdout.as_str()), (Some(1), ""), "{file}: {stderr}");
        let path = directory.path().to_str().unwrap();
        assert!(stderr.contains(expected) && stderr.contains(path), "{file}: {stderr}");
    }
}
