//! The report's folder, and what else the run leaves there.

use std::path::Path;

use serde_json::json;

use super::page::page;
use super::run::Outcome;
use crate::data::labels::{Decided, LabelRow, write_labels};
use crate::judge::suspicion::Rule;
use crate::report::PaperPage;
use crate::reproduce::folder::{self, MODELS};
use crate::suspect::{Evidence, Shown, write_csv};
use crate::{Error, Result};

/// Writes the report and everything beside it into `dir`; `command` is what was typed. Gives the
/// page as it was written.
pub fn report(outcome: &Outcome, dir: &Path, command: &str) -> Result<PaperPage> {
    let mut page = page(outcome)?;
    page.facts.push(("Command".into(), command.into()));
    page.files = files(outcome);
    let mut numbers = outcome.numbers();
    numbers["claims"] = json!(page.claims);
    numbers["tables"] = json!(page.tables().collect::<Vec<_>>());
    let more = |made: &Path| write(outcome, made);
    let besides = [SUSPECTS, LABELS];
    folder::write(dir, &mut page, &numbers, &more, &besides, &|_, _| ())?;
    // All that they hold is in the report or in the models.
    let runs = dir.join(folder::RUNS);
    match std::fs::remove_dir_all(&runs) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io("remove", &runs)(error))
        }
        _ => Ok(page),
    }
}

const SUSPECTS: &str = "suspects.csv";
const LABELS: &str = "labels.csv";

/// The path of each file that [`write`] makes, and what it is.
fn files(outcome: &Outcome) -> Vec<(String, String)> {
    let mut files = vec![(format!("{MODELS}/"), "every network and forest".into())];
    if outcome.found.is_some() {
        let what = "categories 1 and 6 of model 1, for rbgpu relabel";
        files.push((SUSPECTS.into(), what.into()));
    }
    if outcome.repair.is_some() {
        files.push((LABELS.into(), "labels after the repair".into()));
    }
    files
}

/// Writes the networks, the forests, suspects.csv and labels.csv into `dir`.
fn write(outcome: &Outcome, dir: &Path) -> Result<()> {
    let models = dir.join(MODELS);
    std::fs::create_dir_all(&models).map_err(Error::io("create", &models))?;
    let mut trained: Vec<(String, _)> = outcome
        .first
        .networks
        .iter()
        .zip(1..)
        .map(|(network, number)| (format!("first-cnn-{number}"), &network.model))
        .collect();
    if let Some(second) = &outcome.second {
        trained.push(("second-cnn-1".into(), &second.network.model));
    }
    if let Some(live) = &outcome.live {
        trained.push(("live-cnn-1".into(), &live.network.model));
    }
    for (name, model) in trained {
        model.write(&models.join(format!("{name}.safetensors")))?;
    }
    outcome
        .first
        .forest
        .write(&models.join("first-forest.safetensors"))?;
    if let Some(second) = &outcome.second {
        second
            .forest
            .write(&models.join("second-forest.safetensors"))?;
    }
    if let Some(found) = &outcome.found {
        let evidence = Evidence {
            labels: outcome.sample.labels(),
            models: &found.models,
            folds: &found.folds,
        };
        let shown = Shown {
            rule: Rule::Category,
            top: None,
        };
        let path = dir.join(SUSPECTS);
        write_csv(
            &path,
            (&outcome.sample.data, None),
            &evidence,
            &found.suspects,
            &shown,
        )?;
    }
    if let Some(repair) = &outcome.repair {
        let seen: std::collections::HashSet<usize> = repair.seen.iter().copied().collect();
        let old = outcome.sample.labels();
        let rows = outcome.sample.data.candidates.iter().enumerate();
        let rows = rows.map(|(row, candidate)| LabelRow {
            id: candidate.id.clone(),
            label: Some(repair.labels[row]),
            was: Some(old[row]),
            decision: match (seen.contains(&row), repair.labels[row] == old[row]) {
                (false, _) => Decided::Untouched,
                (true, true) => Decided::Kept,
                (true, false) => Decided::Flipped,
            },
            by: match seen.contains(&row) {
                true => "expert".into(),
                false => String::new(),
            },
            pixels: None,
        });
        let rows: Vec<LabelRow> = rows.collect();
        write_labels(&dir.join(LABELS), &rows)?;
    }
    Ok(())
}
