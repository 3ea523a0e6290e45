//! The error of the received sum: \[A\], eq. (7).
//!
//! # Statement
//!
//! The server receives `y = Σ_n H_n B_n s_n + n` and takes `ŝ = A^H y` for `s = Σ_n s_n`. Then
//!
//! `E ‖ŝ − s‖² = Σ_n v_n ‖A^H H_n B_n − I‖_F² + σ² ‖A‖_F²`,
//!
//! the first sum being the error without noise, the last term the error without symbols.
//!
//! # Hypotheses
//!
//! - **variance**: `E[s_n s_n^H] = v_n I`; in \[A\], `v_n = 1`. The streams of one device are uncorrelated and
//!   equally strong.
//! - **devices**: `E[s_n s_m^H] = 0` for `n ≠ m`. \[A\] asks for independence; no more than this is needed.
//! - **noise**: `E[n n^H] = σ² I`.
//! - **independent noise**: `E[s_n n^H] = 0`.
//!
//! With zero forcing every `A^H H_n B_n − I` vanishes, and `σ² ‖A‖_F²` is the error under the hypothesis on
//! **noise** alone.
//!
//! # How the expectation is taken
//!
//! Exactly. Symbols and noise are `C e` with a mixing matrix `C` and independent signs `e_i = ±1`, so that their
//! second moments are `C C^H`, any that one likes; the transmission is carried out for every one of the `2^d`
//! patterns of signs, and the errors averaged.

#[cfg(test)]
mod counterexamples;

/// The exact expectation of the error over patterns of signs.
#[cfg(test)]
mod expectation {
    use crate::arithmetic::squared_norm;
    use faer::{Mat, c64};
    use solver::Problem;
    use solver::transceiver::Transceiver;

    /// What symbols and noise are made of: `s_n = symbols[n] · e`, `n = noise · e`.
    #[derive(Debug, Clone)]
    pub struct Source {
        /// `L×d`, by device.
        pub symbols: Vec<Mat<c64>>,
        /// `R×d`.
        pub noise: Mat<c64>,
    }

    impl Source {
        /// Independent symbols of variance `v_n` and independent white noise: `d = N L + R`. The streams of each
        /// device are turned by `turns[n]`, the noise by `noise_turn`, both unitary, which leaves all second
        /// moments what they are.
        pub fn independent(problem: &Problem, turns: &[Mat<c64>], noise_turn: &Mat<c64>) -> Self {
            let (streams, rows) = (problem.streams(), problem.receive_antennas());
            let signs = problem.devices() * streams + rows;
            let place = |block: &Mat<c64>, first: usize, factor: f64| {
                Mat::from_fn(block.nrows(), signs, |i, j| match j.checked_sub(first) {
                    Some(j) if j < block.ncols() => block[(i, j)] * factor,
                    _ => c64::new(0.0, 0.0),
                })
            };
            let symbols = (0..problem.devices())
                .map(|n| place(&turns[n], n * streams, problem.signal_variance()[n].sqrt()))
                .collect();
            let noise = place(noise_turn, problem.devices() * streams, problem.noise_power().sqrt());
            Self { symbols, noise }
        }

        /// The same without noise.
        pub fn noiseless(&self) -> Self {
            Self { noise: Mat::zeros(self.noise.nrows(), self.noise.ncols()), ..self.clone() }
        }

        /// The same without symbols.
        pub fn silent(&self) -> Self {
            let symbols = self.symbols.iter().map(|s| Mat::zeros(s.nrows(), s.ncols())).collect();
            Self { symbols, ..self.clone() }
        }

        /// `E ‖ŝ − s‖²`, every pattern of signs transmitted.
        pub fn error(&self, problem: &Problem, transceiver: &Transceiver) -> f64 {
            let signs = self.noise.ncols();
            let mut sum = 0.0;
            for pattern in 0..1_u32 << signs {
                let e = Mat::from_fn(signs, 1, |i, _| {
                    c64::new(if pattern >> i & 1 == 0 { 1.0 } else { -1.0 }, 0.0)
                });
                let mut received = &self.noise * &e;
                let mut wanted = Mat::<c64>::zeros(problem.streams(), 1);
                for (n, mixing) in self.symbols.iter().enumerate() {
                    let symbols = mixing * &e;
                    received += &problem.channels()[n] * (&transceiver.precoders()[n] * &symbols);
                    wanted += symbols;
                }
                let estimate = transceiver.aggregator().adjoint() * received;
                sum += squared_norm((estimate - wanted).as_ref());
            }
            sum / f64::from(1_u32 << signs)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::expectation::Source;
    use crate::arithmetic::{norm, squared_norm};
    use crate::{config, tolerance};
    use faer::{Mat, c64};
    use proptest::prelude::*;
    use solver::Problem;
    use solver::recovery::scaled_zero_forcing;
    use solver::strategies::{
        Factors, Sizes, WELL_CONDITIONED_GAIN, crop, factors, grid, power_of_two, unitary,
    };
    use solver::transceiver::Transceiver;

    /// `d = N L + R ≤ 9`: at most 512 transmissions.
    const SIZES: Sizes = Sizes {
        devices: 1..=3,
        streams: 1..=2,
        transmit_surplus: 0..=1,
        receive_surplus: 0..=1,
        tall: false,
    };

    /// A problem, any transceiver for it, and a source of its second moments.
    #[derive(Debug, Clone)]
    struct Case {
        problem: Problem,
        transceiver: Transceiver,
        source: Source,
        /// `L×d`, by device: symbols of any second moments.
        correlated: Vec<Mat<c64>>,
        /// `R×max(T_n, R)`, by device, of full row rank.
        wide: Vec<Mat<c64>>,
        /// `R×L`, of full column rank.
        tall: Mat<c64>,
    }

    fn case() -> impl Strategy<Value = Case> {
        let (most, streams) = (SIZES.most_transmit_antennas(), SIZES.most_streams());
        let signs = SIZES.most_devices() * streams + most;
        let device = (
            factors(most, most, WELL_CONDITIONED_GAIN),
            grid(most, streams),
            grid(streams, streams),
            power_of_two(4),
            grid(streams, signs),
        );
        let devices = prop::collection::vec(device, SIZES.most_devices());
        (
            SIZES.shapes(),
            devices,
            grid(most, streams),
            factors(most, streams, WELL_CONDITIONED_GAIN),
            grid(most, most),
            power_of_two(4),
        )
            .prop_map(|(shape, devices, aggregator, tall, noise_turn, noise_power)| {
                let (rows, streams) = (shape.receive_antennas, shape.streams);
                let devices: Vec<_> = shape.transmit_antennas.iter().zip(&devices).collect();
                let of = |part: &dyn Fn(usize, &Device) -> Mat<c64>| -> Vec<Mat<c64>> {
                    devices.iter().map(|&(&antennas, device)| part(antennas, device)).collect()
                };
                let channels = of(&|antennas, device| device.0.matrix(rows, antennas));
                let precoders = of(&|antennas, device| crop(&device.1, antennas, streams));
                let turns = of(&|_, device| unitary(crop(&device.2, streams, streams).as_ref()));
                let problem = Problem::new(channels, vec![1.0; devices.len()], noise_power)
                    .and_then(|problem| problem.with_streams(streams))
                    .and_then(|problem| {
                        problem.with_signal_variance(devices.iter().map(|(_, device)| device.3).collect())
                    })
                    .unwrap();
                let transceiver =
                    Transceiver::new(&problem, crop(&aggregator, rows, streams), precoders).unwrap();
                let source =
                    Source::independent(&problem, &turns, &unitary(crop(&noise_turn, rows, rows).as_ref()));
                let signs = source.noise.ncols();
                let correlated = of(&|_, device| crop(&device.4, streams, signs));
                let wide = of(&|antennas, device| device.0.matrix(rows, antennas.max(rows)));
                Case { problem, transceiver, source, correlated, wide, tall: tall.matrix(rows, streams) }
            })
    }

    type Device = (Factors, Mat<c64>, Mat<c64>, f64, Mat<c64>);

    /// What an error may be off by: the sums of squares of up to `d` signs over all antennas, whose terms are at most
    /// `‖C‖² (1 + ‖A‖ ‖H_n‖ ‖B_n‖)²` together.
    fn within(problem: &Problem, transceiver: &Transceiver, source: &Source) -> f64 {
        let a = norm(transceiver.aggregator());
        let gains: f64 = problem
            .channels()
            .iter()
            .zip(transceiver.precoders())
            .zip(&source.symbols)
            .map(|((h, b), s)| (1.0 + a * norm(h.as_ref()) * norm(b.as_ref())) * norm(s.as_ref()))
            .sum();
        let dimension = source.noise.ncols() + problem.receive_antennas();
        tolerance(dimension, (gains + a * norm(source.noise.as_ref())).powi(2))
    }

    proptest! {
        #![proptest_config(config())]

        /// The statement, whole and term by term.
        #[test]
        fn is_the_expectation(case in case()) {
            let Case { problem, transceiver, source, .. } = &case;
            let formula = transceiver.mean_squared_error(problem).unwrap();
            let within = within(problem, transceiver, source);
            for (name, formula, source) in [
                ("total", formula.total(), source.clone()),
                ("mismatch", formula.mismatch, source.noiseless()),
                ("noise", formula.noise, source.silent()),
            ] {
                let expected = source.error(problem, transceiver);
                prop_assert!((formula - expected).abs() <= within, "{name}: {formula}, expected {expected} ± {within}");
            }
        }

        /// With zero forcing `σ²‖A‖²` is the expectation, however the symbols are distributed. Channels with full
        /// row rank and an aggregator of full column rank meet the hypotheses of Lemma 1.
        #[test]
        fn of_zero_forcing_does_not_depend_on_the_symbols(case in case()) {
            let streams = case.problem.streams();
            let problem = Problem::new(case.wide, vec![1.0; case.correlated.len()], case.problem.noise_power())
                .and_then(|problem| problem.with_streams(streams)).unwrap();
            let transceiver = scaled_zero_forcing(&problem, case.tall.as_ref()).unwrap();
            let source = Source { symbols: case.correlated, noise: case.source.noise };
            let formula = problem.noise_power() * squared_norm(transceiver.aggregator());
            let expected = source.error(&problem, &transceiver);
            let within = within(&problem, &transceiver, &source);
            prop_assert!((formula - expected).abs() <= within, "{formula}, expected {expected} ± {within}");
        }
    }
}
