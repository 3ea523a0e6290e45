//! Minimization of differentiable functions of an aggregator by L-BFGS with argmin's line search: before all, of
//! `F(A) = Σ v_n φ_n(H_n^H A A^H H_n) + σ² ‖A‖_F²`.

mod curvature;
mod ray;

use crate::error::Error;
use crate::linalg::{rescaled, squared_norm};
use crate::mismatch::{self, Evaluator, Objective};
use crate::problem::Problem;
use curvature::Curvature;
use faer::{Mat, MatRef, c64};
use ray::{Ray, Search};
use std::cell::RefCell;

/// Most stages of a continuation: 300 dB.
const MOST_STAGES: f64 = 30.0;
/// Below this ratio of mismatch to noise, in powers of ten, descents need no continuation.
const BALANCED_DECADES: f64 = 1.0;
/// What a gain that is all rounding may be, relative to the function.
const ROUNDING: f64 = 1e-14;

/// When the descent stops.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// Relative decrease of the function in one iteration.
    pub decrease: f64,
    /// Iterations.
    pub iterations: u64,
}

impl Stop {
    /// The steepness ([`Point::steepness`](ray::Point::steepness)) that is not worth a second look: a Newton step from there gains about its square over
    /// twice the relative curvature, `decrease` where that is 5000.
    fn flat(&self) -> f64 {
        100.0 * self.decrease.max(f64::EPSILON).sqrt()
    }
}

/// Where the descent ended.
pub(crate) struct Descent {
    /// The best point found, never worse than the start.
    pub factor: Mat<c64>,
    /// `F` there.
    pub value: f64,
    /// Iterations taken.
    pub iterations: usize,
    /// Whether it stopped because nothing was left to gain, not for want of iterations or of a number.
    pub converged: bool,
}

/// Minimizes `F` of `problem` from the best scale of `start`.
pub(crate) fn minimize(problem: &Problem, start: MatRef<'_, c64>, stop: Stop) -> Result<Descent, Error> {
    let start = rescaled(start);
    let scale = mismatch::best_scale(problem, start.as_ref())?;
    let start = Mat::from_fn(start.nrows(), start.ncols(), |i, j| start[(i, j)] * scale);
    let mut evaluator = Evaluator::new(problem);
    minimize_function(&mut |factor, objective| evaluator.evaluate(factor, objective), start.as_ref(), stop)
}

/// A differentiable, positive function of a complex matrix, which writes its value and gradient.
pub(crate) type Function<'a> = dyn FnMut(MatRef<'_, c64>, &mut Objective) -> Result<(), Error> + 'a;

/// Minimizes `function` from `start`. An error at the start is returned; one further on ends the descent at the best point so far.
pub(crate) fn minimize_function(
    function: &mut Function<'_>,
    start: MatRef<'_, c64>,
    stop: Stop,
) -> Result<Descent, Error> {
    let length = squared_norm(start).sqrt();
    let mut objective = Objective::zeros(start);
    function(start, &mut objective)?;
    let value = objective.value;
    if !value.is_finite() {
        return Err(ray::NO_NUMBER);
    }
    if !(value > 0.0 && length > 0.0) {
        return Ok(Descent { factor: start.to_owned(), value, iterations: 0, converged: true });
    }
    let mut curvature = Curvature::new(2 * start.nrows() * start.ncols());
    let ray = RefCell::new(Ray::new(function, start, length, objective));
    let mut search = Search::new(&ray);
    let (mut iterations, mut last_gain, mut forgotten) = (0, f64::INFINITY, false);
    let converged = loop {
        if iterations == stop.iterations {
            break false;
        }
        iterations += 1;
        let mut current = ray.borrow_mut();
        let slope = current.aim(&mut curvature);
        let before = current.origin().value;
        // The gradient is zero.
        if slope == 0.0 {
            break true;
        }
        drop(current);
        let step = search.step(before, slope);
        let mut current = ray.borrow_mut();
        let stepped = step.is_some_and(|step| current.advance(step, &mut curvature).is_ok());
        let origin = current.origin();
        if stepped {
            last_gain = (before - origin.value).abs();
        }
        let flat = origin.steepness() <= stop.flat();
        if stepped && last_gain > stop.decrease * origin.value {
            forgotten = false;
        } else if forgotten || (stepped && flat) {
            break flat || last_gain <= stop.decrease.max(ROUNDING) * origin.value;
        } else {
            // Where quasi-Newton directions lead nowhere, as along walls, the gradient may.
            curvature.forget();
            forgotten = true;
        }
    };
    let (factor, value) = ray.into_inner().into_best();
    let iterations = usize::try_from(iterations).unwrap_or(usize::MAX);
    Ok(Descent { factor, value, iterations, converged })
}

/// Noise powers from a tenth of the balance of noise and mismatch, `σ² α = Σ v_n L_n`, down to ten times the problem's own in steps of 10 dB; none where
/// that is below. Where some device has no zero forcing along `start`, from the largest signal-to-noise ratio `p_n ‖H_n‖²/(R σ²)` of 0 dB.
///
/// Far above the noise `F` is a stiff penalty on mismatch, and a descent from afar takes very long. From the optimum at ten times
/// the noise it is short.
pub(crate) fn continuation(problem: &Problem, start: MatRef<'_, c64>) -> Result<Vec<f64>, Error> {
    let noise_power = problem.noise_power();
    let alpha = mismatch::zero_forcing_scale(problem, start)? * squared_norm(start);
    let decades = if alpha.is_finite() {
        (problem.silence() / alpha / noise_power).log10() - BALANCED_DECADES
    } else {
        let devices = problem.channels().iter().zip(problem.transmit_power());
        let received = devices.map(|(channel, power)| power * squared_norm(channel.as_ref()));
        let most = received.fold(0.0, f64::max) / problem.receive_antennas() as f64;
        (most / noise_power).log10()
    };
    let stages = if decades.is_nan() { 0 } else { decades.clamp(0.0, MOST_STAGES) as i32 };
    Ok((1..=stages).rev().map(|stage| noise_power * 10.0_f64.powi(stage)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{BlockFading, Fading};

    /// `1 + Σ_ij c_ij |A_ij − T_ij|²`, `c` from 1 to 100.
    fn quadratic(target: &Mat<c64>) -> impl Fn(MatRef<'_, c64>, &mut Objective) {
        move |factor, objective| {
            objective.value = 1.0;
            for j in 0..factor.ncols() {
                for i in 0..factor.nrows() {
                    let weight =
                        100.0_f64.powf((i + j) as f64 / (factor.nrows() + factor.ncols() - 2) as f64);
                    let difference = factor[(i, j)] - target[(i, j)];
                    objective.value += weight * difference.norm_sqr();
                    objective.gradient[(i, j)] = difference * (2.0 * weight);
                }
            }
        }
    }

    fn start_and_target() -> [Mat<c64>; 2] {
        [1, 2].map(|seed| BlockFading::new(Fading::RAYLEIGH, 6, &[3], seed).unwrap().block(0).remove(0))
    }

    const STOP: Stop = Stop { decrease: 1e-15, iterations: 200 };

    #[test]
    fn quadratic_is_minimized() {
        let [start, target] = start_and_target();
        let quadratic = quadratic(&target);
        let mut function = |factor: MatRef<'_, c64>, objective: &mut Objective| {
            quadratic(factor, objective);
            Ok(())
        };
        let descent = minimize_function(&mut function, start.as_ref(), STOP).unwrap();
        assert!(descent.converged && descent.iterations < 60, "{} iterations", descent.iterations);
        assert!(squared_norm((&descent.factor - &target).as_ref()).sqrt() < 1e-6);
        let stop = Stop { decrease: 1e-3, ..STOP };
        let earlier = minimize_function(&mut function, start.as_ref(), stop).unwrap();
        assert!(earlier.converged && earlier.iterations < descent.iterations);
        let few = minimize_function(&mut function, start.as_ref(), Stop { iterations: 5, ..STOP }).unwrap();
        assert!(!few.converged && few.iterations == 5 && few.value > earlier.value);
        // At the optimum there is no slope.
        let again = minimize_function(&mut function, target.as_ref(), STOP).unwrap();
        assert!(again.converged && again.value == 1.0 && again.factor == target, "zero gradient");
    }

    /// An error, or no number, at the start or further on.
    #[test]
    fn failures_end_the_descent() {
        let [start, target] = start_and_target();
        let quadratic = quadratic(&target);
        for (good, nan) in [(0, false), (0, true), (4, false), (4, true)] {
            let mut evaluations = 0;
            let mut function = |factor: MatRef<'_, c64>, objective: &mut Objective| {
                quadratic(factor, objective);
                evaluations += 1;
                if evaluations <= good {
                    return Ok(());
                }
                objective.value = f64::NAN;
                if nan { Ok(()) } else { Err(Error::Numerical { operation: "a test" }) }
            };
            match minimize_function(&mut function, start.as_ref(), STOP) {
                Err(Error::Numerical { operation }) => assert!(good == 0 && (operation == "a test") != nan),
                Err(error) => panic!("{error}"),
                Ok(descent) => {
                    let mut objective = Objective::zeros(start.as_ref());
                    quadratic(start.as_ref(), &mut objective);
                    assert!(good > 0 && !descent.converged && descent.value < objective.value);
                    quadratic(descent.factor.as_ref(), &mut objective);
                    assert_eq!(descent.value, objective.value);
                }
            }
        }
    }
}
