//! The row under the panels that says what each line is.

use kuva::render::render::TextAnchor;

use super::drawing::{Drawing, Font, text_width};

/// Long, because kuva rounds the ends of dashes and does not enlarge them in PNG.
pub(super) const DASH: &str = "12 9";
pub(super) const DOTS: &str = "4 8";

/// One line of the panels.
pub(super) struct Entry<'a> {
    pub label: &'a str,
    pub color: &'a str,
    pub dash: Option<&'static str>,
    /// Whether its points are square, if it has any.
    pub square: Option<bool>,
}

/// Draws the row at the foot of the drawing.
pub(super) fn legend(drawing: &mut Drawing, entries: &[Entry]) {
    let (sample, gap, size) = (44.0, 10.0, 15);
    let width = |label: &str| sample + gap + text_width(label, size) + 24.0;
    let total: f64 = entries.iter().map(|entry| width(entry.label)).sum();
    let y = drawing.grow(30.0) + 10.0;
    let mut x = (drawing.width() - total + 24.0) / 2.0;
    for entry in entries {
        drawing.line((x, y), (x + sample, y), entry.color, entry.dash);
        if let Some(square) = entry.square {
            drawing.marker(x + sample / 2.0, y, 4.0, entry.color, square);
        }
        let font = Font {
            size,
            color: "#000000",
            anchor: TextAnchor::Start,
        };
        drawing.text(x + sample + gap, y + 5.0, entry.label, font);
        x += width(entry.label);
    }
}
