//! The plots of the page.

use kuva::plot::LineStyle;
use kuva::plot::scatter::MarkerShape;

use super::super::{AssignmentStudy, Estimate, Row, TransceiverStudy};
use super::axis::{Axis, devices_step};
use super::chart::{Chart, Series};
use crate::configuration::LinkKind;

/// A plot and what it says.
pub(super) struct Figure {
    pub svg: String,
    pub caption: &'static str,
    /// What the plot cannot show.
    pub note: String,
}

/// A column of the table, drawn against the number of devices.
struct Quantity {
    identifier: &'static str,
    caption: &'static str,
    label: &'static str,
    of: fn(&Row) -> f64,
    axis: fn(&[f64]) -> Option<Axis>,
}

/// The paper's Figure 2.
const QUANTITIES: [Quantity; 3] = [
    Quantity {
        identifier: "mse",
        caption: "(a) Transmission MSE per symbol vector.",
        label: "transmission MSE",
        of: |row| row.mse,
        axis: Axis::fitting,
    },
    Quantity {
        identifier: "perplexity",
        caption: "(b) Perplexity of the text.",
        label: "perplexity",
        of: |row| row.perplexity,
        axis: Axis::near_or_fitting,
    },
    Quantity {
        identifier: "time",
        caption: "(c) Time per generated token.",
        label: "time per token, ms",
        of: |row| row.ms_per_token,
        axis: Axis::fitting,
    },
];

/// (a) transmission MSE, (b) perplexity and (c) time per token, each against the number of devices.
/// A plot without a single finite point is left out.
pub(super) fn against_devices(rows: &[Row]) -> Vec<Figure> {
    QUANTITIES.iter().filter_map(|quantity| figure_against_devices(rows, quantity)).collect()
}

fn figure_against_devices(rows: &[Row], quantity: &Quantity) -> Option<Figure> {
    let values: Vec<f64> = rows.iter().map(quantity.of).collect();
    let y_axis = (quantity.axis)(&values)?;
    let mut links: Vec<LinkKind> = Vec::new();
    for row in rows {
        if !links.contains(&row.link) {
            links.push(row.link);
        }
    }
    let mut series = Vec::new();
    let mut hidden = Vec::new();
    for link in links {
        let points = points(rows, link, quantity.of, &y_axis);
        if points.is_empty() {
            hidden.push(link.to_string());
        } else {
            series.push(series_of(link, points));
        }
    }
    let most = rows.iter().map(|row| row.devices).max()?;
    let chart = Chart {
        identifier: quantity.identifier,
        series,
        x_label: "number of devices N",
        x_maximum: 1.04 * most as f64,
        x_step: Some(devices_step(most) as f64),
        y_label: quantity.label,
        y_axis,
    };
    let note = match hidden.as_slice() {
        [] => String::new(),
        hidden => format!("Zero or without a value, so not on this scale: {}.", hidden.join(", ")),
    };
    Some(Figure { svg: chart.svg(), caption: quantity.caption, note })
}

/// The points of one link that the axis has a place for, by number of devices.
fn points(rows: &[Row], link: LinkKind, quantity: fn(&Row) -> f64, axis: &Axis) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = rows
        .iter()
        .filter(|row| row.link == link)
        .map(|row| (row.devices as f64, quantity(row)))
        .filter(|&(_, value)| axis.shows(value))
        .collect();
    points.sort_by(|left, right| left.0.total_cmp(&right.0));
    points
}

fn series_of(link: LinkKind, points: Vec<(f64, f64)>) -> Series {
    let (color, style, marker) = match link {
        LinkKind::Exact => ("var(--exact)", LineStyle::Dotted, MarkerShape::Square),
        LinkKind::Air => ("var(--air)", LineStyle::Solid, MarkerShape::Circle),
        LinkKind::Digital => ("var(--digital)", LineStyle::Dashed, MarkerShape::Triangle),
        LinkKind::Fdma => ("var(--fdma)", LineStyle::DashDot, MarkerShape::Diamond),
    };
    Series { name: link.to_string(), color, style, marker: Some(marker), points }
}

/// MSE of the papers' pipeline, of the refined transceiver and the certified bound, against the number of devices; none where there
/// is nothing to draw.
pub(super) fn transceivers(studies: &[TransceiverStudy]) -> Option<Figure> {
    type Level = fn(&TransceiverStudy) -> Option<Estimate>;
    let levels: [(&str, &str, LineStyle, MarkerShape, Level); 3] = [
        ("paper's pipeline", "var(--fdma)", LineStyle::DashDot, MarkerShape::Diamond, |study| {
            Some(study.paper)
        }),
        ("refined", "var(--air)", LineStyle::Solid, MarkerShape::Circle, |study| Some(study.refined)),
        ("certified bound", "var(--digital)", LineStyle::Dashed, MarkerShape::Triangle, |study| study.bound),
    ];
    let values: Vec<f64> = studies
        .iter()
        .flat_map(|study| levels.iter().filter_map(|level| level.4(study)))
        .map(|e| e.mean)
        .collect();
    let y_axis = Axis::fitting(&values)?;
    let mut series = Vec::new();
    for (name, color, style, marker, level) in levels {
        let mut points: Vec<(f64, f64)> = studies
            .iter()
            .filter_map(|study| Some((study.devices as f64, level(study)?.mean)))
            .filter(|point| y_axis.shows(point.1))
            .collect();
        points.sort_by(|left, right| left.0.total_cmp(&right.0));
        if !points.is_empty() {
            series.push(Series { name: name.into(), color, style, marker: Some(marker), points });
        }
    }
    let most = studies.iter().map(|study| study.devices).max()?;
    let chart = Chart {
        identifier: "transceivers",
        series,
        x_label: "number of devices N",
        x_maximum: 1.04 * most as f64,
        x_step: Some(devices_step(most) as f64),
        y_label: "MSE per symbol vector",
        y_axis,
    };
    let channels = studies.first().map_or(0, |study| study.channels);
    let unbounded = studies.iter().any(|study| study.bound.is_none());
    let note = format!(
        "Means over {channels} channels, symbols of unit variance.{}",
        if unbounded { " Devices with more antennas than streams have no useful bound." } else { "" }
    );
    Some(Figure {
        svg: chart.svg(),
        caption: "(d) Transceivers: the paper's pipeline, local refinement, and the bound that no transceiver can beat.",
        note,
    })
}

/// How stochastic successive convex approximation converged; none where there is nothing to draw.
pub(super) fn convergence(study: &AssignmentStudy) -> Option<Figure> {
    let points: Vec<(f64, f64)> = study
        .iterations
        .iter()
        .filter(|iteration| iteration.estimate.is_finite())
        .map(|iteration| (iteration.iteration as f64, iteration.estimate))
        .collect();
    let last = points.last()?.0.max(1.0);
    let levels = [
        ("uniform shares", "var(--fdma)", study.objective_uniform),
        ("optimized shares", "var(--digital)", study.objective_optimized),
    ];
    let values: Vec<f64> = points
        .iter()
        .map(|point| point.1)
        .chain(levels.iter().map(|(_, _, estimate)| estimate.mean))
        .collect();
    let y_axis = Axis::near(&values)?;
    let line =
        |name: &str, color, style, points| Series { name: name.into(), color, style, marker: None, points };
    let mut series = vec![line("running estimate", "var(--air)", LineStyle::Solid, points)];
    for (name, color, estimate) in levels {
        if estimate.mean.is_finite() {
            let level = vec![(0.0, estimate.mean), (last, estimate.mean)];
            series.push(line(name, color, LineStyle::Dashed, level));
        }
    }
    let chart = Chart {
        identifier: "convergence",
        series,
        x_label: "iteration",
        x_maximum: last,
        x_step: None,
        y_label: "E[σ²α] of (17)",
        y_axis,
    };
    Some(Figure {
        svg: chart.svg(),
        caption: "Stochastic successive convex approximation: running estimate of its objective, the value of relaxation (17), against iteration.",
        note: "Dashed: the same objective afterwards, on channels that were not used before. What transceivers make of the shares is in the table.".into(),
    })
}
