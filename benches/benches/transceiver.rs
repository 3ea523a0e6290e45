//! From the relaxation to a transceiver and its bound, in the paper's setting: Gaussian randomization, refinement of
//! P_s, and the `mmse` lower bound.

use benches::paper_problem;
use criterion::{BenchmarkId, Criterion, SamplingMode};
use solver::recovery::{Randomization, Refinement, gaussian_randomization, refine};
use solver::relaxation::{Options, lambda_min, mmse};
use std::hint::black_box;
use std::time::Duration;

const SEED: u64 = 7;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("transceiver");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1));
    let randomization = Randomization { draws: 100, ..Randomization::default() };
    let refinement = Refinement::default();
    // Its convergence is linear: 1e-4 is what a gap of percents needs.
    let bound_options = Options { relative_gap: 1e-4, ..Options::default() };
    for devices in [4, 8] {
        let problem = paper_problem(devices, SEED).expect("a valid instance");
        let relaxed = lambda_min::solve(&problem, &Options::default()).expect("a solution").primal;
        let paper =
            gaussian_randomization(&problem, relaxed.as_ref(), &randomization).expect("a transceiver");
        let refined = refine(&problem, paper.aggregator(), &refinement).expect("a transceiver");
        let bound = mmse::lower_bound(&problem, &bound_options).expect("a bound").expect("L = T");
        println!(
            "N = {devices}: refined in {} iterations, {:.2} % above its bound",
            refined.iterations,
            100.0 * (refined.mse / bound - 1.0)
        );
        group.bench_function(BenchmarkId::new("gaussian_randomization, 100 draws", devices), |b| {
            b.iter(|| gaussian_randomization(black_box(&problem), relaxed.as_ref(), &randomization));
        });
        group.bench_function(BenchmarkId::new("refine", devices), |b| {
            b.iter(|| refine(black_box(&problem), paper.aggregator(), &refinement));
        });
        group.bench_function(BenchmarkId::new("mmse::lower_bound, gap 1e-4", devices), |b| {
            b.iter(|| mmse::lower_bound(black_box(&problem), &bound_options));
        });
    }
    group.finish();
    criterion.final_summary();
}
