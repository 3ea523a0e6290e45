//! Tensor-parallel LLaMA inference whose all-reduces go over a simulated wireless channel.

pub mod link;
