//! A run that is stopped and resumed is the one that was not: *theory*, section 5.
//!
//! # Statement
//!
//! Samples are numbered by the iteration, so an iteration is a function of `τ`, `x^τ`, the averages (19), and the counts of quiet iterations and of
//! tests: of [`ScaState`](solver::sca::ScaState). A run that is stopped after any iteration, and resumed from that state by a method and a program
//! made anew, has the records, the point and the last state of the run that was not stopped, bit for bit, whatever mini-batch, backend, or confirmation.
//! So it is with an assignment and its [`AssignmentState`](solver::assignment::AssignmentState), which has the scale besides.
//!
//! # Hypotheses
//!
//! - **numbered samples**: a sample is a function of the generator that it is given. One that the program counts itself starts anew;
//! - **whole state**: from the point alone, averages and step sizes are those of a beginning;
//! - **same options**: another seed has other samples.

#[cfg(test)]
mod tests {
    use crate::arithmetic::dot;
    use crate::simulation::normal;
    use crate::{config, config_of};
    use proptest::prelude::*;
    use solver::assignment::{self, AssignmentOptions, AssignmentProblem, RelaxedMse};
    use solver::channel::{BlockFading, Fading};
    use solver::power::{Accounting, EnergyModel};
    use solver::relaxation::Relaxation;
    use solver::sca::subproblem::{AutomaticBackend, ClarabelBackend, SubproblemSolver};
    use solver::sca::{
        Evaluation, Function, IterationRecord, Polyhedron, Rng, ScaOptions, ScaReport, ScaState,
        StochasticProgram, StochasticSca, TerminationReason,
    };
    use solver::strategies::number;
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::ops::ControlFlow;

    /// `‖x − t‖² + ξ Σ x` over the simplex, and `x_1 + ξ ≤ 1/2` if it is asked for; or with `ξ` from a count of its own.
    struct Program {
        set: Polyhedron,
        target: Vec<f64>,
        constrained: bool,
        count: Option<Cell<u64>>,
    }

    impl Program {
        fn new(target: &[f64], constrained: bool) -> Self {
            Self {
                set: Polyhedron::simplex(target.len(), 0.0).unwrap(),
                target: target.to_vec(),
                constrained,
                count: None,
            }
        }

        fn counting(target: &[f64]) -> Self {
            Self { count: Some(Cell::new(0)), ..Self::new(target, false) }
        }
    }

    impl StochasticProgram for Program {
        type Sample = f64;
        type Error = Infallible;
        fn feasible_set(&self) -> &Polyhedron {
            &self.set
        }
        fn stochastic_constraints(&self) -> usize {
            usize::from(self.constrained)
        }
        fn sample(&self, rng: &mut dyn Rng) -> Result<f64, Infallible> {
            let Some(count) = &self.count else { return Ok(normal(rng)) };
            count.set(count.get() + 1);
            Ok(1.0 / count.get() as f64)
        }
        fn evaluate(&self, x: &[f64], noise: &f64) -> Result<Evaluation, Infallible> {
            let off: Vec<f64> = x.iter().zip(&self.target).map(|(x, t)| x - t).collect();
            let gradient = off.iter().enumerate().map(|(j, d)| 2.0 * d + noise * (j + 1) as f64).collect();
            let objective = Function { value: dot(&off, &off) + noise, gradient };
            let first = (0..x.len()).map(|j| f64::from(u8::from(j == 0))).collect();
            let constraint = Function { value: x[0] - 0.5 + 0.1 * noise, gradient: first };
            let constraints = if self.constrained { vec![constraint] } else { vec![] };
            Ok(Evaluation { objective, constraints })
        }
    }

    /// All that a report says, to the last bit.
    fn bits(
        point: &[f64],
        history: &[IterationRecord],
        termination: TerminationReason,
    ) -> (Vec<u64>, TerminationReason) {
        let of_record = |record: &IterationRecord| {
            let numbers =
                [record.objective, record.averaging, record.step, record.residual, record.subproblem_gap];
            let vectors = record.point.iter().chain(&record.constraints).copied();
            numbers
                .into_iter()
                .chain(vectors)
                .chain([record.restored.unwrap_or(-1.0), record.iteration as f64])
                .collect::<Vec<_>>()
        };
        let numbers = history.iter().flat_map(of_record).chain(point.iter().copied());
        (numbers.map(f64::to_bits).collect(), termination)
    }

    fn of(report: &ScaReport) -> (Vec<u64>, TerminationReason) {
        bits(&report.point, &report.history, report.termination)
    }

    /// Goes on for so many iterations.
    fn for_so_many(iterations: usize) -> impl FnMut(&IterationRecord) -> ControlFlow<()> {
        let mut left = iterations;
        move |_| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    /// The run of a program without a stop.
    fn in_one<B: SubproblemSolver>(
        program: &Program,
        (options, backend): (&ScaOptions, fn() -> B),
        start: &[f64],
    ) -> (ScaReport, ScaState) {
        let mut sca = StochasticSca::new(program, options.clone()).with_backend(backend());
        let mut state = sca.start(start).unwrap();
        let report = sca.resume(&mut state, |_| ControlFlow::Continue(())).unwrap();
        (report, state)
    }

    /// The run of one program until `stop` iterations, then of another from a copy of its state.
    fn in_two<B: SubproblemSolver>(
        (first, second): (&Program, &Program),
        (options, backend): (&ScaOptions, fn() -> B),
        start: &[f64],
        stop: usize,
    ) -> (ScaReport, ScaState) {
        let mut sca = StochasticSca::new(first, options.clone()).with_backend(backend());
        let mut state = sca.start(start).unwrap();
        let early = sca.resume(&mut state, for_so_many(stop)).unwrap();
        if early.termination != TerminationReason::StoppedByObserver {
            return (early, state);
        }
        let mut kept = state.clone();
        let mut sca = StochasticSca::new(second, options.clone()).with_backend(backend());
        let late = sca.resume(&mut kept, |_| ControlFlow::Continue(())).unwrap();
        (ScaReport { history: [early.history, late.history].concat(), ..late }, kept)
    }

    /// The same records and end, and states that are the same: counts of tests are in nothing else.
    fn check<B: SubproblemSolver>(
        program: fn(&[f64]) -> Program,
        (target, stop): (&[f64], usize),
        options: &ScaOptions,
        backend: fn() -> B,
    ) -> Result<(), TestCaseError> {
        let start = vec![1.0 / target.len() as f64; target.len()];
        let [whole, first, second] = [(); 3].map(|()| program(target));
        let (one, end) = in_one(&whole, (options, backend), &start);
        let (two, other_end) = in_two((&first, &second), (options, backend), &start, stop);
        prop_assert_eq!(of(&one), of(&two));
        prop_assert_eq!(end, other_end);
        Ok(())
    }

    proptest! {
        #![proptest_config(config())]

        /// With a tolerance that some runs reach, with patience, and some only after tests.
        #[test]
        fn runs_go_on_as_if_nothing_had_been(
            target in prop::collection::vec(number(), 1..=3), seed: u64, iterations in 2..=12_usize, stop in 1..=11_usize,
            batch in 1..=3_usize, patience in 1..=3_usize, tests: bool, tolerance in prop_oneof![Just(0.1), Just(0.5)],
        ) {
            let options = ScaOptions::new(seed).with_iterations(iterations).unwrap().with_mini_batch(batch).unwrap();
            let options = options.with_residual_tolerance(tolerance, patience).unwrap();
            let stop = stop.min(iterations - 1);
            check(|target| Program::new(target, true), (&target, stop), &options, || AutomaticBackend)?;
            let options = if tests { options.with_confirmation(4, 0.9).unwrap() } else { options };
            check(|target| Program::new(target, false), (&target, stop), &options, || AutomaticBackend)?;
            check(|target| Program::new(target, false), (&target, stop), &options, || ClarabelBackend)?;
        }
    }

    proptest! {
        #![proptest_config(config_of(16))]

        #[test]
        fn assignments_go_on_as_if_nothing_had_been(seed: u64, iterations in 2..=6_usize, stop in 1..=5_usize, which in 0..3_usize) {
            let energy = [0.3, 0.9].map(|cost| EnergyModel::new(1.0, cost, 1.0, Accounting::PerChannelUse).unwrap());
            let problem = || {
                let channels = BlockFading::new(Fading::PAPER, 6, &[2, 2], 1).unwrap();
                let value = RelaxedMse::new(Relaxation::ALL[which], 1.0).unwrap();
                AssignmentProblem::new(energy.to_vec(), channels, value).unwrap()
            };
            let options = AssignmentOptions::new(seed).with_iterations(iterations).unwrap();
            let one = assignment::assign(&problem(), &options)?;
            let mut state = assignment::start(&problem(), &options)?;
            let early = assignment::resume(&problem(), &options, &mut state, for_so_many(stop.min(iterations - 1)))?;
            let late = assignment::resume(&problem(), &options, &mut state.clone(), |_| ControlFlow::Continue(()))?;
            let history = [early.history, late.history].concat();
            prop_assert_eq!(bits(&one.shares, &one.history, one.termination), bits(&late.shares, &history, late.termination));
            prop_assert_eq!(one.unconverged, late.unconverged);
        }
    }

    const TARGET: [f64; 2] = [0.25, 1.0];

    fn ten() -> ScaOptions {
        ScaOptions::new(1).with_iterations(10).unwrap()
    }

    /// Without **numbered samples**: the second program counts from the beginning. One that goes on counting would have the same run.
    #[test]
    fn samples_that_the_program_counts() {
        let [whole, first, second] = [(); 3].map(|()| Program::counting(&TARGET));
        let (one, _) = in_one(&whole, (&ten(), || AutomaticBackend), &[0.5; 2]);
        let (two, _) = in_two((&first, &second), (&ten(), || AutomaticBackend), &[0.5; 2], 5);
        assert_ne!(of(&one), of(&two));
        let going_on = Program::counting(&TARGET);
        let (two, _) = in_two((&going_on, &going_on), (&ten(), || AutomaticBackend), &[0.5; 2], 5);
        assert_eq!(of(&one), of(&two));
    }

    /// Without **whole state**, and without **same options**: five iterations more from the point alone, and of another seed, end elsewhere.
    #[test]
    fn the_point_alone_and_another_seed() {
        let program = Program::new(&TARGET, false);
        let one = StochasticSca::new(&program, ten()).run(&[0.5; 2]).unwrap();
        let mut sca = StochasticSca::new(&program, ten());
        let mut state = sca.start(&[0.5; 2]).unwrap();
        sca.resume(&mut state, for_so_many(5)).unwrap();
        let alone = sca.run_observed(state.point(), for_so_many(5)).unwrap();
        assert!((alone.point[0] - one.point[0]).abs() > 1e-3, "{:?}, {:?}", alone.point, one.point);
        let mut other = StochasticSca::new(&program, ScaOptions::new(2).with_iterations(10).unwrap());
        let other = other.resume(&mut state, |_| ControlFlow::Continue(())).unwrap();
        assert!((other.point[0] - one.point[0]).abs() > 1e-3, "{:?}, {:?}", other.point, one.point);
    }
}
