//! Fewer receive antennas for the relaxations: *theory*, section 3, "size".
//!
//! # Statement
//!
//! Let the columns of `Q` be an orthonormal basis of a space that holds those of `[H_1 … H_N]`. The problem with channels
//! `Q^H H_n` has the same value, for all three relaxations: `R` can be replaced by `min(R, Σ T_n)`.
//!
//! 1. `𝒰` is the same set, and the dual objectives do not see the channels.
//! 2. `X' = Q^H X Q` meets the same constraints as `X`, at no higher trace; `X = Q X' Q^H` does, at the same.
//!
//! # Hypotheses
//!
//! - **basis**: `Q` spans what the channels span. If a part of one channel is left out, values rise; leaving out antennas is
//!   no reduction.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{eigenvalues, norm, scaled, trace};
    use crate::config;
    use crate::programs::{load, received, seen, solve, with_channels};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::Problem;
    use solver::relaxation::Relaxation;
    use solver::strategies::{Channels, Sizes, crop, duals, primals, problems};

    const SIZES: Sizes =
        Sizes { devices: 1..=2, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=6, tall: true };
    const WITHIN: f64 = 1e-10;

    /// `Q`: `R×min(R, Σ T_n)`.
    fn basis(problem: &Problem) -> Mat<c64> {
        let columns: usize = problem.channels().iter().map(Mat::ncols).sum();
        let mut all = Mat::<c64>::zeros(problem.receive_antennas(), columns);
        let mut first = 0;
        for channel in problem.channels() {
            all.as_mut().subcols_mut(first, channel.ncols()).copy_from(channel);
            first += channel.ncols();
        }
        all.qr().compute_thin_Q()
    }

    fn reduced(problem: &Problem, basis: &Mat<c64>) -> Problem {
        with_channels(problem, problem.channels().iter().map(|channel| basis.adjoint() * channel).collect())
    }

    proptest! {
        #![proptest_config(config())]

        /// 1.
        #[test]
        fn the_dual_set_is_the_same(problem in problems(&SIZES, Channels::LineOfSight), dual in duals(&SIZES)) {
            let dual = dual.within(&problem);
            let small = reduced(&problem, &basis(&problem));
            let largest = |problem: &Problem| *eigenvalues(received(problem, &dual).as_ref()).last().unwrap();
            let (before, after) = (largest(&problem), largest(&small));
            prop_assert!((before - after).abs() <= WITHIN * (1.0 + before), "{before}, {after}");
        }

        /// 2, both ways.
        #[test]
        fn primal_points_go_both_ways(problem in problems(&SIZES, Channels::WellConditioned), primal in primals(&SIZES)) {
            let q = basis(&problem);
            let small = reduced(&problem, &q);
            let primal = primal.of(&problem);
            let down = q.adjoint() * &primal * &q;
            prop_assert!(trace(down.as_ref()) <= trace(primal.as_ref()) * (1.0 + WITHIN));
            let up = &q * &down * q.adjoint();
            prop_assert!((trace(up.as_ref()) - trace(down.as_ref())).abs() <= WITHIN * trace(down.as_ref()));
            for n in 0..problem.devices() {
                let before = seen(&problem, n, &primal);
                let within = WITHIN * (1.0 + norm(before.as_ref()));
                for after in [seen(&small, n, &down), seen(&problem, n, &up)] {
                    let difference = norm((&before - after).as_ref());
                    prop_assert!(difference <= within, "H^H X H changes by {difference}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(crate::config_of(24))]

        /// So the certified intervals of both problems meet.
        #[test]
        fn values_are_the_same(problem in problems(&SIZES, Channels::WellConditioned)) {
            let small = reduced(&problem, &basis(&problem));
            for relaxation in Relaxation::ALL {
                let (before, after) = (solve(relaxation, &problem)?.certificate, solve(relaxation, &small)?.certificate);
                prop_assert!(before.lower <= after.upper && after.lower <= before.upper, "{before:?} {after:?}");
            }
        }
    }

    /// Without **basis**: two of three antennas, each of which hears the device, and values rise by half.
    #[test]
    fn leaving_out_an_antenna() {
        let ones = Mat::from_fn(3, 1, |_, _| c64::new(1.0, 0.0));
        let problem = Problem::new(vec![ones.clone()], vec![1.0], 1.0).unwrap();
        let fewer = with_channels(&problem, vec![crop(&ones, 2, 1)]);
        for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
            let (whole, part) = (solve(relaxation, &problem).unwrap(), solve(relaxation, &fewer).unwrap());
            assert!((whole.certificate.upper - 1.0 / 3.0).abs() < 1e-4, "{:?}", whole.certificate);
            assert!((part.certificate.lower - 1.0 / 2.0).abs() < 1e-4, "{:?}", part.certificate);
        }
        // Reduced to one antenna in the right direction, nothing changes.
        let right = scaled(ones.as_ref(), 3.0_f64.powf(-0.5));
        let best = crate::programs::with_channels(&problem, vec![right.adjoint() * &ones]);
        let identity = Mat::<c64>::identity(1, 1);
        assert!((load(Relaxation::LambdaMin, &best, 0, &identity) - 1.0 / 3.0).abs() < 1e-14);
    }
}
