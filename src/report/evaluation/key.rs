//! The rows under the panels that say what each line is.

use kuva::plot::MarkerShape;
use kuva::render::render::TextAnchor;

use super::look::Look;
use crate::report::drawing::{Drawing, Font, text_width};

/// One line of the key.
pub(super) struct Entry {
    pub label: String,
    pub look: Look,
    /// Whether a line is drawn, and whether a mark.
    pub line: bool,
    pub mark: bool,
}

impl Entry {
    pub(super) fn line(label: impl Into<String>, look: Look) -> Entry {
        Entry {
            label: label.into(),
            look,
            line: true,
            mark: false,
        }
    }

    pub(super) fn marks(label: impl Into<String>, look: Look) -> Entry {
        Entry {
            label: label.into(),
            look,
            line: false,
            mark: true,
        }
    }

    pub(super) fn both(label: impl Into<String>, look: Look) -> Entry {
        Entry {
            label: label.into(),
            look,
            line: true,
            mark: true,
        }
    }
}

const SAMPLE: f64 = 46.0;
const GAP: f64 = 9.0;
const BETWEEN: f64 = 26.0;
const SIZE: u32 = 13;
const LINE: f64 = 21.0;
const MARGIN: f64 = 16.0;

/// Rows at the foot of the drawing, in columns of one width. Labels too long for the
/// drawing are cut.
pub(super) fn key(drawing: &mut Drawing, entries: &[Entry]) {
    let room = drawing.width() - 2.0 * MARGIN;
    let labels: Vec<String> = entries
        .iter()
        .map(|entry| cut(&entry.label, SIZE, room - SAMPLE - GAP))
        .collect();
    let widest = labels
        .iter()
        .map(|label| text_width(label, SIZE))
        .fold(0.0, f64::max);
    let one = SAMPLE + GAP + widest;
    let columns = (((room + BETWEEN) / (one + BETWEEN)) as usize).clamp(1, entries.len().max(1));
    let rows = entries.len().div_ceil(columns);
    let top = drawing.grow(rows as f64 * LINE + 12.0) + 10.0;
    let left = (drawing.width() - columns as f64 * (one + BETWEEN) + BETWEEN) / 2.0;
    for (i, (entry, label)) in entries.iter().zip(&labels).enumerate() {
        let x = left + (i % columns) as f64 * (one + BETWEEN);
        let y = top + (i / columns) as f64 * LINE;
        if entry.line {
            drawing.line((x, y), (x + SAMPLE, y), entry.look.color, entry.look.dash);
        }
        if entry.mark {
            mark(drawing, (x + SAMPLE / 2.0, y), 5.0, &entry.look);
        }
        let font = Font {
            size: SIZE,
            color: "#000000",
            anchor: TextAnchor::Start,
        };
        drawing.text(x + SAMPLE + GAP, y + 4.5, label, font);
    }
}

/// A mark as kuva draws it in a panel.
fn mark(drawing: &mut Drawing, (x, y): (f64, f64), r: f64, look: &Look) {
    match look.marker {
        MarkerShape::Square => drawing.marker(x, y, r, look.color, true),
        MarkerShape::Triangle | MarkerShape::TriangleDown => {
            let up = match look.marker {
                MarkerShape::Triangle => 1.7 * r,
                _ => -1.7 * r,
            };
            let corners = [
                (x, y - 0.6 * up),
                (x - r, y + 0.4 * up),
                (x + r, y + 0.4 * up),
            ];
            drawing.polygon(&corners, look.color);
        }
        MarkerShape::Diamond => {
            let r = 1.3 * r;
            drawing.polygon(
                &[(x, y - r), (x + r, y), (x, y + r), (x - r, y)],
                look.color,
            );
        }
        MarkerShape::Plus => {
            drawing.line((x - r, y), (x + r, y), look.color, None);
            drawing.line((x, y - r), (x, y + r), look.color, None);
        }
        _ => drawing.marker(x, y, r, look.color, false),
    }
}

/// As much of a text as fits, with an ellipsis in its middle: names differ at their ends.
pub(super) fn cut(text: &str, size: u32, room: f64) -> String {
    if text_width(text, size) <= room {
        return text.to_string();
    }
    let letters: Vec<char> = text.chars().collect();
    for kept in (0..letters.len()).rev() {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        let ends = [&letters[..head], &['…'], &letters[letters.len() - tail..]];
        let shown: String = ends.concat().into_iter().collect();
        if text_width(&shown, size) <= room {
            return shown;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_names_keep_both_ends() {
        let shown = super::cut("a-very-long-name-of-a-model-17", 13, 120.0);
        assert!(shown.starts_with("a-v") && shown.ends_with("17") && shown.contains('…'));
        assert_eq!(super::cut("short", 13, 120.0), "short");
        assert_eq!(super::cut("short", 13, 1.0), "");
    }
}
