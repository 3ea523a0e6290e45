//! Where the devices are in what is worked on several at a time.

use super::lanes::{LANES, Lanes};
use faer::{Mat, c64};
use pulp::{Arch, Simd};
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};
use std::ops::Range;

/// The devices' `T_n×T_n` matrices, pack by pack and column by column.
pub(super) type Parts = Vec<Lanes>;

/// Up to [`LANES`] devices with the same number of antennas. Lanes without a device repeat the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pack {
    /// Device by lane.
    pub devices: Vec<usize>,
    /// `T_n`.
    pub side: usize,
    /// The sides of the packs before, added up.
    pub antennas: usize,
    /// The first of its `T_n²` entries in [`Parts`].
    pub entry: usize,
    /// Its first column among all devices': those of antenna 0 of its devices, then of antenna 1, and so on.
    pub column: usize,
    /// The first of its coordinates among all devices': the first coordinate of its devices, then the second, and so on.
    pub row: usize,
}

impl Pack {
    /// Where the first one begins.
    const FIRST: Self = Self { devices: Vec::new(), side: 0, antennas: 0, entry: 0, column: 0, row: 0 };

    /// For devices of the given `sides`.
    pub fn all(sides: &[usize]) -> Vec<Self> {
        let mut order: Vec<usize> = (0..sides.len()).collect();
        order.sort_by_key(|&device| sides[device]);
        let mut packs: Vec<Self> = Vec::new();
        for group in order.chunk_by(|&a, &b| sides[a] == sides[b]) {
            for devices in group.chunks(LANES) {
                let side = sides[devices[0]];
                let next = packs.last().map_or(Self::FIRST, Self::next);
                packs.push(Self { devices: devices.to_vec(), side, ..next });
            }
        }
        packs
    }

    /// What begins where this one ends.
    fn next(&self) -> Self {
        Self {
            devices: Vec::new(),
            side: 0,
            antennas: self.antennas + self.side,
            entry: self.entry + self.side * self.side,
            column: self.column + self.side * self.count(),
            row: self.row + self.side * self.side * self.count(),
        }
    }

    /// How many devices.
    pub fn count(&self) -> usize {
        self.devices.len()
    }

    /// The lane that is worked on in `lane`.
    fn device_lane(&self, lane: usize) -> usize {
        if lane < self.count() { lane } else { 0 }
    }

    /// Its matrices.
    pub fn of<'a>(&self, parts: &'a [Lanes]) -> &'a [Lanes] {
        &parts[self.entries()]
    }

    pub fn of_mut<'a>(&self, parts: &'a mut [Lanes]) -> &'a mut [Lanes] {
        &mut parts[self.entries()]
    }

    fn entries(&self) -> Range<usize> {
        self.entry..self.entry + self.side * self.side
    }

    /// The column of one antenna of the device in a lane.
    pub fn column(&self, antenna: usize, lane: usize) -> usize {
        self.column + antenna * self.count() + lane
    }

    /// The rows of one column, that of an antenna of the device in a lane, of what [`split_rows`] gives; `antennas` are those of all packs.
    #[inline(always)]
    pub fn rows<'a>(&self, split: &'a [Lanes], antennas: usize, antenna: usize, lane: usize) -> &'a [Lanes] {
        &split[self.column(antenna, lane) * antennas..][..antennas]
    }

    /// [`rows`](Self::rows) of one antenna of every device.
    #[inline(always)]
    pub fn row_columns<'a>(
        &self,
        split: &'a [Lanes],
        antennas: usize,
        antenna: usize,
    ) -> [&'a [Lanes]; LANES] {
        std::array::from_fn(|lane| self.rows(split, antennas, antenna, self.device_lane(lane)))
    }

    /// The columns of one antenna of every device.
    #[inline(always)]
    pub fn columns<'a>(&self, matrix: &'a Mat<c64>, antenna: usize) -> [&'a [c64]; LANES] {
        std::array::from_fn(|lane| matrix.col_as_slice(self.column(antenna, self.device_lane(lane))))
    }

    /// One entry of every device from a row or column of all devices'.
    #[inline(always)]
    pub fn gather(&self, antenna: usize, entry: impl Fn(usize) -> c64) -> Lanes {
        Lanes::new(|lane| entry(self.column(antenna, self.device_lane(lane))))
    }

    /// The matrix of the device in a lane.
    pub fn matrix(&self, parts: &[Lanes], lane: usize) -> Mat<c64> {
        let part = self.of(parts);
        Mat::from_fn(self.side, self.side, |i, j| part[i + j * self.side].lane(lane))
    }

    /// Sets the number of the device in a lane, and in those that repeat it.
    pub fn set_lanes(&self, lanes: &mut Lanes, lane: usize, value: c64) {
        (0..LANES).filter(|&to| self.device_lane(to) == lane).for_each(|to| lanes.set(to, value));
    }

    /// `Σ tr` over its devices.
    pub fn trace(&self, parts: &[Lanes]) -> f64 {
        let part = self.of(parts);
        (0..self.side).map(|i| part[i + i * self.side].re[..self.count()].iter().sum::<f64>()).sum()
    }

    /// The largest Frobenius norm of its matrices.
    pub fn largest_norm(&self, parts: &[Lanes]) -> f64 {
        let squares =
            |lane: usize| self.of(parts).iter().map(|entry| entry.lane(lane).norm_sqr()).sum::<f64>();
        (0..self.count()).map(squares).fold(0.0, f64::max).sqrt()
    }

    /// The places of its coordinates among all devices'.
    pub fn coordinates(&self) -> Range<usize> {
        self.row..self.row + self.side * self.side * self.count()
    }

    /// Writes the real coordinates of its Hermitian matrices, of which the lower triangle is read.
    #[inline(always)]
    pub fn write_coordinates(&self, part: &[Lanes], coordinates: &mut [f64]) {
        let count = self.count();
        let mut slots = coordinates[self.coordinates()].chunks_exact_mut(count);
        let mut push = |values: [f64; LANES]| {
            if let Some(slot) = slots.next() {
                write_lanes(slot, values);
            }
        };
        for b in 0..self.side {
            push(part[b + b * self.side].re);
            for a in b + 1..self.side {
                let entry = part[a + b * self.side].scaled(SQRT_2);
                push(entry.re);
                push(entry.im);
            }
        }
    }

    /// Writes the Hermitian matrices with the given coordinates.
    #[inline(always)]
    pub fn read_coordinates(&self, coordinates: &[f64], part: &mut [Lanes]) {
        let mut slots = coordinates[self.coordinates()].chunks_exact(self.count());
        let mut pull = || slots.next().map_or([0.0; LANES], |slot| self.fill(slot));
        for b in 0..self.side {
            part[b + b * self.side] = Lanes { re: pull(), im: [0.0; LANES] };
            for a in b + 1..self.side {
                let entry = Lanes { re: pull(), im: pull() }.scaled(FRAC_1_SQRT_2);
                part[a + b * self.side] = entry;
                part[b + a * self.side] = entry.conj();
            }
        }
    }

    #[inline(always)]
    fn fill(&self, slot: &[f64]) -> [f64; LANES] {
        match slot.try_into() {
            Ok(whole) => whole,
            Err(_) => std::array::from_fn(|lane| slot[self.device_lane(lane)]),
        }
    }
}

/// Writes the numbers of as many devices as there is room for.
#[inline(always)]
pub(super) fn write_lanes(slot: &mut [f64], values: [f64; LANES]) {
    match <&mut [f64; LANES]>::try_from(&mut *slot) {
        Ok(whole) => *whole = values,
        Err(_) => slot.iter_mut().zip(values).for_each(|(slot, value)| *slot = value),
    }
}

/// How much all packs together hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub devices: usize,
    /// Sum of the packs' sides.
    pub antennas: usize,
    /// Sum of the devices' sides.
    pub columns: usize,
    /// Of matrices in [`Parts`].
    pub entries: usize,
    /// Sum of the devices' squared sides.
    pub unknowns: usize,
}

impl Size {
    pub fn of(packs: &[Pack]) -> Self {
        let end = packs.last().map_or(Pack::FIRST, Pack::next);
        let devices = packs.iter().map(Pack::count).sum();
        Self { devices, antennas: end.antennas, columns: end.column, entries: end.entry, unknowns: end.row }
    }
}

/// Where each device is: its pack and its lane.
pub(super) fn places(packs: &[Pack]) -> Vec<(usize, usize)> {
    let mut places = vec![(0, 0); packs.iter().map(Pack::count).sum()];
    for (index, pack) in packs.iter().enumerate() {
        pack.devices.iter().enumerate().for_each(|(lane, &device)| places[device] = (index, lane));
    }
    places
}

/// Room for all devices' matrices.
pub(super) fn parts(packs: &[Pack]) -> Parts {
    vec![Lanes::default(); Size::of(packs).entries]
}

/// `A ← A + factor·D` for every device.
pub(super) fn add_scaled(parts: &mut [Lanes], direction: &[Lanes], factor: f64) {
    parts.iter_mut().zip(direction).for_each(|(part, change)| *part = *part + change.scaled(factor));
}

/// Splits the rows of `factor` times a matrix with a row for each antenna of each device: [`Lanes`] for each antenna of each pack, column by column.
#[pulp::with_simd(split_rows = Arch::new())]
#[inline(always)]
pub(super) fn split_rows_with<S: Simd>(
    _simd: S,
    packs: &[Pack],
    matrix: &Mat<c64>,
    factor: f64,
    out: &mut [Lanes],
) {
    let mut slots = out.iter_mut();
    for column in 0..matrix.ncols() {
        let entries = matrix.col_as_slice(column);
        for pack in packs {
            for antenna in 0..pack.side {
                if let Some(slot) = slots.next() {
                    *slot = pack.gather(antenna, |row| entries[row]).scaled(factor);
                }
            }
        }
    }
}
