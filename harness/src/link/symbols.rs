//! From activations to complex symbols and back.
//!
//! Two real entries make one complex symbol, `s = (x_1 + i x_2)/(√2 c)`, with a scale `c` per token; `L` symbols make one
//! symbol vector. (The papers send one entry per symbol; a complex symbol holds two, and (7) is then exact as it stands.)

use super::Activations;
use faer::{Mat, MatRef, c64};
use std::f64::consts::FRAC_1_SQRT_2;

/// `Σ |s|²`.
pub(super) fn energy(symbols: MatRef<'_, c64>) -> f64 {
    (0..symbols.ncols()).map(|j| (0..symbols.nrows()).map(|i| symbols[(i, j)].norm_sqr()).sum::<f64>()).sum()
}

/// How the entries of `tokens` tokens of `width` entries lie in symbol vectors of `streams` symbols.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    tokens: usize,
    width: usize,
    streams: usize,
}

impl Layout {
    pub fn new(activations: &Activations, streams: usize) -> Self {
        Self { tokens: activations.tokens(), width: activations.width, streams }
    }

    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Symbol vectors per token; the last is padded with zeros.
    pub fn vectors_per_token(&self) -> usize {
        self.width.div_ceil(2).div_ceil(self.streams)
    }

    /// The part of a token's symbols that carries entries and no padding.
    pub fn fill(&self) -> f64 {
        self.width as f64 / (2 * self.streams * self.vectors_per_token()).max(1) as f64
    }

    /// Symbol vectors in all.
    pub fn vectors(&self) -> usize {
        self.tokens * self.vectors_per_token()
    }

    /// Index into the values of the entry that is part `part` (0 real, 1 imaginary) of symbol `stream` of vector `vector`.
    fn entry(&self, vector: usize, stream: usize, part: usize) -> Option<usize> {
        let (token, within) = (vector / self.vectors_per_token(), vector % self.vectors_per_token());
        let column = 2 * (within * self.streams + stream) + part;
        (column < self.width).then_some(token * self.width + column)
    }

    /// The symbols of one device, `L × vectors`, for the given scale per token. A token of scale 0 is all zeros.
    pub fn modulate(&self, values: &[f32], scales: &[f64]) -> Mat<c64> {
        Mat::from_fn(self.streams, self.vectors(), |stream, vector| {
            let scale = scales[vector / self.vectors_per_token()];
            let gain = if scale > 0.0 { FRAC_1_SQRT_2 / scale } else { 0.0 };
            let part =
                |part| self.entry(vector, stream, part).map_or(0.0, |entry| f64::from(values[entry]) * gain);
            c64::new(part(0), part(1))
        })
    }

    /// The errors of symbols at scales of their own, in the units of the common scales; none where all devices are silent.
    pub fn weighted(
        &self,
        (received, sent): (MatRef<'_, c64>, MatRef<'_, c64>),
        own: &[f64],
        common: &[f64],
    ) -> Mat<c64> {
        Mat::from_fn(self.streams, self.vectors(), |stream, vector| {
            let token = vector / self.vectors_per_token();
            let weight = if common[token] > 0.0 { own[token] / common[token] } else { 0.0 };
            (received[(stream, vector)] - sent[(stream, vector)]) * weight
        })
    }

    /// The entries that received symbols stand for.
    pub fn demodulate(&self, symbols: MatRef<'_, c64>, scales: &[f64]) -> Vec<f64> {
        let mut values = vec![0.0; self.tokens * self.width];
        for vector in 0..symbols.ncols() {
            let gain = scales[vector / self.vectors_per_token()] / FRAC_1_SQRT_2;
            for stream in 0..self.streams {
                let symbol = symbols[(stream, vector)] * gain;
                for (part, value) in [symbol.re, symbol.im].into_iter().enumerate() {
                    if let Some(entry) = self.entry(vector, stream, part) {
                        values[entry] = value;
                    }
                }
            }
        }
        values
    }
}

/// What every wireless link works out of the partial outputs before it sends them.
pub(super) struct Signals {
    pub layout: Layout,
    /// Mean square of each token's entries, by device.
    pub energies: Vec<Vec<f64>>,
    /// The common scale of each token.
    pub scales: Vec<f64>,
}

impl Signals {
    /// The partials must have been validated.
    pub fn new(partials: &[Activations], streams: usize) -> Self {
        let energies: Vec<Vec<f64>> = partials.iter().map(energies).collect();
        let scales = common_scales(&energies);
        Self { layout: Layout::new(&partials[0], streams), energies, scales }
    }

    /// A device's symbol energy at the common scales, token by token; 0 where all devices are silent.
    pub fn relative_energies(&self, device: usize) -> impl Iterator<Item = f64> + '_ {
        let relative =
            |(energy, scale): (&f64, &f64)| if *scale > 0.0 { energy / (scale * scale) } else { 0.0 };
        self.energies[device].iter().zip(&self.scales).map(relative)
    }

    /// A device's symbol variance at the common scales: the mean over all its symbols, padding and silence included.
    pub fn variance(&self, device: usize) -> f64 {
        let tokens = self.layout.tokens().max(1) as f64;
        self.layout.fill() * self.relative_energies(device).sum::<f64>() / tokens
    }
}

/// Mean square of each token's entries.
fn energies(activations: &Activations) -> Vec<f64> {
    let mean_square = |token: &[f32]| {
        token.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / activations.width as f64
    };
    activations.values.chunks_exact(activations.width).map(mean_square).collect()
}

/// The scale that all devices use for each token: the root of the mean over the devices of their mean squares, so that
/// the devices' symbol variances average to one.
fn common_scales(energies: &[Vec<f64>]) -> Vec<f64> {
    let tokens = energies.first().map_or(0, Vec::len);
    let devices = energies.len() as f64;
    (0..tokens)
        .map(|token| (energies.iter().map(|device| device[token]).sum::<f64>() / devices).sqrt())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modulation_inverts_and_has_unit_power() {
        for (width, streams) in [(8, 2), (7, 4), (1, 3), (64, 4)] {
            let values: Vec<f32> = (0..3 * width).map(|i| (i as f32 * 0.7).sin() + 0.1).collect();
            let activations = Activations { width, values };
            let layout = Layout::new(&activations, streams);
            let scales: Vec<f64> = energies(&activations).iter().map(|energy| energy.sqrt()).collect();
            let symbols = layout.modulate(&activations.values, &scales);
            let power: f64 = (0..symbols.ncols())
                .map(|v| (0..streams).map(|s| symbols[(s, v)].norm_sqr()).sum::<f64>())
                .sum();
            assert!((power - 1.5 * width as f64).abs() < 1e-9 * power, "{power}");
            let back = layout.demodulate(symbols.as_ref(), &scales);
            for (found, &expected) in back.iter().zip(&activations.values) {
                assert!((found - f64::from(expected)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn silent_tokens_stay_silent() {
        let activations = Activations { width: 4, values: vec![0.0; 8] };
        let layout = Layout::new(&activations, 2);
        let symbols = layout.modulate(&activations.values, &[0.0, 0.0]);
        assert!(layout.demodulate(symbols.as_ref(), &[0.0, 0.0]).iter().all(|value| *value == 0.0));
    }
}
