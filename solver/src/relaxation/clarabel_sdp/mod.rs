//! The relaxations as semidefinite programs for Clarabel (feature `clarabel-sdp`): an independent check of the native
//! methods, with which it shares no algorithm.
//!
//! Each is solved in its dual form over `𝒰` (theory, section 3), whose variables are the `U_n`:
//!
//! | relaxation | max | s.t. for each `n` | and |
//! |---|---|---|---|
//! | `lambda_min` | `Σ c_n tr U_n` | `U_n ⪰ 0` | `Σ H_n U_n H_n^H ⪯ I` |
//! | `trace_inverse` | `Σ 2 tr V_n − q_n s_n` | `[U_n V_n; V_n s_n I] ⪰ 0` | `Σ H_n U_n H_n^H ⪯ I` |
//! | `mmse` | `Σ 2 tr V_n − q_n s_n − ‖V_n‖_F²/v_n` | `[U_n V_n; V_n s_n I] ⪰ 0` | `Σ H_n U_n H_n^H ⪯ σ² I` |
//!
//! with `c_n = T_n v_n/p_n`, `q_n = p_n/v_n`, Hermitian `V_n` and real `s_n`. They are the conic duals of min `tr X` s.t.
//! `[Y_n I; I M_n] ⪰ 0`, `tr Y_n ≤ q_n`, and of min `Σ v_n ‖W_n‖_F² + σ² tr X` s.t. `[P_n, I − W_n; I − W_n, M_n] ⪰ 0`,
//! `tr P_n ≤ q_n`, with `M_n = H_n^H X H_n`; `W_n = μ_n(M_n + μ_n I)^{-1}` at the optimum. Given `U_n`, the best `V_n = (s_n U_n)^{1/2}`
//! with the best `s_n` leave the objectives of that table, `(tr U_n^{1/2})²/q_n` and `v_n (tr U_n^{1/2})²/(p_n + tr U_n)`. The multiplier of
//! the last constraint is `X`.
//!
//! `R` is reduced to `min(R, Σ T_n)` by a QR decomposition of `[H_1 … H_N]`: the optimal `X` lives in the range of the
//! channels. Clarabel has no complex cone, so Hermitian matrices enter as real ones of twice the side ([`Program`]).
//!
//! What it reaches: certified gaps of 1e-8 to 1e-5, for `mmse` with signal-to-noise ratios from about −10 to 40 dB (beyond, and on a few channels in a hundred, percents);
//! it often ends `AlmostSolved`. The cone calls LAPACK: Debian's
//! `libopenblas-dev`. Set `OPENBLAS_NUM_THREADS=1`: the matrices are small.

mod embedding;
mod model;
mod program;

pub use embedding::basis;
pub use model::{Model, range};
pub use program::{Factorization, Program, Run, Settings};

use super::{Backend, Options, Points, Relaxation, Solution};
use crate::error::Error;
use crate::problem::Problem;

/// Clarabel is asked for this fraction of the certified gap: its points miss their cones by about its tolerance, and making them
/// feasible costs up to some hundred times that.
const GAP_SHARE: f64 = 1e-3;
/// The least tolerance Clarabel is asked for; below it rounding in the doubled cones decides.
const LEAST_TOLERANCE: f64 = 1e-10;

/// All three relaxations by Clarabel's semidefinite cone, from scratch each time, on one thread.
///
/// ```
/// use solver::channel::{BlockFading, Fading};
/// use solver::relaxation::clarabel_sdp::ClarabelSdp;
/// use solver::relaxation::{Options, Relaxation, Solver};
/// use solver::Problem;
///
/// let problem = Problem::new(BlockFading::new(Fading::PAPER, 6, &[2; 2], 1)?.block(0), vec![1.0; 2], 1.0)?;
/// let options = Options { relative_gap: 1e-5, ..Options::default() };
/// for relaxation in Relaxation::ALL {
///     let native = relaxation.solve(&problem, &options)?.certificate;
///     let mut clarabel = Solver::with_backend(relaxation, options, ClarabelSdp)?;
///     let check = clarabel.solve(&problem)?.certificate;
///     assert!(check.lower <= native.upper && native.lower <= check.upper);
/// }
/// # Ok::<(), solver::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClarabelSdp;

impl Backend for ClarabelSdp {
    /// Clarabel's last points however it ended, so long as they are finite.
    ///
    /// # Errors
    /// [`Error::RankDeficient`] where the relaxation is infeasible; [`Error::Numerical`] where Clarabel leaves no points.
    fn points(
        &mut self,
        relaxation: Relaxation,
        problem: &Problem,
        options: &Options,
        _warm: Option<&Solution>,
    ) -> Result<Points, Error> {
        let model = Model::new(relaxation, problem)?;
        let mut run = model.program().prepare(&Settings {
            tolerance: (GAP_SHARE * options.relative_gap).max(LEAST_TOLERANCE),
            max_iterations: options.max_iterations,
            ..Settings::default()
        })?;
        run.solve();
        model.points(&run)
    }
}
