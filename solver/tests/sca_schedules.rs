//! Schedules of every kind: their values, and what is refused.

use std::convert::Infallible;

use rand::RngExt;
use solver::sca::{
    DeclaredDecay, Evaluation, Function, GeometricThenPolynomial, Polyhedron, PolynomialDecay, Rng, ScaError,
    ScaOptions, ScheduleError, Schedules, StochasticProgram, StochasticSca,
};

/// `min E (x − ξ)²` on [0, 2], ξ uniform about 1.
struct Mean(Polyhedron);

impl StochasticProgram for Mean {
    type Sample = f64;
    type Error = Infallible;
    fn feasible_set(&self) -> &Polyhedron {
        &self.0
    }
    fn sample(&self, rng: &mut dyn Rng) -> Result<f64, Infallible> {
        Ok(rng.random_range(0.0..2.0))
    }
    fn evaluate(&self, x: &[f64], sample: &f64) -> Result<Evaluation, Infallible> {
        let difference = x[0] - sample;
        let objective = Function { value: difference * difference, gradient: vec![2.0 * difference] };
        Ok(Evaluation { objective, constraints: vec![] })
    }
}

fn mean() -> Mean {
    Mean(Polyhedron::builder(1).bounds(vec![0.0], vec![2.0]).build().unwrap())
}

fn polynomial(exponent: f64) -> PolynomialDecay {
    PolynomialDecay::new(1.0, 1.0, exponent).unwrap()
}

#[test]
fn geometric_decay_crosses_over_into_its_tail() {
    let tail = PolynomialDecay::new(0.8, 4.0, 0.9).unwrap();
    let decay = GeometricThenPolynomial::new(0.5, 3, tail).unwrap();
    assert_eq!([0, 1, 2, 3].map(|iteration| decay.at(iteration)), [0.8, 0.4, 0.2, 0.1]);
    assert_eq!(decay.at(7), 0.125 * tail.at(4));
    assert_eq!(decay.exponent(), 0.9);
    // The tail has its exponent whatever came before.
    let slope = (decay.at(4_000_000) / decay.at(1_000_000)).ln() / 4.0_f64.ln();
    assert!((slope + 0.9).abs() < 1e-5, "{slope}");
}

#[test]
fn geometric_decays_without_a_tail_to_speak_of_are_refused() {
    for ratio in [0.0, 1.0, -0.5, 1.5, f64::NAN] {
        assert!(matches!(
            GeometricThenPolynomial::new(ratio, 3, polynomial(0.9)),
            Err(ScheduleError::Ratio { .. })
        ));
    }
    assert_eq!(
        GeometricThenPolynomial::new(0.5, 2000, polynomial(0.9)),
        Err(ScheduleError::Crossover { ratio: 0.5, crossover: 2000 })
    );
}

/// No value of an accepted decay rounds to 0; delays, scales and geometric phases that lead there are refused.
#[test]
fn decays_that_round_to_nothing_are_refused() {
    let vanishing = |scale, delay, exponent| {
        assert_eq!(
            PolynomialDecay::new(scale, delay, exponent),
            Err(ScheduleError::Vanishing { scale, delay, exponent })
        );
    };
    vanishing(1.0, 5e-324, 1.0);
    let message = PolynomialDecay::new(1.0, 5e-324, 1.0).unwrap_err().to_string();
    assert!(message.contains("(1 + τ/5e-324)") && message.len() < 100, "{message}");
    vanishing(1.0, 1.0e-289, 0.6);
    vanishing(1.0, 4.0e-289, 1.0);
    vanishing(5e-324, 1.0, 0.6);
    vanishing(1e-290, 1.0, 1.0);
    for (scale, delay, exponent) in
        [(1.0, 4.2e-289, 1.0), (1.0, 1.1e-289, 0.6), (1e-200, 1.0, 1.0), (1.0, 1e308, 1.0)]
    {
        let decay = PolynomialDecay::new(scale, delay, exponent).unwrap();
        let values = [0, 1, 10_000_000, usize::MAX].map(|iteration| decay.at(iteration));
        assert!(values.iter().all(|value| *value > 0.0 && *value <= 1.0), "{values:?}");
        assert!(values.is_sorted_by(|before, after| before >= after), "{values:?}");
    }
    let error = GeometricThenPolynomial::new(0.5, 1000, polynomial(1.0));
    assert_eq!(error, Err(ScheduleError::Crossover { ratio: 0.5, crossover: 1000 }));
    assert!(GeometricThenPolynomial::new(0.5, 900, polynomial(1.0)).unwrap().at(usize::MAX) > 0.0);
}

#[test]
fn declared_exponents_are_held_to_the_conditions() {
    for exponent in [0.5, 0.2, 1.01, f64::NAN, f64::INFINITY] {
        assert!(matches!(DeclaredDecay::new(exponent, |_| 0.1), Err(ScheduleError::Exponent { .. })));
    }
    let logarithmic = |tau: usize| 1.0 / ((tau + 1) as f64 * (1.0 + (tau as f64 + 1.0).ln()));
    let step = DeclaredDecay::new(1.0, logarithmic).unwrap();
    // Mixed kinds are compared by their exponents.
    assert!(Schedules::new(polynomial(0.6), step.clone()).is_ok());
    assert_eq!(
        Schedules::new(step.clone(), polynomial(0.9)),
        Err(ScheduleError::StepNotFaster { averaging_exponent: 1.0, step_exponent: 0.9 })
    );
    let geometric = GeometricThenPolynomial::new(0.9, 10, polynomial(0.7)).unwrap();
    assert_eq!(
        Schedules::new(polynomial(0.7), geometric),
        Err(ScheduleError::StepNotFaster { averaging_exponent: 0.7, step_exponent: 0.7 })
    );
    assert_eq!(step, step.clone());
    assert_ne!(step, DeclaredDecay::new(1.0, logarithmic).unwrap());
}

#[test]
fn declared_values_are_checked_when_used() {
    for bad in [0.0, -0.1, 1.1, f64::NAN] {
        let step =
            DeclaredDecay::new(0.9, move |tau| if tau == 5 { bad } else { 1.0 / (1 + tau) as f64 }).unwrap();
        let schedules = Schedules::new(polynomial(0.6), step).unwrap();
        assert_eq!(schedules.step(4), Ok(0.2));
        let options = ScaOptions::new(0).with_schedules(schedules);
        match StochasticSca::new(&mean(), options).run(&[0.0]).unwrap_err() {
            ScaError::Schedule(ScheduleError::Value { schedule: "step", iteration: 5, value }) => {
                assert_eq!(value.to_bits(), bad.to_bits());
            }
            other => panic!("{other:?}"),
        }
    }
    let averaging = DeclaredDecay::new(0.6, |_| 2.0).unwrap();
    let schedules = Schedules::new(averaging, polynomial(0.9)).unwrap();
    // ρ_0 is 1 whatever the schedule says.
    let options = ScaOptions::new(0).with_schedules(schedules);
    assert!(matches!(
        StochasticSca::new(&mean(), options).run(&[0.0]),
        Err(ScaError::Schedule(ScheduleError::Value { schedule: "averaging", iteration: 1, value: 2.0 }))
    ));
}

/// Distance from the optimum 1, root mean square over seeds.
fn error(schedules: &Schedules, iterations: usize) -> f64 {
    let squares = (0..40).map(|seed| {
        let options = ScaOptions::new(seed).with_iterations(iterations).unwrap();
        let options = options.with_schedules(schedules.clone());
        let report = StochasticSca::new(&mean(), options).run(&[0.0]).unwrap();
        assert_eq!(report.guaranteed, schedules.guaranteed());
        (report.point[0] - 1.0).powi(2)
    });
    (squares.sum::<f64>() / 40.0).sqrt()
}

/// What a guarantee is worth: every decaying pair closes in, a constant pair does not, and says so.
#[test]
fn only_constant_schedules_never_settle() {
    let geometric = GeometricThenPolynomial::new(0.8, 5, PolynomialDecay::new(1.0, 20.0, 0.95).unwrap());
    let declared = DeclaredDecay::new(0.8, |tau| 0.9 / (1.0 + tau as f64).powf(0.8)).unwrap();
    for schedules in [
        Schedules::default(),
        Schedules::new(polynomial(0.6), geometric.unwrap()).unwrap(),
        Schedules::new(polynomial(0.55), declared).unwrap(),
    ] {
        assert!(schedules.guaranteed());
        let (early, late) = (error(&schedules, 100), error(&schedules, 6400));
        assert!(late < 0.05 && late < 0.4 * early, "{schedules:?}: {early}, {late}");
    }
    let constant = Schedules::constant_without_guarantee(0.5, 0.5).unwrap();
    assert!(!constant.guaranteed());
    let (early, late) = (error(&constant, 100), error(&constant, 6400));
    assert!(late > 0.15 && late > 0.6 * early, "{early}, {late}");
    for value in [0.0, 1.1, f64::NAN] {
        assert!(matches!(
            Schedules::constant_without_guarantee(0.5, value),
            Err(ScheduleError::Scale { .. })
        ));
    }
}
