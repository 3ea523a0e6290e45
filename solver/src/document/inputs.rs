//! Options, schedules and sets: what is read goes through the constructors.

use crate::assignment::AssignmentError;
use crate::relaxation::{Options, Relaxation};
use crate::sca::options::Confirmation;
use crate::sca::schedule::Pair;
use crate::sca::{LinearRow, OptionsError, PolyhedronError, ScheduleError};
use crate::{Error, assignment, sca};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolynomialDecay {
    scale: f64,
    delay: f64,
    exponent: f64,
}

impl TryFrom<PolynomialDecay> for sca::PolynomialDecay {
    type Error = ScheduleError;

    fn try_from(document: PolynomialDecay) -> Result<Self, ScheduleError> {
        Self::new(document.scale, document.delay, document.exponent)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GeometricThenPolynomial {
    ratio: f64,
    crossover: usize,
    tail: sca::PolynomialDecay,
}

impl TryFrom<GeometricThenPolynomial> for sca::GeometricThenPolynomial {
    type Error = ScheduleError;

    fn try_from(document: GeometricThenPolynomial) -> Result<Self, ScheduleError> {
        Self::new(document.ratio, document.crossover, document.tail)
    }
}

#[derive(Deserialize)]
pub(crate) struct Schedules(Pair);

impl TryFrom<Schedules> for sca::Schedules {
    type Error = ScheduleError;

    fn try_from(Schedules(pair): Schedules) -> Result<Self, ScheduleError> {
        match pair {
            Pair::Decaying { averaging, step } => Self::new(averaging, step),
            Pair::Constant { averaging, step } => Self::constant_without_guarantee(averaging, step),
        }
    }
}

/// The two arguments of `with_residual_tolerance`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResidualTolerance {
    tolerance: f64,
    patience: usize,
}

/// What is left out has its default.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScaOptions {
    seed: u64,
    iterations: Option<usize>,
    mini_batch: Option<usize>,
    objective_curvature: Option<f64>,
    constraint_curvatures: Option<Vec<f64>>,
    schedules: Option<sca::Schedules>,
    residual_tolerance: Option<ResidualTolerance>,
    confirmation: Option<Confirmation>,
}

impl From<sca::ScaOptions> for ScaOptions {
    fn from(options: sca::ScaOptions) -> Self {
        Self {
            seed: options.seed,
            iterations: Some(options.iterations),
            mini_batch: Some(options.mini_batch),
            objective_curvature: Some(options.objective_curvature),
            constraint_curvatures: Some(options.constraint_curvatures),
            schedules: Some(options.schedules),
            residual_tolerance: options
                .residual_tolerance
                .map(|tolerance| ResidualTolerance { tolerance, patience: options.residual_patience }),
            confirmation: options.confirmation,
        }
    }
}

impl ScaOptions {
    /// `options` with what the document says.
    fn over(self, mut options: sca::ScaOptions) -> Result<sca::ScaOptions, OptionsError> {
        if let Some(iterations) = self.iterations {
            options = options.with_iterations(iterations)?;
        }
        if let Some(samples) = self.mini_batch {
            options = options.with_mini_batch(samples)?;
        }
        if let Some(curvature) = self.objective_curvature {
            options = options.with_objective_curvature(curvature)?;
        }
        if let Some(curvatures) = self.constraint_curvatures {
            options = options.with_constraint_curvatures(curvatures)?;
        }
        if let Some(schedules) = self.schedules {
            options = options.with_schedules(schedules);
        }
        if let Some(ResidualTolerance { tolerance, patience }) = self.residual_tolerance {
            options = options.with_residual_tolerance(tolerance, patience)?;
        }
        if let Some(Confirmation { samples, confidence }) = self.confirmation {
            options = options.with_confirmation(samples, confidence)?;
        }
        Ok(options)
    }
}

impl TryFrom<ScaOptions> for sca::ScaOptions {
    type Error = OptionsError;

    fn try_from(document: ScaOptions) -> Result<Self, OptionsError> {
        let options = Self::new(document.seed);
        document.over(options)
    }
}

/// What is left out has its default.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignmentOptions {
    seed: u64,
    iterations: Option<usize>,
    mini_batch: Option<usize>,
    relative_curvature: Option<f64>,
    schedules: Option<sca::Schedules>,
    residual_tolerance: Option<ResidualTolerance>,
    confirmation: Option<Confirmation>,
}

impl From<assignment::AssignmentOptions> for AssignmentOptions {
    fn from(options: assignment::AssignmentOptions) -> Self {
        let sca = ScaOptions::from(options.sca);
        Self {
            seed: sca.seed,
            iterations: sca.iterations,
            mini_batch: sca.mini_batch,
            relative_curvature: sca.objective_curvature,
            schedules: sca.schedules,
            residual_tolerance: sca.residual_tolerance,
            confirmation: sca.confirmation,
        }
    }
}

impl TryFrom<AssignmentOptions> for assignment::AssignmentOptions {
    type Error = OptionsError;

    fn try_from(document: AssignmentOptions) -> Result<Self, OptionsError> {
        let sca = ScaOptions {
            seed: document.seed,
            iterations: document.iterations,
            mini_batch: document.mini_batch,
            objective_curvature: document.relative_curvature,
            constraint_curvatures: None,
            schedules: document.schedules,
            residual_tolerance: document.residual_tolerance,
            confirmation: document.confirmation,
        };
        Ok(Self { sca: sca.over(Self::new(document.seed).sca)? })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GapSampling {
    batches: usize,
    blocks: usize,
    confidence: f64,
    seed: u64,
}

impl TryFrom<GapSampling> for assignment::GapSampling {
    type Error = AssignmentError;

    fn try_from(document: GapSampling) -> Result<Self, AssignmentError> {
        let GapSampling { batches, blocks, confidence, seed } = document;
        let sampling = Self { batches, blocks, confidence, seed };
        sampling.check().map(|()| sampling)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelaxedMse {
    relaxation: Relaxation,
    noise_power: f64,
    streams: Option<usize>,
    options: Options,
}

impl TryFrom<RelaxedMse> for assignment::RelaxedMse {
    type Error = Error;

    fn try_from(document: RelaxedMse) -> Result<Self, Error> {
        let value = Self::new(document.relaxation, document.noise_power)?.with_options(document.options);
        Ok(match document.streams {
            Some(streams) => value.with_streams(streams),
            None => value,
        })
    }
}

/// A bound that is absent is `null`: not every format has infinities.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Polyhedron {
    lower: Vec<Option<f64>>,
    upper: Vec<Option<f64>>,
    equalities: Vec<LinearRow>,
    inequalities: Vec<LinearRow>,
}

impl From<sca::Polyhedron> for Polyhedron {
    fn from(set: sca::Polyhedron) -> Self {
        let bounds = |bounds: &[f64]| bounds.iter().map(|&x| x.is_finite().then_some(x)).collect();
        Self {
            lower: bounds(set.lower()),
            upper: bounds(set.upper()),
            equalities: set.equalities().to_vec(),
            inequalities: set.inequalities().to_vec(),
        }
    }
}

impl TryFrom<Polyhedron> for sca::Polyhedron {
    type Error = PolyhedronError;

    fn try_from(document: Polyhedron) -> Result<Self, PolyhedronError> {
        let Polyhedron { lower, upper, equalities, inequalities } = document;
        let bounds = |bounds: Vec<Option<f64>>, absent: f64| {
            bounds.into_iter().map(|bound| bound.unwrap_or(absent)).collect()
        };
        let mut builder =
            Self::builder(lower.len()).bounds(bounds(lower, f64::NEG_INFINITY), bounds(upper, f64::INFINITY));
        for LinearRow { coefficients, right_hand_side } in equalities {
            builder = builder.equality(coefficients, right_hand_side);
        }
        for LinearRow { coefficients, right_hand_side } in inequalities {
            builder = builder.inequality(coefficients, right_hand_side);
        }
        builder.build()
    }
}
