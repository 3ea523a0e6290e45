//! The two smooth relaxations, `trace_inverse` and `mmse`, in the paper's setting, timed whole: reduction, interior-point
//! iterations, certificate.

use benches::paper_problem;
use criterion::{BenchmarkId, Criterion, SamplingMode};
use solver::relaxation::{Options, Relaxation};
use std::hint::black_box;
use std::time::Duration;

const SEED: u64 = 7;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for relaxation in [Relaxation::TraceInverse, Relaxation::Mmse] {
        let mut group = criterion.benchmark_group(relaxation.name());
        group
            .sampling_mode(SamplingMode::Flat)
            .sample_size(20)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1));
        for devices in [2, 4, 8, 16, 32, 128] {
            let problem = paper_problem(devices, SEED).expect("a valid instance");
            for relative_gap in [1e-4, 1e-6] {
                let options = Options { relative_gap, ..Options::default() };
                let solution = relaxation.solve(&problem, &options).expect("a solution");
                println!(
                    "{} N = {devices} at {relative_gap:e}: {} iterations, certified gap {:.1e}",
                    relaxation.name(),
                    solution.iterations,
                    solution.certificate.relative_gap()
                );
                let id = BenchmarkId::new(format!("{relative_gap:e}"), devices);
                group.bench_with_input(id, &problem, |b, problem| {
                    b.iter(|| relaxation.solve(black_box(problem), &options));
                });
            }
        }
        group.finish();
    }
    criterion.final_summary();
}
