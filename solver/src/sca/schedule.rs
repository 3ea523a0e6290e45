//! Step-size schedules ρ_τ and γ_τ, refused where they break the conditions of convergence.
//!
//! \[C\] asks (theory §5): `ρ_τ, γ_τ ∈ (0, 1]`, both → 0, `Σ ρ_τ = Σ γ_τ = ∞`, `Σ ρ_τ², Σ γ_τ² < ∞`, and
//! `γ_τ / ρ_τ → 0`, so that the averages (19) follow the moving point.

use super::ScheduleError;

/// The sequence `c · (1 + τ/τ_0)^{−a}`, τ = 0, 1, …
///
/// It lies in (0, 1] for `0 < c ≤ 1` and `τ_0 > 0`; its sum diverges for `a ≤ 1`; the sum of its squares
/// converges for `a > 1/2`. All three are checked at construction.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// # Errors
    /// [`ScheduleError`] with the value refused and the valid range.
    pub fn new(scale: f64, delay: f64, exponent: f64) -> Result<Self, ScheduleError> {
        if !(scale > 0.0 && scale <= 1.0) {
            return Err(ScheduleError::Scale { scale });
        }
        if !(delay > 0.0 && delay.is_finite()) {
            return Err(ScheduleError::Delay { delay });
        }
        if !(exponent > 0.5 && exponent <= 1.0) {
            return Err(ScheduleError::Exponent { exponent });
        }
        Ok(Self { scale, delay, exponent })
    }

    /// The value at iteration `iteration` = 0, 1, …
    pub fn at(&self, iteration: usize) -> f64 {
        self.scale * (1.0 + iteration as f64 / self.delay).powf(-self.exponent)
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

/// The pair of schedules of one run: averaging weights ρ_τ of (19), step lengths γ_τ of (22).
///
/// Default: `ρ_τ = (1 + τ)^{−0.6}`, `γ_τ = (1 + τ/10)^{−0.9}`; slow forgetting, and a step that stays long for
/// the first tens of iterations, with `γ_τ/ρ_τ ~ τ^{−0.3} → 0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedules {
    averaging: PolynomialDecay,
    step: PolynomialDecay,
}

impl Schedules {
    /// Polynomial schedules. `γ_τ/ρ_τ → 0` holds exactly when the step's exponent is above the averaging
    /// one's.
    ///
    /// # Errors
    /// [`ScheduleError::StepNotFaster`] with both exponents otherwise.
    pub fn polynomial(averaging: PolynomialDecay, step: PolynomialDecay) -> Result<Self, ScheduleError> {
        if step.exponent <= averaging.exponent {
            return Err(ScheduleError::StepNotFaster {
                averaging_exponent: averaging.exponent,
                step_exponent: step.exponent,
            });
        }
        Ok(Self { averaging, step })
    }

    /// ρ_τ. The run itself uses 1 at τ = 0, where there is nothing yet to average with.
    pub fn averaging(&self, iteration: usize) -> f64 {
        self.averaging.at(iteration)
    }

    /// γ_τ.
    pub fn step(&self, iteration: usize) -> f64 {
        self.step.at(iteration)
    }
}

impl Default for Schedules {
    fn default() -> Self {
        Self {
            averaging: PolynomialDecay { scale: 1.0, delay: 1.0, exponent: 0.6 },
            step: PolynomialDecay { scale: 1.0, delay: 10.0, exponent: 0.9 },
        }
    }
}
