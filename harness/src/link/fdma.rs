//! Uncoded FDMA all-reduce: every device sends its entries as analog symbols over its own sub-channel of `1/N` of the band,
//! with a transceiver designed for it alone; the server adds up `N` noisy estimates.

use super::air::{Design, transmit};
use super::radio::Radio;
use super::symbols;
use super::{Activations, Link, LinkError, Reduction, Round};
use faer::{Mat, c64};
use solver::Problem;

/// The uncoded FDMA link.
#[derive(Debug, Clone)]
pub struct Fdma {
    radio: Radio,
    design: Design,
}

impl Fdma {
    /// An uncoded FDMA link in a cell; every device's transceiver is designed as the air link's would be for it alone.
    pub fn new(radio: Radio, design: Design) -> Self {
        Self { radio, design }
    }
}

impl Link for Fdma {
    fn all_reduce(&self, round: Round, partials: &[Activations]) -> Result<Reduction, LinkError> {
        let signals = self.radio.signals(partials)?;
        let failed = |source| LinkError::Channel { round, source };
        let layout = signals.layout;
        let channels = self.radio.channels(round);
        let mut rng = self.radio.noise(round);

        let mut received = vec![0.0; partials[0].values.len()];
        let mut expected = 0.0;
        let mut errors = Mat::<c64>::zeros(self.radio.streams(), layout.vectors());
        let mut power = vec![0.0; partials.len()];
        for (device, partial) in partials.iter().enumerate() {
            // Its own scale: nothing has to be shared with the other devices, only told to the server.
            let own: Vec<f64> = signals.energies[device].iter().map(|energy| energy.sqrt()).collect();
            if own.iter().all(|&scale| scale <= 0.0) {
                continue;
            }
            let available = vec![self.radio.transmit_power()[device]];
            let problem = Problem::new(vec![channels[device].clone()], available, 1.0)
                .and_then(|problem| problem.with_streams(self.radio.streams()))
                .and_then(|problem| problem.with_signal_variance(vec![layout.fill()]))
                .map_err(failed)?;
            let transceiver =
                self.design.transceiver(&problem, self.radio.design_seed(round)).map_err(failed)?;
            let sent = [layout.modulate(&partial.values, &own)];
            let estimate = transmit(&problem, &transceiver, &sent, &mut rng).map_err(failed)?;
            for (sum, value) in received.iter_mut().zip(layout.demodulate(estimate.as_ref(), &own)) {
                *sum += value;
            }
            errors += layout.weighted((estimate.as_ref(), sent[0].as_ref()), &own, &signals.scales);
            let mse = transceiver.mean_squared_error(&problem).map_err(failed)?.total();
            let energy: f64 = signals.relative_energies(device).sum();
            expected += mse * layout.vectors_per_token() as f64 * energy;
            power[device] = transceiver.transmit_power(&problem)[0];
        }

        let entries = self.radio.separate_uplink(layout.vectors_per_token() as f64, &power);
        let scales = self.radio.scale_uplink(round, &channels)?;
        let squared_error = symbols::energy(errors.as_ref());
        Ok(self.radio.reduction(
            partials,
            &signals,
            received,
            (squared_error, expected),
            &[entries, scales],
            false,
        ))
    }
}
