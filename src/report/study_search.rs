//! Trainings compared by what they see (O'TRAIN Sect. 8.1) and by what they are (DES Sect. 4.1,
//! Table 1).

use std::sync::Arc;

use kuva::plot::{LinePlot, LineStyle, MarkerShape, ScatterPlot};
use kuva::render::annotations::TextAnnotation;
use kuva::render::figure::Figure;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;

use super::drawing::Drawing;
use super::growth::{look, number};
use super::legend::{Entry, legend};
use super::palette;
use super::study::{decades, light};
use crate::{Error, Result};

/// What trainings on one set of images gave. What is not known is NaN and is not drawn.
#[derive(Clone, Debug)]
pub struct Group {
    /// "search + template".
    pub name: String,
    /// AUC, F1, MCC of each training.
    pub trained: Vec<[f64; 3]>,
}

/// AUC, F1 and MCC on one part ("test") for each set of images, side by side: a bar at the mean, a point for each
/// training.
pub fn study_channels(groups: &[Group], part: &str, title: &str) -> Result<Drawing> {
    let mut plots: Vec<Plot> = Vec::new();
    let mut all = Vec::new();
    for metric in 0..3 {
        let (color, dash, square) = look(metric);
        let (mut dots, mut bars) = (Vec::new(), Vec::new());
        for (i, group) in groups.iter().enumerate() {
            let x = i as f64 + 1.0 + 0.22 * (metric as f64 - 1.0);
            let values = group.trained.iter().map(|trained| trained[metric]);
            let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
            if values.is_empty() {
                continue;
            }
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            bars.push([x - 0.09, x + 0.09].map(|x| (x, mean)));
            dots.extend(values.iter().map(|value| (x, *value)));
            all.extend(values);
        }
        for bar in bars {
            let style = dash.map_or(LineStyle::Solid, |dash| LineStyle::Custom(dash.into()));
            let line = LinePlot::new().with_data(bar).with_color(color);
            plots.push(line.with_stroke_width(2.5).with_line_style(style).into());
        }
        let marker = match square {
            true => MarkerShape::Square,
            false => MarkerShape::Circle,
        };
        let dots = ScatterPlot::new().with_data(dots).with_color(color);
        plots.push(dots.with_marker(marker).with_size(5.0).into());
    }
    let y = y_range(&all)?;
    let x = (0.5, groups.len() as f64 + 0.5);
    let layout = layout(x, y, "images of a cutout", &format!("on the {part} part"))
        .with_x_categories(groups.iter().map(|group| group.name.clone()).collect());
    let entries = ["AUC", "F1", "MCC"]
        .into_iter()
        .enumerate()
        .map(|(i, label)| {
            let (color, dash, square) = look(i);
            Entry {
                label,
                color,
                dash,
                square: Some(square),
            }
        });
    let width = 200.0 + 190.0 * groups.len() as f64;
    Ok(draw(
        plots,
        layout,
        title,
        width,
        &entries.collect::<Vec<_>>(),
    ))
}

/// A network of a search. One without a false positive rate is not drawn.
#[derive(Clone, Debug)]
pub struct Found {
    /// "t007", "des1".
    pub name: String,
    /// That training moves.
    pub parameters: usize,
    /// False positive rate at the missed detection rate.
    pub fpr: f64,
    /// A published network.
    pub published: bool,
    /// Trained for all epochs; else it was given up on an earlier rung.
    pub to_the_end: bool,
}

/// The false positive rate at a missed detection rate (named in `y`) against the parameters of
/// each network: the search's on logarithmic x, `best` (a place in `found`) marked and named, as
/// are published ones.
pub fn study_architecture(
    found: &[Found],
    best: Option<usize>,
    y: &str,
    title: &str,
) -> Result<Drawing> {
    let seen: Vec<(usize, &Found)> = found
        .iter()
        .enumerate()
        .filter(|(_, found)| found.fpr.is_finite() && found.parameters > 0)
        .collect();
    let values: Vec<f64> = seen.iter().map(|(_, found)| found.fpr).collect();
    let high = y_range(&values)?.1.max(0.01);
    let range = (-0.03 * high, high * 1.08);
    let x = x_range(&seen);
    let mut layout = layout(x, range, "parameters", y)
        .with_log_x()
        .with_x_tick_format(TickFormat::Custom(Arc::new(number)));
    let mut plots: Vec<Plot> = Vec::new();
    let mut entries = Vec::new();
    type Belongs = fn(&Found) -> bool;
    let kinds: [(&str, &str, f64, bool, Belongs); 3] = [
        ("given up early", GIVEN_UP, 3.0, false, |f| {
            !f.published && !f.to_the_end
        }),
        ("drawn, all epochs", palette::BLUE, 5.0, false, |f| {
            !f.published && f.to_the_end
        }),
        ("published", palette::VERMILLION, 5.0, true, |f| f.published),
    ];
    let point = |found: &Found| (found.parameters as f64, found.fpr);
    let best = best.and_then(|best| seen.iter().find(|(i, _)| *i == best));
    if let Some((_, found)) = best {
        let ring = ScatterPlot::new().with_data(vec![point(found)]);
        plots.push(ring.with_color(palette::GREEN).with_size(10.0).into());
    }
    for (label, color, size, square, belongs) in kinds {
        let points: Vec<(f64, f64)> = seen
            .iter()
            .filter(|(_, found)| belongs(found))
            .map(|(_, found)| point(found))
            .collect();
        if points.is_empty() {
            continue;
        }
        let marker = match square {
            true => MarkerShape::Square,
            false => MarkerShape::Circle,
        };
        let dots = ScatterPlot::new().with_data(points).with_color(color);
        plots.push(dots.with_marker(marker).with_size(size).into());
        entries.push((label, color, square));
    }
    if best.is_some() {
        entries.push(("best on validation", palette::GREEN, false));
    }
    let is_best = |i: usize| best.is_some_and(|(best, _)| *best == i);
    let named = seen
        .iter()
        .filter(|(i, found)| found.published || is_best(*i));
    let named: Vec<(&str, (f64, f64))> = named.map(|(_, f)| (f.name.as_str(), point(f))).collect();
    for (name, at, y) in names(named, x, high) {
        let text = TextAnnotation::new(name, at, y);
        layout = layout.with_annotation(text.with_font_size(14));
    }
    let mut drawing = render(plots, layout, title, 700.0);
    points_legend(&mut drawing, &entries);
    Ok(drawing)
}

/// Where the names of points stand, on axes from `x.0` to `x.1` (logarithmic) and to `high`:
/// above each, or below where the one to its left is near.
fn names(mut named: Vec<(&str, (f64, f64))>, x: (f64, f64), high: f64) -> Vec<(&str, f64, f64)> {
    named.sort_by(|a, b| a.1.0.total_cmp(&b.1.0));
    let mut out: Vec<(&str, f64, f64)> = Vec::new();
    let mut last_above: Option<(f64, f64)> = None;
    for (name, (at, y)) in named {
        let near = last_above.is_some_and(|(there, height)| {
            let apart = (at / there).ln() / (x.1 / x.0).ln();
            apart < 0.07 && (y - height).abs() < 0.07 * high
        });
        match near {
            true => out.push((name, at, y - 0.085 * high)),
            false => {
                out.push((name, at, y + 0.035 * high));
                last_above = Some((at, y));
            }
        }
    }
    out
}

/// Light enough to stand back, and told apart by its size too.
const GIVEN_UP: &str = "#888888";

fn layout(x: (f64, f64), y: (f64, f64), x_label: &str, y_label: &str) -> Layout {
    Layout::new(x, y)
        .with_x_axis_min(x.0)
        .with_x_axis_max(x.1)
        .with_y_axis_min(y.0)
        .with_y_axis_max(y.1)
        .with_theme(light())
        .with_x_label(x_label)
        .with_y_label(y_label)
        .with_label_size(16)
        .with_tick_size(14)
}

fn render(plots: Vec<Plot>, layout: Layout, title: &str, width: f64) -> Drawing {
    let mut figure = Figure::new(1, 1)
        .with_plots(vec![plots])
        .with_layouts(vec![layout])
        .with_cell_size(width, 400.0);
    if !title.is_empty() {
        figure = figure
            .with_title(title.replace('$', "\\$"))
            .with_title_size(18);
    }
    Drawing::from_scene(figure.render())
}

fn draw(plots: Vec<Plot>, layout: Layout, title: &str, width: f64, entries: &[Entry]) -> Drawing {
    let mut drawing = render(plots, layout, title, width);
    legend(&mut drawing, entries);
    drawing
}

/// A legend of points without lines: (label, colour, whether square) each.
fn points_legend(drawing: &mut Drawing, entries: &[(&str, &str, bool)]) {
    use super::drawing::{Font, text_width};
    use kuva::render::render::TextAnchor;
    let width = |label: &str| 20.0 + text_width(label, 15) + 24.0;
    let total: f64 = entries.iter().map(|(label, ..)| width(label)).sum();
    let y = drawing.grow(30.0) + 10.0;
    let mut x = (drawing.width() - total + 24.0) / 2.0;
    for (label, color, square) in entries {
        drawing.marker(x + 6.0, y, 5.0, color, *square);
        let font = Font {
            size: 15,
            color: "#000000",
            anchor: TextAnchor::Start,
        };
        drawing.text(x + 20.0, y + 5.0, label, font);
        x += width(label);
    }
}

/// Room around values; up to 1 at most, but for the markers.
fn y_range(values: &[f64]) -> Result<(f64, f64)> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        let expected = "at least one training that gave a network";
        return Err(Error::config("figure of a study", "none", expected));
    }
    let room = (0.1 * (high - low)).max(0.01);
    Ok((low - room, (high + room).min(1.0 + 0.3 * room)))
}

/// From the fewest to the most parameters, with room for names.
fn x_range(seen: &[(usize, &Found)]) -> (f64, f64) {
    let all = seen.iter().map(|(_, found)| found.parameters as f64);
    let low = all.clone().fold(f64::INFINITY, f64::min);
    let high = all.fold(0.0, f64::max);
    decades(low, high)
}
