//! What an evaluation found.

use serde::{Deserialize, Serialize};

use crate::configuration::{Configuration, LinkKind};

/// What one run found: everything that the reports show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// What was run.
    pub configuration: Configuration,
    /// The checkpoint.
    pub model: ModelSummary,
    /// The text.
    pub text: TextSummary,
    /// How the perplexity was measured, in one sentence.
    pub protocol: String,
    /// One row per link and number of devices, in the order of the configuration (links outside, devices inside).
    pub rows: Vec<Row>,
    /// How good transceivers are, for each number of devices that transmit; empty where nothing goes over the air.
    #[serde(default)]
    pub transceivers: Vec<TransceiverStudy>,
    /// Uniform against optimized shares; none where there is nothing to share (one device).
    pub assignment: Option<AssignmentStudy>,
}

/// The checkpoint that was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// What to call it.
    pub name: String,
    /// Number of weights.
    pub parameters: u64,
    /// Transformer layers.
    pub layers: usize,
    /// Width of the residual stream, the paper's `L_0`.
    pub hidden_size: usize,
    /// Attention heads.
    pub heads: usize,
    /// Key–value heads.
    pub key_value_heads: usize,
    /// Columns of the MLP.
    pub intermediate_size: usize,
    /// Tokens in the vocabulary.
    pub vocabulary: usize,
}

/// The text that was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSummary {
    /// What to call it.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Length in tokens.
    pub tokens: u64,
    /// Windows evaluated.
    pub windows: u64,
    /// Tokens predicted, over which the perplexity averages.
    pub predicted_tokens: u64,
}

/// One link with one number of devices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The link.
    pub link: LinkKind,
    /// Number of devices `N`.
    pub devices: usize,
    /// Measured transmission error per symbol vector, in the units of (7): symbols of unit mean power.
    pub mse: f64,
    /// Measured error of the sums over their energy, in the units of the activations.
    pub nmse: f64,
    /// Perplexity (23).
    pub perplexity: f64,
    /// Milliseconds per generated token: computing and communicating.
    pub ms_per_token: f64,
    /// Joules per generated token, all devices and the server together.
    pub joules_per_token: f64,
    /// Standard error of the perplexity over the windows; none for a single window.
    pub perplexity_standard_error: Option<f64>,
    /// What (7) says [`mse`](Self::mse) should be; none where (7) does not apply.
    pub expected_mse: Option<f64>,
    /// The computing part of [`ms_per_token`](Self::ms_per_token).
    pub compute_ms_per_token: f64,
    /// The communicating part of [`ms_per_token`](Self::ms_per_token).
    pub communication_ms_per_token: f64,
}

/// A mean and its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The sample mean.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
}

/// MSE (7) of transceivers of `N` devices, averaged over channels that the run did not use elsewhere, symbols of unit variance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TransceiverStudy {
    /// Number of devices `N`.
    pub devices: usize,
    /// Channels averaged over.
    pub channels: u64,
    /// The papers' pipeline: relaxation (17), 100 Gaussian randomizations, zero forcing.
    pub paper: Estimate,
    /// Local refinement of the true problem from there.
    pub refined: Estimate,
    /// Certified lower bound on the MSE of every transceiver; none where devices have more antennas than there are streams.
    pub bound: Option<Estimate>,
}

/// Uniform against optimized shares of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssignmentStudy {
    /// `e_n · s_tot / P_n^max` of each device.
    pub energy_coefficients: Vec<f64>,
    /// Equal shares.
    pub uniform_shares: Vec<f64>,
    /// The shares found.
    pub optimized_shares: Vec<f64>,
    /// How stochastic successive convex approximation got there.
    pub iterations: Vec<AssignmentIteration>,
    /// `E[σ²α]` of relaxation (17), what the optimization lowers, with uniform shares, on channels it never saw.
    pub objective_uniform: Estimate,
    /// The same with the optimized shares, on the same channels.
    pub objective_optimized: Estimate,
    /// `E[MSE]` of the configured transceivers with uniform shares.
    pub uniform: Estimate,
    /// `E[MSE]` with the optimized shares, on the same channels.
    pub optimized: Estimate,
    /// Uniform minus optimized, channel by channel.
    pub difference: Estimate,
    /// Channels over which the three average; none of them was used to find the shares.
    pub samples: usize,
}

/// One iteration of stochastic successive convex approximation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AssignmentIteration {
    /// Which one, from 0.
    pub iteration: usize,
    /// The running estimate (19) of the objective, `E[σ²α]` of relaxation (17).
    pub estimate: f64,
    /// Distance to the surrogate's minimizer, in the optimization's own coordinates (power spent on computing).
    pub residual: f64,
}
