//! The Newton system of the `ΔW_n`: `Σ T_n²` unknowns, cost cubic in `N`.

use super::channels::Channels;
use super::direction::{Direction, Target, subtract_ratios, write_target, write_targets};
use super::lanes::{LANES, Lanes};
use super::packs::{Pack, Parts, Size, split_rows, write_lanes};
use super::work::Work;
use super::{Inverses, Iterate};
use crate::linalg::{factorize, multiply, scale, solve_factorized};
use crate::relaxation::native::coordinates::coordinate;
use faer::{Mat, MatMut, MatRef, c64};
use pulp::{Arch, Simd};
use std::f64::consts::SQRT_2;

/// With `ΔX = x̄ − sym(X ΔS S^{-1})`, `ΔZ_n = z̄_n − sym(Z_n ΔW_n W_n^{-1})`, `h = [h_1 … h_N]`, `P = h^H X h` and `Q = h^H S^{-1} h`,
///
/// `Σ_m sym(P_nm ΔW_m Q_mn) + sym(Z_n ΔW_n W_n^{-1}) = z̄_n − h_n^H x̄ h_n`.
#[derive(Debug, Clone)]
pub(super) struct DualSystem {
    /// `S^{-1} h`.
    product: Mat<c64>,
    /// `P`, then `Q`.
    gram: Mat<c64>,
    /// `P` and `½Q`, the rows of several devices at once.
    split: [Vec<Lanes>; 2],
    /// Column by column without gaps, of which two are written at once.
    matrix: Vec<f64>,
    right: Vec<f64>,
    solution: Vec<f64>,
}

impl DualSystem {
    pub fn new(receive: usize, packs: &[Pack]) -> Self {
        let Size { antennas, columns, unknowns, .. } = Size::of(packs);
        Self {
            product: Mat::zeros(receive, columns),
            gram: Mat::zeros(columns, columns),
            split: [(); 2].map(|()| vec![Lanes::default(); antennas * columns]),
            matrix: vec![0.0; unknowns * unknowns],
            right: vec![0.0; unknowns],
            solution: vec![0.0; unknowns],
        }
    }

    /// Assembles and factorizes it. `false` if rounding leaves no factor.
    ///
    /// The channels' product is `X h`.
    pub fn assemble(
        &mut self,
        channels: &Channels,
        iterate: &Iterate,
        inverses: &mut Inverses,
        work: &mut Work,
    ) -> bool {
        if !inverses.update(channels, iterate.s.as_ref(), &iterate.w, work) {
            return false;
        }
        let Self { product, gram, split: [p, q], matrix, right, .. } = self;
        let unknowns = right.len();
        let Channels { packs, columns, product: seen, .. } = channels;
        multiply(gram.as_mut(), columns.adjoint(), seen.as_ref());
        split_rows(packs, gram, 1.0, p);
        multiply(product.as_mut(), inverses.whole.as_ref(), columns.as_ref());
        multiply(gram.as_mut(), columns.adjoint(), product.as_ref());
        split_rows(packs, gram, 0.5, q);
        write_products(packs, p, q, matrix);
        for pack in packs {
            add_ratios(pack, pack.of(&iterate.z), pack.of(&inverses.parts), unknowns, matrix);
        }
        factorize(MatMut::from_column_major_slice_mut(matrix, unknowns, unknowns), &mut work.scratch)
    }

    /// The last `ΔW_n` in coordinates, and the matrix times them.
    pub fn solved(&self) -> [&[f64]; 2] {
        [&self.solution, &self.right]
    }

    /// Writes the direction.
    pub fn solve(
        &mut self,
        channels: &mut Channels,
        iterate: &Iterate,
        inverses: &Inverses,
        target: Target<'_>,
        work: &mut Work,
        out: &mut Direction,
    ) {
        let Target { complementarity, estimate } = target;
        let whole = estimate.map(|estimate| (estimate.x.as_ref(), estimate.ratio.as_ref()));
        let (x, inverse) = (iterate.x.as_ref(), inverses.whole.as_ref());
        write_target(out.x.as_mut(), x, inverse, complementarity, whole, work);
        let pairs = (&iterate.z, &inverses.parts);
        if let Some(estimate) = estimate {
            channels.seen(out.x.as_ref(), &mut out.w);
            write_right_side(&channels.packs, pairs, complementarity, estimate, &mut *out, &mut self.right);
        } else {
            write_first_right_side(
                &channels.packs,
                pairs,
                complementarity,
                &self.split[1],
                &mut *out,
                &mut self.right,
            );
        }
        let Self { matrix, right, solution, .. } = self;
        solution.copy_from_slice(right);
        solve_factorized(MatRef::from_column_major_slice(matrix, right.len(), right.len()), solution);
        read_solution(&channels.packs, pairs, &*solution, &mut *out);
        channels.received(&out.w, out.s.as_mut());
        scale(out.s.as_mut(), -1.0);
        multiply(out.ratio.as_mut(), out.s.as_ref(), inverse);
        work.subtract_product(out.x.as_mut(), x, out.ratio.as_ref());
    }
}

/// Writes the `z̄_n`, and the right-hand side from what devices see of `x̄`, in place of the `ΔW_n`.
#[pulp::with_simd(write_right_side = Arch::new())]
#[inline(always)]
fn write_right_side_with<S: Simd>(
    _simd: S,
    packs: &[Pack],
    pairs: (&Parts, &Parts),
    complementarity: f64,
    estimate: &Direction,
    out: &mut Direction,
    right: &mut [f64],
) {
    let estimate = (&estimate.z, &estimate.ratios);
    for pack in packs {
        write_targets(pack, &mut out.z, pairs, complementarity, Some(estimate));
        let difference = pack.of_mut(&mut out.w);
        difference.iter_mut().zip(pack.of(&out.z)).for_each(|(seen, &target)| *seen = target - *seen);
        pack.write_coordinates(difference, right);
    }
}

/// The same without an estimate: `x̄ = τS^{-1} − X` and `z̄_n = τW_n^{-1} − Z_n`, so that `z̄_n − h_n^H x̄ h_n = τ(W_n^{-1} − Q_nn) + I`.
#[pulp::with_simd(write_first_right_side = Arch::new())]
#[inline(always)]
fn write_first_right_side_with<S: Simd>(
    _simd: S,
    packs: &[Pack],
    pairs: (&Parts, &Parts),
    complementarity: f64,
    half_q: &[Lanes],
    out: &mut Direction,
    right: &mut [f64],
) {
    let antennas = Size::of(packs).antennas;
    for pack in packs {
        write_targets(pack, &mut out.z, pairs, complementarity, None);
        let (side, inverse) = (pack.side, pack.of(pairs.1));
        let difference = pack.of_mut(&mut out.w);
        for j in 0..side {
            let columns = pack.row_columns(half_q, antennas, j);
            for i in j..side {
                let seen = Lanes::new(|lane| columns[lane][pack.antennas + i].lane(lane));
                difference[i + j * side] = (inverse[i + j * side] - seen.scaled(2.0)).scaled(complementarity);
            }
            difference[j + j * side] = difference[j + j * side] + Lanes::ONE;
        }
        pack.write_coordinates(difference, right);
    }
}

/// Writes the `ΔW_n` and the `ΔZ_n` from the solution.
#[pulp::with_simd(read_solution = Arch::new())]
#[inline(always)]
fn read_solution_with<S: Simd>(
    _simd: S,
    packs: &[Pack],
    (z, inverse): (&Parts, &Parts),
    solution: &[f64],
    out: &mut Direction,
) {
    let Direction { w, z: change, ratios, .. } = out;
    for pack in packs {
        pack.read_coordinates(solution, pack.of_mut(w));
        subtract_ratios(pack, change, (z, inverse), w, ratios);
    }
}

/// The places `(a, b)`, `a ≥ b`, of the lower triangle of a `side×side` matrix, column by column.
#[inline(always)]
fn lower(side: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..side).flat_map(move |b| (b..side).map(move |a| (a, b)))
}

/// The entries of the matrix, in coordinates, of `U ↦ P U Q^H + Q U P^H` that lead from entry `(k, l)`, `k > l`, of `U` to entry `(i, j)`, `i > j`,
/// of the image: real and imaginary coordinate of the image for the real one of `U`, then for its imaginary one.
///
/// `first` is `P[i,k] conj(Q[j,l]) + Q[i,k] conj(P[j,l])`, `second` the same with `k` and `l` exchanged.
#[inline(always)]
fn entries(first: Lanes, second: Lanes) -> [Lanes; 2] {
    [first + second, times_i(first - second)]
}

/// `i z`: what leads from the real coordinate of an entry of `U` also leads from the imaginary one, turned.
#[inline(always)]
fn times_i(entry: Lanes) -> Lanes {
    Lanes { re: entry.im.map(|im| -im), im: entry.re }
}

/// Writes the lower blocks of the matrix of `(U_n) ↦ (Σ_m (P_nm U_m Q_nm^H + Q_nm U_m P_nm^H))_n`, the rows of `P` and `Q` those of packs.
#[pulp::with_simd(write_products = Arch::new())]
#[inline(always)]
fn write_products_with<S: Simd>(_simd: S, packs: &[Pack], p: &[Lanes], q: &[Lanes], matrix: &mut [f64]) {
    let Size { antennas, unknowns, .. } = Size::of(packs);
    for (index, from) in packs.iter().enumerate() {
        for device in 0..from.count() {
            for (k, l) in lower(from.side) {
                let [pl, ql] = [from.rows(p, antennas, l, device), from.rows(q, antennas, l, device)];
                let rows = [from.rows(p, antennas, k, device), from.rows(q, antennas, k, device), pl, ql];
                let column = from.row + coordinate(from.side, k, l) * from.count() + device;
                let (real, rest) = matrix[column * unknowns..].split_at_mut(unknowns);
                let imaginary = (k != l).then(|| &mut rest[(from.count() - 1) * unknowns..][..unknowns]);
                write_image(&packs[index..], l, rows, real, imaginary);
            }
        }
    }
}

/// What leads from entry `(k, l)` of one device's `U` to the first of `packs`, its own, and to those behind it.
#[inline(always)]
fn write_image(
    packs: &[Pack],
    l: usize,
    rows: [&[Lanes]; 4],
    real: &mut [f64],
    mut imaginary: Option<&mut [f64]>,
) {
    for (index, to) in packs.iter().enumerate() {
        let of = std::array::from_fn(|k| &rows[k][to.antennas..][..to.side]);
        // Within a pack, no columns of the image before `l`: they are above the diagonal.
        for j in (if index == 0 { l } else { 0 })..to.side {
            let start = to.row + coordinate(to.side, j, j) * to.count();
            let places = start..start + (2 * (to.side - j) - 1) * to.count();
            match &mut imaginary {
                None => write_column_from_diagonal(to.count(), j, of, &mut real[places]),
                Some(imaginary) => {
                    write_columns(to.count(), j, of, &mut real[places.clone()], &mut imaginary[places]);
                }
            }
        }
    }
}

/// What leads from a diagonal entry of `U` to column `j` of the image's lower triangle.
#[inline(always)]
fn write_column_from_diagonal(count: usize, j: usize, [p, q, ..]: [&[Lanes]; 4], out: &mut [f64]) {
    let (left, right) = (q[j].conj(), p[j].conj());
    let (diagonal, rest) = out.split_at_mut(count);
    write_lanes(diagonal, (p[j] * left + q[j] * right).re);
    for (slot, (&p, &q)) in rest.chunks_exact_mut(2 * count).zip(p.iter().zip(q).skip(j + 1)) {
        put(slot, count, (p * left + q * right).scaled(SQRT_2));
    }
}

/// What leads from the real and the imaginary coordinate of an entry of `U` off its diagonal to column `j` of the image's lower triangle.
#[inline(always)]
fn write_columns(
    count: usize,
    j: usize,
    [pk, qk, pl, ql]: [&[Lanes]; 4],
    real: &mut [f64],
    imaginary: &mut [f64],
) {
    let [pkj, qkj, plj, qlj] = [pk[j].conj(), qk[j].conj(), pl[j].conj(), ql[j].conj()];
    let ((diagonal, real), (imaginary_diagonal, imaginary)) =
        (real.split_at_mut(count), imaginary.split_at_mut(count));
    let entry = (pk[j] * qlj + qk[j] * plj).scaled(SQRT_2);
    write_lanes(diagonal, entry.re);
    write_lanes(imaginary_diagonal, times_i(entry).re);
    let slots = real.chunks_exact_mut(2 * count).zip(imaginary.chunks_exact_mut(2 * count));
    for ((real, imaginary), i) in slots.zip(j + 1..) {
        let [on_real, on_imaginary] = entries(pk[i] * qlj + qk[i] * plj, pl[i] * qkj + ql[i] * pkj);
        put(real, count, on_real);
        put(imaginary, count, on_imaginary);
    }
}

/// Adds the lower triangle of the matrix of `W_n ↦ ½ (Z_n W_n V_n + V_n W_n Z_n)`, `V_n` being given as `inverse`, of every device of a pack.
#[pulp::with_simd(add_ratios = Arch::new())]
#[inline(always)]
fn add_ratios_with<S: Simd>(
    _simd: S,
    pack: &Pack,
    z: &[Lanes],
    inverse: &[Lanes],
    unknowns: usize,
    matrix: &mut [f64],
) {
    let (side, count) = (pack.side, pack.count());
    let mut add = |row: usize, column: usize, values: [f64; LANES]| {
        for (lane, value) in values[..count].iter().enumerate() {
            let (row, column) = (pack.row + row * count + lane, pack.row + column * count + lane);
            matrix[row + column * unknowns] += 0.5 * value;
        }
    };
    let product = |i: usize, k: usize, j: usize, l: usize| {
        z[i + k * side] * inverse[j + l * side].conj() + inverse[i + k * side] * z[j + l * side].conj()
    };
    for (k, l) in lower(side) {
        let column = coordinate(side, k, l);
        for (i, j) in lower(side).filter(|&(i, j)| (j, i) >= (l, k)) {
            let row = coordinate(side, i, j);
            let first = product(i, k, j, l);
            match (i == j, k == l) {
                (true, true) => add(row, column, first.re),
                (true, false) => {
                    add(row, column, first.scaled(SQRT_2).re);
                    add(row, column + 1, times_i(first.scaled(SQRT_2)).re);
                }
                (false, true) => {
                    add(row, column, first.scaled(SQRT_2).re);
                    add(row + 1, column, first.scaled(SQRT_2).im);
                }
                (false, false) => {
                    let [on_real, on_imaginary] = entries(first, product(i, l, j, k));
                    add(row, column, on_real.re);
                    add(row + 1, column, on_real.im);
                    add(row, column + 1, on_imaginary.re);
                    add(row + 1, column + 1, on_imaginary.im);
                }
            }
        }
    }
}

/// Writes the real and the imaginary coordinate of an entry of as many devices as there are.
#[inline(always)]
fn put(slot: &mut [f64], count: usize, entry: Lanes) {
    let (real, imaginary) = slot.split_at_mut(count);
    write_lanes(real, entry.re);
    write_lanes(imaginary, entry.im);
}
