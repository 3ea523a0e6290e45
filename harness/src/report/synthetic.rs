//! A made-up report for the tests of the formats.

use super::*;
use crate::configuration::{Configuration, LinkKind, ModelSource};

/// Four links by four numbers of devices, shaped like the paper's Figure 2.
pub(crate) fn report() -> Report {
    let configuration = Configuration {
        model: ModelSource::Directory("models/<b>\"tiny\" & co".into()),
        energy_coefficients: vec![0.1, 0.2, 0.4, 0.8],
        ..Configuration::default()
    };
    let mut rows = Vec::new();
    for &link in &configuration.links {
        for &devices in &configuration.devices {
            let n = devices as f64;
            let (mse, communication) = match link {
                LinkKind::Exact => (0.0, 0.0),
                LinkKind::Air => (0.9 + 0.13 * n, 0.3 + 0.01 * n),
                LinkKind::Digital => (1.1e-4 * n, 0.2 * n),
                LinkKind::Fdma => (3.1 * n, 0.12 * n),
            };
            let nmse = mse / (8.0 * n);
            let compute = 1.8 / n;
            rows.push(Row {
                link,
                devices,
                mse,
                nmse,
                perplexity: 33.92 * (nmse * 1.1).exp(),
                ms_per_token: compute + communication,
                joules_per_token: 0.02 + 0.001 * n,
                perplexity_standard_error: Some(0.91),
                expected_mse: (link == LinkKind::Air).then_some(mse * 1.001),
                compute_ms_per_token: compute,
                communication_ms_per_token: communication,
            });
        }
    }
    let iterations = (0..300)
        .map(|iteration| {
            let t = f64::from(iteration);
            AssignmentIteration {
                iteration: iteration as usize,
                estimate: 2.1 + 0.5 * (-t / 40.0).exp() + 0.3 * (t * 0.7).sin() / (t + 2.0),
                residual: 0.2 / (t + 1.0),
            }
        })
        .collect();
    let estimate = |mean| Estimate { mean, standard_error: 0.02 };
    let assignment = Some(AssignmentStudy {
        energy_coefficients: configuration.energy_coefficients_of(4),
        uniform_shares: vec![0.25; 4],
        optimized_shares: vec![0.52, 0.26, 0.14, 0.08],
        iterations,
        objective_uniform: Estimate { mean: 1.45, standard_error: 0.02 },
        objective_optimized: Estimate { mean: 1.21, standard_error: 0.02 },
        uniform: estimate(2.5),
        optimized: estimate(2.1),
        difference: Estimate { mean: 0.4, standard_error: 0.01 },
        samples: 200,
    });
    let transceivers = [2.0, 4.0, 8.0].map(|n| TransceiverStudy {
        devices: n as usize,
        channels: 20,
        paper: estimate(0.8 * n),
        refined: estimate(0.9 + 0.13 * n),
        bound: Some(estimate(0.9 + 0.11 * n)),
    });
    let evaluation = Evaluation {
        model: ModelSummary {
            name: configuration.model.to_string(),
            parameters: 4_458_752,
            layers: 4,
            hidden_size: 256,
            heads: 8,
            key_value_heads: 8,
            intermediate_size: 768,
            vocabulary: 4096,
        },
        text: TextSummary {
            name: "bundled text".into(),
            bytes: 20_480,
            tokens: 5_300,
            windows: 20,
            predicted_tokens: 5_100,
        },
        protocol: "Disjoint windows of 256 tokens, each alone, all shifted targets, the tail dropped.".into(),
        rows,
        transceivers: transceivers.into(),
        assignment,
        configuration,
    };
    Report::new(
        evaluation,
        ["aircomp", "eval", "--model", "models/<b>\"tiny\" & co"].map(String::from).into(),
    )
}
