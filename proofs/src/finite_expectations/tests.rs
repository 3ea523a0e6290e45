use super::*;
use crate::arithmetic::scaled;
use crate::programs::{alone, dual_value, options, solve, trace_of_root, with_power};
use crate::simulation::is_near;
use crate::{arithmetic::trace, config, config_of};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use solver::assignment::{AssignmentProblem, RelaxedMse, ShortTermValue, expected_value};
use solver::channel::{BlockFading, Fading};
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::Relaxation;
use solver::strategies::{Channels, Sizes, duals, power_of_two, problems};

const SIZES: Sizes =
    Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=1, receive_surplus: 0..=2, tall: true };
const WITHIN: f64 = 1e-9;
const OTHERS: [Relaxation; 2] = [Relaxation::LambdaMin, Relaxation::TraceInverse];

proptest! {
    #![proptest_config(config())]

    /// 1, at every `U_n ⪰ 0`, of channels of any rank, also beyond `𝒰`.
    #[test]
    fn the_dual_objective_of_mmse_is_flat(
        problem in problems(&SIZES, Channels::Rayleigh), dual in duals(&SIZES), size in power_of_two(20),
    ) {
        let sigma2 = problem.noise_power();
        let dual: Vec<_> = dual.of(&problem).iter().map(|u| scaled((u * u.adjoint()).as_ref(), size)).collect();
        for (n, u) in dual.iter().enumerate() {
            let (v, p) = (problem.signal_variance()[n], problem.transmit_power()[n]);
            let slope = sigma2 * v * (trace_of_root(u) / (p + sigma2 * trace(u.as_ref()))).powi(2);
            prop_assert!(slope <= v * u.nrows() as f64 / (4.0 * p) * (1.0 + WITHIN), "device {n}: {slope}");
        }
        let most: f64 = dual.iter().zip(problem.signal_variance()).map(|(u, v)| v * u.nrows() as f64).sum();
        let value = dual_value(Relaxation::Mmse, &problem, &dual);
        prop_assert!(value <= most * (1.0 + WITHIN), "{value} > {most}");
    }
}

proptest! {
    #![proptest_config(config_of(32))]

    /// 1, of what the long-term problem sees.
    #[test]
    fn mmse_and_its_slopes_are_bounded(problem in problems(&SIZES, Channels::Rayleigh)) {
        let value = RelaxedMse::new(Relaxation::Mmse, problem.noise_power())?.with_streams(problem.streams());
        let found = value.value_and_gradient(problem.channels(), problem.transmit_power())?;
        let antennas: usize = problem.channels().iter().map(Mat::ncols).sum();
        prop_assert!(found.upper <= antennas as f64 * (1.0 + WITHIN), "{found:?}");
        for ((slope, channel), power) in found.gradient.iter().zip(problem.channels()).zip(problem.transmit_power()) {
            let most = channel.ncols() as f64 / (4.0 * power);
            prop_assert!(*slope <= 0.0 && -slope <= most * (1.0 + WITHIN), "{slope}, at most {most}");
        }
    }

    /// 2, of the certified values, and of the slopes that the long-term problem sees.
    #[test]
    fn the_others_are_homogeneous(problem in problems(&SIZES, Channels::WellConditioned), factor in power_of_two(10)) {
        let sigma2 = problem.noise_power();
        let louder = with_power(&problem, problem.transmit_power().iter().map(|p| p * factor).collect());
        for relaxation in OTHERS {
            let (here, there) = (solve(relaxation, &problem)?.certificate, solve(relaxation, &louder)?.certificate);
            prop_assert!(here.lower <= factor * there.upper * (1.0 + WITHIN), "{relaxation:?}: {here:?}, {there:?}");
            prop_assert!(factor * there.lower <= here.upper * (1.0 + WITHIN), "{relaxation:?}: {here:?}, {there:?}");
            let plain = problem.clone().with_signal_variance(vec![1.0; problem.devices()])?;
            let value = RelaxedMse::new(relaxation, sigma2)?.with_options(options(relaxation)).with_streams(problem.streams());
            let found = value.value_and_gradient(plain.channels(), plain.transmit_power())?;
            let sum: f64 = found.gradient.iter().zip(plain.transmit_power()).map(|(slope, p)| -slope * p).sum();
            prop_assert!((sum - found.lower).abs() <= WITHIN * found.lower, "{relaxation:?}: {sum}, {found:?}");
        }
    }

    /// 3: a device alone, of any condition.
    #[test]
    fn one_device_is_its_weakest_direction_up_to_factors(
        problem in prop_oneof![problems(&SIZES, Channels::WellConditioned), problems(&SIZES, Channels::LineOfSight)],
    ) {
        let problem = alone(&problem, 0);
        let (channel, q) = (&problem.channels()[0], problem.transmit_power()[0] / problem.signal_variance()[0]);
        let singular = channel.singular_values().unwrap();
        let least = singular.iter().copied().fold(f64::INFINITY, f64::min).powi(2);
        for relaxation in OTHERS {
            let found = solve(relaxation, &problem)?.certificate;
            let most = channel.ncols().pow(2) as f64;
            prop_assert!(found.upper * q * least >= 1.0 - WITHIN, "{relaxation:?}: {found:?}, λ_min = {least}");
            prop_assert!(found.lower * q * least <= most * (1.0 + WITHIN), "{relaxation:?}: {found:?}, λ_min = {least}");
        }
    }
}

const SHAPES: [(usize, usize); 7] = [(1, 1), (2, 1), (4, 1), (2, 2), (3, 2), (4, 2), (5, 2)];

/// 4: the law has the exponent. Its relative error is of the order of `x R`.
#[test]
fn the_law_of_the_least_eigenvalue_has_the_exponent() {
    for (receive, transmit) in SHAPES {
        let below = |x: f64| law(receive, transmit, x);
        let x = 2e-3;
        let exponent = (below(2.0 * x) / below(x)).log2();
        let expected = (receive - transmit + 1) as f64;
        assert!((exponent - expected).abs() < 0.02, "{receive}×{transmit}: {exponent}");
        assert!((law(receive, transmit, 60.0) - 1.0).abs() < 1e-9);
    }
    for side in [1, 2] {
        let (found, expected) = (law(side, side, 0.3), 1.0 - (-0.3 * side as f64).exp());
        assert!((found - expected).abs() < 1e-12, "{found}, {expected}");
    }
}

/// 4: the solver's Rayleigh fading has this law, and for `T = 1` its Rician fading the one of a sum of noncentral squares: a Poisson mixture.
#[test]
fn channels_have_this_law() {
    let draws = 4000;
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut count = |fading: Fading, (receive, transmit): (usize, usize), x: f64| {
        let below = |_: &u32| least_gain(&fading.draw(receive, transmit, &mut rng).unwrap()) <= x;
        (0..draws).filter(below).count() as u32
    };
    for shape in SHAPES {
        for x in [0.05, 0.3, 1.0] {
            let rate = law(shape.0, shape.1, x);
            let found = count(Fading::RAYLEIGH, shape, x);
            assert!(is_near(found, draws, rate), "{shape:?}, {x}: {found} of {draws}, {rate}");
        }
    }
    let fading = Fading::rician(c64::new(0.6, 0.8), 0.5).unwrap();
    for receive in [1, 2, 3] {
        for x in [0.2, 0.5, 2.0] {
            // `‖h‖²/0.5` is a Gamma variable of `receive + j`, `j` a Poisson variable of mean `receive |mean|²/0.5`.
            let mean = receive as f64 * 2.0;
            let (mut weight, mut rate) = ((-mean).exp(), 0.0);
            for j in 0..100 {
                rate += weight * law(receive + j, 1, x / 0.5);
                weight *= mean / (j + 1) as f64;
            }
            let found = count(fading, (receive, 1), x);
            assert!(is_near(found, draws, rate), "Rician {receive}, {x}: {found} of {draws}, {rate}");
        }
    }
}

/// 5: with `R ≥ T + k` truncated moments converge.
#[test]
fn moments_converge_where_there_are_spare_antennas() {
    for (receive, transmit) in SHAPES {
        for k in 1..=(receive - transmit) as i32 {
            let [early, late, last] =
                [1e2, 1e4, 1e6].map(|most| truncated_moment(receive, transmit, k, most));
            assert!(late - early > 1.9 * (last - late), "{receive}×{transmit}, {k}: {early}, {late}, {last}");
            assert!(last - late < 0.05 * last, "{receive}×{transmit}, {k}: {late}, {last}");
        }
    }
    // E[1/λ] of a Gamma variable of R is 1/(R − 1).
    assert!((truncated_moment(4, 1, 1, 1e8) - 1.0 / 3.0).abs() < 1e-4);
}

/// A device of power 1/2 with the whole model.
pub(super) fn lone_device(
    receive: usize,
    transmit: usize,
    relaxation: Relaxation,
) -> AssignmentProblem<BlockFading, RelaxedMse> {
    let energy = EnergyModel::new(1.0, 0.5, 1.0, Accounting::PerChannelUse).unwrap();
    let channels = BlockFading::new(Fading::RAYLEIGH, receive, &[transmit], 3).unwrap();
    AssignmentProblem::new(vec![energy], channels, RelaxedMse::new(relaxation, 1.0).unwrap()).unwrap()
}

/// 5: the mean that blocks estimate is the closed form, within 5 standard errors.
#[test]
fn the_mean_is_that_of_an_inverse_wishart_matrix() {
    for (receive, transmit) in [(4, 1), (6, 2), (7, 3)] {
        let problem = lone_device(receive, transmit, Relaxation::LambdaMin);
        let found = expected_value(&problem, &[1.0], 1000, 5).unwrap();
        let expected = 2.0 * (transmit * transmit) as f64 / (receive - transmit) as f64;
        assert!((found.mean - expected).abs() < 5.0 * found.standard_error, "{found:?}, {expected}");
        assert!(found.standard_error < 0.05 * expected, "{found:?}");
    }
}
