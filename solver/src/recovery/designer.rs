//! Transceivers for a sequence of channels, each from the last.

use super::relaxed::Relaxed;
use super::search::{Found, finish, search};
use super::{Design, DesignOptions, Method, refine, scaled};
use crate::error::Error;
use crate::linalg::{squared_norm, unit_of};
use crate::problem::Problem;
use crate::relaxation::{Relaxation, Solver};
use faer::{Mat, MatRef, c64};

/// 1 dB.
const LEVEL_CHANGE: f64 = 1.258_925_411_794_167_3;
/// A channel jumps where its change has more than this share of its power.
const JUMP: f64 = 0.5;

/// Designs a transceiver for one problem after another: refines the last one, and searches as [`design`](super::design()) does only where
/// the certificate says that this no longer serves, or cannot say it.
///
/// Every block's `mmse` relaxation is solved, from the last solution ([`Solver`]), so every [`Design`] has its bound. The last
/// aggregator, where it has the shape `R×L` of the new problem's, is refined ([`refine`]). The result is taken if the problem is of the same kind and
///
/// `mse/bound ≤ (1 + drift) · (the least mse/bound since the last search)`, `drift` of [`DesignOptions`];
///
/// else there is a search, and the better of both counts. A result depends on what came before it, but not on the number of threads.
///
/// How loose the bound is depends on the kind of problem, so ratios compare within one kind only. It is the same as long as
///
/// - `N`, `R`, `T_n` and the streams of each device are those of the last search;
/// - every `p_n`, `v_n` and `σ²` is within 1 dB of that at the last search: power control in smaller steps is followed, and searched once they add up;
/// - no channel jumps: `‖H_n − H_n'‖² ≤ ½ max(‖H_n‖², ‖H_n'‖²)` from one block to the next. (Gauss–Markov fading of zero mean passes at
///   correlations above 3/4.)
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
    /// Powers, variances and noise power at the last search.
    levels: Vec<f64>,
    streams: Vec<Vec<usize>>,
    /// Those of the last block.
    channels: Vec<Mat<c64>>,
}

impl Last {
    /// Whether ratios from before compare with those of `problem`.
    fn is_like(&self, problem: &Problem) -> bool {
        let channels = || self.channels.iter().zip(problem.channels());
        self.channels.len() == problem.devices()
            && self.streams == problem.device_streams()
            && channels().all(|(before, now)| before.shape() == now.shape())
            && self.levels.iter().zip(levels(problem)).all(|(&a, b)| a.max(b) <= LEVEL_CHANGE * a.min(b))
            && channels().all(|(before, now)| !jumps(before.as_ref(), now.as_ref()))
    }
}

fn levels(problem: &Problem) -> Vec<f64> {
    [problem.transmit_power(), problem.signal_variance(), &[problem.noise_power()]].concat()
}

fn jumps(before: MatRef<'_, c64>, now: MatRef<'_, c64>) -> bool {
    let unit = unit_of(before).max(unit_of(now));
    let [before, now] = [before, now].map(|channel| scaled(channel, unit.recip()));
    let power = |channel: &Mat<c64>| squared_norm(channel.as_ref());
    power(&(&now - &before)) > JUMP * power(&before).max(power(&now))
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
        let (own, units) = problem.in_own_units();
        let Relaxed { weights, bound } = Relaxed::mmse(&own, &mut self.relaxation)?;
        let last = self.last.take();
        let followed = last.as_ref().and_then(|last| {
            let start = units.aggregator(last.design.transceiver.aggregator());
            self.follow(&own, start.as_ref(), bound)
        });
        let next = match (last.filter(|last| last.is_like(problem)), followed) {
            (Some(last), Some(design)) if design.mse / bound <= (1.0 + self.options.drift) * last.least => {
                let least = last.least.min(design.mse / bound);
                Last {
                    design: design.restored(&units)?,
                    least,
                    channels: problem.channels().to_vec(),
                    ..last
                }
            }
            (_, followed) => {
                let found = search(&own, &weights, bound, &self.options)?;
                let design = match followed {
                    None => found,
                    Some(followed) => {
                        let iterations = found.iterations + followed.iterations;
                        let best = if followed.mse < found.mse { followed } else { found };
                        Design { iterations, ..best }
                    }
                };
                Last {
                    least: design.mse / bound,
                    design: design.restored(&units)?,
                    levels: levels(problem),
                    streams: problem.device_streams().to_vec(),
                    channels: problem.channels().to_vec(),
                }
            }
        };
        Ok(&self.last.insert(next).design)
    }

    /// The last design refined, if it can be.
    fn follow(&self, problem: &Problem, start: MatRef<'_, c64>, bound: f64) -> Option<Design> {
        let refined = refine(problem, start, &self.options.refinement).ok()?;
        finish(problem, vec![Found::refined(Method::Last, refined)], Some(bound), 0).ok()
    }

    /// Forgets the last problem: the next is designed from scratch.
    pub fn forget(&mut self) {
        self.relaxation.forget();
        self.last = None;
    }
}
