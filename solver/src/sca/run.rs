//! The iteration (19) to (22).

use std::ops::ControlFlow;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::polyhedron::FEASIBILITY_TOLERANCE;
use super::subproblem::{AutomaticBackend, Step, SubproblemSolver, solve};
use super::surrogate::{accumulate, average_in};
use super::vector::{difference, norm};
use super::{
    Evaluation, Function, IterationRecord, ScaError, ScaOptions, ScaReport, ScaState, StochasticProgram,
    Surrogate, TerminationReason,
};

/// Stochastic successive convex approximation of one program; see the [module](super) for the method.
#[derive(Debug)]
pub struct StochasticSca<'a, P, B = AutomaticBackend> {
    pub(super) program: &'a P,
    pub(super) options: ScaOptions,
    pub(super) backend: B,
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
            let (mut next, record) = self.iterate(state)?;
            if next.quiet >= self.options.residual_patience {
                ended = self.tolerance_met(&mut next, record.residual)?;
            }
            *state = next;
            if observer(&record).is_break() {
                ended = ended.or(Some(TerminationReason::StoppedByObserver));
            }
            history.push(record);
        }
        let termination = ended.unwrap_or_else(|| self.at_the_end(history.last()));
        let guaranteed = self.options.schedules.guaranteed();
        Ok(ScaReport { point: state.point.clone(), termination, guaranteed, history })
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
        Ok((
            ScaState {
                iteration: iteration + 1,
                point,
                estimates,
                quiet,
                confirmations: state.confirmations,
            },
            record,
        ))
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

    pub(super) fn check_point(&self, point: &[f64]) -> Result<(), ScaError<P::Error>> {
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
        if !state.estimates.is_empty() && state.estimates.len() - 1 != expected {
            let (expected, found) = (expected.saturating_add(1), state.estimates.len());
            return Err(ScaError::StateFunctions { expected, found });
        }
        if state.iteration >= self.options.iterations {
            let (iteration, iterations) = (state.iteration, self.options.iterations);
            return Err(ScaError::NothingLeft { iteration, iterations });
        }
        if self.options.confirmation.is_some() { self.check_unconstrained() } else { Ok(()) }
    }

    pub(super) fn check_unconstrained(&self) -> Result<(), ScaError<P::Error>> {
        match self.program.stochastic_constraints() {
            0 => Ok(()),
            constraints => Err(ScaError::ConfirmationWithConstraints { constraints }),
        }
    }

    /// Means of `f_0 … f_I` over the mini-batch of one iteration.
    fn evaluate(&self, iteration: usize, point: &[f64]) -> Result<Vec<Function>, ScaError<P::Error>> {
        let weight = 1.0 / self.options.mini_batch as f64;
        let mut means = Vec::new();
        let first = (iteration as u64).wrapping_mul(self.options.mini_batch as u64);
        for member in 0..self.options.mini_batch as u64 {
            let stream = first.wrapping_add(member);
            let evaluation = self.evaluate_one(iteration, point, self.options.seed, stream)?;
            let all = std::iter::once(&evaluation.objective).chain(&evaluation.constraints);
            // As many functions as an evaluation that was checked has, whatever the program declares.
            if means.is_empty() {
                let zero = Function { value: 0.0, gradient: vec![0.0; point.len()] };
                means = vec![zero; evaluation.constraints.len() + 1];
            }
            for (mean, new) in means.iter_mut().zip(all) {
                accumulate(mean, weight, new);
            }
        }
        Ok(means)
    }

    /// All functions at `point` for the sample of one stream, checked. A stream of its own for each sample: the draws do not
    /// depend on how many words others used.
    pub(super) fn evaluate_one(
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
