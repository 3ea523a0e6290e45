//! Building a polyhedron, and showing that it has a point.

use super::super::vector::norm;
use super::{AutomaticBackend, LinearRow, Polyhedron, PolyhedronError, Row, Surrogate, solve};
use crate::sca::subproblem::{LeastViolation, Step, least_violation};

/// Most variables: 80 MB for each vector.
const MOST_VARIABLES: usize = 10_000_000;

/// Collects the rows of a [`Polyhedron`]; [`PolyhedronBuilder::build`] checks them all.
#[derive(Debug, Clone)]
pub struct PolyhedronBuilder {
    dimension: usize,
    /// `l` and `u`.
    bounds: Option<(Vec<f64>, Vec<f64>)>,
    equalities: Vec<LinearRow>,
    inequalities: Vec<LinearRow>,
}

impl PolyhedronBuilder {
    pub(super) fn new(dimension: usize) -> Self {
        Self { dimension, bounds: None, equalities: Vec::new(), inequalities: Vec::new() }
    }

    /// `l ≤ x ≤ u`; `−∞` in `lower` and `+∞` in `upper` mean no bound. Default: no bounds.
    pub fn bounds(mut self, lower: Vec<f64>, upper: Vec<f64>) -> Self {
        self.bounds = Some((lower, upper));
        self
    }

    /// Adds the row `aᵀx = b`.
    pub fn equality(mut self, coefficients: Vec<f64>, right_hand_side: f64) -> Self {
        self.equalities.push(LinearRow { coefficients, right_hand_side });
        self
    }

    /// Adds the row `aᵀx ≤ b`.
    pub fn inequality(mut self, coefficients: Vec<f64>, right_hand_side: f64) -> Self {
        self.inequalities.push(LinearRow { coefficients, right_hand_side });
        self
    }

    /// Checks shapes, values and that the set has a point.
    ///
    /// # Errors
    /// [`PolyhedronError`], with the row and value refused, or with the least violation of an empty set.
    pub fn build(self) -> Result<Polyhedron, PolyhedronError> {
        require_dimension(self.dimension)?;
        let Self { dimension, bounds, equalities, inequalities } = self;
        let (lower, upper) =
            bounds.unwrap_or_else(|| (vec![f64::NEG_INFINITY; dimension], vec![f64::INFINITY; dimension]));
        let mut set = Polyhedron { lower, upper, equalities, inequalities, member: Vec::new() };
        check_rows(dimension, &set)?;
        check_zero_rows(&set)?;
        set.member = set.lower.iter().zip(&set.upper).map(|(l, u)| 0.0_f64.max(*l).min(*u)).collect();
        if set.largest_violation(&set.member).amount > 0.0 {
            set.member = search(&set)?;
        }
        Ok(set)
    }
}

/// Checks the number of variables before anything is allocated for them.
pub(super) fn require_dimension(dimension: usize) -> Result<(), PolyhedronError> {
    match dimension {
        0 => Err(PolyhedronError::NoVariables),
        1..=MOST_VARIABLES => Ok(()),
        _ => Err(PolyhedronError::TooManyVariables { dimension, most: MOST_VARIABLES }),
    }
}

fn check_rows(expected: usize, set: &Polyhedron) -> Result<(), PolyhedronError> {
    let length = |row, found| {
        if found == expected { Ok(()) } else { Err(PolyhedronError::Length { row, expected, found }) }
    };
    length(Row::LowerBounds, set.lower.len())?;
    length(Row::UpperBounds, set.upper.len())?;
    for (index, (&lower, &upper)) in set.lower.iter().zip(&set.upper).enumerate() {
        if lower.is_nan() || lower == f64::INFINITY {
            return Err(PolyhedronError::NotFinite { row: Row::LowerBound(index), value: lower });
        }
        if upper.is_nan() || upper == f64::NEG_INFINITY {
            return Err(PolyhedronError::NotFinite { row: Row::UpperBound(index), value: upper });
        }
        if lower > upper {
            return Err(PolyhedronError::CrossedBounds { index, lower, upper });
        }
    }
    let named = set.equalities.iter().enumerate().map(|(i, r)| (Row::Equality(i), r));
    let named = named.chain(set.inequalities.iter().enumerate().map(|(i, r)| (Row::Inequality(i), r)));
    for (row, LinearRow { coefficients, right_hand_side }) in named {
        length(row, coefficients.len())?;
        if let Some(&value) = coefficients.iter().chain([right_hand_side]).find(|v| !v.is_finite()) {
            return Err(PolyhedronError::NotFinite { row, value });
        }
    }
    Ok(())
}

/// Rows of zeros are met everywhere or nowhere.
fn check_zero_rows(set: &Polyhedron) -> Result<(), PolyhedronError> {
    let zeros = |row: &&LinearRow| is_zero(row);
    let equalities = set.equalities.iter().filter(zeros).map(|row| row.right_hand_side.abs());
    let inequalities = set.inequalities.iter().filter(zeros).map(|row| -row.right_hand_side);
    match equalities.chain(inequalities).fold(0.0, f64::max) {
        0.0 => Ok(()),
        least_violation => Err(PolyhedronError::Empty { least_violation, radius: f64::INFINITY }),
    }
}

fn is_zero(row: &LinearRow) -> bool {
    row.coefficients.iter().all(|a| *a == 0.0)
}

/// The point of `set` nearest to its member so far, which is within the bounds; or of an empty set the least that the largest violation of the rows,
/// scaled to unit norm, can be within the bounds.
fn search(set: &Polyhedron) -> Result<Vec<f64>, PolyhedronError> {
    let (center, backend) = (&set.member, &mut AutomaticBackend);
    let distance = Surrogate { value: 0.0, gradient: vec![0.0; set.dimension()], curvature: 1.0 };
    let undecided = match solve(backend, set, center, &distance, &[]) {
        Ok(Step { point, .. }) => return Ok(point),
        Err(failure) => PolyhedronError::Undecided(failure),
    };
    let bounds_only = Polyhedron { equalities: Vec::new(), inequalities: Vec::new(), ..set.clone() };
    let violation = |row: &LinearRow, sign: f64| {
        let scale = sign / norm(&row.coefficients);
        let gradient = row.coefficients.iter().map(|a| scale * a).collect();
        Surrogate { value: scale * row.excess(center), gradient, curvature: 0.0 }
    };
    let counts = |row: &&LinearRow| !is_zero(row);
    let mut violations: Vec<Surrogate> =
        set.inequalities.iter().filter(counts).map(|row| violation(row, 1.0)).collect();
    for row in set.equalities.iter().filter(counts) {
        violations.push(violation(row, 1.0));
        violations.push(violation(row, -1.0));
    }
    let LeastViolation { point, lower, radius, .. } =
        least_violation(backend, &bounds_only, center, &violations).map_err(PolyhedronError::Undecided)?;
    let point = set.snap(&point, 1.0);
    if set.contains(&point) {
        Ok(point)
    } else if lower > 0.0 {
        Err(PolyhedronError::Empty { least_violation: lower, radius })
    } else {
        Err(undecided)
    }
}
