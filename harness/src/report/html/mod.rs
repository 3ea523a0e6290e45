//! The report as one self-contained HTML page.

mod axis;
mod chart;
mod escape;
mod plots;

use std::fmt::Write;

use super::number::{significant, with_error};
use super::{AssignmentStudy, Evaluation, Format, FormatError, Report, Row};
use escape::{Escaped, command_line};

/// A page without external resources: what was run, the table, the plots of the paper's Figure 2, how good the transceivers are, and how the shares converged.
#[derive(Debug, Clone, Copy)]
pub struct Html;

const STYLE: &str = include_str!("style.css");

impl Format for Html {
    fn file_name(&self) -> &'static str {
        "report.html"
    }

    fn render(&self, report: &Report) -> Result<String, FormatError> {
        let evaluation = &report.evaluation;
        let configuration = serde_json::to_string_pretty(&evaluation.configuration)?;
        let mut page = String::new();
        // Writing to a `String` cannot fail.
        let _ = write!(
            page,
            r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>aircomp: {model}</title>
<style>
{STYLE}</style>
</head>
<body>
<main>
<h1>Over-the-air inference of {model}</h1>
{facts}
<h2>Results</h2>
{table}
<h2>Against the number of devices</h2>
<div class="plots">
{figures}</div>
{assignment}
<h2>Configuration</h2>
<details>
<summary>Everything that decides the numbers above</summary>
<pre>{configuration}</pre>
</details>
</main>
</body>
</html>
"#,
            model = Escaped(&evaluation.model.name),
            facts = facts(report),
            table = table(&evaluation.rows),
            figures = figures(evaluation),
            assignment = evaluation.assignment.as_ref().map(assignment).unwrap_or_default(),
            configuration = Escaped(&configuration),
        );
        Ok(page)
    }
}

/// What was run.
fn facts(report: &Report) -> String {
    let Evaluation { configuration, model, text, protocol, .. } = &report.evaluation;
    let setting = format!(
        "{} receive and {} transmit antennas, {} streams, P/σ² = {} dB {}, {} MHz; shares {}, transceiver {}",
        configuration.receive_antennas,
        configuration.transmit_antennas,
        configuration.streams,
        configuration.snr_db,
        configuration.power_accounting,
        configuration.bandwidth_hz / 1e6,
        configuration.assignment,
        configuration.transceiver,
    );
    let shape = format!(
        "{}: {} weights, {} layers, width {}, {} heads ({} key–value), MLP {}, vocabulary {}",
        model.name,
        model.parameters,
        model.layers,
        model.hidden_size,
        model.heads,
        model.key_value_heads,
        model.intermediate_size,
        model.vocabulary
    );
    let read = format!(
        "{}: {} bytes, {} tokens; {} predicted in {} windows",
        text.name, text.bytes, text.tokens, text.predicted_tokens, text.windows
    );
    let mut list = String::from("<dl>\n");
    for (name, value) in [
        ("Model", shape),
        ("Text", read),
        ("Protocol", protocol.clone()),
        ("Channel", setting),
        ("Device", configuration.device_profile.name.clone()),
        ("Seed", configuration.seed.to_string()),
        ("Program", format!("{} {}", report.program, report.version)),
    ] {
        let _ = writeln!(list, "<dt>{name}</dt><dd>{}</dd>", Escaped(&value));
    }
    let command = command_line(&report.command_line);
    let _ = write!(list, "<dt>Command</dt><dd><code>{}</code></dd>\n</dl>", Escaped(&command));
    list
}

fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">link</th><th scope=\"col\">devices</th>\
         <th scope=\"col\">transmission MSE</th><th scope=\"col\">by (7)</th><th scope=\"col\">NMSE</th>\
         <th scope=\"col\">perplexity</th><th scope=\"col\">ms/token</th><th scope=\"col\">computing</th>\
         <th scope=\"col\">on the air</th><th scope=\"col\">J/token</th></tr></thead>\n<tbody>\n",
    );
    for row in rows {
        let error = row.perplexity_standard_error.unwrap_or(0.0);
        let _ = writeln!(
            table,
            "<tr class=\"{link}\"><th scope=\"row\">{link}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            row.devices,
            significant(row.mse),
            row.expected_mse.map(significant).unwrap_or_else(|| "–".into()),
            significant(row.nmse),
            with_error(row.perplexity, error),
            significant(row.ms_per_token),
            significant(row.compute_ms_per_token),
            significant(row.communication_ms_per_token),
            significant(row.joules_per_token),
            link = row.link,
        );
    }
    table
        + "</tbody>\n</table></div>\n<p class=\"note\">MSE: per symbol vector, symbols of unit power; “by (7)” is what the \
             formula expects of it. Perplexity: ± one standard error over the windows.</p>"
}

/// The three plots of the paper's Figure 2, and how far its transceivers are from the best.
fn figures(evaluation: &Evaluation) -> String {
    let mut figures = String::new();
    for plot in plots::against_devices(&evaluation.rows) {
        figures += &figure(&plot);
    }
    if let Some(plot) = plots::transceivers(&evaluation.transceivers) {
        figures += &figure(&plot);
    }
    figures
}

fn figure(plot: &plots::Figure) -> String {
    format!(
        "<figure>\n{}\n<figcaption>{} <span class=\"note\">{}</span></figcaption>\n</figure>\n",
        plot.svg,
        Escaped(plot.caption),
        Escaped(&plot.note)
    )
}

/// Uniform against optimized shares.
fn assignment(study: &AssignmentStudy) -> String {
    let mut section = String::from(
        "<h2>Shares of unequal devices</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">device</th>\
         <th scope=\"col\">energy coefficient</th><th scope=\"col\">uniform share</th>\
         <th scope=\"col\">optimized share</th></tr></thead>\n<tbody>\n",
    );
    let shares = study.uniform_shares.iter().zip(&study.optimized_shares);
    for (device, (coefficient, (uniform, optimized))) in
        study.energy_coefficients.iter().zip(shares).enumerate()
    {
        let _ = writeln!(
            section,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
            device + 1,
            significant(*coefficient),
            significant(*uniform),
            significant(*optimized)
        );
    }
    let estimate =
        |estimate: &super::Estimate| Escaped(&with_error(estimate.mean, estimate.standard_error)).to_string();
    let _ = write!(
        section,
        "<tr class=\"total\"><th scope=\"row\">E[MSE]</th><td></td><td>{}</td><td>{}</td></tr>\n</tbody>\n</table></div>\n\
         <p>Optimized shares change E[MSE] by {} %: the difference is {} over {} channels that were not used to find them.</p>\n",
        estimate(&study.uniform),
        estimate(&study.optimized),
        signed(-100.0 * study.difference.mean / study.uniform.mean),
        estimate(&study.difference),
        study.samples
    );
    if let Some(plot) = plots::convergence(study) {
        let _ = write!(section, "<div class=\"plots\">\n{}</div>", figure(&plot));
    }
    section
}

/// With a sign, the minus as typographers write it.
fn signed(value: f64) -> String {
    format!("{value:+.1}").replace('-', "−")
}

#[cfg(test)]
mod tests;
