//! The interior-point methods' iterations allocate nothing.
// A global allocator is an unsafe trait; this one only counts and passes on.
#![allow(unsafe_code)]

mod common;

use common::paper_problem;
use solver::relaxation::{Options, Relaxation, Solver};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Three more iterations, and not one more allocation, whichever unknowns Newton's method keeps.
#[test]
fn iterations_do_not_allocate() {
    for relaxation in Relaxation::ALL {
        for devices in [8, 40] {
            let problem = paper_problem(devices, 3);
            let allocations = |max_iterations: usize| {
                let options = Options { max_iterations, relative_gap: 1e-11 };
                let mut solver = Solver::new(relaxation, options).unwrap();
                let before = ALLOCATIONS.load(Ordering::Relaxed);
                assert!(
                    solver.solve(&problem).is_err(),
                    "{max_iterations} iterations were meant to be too few"
                );
                ALLOCATIONS.load(Ordering::Relaxed) - before
            };
            // The first solve of a process also initializes what the linear algebra keeps for good.
            allocations(4);
            let few = allocations(4);
            assert!(few > 0);
            assert_eq!(few, allocations(7), "{relaxation:?}, {devices} devices");
        }
    }
}
