//! What `rbgpu forest` does, in one call each.

use std::io::Write;
use std::path::Path;

use super::model::{Forest, Measured, Scores};
use super::parts::Division;
use super::settings::Settings;
use super::table::FeatureTable;
use crate::Result;
use crate::data::atomic::atomic_write;
use crate::data::{Decision, Part, Split};
use crate::judge::{Cut, DecisionThreshold, Scored};

/// A forest with the parts that it was trained and measured on.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// Its provenance has the metrics of the validation and the test part.
    pub forest: Forest,
    /// Rows of the table.
    pub split: Split,
    /// Rows of validation and test in which a missing value became the median.
    pub filled: usize,
    /// What a user should know of the split and the threshold.
    pub notices: Vec<String>,
}

/// Trains on the training part of the labelled rows of `table`, chooses the threshold with the
/// largest F1 + MCC on the validation part (out of bag where there is none), and measures both
/// held-out parts.
pub fn fit(
    table: &FeatureTable,
    division: &Division,
    settings: &Settings,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Fitted> {
    settings.check()?;
    let (split, mut notices) = division.split(table, settings.seed, settings.group)?;
    let all = table.labels.as_deref().unwrap_or_default();
    let labels = |part| -> Vec<u8> {
        let rows = split.part(part).iter();
        rows.map(|&row| all[row].unwrap_or_default()).collect()
    };
    let trained = Forest::grow(
        table,
        &split.train,
        &labels(Part::Train),
        settings,
        progress,
    )?;
    let mut forest = trained.forest;
    let mut scored = Vec::new();
    let mut filled = 0;
    for part in [Part::Validation, Part::Test] {
        if !split.part(part).is_empty() {
            let scores = forest.score_rows(table, split.part(part))?;
            filled += scores.filled;
            scored.push((part, labels(part), scores.scores));
        }
    }
    let by = match scored.first() {
        Some((Part::Validation, labels, scores)) => Scored::new(labels, scores)?,
        _ => {
            let votes = labels(Part::Train).into_iter().zip(trained.out_of_bag);
            let (labels, scores): (Vec<u8>, Vec<f64>) = votes.filter(|(_, p)| !p.is_nan()).unzip();
            Scored::new(&labels, &scores)?
        }
    };
    let best = by.best_f1_plus_mcc(Cut::AtLeast);
    let best = best.map(|best| best.threshold);
    let DecisionThreshold { value, notice } = DecisionThreshold::by("F1 + MCC", best, &by);
    forest.threshold = value;
    notices.extend(notice.map(|notice| format!("warning: {notice}")));
    for (part, labels, scores) in scored {
        let measured = Measured::of(&labels, &scores, forest.threshold)?;
        forest
            .provenance
            .metrics
            .insert(part.name().into(), measured);
    }
    forest.provenance.parts = [&split.train, &split.validation, &split.test].map(Vec::len);
    Ok(Fitted {
        forest,
        split,
        filled,
        notices,
    })
}

/// Writes scores as CSV: id, rb_score, decision, then label (1 real) and part (train, validation,
/// test), which are empty where they are not known. One row for each row of `table`.
pub fn write_scores(
    out: impl Write,
    table: &FeatureTable,
    scores: &Scores,
    threshold: f64,
    parts: Option<&[Option<Part>]>,
) -> std::io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["id", "rb_score", "decision", "label", "part"])?;
    for (row, (id, &score)) in table.ids.iter().zip(&scores.scores).enumerate() {
        let label = table.labels.as_ref().and_then(|labels| labels[row]);
        let part = parts.and_then(|parts| parts[row]);
        csv.write_record([
            id.as_str(),
            &score.to_string(),
            Decision::at(threshold, score).name(),
            &label.map_or_else(String::new, |label| label.to_string()),
            part.map_or("", Part::name),
        ])?;
    }
    csv.flush()
}

/// Writes the features with their importances as CSV, the most important first: feature,
/// importance, median.
pub fn write_importances(path: &Path, forest: &Forest) -> Result<()> {
    let mut order: Vec<usize> = (0..forest.names.len()).collect();
    order.sort_by(|&a, &b| forest.importances[b].total_cmp(&forest.importances[a]));
    atomic_write(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(["feature", "importance", "median"])?;
        for at in order {
            csv.write_record([
                forest.names[at].clone(),
                forest.importances[at].to_string(),
                forest.medians[at].to_string(),
            ])?;
        }
        csv.flush()
    })
}
