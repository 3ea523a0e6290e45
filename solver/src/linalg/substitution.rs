//! Triangular systems with one right-hand side. faer's recursion is made for many.

use faer::MatRef;
use pulp::{Arch, Simd};
use std::array::from_fn;

/// Columns that are taken at a time.
const BLOCK: usize = 4;

/// Solves `L Lᵀ x = b` in place; the lower triangle of `factor`, column-major, is read.
pub(crate) fn solve_factorized(factor: MatRef<'_, f64>, right: &mut [f64]) {
    debug_assert_eq!((factor.nrows(), factor.ncols(), factor.row_stride()), (right.len(), right.len(), 1));
    substitute(factor, right);
}

#[pulp::with_simd(substitute = Arch::new())]
#[inline(always)]
fn substitute_with<S: Simd>(simd: S, factor: MatRef<'_, f64>, right: &mut [f64]) {
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
        subtract(simd, rest, columns.map(|column| &column[first + BLOCK..][..rest.len()]), solved);
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
        let known = products(simd, columns.map(|column| &column[first + BLOCK..][..rest.len()]), rest);
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

/// Subtracts multiples of several columns from a vector.
#[inline(always)]
fn subtract<S: Simd>(simd: S, vector: &mut [f64], columns: [&[f64]; BLOCK], factors: [f64; BLOCK]) {
    let (body, tail) = S::as_mut_simd_f64s(vector);
    let split = columns.map(S::as_simd_f64s);
    let [a, b, c, d] = split.map(|(body, _)| body);
    let [p, q, r, s] = factors.map(|factor| simd.splat_f64s(-factor));
    for ((((entry, &a), &b), &c), &d) in body.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        let first = simd.mul_add_e_f64s(b, q, simd.mul_add_e_f64s(a, p, *entry));
        *entry = simd.mul_add_e_f64s(d, s, simd.mul_add_e_f64s(c, r, first));
    }
    for ((_, column), factor) in split.into_iter().zip(factors) {
        tail.iter_mut().zip(column).for_each(|(entry, column)| *entry -= column * factor);
    }
}

/// The inner products of several columns with one vector.
#[inline(always)]
fn products<S: Simd>(simd: S, columns: [&[f64]; BLOCK], vector: &[f64]) -> [f64; BLOCK] {
    let (body, tail) = S::as_simd_f64s(vector);
    let split = columns.map(S::as_simd_f64s);
    let [a, b, c, d] = split.map(|(body, _)| body);
    let [mut p, mut q, mut r, mut s] = [simd.splat_f64s(0.0); BLOCK];
    for ((((&entry, &a), &b), &c), &d) in body.iter().zip(a).zip(b).zip(c).zip(d) {
        p = simd.mul_add_e_f64s(a, entry, p);
        q = simd.mul_add_e_f64s(b, entry, q);
        r = simd.mul_add_e_f64s(c, entry, r);
        s = simd.mul_add_e_f64s(d, entry, s);
    }
    let sums = [p, q, r, s].map(|sum| simd.reduce_sum_f64s(sum));
    from_fn(|k| sums[k] + split[k].1.iter().zip(tail).map(|(column, entry)| column * entry).sum::<f64>())
}

#[inline(always)]
fn column<'a>(factor: MatRef<'a, f64>, index: usize) -> &'a [f64] {
    factor.col(index).try_as_col_major().map_or(&[], |column| column.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;

    /// `L Lᵀ x` is `b` again, for sides of whole blocks and vectors, and not.
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
