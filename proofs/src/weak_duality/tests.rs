use super::{Feasibility, Points};
use crate::arithmetic::{eigenvalues, hermitian, inverse, norm, scaled, trace};
use crate::{config, tolerance};
use faer::{Mat, c64};
use proptest::prelude::*;
use solver::relaxation::{Options, lambda_min};
use solver::strategies::{Channels, Dual, Sizes, crop, duals, grid, primals, problems};
use solver::{Error, Problem};

const SIZES: Sizes =
    Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=2, receive_surplus: 0..=2, tall: true };
const OPTIONS: Options = Options { relative_gap: 1e-7, max_iterations: 100 };

/// A problem whose channels have full column rank and bounded condition, with matrices to make points of.
#[derive(Debug, Clone)]
struct Case {
    problem: Problem,
    /// `R×R`, anything.
    primal: Mat<c64>,
    /// `R×R`, positive definite.
    definite: Mat<c64>,
    dual: Dual,
    /// At least 1: how far inside of the boundary the primal point is.
    slack: f64,
}

fn case() -> impl Strategy<Value = Case> {
    let rows = SIZES.most_receive_antennas();
    let slack = (0..=16_u8).prop_map(|step| 1.0 + f64::from(step) / 16.0);
    (problems(&SIZES, Channels::WellConditioned), grid(rows, rows), primals(&SIZES), duals(&SIZES), slack)
        .prop_map(|(problem, primal, definite, dual, slack)| {
            let rows = problem.receive_antennas();
            Case { primal: crop(&primal, rows, rows), definite: definite.of(&problem), dual, slack, problem }
        })
}

impl Case {
    /// Hermitian, and nothing more.
    fn any_points(&self) -> Points {
        Points {
            primal: hermitian(self.primal.as_ref()),
            dual: self.dual.of(&self.problem).iter().map(|u| hermitian(u.as_ref())).collect(),
        }
    }

    /// Feasible on both sides: `X` scaled up to `Z_n ⪰ 0`, the `U_n` down to `S ⪰ 0`.
    fn feasible_points(&self) -> Points {
        let needed = self.problem.channels().iter().enumerate().map(|(n, channel)| {
            let seen = channel.adjoint() * (&self.definite * channel);
            Points::demand(&self.problem, n) / eigenvalues(seen.as_ref())[0]
        });
        let needed = needed.fold(0.0, f64::max) * self.slack;
        Points { primal: scaled(self.definite.as_ref(), needed), dual: self.dual.within(&self.problem) }
    }
}

/// What sums over the points may be off by: `‖X‖`, `c_n ‖U_n‖` and `‖X‖ ‖H_n‖² ‖U_n‖` bound all their terms.
fn within(problem: &Problem, points: &Points) -> f64 {
    let x = norm(points.primal.as_ref());
    let mut magnitude = x;
    for (n, (channel, multiplier)) in problem.channels().iter().zip(&points.dual).enumerate() {
        let u = norm(multiplier.as_ref());
        magnitude += u * (Points::demand(problem, n) + x * norm(channel.as_ref()).powi(2));
    }
    let antennas: usize = points.dual.iter().map(Mat::ncols).sum();
    tolerance(problem.receive_antennas() + antennas, magnitude)
}

/// Every hypothesis holds, up to `condition` times the rounding of its own terms: points are on the boundary.
fn require_feasible(problem: &Problem, points: &Points, condition: f64) -> Result<(), TestCaseError> {
    let (holds, rounding) = (points.feasibility(problem), points.rounding(problem));
    let within = Feasibility {
        primal_cone: condition * rounding.primal_cone,
        primal_constraint: condition * rounding.primal_constraint,
        dual_cone: condition * rounding.dual_cone,
        dual_constraint: condition * rounding.dual_constraint,
    };
    prop_assert!(holds.holds_within(&within), "{holds:?}, within {within:?}");
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    /// The identity, which has no hypotheses.
    #[test]
    fn the_gap_is_complementarity(case in case()) {
        let points = case.any_points();
        let (gap, terms) = (points.gap(&case.problem), points.complementarity(&case.problem));
        let within = within(&case.problem, &points);
        prop_assert!((gap - terms).abs() <= within, "{gap}, but tr(XS) + Σ tr(UZ) = {terms} ± {within}");
    }

    /// The inequality, for any feasible pair, and for either with the solver's own: these sit on the other side of
    /// the optimum.
    #[test]
    fn feasible_points_bound_each_other(case in case()) {
        let points = case.feasible_points();
        let solution = lambda_min::solve(&case.problem, &OPTIONS).unwrap();
        let solved = Points { primal: solution.primal, dual: solution.dual };
        for points in [
            points.clone(),
            Points { primal: points.primal, dual: solved.dual.clone() },
            Points { primal: solved.primal.clone(), dual: points.dual },
            solved,
        ] {
            require_feasible(&case.problem, &points, 1.0)?;
            let within = within(&case.problem, &points);
            let gap = points.gap(&case.problem);
            prop_assert!(gap >= -within, "a gap of {gap} ± {within}");
        }
    }

    /// The solver's certificate is the pair of values of its own points, and its two sides meet within what was
    /// asked.
    #[test]
    fn the_certificate_is_the_value_of_the_points(case in case()) {
        let solution = lambda_min::solve(&case.problem, &OPTIONS).unwrap();
        let (lower, upper) = (solution.certificate.lower, solution.certificate.upper);
        let points = Points { primal: solution.primal, dual: solution.dual };
        let (dual, primal) = (points.dual_value(&case.problem), trace(points.primal.as_ref()));
        // The solver moves each bound outwards by 1e-12.
        prop_assert!(lower <= dual && dual - lower <= 1e-11 * dual, "{lower}, Σ c tr U = {dual}");
        prop_assert!(upper >= primal && upper - primal <= 1e-11 * primal, "{upper}, tr X = {primal}");
        prop_assert!(upper - lower <= OPTIONS.relative_gap * upper, "{lower} to {upper}");
    }

    /// Whatever it is given, feasible or not, `certify` answers with an interval that holds the value.
    #[test]
    fn certifying_any_points_keeps_the_value_inside(case in case()) {
        let value = lambda_min::solve(&case.problem, &OPTIONS).unwrap().certificate;
        let points = case.any_points();
        match lambda_min::certify(&case.problem, points.primal.as_ref(), &points.dual) {
            Ok(found) => {
                prop_assert!(found.lower <= value.upper, "{found:?} {value:?}");
                prop_assert!(found.upper >= value.lower, "{found:?} {value:?}");
            }
            // The positive part of X may let nothing through some channel: then no multiple of it is feasible.
            Err(Error::Numerical { .. }) => {
                let feasible = case.feasible_points();
                prop_assert!(lambda_min::certify(&case.problem, feasible.primal.as_ref(), &points.dual).is_ok());
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    /// The bound is attained for one device, by closed forms that the solver does not use.
    #[test]
    fn one_device_has_no_gap(case in case()) {
        let all = &case.problem;
        let problem = Problem::new(all.channels()[..1].to_vec(), all.transmit_power()[..1].to_vec(), 1.0)
            .and_then(|problem| problem.with_signal_variance(all.signal_variance()[..1].to_vec()))
            .unwrap();
        let (channel, demand) = (&problem.channels()[0], Points::demand(&problem, 0));
        let dual = inverse((channel.adjoint() * channel).as_ref());
        let pseudo_inverse = channel * &dual;
        let primal = scaled((&pseudo_inverse * pseudo_inverse.adjoint()).as_ref(), demand);
        let points = Points { primal, dual: vec![dual] };
        // The condition of H^H H enters through its inverse.
        let condition = norm(channel.as_ref()).powi(2) * norm(points.dual[0].as_ref());
        require_feasible(&problem, &points, condition)?;
        let within = within(&problem, &points) * condition;
        let gap = points.gap(&problem);
        prop_assert!(gap.abs() <= within, "a gap of {gap} ± {within}");
        let certificate = lambda_min::solve(&problem, &OPTIONS).unwrap().certificate;
        let value = points.dual_value(&problem);
        prop_assert!(certificate.lower <= value + within, "{value} {certificate:?}");
        prop_assert!(certificate.upper >= value - within, "{value} {certificate:?}");
    }
}
