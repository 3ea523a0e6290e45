//! Iterates stay inside: *theory*, section 3, the methods of the relaxations.
//!
//! # Statement
//!
//! 1. Every iterate of the method for `lambda_min`, the start included, is strictly feasible on both sides: `X` is positive definite on
//!    the range of `[H_1 … H_N]`, the `U_n` and `Z_n = H_n^H X H_n − c_n I` are positive definite, and so is `S = I − Σ H_n U_n H_n^H`.
//!    So `tr X` and `Σ c_n tr U_n` enclose the value at any moment. (Their difference ends within the gap asked for. It
//!    need not fall in every iteration: a step that centres may raise it.)
//! 2. Of the iterates for `trace_inverse` and `mmse`, `X` is positive definite on that range, and the `U_n` are positive definite. So each
//!    gives both bounds, once certified.
//! 3. For channels of bounded condition a solution within a relative gap is feasible: `X ⪰ 0`, `U_n ≻ 0`, and it meets every constraint of
//!    `X` and of `𝒰`; its bounds are the values of `X` and the `U_n`.
//!
//! In floating point `≻ 0` is known only up to rounding, relative to what a matrix is made of: for `Z_n` some `ε (‖X‖ ‖H_n‖² + c_n)`, for `S`
//! some `ε (1 + Σ ‖H_n‖² ‖U_n‖)`, for `U_n` some `ε ‖U_n‖` ([`Points::rounding`](crate::weak_duality::Points::rounding)). Near the optimum, and
//! under a strong line of sight long before it, eigenvalues are smaller than that. So these are claimed up to that much, and the values up to
//! `tr X` times what it is for `S` with `tr U_n` times what it is for `Z_n`.
//!
//! # Hypotheses
//!
//! - **short of the optimum** (for 1): the gap is positive. It is `tr(X S) + Σ tr(U_n Z_n)`, so optimal points are on the boundary;
//! - **rank** (for 1, and `trace_inverse`), as in [`strict_feasibility`](crate::strict_feasibility). Without it there is no iterate.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{eigenvalues, hermitian, identity, inverse, scaled, trace};
    use crate::config_of;
    use crate::programs::{dual_value, least_load, primal_rounding, primal_value, received, solve};
    use crate::weak_duality::Points;
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::relaxation::{Backend, Native, Options, Relaxation};
    use solver::strategies::{Channels, Sizes, problems};
    use solver::{Error, Problem, Quantity};

    /// More receive antennas than all devices together have, and fewer.
    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=4, tall: true };
    /// Iterations after which rounding decides at the gap that is asked for.
    const LAST: usize = 30;
    const GAP: f64 = 1e-8;
    /// Relative room for rounding in sums of positive numbers and their roots.
    const MARGIN: f64 = 1e-12;

    fn channels() -> impl Strategy<Value = Problem> {
        prop_oneof![problems(&SIZES, Channels::WellConditioned), problems(&SIZES, Channels::LineOfSight)]
    }

    /// Eigenvalues of `Q^H X Q` for an orthonormal basis `Q` of the range of all channels.
    fn on_the_range(problem: &Problem, primal: &Mat<c64>) -> Vec<f64> {
        let units: Vec<Mat<c64>> =
            problem.channels().iter().map(|channel| identity(channel.ncols())).collect();
        let columns: usize = problem.channels().iter().map(Mat::ncols).sum();
        let rows = problem.receive_antennas();
        let eigen = received(problem, &units);
        let eigen = eigen.self_adjoint_eigen(faer::Side::Lower).unwrap();
        let rank = columns.min(rows);
        let basis = eigen.U().subcols(rows - rank, rank);
        eigenvalues(hermitian((basis.adjoint() * (primal * basis)).as_ref()).as_ref())
    }

    /// The iterate after so many iterations, with the number that there were.
    fn iterate(
        relaxation: Relaxation,
        problem: &Problem,
        max_iterations: usize,
    ) -> Result<(Points, usize), Error> {
        let options = Options { relative_gap: GAP, max_iterations };
        let found = Native::default().points(relaxation, problem, &options, None)?;
        Ok((Points { primal: found.primal, dual: found.dual }, found.iterations))
    }

    /// How much the value of one `X` may be below that of other `U_n` because of rounding: `tr(X S) + Σ tr(U_n Z_n)` is at least the negative of
    /// this.
    fn slack(problem: &Problem, primal: &Points, dual: &Points) -> f64 {
        let multipliers: f64 = dual.dual.iter().map(|u| trace(u.as_ref())).sum();
        let primal_constraint = primal.rounding(problem).primal_constraint;
        trace(primal.primal.as_ref()) * dual.rounding(problem).dual_constraint
            + multipliers * primal_constraint
    }

    proptest! {
        #![proptest_config(config_of(48))]

        /// 1.
        #[test]
        fn iterates_for_lambda_min_are_strictly_feasible(problem in channels()) {
            let solution = solve(Relaxation::LambdaMin, &problem)?;
            let value = solution.certificate;
            let solved = Points { primal: solution.primal, dual: solution.dual };
            let mut last = f64::INFINITY;
            for iterations in 0..LAST {
                let (points, done) = iterate(Relaxation::LambdaMin, &problem, iterations)?;
                let (holds, rounding) = (points.feasibility(&problem), points.rounding(&problem));
                let least = on_the_range(&problem, &points.primal)[0];
                prop_assert!(least > 0.0, "iterate {done}: λ_min(X) = {least}");
                prop_assert!(holds.holds_within(&rounding), "iterate {done}: {holds:?}, rounding {rounding:?}");
                let (upper, lower) = (primal_value(Relaxation::LambdaMin, &problem, &points.primal), points.dual_value(&problem));
                prop_assert!(
                    upper >= value.lower - slack(&problem, &points, &solved) && lower <= value.upper + slack(&problem, &solved, &points),
                    "iterate {done}: {lower}..{upper}, {value:?}"
                );
                let (gap, within) = (points.gap(&problem), slack(&problem, &points, &points));
                prop_assert!(gap >= -within, "iterate {done}: {gap}, rounding {within}");
                last = gap;
                if done < iterations {
                    prop_assert!(gap <= GAP * upper, "ended at a gap of {gap}");
                    break;
                }
            }
            prop_assert!(last <= GAP * value.upper * 1.01, "{last}");
        }

        /// 2.
        #[test]
        fn iterates_of_the_others_give_both_bounds(problem in problems(&SIZES, Channels::WellConditioned)) {
            for relaxation in [Relaxation::TraceInverse, Relaxation::Mmse] {
                let value = solve(relaxation, &problem)?.certificate;
                for iterations in [0, 1, 2, 3, 5, 8, 13] {
                    let (points, done) = iterate(relaxation, &problem, iterations)?;
                    prop_assert!(on_the_range(&problem, &points.primal)[0] > 0.0, "{relaxation:?}, iterate {done}");
                    for u in &points.dual {
                        prop_assert!(eigenvalues(hermitian(u.as_ref()).as_ref())[0] > 0.0, "{relaxation:?}, iterate {done}: {u:?}");
                    }
                    let found = relaxation.certify(&problem, points.primal.as_ref(), &points.dual)?;
                    prop_assert!(found.lower <= value.upper && found.upper >= value.lower, "{relaxation:?}: {found:?}, {value:?}");
                    prop_assert!(found.lower > 0.0 && found.upper.is_finite());
                }
            }
        }

        /// 3, with bounds that are the values of the points.
        #[test]
        fn solutions_are_feasible(problem in problems(&SIZES, Channels::WellConditioned), digits in 1..=8_i32) {
            let options = Options { relative_gap: 10.0_f64.powi(-digits), ..Options::default() };
            for relaxation in Relaxation::ALL {
                let found = relaxation.solve(&problem, &options)?;
                prop_assert!(found.certificate.relative_gap() <= options.relative_gap, "{relaxation:?}: {:?}", found.certificate);
                let points = Points { primal: found.primal, dual: found.dual };
                let (holds, rounding) = (points.feasibility(&problem), points.rounding(&problem));
                prop_assert!(on_the_range(&problem, &points.primal)[0] > 0.0 && holds.dual_cone > 0.0, "{relaxation:?}: {holds:?}");
                prop_assert!(holds.primal_cone >= -rounding.primal_cone, "{relaxation:?}: {holds:?}");
                prop_assert!(holds.dual_constraint >= -rounding.dual_constraint, "{relaxation:?}: {holds:?}");
                for n in 0..problem.devices() {
                    let load = least_load(relaxation, &problem, n, &points.primal);
                    prop_assert!(load <= 1.0 + MARGIN, "{relaxation:?}: device {n} takes {load} of its limit");
                }
                let (lower, upper) =
                    (dual_value(relaxation, &problem, &points.dual), primal_value(relaxation, &problem, &points.primal));
                let within = MARGIN * upper + primal_rounding(relaxation, &problem, &points.primal);
                prop_assert!(found.certificate.lower <= lower + within, "{relaxation:?}: {lower}, {:?}", found.certificate);
                prop_assert!(found.certificate.upper >= upper - within, "{relaxation:?}: {upper}, {:?}", found.certificate);
            }
        }
    }

    /// Without **short of the optimum**: one device, and the optimal points in closed form have slacks of 0.
    #[test]
    fn optimal_points_are_on_the_boundary() {
        let channel = Mat::from_fn(3, 2, |i, j| c64::new([[1.0, 0.5], [0.0, 2.0], [1.0, 0.0]][i][j], 0.0));
        let problem = Problem::new(vec![channel.clone()], vec![1.0], 1.0).unwrap();
        let inverted = inverse((channel.adjoint() * &channel).as_ref());
        let primal = scaled((&channel * &inverted * &inverted * channel.adjoint()).as_ref(), 2.0);
        let optimal = Points { primal, dual: vec![inverted] };
        let holds = optimal.feasibility(&problem);
        assert!(optimal.gap(&problem).abs() < 1e-12, "{}", optimal.gap(&problem));
        assert!(holds.primal_constraint.abs() < 1e-12 && holds.dual_constraint.abs() < 1e-12, "{holds:?}");
        let (iterate, _) = iterate(Relaxation::LambdaMin, &problem, 5).unwrap();
        let holds = iterate.feasibility(&problem);
        assert!(holds.primal_constraint > 0.0 && holds.dual_constraint > 0.0, "{holds:?}");
    }

    /// Without **rank**: no iterate, not even the start.
    #[test]
    fn no_start_without_rank() {
        let problem =
            Problem::new(vec![Mat::from_fn(2, 2, |_, _| c64::new(1.0, 0.0))], vec![1.0], 1.0).unwrap();
        for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
            let found = iterate(relaxation, &problem, 0);
            assert!(
                matches!(found, Err(Error::RankDeficient { quantity: Quantity::Channel, device: 0, .. })),
                "{found:?}"
            );
        }
    }
}
