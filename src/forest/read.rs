//! Tables of features as files: autoScan's, rbgpu's, any survey's.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;

use super::FeatureTable;
use super::names::{BAND, GOLDSTEIN, MAGNITUDES, OBJECT, OBJECT_TYPE, PART, band};
use crate::data::labels::LabelFile;
use crate::data::labels::value::values;
use crate::data::table::{self, Cells, Kind, column};
use crate::data::{LabelPolarity, Part};
use crate::{Error, Result};

/// Names of the column of ids, in any case, the first that is there.
const ID: &[&str] = &["id", "snobjid", "candid", "cand_id", "candidate", "name"];
/// Names of the column of labels of which 1 is real.
const LABEL: &[&str] = &["label", "y_true", "truth", "is_real"];
/// Names of the column of objects.
const OBJECTS: &[&str] = &[OBJECT, "objectid", "object_id", "diaobjectid"];
/// Features that are words in some tables.
const MAYBE_WORDS: [&str; 2] = [BAND, "MAGLIM"];

/// How a table of features is read.
#[derive(Clone, Debug, Default)]
pub struct TableOptions {
    /// The features that are wanted, in this order. Without, the 38 of Goldstein et al. where a
    /// table has them all, else every column of numbers but id and label.
    pub columns: Option<Vec<String>>,
    /// What label 1 means; without more said, an artifact in OBJECT_TYPE, else real.
    pub polarity: LabelPolarity,
    /// Numbers that stand for no value, besides what is empty, NaN or infinite, and ±99 in
    /// magnitudes.
    pub missing: Vec<f64>,
}

/// What a column of the file is.
#[derive(Clone, Debug, PartialEq)]
enum Use {
    Id,
    /// Whether it is autoScan's.
    Label(bool),
    Part,
    Object,
    /// Its name, and whether it was asked for by name.
    Feature(String, bool),
}

impl FeatureTable {
    /// Reads `path`: CSV, also with tabs or blanks, gzipped or not; JSON lines; Parquet. Bands
    /// g, r, i, z become 0, 1, 2, 3, true and false 1 and 0.
    pub fn read(path: &Path, options: &TableOptions) -> Result<FeatureTable> {
        let uses = RefCell::new(Vec::new());
        let choose = |names: &[String]| {
            let chosen = columns(path, names, options)?;
            *uses.borrow_mut() = chosen.iter().map(|c| c.2.clone()).collect();
            Ok(chosen.into_iter().map(|(at, kind, _)| (at, kind)).collect())
        };
        let file = table::read(path, &choose)?;
        if file.rows == 0 {
            return Err(Error::input(
                path,
                "file",
                "no row",
                "features of candidates",
            ));
        }
        let mut ids = None;
        let (mut labels, mut parts, mut objects) = (None, None, None);
        let (mut names, mut features) = (Vec::new(), Vec::new());
        let mut notices = Vec::new();
        for (meaning, cells) in uses.into_inner().into_iter().zip(file.columns) {
            match (meaning, cells) {
                (Use::Id, Cells::Words(words)) => ids = Some(words),
                (Use::Part, Cells::Words(words)) => parts = Part::of_column(path, &words)?,
                (Use::Object, Cells::Words(words)) => objects = Some(words),
                (Use::Id | Use::Part | Use::Object, _) => unreachable!("asked for as words"),
                (Use::Label(autoscan), cells) => {
                    labels = Some(read_labels(path, cells, autoscan, options.polarity)?);
                }
                (Use::Feature(name, named), cells) => match numbers(path, &name, cells, named)? {
                    Some(values) => {
                        names.push(name);
                        features.push(values);
                    }
                    None => notices.push(format!(
                        "the column {name} of {} is no number and no feature",
                        path.display()
                    )),
                },
            }
        }
        if names.is_empty() {
            let expected = "at least one column of numbers besides id and label";
            return Err(Error::input(path, "columns", "no feature", expected));
        }
        let mut values = Vec::with_capacity(file.rows * names.len());
        let is_magnitude: Vec<bool> = names
            .iter()
            .map(|name| MAGNITUDES.iter().any(|m| m.eq_ignore_ascii_case(name)))
            .collect();
        for row in 0..file.rows {
            for (column, magnitude) in features.iter().zip(&is_magnitude) {
                let value = column[row];
                let none = (*magnitude && value.abs() == 99.0) || options.missing.contains(&value);
                // What f32 does not hold is infinite there, and no value.
                let value = if none { f32::NAN } else { value as f32 };
                values.push(if value.is_finite() { value } else { f32::NAN });
            }
        }
        let rows = (0..file.rows).map(|row| row.to_string());
        let mut table = FeatureTable::new(path, names, ids.unwrap_or(rows.collect()), values)?;
        table.notices = notices;
        table.parts = parts;
        table.objects = objects.filter(|words| words.iter().any(|word| !word.is_empty()));
        match labels {
            Some(labels) => table.with_labels(labels),
            None => Ok(table),
        }
    }
}

/// What is taken of a table with the columns `names`.
fn columns(
    path: &Path,
    names: &[String],
    options: &TableOptions,
) -> Result<Vec<(usize, Kind, Use)>> {
    let mut chosen = Vec::new();
    let id = column(names, ID);
    chosen.extend(id.map(|at| (at, Kind::Id, Use::Id)));
    let autoscan = column(names, &[OBJECT_TYPE]);
    let label = autoscan.or_else(|| column(names, LABEL));
    let is_autoscan = autoscan.is_some();
    chosen.extend(label.map(|at| (at, Kind::Either, Use::Label(is_autoscan))));
    let part = column(names, &[PART]);
    chosen.extend(part.map(|at| (at, Kind::Word, Use::Part)));
    let is_wanted = |at: &usize| {
        let mut wanted = options.columns.iter().flatten();
        wanted.any(|wanted| wanted.eq_ignore_ascii_case(&names[*at]))
    };
    let object = column(names, OBJECTS).filter(|at| !is_wanted(at));
    chosen.extend(object.map(|at| (at, Kind::Word, Use::Object)));

    let kind = |name: &str| match MAYBE_WORDS.iter().any(|w| w.eq_ignore_ascii_case(name)) {
        true => Kind::Either,
        false => Kind::Number,
    };
    let mut named = |wanted: &str| {
        let at = column(names, &[wanted]).ok_or_else(|| {
            let expected = format!("a column {wanted}");
            Error::input(path, "line of names", names.join(", "), expected)
        })?;
        if chosen.iter().any(|(other, ..)| *other == at) {
            let expected = "each feature once, and neither id, label nor part";
            return Err(Error::input(
                path,
                "features",
                format!("'{wanted}'"),
                expected,
            ));
        }
        chosen.push((at, kind(wanted), Use::Feature(names[at].clone(), true)));
        Ok(())
    };
    if let Some(wanted) = &options.columns {
        wanted.iter().try_for_each(|name| named(name))?;
        return Ok(chosen);
    }
    if GOLDSTEIN
        .iter()
        .all(|name| column(names, &[name]).is_some())
    {
        GOLDSTEIN.iter().try_for_each(|name| named(name))?;
        return Ok(chosen);
    }
    let rest = (0..names.len()).filter(|at| ![id, label, part, object].contains(&Some(*at)));
    let of_labels = |at: &usize| column(&names[*at..*at + 1], LABEL).is_some();
    for at in rest.filter(|at| !of_labels(at)) {
        chosen.push((at, Kind::Either, Use::Feature(names[at].clone(), false)));
    }
    Ok(chosen)
}

/// The numbers of a feature. Words that are no numbers are an error where the feature was
/// named, else it is none.
fn numbers(path: &Path, name: &str, cells: Cells, named: bool) -> Result<Option<Vec<f64>>> {
    let words = match cells {
        Cells::Numbers(numbers) => return Ok(Some(numbers)),
        Cells::Words(words) => words,
    };
    let is_band = name.eq_ignore_ascii_case(BAND);
    let number = |word: &str| match word.to_ascii_lowercase().as_str() {
        "" | "none" | "null" | "--" => Some(f64::NAN),
        "true" => Some(1.0),
        "false" => Some(0.0),
        low if is_band && band(low).is_some() => band(low).map(f64::from),
        low => low.parse().ok(),
    };
    let mut values = Vec::with_capacity(words.len());
    for (row, word) in words.iter().enumerate() {
        match number(word.trim()) {
            Some(value) => values.push(value),
            None if named => {
                let place = format!("row {}, column {name}", row + 1);
                let expected = match is_band {
                    true => "g, r, i, z, or a number",
                    false => "a number",
                };
                return Err(Error::input(path, place, format!("'{word}'"), expected));
            }
            None => return Ok(None),
        }
    }
    // A column of nothing is no feature unless it was asked for.
    let known = named || values.iter().any(|value| !value.is_nan());
    Ok(known.then_some(values))
}

/// Says the label of an id: 1 real, 0 bogus, `Some(None)` undecided, `None` of one it does not know.
type LabelOf = Box<dyn Fn(&str) -> Option<Option<u8>>>;

/// The labels of a file by id: a label file (columns id and label, 1 real), or autoScan's table
/// (ID and OBJECT_TYPE).
pub(super) fn labels(path: &Path) -> Result<LabelOf> {
    let is_autoscan = Cell::new(false);
    let choose = |names: &[String]| {
        let columns = [column(names, &["ID"]), column(names, &[OBJECT_TYPE])];
        is_autoscan.set(columns[1].is_some() && column(names, LABEL).is_none());
        match columns {
            [Some(id), Some(kind)] => Ok(vec![(id, Kind::Id), (kind, Kind::Either)]),
            _ => Ok(Vec::new()),
        }
    };
    let mut columns = table::read(path, &choose)?.columns.into_iter();
    let (true, Some(Cells::Words(ids)), Some(kinds)) =
        (is_autoscan.get(), columns.next(), columns.next())
    else {
        let file = LabelFile::read(path)?;
        file.check_unique()?;
        return Ok(Box::new(move |id| file.get(id)));
    };
    let labels = read_labels(path, kinds, true, LabelPolarity::Auto)?;
    let ids = ids.into_iter().map(|id| id.trim().to_string());
    let by_id: HashMap<String, Option<u8>> = ids.zip(labels).collect();
    Ok(Box::new(move |id| by_id.get(id.trim()).copied()))
}

/// Labels as numbers or in words, turned so that 1 is real.
fn read_labels(
    path: &Path,
    cells: Cells,
    autoscan: bool,
    polarity: LabelPolarity,
) -> Result<Vec<Option<u8>>> {
    let one_is_real = match polarity {
        LabelPolarity::Auto => !autoscan,
        LabelPolarity::RealIsOne => true,
        LabelPolarity::RealIsZero => false,
    };
    let values = values(path, cells)?.into_iter();
    Ok(values.map(|value| value.label(one_is_real)).collect())
}
