//! Batches: order, errors and every bit of the results are those of working through the problems one by one.

use crate::common::paper_problem;
use faer::{Mat, c64};
use solver::recovery::{Randomization, gaussian_randomization, refine};
use solver::relaxation::lambda_min;
use solver::{Error, Problem, Quantity, batch};

/// Twelve unequal problems; those at 4 and 9 have a channel without full column rank.
fn problems() -> Vec<Problem> {
    let problem = |index: usize| {
        let problem = paper_problem(1 + index % 3, index as u64);
        if ![4, 9].contains(&index) {
            return problem;
        }
        let mut channels = problem.channels().to_vec();
        channels[0] = Mat::from_fn(20, 4, |i, _| channels[0][(i, 0)]);
        let devices = channels.len();
        Problem::new(channels, vec![1.0; devices], 1.0).unwrap()
    };
    (0..12).map(problem).collect()
}

/// The whole pipeline: an error of one bit anywhere would show in these.
fn pipeline(problem: &Problem) -> Result<(Mat<c64>, u64, u64), Error> {
    let relaxed = lambda_min::solve(problem, &Default::default())?;
    let randomization = Randomization { draws: 20, ..Default::default() };
    let start = gaussian_randomization(problem, relaxed.primal.as_ref(), &randomization)?;
    let refined = refine(problem, start.aggregator(), &Default::default())?;
    let aggregator = refined.transceiver.aggregator().to_owned();
    Ok((aggregator, refined.mse.to_bits(), relaxed.certificate.lower.to_bits()))
}

#[test]
fn a_batch_is_its_problems_one_by_one() {
    let problems = problems();
    let one_by_one: Vec<_> = problems.iter().map(pipeline).collect();
    assert_eq!(batch::solve(&problems, pipeline), one_by_one);
    for (index, result) in one_by_one.iter().enumerate() {
        let failed =
            matches!(result, Err(Error::RankDeficient { quantity: Quantity::Channel, device: 0, .. }));
        assert_eq!(failed, [4, 9].contains(&index), "{index}: {result:?}");
    }
    assert!(batch::solve(&Vec::<Problem>::new(), pipeline).is_empty());
}

#[cfg(feature = "parallel")]
#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let problems = problems();
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| batch::solve(&problems, |problem| (rayon::current_num_threads(), pipeline(problem))))
    };
    let one_by_one: Vec<_> = problems.iter().map(pipeline).collect();
    for threads in [1, 2, 4] {
        for (index, (pool, result)) in on(threads).into_iter().enumerate() {
            assert_eq!((pool, &result), (threads, &one_by_one[index]));
        }
    }
}
