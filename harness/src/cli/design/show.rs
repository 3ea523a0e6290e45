//! The tables of `aircomp design`.

use clap::ValueEnum;
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use super::outcome::{Outcome, Transceivers};
use crate::report::number::significant;

/// A table of the relaxations and one of the transceivers.
pub(super) fn table(outcomes: &[Outcome]) -> String {
    let mut relaxations =
        begin(["instance", "relaxation", "lower bound", "upper bound", "iterations", "seconds"]);
    let mut transceivers = begin(["instance", "transceiver", "MSE", "alpha", "above bound", "seconds"]);
    for outcome in outcomes {
        for (relaxation, interval) in &outcome.relaxations {
            let name = relaxation.to_possible_value().map(|value| value.get_name().to_owned());
            relaxations.add_row([
                outcome.name.clone(),
                name.unwrap_or_default(),
                format!("{:.9}", interval.lower),
                format!("{:.9}", interval.upper),
                interval.iterations.to_string(),
                significant(interval.seconds),
            ]);
        }
        let Transceivers { paper, refined, designed } = outcome.transceivers;
        transceivers.add_row([
            outcome.name.clone(),
            "paper".into(),
            significant(paper.mse),
            significant(paper.alpha),
            "–".into(),
            significant(paper.seconds),
        ]);
        for (name, transceiver) in [("refined", refined), ("designed", designed)] {
            transceivers.add_row([
                outcome.name.clone(),
                name.into(),
                significant(transceiver.mse),
                "–".into(),
                transceiver.gap.map_or("no bound".into(), |gap| format!("{:.2} %", 100.0 * gap)),
                significant(transceiver.seconds),
            ]);
        }
    }
    format!("{relaxations}\n{transceivers}\n")
}

/// A table whose first two columns are names and whose others are numbers.
fn begin(header: [&str; 6]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
