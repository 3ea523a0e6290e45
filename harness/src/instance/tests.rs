use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A good instance: R = 3, T = (1, 2).
fn good() -> Value {
    json!({
        "name": "good", "receive_antennas": 3, "transmit_antennas": [1, 2], "transmit_power": [1.0, 0.5], "noise_power": 1,
        "channels": [
            {"re": [[1.0], [2.0], [3.0]], "im": [[0.0], [-1.0], [0.5]]},
            {"re": [[1, 0], [0, 1], [1, 1]], "im": [[0, 0], [0, 0], [0, 2]]},
        ],
        "optimal_value": {"lambda_min": {"lower": 1.0, "upper": 1.1}},
    })
}

/// The message after the value at `pointer` became `value` (or was removed).
fn message(pointer: &str, value: Option<Value>) -> String {
    let mut file = good();
    match value {
        Some(value) => *file.pointer_mut(pointer).unwrap() = value,
        None => drop(file.as_object_mut().unwrap().remove(&pointer[1..])),
    }
    parse(&serde_json::to_vec(&file).unwrap()).unwrap_err().to_string()
}

#[test]
fn reads_one_or_many() {
    let one = serde_json::to_vec(&good()).unwrap();
    let instance = &parse(&one).unwrap()[0];
    assert_eq!(instance.name, "good");
    assert_eq!(instance.channels[0][(1, 0)], c64::new(2.0, -1.0));
    assert_eq!(instance.channels[1][(2, 1)], c64::new(1.0, 2.0));
    assert_eq!((instance.transmit_power.as_slice(), instance.noise_power), (&[1.0, 0.5][..], 1.0));
    assert_eq!(instance.problem(None).unwrap().streams(), 1);
    assert!(matches!(instance.problem(Some(2)), Err(solver::Error::Streams { streams: 2, .. })));

    let mut nameless = good();
    nameless.as_object_mut().unwrap().remove("name");
    let many = parse(&serde_json::to_vec(&json!([good(), nameless])).unwrap()).unwrap();
    assert_eq!(
        many.iter().map(|instance| instance.name.as_str()).collect::<Vec<_>>(),
        ["good", "instance-2"]
    );
}

#[test]
fn says_what_is_wrong_and_where() {
    for (pointer, value, expected) in [
        ("/channels", None, "the file has no field channels"),
        ("/receive_antennas", Some(json!(0)), "receive_antennas is 0, but must be from 1 to 512"),
        (
            "/receive_antennas",
            Some(json!(1e9 as u64)),
            "receive_antennas is 1000000000, but must be from 1 to 512",
        ),
        ("/receive_antennas", Some(json!(-3)), "receive_antennas: expected a whole number, found -3"),
        ("/receive_antennas", Some(json!(3.5)), "receive_antennas: expected a whole number, found 3.5"),
        (
            "/receive_antennas",
            Some(json!(4)),
            "channels[0].re holds 3 values, expected 4: one row per receive antenna",
        ),
        ("/transmit_antennas", Some(json!([])), "transmit_antennas is 0, but must be from 1 to 512"),
        (
            "/transmit_antennas",
            Some(json!([64, 64, 1])),
            "transmit_antennas: the squares of these numbers add up to 8193, but must not to more than 8192",
        ),
        ("/transmit_antennas", Some(json!(2)), "transmit_antennas: expected a list, found 2"),
        ("/transmit_antennas/1", Some(json!(0)), "transmit_antennas[1] is 0, but must be from 1 to 64"),
        (
            "/transmit_antennas/1",
            Some(json!(1)),
            "channels[1].re[0] holds 2 values, expected 1: one number per transmit antenna of this device",
        ),
        (
            "/transmit_power",
            Some(json!([1])),
            "transmit_power holds 1 values, expected 2: one per device in transmit_antennas",
        ),
        ("/transmit_power/1", Some(Value::Null), "transmit_power[1]: expected a finite number, found null"),
        ("/noise_power", Some(json!("1")), "noise_power: expected a finite number, found \"1\""),
        (
            "/channels",
            Some(json!([{}])),
            "channels holds 1 values, expected 2: one per device in transmit_antennas",
        ),
        ("/channels/1", Some(json!([])), "channels[1]: expected an object with re and im, found a list of 0"),
        ("/channels/1", Some(json!({"re": [[0, 0], [0, 0], [0, 0]]})), "channels[1] has no field im"),
        (
            "/channels/1/im/2",
            Some(json!([0])),
            "channels[1].im[2] holds 1 values, expected 2: one number per transmit antenna of this device",
        ),
        (
            "/channels/0/im/2/0",
            Some(Value::Null),
            "channels[0].im[2][0]: expected a finite number, found null",
        ),
        (
            "/name",
            Some(json!("\u{1b}[2J")),
            "name: expected a string of at most 200 characters, none of them a control character, found \"\\u{1b}[2J\"",
        ),
    ] {
        assert_eq!(message(pointer, value), expected);
    }
}

#[test]
fn syntax_errors_are_told_apart() {
    let text = |bytes: &str| {
        let error = parse(bytes.as_bytes()).unwrap_err();
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        format!("{error}: {source}")
    };
    assert_eq!(text("[]"), "the list of instances is empty: ");
    assert_eq!(text("[1]"), "[0]: expected an instance (an object), found 1: ");
    assert_eq!(text("null"), "the file: expected an instance (an object), found null: ");
    assert_eq!(text(""), "not JSON: EOF while parsing a value at line 1 column 0");
    assert_eq!(text("{\"noise_power\": 1e999}"), "not JSON: number out of range at line 1 column 21");
    for value in ["NaN", "nan", "Infinity", "-Infinity", "inf"] {
        let message = text(&format!("{{\n  \"noise_power\": {value}}}"));
        assert!(message.starts_with("not JSON; it has no NaN and no infinity"), "{message}");
        assert!(message.contains("at line 2"), "{message}");
    }
    assert!(text(&"[".repeat(100_000)).contains("recursion limit"));
    let large = vec![b' '; LARGEST_FILE + 1];
    assert!(matches!(parse(&large), Err(InstanceError::TooLarge { .. })));
}

#[test]
fn bad_numbers_are_left_to_the_solver() {
    for (pointer, value) in [("/noise_power", json!(0)), ("/transmit_power/0", json!(-1))] {
        let mut file = good();
        *file.pointer_mut(pointer).unwrap() = value;
        let instances = parse(&serde_json::to_vec(&file).unwrap()).unwrap();
        assert!(matches!(instances[0].problem(None), Err(solver::Error::OutOfRange { .. })));
    }
}

proptest! {
    #[test]
    fn never_panics_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn never_panics_on_damaged_files(cut in 0usize..600, position in 0usize..600, byte in any::<u8>()) {
        let mut bytes = serde_json::to_vec(&good()).unwrap();
        let length = bytes.len();
        bytes[position % length] = byte;
        if let Ok(instances) = parse(&bytes) {
            for instance in instances {
                let _ = instance.problem(None);
            }
        }
        bytes.truncate(cut % length);
        prop_assert!(parse(&bytes).is_err());
    }
}
