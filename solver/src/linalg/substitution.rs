//! Triangular systems with one right-hand side. faer's recursion is made for many.

use faer::MatRef;
use pulp::{Arch, Simd};
use std::array::from_fn;

/// Columns that are taken at a time.
const BLOCK: usize = 4;
/// Sums that a column keeps apart, so that they need not wait for one another.
const LANES: usize = 4;

/// Solves `L Lᵀ x = b` in place; the lower triangle of `factor`, column-major, is read.
pub(crate) fn solve_factorized(factor: MatRef<'_, f64>, right: &mut [f64]) {
    debug_assert_eq!((factor.nrows(), factor.ncols(), factor.row_stride()), (right.len(), right.len(), 1));
    substitute(factor, right);
}

#[pulp::with_simd(substitute = Arch::new())]
#[inline(always)]
fn substitute_with<S: Simd>(_simd: S, factor: MatRef<'_, f64>, right: &mut [f64]) {
    let side = right.len();
    let whole = side - side % BLOCK;
    for first in (0..whole).step_by(BLOCK) {
        let columns: [_; BLOCK] = from_fn(|k| column(factor, first + k));
        let (block, rest) = right[first..].split_at_mut(BLOCK);
        let mut solved: [f64; BLOCK] = from_fn(|k| block[k]);
        for k in 0..BLOCK {
            let column = &columns[k][first..][..BLOCK];
            solved[k] *= 1.0 / column[k];
            for i in k + 1..BLOCK {
                solved[i] -= column[i] * solved[k];
            }
        }
        block.copy_from_slice(&solved);
        let [a, b, c, d] = columns.map(|column| &column[first + BLOCK..][..rest.len()]);
        for (i, right) in rest.iter_mut().enumerate() {
            *right -= (a[i] * solved[0] + b[i] * solved[1]) + (c[i] * solved[2] + d[i] * solved[3]);
        }
    }
    for j in whole..side {
        let column = &column(factor, j)[..side];
        right[j] *= 1.0 / column[j];
        for i in j + 1..side {
            right[i] -= column[i] * right[j];
        }
    }
    for j in (whole..side).rev() {
        let column = &column(factor, j)[..side];
        for i in j + 1..side {
            right[j] -= column[i] * right[i];
        }
        right[j] *= 1.0 / column[j];
    }
    for first in (0..whole).step_by(BLOCK).rev() {
        let columns: [_; BLOCK] = from_fn(|k| column(factor, first + k));
        let (block, rest) = right[first..].split_at_mut(BLOCK);
        let known = products(columns.map(|column| &column[first + BLOCK..][..rest.len()]), rest);
        let mut solved: [f64; BLOCK] = from_fn(|k| block[k] - known[k]);
        for k in (0..BLOCK).rev() {
            let column = &columns[k][first..][..BLOCK];
            for i in k + 1..BLOCK {
                solved[k] -= column[i] * solved[i];
            }
            solved[k] *= 1.0 / column[k];
        }
        block.copy_from_slice(&solved);
    }
}

/// The inner products of several columns with one vector.
#[inline(always)]
fn products(columns: [&[f64]; BLOCK], vector: &[f64]) -> [f64; BLOCK] {
    let mut sums = [[0.0; LANES]; BLOCK];
    let whole = vector.len() - vector.len() % LANES;
    for row in (0..whole).step_by(LANES) {
        for (sums, column) in sums.iter_mut().zip(columns) {
            let (column, vector) = (&column[row..][..LANES], &vector[row..][..LANES]);
            (0..LANES).for_each(|lane| sums[lane] += column[lane] * vector[lane]);
        }
    }
    from_fn(|k| {
        let rest = columns[k][whole..].iter().zip(&vector[whole..]).map(|(a, b)| a * b).sum::<f64>();
        sums[k].iter().sum::<f64>() + rest
    })
}

#[inline(always)]
fn column<'a>(factor: MatRef<'a, f64>, index: usize) -> &'a [f64] {
    factor.col(index).try_as_col_major().map_or(&[], |column| column.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;

    /// `L Lᵀ x` is `b` again, for sides of whole blocks and not, up to more than one lane of them.
    #[test]
    fn solutions_solve() {
        for side in 0..23 {
            let factor = Mat::from_fn(side, side, |i, j| {
                if i == j { 2.0 + i as f64 } else { ((i * i + 3 * j) as f64).sin() }
            });
            let lower = Mat::from_fn(side, side, |i, j| if i >= j { factor[(i, j)] } else { 0.0 });
            let wanted = Mat::from_fn(side, 1, |i, _| (i as f64 * 1.7).cos());
            let right = &lower * (lower.transpose() * &wanted);
            let mut found = right.col_as_slice(0).to_vec();
            solve_factorized(factor.as_ref(), &mut found);
            for (found, wanted) in found.iter().zip(wanted.col_as_slice(0)) {
                assert!((found - wanted).abs() < 1e-12, "{side}: {found} {wanted}");
            }
        }
    }
}
