//! What several test files need: random problems and the reference instances of `shared/`.
#![allow(dead_code, missing_docs)]

pub mod counting;

use faer::{Mat, c64};
use solver::Problem;
use solver::channel::{BlockFading, Fading};

/// The paper's setting: R = 20, T = L = 4, p = σ² = 1, Rician mean 1 variance 1.
pub fn paper_problem(devices: usize, seed: u64) -> Problem {
    let channels = BlockFading::new(Fading::PAPER, 20, &vec![4; devices], seed).unwrap().block(0);
    Problem::new(channels, vec![1.0; devices], 1.0).unwrap()
}

pub struct Reference {
    pub name: String,
    pub problem: Problem,
    /// `(lower, upper)` by relaxation.
    pub optimal: serde_json::Value,
}

impl Reference {
    pub fn interval(&self, relaxation: &str) -> (f64, f64) {
        let interval = &self.optimal[relaxation];
        (interval["lower"].as_f64().unwrap(), interval["upper"].as_f64().unwrap())
    }
}

/// The certified instances, or `None` (with a message) in a checkout without `shared/` beside it.
pub fn references() -> Option<Vec<Reference>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/reference/transceiver-instances.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not there");
        return None;
    };
    let document: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    Some(document.into_iter().map(reference).collect())
}

fn reference(instance: serde_json::Value) -> Reference {
    let numbers = |value: &serde_json::Value| {
        value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>()
    };
    let rows = |value: &serde_json::Value| value.as_array().unwrap().iter().map(numbers).collect::<Vec<_>>();
    let channels = instance["channels"].as_array().unwrap().iter().map(|channel| {
        let (re, im) = (rows(&channel["re"]), rows(&channel["im"]));
        Mat::from_fn(re.len(), re[0].len(), |i, j| c64::new(re[i][j], im[i][j]))
    });
    let power = numbers(&instance["transmit_power"]);
    let noise = instance["noise_power"].as_f64().unwrap();
    Reference {
        name: instance["name"].as_str().unwrap().to_owned(),
        problem: Problem::new(channels.collect(), power, noise).unwrap(),
        optimal: instance["optimal_value"].clone(),
    }
}

/// All entries of a block's channels.
pub fn entries(block: &[Mat<c64>]) -> Vec<c64> {
    let columns = block.iter().flat_map(|matrix| matrix.col_iter());
    columns.flat_map(|column| column.iter().copied().collect::<Vec<_>>()).collect()
}

/// The sample mean, and its standard error for independent values.
pub fn mean_and_error(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let values: Vec<f64> = values.into_iter().collect();
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, (variance / count).sqrt())
}

/// Asserts that the sample mean is within 4.5 standard errors of what is expected.
#[track_caller]
pub fn assert_within(values: impl IntoIterator<Item = f64>, expected: f64) {
    let (mean, error) = mean_and_error(values);
    assert!((mean - expected).abs() < 4.5 * error, "{mean} ± {error}, expected {expected}");
}
