//! What each lower bound bounds: *theory*, section 3.
//!
//! # Statement
//!
//! Where every device has exactly `L` antennas, and `X = A A^H` for an aggregator `A`,
//!
//! 1. the value of `mmse` is at most the error of every transceiver within the power limits;
//! 2. the value of `trace_inverse` is at most `α = ‖A‖_F²` of every zero-forcing transceiver within them;
//! 3. the value of `lambda_min` is neither: (14) made its constraint stricter than the limit is.
//!
//! # Hypotheses
//!
//! - **the true constraint** (for 2): `lambda_min` in place of `trace_inverse` is undercut, by one device and by two;
//! - **zero forcing** (for 2): a transceiver with a mismatch undercuts `σ²` times the bound;
//! - **limits** (for 1): more power than there is undercuts `mmse`;
//! - **as many antennas as streams**: with more, both programs ask for more than a transceiver needs
//!   ([`streams_below_antennas`](crate::streams_below_antennas)).

#[cfg(test)]
mod tests {
    use crate::arithmetic::identity;
    use crate::config_of;
    use crate::programs::{solve, with_noise};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::channel::{BlockFading, Fading};
    use solver::recovery::{Randomization, gaussian_randomization, refine, scaled_zero_forcing};
    use solver::relaxation::Relaxation::{LambdaMin, Mmse, TraceInverse};
    use solver::relaxation::Scope;
    use solver::strategies::{Channels, Sizes, aggregators, precoders, problems};
    use solver::transceiver::{Transceiver, power_limited};
    use solver::{Error, Problem};

    /// `T_n = L`.
    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=0, receive_surplus: 0..=3, tall: true };
    const WITHIN: f64 = 1e-9;

    /// The best zero-forcing transceiver that we find: refined at a noise that leaves no mismatch, then scaled.
    fn best_zero_forcing(problem: &Problem, start: &Transceiver) -> Result<Transceiver, Error> {
        let quiet = with_noise(problem, 1e-4);
        let refined = refine(&quiet, start.aggregator(), &Default::default())?;
        scaled_zero_forcing(problem, refined.transceiver.aggregator())
    }

    proptest! {
        #![proptest_config(config_of(32))]

        /// 1, against any transceiver and against the best that we find.
        #[test]
        fn no_transceiver_undercuts_mmse(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES),
            precoders in precoders(&SIZES),
        ) {
            let bound = solve(Mmse, &problem)?.certificate;
            prop_assert_eq!(bound.scope, Scope::AnyTransceiver);
            let aggregator = aggregator.of(&problem);
            let any = Transceiver::new(&problem, aggregator.clone(), precoders.within_power(&problem))?;
            let refined = refine(&problem, aggregator.as_ref(), &Default::default())?.transceiver;
            for transceiver in [any, power_limited(&problem, aggregator.as_ref())?, refined] {
                transceiver.check_power(&problem)?;
                let error = transceiver.mean_squared_error(&problem)?.total();
                prop_assert!(error >= bound.lower * (1.0 - WITHIN), "{error} < {bound:?}");
            }
        }

        /// 2, likewise.
        #[test]
        fn no_zero_forcing_undercuts_trace_inverse(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES),
        ) {
            let solution = solve(TraceInverse, &problem)?;
            prop_assert_eq!(solution.certificate.scope, Scope::ZeroForcing);
            let options = Randomization { draws: 8, seed: 0 };
            let random = gaussian_randomization(&problem, solution.primal.as_ref(), &options)?;
            let refined = best_zero_forcing(&problem, &random)?;
            // A direction of which some device sees too little makes no zero-forcing transceiver.
            let any = scaled_zero_forcing(&problem, aggregator.of(&problem).as_ref()).ok();
            for transceiver in [Some(random), Some(refined), any].into_iter().flatten() {
                transceiver.check_power(&problem)?;
                let (alpha, bound) = (transceiver.alpha(), solution.certificate);
                prop_assert!(alpha >= bound.lower * (1.0 - WITHIN), "{alpha} < {bound:?}");
            }
        }
    }

    /// Without **the true constraint**, one device: gains 1 and 1/2, and (17) asks for 10 where 9 is enough.
    #[test]
    fn one_device_undercuts_lambda_min() {
        let channel = Mat::from_fn(2, 2, |i, j| c64::new(if i == j { [1.0, 0.5][i] } else { 0.0 }, 0.0));
        let problem = Problem::new(vec![channel], vec![1.0], 1.0).unwrap();
        let program = solve(LambdaMin, &problem).unwrap().certificate;
        assert_eq!(program.scope, Scope::Program);
        let best =
            Mat::from_fn(2, 2, |i, j| c64::new(if i == j { [1.0, 2.0_f64.sqrt()][i] } else { 0.0 }, 0.0));
        let best = scaled_zero_forcing(&problem, best.as_ref()).unwrap();
        assert!((best.alpha() - 9.0).abs() < 1e-12 && (program.lower - 10.0).abs() < 1e-4, "{program:?}");
    }

    /// Without **the true constraint**, two devices in the papers' setting: every one of four channels undercuts (17), none
    /// of them `trace_inverse`.
    #[test]
    fn two_devices_undercut_lambda_min() {
        for channels in BlockFading::new(Fading::PAPER, 20, &[4; 2], 5).unwrap().take(4) {
            let problem = Problem::new(channels, vec![1.0; 2], 1.0).unwrap();
            let program = solve(LambdaMin, &problem).unwrap();
            let start =
                gaussian_randomization(&problem, program.primal.as_ref(), &Default::default()).unwrap();
            let best = best_zero_forcing(&problem, &start).unwrap();
            best.check_power(&problem).unwrap();
            assert!(
                best.alpha() < 0.95 * program.certificate.lower,
                "{} {:?}",
                best.alpha(),
                program.certificate
            );
            let bound = solve(TraceInverse, &problem).unwrap().certificate;
            assert!(
                best.alpha() >= bound.lower && best.alpha() < 1.02 * bound.upper,
                "{} {bound:?}",
                best.alpha()
            );
        }
    }

    /// Without **zero forcing**: at `σ² = 100` sending nothing costs 1, zero forcing 100. Without **limits**: at ten times the
    /// power the error is below `mmse`'s value of `100/101`.
    #[test]
    fn a_mismatch_and_too_much_power() {
        let problem = Problem::new(vec![identity(1)], vec![1.0], 100.0).unwrap();
        let silent = Transceiver::new(&problem, Mat::zeros(1, 1), vec![Mat::zeros(1, 1)]).unwrap();
        let error = silent.mean_squared_error(&problem).unwrap().total();
        let bound = solve(TraceInverse, &problem).unwrap().certificate;
        assert!(error < 0.1 * 100.0 * bound.lower, "{error} {bound:?}");
        let (loud, precoder) = (identity(1), Mat::from_fn(1, 1, |_, _| c64::new(10.0_f64.sqrt(), 0.0)));
        let loud = crate::arithmetic::scaled(loud.as_ref(), 10.0_f64.sqrt() / 110.0);
        let loud = Transceiver::new(&problem, loud, vec![precoder]).unwrap();
        assert!(matches!(loud.check_power(&problem), Err(Error::PowerExceeded { .. })));
        let bound = solve(Mmse, &problem).unwrap().certificate;
        assert!(loud.mean_squared_error(&problem).unwrap().total() < 0.95 * bound.lower, "{bound:?}");
    }
}
