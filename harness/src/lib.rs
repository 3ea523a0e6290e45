//! Tensor-parallel LLaMA inference whose all-reduces go over a simulated wireless channel.

pub mod checkpoint;
pub mod cluster;
pub mod configuration;
pub mod link;
pub mod llama;
pub mod report;
pub mod shard;
