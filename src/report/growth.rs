//! How cost grows: lines on logarithmic axes, one panel for each thing that grows.

use kuva::plot::{LinePlot, LineStyle, MarkerShape, ScatterPlot};
use kuva::render::figure::Figure;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::theme::Theme;

use super::drawing::Drawing;
use super::legend::{DASH, DOTS, Entry, legend};
use super::palette;
use crate::{Error, Result};

/// One line of a panel; the same name has the same look in every panel. Up to three
/// names.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// (x, y), both above 0.
    pub points: Vec<(f64, f64)>,
}

/// One panel.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What grows.
    pub x: String,
    /// What it costs.
    pub y: String,
    /// The lines.
    pub lines: Vec<Line>,
}

/// Panels side by side, with one legend. Points that have no logarithm are left out; so
/// are panels without any point.
pub fn growth(panels: &[Panel], title: &str) -> Result<Drawing> {
    let mut names: Vec<&str> = Vec::new();
    for line in panels.iter().flat_map(|panel| &panel.lines) {
        if !names.contains(&line.name.as_str()) {
            names.push(&line.name);
        }
    }
    let drawn: Vec<_> = panels.iter().filter_map(|p| draw(p, &names)).collect();
    if drawn.is_empty() {
        let expected = "at least one measurement";
        return Err(Error::config("growth", "nothing measured", expected));
    }
    let count = drawn.len();
    let (plots, layouts) = drawn.into_iter().unzip();
    let mut figure = Figure::new(1, count)
        .with_plots(plots)
        .with_layouts(layouts)
        .with_cell_size(400.0, 340.0);
    if !title.is_empty() {
        figure = figure
            .with_title(title.replace('$', "\\$"))
            .with_title_size(18);
    }
    let mut drawing = Drawing::from_scene(figure.render());
    legend_of(&mut drawing, &names);
    Ok(drawing)
}

/// Colour, dashes and marker of the `i`-th name.
pub(super) fn look(i: usize) -> (&'static str, Option<&'static str>, bool) {
    match i % 3 {
        0 => (palette::BLUE, None, false),
        1 => (palette::VERMILLION, Some(DASH), true),
        _ => (palette::GREEN, Some(DOTS), false),
    }
}

fn draw(panel: &Panel, names: &[&str]) -> Option<(Vec<Plot>, Layout)> {
    let usable = |p: &&(f64, f64)| p.0 > 0.0 && p.1 > 0.0 && p.0.is_finite() && p.1.is_finite();
    let mut plots: Vec<Plot> = Vec::new();
    let mut all = Vec::new();
    for line in &panel.lines {
        let (color, dash, square) = look(names.iter().position(|n| *n == line.name)?);
        let points: Vec<(f64, f64)> = line.points.iter().filter(usable).copied().collect();
        if points.is_empty() {
            continue;
        }
        all.extend(points.iter().copied());
        let marker = match square {
            true => MarkerShape::Square,
            false => MarkerShape::Circle,
        };
        let dots = ScatterPlot::new()
            .with_data(points.clone())
            .with_color(color);
        plots.push(dots.with_marker(marker).with_size(4.0).into());
        let drawn = LinePlot::new().with_data(points).with_color(color);
        let style = dash.map_or(LineStyle::Solid, |dash| LineStyle::Custom(dash.into()));
        plots.push(drawn.with_stroke_width(2.5).with_line_style(style).into());
    }
    if all.is_empty() {
        return None;
    }
    let x = decades(all.iter().map(|p| p.0));
    let y = decades(all.iter().map(|p| p.1));
    let layout = Layout::new(x, y)
        .with_x_axis_min(x.0)
        .with_x_axis_max(x.1)
        .with_y_axis_min(y.0)
        .with_y_axis_max(y.1)
        .with_log_scale()
        .with_theme(Theme {
            grid_color: "#DDDDDD".into(),
            ..Theme::light()
        })
        .with_x_label(panel.x.clone())
        .with_y_label(panel.y.clone())
        .with_tick_format(TickFormat::Custom(std::sync::Arc::new(number)))
        .with_label_size(16)
        .with_tick_size(14);
    Some((plots, layout))
}

/// A little room around the values, on a logarithmic axis.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    for value in values {
        (low, high) = (low.min(value), high.max(value));
    }
    let room = (high / low).powf(0.08).max(1.2);
    (low / room, high * room)
}

/// 0.01, 1, 100, 10k, 1M.
pub(super) fn number(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", short(v / 1e6)),
        v if v >= 1e4 => format!("{}k", short(v / 1e3)),
        v => short(v),
    }
}

fn short(value: f64) -> String {
    let digits = if value < 1.0 {
        1 - value.log10().floor() as i32
    } else {
        1
    };
    let text = format!("{value:.*}", digits as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// What each line is.
fn legend_of(drawing: &mut Drawing, names: &[&str]) {
    let entries = names.iter().enumerate().map(|(i, label)| {
        let (color, dash, square) = look(i);
        Entry {
            label,
            color,
            dash,
            square: Some(square),
        }
    });
    legend(drawing, &entries.collect::<Vec<_>>());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_short() {
        let texts = [0.001, 0.01, 0.5, 1.0, 20.0, 1500.0, 10_000.0, 2e6].map(number);
        let expected = ["0.001", "0.01", "0.5", "1", "20", "1500", "10k", "2M"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn an_axis_holds_its_values_even_if_there_is_one() {
        let (low, high) = decades([3.0].into_iter());
        assert!(0.0 < low && low < 3.0 && 3.0 < high);
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        let empty = Panel {
            x: "x".into(),
            y: "y".into(),
            lines: vec![Line {
                name: "a".into(),
                points: vec![(0.0, 1.0), (1.0, f64::NAN)],
            }],
        };
        assert!(growth(&[empty], "").is_err());
    }
}
