//! What happens to the relaxations where a warm start misleads, rounding takes over, no channel is open, or no memory suffices.

use faer::{Mat, c64};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use solver::channel::Fading;
use solver::relaxation::{Options, Relaxation};
use solver::{Error, Problem};

/// Channels whose sizes spread over eight decades: the interval that comes with `NotConverged` is that of the points before rounding took over, so
/// a smaller gap asked for does not make it much wider than what a larger one gets.
#[test]
fn rounding_does_not_widen_the_interval() {
    let mut stopped = 0;
    for seed in 0..600 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let receive = rng.random_range(2..=8);
        let spread = |decades: f64, rng: &mut ChaCha8Rng| 10f64.powf(decades * (rng.random::<f64>() - 0.5));
        let channels: Vec<Mat<c64>> = (0..rng.random_range(2..=8))
            .map(|_| {
                let transmit = rng.random_range(1..=receive.min(4));
                let factor = c64::new(spread(4.0, &mut rng), 0.0);
                let fading = Fading::RAYLEIGH.draw(receive, transmit, &mut rng).unwrap();
                fading * faer::Scale(factor)
            })
            .collect();
        let power = (0..channels.len()).map(|_| spread(4.0, &mut rng)).collect();
        let problem = Problem::new(channels, power, 1.0).unwrap();
        let solve = |relative_gap: f64| {
            Relaxation::LambdaMin.solve(&problem, &Options { relative_gap, ..Options::default() })
        };
        solve(1e-7).unwrap();
        if let Err(error) = solve(1e-9) {
            let Error::NotConverged { lower, upper, .. } = error else { panic!("{seed}: {error}") };
            assert!(upper - lower <= 1e-4 * upper, "{seed}: {lower:?} to {upper:?}");
            stopped += 1;
        }
    }
    assert!(stopped > 5, "{stopped} problems are hard enough to say anything");
}
