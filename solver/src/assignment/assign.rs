//! Optimizing the shares by stochastic successive convex approximation (Algorithm 1 of \[A\], long-term part).

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::coordinates::{Coordinates, equal_power_start};
use super::problem::Values;
use super::{
    AssignmentError, AssignmentOptions, AssignmentProblem, AssignmentState, CertifiedValue, ChannelSource,
    ShortTermValue,
};
use crate::relaxation::Certificate;
use crate::sca::{
    Evaluation, Function, IterationRecord, Polyhedron, ScaReport, StochasticProgram, StochasticSca,
    TerminationReason,
};

/// Blocks that set the scale of the surrogate before the first iteration.
const PILOT_BLOCKS: usize = 8;
/// Stream of the pilot's draws, far from those of the iterations.
const PILOT_STREAM: u64 = u64::MAX;

/// Optimized shares.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::Assignment")
)]
pub struct Assignment {
    /// `m_n`, one for each device, in the feasible set.
    pub shares: Vec<f64>,
    /// Why the optimization ended.
    pub termination: TerminationReason,
    /// Whether the schedules meet the conditions of convergence; see [`crate::sca::ScaReport::guaranteed`].
    pub guaranteed: bool,
    /// Blocks since the start whose short-term problem was solved less exactly than asked ([`super::CertifiedValue::converged`]): their gradients
    /// are ε-subgradients with a certified ε.
    pub unconverged: usize,
    /// One record per iteration since the start or the resumption. Points are shares, objective and gap in the units of `v`; the residual is that of the
    /// variables optimized, the powers spent on computing relative to the powers left at the start.
    pub history: Vec<IterationRecord>,
}

/// Minimises `E_H[v(p(m); H)]` from the feasible shares that leave the devices equal power, or as nearly so as the bounds
/// allow. (Uniform shares can leave a device next to none, where gradients are huge and of no use elsewhere.)
///
/// There must be an expectation to minimize: `lambda_min` and `trace_inverse` under Rayleigh or Rician fading have
/// [one only where `R ≥ T_n + 1`](super::RelaxedMse#where-the-expectation-is-finite). The run does not notice.
///
/// # Errors
/// [`AssignmentError::ShortTerm`] if a pilot block is not solved, [`AssignmentError::Optimization`] for whatever ends the
/// iteration, [`AssignmentError::FeasibleSet`] if the start cannot be found.
pub fn assign<S: ChannelSource, V: ShortTermValue>(
    problem: &AssignmentProblem<S, V>,
    options: &AssignmentOptions,
) -> Result<Assignment, AssignmentError> {
    assign_observed(problem, options, |_| ControlFlow::Continue(()))
}

/// As [`assign`], showing each iteration to `observer`, which may stop the run.
///
/// # Errors
/// As [`assign`].
pub fn assign_observed<S: ChannelSource, V: ShortTermValue>(
    problem: &AssignmentProblem<S, V>,
    options: &AssignmentOptions,
    observer: impl FnMut(&IterationRecord) -> ControlFlow<()>,
) -> Result<Assignment, AssignmentError> {
    let (mut state, coordinates) = begin(problem, options)?;
    advance(problem, options, &coordinates, &mut state, observer)
}

/// The state of an assignment before its first iteration, for [`resume`].
///
/// # Errors
/// As [`assign`].
pub fn start<S: ChannelSource, V: ShortTermValue>(
    problem: &AssignmentProblem<S, V>,
    options: &AssignmentOptions,
) -> Result<AssignmentState, AssignmentError> {
    begin(problem, options).map(|(state, _)| state)
}

/// The state before the first iteration, and the coordinates it is in.
fn begin<S: ChannelSource, V: ShortTermValue>(
    problem: &AssignmentProblem<S, V>,
    options: &AssignmentOptions,
) -> Result<(AssignmentState, Coordinates), AssignmentError> {
    let start = equal_power_start(problem)?;
    let coordinates = Coordinates::about(problem, &start)?;
    let Scale { first, value: unit, curvature, unconverged } =
        Scale::measured(problem, &coordinates, &start, options.seed())?;
    let program = LongTerm::new(problem, &coordinates, unit, unconverged);
    let sca = StochasticSca::new(&program, options.sca.clone()).start(&coordinates.scaled(&start));
    drop(program);
    let (sca, weights) = (sca.map_err(Box::new)?, coordinates.weights());
    let state = AssignmentState { sca, weights, seed: options.seed(), first, unit, curvature, unconverged };
    Ok((state, coordinates))
}

/// Continues from `state` until the options' number of iterations, counted from the start, or an earlier end. The history is that since the
/// resumption, the count of unconverged blocks that since the start.
///
/// `state` is advanced in place, one finished iteration at a time: after an error it is that of the last one finished.
///
/// Problem and seed must be those of the start. Channels and short-term value, which may be a caller's own, are recognized by the value of
/// the first pilot block, which is computed once more: its bounds must meet those of the state, up to `1e-6` of the value (room for
/// another machine's rounding), and have their [`Scope`](crate::relaxation::Scope). What agrees with the start there and not elsewhere
/// is not noticed. The other options may change; they hold from here on.
///
/// # Errors
/// As [`assign`]; [`AssignmentError::StateDevices`], [`AssignmentError::StateWeight`] if the state is that of devices that
/// spend otherwise, [`AssignmentError::StateSeed`] if of another seed, [`AssignmentError::StateValue`] if of other channels or another
/// short-term value;
/// [`ScaError::NothingLeft`](crate::sca::ScaError::NothingLeft) as [`AssignmentError::Optimization`] if it has done all iterations.
///
/// # Example
/// ```
/// use std::ops::ControlFlow;
/// # use solver::assignment::{self, AssignmentOptions, AssignmentProblem, RelaxedMse};
/// # use solver::channel::{BlockFading, Fading};
/// # use solver::power::{Accounting, EnergyModel};
/// # use solver::relaxation::Relaxation;
/// # let energy = [0.3, 0.9].map(|cost| EnergyModel::new(1.0, cost, 1.0, Accounting::PerChannelUse));
/// # let energy = energy.into_iter().collect::<Result<Vec<_>, _>>()?;
/// # let channels = BlockFading::new(Fading::PAPER, 8, &[2, 2], 1)?;
/// # let problem = AssignmentProblem::new(energy, channels, RelaxedMse::new(Relaxation::LambdaMin, 1.0)?)?;
///
/// // Twenty iterations today, ten more tomorrow: thirty in one go.
/// let options = AssignmentOptions::new(7);
/// let mut state = assignment::start(&problem, &options)?;
/// let go = |_: &_| ControlFlow::Continue(());
/// assignment::resume(&problem, &options.clone().with_iterations(20)?, &mut state, go)?;
/// let end = assignment::resume(&problem, &options.clone().with_iterations(30)?, &mut state, go)?;
/// assert_eq!(end.shares, assignment::assign(&problem, &options.with_iterations(30)?)?.shares);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resume<S: ChannelSource, V: ShortTermValue>(
    problem: &AssignmentProblem<S, V>,
    options: &AssignmentOptions,
    state: &mut AssignmentState,
    observer: impl FnMut(&IterationRecord) -> ControlFlow<()>,
) -> Result<Assignment, AssignmentError> {
    let start = equal_power_start(problem)?;
    let coordinates = Coordinates::about(problem, &start)?;
    state.check_devices(&coordinates)?;
    state.check_seed(options.seed())?;
    state.check_value(bounds(&problem.value_and_gradient(&start, pilot(options.seed()).next_u64())?))?;
    advance(problem, options, &coordinates, state, observer)
}

/// The iterations of [`resume`], from a state that is the problem's.
fn advance<S: ChannelSource, V: ShortTermValue>(
    problem: &AssignmentProblem<S, V>,
    options: &AssignmentOptions,
    coordinates: &Coordinates,
    state: &mut AssignmentState,
    mut observer: impl FnMut(&IterationRecord) -> ControlFlow<()>,
) -> Result<Assignment, AssignmentError> {
    let AssignmentState { sca, unit, curvature, unconverged, .. } = state;
    let (unit, length) = (*unit, coordinates.unit());
    let in_units = |record: &IterationRecord| IterationRecord {
        point: coordinates.shares(&record.point),
        objective: unit * record.objective,
        residual: length * record.residual,
        subproblem_gap: unit * record.subproblem_gap,
        constraints: Vec::new(),
        multipliers: Vec::new(),
        ..*record
    };
    let program = LongTerm::new(problem, coordinates, unit, *unconverged);
    let curvature = options.relative_curvature() * *curvature * length * length;
    let mut settings = options.sca.clone().with_objective_curvature(curvature)?;
    settings.residual_tolerance = settings.residual_tolerance.map(|tolerance| tolerance / length);
    let mut history = Vec::new();
    let finished = |record: &IterationRecord| {
        // Blocks of an iteration that fails are counted when it is done again.
        *unconverged = program.unconverged.get();
        history.push(in_units(record));
        history.last().map_or(ControlFlow::Continue(()), &mut observer)
    };
    let ScaReport { point, termination, guaranteed, .. } =
        StochasticSca::new(&program, settings).resume(sca, finished).map_err(Box::new)?;
    let shares = coordinates.shares(&point);
    let termination = termination.times(length);
    Ok(Assignment { shares, termination, guaranteed, unconverged: *unconverged, history })
}

/// The draws of the pilot blocks.
fn pilot(seed: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(PILOT_STREAM);
    rng
}

/// The interval of a value, whichever way round a caller's own value gives it.
fn bounds(value: &CertifiedValue) -> Certificate {
    let (lower, upper) = (value.lower.min(value.upper), value.lower.max(value.upper));
    Certificate { lower, upper, scope: value.scope }
}

/// The size of the objective at the start, so that the surrogate needs no tuning by hand.
struct Scale {
    /// `v` of the first pilot block.
    first: Certificate,
    /// Mean of `v`; the program is in units of it.
    value: f64,
    /// `max_n |∂v/∂z_n|` in units of `value`: half the second derivative where `v ∝ 1/p_n`.
    curvature: f64,
    /// Pilot blocks solved less exactly than asked.
    unconverged: usize,
}

impl Scale {
    fn measured<S: ChannelSource, V: ShortTermValue>(
        problem: &AssignmentProblem<S, V>,
        coordinates: &Coordinates,
        start: &[f64],
        seed: u64,
    ) -> Result<Self, AssignmentError> {
        let mut rng = pilot(seed);
        let mut values = problem.values();
        let mut pilots: Vec<CertifiedValue> = (0..PILOT_BLOCKS)
            .map(|_| values.value_and_gradient(start, rng.next_u64()))
            .collect::<Result<_, _>>()?;
        let (mut mean, mut slopes) = (0.0, vec![0.0; problem.devices()]);
        for value in &mut pilots {
            mean += value.value() / PILOT_BLOCKS as f64;
            coordinates.turn(&mut value.gradient);
            for (slope, g) in slopes.iter_mut().zip(&value.gradient) {
                *slope += g / PILOT_BLOCKS as f64;
            }
        }
        let unconverged = pilots.iter().filter(|value| !value.converged).count();
        let value = if mean.abs() > 0.0 { mean.abs() } else { 1.0 };
        let curvature =
            slopes.iter().fold(0.0, |most: f64, g| most.max(g.abs() / value)) / coordinates.unit();
        // Where computing costs nothing every assignment is as good: any curvature serves.
        let curvature = if curvature > 0.0 && curvature.is_finite() { curvature } else { 1.0 };
        Ok(Self { first: bounds(&pilots[0]), value, curvature, unconverged })
    }
}

/// The long-term problem as a stochastic program; a sample is the index of a channel block.
struct LongTerm<'a, S, V> {
    values: RefCell<Values<'a, S, V>>,
    coordinates: &'a Coordinates,
    unit: f64,
    unconverged: Cell<usize>,
}

impl<'a, S: ChannelSource, V: ShortTermValue> LongTerm<'a, S, V> {
    fn new(
        problem: &'a AssignmentProblem<S, V>,
        coordinates: &'a Coordinates,
        unit: f64,
        unconverged: usize,
    ) -> Self {
        let (values, unconverged) = (RefCell::new(problem.values()), Cell::new(unconverged));
        Self { values, coordinates, unit, unconverged }
    }
}

impl<S: ChannelSource, V: ShortTermValue> StochasticProgram for LongTerm<'_, S, V> {
    type Sample = u64;
    type Error = AssignmentError;

    fn feasible_set(&self) -> &Polyhedron {
        self.coordinates.feasible_set()
    }

    fn sample(&self, rng: &mut dyn Rng) -> Result<u64, AssignmentError> {
        Ok(rng.next_u64())
    }

    fn evaluate(&self, scaled: &[f64], block: &u64) -> Result<Evaluation, AssignmentError> {
        let shares = self.coordinates.shares(scaled);
        let value = self.values.borrow_mut().value_and_gradient(&shares, *block)?;
        self.unconverged.set(self.unconverged.get().saturating_add(usize::from(!value.converged)));
        let (mean, mut gradient) = (value.value() / self.unit, value.gradient);
        self.coordinates.turn(&mut gradient);
        gradient.iter_mut().for_each(|g| *g /= self.unit);
        let objective = Function { value: mean, gradient };
        Ok(Evaluation { objective, constraints: Vec::new() })
    }
}
