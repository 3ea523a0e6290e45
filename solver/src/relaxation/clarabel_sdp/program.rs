//! Semidefinite programs over Hermitian matrices, as Clarabel takes them.

use super::embedding;
use crate::error::{Error, Quantity};
use crate::linalg::require_matrix;
use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SupportedConeT};
use faer::{Mat, MatRef, c64};

/// How Clarabel factors its KKT matrix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Factorization {
    /// QDLDL, what a build of Clarabel with the feature `sdp` alone uses.
    Qdldl,
    /// faer's supernodal LDL (Clarabel's feature `faer-sparse`), much the faster here: the blocks of semidefinite cones are
    /// dense.
    #[default]
    Supernodal,
}

/// When and how Clarabel works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Absolute and relative gap, and relative residuals. Default: `1e-8`, Clarabel's own.
    pub tolerance: f64,
    /// Most iterations. Default: 200, Clarabel's own.
    pub max_iterations: usize,
    /// Default: [`Factorization::Supernodal`].
    pub factorization: Factorization,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tolerance: 1e-8, max_iterations: 200, factorization: Factorization::default() }
    }
}

/// min `Σ_i g_i w_i + d_i w_i²/2` over real `w_i` s.t. `F_k(w) = C_k + Σ_i w_i A_ik ⪰ 0` for every `k`, all `C_k`, `A_ik` Hermitian.
#[derive(Debug, Clone)]
pub struct Program {
    sides: Vec<usize>,
    /// `svec E(C_k)`, one after another.
    constants: Vec<f64>,
    linear_cost: Vec<f64>,
    quadratic_cost: Vec<f64>,
    /// `−svec E(A_ik)` in compressed columns, one column per variable.
    column_starts: Vec<usize>,
    rows: Vec<usize>,
    values: Vec<f64>,
}

impl Program {
    /// A program without variables, with the given `C_k`; lower triangles are read.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NonFiniteEntry`] (device: `k`).
    pub fn new(constants: &[Mat<c64>]) -> Result<Self, Error> {
        let mut program = Self {
            sides: constants.iter().map(Mat::nrows).collect(),
            constants: Vec::new(),
            linear_cost: Vec::new(),
            quadratic_cost: Vec::new(),
            column_starts: vec![0],
            rows: Vec::new(),
            values: Vec::new(),
        };
        for (cone, constant) in constants.iter().enumerate() {
            program.require_coefficient(cone, constant.as_ref())?;
            program.constants.extend(embedding::svec(constant.as_ref()));
        }
        Ok(program)
    }

    /// Adds a variable `w_i` with costs `g_i` and `d_i ≥ 0`; `coefficients` are the pairs `(k, A_ik)` of the `A_ik` that are not
    /// zero, by ascending `k`. After an error the program is what it was.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a cost that is not finite, or negative as `d_i`; [`Error::DeviceCount`] for a `k` that is not there;
    /// [`Error::OutOfRange`] for one that is not above the last; [`Error::Shape`], [`Error::NonFiniteEntry`] (device: `k`).
    pub fn add_variable(
        &mut self,
        linear_cost: f64,
        quadratic_cost: f64,
        coefficients: &[(usize, MatRef<'_, c64>)],
    ) -> Result<(), Error> {
        for (option, value, least, valid) in [
            ("linear_cost", linear_cost, f64::MIN, "finite"),
            ("quadratic_cost", quadratic_cost, 0.0, "at least 0 and finite"),
        ] {
            if !(value >= least && value.is_finite()) {
                return Err(Error::InvalidOption { option, value, valid });
            }
        }
        let mut next = 0;
        for &(cone, coefficient) in coefficients {
            self.require_coefficient(cone, coefficient)?;
            if cone < next {
                let (quantity, value) = (Quantity::ConstraintMatrix, cone as f64);
                return Err(Error::OutOfRange {
                    quantity,
                    device: cone,
                    value,
                    valid: "strictly ascending k",
                });
            }
            next = cone + 1;
        }
        for &(cone, coefficient) in coefficients {
            let start = self.start(cone);
            for (offset, value) in embedding::svec(coefficient).into_iter().enumerate() {
                if value != 0.0 {
                    self.rows.push(start + offset);
                    self.values.push(-value);
                }
            }
        }
        self.column_starts.push(self.rows.len());
        self.linear_cost.push(linear_cost);
        self.quadratic_cost.push(quadratic_cost);
        Ok(())
    }

    /// Clarabel set up for this program: data scaled, the symbolic factorization done.
    ///
    /// # Errors
    /// [`Error::Numerical`] if Clarabel refuses it.
    pub fn prepare(&self, settings: &Settings) -> Result<Run, Error> {
        let variables = self.linear_cost.len();
        let quadratic = CscMatrix::new(
            variables,
            variables,
            (0..=variables).collect(),
            (0..variables).collect(),
            self.quadratic_cost.clone(),
        );
        let constraints = CscMatrix::new(
            self.constants.len(),
            variables,
            self.column_starts.clone(),
            self.rows.clone(),
            self.values.clone(),
        );
        let cones: Vec<_> =
            self.sides.iter().map(|side| SupportedConeT::PSDTriangleConeT(2 * side)).collect();
        let settings = DefaultSettings {
            verbose: false,
            max_threads: 1,
            presolve_enable: false,
            max_iter: u32::try_from(settings.max_iterations).unwrap_or(u32::MAX),
            tol_gap_abs: settings.tolerance,
            tol_gap_rel: settings.tolerance,
            tol_feas: settings.tolerance,
            direct_solve_method: match settings.factorization {
                Factorization::Qdldl => "qdldl".to_owned(),
                Factorization::Supernodal => "faer".to_owned(),
            },
            ..DefaultSettings::default()
        };
        let solver = DefaultSolver::new(
            &quadratic,
            &self.linear_cost,
            &constraints,
            &self.constants,
            &cones,
            settings,
        )
        .map_err(|_| Error::Numerical { operation: "Clarabel's setup" })?;
        let starts = (0..self.sides.len()).map(|cone| self.start(cone)).collect();
        Ok(Run { sides: self.sides.clone(), starts, solver })
    }

    /// The first row of cone `k`.
    fn start(&self, cone: usize) -> usize {
        self.sides.iter().take(cone).map(|&side| embedding::length(side)).sum()
    }

    fn require_coefficient(&self, cone: usize, matrix: MatRef<'_, c64>) -> Result<(), Error> {
        let quantity = Quantity::ConstraintMatrix;
        let cones = self.sides.len();
        let side =
            self.sides.get(cone).ok_or(Error::DeviceCount { quantity, devices: cones, found: cone + 1 })?;
        require_matrix(matrix, (*side, *side), quantity, cone)
    }
}

/// Clarabel, set up for one program.
pub struct Run {
    sides: Vec<usize>,
    starts: Vec<usize>,
    solver: DefaultSolver<f64>,
}

impl Run {
    /// Clarabel's iterations, and nothing else.
    pub fn solve(&mut self) {
        self.solver.solve();
    }

    /// How it ended, in Clarabel's word: `Solved`, `AlmostSolved`, …
    pub fn status(&self) -> String {
        self.solver.solution.status.to_string()
    }

    /// Interior-point iterations taken.
    pub fn iterations(&self) -> usize {
        self.solver.solution.iterations as usize
    }

    /// The optimal value by its own account.
    pub fn value(&self) -> f64 {
        self.solver.solution.obj_val
    }

    /// `w`, one number per variable.
    pub fn variables(&self) -> &[f64] {
        &self.solver.solution.x
    }

    /// `F_k(w)`, positive semidefinite up to rounding; empty for a `k` that is not there.
    pub fn slack(&self, cone: usize) -> Mat<c64> {
        let twice = self.block(&self.solver.solution.s, cone);
        Mat::from_fn(twice.nrows(), twice.ncols(), |i, j| twice[(i, j)] * 0.5)
    }

    /// The Hermitian multiplier of `F_k(w) ⪰ 0`; empty for a `k` that is not there.
    pub fn multiplier(&self, cone: usize) -> Mat<c64> {
        self.block(&self.solver.solution.z, cone)
    }

    /// `E*` of one cone's part of a vector: `2M` for `E(M)`.
    fn block(&self, vector: &[f64], cone: usize) -> Mat<c64> {
        let (Some(&start), Some(&side)) = (self.starts.get(cone), self.sides.get(cone)) else {
            return Mat::new();
        };
        vector
            .get(start..start + embedding::length(side))
            .map_or_else(Mat::new, |part| embedding::adjoint(part, side))
    }
}
