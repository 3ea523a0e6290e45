//! One device: P_s in closed form.

use crate::error::{Error, Quantity};
use crate::linalg::{ThinSvd, singular_values};
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
/// This is convex; stationarity, `v g_i/(1 + g_i b_i)² = ν`, is water-filling of a kind: `b_i = r_i (w − r_i)_+`, `r_i = 1/√g_i`, with the
/// level `w` at which the budget is spent; `w = (q + Σ_{j≤k} r_j²)/Σ_{j≤k} r_j` for the largest `k` with `w > r_k`. Where `q` is small
/// against `r_i²` the difference is all rounding, so it is taken as `w − r_i = (q + Σ_{j≤k} r_j (r_j − r_i))/Σ_{j≤k} r_j`. Then
/// `B = V_L diag(√b_i)` and `A = W_L diag(v s_i √b_i/(v s_i² b_i + σ²))`.
///
/// # Errors
/// [`Error::DeviceCount`] unless there is one device; [`Error::Numerical`]; [`Error::PowerExceeded`] where `p/v` is rounded away at the end
/// of the floating-point range.
pub fn single_device(problem: &Problem) -> Result<Transceiver, Error> {
    let (own, units) = problem.in_own_units();
    let problem = own.as_ref();
    let [channel] = problem.channels() else {
        let found = problem.devices();
        return Err(Error::DeviceCount { quantity: Quantity::Channel, devices: 1, found });
    };
    let svd = ThinSvd::of(channel.as_ref())?;
    let floors = floors(problem, 0, channel.as_ref(), 0.0)?;
    let amplitudes: Vec<f64> =
        stream_powers(&floors, problem.precoder_budget(0))?.into_iter().map(f64::sqrt).collect();
    let streams = problem.streams();
    let precoder = Mat::from_fn(channel.ncols(), streams, |i, j| svd.right[(i, j)] * amplitudes[j]);
    let combine = |stream: usize| {
        let received = svd.values[stream] * amplitudes[stream];
        // `v x/(v x² + σ²) = (1 − residual)/x` of the stream's `x = s √b`, where nothing overflows.
        if received > 0.0 {
            (received * (1.0 + (floors[stream] / amplitudes[stream]).powi(2))).recip()
        } else {
            0.0
        }
    };
    let aggregator = Mat::from_fn(channel.nrows(), streams, |i, j| svd.left[(i, j)] * combine(j));
    let mut transceiver = Transceiver::new(problem, aggregator, vec![precoder])?;
    transceiver.limit_power(problem)?;
    transceiver.mean_squared_error(problem)?;
    Ok(units.restore_transceiver(transceiver))
}

/// The largest MSE that some device would leave if it were alone: `max_n Σ_{i≤L_n} v_n/(1 + g_i b_i)` as in [`single_device`].
///
/// A lower bound on the MSE of every transceiver, also where `T_n > L`, since `Σ_m v_m ‖A^H H_m B_m − E_m‖² + σ² ‖A‖²` is at least its
/// `n`-th term with the noise (theory, section 3), and this at least what the columns of `A` for the device's own streams make it. Weak where
/// many devices share the receiver. For one device it is the optimum, less
/// a relative `1e-12` for rounding and what the rounding of the singular values, relative to the largest, may hide.
///
/// # Errors
/// [`Error::Numerical`].
pub fn single_device_bound(problem: &Problem) -> Result<f64, Error> {
    let (own, units) = problem.in_own_units();
    let problem = own.as_ref();
    let mut bound = 0.0_f64;
    for (device, channel) in problem.channels().iter().enumerate() {
        let rounding = (channel.nrows() + channel.ncols()) as f64 * f64::EPSILON;
        let floors = floors(problem, device, channel.as_ref(), rounding)?;
        let powers = stream_powers(&floors, problem.precoder_budget(device))?;
        let errors = floors.iter().zip(&powers).map(|(floor, power)| residual(floor / power.sqrt()));
        bound = bound.max(problem.signal_variance()[device] * errors.sum::<f64>());
    }
    if bound.is_finite() {
        units.restore_error(bound * (1.0 - ROUNDING))
    } else {
        Err(Error::Numerical { operation: "the single-device bound" })
    }
}

/// `1/(1 + g_i b_i)` from `ratio` = `1/√(g_i b_i)`, of which one square may overflow and the other underflow.
fn residual(ratio: f64) -> f64 {
    if ratio < 1.0 { ratio.powi(2) / (1.0 + ratio.powi(2)) } else { 1.0 / (1.0 + ratio.recip().powi(2)) }
}

/// `r_i = 1/√g_i = √(σ²/v)/s_i` for the `L_n` strongest singular values of `H`, strongest first, each raised by `margin` times the
/// largest; infinite for one that is 0.
fn floors(
    problem: &Problem,
    device: usize,
    channel: MatRef<'_, c64>,
    margin: f64,
) -> Result<Vec<f64>, Error> {
    let singular = singular_values(channel)?;
    let raise = margin * singular.first().copied().unwrap_or(0.0);
    let noise = problem.noise_power().sqrt() / problem.signal_variance()[device].sqrt();
    Ok(singular
        .iter()
        .take(problem.device_streams()[device].len())
        .map(|value| value + raise)
        .map(|value| if value > 0.0 { noise / value } else { f64::INFINITY })
        .collect())
}

/// `b_i = r_i (w − r_i)_+`, with `Σ b_i = q`; all 0 where every `r_i` is infinite.
fn stream_powers(floors: &[f64], budget: f64) -> Result<Vec<f64>, Error> {
    let pays = |stream: usize| {
        let weakest = floors[stream];
        weakest.is_finite()
            && floors[..stream].iter().map(|floor| floor * (weakest - floor)).sum::<f64>() < budget
    };
    let active = &floors[..(0..floors.len()).take_while(|&stream| pays(stream)).count()];
    let sum: f64 = active.iter().sum();
    let power = |floor: &f64| {
        let spread: f64 = active.iter().map(|other| other / sum * (other - floor)).sum();
        floor * (budget / sum + spread).max(0.0)
    };
    let mut powers: Vec<f64> = active.iter().map(power).collect();
    let spent: f64 = powers.iter().sum();
    let spends = spent > 0.0 && spent.is_finite();
    if !(spends || active.is_empty()) {
        return Err(Error::Numerical { operation: "the single-device power allocation" });
    }
    powers.iter_mut().for_each(|power| *power *= budget / spent);
    powers.resize(floors.len(), 0.0);
    Ok(powers)
}
