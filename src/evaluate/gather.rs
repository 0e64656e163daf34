//! Candidates with their labels and columns, and every classifier's score of each.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::candidates::{Candidates, no_data, of_data, of_scores};
use super::columns;
use super::held_out::{self, Asked, Parts, Rows};
use super::score_file::{self, ScoreFile, rows_of};
use super::scoring::{score, stored, training_of};
use super::source::{Source, What};
use crate::data::{Dataset, Part};
use crate::judge::Column;
use crate::judge::evaluation::Training;
use crate::train::Classifier;
use crate::{Error, Result};

/// What is to be evaluated, and on what.
#[derive(Debug)]
pub struct Request {
    /// Models and score files.
    pub sources: Vec<Source>,
    /// The candidates; without them a score file says what they are.
    pub data: Option<Arc<Dataset>>,
    /// Which of them.
    pub rows: Rows,
    /// What says which candidate was in which part; what the models say unless given.
    pub split: Option<PathBuf>,
    /// How score files are read.
    pub reading: score_file::Reading,
    /// The threshold of all classifiers; their own unless given.
    pub threshold: Option<f64>,
    /// The side in pixels to which cutouts are cropped about their centre.
    pub crop: Option<usize>,
}

/// A classifier with its scores.
#[derive(Clone, Debug)]
pub struct Classified {
    /// What it is called.
    pub name: String,
    /// P(real) of each candidate.
    pub scores: Vec<f64>,
    /// Real from this score on.
    pub threshold: f64,
    /// Where the threshold comes from.
    pub threshold_from: String,
    /// Of its training.
    pub training: Option<Training>,
    /// Of a table of scores: in which part each candidate was when its classifier was trained,
    /// `None` of one that was in none; `None` where the table does not say.
    pub parts: Option<Vec<Option<Part>>>,
}

/// Everything that an evaluation needs.
#[derive(Debug)]
pub struct Gathered {
    /// Ids of the candidates.
    pub ids: Vec<String>,
    /// 1 real, 0 bogus.
    pub labels: Vec<u8>,
    /// What else is known of them.
    pub columns: Vec<Column>,
    /// One for each source.
    pub classifiers: Vec<Classified>,
    /// The candidates' places in the data.
    pub places: Vec<usize>,
    /// Where the candidates are from.
    pub source: PathBuf,
    /// Which of them these are, in words.
    pub which: String,
    /// What a user should know.
    pub notices: Vec<String>,
    /// Candidates without a score though they should have one.
    pub failed: usize,
}

/// Who is told how far it is.
pub trait Watcher {
    /// Work named `what` begins on `of` things.
    fn begin(&mut self, what: &str, of: usize);
    /// So many more are done.
    fn done(&mut self, more: usize);
    /// Something that a user should know at once.
    fn notice(&mut self, text: &str);
}

/// Reads, scores and joins. `models` are the sources that are models, opened, in their order.
pub fn gather(
    request: &Request,
    models: &[Classifier],
    watcher: &mut dyn Watcher,
) -> Result<Gathered> {
    let mut notices = Vec::new();
    let files = request.sources.iter().map(|source| match source.what {
        What::Model => Ok(None),
        What::Scores => ScoreFile::read(&source.path, &request.reading).map(Some),
    });
    let files: Vec<Option<ScoreFile>> = files.collect::<Result<_>>()?;
    let all = match &request.data {
        Some(data) => of_data(data, request)?,
        None => of_scores(request, &files, &mut notices)?,
    };
    check_part(request, &files)?;
    let rows = rows_of_files(request, &files, &all, &mut notices)?;
    let (mut kept, which) = chosen(request, models, (&files, &rows), &all, &mut notices)?;
    if kept.is_empty() {
        let found = format!("none of {} candidates is in: {which}", all.ids.len());
        return Err(Error::input(
            &all.source,
            "candidates",
            found,
            "some; see --part",
        ));
    }
    for (source, model) in models_of(request).zip(models) {
        notices.extend(flattered(source, model, &which));
    }
    let mut classifiers = Vec::with_capacity(request.sources.len());
    let mut others = Vec::new();
    let mut failed = 0;
    let mut opened = models.iter();
    for (i, (source, file)) in request.sources.iter().zip(&files).enumerate() {
        let mut parts = None;
        let (scores, own, from, training) = match file {
            None => {
                let model = opened.next().expect("one for each model");
                let data = request.data.as_ref().ok_or_else(|| no_data(source))?;
                let (scores, bad) =
                    score(request, model, source, data, &kept, watcher, &mut notices)?;
                failed += bad;
                let training = training_of(&source.path, model, &mut notices)?;
                (scores, model.threshold(), stored(model), training)
            }
            Some(file) => {
                let rows = &rows[i];
                for (name, cells) in &file.others {
                    others.push(columns::of_cells(name, cells, rows));
                }
                let score = |&row: &usize| rows[row].map_or(f64::NAN, |row| file.scores[row]);
                let part = |own: &Vec<Option<Part>>| {
                    let of = kept.iter().map(|&row| rows[row].and_then(|row| own[row]));
                    of.collect::<Vec<_>>()
                };
                parts = file.parts.as_ref().map(part);
                let (own, from) = match file.threshold {
                    Some(threshold) => (threshold, "the table's own decisions"),
                    None => (0.5, "by default"),
                };
                (kept.iter().map(score).collect(), own, from.into(), None)
            }
        };
        classifiers.push(Classified {
            name: source.name.clone(),
            scores,
            threshold: request.threshold.unwrap_or(own),
            threshold_from: match request.threshold {
                Some(_) => "--threshold".into(),
                None => from,
            },
            training,
            parts,
        });
    }
    leave_out_unscored(&mut kept, &mut classifiers, &mut notices, &all.source)?;
    let columns = all.columns.into_iter().chain(others);
    let mut known: Vec<Column> = Vec::new();
    for column in columns {
        if !known.iter().any(|c| c.name == column.name) {
            known.push(columns::kept(column, &kept));
        }
    }
    check_by(&request.reading.by, &known)?;
    Ok(Gathered {
        ids: kept.iter().map(|&row| all.ids[row].clone()).collect(),
        labels: kept.iter().map(|&row| all.labels[row]).collect(),
        columns: known,
        classifiers,
        places: kept,
        source: all.source,
        which,
        notices,
        failed,
    })
}

/// For each source that is a file of scores, each candidate's row in it.
fn rows_of_files(
    request: &Request,
    files: &[Option<ScoreFile>],
    all: &Candidates,
    notices: &mut Vec<String>,
) -> Result<Vec<Vec<Option<usize>>>> {
    let base = files.iter().position(Option::is_some);
    let sources = request.sources.iter().zip(files).enumerate();
    let of = sources.map(|(i, (source, file))| match file {
        None => Ok(Vec::new()),
        // The candidates are this file's own.
        Some(_) if request.data.is_none() && base == Some(i) => {
            Ok(all.rows.iter().map(|&row| Some(row)).collect())
        }
        Some(file) => {
            let ids = all.has_ids.then_some(all.ids.as_slice());
            let rows = rows_of(&source.path, file, ids, all.ids.len(), notices)?;
            compare_labels(source, file, &rows, all, notices)?;
            Ok(rows)
        }
    });
    of.collect()
}

/// A part can be asked for only where something says what is in it.
fn check_part(request: &Request, files: &[Option<ScoreFile>]) -> Result<()> {
    let without = |file: &Option<ScoreFile>| file.as_ref().is_some_and(|f| f.parts.is_none());
    if let (Rows::Part(_), None, true) = (request.rows, &request.split, files.iter().all(without)) {
        let found = format!("'{}' of scores alone", request.rows);
        let expected = "--split FILE beside it, which says what was in which part";
        return Err(Error::config("--part", found, expected));
    }
    Ok(())
}

/// Which rows are looked at.
fn chosen(
    request: &Request,
    models: &[Classifier],
    (files, places): (&[Option<ScoreFile>], &[Vec<Option<usize>>]),
    all: &Candidates,
    notices: &mut Vec<String>,
) -> Result<(Vec<usize>, String)> {
    let asked = Asked {
        ids: &all.ids,
        labels: &all.labels,
        source: &all.source,
        data: request.data.as_deref(),
    };
    let mut parts = Vec::new();
    if request.rows != Rows::All {
        for (source, model) in models_of(request).zip(models) {
            let provenance = &model.file().provenance;
            let split = request.split.as_deref();
            parts.push(Parts::of_model(&source.path, provenance, split, &asked)?);
        }
        // What a table of scores says of its own classifier's training.
        let sources = request.sources.iter().zip(files.iter().zip(places));
        for (source, (file, rows)) in sources {
            if let (Some(own), None) =
                (file.as_ref().and_then(|f| f.parts.as_ref()), &request.split)
            {
                let of = rows.iter().map(|row| row.and_then(|row| own[row]));
                let from = source.path.display().to_string();
                parts.push(Parts::new(of.collect(), &from));
            }
        }
        if let (Some(split), true) = (&request.split, parts.is_empty()) {
            parts.push(Parts::from_named(split, &asked)?);
        }
        for part in &parts {
            for notice in &part.notices {
                if !notices.contains(notice) {
                    notices.push(notice.clone());
                }
            }
        }
    }
    let (kept, which) = held_out::rows(request.rows, &parts, all.ids.len());
    if request.rows != Rows::Part(Part::Train) {
        // The parts of the models come first.
        for (source, parts) in models_of(request).zip(&parts) {
            notices.extend(parts.shared(&source.name, &asked, &kept)?);
        }
    }
    Ok((kept, which))
}

fn models_of(request: &Request) -> impl Iterator<Item = &Source> {
    request.sources.iter().filter(|s| s.what == What::Model)
}

/// What to say where the model's calibration or threshold was found on the rows that are
/// looked at.
fn flattered(source: &Source, model: &Classifier, which: &str) -> Vec<String> {
    let settings = &model.file().provenance.settings;
    let on_these = |what: &str| {
        let rows = settings
            .get(what)
            .and_then(|found| found.get("rows")?.as_str());
        rows.is_some_and(|rows| {
            rows == which || rows.starts_with("all") || which.starts_with("all")
        })
    };
    let name = &source.name;
    let mut notices = Vec::new();
    if on_these("calibration") {
        notices.push(format!(
            "{name} was calibrated on such rows: its ECE, loss and Brier score may flatter it"
        ));
    }
    if on_these("threshold") {
        notices.push(format!(
            "the threshold of {name} was chosen on such rows: its rates may flatter it"
        ));
    }
    notices
}

/// Tables with labels of their own are joined rightly only where these agree: a few may have
/// been repaired since, many tell of other candidates.
fn compare_labels(
    source: &Source,
    file: &ScoreFile,
    rows: &[Option<usize>],
    all: &Candidates,
    notices: &mut Vec<String>,
) -> Result<()> {
    let Some(theirs) = &file.labels else {
        return Ok(());
    };
    let both = rows.iter().zip(&all.labels);
    let both = both.filter_map(|(row, ours)| Some((theirs[(*row)?], f64::from(*ours))));
    let (mut compared, mut other) = (0, 0);
    for (theirs, ours) in both.filter(|(theirs, _)| !theirs.is_nan()) {
        compared += 1;
        other += usize::from(theirs != ours);
    }
    if 20 * other > compared {
        return Err(Error::input(
            &source.path,
            "labels",
            format!(
                "{other} of {compared} other than those of {}",
                all.source.display()
            ),
            "the same candidates with the same labels (--label-polarity says what 1 means)",
        ));
    }
    if other > 0 {
        notices.push(format!(
            "{other} of {compared} labels of {} are others; those of {} count",
            source.path.display(),
            all.source.display()
        ));
    }
    Ok(())
}

/// Candidates that some classifier has no score for are left out for all of them.
fn leave_out_unscored(
    kept: &mut Vec<usize>,
    classifiers: &mut [Classified],
    notices: &mut Vec<String>,
    source: &Path,
) -> Result<()> {
    let whole: Vec<bool> = (0..kept.len())
        .map(|i| classifiers.iter().all(|c| !c.scores[i].is_nan()))
        .collect();
    let count = whole.iter().filter(|&&whole| whole).count();
    if count == kept.len() {
        return Ok(());
    }
    for classifier in classifiers.iter() {
        let without = classifier.scores.iter().filter(|s| s.is_nan()).count();
        if without > 0 {
            let (name, all) = (&classifier.name, kept.len());
            notices.push(format!(
                "{without} of {all} candidates have no score of {name} and are left out"
            ));
        }
    }
    if count == 0 {
        let expected = "candidates that every classifier has scored";
        return Err(Error::input(source, "candidates", "none", expected));
    }
    let mut each = whole.iter();
    kept.retain(|_| *each.next().expect("as long"));
    for classifier in classifiers {
        let mut each = whole.iter();
        classifier.scores.retain(|_| *each.next().expect("as long"));
        if let Some(parts) = &mut classifier.parts {
            let mut each = whole.iter();
            parts.retain(|_| *each.next().expect("as long"));
        }
    }
    Ok(())
}

/// Every column that was asked for is there, and something is known in it.
fn check_by(by: &[String], known: &[Column]) -> Result<()> {
    for name in by {
        let is = |c: &&Column| c.name.eq_ignore_ascii_case(&columns::shown(name));
        if known.iter().find(is).is_none_or(|c| !columns::is_known(c)) {
            let mut names: Vec<&str> = known.iter().map(|c| c.name.as_str()).collect();
            names.extend(columns::known_names());
            let expected = format!("a column with values; there may be {}", names.join(", "));
            return Err(Error::config("--by", format!("'{name}'"), expected));
        }
    }
    Ok(())
}
