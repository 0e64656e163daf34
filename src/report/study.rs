//! Trainings compared: against the size of the training set (O'TRAIN Fig. 11), and against
//! the size of the cutouts (O'TRAIN Fig. 12).

use std::sync::Arc;

use kuva::plot::{LinePlot, LineStyle, MarkerShape, ScatterPlot};
use kuva::render::annotations::ReferenceLine;
use kuva::render::figure::Figure;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::theme::Theme;

use super::drawing::Drawing;
use super::growth::{look, number};
use super::legend::{DASH, Entry, legend};
use super::palette;
use crate::{Error, Result};

/// Beyond this |ΔAcc| a network over- or underfits (O'TRAIN Sect. 6.3).
pub const FITTING: f64 = 0.02;

/// One training of a study. What is not known is NaN and is not drawn.
#[derive(Clone, Copy, Debug)]
pub struct Trained {
    /// Candidates of the training set, or pixels across a cutout.
    pub x: f64,
    /// Accuracy in training less that in validation.
    pub delta_accuracy: f64,
    /// On held-out candidates.
    pub accuracy: f64,
    /// On held-out candidates.
    pub f1: f64,
    /// On held-out candidates.
    pub mcc: f64,
}

/// A number of a training.
type Of = fn(&Trained) -> f64;

/// The metrics of the lower panel, in the order of their looks.
const METRICS: [(&str, Of); 3] = [
    ("accuracy", |t| t.accuracy),
    ("F1", |t| t.f1),
    ("MCC", |t| t.mcc),
];

/// O'TRAIN Fig. 11: ΔAcc above, dashed where over- and underfitting begin; accuracy, F1 and
/// MCC below; against the candidates of the training set, on a logarithmic axis. Where there
/// are several trainings of one size, each is a point, and lines go through the means. `part`
/// is what was measured on: "test".
pub fn study_size(trained: &[Trained], part: &str, title: &str) -> Result<Drawing> {
    let x = Axis {
        label: "candidates in the training set",
        log: true,
    };
    let delta: [Line; 1] = [("ΔAcc", "#000000", None, false, |t| t.delta_accuracy)];
    let mut upper = panel(trained, &delta, &x, "ΔAcc, training − validation")?;
    upper.1 = [FITTING, -FITTING].into_iter().fold(upper.1, |layout, y| {
        let line = ReferenceLine::horizontal(y).with_color(palette::MAUVE);
        layout.with_reference_line(line.with_stroke_width(2.0).with_dasharray(DASH))
    });
    let lower = panel(trained, &metrics(), &x, &format!("on the {part} part"))?;
    let limits = Entry {
        label: "ΔAcc = ±0.02",
        color: palette::MAUVE,
        dash: Some(DASH),
        square: None,
    };
    draw(vec![upper, lower], title, Some(limits))
}

/// The lower panel of [`study_size`] alone: accuracy, F1 and MCC on one part ("test") against the
/// candidates of the training set.
pub fn study_metrics(trained: &[Trained], part: &str, title: &str) -> Result<Drawing> {
    let x = Axis {
        label: "candidates in the training set",
        log: true,
    };
    let one = panel(trained, &metrics(), &x, &format!("on the {part} part"))?;
    draw(vec![one], title, None)
}

/// O'TRAIN Fig. 12: accuracy, F1 and MCC on one part ("test") against the size of the cutouts,
/// in pixels.
pub fn study_cutout(trained: &[Trained], part: &str, title: &str) -> Result<Drawing> {
    let x = Axis {
        label: "cutout size (pixels)",
        log: false,
    };
    let one = panel(trained, &metrics(), &x, &format!("on the {part} part"))?;
    draw(vec![one], title, None)
}

struct Axis {
    label: &'static str,
    log: bool,
}

/// Name, colour, dashes, whether its points are square, and what it shows.
type Line = (&'static str, &'static str, Option<&'static str>, bool, Of);

fn metrics() -> [Line; 3] {
    let mut i = 0;
    METRICS.map(|(name, of)| {
        let (color, dash, square) = look(i);
        i += 1;
        (name, color, dash, square, of)
    })
}

fn draw(
    panels: Vec<(Vec<Plot>, Layout)>,
    title: &str,
    also: Option<Entry<'static>>,
) -> Result<Drawing> {
    let count = panels.len();
    let (plots, layouts) = panels.into_iter().unzip();
    let mut figure = Figure::new(count, 1)
        .with_plots(plots)
        .with_layouts(layouts)
        .with_cell_size(640.0, if count == 1 { 380.0 } else { 290.0 });
    if !title.is_empty() {
        figure = figure
            .with_title(title.replace('$', "\\$"))
            .with_title_size(18);
    }
    let mut drawing = Drawing::from_scene(figure.render());
    let lines = metrics().map(|(label, color, dash, square, _)| Entry {
        label,
        color,
        dash,
        square: Some(square),
    });
    let entries: Vec<Entry> = lines.into_iter().chain(also).collect();
    legend(&mut drawing, &entries);
    Ok(drawing)
}

fn panel(
    trained: &[Trained],
    lines: &[Line],
    axis: &Axis,
    y_label: &str,
) -> Result<(Vec<Plot>, Layout)> {
    let mut plots: Vec<Plot> = Vec::new();
    let mut values = Vec::new();
    for (_, color, dash, square, of) in lines {
        let points: Vec<(f64, f64)> = trained.iter().map(|t| (t.x, of(t))).collect();
        let points: Vec<(f64, f64)> = points.into_iter().filter(|p| p.1.is_finite()).collect();
        values.extend(points.iter().map(|p| p.1));
        let through = means(&points);
        let marker = match square {
            true => MarkerShape::Square,
            false => MarkerShape::Circle,
        };
        let dots = ScatterPlot::new().with_data(points).with_color(*color);
        plots.push(dots.with_marker(marker).with_size(4.0).into());
        let style = dash.map_or(LineStyle::Solid, |dash| LineStyle::Custom(dash.into()));
        let line = LinePlot::new().with_data(through).with_color(*color);
        plots.push(line.with_stroke_width(2.5).with_line_style(style).into());
    }
    if values.is_empty() {
        let expected = "at least one training that gave a network";
        return Err(Error::config("figure of a study", "none", expected));
    }
    let y = y_range(&values, lines.len() == 1);
    let x = x_range(trained, axis.log);
    let layout = Layout::new(x, y)
        .with_x_axis_min(x.0)
        .with_x_axis_max(x.1)
        .with_y_axis_min(y.0)
        .with_y_axis_max(y.1)
        .with_theme(light())
        .with_x_label(axis.label)
        .with_y_label(y_label)
        .with_x_tick_format(TickFormat::Custom(Arc::new(number)))
        .with_label_size(16)
        .with_tick_size(14)
        // The same in every panel, so that one stands above the other.
        .with_force_margins(96.0, 28.0);
    let layout = match axis.log {
        true => layout.with_log_x(),
        false => layout,
    };
    Ok((plots, layout))
}

/// The look of every figure of a study.
pub(super) fn light() -> Theme {
    Theme {
        grid_color: "#DDDDDD".into(),
        ..Theme::light()
    }
}

/// The mean of the points above each x, by rising x.
fn means(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mean = |of: &[(f64, f64)]| of.iter().map(|p| p.1).sum::<f64>() / of.len() as f64;
    let equal = sorted.chunk_by(|a, b| a.0 == b.0);
    equal.map(|of| (of[0].0, mean(of))).collect()
}

/// Metrics up to 1; ΔAcc at least as far as its limits.
fn y_range(values: &[f64], delta: bool) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if delta {
        let far = high.abs().max(low.abs()).max(1.5 * FITTING) * 1.1;
        return (-far, far);
    }
    let room = (0.08 * (high - low)).max(0.01);
    (low - room, (high + room).min(1.0 + 0.2 * room))
}

fn x_range(trained: &[Trained], log: bool) -> (f64, f64) {
    let low = trained.iter().map(|t| t.x).fold(f64::INFINITY, f64::min);
    let high = trained.iter().map(|t| t.x).fold(0.0, f64::max);
    match log {
        true => decades(low, high),
        false => {
            let room = (0.06 * (high - low)).max(1.0);
            (low - room, high + room)
        }
    }
}

/// A logarithmic axis with a little room around its values, and two of 1, 2, 5, 10, … in it, which
/// is what has a tick.
pub(super) fn decades(low: f64, high: f64) -> (f64, f64) {
    let room = (high / low).powf(0.06).max(1.2);
    let lack = 6.5 / (room * room * high / low);
    let room = room * lack.max(1.0).sqrt();
    (low / room, high * room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_has_two_ticks() {
        for (low, high) in [(250.0, 250.0), (999.0, 1001.0), (60.0, 480.0), (3.0, 5e6)] {
            let (from, to) = decades(low, high);
            assert!(from < low && high < to);
            let ticks = (-1..8).flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * 10_f64.powi(e)));
            assert!(
                ticks.filter(|t| from <= *t && *t <= to).count() >= 2,
                "{low}"
            );
        }
    }

    #[test]
    fn lines_go_through_the_means() {
        let points = [(20.0, 0.5), (10.0, 0.1), (20.0, 1.0)];
        assert_eq!(means(&points), [(10.0, 0.1), (20.0, 0.75)]);
    }

    #[test]
    fn the_limits_of_fitting_are_always_in_the_picture() {
        let (low, high) = y_range(&[0.001], true);
        assert!(low < -FITTING && FITTING < high);
        let (low, high) = y_range(&[-0.3, 0.1], true);
        assert!(low < -0.3 && 0.3 < high);
    }

    #[test]
    fn a_study_without_a_network_has_no_figure() {
        let nothing = Trained {
            x: 15.0,
            delta_accuracy: f64::NAN,
            accuracy: f64::NAN,
            f1: f64::NAN,
            mcc: f64::NAN,
        };
        assert!(study_cutout(&[nothing], "test", "").is_err());
        assert!(study_size(&[], "test", "").is_err());
    }
}
