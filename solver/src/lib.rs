//! t

pub mod sca;
