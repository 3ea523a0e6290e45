//! `Designer`: transceivers along a sequence, and when it searches anew.

use crate::common::paper_problem;
use crate::design::{check, random_problem};
use faer::{Mat, c64};
use solver::Problem;
use solver::channel::{BlockFading, Fading};
use solver::recovery::{Design, DesignOptions, Designer, Method, design, lower_bound, refine};

/// The problem with this much of the way to the other's channels.
fn changed(base: &Problem, other: &Problem, share: f64) -> Problem {
    let change = |(a, b): (&Mat<c64>, &Mat<c64>)| {
        Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] + (b[(i, j)] - a[(i, j)]) * share)
    };
    let channels = base.channels().iter().zip(other.channels()).map(change).collect();
    Problem::new(channels, base.transmit_power().to_vec(), base.noise_power()).unwrap()
}

fn bits(design: &Design) -> (u64, Option<u64>, Method, usize) {
    (design.mse.to_bits(), design.bound.map(f64::to_bits), design.method, design.iterations)
}

/// A channel that changed a little: the last aggregator leads to a design as good as a new one, in fewer iterations, with a bound as good.
#[test]
fn a_designer_tracks_a_slow_channel() {
    let options = DesignOptions::default();
    let base = paper_problem(8, 1);
    let problem = changed(&base, &paper_problem(8, 2), 0.05);
    let mut designer = Designer::new(options).unwrap();
    assert_eq!(bits(designer.design(&base).unwrap()), bits(&design(&base, &options).unwrap()));
    let cold = design(&problem, &options).unwrap();
    let warm = designer.design(&problem).unwrap();
    check(&problem, warm);
    assert_eq!(warm.method, Method::Last);
    assert!(2 * warm.iterations < cold.iterations, "{} {}", warm.iterations, cold.iterations);
    assert!(warm.mse < 1.02 * cold.mse, "{} {}", warm.mse, cold.mse);
    let (warm, cold) = (warm.bound.unwrap(), cold.bound.unwrap());
    assert!((warm - cold).abs() <= options.relaxation.relative_gap * cold, "{warm} {cold}");
    let alone = lower_bound(&problem, &options.relaxation).unwrap();
    assert_eq!(alone.to_bits(), cold.to_bits());
    designer.forget();
    assert_eq!(bits(designer.design(&problem).unwrap()), bits(&design(&problem, &options).unwrap()));
}

/// Whatever the channels do, a design that is not from a search is within the drift of the last that is, and one that is from a search
/// is no worse than refining the last. Without drift there are searches, with infinite drift there are none.
#[test]
fn a_designer_searches_where_its_certificate_says_so() {
    let mut blocks = vec![paper_problem(4, 1)];
    for seed in 2..14 {
        blocks.push(changed(&blocks[blocks.len() - 1], &paper_problem(4, seed), 0.4));
    }
    let searches = [0.0, 1e-3, 1e9].map(|drift| {
        let options = DesignOptions { drift, starts: 4, finalists: 2, ..Default::default() };
        let mut designer = Designer::new(options).unwrap();
        let (mut least, mut last) = (f64::INFINITY, None::<Mat<c64>>);
        let mut searches = 0;
        for problem in &blocks {
            let design = designer.design(problem).unwrap();
            check(problem, design);
            let ratio = design.mse / design.bound.unwrap();
            let refined = last.map(|last| refine(problem, last.as_ref(), &options.refinement).unwrap().mse);
            if let Some(refined) = refined {
                assert!(design.mse <= refined, "{} {refined}", design.mse);
            }
            if refined.is_some_and(|refined| refined / design.bound.unwrap() <= (1.0 + drift) * least) {
                assert_eq!(design.method, Method::Last);
                least = least.min(ratio);
            } else {
                (least, searches) = (ratio, searches + 1);
            }
            last = Some(design.transceiver.aggregator().to_owned());
        }
        searches
    });
    let [strict, some, never] = searches;
    assert!(never == 1 && 1 < some && some <= strict && strict < blocks.len(), "{searches:?}");
}

/// Another kind of problem is searched anew, whatever the drift: other sizes, streams, powers, variances, noise, other channels. A little more
/// power, and a little change of the channels, is none.
#[test]
fn a_designer_searches_problems_of_another_kind() {
    let options = DesignOptions { drift: 1e9, ..Default::default() };
    let base = paper_problem(3, 1);
    let channels = || base.channels().to_vec();
    let with = |powers: [f64; 3], noise| Problem::new(channels(), powers.to_vec(), noise).unwrap();
    let follows = |problem: &Problem| {
        let mut designer = Designer::new(options).unwrap();
        designer.design(&base).unwrap();
        let found = designer.design(problem).unwrap();
        check(problem, found);
        found.iterations < design(problem, &options).unwrap().iterations
    };
    let one_jumps = {
        let mut channels = channels();
        channels[1] = paper_problem(3, 2).channels()[1].clone() * faer::Scale(c64::new(0.0, 1.0));
        Problem::new(channels, vec![1.0; 3], 1.0).unwrap()
    };
    for (other, name) in [
        (paper_problem(2, 1), "a device less"),
        (random_problem(6, &[3, 5, 4], 1.0, 2), "other antennas"),
        (base.clone().with_streams(2).unwrap(), "fewer streams"),
        (
            base.clone().with_device_streams(vec![vec![0, 1, 2, 3], vec![1], vec![0, 3]]).unwrap(),
            "own streams",
        ),
        (with([1.0, 1.5, 1.0], 1.0), "more power"),
        (with([1.0; 3], 0.5), "less noise"),
        (base.clone().with_signal_variance(vec![1.0, 1.0, 0.5]).unwrap(), "less variance"),
        (one_jumps, "another channel"),
    ] {
        assert!(!follows(&other), "{name}");
    }
    assert!(follows(&with([1.0, 1.2, 0.9], 1.1)));
    assert!(follows(&changed(&base, &paper_problem(3, 2), 0.1)));
}

/// After a problem with a loose bound, or at another signal-to-noise ratio, `mse/bound` of before says nothing.
#[test]
fn a_designer_forgets_ratios_of_another_kind() {
    let rayleigh = |receive, antennas: &[usize], noise, seed| {
        let channels = BlockFading::new(Fading::RAYLEIGH, receive, antennas, seed).unwrap().block(0);
        Problem::new(channels, vec![1.0; antennas.len()], noise).unwrap()
    };
    let options = DesignOptions::default();
    let all = rayleigh(8, &[2; 6], 0.01, 2);
    let loose = [
        (rayleigh(8, &[4; 6], 0.01, 1).with_streams(2).unwrap(), all.clone()),
        (all.clone().with_device_streams((0..6).map(|n| vec![n % 2]).collect()).unwrap(), all.clone()),
        (rayleigh(8, &[2; 16], 1e-3, 3), rayleigh(8, &[2; 4], 1e-3, 4)),
        (rayleigh(8, &[2; 6], 1e-9, 2), all),
    ];
    for (before, problem) in loose {
        let mut designer = Designer::new(options).unwrap();
        designer.design(&before).unwrap();
        let cold = design(&problem, &options).unwrap();
        let warm = designer.design(&problem).unwrap();
        assert!(warm.mse <= cold.mse * 1.01, "{} {}", warm.mse, cold.mse);
    }
}
