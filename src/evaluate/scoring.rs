//! What a model says of the candidates, and what is known of its training.

use std::path::Path;
use std::sync::Arc;

use super::gather::{Request, Watcher};
use super::source::Source;
use crate::data::{Dataset, OfDataset, size};
use crate::formats::beside;
use crate::judge::evaluation::Training;
use crate::judge::history;
use crate::train::Classifier;
use crate::train::stream::StreamOptions;
use crate::{Error, Result};

/// P(real) of the rows `kept`, NaN where there is none; and how many should have one.
pub(super) fn score(
    request: &Request,
    model: &Classifier,
    source: &Source,
    data: &Arc<Dataset>,
    kept: &[usize],
    watcher: &mut dyn Watcher,
    notices: &mut Vec<String>,
) -> Result<(Vec<f64>, usize)> {
    watcher.begin(&format!("scoring with {}", source.name), kept.len());
    let rows = OfDataset::some(data.clone(), kept.to_vec());
    let options = StreamOptions {
        crop: request.crop,
        ..StreamOptions::default()
    };
    let mut scores = Vec::with_capacity(kept.len());
    let mut failed = 0;
    let mut stream = model.score_rows_as(rows, options)?;
    for rows in stream.by_ref() {
        let rows = rows?;
        watcher.done(rows.len());
        for row in &rows {
            if row.failed {
                if failed == 0 {
                    let (what, why) = (row.candidate.place(), &row.error);
                    watcher.notice(&format!("{}: no score for {what}: {why}", source.name));
                }
                failed += 1;
            }
            scores.push(row.score);
        }
    }
    if stream.padded() > 0 {
        let padded = size::notice(stream.padded(), kept.len(), model.cutouts());
        notices.push(format!("{}: {padded}", source.name));
    }
    Ok((scores, failed))
}

/// Where a model's threshold comes from.
pub(super) fn stored(model: &Classifier) -> String {
    let settings = &model.file().provenance.settings;
    let text = |name: &str| settings.get("threshold")?.get(name)?.as_str();
    match (text("rule"), text("rows")) {
        (Some(rule), Some(rows)) => format!("stored in the model, by {rule} on {rows}"),
        _ => "stored in the model".into(),
    }
}

/// The history beside the model, if there is one.
pub(super) fn training_of(
    path: &Path,
    model: &Classifier,
    notices: &mut Vec<String>,
) -> Result<Option<Training>> {
    let path = beside(path, "history.jsonl");
    // Weights that a run began with, and kept, are of none of its epochs.
    let kept_start = matches!(model.file().provenance.epoch, [0, epochs] if epochs > 0);
    if kept_start || !path.is_file() {
        return Ok(None);
    }
    let file = std::fs::File::open(&path).map_err(Error::io("open", &path))?;
    let history = history::read(file, &path)?;
    // A run that broke down in its first epoch.
    if history.is_empty() {
        return Ok(None);
    }
    let best = Some(model.file().provenance.epoch[0]).filter(|&best| best > 0);
    let training = Training::new(history, best);
    if let Err(error) = &training {
        notices.push(format!("{} is not shown: {error}", path.display()));
    }
    Ok(training.ok())
}
