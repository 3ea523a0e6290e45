//! Clarabel as a peer of `lambda_min`: two forms of the program and two factorizations, on the semidefinite programs of
//! [`solver::relaxation::clarabel_sdp`].
//!
//! Clarabel gets what a careful modeller would give it: `R` is reduced to `min(R, Σ T_n)` by a QR decomposition of
//! `[H_1 … H_N]` (the optimal `X` lives in the range of the channels), the variables are the real coordinates of the
//! Hermitian unknowns, never the redundant entries of their embeddings, presolve is off (there is nothing to
//! remove), and it runs on one thread.

mod form;

pub use form::{Answer, Factorization, Form, Model, Run};

use std::process::Command;

/// Makes OpenBLAS run on one thread: replaces this process by one started with `OPENBLAS_NUM_THREADS=1`, which
/// OpenBLAS reads once, when it is loaded. Returns in that process; the first one exits with its status.
///
/// # Panics
/// If the program cannot be started again.
pub fn use_one_thread() {
    const THREADS: &str = "OPENBLAS_NUM_THREADS";
    if std::env::var(THREADS).is_ok_and(|threads| threads == "1") {
        return;
    }
    let program = std::env::current_exe().expect("the path of this program");
    let status = Command::new(program).args(std::env::args_os().skip(1)).env(THREADS, "1").status();
    std::process::exit(status.expect("this program started again").code().unwrap_or(1));
}
