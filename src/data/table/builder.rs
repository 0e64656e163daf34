//! The cells of a column while it is read.

use std::path::Path;

use super::{Cells, Choose, Kind, Table};
use crate::data::columns::parse_known;
use crate::data::ids::{self, Ids};
use crate::{Error, Result};

/// A column being read.
pub struct Builder {
    name: String,
    kind: Kind,
    numbers: Vec<f64>,
    words: Vec<String>,
    ids: Ids,
    /// So far, in a column of either.
    all_numbers: bool,
}

/// Says where a cell is: its row or line, which counts from 1.
pub type Place<'a> = &'a dyn Fn() -> String;

impl Builder {
    fn new(name: &str, kind: Kind) -> Builder {
        Builder {
            name: name.to_string(),
            kind,
            numbers: Vec::new(),
            words: Vec::new(),
            ids: Ids::default(),
            all_numbers: true,
        }
    }

    /// Adds a cell as text.
    pub fn text(&mut self, cell: &str, path: &Path, row: Place) -> Result<()> {
        let cell = cell.trim();
        if self.kind == Kind::Id {
            let added = self.ids.text(cell);
            return added.map_err(|found| ids::wrong(path, self.place(row), found));
        }
        if self.kind != Kind::Word && self.all_numbers {
            match parse_number(cell) {
                Some(number) => self.numbers.push(number),
                None if self.kind == Kind::Number => {
                    let found = format!("'{cell}'");
                    return Err(Error::input(path, self.place(row), found, "a number"));
                }
                None => self.all_numbers = false,
            }
        }
        if self.kind != Kind::Number {
            self.words.push(cell.to_string());
        }
        Ok(())
    }

    /// Adds a cell that is a float, of a type with `bits` of fraction ([`ids`]).
    pub fn number(&mut self, value: f64, bits: u32, path: &Path, row: Place) -> Result<()> {
        if self.kind == Kind::Id {
            let added = self.ids.float(value, bits);
            return added.map_err(|found| ids::wrong(path, self.place(row), found));
        }
        if self.kind != Kind::Word && self.all_numbers {
            self.numbers.push(value);
        }
        if self.kind != Kind::Number {
            self.words.push(match value.is_nan() {
                true => String::new(),
                false => value.to_string(),
            });
        }
        Ok(())
    }

    fn place(&self, row: Place) -> String {
        format!("{}, column {}", row(), self.name)
    }

    fn finish(self) -> Cells {
        let numbers = match self.kind {
            Kind::Number => true,
            Kind::Word => false,
            Kind::Either => self.all_numbers && self.numbers.iter().any(|n| !n.is_nan()),
            Kind::Id => return Cells::Words(self.ids.finish()),
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
pub fn builders(names: &[String], choose: Choose) -> Result<(Vec<usize>, Vec<Builder>)> {
    Ok(of_chosen(names, &choose(names)?))
}

/// The builders for the columns `chosen` of `names`.
pub fn of_chosen(names: &[String], chosen: &[(usize, Kind)]) -> (Vec<usize>, Vec<Builder>) {
    let builders = chosen
        .iter()
        .map(|&(at, kind)| Builder::new(&names[at], kind));
    (chosen.iter().map(|c| c.0).collect(), builders.collect())
}

/// The table of what was read.
pub fn finished(path: &Path, rows: usize, builders: Vec<Builder>) -> Table {
    Table {
        path: path.to_path_buf(),
        rows,
        columns: builders.into_iter().map(Builder::finish).collect(),
    }
}
