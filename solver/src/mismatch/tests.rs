use super::ray::Ray;
use super::*;
use crate::channel::{BlockFading, Fading};
use crate::csi::{self, ChannelError};
use crate::transceiver::regularized;
use faer::Mat;

fn random(columns: usize, seed: u64) -> Mat<c64> {
    BlockFading::new(Fading::RAYLEIGH, 8, &[columns], seed).unwrap().block(0).remove(0)
}

/// Some power limits bind and others do not; powers, variances and antennas are unequal.
fn uneven_problem() -> Problem {
    let channels = BlockFading::new(Fading::PAPER, 8, &[3, 4, 3], 1).unwrap().block(0);
    let problem = Problem::new(channels, vec![1e-3, 1.0, 1e3], 0.3).unwrap();
    problem.with_signal_variance(vec![1.0, 3.0, 0.3]).unwrap()
}

fn moved(point: &Mat<c64>, direction: &Mat<c64>, step: f64) -> Mat<c64> {
    Mat::from_fn(8, 3, |i, j| point[(i, j)] + direction[(i, j)] * step)
}

/// The same devices, each with streams of its own; the third has fewer antennas than there are sums.
fn grouped_problem() -> Problem {
    let channels = BlockFading::new(Fading::PAPER, 8, &[3, 4, 2], 1).unwrap().block(0);
    let problem = Problem::new(channels, vec![1e-3, 1.0, 1e3], 0.3).unwrap();
    problem.with_device_streams(vec![vec![0, 2], vec![1], vec![0, 1]]).unwrap()
}

fn evaluate(problem: &Problem, factor: MatRef<'_, c64>) -> Result<Objective, Error> {
    Evaluator::new(problem).objective(factor)
}

/// Central differences of `F`, and of its average over errors where they hold some devices below their limits.
#[test]
fn gradient_agrees_with_differences() {
    for problem in [uneven_problem(), grouped_problem()] {
        check_gradient(|| Evaluator::new(&problem));
        check_gradient(|| Evaluator::averaged(&problem, &[0.0, 0.3, 0.01]));
    }
}

fn check_gradient<'a>(evaluator: impl Fn() -> Evaluator<'a>) {
    let [point, direction] = [random(3, 2), random(3, 3)];
    let value = |step| evaluator().objective(moved(&point, &direction, step).as_ref()).unwrap().value;
    let gradient = evaluator().objective(point.as_ref()).unwrap().gradient;
    let slope = inner(gradient.as_ref(), direction.as_ref());
    let difference = (value(1e-5) - value(-1e-5)) / 2e-5;
    assert!((slope - difference).abs() < 1e-6 * slope.abs(), "{slope} {difference}");
}

/// The averaged objective is the averaged error with the precoders that are best for it.
#[test]
fn averaged_objective_is_that_of_the_precoders() {
    let (errors, point) = ([0.0, 0.3, 0.01], random(3, 2));
    let least = |device: usize| errors[device] * squared_norm(point.as_ref());
    for problem in [uneven_problem(), grouped_problem()] {
        let transceiver = regularized(&problem, point.as_ref(), least).unwrap();
        let error = ChannelError::new(errors.to_vec()).unwrap();
        let expected = csi::mean_squared_error(&problem, &error, &transceiver).unwrap().total();
        let value = Evaluator::averaged(&problem, &errors).objective(point.as_ref()).unwrap().value;
        assert!((value / expected - 1.0).abs() < 1e-12, "{value} {expected}");
    }
}

/// What an evaluator finds does not depend on what it was asked before.
#[test]
fn evaluations_do_not_depend_on_the_last_one() {
    let problem = uneven_problem();
    let [first, second] = [random(3, 2), random(3, 3)];
    let fresh = evaluate(&problem, second.as_ref()).unwrap();
    let mut used = evaluate(&problem, first.as_ref()).unwrap();
    let mut evaluator = Evaluator::new(&problem);
    evaluator.evaluate(first.as_ref(), &mut used).unwrap();
    evaluator.evaluate(second.as_ref(), &mut used).unwrap();
    assert_eq!(fresh.value.to_bits(), used.value.to_bits());
    assert_eq!(fresh.gradient, used.gradient);
}

/// Along a ray, value and derivatives are those of `F`, and the best scale leaves no slope.
#[test]
fn rays_agree_with_evaluations() {
    for problem in [uneven_problem(), grouped_problem()] {
        check_ray(&problem);
    }
}

fn check_ray(problem: &Problem) {
    let point = random(3, 2);
    let ray = Ray::new(problem, point.as_ref()).unwrap();
    for scale in [1e-3, 1.0, 1e3] {
        let at = moved(&point, &point, f64::sqrt(scale) - 1.0);
        let objective = evaluate(problem, at.as_ref()).unwrap();
        assert!((ray.value(scale) / objective.value - 1.0).abs() < 1e-12);
        // d/dt F(t A) = 2t dF/ds at s = t².
        let slope = inner(objective.gradient.as_ref(), at.as_ref());
        let (first, second) = ray.derivatives(scale);
        let derivative = 2.0 * scale * first;
        assert!((slope - derivative).abs() < 1e-9 * slope.abs(), "{slope} {derivative}");
        let [ahead, behind] = [1.0 + 1e-6, 1.0 - 1e-6].map(|factor| ray.derivatives(scale * factor).0);
        let difference = (ahead - behind) / (2e-6 * scale);
        assert!((second - difference).abs() <= 1e-6 * second, "{second} {difference}");
    }
    let best = ray.best();
    assert!((ray.derivatives(best).0 / ray.noise).abs() < 1e-9);
    // From a ray that starts far off as well.
    for factor in [1e-8, 1e8] {
        let far = Ray::new(problem, (&point * faer::Scale(c64::from(factor))).as_ref()).unwrap();
        assert!((far.best() * factor * factor / best - 1.0).abs() < 1e-9);
    }
    assert_eq!(best_value(problem, point.as_ref()).unwrap(), ray.value(best));
}

/// The two ways to the power of zero forcing, where both apply; a device that sees only two directions of three has none.
#[test]
fn zero_forcing_powers_agree() {
    let problem = uneven_problem();
    let point = random(3, 2);
    let lost = Mat::from_fn(8, 3, |i, j| point[(i, j.min(1))]);
    for device in 0..problem.devices() {
        let ways = |direction: MatRef<'_, c64>| {
            let mut seen = Seen::new(&problem);
            seen.look(device, direction).unwrap();
            [seen.zero_forcing_power(), seen.inverse_gram_trace(device, direction).unwrap()]
        };
        let [with_vectors, without] = ways(point.as_ref());
        assert!((with_vectors / without - 1.0).abs() < 1e-12, "{with_vectors} {without}");
        assert_eq!(ways(lost.as_ref()), [f64::INFINITY; 2]);
    }
    assert_eq!(zero_forcing_scale(&problem, lost.as_ref()).unwrap(), f64::INFINITY);
}
