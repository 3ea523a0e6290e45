//! The rows as CSV.

use super::{Format, FormatError, Report};

/// One line per row, all fields of [`Row`](super::Row), at full precision; an empty field where there is no value.
#[derive(Debug, Clone, Copy)]
pub struct Csv;

impl Format for Csv {
    fn file_name(&self) -> &'static str {
        "report.csv"
    }

    fn render(&self, report: &Report) -> Result<String, FormatError> {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        for row in &report.evaluation.rows {
            writer.serialize(row)?;
        }
        let bytes = writer.into_inner().map_err(|error| ::csv::Error::from(error.into_error()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Row, synthetic};

    #[test]
    fn parses_back_to_the_same_rows() {
        let report = synthetic::report();
        let text = Csv.render(&report).unwrap();
        assert!(text.starts_with("link,devices,mse,nmse,perplexity,ms_per_token,joules_per_token,"));
        let rows: Vec<Row> =
            ::csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows, report.evaluation.rows);
    }
}
