//! The report as JSON, whole and in brief.

use serde::Serialize;

use super::{Format, FormatError, Report, Row};
use crate::configuration::{Configuration, LinkKind};

/// Everything: [`Report`] as it is.
#[derive(Debug, Clone, Copy)]
pub struct Json;

impl Format for Json {
    fn file_name(&self) -> &'static str {
        "report.json"
    }

    fn render(&self, report: &Report) -> Result<String, FormatError> {
        Ok(serde_json::to_string_pretty(report)? + "\n")
    }
}

/// The configuration alone, with every default written out.
#[derive(Debug, Clone, Copy)]
pub struct ConfigurationJson;

impl Format for ConfigurationJson {
    fn file_name(&self) -> &'static str {
        "configuration.json"
    }

    fn render(&self, report: &Report) -> Result<String, FormatError> {
        Ok(serde_json::to_string_pretty(&report.evaluation.configuration)? + "\n")
    }
}

/// What `aircomp eval --json` prints:
/// `{"configuration": {…}, "rows": [{"link", "devices", "mse", "nmse", "perplexity", "ms_per_token", "joules_per_token"}]}`.
#[derive(Debug, Clone, Copy)]
pub struct SummaryJson;

/// The object that [`SummaryJson`] prints.
#[derive(Serialize)]
struct Summary<'a> {
    configuration: &'a Configuration,
    rows: Vec<SummaryRow>,
}

#[derive(Serialize)]
struct SummaryRow {
    link: LinkKind,
    devices: usize,
    mse: f64,
    nmse: f64,
    perplexity: f64,
    ms_per_token: f64,
    joules_per_token: f64,
}

impl From<&Row> for SummaryRow {
    fn from(row: &Row) -> Self {
        Self {
            link: row.link,
            devices: row.devices,
            mse: row.mse,
            nmse: row.nmse,
            perplexity: row.perplexity,
            ms_per_token: row.ms_per_token,
            joules_per_token: row.joules_per_token,
        }
    }
}

impl Format for SummaryJson {
    fn file_name(&self) -> &'static str {
        "summary.json"
    }

    fn render(&self, report: &Report) -> Result<String, FormatError> {
        let evaluation = &report.evaluation;
        let rows = evaluation.rows.iter().map(SummaryRow::from).collect();
        let summary = Summary { configuration: &evaluation.configuration, rows };
        Ok(serde_json::to_string_pretty(&summary)? + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::synthetic;

    #[test]
    fn parses_back_to_the_same_report() {
        let report = synthetic::report();
        let text = Json.render(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        let text = ConfigurationJson.render(&report).unwrap();
        assert_eq!(serde_json::from_str::<Configuration>(&text).unwrap(), report.evaluation.configuration);
    }

    #[test]
    fn summary_has_the_promised_fields_and_no_others() {
        let report = synthetic::report();
        let text = SummaryJson.render(&report).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let keys = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&value), ["configuration", "rows"]);
        let rows = value["rows"].as_array().unwrap();
        assert_eq!(rows.len(), report.evaluation.rows.len());
        let mut names = ["link", "devices", "mse", "nmse", "perplexity", "ms_per_token", "joules_per_token"];
        names.sort_unstable();
        let mut found = keys(&rows[0]);
        found.sort_unstable();
        assert_eq!(found, names);
    }
}
