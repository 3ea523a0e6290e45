//! When the long-term problem has an expectation: *theory*, section 5, finite expectations.
//!
//! # Statement
//!
//! For values as errors, `σ² α` for `lambda_min` and `trace_inverse`:
//!
//! 1. `mmse` is at most `Σ v_n T_n`, its value at `X = 0`, and `|∂D/∂p_n| ≤ v_n T_n/(4 p_n)` at every `U_n ⪰ 0`, as `(tr U^{1/2})² ≤ T tr U` and
//!    `x/(p + x)² ≤ 1/(4p)`;
//! 2. those of the other two are homogeneous, `v(s p) = v(p)/s`, and `Σ p_n |∂v/∂p_n| = v`: slopes are at most `v/p_floor`;
//! 3. these are at least the value of each device alone and at most the sum ([`single_device`](crate::single_device)), and one device alone has
//!    from `σ² v_n/p_n` to `T_n²` times that over `λ_min(H_n^H H_n)`;
//! 4. for i.i.d. `CN(0, 1)` entries `P(λ_min > x)` is, with `Γ_k(x) = ∫_x^∞ t^k e^{−t} dt`, `Γ_{R−1}(x)/Γ_{R−1}(0)` for `T = 1` and
//!    `(Γ_R Γ_{R−2} − Γ_{R−1}²)(x)` over its value at 0 for `T = 2` (the joint density of the eigenvalues, James 1964, integrated), so `e^{−Tx}`
//!    where `R = T` (Edelman 1988). `P(λ_min ≤ x)` falls like `x^{R−T+1}`, for Rician entries too: theory has why;
//! 5. so `E[v^k] < ∞` exactly where `R ≥ T_n + k` for every `n`. For one device and Rayleigh fading, `E[σ² α] = σ² v T²/(p (R − T))` for `lambda_min`
//!    (the mean of an inverse Wishart matrix).
//!
//! # Hypotheses
//!
//! - **spare antennas** (for 5): `R ≥ T_n + k`. With one fewer moments grow without end as their truncation does, and no sample shows it;
//! - **density** (for 4): entries with one. A line of sight alone has no full rank, however many antennas there are;
//! - **floor** (for bounded slopes). The bound on those of `mmse` is attained, and grows as powers fall;
//! - **`mmse`** (for bounded values). The others have no bound over all channels.

use crate::arithmetic::{eigenvalues, hermitian};
use faer::{Mat, c64};

/// `λ_min(H^H H)`.
pub fn least_gain(channel: &Mat<c64>) -> f64 {
    eigenvalues(hermitian((channel.adjoint() * channel).as_ref()).as_ref())[0]
}

/// `∫_0^x t^k e^{−t} dt = k! e^{−x} Σ_{j>k} x^j/j!`: of positive terms, so that the least of probabilities are as exact as the others.
fn lower_gamma(k: usize, x: f64) -> f64 {
    let mut term = (-x).exp();
    let mut sum = 0.0;
    for j in 1..=k + 200 {
        term *= x / j as f64;
        if j > k {
            sum += term;
        }
    }
    sum * factorial(k)
}

fn factorial(k: usize) -> f64 {
    (1..=k).map(|j| j as f64).product()
}

/// `P(λ_min ≤ x)` for `R×T` matrices of unit Rayleigh fading, `T` = 1 or 2.
pub fn law(receive: usize, transmit: usize, x: f64) -> f64 {
    // More than 60 is the least number that matters here.
    let x = x.min(60.0);
    let of = |k: usize| (factorial(k), lower_gamma(k, x));
    match transmit {
        1 => {
            let (whole, part) = of(receive - 1);
            part / whole
        }
        2 => {
            let [(a, below_a), (b, below_b), (c, below_c)] = [receive, receive - 2, receive - 1].map(of);
            // `ab − c²` less `(a − a')(b − b') − (c − c')²`.
            let part = a * below_b + b * below_a - below_a * below_b - 2.0 * c * below_c + below_c * below_c;
            part / (a * b - c * c)
        }
        _ => panic!("closed forms are for one and two transmit antennas"),
    }
}

/// `E[min(1/λ_min, most)^k] = ∫ k t^{k−1} P(λ_min < 1/t) dt` up to `most`, by the trapezoidal rule in `ln t`.
pub fn truncated_moment(receive: usize, transmit: usize, k: i32, most: f64) -> f64 {
    const STEPS: usize = 4000;
    let (first, last) = (1e-4_f64.ln(), most.ln());
    let width = (last - first) / STEPS as f64;
    let at = |step: usize| {
        let t = (first + width * step as f64).exp();
        f64::from(k) * t.powi(k) * law(receive, transmit, 1.0 / t)
    };
    let inner: f64 = (1..STEPS).map(at).sum();
    1e-4_f64.powi(k) + width * (inner + 0.5 * (at(0) + at(STEPS)))
}

#[cfg(test)]
mod counterexamples;
#[cfg(test)]
mod tests;
