//! Tensor-parallel LLaMA inference whose all-reduces go over a simulated wireless channel.

pub mod configuration;
pub mod link;
pub mod report;
