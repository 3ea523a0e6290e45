//! Results whose fields are public: what is read must be what a run can have left.

use crate::assignment::SUM_TOLERANCE;
use crate::recovery::Method;
use crate::relaxation::Scope;
use crate::sca::TerminationReason;
use crate::transceiver::Transceiver;
use crate::{assignment, csi, recovery, relaxation, sca, transceiver};
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// For `#[serde(deserialize_with)]`: a residual or a violation, at least 0 and finite.
pub(crate) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    number(deserializer, |value| value >= 0.0 && value.is_finite(), "a finite number of at least 0")
}

/// For `#[serde(deserialize_with)]`: a confidence inside (0, 1).
pub(crate) fn confidence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    number(deserializer, is_confidence, "a confidence inside (0, 1)")
}

/// For `#[serde(serialize_with)]`: what is infinite is `null`, as not every format has infinities.
pub(crate) fn infinity_as_null<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    value.is_finite().then_some(*value).serialize(serializer)
}

fn null_as_infinity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

fn number<'de, D: Deserializer<'de>>(
    deserializer: D,
    valid: impl Fn(f64) -> bool,
    expected: &str,
) -> Result<f64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    if valid(value) { Ok(value) } else { Err(D::Error::invalid_value(Unexpected::Float(value), &expected)) }
}

fn is_confidence(value: f64) -> bool {
    value > 0.0 && value < 1.0
}

/// Refuses `value` of `field` unless it is valid.
pub(super) fn require(
    valid: bool,
    field: &str,
    value: impl std::fmt::Display,
    expected: &str,
) -> Result<(), String> {
    if valid { Ok(()) } else { Err(format!("{field} is {value}; valid: {expected}")) }
}

fn require_finite<'a>(field: &str, values: impl IntoIterator<Item = &'a f64>) -> Result<(), String> {
    values.into_iter().try_for_each(|value| require(value.is_finite(), field, value, "finite"))
}

fn require_size(field: &str, value: f64) -> Result<(), String> {
    require(value >= 0.0 && value.is_finite(), field, value, "at least 0 and finite")
}

fn require_fraction(field: &str, value: f64) -> Result<(), String> {
    require(value > 0.0 && value <= 1.0, field, value, "above 0, at most 1")
}

/// A number that stands for "no bound" when infinite.
fn require_bound(field: &str, value: f64) -> Result<(), String> {
    require(value >= 0.0, field, value, "at least 0")
}

fn require_samples(samples: usize) -> Result<(), String> {
    require(samples >= 2, "samples", samples, "at least 2")
}

/// Records of one run: at least one, numbered without a gap, all of one program.
fn require_history(history: &[sca::IterationRecord], dimension: usize) -> Result<(), String> {
    let Some(first) = history.first() else {
        return Err("a history without records".into());
    };
    for record in history {
        let (found, expected) = (record.point.len(), dimension);
        require(found == expected, "a recorded point's length", found, &expected.to_string())?;
        let (found, expected) = (record.constraints.len(), first.constraints.len());
        require(found == expected, "the number of constraints", found, &expected.to_string())?;
    }
    for pair in history.windows(2) {
        let (before, after) = (pair[0].iteration, pair[1].iteration);
        let valid = before.checked_add(1) == Some(after);
        require(valid, "iteration", after, &format!("one more than {before}, that of the record before"))?;
    }
    Ok(())
}

/// A type whose fields are read as they are and then checked.
macro_rules! checked {
    ($name:ident of $module:ident { $($(#[$meta:meta])* $field:ident: $type:ty),* } $check:expr) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$meta])* $field: $type),*
        }

        impl TryFrom<$name> for $module::$name {
            type Error = String;

            fn try_from(document: $name) -> Result<Self, String> {
                let check: fn(&$name) -> Result<(), String> = $check;
                check(&document)?;
                Ok(Self { $($field: document.$field),* })
            }
        }
    };
}

checked!(MeanSquaredError of transceiver { mismatch: f64, noise: f64 } |error| {
    require_size("mismatch", error.mismatch)?;
    require_size("noise", error.noise)
});

checked!(Certificate of relaxation { lower: f64, upper: f64, scope: Scope } |certificate| {
    let (lower, upper) = (certificate.lower, certificate.upper);
    require_finite("a bound", [&lower, &upper])?;
    require(lower <= upper, "the lower bound", lower, &format!("at most the upper bound, {upper}"))
});

checked!(Alternated of csi { transceiver: Transceiver, mse: f64, iterations: usize, converged: bool } |alternated| {
    require_size("mse", alternated.mse)
});

checked!(Refined of recovery {
    transceiver: Transceiver, mse: f64,
    #[serde(deserialize_with = "null_as_infinity")] stationarity: f64,
    iterations: usize, converged: bool
} |refined| {
    require_size("mse", refined.mse)?;
    require_bound("stationarity", refined.stationarity)
});

checked!(Design of recovery {
    transceiver: Transceiver, mse: f64, method: Method, bound: Option<f64>,
    #[serde(deserialize_with = "null_as_infinity")] stationarity: f64,
    iterations: usize
} |design| {
    require_size("mse", design.mse)?;
    design.bound.map_or(Ok(()), |bound| {
        require(bound >= 0.0 && bound.is_finite(), "bound", bound, "at least 0 and finite")
    })?;
    require_bound("stationarity", design.stationarity)
});

checked!(IterationRecord of sca {
    iteration: usize, point: Vec<f64>, objective: f64, constraints: Vec<f64>, averaging: f64, step: f64,
    residual: f64, subproblem_gap: f64, multipliers: Vec<f64>, restored: Option<f64>
} |record| {
    let values = record.point.iter().chain(&record.constraints).chain(&record.restored);
    require_finite("a recorded value", values.chain([&record.objective]))?;
    require_fraction("averaging", record.averaging)?;
    require_fraction("step", record.step)?;
    require_size("residual", record.residual)?;
    require_size("subproblem_gap", record.subproblem_gap)?;
    record.multipliers.iter().try_for_each(|multiplier| require_size("a multiplier", *multiplier))?;
    let (found, functions) = (record.multipliers.len(), record.constraints.len());
    match record.restored {
        None => require(found == functions, "the number of multipliers", found, "that of the constraints"),
        Some(restored) => {
            require(restored > 0.0, "restored", restored, "above 0")?;
            require(found == 0, "the number of multipliers", found, "0 where (21) had no point")
        }
    }
});

checked!(ResidualEstimate of sca {
    residual: f64,
    #[serde(deserialize_with = "null_as_infinity")] upper_bound: f64,
    confidence: f64, samples: usize
} |estimate| {
    require_size("residual", estimate.residual)?;
    let (residual, upper_bound) = (estimate.residual, estimate.upper_bound);
    require(residual <= upper_bound, "upper_bound", upper_bound, &format!("at least the residual, {residual}"))?;
    require(is_confidence(estimate.confidence), "confidence", estimate.confidence, "inside (0, 1)")?;
    require_samples(estimate.samples)
});

checked!(ScaReport of sca {
    point: Vec<f64>, termination: TerminationReason, guaranteed: bool, history: Vec<sca::IterationRecord>
} |report| {
    require_finite("an entry of the point", &report.point)?;
    require_history(&report.history, report.point.len())
});

checked!(Assignment of assignment {
    shares: Vec<f64>, termination: TerminationReason, guaranteed: bool, unconverged: usize,
    history: Vec<sca::IterationRecord>
} |assignment| {
    for &share in &assignment.shares {
        require((0.0..=1.0).contains(&share), "a share", share, "0 to 1")?;
    }
    let sum: f64 = assignment.shares.iter().sum();
    require((sum - 1.0).abs() <= SUM_TOLERANCE, "the sum of the shares", sum, "1")?;
    require_history(&assignment.history, assignment.shares.len())
});

checked!(Estimate of assignment {
    mean: f64,
    #[serde(deserialize_with = "null_as_infinity")] standard_error: f64,
    samples: usize
} |estimate| {
    require_finite("mean", [&estimate.mean])?;
    require_bound("standard_error", estimate.standard_error)?;
    require_samples(estimate.samples)
});

checked!(Function of sca { value: f64, gradient: Vec<f64> } |function| {
    require_finite("a value or derivative", function.gradient.iter().chain([&function.value]))
});

checked!(CertifiedValue of assignment {
    lower: f64, upper: f64, gradient: Vec<f64>, scope: Scope, converged: bool
} |value| {
    let (lower, upper) = (value.lower, value.upper);
    require_finite("a bound or derivative", value.gradient.iter().chain([&lower, &upper]))?;
    require(lower <= upper, "the lower bound", lower, &format!("at most the upper bound, {upper}"))
});

checked!(OptimalityGap of assignment {
    value: assignment::Estimate, optimum: assignment::Estimate, gap: assignment::Estimate, confidence: f64,
    scope: Scope, unconverged: usize
} |gap| {
    require(is_confidence(gap.confidence), "confidence", gap.confidence, "inside (0, 1)")?;
    let [blocks, batches, found] = [gap.value, gap.optimum, gap.gap].map(|estimate| estimate.samples);
    require(found == batches, "the number of batches of the gap", found, &format!("{batches}, that of the optimum"))?;
    let valid = blocks.is_multiple_of(batches);
    require(valid, "the number of blocks", blocks, &format!("a multiple of {batches}, the number of batches"))?;
    require(gap.unconverged <= blocks, "unconverged", gap.unconverged, &format!("at most {blocks}, all blocks"))
});

checked!(LinearRow of sca { coefficients: Vec<f64>, right_hand_side: f64 } |row| {
    require_finite("an entry of the row", row.coefficients.iter().chain([&row.right_hand_side]))
});

checked!(Surrogate of sca { value: f64, gradient: Vec<f64>, curvature: f64 } |surrogate| {
    require_finite("a value or derivative", surrogate.gradient.iter().chain([&surrogate.value]))?;
    require_size("curvature", surrogate.curvature)
});

checked!(Evaluation of sca { objective: sca::Function, constraints: Vec<sca::Function> } |evaluation| {
    let expected = evaluation.objective.gradient.len();
    evaluation.constraints.iter().map(|constraint| constraint.gradient.len()).try_for_each(|found| {
        require(found == expected, "a gradient's length", found, &expected.to_string())
    })
});
