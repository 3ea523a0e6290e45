//! What L-BFGS knows of second derivatives, in memory that is there from the start.

use super::ray::Point;

/// Pairs that are kept.
const MEMORY: usize = 10;
/// Sums that [`dot`] keeps apart, so that they need not wait for one another.
const LANES: usize = 8;

/// An approximation of the inverse Hessian: `γ I`, `γ = s^T y / y^T y` of the newest pair, updated with all pairs of a step
/// `s_i = x_{i+1} − x_i` and the change of gradient `y_i = ∇f_{i+1} − ∇f_i` along it.
pub(super) struct Curvature {
    /// The last `known` hold pairs, the oldest first.
    pairs: [Pair; MEMORY],
    known: usize,
    /// `γ`, 1 without pairs.
    scale: f64,
}

struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// `ρ = 1/(y^T s)`.
    weight: f64,
    /// `α` of the two-loop recursion.
    coefficient: f64,
}

impl Curvature {
    /// Knows nothing of a function of `variables` variables.
    pub fn new(variables: usize) -> Self {
        let zeros = || vec![0.0; variables];
        let pair = |_| Pair { step: zeros(), change: zeros(), weight: 0.0, coefficient: 0.0 };
        Self { pairs: std::array::from_fn(pair), known: 0, scale: 1.0 }
    }

    /// Writes minus the approximation times `gradient`, by the two-loop recursion (Nocedal & Wright, *Numerical Optimization*, 2nd
    /// edition, algorithm 7.4).
    pub fn direction(&mut self, gradient: &[f64], direction: &mut [f64]) {
        direction.iter_mut().zip(gradient).for_each(|(entry, slope)| *entry = -slope);
        let pairs = &mut self.pairs[MEMORY - self.known..];
        for pair in pairs.iter_mut().rev() {
            pair.coefficient = pair.weight * dot(&pair.step, direction);
            add(direction, -pair.coefficient, &pair.change);
        }
        direction.iter_mut().for_each(|entry| *entry *= self.scale);
        for pair in pairs {
            let coefficient = pair.weight * dot(&pair.change, direction);
            add(direction, pair.coefficient - coefficient, &pair.step);
        }
    }

    /// Knows nothing any more.
    pub fn forget(&mut self) {
        (self.known, self.scale) = (0, 1.0);
    }

    /// Adds the correction pair between two points, in place of the oldest once there are [`MEMORY`].
    ///
    /// A step that meets the Wolfe conditions has `y^T s > 0`, which keeps the approximation positive definite. Where rounding allows no such step, the
    /// next direction may not descend.
    pub fn update(&mut self, from: &Point, to: &Point) {
        self.pairs.rotate_left(1);
        let pair = &mut self.pairs[MEMORY - 1];
        subtract(&mut pair.step, &to.position, &from.position);
        subtract(&mut pair.change, &to.gradient, &from.gradient);
        let curvature = dot(&pair.step, &pair.change);
        pair.weight = 1.0 / curvature;
        self.scale = curvature / dot(&pair.change, &pair.change);
        self.known = MEMORY.min(self.known + 1);
    }
}

/// `a^T b`.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum::<f64>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// `‖a‖`.
pub(super) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `sum ← sum + factor·vector`.
fn add(sum: &mut [f64], factor: f64, vector: &[f64]) {
    sum.iter_mut().zip(vector).for_each(|(sum, entry)| *sum += factor * entry);
}

/// `difference ← a − b`.
fn subtract(difference: &mut [f64], a: &[f64], b: &[f64]) {
    difference.iter_mut().zip(a.iter().zip(b)).for_each(|(difference, (a, b))| *difference = a - b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::{Col, Mat};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    const VARIABLES: usize = 13;

    /// `H`, a pair at a time: `H ← (I − ρ s y^T) H (I − ρ y s^T) + ρ s s^T` from `γ I`.
    fn inverse_hessian(pairs: &[[Col<f64>; 2]]) -> Mat<f64> {
        let mut inverse = Mat::identity(VARIABLES, VARIABLES);
        if let Some([step, change]) = pairs.last() {
            inverse *= faer::Scale((step.transpose() * change) / change.squared_norm_l2());
        }
        for [step, change] in pairs {
            let weight = faer::Scale(1.0 / (step.transpose() * change));
            let projection =
                Mat::<f64>::identity(VARIABLES, VARIABLES) - weight * (step * change.transpose());
            inverse = &projection * inverse * projection.transpose() + weight * (step * step.transpose());
        }
        inverse
    }

    /// Without pairs, with few, and with more than are kept.
    #[test]
    fn direction_is_that_of_the_updated_matrix() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut vector = || StandardNormal.sample_iter(&mut random).take(VARIABLES).collect::<Vec<f64>>();
        let column = |entries: &[f64]| Col::from_fn(VARIABLES, |i| entries[i]);
        let mut curvature = Curvature::new(VARIABLES);
        let mut pairs = Vec::new();
        for updates in 0..MEMORY + 4 {
            let gradient = vector();
            let mut direction = vec![0.0; VARIABLES];
            curvature.direction(&gradient, &mut direction);
            let kept = &pairs[updates.saturating_sub(MEMORY)..];
            let error = inverse_hessian(kept) * column(&gradient) + column(&direction);
            assert!(error.norm_l2() < 1e-12 * norm(&direction), "{updates} pairs: {:e}", error.norm_l2());
            // y = s + 0.1 noise, so that y^T s > 0.
            let [from, to, noise] = [(); 3].map(|()| vector());
            let slope: Vec<f64> = (0..VARIABLES).map(|i| to[i] + 0.1 * noise[i]).collect();
            pairs.push([column(&to) - column(&from), column(&slope) - column(&from)]);
            let [from, to] = [(from.clone(), from), (to, slope)].map(|(position, gradient)| Point {
                position,
                value: 0.0,
                gradient,
            });
            curvature.update(&from, &to);
        }
    }
}
