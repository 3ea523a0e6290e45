//! Gaussian randomization: the papers' way from `X` to an aggregator.

use super::{require_relaxed, scaled_zero_forcing};
use crate::channel::Fading;
use crate::error::Error;
use crate::linalg::{Spectrum, hermitian_part, multiply, squared_norm};
use crate::mismatch::Seen;
use crate::parallel;
use crate::problem::Problem;
use crate::transceiver::{Transceiver, zero_forcing};
use faer::{Mat, MatRef, c64};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Separates the directions from the channels that [`crate::channel`] draws of the same seed.
const DIRECTIONS: u64 = 0x3c6e_f372_fe94_f82b;

/// How many times Gaussian randomization draws, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct Randomization {
    /// Draws `T`. Default: 100, the papers' number. Valid: at least 1.
    pub draws: usize,
    /// Seed; draw `t` depends on the seed and on `t` alone. Default: 0.
    pub seed: u64,
}

impl Default for Randomization {
    fn default() -> Self {
        Self { draws: 100, seed: 0 }
    }
}

/// Random directions `W Ξ`, `Ξ ∈ C^{R×L}` i.i.d. circular complex normal, with a given `W`, `R×R`.
pub(super) struct Directions<'a> {
    pub weight: MatRef<'a, c64>,
    pub streams: usize,
    pub seed: u64,
}

impl Directions<'_> {
    /// Draw `index`, a function of the seed and of `index` alone.
    pub fn draw(&self, index: usize) -> Mat<c64> {
        let mut room = self.room();
        self.write(index, &mut room);
        let [_, direction] = room;
        direction
    }

    /// Room for `Ξ` and `W Ξ`.
    fn room(&self) -> [Mat<c64>; 2] {
        [self.weight.ncols(), self.weight.nrows()].map(|rows| Mat::zeros(rows, self.streams))
    }

    /// Writes `Ξ` and `W Ξ` of draw `index`.
    fn write(&self, index: usize, [normal, direction]: &mut [Mat<c64>; 2]) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ DIRECTIONS);
        rng.set_stream(index as u64);
        Fading::RAYLEIGH.fill(normal.as_mut(), &mut rng);
        multiply(direction.as_mut(), self.weight, normal.as_ref());
    }
}

/// Gaussian randomization (\[D\]; \[A\], section III) with zero forcing: draws `G = X^{1/2} Ξ`, `Ξ ∈ C^{R×L}` i.i.d.
/// circular complex normal, scales each by the *true* power constraint to
/// `α = ‖G‖_F² max_n v_n tr((G^H H_n H_n^H G)^{-1})/p_n`, and keeps the least `α`, of equals the first.
///
/// With the feature `parallel` the draws run on rayon's threads; the result is the same, to the last bit.
///
/// # Errors
/// [`Error::InvalidOption`] without draws; [`Error::Shape`], [`Error::NonFiniteEntry`] if `relaxed` is not a finite `R×R`
/// matrix; [`Error::RankDeficient`] (via [`zero_forcing`]) if no draw has full rank through every channel.
pub fn gaussian_randomization(
    problem: &Problem,
    relaxed: MatRef<'_, c64>,
    options: &Randomization,
) -> Result<Transceiver, Error> {
    if options.draws == 0 {
        return Err(Error::InvalidOption { option: "draws", value: 0.0, valid: "at least 1" });
    }
    require_relaxed(problem, relaxed)?;
    let root = Spectrum::of(hermitian_part(relaxed).as_ref())?.map(|value| value.max(0.0).sqrt());
    let directions = Directions { weight: root.as_ref(), streams: problem.streams(), seed: options.seed };
    let room = || (directions.room(), Seen::new(problem));
    let draw = |(room, seen): &mut ([Mat<c64>; 2], Seen<'_>), index| -> Result<_, Error> {
        directions.write(index, room);
        let [_, direction] = room;
        let alpha = seen.zero_forcing_scale(direction.as_ref())? * squared_norm(direction.as_ref());
        Ok((if alpha.is_nan() { f64::INFINITY } else { alpha }, index))
    };
    let best = parallel::reduce(options.draws, room, draw, |first, second| {
        let (first, second) = (first?, second?);
        Ok(if second.0 < first.0 { second } else { first })
    });
    match best.transpose()? {
        Some((alpha, draw)) if alpha.is_finite() => {
            scaled_zero_forcing(problem, directions.draw(draw).as_ref())
        }
        // No draw had full rank: let zero forcing say which device is to blame.
        _ => zero_forcing(problem, directions.draw(0).as_ref()),
    }
}
