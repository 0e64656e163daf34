//! Tables that other programs write, a few columns of them: scores, labels, whatever is
//! known of candidates.
//!
//! | file | what it reads |
//! |---|---|
//! | `text` | CSV, also with tabs, semicolons or blanks (O'TRAIN's `infer_results.dat`, ECSV) |
//! | `json` | JSON lines |
//! | `parquet` | Parquet |
//! | `array` | a .npy of scores alone: one or two columns without names |
//!
//! A file is read once and only the columns that are asked for are kept, so a million rows
//! take as much memory as their numbers.

mod array;
mod json;
#[cfg(feature = "parquet")]
mod parquet;
mod text;

use std::path::{Path, PathBuf};

use super::columns::parse_known;
use super::options::refuse_lfs_pointer;
use crate::{Error, Result};

/// What the cells of a column are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers; anything else is an error.
    Number,
    /// Text.
    Word,
    /// Numbers if all that is there are numbers, else text.
    Either,
}

/// The values of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// NaN where there is none.
    Numbers(Vec<f64>),
    /// Empty where there is none.
    Words(Vec<String>),
}

/// Some columns of a file.
#[derive(Clone, Debug)]
pub struct Table {
    /// The file.
    pub path: PathBuf,
    /// How many rows.
    pub rows: usize,
    /// The columns that were asked for, in that order.
    pub columns: Vec<Cells>,
}

/// Which columns are wanted of those that a file has: where each is, and what it is to be.
pub type Choose<'a> = &'a dyn Fn(&[String]) -> Result<Vec<(usize, Kind)>>;

/// Endings of tables; those of VOTables too, which are refused with what to do.
const ENDINGS: [&str; 12] = [
    "csv", "tsv", "txt", "dat", "ecsv", "jsonl", "ndjson", "parquet", "pq", "xml", "vot", "votable",
];

/// Whether `path` is called as a table is.
pub fn is_table(path: &Path) -> bool {
    ENDINGS.contains(&ending(path).as_str())
}

fn ending(path: &Path) -> String {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    ending.to_ascii_lowercase()
}

/// Reads the columns of `path` that `choose` takes. A .npy has columns "0", "1", ….
pub fn read(path: &Path, choose: Choose) -> Result<Table> {
    refuse_lfs_pointer(path)?;
    match ending(path).as_str() {
        "jsonl" | "ndjson" => json::read(path, choose),
        "npy" => array::read(path, choose),
        #[cfg(feature = "parquet")]
        "parquet" | "pq" => parquet::read(path, choose),
        #[cfg(not(feature = "parquet"))]
        "parquet" | "pq" => {
            let found = "Parquet, and this rbgpu was built without it";
            Err(Error::input(path, "file", found, "CSV or JSON lines"))
        }
        "xml" | "vot" | "votable" => {
            let found = "a VOTable";
            Err(Error::input(
                path,
                "file",
                found,
                "CSV, JSON lines or Parquet",
            ))
        }
        _ => text::read(path, choose),
    }
}

/// The first of `wanted` among `names`, in any case.
pub fn column(names: &[String], wanted: &[&str]) -> Option<usize> {
    let at = |wanted: &&str| {
        names
            .iter()
            .position(|name| wanted.eq_ignore_ascii_case(name))
    };
    wanted.iter().find_map(at)
}

/// A column being read.
struct Builder {
    name: String,
    kind: Kind,
    numbers: Vec<f64>,
    words: Vec<String>,
    /// So far, in a column of either.
    all_numbers: bool,
}

impl Builder {
    fn new(name: &str, kind: Kind) -> Builder {
        Builder {
            name: name.to_string(),
            kind,
            numbers: Vec::new(),
            words: Vec::new(),
            all_numbers: true,
        }
    }

    /// Adds a cell as text; `row` counts from 1 and is for the message.
    fn text(&mut self, cell: &str, path: &Path, row: &dyn Fn() -> String) -> Result<()> {
        let cell = cell.trim();
        if self.kind != Kind::Word && self.all_numbers {
            match parse_number(cell) {
                Some(number) => self.numbers.push(number),
                None if self.kind == Kind::Number => {
                    let place = format!("{}, column {}", row(), self.name);
                    return Err(Error::input(path, place, format!("'{cell}'"), "a number"));
                }
                None => self.all_numbers = false,
            }
        }
        if self.kind != Kind::Number {
            self.words.push(cell.to_string());
        }
        Ok(())
    }

    /// Adds a cell that is a number already.
    fn number(&mut self, value: f64) {
        if self.kind != Kind::Word && self.all_numbers {
            self.numbers.push(value);
        }
        if self.kind != Kind::Number {
            self.words.push(match value.is_nan() {
                true => String::new(),
                false => value.to_string(),
            });
        }
    }

    fn finish(self) -> Cells {
        let numbers = match self.kind {
            Kind::Number => true,
            Kind::Word => false,
            Kind::Either => self.all_numbers && self.numbers.iter().any(|n| !n.is_nan()),
        };
        match numbers {
            true => Cells::Numbers(self.numbers),
            false => Cells::Words(self.words),
        }
    }
}

/// The number that a cell holds; NaN of an empty one. Unlike in a column of magnitudes, 99 is 99.
fn parse_number(cell: &str) -> Option<f64> {
    match cell {
        "" => Some(f64::NAN),
        _ => cell
            .parse()
            .ok()
            .or_else(|| parse_known(cell).filter(|v| v.is_nan())),
    }
}

/// What is common to all formats: the builders for the chosen of `names`.
fn builders(names: &[String], choose: Choose) -> Result<(Vec<usize>, Vec<Builder>)> {
    let chosen = choose(names)?;
    let builders = chosen
        .iter()
        .map(|&(at, kind)| Builder::new(&names[at], kind));
    Ok((chosen.iter().map(|c| c.0).collect(), builders.collect()))
}

fn finished(path: &Path, rows: usize, builders: Vec<Builder>) -> Table {
    Table {
        path: path.to_path_buf(),
        rows,
        columns: builders.into_iter().map(Builder::finish).collect(),
    }
}
