//! The feasible set 𝒳 = { l ≤ x ≤ u, A_eq x = b_eq, A_in x ≤ b_in }.

mod build;
mod snap;

use std::fmt;

pub use build::PolyhedronBuilder;

use super::subproblem::{AutomaticBackend, solve};
use super::vector::{difference, dot, largest_magnitude};
use super::{PolyhedronError, Surrogate};

/// Relative violation up to which a point counts as feasible: of a row `aᵀx ⋚ b`, relative to
/// `max(|b|, ‖a‖_∞ max(1, ‖x‖_∞))`; of a bound `l`, relative to `max(1, |l|)`. What the optimizer itself returns is held to a size of points
/// below 1 where the problem is smaller.
pub const FEASIBILITY_TOLERANCE: f64 = 1e-7;

/// One row `aᵀx = b` or `aᵀx ≤ b`.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "crate::document::records::LinearRow")
)]
pub struct LinearRow {
    /// `a`, length = dimension.
    pub coefficients: Vec<f64>,
    /// `b`.
    pub right_hand_side: f64,
}

impl LinearRow {
    /// `aᵀx − b`.
    ///
    /// # Errors
    /// [`PolyhedronError::Length`] unless `point` is as long as `a`.
    pub fn residual(&self, point: &[f64]) -> Result<f64, PolyhedronError> {
        require_length(self.coefficients.len(), point)?;
        Ok(self.excess(point))
    }

    /// `aᵀx − b` of a point as long as `a`.
    pub(in crate::sca) fn excess(&self, point: &[f64]) -> f64 {
        dot(&self.coefficients, point) - self.right_hand_side
    }

    /// `excess` against the magnitude of the row at `point`, or at points of `size`; infinite if that overflows.
    fn relative(&self, excess: f64, point: &[f64], size: f64) -> f64 {
        let scale = largest_magnitude(&self.coefficients) * largest_magnitude(point).max(size);
        let scale = scale.max(self.right_hand_side.abs());
        match scale {
            0.0 => excess,
            scale if scale.is_finite() && excess.is_finite() => excess / scale,
            _ => f64::INFINITY,
        }
    }
}

/// Checks the length of a point or of a displacement.
pub(in crate::sca) fn require_length(expected: usize, point: &[f64]) -> Result<(), PolyhedronError> {
    let found = point.len();
    if found == expected { Ok(()) } else { Err(PolyhedronError::Length { row: Row::Point, expected, found }) }
}

/// Names one row of a polyhedron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Row {
    /// The whole vector of lower bounds.
    LowerBounds,
    /// The whole vector of upper bounds.
    UpperBounds,
    /// Lower bound of a variable.
    LowerBound(usize),
    /// Upper bound of a variable.
    UpperBound(usize),
    /// An equality, in the order in which they were added.
    Equality(usize),
    /// An inequality, in the order in which they were added.
    Inequality(usize),
    /// No row: the point handed in.
    Point,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LowerBounds => write!(f, "the vector of lower bounds"),
            Self::UpperBounds => write!(f, "the vector of upper bounds"),
            Self::LowerBound(index) => write!(f, "lower bound {index}"),
            Self::UpperBound(index) => write!(f, "upper bound {index}"),
            Self::Equality(index) => write!(f, "equality {index}"),
            Self::Inequality(index) => write!(f, "inequality {index}"),
            Self::Point => write!(f, "the point"),
        }
    }
}

/// The most violated row at some point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Violation {
    /// Which row.
    pub row: Row,
    /// By how much, relative to the row's magnitude (see [`FEASIBILITY_TOLERANCE`]); ≥ 0.
    pub amount: f64,
}

/// A non-empty polyhedron `{ l ≤ x ≤ u, A_eq x = b_eq, A_in x ≤ b_in }`.
///
/// Built and checked by [`PolyhedronBuilder`]; immutable afterwards.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "crate::document::inputs::Polyhedron", try_from = "crate::document::inputs::Polyhedron")
)]
pub struct Polyhedron {
    lower: Vec<f64>,
    upper: Vec<f64>,
    equalities: Vec<LinearRow>,
    inequalities: Vec<LinearRow>,
    member: Vec<f64>,
}

impl Polyhedron {
    /// Starts a polyhedron in `dimension` variables, unbounded so far. Valid: 1 to 10⁷, which [`PolyhedronBuilder::build`] checks.
    pub fn builder(dimension: usize) -> PolyhedronBuilder {
        PolyhedronBuilder::new(dimension)
    }

    /// `{ x ≥ minimum, Σ_n x_n = 1 }` in `dimension` variables.
    ///
    /// # Errors
    /// [`PolyhedronError`]: no variables or more than 10⁷, `minimum` not finite, or `dimension · minimum > 1`.
    pub fn simplex(dimension: usize, minimum: f64) -> Result<Self, PolyhedronError> {
        build::require_dimension(dimension)?;
        Self::builder(dimension)
            .bounds(vec![minimum; dimension], vec![f64::INFINITY; dimension])
            .equality(vec![1.0; dimension], 1.0)
            .build()
    }

    /// The number of variables.
    pub fn dimension(&self) -> usize {
        self.lower.len()
    }

    /// `l`; `−∞` where there is no bound.
    pub fn lower(&self) -> &[f64] {
        &self.lower
    }

    /// `u`; `+∞` where there is no bound.
    pub fn upper(&self) -> &[f64] {
        &self.upper
    }

    /// The rows of `A_eq x = b_eq`.
    pub fn equalities(&self) -> &[LinearRow] {
        &self.equalities
    }

    /// The rows of `A_in x ≤ b_in`.
    pub fn inequalities(&self) -> &[LinearRow] {
        &self.inequalities
    }

    /// Some point of the set, found when it was built.
    pub fn member(&self) -> &[f64] {
        &self.member
    }

    /// The row that `point` (length = dimension) violates most; amount 0 for a point inside. A point that
    /// holds NaN or an infinity violates by infinity, and so does a row whose magnitude there overflows.
    pub fn largest_violation(&self, point: &[f64]) -> Violation {
        self.violation_at_size(point, 1.0)
    }

    /// The same relative to magnitudes at points of `size` in place of 1.
    pub(in crate::sca) fn violation_at_size(&self, point: &[f64], size: f64) -> Violation {
        let mut worst = Violation { row: Row::Point, amount: 0.0 };
        if point.len() != self.dimension() || point.iter().any(|x| !x.is_finite()) {
            return Violation { row: Row::Point, amount: f64::INFINITY };
        }
        let mut meet = |row: Row, amount: f64| {
            if amount > worst.amount {
                worst = Violation { row, amount };
            }
        };
        for (index, ((&x, &lower), &upper)) in point.iter().zip(&self.lower).zip(&self.upper).enumerate() {
            if lower.is_finite() {
                meet(Row::LowerBound(index), (lower - x) / lower.abs().max(size));
            }
            if upper.is_finite() {
                meet(Row::UpperBound(index), (x - upper) / upper.abs().max(size));
            }
        }
        for (index, row) in self.equalities.iter().enumerate() {
            meet(Row::Equality(index), row.relative(row.excess(point).abs(), point, size));
        }
        for (index, row) in self.inequalities.iter().enumerate() {
            meet(Row::Inequality(index), row.relative(row.excess(point), point, size));
        }
        worst
    }

    /// The set of the `x/length`, each row divided by what is its unit.
    pub(in crate::sca) fn in_units(&self, length: f64, equalities: &[f64], inequalities: &[f64]) -> Self {
        let divided = |vector: &[f64]| vector.iter().map(|x| x / length).collect();
        let rows = |rows: &[LinearRow], units: &[f64]| {
            let row = |(row, unit): (&LinearRow, &f64)| LinearRow {
                coefficients: row.coefficients.iter().map(|a| a * (length / unit)).collect(),
                right_hand_side: row.right_hand_side / unit,
            };
            rows.iter().zip(units).map(row).collect()
        };
        Self {
            lower: divided(&self.lower),
            upper: divided(&self.upper),
            equalities: rows(&self.equalities, equalities),
            inequalities: rows(&self.inequalities, inequalities),
            member: divided(&self.member),
        }
    }

    /// The set with every inequality's right-hand side raised by `part` of the row's magnitude at points of `size`.
    pub(in crate::sca) fn loosened(&self, part: f64, size: f64) -> Self {
        let mut set = self.clone();
        for LinearRow { coefficients, right_hand_side } in &mut set.inequalities {
            *right_hand_side += part * (largest_magnitude(coefficients) * size).max(right_hand_side.abs());
        }
        set
    }

    /// Whether `point` is in the set up to [`FEASIBILITY_TOLERANCE`].
    pub fn contains(&self, point: &[f64]) -> bool {
        self.largest_violation(point).amount <= FEASIBILITY_TOLERANCE
    }

    /// The point of the set nearest to `point` in the Euclidean norm, certified by a dual bound: its distance from the exact answer is at most about a
    /// thousandth of the larger of its own distance from the [member](Self::member) and a hundredth of `point`'s. What is usual is eight digits or
    /// more. In a set without an interior it is the point nearest within the tolerance.
    ///
    /// # Errors
    /// [`PolyhedronError::Length`] or [`PolyhedronError::NotFinite`] for a bad `point`,
    /// [`PolyhedronError::Undecided`] if no answer stands the re-check.
    pub fn project(&self, point: &[f64]) -> Result<Vec<f64>, PolyhedronError> {
        require_length(self.dimension(), point)?;
        if let Some(&value) = point.iter().find(|x| !x.is_finite()) {
            return Err(PolyhedronError::NotFinite { row: Row::Point, value });
        }
        if self.largest_violation(point).amount == 0.0 {
            return Ok(point.to_vec());
        }
        // min ‖x − p‖² = ‖d‖² + 2(c − p)ᵀd + const, centred at a member c.
        let gradient = difference(&self.member, point).iter().map(|g| 2.0 * g).collect();
        let distance = Surrogate { value: 0.0, gradient, curvature: 1.0 };
        solve(&mut AutomaticBackend, self, &self.member, &distance, &[])
            .map(|step| step.point)
            .map_err(PolyhedronError::Undecided)
    }
}
