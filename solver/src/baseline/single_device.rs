//! One device: P_s in closed form.

use crate::error::{Error, Quantity};
use crate::problem::Problem;
use crate::transceiver::Transceiver;
use faer::{Mat, MatRef, c64};

/// The bound is moved down by this much, relatively: room for the rounding of its own evaluation.
const ROUNDING: f64 = 1e-12;

/// The optimal transceiver of a problem with one device, any `R`, `T ≥ L`.
///
/// For a precoder `B` the best aggregator leaves `v tr((I + (v/σ²) B^H H^H H B)^{-1})`. Of all `B` with given eigenvalues of
/// `B^H H^H H B`, those along the right singular vectors of `H`, strongest with strongest, take the least power. So with
/// `H = W S V^H`, `g_i = v s_i²/σ²`, and `b_i` the power of stream `i`,
///
/// min `Σ_{i≤L} v/(1 + g_i b_i)` s.t. `Σ b_i ≤ q = p/v`.
///
/// This is convex; stationarity, `v g_i/(1 + g_i b_i)² = ν`, is water-filling of a kind: `b_i = (w/√g_i − 1/g_i)_+`, with the level `w` at
/// which the budget is spent; `w = (q + Σ_{i≤k} 1/g_i)/Σ_{i≤k} 1/√g_i` for the largest `k` with `w √g_k > 1`. Then
/// `B = V_L diag(√b_i)` and `A = W_L diag(v s_i √b_i/(v s_i² b_i + σ²))`.
///
/// # Errors
/// [`Error::DeviceCount`] unless there is one device; [`Error::Numerical`].
pub fn single_device(problem: &Problem) -> Result<Transceiver, Error> {
    let [channel] = problem.channels() else {
        let found = problem.devices();
        return Err(Error::DeviceCount { quantity: Quantity::Channel, devices: 1, found });
    };
    let svd = channel.thin_svd().map_err(|_| Error::Numerical { operation: "singular values" })?;
    let power = stream_powers(problem, 0)?;
    let (variance, noise) = (problem.signal_variance()[0], problem.noise_power());
    let streams = problem.streams();
    let precoder = Mat::from_fn(channel.ncols(), streams, |i, j| svd.V()[(i, j)] * power[j].sqrt());
    let combine = |stream: usize| {
        let gain = svd.S().column_vector()[stream].re;
        variance * gain * power[stream].sqrt() / (variance * gain * gain * power[stream] + noise)
    };
    let aggregator = Mat::from_fn(channel.nrows(), streams, |i, j| svd.U()[(i, j)] * combine(j));
    let transceiver = Transceiver::new(problem, aggregator, vec![precoder])?;
    transceiver.mean_squared_error(problem)?;
    Ok(transceiver)
}

/// The largest MSE that some device would leave if it were alone: `max_n Σ_{i≤L_n} v_n/(1 + g_i b_i)` as in [`single_device`].
///
/// A lower bound on the MSE of every transceiver, also where `T_n > L`, since `Σ_m v_m ‖A^H H_m B_m − E_m‖² + σ² ‖A‖²` is at least its
/// `n`-th term with the noise (theory, section 3), and this at least what the columns of `A` for the device's own streams make it. Weak where
/// many devices share the receiver. For one device it is the optimum, less
/// a relative `1e-12` for rounding.
///
/// # Errors
/// [`Error::Numerical`].
pub fn single_device_bound(problem: &Problem) -> Result<f64, Error> {
    let mut bound = 0.0_f64;
    for (device, channel) in problem.channels().iter().enumerate() {
        let gains = gains(problem, device, channel.as_ref())?;
        let powers = stream_powers(problem, device)?;
        let errors = gains.iter().zip(&powers).map(|(gain, power)| 1.0 / (1.0 + gain * power));
        bound = bound.max(problem.signal_variance()[device] * errors.sum::<f64>());
    }
    if bound.is_finite() {
        Ok(bound * (1.0 - ROUNDING))
    } else {
        Err(Error::Numerical { operation: "the single-device bound" })
    }
}

/// `g_i = v s_i²/σ²` for the `L_n` strongest singular values of `H`, strongest first.
fn gains(problem: &Problem, device: usize, channel: MatRef<'_, c64>) -> Result<Vec<f64>, Error> {
    let mut singular =
        channel.singular_values().map_err(|_| Error::Numerical { operation: "singular values" })?;
    singular.sort_by(|a, b| b.total_cmp(a));
    let scale = problem.signal_variance()[device] / problem.noise_power();
    Ok(singular
        .iter()
        .take(problem.device_streams()[device].len())
        .map(|value| scale * value * value)
        .collect())
}

/// `b_i = (w/√g_i − 1/g_i)_+`.
fn stream_powers(problem: &Problem, device: usize) -> Result<Vec<f64>, Error> {
    let gains = gains(problem, device, problem.channels()[device].as_ref())?;
    let (mut cost, mut weight, mut level) = (problem.precoder_budget(device), 0.0, 0.0);
    for gain in gains.iter().take_while(|gain| **gain > 0.0) {
        let (floor, root) = (gain.recip(), gain.sqrt().recip());
        let next = (cost + floor) / (weight + root);
        if next <= root {
            break;
        }
        (cost, weight, level) = (cost + floor, weight + root, next);
    }
    let power =
        |&gain: &f64| if level * gain.sqrt() > 1.0 { level / gain.sqrt() - gain.recip() } else { 0.0 };
    Ok(gains.iter().map(power).collect())
}
