//! From any points to bounds: the rooms of the three relaxations behind one door.

use super::certificate::{Certificate, Positive, Scope, dual_feasible, positive_parts, seen, seen_alone};
use super::{Relaxation, Solution, lambda_min, mmse, require_points, trace_inverse};
use crate::error::{Error, Quantity};
use crate::linalg::{ThinSvd, largest_part, power_of_two, side_by_side, times_power_of_two};
use crate::problem::Problem;
use faer::{Mat, MatRef, c64};

impl Relaxation {
    /// Bounds on the optimal value from any `X` and `U_n`, whoever computed them: both are made feasible first.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::DeviceCount`], [`Error::NonFiniteEntry`] on malformed points;
    /// [`Error::Numerical`] if no scaling of `X` is feasible.
    pub fn certify(
        self,
        problem: &Problem,
        primal: MatRef<'_, c64>,
        dual: &[Mat<c64>],
    ) -> Result<Certificate, Error> {
        require_points(problem, primal, dual)?;
        let (scaled, units) = self.units(problem);
        let (primal, dual) = units.points(primal, dual);
        self.certified(&scaled, primal.as_ref(), &dual, 0)?.certificate.in_units(self.unit(&units))
    }

    /// A subgradient of the optimal value by the power limits, where the value has a derivative `∂v/∂p_n` (envelope theorem; theory, section 3): of the
    /// bound that the dual point gives at all powers, so that `v(p') ≥ v(p) + Σ g_n (p'_n − p_n)` but for the certificate's gap.
    ///
    /// # Errors
    /// [`Error::DeviceCount`], [`Error::Shape`] or [`Error::NonFiniteEntry`] if the solution is that of a problem of another shape, which is all that
    /// is checked of where it comes from; [`Error::Numerical`].
    pub fn power_sensitivity(self, problem: &Problem, solution: &Solution) -> Result<Vec<f64>, Error> {
        require_points(problem, solution.primal.as_ref(), &solution.dual)?;
        let (scaled, units) = self.units(problem);
        let (_, dual) = units.points(solution.primal.as_ref(), &solution.dual);
        let slope = |(device, dual): (usize, &Mat<c64>)| {
            let slope = match self {
                Self::LambdaMin => lambda_min::slope(&scaled, device, dual),
                Self::TraceInverse => trace_inverse::slope(&scaled, device, dual)?,
                Self::Mmse => mmse::slope(&scaled, device, dual)?,
            };
            let slope = libm::scalbn(slope, self.unit(&units) - units.power(device));
            if slope.is_finite() {
                Ok(slope)
            } else {
                Err(Error::Numerical { operation: "the power sensitivity" })
            }
        };
        dual.iter().enumerate().map(slope).collect()
    }

    /// What the lower bound bounds.
    fn scope(self, problem: &Problem) -> Scope {
        match self {
            Self::TraceInverse if problem.is_square() => Scope::ZeroForcing,
            Self::Mmse if problem.is_square() => Scope::AnyTransceiver,
            _ => Scope::Program,
        }
    }

    /// Points made feasible, with their bounds.
    pub(super) fn certified(
        self,
        problem: &Problem,
        primal: MatRef<'_, c64>,
        dual: &[Mat<c64>],
        iterations: usize,
    ) -> Result<Solution, Error> {
        let mut primal = primal.to_owned();
        if self != Self::Mmse {
            // Its scale does not matter.
            let unit = power_of_two(largest_part(primal.as_ref()));
            times_power_of_two(primal.as_mut(), -unit.log2() as i32);
        }
        let x = Positive::part(primal.as_ref(), problem.receive_antennas(), Quantity::PrimalMatrix, 0)?;
        let seen = seen(problem, &x)?;
        self.bounded(problem, x, &seen, positive_parts(problem, dual)?, iterations)
    }

    /// The same of points by their factors; `seen` are lower bounds on the eigenvalues of the `H_n^H X H_n`.
    fn bounded(
        self,
        problem: &Problem,
        x: Positive,
        seen: &[Vec<f64>],
        dual: Vec<Positive>,
        iterations: usize,
    ) -> Result<Solution, Error> {
        let (primal, upper) = match self {
            Self::LambdaMin => lambda_min::primal_bound(problem, x, seen)?,
            Self::TraceInverse => trace_inverse::primal_bound(problem, x, seen)?,
            Self::Mmse => mmse::primal_bound(problem, x, seen)?,
        };
        let dual = dual_feasible(problem, dual)?;
        let lower = match self {
            Self::LambdaMin => lambda_min::dual_bound(problem, &dual),
            Self::TraceInverse => trace_inverse::dual_bound(problem, &dual)?,
            Self::Mmse => mmse::dual_bound(problem, &dual)?,
        };
        let certificate = Certificate::new(lower, upper, self.scope(problem))?;
        let dual = dual.into_iter().map(|multiplier| multiplier.matrix).collect();
        Ok(Solution { primal, dual, certificate, iterations })
    }
}

/// Every device's own optimum of `lambda_min` or `trace_inverse`, if it were alone, put together: `X = Σ X_n`, and the `U_n` in proportion to
/// `(H_n^H H_n)^{-1}`. With one device that is the optimum, with `N` it is within a factor of `N²`. The points are known by factors, so that the
/// condition of the channels enters the rounding once: for where methods that square it have nothing to say.
///
/// With `H_n = W S V^H`, `X_n = W diag(x_i) W^H`, `x_i = c_n/s_i²` for `lambda_min` and `(Σ_j 1/s_j)/(q_n s_i)` for `trace_inverse`.
pub(super) fn own_optima(relaxation: Relaxation, problem: &Problem) -> Option<Solution> {
    if relaxation == Relaxation::Mmse {
        return None;
    }
    let mut roots = Vec::with_capacity(problem.devices());
    let mut dual = Vec::with_capacity(problem.devices());
    let mut seen = Vec::with_capacity(problem.devices());
    for (device, channel) in problem.channels().iter().enumerate() {
        let ThinSvd { left, values, right } = ThinSvd::of(channel.as_ref()).ok()?;
        let inverses: f64 = values.iter().map(|value| 1.0 / value).sum();
        let weight = |value: f64| match relaxation {
            Relaxation::LambdaMin => lambda_min::demand(problem, device).sqrt() / value,
            _ => (inverses / problem.precoder_budget(device) / value).sqrt(),
        };
        let root = Mat::from_fn(channel.nrows(), values.len(), |i, j| left[(i, j)] * weight(values[j]));
        seen.push(seen_alone(channel, &root).ok()?);
        roots.push(root);
        let root = Mat::from_fn(channel.ncols(), values.len(), |i, j| right[(i, j)] / values[j]);
        dual.push(Positive::of_root(root));
    }
    relaxation.bounded(problem, Positive::of_root(side_by_side(&roots)), &seen, dual, 0).ok()
}
