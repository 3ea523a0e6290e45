//! What the iterations of refinement allocate once its vectors are warm: nothing of ours, and little of argmin's.

mod common;

use common::counting::{Allocations, Counting, allocations};
use common::paper_problem;
use solver::channel::{BlockFading, Fading};
use solver::recovery::{Refined, Refinement, refine, refine_zero_forcing};

#[global_allocator]
static COUNTING: Counting = Counting;

/// Per iteration argmin's L-BFGS makes two lists of the curvature pairs' coefficients and a record of its step (a name and a table), and its
/// line search an interrupt flag and a table of evaluation counts: 517 bytes. A vector of the aggregator's size would be 1280 bytes.
const PER_ITERATION: Allocations = Allocations { count: 6, bytes: 600 };

/// Refines for 20 iterations per descent, in which L-BFGS fills its memory, and for 9 more.
fn check(refine: impl Fn(&Refinement) -> Refined) {
    let run = |max_iterations| {
        let (refined, allocated) = allocations(|| refine(&Refinement { decrease: 0.0, max_iterations }));
        assert!(!refined.converged, "{max_iterations} iterations were meant to be too few");
        (refined.iterations, allocated)
    };
    // The first run of a thread also initializes what the linear algebra keeps for good.
    run(20);
    let ((few, before), (many, after)) = (run(20), run(29));
    let more = many - few;
    assert!(more >= 9);
    assert!(after.count - before.count <= more * PER_ITERATION.count, "{more}: {before:?} {after:?}");
    assert!(after.bytes - before.bytes <= more * PER_ITERATION.bytes, "{more}: {before:?} {after:?}");
}

/// Either refinement, with devices of all streams and of some.
#[test]
fn iterations_allocate_what_argmin_does() {
    let start = BlockFading::new(Fading::RAYLEIGH, 20, &[4], 1).unwrap().block(0).remove(0);
    let some = paper_problem(3, 6).with_device_streams(vec![vec![0, 1, 2, 3], vec![1], vec![0, 3]]).unwrap();
    for problem in [paper_problem(4, 3), paper_problem(8, 3), some] {
        check(|options| refine(&problem, start.as_ref(), options).unwrap());
        check(|options| refine_zero_forcing(&problem, start.as_ref(), options).unwrap());
    }
}
