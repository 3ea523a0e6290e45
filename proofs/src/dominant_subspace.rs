//! The dominant subspace: *theory*, section 4.
//!
//! # Statement
//!
//! Let `A = V_L Λ_L^{1/2}` of the `L` largest eigenpairs of `X ⪰ 0`. No matrix of rank `L` is nearer to `X` than `A A^H`, at
//! `‖X − A A^H‖_F² = Σ_{i>L} λ_i²` (Eckart, Young 1936). If `X` has rank at most `L`, then `A A^H = X`: the transceiver with the
//! aggregator `A` and its best precoders has the error that `mmse` gives `X` (less `Σ v_n (T_n − L)`, see
//! [`streams_below_antennas`](crate::streams_below_antennas)), and where zero forcing is within the limits, `α = tr X`. So an
//! optimal `X` of rank at most `L` gives an optimal transceiver.
//!
//! # Hypotheses
//!
//! - **rank**: `rank X ≤ L`. Without it what is left out may be all that a device was heard by.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{eigenvalues, norm, squared_norm, trace};
    use crate::programs::{primal_value, solve};
    use crate::{config, config_of, tolerance};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::Problem;
    use solver::recovery::{dominant_subspace, scaled_zero_forcing};
    use solver::relaxation::Relaxation;
    use solver::strategies::{Channels, Sizes, primals, problems};
    use solver::transceiver::power_limited;

    /// `T_n = L`.
    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=3, transmit_surplus: 0..=0, receive_surplus: 0..=2, tall: true };

    proptest! {
        #![proptest_config(config())]

        /// Of any rank: the columns are orthogonal, with the largest eigenvalues as squared lengths, and what is left has the others.
        #[test]
        fn leaves_the_least_eigenvalues(
            problem in problems(&SIZES, Channels::WellConditioned), primal in primals(&SIZES),
        ) {
            let (x, streams) = (primal.of(&problem), problem.streams());
            let a = dominant_subspace(&problem, x.as_ref())?;
            let (rows, size) = (x.nrows(), norm(x.as_ref()));
            let values = eigenvalues(x.as_ref());
            let gram = a.adjoint() * &a;
            for i in 0..streams {
                for j in 0..streams {
                    let expected = if i == j { values[rows - 1 - i] } else { 0.0 };
                    prop_assert!((gram[(i, j)] - expected).norm() <= tolerance(rows, size), "{gram:?}, eigenvalues {values:?}");
                }
            }
            let left = squared_norm((&x - &a * a.adjoint()).as_ref());
            let expected: f64 = values[..rows - streams].iter().map(|value| value * value).sum();
            prop_assert!((left - expected).abs() <= tolerance(rows, size * size), "{left}, eigenvalues {values:?}");
        }

        #[test]
        fn is_exact_up_to_rank_l(
            problem in problems(&SIZES, Channels::WellConditioned), primal in primals(&SIZES), rank in 0..=3_usize,
        ) {
            let rank = rank.min(problem.streams());
            let x = primal.of_rank(&problem, rank);
            let a = dominant_subspace(&problem, x.as_ref())?;
            let difference = norm((&a * a.adjoint() - &x).as_ref());
            prop_assert!(difference <= tolerance(x.nrows(), norm(x.as_ref())), "‖A A^H − X‖ = {difference}");
            prop_assert!((squared_norm(a.as_ref()) - trace(x.as_ref())).abs() <= tolerance(x.nrows(), trace(x.as_ref())));
            let error = power_limited(&problem, a.as_ref())?.mean_squared_error(&problem)?.total();
            let program = primal_value(Relaxation::Mmse, &problem, &x);
            // Roundings in eigenvalues that are 0: their roots count.
            prop_assert!((error - program).abs() <= 1e-5 * program, "{error}, program {program}");
        }
    }

    proptest! {
        #![proptest_config(config_of(32))]

        /// One device with `L` antennas never needs more than rank `L`: both programs are solved by a transceiver.
        #[test]
        fn one_device_is_solved_exactly(problem in problems(&Sizes { devices: 1..=1, ..SIZES }, Channels::WellConditioned)) {
            let solution = solve(Relaxation::Mmse, &problem)?;
            let a = dominant_subspace(&problem, solution.primal.as_ref())?;
            let error = power_limited(&problem, a.as_ref())?.mean_squared_error(&problem)?.total();
            let certificate = solution.certificate;
            prop_assert!(error >= certificate.lower && error <= certificate.upper * (1.0 + 1e-3), "{error} {certificate:?}");
            let solution = solve(Relaxation::TraceInverse, &problem)?;
            let a = dominant_subspace(&problem, solution.primal.as_ref())?;
            let alpha = scaled_zero_forcing(&problem, a.as_ref())?.alpha();
            let certificate = solution.certificate;
            prop_assert!(alpha >= certificate.lower && alpha <= certificate.upper * (1.0 + 1e-3), "{alpha} {certificate:?}");
        }
    }

    /// Without **rank**: two devices on two antennas, one stream, `X = diag(2, 1)`. The first is heard twice as well, the second
    /// not at all: an error of 1 for it alone, where the program has 0.
    #[test]
    fn more_than_rank_l() {
        let unit = |k: usize| Mat::from_fn(2, 1, |i, _| c64::new(if i == k { 1.0 } else { 0.0 }, 0.0));
        let problem = Problem::new(vec![unit(0), unit(1)], vec![1.0; 2], 0.01).unwrap();
        let x = Mat::from_fn(2, 2, |i, j| c64::new(if i == j { [2.0, 1.0][i] } else { 0.0 }, 0.0));
        assert!((primal_value(Relaxation::Mmse, &problem, &x) - 0.03).abs() < 1e-12);
        let a = dominant_subspace(&problem, x.as_ref()).unwrap();
        let error = power_limited(&problem, a.as_ref()).unwrap().mean_squared_error(&problem).unwrap();
        assert!((error.total() - 1.02).abs() < 1e-12, "{error:?}");
        assert!(scaled_zero_forcing(&problem, a.as_ref()).is_err());
        // A direction between the two serves both.
        let between = unit(0) + unit(1);
        let error =
            scaled_zero_forcing(&problem, between.as_ref()).unwrap().mean_squared_error(&problem).unwrap();
        assert!((error.total() - 0.02).abs() < 1e-12, "{error:?}");
    }
}
