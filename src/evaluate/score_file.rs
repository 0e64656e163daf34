//! Scores that something else gave: a forest, Keras, another rbgpu.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::data::labels::value::values;
use crate::data::labels::{ID, LABEL};
use crate::data::table::{self, Cells, Kind, column};
use crate::data::{LabelPolarity, Part};
use crate::{Error, Result};

/// Names of columns, in any case, the first that is there.
const SCORE: &[&str] = &[
    "rb_score",
    "score",
    "p_real",
    "prob_real",
    "probability",
    "label1",
];
const DECISION: &[&str] = &["decision"];
const PART: &[&str] = &["part"];
const MAG: &[&str] = &["mag", "magnitude", "magpsf", "mags"];
const MAG_ERR: &[&str] = &["mag_err", "magerr", "errmag", "sigmapsf", "errmags"];

/// How the columns of a score file are to be taken.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The score's column, where it is not called as usual.
    pub score_name: Option<String>,
    /// The id's column, where it is not called as usual.
    pub id_name: Option<String>,
    /// Whether the scores are P(artifact) and are turned.
    pub artifact: bool,
    /// What label 1 means.
    pub polarity: LabelPolarity,
    /// Columns that are wanted besides.
    pub by: Vec<String>,
}

/// The scores of one classifier, and what else the file says.
#[derive(Clone, Debug)]
pub struct ScoreFile {
    /// Ids, where the file has them.
    pub ids: Option<Vec<String>>,
    /// P(real); NaN where there is none.
    pub scores: Vec<f64>,
    /// 1 real, 0 bogus, NaN unknown; where the file has labels.
    pub labels: Option<Vec<f64>>,
    /// Where its decisions say from which score on candidates are called real.
    pub threshold: Option<f64>,
    /// What the classifier was fitted to and what not, where the file says so: the part of each
    /// row, `None` of one that was in none.
    pub parts: Option<Vec<Option<Part>>>,
    /// In magnitudes, where the file has them.
    pub mag: Option<Vec<f64>>,
    /// In magnitudes, where the file has them.
    pub mag_err: Option<Vec<f64>>,
    /// What was wanted besides and is there.
    pub others: Vec<(String, Cells)>,
}

/// What a column of the file is.
#[derive(Clone, Debug, PartialEq)]
enum Use {
    Id,
    Score,
    Label,
    Decision,
    Part,
    Mag,
    MagErr,
    Other(String),
}

impl ScoreFile {
    /// Reads `path`, a table or a .npy of scores alone ((N), (N, 1), or (N, 2) of which the
    /// second is P(real), as `predict` of a softmax gives it).
    pub fn read(path: &Path, reading: &Reading) -> Result<ScoreFile> {
        let uses = std::cell::RefCell::new(Vec::new());
        let is_npy = path.extension().is_some_and(|end| end == "npy");
        let choose = |names: &[String]| {
            let bare = is_npy
                && names
                    .iter()
                    .zip(["0", "1"])
                    .all(|(name, bare)| name == bare);
            let columns = match bare {
                true => vec![(names.len().min(2) - 1, Kind::Number, Use::Score)],
                false => columns(path, names, reading)?,
            };
            *uses.borrow_mut() = columns.iter().map(|c| c.2.clone()).collect();
            Ok(columns
                .into_iter()
                .map(|(at, kind, _)| (at, kind))
                .collect())
        };
        let table = table::read(path, &choose)?;
        let mut decisions = None;
        let mut file = ScoreFile {
            ids: None,
            scores: Vec::new(),
            labels: None,
            threshold: None,
            parts: None,
            mag: None,
            mag_err: None,
            others: Vec::new(),
        };
        for (column, cells) in uses.into_inner().into_iter().zip(table.columns) {
            match (column, cells) {
                (Use::Id, Cells::Words(ids)) => file.ids = Some(ids),
                (Use::Score, Cells::Numbers(scores)) => file.scores = scores,
                (Use::Label, cells) => file.labels = Some(labels(path, cells, reading.polarity)?),
                (Use::Decision, Cells::Words(words)) => decisions = Some(words),
                (Use::Part, Cells::Words(words)) => file.parts = Part::of_column(path, &words)?,
                (Use::Mag, Cells::Numbers(mags)) => file.mag = Some(known(mags)),
                (Use::MagErr, Cells::Numbers(errors)) => file.mag_err = Some(known(errors)),
                (Use::Other(name), cells) => file.others.push((name, cells)),
                (column, _) => unreachable!("{column:?} was asked for otherwise"),
            }
        }
        if table.rows == 0 {
            return Err(Error::input(path, "file", "no row", "scores"));
        }
        for (row, score) in file.scores.iter_mut().enumerate() {
            if !score.is_nan() && !(0.0..=1.0).contains(score) {
                let found = score.to_string();
                let expected = "P(real), from 0 to 1";
                return Err(Error::input(
                    path,
                    format!("score in row {}", row + 1),
                    found,
                    expected,
                ));
            }
            if reading.artifact {
                *score = 1.0 - *score;
            }
        }
        file.threshold = decisions.and_then(|words| decided_at(&file.scores, &words));
        Ok(file)
    }
}

/// What is taken of a table.
fn columns(path: &Path, names: &[String], reading: &Reading) -> Result<Vec<(usize, Kind, Use)>> {
    let named = |option: &str, name: &str| {
        column(names, &[name]).ok_or_else(|| {
            let expected = format!("a column {name} ({option})");
            Error::input(path, "line of names", names.join(", "), expected)
        })
    };
    let score = match &reading.score_name {
        Some(name) => named("--score-name", name)?,
        None => column(names, SCORE).ok_or_else(|| {
            let expected = format!(
                "a column of scores, called {}, or as --score-name says",
                SCORE.join(", ")
            );
            Error::input(path, "line of names", names.join(", "), expected)
        })?,
    };
    let mut columns = vec![(score, Kind::Number, Use::Score)];
    let id = match &reading.id_name {
        Some(name) => Some(named("--id-name", name)?),
        None => column(names, ID),
    };
    columns.extend(id.map(|at| (at, Kind::Id, Use::Id)));
    let usual = [
        (LABEL, Kind::Either, Use::Label),
        (DECISION, Kind::Word, Use::Decision),
        (PART, Kind::Word, Use::Part),
        (MAG, Kind::Number, Use::Mag),
        (MAG_ERR, Kind::Number, Use::MagErr),
    ];
    for (wanted, kind, meaning) in usual {
        columns.extend(column(names, wanted).map(|at| (at, kind, meaning)));
    }
    for name in &reading.by {
        let at = column(names, &[name]);
        columns.extend(at.map(|at| (at, Kind::Either, Use::Other(name.clone()))));
    }
    Ok(columns)
}

/// Labels as numbers or in words: 1 real, 0 bogus, NaN unknown (-1, or nothing).
fn labels(path: &Path, cells: Cells, polarity: LabelPolarity) -> Result<Vec<f64>> {
    let one_is_real = polarity != LabelPolarity::RealIsZero;
    let values = values(path, cells)?.into_iter();
    Ok(values
        .map(|value| value.label(one_is_real).map_or(f64::NAN, f64::from))
        .collect())
}

/// The lowest score that was called real, if all from there on were and no other.
fn decided_at(scores: &[f64], decisions: &[String]) -> Option<f64> {
    let of = |word: &'static str| {
        let all = scores.iter().zip(decisions);
        all.filter(move |(_, decision)| decision.eq_ignore_ascii_case(word))
            .map(|(score, _)| *score)
    };
    let lowest = of("real").reduce(f64::min)?;
    let highest = of("bogus").reduce(f64::max).unwrap_or(f64::NEG_INFINITY);
    (lowest > highest).then_some(lowest)
}

/// 99 and -99 stand for no magnitude.
fn known(mut values: Vec<f64>) -> Vec<f64> {
    for value in &mut values {
        if value.abs() == 99.0 {
            *value = f64::NAN;
        }
    }
    values
}

/// For each of `count` candidates its row in a file, `None` where there is none: row by row
/// where one of both has no ids, or the same in the same order; else by id, which then must
/// be unique.
pub fn rows_of(
    path: &Path,
    file: &ScoreFile,
    ids: Option<&[String]>,
    count: usize,
    notices: &mut Vec<String>,
) -> Result<Vec<Option<usize>>> {
    let own = file.scores.len();
    let (Some(own), Some(ids)) = (&file.ids, ids) else {
        if own != count {
            let found = format!("{own} scores, and nothing to find the candidates by");
            let expected = format!(
                "{count}, one for each candidate of the data in their order, or ids in both"
            );
            return Err(Error::input(path, "rows", found, expected));
        }
        notices.push(format!(
            "the rows of {} are taken in the order of the candidates: there are no ids to join by",
            path.display()
        ));
        return Ok((0..count).map(Some).collect());
    };
    let count = own.len();
    if own == ids {
        return Ok((0..count).map(Some).collect());
    }
    let mut by_id: HashMap<&str, usize> = HashMap::with_capacity(count);
    let mut twice = HashSet::new();
    for (row, id) in own.iter().enumerate() {
        if by_id.insert(id.trim(), row).is_some() {
            twice.insert(id.trim());
        }
    }
    // Rows of an id that nobody asks for may be as many as they like.
    if let Some(id) = ids.iter().find(|id| twice.contains(id.trim())) {
        let expected = "one score for each id, or the candidates' own order";
        return Err(Error::input(
            path,
            "ids",
            format!("'{id}' more than once"),
            expected,
        ));
    }
    let found: Vec<Option<usize>> = ids.iter().map(|id| by_id.get(id.trim()).copied()).collect();
    if found.iter().all(Option::is_none) {
        let (theirs, ours) = (own.first(), ids.first());
        let example = |id: Option<&String>| id.map_or("none".into(), |id| format!("'{id}'"));
        return Err(Error::input(
            path,
            "ids",
            format!("none of the candidates (the first is {})", example(theirs)),
            format!("ids such as {}; --id-name names the column", example(ours)),
        ));
    }
    Ok(found)
}
