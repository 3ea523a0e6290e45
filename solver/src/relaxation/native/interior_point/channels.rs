//! The two linear maps between the receiver's matrix and the devices' matrices.

use super::lanes::{LANES, Lanes, product_sum, product_sum_conjugate};
use super::packs::{Pack, Parts, Size, places, write_lanes};
use crate::linalg::{make_hermitian, multiply};
use crate::relaxation::native::pairs;
use faer::{Mat, MatMut, MatRef, c64};
use pulp::{Arch, Simd};

/// `[h_1 … h_N]`, and memory for a product with it.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    pub packs: Vec<Pack>,
    /// Pack and lane of each device.
    places: Vec<(usize, usize)>,
    /// The columns, in the order of the packs.
    pub columns: Mat<c64>,
    /// The same pack by pack, row by row.
    lanes: Vec<Lanes>,
    /// `X h` once [`seen`](Self::seen) has been asked for.
    pub product: Mat<c64>,
    /// Memory for a row or a column of the `h_n W_n` of a pack.
    line: Vec<Lanes>,
}

impl Channels {
    /// All zero.
    pub fn new(receive: usize, sides: &[usize]) -> Self {
        let packs = Pack::all(sides);
        let Size { antennas, columns, .. } = Size::of(&packs);
        Self {
            places: places(&packs),
            packs,
            columns: Mat::zeros(receive, columns),
            lanes: vec![Lanes::default(); receive * antennas],
            product: Mat::zeros(receive, columns),
            line: vec![Lanes::default(); receive.max(sides.iter().copied().max().unwrap_or(0))],
        }
    }

    /// Pack and lane of a device.
    pub fn place(&self, device: usize) -> (&Pack, usize) {
        let (pack, lane) = self.places[device];
        (&self.packs[pack], lane)
    }

    /// Sets one device's `h_n`.
    pub fn set(&mut self, device: usize, entry: impl Fn(usize, usize) -> c64) {
        let (pack, lane) = self.places[device];
        let (pack, receive) = (&self.packs[pack], self.columns.nrows());
        for antenna in 0..pack.side {
            for row in 0..receive {
                let entry = entry(row, antenna);
                self.columns[(row, pack.column(antenna, lane))] = entry;
                let place = pack.antennas * receive + row * pack.side + antenna;
                pack.set_lanes(&mut self.lanes[place], lane, entry);
            }
        }
    }

    /// `Σ tr W_n`.
    pub fn trace(&self, w: &Parts) -> f64 {
        self.packs.iter().map(|pack| pack.trace(w)).sum()
    }

    /// `Σ h_n W_n h_n^H`.
    pub fn received(&mut self, w: &Parts, mut out: MatMut<'_, c64>) {
        amplify(&self.packs, &self.lanes, w, &mut self.line, &mut self.product);
        multiply(out.as_mut(), self.product.as_ref(), self.columns.adjoint());
        make_hermitian(out);
    }

    /// The `h_n W_n h_n^H` one by one, pack by pack, from number `offset` of `out` on.
    pub fn received_apart(&mut self, w: &Parts, offset: usize, out: &mut pairs::Parts) {
        receive_apart(&self.packs, &self.lanes, w, &mut self.line, offset, out);
    }

    /// `h_n^H X h_n` for every device.
    pub fn seen(&mut self, x: MatRef<'_, c64>, out: &mut Parts) {
        multiply(self.product.as_mut(), x, self.columns.as_ref());
        see(&self.packs, &self.lanes, &self.product, out);
    }
}

/// The `h_n` of a pack among those of all, row by row.
#[inline(always)]
fn channel<'a>(pack: &Pack, lanes: &'a [Lanes], receive: usize) -> &'a [Lanes] {
    &lanes[pack.antennas * receive..][..pack.side * receive]
}

/// Writes the columns of the `h_n W_n`.
#[pulp::with_simd(amplify = Arch::new())]
#[inline(always)]
fn amplify_with<S: Simd>(
    _simd: S,
    packs: &[Pack],
    lanes: &[Lanes],
    w: &[Lanes],
    line: &mut [Lanes],
    product: &mut Mat<c64>,
) {
    let receive = product.nrows();
    let column = &mut line[..receive];
    for pack in packs {
        let (side, part, channel) = (pack.side, pack.of(w), channel(pack, lanes, receive));
        for j in 0..side {
            let factors = &part[j * side..][..side];
            for (entry, row) in column.iter_mut().zip(channel.chunks_exact(side)) {
                *entry = product_sum(row, factors);
            }
            for lane in 0..pack.count() {
                let out = product.col_as_slice_mut(pack.column(j, lane));
                out.iter_mut().zip(&*column).for_each(|(out, entry)| *out = entry.lane(lane));
            }
        }
    }
}

/// Writes the `h_n W_n h_n^H`.
#[pulp::with_simd(receive_apart = Arch::new())]
#[inline(always)]
fn receive_apart_with<S: Simd>(
    _simd: S,
    packs: &[Pack],
    lanes: &[Lanes],
    w: &[Lanes],
    line: &mut [Lanes],
    offset: usize,
    out: &mut pairs::Parts,
) {
    let receive = out.side;
    let mut end = offset;
    for pack in packs {
        let (side, part, channel) = (pack.side, pack.of(w), channel(pack, lanes, receive));
        let places = end..end + pack.count();
        let row = &mut line[..side];
        for i in 0..receive {
            for (j, entry) in row.iter_mut().enumerate() {
                *entry = product_sum(&channel[i * side..][..side], &part[j * side..][..side]);
            }
            for j in 0..=i {
                let entry = product_sum_conjugate(row, &channel[j * side..][..side]);
                write_lanes(&mut out.real_mut(i, j)[places.clone()], entry.re);
                if i != j {
                    write_lanes(&mut out.imaginary_mut(i, j)[places.clone()], entry.im);
                }
            }
        }
        end = places.end;
    }
}

/// Writes the Hermitian `h_n^H V_n`, the columns of the `V_n` given.
#[pulp::with_simd(see = Arch::new())]
#[inline(always)]
fn see_with<S: Simd>(_simd: S, packs: &[Pack], lanes: &[Lanes], product: &Mat<c64>, out: &mut [Lanes]) {
    let receive = product.nrows();
    for pack in packs {
        let (side, part, channel) = (pack.side, pack.of_mut(out), channel(pack, lanes, receive));
        for j in 0..side {
            let column = &mut part[j * side..][..side];
            column[j..].fill(Lanes::default());
            let entries = pack.columns(product, j);
            for (row, channel) in channel.chunks_exact(side).enumerate() {
                let entry = Lanes::new(|lane| entries[lane][row]);
                for (sum, channel) in column[j..].iter_mut().zip(&channel[j..]) {
                    *sum = *sum + channel.conj() * entry;
                }
            }
            column[j].im = [0.0; LANES];
            for i in j + 1..side {
                part[j + i * side] = part[i + j * side].conj();
            }
        }
    }
}
