//! From the relaxation to a transceiver and its bound, in the paper's setting: Gaussian randomization, refinement of P_s, the
//! `mmse` lower bound, and `design`, which does it all, cold and from the last aggregator.

use benches::paper_problem;
use criterion::{BenchmarkId, Criterion, SamplingMode};
use solver::recovery::{
    DesignOptions, Randomization, Refinement, design, gaussian_randomization, lower_bound, redesign, refine,
    refine_zero_forcing,
};
use solver::relaxation::{Options, lambda_min};
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
    let options = DesignOptions::default();
    for devices in [4, 8, 16] {
        let problem = paper_problem(devices, SEED).expect("a valid instance");
        let relaxed = lambda_min::solve(&problem, &Options::default()).expect("a solution").primal;
        let paper =
            gaussian_randomization(&problem, relaxed.as_ref(), &randomization).expect("a transceiver");
        let designed = design(&problem, &options).expect("a transceiver");
        println!(
            "N = {devices}: {:?}, {} iterations, {:.2} % above its bound",
            designed.method,
            designed.iterations,
            100.0 * designed.gap().expect("a bound")
        );
        group.bench_function(BenchmarkId::new("gaussian_randomization, 100 draws", devices), |b| {
            b.iter(|| gaussian_randomization(black_box(&problem), relaxed.as_ref(), &randomization));
        });
        group.bench_function(BenchmarkId::new("refine", devices), |b| {
            b.iter(|| refine(black_box(&problem), paper.aggregator(), &refinement));
        });
        group.bench_function(BenchmarkId::new("refine_zero_forcing", devices), |b| {
            b.iter(|| refine_zero_forcing(black_box(&problem), paper.aggregator(), &refinement));
        });
        group.bench_function(BenchmarkId::new("lower_bound, gap 1e-3", devices), |b| {
            b.iter(|| lower_bound(black_box(&problem), &options.relaxation));
        });
        group.bench_function(BenchmarkId::new("design", devices), |b| {
            b.iter(|| design(black_box(&problem), &options));
        });
        group.bench_function(BenchmarkId::new("redesign", devices), |b| {
            b.iter(|| redesign(black_box(&problem), designed.transceiver.aggregator(), &options));
        });
    }
    group.finish();
    criterion.final_summary();
}
