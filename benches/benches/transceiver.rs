//! From the relaxation to a transceiver and its bound, in the paper's setting: Gaussian randomization, refinement of P_s, the
//! `mmse` lower bound, and `design`, which does it all; then a sequence of correlated channels, designed anew in every block and tracked.

use benches::{correlated_blocks, paper_problem};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use solver::Error;
use solver::recovery::{
    DesignOptions, Designer, Method, Randomization, Refinement, design, gaussian_randomization, lower_bound,
    refine, refine_zero_forcing,
};
use solver::relaxation::{Options, lambda_min};
use std::hint::black_box;
use std::time::Duration;

const SEED: u64 = 7;
/// Blocks of a sequence, after the first.
const BLOCKS: usize = 40;
/// Between one block and the next.
const CORRELATION: f64 = 0.99;

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
        sequence(&mut group, devices);
    }
    group.finish();
    criterion.final_summary();
}

/// Criterion's time is that of all blocks together, its throughput that of one.
fn sequence(group: &mut BenchmarkGroup<'_, WallTime>, devices: usize) {
    let problems = correlated_blocks(devices, SEED, CORRELATION, BLOCKS + 1).expect("valid instances");
    let (first, blocks) = problems.split_first().expect("a block");
    let options = DesignOptions::default();
    let anew = || blocks.iter().map(|problem| design(black_box(problem), &options).map(|d| d.mse)).sum();
    let mut start = Designer::new(options).expect("valid options");
    start.design(first).expect("a transceiver");
    let mut replaced = 0;
    let mut track = |mut designer: Designer| -> Result<f64, Error> {
        replaced = 0;
        let mse = |problem| {
            let design = designer.design(black_box(problem))?;
            replaced += usize::from(design.method != Method::Last);
            Ok(design.mse)
        };
        blocks.iter().map(mse).sum()
    };
    let (cold, tracked): (Result<f64, Error>, _) = (anew(), track(start.clone()));
    let loss = tracked.expect("transceivers") / cold.expect("transceivers") - 1.0;
    println!("N = {devices}, {BLOCKS} blocks: tracked MSE {:.2} % above designed anew", 100.0 * loss);
    group.throughput(Throughput::Elements(BLOCKS as u64));
    group.bench_function(BenchmarkId::new("design, 40 blocks", devices), |b| b.iter(anew));
    group.bench_function(BenchmarkId::new("Designer, 40 blocks", devices), |b| {
        b.iter_batched(|| start.clone(), &mut track, BatchSize::LargeInput);
    });
    println!("N = {devices}: {replaced} of {BLOCKS} replaced");
}
