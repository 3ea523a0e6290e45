//! A line chart as inline SVG that takes its colours from the page.

use std::sync::Arc;

use kuva::backend::svg::SvgBackend;
use kuva::plot::legend::{LegendEntry, LegendPosition, LegendShape};
use kuva::plot::scatter::MarkerShape;
use kuva::plot::{LinePlot, LineStyle, ScatterPlot};
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;
use kuva::render::theme::Theme;

use super::axis::{Axis, logarithmic_tick};
use super::escape::Escaped;

/// A line of a chart; colour, dashes and marker all tell it from the others.
pub(super) struct Series {
    pub name: String,
    /// A custom property of the page, as `var(--air)`.
    pub color: &'static str,
    pub style: LineStyle,
    pub marker: Option<MarkerShape>,
    pub points: Vec<(f64, f64)>,
}

/// A line chart.
pub(super) struct Chart {
    /// Tells the charts of one page apart.
    pub identifier: &'static str,
    pub series: Vec<Series>,
    pub x_label: &'static str,
    /// The horizontal axis goes from 0 to this.
    pub x_maximum: f64,
    /// None: chosen by the axis.
    pub x_step: Option<f64>,
    pub y_label: &'static str,
    pub y_axis: Axis,
}

impl Chart {
    /// The chart as an element of the page: scaled by the page, without a name space (HTML has none to declare).
    pub fn svg(self) -> String {
        let (identifier, label) = (self.identifier, format!("{} against {}", self.y_label, self.x_label));
        let plots: Vec<Plot> = self.series.iter().flat_map(plots).collect();
        let scene = render_multiple(plots, self.layout());
        let svg = SvgBackend::new().render_scene(&scene);
        let opening = format!(
            r#"<svg viewBox="0 0 {} {}" role="img" aria-label="{}""#,
            scene.width,
            scene.height,
            Escaped(&label)
        );
        let svg = svg.replacen(r#"<svg xmlns="http://www.w3.org/2000/svg""#, &opening, 1);
        // kuva numbers clip paths through the life of the process; equal reports should be equal pages.
        let clip = svg.split(r#"id=""#).nth(1).and_then(|rest| rest.split('"').next());
        match clip {
            Some(clip) => svg.replace(clip, &format!("clip-{identifier}")),
            None => svg,
        }
    }

    fn layout(&self) -> Layout {
        let theme = Theme {
            background: "none".into(),
            axis_color: "var(--muted)".into(),
            grid_color: "var(--line)".into(),
            tick_color: "var(--muted)".into(),
            text_color: "var(--text)".into(),
            legend_bg: "none".into(),
            legend_border: "none".into(),
            font_family: Some("system-ui, sans-serif".into()),
            ..Theme::light()
        };
        let mut layout = Layout::new((0.0, self.x_maximum), (self.y_axis.minimum, self.y_axis.maximum))
            .with_width(420.0)
            .with_height(330.0)
            .with_theme(theme)
            .with_x_label(self.x_label)
            .with_y_label(self.y_label)
            .with_label_size(14)
            .with_tick_size(13)
            .with_body_size(13)
            .with_legend_entries(self.series.iter().map(legend_entry).collect())
            .with_legend_box(false)
            .with_legend_position(LegendPosition::OutsideBottomColumns)
            .with_x_axis_min(0.0)
            .with_x_axis_max(self.x_maximum)
            .with_y_axis_min(self.y_axis.minimum)
            .with_y_axis_max(self.y_axis.maximum);
        if let Some(step) = self.x_step {
            layout = layout.with_x_tick_step(step);
        }
        if self.y_axis.logarithmic {
            layout = layout.with_log_y().with_y_tick_format(TickFormat::Custom(Arc::new(logarithmic_tick)));
        }
        layout
    }
}

fn plots(series: &Series) -> Vec<Plot> {
    let line = LinePlot::new()
        .with_data(series.points.iter().copied())
        .with_color(series.color)
        .with_stroke_width(2.0)
        .with_line_style(series.style.clone());
    let markers = series.marker.map(|marker| {
        ScatterPlot::new()
            .with_data(series.points.iter().copied())
            .with_color(series.color)
            .with_size(4.5)
            .with_marker(marker)
    });
    [line.into()].into_iter().chain(markers.map(Plot::from)).collect()
}

fn legend_entry(series: &Series) -> LegendEntry {
    LegendEntry {
        label: series.name.clone(),
        color: series.color.into(),
        shape: series.marker.map_or(LegendShape::Line, LegendShape::Marker),
        dasharray: series.style.dasharray(),
    }
}
