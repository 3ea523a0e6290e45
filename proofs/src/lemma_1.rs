//! Lemma 1 (zero forcing): \[A\], eq. (12); stated in full in *theory*, section 2.
//!
//! # Statement
//!
//! For a fixed aggregator `A` (`R×L`) let `D_n = H_n^H A` (`T_n×L`) and `B_n = D_n (D_n^H D_n)^{-1}`. Then
//!
//! 1. `A^H H_n B_n = I`;
//! 2. of all precoders with `A^H H_n B = I`, `B_n` has the least power, `‖B_n‖_F² = tr((D_n^H D_n)^{-1})`;
//! 3. no precoders give a smaller error than these, `MSE(A, B_1, …, B_N) = σ² ‖A‖_F²`;
//! 4. they are optimal under the power limits `v_n ‖B‖_F² ≤ p_n` if, and only if, each
//!    `v_n tr((D_n^H D_n)^{-1}) ≤ p_n`. For a device whose limit allows only `q = p_n/v_n` below
//!    `P = tr((D_n^H D_n)^{-1})`, every precoder leaves a mismatch
//!    `‖A^H H_n B − I‖_F² ≥ λ_min(D_n^H D_n) (√P − √q)²`.
//!
//! The last: with `E = D_n^H B − I`, `B` solves `D_n^H B = I + E`, whose least-norm solution is `B_n (I + E)`, so
//! that `√q ≥ ‖B‖ ≥ ‖B_n‖ − ‖B_n E‖ ≥ √P − ‖E‖/σ_min(D_n)`.
//!
//! # Hypotheses
//!
//! - **streams**: `L ≤ T_n` for every device. Without it `D_n^H D_n` is singular, and every precoder leaves a
//!   mismatch of at least `L − T_n` ([`solver::Problem`] refuses it).
//! - **rank**: every `D_n` has full column rank. Without it, at rank `r`, every precoder leaves at least `L − r`
//!   ([`solver::transceiver::zero_forcing`] refuses it).
//! - **power** (for 4): `v_n tr((D_n^H D_n)^{-1}) ≤ p_n`. Without it the power-limited precoder, with a mismatch,
//!   is better than zero forcing scaled down to the limit.

#[cfg(test)]
mod counterexamples;

#[cfg(test)]
mod tests {
    use crate::arithmetic::{eigenvalues, identity, inner, inverse, norm, scaled, squared_norm, trace};
    use crate::{config, tolerance};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::strategies::{
        Factors, Shape, Sizes, WELL_CONDITIONED_GAIN, crop, factors, grid, number, power_of_two,
    };
    use solver::transceiver::{Transceiver, power_limited, zero_forcing};
    use solver::{Error, Problem};

    const SIZES: Sizes = Sizes {
        devices: 1..=3,
        streams: 1..=3,
        transmit_surplus: 0..=2,
        receive_surplus: 0..=2,
        tall: false,
    };

    /// An aggregator and channels for which every hypothesis but the one on power holds by construction: `D_n` is
    /// drawn with bounded condition, and `H_n = A (A^H A)^{-1} D_n^H + (I − A (A^H A)^{-1} A^H) W_n` are all the
    /// channels with `H_n^H A = D_n`.
    #[derive(Debug, Clone)]
    struct Case {
        streams: usize,
        aggregator: Mat<c64>,
        channels: Vec<Mat<c64>>,
        variance: Vec<f64>,
        noise_power: f64,
        /// `T_n×L`, anything.
        others: Vec<Mat<c64>>,
    }

    type Device = (Factors, Mat<c64>, f64, Mat<c64>);

    fn case() -> impl Strategy<Value = Case> {
        let (most, streams) = (SIZES.most_transmit_antennas(), SIZES.most_streams());
        let device = (
            factors(most, streams, WELL_CONDITIONED_GAIN),
            grid(most, most),
            power_of_two(4),
            grid(most, streams),
        );
        let devices = prop::collection::vec(device, SIZES.most_devices());
        (SIZES.shapes(), factors(most, streams, WELL_CONDITIONED_GAIN), devices, power_of_two(4))
            .prop_map(|(shape, aggregator, devices, noise)| Case::new(&shape, &aggregator, &devices, noise))
    }

    impl Case {
        fn new(shape: &Shape, aggregator: &Factors, devices: &[Device], noise_power: f64) -> Self {
            let (rows, streams) = (shape.receive_antennas, shape.streams);
            let a = aggregator.matrix(rows, streams);
            let left_inverse = inverse((a.adjoint() * &a).as_ref()) * a.adjoint();
            let outside = identity(rows) - &a * &left_inverse;
            let mut case = Self {
                streams,
                channels: Vec::new(),
                variance: Vec::new(),
                noise_power,
                others: Vec::new(),
                aggregator: a,
            };
            for (&antennas, (seen, rest, variance, other)) in shape.transmit_antennas.iter().zip(devices) {
                let seen = seen.matrix(antennas, streams);
                let channel = left_inverse.adjoint() * seen.adjoint() + &outside * crop(rest, rows, antennas);
                case.channels.push(channel);
                case.variance.push(*variance);
                case.others.push(crop(other, antennas, streams));
            }
            case
        }

        /// `D_n = H_n^H A`.
        fn seen(&self, device: usize) -> Mat<c64> {
            self.channels[device].adjoint() * &self.aggregator
        }

        /// `D_n^H D_n`.
        fn gram(&self, device: usize) -> Mat<c64> {
            let seen = self.seen(device);
            seen.adjoint() * &seen
        }

        /// `tr((D_n^H D_n)^{-1})`.
        fn least_power(&self, device: usize) -> f64 {
            trace(inverse(self.gram(device).as_ref()).as_ref())
        }

        /// Every device can afford zero forcing `margin(n)` times.
        fn problem(&self, margin: impl Fn(usize) -> f64) -> Problem {
            let power = (0..self.channels.len()).map(|n| margin(n) * self.variance[n] * self.least_power(n));
            Problem::new(self.channels.clone(), power.collect(), self.noise_power)
                .and_then(|problem| problem.with_streams(self.streams))
                .and_then(|problem| problem.with_signal_variance(self.variance.clone()))
                .unwrap()
        }

        fn zero_forcing(&self) -> Transceiver {
            zero_forcing(&self.problem(|_| 2.0), self.aggregator.as_ref()).unwrap()
        }

        /// What `A^H H_n B` may be off by: `‖A‖ ‖H_n‖ ‖B‖` bounds its terms, and also `‖D_n‖ ‖B_n‖`, the condition
        /// of `D_n`.
        fn tolerance(&self, device: usize, precoder: &Mat<c64>) -> f64 {
            let channel = &self.channels[device];
            let magnitude = norm(self.aggregator.as_ref()) * norm(channel.as_ref()) * norm(precoder.as_ref());
            tolerance(channel.nrows() + channel.ncols() + self.streams, 1.0 + magnitude)
        }

        /// `‖A^H H_n B − I‖_F²`.
        fn mismatch(&self, device: usize, precoder: &Mat<c64>) -> f64 {
            let gain = self.aggregator.adjoint() * (&self.channels[device] * precoder);
            squared_norm((gain - identity(self.streams)).as_ref())
        }

        /// (7), term by term.
        fn error(&self, precoders: &[Mat<c64>]) -> f64 {
            let mismatch: f64 =
                precoders.iter().enumerate().map(|(n, b)| self.variance[n] * self.mismatch(n, b)).sum();
            mismatch + self.noise_power * squared_norm(self.aggregator.as_ref())
        }
    }

    proptest! {
        #![proptest_config(config())]

        /// Conclusion 1, and (12) itself.
        #[test]
        fn inverts_the_channel(case in case()) {
            for (n, precoder) in case.zero_forcing().precoders().iter().enumerate() {
                let within = case.tolerance(n, precoder);
                let residual = case.mismatch(n, precoder).sqrt();
                prop_assert!(residual <= within, "‖A^H H B − I‖ = {residual} > {within}");
                // Through the normal equations, whose condition is that of D squared.
                let formula = case.seen(n) * inverse(case.gram(n).as_ref());
                let difference = norm((precoder - formula).as_ref());
                let condition = norm(case.gram(n).as_ref()) * case.least_power(n);
                let within = within * condition * norm(precoder.as_ref());
                prop_assert!(difference <= within, "‖B − D (D^H D)^-1‖ = {difference} > {within}");
            }
        }

        /// Conclusion 2. The other right inverses of `D^H` are `B + (I − D D⁺) Z`; along each such line the least
        /// power is compared, so that a `B` that is not the least is found out by almost every `Z`.
        #[test]
        fn takes_the_least_power(case in case(), step in number()) {
            for (n, precoder) in case.zero_forcing().precoders().iter().enumerate() {
                let seen = case.seen(n);
                let inside = &seen * inverse(case.gram(n).as_ref()) * seen.adjoint();
                let away = &case.others[n] - inside * &case.others[n];
                let power = squared_norm(precoder.as_ref());
                // Powers and projections go through (D^H D)^-1: once more the condition of D^H D.
                let condition = norm(case.gram(n).as_ref()) * case.least_power(n);
                let within = case.tolerance(n, precoder) * condition;

                let formula = case.least_power(n);
                prop_assert!((power - formula).abs() <= within * formula, "{power}, but tr((D^H D)^-1) = {formula}");

                let length = squared_norm(away.as_ref());
                let nearest = -inner(precoder.as_ref(), away.as_ref()) / length.max(f64::MIN_POSITIVE);
                for step in [step, nearest.clamp(-1e3, 1e3)] {
                    let other = precoder + scaled(away.as_ref(), step);
                    let within = within * (1.0 + step.abs() * norm(case.others[n].as_ref()));
                    let residual = case.mismatch(n, &other).sqrt();
                    prop_assert!(residual <= within, "no right inverse: {residual} > {within}");
                    let least = squared_norm(other.as_ref());
                    prop_assert!(least >= power * (1.0 - within), "{least} < {power}");
                }
            }
        }

        /// Conclusion 3, against precoders near and far.
        #[test]
        fn has_the_least_error(case in case(), step in power_of_two(4)) {
            let problem = case.problem(|_| 2.0);
            let best = case.zero_forcing();
            let error = best.mean_squared_error(&problem).unwrap().total();
            let expected = case.noise_power * squared_norm(case.aggregator.as_ref());
            prop_assert!((error - expected).abs() <= tolerance(20, expected), "{error}, but σ²‖A‖² = {expected}");
            for step in [step, 1e-3 * step] {
                let other: Vec<Mat<c64>> = best.precoders().iter().zip(&case.others)
                    .map(|(b, z)| b + scaled(z.as_ref(), step)).collect();
                let of_other = case.error(&other);
                prop_assert!(of_other >= error * (1.0 - tolerance(20, 1.0)), "{of_other} < {error}");
                let reported = Transceiver::new(&problem, case.aggregator.clone(), other).unwrap()
                    .mean_squared_error(&problem).unwrap().total();
                prop_assert!((reported - of_other).abs() <= tolerance(20, 1e3 * of_other), "{reported} and {of_other}");
            }
        }

        /// Conclusion 4: one device's limit is `margin` times what zero forcing needs, the others' suffice.
        #[test]
        fn is_optimal_within_power_exactly_when_it_is_affordable(
            case in case(), needy in 0..SIZES.most_devices(), sixteenths in 1..32_u8,
        ) {
            let needy = needy % case.channels.len();
            let margin = f64::from(sixteenths) / 16.0;
            let problem = case.problem(|n| if n == needy { margin } else { 2.0 });
            let result = zero_forcing(&problem, case.aggregator.as_ref());
            let limited = power_limited(&problem, case.aggregator.as_ref()).unwrap();
            let mismatch = limited.mean_squared_error(&problem).unwrap().mismatch;
            limited.check_power(&problem).unwrap();
            // The power-limited precoder goes through D^H D, whose condition is the square: once more ‖B‖.
            let within: f64 = limited.precoders().iter().enumerate()
                .map(|(n, b)| case.variance[n] * (case.tolerance(n, b) * (1.0 + norm(b.as_ref()))).powi(2)).sum();
            if margin >= 1.0 {
                prop_assert!(result.is_ok_and(|found| found.check_power(&problem).is_ok()), "affordable, but refused");
                prop_assert!(mismatch <= within, "affordable, and yet a mismatch of {mismatch}");
                return Ok(());
            }
            match result {
                Err(Error::PowerExceeded { device, required, available }) => {
                    prop_assert_eq!(device, needy);
                    prop_assert!((available - margin * required).abs() <= 1e-9 * required, "{available} of {required}");
                }
                other => prop_assert!(false, "{other:?}"),
            }
            // Powers are kept to a few roundings, of which the square of the difference of roots makes at most some
            // hundreds.
            let (power, weakest) = (case.least_power(needy), eigenvalues(case.gram(needy).as_ref())[0]);
            let least = weakest * power * (1.0 - margin.sqrt()).powi(2);
            let budget = (problem.transmit_power()[needy] / problem.signal_variance()[needy]).sqrt();
            let other = &case.others[needy];
            let other = scaled(other.as_ref(), budget / norm(other.as_ref()).max(budget));
            for precoder in [&limited.precoders()[needy], &other] {
                let found = case.mismatch(needy, precoder);
                prop_assert!(found >= least * (1.0 - 1e-9), "a mismatch of {found}, less than {least}");
            }
        }
    }
}
