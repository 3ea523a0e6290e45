//! Anderson's mixing of the solutions that share a factorization (D. G. Anderson 1965; Walker, Ni 2011).
//!
//! The direction that satisfies the equations of complementarity whole is a fixed point: the solution with itself as its estimate. One solution after
//! another, each estimated by the last, comes nearer by the same factor every time. Of the affine combinations of the last few, the one whose
//! residual, solution less estimate, is least comes nearer faster. The norm is the energy `δ·Mδ` in which `M` is the matrix of the Newton system:
//! it depends on no unit, and costs inner products of vectors that are at hand.

use super::direction::{Direction, System};
use super::lanes::{LANES, Lanes};
use super::packs::Pack;
use faer::c64;
use pulp::{Arch, Simd};
use std::array::from_fn;

/// Solutions that are mixed.
const WINDOW: usize = 3;
/// Solutions up to one whose residual is not below this part of the first solution's, or not below [`PROGRESS`] times that of the solution before it, are
/// not mixed: the equations are not yet near linear along the way.
const NEAR: f64 = 0.5;
const PROGRESS: f64 = 0.9;
/// Residuals whose Gram determinant is below this part of the product of its diagonal count as dependent.
const DEPENDENT: f64 = 1e-10;

/// Unknowns in coordinates, and the matrix of the system times them.
#[derive(Debug, Clone)]
struct Vectors {
    unknowns: Vec<f64>,
    image: Vec<f64>,
}

impl Vectors {
    fn new(unknowns: usize) -> Self {
        Self { unknowns: vec![0.0; unknowns], image: vec![0.0; unknowns] }
    }

    fn each_mut(&mut self) -> [&mut Vec<f64>; 2] {
        [&mut self.unknowns, &mut self.image]
    }

    /// `δ·Mε`.
    fn inner(&self, other: &Self) -> f64 {
        let (unknowns, rest) = self.unknowns.as_chunks::<LANES>();
        let (images, other_rest) = other.image.as_chunks::<LANES>();
        let mut sums = [0.0; LANES];
        for (unknowns, images) in unknowns.iter().zip(images) {
            (0..LANES).for_each(|k| sums[k] += unknowns[k] * images[k]);
        }
        sums.iter().sum::<f64>()
            + rest.iter().zip(other_rest).map(|(unknown, image)| unknown * image).sum::<f64>()
    }
}

/// One solution.
#[derive(Debug, Clone)]
struct Solved {
    direction: Direction,
    at: Vectors,
    /// `at` less the coordinates of the estimate.
    residual: Vectors,
}

/// The last solutions with one factorization.
#[derive(Debug, Clone)]
pub(super) struct Mixing {
    /// The newest first.
    solved: [Solved; WINDOW],
    /// How many of them are mixed.
    count: usize,
    /// Where the mixture is, the next solution's estimate.
    mixture: Vectors,
    /// Inner products of their residuals.
    gram: [[f64; WINDOW]; WINDOW],
    /// The energy of the first solution's residual.
    first: f64,
}

impl Mixing {
    pub fn new(receive: usize, packs: &[Pack], unknowns: usize) -> Self {
        let vectors = || Vectors::new(unknowns);
        let solved =
            || Solved { direction: Direction::new(receive, packs), at: vectors(), residual: vectors() };
        Self {
            solved: from_fn(|_| solved()),
            count: 0,
            mixture: vectors(),
            gram: Default::default(),
            first: 0.0,
        }
    }

    /// Forgets the solutions: the next one has no estimate.
    pub fn restart(&mut self) {
        self.count = 0;
        self.mixture.each_mut().into_iter().for_each(|vector| vector.fill(0.0));
    }

    /// Room for the next solution, to be estimated by the last mixture.
    pub fn next(&mut self) -> &mut Direction {
        self.solved.rotate_right(1);
        &mut self.solved[0].direction
    }

    /// Writes the mixture of the solutions up to the one just written, which `system` has found.
    pub fn mix(&mut self, system: &System, out: &mut Direction) {
        let Self { solved, count, mixture, gram, first } = self;
        let [Solved { at, residual, .. }, ..] = solved;
        let of_solution = at.each_mut().into_iter().zip(residual.each_mut()).zip(system.solved());
        for (((at, residual), solution), estimate) in of_solution.zip(mixture.each_mut()) {
            at.copy_from_slice(solution);
            for ((residual, solution), estimate) in residual.iter_mut().zip(solution).zip(&*estimate) {
                *residual = solution - estimate;
            }
        }
        let last = gram[0][0];
        *gram = from_fn(|i| from_fn(|j| if i.min(j) > 0 { gram[i - 1][j - 1] } else { 0.0 }));
        for (index, older) in solved.iter().enumerate() {
            let product = solved[0].residual.inner(&older.residual);
            (gram[0][index], gram[index][0]) = (product, product);
        }
        let energy = gram[0][0];
        let contracts = *count > 0 && energy < (NEAR * NEAR * *first).min(PROGRESS * PROGRESS * last);
        if *count == 0 {
            *first = energy;
        }
        *count = if contracts { WINDOW.min(*count + 1) } else { 1 };
        let weights = weights(*count, gram);
        // What is not mixed need not be a number: its weight of 0 goes to the newest.
        let mixed: [&Solved; WINDOW] = from_fn(|index| &solved[if index < *count { index } else { 0 }]);
        combine_directions(out, weights, mixed.map(|solved| &solved.direction));
        combine(&mut mixture.unknowns, weights, mixed.map(|solved| &*solved.at.unknowns), scaled_sum);
        combine(&mut mixture.image, weights, mixed.map(|solved| &*solved.at.image), scaled_sum);
    }
}

/// The weights, adding up to 1, of the affine combination of the first `count` residuals with the least norm.
fn weights(count: usize, gram: &[[f64; WINDOW]; WINDOW]) -> [f64; WINDOW] {
    // With weights θ_1, θ_2 on the older ones: r_0 + θ_1 (r_1 − r_0) + θ_2 (r_2 − r_0).
    let change = |i: usize, j: usize| gram[i][j] - gram[i][0] - gram[0][j] + gram[0][0];
    let along = |i: usize| gram[0][0] - gram[i][0];
    let alone = |i: usize| if change(i, i) > DEPENDENT * gram[i][i] { along(i) / change(i, i) } else { 0.0 };
    let [one, two] = match count {
        3 => {
            let (a, b, c) = (change(1, 1), change(1, 2), change(2, 2));
            let determinant = a * c - b * b;
            if determinant > DEPENDENT * a * c {
                let (p, q) = (along(1), along(2));
                [(c * p - b * q) / determinant, (a * q - b * p) / determinant]
            } else {
                [alone(1), 0.0]
            }
        }
        2 => [alone(1), 0.0],
        _ => [0.0; 2],
    };
    [1.0 - one - two, one, two]
}

fn scaled_sum(weights: [f64; WINDOW], terms: [f64; WINDOW]) -> f64 {
    (0..WINDOW).map(|k| weights[k] * terms[k]).sum()
}

/// Writes a linear combination.
#[inline(always)]
fn combine<T: Copy>(
    out: &mut [T],
    weights: [f64; WINDOW],
    [a, b, c]: [&[T]; WINDOW],
    sum: impl Fn([f64; WINDOW], [T; WINDOW]) -> T,
) {
    for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
        *out = sum(weights, [a, b, c]);
    }
}

#[pulp::with_simd(combine_directions = Arch::new())]
#[inline(always)]
fn combine_directions_with<S: Simd>(
    _simd: S,
    out: &mut Direction,
    weights: [f64; WINDOW],
    terms: [&Direction; WINDOW],
) {
    let of_entries = |weights: [f64; WINDOW], entries: [c64; WINDOW]| {
        c64::new(
            scaled_sum(weights, entries.map(|entry| entry.re)),
            scaled_sum(weights, entries.map(|entry| entry.im)),
        )
    };
    let of_lanes =
        |[p, q, r]: [f64; WINDOW], [a, b, c]: [Lanes; WINDOW]| a.scaled(p) + b.scaled(q) + c.scaled(r);
    for (out, terms) in [
        (&mut out.x, terms.map(|term| &term.x)),
        (&mut out.s, terms.map(|term| &term.s)),
        (&mut out.ratio, terms.map(|term| &term.ratio)),
    ] {
        for column in 0..out.ncols() {
            let terms = terms.map(|term| term.col_as_slice(column));
            combine(out.col_as_slice_mut(column), weights, terms, of_entries);
        }
    }
    combine(&mut out.w, weights, terms.map(|term| &*term.w), of_lanes);
    combine(&mut out.z, weights, terms.map(|term| &*term.z), of_lanes);
    combine(&mut out.ratios, weights, terms.map(|term| &*term.ratios), of_lanes);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The residuals' inner products.
    fn gram(residuals: [[f64; 4]; WINDOW]) -> [[f64; WINDOW]; WINDOW] {
        residuals.map(|a| residuals.map(|b| a.iter().zip(b).map(|(a, b)| a * b).sum()))
    }

    fn squared_norm(residuals: [[f64; 4]; WINDOW], weights: [f64; WINDOW]) -> f64 {
        (0..4).map(|k| scaled_sum(weights, residuals.map(|residual| residual[k])).powi(2)).sum()
    }

    #[test]
    fn no_other_weights_leave_less() {
        let residuals = [[0.2, 0.1, -0.3, 0.4], [-0.5, 0.7, 0.2, 0.1], [1.0, -2.0, 0.4, 1.5]];
        for count in 1..=WINDOW {
            let found = weights(count, &gram(residuals));
            assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{found:?}");
            assert!(found[count..].iter().all(|&weight| weight == 0.0), "{count}: {found:?}");
            let least = squared_norm(residuals, found);
            for (up, down) in [(0, 1), (0, 2), (1, 2), (1, 0), (2, 0), (2, 1)] {
                let mut others = found;
                (others[up], others[down]) = (others[up] + 1e-3, others[down] - 1e-3);
                assert!(
                    up.max(down) >= count || squared_norm(residuals, others) > least,
                    "{count}: {up} {down}"
                );
            }
        }
    }

    #[test]
    fn dependent_residuals_are_mixed_by_two() {
        let first = [0.2, 0.1, -0.3, 0.4];
        let residuals = [first, first.map(|entry| -0.5 * entry), first.map(|entry| 2.0 * entry)];
        let found = weights(3, &gram(residuals));
        assert!(squared_norm(residuals, found) < 1e-28 && found[2] == 0.0, "{found:?}");
        for same in [[first; 3], [[0.0; 4]; 3]] {
            assert_eq!(weights(3, &gram(same)), [1.0, 0.0, 0.0]);
        }
    }
}
