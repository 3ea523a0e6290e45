//! The gradient of the refinement: *theory*, section 4.
//!
//! # Statement
//!
//! `F(A) = min MSE(A, B_1, …, B_N)` over precoders within the limits `= Σ v_n φ(H_n^H A A^H H_n, q_n) + σ² ‖A‖_F²` has the
//! gradient (with respect to `Re tr(·^H ·)`)
//!
//! `∇F = 2σ² A − 2 Σ v_n H_n U_n H_n^H A`, `U_n = μ_n (M_n + μ_n I)^{-2}`, `M_n = H_n^H A A^H H_n`,
//!
//! and equals that of the MSE with the best precoders held fixed. Where refinement stops for want of descent, it is 0.
//!
//! # Hypotheses
//!
//! - **rank**: every `H_n^H A` has full column rank, or `μ_n > 0`. At `A = 0` there is no gradient, though the formula says 0.

use crate::programs::Penalty;
use faer::{Mat, c64};
use solver::Problem;

/// `2σ² A − 2 Σ v_n H_n U_n H_n^H A`, through `L×L` matrices.
pub fn gradient(problem: &Problem, aggregator: &Mat<c64>) -> Mat<c64> {
    use crate::arithmetic::{hermitian, identity, inverse, scaled};
    let mut gradient = scaled(aggregator.as_ref(), 2.0 * problem.noise_power());
    for (n, channel) in problem.channels().iter().enumerate() {
        let seen = channel.adjoint() * aggregator;
        let gram = hermitian((seen.adjoint() * &seen).as_ref());
        let penalty = Penalty::of(gram.as_ref(), crate::programs::budget(problem, n));
        if penalty.multiplier > 0.0 {
            let shifted = gram + scaled(identity(seen.ncols()).as_ref(), penalty.multiplier);
            let inverted = inverse(shifted.as_ref());
            let weight = scaled(
                (&inverted * &inverted).as_ref(),
                2.0 * problem.signal_variance()[n] * penalty.multiplier,
            );
            gradient -= channel * (seen * weight);
        }
    }
    gradient
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::{eigenvalues, identity, inner, norm, scaled, squared_norm};
    use crate::{config, config_of};
    use proptest::prelude::*;
    use solver::recovery::refine;
    use solver::strategies::{Channels, Sizes, aggregators, crop, grid, problems};
    use solver::transceiver::power_limited;

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };

    fn objective(problem: &Problem, aggregator: &Mat<c64>) -> f64 {
        power_limited(problem, aggregator.as_ref()).unwrap().mean_squared_error(problem).unwrap().total()
    }

    /// The least eigenvalue of `D^H D` over the devices.
    fn weakest(problem: &Problem, aggregator: &Mat<c64>) -> f64 {
        let grams = problem.channels().iter().map(|channel| {
            let seen = channel.adjoint() * aggregator;
            eigenvalues((seen.adjoint() * &seen).as_ref())[0]
        });
        grams.fold(f64::INFINITY, f64::min)
    }

    proptest! {
        #![proptest_config(config())]

        /// Central differences at two steps: their difference says how far the smaller is from the derivative.
        #[test]
        fn is_the_derivative(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES), direction in grid(6, 2),
        ) {
            let a = aggregator.of(&problem);
            prop_assume!(weakest(&problem, &a) > 1e-2);
            let direction = crop(&direction, a.nrows(), a.ncols());
            let direction = scaled(direction.as_ref(), 1.0 / norm(direction.as_ref()).max(1.0));
            let difference = |step: f64| {
                let at = |t: f64| objective(&problem, &(&a + scaled(direction.as_ref(), t)));
                (at(step) - at(-step)) / (2.0 * step)
            };
            let (coarse, fine) = (difference(2e-5), difference(1e-5));
            let slope = inner(gradient(&problem, &a).as_ref(), direction.as_ref());
            let within = 10.0 * (coarse - fine).abs() + 1e-9 * (objective(&problem, &a) + slope.abs());
            prop_assert!((fine - slope).abs() <= within, "{fine}, formula {slope} ± {within}");
        }

        /// It is that of the MSE at fixed precoders, `2σ²A + 2 Σ v H B (B^H H^H A − I)` — those that are best at `A`.
        #[test]
        fn is_that_at_fixed_precoders(problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES)) {
            let a = aggregator.of(&problem);
            prop_assume!(weakest(&problem, &a) > 1e-2);
            let best = power_limited(&problem, a.as_ref())?;
            let mut fixed = scaled(a.as_ref(), 2.0 * problem.noise_power());
            for (n, (channel, precoder)) in problem.channels().iter().zip(best.precoders()).enumerate() {
                let sent = channel * precoder;
                let residual = sent.adjoint() * &a - identity(a.ncols());
                fixed += scaled((&sent * residual).as_ref(), 2.0 * problem.signal_variance()[n]);
            }
            let difference = norm((&fixed - gradient(&problem, &a)).as_ref());
            prop_assert!(difference <= 1e-8 * (1.0 + norm(fixed.as_ref())), "{difference}");
        }
    }

    proptest! {
        #![proptest_config(config_of(32))]

        /// Where the solver says that nothing is left to gain, the gradient is 0; and it reports its size.
        #[test]
        fn vanishes_where_refinement_ends(problem in problems(&SIZES, Channels::WellConditioned), start in aggregators(&SIZES)) {
            let refined = refine(&problem, start.of(&problem).as_ref(), &Default::default())?;
            let a = refined.transceiver.aggregator().to_owned();
            prop_assert!(refined.mse <= objective(&problem, &start.of(&problem)));
            prop_assume!(refined.converged && weakest(&problem, &a) > 1e-3);
            let size = norm(gradient(&problem, &a).as_ref()) * norm(a.as_ref()) / refined.mse;
            // Converged: the gradient is below 1e-4, or no step along it gains more than what counts as nothing.
            let along = |exponent: i32| &a + scaled(gradient(&problem, &a).as_ref(), -f64::from(exponent).exp2() / problem.noise_power());
            let gains = (-60..=0).map(|exponent| 1.0 - objective(&problem, &along(exponent)) / refined.mse).fold(0.0, f64::max);
            prop_assert!(size <= 1e-4 || gains <= 1e-11, "‖∇F‖ ‖A‖/F = {size}, a step along it gains {gains}");
            prop_assert!((size - refined.stationarity).abs() <= 1e-6, "{size}, reported {}", refined.stationarity);
            // A step along the gradient does not help.
            let step = scaled(gradient(&problem, &a).as_ref(), -1e-3 / problem.noise_power());
            prop_assert!(objective(&problem, &(&a + step)) >= refined.mse * (1.0 - 1e-6));
        }
    }

    /// Without **rank**: `F(a) = (1 − a)² + σ² a²` for small `a > 0`, so the slope at 0 is −2 to the right and 2 to the left,
    /// while the formula has 0.
    #[test]
    fn at_the_silent_receiver_there_is_no_gradient() {
        let problem = Problem::new(vec![identity(1)], vec![1.0], 1.0).unwrap();
        let of = |a: f64| objective(&problem, &scaled(identity(1).as_ref(), a));
        let step = 1e-6;
        assert!(
            ((of(step) - of(0.0)) / step + 2.0).abs() < 1e-5
                && ((of(0.0) - of(-step)) / step - 2.0).abs() < 1e-5
        );
        assert_eq!(squared_norm(gradient(&problem, &Mat::zeros(1, 1)).as_ref()), 0.0);
    }
}
