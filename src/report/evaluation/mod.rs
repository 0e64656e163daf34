//! The figures of an evaluation: those of DES and O'TRAIN, for one classifier or several.

mod axes;
mod bins;
mod categories;
mod completeness;
mod confusion;
mod delta;
mod histograms;
mod key;
mod learning;
mod look;
mod number;
mod recovered;
mod reliability;
mod roc;
mod suspicion;
mod thin;
mod thresholds;

use kuva::render::figure::Figure as Grid;

use self::axes::Panel;
use self::key::{Entry, key};
use super::Drawing;
use crate::judge::evaluation::Judged;
use crate::judge::{Confusion, Evaluation};
use crate::{Error, Result};

pub use self::delta::{Fitted, delta_accuracy};
pub use self::recovered::recovered;

pub(super) use self::categories::MEANING;
pub use self::roc::fpr_against_mdr;

pub(super) use self::number::{part, percent, with_interval};
pub use self::suspicion::{disputed, planted, suspected};

/// A ratio of the decisions at one threshold.
type Ratio = fn(&Confusion) -> f64;

/// One picture with what has to be said of it.
#[derive(Debug)]
pub struct Figure {
    /// Stem of its files: "roc".
    pub name: String,
    /// A heading.
    pub title: String,
    /// What to see, and which figure of which paper it is.
    pub caption: String,
    /// The picture, without the title.
    pub drawing: Drawing,
}

/// Every figure that the evaluation has something for, in the order in which they are read.
/// No two have the same name.
///
/// Classifiers are told apart by colour, dashes and marks; after six, colours come again with
/// other dashes.
pub fn figures(evaluation: &Evaluation) -> Result<Vec<Figure>> {
    if evaluation.classifiers.is_empty() {
        return Err(Error::config(
            "evaluation",
            "no classifier",
            "at least one classifier",
        ));
    }
    let mut all = vec![
        confusion::matrices(evaluation),
        roc::roc(evaluation),
        roc::fpr_against_mdr(evaluation, None),
        roc::precision_recall(evaluation),
        thresholds::mcc_and_f1(evaluation),
        thresholds::mcc_against_f1(evaluation),
        thresholds::mdr_and_fpr(evaluation),
        thresholds::cleanliness(evaluation),
        histograms::scores(evaluation),
        reliability::reliability(evaluation),
        categories::categories(evaluation),
    ];
    all.extend(completeness::completeness(evaluation));
    all.extend(bins::breakdowns(evaluation));
    all.extend(histograms::distributions(evaluation));
    all.extend(learning::curves(evaluation)?);
    for i in 0..all.len() {
        let (before, rest) = all.split_at_mut(i);
        let taken = |name: &str| before.iter().any(|figure| figure.name == name);
        let figure = &mut rest[0];
        let stem = figure.name.clone();
        for number in 2.. {
            if !taken(&figure.name) {
                break;
            }
            figure.name = format!("{stem}-{number}");
        }
    }
    Ok(all)
}

/// Panels in rows of `columns`, each `cell` large, with a key below.
fn picture(panels: &[Panel], columns: usize, cell: (f64, f64), entries: &[Entry]) -> Drawing {
    let columns = columns.min(panels.len()).max(1);
    let rows = panels.len().div_ceil(columns);
    // Many panels make a large file, and each of them is small.
    let near = 0.2 + 0.05 * panels.len() as f64;
    let (plots, layouts) = panels.iter().map(|panel| panel.draw(cell, near)).unzip();
    let grid = Grid::new(rows, columns)
        .with_plots(plots)
        .with_layouts(layouts)
        .with_cell_size(cell.0, cell.1);
    let mut drawing = Drawing::from_scene(grid.render());
    key(&mut drawing, entries);
    drawing
}

/// For one picture over the whole width, for two beside each other, for three.
const WIDE: (f64, f64) = (640.0, 420.0);
const HALF: (f64, f64) = (440.0, 380.0);
const THIRD: (f64, f64) = (320.0, 300.0);

/// A cell and how many of them stand beside each other, for one panel of each classifier.
fn cells(panels: usize) -> ((f64, f64), usize) {
    match panels {
        0 | 1 => (WIDE, 1),
        2 | 4 => (HALF, 2),
        _ => (THIRD, 3),
    }
}

/// What stands over the panel of one classifier: its name, where there are several.
fn heading<'a>(evaluation: &Evaluation, judged: &'a Judged) -> &'a str {
    match evaluation.classifiers.len() {
        1 => "",
        _ => &judged.name,
    }
}

/// As much of a panel's title as fits over a cell.
fn fitting(title: &str, cell: (f64, f64)) -> String {
    key::cut(title, 14, cell.0 - 90.0)
}

/// For file names: "magnitude error" as "magnitude-error".
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    match words.is_empty() {
        true => "column".into(),
        false => words.join("-"),
    }
}

/// "magnitude (mag)".
fn with_unit(quantity: &str, unit: &str) -> String {
    match unit {
        "" => quantity.to_string(),
        unit => format!("{quantity} ({unit})"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn file_names_are_plain() {
        let names = ["magnitude error", "FWHM", "../x y", "é"].map(super::slug);
        assert_eq!(names, ["magnitude-error", "fwhm", "x-y", "column"]);
    }
}
