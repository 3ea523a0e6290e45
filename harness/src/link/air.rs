//! Over-the-air all-reduce: all devices transmit at once and the channel adds.
//!
//! Per round (one channel block): the devices agree on a scale per token, the server designs a transceiver for the block
//! and for the variances of what is sent, the devices precode, the channel superposes, the server combines and undoes
//! the scale.

use super::radio::Radio;
use super::symbols;
use super::{Activations, Link, LinkError, Reduction, Round};
use faer::{Mat, c64};
use rand_chacha::ChaCha8Rng;
use solver::channel::Fading;
use solver::recovery::{Randomization, Refinement, gaussian_randomization, refine, scaled_zero_forcing};
use solver::relaxation::lambda_min;
use solver::transceiver::Transceiver;
use solver::{Error, Problem};

/// Relative gap to which (17) is solved before randomization: far below what randomization loses.
const RELAXATION_GAP: f64 = 1e-4;

/// How the transceiver of a block is designed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// The papers' pipeline: (17), 100 Gaussian randomizations, zero forcing.
    Paper,
    /// Local refinement of P_s from there: mismatch traded against noise.
    Refined,
    /// Zero forcing along the refined aggregator: noise alone.
    ZeroForcing,
}

impl Design {
    /// A transceiver for one block.
    ///
    /// # Errors
    /// [`Error`] where the solver has no transceiver, for instance for a channel without full column rank.
    pub fn transceiver(self, problem: &Problem, seed: u64) -> Result<Transceiver, Error> {
        let options = solver::relaxation::Options { relative_gap: RELAXATION_GAP, ..Default::default() };
        let relaxed = lambda_min::solve(problem, &options)?;
        let randomization = Randomization { seed, ..Default::default() };
        let paper = gaussian_randomization(problem, relaxed.primal.as_ref(), &randomization)?;
        match self {
            Self::Paper => Ok(paper),
            Self::Refined => Ok(refine(problem, paper.aggregator(), &Refinement::default())?.transceiver),
            Self::ZeroForcing => {
                let refined = refine(problem, paper.aggregator(), &Refinement::default())?;
                scaled_zero_forcing(problem, refined.transceiver.aggregator())
            }
        }
    }
}

/// The over-the-air link.
#[derive(Debug, Clone)]
pub struct Air {
    radio: Radio,
    design: Design,
}

impl Air {
    /// An over-the-air link in a cell.
    pub fn new(radio: Radio, design: Design) -> Self {
        Self { radio, design }
    }
}

impl Link for Air {
    fn all_reduce(&self, round: Round, partials: &[Activations]) -> Result<Reduction, LinkError> {
        let signals = self.radio.signals(partials)?;
        let failed = |source| LinkError::Channel { round, source };
        let layout = signals.layout;
        let variances: Vec<f64> = (0..partials.len()).map(|device| signals.variance(device)).collect();
        // A device with nothing to send (a share of no heads, say) takes no part.
        let active: Vec<usize> = (0..partials.len()).filter(|&device| variances[device] > 0.0).collect();
        let channels = self.radio.channels(round);
        let pick = |values: &[f64]| active.iter().map(|&device| values[device]).collect::<Vec<_>>();

        let mut estimate = Mat::<c64>::zeros(self.radio.streams(), layout.vectors());
        let (mut squared_error, mut expected) = (0.0, 0.0);
        let mut power = vec![0.0; partials.len()];
        if !active.is_empty() {
            let block = active.iter().map(|&device| channels[device].clone()).collect();
            let problem = Problem::new(block, pick(self.radio.transmit_power()), 1.0)
                .and_then(|problem| problem.with_streams(self.radio.streams()))
                .and_then(|problem| problem.with_signal_variance(pick(&variances)))
                .map_err(failed)?;
            let transceiver =
                self.design.transceiver(&problem, self.radio.design_seed(round)).map_err(failed)?;
            let sent: Vec<Mat<c64>> = active
                .iter()
                .map(|&device| layout.modulate(&partials[device].values, &signals.scales))
                .collect();
            estimate =
                transmit(&problem, &transceiver, &sent, &mut self.radio.noise(round)).map_err(failed)?;
            let wanted =
                sent.iter().fold(Mat::<c64>::zeros(estimate.nrows(), estimate.ncols()), |sum, one| sum + one);
            squared_error = symbols::energy((&estimate - wanted).as_ref());
            expected =
                layout.vectors() as f64 * transceiver.mean_squared_error(&problem).map_err(failed)?.total();
            for (&device, used) in active.iter().zip(transceiver.transmit_power(&problem)) {
                power[device] = used;
            }
        }

        let received = layout.demodulate(estimate.as_ref(), &signals.scales);
        let entries = self.radio.joint_uplink(layout.vectors_per_token() as f64, &power);
        let scales = self.radio.scale_uplink(round, &channels)?;
        Ok(self.radio.reduction(
            partials,
            &signals,
            received,
            (squared_error, expected),
            &[entries, scales],
            true,
        ))
    }
}

/// Sends `sent[n]` (`L × V` symbols) through a channel block: `A^H (Σ_n H_n B_n s_n + n)`, noise of power `σ²`.
pub(super) fn transmit(
    problem: &Problem,
    transceiver: &Transceiver,
    sent: &[Mat<c64>],
    rng: &mut ChaCha8Rng,
) -> Result<Mat<c64>, Error> {
    let vectors = sent.first().map_or(0, Mat::ncols);
    let deviation = problem.noise_power().sqrt();
    let mut received = Mat::<c64>::zeros(problem.receive_antennas(), vectors);
    // Symbol vector by symbol vector: a long window has more entries than one draw may have.
    for column in received.col_iter_mut() {
        let noise = Fading::RAYLEIGH.draw(problem.receive_antennas(), 1, rng)?;
        for (received, noise) in column.iter_mut().zip(noise.col(0).iter()) {
            *received = noise * deviation;
        }
    }
    for ((channel, precoder), symbols) in problem.channels().iter().zip(transceiver.precoders()).zip(sent) {
        received += channel * (precoder * symbols);
    }
    Ok(transceiver.aggregator().adjoint() * received)
}
