//! The iteration (19) to (22).

use std::ops::ControlFlow;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::polyhedron::FEASIBILITY_TOLERANCE;
use super::subproblem::{ClarabelBackend, Step, SubproblemSolver, solve};
use super::surrogate::accumulate;
use super::vector::{difference, norm};
use super::{
    Function, IterationRecord, ScaError, ScaOptions, ScaReport, StochasticProgram, Surrogate,
    TerminationReason,
};

/// Stochastic successive convex approximation of one program; see the [module](super) for the method.
#[derive(Debug)]
pub struct StochasticSca<'a, P, B = ClarabelBackend> {
    program: &'a P,
    options: ScaOptions,
    backend: B,
}

impl<'a, P: StochasticProgram> StochasticSca<'a, P> {
    /// The method with subproblems solved by [`ClarabelBackend`].
    pub fn new(program: &'a P, options: ScaOptions) -> Self {
        Self { program, options, backend: ClarabelBackend }
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
        mut observer: impl FnMut(&IterationRecord) -> ControlFlow<()>,
    ) -> Result<ScaReport, ScaError<P::Error>> {
        self.check_start(start)?;
        let mut surrogates: Option<Surrogates> = None;
        let mut point = start.to_vec();
        let mut history: Vec<IterationRecord> = Vec::new();
        let mut quiet = 0;
        let mut ended = None;
        for iteration in 0..self.options.iterations {
            let batch = self.evaluate(iteration, &point)?;
            // Before the first sample there is nothing to average with.
            let averaging = if iteration == 0 { 1.0 } else { self.options.schedules.averaging(iteration) };
            let current = match surrogates.take() {
                Some(previous) => previous.averaged(averaging, &batch),
                None => Surrogates::from_first(&self.options, batch),
            };
            let Step { point: target, gap, restored } = solve(
                &mut self.backend,
                self.program.feasible_set(),
                &point,
                &current.objective,
                &current.constraints,
            )
            .map_err(|source| ScaError::Subproblem { iteration, source })?;
            let direction = difference(&target, &point);
            let record = IterationRecord {
                iteration,
                objective: current.objective.value,
                constraints: current.constraints.iter().map(|c| c.value).collect(),
                averaging,
                step: self.options.schedules.step(iteration),
                residual: norm(&direction),
                subproblem_gap: gap,
                restored,
                point: point.clone(),
            };
            surrogates = Some(current);
            let combined: Vec<f64> =
                point.iter().zip(&target).map(|(x, t)| (1.0 - record.step) * x + record.step * t).collect();
            point = self.program.feasible_set().snap(&combined);
            quiet = match self.options.residual_tolerance {
                Some(tolerance) if restored.is_none() && record.residual <= tolerance => quiet + 1,
                _ => 0,
            };
            let stop = observer(&record).is_break();
            if quiet >= self.options.residual_patience {
                ended = Some(TerminationReason::ResidualBelowTolerance { residual: record.residual });
            } else if stop {
                ended = Some(TerminationReason::StoppedByObserver);
            }
            history.push(record);
            if ended.is_some() {
                break;
            }
        }
        let termination = ended.unwrap_or_else(|| self.at_the_end(history.last()));
        Ok(ScaReport { point, termination, history })
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

    fn check_start(&self, start: &[f64]) -> Result<(), ScaError<P::Error>> {
        let set = self.program.feasible_set();
        if start.len() != set.dimension() {
            return Err(ScaError::InitialPointLength { expected: set.dimension(), found: start.len() });
        }
        if let Some((index, &value)) = start.iter().enumerate().find(|(_, x)| !x.is_finite()) {
            return Err(ScaError::InitialPointNotFinite { index, value });
        }
        let violation = set.largest_violation(start);
        if violation.amount > FEASIBILITY_TOLERANCE {
            return Err(ScaError::InitialPointInfeasible { row: violation.row, amount: violation.amount });
        }
        let expected = self.program.stochastic_constraints();
        let found = self.options.constraint_curvatures.len();
        if found != 0 && found != expected {
            return Err(ScaError::ConstraintCurvatures { expected, found });
        }
        Ok(())
    }

    /// Means of `f_0 … f_I` over the mini-batch of one iteration.
    fn evaluate(&self, iteration: usize, point: &[f64]) -> Result<Vec<Function>, ScaError<P::Error>> {
        let weight = 1.0 / self.options.mini_batch as f64;
        let functions = self.program.stochastic_constraints() + 1;
        let mut means = vec![Function { value: 0.0, gradient: vec![0.0; point.len()] }; functions];
        for member in 0..self.options.mini_batch {
            // A stream of its own for each sample: the draws do not depend on how many words others used.
            let mut rng = ChaCha8Rng::seed_from_u64(self.options.seed);
            rng.set_stream((iteration as u64).wrapping_mul(self.options.mini_batch as u64) + member as u64);
            let failed = |source| ScaError::Program { iteration, source };
            let sample = self.program.sample(&mut rng).map_err(failed)?;
            let evaluation = self.program.evaluate(point, &sample).map_err(failed)?;
            if evaluation.constraints.len() + 1 != functions {
                return Err(ScaError::ConstraintCount {
                    iteration,
                    expected: functions - 1,
                    found: evaluation.constraints.len(),
                });
            }
            let all = std::iter::once(&evaluation.objective).chain(&evaluation.constraints);
            for (function, (mean, new)) in means.iter_mut().zip(all).enumerate() {
                check_function(iteration, function, point.len(), new)?;
                accumulate(mean, weight, new);
            }
        }
        Ok(means)
    }
}

/// The current surrogates of all functions.
struct Surrogates {
    objective: Surrogate,
    constraints: Vec<Surrogate>,
}

impl Surrogates {
    fn from_first(options: &ScaOptions, batch: Vec<Function>) -> Self {
        let curvatures = options.constraint_curvatures.iter().copied().chain(std::iter::repeat(0.0));
        let curvatures = std::iter::once(options.objective_curvature).chain(curvatures);
        let mut all = batch
            .into_iter()
            .zip(curvatures)
            .map(|(Function { value, gradient }, curvature)| Surrogate { value, gradient, curvature });
        // A batch always starts with the objective.
        let zero = Surrogate { value: 0.0, gradient: Vec::new(), curvature: options.objective_curvature };
        Self { objective: all.next().unwrap_or(zero), constraints: all.collect() }
    }

    fn averaged(mut self, weight: f64, batch: &[Function]) -> Self {
        let all = std::iter::once(&mut self.objective).chain(&mut self.constraints);
        for (surrogate, new) in all.zip(batch) {
            surrogate.average_in(weight, new);
        }
        self
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
