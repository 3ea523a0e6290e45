//! The iteration (19) to (22).

use std::ops::ControlFlow;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::options::{Confirmation, require_sampling};
use super::polyhedron::FEASIBILITY_TOLERANCE;
use super::subproblem::{AutomaticBackend, Step, SubproblemSolver, solve};
use super::surrogate::{accumulate, average_in};
use super::vector::{difference, norm};
use super::{
    Evaluation, Function, IterationRecord, ResidualEstimate, ScaError, ScaOptions, ScaReport, ScaState,
    StochasticProgram, Surrogate, TerminationReason,
};
use crate::statistics::{mean_and_error, student_quantile};

/// Streams of the confirmations' samples, far from those of the iterations.
const CONFIRMATION_STREAM: u64 = 1 << 63;

/// Stochastic successive convex approximation of one program; see the [module](super) for the method.
#[derive(Debug)]
pub struct StochasticSca<'a, P, B = AutomaticBackend> {
    program: &'a P,
    options: ScaOptions,
    backend: B,
}

impl<'a, P: StochasticProgram> StochasticSca<'a, P> {
    /// The method with subproblems solved by [`AutomaticBackend`].
    pub fn new(program: &'a P, options: ScaOptions) -> Self {
        Self { program, options, backend: AutomaticBackend }
    }
}

impl<'a, P: StochasticProgram, B: SubproblemSolver> StochasticSca<'a, P, B> {
    /// The same with another backend for the subproblems.
    pub fn with_backend<C: SubproblemSolver>(self, backend: C) -> StochasticSca<'a, P, C> {
        StochasticSca { program: self.program, options: self.options, backend }
    }

    /// Runs from `start` ∈ 𝒳 (length = dimension).
    ///
    /// # Errors
    /// As [`StochasticSca::run_observed`].
    pub fn run(&mut self, start: &[f64]) -> Result<ScaReport, ScaError<P::Error>> {
        self.run_observed(start, |_| ControlFlow::Continue(()))
    }

    /// Runs from `start` and shows each iteration to `observer`, which may stop the run.
    ///
    /// # Errors
    /// [`ScaError`]: a start that is malformed or outside 𝒳 (it is never moved silently;
    /// [`super::Polyhedron::project`] moves it on request), an evaluation that is malformed or not finite, the program's
    /// own errors, or a subproblem without an answer that stands the re-check.
    pub fn run_observed(
        &mut self,
        start: &[f64],
        observer: impl FnMut(&IterationRecord) -> ControlFlow<()>,
    ) -> Result<ScaReport, ScaError<P::Error>> {
        let mut state = self.start(start)?;
        self.resume(&mut state, observer)
    }

    /// The state of a run from `start` before its first iteration, for [`StochasticSca::resume`].
    ///
    /// # Errors
    /// [`ScaError`]: a start that is malformed or outside 𝒳.
    pub fn start(&self, start: &[f64]) -> Result<ScaState, ScaError<P::Error>> {
        self.check_point(start)?;
        Ok(ScaState::at(start))
    }

    /// Continues from `state` until the options' number of iterations, counted from the start, or an earlier end.
    ///
    /// `state` is advanced in place, one finished iteration at a time: after an error it is that of the last one finished.
    ///
    /// # Errors
    /// As [`StochasticSca::run_observed`]; [`ScaError::StateFunctions`] if the state is that of another program,
    /// [`ScaError::NothingLeft`] if it has done all iterations.
    pub fn resume(
        &mut self,
        state: &mut ScaState,
        mut observer: impl FnMut(&IterationRecord) -> ControlFlow<()>,
    ) -> Result<ScaReport, ScaError<P::Error>> {
        self.check_point(&state.point)?;
        self.check_fit(state)?;
        let mut history: Vec<IterationRecord> = Vec::new();
        let mut ended = None;
        while ended.is_none() && state.iteration < self.options.iterations {
            let (next, record) = self.iterate(state)?;
            *state = next;
            let stop = observer(&record).is_break();
            if state.quiet >= self.options.residual_patience {
                ended = self.tolerance_met(state, record.residual)?;
            }
            if stop {
                ended = ended.or(Some(TerminationReason::StoppedByObserver));
            }
            history.push(record);
        }
        let termination = ended.unwrap_or_else(|| self.at_the_end(history.last()));
        let guaranteed = self.options.schedules.guaranteed();
        Ok(ScaReport { point: state.point.clone(), termination, guaranteed, history })
    }

    /// Estimates the optimality residual `‖x̂ − x‖` of (21) at `point` ∈ 𝒳, with the true expectation of the gradient, from
    /// `samples` samples chosen by `seed`; for programs without stochastic constraints.
    ///
    /// The bound: `x̂ = Π_𝒳(x − ∇F/(2η_0))`, and projections do not expand distances, so an error `e` of the gradient moves the
    /// residual by at most `‖e‖/(2η_0)`. Each of the `n` entries of `e` is within `t s_j/√samples` with confidence `1 − δ/n`, `t` the
    /// two-sided Student quantile and `s_j` the sample deviation, hence all of them with confidence `1 − δ` (Bonferroni). This is
    /// exact for Gaussian gradients whatever their correlations, and asymptotic in `samples` for others (central limit). The
    /// samples must have had no part in finding `point`: choose another seed than the run's.
    ///
    /// # Errors
    /// [`ScaError::Options`] for fewer than two samples or a confidence outside (0, 1);
    /// [`ScaError::ConfirmationWithConstraints`]; otherwise as [`StochasticSca::run_observed`].
    pub fn estimate_residual(
        &mut self,
        point: &[f64],
        samples: usize,
        confidence: f64,
        seed: u64,
    ) -> Result<ResidualEstimate, ScaError<P::Error>> {
        require_sampling(samples, confidence).map_err(ScaError::Options)?;
        self.check_point(point)?;
        self.check_unconstrained()?;
        self.residual_from(point, samples, confidence, seed, 0, 0)
    }

    /// Iteration τ: the state after it, and its record.
    fn iterate(&mut self, state: &ScaState) -> Result<(ScaState, IterationRecord), ScaError<P::Error>> {
        let ScaState { iteration, ref point, .. } = *state;
        let schedules = &self.options.schedules;
        // Before the first sample there is nothing to average with.
        let averaging = if iteration == 0 { Ok(1.0) } else { schedules.averaging(iteration) };
        let averaging = averaging.map_err(ScaError::Schedule)?;
        let step = schedules.step(iteration).map_err(ScaError::Schedule)?;
        let batch = self.evaluate(iteration, point)?;
        let mut estimates = if state.estimates.is_empty() { batch.clone() } else { state.estimates.clone() };
        for (estimate, new) in estimates.iter_mut().zip(&batch) {
            average_in(estimate, averaging, new);
        }
        let (objective, constraints) = self.surrogates(&estimates);
        let Step { point: target, gap, restored } =
            solve(&mut self.backend, self.program.feasible_set(), point, &objective, &constraints)
                .map_err(|source| ScaError::Subproblem { iteration, source })?;
        let record = IterationRecord {
            iteration,
            objective: objective.value,
            constraints: constraints.iter().map(|c| c.value).collect(),
            averaging,
            step,
            residual: norm(&difference(&target, point)),
            subproblem_gap: gap,
            restored,
            point: point.clone(),
        };
        let combined: Vec<f64> =
            point.iter().zip(&target).map(|(x, t)| (1.0 - step) * x + step * t).collect();
        let quiet = match self.options.residual_tolerance {
            Some(tolerance) if restored.is_none() && record.residual <= tolerance => state.quiet + 1,
            _ => 0,
        };
        let point = self.program.feasible_set().snap(&combined);
        Ok((ScaState { iteration: iteration + 1, point, estimates, quiet, tests: state.tests }, record))
    }

    /// The surrogates (20) of the objective and of the constraints.
    fn surrogates(&self, estimates: &[Function]) -> (Surrogate, Vec<Surrogate>) {
        let curvatures = self.options.constraint_curvatures.iter().copied().chain(std::iter::repeat(0.0));
        let curvatures = std::iter::once(self.options.objective_curvature).chain(curvatures);
        let mut all = estimates.iter().zip(curvatures).map(|(f, curvature)| Surrogate {
            value: f.value,
            gradient: f.gradient.clone(),
            curvature,
        });
        // Estimates always start with the objective.
        let zero =
            Surrogate { value: 0.0, gradient: Vec::new(), curvature: self.options.objective_curvature };
        (all.next().unwrap_or(zero), all.collect())
    }

    /// The end of a run whose residual was small for long enough; `None` if fresh samples do not confirm it.
    fn tolerance_met(
        &mut self,
        state: &mut ScaState,
        residual: f64,
    ) -> Result<Option<TerminationReason>, ScaError<P::Error>> {
        let Some(Confirmation { samples, confidence }) = self.options.confirmation else {
            return Ok(Some(TerminationReason::ResidualBelowTolerance { residual }));
        };
        let test = state.tests as f64 + 1.0;
        let level = 1.0 - (1.0 - confidence) / (test * (test + 1.0));
        let first = CONFIRMATION_STREAM.wrapping_add((state.tests as u64).wrapping_mul(samples as u64));
        let seed = self.options.seed;
        let estimate = self.residual_from(&state.point, samples, level, seed, first, state.iteration)?;
        state.tests += 1;
        state.quiet = 0;
        let confirmed = self.options.residual_tolerance.is_some_and(|most| estimate.upper_bound <= most);
        Ok(confirmed.then_some(TerminationReason::ResidualConfirmed { estimate, confidence }))
    }

    /// As [`StochasticSca::estimate_residual`], on the samples of streams `first`, `first + 1`, … of `seed`.
    fn residual_from(
        &mut self,
        point: &[f64],
        samples: usize,
        confidence: f64,
        seed: u64,
        first: u64,
        iteration: usize,
    ) -> Result<ResidualEstimate, ScaError<P::Error>> {
        let mut gradients = Vec::with_capacity(samples);
        for sample in 0..samples as u64 {
            let evaluation = self.evaluate_one(iteration, point, seed, first.wrapping_add(sample))?;
            gradients.push(evaluation.objective.gradient);
        }
        let share = (1.0 - confidence) / (2.0 * point.len() as f64);
        let quantile = student_quantile(1.0 - share, samples - 1);
        let entry = |j: usize| {
            let draws: Vec<f64> = gradients.iter().filter_map(|g| g.get(j).copied()).collect();
            mean_and_error(&draws)
        };
        let (gradient, errors): (Vec<f64>, Vec<f64>) = (0..point.len()).map(entry).unzip();
        let curvature = self.options.objective_curvature;
        let mean = Surrogate { value: 0.0, gradient, curvature };
        let target = solve(&mut self.backend, self.program.feasible_set(), point, &mean, &[])
            .map_err(|source| ScaError::Subproblem { iteration, source })?;
        let residual = norm(&difference(&target.point, point));
        // The target is itself exact only up to √(gap/η_0).
        let inexact = (target.gap.max(0.0) / curvature).sqrt();
        let upper_bound = residual + quantile * norm(&errors) / (2.0 * curvature) + inexact;
        Ok(ResidualEstimate { residual, upper_bound, confidence, samples })
    }

    /// The reason after the last iteration of the schedule.
    fn at_the_end(&self, last: Option<&IterationRecord>) -> TerminationReason {
        match last {
            Some(IterationRecord { restored: Some(least_violation), .. }) => {
                TerminationReason::Infeasible { least_violation: *least_violation }
            }
            Some(last) if self.options.residual_tolerance.is_some() => {
                TerminationReason::IterationLimit { residual: last.residual }
            }
            _ => TerminationReason::ScheduleCompleted,
        }
    }

    fn check_point(&self, point: &[f64]) -> Result<(), ScaError<P::Error>> {
        let set = self.program.feasible_set();
        if point.len() != set.dimension() {
            return Err(ScaError::InitialPointLength { expected: set.dimension(), found: point.len() });
        }
        if let Some((index, &value)) = point.iter().enumerate().find(|(_, x)| !x.is_finite()) {
            return Err(ScaError::InitialPointNotFinite { index, value });
        }
        let violation = set.largest_violation(point);
        if violation.amount > FEASIBILITY_TOLERANCE {
            return Err(ScaError::InitialPointInfeasible { row: violation.row, amount: violation.amount });
        }
        Ok(())
    }

    /// Checks options and state against the program.
    fn check_fit(&self, state: &ScaState) -> Result<(), ScaError<P::Error>> {
        let expected = self.program.stochastic_constraints();
        let found = self.options.constraint_curvatures.len();
        if found != 0 && found != expected {
            return Err(ScaError::ConstraintCurvatures { expected, found });
        }
        if !state.estimates.is_empty() && state.estimates.len() != expected + 1 {
            let (expected, found) = (expected + 1, state.estimates.len());
            return Err(ScaError::StateFunctions { expected, found });
        }
        if state.iteration >= self.options.iterations {
            let (iteration, iterations) = (state.iteration, self.options.iterations);
            return Err(ScaError::NothingLeft { iteration, iterations });
        }
        if self.options.confirmation.is_some() { self.check_unconstrained() } else { Ok(()) }
    }

    fn check_unconstrained(&self) -> Result<(), ScaError<P::Error>> {
        match self.program.stochastic_constraints() {
            0 => Ok(()),
            constraints => Err(ScaError::ConfirmationWithConstraints { constraints }),
        }
    }

    /// Means of `f_0 … f_I` over the mini-batch of one iteration.
    fn evaluate(&self, iteration: usize, point: &[f64]) -> Result<Vec<Function>, ScaError<P::Error>> {
        let weight = 1.0 / self.options.mini_batch as f64;
        let functions = self.program.stochastic_constraints() + 1;
        let mut means = vec![Function { value: 0.0, gradient: vec![0.0; point.len()] }; functions];
        let first = (iteration as u64).wrapping_mul(self.options.mini_batch as u64);
        for member in 0..self.options.mini_batch as u64 {
            let stream = first.wrapping_add(member);
            let evaluation = self.evaluate_one(iteration, point, self.options.seed, stream)?;
            let all = std::iter::once(&evaluation.objective).chain(&evaluation.constraints);
            for (mean, new) in means.iter_mut().zip(all) {
                accumulate(mean, weight, new);
            }
        }
        Ok(means)
    }

    /// All functions at `point` for the sample of one stream, checked. A stream of its own for each sample: the draws do not
    /// depend on how many words others used.
    fn evaluate_one(
        &self,
        iteration: usize,
        point: &[f64],
        seed: u64,
        stream: u64,
    ) -> Result<Evaluation, ScaError<P::Error>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        let failed = |source| ScaError::Program { iteration, source };
        let sample = self.program.sample(&mut rng).map_err(failed)?;
        let evaluation = self.program.evaluate(point, &sample).map_err(failed)?;
        let (expected, found) = (self.program.stochastic_constraints(), evaluation.constraints.len());
        if expected != found {
            return Err(ScaError::ConstraintCount { iteration, expected, found });
        }
        let all = std::iter::once(&evaluation.objective).chain(&evaluation.constraints);
        for (function, new) in all.enumerate() {
            check_function(iteration, function, point.len(), new)?;
        }
        Ok(evaluation)
    }
}

fn check_function<E: std::error::Error + 'static>(
    iteration: usize,
    function: usize,
    expected: usize,
    new: &Function,
) -> Result<(), ScaError<E>> {
    if !new.value.is_finite() {
        return Err(ScaError::NonFiniteValue { iteration, function, value: new.value });
    }
    if new.gradient.len() != expected {
        return Err(ScaError::GradientLength { iteration, function, expected, found: new.gradient.len() });
    }
    match new.gradient.iter().enumerate().find(|(_, g)| !g.is_finite()) {
        Some((index, &value)) => Err(ScaError::NonFiniteGradient { iteration, function, index, value }),
        None => Ok(()),
    }
}
