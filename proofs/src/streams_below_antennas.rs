//! Fewer streams than transmit antennas, `L < T_n`: \[A\], (14), (15), (17); *theory*, section 3.
//!
//! # Statement
//!
//! Let `A` be `R×L` and `M_n = H_n^H A A^H H_n` (`T_n×T_n`), `C_n = A^H H_n H_n^H A` (`L×L`).
//!
//! 1. If `L < T_n`, `λ_min(M_n) = 0`: (14), which bounds `tr(C_n^{-1})` by `L/λ_min(M_n)`, has no right-hand side, and (15),
//!    which asks for `λ_min(M_n) ≥ c_n`, holds for no `A`.
//! 2. (14) read with `C_n` in place of `M_n`, `tr(C_n^{-1}) ≤ L/λ_min(C_n)`, is true for every `A` of which `H_n` lets all through,
//!    with equality exactly when all eigenvalues of `C_n` agree.
//! 3. At `X = A A^H` the program `mmse` is worth `Σ v_n (T_n − L)` more than the best transceiver with the aggregator `A`.
//!    So its lower bounds, less that sum, bound the error of every transceiver.
//! 4. The error of every transceiver is at least the optimum of each device alone, the closed form of
//!    [`single_device`](crate::single_device) over its `L` best directions.
//!
//! # Hypotheses
//!
//! - **equal eigenvalues of** `C_n` (for equality in 2). The condition that \[A\] prints, equal singular values of `H_n`, is not
//!   sufficient;
//! - **less the sum** (for 3). The program's own value bounds no transceiver; neither does that of `trace_inverse`;
//! - `L < T_n` (for 1). With `L = T_n`, (15) can be met.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{eigenvalues, hermitian, identity, inverse, norm, scaled, trace};
    use crate::programs::{dual_value, primal_value, solve};
    use crate::single_device::closed_form;
    use crate::{config, config_of, tolerance};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::Problem;
    use solver::recovery::{refine, scaled_zero_forcing};
    use solver::relaxation::{Relaxation, Scope, mmse};
    use solver::strategies::{Channels, Sizes, aggregators, duals, precoders, problems, unitary};
    use solver::transceiver::{Transceiver, power_limited};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 1..=2, receive_surplus: 0..=2, tall: true };
    const WITHIN: f64 = 1e-9;

    /// `Σ v_n (T_n − L)`.
    fn unused(problem: &Problem) -> f64 {
        let devices = problem.channels().iter().zip(problem.signal_variance());
        devices.map(|(channel, variance)| variance * (channel.ncols() - problem.streams()) as f64).sum()
    }

    proptest! {
        #![proptest_config(config())]

        /// 1 and 2.
        #[test]
        fn the_papers_inequalities(problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES)) {
            let a = aggregator.of(&problem);
            for channel in problem.channels() {
                let seen = channel.adjoint() * &a;
                let (large, small) = (&seen * seen.adjoint(), hermitian((seen.adjoint() * &seen).as_ref()));
                let within = tolerance(large.nrows(), norm(large.as_ref()));
                let least = eigenvalues(large.as_ref())[0];
                prop_assert!(least.abs() <= within, "λ_min(M) = {least}");
                let values = eigenvalues(small.as_ref());
                if values[0] > 1e-6 {
                    let (left, right) = (trace(inverse(small.as_ref()).as_ref()), values.len() as f64 / values[0]);
                    prop_assert!(left <= right * (1.0 + WITHIN), "{left} > {right}");
                    let spread = values[values.len() - 1] / values[0] - 1.0;
                    // Each larger eigenvalue falls short of 1/λ_min: by λ_max alone, by spread/(1 + spread).
                    let short = spread / (1.0 + spread) / values.len() as f64;
                    prop_assert!(left <= right * (1.0 - short + WITHIN), "{left}, {right}, {spread}");
                }
            }
        }

        /// 2, equality: an aggregator chosen so that `C = t I`.
        #[test]
        fn equality_with_equal_eigenvalues(problem in problems(&SIZES, Channels::WellConditioned), turn in aggregators(&SIZES)) {
            let (channel, streams) = (&problem.channels()[0], problem.streams());
            let turn = unitary(turn.of(&problem).as_ref().subrows(0, streams));
            // A = (H^+)^H [I; 0] Q sends H^H A to [I; 0] Q.
            let pseudo_inverse = channel * inverse((channel.adjoint() * channel).as_ref());
            let a = scaled((pseudo_inverse.as_ref().subcols(0, streams) * turn).as_ref(), 3.0);
            let seen = channel.adjoint() * a;
            let c = hermitian((seen.adjoint() * &seen).as_ref());
            let (left, right) = (trace(inverse(c.as_ref()).as_ref()), streams as f64 / eigenvalues(c.as_ref())[0]);
            prop_assert!((left - right).abs() <= WITHIN * right, "{left}, {right}");
        }

        /// 3, as an identity and as a bound from any dual point; 4.
        #[test]
        fn bounds_of_every_transceiver(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES),
            precoders in precoders(&SIZES), dual in duals(&SIZES),
        ) {
            let a = aggregator.of(&problem);
            let best = power_limited(&problem, a.as_ref())?;
            let error = best.mean_squared_error(&problem)?.total();
            let program = primal_value(Relaxation::Mmse, &problem, &(&a * a.adjoint()));
            // Roundings in the T − L eigenvalues that are 0: their roots count (see power_limited_precoder).
            let within = 1e-5 * (program + unused(&problem));
            prop_assert!((program - unused(&problem) - error).abs() <= within, "{program}, {error}");
            let any = Transceiver::new(&problem, a.clone(), precoders.within_power(&problem))?;
            let bound = dual_value(Relaxation::Mmse, &problem, &dual.within(&problem)) - unused(&problem);
            for transceiver in [best, any] {
                let error = transceiver.mean_squared_error(&problem)?.total();
                prop_assert!(error >= bound - WITHIN * (1.0 + error), "{error} < {bound}");
                for n in 0..problem.devices() {
                    let alone = closed_form(Relaxation::Mmse, &problem, n, problem.streams());
                    prop_assert!(error >= alone * (1.0 - WITHIN), "{error}, device {n} alone {alone}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(config_of(24))]

        /// 3 and 4 with the solver's bound and the best transceiver that we find.
        #[test]
        fn bounds_of_the_refined_transceiver(problem in problems(&SIZES, Channels::WellConditioned), start in aggregators(&SIZES)) {
            let certificate = solve(Relaxation::Mmse, &problem)?.certificate;
            prop_assert_eq!(certificate.scope, Scope::Program);
            prop_assert_eq!(mmse::lower_bound(&problem, &Default::default())?, None);
            let refined = refine(&problem, start.of(&problem).as_ref(), &Default::default())?.mse;
            let bound = certificate.lower - unused(&problem);
            prop_assert!(refined >= bound * (1.0 - WITHIN), "{refined} < {bound}");
            for n in 0..problem.devices() {
                let alone = closed_form(Relaxation::Mmse, &problem, n, problem.streams());
                prop_assert!(refined >= alone * (1.0 - WITHIN), "{refined}, device {n} alone {alone}");
            }
        }
    }

    /// Without **equal eigenvalues of** `C`: all singular values of `H = I` are 1, and `5/4 < 2`.
    #[test]
    fn equal_singular_values_are_not_enough() {
        let a = Mat::from_fn(2, 2, |i, j| c64::new(if i == j { [1.0, 2.0][i] } else { 0.0 }, 0.0));
        let c = a.adjoint() * &a;
        assert_eq!(trace(inverse(c.as_ref()).as_ref()), 1.25);
        assert_eq!(2.0 / eigenvalues(c.as_ref())[0], 2.0);
    }

    /// Without `L < T`: with as many streams as antennas (15) is met, here by `A = √2 I`.
    #[test]
    fn as_many_streams_as_antennas() {
        let a = scaled(identity(2).as_ref(), 2.0_f64.sqrt());
        let least = eigenvalues((&a * a.adjoint()).as_ref())[0];
        assert!((least - 2.0).abs() < 1e-14, "{least}");
    }

    /// Without **less the sum**: one stream on two antennas. `mmse` charges 1 for the unused one, which the best transceiver
    /// does not pay; `trace_inverse` asks for power in both, and is undercut four times.
    #[test]
    fn program_values_bound_no_transceiver() {
        let problem =
            Problem::new(vec![identity(2)], vec![1.0], 1.0).and_then(|p| p.with_streams(1)).unwrap();
        let one = Mat::from_fn(2, 1, |i, _| c64::new([0.5, 0.0][i], 0.0));
        let best = power_limited(&problem, one.as_ref()).unwrap();
        let error = best.mean_squared_error(&problem).unwrap().total();
        let program = solve(Relaxation::Mmse, &problem).unwrap().certificate;
        assert!(error < 0.51 && program.lower > 1.3 && program.lower - 1.0 < error, "{error} {program:?}");
        let alpha = scaled_zero_forcing(&problem, one.as_ref()).unwrap().alpha();
        let program = solve(Relaxation::TraceInverse, &problem).unwrap().certificate;
        assert!((alpha - 1.0).abs() < 1e-12 && program.lower > 3.99, "{alpha} {program:?}");
        assert_eq!(program.scope, Scope::Program);
    }
}
