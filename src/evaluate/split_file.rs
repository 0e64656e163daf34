//! The table that says which candidate was in which part: what training leaves beside a model,
//! or what a user names.

use std::collections::HashSet;
use std::path::Path;

use crate::data::Part;
use crate::data::split::{Entry, fingerprint};
use crate::data::table::{self, Cells, Kind, column};
use crate::formats::{Provenance, beside};
use crate::{Error, Result};

/// Such a table, read: columns id and part, and what else training writes where it is there.
#[derive(Clone, Debug)]
pub(super) struct SplitFile {
    pub ids: Vec<String>,
    pub parts: Vec<Part>,
    /// 1 real, 0 bogus; NaN where nothing is said.
    pub labels: Option<Vec<f64>>,
    objects: Option<Vec<String>>,
    pixels: Option<Vec<String>>,
}

/// What is known of the candidates of a training part, wherever they are now.
#[derive(Clone, Debug, Default)]
pub(super) struct Training {
    /// Their objects.
    pub objects: HashSet<String>,
    /// The marks of their pixels.
    pub pixels: HashSet<u32>,
}

impl Training {
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.pixels.is_empty()
    }
}

impl SplitFile {
    pub fn read(path: &Path) -> Result<SplitFile> {
        const OTHERS: [(&str, Kind); 3] = [
            ("label", Kind::Number),
            ("object", Kind::Word),
            ("pixels", Kind::Word),
        ];
        let there = std::cell::RefCell::new([false; 3]);
        let choose = |names: &[String]| {
            let wanted = |name: &'static str| {
                column(names, &[name]).ok_or_else(|| {
                    let expected =
                        format!("a column {name}; --split names a file with id and part");
                    Error::input(path, "line of names", names.join(", "), expected)
                })
            };
            let mut columns = vec![(wanted("id")?, Kind::Id), (wanted("part")?, Kind::Word)];
            for (at, (name, kind)) in OTHERS.into_iter().enumerate() {
                let place = column(names, &[name]);
                there.borrow_mut()[at] = place.is_some();
                columns.extend(place.map(|place| (place, kind)));
            }
            Ok(columns)
        };
        let mut columns = table::read(path, &choose)?.columns.into_iter();
        let mut words = |is_there: bool| match is_there.then(|| columns.next()).flatten() {
            Some(Cells::Words(words)) => (Some(words), None),
            Some(Cells::Numbers(numbers)) => (None, Some(numbers)),
            None => (None, None),
        };
        let (Some(ids), Some(parts)) = (words(true).0, words(true).0) else {
            unreachable!("asked for as words");
        };
        let [label, object, pixels] = there.into_inner();
        let (labels, objects, pixels) = (words(label).1, words(object).0, words(pixels).0);
        let part = |(row, part): (usize, &String)| {
            Part::called(part).ok_or_else(|| {
                let place = format!("row {}, column part", row + 1);
                let expected = "train, validation or test";
                Error::input(path, place, format!("'{part}'"), expected)
            })
        };
        Ok(SplitFile {
            parts: parts.iter().enumerate().map(part).collect::<Result<_>>()?,
            ids,
            labels,
            objects,
            pixels,
        })
    }

    /// What tells its rows from those of another split, as the model that was trained with it
    /// has it.
    pub fn fingerprint(&self) -> String {
        let label = |row: usize| match self.labels.as_ref().map(|labels| labels[row]) {
            Some(0.0) => Some(0),
            Some(1.0) => Some(1),
            _ => None,
        };
        fingerprint((0..self.ids.len()).map(|row| Entry {
            id: &self.ids[row],
            part: self.parts[row],
            label: label(row),
            object: self.objects.as_ref().map_or("", |all| &all[row]),
        }))
    }

    /// Objects and pixels of the rows of the training part; nothing of a file without them.
    pub fn training(&self) -> Training {
        let in_training = |row: &usize| self.parts[*row] == Part::Train;
        let rows = || (0..self.ids.len()).filter(in_training);
        let objects = self
            .objects
            .iter()
            .flat_map(|all| rows().map(|row| &all[row]));
        let pixels = self
            .pixels
            .iter()
            .flat_map(|all| rows().map(|row| &all[row]));
        let objects = objects.filter(|object| !object.is_empty());
        Training {
            objects: objects.cloned().collect(),
            pixels: pixels
                .filter_map(|mark| u32::from_str_radix(mark, 16).ok())
                .collect(),
        }
    }
}

/// Refuses `file`, whose rows have the fingerprint `own`, where it is not the one that the training
/// of `model` left.
pub(super) fn check_own(
    file: &Path,
    own: &str,
    model: &Path,
    provenance: &Provenance,
) -> Result<()> {
    if provenance.split.is_empty() || own == provenance.split {
        return Ok(());
    }
    let found = format!(
        "{own}: not the split that {} was trained with",
        model.display()
    );
    let expected = format!(
        "{}, as the model says; put back the file that its training wrote, or name one with \
         --split FILE (evaluate, calibrate)",
        provenance.split
    );
    Err(Error::input(file, "its rows", found, expected))
}

/// Refuses a model whose split.csv, if there is one, is another's or was edited.
pub fn check_own_split(path: &Path, provenance: &Provenance) -> Result<()> {
    let left = beside(path, "split.csv");
    match left.is_file() && !provenance.split.is_empty() {
        true => check_own(&left, &split_fingerprint(&left)?, path, provenance),
        false => Ok(()),
    }
}

/// What tells the rows of the table `path`, with columns id and part, from others.
pub fn split_fingerprint(path: &Path) -> Result<String> {
    Ok(SplitFile::read(path)?.fingerprint())
}
