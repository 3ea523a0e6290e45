//! What several integration tests share.
#![allow(dead_code)] // every test file is a crate of its own and uses a part of this

use std::path::PathBuf;

use harness::checkpoint::{Checkpoint, SafetensorsFile, WeightSource};
use harness::cluster::{Cluster, InProcess};
use harness::link::Exact;

/// The tiny random models that `make_fixtures.py` wrote.
pub const TINY: [&str; 3] = ["grouped", "untied", "theta"];

pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub fn tiny(name: &str) -> Checkpoint {
    Checkpoint::open(fixture(name)).unwrap()
}

/// Tokens, and the logits that transformers computes after each, row-major.
pub struct Reference {
    pub tokens: Vec<u32>,
    pub logits: Vec<f32>,
}

pub fn reference(name: &str) -> Reference {
    let path = fixture(name).join("logits.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tokens = file.tensor("tokens").unwrap().data().as_chunks().0.iter();
    let tokens: Vec<u32> = tokens.map(|&bytes| u32::from_le_bytes(bytes)).collect();
    let source = SafetensorsFile::open(&path).unwrap();
    let shape = source.shape("logits").unwrap().to_vec();
    assert_eq!(shape[0], tokens.len());
    Reference { tokens, logits: source.read("logits", 0..shape[0], 0..shape[1]).unwrap() }
}

/// The logits of one forward pass over `tokens` with the exact link.
pub fn prefill(cluster: &InProcess, tokens: &[u32]) -> Vec<f32> {
    let mut session = cluster.start_session(tokens.len()).unwrap();
    cluster.forward(&mut session, tokens, 0, &Exact).unwrap().0.values
}

/// `max |a − b| / max |b|`.
pub fn relative_error(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0_f32, |m, v| m.max(v.abs()));
    assert!(a.iter().chain(b).all(|value| value.is_finite()));
    largest(&mut a.iter().zip(b).map(|(a, b)| a - b)) / largest(&mut b.iter().copied())
}
