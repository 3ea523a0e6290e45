//! When the relaxations have points: *theory*, section 3.
//!
//! # Statement
//!
//! `lambda_min` has points strictly inside all of its constraints, on both sides, exactly when every `H_n` has full column
//! rank: then `X = κI` with `κ > max_n c_n/λ_min(H_n^H H_n)` and `U_n = δI` with `0 < δ < 1/λ_max(Σ H_n H_n^H)`. If some
//! `H_n` lacks full column rank, `lambda_min` and `trace_inverse` have no point at all, and their duals are unbounded.
//!
//! # Hypotheses
//!
//! - **rank**: every `H_n` has full column rank. Without it a `w ≠ 0` with `H_n w = 0` gives `w^H H_n^H X H_n w = 0` for every
//!   `X`, and `U_n = t w w^H` is in `𝒰` for every `t`. `mmse` asks for none: it pays for what it cannot reach.

use crate::arithmetic::{eigenvalues, identity, scaled};
use crate::programs::received;
use crate::weak_duality::Points;
use faer::Mat;
use solver::Problem;

/// `X = κI` and `U_n = δI`, `margin > 1` times inside of where they leave the feasible sets.
pub fn interior_points(problem: &Problem, margin: f64) -> Points {
    let rows = problem.receive_antennas();
    let channels = problem.channels().iter().enumerate();
    let needed = channels.map(|(n, channel)| {
        let gram = channel.adjoint() * channel;
        Points::demand(problem, n) / eigenvalues(gram.as_ref())[0]
    });
    let units: Vec<Mat<_>> = problem.channels().iter().map(|channel| identity(channel.ncols())).collect();
    let largest = eigenvalues(received(problem, &units).as_ref())[rows - 1];
    Points {
        primal: scaled(identity(rows).as_ref(), margin * needed.fold(0.0, f64::max)),
        dual: units.iter().map(|unit| scaled(unit.as_ref(), 1.0 / (margin * largest))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::norm;
    use crate::programs::{
        dual_value, least_load, primal_value, received_rounding, seen, seen_rounding, solve,
    };
    use crate::{config, tolerance};
    use faer::c64;
    use proptest::prelude::*;
    use solver::relaxation::{Relaxation, mmse};
    use solver::strategies::{Channels, Factors, Sizes, WELL_CONDITIONED_GAIN, factors, primals, problems};
    use solver::{Error, Quantity};

    const SIZES: Sizes =
        Sizes { devices: 1..=3, streams: 1..=2, transmit_surplus: 0..=2, receive_surplus: 0..=2, tall: true };

    /// The same problem with a last channel of a rank below its columns.
    fn with_lost_rank(problem: &Problem, factors: &Factors, rank: usize) -> (Problem, usize) {
        let mut channels = problem.channels().to_vec();
        let last = channels.len() - 1;
        let (rows, columns) = (channels[last].nrows(), channels[last].ncols());
        channels[last] = factors.matrix_of_rank(rows, columns, rank.min(columns - 1));
        (crate::programs::with_channels(problem, channels), last)
    }

    proptest! {
        #![proptest_config(config())]

        /// With **rank**: strictly inside, on both sides, by the margin that was chosen.
        #[test]
        fn there_are_interior_points(
            problem in prop_oneof![
                problems(&SIZES, Channels::WellConditioned), problems(&SIZES, Channels::LineOfSight),
            ],
            sixteenths in 1..=16_u8,
        ) {
            let margin = 1.0 + f64::from(sixteenths) / 16.0;
            let points = interior_points(&problem, margin);
            let (holds, rounding) = (points.feasibility(&problem), points.rounding(&problem));
            let least_demand = (0..problem.devices()).map(|n| Points::demand(&problem, n)).fold(f64::INFINITY, f64::min);
            prop_assert!(holds.primal_cone > 0.0 && holds.dual_cone > 0.0, "{holds:?}");
            prop_assert!(holds.primal_constraint >= (margin - 1.0) * least_demand - rounding.primal_constraint, "{holds:?}");
            prop_assert!(holds.dual_constraint >= 1.0 - 1.0 / margin - rounding.dual_constraint, "{holds:?}");
            // The same X is inside of trace_inverse.
            for n in 0..problem.devices() {
                let taken = least_load(Relaxation::TraceInverse, &problem, n, &points.primal);
                prop_assert!(taken <= 1.0 / margin, "device {n} takes {taken} of its limit");
            }
        }

        /// Without **rank**: no X will do, the dual grows without end, and the solver says which device is to blame.
        #[test]
        fn lost_rank_leaves_no_point(
            problem in problems(&SIZES, Channels::WellConditioned), primal in primals(&SIZES),
            lost in factors(6, 4, WELL_CONDITIONED_GAIN), rank in 0..=3_usize,
        ) {
            let (problem, device) = with_lost_rank(&problem, &lost, rank);
            let primal = primal.of(&problem);
            let least = eigenvalues(seen(&problem, device, &primal).as_ref())[0];
            prop_assert!(least <= seen_rounding(&problem, device, &primal), "λ_min = {least}");
            for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
                let found = solve(relaxation, &problem).map(|solution| solution.certificate);
                prop_assert!(
                    matches!(found, Err(Error::RankDeficient { quantity: Quantity::Channel, device: d, .. }) if d == device),
                    "{found:?}"
                );
            }
            // A direction that the channel does not let through.
            let channel = &problem.channels()[device];
            let columns = channel.ncols();
            let svd = channel.svd().unwrap();
            let blind = svd.V().subcols(columns - 1, 1);
            prop_assert!(norm((channel * blind).as_ref()) <= tolerance(channel.nrows() + columns, norm(channel.as_ref())));
            let ray = |size: f64| -> Vec<Mat<c64>> {
                let mut dual: Vec<_> = problem.channels().iter().map(|h| Mat::zeros(h.ncols(), h.ncols())).collect();
                dual[device] = scaled((blind * blind.adjoint()).as_ref(), size);
                dual
            };
            let size = 1e6;
            let largest = eigenvalues(received(&problem, &ray(size)).as_ref())[problem.receive_antennas() - 1];
            prop_assert!(largest <= received_rounding(&problem, &ray(size)), "λ_max = {largest}");
            for relaxation in [Relaxation::LambdaMin, Relaxation::TraceInverse] {
                let (small, large) = (dual_value(relaxation, &problem, &ray(1.0)), dual_value(relaxation, &problem, &ray(size)));
                prop_assert!((large - size * small).abs() <= 1e-6 * large && small > 0.0, "{small}, {large}");
            }
        }
    }

    /// `mmse` needs no **rank**: a device that is not heard at all costs `v T` whatever `X` is, and the dual comes as close
    /// to that as one likes, though no point of it gets there.
    #[test]
    fn mmse_pays_for_what_it_cannot_reach() {
        let problem = Problem::new(vec![identity(1), Mat::zeros(1, 1)], vec![1.0, 1.0], 1.0).unwrap();
        let point = |value: f64| scaled(identity(1).as_ref(), value);
        let upper = primal_value(Relaxation::Mmse, &problem, &point(0.25));
        assert!((upper - 1.5).abs() < 1e-15, "{upper}");
        for size in [1e3, 1e6, 1e9] {
            let certificate =
                mmse::certify(&problem, point(0.25).as_ref(), &[point(1.0), point(size)]).unwrap();
            assert!(certificate.lower < 1.5 && certificate.lower > 1.5 - 1.1 / size, "{certificate:?}");
        }
    }
}
