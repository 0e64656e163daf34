//! Which candidates a forest is fitted to, and which are held out.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{FeatureTable, Forest};
use crate::data::table::{self, Cells, Kind, column};
use crate::data::{Fractions, Grouping, Groups, Part, Split};
use crate::{Error, Result};

/// How candidates are divided.
#[derive(Clone, Debug, PartialEq)]
pub enum Division {
    /// As the table itself says, if it does ([`FeatureTable::parts`]), else at random, by shares;
    /// each class by itself, rows of one object or id undivided. With the seed of `rbgpu train` the parts are
    /// those of a network that is trained on the same candidates in the same order, unless
    /// cutouts are repeated, which a table does not know.
    Shares(Fractions),
    /// As a table says it, such as the split.csv beside a network: columns id and part.
    File(PathBuf),
}

impl Default for Division {
    /// 70/10/20.
    fn default() -> Self {
        Division::Shares(Fractions::default())
    }
}

impl FromStr for Division {
    type Err = Error;

    /// Shares, such as 70/10/20, or the name of a table.
    fn from_str(text: &str) -> Result<Self> {
        match text.parse() {
            Ok(shares) => Ok(Division::Shares(shares)),
            Err(_) if table::is_table(Path::new(text)) => Ok(Division::File(text.into())),
            Err(e) => Err(e),
        }
    }
}

impl fmt::Display for Division {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Division::Shares(shares) => shares.fmt(f),
            Division::File(path) => path.display().fmt(f),
        }
    }
}

impl Division {
    /// The parts of the labelled rows of `table`, as rows of it, and what a user should know.
    /// Shares keep rows together by `grouping`.
    pub fn split(
        &self,
        table: &FeatureTable,
        seed: u64,
        grouping: Grouping,
    ) -> Result<(Split, Vec<String>)> {
        let (rows, labels) = table.labelled()?;
        let groups = groups(table, &rows, grouping)?;
        let told = |split: &Split, from: &Path| {
            let mut part_of = vec![None; table.len()];
            for part in [Part::Train, Part::Validation, Part::Test] {
                split
                    .part(part)
                    .iter()
                    .for_each(|&row| part_of[row] = Some(part));
            }
            let torn = groups.spread(|at| part_of[rows[at]]);
            let notice = torn.map(|torn| {
                format!(
                    "the parts that {} states divide {torn}, which makes their numbers too good",
                    from.display()
                )
            });
            Vec::from_iter(notice)
        };
        let known = match (self, &table.parts) {
            (Division::File(path), _) => Some(read(path)?),
            (Division::Shares(_), Some(_)) => None,
            (Division::Shares(shares), None) => {
                let split = Split::of_labels(&table.source, &labels, *shares, seed, &groups)?;
                let of = |part: &[usize]| part.iter().map(|&i| rows[i]).collect();
                let split = Split {
                    train: of(&split.train),
                    validation: of(&split.validation),
                    test: of(&split.test),
                };
                return Ok((split, groups.notices(&labels)));
            }
        };
        let own = table.parts.as_deref().unwrap_or_default();
        let mut split = Split::default();
        for &row in &rows {
            let part = match &known {
                Some(known) => known.get(table.ids[row].trim()).copied(),
                None => own[row],
            };
            match part {
                Some(Part::Train) => split.train.push(row),
                Some(Part::Validation) => split.validation.push(row),
                Some(Part::Test) => split.test.push(row),
                None => {}
            }
        }
        let path = match self {
            Division::File(path) => path,
            Division::Shares(_) => &table.source,
        };
        if split.train.is_empty() {
            let found = format!(
                "none of the candidates of {} to train on",
                table.source.display()
            );
            return Err(Error::input(
                path,
                "parts",
                found,
                "ids of that table, some in part train",
            ));
        }
        let notices = told(&split, path);
        Ok((split, notices))
    }
}

/// What belongs together of the rows `rows` of `table`.
fn groups(table: &FeatureTable, rows: &[usize], grouping: Grouping) -> Result<Groups> {
    let object = |at: usize| match &table.objects {
        Some(objects) => objects[rows[at]].as_str(),
        None => "",
    };
    let groups = Groups::of_names(rows.len(), &|at| &table.ids[rows[at]], &object, grouping);
    groups.ok_or_else(|| {
        let expected = "a column object, or --group id";
        Error::input(&table.source, "objects", "none", expected)
    })
}

/// What a table with columns id and part says; an id that is in several parts counts as in
/// the one that is fitted to most.
fn read(path: &Path) -> Result<HashMap<String, Part>> {
    let choose = |names: &[String]| {
        let wanted = |name: &'static str, kind: Kind| {
            let at = column(names, &[name]).ok_or_else(|| {
                let expected = "columns id and part (train, validation, test)";
                Error::input(path, "line of names", names.join(", "), expected)
            })?;
            Ok((at, kind))
        };
        Ok(vec![wanted("id", Kind::Id)?, wanted("part", Kind::Word)?])
    };
    let mut columns = table::read(path, &choose)?.columns.into_iter();
    let (Some(Cells::Words(ids)), Some(Cells::Words(parts))) = (columns.next(), columns.next())
    else {
        unreachable!("asked for as words");
    };
    let mut known = HashMap::with_capacity(ids.len());
    for (row, (id, part)) in ids.iter().zip(&parts).enumerate() {
        let part = Part::called(part).ok_or_else(|| {
            let place = format!("row {}, column part", row + 1);
            Error::input(
                path,
                place,
                format!("'{part}'"),
                "train, validation or test",
            )
        })?;
        let entry = known.entry(id.trim().to_string()).or_insert(part);
        *entry = part.min(*entry);
    }
    Ok(known)
}

/// The part that each row of `table` was in when `forest` was trained, as the table `split`
/// beside it says; `None` for one that was in none. What cannot be told is an error, never a
/// guess: ids that are row numbers mean something in the very table that was trained on only.
pub fn of_rows(split: &Path, forest: &Forest, table: &FeatureTable) -> Result<Vec<Option<Part>>> {
    let same = forest.provenance().fingerprint == table.fingerprint();
    let is_row = |(row, id): (usize, &String)| {
        let most = 2 * table.len() + 1000;
        id.parse::<usize>()
            .is_ok_and(|number| (row..=most).contains(&number))
    };
    if !same && table.ids.iter().enumerate().all(is_row) {
        let found = "row numbers for ids, and other candidates than the forest was trained on";
        let expected = "ids that name candidates, to tell which of them it was trained on";
        return Err(Error::input(&table.source, "ids", found, expected));
    }
    let known = read(split)?;
    Ok(table
        .ids
        .iter()
        .map(|id| known.get(id.trim()).copied())
        .collect())
}
