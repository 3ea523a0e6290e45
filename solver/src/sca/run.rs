//! The iteration (19) to (22).

use std::ops::ControlFlow;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::polyhedron::FEASIBILITY_TOLERANCE;
use super::subproblem::{AutomaticBackend, Step, SubproblemSolver, solve};
use super::surrogate::{accumulate, average_in};
use super::vector::{difference, largest_magnitude, norm};
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
        let mut work = Work::at(state);
        let mut history: Vec<IterationRecord> = Vec::new();
        let mut ended = None;
        while ended.is_none() && state.iteration < self.options.iterations {
            let record = self.iterate(state, &mut work)?;
            let Work { next, .. } = &mut work;
            if next.quiet >= self.options.residual_patience {
                ended = self.tolerance_met(next, record.residual)?;
            }
            std::mem::swap(state, next);
            if observer(&record).is_break() {
                ended = ended.or(Some(TerminationReason::StoppedByObserver));
            }
            history.push(record);
        }
        let termination = ended.unwrap_or_else(|| self.at_the_end(history.last()));
        let guaranteed = self.options.schedules.guaranteed();
        Ok(ScaReport { point: state.point.clone(), termination, guaranteed, history })
    }

    /// Iteration τ: its record, and in `work` the state after it.
    fn iterate(&mut self, state: &ScaState, work: &mut Work) -> Result<IterationRecord, ScaError<P::Error>> {
        let ScaState { iteration, ref point, .. } = *state;
        let Work { next, batch, objective, constraints } = work;
        let schedules = &self.options.schedules;
        // Before the first sample there is nothing to average with.
        let averaging = if iteration == 0 { Ok(1.0) } else { schedules.averaging(iteration) };
        let averaging = averaging.map_err(ScaError::Schedule)?;
        let step = schedules.step(iteration).map_err(ScaError::Schedule)?;
        self.evaluate(iteration, point, batch)?;
        copy(&mut next.estimates, if state.estimates.is_empty() { batch } else { &state.estimates });
        for (estimate, new) in next.estimates.iter_mut().zip(&*batch) {
            average_in(estimate, averaging, new);
        }
        self.update_surrogates(&next.estimates, objective, constraints);
        let Step { point: target, gap, multipliers, restored } =
            solve(&mut self.backend, self.program.feasible_set(), point, objective, constraints)
                .map_err(|source| ScaError::Subproblem { iteration, source })?;
        let record = IterationRecord {
            iteration,
            objective: objective.value,
            constraints: constraints.iter().map(|c| c.value).collect(),
            averaging,
            step,
            residual: norm(&difference(&target, point)),
            subproblem_gap: gap,
            multipliers,
            restored,
            point: point.clone(),
        };
        let combined: Vec<f64> =
            point.iter().zip(&target).map(|(x, t)| (1.0 - step) * x + step * t).collect();
        next.quiet = match self.options.residual_tolerance {
            Some(tolerance) if restored.is_none() && record.residual <= tolerance => state.quiet + 1,
            _ => 0,
        };
        next.iteration = iteration + 1;
        next.point = self.program.feasible_set().snap(&combined, largest_magnitude(point).max(1.0));
        next.confirmations = state.confirmations;
        Ok(record)
    }

    /// The surrogates (20) of the objective and of the constraints.
    fn update_surrogates(
        &self,
        estimates: &[Function],
        objective: &mut Surrogate,
        constraints: &mut Vec<Surrogate>,
    ) {
        constraints.resize_with(estimates.len().saturating_sub(1), zero_surrogate);
        let curvatures = self.options.constraint_curvatures.iter().copied().chain(std::iter::repeat(0.0));
        let curvatures = std::iter::once(self.options.objective_curvature).chain(curvatures);
        let all = std::iter::once(objective).chain(constraints);
        for ((surrogate, estimate), curvature) in all.zip(estimates).zip(curvatures) {
            surrogate.value = estimate.value;
            surrogate.gradient.clone_from(&estimate.gradient);
            surrogate.curvature = curvature;
        }
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
        if self.options.confirmation.is_some() {
            self.check_unconstrained()?;
        }
        self.options.check_together().map_err(ScaError::Options)
    }

    pub(super) fn check_unconstrained(&self) -> Result<(), ScaError<P::Error>> {
        match self.program.stochastic_constraints() {
            0 => Ok(()),
            constraints => Err(ScaError::ConfirmationWithConstraints { constraints }),
        }
    }

    /// Writes the means of `f_0 … f_I` over the mini-batch of one iteration.
    fn evaluate(
        &self,
        iteration: usize,
        point: &[f64],
        means: &mut Vec<Function>,
    ) -> Result<(), ScaError<P::Error>> {
        let weight = 1.0 / self.options.mini_batch as f64;
        let first = (iteration as u64).wrapping_mul(self.options.mini_batch as u64);
        for member in 0..self.options.mini_batch as u64 {
            let stream = first.wrapping_add(member);
            let evaluation = self.evaluate_one(iteration, point, self.options.seed, stream)?;
            let all = std::iter::once(&evaluation.objective).chain(&evaluation.constraints);
            // As many functions as an evaluation that was checked has, whatever the program declares.
            if member == 0 {
                means.resize_with(evaluation.constraints.len() + 1, zero_function);
                for mean in &mut *means {
                    mean.value = 0.0;
                    mean.gradient.clear();
                    mean.gradient.resize(point.len(), 0.0);
                }
            }
            for (mean, new) in means.iter_mut().zip(all) {
                accumulate(mean, weight, new);
            }
        }
        Ok(())
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

/// Memory of an iteration, kept from one to the next.
struct Work {
    /// The state after the iteration.
    next: ScaState,
    /// Means over the mini-batch.
    batch: Vec<Function>,
    /// (20).
    objective: Surrogate,
    constraints: Vec<Surrogate>,
}

impl Work {
    fn at(state: &ScaState) -> Self {
        let (batch, constraints) = (Vec::new(), Vec::new());
        Self { next: state.clone(), batch, objective: zero_surrogate(), constraints }
    }
}

fn zero_function() -> Function {
    Function { value: 0.0, gradient: Vec::new() }
}

fn zero_surrogate() -> Surrogate {
    Surrogate { value: 0.0, gradient: Vec::new(), curvature: 0.0 }
}

/// `target ← source`, in the memory of `target`.
fn copy(target: &mut Vec<Function>, source: &[Function]) {
    target.resize_with(source.len(), zero_function);
    for (target, source) in target.iter_mut().zip(source) {
        target.value = source.value;
        target.gradient.clone_from(&source.gradient);
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
