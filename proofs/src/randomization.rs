//! Gaussian randomization: \[D\]; \[A\], section III; *theory*, section 4.
//!
//! # Statement
//!
//! 1. For `Ξ` with columns of second moment `I`, the columns of `G = X^{1/2} Ξ` have second moment `X`, and
//!    `E[G G^H] = L X`.
//! 2. With `α = ‖G‖_F² max_n v_n tr((G^H H_n H_n^H G)^{-1})/p_n`, zero forcing with the aggregator `√α G/‖G‖_F` is within every
//!    limit, and at one of them exactly. No smaller `α` will do in that direction, and `α` does not depend on the length of `G`.
//! 3. The best of more draws is no worse: draw `t` depends on the seed and on `t` alone.
//!
//! # Hypotheses
//!
//! - **root** (for 1): `X^{1/2}`, not `X`;
//! - **white draws** (for 1): `E[ξ ξ^H] = I`. Equal entries, of the same variance, give rank one;
//! - **all devices** (for 2): the largest over the devices. With the mean some limit is exceeded;
//! - **the true constraint** (for 2): with (14), `L/λ_min(C_n)` in place of `tr(C_n^{-1})`, limits hold with room to spare, and
//!   `α` is larger than it need be.

#[cfg(test)]
mod tests {
    use crate::arithmetic::{
        eigenvalues, hermitian, identity, inverse, norm, root, scaled, squared_norm, trace,
    };
    use crate::{config, tolerance};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use solver::channel::Fading;
    use solver::recovery::{Randomization, gaussian_randomization, scaled_zero_forcing};
    use solver::strategies::{Channels, Sizes, aggregators, power_of_two, primals, problems};
    use solver::transceiver::zero_forcing;
    use solver::{Error, Problem};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=2, receive_surplus: 0..=1, tall: true };
    const WITHIN: f64 = 1e-8;

    /// `E[G G^H]` for `G = F Ξ`, one column: `Ξ` takes every pattern of signs that `pattern` makes of `bits` of them.
    fn second_moment(factor: &Mat<c64>, bits: usize, pattern: impl Fn(usize, u32) -> f64) -> Mat<c64> {
        let rows = factor.nrows();
        let mut sum = Mat::<c64>::zeros(rows, rows);
        for signs in 0..1_u32 << bits {
            let draw = factor * Mat::from_fn(rows, 1, |i, _| c64::new(pattern(i, signs), 0.0));
            sum += &draw * draw.adjoint();
        }
        scaled(sum.as_ref(), 1.0 / f64::from(1_u32 << bits))
    }

    fn sign(bit: usize, signs: u32) -> f64 {
        if signs >> bit & 1 == 0 { 1.0 } else { -1.0 }
    }

    /// `v_n tr(C_n^{-1})/p_n` and `v_n L/(λ_min(C_n) p_n)` for each device; `None` where a device sees too little.
    fn needs(problem: &Problem, direction: &Mat<c64>) -> Option<Vec<(f64, f64)>> {
        let devices = problem.channels().iter().enumerate().map(|(n, channel)| {
            let seen = channel.adjoint() * direction;
            let gram = hermitian((seen.adjoint() * &seen).as_ref());
            let least = eigenvalues(gram.as_ref())[0];
            let budget = problem.transmit_power()[n] / problem.signal_variance()[n];
            let exact = trace(inverse(gram.as_ref()).as_ref()) / budget;
            (least > 1e-4).then_some((exact, gram.nrows() as f64 / least / budget))
        });
        devices.collect()
    }

    proptest! {
        #![proptest_config(config())]

        /// 1, exactly: every pattern of independent signs is drawn.
        #[test]
        fn draws_have_second_moment_x(problem in problems(&SIZES, Channels::WellConditioned), primal in primals(&SIZES)) {
            let x = primal.of(&problem);
            let rows = x.nrows();
            let found = second_moment(&root(x.as_ref()), rows, sign);
            let difference = norm((&found - &x).as_ref());
            prop_assert!(difference <= tolerance(rows, rows as f64 * norm(x.as_ref())), "{difference}");
        }

        /// 2.
        #[test]
        fn the_scale_is_exact(
            problem in problems(&SIZES, Channels::WellConditioned), aggregator in aggregators(&SIZES), length in power_of_two(20),
        ) {
            let direction = scaled(aggregator.of(&problem).as_ref(), length);
            let Some(needs) = needs(&problem, &scaled(direction.as_ref(), 1.0 / length)) else { return Ok(()) };
            let largest = needs.iter().map(|need| need.0).fold(0.0, f64::max);
            let alpha = squared_norm(direction.as_ref()) / (length * length) * largest;
            let transceiver = scaled_zero_forcing(&problem, direction.as_ref())?;
            prop_assert!((transceiver.alpha() - alpha).abs() <= WITHIN * alpha, "{}, formula {alpha}", transceiver.alpha());
            let loads: Vec<f64> = transceiver.transmit_power(&problem).iter().zip(problem.transmit_power())
                .map(|(used, limit)| used / limit).collect();
            let most = loads.iter().copied().fold(0.0, f64::max);
            prop_assert!((most - 1.0).abs() <= WITHIN, "{loads:?}");
            let smaller = scaled(transceiver.aggregator(), 0.999);
            let found = zero_forcing(&problem, smaller.as_ref());
            prop_assert!(matches!(found, Err(Error::PowerExceeded { .. })), "{found:?}");

            // Without **the true constraint**.
            let of_paper = needs.iter().map(|need| need.1).fold(0.0, f64::max);
            prop_assert!(of_paper >= largest * (1.0 - WITHIN), "{of_paper} < {largest}");
        }

        /// 3.
        #[test]
        fn more_draws_are_no_worse(problem in problems(&SIZES, Channels::WellConditioned), primal in primals(&SIZES), seed: u64) {
            let x = primal.of(&problem);
            let alpha = |draws| gaussian_randomization(&problem, x.as_ref(), &Randomization { draws, seed }).map(|t| t.alpha());
            let (few, many) = (alpha(3)?, alpha(12)?);
            // The draws are the same, the norm of the aggregator that is kept is summed anew.
            prop_assert!(many <= few * (1.0 + 1e-12), "{many} > {few}");
        }
    }

    /// The solver's own draws are white: over 4000 columns, all moments within 5 standard errors.
    #[test]
    fn the_solvers_draws_are_white() {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let columns = 4000;
        let draws = Fading::RAYLEIGH.draw(3, columns, &mut rng).unwrap();
        let mean = |matrix: Mat<c64>| scaled(matrix.as_ref(), 1.0 / columns as f64);
        let covariance = mean(&draws * draws.adjoint()) - identity(3);
        let pseudo = mean(&draws * draws.transpose());
        let within = 5.0 / (columns as f64).sqrt();
        for i in 0..3 {
            for j in 0..3 {
                assert!(covariance[(i, j)].norm() < within, "{covariance:?}");
                assert!(pseudo[(i, j)].norm() < 2.0_f64.sqrt() * within, "{pseudo:?}");
            }
        }
    }

    fn diagonal(entries: &[f64]) -> Mat<c64> {
        Mat::from_fn(entries.len(), entries.len(), |i, j| {
            c64::new(if i == j { entries[i] } else { 0.0 }, 0.0)
        })
    }

    /// Without **root**: `X = diag(1, 4)` gives draws of second moment `diag(1, 16)`. Without **white draws**: entries that
    /// are one sign, and a second moment of rank one.
    #[test]
    fn other_draws() {
        let x = diagonal(&[1.0, 4.0]);
        assert_eq!(second_moment(&x, 2, sign), diagonal(&[1.0, 16.0]));
        let equal = second_moment(&root(x.as_ref()), 1, |_, signs| sign(0, signs));
        assert!(eigenvalues(equal.as_ref())[0].abs() < 1e-15);
    }

    /// Without **all devices**: scaled by the mean of what they need, the weaker of two exceeds its limit by 60 %.
    /// Without **the true constraint**: gains 1 and 1/2 need 5, (14) asks for 8.
    #[test]
    fn other_scales() {
        let one = identity(1);
        let weak = scaled(one.as_ref(), 0.5);
        let problem = Problem::new(vec![one.clone(), weak], vec![1.0; 2], 1.0).unwrap();
        let needs_of = needs(&problem, &one).unwrap();
        assert_eq!(needs_of, [(1.0, 1.0), (4.0, 4.0)]);
        let aggregator = scaled(one.as_ref(), 2.5_f64.sqrt());
        match zero_forcing(&problem, aggregator.as_ref()) {
            Err(Error::PowerExceeded { device: 1, required, .. }) => assert!((required - 1.6).abs() < 1e-12),
            other => panic!("{other:?}"),
        }
        let problem = Problem::new(vec![diagonal(&[1.0, 0.5])], vec![1.0], 1.0).unwrap();
        assert_eq!(needs(&problem, &identity(2)).unwrap(), [(5.0, 8.0)]);
        let found = scaled_zero_forcing(&problem, identity(2).as_ref()).unwrap();
        assert!((found.alpha() - 2.0 * 5.0).abs() < 1e-12);
    }
}
