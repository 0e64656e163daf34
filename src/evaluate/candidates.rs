//! Whose scores are looked at: the candidates of a data set, or of a score file.

use std::path::PathBuf;

use super::columns::{self, MAGNITUDE, MAGNITUDE_ERROR};
use super::gather::Request;
use super::score_file::ScoreFile;
use super::source::Source;
use crate::data::Dataset;
use crate::data::table::Cells;
use crate::judge::Column;
use crate::{Error, Result};

/// Candidates before it is known which of them are kept.
pub(super) struct Candidates {
    /// Their ids.
    pub ids: Vec<String>,
    /// Whether these are ids, or only numbers of rows that nobody else knows.
    pub has_ids: bool,
    /// 1 real, 0 bogus.
    pub labels: Vec<u8>,
    /// What else is known of them.
    pub columns: Vec<Column>,
    /// Where they are from.
    pub source: PathBuf,
    /// For each its row in the score file that they are from, if they are.
    pub rows: Vec<usize>,
}

/// The error that a model has nothing to score.
pub(super) fn no_data(source: &Source) -> Error {
    Error::input(
        &source.path,
        "model",
        "no data to score",
        "DATA behind it: a cube, a folder, alerts, a prefix",
    )
}

/// The candidates of a data set with labels.
pub(super) fn of_data(data: &Dataset, request: &Request) -> Result<Candidates> {
    let Some(labels) = &data.labels else {
        let expected = "labels, to evaluate with";
        return Err(Error::input(&data.source, "labels", "none", expected));
    };
    let column = |name: &str| columns::of_candidates(data.candidates.iter(), name);
    let wanted = [MAGNITUDE, MAGNITUDE_ERROR].into_iter();
    let by = request.reading.by.iter().map(String::as_str);
    let columns = wanted.chain(by).filter_map(column);
    Ok(Candidates {
        ids: data.candidates.iter().map(|c| c.id.clone()).collect(),
        has_ids: true,
        labels: labels.clone(),
        columns: columns.filter(columns::is_known).collect(),
        source: data.source.clone(),
        rows: Vec::new(),
    })
}

/// Those of the first score file that has labels.
pub(super) fn of_scores(
    request: &Request,
    files: &[Option<ScoreFile>],
    notices: &mut Vec<String>,
) -> Result<Candidates> {
    let sources = request.sources.iter().zip(files);
    let mut first = None;
    for (source, file) in sources {
        let Some(file) = file else {
            return Err(no_data(source));
        };
        first = first.or(Some((source, file)));
    }
    let Some((source, file)) = first else {
        let expected = "at least one model or score file";
        return Err(Error::config("MODEL", "none", expected));
    };
    let Some(labels) = &file.labels else {
        let expected = "a column label (1 real, 0 bogus), or DATA with labels behind it";
        return Err(Error::input(
            &source.path,
            "line of names",
            "no labels",
            expected,
        ));
    };
    let rows: Vec<usize> = (0..labels.len())
        .filter(|&row| !labels[row].is_nan())
        .collect();
    if rows.len() < labels.len() {
        notices.push(format!(
            "{} of {} rows of {} have no label and are left out",
            labels.len() - rows.len(),
            labels.len(),
            source.path.display()
        ));
    }
    let numbers = |name: &str, values: &Option<Vec<f64>>| {
        values.as_ref().map(|values| {
            let cells = Cells::Numbers(values.clone());
            let rows: Vec<Option<usize>> = rows.iter().map(|&row| Some(row)).collect();
            columns::of_cells(name, &cells, &rows)
        })
    };
    let columns = [
        numbers(MAGNITUDE, &file.mag),
        numbers(MAGNITUDE_ERROR, &file.mag_err),
    ];
    let id = |&row: &usize| match &file.ids {
        Some(ids) => ids[row].clone(),
        None => row.to_string(),
    };
    Ok(Candidates {
        ids: rows.iter().map(id).collect(),
        has_ids: file.ids.is_some(),
        labels: rows.iter().map(|&row| labels[row] as u8).collect(),
        columns: columns
            .into_iter()
            .flatten()
            .filter(columns::is_known)
            .collect(),
        source: source.path.clone(),
        rows,
    })
}
