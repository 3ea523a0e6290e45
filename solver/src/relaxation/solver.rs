//! One way from a relaxation to a certified solution, whoever computes the points.

use super::bounds::own_optima;
use super::native::Native;
use super::{Options, Points, Relaxation, Solution};
use crate::error::Error;
use crate::problem::Problem;

/// Goals tighter than the one asked for that a backend is given where its points' certificate misses it, each this part of the last.
const TIGHTER: f64 = 0.1;
const TIGHTER_GOALS: usize = 2;

/// An algorithm that finds near-optimal points of the relaxations.
///
/// [`Solver`] hands it problems in units in which their powers are near 1. Its points are trusted in nothing: [`Solver`] makes them feasible and computes their certificate from the problem's data.
pub trait Backend {
    /// Points of `relaxation` at `problem`, as near to optimal as `options` ask or as the algorithm gets; `warm` are points of a
    /// similar problem, for algorithms that can start from them; those of another shape are none. They need not be exactly feasible.
    ///
    /// # Errors
    /// [`Error::Numerical`] where there is no point at all; whatever else shows that the problem has none.
    fn points(
        &mut self,
        relaxation: Relaxation,
        problem: &Problem,
        options: &Options,
        warm: Option<&Solution>,
    ) -> Result<Points, Error>;

    /// Whether the last call of [`points`](Self::points) started from `warm`: where what it led to is not good enough, [`Solver`] calls once more,
    /// without. Default: `false`.
    fn started_warm(&self) -> bool {
        false
    }
}

impl<B: Backend> Backend for &mut B {
    fn points(
        &mut self,
        relaxation: Relaxation,
        problem: &Problem,
        options: &Options,
        warm: Option<&Solution>,
    ) -> Result<Points, Error> {
        (**self).points(relaxation, problem, options, warm)
    }

    fn started_warm(&self) -> bool {
        (**self).started_warm()
    }
}

/// Solves one relaxation for one problem after another, in memory that is kept.
///
/// The backend is given the last solution where shapes agree. [`Native`] starts `trace_inverse` and `mmse` from it, unless the channels have changed
/// too much for that to save time; `lambda_min` always starts from scratch, and gains by the memory alone. Where a warm start does not lead to the
/// gap asked for, the problem is solved from scratch as well, and the better of each bound is kept: a `Solver` fails on no problem that
/// [`Relaxation::solve`] solves.
///
/// ```
/// use solver::channel::{Fading, GaussMarkov};
/// use solver::relaxation::{Options, Relaxation, Solver};
/// use solver::Problem;
///
/// let mut solver = Solver::new(Relaxation::Mmse, Options::default())?;
/// for channels in GaussMarkov::new(Fading::PAPER, 0.99, 20, &[4; 4], 1)?.take(3) {
///     let solution = solver.solve(&Problem::new(channels, vec![1.0; 4], 1.0)?)?;
///     assert!(solution.certificate.relative_gap() <= 1e-7);
/// }
/// # Ok::<(), solver::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Solver<B = Native> {
    relaxation: Relaxation,
    options: Options,
    backend: B,
    last: Option<Solution>,
}

impl Solver<Native> {
    /// A solver that uses the native methods.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub fn new(relaxation: Relaxation, options: Options) -> Result<Self, Error> {
        Self::with_backend(relaxation, options, Native::default())
    }
}

impl<B: Backend> Solver<B> {
    /// A solver that uses `backend`.
    ///
    /// # Errors
    /// [`Error::InvalidOption`].
    pub fn with_backend(relaxation: Relaxation, options: Options, backend: B) -> Result<Self, Error> {
        options.validate()?;
        Ok(Self { relaxation, options, backend, last: None })
    }

    /// The solution at `problem`, with its certificate.
    ///
    /// The backend is given the problem in units in which its powers are near 1, powers of two apart from the caller's, so that nothing depends on
    /// them. Where its points have a wider certificate than it was asked for, as the rounding of ill-conditioned channels makes it, it is asked for a tenth of
    /// the gap, and again, and the better of each bound is kept.
    ///
    /// # Errors
    /// - [`Error::NotConverged`], with the best bounds, if the certified relative gap is above `options.relative_gap`; the points are in
    ///   [`last`](Self::last);
    /// - [`Error::RankDeficient`] if some `H_n` lacks full column rank, where `lambda_min` and `trace_inverse` are infeasible;
    /// - [`Error::TooManyUnknowns`] from the native methods; [`Error::Numerical`].
    pub fn solve(&mut self, problem: &Problem) -> Result<&Solution, Error> {
        let warm = self.last.take().filter(|last| last.fits(problem));
        let (scaled, units) = self.relaxation.units(problem);
        let found = self.best(&scaled, warm.map(|last| units.warm(last)))?;
        let solution = self.last.insert(units.restore(self.relaxation, found)?);
        if suffices(solution, &self.options) {
            return Ok(solution);
        }
        Err(Error::NotConverged {
            iterations: solution.iterations,
            lower: solution.certificate.lower,
            upper: solution.certificate.upper,
            tolerance: self.options.relative_gap,
        })
    }

    /// The best of a warm start, a cold one, tighter goals, and what the devices want that no condition of their channels harms.
    fn best(&mut self, problem: &Problem, warm: Option<Solution>) -> Result<Solution, Error> {
        let options = self.options;
        let mut best = self.attempt(problem, &options, warm.as_ref());
        if self.backend.started_warm() && !is_enough(&best, &options) {
            best = better(best, self.attempt(problem, &options, None));
        }
        let mut tighter = options;
        for _ in 0..TIGHTER_GOALS {
            let done = match &best {
                Ok(found) => suffices(found, &options) || found.iterations >= options.max_iterations,
                Err(error) => !matches!(error, Error::Numerical { .. }),
            };
            tighter.relative_gap *= TIGHTER;
            if done || tighter.validate().is_err() {
                break;
            }
            best = better(best, self.attempt(problem, &tighter, None));
        }
        match &best {
            Ok(found) if suffices(found, &options) => best,
            Ok(_) | Err(Error::Numerical { .. }) => match own_optima(self.relaxation, problem) {
                Some(own) => better(best, Ok(own)),
                None => best,
            },
            Err(_) => best,
        }
    }

    /// What the backend finds from one start, certified.
    fn attempt(
        &mut self,
        problem: &Problem,
        options: &Options,
        warm: Option<&Solution>,
    ) -> Result<Solution, Error> {
        let Points { primal, dual, iterations } =
            self.backend.points(self.relaxation, problem, options, warm)?;
        self.relaxation.certified(problem, primal.as_ref(), &dual, iterations)
    }

    /// The last solution: that of the last problem, also where [`solve`](Self::solve) returned [`Error::NotConverged`], or `None` where there was none
    /// or it was forgotten.
    pub fn last(&self) -> Option<&Solution> {
        self.last.as_ref()
    }

    /// [`last`](Self::last), for keeps.
    pub fn into_last(self) -> Option<Solution> {
        self.last
    }

    /// The relaxation that it solves.
    pub fn relaxation(&self) -> Relaxation {
        self.relaxation
    }

    /// When it stops.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What finds the points.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// Forgets the last solution: the next problem is solved from scratch.
    pub fn forget(&mut self) {
        self.last = None;
    }
}

fn suffices(solution: &Solution, options: &Options) -> bool {
    solution.certificate.relative_gap() <= options.relative_gap
}

fn is_enough(found: &Result<Solution, Error>, options: &Options) -> bool {
    found.as_ref().is_ok_and(|found| suffices(found, options))
}

/// The better of each bound, the later error where there is none.
fn better(one: Result<Solution, Error>, other: Result<Solution, Error>) -> Result<Solution, Error> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok(one.or_better(other)),
        (Ok(only), Err(_)) | (Err(_), Ok(only)) => Ok(only),
        (Err(_), Err(error)) => Err(error),
    }
}

impl Relaxation {
    /// All three, from the papers' to the tightest.
    pub const ALL: [Self; 3] = [Self::LambdaMin, Self::TraceInverse, Self::Mmse];

    /// The name in formulas, file formats and command lines: `lambda_min`, `trace_inverse`, `mmse`.
    pub fn name(self) -> &'static str {
        match self {
            Self::LambdaMin => "lambda_min",
            Self::TraceInverse => "trace_inverse",
            Self::Mmse => "mmse",
        }
    }

    /// Solves this relaxation of one problem, from scratch, with the native method.
    ///
    /// # Errors
    /// As [`Solver::solve`], and [`Error::InvalidOption`].
    pub fn solve(self, problem: &Problem, options: &Options) -> Result<Solution, Error> {
        self.solve_in(&mut Native::default(), problem, options)
    }

    /// The same in memory that other problems may have used.
    pub(crate) fn solve_in(
        self,
        memory: &mut Native,
        problem: &Problem,
        options: &Options,
    ) -> Result<Solution, Error> {
        let mut solver = Solver::with_backend(self, *options, memory)?;
        solver.solve(problem)?;
        solver.into_last().ok_or(Error::Numerical { operation: "the relaxation" })
    }
}

impl std::fmt::Display for Relaxation {
    /// Its [`name`](Self::name).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
