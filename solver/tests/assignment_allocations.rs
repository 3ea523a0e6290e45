//! What an iteration of Algorithm 1 allocates: the same from the first to the last, and less than with memory made anew.

mod common;

use common::counting::{Allocations, Counting, allocations};
use faer::{Mat, c64};
use solver::Error;
use solver::assignment::{
    Assignment, AssignmentOptions, AssignmentProblem, CertifiedValue, RelaxedMse, ShortTermValue, assign,
};
use solver::channel::{BlockFading, Fading};
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::Relaxation;

#[global_allocator]
static COUNTING: Counting = Counting;

/// The same value in memory made anew for each block.
struct Anew(RelaxedMse);

impl ShortTermValue for Anew {
    fn value_and_gradient(&self, channels: &[Mat<c64>], power: &[f64]) -> Result<CertifiedValue, Error> {
        self.0.value_and_gradient(channels, power)
    }
}

fn problem<V: ShortTermValue>(devices: usize, value: V) -> AssignmentProblem<BlockFading, V> {
    let cost = |device: usize| 0.3 + 0.1 * device as f64;
    let energy = (0..devices).map(|n| EnergyModel::new(1.0, cost(n), 1.0, Accounting::PerChannelUse));
    let channels = BlockFading::new(Fading::PAPER, 8, &vec![2; devices], 1).unwrap();
    AssignmentProblem::new(energy.collect::<Result<_, _>>().unwrap(), channels, value).unwrap()
}

fn run<V: ShortTermValue>(
    problem: &AssignmentProblem<BlockFading, V>,
    iterations: usize,
) -> (Assignment, Allocations) {
    let options = AssignmentOptions::new(7).with_iterations(iterations).unwrap();
    allocations(|| assign(problem, &options).unwrap())
}

/// What one iteration asks for, the same number in each, however many there are.
fn per_iteration<V: ShortTermValue>(problem: &AssignmentProblem<BlockFading, V>) -> Allocations {
    // Two lists of records, one of the optimizer and one in the caller's units, double when twice as many iterations run.
    const LISTS: usize = 2;
    let [first, last] = [16, 64].map(|iterations| {
        let (few, many) = (run(problem, iterations).1, run(problem, 2 * iterations).1);
        let count = many.count - few.count - LISTS;
        assert_eq!(count % iterations, 0, "{count} allocations in {iterations} iterations");
        Allocations { count: count / iterations, bytes: (many.bytes - few.bytes) / iterations }
    });
    assert_eq!(first, last);
    last
}

/// Nothing is kept from iteration to iteration but the method's memory. What still allocates, for each device: the channels drawn; the
/// singular or eigenvalue decompositions before the method starts; multipliers and their factors as they are handed over, made feasible,
/// certified and differentiated. And once: `X` on the same way; the point, its record and its subproblem with the re-check.
#[test]
fn an_iteration_allocates_the_same_every_time() {
    let most =
        [(Relaxation::LambdaMin, 96, 24), (Relaxation::TraceInverse, 110, 35), (Relaxation::Mmse, 112, 41)];
    for (relaxation, once, each) in most {
        let value = RelaxedMse::new(relaxation, 1.0).unwrap();
        for devices in [4, 8] {
            let (kept, anew) = (problem(devices, value), problem(devices, Anew(value)));
            // The first run of a thread also initializes what the linear algebra keeps for good.
            assert_eq!(run(&kept, 3).0, run(&anew, 3).0);
            let (kept, anew) = (per_iteration(&kept), per_iteration(&anew));
            assert!(kept.count <= once + each * devices, "{relaxation:?}, {devices} devices: {kept:?}");
            assert!(
                10 * kept.bytes < 7 * anew.bytes,
                "{relaxation:?}, {devices} devices: {kept:?}, {anew:?}"
            );
        }
    }
}
