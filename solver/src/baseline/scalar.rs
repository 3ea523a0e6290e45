//! Scalar over-the-air computation: the optimal power control.

use crate::error::{Error, Quantity};
use crate::problem::Problem;
use crate::transceiver::Transceiver;
use faer::{Mat, c64};

/// The optimal transceiver where every terminal has one antenna, `R = T_n = L = 1`: a threshold in the channel quality
/// `c_n = √(p_n/v_n) |h_n|` (Cao, Zhu, Xu, Huang, *Optimized Power Control for Over-the-Air Computation in Fading Channels*, IEEE TWC
/// 2020, doi 10.1109/TWC.2020.3012287; Liu, Zang, Li, Vucetic, *Over-the-Air Computation Systems: Optimization, Analysis and Scaling
/// Laws*, IEEE TWC 2020, arXiv 1909.00329; theirs is `η = 1/a²`).
///
/// Phases aligned and `a > 0`, the best precoder is `|b_n| = min(√(p_n/v_n), 1/(a|h_n|))`: full power below the threshold
/// `c_n < 1/a`, channel inversion above. What is left is convex, `F(a) = Σ v_n (1 − a c_n)_+² + σ² a²`, with
/// `F'(a)/2 = σ² a − Σ v_n c_n (1 − a c_n)_+`. The positive part makes this the least, over all sets `S` of devices, of
/// `l_S(a) = σ² a − Σ_{n∈S} v_n c_n (1 − a c_n)`; `l_S` increases and vanishes at `a_S = Σ_S v_n c_n / (σ² + Σ_S v_n c_n²)`. At the
/// optimum `F' = 0`: every `l_S ≥ 0` there, so every `a_S ≤ a`, with equality at `S = {n : a c_n < 1}`. That set holds the weakest
/// devices, hence, sorted by `c_n`,
///
/// `a = max_k Σ_{n≤k} v_n c_n / (σ² + Σ_{n≤k} v_n c_n²)`.
///
/// # Errors
/// [`Error::Shape`] for the first channel that is not `1×1`; [`Error::Numerical`] on overflow; [`Error::PowerExceeded`] where
/// `p_n/v_n` or a gain is rounded away at the end of the floating-point range.
pub fn scalar_power_control(problem: &Problem) -> Result<Transceiver, Error> {
    let (own, units) = problem.in_own_units();
    let problem = own.as_ref();
    let mut gains = Vec::with_capacity(problem.devices());
    for (device, channel) in problem.channels().iter().enumerate() {
        let found = (channel.nrows(), channel.ncols());
        if found != (1, 1) {
            return Err(Error::Shape { quantity: Quantity::Channel, device, expected: (1, 1), found });
        }
        gains.push(channel[(0, 0)]);
    }
    let aggregator = optimal_aggregator(problem, &gains);
    let precoder = |(device, gain): (usize, &c64)| {
        let strength = gain.norm();
        if strength == 0.0 {
            return Mat::zeros(1, 1);
        }
        let amplitude = problem.precoder_budget(device).sqrt().min((aggregator * strength).recip());
        Mat::full(1, 1, gain.conj() / strength * amplitude)
    };
    let precoders = gains.iter().enumerate().map(precoder).collect();
    let mut transceiver = Transceiver::new(problem, Mat::full(1, 1, c64::new(aggregator, 0.0)), precoders)?;
    transceiver.limit_power(problem)?;
    transceiver.mean_squared_error(problem)?;
    Ok(units.restore_transceiver(transceiver))
}

/// `a`.
fn optimal_aggregator(problem: &Problem, gains: &[c64]) -> f64 {
    let quality =
        |(device, gain): (usize, &c64)| (problem.precoder_budget(device).sqrt() * gain.norm(), device);
    let mut qualities: Vec<(f64, usize)> = gains.iter().enumerate().map(quality).collect();
    qualities.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (mut best, mut numerator, mut denominator) = (0.0_f64, 0.0, problem.noise_power());
    for (quality, device) in qualities {
        let variance = problem.signal_variance()[device];
        numerator += variance * quality;
        denominator += variance * quality * quality;
        best = best.max(numerator / denominator);
    }
    best
}
