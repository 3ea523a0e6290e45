//! `aircomp eval`.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use clap::{Args, Parser};

use super::values::{Numbers, numbers};
use super::{CliError, note, print, progress::Bar, usage};
use crate::configuration::{
    AssignmentKind, Configuration, DeviceProfile, Downlink, LinkKind, ModelSource, PowerAccounting,
    RicianChannel, TextSource, TransceiverKind,
};
use crate::report::{Destination, Format, Progress, Report, SummaryJson, Table};

/// Evaluate perplexity, transmission error, time and energy per token of a model split over devices.
///
/// Prints one table, link × devices, and writes a report: an HTML page with the plots of the paper's Figure 2, the same numbers as
/// CSV and JSON, and the full configuration.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    aircomp eval                                             the bundled model and text, all links, 1 to 8 devices\n  \
    aircomp eval --model llama --text wiki.txt --windows 50  a checkpoint and text of your own, in part\n  \
    aircomp eval --link exact,air --snr-db 20 --json         one JSON object on standard output\n  \
    aircomp eval --devices 4 --energy-coefficients 0.1:0.2:0.4:0.8 --assignment optimized\n\n\
    Exit status: 0 success, 1 bad input, 2 bad usage.")]
pub(super) struct Arguments {
    /// Directory of a LLaMA checkpoint in the Hugging Face layout (config.json, model.safetensors, tokenizer.json)
    /// [default: the bundled model]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// File of UTF-8 text whose perplexity is measured [default: the bundled text]
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Numbers of devices, each 1 to 128
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,2,4,8")]
    devices: Vec<usize>,
    /// Links, in the order of the table
    #[arg(
        long = "link",
        value_name = "LINK,…",
        value_delimiter = ',',
        default_value = "exact,air,digital,fdma"
    )]
    links: Vec<LinkKind>,
    /// P^max/σ² of every device in decibels, -60 to 120
    #[arg(
        long,
        value_name = "DB",
        allow_negative_numbers = true,
        default_value_t = 0.0,
        help_heading = "Radio"
    )]
    snr_db: f64,
    /// What P^max covers
    #[arg(long, value_name = "KIND", value_enum, default_value_t, help_heading = "Radio")]
    power_accounting: PowerAccounting,
    /// How the model is shared out
    #[arg(long, value_name = "KIND", value_enum, default_value_t)]
    assignment: AssignmentKind,
    /// How the air link designs its transceivers
    #[arg(long, value_name = "KIND", value_enum, default_value_t, help_heading = "Radio")]
    transceiver: TransceiverKind,
    /// Fraction of each device's energy budget that computing the whole model would take, 0 to 1000; commas or colons
    /// between, repeated from the start when there are more devices
    #[arg(long, value_name = "X:…", value_parser = numbers, allow_hyphen_values = true, default_value = "0.2:0.4:0.8:1.6")]
    energy_coefficients: Numbers,
    /// Iterations of the optimization of the shares, 1 to 100000
    #[arg(long, value_name = "COUNT", default_value_t = 300)]
    assignment_iterations: usize,
    /// Least share that the optimization may give a device, as a fraction of the uniform share, 0 to 1
    #[arg(long, value_name = "FRACTION", default_value_t = 0.5, allow_hyphen_values = true)]
    minimum_share: f64,
    /// Tokens per window of text, 2 to 131072
    #[arg(long, value_name = "TOKENS", default_value_t = 256)]
    context: usize,
    /// Evaluate only so many windows, from the start of the text [default: all]
    #[arg(long, value_name = "COUNT")]
    windows: Option<usize>,
    /// Seed of every random number
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Antennas of the server, 1 to 256
    #[arg(long, value_name = "COUNT", default_value_t = 20, help_heading = "Radio")]
    receive_antennas: usize,
    /// Antennas of each device, 1 to 64
    #[arg(long, value_name = "COUNT", default_value_t = 4, help_heading = "Radio")]
    transmit_antennas: usize,
    /// Spatial streams, at most the antennas of a device and of the server
    #[arg(long, value_name = "COUNT", default_value_t = 4, help_heading = "Radio")]
    streams: usize,
    /// Bandwidth in hertz, 1 to 1e12
    #[arg(long, value_name = "HZ", default_value_t = 1e7, help_heading = "Radio")]
    bandwidth_hz: f64,
    /// Bits per entry on the digital link, 2 to 16
    #[arg(long, value_name = "BITS", default_value_t = 8, help_heading = "Radio")]
    quantization_bits: u32,
    /// Mean of the channel coefficients, -1000 to 1000; 0 is Rayleigh fading
    #[arg(
        long,
        value_name = "MEAN",
        allow_negative_numbers = true,
        default_value_t = 1.0,
        help_heading = "Radio"
    )]
    channel_mean: f64,
    /// Variance of the channel coefficients, 1e-6 to 1e6
    #[arg(long, value_name = "VARIANCE", default_value_t = 1.0, help_heading = "Radio")]
    channel_variance: f64,
    /// Spectral efficiency of the broadcast back to the devices in bit/s/Hz, 0.001 to 1000
    #[arg(long, value_name = "RATE", default_value_t = 15.0, help_heading = "Radio")]
    downlink_spectral_efficiency: f64,
    /// Bits per entry of that broadcast, 1 to 64
    #[arg(long, value_name = "BITS", default_value_t = 8, help_heading = "Radio")]
    downlink_bits_per_entry: u32,
    /// Seconds lost to synchronization at each all-reduce, 0 to 10
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, help_heading = "Radio")]
    synchronization_seconds: f64,
    /// JSON file that describes a device: name, memory_bandwidth_bytes_per_second, flops_per_second, idle_watts, joules_per_byte,
    /// joules_per_flop, transmit_watts [default: a Raspberry Pi 5]
    #[arg(long, value_name = "FILE")]
    device_profile: Option<PathBuf>,
    /// Worker threads, 1 to 1024; the numbers do not depend on it [default: one per core]
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
    /// Directory of the report; an earlier report in it is replaced, other files are left alone
    #[arg(long, value_name = "DIR", default_value = "aircomp-report", help_heading = "Output")]
    report: PathBuf,
    /// Write no report
    #[arg(long, conflicts_with = "report", help_heading = "Output")]
    no_report: bool,
    /// Print one JSON object instead of the table: {"configuration", "rows"}
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl Default for Arguments {
    /// What `aircomp eval` without options means.
    fn default() -> Self {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            arguments: Arguments,
        }
        Alone::parse_from(["eval"]).arguments
    }
}

impl Arguments {
    /// The configuration that the options describe, not validated yet.
    fn configuration(&self) -> Result<Configuration, CliError> {
        Ok(Configuration {
            model: self.model.clone().map_or(ModelSource::Bundled, ModelSource::Directory),
            text: self.text.clone().map_or(TextSource::Bundled, TextSource::File),
            devices: self.devices.clone(),
            links: self.links.clone(),
            snr_db: self.snr_db,
            power_accounting: self.power_accounting,
            assignment: self.assignment,
            transceiver: self.transceiver,
            energy_coefficients: self.energy_coefficients.0.clone(),
            context: self.context,
            windows: self.windows,
            seed: self.seed,
            receive_antennas: self.receive_antennas,
            transmit_antennas: self.transmit_antennas,
            streams: self.streams,
            bandwidth_hz: self.bandwidth_hz,
            quantization_bits: self.quantization_bits,
            channel: RicianChannel { mean: self.channel_mean, variance: self.channel_variance },
            device_profile: self.device_profile()?,
            downlink: Downlink {
                spectral_efficiency: self.downlink_spectral_efficiency,
                bits_per_entry: self.downlink_bits_per_entry,
            },
            synchronization_seconds: self.synchronization_seconds,
            assignment_iterations: self.assignment_iterations,
            minimum_share: self.minimum_share,
            threads: self.threads,
        })
    }

    fn device_profile(&self) -> Result<DeviceProfile, CliError> {
        let Some(path) = &self.device_profile else { return Ok(DeviceProfile::default()) };
        let bytes = fs::read(path).map_err(|source| CliError::Read { path: path.clone(), source })?;
        DeviceProfile::from_json(&bytes)
            .map_err(|source| CliError::DeviceProfile { path: path.clone(), source })
    }
}

/// Runs the command; `command_line` is what was typed, for the report.
pub(super) fn run(arguments: &Arguments, command_line: &[OsString]) -> Result<(), CliError> {
    let configuration = arguments.configuration()?;
    configuration.validate().map_err(|error| usage("eval", error))?;
    // Before the work, not after it.
    let destination = match arguments.no_report {
        true => None,
        false => Some(Destination::new(&arguments.report)?),
    };
    let progress = Bar::new();
    let evaluation = crate::evaluate::run(&configuration, &progress);
    progress.finish();
    let command_line = command_line.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let report = Report::new(evaluation?, command_line);
    let result = if arguments.json { SummaryJson.render(&report) } else { Table.render(&report) };
    print(&result?)?;
    if let Some(destination) = destination {
        destination.write(&report)?;
        note(format_args!("report: {}", destination.path().join("report.html").display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_options_mean_the_defaults() {
        assert_eq!(Arguments::default().configuration().unwrap(), Configuration::default());
    }
}
