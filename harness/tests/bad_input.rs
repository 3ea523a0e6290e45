//! Files that are no checkpoints: every one of them is refused with the error that says why.

mod common;

use std::fs;

use common::fixture;
use harness::checkpoint::{Checkpoint, CheckpointError, LlamaConfig, SafetensorsFile, WeightSource};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The three files of a good checkpoint.
struct Files {
    config: Value,
    weights: Vec<u8>,
    tokenizer: Vec<u8>,
}

impl Files {
    fn good() -> Self {
        let read = |name| fs::read(fixture("grouped").join(name)).unwrap();
        Self {
            config: serde_json::from_slice(&read("config.json")).unwrap(),
            weights: read("model.safetensors"),
            tokenizer: read("tokenizer.json"),
        }
    }

    fn with(mut self, field: &str, value: Value) -> Self {
        self.config[field] = value;
        self
    }

    /// The good weights after `change` has changed the header.
    fn with_header(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let length = u64::from_le_bytes(self.weights[..8].try_into().unwrap()) as usize;
        let mut header = serde_json::from_slice(&self.weights[8..8 + length]).unwrap();
        change(&mut header);
        self.weights = file(&header.to_string(), &self.weights[8 + length..]);
        self
    }

    fn open(self) -> Result<Checkpoint, CheckpointError> {
        Checkpoint::from_bytes(self.config.to_string().as_bytes(), self.weights, &self.tokenizer)
    }

    fn error(self) -> CheckpointError {
        self.open().err().expect("an error")
    }
}

/// A safetensors file.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

fn weights_error(bytes: Vec<u8>) -> CheckpointError {
    SafetensorsFile::from_bytes(bytes).err().expect("an error")
}

const QUERY: &str = "model.layers.0.self_attn.q_proj.weight";

#[test]
fn the_unchanged_files_are_good() {
    let checkpoint = Files::good().open().unwrap();
    assert_eq!(checkpoint.config().group_size(), 2);
    let text = "otter";
    let tokens = checkpoint.tokenizer().encode_with_bos(text).unwrap();
    assert_eq!(tokens.len(), 6);
    assert_eq!(checkpoint.tokenizer().decode(&tokens).unwrap(), text);
}

#[test]
fn missing_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = |name: &str| {
        let error = Checkpoint::open(folder.path()).err().unwrap();
        assert!(matches!(&error, CheckpointError::MissingFile { path } if path.ends_with(name)), "{error}");
        fs::copy(fixture("grouped").join(name), folder.path().join(name)).unwrap();
    };
    missing("config.json");
    missing("model.safetensors");
    missing("tokenizer.json");
    assert!(Checkpoint::open(folder.path()).is_ok());

    fs::rename(folder.path().join("model.safetensors"), folder.path().join("model.safetensors.index.json"))
        .unwrap();
    let error = Checkpoint::open(folder.path()).err().unwrap();
    assert!(
        matches!(error, CheckpointError::ShardedWeights { index } if index.ends_with("model.safetensors.index.json"))
    );
}

#[test]
fn a_file_cut_off_after_opening_is_an_io_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    fs::write(&path, Files::good().weights).unwrap();
    let weights = SafetensorsFile::open(&path).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(5000).unwrap();
    let error = weights.read("model.norm.weight", 0..1, 0..32).unwrap_err();
    assert!(matches!(error, CheckpointError::Io { path: found, .. } if found == path));
}

#[test]
fn config_values_that_no_llama_has() {
    let cases = [
        ("hidden_size", json!(0)),
        ("num_hidden_layers", json!(0)),
        ("vocab_size", json!(u64::MAX)),
        ("intermediate_size", json!(1_u64 << 40)),
        ("max_position_embeddings", json!(0)),
        ("num_key_value_heads", json!(3)),
        ("num_key_value_heads", json!(0)),
        ("head_dim", json!(7)),
        ("head_dim", json!(1 << 23)),
        ("rms_norm_eps", json!(0.0)),
        ("rms_norm_eps", json!(-1e-5)),
        ("bos_token_id", json!(96)),
        ("rope_theta", json!(500.0)),
    ];
    for (field, value) in cases {
        let error = Files::good().with(field, value.clone()).error();
        assert!(matches!(error, CheckpointError::InvalidField { .. }), "{field} = {value}: {error}");
    }
    let theta = Files::good().with("rope_parameters", json!({"rope_theta": -1.0})).error();
    assert!(matches!(theta, CheckpointError::InvalidField { field: "rope_theta", .. }));
    let heads = Files::good().with("head_dim", Value::Null).with("num_attention_heads", json!(6)).error();
    assert!(matches!(heads, CheckpointError::InvalidField { field: "num_attention_heads", .. }), "{heads}");
    for field in
        ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size"]
    {
        let error = Files::good().with(field, Value::Null).error();
        assert!(matches!(error, CheckpointError::MissingField { field: found } if found == field), "{error}");
    }
    for (field, value) in
        [("hidden_size", json!(-32)), ("hidden_size", json!(1.5)), ("vocab_size", json!("many"))]
    {
        let error = Files::good().with(field, value).error();
        assert!(matches!(error, CheckpointError::ConfigSyntax { .. }), "{error}");
    }
    for text in ["", "{", "[]", "\u{0}"] {
        let error = LlamaConfig::from_json(text.as_bytes()).unwrap_err();
        assert!(
            matches!(error, CheckpointError::ConfigSyntax { .. } | CheckpointError::MissingField { .. }),
            "{error}"
        );
    }
}

#[test]
fn models_that_would_be_computed_wrongly() {
    let cases = [
        ("attention_bias", json!(true)),
        ("mlp_bias", json!(true)),
        ("hidden_act", json!("gelu")),
        ("model_type", json!("mixtral")),
        ("rope_parameters", json!({"rope_type": "llama3", "rope_theta": 10000.0})),
        ("rope_scaling", json!({"type": "linear", "factor": 2.0})),
        ("partial_rotary_factor", json!(0.5)),
    ];
    for (field, value) in cases {
        let error = Files::good().with(field, value).error();
        assert!(
            matches!(error, CheckpointError::Unsupported { field: found, .. } if found == field),
            "{error}"
        );
    }
}

#[test]
fn rope_theta_stands_in_either_place() {
    let theta = |files: Files| files.open().unwrap().config().rope_theta;
    let neither = || Files::good().with("rope_parameters", Value::Null);
    assert_eq!(theta(neither()), 10_000.0);
    assert_eq!(theta(neither().with("rope_theta", json!(5e5))), 5e5);
    assert_eq!(theta(neither().with("rope_parameters", json!({"rope_theta": 5e5}))), 5e5);
    assert_eq!(theta(neither().with("rope_scaling", json!({"type": "default"}))), 10_000.0);
}

#[test]
fn weights_that_disagree_with_the_config() {
    let shape = Files::good().with("intermediate_size", json!(57)).error();
    assert!(
        matches!(&shape, CheckpointError::TensorShape { name, expected, found }
            if name.contains("gate_proj") && expected == &[57, 32] && found == &[56, 32]),
        "{shape}"
    );
    // As many layers as the limit lets through: refused at the first that is missing.
    let layers = Files::good().with("num_hidden_layers", json!(1 << 24)).error();
    assert!(matches!(layers, CheckpointError::MissingTensor { name } if name.contains("layers.2.")));
    let fewer = Files::good().with("num_hidden_layers", json!(1)).error();
    assert!(matches!(fewer, CheckpointError::UnexpectedTensor { name } if name.contains("layers.1.")));
    let untied = Files::good().with("tie_word_embeddings", json!(false)).error();
    assert!(matches!(untied, CheckpointError::MissingTensor { name } if name == "lm_head.weight"));
    let renamed = |to: &str| {
        Files::good().with_header(|header| {
            let entry = header.as_object_mut().unwrap().remove(QUERY).unwrap();
            header[to] = entry;
        })
    };
    let error = renamed("q").error();
    assert!(matches!(error, CheckpointError::MissingTensor { name } if name == QUERY));
    let bias = Files::good().with_header(|header| {
        let end =
            header.as_object().unwrap().values().filter_map(|e| e["data_offsets"][1].as_u64()).max().unwrap();
        let name = QUERY.replace(".weight", ".bias");
        header[name] = json!({"dtype": "F32", "shape": [0], "data_offsets": [end, end]});
    });
    assert!(matches!(bias.error(), CheckpointError::UnexpectedTensor { name } if name.ends_with(".bias")));
}

#[test]
fn headers_that_lie() {
    let good = Files::good().weights;
    assert!(matches!(weights_error(vec![]), CheckpointError::TooShort { found: 0 }));
    assert!(matches!(weights_error(vec![0; 7]), CheckpointError::TooShort { found: 7 }));
    for bomb in [u64::MAX, 1 << 40, 100_000_001, good.len() as u64 - 7] {
        let mut bytes = good.clone();
        bytes[..8].copy_from_slice(&bomb.to_le_bytes());
        let error = weights_error(bytes);
        assert!(
            matches!(error, CheckpointError::HeaderLength { declared, .. } if declared == bomb),
            "{error}"
        );
    }
    let cut = weights_error(good[..good.len() - 1].to_vec());
    assert!(matches!(cut, CheckpointError::DataLength { declared, found } if declared == found + 1));
    let longer = weights_error([&good[..], &[0]].concat());
    assert!(matches!(longer, CheckpointError::DataLength { declared, found } if declared + 1 == found));
    for text in ["", "{", "[]", "{\"a\": 3}", "{\"a\": {\"dtype\": \"F32\"}}", "\u{feff}{}"] {
        assert!(matches!(weights_error(file(text, &[])), CheckpointError::HeaderSyntax { .. }), "{text}");
    }
    assert!(matches!(weights_error(file(&"[".repeat(100_000), &[])), CheckpointError::HeaderSyntax { .. }));

    let tensor = |shape: &str, offsets: &str| {
        file(
            &format!(r#"{{"a": {{"dtype": "F32", "shape": {shape}, "data_offsets": {offsets}}}}}"#),
            &[0; 16],
        )
    };
    assert!(SafetensorsFile::from_bytes(tensor("[2, 2]", "[0, 16]")).is_ok());
    let lies = [
        ("[2, 2]", "[4, 20]"),
        ("[2, 2]", "[16, 0]"),
        ("[3, 2]", "[0, 16]"),
        ("[2, 2]", "[0, 15]"),
        ("[4294967296, 4294967296, 2]", "[0, 16]"),
        ("[2, 2]", "[0, 18446744073709551615]"),
    ];
    for (shape, offsets) in lies {
        let error = weights_error(tensor(shape, offsets));
        assert!(matches!(error, CheckpointError::HeaderLayout { .. }), "{shape} {offsets}: {error}");
    }
    let overlap = r#"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                      "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}"#;
    assert!(matches!(weights_error(file(overlap, &[0; 12])), CheckpointError::HeaderLayout { .. }));
}

#[test]
fn element_types_that_are_no_weights() {
    let unknown = Files::good().with_header(|header| header[QUERY]["dtype"] = json!("Q9_X")).error();
    assert!(
        matches!(unknown, CheckpointError::TensorDtype { name, dtype } if name == QUERY && dtype == "Q9_X")
    );
    let integers = Files::good().with_header(|header| header[QUERY]["dtype"] = json!("I32")).open().unwrap();
    let error = integers.weights().read(QUERY, 0..1, 0..1).unwrap_err();
    assert!(matches!(error, CheckpointError::TensorDtype { dtype, .. } if dtype == "I32"));
}

#[test]
fn a_weight_that_is_no_number_is_located() {
    let mut files = Files::good();
    let length = u64::from_le_bytes(files.weights[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&files.weights[8..8 + length]).unwrap();
    let start = 8 + length + header[QUERY]["data_offsets"][0].as_u64().unwrap() as usize + (5 * 32 + 7) * 4;
    files.weights[start..start + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let checkpoint = files.open().unwrap();
    let read = |rows, columns| checkpoint.weights().read(QUERY, rows, columns);
    let error = read(3..8, 4..9).unwrap_err();
    assert!(matches!(error, CheckpointError::NonFiniteWeight { row: 5, column: 7, .. }), "{error}");
    assert!(read(0..5, 0..32).is_ok());
    assert!(read(0..32, 8..32).is_ok());
    let loaded = harness::cluster::InProcess::load(&checkpoint, &[0.5, 0.5]);
    assert!(matches!(
        loaded,
        Err(harness::cluster::ClusterError::Checkpoint(CheckpointError::NonFiniteWeight { .. }))
    ));
}

#[test]
fn slices_are_those_of_the_whole_and_stay_within() {
    let checkpoint = Files::good().open().unwrap();
    let read = |rows, columns| checkpoint.weights().read(QUERY, rows, columns);
    let whole = read(0..32, 0..32).unwrap();
    let expected: Vec<f32> = (8..24).flat_map(|row| whole[row * 32 + 3..row * 32 + 11].to_vec()).collect();
    assert_eq!(read(8..24, 3..11).unwrap(), expected);
    assert!(read(4..4, 0..32).unwrap().is_empty());
    let beyond = [(0..33, 0..1), (0..1, 0..33), (usize::MAX - 1..usize::MAX, 0..1)];
    for (rows, columns) in beyond {
        assert!(matches!(read(rows, columns), Err(CheckpointError::SliceOutOfRange { .. })));
    }
    #[expect(clippy::reversed_empty_ranges, reason = "that is the test")]
    let reversed = read(5..2, 0..1);
    assert!(matches!(reversed, Err(CheckpointError::SliceOutOfRange { .. })));
    let missing = checkpoint.weights().read("nothing", 0..1, 0..1);
    assert!(matches!(missing, Err(CheckpointError::MissingTensor { .. })));
}

#[test]
fn tokenizers_that_do_not_fit() {
    let tokenizer = |bytes: &[u8]| Files { tokenizer: bytes.to_vec(), ..Files::good() }.error();
    for text in ["", "{}", "[]", "{\"model\": {\"type\": \"Magic\"}}", "\u{0}"] {
        let error = tokenizer(text.as_bytes());
        assert!(matches!(error, CheckpointError::TokenizerSyntax { .. }), "{text}: {error}");
    }
    let mut json: Value = serde_json::from_slice(&Files::good().tokenizer).unwrap();
    for part in ["decoder", "normalizer", "pre_tokenizer", "post_processor"] {
        let mut odd = json.clone();
        odd[part] = json!({"type": "Magic", "precompiled_charsmap": 3});
        let error = tokenizer(odd.to_string().as_bytes());
        assert!(matches!(error, CheckpointError::TokenizerSyntax { .. }), "{part}: {error}");
    }
    json["model"]["vocab"]["<t>"] = json!(96);
    let error = tokenizer(json.to_string().as_bytes());
    assert!(
        matches!(error, CheckpointError::TokenizerVocabulary { largest_id: 96, vocabulary: 96 }),
        "{error}"
    );
}

#[test]
fn a_tokenizer_that_truncates_is_cured() {
    let mut files = Files::good();
    let mut json: Value = serde_json::from_slice(&files.tokenizer).unwrap();
    json["truncation"] =
        json!({"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0});
    files.tokenizer = json.to_string().into_bytes();
    assert_eq!(files.open().unwrap().tokenizer().encode("untruncated").unwrap().len(), 11);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damage anywhere in any of the files leads to an error or to a checkpoint, never to a panic.
    #[test]
    fn damage_never_panics(
        which in 0..3_usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        header_only in any::<bool>(),
    ) {
        let files = Files::good();
        let mut parts = [files.config.to_string().into_bytes(), files.weights, files.tokenizer];
        let length = if which == 1 && header_only { 2000 } else { parts[which].len() };
        for (index, byte) in damage {
            parts[which][index.index(length)] = byte;
        }
        let [config, weights, tokenizer] = parts;
        if let Ok(checkpoint) = Checkpoint::from_bytes(&config, weights, &tokenizer) {
            let _ = harness::cluster::InProcess::load(&checkpoint, &[0.3, 0.7]);
            let _ = checkpoint.tokenizer().encode_with_bos("The otter swims.");
        }
    }
}
