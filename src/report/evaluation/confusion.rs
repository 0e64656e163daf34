//! Confusion matrices.

use kuva::render::render::TextAnchor;

use super::Figure;
use super::key::cut;
use super::number::{part, percent};
use crate::judge::Confusion;
use crate::judge::evaluation::{Evaluation, Judged};
use crate::report::drawing::{Drawing, Font};
use crate::report::palette;

/// Units: a field of the matrix, left of it, above it, below it, between two of them.
const FIELD: (f64, f64) = (132.0, 78.0);
const LEFT: f64 = 120.0;
const ABOVE: f64 = 58.0;
const BELOW: f64 = 34.0;
const GAP: f64 = 26.0;
const ACROSS: usize = 2;

/// One matrix for each classifier.
pub(super) fn matrices(evaluation: &Evaluation) -> Figure {
    let all = &evaluation.classifiers;
    let columns = ACROSS.min(all.len());
    let rows = all.len().div_ceil(columns);
    let (width, height) = (LEFT + 2.0 * FIELD.0 + GAP, ABOVE + 2.0 * FIELD.1 + BELOW);
    let mut drawing = Drawing::new(
        (columns as f64 * width) as u32,
        (rows as f64 * height + 10.0) as u32,
    );
    for (i, judged) in all.iter().enumerate() {
        let corner = (
            (i % columns) as f64 * width,
            (i / columns) as f64 * height + 6.0,
        );
        matrix(&mut drawing, judged, corner);
    }
    Figure {
        name: "confusion".into(),
        title: "Confusion matrix".into(),
        caption:
            "Decisions at the threshold in use: how many candidates of each label (rows) were \
                  called what (columns), and what share of the label that is (O'TRAIN Table 4; DES \
                  Figs. 3 and 11)."
                .into(),
        drawing,
    }
}

fn write(
    drawing: &mut Drawing,
    at: (f64, f64),
    text: &str,
    size: u32,
    color: &str,
    anchor: TextAnchor,
) {
    let font = Font {
        size,
        color,
        anchor,
    };
    drawing.text(at.0, at.1, text, font);
}

fn matrix(drawing: &mut Drawing, judged: &Judged, (left, top): (f64, f64)) {
    let middle = |column: f64| left + LEFT + (column + 0.5) * FIELD.0;
    let name = cut(&judged.name, 14, 2.0 * FIELD.0 + LEFT - 16.0);
    let centre = left + (LEFT + 2.0 * FIELD.0) / 2.0 + 8.0;
    write(
        drawing,
        (centre, top + 16.0),
        &name,
        14,
        "#000000",
        TextAnchor::Middle,
    );
    for (column, called) in ["called bogus", "called real"].into_iter().enumerate() {
        let at = (middle(column as f64), top + ABOVE - 10.0);
        write(drawing, at, called, 13, palette::GREY, TextAnchor::Middle);
    }
    let Confusion { tn, fp, fn_, tp } = judged.confusion;
    let rows = [("labelled bogus", [tn, fp]), ("labelled real", [fn_, tp])];
    for (row, (label, counts)) in rows.into_iter().enumerate() {
        let y = top + ABOVE + row as f64 * FIELD.1;
        let at = (left + LEFT - 8.0, y + FIELD.1 / 2.0 + 5.0);
        write(drawing, at, label, 13, palette::GREY, TextAnchor::End);
        let sum = counts[0] + counts[1];
        for (column, count) in counts.into_iter().enumerate() {
            let share = if sum > 0 {
                count as f64 / sum as f64
            } else {
                f64::NAN
            };
            let x = left + LEFT + column as f64 * FIELD.0;
            let color = if row == column {
                palette::BLUE
            } else {
                palette::VERMILLION
            };
            let tint = 0.06 + 0.32 * if share.is_finite() { share } else { 0.0 };
            let field = [x + 1.5, y + 1.5, FIELD.0 - 3.0, FIELD.1 - 3.0];
            drawing.tint(field, color, tint);
            let at = (middle(column as f64), y + FIELD.1 / 2.0);
            write(
                drawing,
                at,
                &count.to_string(),
                18,
                "#000000",
                TextAnchor::Middle,
            );
            let at = (at.0, at.1 + 20.0);
            let digits = match share {
                s if s > 0.0 && s < 0.001 => format!("{:.3} %", 100.0 * s),
                s => percent(s),
            };
            write(drawing, at, &digits, 13, "#000000", TextAnchor::Middle);
        }
    }
    let at = (left + LEFT + FIELD.0, top + ABOVE + 2.0 * FIELD.1 + 20.0);
    let said = format!("real from P(real) = {} on", part(judged.threshold));
    write(drawing, at, &said, 12, palette::GREY, TextAnchor::Middle);
}
