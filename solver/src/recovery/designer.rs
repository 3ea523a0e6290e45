//! Transceivers for a sequence of channels, each from the last.

use super::design::{finish, relax, search};
use super::{Design, DesignOptions, Method, refine};
use crate::error::Error;
use crate::problem::Problem;
use crate::relaxation::{Relaxation, Solver};

/// Designs a transceiver for one problem after another: refines the last one, and searches as [`design`](super::design()) does only where
/// the certificate says that this no longer serves.
///
/// Every block's `mmse` relaxation is solved, from the last solution ([`Solver`]), so every [`Design`] has its bound. The last
/// aggregator, where it has the shape `R×L` of the new problem's, is refined ([`refine`]). The result is taken if
///
/// `mse/bound ≤ (1 + drift) · (the least mse/bound since the last search)`, `drift` of [`DesignOptions`];
///
/// else there is a search, and the better of both counts. A result depends on what came before it, but not on the number of threads.
///
/// ```
/// use solver::channel::{Fading, GaussMarkov};
/// use solver::Problem;
/// use solver::recovery::{DesignOptions, Designer};
///
/// let mut designer = Designer::new(DesignOptions::default())?;
/// for channels in GaussMarkov::new(Fading::PAPER, 0.99, 20, &[4; 4], 1)?.take(3) {
///     let design = designer.design(&Problem::new(channels, vec![1.0; 4], 1.0)?)?;
///     assert!(design.gap().is_some_and(|gap| gap < 0.05));
/// }
/// # Ok::<(), solver::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Designer {
    options: DesignOptions,
    relaxation: Solver,
    last: Option<Last>,
}

#[derive(Debug, Clone)]
struct Last {
    design: Design,
    /// The least `mse/bound` since the last search.
    least: f64,
}

impl Designer {
    /// A designer that has seen no problem yet.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub fn new(options: DesignOptions) -> Result<Self, Error> {
        options.validate()?;
        Ok(Self { options, relaxation: Solver::new(Relaxation::Mmse, options.relaxation)?, last: None })
    }

    /// The transceiver for `problem`, with its certificate.
    ///
    /// # Errors
    /// As [`design`](super::design()).
    pub fn design(&mut self, problem: &Problem) -> Result<&Design, Error> {
        let (relaxed, bound) = relax(problem, &mut self.relaxation)?;
        let last = self.last.take().and_then(|last| self.follow(problem, bound, &last));
        let next = match last {
            Some(Last { design, least }) if design.mse / bound <= (1.0 + self.options.drift) * least => {
                Last { least: least.min(design.mse / bound), design }
            }
            last => {
                let found = search(problem, relaxed.as_ref(), bound, &self.options)?;
                let design = match last {
                    None => found,
                    Some(Last { design: followed, .. }) => {
                        let iterations = found.iterations + followed.iterations;
                        let best = if followed.mse < found.mse { followed } else { found };
                        Design { iterations, ..best }
                    }
                };
                Last { least: design.mse / bound, design }
            }
        };
        Ok(&self.last.insert(next).design)
    }

    /// The last design refined, if it can be.
    fn follow(&self, problem: &Problem, bound: f64, last: &Last) -> Option<Last> {
        let refined = refine(problem, last.design.transceiver.aggregator(), &self.options.refinement).ok()?;
        let design = finish(vec![(Method::Last, refined)], Some(bound), 0).ok()?;
        Some(Last { design, least: last.least })
    }

    /// Forgets the last problem: the next is designed from scratch.
    pub fn forget(&mut self) {
        self.relaxation.forget();
        self.last = None;
    }
}
