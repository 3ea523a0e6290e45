//! All tests of the crate but those that need a global allocator of their own, or the feature `serde`: one program, because each links all of faer.

mod common;

mod assignment_optimality;
mod assignment_state;
mod assignment_values;
#[cfg(feature = "clarabel-sdp")]
mod backends;
mod bad_input;
mod baseline;
mod batch;
mod channel_errors;
mod csi;
mod csi_design;
mod design;
mod designer;
mod gauss_markov;
mod inputs;
mod recovery;
mod recovery_extremes;
mod relaxation;
mod relaxation_concave;
mod relaxation_units;
mod robust_relaxations;
mod rounding;
mod sca_assignment;
mod sca_backends;
mod sca_degenerate;
mod sca_errors;
mod sca_examples;
mod sca_programs;
mod sca_residual;
mod sca_scales;
mod sca_schedules;
mod sca_state;
mod sca_subproblem;
mod streams;
mod transceiver;
