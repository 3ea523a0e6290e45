//! The iterations of refinement and of alternation and the draws of a randomization allocate nothing.

mod common;

use common::counting::{Allocations, Counting, allocations};
use common::paper_problem;
use faer::Mat;
use solver::Problem;
use solver::channel::{BlockFading, Fading};
use solver::csi::{Alternation, ChannelError, alternate};
use solver::num_complex::Complex64;
use solver::recovery::{
    Randomization, Refined, Refinement, alternating, gaussian_randomization, refine, refine_zero_forcing,
};

#[global_allocator]
static COUNTING: Counting = Counting;

/// A direction for each stream.
fn start(problem: &Problem) -> Mat<Complex64> {
    let (rows, streams) = (problem.receive_antennas(), problem.streams());
    BlockFading::new(Fading::RAYLEIGH, rows, &[streams], 1).unwrap().block(0).remove(0)
}

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

/// Devices of all streams and of some.
fn streams_of_their_own() -> Problem {
    paper_problem(3, 6).with_device_streams(vec![vec![0, 1, 2, 3], vec![1], vec![0, 3]]).unwrap()
}

#[test]
fn iterations_do_not_allocate() {
    for problem in [paper_problem(4, 3), paper_problem(8, 3), streams_of_their_own()] {
        let start = start(&problem);
        check(|options| refine(&problem, start.as_ref(), options).unwrap());
        check(|options| refine_zero_forcing(&problem, start.as_ref(), options).unwrap());
    }
}

/// Devices that serve all streams, with as many antennas, more, or more than the receiver; that serve streams of their own, the fewer the
/// more antennas. Power is short for those with fewer antennas than there are streams: where it is not, the end looks closer at them.
fn problems() -> Vec<Problem> {
    let problem = |rows, widths: &[usize], power| {
        let channels = BlockFading::new(Fading::PAPER, rows, widths, 3).unwrap().block(0);
        Problem::new(channels, vec![power; widths.len()], 1.0).unwrap()
    };
    let few = problem(3, &[4, 5, 4], 1.0).with_streams(3).unwrap();
    let more = problem(12, &[4, 7, 5], 1.0).with_streams(3).unwrap();
    let own = problem(12, &[2, 7, 4], 1e-3).with_device_streams(vec![vec![1, 3], vec![0], vec![0, 1, 2, 3]]);
    vec![paper_problem(1, 3), paper_problem(8, 3), few, more, own.unwrap(), problem(70, &[3, 3], 1.0)]
}

/// Twice as many rounds, and not one more allocation. `run` takes as many rounds as it is told to.
fn check_rounds(problem: &Problem, run: impl Fn(usize) -> Allocations) {
    // The first run of a thread also initializes what the linear algebra keeps for good.
    run(12);
    for rounds in [2, 12] {
        let (once, twice) = (run(rounds), run(2 * rounds));
        assert!(once.count > 0);
        let shapes: Vec<_> = problem.channels().iter().map(Mat::shape).collect();
        assert_eq!(once, twice, "{rounds} rounds more, {shapes:?}, {:?}", problem.device_streams());
    }
}

#[test]
fn rounds_of_alternation_do_not_allocate() {
    for problem in problems() {
        let start = start(&problem);
        check_rounds(&problem, |rounds| {
            let options = Refinement { decrease: 0.0, max_iterations: rounds as u64 };
            let (refined, allocated) =
                allocations(|| alternating(&problem, start.as_ref(), &options).unwrap());
            assert_eq!(refined.iterations, rounds);
            allocated
        });
    }
}

#[test]
fn rounds_on_the_averaged_error_do_not_allocate() {
    for problem in problems() {
        let start = start(&problem);
        let error = ChannelError::new((0..problem.devices()).map(|n| 0.1 * n as f64).collect()).unwrap();
        check_rounds(&problem, |rounds| {
            let options = Alternation { decrease: 0.0, max_iterations: rounds };
            let (improved, allocated) =
                allocations(|| alternate(&problem, &error, start.as_ref(), &options).unwrap());
            assert_eq!(improved.iterations, rounds);
            allocated
        });
    }
}

/// Where zero forcing exists, and on one thread: every other has memory of its own.
#[test]
fn draws_do_not_allocate() {
    let thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let forced = |problem: &Problem| problem.channels().iter().all(|h| h.ncols() >= problem.streams());
    for problem in problems().into_iter().filter(forced).chain([streams_of_their_own()]) {
        let side = problem.receive_antennas();
        let relaxed = Mat::<Complex64>::identity(side, side);
        thread.install(|| {
            check_rounds(&problem, |draws| {
                let options = Randomization { draws, seed: 1 };
                allocations(|| gaussian_randomization(&problem, relaxed.as_ref(), &options).unwrap()).1
            });
        });
    }
}
