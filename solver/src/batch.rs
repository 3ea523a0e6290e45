//! Many independent problems at once.
//!
//! A *batch* is a set of problems that have nothing to do with each other: other cells, other seeds, other powers. [`solve`] works on
//! them in parallel. A *sequence* is one system over time, whose channels change little from block to block: there a
//! [`relaxation::Solver`](crate::relaxation::Solver) runs in order: it keeps its memory, and starts `trace_inverse` and `mmse` from the last
//! solution, which a batch cannot. Several sequences are a batch of sequences:
//!
//! ```
//! use solver::batch;
//! use solver::prelude::*;
//!
//! // Three cells, each with its own correlated channels over five blocks.
//! let cells = [1, 2, 3];
//! let gaps: Vec<Result<f64, Error>> = batch::solve(&cells, |&seed| {
//!     let mut solver = Solver::new(Relaxation::Mmse, Default::default())?;
//!     let mut worst = 0.0_f64;
//!     for channels in GaussMarkov::new(Fading::PAPER, 0.99, 8, &[2; 3], seed)?.take(5) {
//!         let problem = Problem::new(channels, vec![1.0; 3], 1.0)?;
//!         worst = worst.max(solver.solve(&problem)?.certificate.relative_gap());
//!     }
//!     Ok(worst)
//! });
//! assert!(gaps.iter().all(|gap| matches!(gap, Ok(gap) if *gap <= 1e-7)));
//! ```

/// Applies `solve` to every problem and returns what it returns, in the order of the problems.
///
/// With the feature `parallel` the problems are shared out over the current rayon thread pool: the global one, or the one inside whose
/// `install` this is called. Without it they are worked on one by one. The results are the same to the last bit, as long as `solve` is a
/// function of its argument alone, like everything in this crate.
///
/// Where `solve` returns a `Result`, so does each problem: one bad channel does not lose the others.
///
/// ```
/// use solver::batch;
/// use solver::prelude::*;
///
/// let blocks = BlockFading::new(Fading::PAPER, 8, &[2; 3], 7)?;
/// let problems: Vec<Problem> =
///     blocks.take(4).map(|channels| Problem::new(channels, vec![1.0; 3], 1.0)).collect::<Result<_, _>>()?;
/// let bounds = batch::solve(&problems, |problem| relaxation::mmse::lower_bound(problem, &Default::default()));
/// assert!(bounds.iter().all(|bound| matches!(bound, Ok(Some(bound)) if *bound > 0.0)));
/// # Ok::<(), Error>(())
/// ```
pub fn solve<P: Sync, S: Send>(problems: &[P], solve: impl Fn(&P) -> S + Sync) -> Vec<S> {
    crate::parallel::map(problems.len(), |index| solve(&problems[index]))
}
