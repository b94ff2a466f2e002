//! Plots of a results file, as SVG.

use std::path::Path;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;

use crate::Failure;

/// A named line.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// One plot.
pub struct Plot {
    pub title: String,
    pub x: String,
    pub lines: Vec<Line>,
    /// Whether the vertical axis is logarithmic. Otherwise it begins at 0.
    pub logarithmic: bool,
}

/// Colours that remain apart for readers who do not tell red from green (Okabe and Ito).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(120, 120, 120),
];

const WIDTH: u32 = 460;
const HEIGHT: u32 = 340;

/// The values that are on the horizontal axis, at equal distances if each is the same multiple of the one before.
struct Steps {
    values: Vec<f64>,
}

impl Ranged for Steps {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let (first, last) = (self.values[0].ln(), self.values[self.values.len() - 1].ln());
        let share = (value.ln() - first) / (last - first).max(f64::MIN_POSITIVE);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.values.clone()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.values[0]..self.values[self.values.len() - 1]
    }
}

impl ValueFormatter<f64> for Steps {
    fn format(value: &f64) -> String {
        short(*value)
    }
}

/// A number as an axis shows it.
fn short(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{} M", value / 1e6),
        value if value >= 1e4 => format!("{} k", value / 1e3),
        value => format!("{value}"),
    }
}

/// Draws plots side by side into one file.
pub fn draw(path: &Path, plots: &[Plot]) -> Result<(), Failure> {
    let size = (WIDTH * plots.len() as u32, HEIGHT);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    for (area, plot) in root.split_evenly((1, plots.len())).iter().zip(plots) {
        let mut values: Vec<f64> = points(plot).map(|(x, _)| x).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        if values.len() < 2 {
            return Err(format!("too few points for {}", plot.title).into());
        }
        let highest = points(plot).map(|(_, y)| y).fold(0.0, f64::max);
        let lowest = points(plot).map(|(_, y)| y).fold(f64::INFINITY, f64::min);
        let mut builder = ChartBuilder::on(area);
        builder
            .margin(12)
            .caption(&plot.title, ("sans-serif", 15))
            .x_label_area_size(38)
            .y_label_area_size(52);
        let steps = Steps { values };
        if plot.logarithmic {
            let range = (lowest * 0.8..highest * 1.3).log_scale();
            lines(builder.build_cartesian_2d(steps, range)?, plot)?;
        } else {
            lines(
                builder.build_cartesian_2d(steps, 0.0..highest * 1.25)?,
                plot,
            )?;
        }
    }
    root.present()?;
    Ok(())
}

fn points(plot: &Plot) -> impl Iterator<Item = (f64, f64)> {
    plot.lines
        .iter()
        .flat_map(|line| line.points.iter().copied())
}

fn lines<'a, Y>(
    mut chart: ChartContext<'a, SVGBackend<'a>, Cartesian2d<Steps, Y>>,
    plot: &Plot,
) -> Result<(), Failure>
where
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(&plot.x)
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    for (line, colour) in plot.lines.iter().zip(COLOURS.iter().cycle()) {
        chart
            .draw_series(LineSeries::new(
                line.points.iter().copied(),
                colour.stroke_width(2),
            ))?
            .label(&line.name)
            .legend(|(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
        let marks = line
            .points
            .iter()
            .map(|point| Circle::new(*point, 3, colour.filled()));
        chart.draw_series(marks)?;
    }
    if plot.lines.len() > 1 {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .draw()?;
    }
    Ok(())
}
