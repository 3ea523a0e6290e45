//! The main job: one model, one text, every link with every number of devices.
//!
//! For each number of devices the model is cut by shares, the power that each device's part leaves for transmitting follows
//! from (8), and the text is run through the cluster once per link. Rows report what was measured on the way.

mod error;
mod latency;
mod perplexity;
mod protocol;
mod shares;
mod sources;
mod transceivers;

pub use error::EvaluateError;
pub use latency::Latency;
pub use perplexity::{Measurement, measure};
pub use protocol::{DisjointWindows, Protocol, Window};

use crate::cluster::{Cluster, InProcess};
use crate::configuration::{Configuration, LinkKind, TransceiverKind};
use crate::link::{Air, Cell, Design, Digital, Downlink, Exact, Fdma, Link, Radio};
use crate::report::{Evaluation, Progress, Row};
use solver::channel::Fading;

/// Runs one configuration.
///
/// The numbers are a function of the configuration without its `threads`.
///
/// # Errors
/// [`EvaluateError`]: the configuration, model or text is unusable, a share leaves no power, or a channel cannot be used.
pub fn run(configuration: &Configuration, progress: &dyn Progress) -> Result<Evaluation, EvaluateError> {
    configuration.validate()?;
    let text = sources::text(&configuration.text)?;
    let (checkpoint, tokens) = sources::tokenized(&configuration.model, &text)?;
    let protocol = DisjointWindows { context: configuration.context, limit: configuration.windows };
    let limit = checkpoint.config().max_position_embeddings;
    if configuration.context > limit {
        return Err(EvaluateError::Context { context: configuration.context, limit });
    }
    let windows = protocol.windows(tokens.len());
    if windows.is_empty() {
        return Err(EvaluateError::ShortText { tokens: tokens.len(), context: configuration.context });
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(configuration.threads.unwrap_or(0))
        .build()
        .map_err(|error| EvaluateError::Threads { reason: error.to_string() })?;

    // Two real entries make a symbol.
    let symbols = checkpoint.config().hidden_size.div_ceil(2);
    let on_air = configuration.links.iter().any(|&link| link != LinkKind::Exact);
    let plan = shares::plan(configuration, symbols, on_air, progress)?;

    let runs = (configuration.devices.len() * configuration.links.len() * windows.len()) as u64;
    progress.begin(runs, "perplexity");
    let mut columns = Vec::with_capacity(configuration.devices.len());
    let mut powers = Vec::new();
    for (&devices, shares) in configuration.devices.iter().zip(&plan.shares) {
        let cluster = InProcess::load(&checkpoint, shares)?;
        let power = if on_air {
            shares::transmit_power(configuration, &cluster, symbols)?
        } else {
            vec![1.0; devices]
        };
        let latency = Latency::new(&configuration.device_profile, &cluster.loads());
        let mut column: Vec<Row> = Vec::with_capacity(configuration.links.len());
        for &kind in &configuration.links {
            progress.message(&format!("{kind}, N = {devices}"));
            // With one device nothing goes over the air: all links are the same run.
            if let Some(row) = column.first().filter(|_| devices == 1) {
                progress.advance(windows.len() as u64);
                column.push(Row { link: kind, ..row.clone() });
                continue;
            }
            let link = link(configuration, kind, &power)?;
            let measured = pool
                .install(|| measure(&cluster, link.as_ref(), &tokens, &windows, &|| progress.advance(1)))?;
            column.push(latency.row(kind, devices, &measured));
        }
        columns.push(column);
        // With one device nothing is transmitted.
        powers.extend(Some(power).filter(|_| on_air && devices > 1));
    }
    let transceivers = transceivers::study(configuration, &powers, &pool, progress)?;

    let rows = (0..configuration.links.len())
        .flat_map(|link| columns.iter().map(move |column| column[link].clone()))
        .collect();
    Ok(Evaluation {
        model: sources::summarize_model(&configuration.model, &checkpoint),
        text: sources::summarize_text(&configuration.text, &text, tokens.len(), &windows),
        protocol: protocol.describe(),
        rows,
        transceivers,
        assignment: plan.study,
        configuration: configuration.clone(),
    })
}

/// A link of the given kind between devices that have `power` left.
fn link(
    configuration: &Configuration,
    kind: LinkKind,
    power: &[f64],
) -> Result<Box<dyn Link>, EvaluateError> {
    if power.len() == 1 || kind == LinkKind::Exact {
        return Ok(Box::new(Exact));
    }
    let radio = Radio::new(cell(configuration)?, power.to_vec())?;
    Ok(match kind {
        LinkKind::Exact => Box::new(Exact),
        LinkKind::Air => Box::new(Air::new(radio, design(configuration))),
        LinkKind::Digital => Box::new(Digital::new(radio, configuration.quantization_bits)?),
        LinkKind::Fdma => Box::new(Fdma::new(radio, design(configuration))),
    })
}

fn design(configuration: &Configuration) -> Design {
    match configuration.transceiver {
        TransceiverKind::Refined => Design::Refined,
        TransceiverKind::Paper => Design::Paper,
        TransceiverKind::ZeroForcing => Design::ZeroForcing,
    }
}

fn fading(configuration: &Configuration) -> Result<Fading, EvaluateError> {
    let channel = configuration.channel;
    Ok(Fading::rician(faer::c64::new(channel.mean, 0.0), channel.variance)?)
}

fn cell(configuration: &Configuration) -> Result<Cell, EvaluateError> {
    Ok(Cell {
        fading: fading(configuration)?,
        receive_antennas: configuration.receive_antennas,
        transmit_antennas: configuration.transmit_antennas,
        streams: configuration.streams,
        bandwidth_hz: configuration.bandwidth_hz,
        downlink: Downlink {
            spectral_efficiency: configuration.downlink.spectral_efficiency,
            bits_per_entry: f64::from(configuration.downlink.bits_per_entry),
        },
        synchronization_seconds: configuration.synchronization_seconds,
        // P^max is `snr` in units of the noise, and `transmit_watts` in watts.
        watts_per_unit_power: configuration.device_profile.transmit_watts / configuration.snr(),
        seed: configuration.seed,
    })
}
