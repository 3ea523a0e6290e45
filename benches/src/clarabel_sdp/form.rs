//! The two forms of the program, and Clarabel's answers in terms of the problem.

use super::embedding;
use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SolverStatus, SupportedConeT};
use faer::{Mat, c64};
use solver::relaxation::{Certificate, lambda_min};
use solver::{Error, Problem};

/// Which side of the program Clarabel's variables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Variables `X` (`R²` reals), cones `X ⪰ 0` of side `2R` and `H_n^H X H_n − c_n I ⪰ 0` of side `2T_n`.
    Primal,
    /// Variables `U_n` (`Σ T_n²` reals), cones `I − Σ H_n U_n H_n^H ⪰ 0` of side `2R` and `U_n ⪰ 0` of side `2T_n`.
    Dual,
}

/// How Clarabel factors its KKT matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factorization {
    /// QDLDL, what a build with the feature `sdp` alone uses.
    Qdldl,
    /// faer's supernodal LDL (its feature `faer-sparse`), much the faster here: the blocks of semidefinite cones are dense.
    Supernodal,
}

impl Factorization {
    fn name(self) -> &'static str {
        match self {
            Self::Qdldl => "qdldl",
            Self::Supernodal => "faer",
        }
    }
}

/// One instance, built for Clarabel in one form: min `q^T v` s.t. `A v + s = b`, `s ∈ K`.
pub struct Model<'a> {
    problem: &'a Problem,
    /// Orthonormal basis of the range of `[H_1 … H_N]`, and the channels in it.
    range: Mat<c64>,
    channels: Vec<Mat<c64>>,
    form: Form,
    linear_cost: Vec<f64>,
    constraints: CscMatrix<f64>,
    right_hand_side: Vec<f64>,
    cones: Vec<SupportedConeT<f64>>,
}

/// What Clarabel found.
#[derive(Debug, Clone)]
pub struct Answer {
    /// How it ended.
    pub status: SolverStatus,
    /// Interior-point iterations.
    pub iterations: u32,
    /// The optimal value by its own account.
    pub value: f64,
    /// Bounds from its points, computed as for our own solver's ([`lambda_min::certify`]).
    pub certificate: Result<Certificate, Error>,
}

impl<'a> Model<'a> {
    /// Builds the program.
    pub fn new(problem: &'a Problem, form: Form) -> Self {
        let range = range(problem);
        let channels: Vec<Mat<c64>> =
            problem.channels().iter().map(|channel| range.adjoint() * channel).collect();
        let mut model = Self {
            problem,
            range,
            channels,
            form,
            linear_cost: Vec::new(),
            constraints: CscMatrix::zeros((0, 0)),
            right_hand_side: Vec::new(),
            cones: Vec::new(),
        };
        let receive = model.range.ncols();
        let sides = model.channels.iter().map(Mat::ncols);
        model.cones = std::iter::once(receive)
            .chain(sides)
            .map(|side| SupportedConeT::PSDTriangleConeT(2 * side))
            .collect();
        match form {
            Form::Primal => model.build_primal(),
            Form::Dual => model.build_dual(),
        }
        model
    }

    fn build_primal(&mut self) {
        let receive = self.range.ncols();
        self.right_hand_side = vec![0.0; embedding::length(receive)];
        for (device, channel) in self.channels.iter().enumerate() {
            let demand = demand(self.problem, device);
            let target = Mat::from_fn(channel.ncols(), channel.ncols(), |i, j| {
                c64::new(if i == j { -demand } else { 0.0 }, 0.0)
            });
            self.right_hand_side.extend(embedding::svec(target.as_ref()));
        }
        let mut columns = Vec::new();
        for unit in embedding::basis(receive) {
            self.linear_cost.push(real_trace(&unit));
            let mut column = embedding::svec(unit.as_ref());
            for channel in &self.channels {
                column.extend(embedding::svec((channel.adjoint() * &unit * channel).as_ref()));
            }
            columns.push(column);
        }
        self.constraints = negated(&columns, self.right_hand_side.len());
    }

    fn build_dual(&mut self) {
        let receive = self.range.ncols();
        self.right_hand_side = embedding::svec(Mat::<c64>::identity(receive, receive).as_ref());
        let first = self.right_hand_side.len();
        let rows =
            first + self.channels.iter().map(|channel| embedding::length(channel.ncols())).sum::<usize>();
        self.right_hand_side.resize(rows, 0.0);
        let mut columns = Vec::new();
        let mut start = first;
        for (device, channel) in self.channels.iter().enumerate() {
            let length = embedding::length(channel.ncols());
            for unit in embedding::basis(channel.ncols()) {
                self.linear_cost.push(-demand(self.problem, device) * real_trace(&unit));
                let received = embedding::svec((channel * &unit * channel.adjoint()).as_ref());
                let mut column: Vec<f64> = received.into_iter().map(|value| -value).collect();
                column.resize(rows, 0.0);
                column[start..start + length].copy_from_slice(&embedding::svec(unit.as_ref()));
                columns.push(column);
            }
            start += length;
        }
        self.constraints = negated(&columns, rows);
    }

    /// A fresh solver that stops at `tolerance`: absolute and relative gap, and relative residuals.
    ///
    /// # Panics
    /// If Clarabel refuses the model.
    pub fn prepare(&self, factorization: Factorization, tolerance: f64) -> Run<'_> {
        let settings = DefaultSettings {
            verbose: false,
            max_threads: 1,
            presolve_enable: false,
            tol_gap_abs: tolerance,
            tol_gap_rel: tolerance,
            tol_feas: tolerance,
            direct_solve_method: factorization.name().to_owned(),
            ..DefaultSettings::default()
        };
        let variables = self.linear_cost.len();
        let quadratic = CscMatrix::zeros((variables, variables));
        let (a, b) = (&self.constraints, &self.right_hand_side);
        let solver = DefaultSolver::new(&quadratic, &self.linear_cost, a, b, &self.cones, settings)
            .expect("a well-formed model");
        Run { model: self, solver }
    }

    /// [`Model::prepare`], [`Run::solve`] and [`Run::answer`] in one.
    pub fn solve(&self, factorization: Factorization, tolerance: f64) -> Answer {
        let mut run = self.prepare(factorization, tolerance);
        run.solve();
        run.answer()
    }
}

/// A solver set up for a model: problem data scaled, the symbolic factorization done.
pub struct Run<'m> {
    model: &'m Model<'m>,
    solver: DefaultSolver<f64>,
}

impl Run<'_> {
    /// Clarabel's iterations, and nothing else.
    pub fn solve(&mut self) {
        self.solver.solve();
    }

    /// What it found, once it has run.
    pub fn answer(&self) -> Answer {
        let (model, solution) = (self.model, &self.solver.solution);
        // The slacks of the one form are, cone by cone, the multipliers of the other. E(M) = S means M = E*(S)/2.
        let (primal, dual, sign) = match model.form {
            Form::Primal => ((&solution.s, 0.5), (&solution.z, 1.0), 1.0),
            Form::Dual => ((&solution.z, 1.0), (&solution.s, 0.5), -1.0),
        };
        let block = |(vector, factor): (&Vec<f64>, f64), start: usize, side: usize| {
            let matrix = embedding::adjoint(&vector[start..start + embedding::length(side)], side);
            Mat::from_fn(side, side, |i, j| matrix[(i, j)] * factor)
        };
        let receive = model.range.ncols();
        let x = &model.range * block(primal, 0, receive) * model.range.adjoint();
        let mut start = embedding::length(receive);
        let mut multipliers = Vec::with_capacity(model.channels.len());
        for channel in &model.channels {
            multipliers.push(block(dual, start, channel.ncols()));
            start += embedding::length(channel.ncols());
        }
        Answer {
            status: solution.status,
            iterations: solution.iterations,
            value: sign * solution.obj_val,
            certificate: lambda_min::certify(model.problem, x.as_ref(), &multipliers),
        }
    }
}

/// Orthonormal basis of the range of `[H_1 … H_N]`, `R × min(R, Σ T_n)`.
fn range(problem: &Problem) -> Mat<c64> {
    let columns = problem.channels().iter().map(Mat::ncols).sum();
    let mut stacked = Mat::<c64>::zeros(problem.receive_antennas(), columns);
    let mut start = 0;
    for channel in problem.channels() {
        stacked.as_mut().subcols_mut(start, channel.ncols()).copy_from(channel);
        start += channel.ncols();
    }
    stacked.qr().compute_thin_Q()
}

/// `c_n = T_n v_n/p_n`.
fn demand(problem: &Problem, device: usize) -> f64 {
    problem.channels()[device].ncols() as f64 * problem.signal_variance()[device]
        / problem.transmit_power()[device]
}

fn real_trace(matrix: &Mat<c64>) -> f64 {
    (0..matrix.nrows()).map(|i| matrix[(i, i)].re).sum()
}

/// The sparse matrix with the negated columns.
fn negated(columns: &[Vec<f64>], rows: usize) -> CscMatrix<f64> {
    let (mut starts, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for column in columns {
        for (row, &value) in column.iter().enumerate().filter(|&(_, &value)| value != 0.0) {
            indices.push(row);
            values.push(-value);
        }
        starts.push(values.len());
    }
    CscMatrix::new(rows, columns.len(), starts, indices, values)
}
