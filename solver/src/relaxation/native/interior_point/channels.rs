//! The two linear maps between the receiver's matrix and the devices' matrices.

use super::lanes::{LANES, Lanes, product_sum};
use super::packs::{Pack, Parts, Size, places};
use crate::linalg::{make_hermitian, multiply};
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
    /// Memory for a column of `product` of every device of a pack.
    column: Vec<Lanes>,
    /// Memory for one device's columns of `product` and `columns`.
    device: [Mat<c64>; 2],
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
            column: vec![Lanes::default(); receive],
            device: [(); 2].map(|()| Mat::zeros(receive, sides.iter().copied().max().unwrap_or(0))),
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

    /// `Σ h_n W_n h_n^H`.
    pub fn received(&mut self, w: &Parts, mut out: MatMut<'_, c64>) {
        self.amplify(w);
        multiply(out.as_mut(), self.product.as_ref(), self.columns.adjoint());
        make_hermitian(out);
    }

    /// `[h_1 W_1 … h_N W_N]`, in `product`.
    pub fn amplify(&mut self, w: &Parts) {
        amplify(&self.packs, &self.lanes, w, &mut self.column, &mut self.product);
    }

    /// How many devices.
    pub fn devices(&self) -> usize {
        self.places.len()
    }

    /// `h_n W_n h_n^H` of one device, the products of [`amplify`](Self::amplify) with its channel.
    pub fn write_received(&mut self, device: usize, out: MatMut<'_, c64>) {
        let (pack, lane) = self.places[device];
        let pack = &self.packs[pack];
        for antenna in 0..pack.side {
            let column = pack.column(antenna, lane);
            self.device[0].col_mut(antenna).copy_from(self.product.col(column));
            self.device[1].col_mut(antenna).copy_from(self.columns.col(column));
        }
        let [product, columns] = self.device.each_ref().map(|of| of.as_ref().subcols(0, pack.side));
        multiply(out, product, columns.adjoint());
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
    column: &mut [Lanes],
    product: &mut Mat<c64>,
) {
    let receive = product.nrows();
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
