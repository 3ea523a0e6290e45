//! x
use solver::Problem;
use solver::channel::{BlockFading, Fading};
use solver::recovery::*;
use solver::relaxation::{Options, Relaxation, mmse};
use std::time::{Duration, Instant};
fn main() {
    let args: Vec<f64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let n = args[0] as usize;
    let blocks = BlockFading::new(Fading::PAPER, 20, &vec![4; n], 1).unwrap();
    let problems: Vec<Problem> =
        blocks.take(20).map(|c| Problem::new(c, vec![1.0; n], 1.0).unwrap()).collect();
    let bounds: f64 = problems
        .iter()
        .map(|p| {
            mmse::lower_bound(p, &Options { relative_gap: 1e-6, ..Default::default() }).unwrap().unwrap()
        })
        .sum();
    let mut t = Duration::ZERO;
    for p in &problems {
        let clock = Instant::now();
        lower_bound(p, &Options { relative_gap: 1e-3, ..Default::default() }).unwrap();
        t += clock.elapsed();
    }
    println!("N {n} bound 1e-3 {:?}", t / 20);
    for (candidates, starts, dec, it, fin) in [(40, 10, 1e-3, 15, 1e-8)] {
        let o = DesignOptions {
            candidates,
            starts,
            rough: Refinement { decrease: dec, max_iterations: it },
            refinement: Refinement { decrease: fin, max_iterations: 1000 },
            ..Default::default()
        };
        let clock = Instant::now();
        let ds: Vec<_> = problems.iter().map(|p| design(p, &o).unwrap()).collect();
        let t = clock.elapsed() / 20;
        let m: f64 = ds.iter().map(|d| d.mse).sum();
        let sub = ds.iter().filter(|d| d.method == Method::DominantSubspace).count();
        let it: usize = ds.iter().map(|d| d.iterations).sum();
        println!(
            "{candidates} {starts} {dec:e} {it} {fin:e}: gap {:.2} % sub {sub} iter {} {t:?} stat {:.1e}",
            100.0 * (m / bounds - 1.0),
            it / 20,
            ds.iter().map(|d| d.stationarity).fold(0.0, f64::max)
        );
    }
    // zero forcing
    let (mut z, mut b, mut it, mut conv, mut t, mut st) = (0.0, 0.0, 0, 0, Duration::ZERO, 0.0_f64);
    for p in &problems {
        let tr =
            Relaxation::TraceInverse.solve(p, &Options { relative_gap: 1e-4, ..Default::default() }).unwrap();
        let s = gaussian_randomization(p, tr.primal.as_ref(), &Default::default()).unwrap();
        let clock = Instant::now();
        let r = refine_zero_forcing(
            p,
            s.aggregator(),
            &Refinement { decrease: args.get(1).copied().unwrap_or(1e-9), max_iterations: 3000 },
        )
        .unwrap();
        t += clock.elapsed();
        z += r.transceiver.alpha();
        b += tr.certificate.lower;
        it += r.iterations;
        conv += r.converged as usize;
        st = st.max(r.stationarity);
    }
    println!("zf gap {:.2} % it {} conv {conv} {:?} {st:.1e}", 100.0 * (z / b - 1.0), it / 20, t / 20);
}
