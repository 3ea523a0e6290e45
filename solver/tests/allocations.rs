//! The interior-point methods' iterations allocate nothing.

mod common;

use common::counting::{Counting, allocations};
use common::paper_problem;
use solver::Error;
use solver::relaxation::{Options, Relaxation, Solver};

#[global_allocator]
static COUNTING: Counting = Counting;

/// Two more iterations, and not one more allocation, whichever unknowns Newton's method keeps.
#[test]
fn iterations_do_not_allocate() {
    for relaxation in Relaxation::ALL {
        for devices in [8, 40] {
            let problem = paper_problem(devices, 3);
            let allocated = |max_iterations: usize| {
                let options = Options { max_iterations, relative_gap: 1e-11 };
                let mut solver = Solver::new(relaxation, options).unwrap();
                let (result, allocated) = allocations(|| solver.solve(&problem));
                match result {
                    Err(Error::NotConverged { iterations, .. }) => assert_eq!(iterations, max_iterations),
                    other => panic!("{max_iterations} iterations were meant to be too few: {other:?}"),
                }
                allocated
            };
            // The first solve of a process also initializes what the linear algebra keeps for good.
            allocated(3);
            let few = allocated(3);
            assert!(few.count > 0);
            assert_eq!(few, allocated(5), "{relaxation:?}, {devices} devices");
        }
    }
}
