//! The iterations of refinement allocate nothing.

mod common;

use common::counting::{Counting, allocations};
use common::paper_problem;
use solver::channel::{BlockFading, Fading};
use solver::recovery::{Refined, Refinement, refine, refine_zero_forcing};

#[global_allocator]
static COUNTING: Counting = Counting;

/// Nine more iterations per descent, and not one more allocation: from the first on, as L-BFGS fills its memory, and when it is full.
fn check(refine: impl Fn(&Refinement) -> Refined) {
    let run = |max_iterations| {
        let (refined, allocated) = allocations(|| refine(&Refinement { decrease: 0.0, max_iterations }));
        assert!(!refined.converged, "{max_iterations} iterations were meant to be too few");
        (refined.iterations, allocated)
    };
    // The first run of a thread also initializes what the linear algebra keeps for good.
    run(20);
    for (few, many) in [(1, 10), (20, 29)] {
        let ((few, before), (many, after)) = (run(few), run(many));
        assert!(many - few >= 9);
        assert!(before.count > 0);
        assert_eq!(before, after, "{} iterations", many - few);
    }
}

/// Either refinement, with devices of all streams and of some.
#[test]
fn iterations_do_not_allocate() {
    let start = BlockFading::new(Fading::RAYLEIGH, 20, &[4], 1).unwrap().block(0).remove(0);
    let some = paper_problem(3, 6).with_device_streams(vec![vec![0, 1, 2, 3], vec![1], vec![0, 3]]).unwrap();
    for problem in [paper_problem(4, 3), paper_problem(8, 3), some] {
        check(|options| refine(&problem, start.as_ref(), options).unwrap());
        check(|options| refine_zero_forcing(&problem, start.as_ref(), options).unwrap());
    }
}
