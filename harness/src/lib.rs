//! Tensor-parallel LLaMA inference whose all-reduces go over a simulated wireless channel.
//!
//! A model is cut into shares, one per device ([`shard`], [`llama`]); the partial outputs of every attention and every MLP block are
//! summed over a [`link`]; a [`cluster`] drives server and devices; [`evaluate`] measures perplexity, transmission error, time and
//! energy, and [`report`] writes them down. What is run is one [`configuration`]. The `aircomp` program is [`cli`].
//!
//! ```no_run
//! use harness::configuration::{Configuration, LinkKind};
//! use harness::report::Silent;
//!
//! let configuration = Configuration { devices: vec![4], links: vec![LinkKind::Air], snr_db: 10.0, ..Configuration::default() };
//! let evaluation = harness::evaluate::run(&configuration, &Silent)?;
//! println!("perplexity {} at an NMSE of {}", evaluation.rows[0].perplexity, evaluation.rows[0].nmse);
//! # Ok::<(), harness::evaluate::EvaluateError>(())
//! ```

pub mod checkpoint;
pub mod cli;
pub mod cluster;
pub mod configuration;
pub mod evaluate;
pub mod instance;
pub mod link;
pub mod llama;
pub mod report;
pub mod shard;
