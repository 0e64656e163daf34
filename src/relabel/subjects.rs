//! What is looked at: the data with what is known of their labels, and the table of suspects.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::data::Dataset;
use crate::data::labels::value::{EXPECTED, Value};
use crate::data::labels::{mark_text, pixels_mark};
use crate::data::table::{self, Cells, Kind, column};
use crate::{Error, Result};

/// What the column of ids may be called.
const ID: &[&str] = &["id", "candid", "cand_id", "candidate", "name"];
/// Columns that are shown where they are there, and what else they may be called.
const SHOWN: [(&[&str], Kind); 7] = [
    (&["rank"], Kind::Number),
    (&["label"], Kind::Word),
    (&["score", "rb_score", "p_real"], Kind::Number),
    (&["category"], Kind::Number),
    (&["rule"], Kind::Word),
    (&["suspicion"], Kind::Number),
    (&["pixels"], Kind::Word),
];
/// Marks that are compared before anything is shown; those of the others are when they are.
const FIRST: usize = 500;

/// A candidate to be looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// Its row in the data.
    pub row: usize,
    /// 1 real, 0 bogus, as the data have it.
    pub label: Option<u8>,
    /// Its place among the suspects, from 1.
    pub rank: Option<u64>,
    /// P(real).
    pub score: Option<f64>,
    /// The category of DES: 1 to 6.
    pub category: Option<u64>,
    /// What made it a suspect.
    pub rule: String,
    /// How likely its label is wrong, from 0 to 1.
    pub suspicion: Option<f64>,
    /// The mark of the pixels that were ranked.
    pub pixels: Option<String>,
}

/// What is looked at, and the data that it is from.
#[derive(Debug)]
pub struct Subjects {
    /// The data.
    pub data: Dataset,
    /// 1 real, 0 bogus; one for each candidate of the data.
    pub labels: Vec<Option<u8>>,
    /// In the order in which they are shown.
    pub items: Vec<Item>,
    /// The table that they are from, if there is one.
    pub suspects: Option<PathBuf>,
    /// What a user should know.
    pub notices: Vec<String>,
}

/// The labels of `data`, which was read without needing any. Where some are missing a data set
/// has none at all, so that it is read `again`, this time needing them and without those that
/// have none. Candidates whose ids repeat, such as row numbers of inputs that were joined, are
/// told apart by their pixels; an error if these cannot be read.
pub fn labels_of(
    data: &Dataset,
    again: impl FnOnce() -> Result<Dataset>,
) -> Result<Vec<Option<u8>>> {
    if let Some(labels) = &data.labels {
        return Ok(labels.iter().map(|&label| Some(label)).collect());
    }
    let none = vec![None; data.len()];
    // An input without any label is an error there, and none here.
    let Ok(labelled) = again() else {
        return Ok(none);
    };
    let Some(labels) = &labelled.labels else {
        return Ok(none);
    };
    let repeated = repeated(data);
    let mut known: HashMap<_, Option<u8>> = HashMap::with_capacity(labels.len());
    for (row, &label) in labels.iter().enumerate() {
        let known = known.entry(name_of(&labelled, row, &repeated)?);
        let known = known.or_insert(Some(label));
        if *known != Some(label) {
            *known = None;
        }
    }
    let label = |row| {
        Ok(known
            .get(&name_of(data, row, &repeated)?)
            .copied()
            .flatten())
    };
    (0..data.len()).map(label).collect()
}

/// Ids that stand at several rows.
pub(super) fn repeated(data: &Dataset) -> HashSet<&str> {
    let mut seen = HashSet::with_capacity(data.len());
    let ids = data.candidates.iter().map(|candidate| &*candidate.id);
    ids.filter(|id| !seen.insert(*id)).collect()
}

/// The id of a candidate, and the mark of its pixels where the id is one of `repeated`.
fn name_of<'a>(
    data: &'a Dataset,
    row: usize,
    repeated: &HashSet<&str>,
) -> Result<(&'a str, Option<u32>)> {
    let id = data.candidates[row].id.as_str();
    if !repeated.contains(id) {
        return Ok((id, None));
    }
    let mut values = vec![0.0; data.shape.len()];
    data.pixels.read(row, &mut values)?;
    Ok((id, Some(pixels_mark(&values))))
}

impl Subjects {
    /// All of `data`, in its order.
    pub fn all(data: Dataset, labels: Vec<Option<u8>>) -> Result<Subjects> {
        let item = |(row, label): (usize, &Option<u8>)| Item {
            id: data.candidates[row].id.clone(),
            row,
            label: *label,
            ..Item::default()
        };
        let items: Vec<Item> = labels.iter().enumerate().map(item).collect();
        let mut seen = HashSet::with_capacity(items.len());
        if let Some(item) = items.iter().find(|item| !seen.insert(item.id.as_str())) {
            return Err(of_several(&data.source, &item.id));
        }
        Ok(Subjects {
            data,
            labels,
            items,
            suspects: None,
            notices: Vec::new(),
        })
    }

    /// Those of `data` that the table at `path` names, in the table's order: the first `most`.
    ///
    /// Any table with a column of ids will do (see [`table`]); rank, score, category, rule,
    /// suspicion and pixels are taken where they are there. Ids that are not in the data are
    /// counted, and an error if none is.
    pub fn suspects(
        data: Dataset,
        labels: Vec<Option<u8>>,
        path: &Path,
        most: Option<usize>,
    ) -> Result<Subjects> {
        let rows = read(path)?;
        let mut places: HashMap<&str, Option<usize>> = HashMap::with_capacity(data.len());
        for (row, candidate) in data.candidates.iter().enumerate() {
            let place = places.entry(&candidate.id).or_insert(Some(row));
            if *place != Some(row) {
                *place = None;
            }
        }
        let (mut items, mut taken) = (Vec::new(), HashSet::new());
        let (mut strangers, mut twice, mut relabelled) = (0, 0, 0);
        let mut stranger = None;
        for (said, mut item) in rows {
            match places.get(item.id.as_str()) {
                None => {
                    strangers += 1;
                    stranger.get_or_insert(item.id);
                    continue;
                }
                Some(None) => return Err(of_several(&data.source, &item.id)),
                Some(Some(row)) => item.row = *row,
            }
            if !taken.insert(item.row) {
                twice += 1;
                continue;
            }
            item.label = labels[item.row];
            relabelled += usize::from(said.is_some() && item.label.is_some() && said != item.label);
            items.push(item);
        }
        if items.is_empty() {
            let found = match &stranger {
                Some(id) => format!("'{id}', and no other id of {}", data.source.display()),
                None => "no row".into(),
            };
            let expected = match data.candidates.first() {
                Some(first) => format!("ids of the data, such as '{}'", first.id),
                None => "ids of the data".into(),
            };
            return Err(Error::input(path, "column id", found, expected));
        }
        let (name, all) = (path.display(), items.len());
        let mut notices = Vec::new();
        let mut say = |count: usize, what: &str| {
            if count > 0 {
                notices.push(format!("{count} {what}"));
            }
        };
        say(
            strangers,
            &format!("of the candidates in {name} are not in the data: left out"),
        );
        say(
            twice,
            &format!("rows of {name} name a candidate once more: left out"),
        );
        say(
            relabelled,
            &format!("candidates have another label in the data than in {name}"),
        );
        items.truncate(most.unwrap_or(all));
        let subjects = Subjects {
            data,
            labels,
            items,
            suspects: Some(path.to_path_buf()),
            notices,
        };
        for item in subjects.items.iter().take(FIRST) {
            subjects.mark(item)?;
        }
        Ok(subjects)
    }

    /// The mark of an item's pixels; an error if they are not those that were ranked.
    pub fn mark(&self, item: &Item) -> Result<String> {
        let mut values = vec![0.0; self.data.shape.len()];
        self.data.pixels.read(item.row, &mut values)?;
        let mark = mark_text(pixels_mark(&values));
        match (&item.pixels, &self.suspects) {
            (Some(ranked), Some(path)) if !ranked.eq_ignore_ascii_case(&mark) => {
                let found = format!("pixels {ranked} of '{}'", item.id);
                let expected = format!(
                    "{mark}, as {} has it: other data, or other --channels, were ranked",
                    self.data.source.display()
                );
                Err(Error::input(path, "column pixels", found, expected))
            }
            _ => Ok(mark),
        }
    }
}

/// The error that an id says nothing.
pub(super) fn of_several(source: &Path, id: &str) -> Error {
    let found = format!("'{id}', the id of several candidates");
    let expected = "ids that are of one each; one input at a time if they are row numbers";
    Error::input(source, "ids", found, expected)
}

/// The rows of the table: the label that it gives, and the rest.
fn read(path: &Path) -> Result<Vec<(Option<u8>, Item)>> {
    let there = RefCell::new(Vec::new());
    let choose = |names: &[String]| {
        let Some(id) = column(names, ID) else {
            let found = names.join(", ");
            let expected = "a column id, as in what `rbgpu suspect --out` writes";
            return Err(Error::input(path, "line of names", found, expected));
        };
        let found = SHOWN.map(|(wanted, kind)| Some((column(names, wanted)?, kind)));
        *there.borrow_mut() = found.iter().map(Option::is_some).collect();
        Ok([(id, Kind::Id)]
            .into_iter()
            .chain(found.into_iter().flatten())
            .collect())
    };
    let table = table::read(path, &choose)?;
    let there = there.into_inner();
    let mut columns = table.columns.into_iter();
    let Some(Cells::Words(ids)) = columns.next() else {
        unreachable!("asked for as words");
    };
    let mut items: Vec<_> = ids
        .into_iter()
        .map(|id| {
            (
                None,
                Item {
                    id,
                    ..Item::default()
                },
            )
        })
        .collect();
    for (at, cells) in (0..SHOWN.len()).filter(|&at| there[at]).zip(columns) {
        match cells {
            Cells::Numbers(values) => {
                for ((_, item), value) in items.iter_mut().zip(values) {
                    put_number(item, at, value);
                }
            }
            Cells::Words(words) => {
                for (row, ((label, item), word)) in (1..).zip(items.iter_mut().zip(words)) {
                    match at {
                        1 => {
                            *label = Value::of_text(&word)
                                .ok_or_else(|| wrong_label(path, row, &word))?
                                .label(true);
                        }
                        4 => item.rule = word,
                        _ if word.is_empty() => {}
                        _ => item.pixels = Some(word),
                    }
                }
            }
        }
    }
    Ok(items)
}

/// Column `at` of [`SHOWN`]; NaN is nothing.
fn put_number(item: &mut Item, at: usize, value: f64) {
    let number = value.is_finite().then_some(value);
    let whole = number.filter(|v| (0.0..1e15).contains(v)).map(|v| v as u64);
    match at {
        0 => item.rank = whole,
        2 => item.score = number,
        3 => item.category = whole,
        _ => item.suspicion = number,
    }
}

fn wrong_label(path: &Path, row: usize, word: &str) -> Error {
    let found = format!("'{word}'");
    Error::input(path, format!("label in row {row}"), found, EXPECTED)
}

/// `n` candidates with ids "0", "1", …, 2x2 pixels of that value, and labels 0, 1, 0, 1, ….
#[cfg(test)]
pub(super) fn made(n: usize) -> (Dataset, Vec<Option<u8>>) {
    let values = (0..n).flat_map(|row| [row as f32; 4]).collect();
    let labels: Vec<u8> = (0..n).map(|row| (row % 2) as u8).collect();
    let candidate = |row: usize| crate::data::Candidate {
        id: row.to_string(),
        ..Default::default()
    };
    let data = Dataset {
        source: "made".into(),
        shape: crate::data::CutoutShape {
            height: 2,
            width: 2,
            channels: 1,
        },
        channels: None,
        pixels: Box::new(crate::data::InMemory { values, stride: 4 }),
        labels: Some(labels.clone()),
        candidates: (0..n).map(candidate).collect(),
        parts: None,
        relabelled: None,
        skipped: Vec::new(),
        notices: Vec::new(),
    };
    (data, labels.into_iter().map(Some).collect())
}

#[cfg(test)]
#[path = "subjects_tests.rs"]
mod tests;
