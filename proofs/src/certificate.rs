//! A certificate costs one eigenvalue: *theory*, section 3.
//!
//! # Statement
//!
//! For **any** matrices `U_1, …, U_N`, the positive parts of their Hermitian parts, divided by `λ_max(Σ H_n U_n H_n^H)`, are in
//! `𝒰`, so their dual value is a lower bound on the value of each relaxation. No solver has to be trusted.
//!
//! # Hypotheses
//!
//! - **scaling**: the division is done. Without it the dual value is no bound;
//! - **finite entries**: everything else, whatever its size, sign or symmetry, is mended.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{eigenvalues, hermitian, identity, root, scaled};
    use crate::config_of;
    use crate::programs::{dual_value, received, solve};
    use crate::single_device::closed_form;
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::relaxation::{Certificate, Relaxation};
    use solver::strategies::{Channels, Sizes, crop, duals, grid, primals, problems, unitary};
    use solver::{Error, Problem};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };
    /// Roots of eigenvalues that should be 0 are `√ε`.
    const WITHIN: f64 = 1e-6;

    /// The nearest positive semidefinite matrix to the Hermitian part.
    fn positive_part(matrix: &Mat<c64>) -> Mat<c64> {
        let root = root(hermitian(matrix.as_ref()).as_ref());
        hermitian((&root * root.adjoint()).as_ref())
    }

    /// `U_n` of all sizes, signs and symmetries.
    fn hostile(problem: &Problem, dual: &[Mat<c64>], exponent: i32) -> Vec<Mat<c64>> {
        let factor = 10.0_f64.powi(exponent);
        problem.channels().iter().zip(dual).map(|(_, u)| scaled(u.as_ref(), factor)).collect()
    }

    proptest! {
        #![proptest_config(config_of(48))]

        #[test]
        fn any_multipliers_bound_every_value(
            problem in problems(&SIZES, Channels::WellConditioned), dual in duals(&SIZES), primal in grid(6, 6),
            definite in primals(&SIZES),
            exponent in prop_oneof![Just(0), Just(-100), Just(100), Just(12)],
        ) {
            let dual = hostile(&problem, &dual.of(&problem), exponent);
            let rows = problem.receive_antennas();
            for relaxation in Relaxation::ALL {
                let value = solve(relaxation, &problem)?.certificate;
                // Of X nothing is asked but that some multiple of it be feasible.
                for primal in [crop(&primal, rows, rows), definite.of(&problem)] {
                    match relaxation.certify(&problem, primal.as_ref(), &dual) {
                        Ok(found) => {
                            prop_assert!(found.lower <= value.upper, "{relaxation:?}: {found:?}, but {value:?}");
                            prop_assert!(found.upper >= value.lower, "{relaxation:?}: {found:?}, but {value:?}");
                        }
                        Err(Error::Numerical { .. }) if relaxation != Relaxation::Mmse => {}
                        Err(other) => prop_assert!(false, "{other}"),
                    }
                }
                // The bound is the formula at the mended point.
                let positive: Vec<_> = dual.iter().map(positive_part).collect();
                let largest = eigenvalues(received(&problem, &positive).as_ref())[rows - 1];
                let mended: Vec<_> = positive.iter().map(|u| scaled(u.as_ref(), 1.0 / largest.max(f64::MIN_POSITIVE))).collect();
                let expected = dual_value(relaxation, &problem, &mended);
                let found = relaxation.certify(&problem, definite.of(&problem).as_ref(), &dual)?.lower;
                prop_assert!((found - expected).abs() <= WITHIN * (1.0 + expected), "{relaxation:?}: {found}, formula {expected}");
            }
        }
    }

    /// Without **scaling**: what is a bound of 1 becomes one of 10¹⁰⁰.
    #[test]
    fn undivided() {
        let one = Mat::<c64>::identity(1, 1);
        let problem = Problem::new(vec![one.clone()], vec![1.0], 1.0).unwrap();
        let huge = [scaled(one.as_ref(), 1e100)];
        for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
            assert!(dual_value(relaxation, &problem, &huge) > 0.99e100);
            let found = relaxation.certify(&problem, one.as_ref(), &huge).unwrap();
            assert!((found.lower - 1.0).abs() < 1e-9, "{found:?}");
        }
        // mmse's dual objective is bounded by Σ v_n, and exceeds the value of 1/2 all the same.
        assert!(dual_value(Relaxation::Mmse, &problem, &huge) > 0.99);
        let found = Relaxation::Mmse.certify(&problem, one.as_ref(), &huge).unwrap();
        assert!((found.lower - 0.5).abs() < 1e-9, "{found:?}");
    }

    /// Without **finite entries**: refused.
    #[test]
    fn not_numbers() {
        let one = Mat::<c64>::identity(1, 1);
        let problem = Problem::new(vec![one.clone()], vec![1.0], 1.0).unwrap();
        for value in [f64::NAN, f64::INFINITY] {
            let entry = Mat::from_fn(1, 1, |_, _| c64::new(0.0, value));
            for relaxation in Relaxation::ALL {
                let found = relaxation.certify(&problem, one.as_ref(), std::slice::from_ref(&entry));
                assert!(matches!(found, Err(Error::NonFiniteEntry { .. })), "{found:?}");
            }
        }
    }

    /// `S V` with `V` unitary and `S` diagonal, from 1 down to `1/condition`, below rows of zeros to add: each row is rounded relative to
    /// its own size, so the singular values are those of `S` to a relative rounding, whatever the condition.
    fn graded() -> impl Strategy<Value = (Vec<f64>, Mat<c64>)> {
        let exponents = prop::collection::vec(0..=16_u8, 3);
        (1..=3_usize, 0..=2_usize, 0..=8_i32, exponents, grid(3, 3)).prop_map(
            |(side, extra, digits, exponents, columns)| {
                // The extremes always, the rest in between.
                let singular: Vec<f64> = (0..side)
                    .map(|i| match i {
                        0 => 1.0,
                        1 => 10.0_f64.powi(-digits),
                        _ => 10.0_f64.powf(-f64::from(digits) * f64::from(exponents[i]) / 16.0),
                    })
                    .collect();
                let v = unitary(crop(&columns, side, side).as_ref());
                let channel = Mat::from_fn(side + extra, side, |i, j| {
                    if i < side { v[(i, j)] * singular[i] } else { c64::new(0.0, 0.0) }
                });
                (singular, channel)
            },
        )
    }

    /// The same singular values, exactly.
    fn diagonal(singular: &[f64]) -> Problem {
        let side = singular.len();
        let channel = Mat::from_fn(side, side, |i, j| c64::new(if i == j { singular[i] } else { 0.0 }, 0.0));
        Problem::new(vec![channel], vec![1.0], 1.0).unwrap()
    }

    proptest! {
        #![proptest_config(config_of(96))]

        /// One device of a condition up to 10⁸: the bounds of solutions, and those certified of any points, enclose the closed form to a
        /// relative rounding, also where the gap asked for is not reached.
        #[test]
        fn encloses_closed_forms_at_any_condition((singular, channel) in graded(), dual in grid(3, 3)) {
            let problem = Problem::new(vec![channel], vec![1.0], 1.0)?;
            let (rows, side) = (problem.receive_antennas(), singular.len());
            for relaxation in Relaxation::ALL {
                let value = closed_form(relaxation, &diagonal(&singular), 0, side);
                let encloses = |lower: f64, upper: f64| lower <= value * (1.0 + ROUNDING) && upper >= value * (1.0 - ROUNDING);
                match solve(relaxation, &problem).map(|solution| solution.certificate) {
                    Ok(Certificate { lower, upper, .. }) | Err(Error::NotConverged { lower, upper, .. }) => {
                        prop_assert!(encloses(lower, upper), "{relaxation:?}: solved {lower}..{upper}, closed form {value}");
                    }
                    // No bound is not a false one.
                    Err(Error::Numerical { .. }) => {}
                    Err(other) => prop_assert!(false, "{relaxation:?}: {other}"),
                }
                let any = crop(&dual, side, side);
                for (primal, dual) in [(identity(rows), identity(side)), (identity(rows), &any * any.adjoint()), (identity(rows), any)] {
                    match relaxation.certify(&problem, primal.as_ref(), &[dual]) {
                        Ok(Certificate { lower, upper, .. }) => {
                            prop_assert!(encloses(lower, upper), "{relaxation:?}: any {lower}..{upper}, closed form {value}");
                        }
                        Err(Error::Numerical { .. }) => {}
                        Err(other) => prop_assert!(false, "{relaxation:?}: {other}"),
                    }
                }
            }
        }

        /// Several devices, ill-conditioned and faded: any points' bounds against those of the solution, whether it reaches its gap or not.
        #[test]
        fn any_multipliers_bound_ill_conditioned_values(
            problem in prop_oneof![problems(&SIZES, Channels::IllConditioned), problems(&SIZES, Channels::Rayleigh)],
            dual in duals(&SIZES), definite in primals(&SIZES),
        ) {
            for relaxation in Relaxation::ALL {
                let (least, most) = match solve(relaxation, &problem).map(|solution| solution.certificate) {
                    Ok(Certificate { lower, upper, .. }) | Err(Error::NotConverged { lower, upper, .. }) => (lower, upper),
                    // No bound is not a false one.
                    Err(Error::RankDeficient { .. } | Error::Numerical { .. }) if relaxation != Relaxation::Mmse => continue,
                    Err(other) => return Err(TestCaseError::fail(format!("{relaxation:?}: {other}"))),
                };
                for dual in [dual.of(&problem), dual.within(&problem)] {
                    match relaxation.certify(&problem, definite.of(&problem).as_ref(), &dual) {
                        Ok(Certificate { lower, upper, .. }) => {
                            prop_assert!(lower <= most && upper >= least, "{relaxation:?}: {lower}..{upper}, but {least}..{most}");
                        }
                        Err(Error::Numerical { .. }) => {}
                        Err(other) => prop_assert!(false, "{relaxation:?}: {other}"),
                    }
                }
            }
        }
    }

    /// Relative room for what the closed forms, and the channels' own rounding, leave open.
    const ROUNDING: f64 = 1e-10;
}
