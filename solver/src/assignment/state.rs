//! Where an assignment stands, so that it can be stopped, kept and continued.

use super::AssignmentError;
use super::coordinates::Coordinates;
use crate::relaxation::Certificate;
use crate::sca::ScaState;

/// How far, relatively, the weights of a kept state may be from those of the problem: room for another machine's rounding.
const WEIGHT_TOLERANCE: f64 = 1e-9;
/// The same for the bounds of its first value, whose computation may be iterative.
const VALUE_TOLERANCE: f64 = 1e-6;

/// All that an assignment carries from one iteration to the next.
///
/// [`super::start`] makes one and [`super::resume`] advances it. A run that is stopped and resumed is, bit for bit, the run that
/// was not stopped, if problem and options are the same, but for the number of iterations: blocks are numbered by the iteration, so there is no
/// generator to keep, and the scale that the pilot blocks set is part of the state, as is what tells their problem from another. With the
/// feature `serde` it can be written and read back (in a format that keeps every bit of an `f64`); what is read is checked.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Unchecked"))]
pub struct AssignmentState {
    /// In the coordinates `z_n` in units of the largest `w_n`, and values in units of `unit`.
    pub(super) sca: ScaState,
    /// `w_n`.
    pub(super) weights: Vec<f64>,
    /// That of the options.
    pub(super) seed: u64,
    /// `v` of the first pilot block at the start.
    pub(super) first: Certificate,
    /// Units of `v`, from the pilot blocks.
    pub(super) unit: f64,
    /// `max_n |∂v/∂z_n|` in that unit.
    pub(super) curvature: f64,
    /// Blocks so far whose short-term problem was solved less exactly than asked.
    pub(super) unconverged: usize,
}

impl AssignmentState {
    /// The number of iterations done.
    pub fn iteration(&self) -> usize {
        self.sca.iteration()
    }

    /// Checks that the state is of a problem with these coordinates.
    pub(super) fn check_devices(&self, coordinates: &Coordinates) -> Result<(), AssignmentError> {
        let (expected, kept) = (&coordinates.weights(), &self.weights);
        if kept.len() != expected.len() {
            return Err(AssignmentError::StateDevices { expected: expected.len(), found: kept.len() });
        }
        let mut pairs = kept.iter().zip(expected).enumerate();
        match pairs.find(|(_, (kept, expected))| (*kept - *expected).abs() > WEIGHT_TOLERANCE * **expected) {
            None => Ok(()),
            Some((device, (&found, &expected))) => {
                Err(AssignmentError::StateWeight { device, expected, found })
            }
        }
    }

    /// Checks that the state is of a run with this seed.
    pub(super) fn check_seed(&self, expected: u64) -> Result<(), AssignmentError> {
        let found = self.seed;
        if found == expected { Ok(()) } else { Err(AssignmentError::StateSeed { expected, found }) }
    }

    /// Checks that the state is of a problem whose first value has these bounds.
    pub(super) fn check_value(&self, expected: Certificate) -> Result<(), AssignmentError> {
        let found = self.first;
        let apart = (expected.lower - found.upper).max(found.lower - expected.upper);
        let size = [expected.lower, expected.upper, found.lower, found.upper].map(f64::abs);
        let largest = size.into_iter().fold(0.0, f64::max);
        if expected.scope == found.scope && apart <= VALUE_TOLERANCE * largest {
            return Ok(());
        }
        Err(AssignmentError::StateValue { expected, found })
    }
}

#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    sca: ScaState,
    weights: Vec<f64>,
    seed: u64,
    first: Certificate,
    unit: f64,
    curvature: f64,
    unconverged: usize,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for AssignmentState {
    type Error = AssignmentError;

    fn try_from(raw: Unchecked) -> Result<Self, AssignmentError> {
        let Unchecked { sca, weights, seed, first, unit, curvature, unconverged } = raw;
        if weights.len() != sca.point().len() {
            let (expected, found) = (sca.point().len(), weights.len());
            return Err(AssignmentError::StateDevices { expected, found });
        }
        let found = sca.estimates().len();
        if found > 1 {
            return Err(AssignmentError::StateFunctions { found });
        }
        let unusable = |value: &f64| !(*value > 0.0 && value.is_finite());
        let found = weights.iter().chain([&unit, &curvature]).copied().find(unusable);
        match found {
            None => Ok(Self { sca, weights, seed, first, unit, curvature, unconverged }),
            Some(value) => Err(AssignmentError::StateScale { value }),
        }
    }
}
