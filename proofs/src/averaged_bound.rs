//! A bound on the averaged error of every transceiver: *theory*, section 6.
//!
//! # Statement
//!
//! Let every `T_n = L`. For any `λ_n ≥ 0` with `Σ λ_n p_n ≤ σ²`, any `U_n ⪰ 0` and `w_n = σ_{e,n}² + λ_n`, the averaged error of every
//! transceiver within the power limits is at least
//!
//! `(Σ v_n w_n^{1/2} tr U_n^{1/2})² / (Σ v_n w_n tr U_n + λ_max(Σ v_n Ĥ_n U_n Ĥ_n^H))`.
//!
//! The bound of the solver is one of these, or that of `mmse` for the estimates if that is more, whatever design it is given. For one
//! device it is attained.
//!
//! # Hypotheses
//!
//! - **prices**: `Σ λ_n p_n ≤ σ²`. With more it bounds nothing;
//! - **positive semidefinite** `U_n`;
//! - **limits**: the transceiver keeps them. With more power it can be below;
//! - **square**: `T_n = L`. An antenna without a stream would cost `v_n`, and the solver has no bound there.

use crate::arithmetic::{eigenvalues, hermitian, scaled, trace};
use crate::programs::trace_of_root;
use faer::{Mat, c64};
use solver::Problem;

/// The bound at `prices` `λ_n` and `U_n`, for errors of the given variances; 0 where it says nothing.
pub fn bound(problem: &Problem, variance: &[f64], prices: &[f64], dual: &[Mat<c64>]) -> f64 {
    let rows = problem.receive_antennas();
    let mut received = Mat::<c64>::zeros(rows, rows);
    let (mut roots, mut weights) = (0.0, 0.0);
    for (n, (channel, u)) in problem.channels().iter().zip(dual).enumerate() {
        let (v, w) = (problem.signal_variance()[n], variance[n] + prices[n]);
        roots += v * w.sqrt() * trace_of_root(u);
        weights += v * w * trace(u.as_ref());
        received += scaled((channel * (u * channel.adjoint())).as_ref(), v);
    }
    let whole = weights + eigenvalues(hermitian(received.as_ref()).as_ref())[rows - 1];
    if whole > 0.0 { roots * roots / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::identity;
    use crate::averaged_descent::averaged;
    use crate::single_device::closed_form;
    use crate::{config, config_of};
    use proptest::prelude::*;
    use solver::csi::{self, ChannelError};
    use solver::relaxation::{Options, Relaxation, mmse};
    use solver::strategies::{Channels, Sizes, aggregators, duals, power_of_two, precoders, problems};
    use solver::transceiver::{Transceiver, power_limited};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=0, receive_surplus: 0..=2, tall: true };
    const WITHIN: f64 = 1e-9;
    const OPTIONS: Options = Options { relative_gap: 1e-5, max_iterations: 100 };

    fn variances() -> impl Strategy<Value = Vec<f64>> {
        let variance = prop_oneof![1 => Just(0.0), 3 => power_of_two(6)];
        prop::collection::vec(variance, SIZES.most_devices())
    }

    /// `λ_n` that spend a share of `σ²`, all of it included.
    fn prices(problem: &Problem, weights: &[f64], share: f64) -> Vec<f64> {
        let weights = &weights[..problem.devices()];
        let spent: f64 = weights.iter().zip(problem.transmit_power()).map(|(w, p)| w * p).sum();
        weights.iter().map(|w| share * problem.noise_power() * w / spent).collect()
    }

    proptest! {
        #![proptest_config(config())]

        /// The formula, at any prices and multipliers, against the best that is known here: precoders in turn with aggregators.
        #[test]
        fn holds_for_every_transceiver(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES), precoders in precoders(&SIZES),
            dual in duals(&SIZES), variance in variances(), weights in prop::collection::vec(power_of_two(6), 3),
            share in (0..=4_u8).prop_map(|quarters| 1.0 - f64::from(quarters) / 4.0),
        ) {
            let variance = &variance[..problem.devices()];
            let error = ChannelError::new(variance.to_vec())?;
            let found = bound(&problem, variance, &prices(&problem, &weights, share), &dual.within(&problem));
            let any = Transceiver::new(&problem, aggregator.of(&problem), precoders.within_power(&problem))?;
            let better = csi::alternate(&problem, &error, any.aggregator(), &Default::default())?.transceiver;
            for transceiver in [any, better] {
                let average =
                    averaged(&problem, variance, &transceiver.aggregator().to_owned(), transceiver.precoders());
                prop_assert!(found <= average * (1.0 + WITHIN), "{found} > {average}");
            }
        }
    }

    proptest! {
        #![proptest_config(config_of(32))]

        /// The solver's, given a good design and a bad one; and it is no less than that of `mmse` for the estimates.
        #[test]
        fn the_solvers_bound_holds(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES), precoders in precoders(&SIZES),
            variance in variances(),
        ) {
            let variance = &variance[..problem.devices()];
            let error = ChannelError::new(variance.to_vec())?;
            let any = Transceiver::new(&problem, aggregator.of(&problem), precoders.within_power(&problem))?;
            let start = power_limited(&csi::robust(&problem, &error)?, any.aggregator())?;
            let good = csi::alternate(&problem, &error, start.aggregator(), &Default::default())?.transceiver;
            let known = mmse::lower_bound(&problem, &OPTIONS)?.unwrap();
            for design in [&any, &good] {
                let found = csi::lower_bound(&problem, &error, design, &OPTIONS)?.unwrap();
                prop_assert!(found >= known, "{found} < {known}, the bound for the estimates");
                for transceiver in [&any, &good] {
                    let average =
                        averaged(&problem, variance, &transceiver.aggregator().to_owned(), transceiver.precoders());
                    prop_assert!(found <= average * (1.0 + WITHIN), "{found} > {average}");
                }
            }
        }
    }

    /// One device always gains by more power, so that its averaged error is that of the robust problem, in closed form.
    const ONE: Sizes = Sizes { devices: 1..=1, ..SIZES };

    proptest! {
        #![proptest_config(config_of(32))]

        #[test]
        fn is_attained_by_one_device(problem in problems(&ONE, Channels::WellConditioned), aggregator in aggregators(&ONE), variance in power_of_two(6)) {
            let error = ChannelError::new(vec![variance])?;
            let robust = csi::robust(&problem, &error)?;
            let least = closed_form(Relaxation::Mmse, &robust, 0, problem.streams());
            let start = power_limited(&robust, aggregator.of(&problem).as_ref())?;
            let design = csi::alternate(&problem, &error, start.aggregator(), &Default::default())?.transceiver;
            let found = csi::lower_bound(&problem, &error, &design, &OPTIONS)?.unwrap();
            prop_assert!(found <= least * (1.0 + WITHIN) && found >= least * 0.998, "{found}, closed form {least}");
        }
    }

    fn scalar(value: f64) -> Mat<c64> {
        scaled(identity(1).as_ref(), value)
    }

    /// One device of one antenna, `Ĥ = 1`, `p = σ² = 1`, `σ_e² = 0`: with `λ = 1` and `U = 1/4` the bound is `1/2`, which `A = 1/2` attains.
    fn small() -> (Problem, f64) {
        let problem = Problem::new(vec![scalar(1.0)], vec![1.0], 1.0).unwrap();
        (problem.clone(), averaged(&problem, &[0.0], &scalar(0.5), &[scalar(1.0)]))
    }

    #[test]
    fn with_every_hypothesis() {
        let (problem, least) = small();
        assert_eq!((bound(&problem, &[0.0], &[1.0], &[scalar(0.25)]), least), (0.5, 0.5));
    }

    /// Without **prices**: `λ = 9` in place of 1.
    #[test]
    fn spending_more_than_the_noise() {
        let (problem, least) = small();
        assert!(bound(&problem, &[0.0], &[9.0], &[scalar(0.25)]) > 1.7 * least);
    }

    /// Without **positive semidefinite**: a second stream whose multiplier is negative takes away what the first one costs.
    #[test]
    fn a_negative_multiplier() {
        let problem = Problem::new(vec![identity(2)], vec![1.0], 1.0).unwrap();
        let transceiver = power_limited(&problem, scaled(identity(2).as_ref(), 0.5).as_ref()).unwrap();
        let error = averaged(&problem, &[0.0], &transceiver.aggregator().to_owned(), transceiver.precoders());
        let of = |second: f64| {
            let u = Mat::from_fn(2, 2, |i, j| c64::new(if i == j { [1.0, second][i] } else { 0.0 }, 0.0));
            bound(&problem, &[0.0], &[1.0], &[u])
        };
        assert!(of(1.0) <= error && of(0.0) <= error && of(-1.9) > 4.0 * error, "{} {error}", of(-1.9));
    }

    /// Without **limits**: at four times the power.
    #[test]
    fn more_power_than_there_is() {
        let (problem, least) = small();
        let loud = averaged(&problem, &[0.0], &scalar(0.4), &[scalar(2.0)]);
        assert!(loud < 0.5 * least, "{loud}");
    }

    /// Without **square**: a device with two antennas for one stream. The formula says 1; a transceiver has 1/2; the solver says
    /// nothing.
    #[test]
    fn an_antenna_without_a_stream() {
        let problem = Problem::new(vec![identity(2)], vec![1.0], 1.0)
            .and_then(|problem| problem.with_streams(1))
            .unwrap();
        let column = |value: f64| Mat::from_fn(2, 1, |i, _| c64::new(if i == 0 { value } else { 0.0 }, 0.0));
        let design = Transceiver::new(&problem, column(0.5), vec![column(1.0)]).unwrap();
        let error = averaged(&problem, &[0.0], &column(0.5), design.precoders());
        let found = bound(&problem, &[0.0], &[1.0], &[identity(2)]);
        assert!((error - 0.5).abs() < 1e-12 && found > 1.3, "{error}, formula {found}");
        let known = ChannelError::new(vec![0.0]).unwrap();
        assert_eq!(csi::lower_bound(&problem, &known, &design, &OPTIONS).unwrap(), None);
    }
}
