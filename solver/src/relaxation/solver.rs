//! One way from a relaxation to a certified solution, whoever computes the points.

use super::certificate::Certificate;
use super::native::Native;
use super::{Options, Points, Relaxation, Solution, lambda_min, mmse, trace_inverse};
use crate::error::Error;
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

/// An algorithm that finds near-optimal points of the relaxations.
///
/// Its points are trusted in nothing: [`Solver`] makes them feasible and computes their certificate from the problem's data.
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
    /// # Errors
    /// - [`Error::NotConverged`], with the best bounds, if the certified relative gap is above `options.relative_gap`;
    /// - [`Error::RankDeficient`] if some `H_n` lacks full column rank, where `lambda_min` and `trace_inverse` are infeasible;
    /// - [`Error::TooManyUnknowns`] from the native methods; [`Error::Numerical`].
    pub fn solve(&mut self, problem: &Problem) -> Result<&Solution, Error> {
        let warm = self.last.take().filter(|last| last.fits(problem));
        let mut found = self.attempt(problem, warm.as_ref());
        if self.backend.started_warm() && !found.as_ref().is_ok_and(|found| self.suffices(found)) {
            found = match (found, self.attempt(problem, None)) {
                (Ok(warm), Ok(cold)) => Ok(warm.or_better(cold)),
                (Ok(only), Err(_)) | (Err(_), Ok(only)) => Ok(only),
                (Err(_), Err(error)) => Err(error),
            };
        }
        let solution = found?;
        if !self.suffices(&solution) {
            return Err(Error::NotConverged {
                iterations: solution.iterations,
                lower: solution.certificate.lower,
                upper: solution.certificate.upper,
                tolerance: self.options.relative_gap,
            });
        }
        Ok(self.last.insert(solution))
    }

    /// What the backend finds from one start, certified.
    fn attempt(&mut self, problem: &Problem, warm: Option<&Solution>) -> Result<Solution, Error> {
        let Points { primal, dual, iterations } =
            self.backend.points(self.relaxation, problem, &self.options, warm)?;
        let (primal, dual, certificate) = self.relaxation.feasible_points(problem, primal.as_ref(), &dual)?;
        Ok(Solution { primal, dual, certificate, iterations })
    }

    fn suffices(&self, solution: &Solution) -> bool {
        solution.certificate.relative_gap() <= self.options.relative_gap
    }

    /// Forgets the last solution: the next problem is solved from scratch.
    pub fn forget(&mut self) {
        self.last = None;
    }
}

pub(super) type FeasiblePoints = (Mat<c64>, Vec<Mat<c64>>, Certificate);

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
        solver.last.ok_or(Error::Numerical { operation: "the relaxation" })
    }

    /// Bounds on the optimal value from any `X` and `U_n`, whoever computed them: both are made feasible first.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::DeviceCount`], [`Error::NonFiniteEntry`] on malformed points;
    /// [`Error::Numerical`] if no scaling of `X` is feasible.
    pub fn certify(
        self,
        problem: &Problem,
        primal: MatRef<'_, c64>,
        dual: &[Mat<c64>],
    ) -> Result<Certificate, Error> {
        self.feasible_points(problem, primal, dual).map(|(_, _, certificate)| certificate)
    }

    /// The derivative of the optimal value by each device's power limit, `∂v/∂p_n` (envelope theorem; theory, section 5).
    ///
    /// # Errors
    /// [`Error::DeviceCount`], [`Error::Shape`] or [`Error::NonFiniteEntry`] if the solution is that of another problem;
    /// [`Error::Numerical`].
    pub fn power_sensitivity(self, problem: &Problem, solution: &Solution) -> Result<Vec<f64>, Error> {
        match self {
            Self::LambdaMin => lambda_min::power_sensitivity(problem, solution),
            Self::TraceInverse => trace_inverse::power_sensitivity(problem, solution),
            Self::Mmse => mmse::power_sensitivity(problem, solution),
        }
    }

    /// `X` and `U_n` made feasible, with the certificate that they are.
    pub(super) fn feasible_points(
        self,
        problem: &Problem,
        primal: MatRef<'_, c64>,
        dual: &[Mat<c64>],
    ) -> Result<FeasiblePoints, Error> {
        match self {
            Self::LambdaMin => lambda_min::feasible_points(problem, primal, dual),
            Self::TraceInverse => trace_inverse::feasible_points(problem, primal, dual),
            Self::Mmse => mmse::feasible_points(problem, primal, dual),
        }
    }
}
