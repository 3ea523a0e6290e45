//! The table on the console.

use comfy_table::{CellAlignment, ContentArrangement, presets::UTF8_FULL_CONDENSED};

use super::number::{significant, with_error};
use super::{Format, FormatError, Report};

/// One row per link and number of devices, for people.
#[derive(Debug, Clone, Copy)]
pub struct Table;

impl Format for Table {
    fn file_name(&self) -> &'static str {
        "report.txt"
    }

    fn render(&self, report: &Report) -> Result<String, FormatError> {
        let evaluation = &report.evaluation;
        let mut table = comfy_table::Table::new();
        table.load_style(UTF8_FULL_CONDENSED);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header([
            "link",
            "devices",
            "transmission MSE",
            "NMSE",
            "perplexity",
            "ms/token",
            "J/token",
        ]);
        for row in &evaluation.rows {
            table.add_row([
                row.link.to_string(),
                row.devices.to_string(),
                significant(row.mse),
                significant(row.nmse),
                significant(row.perplexity),
                significant(row.ms_per_token),
                significant(row.joules_per_token),
            ]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let (model, text) = (&evaluation.model, &evaluation.text);
        let mut page = format!(
            "{} ({} weights) on {} ({} tokens predicted in {} windows), seed {}\n{table}\n",
            model.name,
            model.parameters,
            text.name,
            text.predicted_tokens,
            text.windows,
            evaluation.configuration.seed
        );
        if let Some(study) = &evaluation.assignment {
            let estimate = |estimate: &super::Estimate| with_error(estimate.mean, estimate.standard_error);
            page += &format!(
                "E[MSE] of {} unequal devices over {} channels: uniform shares {}, optimized {}, difference {}\n",
                study.uniform_shares.len(),
                study.samples,
                estimate(&study.uniform),
                estimate(&study.optimized),
                estimate(&study.difference)
            );
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::synthetic;

    #[test]
    fn shows_every_row() {
        let page = Table.render(&synthetic::report()).unwrap();
        assert_eq!(page.lines().filter(|line| line.starts_with("│ ")).count(), 17);
        assert!(page.contains("│ fdma    ┆       8 ┆"), "{page}");
        assert!(page.contains("seed 1"));
        assert!(page.contains("uniform shares 2.500 ± 0.020, optimized 2.100 ± 0.020"), "{page}");
    }
}
