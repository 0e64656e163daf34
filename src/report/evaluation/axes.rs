//! One panel of a figure: axes with lines, marks, bars and boxes on them, drawn by kuva.
//!
//! kuva neither cuts at the edges of a panel nor leaves out what no eye sees; both are done
//! here, so that a curve of thousands of points stays a few kB of SVG.

use std::sync::Arc;

use kuva::plot::{BandPlot, LinePlot, LineStyle, ScatterPlot};
use kuva::render::annotations::TextAnnotation;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::theme::Theme;

use super::look::Look;
use super::thin::{runs, thin};

/// One direction of a panel.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Quantity and unit.
    pub label: String,
    pub low: f64,
    pub high: f64,
    pub log: bool,
    /// What stands at 0, 1, 2, … instead of numbers.
    pub names: Vec<String>,
}

impl Axis {
    pub(super) fn linear(label: impl Into<String>, low: f64, high: f64) -> Axis {
        // An axis has to have a length.
        let high = if high > low { high } else { low + 1.0 };
        Axis {
            label: label.into(),
            low,
            high,
            log: false,
            names: Vec::new(),
        }
    }

    /// From 0 to 1.
    pub(super) fn part(label: &str) -> Axis {
        Axis::linear(label, 0.0, 1.0)
    }

    pub(super) fn log(label: impl Into<String>, low: f64, high: f64) -> Axis {
        let mut axis = Axis::linear(label, low, high.max(1.001 * low));
        axis.log = true;
        axis
    }

    /// Words, the i-th at i.
    pub(super) fn named(label: impl Into<String>, names: Vec<String>) -> Axis {
        let mut axis = Axis::linear(label, -0.5, names.len() as f64 - 0.5);
        axis.names = names;
        axis
    }

    /// 0 at the lower end and 1 at the upper one. What has no logarithm stands at the lower.
    fn place(&self, value: f64) -> f64 {
        if !self.log {
            return (value - self.low) / (self.high - self.low);
        }
        if value <= 0.0 {
            return 0.0;
        }
        (value / self.low).ln() / (self.high / self.low).ln()
    }

    fn value(&self, place: f64) -> f64 {
        match self.log {
            false => self.low + place * (self.high - self.low),
            true => self.low * (place * (self.high / self.low).ln()).exp(),
        }
    }

    fn holds(&self, value: f64) -> bool {
        (-1e-9..=1.0 + 1e-9).contains(&self.place(value))
    }

    /// About six ticks at round numbers.
    fn step(&self) -> f64 {
        if !self.names.is_empty() {
            return 1.0;
        }
        let rough = (self.high - self.low) / 6.0;
        let decade = 10f64.powf(rough.log10().floor());
        let round = [1.0, 2.0, 5.0].into_iter().find(|m| m * decade >= rough);
        decade * round.unwrap_or(10.0)
    }

    fn format(&self) -> TickFormat {
        let (names, log) = (self.names.clone(), self.log);
        // Beside 1 and 5 in a decade there is no room for 2 where there are many.
        let crowded = self.high / self.low > CROWDED;
        let digits = (-self.step().log10().floor()).clamp(0.0, 9.0) as usize;
        TickFormat::Custom(Arc::new(move |value| {
            if !names.is_empty() {
                let at = value.round();
                let near = (value - at).abs() < 1e-6 && at >= 0.0;
                let name = names.get(at as usize).filter(|_| near);
                return name.cloned().unwrap_or_default();
            }
            match log {
                true if crowded && format!("{value:e}").starts_with('2') => String::new(),
                true => power(value),
                false => format!("{value:.digits$}"),
            }
        }))
    }
}

/// Of a logarithmic axis, its upper over its lower end, from which its ticks crowd.
const CROWDED: f64 = 900.0;

/// 0.01, 1, 100, 10k, 2M; below 0.001 as 1e-4.
fn power(value: f64) -> String {
    let short = |v: f64| format!("{}", (v * 1e3).round() / 1e3);
    match value {
        v if v >= 1e6 => format!("{}M", short(v / 1e6)),
        v if v >= 1e4 => format!("{}k", short(v / 1e3)),
        v if v < 9.9e-4 => format!("{v:.0e}"),
        v => short(v),
    }
}

/// What stands in a panel.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// Through the points in their order; a point with a NaN leaves a gap.
    Line(Vec<(f64, f64)>, Look),
    /// One for each point, of this radius.
    Marks(Vec<(f64, f64)>, Look, f64),
    /// (x, low, high), upright.
    Intervals(Vec<(f64, f64, f64)>, Look),
    /// (left, right, bottom, top), tinted by so much.
    Box([f64; 4], Look, f64),
    /// Between the points and the foot of the panel, tinted by so much.
    Area(Vec<(f64, f64)>, Look, f64),
    /// Words with their middle here, grey.
    Note(f64, f64, String),
}

/// Axes and what stands on them, in the order of drawing.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    /// May be empty.
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub items: Vec<Item>,
}

impl Panel {
    pub(super) fn new(title: impl Into<String>, x: Axis, y: Axis) -> Panel {
        Panel {
            title: title.into(),
            x,
            y,
            items: Vec::new(),
        }
    }

    pub(super) fn line(&mut self, points: Vec<(f64, f64)>, look: Look) {
        self.items.push(Item::Line(points, look));
    }

    pub(super) fn marks(&mut self, points: Vec<(f64, f64)>, look: Look, radius: f64) {
        self.items.push(Item::Marks(points, look, radius));
    }

    /// In the middle of the panel, for one that has nothing to show.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        let (x, y) = (self.x.value(0.5), self.y.value(0.5));
        self.items.push(Item::Note(x, y, text.into()));
    }

    /// Plots and layout for kuva, in a cell of this size. Lines may be `near` units off.
    pub(super) fn draw(&self, cell: (f64, f64), near: f64) -> (Vec<Plot>, Layout) {
        let mut layout = Layout::new((self.x.low, self.x.high), (self.y.low, self.y.high))
            .with_x_axis_min(self.x.low)
            .with_x_axis_max(self.x.high)
            .with_y_axis_min(self.y.low)
            .with_y_axis_max(self.y.high)
            .with_theme(Theme {
                grid_color: "#DDDDDD".into(),
                ..Theme::light()
            })
            .with_x_label(plain(&self.x.label))
            .with_y_label(plain(&self.y.label))
            .with_x_tick_format(self.x.format())
            .with_y_tick_format(self.y.format())
            .with_label_size(14)
            .with_tick_size(12)
            .with_title_size(14);
        if !self.title.is_empty() {
            layout = layout.with_title(plain(&self.title));
        }
        layout = match self.x.log {
            true => layout.with_log_x(),
            false => layout.with_x_tick_step(self.x.step()),
        };
        layout = match self.y.log {
            // kuva leaves room for powers of ten, which are narrower than our numbers.
            true => layout.with_log_y().with_y_label_offset(-9.0, 0.0),
            false => layout.with_y_tick_step(self.y.step()),
        };
        let mut plots = Vec::new();
        for item in &self.items {
            match item {
                Item::Line(points, look) => self.draw_line(points, look, (cell, near), &mut plots),
                Item::Marks(points, look, radius) => {
                    let inside = |p: &&(f64, f64)| self.x.holds(p.0) && self.y.holds(p.1);
                    let points: Vec<_> = points.iter().filter(inside).copied().collect();
                    if points.is_empty() {
                        continue;
                    }
                    let marks = ScatterPlot::new().with_data(points).with_color(look.color);
                    plots.push(marks.with_marker(look.marker).with_size(*radius).into());
                }
                Item::Intervals(intervals, look) => {
                    for &(x, low, high) in intervals {
                        let solid = Look {
                            dash: None,
                            ..*look
                        };
                        self.draw_line(&[(x, low), (x, high)], &solid, (cell, near), &mut plots);
                    }
                }
                Item::Box([left, right, bottom, top], look, tint) => {
                    let bound = |axis: &Axis, v: f64| axis.value(axis.place(v).clamp(0.0, 1.0));
                    let x = [*left, *right].map(|v| bound(&self.x, v));
                    let [low, high] = [*bottom, *top].map(|v| bound(&self.y, v));
                    let band = BandPlot::new(x, [low, low], [high, high]);
                    plots.push(band.with_color(look.color).with_opacity(*tint).into());
                }
                Item::Area(points, look, tint) => {
                    if points.len() < 2 {
                        continue;
                    }
                    let bound = |axis: &Axis, v: f64| axis.value(axis.place(v).clamp(0.0, 1.0));
                    let x = points.iter().map(|p| bound(&self.x, p.0));
                    let high = points.iter().map(|p| bound(&self.y, p.1));
                    let band = BandPlot::new(x, points.iter().map(|_| self.y.low), high);
                    plots.push(band.with_color(look.color).with_opacity(*tint).into());
                }
                Item::Note(x, y, text) => {
                    let note = TextAnnotation::new(plain(text), *x, *y).with_color("#555555");
                    layout = layout.with_annotation(note.with_font_size(13));
                }
            }
        }
        (plots, layout)
    }

    fn draw_line(
        &self,
        points: &[(f64, f64)],
        look: &Look,
        (cell, near): ((f64, f64), f64),
        plots: &mut Vec<Plot>,
    ) {
        let placed = points
            .iter()
            .map(|&(x, y)| (cell.0 * self.x.place(x), cell.1 * self.y.place(y)));
        for run in runs(placed, cell) {
            let back = |&(x, y): &(f64, f64)| (self.x.value(x / cell.0), self.y.value(y / cell.1));
            let points: Vec<(f64, f64)> = thin(&run, near).iter().map(back).collect();
            let style = look
                .dash
                .map_or(LineStyle::Solid, |d| LineStyle::Custom(d.into()));
            let line = LinePlot::new().with_data(points).with_color(look.color);
            let line = line.with_stroke_width(look.width);
            plots.push(line.with_line_style(style).into());
        }
    }
}

/// kuva takes $...$ for mathematics, and XML has no control characters.
pub(super) fn plain(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.replace('$', "\\$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_short() {
        assert_eq!(Axis::part("x").step(), 0.2);
        assert_eq!(Axis::linear("x", 15.0, 22.0).step(), 2.0);
        assert_eq!(Axis::named("x", vec!["a".into(); 9]).step(), 1.0);
        let texts = [1e-4, 0.001, 0.05, 1.0, 500.0, 20_000.0, 5e6].map(power);
        assert_eq!(
            texts,
            ["1e-4", "0.001", "0.05", "1", "500", "20k", "5M"].map(String::from)
        );
    }

    #[test]
    fn places_and_values_belong_together() {
        for axis in [Axis::linear("x", -1.0, 3.0), Axis::log("x", 1e-4, 1.0)] {
            for place in [0.0, 0.3, 1.0] {
                assert!((axis.place(axis.value(place)) - place).abs() < 1e-12);
            }
        }
        assert_eq!(Axis::log("x", 1e-4, 1.0).place(0.0), 0.0);
    }
}
