//! What most programs need: `use solver::prelude::*;`.
//!
//! ```
//! use solver::prelude::*;
//!
//! let problem = Problem::new(BlockFading::new(Fading::PAPER, 20, &[4; 2], 7)?.block(0), vec![1.0; 2], 1.0)?;
//! let solution = Relaxation::LambdaMin.solve(&problem, &Default::default())?;
//! let start = recovery::gaussian_randomization(&problem, solution.primal.as_ref(), &Default::default())?;
//! start.check_power(&problem)?;
//! # Ok::<(), Error>(())
//! ```

pub use crate::channel::{BlockFading, Fading, GaussMarkov};
pub use crate::csi::ChannelError;
pub use crate::error::{Error, Quantity};
pub use crate::problem::Problem;
pub use crate::relaxation::{Certificate, Relaxation, Scope, Solution, Solver};
pub use crate::transceiver::{MeanSquaredError, Transceiver};
pub use crate::{baseline, batch, csi, recovery, relaxation};
pub use faer::{Mat, c64};
