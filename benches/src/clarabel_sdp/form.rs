//! The two forms of `lambda_min`, and Clarabel's answers in terms of the problem.

use faer::{Mat, c64};
use solver::relaxation::clarabel_sdp as sdp;
use solver::relaxation::{Certificate, Points, Relaxation, lambda_min};
use solver::{Error, Problem};

pub use sdp::Factorization;

/// Which side of the program Clarabel's variables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Variables `X` (`R²` reals), cones `X ⪰ 0` of side `2R` and `H_n^H X H_n − c_n I ⪰ 0` of side `2T_n`.
    Primal,
    /// Variables `U_n` (`Σ T_n²` reals), cones `I − Σ H_n U_n H_n^H ⪰ 0` of side `2R` and `U_n ⪰ 0` of side `2T_n`: the
    /// form of the solver's own backend.
    Dual,
}

/// One instance, built for Clarabel in one form.
pub struct Model<'a> {
    problem: &'a Problem,
    form: Built,
}

enum Built {
    /// An orthonormal basis of the range of `[H_1 … H_N]`, and the program in it.
    Primal(Mat<c64>, sdp::Program),
    Dual(sdp::Model),
}

/// What Clarabel found.
#[derive(Debug, Clone)]
pub struct Answer {
    /// How it ended.
    pub status: String,
    /// Interior-point iterations.
    pub iterations: usize,
    /// The optimal value by its own account.
    pub value: f64,
    /// Bounds from its points, computed as for our own solver's ([`lambda_min::certify`]).
    pub certificate: Result<Certificate, Error>,
}

impl<'a> Model<'a> {
    /// Builds the program.
    ///
    /// # Panics
    /// If some channel lacks full column rank.
    pub fn new(problem: &'a Problem, form: Form) -> Self {
        let form = match form {
            Form::Primal => primal(problem),
            Form::Dual => sdp::Model::new(Relaxation::LambdaMin, problem).map(Built::Dual),
        };
        Self { problem, form: form.expect("channels of full column rank") }
    }

    /// A fresh solver that stops at `tolerance`: absolute and relative gap, and relative residuals.
    ///
    /// # Panics
    /// If Clarabel refuses the model.
    pub fn prepare(&self, factorization: Factorization, tolerance: f64) -> Run<'_> {
        let program = match &self.form {
            Built::Primal(_, program) => program,
            Built::Dual(model) => model.program(),
        };
        let settings = sdp::Settings { tolerance, factorization, ..sdp::Settings::default() };
        Run { model: self, run: program.prepare(&settings).expect("a well-formed model") }
    }

    /// [`Model::prepare`], [`Run::solve`] and [`Run::answer`] in one.
    pub fn solve(&self, factorization: Factorization, tolerance: f64) -> Answer {
        let mut run = self.prepare(factorization, tolerance);
        run.solve();
        run.answer()
    }
}

fn primal(problem: &Problem) -> Result<Built, Error> {
    let range = sdp::range(problem);
    let channels: Vec<_> = problem.channels().iter().map(|channel| range.adjoint() * channel).collect();
    let mut constants = vec![Mat::zeros(range.ncols(), range.ncols())];
    for (device, channel) in channels.iter().enumerate() {
        // c_n = T_n v_n/p_n.
        let demand =
            channel.ncols() as f64 * problem.signal_variance()[device] / problem.transmit_power()[device];
        let diagonal = |i, j| c64::new(if i == j { -demand } else { 0.0 }, 0.0);
        constants.push(Mat::from_fn(channel.ncols(), channel.ncols(), diagonal));
    }
    let mut program = sdp::Program::new(&constants)?;
    for unit in sdp::basis(range.ncols()) {
        let trace = (0..unit.nrows()).map(|i| unit[(i, i)].re).sum();
        let seen: Vec<_> = channels.iter().map(|channel| channel.adjoint() * &unit * channel).collect();
        let coefficients: Vec<_> = std::iter::once(&unit).chain(&seen).map(Mat::as_ref).enumerate().collect();
        program.add_variable(trace, 0.0, &coefficients)?;
    }
    Ok(Built::Primal(range, program))
}

/// A solver set up for a model: problem data scaled, the symbolic factorization done.
pub struct Run<'m> {
    model: &'m Model<'m>,
    run: sdp::Run,
}

impl Run<'_> {
    /// Clarabel's iterations, and nothing else.
    pub fn solve(&mut self) {
        self.run.solve();
    }

    /// What it found, once it has run.
    pub fn answer(&self) -> Answer {
        let problem = self.model.problem;
        let (sign, points) = match &self.model.form {
            // The slacks of the one form are, cone by cone, the multipliers of the other.
            Built::Primal(range, _) => {
                let primal = range * self.run.slack(0) * range.adjoint();
                let dual = (1..=problem.devices()).map(|cone| self.run.multiplier(cone)).collect();
                (1.0, Ok(Points { primal, dual, iterations: self.run.iterations() }))
            }
            Built::Dual(model) => (-1.0, model.points(&self.run)),
        };
        Answer {
            status: self.run.status(),
            iterations: self.run.iterations(),
            value: sign * self.run.value(),
            certificate: points
                .and_then(|points| lambda_min::certify(problem, points.primal.as_ref(), &points.dual)),
        }
    }
}
