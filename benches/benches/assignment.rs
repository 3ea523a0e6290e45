//! Algorithm 1 in the paper's setting (R = 20, T = 4, one block an iteration), and the parts that its time goes to: short-term
//! values, and subproblems (21) by each backend.

use benches::{PAPER_RECEIVE_ANTENNAS, PAPER_TRANSMIT_ANTENNAS};
use criterion::{BenchmarkId, Criterion, SamplingMode};
use solver::assignment::{
    AssignmentOptions, AssignmentProblem, GapSampling, RelaxedMse, assign, optimality_gap,
};
use solver::channel::{BlockFading, Fading};
use solver::power::{Accounting, EnergyModel};
use solver::relaxation::Relaxation;
use solver::sca::subproblem::{ClarabelBackend, Goal, NativeBackend, Subproblem, SubproblemSolver};
use solver::sca::{Polyhedron, Surrogate};
use std::hint::black_box;
use std::time::Duration;

const SEED: u64 = 7;
const ITERATIONS: usize = 500;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    algorithm(&mut criterion);
    subproblems(&mut criterion);
    criterion.final_summary();
}

/// Devices of budget 1 that spend 0.4, 0.8, 1.2, … of it on computing the whole model.
fn problem(devices: usize) -> AssignmentProblem<BlockFading, RelaxedMse> {
    let cost = |device: usize| 0.4 * (device + 1) as f64;
    let model = |device| EnergyModel::new(1.0, cost(device), 1.0, Accounting::PerChannelUse);
    let energy = (0..devices).map(model).collect::<Result<_, _>>().expect("valid energy models");
    let antennas = vec![PAPER_TRANSMIT_ANTENNAS; devices];
    let channels = BlockFading::new(Fading::PAPER, PAPER_RECEIVE_ANTENNAS, &antennas, SEED).expect("devices");
    let value = RelaxedMse::new(Relaxation::LambdaMin, 1.0).expect("a noise power");
    AssignmentProblem::new(energy, channels, value).expect("feasible shares")
}

fn algorithm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("assignment");
    group.sampling_mode(SamplingMode::Flat).sample_size(10).warm_up_time(Duration::from_millis(1));
    let options = AssignmentOptions::new(SEED).with_iterations(ITERATIONS).expect("iterations");
    for devices in [2, 4, 8] {
        let problem = problem(devices);
        let assignment = assign(&problem, &options).expect("an assignment");
        let gap = optimality_gap(&problem, &assignment.shares, &GapSampling::new(SEED + 1)).expect("a bound");
        println!(
            "N = {devices}: {} blocks unconverged; at most {:.2} % above the optimum (95 %)",
            assignment.unconverged,
            100.0 * gap.gap_upper() / gap.optimum_lower()
        );
        group.bench_function(
            BenchmarkId::new(format!("{ITERATIONS} iterations, lambda_min"), devices),
            |b| {
                b.iter(|| assign(black_box(&problem), &options));
            },
        );
        let shares = assignment.shares;
        group.bench_function(BenchmarkId::new("one block, lambda_min", devices), |b| {
            b.iter(|| problem.value_and_gradient(black_box(&shares), 0));
        });
    }
    group.finish();
}

fn subproblems(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("subproblem (21) on the simplex");
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    for n in [8, 128] {
        let simplex = Polyhedron::simplex(n, 0.0).expect("a simplex");
        let center = vec![1.0 / n as f64; n];
        let gradient = (0..n).map(|j| (j as f64 * 0.7).sin()).collect();
        let objective = Surrogate { value: 0.0, gradient, curvature: 3.0 };
        let subproblem = Subproblem {
            feasible_set: &simplex,
            center: &center,
            objective: &objective,
            constraints: &[],
            goal: Goal::Objective,
        };
        group.bench_function(BenchmarkId::new("native", n), |b| {
            b.iter(|| NativeBackend.solve(black_box(&subproblem)));
        });
        group.bench_function(BenchmarkId::new("Clarabel", n), |b| {
            b.iter(|| ClarabelBackend.solve(black_box(&subproblem)));
        });
    }
    group.finish();
}
