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
    use crate::arithmetic::{eigenvalues, hermitian, root, scaled};
    use crate::config_of;
    use crate::programs::{dual_value, received, solve};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::relaxation::Relaxation;
    use solver::strategies::{Channels, Sizes, crop, duals, grid, primals, problems};
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
}
