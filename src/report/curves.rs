//! The course of a training: loss and accuracy against the epoch
//! (O'TRAIN Fig. 10, bottom left; DES Fig. 10).

use kuva::plot::{LinePlot, LineStyle, MarkerShape, ScatterPlot};
use kuva::render::figure::Figure;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::theme::Theme;

use super::drawing::Drawing;
use super::legend::{DASH, DOTS, Entry, legend};
use super::palette;
use crate::judge::EpochRecord;
use crate::{Error, Result};

/// With more epochs than this, a marker on each would hide the line.
const MARKED: usize = 40;

/// Loss on the left, accuracy on the right; training drawn through with discs,
/// validation dashed with squares, so that print without colour tells them
/// apart. `best_epoch` (from 1) is the epoch whose weights were kept, marked
/// by an upright line. Values that are not finite leave a gap.
pub fn learning_curve(
    history: &[EpochRecord],
    best_epoch: Option<usize>,
    title: &str,
) -> Result<Drawing> {
    let (Some(first), Some(last)) = (history.first(), history.last()) else {
        return Err(Error::config(
            "learning curve",
            "a history of no epochs",
            "at least one epoch",
        ));
    };
    let epochs = (first.epoch, last.epoch);
    let loss = panel(
        history,
        epochs,
        best_epoch,
        "loss",
        |r| (r.loss, r.val_loss),
        None,
    );
    let of = |r: &EpochRecord| (r.accuracy, r.val_accuracy);
    let accuracy = panel(history, epochs, best_epoch, "accuracy", of, Some(1.0));
    let (plots, layouts) = [loss, accuracy].into_iter().unzip();
    let mut figure = Figure::new(1, 2)
        .with_plots(plots)
        .with_layouts(layouts)
        .with_cell_size(440.0, 340.0);
    if !title.is_empty() {
        figure = figure
            .with_title(title.replace('$', "\\$"))
            .with_title_size(18);
    }
    let mut drawing = Drawing::from_scene(figure.render());
    let validated = history
        .iter()
        .any(|r| r.val_loss.is_finite() || r.val_accuracy.is_finite());
    legend_of(&mut drawing, validated, best_epoch);
    Ok(drawing)
}

/// One panel. `ceiling` is a value that the axis never needs to pass.
fn panel(
    history: &[EpochRecord],
    epochs: (usize, usize),
    best_epoch: Option<usize>,
    name: &str,
    of: impl Fn(&EpochRecord) -> (f64, f64),
    ceiling: Option<f64>,
) -> (Vec<Plot>, Layout) {
    let mut plots = Vec::new();
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for validation in [false, true] {
        let value = |r: &EpochRecord| if validation { of(r).1 } else { of(r).0 };
        let color = if validation {
            palette::VERMILLION
        } else {
            palette::BLUE
        };
        let style = if validation {
            LineStyle::Custom(DASH.into())
        } else {
            LineStyle::Solid
        };
        for run in history.chunk_by(|a, b| value(a).is_finite() && value(b).is_finite()) {
            let points: Vec<(f64, f64)> = run
                .iter()
                .map(|r| (r.epoch as f64, value(r)))
                .filter(|p| p.1.is_finite())
                .collect();
            for &(_, y) in &points {
                (low, high) = (low.min(y), high.max(y));
            }
            if history.len() <= MARKED || points.len() == 1 {
                let marker = if validation {
                    MarkerShape::Square
                } else {
                    MarkerShape::Circle
                };
                let dots = ScatterPlot::new()
                    .with_data(points.clone())
                    .with_color(color);
                plots.push(dots.with_marker(marker).with_size(3.5).into());
            }
            let line = LinePlot::new()
                .with_data(points)
                .with_color(color)
                .with_stroke_width(2.5);
            plots.push(line.with_line_style(style.clone()).into());
        }
    }
    let (low, high) = y_range(low, high, ceiling);
    if let Some(epoch) = best_epoch {
        let upright = [low, high].map(|y| (epoch as f64, y));
        let line = LinePlot::new()
            .with_data(upright)
            .with_color(palette::GREEN);
        let dots = LineStyle::Custom(DOTS.into());
        plots.insert(0, line.with_stroke_width(2.5).with_line_style(dots).into());
    }
    let step = epoch_step(epochs.1 - epochs.0);
    let last = epochs.1 as f64;
    let (begin, end) = match step {
        1 => (epochs.0 as f64 - 0.5, last + 0.5),
        _ => (epochs.0 as f64 - 1.0, last + 0.02 * last),
    };
    let layout = Layout::new((begin, end), (low, high))
        .with_x_axis_min(begin)
        .with_x_axis_max(end)
        .with_y_axis_min(low)
        .with_y_axis_max(high)
        .with_theme(Theme {
            grid_color: "#DDDDDD".into(),
            ..Theme::light()
        })
        .with_x_label("epoch")
        .with_y_label(name)
        .with_x_tick_step(step as f64)
        .with_x_tick_format(TickFormat::Integer)
        .with_label_size(16)
        .with_tick_size(14);
    (plots, layout)
}

/// Room above and below the values; losses and accuracies are not negative.
fn y_range(low: f64, high: f64, ceiling: Option<f64>) -> (f64, f64) {
    if low > high {
        return (0.0, 1.0);
    }
    let room = if high > low {
        0.06 * (high - low)
    } else {
        0.1 * high.abs().max(0.1)
    };
    let top = ceiling.map_or(high + room, |c| (high + room).min(c.max(high)));
    ((low - room).max(0.0), top)
}

/// The smallest of 1, 2, 5, 10, ... that leaves at most ten ticks.
fn epoch_step(span: usize) -> usize {
    let mut decade = 1;
    loop {
        for step in [decade, 2 * decade, 5 * decade] {
            if span / step < 10 {
                return step;
            }
        }
        decade *= 10;
    }
}

/// What each line is.
fn legend_of(drawing: &mut Drawing, validated: bool, best_epoch: Option<usize>) {
    let kept = best_epoch.map(|epoch| format!("kept: epoch {epoch}"));
    let entry = |label, color, dash, square| Entry {
        label,
        color,
        dash,
        square,
    };
    let mut entries = vec![entry("training", palette::BLUE, None, Some(false))];
    if validated {
        entries.push(entry(
            "validation",
            palette::VERMILLION,
            Some(DASH),
            Some(true),
        ));
    }
    if let Some(kept) = &kept {
        entries.push(entry(kept, palette::GREEN, Some(DOTS), None));
    }
    legend(drawing, &entries);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_fall_on_whole_epochs_and_are_few() {
        assert_eq!(
            [0, 9, 10, 19, 29, 99, 500].map(epoch_step),
            [1, 1, 2, 2, 5, 10, 100]
        );
    }

    #[test]
    fn the_axis_holds_the_values_and_no_impossible_ones() {
        assert_eq!(y_range(0.01, 1.01, None).0, 0.0);
        assert_eq!(y_range(0.5, 0.99, Some(1.0)).1, 1.0);
        assert_eq!(y_range(f64::INFINITY, f64::NEG_INFINITY, None), (0.0, 1.0));
        let (low, high) = y_range(0.7, 0.7, None);
        assert!(low < 0.7 && 0.7 < high);
    }
}
