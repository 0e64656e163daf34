//! DES's six categories as bars.

use super::axes::{Axis, Item, Panel};
use super::key::Entry;
use super::look;
use super::{Figure, picture};
use crate::judge::evaluation::Evaluation;

/// What a category holds, for its column of a table or under its bar.
pub(in crate::report) const MEANING: [(&str, &str); 6] = [
    ("bogus", "≥ 0.9"),
    ("bogus", "0.5–0.9"),
    ("bogus", "< 0.5"),
    ("real", "≥ 0.5"),
    ("real", "0.1–0.5"),
    ("real", "≤ 0.1"),
];

/// How many candidates each classifier puts into each.
pub(super) fn categories(evaluation: &Evaluation) -> Figure {
    let names = MEANING
        .iter()
        .enumerate()
        .map(|(i, (label, score))| format!("{}: {label}, {score}", i + 1));
    let all = evaluation.classifiers.iter();
    let most = all.flat_map(|j| j.categories).max().unwrap_or(0);
    let y = Axis::log("candidates", 0.5, 2.0 * (most as f64).max(5.0));
    let x = Axis::named("category: label, P(real)", names.collect());
    let mut panel = Panel::new("", x, y);
    let count = evaluation.classifiers.len() as f64;
    let width = 0.8 / count;
    for (i, judged) in evaluation.classifiers.iter().enumerate() {
        let look = look::classifier(i);
        for (k, &held) in judged.categories.iter().enumerate() {
            if held == 0 {
                continue;
            }
            let left = k as f64 - 0.4 + i as f64 * width;
            let (right, top) = (left + 0.92 * width, held as f64);
            panel
                .items
                .push(Item::Box([left, right, 0.5, top], look, 0.3));
            let outline = vec![(left, 0.5), (left, top), (right, top), (right, 0.5)];
            panel.line(outline, look);
        }
    }
    let entries = evaluation
        .classifiers
        .iter()
        .enumerate()
        .map(|(i, judged)| {
            let [surely, .., lost] = judged.categories;
            let label = format!("{}: {surely} in 1, {lost} in 6", judged.name);
            Entry::line(label, look::classifier(i))
        });
    Figure {
        name: "categories".into(),
        title: "Categories 1 to 6".into(),
        caption:
            "Candidates by label and by how sure the classifier is (DES Table 2). In 1 and 6 it is \
                  sure of the opposite of the label: either it is wrong or the label is."
                .into(),
        drawing: picture(&[panel], 1, (880.0, 380.0), &entries.collect::<Vec<_>>()),
    }
}
