//! From a relaxation back to a transceiver (theory, section 4).
//!
//! | function | from | to |
//! |---|---|---|
//! | [`design`] | a problem | the best transceiver found, with its certificate |
//! | [`Designer`] | one problem after another | the same, from the last one's where the certificate says that it serves |
//! | [`design_zero_forcing`] | a problem | the best zero-forcing transceiver found, with its certificate |
//! | [`gaussian_randomization`] | a relaxation's `X` | the best of many random zero-forcing transceivers |
//! | [`dominant_subspace`] | a relaxation's `X` | an aggregator, exact where `rank X ≤ L` |
//! | [`refine`] | an aggregator | a stationary point of P_s |
//! | [`alternating`] | an aggregator | the same by alternating between both sides: slower, and simple |
//! | [`refine_zero_forcing`] | an aggregator | a zero-forcing transceiver that no small change improves |

mod alternating;
mod design;
mod designer;
mod randomization;
mod refinement;
mod relaxed;
mod search;
mod smooth_alpha;
mod subspace;
mod zero_forcing;

pub use alternating::alternating;
pub use design::{Design, DesignOptions, Method, design, lower_bound};
pub use designer::Designer;
pub use randomization::{Randomization, gaussian_randomization};
pub use refinement::{Refined, Refinement, refine};
pub use subspace::dominant_subspace;
pub use zero_forcing::{design_zero_forcing, refine_zero_forcing, scaled_zero_forcing};

use crate::error::{Error, Quantity};
use crate::linalg::require_matrix;
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

fn scaled(matrix: MatRef<'_, c64>, factor: f64) -> Mat<c64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] * factor)
}

/// Checks a relaxation's `X`, `R×R`.
fn require_relaxed(problem: &Problem, relaxed: MatRef<'_, c64>) -> Result<(), Error> {
    let side = problem.receive_antennas();
    require_matrix(relaxed, (side, side), Quantity::PrimalMatrix, 0)
}
