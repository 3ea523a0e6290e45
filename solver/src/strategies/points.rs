//! What goes with a problem: aggregators, precoders, points of the relaxations.

use super::*;
use crate::Problem;
use crate::linalg::{eigenvalues, squared_norm};
use faer::{Mat, c64};
use proptest::collection::vec;
use proptest::prelude::*;

/// An aggregator of full column rank, at its largest size.
#[derive(Debug, Clone)]
pub struct Aggregator(Factors);

impl Aggregator {
    /// `A`, `R×L`, with singular values from 1/4 to 4.
    pub fn of(&self, problem: &Problem) -> Mat<c64> {
        self.0.matrix(problem.receive_antennas(), problem.streams())
    }
}

/// Aggregators for problems of the given sizes; shrink to the rectangular identity.
pub fn aggregators(sizes: &Sizes) -> impl Strategy<Value = Aggregator> + use<> {
    factors(sizes.most_receive_antennas(), sizes.most_streams(), WELL_CONDITIONED_GAIN).prop_map(Aggregator)
}

/// Precoders at their largest size.
#[derive(Debug, Clone)]
pub struct Precoders {
    entries: Vec<Mat<c64>>,
    shares: Vec<f64>,
}

impl Precoders {
    /// `B_n`, `T_n×L_n`, of whatever power.
    pub fn of(&self, problem: &Problem) -> Vec<Mat<c64>> {
        let devices = problem.channels().iter().zip(problem.device_streams()).zip(&self.entries);
        devices.map(|((channel, streams), entries)| crop(entries, channel.ncols(), streams.len())).collect()
    }

    /// `B_n` scaled to take a share of what each limit allows, `v_n ‖B_n‖_F² = s_n p_n` with `s_n` from 0 to 1, both reached.
    pub fn within_power(&self, problem: &Problem) -> Vec<Mat<c64>> {
        let mut precoders = self.of(problem);
        for (device, precoder) in precoders.iter_mut().enumerate() {
            let power = squared_norm(precoder.as_ref());
            let allowed = self.shares[device] * problem.precoder_budget(device);
            if power > 0.0 {
                *precoder *= faer::Scale(c64::new((allowed / power).sqrt(), 0.0));
            }
        }
        precoders
    }
}

/// Precoders for problems of the given sizes; shrink to 0.
pub fn precoders(sizes: &Sizes) -> impl Strategy<Value = Precoders> + use<> {
    let precoder = grid(sizes.most_transmit_antennas(), sizes.most_streams());
    let device = (precoder, (0..=16_u8).prop_map(|sixteenths| 1.0 - f64::from(sixteenths) / 16.0));
    vec(device, sizes.most_devices()).prop_map(|devices| {
        let (entries, shares) = devices.into_iter().unzip();
        Precoders { entries, shares }
    })
}

/// A primal point of the relaxations at its largest size.
#[derive(Debug, Clone)]
pub struct Primal(Factors);

impl Primal {
    /// `X = F F^H ≻ 0`, `R×R`, with eigenvalues from 1/16 to 16.
    pub fn of(&self, problem: &Problem) -> Mat<c64> {
        self.of_rank(problem, problem.receive_antennas())
    }

    /// The same with all but `rank` eigenvalues 0.
    pub fn of_rank(&self, problem: &Problem, rank: usize) -> Mat<c64> {
        let side = problem.receive_antennas();
        let factor = self.0.matrix_of_rank(side, side, rank);
        &factor * factor.adjoint()
    }
}

/// Primal points for problems of the given sizes; shrink to the identity.
pub fn primals(sizes: &Sizes) -> impl Strategy<Value = Primal> + use<> {
    let side = sizes.most_receive_antennas();
    factors(side, side, WELL_CONDITIONED_GAIN).prop_map(Primal)
}

/// A dual point of the relaxations at its largest size.
#[derive(Debug, Clone)]
pub struct Dual {
    entries: Vec<Mat<c64>>,
    share: f64,
}

impl Dual {
    /// Matrices `T_n×T_n`, not even Hermitian.
    pub fn of(&self, problem: &Problem) -> Vec<Mat<c64>> {
        let devices = problem.channels().iter().zip(&self.entries);
        devices.map(|(channel, entries)| crop(entries, channel.ncols(), channel.ncols())).collect()
    }

    /// A point of `𝒰 = { U_n ⪰ 0 : Σ_n H_n U_n H_n^H ⪯ I }`: Gram matrices of [`Dual::of`], scaled so that the largest
    /// eigenvalue of the sum is a share from 1/16 to 1 of what `𝒰` allows, the boundary included. All zero if no channel lets
    /// anything of them through.
    pub fn within(&self, problem: &Problem) -> Vec<Mat<c64>> {
        let mut dual: Vec<Mat<c64>> = self.of(problem).iter().map(|u| u * u.adjoint()).collect();
        let side = problem.receive_antennas();
        let mut received = Mat::<c64>::zeros(side, side);
        for (channel, multiplier) in problem.channels().iter().zip(&dual) {
            received += channel * (multiplier * channel.adjoint());
        }
        let largest = eigenvalues(received.as_ref()).ok().and_then(|values| values.last().copied());
        let factor = largest.filter(|&value| value > 0.0).map_or(0.0, |value| self.share / value);
        for multiplier in &mut dual {
            *multiplier *= faer::Scale(c64::new(factor, 0.0));
        }
        dual
    }
}

/// Dual points for problems of the given sizes; shrink to 0.
pub fn duals(sizes: &Sizes) -> impl Strategy<Value = Dual> + use<> {
    let side = sizes.most_transmit_antennas();
    let share = (0..=15_u8).prop_map(|sixteenths| 1.0 - f64::from(sixteenths) / 16.0);
    (vec(grid(side, side), sizes.most_devices()), share).prop_map(|(entries, share)| Dual { entries, share })
}
