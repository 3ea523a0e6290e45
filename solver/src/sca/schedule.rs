//! Step-size schedules ρ_τ and γ_τ, refused where they break the conditions of convergence.
//!
//! \[C\] asks (theory §5): `ρ_τ, γ_τ ∈ (0, 1]`, both → 0, `Σ ρ_τ = Σ γ_τ = ∞`, `Σ ρ_τ², Σ γ_τ² < ∞`, and
//! `γ_τ / ρ_τ → 0`, so that the averages (19) follow the moving point. All but the range are conditions on the tail, which for
//! a decay `~ τ^{−a}` is its exponent: `1/2 < a ≤ 1`, and that of γ above that of ρ.

use std::fmt;
use std::sync::Arc;

use super::ScheduleError;

/// No iteration has a higher number: `2^64`.
const ALL_ITERATIONS: f64 = 18_446_744_073_709_551_616.0;

/// The sequence `c · (1 + τ/τ_0)^{−a}`, τ = 0, 1, …
///
/// It lies in (0, 1] for `0 < c ≤ 1` and `τ_0 > 0`; its sum diverges for `a ≤ 1`; the sum of its squares
/// converges for `a > 1/2`. All three are checked at construction, as is that no value rounds to 0.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::inputs::PolynomialDecay")
)]
pub struct PolynomialDecay {
    scale: f64,
    delay: f64,
    exponent: f64,
}

impl PolynomialDecay {
    /// `scale · (1 + τ/delay)^{−exponent}`.
    ///
    /// - `scale` ∈ (0, 1]: the value at τ = 0.
    /// - `delay` > 0, finite, in iterations: how long the value stays near `scale`.
    /// - `exponent` ∈ (1/2, 1].
    ///
    /// Together they must leave a normal number after `2^64` iterations: with `scale` = 1 every delay from `4.2e-289` on does.
    ///
    /// # Errors
    /// [`ScheduleError`] with the value refused and the valid range; [`ScheduleError::Vanishing`] where each is in its range and they leave
    /// too little together.
    pub fn new(scale: f64, delay: f64, exponent: f64) -> Result<Self, ScheduleError> {
        if !(scale > 0.0 && scale <= 1.0) {
            return Err(ScheduleError::Scale { scale });
        }
        if !(delay > 0.0 && delay.is_finite()) {
            return Err(ScheduleError::Delay { delay });
        }
        require_exponent(exponent)?;
        let decay = Self { scale, delay, exponent };
        if !decay.after(ALL_ITERATIONS).is_normal() {
            return Err(ScheduleError::Vanishing { scale, delay, exponent });
        }
        Ok(decay)
    }

    /// The value after `iterations` iterations.
    fn after(&self, iterations: f64) -> f64 {
        self.scale * (1.0 + iterations / self.delay).powf(-self.exponent)
    }

    /// The value at iteration `iteration` = 0, 1, …
    pub fn at(&self, iteration: usize) -> f64 {
        self.after(iteration as f64)
    }

    /// The value at τ = 0.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Iterations before the decay sets in.
    pub fn delay(&self) -> f64 {
        self.delay
    }

    /// The rate `a` of the decay `τ^{−a}`.
    pub fn exponent(&self) -> f64 {
        self.exponent
    }
}

/// The sequence `q^{min(τ, τ_1)} · w_{max(0, τ − τ_1)}`: geometric until the crossover `τ_1`, a [`PolynomialDecay`] `w` from there.
///
/// A geometric decay alone would stop the method short (its sum is finite); the conditions are met by the polynomial tail.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::inputs::GeometricThenPolynomial")
)]
pub struct GeometricThenPolynomial {
    ratio: f64,
    crossover: usize,
    tail: PolynomialDecay,
}

impl GeometricThenPolynomial {
    /// From `tail.scale()` at τ = 0 by a factor of `ratio` ∈ (0, 1) per iteration, until τ = `crossover`; then as `tail`.
    ///
    /// # Errors
    /// [`ScheduleError::Ratio`]; [`ScheduleError::Crossover`] unless `ratio^crossover` leaves the tail a normal number after `2^64` iterations.
    pub fn new(ratio: f64, crossover: usize, tail: PolynomialDecay) -> Result<Self, ScheduleError> {
        if !(ratio > 0.0 && ratio < 1.0) {
            return Err(ScheduleError::Ratio { ratio });
        }
        let decay = Self { ratio, crossover, tail };
        if !(decay.ratio.powf(crossover as f64) * tail.after(ALL_ITERATIONS)).is_normal() {
            return Err(ScheduleError::Crossover { ratio, crossover });
        }
        Ok(decay)
    }

    /// The value at iteration `iteration` = 0, 1, …
    pub fn at(&self, iteration: usize) -> f64 {
        self.ratio.powf(iteration.min(self.crossover) as f64)
            * self.tail.at(iteration.saturating_sub(self.crossover))
    }

    /// The rate `a` of the tail `τ^{−a}`.
    pub fn exponent(&self) -> f64 {
        self.tail.exponent
    }
}

/// A sequence of the caller's own, with the exponent of its tail declared.
///
/// No program can check an asymptotic rate from finitely many values: that the sequence falls like `τ^{−a}` is the
/// caller's word. That `a` is admissible is checked at construction, that the values are in (0, 1] whenever one is used.
/// Two are equal if they share the same function.
///
/// A function is no value that a document can hold: with the feature `serde`, writing schedules or options with a declared decay in them is an
/// error of the serializer. Write the rest, and set the schedules anew.
#[derive(Clone)]
pub struct DeclaredDecay {
    values: Arc<dyn Fn(usize) -> f64 + Send + Sync>,
    exponent: f64,
}

impl DeclaredDecay {
    /// `values(τ)` for τ = 0, 1, …, which falls like `τ^{−exponent}`, `exponent` ∈ (1/2, 1].
    ///
    /// # Errors
    /// [`ScheduleError::Exponent`].
    pub fn new(
        exponent: f64,
        values: impl Fn(usize) -> f64 + Send + Sync + 'static,
    ) -> Result<Self, ScheduleError> {
        require_exponent(exponent)?;
        Ok(Self { values: Arc::new(values), exponent })
    }
}

impl fmt::Debug for DeclaredDecay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeclaredDecay").field("exponent", &self.exponent).finish_non_exhaustive()
    }
}

impl PartialEq for DeclaredDecay {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.values, &other.values) && self.exponent == other.exponent
    }
}

/// One sequence that decays as the theory asks.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
#[non_exhaustive]
pub enum Decay {
    /// Polynomial from the start.
    Polynomial(PolynomialDecay),
    /// Geometric until a crossover.
    GeometricThenPolynomial(GeometricThenPolynomial),
    /// The caller's own. With the feature `serde` it can be neither written nor read.
    #[cfg_attr(feature = "serde", serde(skip))]
    Declared(DeclaredDecay),
}

impl Decay {
    fn at(&self, iteration: usize) -> f64 {
        match self {
            Self::Polynomial(decay) => decay.at(iteration),
            Self::GeometricThenPolynomial(decay) => decay.at(iteration),
            Self::Declared(decay) => (decay.values)(iteration),
        }
    }

    /// The rate `a` of the tail `τ^{−a}`.
    pub fn exponent(&self) -> f64 {
        match self {
            Self::Polynomial(decay) => decay.exponent,
            Self::GeometricThenPolynomial(decay) => decay.exponent(),
            Self::Declared(decay) => decay.exponent,
        }
    }
}

impl From<PolynomialDecay> for Decay {
    fn from(decay: PolynomialDecay) -> Self {
        Self::Polynomial(decay)
    }
}

impl From<GeometricThenPolynomial> for Decay {
    fn from(decay: GeometricThenPolynomial) -> Self {
        Self::GeometricThenPolynomial(decay)
    }
}

impl From<DeclaredDecay> for Decay {
    fn from(decay: DeclaredDecay) -> Self {
        Self::Declared(decay)
    }
}

/// The pair of schedules of one run: averaging weights ρ_τ of (19), step lengths γ_τ of (22).
///
/// Default: `ρ_τ = (1 + τ)^{−0.6}`, `γ_τ = (1 + τ/10)^{−0.9}`; slow forgetting, and a step that stays long for
/// the first tens of iterations, with `γ_τ/ρ_τ ~ τ^{−0.3} → 0`.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::inputs::Schedules")
)]
pub struct Schedules(Pair);

#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub(crate) enum Pair {
    Decaying {
        averaging: Decay,
        step: Decay,
    },
    #[cfg_attr(feature = "serde", serde(rename = "constant_without_guarantee"))]
    Constant {
        averaging: f64,
        step: f64,
    },
}

impl Schedules {
    /// Decaying schedules. `γ_τ/ρ_τ → 0` holds exactly when the step's exponent is above the averaging one's.
    ///
    /// # Errors
    /// [`ScheduleError::StepNotFaster`] with both exponents otherwise.
    pub fn new(averaging: impl Into<Decay>, step: impl Into<Decay>) -> Result<Self, ScheduleError> {
        let (averaging, step) = (averaging.into(), step.into());
        let (averaging_exponent, step_exponent) = (averaging.exponent(), step.exponent());
        if step_exponent <= averaging_exponent {
            return Err(ScheduleError::StepNotFaster { averaging_exponent, step_exponent });
        }
        Ok(Self(Pair::Decaying { averaging, step }))
    }

    /// Constant ρ and γ, for diagnosis alone: with them the iterates never settle, and no theorem says where they end. A
    /// run's report says so ([`super::ScaReport::guaranteed`] is `false`).
    ///
    /// # Errors
    /// [`ScheduleError::Scale`] unless both are in (0, 1].
    pub fn constant_without_guarantee(averaging: f64, step: f64) -> Result<Self, ScheduleError> {
        for scale in [averaging, step] {
            if !(scale > 0.0 && scale <= 1.0) {
                return Err(ScheduleError::Scale { scale });
            }
        }
        Ok(Self(Pair::Constant { averaging, step }))
    }

    /// Whether these schedules meet the conditions of convergence of \[C\]; for a [`DeclaredDecay`], as declared.
    pub fn guaranteed(&self) -> bool {
        matches!(self.0, Pair::Decaying { .. })
    }

    /// ρ_τ. The run itself uses 1 at τ = 0, where there is nothing yet to average with.
    ///
    /// # Errors
    /// [`ScheduleError::Value`] if a [`DeclaredDecay`] leaves (0, 1].
    pub fn averaging(&self, iteration: usize) -> Result<f64, ScheduleError> {
        let value = match &self.0 {
            Pair::Decaying { averaging, .. } => averaging.at(iteration),
            Pair::Constant { averaging, .. } => *averaging,
        };
        require_value("averaging", iteration, value)
    }

    /// γ_τ.
    ///
    /// # Errors
    /// As [`Schedules::averaging`].
    pub fn step(&self, iteration: usize) -> Result<f64, ScheduleError> {
        let value = match &self.0 {
            Pair::Decaying { step, .. } => step.at(iteration),
            Pair::Constant { step, .. } => *step,
        };
        require_value("step", iteration, value)
    }
}

impl Default for Schedules {
    fn default() -> Self {
        let averaging = PolynomialDecay { scale: 1.0, delay: 1.0, exponent: 0.6 };
        let step = PolynomialDecay { scale: 1.0, delay: 10.0, exponent: 0.9 };
        Self(Pair::Decaying { averaging: averaging.into(), step: step.into() })
    }
}

fn require_exponent(exponent: f64) -> Result<(), ScheduleError> {
    if exponent > 0.5 && exponent <= 1.0 { Ok(()) } else { Err(ScheduleError::Exponent { exponent }) }
}

fn require_value(schedule: &'static str, iteration: usize, value: f64) -> Result<f64, ScheduleError> {
    if value > 0.0 && value <= 1.0 {
        Ok(value)
    } else {
        Err(ScheduleError::Value { schedule, iteration, value })
    }
}
