//! The `lambda_min` relaxation in the paper's setting, beside Clarabel's semidefinite cone on the same instances
//! (feature `clarabel-sdp`).
//!
//! Ours is timed whole: rank check, interior-point iterations, certificate; on the peer's instance with new memory for each solution,
//! and over a run of fading blocks with one [`Solver`], where no one channel's count of iterations decides. Clarabel is timed from a solver that is set
//! up (model built, data scaled, symbolic factorization done) to its last iteration, and stops at a relative gap and
//! residuals of 1e-6. Before anything is timed, every answer is compared with ours.

use benches::{paper_blocks, paper_problem};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use solver::Problem;
use solver::relaxation::{Options, Relaxation, Solver, lambda_min};
use std::hint::black_box;
use std::time::Duration;

const SEED: u64 = 7;
/// Fading blocks of a run.
const BLOCKS: usize = 20;

fn main() {
    #[cfg(feature = "clarabel-sdp")]
    benches::clarabel_sdp::use_one_thread();
    #[cfg(not(feature = "clarabel-sdp"))]
    println!("ours alone: the peer needs `--features clarabel-sdp` (see benches/README.md)");

    let mut criterion = Criterion::default().configure_from_args();
    for devices in [2, 4, 8, 16, 32, 128] {
        let problem = paper_problem(devices, SEED).expect("a valid instance");
        ours(&mut criterion, devices, &problem);
        run_of_blocks(&mut criterion, devices);
        // Beyond that the peer takes minutes.
        #[cfg(feature = "clarabel-sdp")]
        if devices <= 16 {
            peer::clarabel(&mut criterion, devices, &problem);
        }
    }
    criterion.final_summary();
}

fn options(relative_gap: f64) -> Options {
    Options { relative_gap, ..Options::default() }
}

fn ours(criterion: &mut Criterion, devices: usize, problem: &Problem) {
    let mut group = criterion.benchmark_group("lambda_min");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(if devices <= 16 { 50 } else { 10 })
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    let gaps: &[f64] = if devices == 8 { &[1e-6, 1e-9] } else { &[1e-6] };
    for &gap in gaps {
        let solution = lambda_min::solve(problem, &options(gap)).expect("a solution");
        let certificate = solution.certificate;
        println!(
            "N = {devices}, ours at {gap:e}: {} iterations, certified gap {:.1e}",
            solution.iterations,
            certificate.relative_gap()
        );
        group.bench_with_input(BenchmarkId::new(format!("ours {gap:e}"), devices), problem, |b, problem| {
            b.iter(|| lambda_min::solve(black_box(problem), &options(gap)));
        });
    }
    group.finish();
}

/// Criterion's time is that of all blocks together, its throughput that of one.
fn run_of_blocks(criterion: &mut Criterion, devices: usize) {
    let problems = paper_blocks(devices, SEED, BLOCKS).expect("valid instances");
    let mut solver = Solver::new(Relaxation::LambdaMin, options(1e-6)).expect("valid options");
    let mut solve =
        || problems.iter().map(|problem| solver.solve(black_box(problem)).map(|s| s.iterations)).sum();
    let iterations: Result<usize, _> = solve();
    println!(
        "N = {devices}, {BLOCKS} blocks: {:.2} iterations each",
        iterations.expect("solutions") as f64 / BLOCKS as f64
    );
    let mut group = criterion.benchmark_group("lambda_min");
    group
        .sampling_mode(SamplingMode::Flat)
        .throughput(Throughput::Elements(BLOCKS as u64))
        .sample_size(if devices <= 16 { 50 } else { 10 })
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    group.bench_function(BenchmarkId::new(format!("ours 1e-6, {BLOCKS} blocks"), devices), |b| {
        b.iter(&mut solve)
    });
    group.finish();
}

#[cfg(feature = "clarabel-sdp")]
mod peer {
    use super::options;
    use benches::clarabel_sdp::{Factorization, Form, Model};
    use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode};
    use solver::Problem;
    use solver::relaxation::lambda_min;
    use std::time::{Duration, Instant};

    const TOLERANCE: f64 = 1e-6;
    const AGREEMENT: f64 = 1e-4;

    pub fn clarabel(criterion: &mut Criterion, devices: usize, problem: &Problem) {
        let ours = lambda_min::solve(problem, &options(1e-9)).expect("a solution").certificate.upper;
        let mut group = criterion.benchmark_group("lambda_min");
        group.sampling_mode(SamplingMode::Flat).sample_size(10).warm_up_time(Duration::from_millis(1));
        for (form, factorization) in [
            (Form::Dual, Factorization::Supernodal),
            (Form::Primal, Factorization::Supernodal),
            (Form::Dual, Factorization::Qdldl),
        ] {
            let name = format!("Clarabel {form:?} {factorization:?} {TOLERANCE:e}");
            let model = Model::new(problem, form);
            let start = Instant::now();
            let answer = model.solve(factorization, TOLERANCE);
            group.measurement_time((start.elapsed() * 12).max(Duration::from_secs(1)));
            let certificate = answer.certificate.expect("a certificate from its points");
            println!(
                "N = {devices}, {name}: {}, {} iterations, certified gap {:.1e}",
                answer.status,
                answer.iterations,
                certificate.relative_gap()
            );
            let difference = (answer.value - ours).abs() / ours;
            assert!(difference <= AGREEMENT, "{name} says {}, ours {ours}", answer.value);
            assert!(certificate.relative_gap() <= AGREEMENT, "{name}: {certificate:?}");
            group.bench_with_input(BenchmarkId::new(name, devices), &model, |b, model| {
                b.iter_batched(
                    || model.prepare(factorization, TOLERANCE),
                    |mut run| {
                        run.solve();
                        run
                    },
                    BatchSize::PerIteration,
                );
            });
        }
        group.finish();
    }
}
