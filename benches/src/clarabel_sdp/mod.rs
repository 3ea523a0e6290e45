//! The `lambda_min` relaxation (theory, section 3) as a real semidefinite program for Clarabel's `PSDTriangleCone`.
//!
//! min `tr X` s.t. `H_n^H X H_n ⪰ c_n I`, `X ⪰ 0`, and its dual max `Σ c_n tr U_n` s.t. `Σ H_n U_n H_n^H ⪯ I`,
//! `U_n ⪰ 0`. Clarabel has no complex cone: a Hermitian `M` enters as its real [`embedding`] of twice the side.
//!
//! Clarabel gets what a careful modeller would give it: `R` is reduced to `min(R, Σ T_n)` by a QR decomposition of
//! `[H_1 … H_N]` (the optimal `X` lives in the range of the channels), the variables are the real coordinates of the
//! Hermitian unknowns, never the redundant entries of their embeddings, presolve is off (there is nothing to
//! remove), and it runs on one thread.

mod embedding;
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
