//! Tensor-parallel LLaMA inference whose all-reduces go over a simulated wireless channel.

pub mod cli;
pub mod configuration;
pub mod instance;
pub mod link;
pub mod report;
