//! The default choice among the backends.

use super::{BackendFailure, Candidate, ClarabelBackend, NativeBackend, Subproblem, SubproblemSolver};

/// The default backend: [`NativeBackend`] where it applies, [`ClarabelBackend`] elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AutomaticBackend;

impl SubproblemSolver for AutomaticBackend {
    fn solve(&mut self, subproblem: &Subproblem<'_>) -> Result<Candidate, BackendFailure> {
        if NativeBackend::applies(subproblem) {
            NativeBackend.solve(subproblem)
        } else {
            ClarabelBackend.solve(subproblem)
        }
    }
}
