//! `autoscan_features*.csv`: what each candidate is, and what was measured of it.

use std::collections::HashMap;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::data::Candidate;
use crate::data::columns::parse_known;
use crate::data::ids;
use crate::data::labels::value::{EXPECTED, Value};
use crate::data::options::{open_unpacked, refuse_lfs_pointer};
use crate::{Error, Result};

/// Measured numbers that a candidate has a place for, by their columns' names.
const NUMBERS: [&[&str]; 5] = [
    &["MAG"],
    &["MAGERR", "MAG_ERR"],
    &["RA"],
    &["DEC"],
    &["MJD"],
];

/// One row.
#[derive(Clone, Debug)]
struct Known {
    /// 1 real, 0 bogus, `None` undecided.
    label: Option<u8>,
    /// Which of the bands.
    band: u32,
    /// See [`NUMBERS`]; NaN where there is none.
    numbers: [f64; 5],
}

/// The rows of all tables by ID.
#[derive(Debug)]
pub struct Features {
    rows: HashMap<u64, Known>,
    bands: Vec<String>,
    real_is_one: bool,
}

impl Features {
    /// None yet. OBJECT_TYPE 1 is an artifact unless `real_is_one`.
    pub fn new(real_is_one: bool) -> Features {
        Features {
            rows: HashMap::new(),
            bands: vec![String::new()],
            real_is_one,
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The label of a candidate: 1 real, 0 bogus, `Some(None)` undecided, `None` where there is
    /// no row.
    pub fn get(&self, number: u64) -> Option<Option<u8>> {
        self.rows.get(&number).map(|row| row.label)
    }

    /// Adds what is known of a candidate; its label.
    pub fn describe(&self, number: u64, candidate: &mut Candidate) -> Option<u8> {
        let row = self.rows.get(&number)?;
        let band = &self.bands[row.band as usize];
        if !band.is_empty() {
            candidate.filter.clone_from(band);
        }
        let fields = [
            &mut candidate.mag,
            &mut candidate.mag_err,
            &mut candidate.ra,
            &mut candidate.dec,
            &mut candidate.mjd,
        ];
        for (field, value) in fields.into_iter().zip(row.numbers) {
            if !value.is_nan() {
                *field = value;
            }
        }
        row.label
    }

    /// Reads one table, plain or gzipped: columns ID and OBJECT_TYPE, in any order and
    /// among others; lines that begin with # are comments.
    pub fn read(&mut self, path: &Path) -> Result<()> {
        refuse_lfs_pointer(path)?;
        let mut table = ReaderBuilder::new()
            .comment(Some(b'#'))
            .trim(Trim::All)
            .from_reader(open_unpacked(path)?);
        let failed = |e: csv::Error| match e.is_io_error() {
            true => Error::io("read", path)(e.into()),
            false => Error::input(
                path,
                "table",
                e.to_string(),
                "lines of comma-separated values",
            ),
        };
        let names = table.headers().map_err(failed)?.clone();
        let column = |wanted: &[&str]| {
            let is = |name: &str| wanted.iter().any(|w| name.eq_ignore_ascii_case(w));
            names.iter().position(is)
        };
        let (Some(id), Some(kind)) = (column(&["ID"]), column(&["OBJECT_TYPE"])) else {
            let found: Vec<&str> = names.iter().take(8).collect();
            let found = format!("the columns {}", found.join(", "));
            return Err(Error::input(
                path,
                "line of names",
                found,
                "columns ID and OBJECT_TYPE",
            ));
        };
        let band = column(&["BAND", "FILTER"]);
        let numbers = NUMBERS.map(column);
        let mut record = StringRecord::new();
        while table.read_record(&mut record).map_err(failed)? {
            let wrong = |found: &str, expected: &str| {
                let line = record.position().map_or(0, |position| position.line());
                Error::input(
                    path,
                    format!("line {line}"),
                    format!("\"{found}\""),
                    expected,
                )
            };
            // As many fields as names: the table is not flexible.
            let whole = ids::whole(&record[id]);
            let number = whole
                .ok()
                .and_then(|id| id.parse().ok())
                .ok_or_else(|| wrong(&record[id], "a whole number for ID, not as a float"))?;
            let Some(value) = Value::of_text(&record[kind]) else {
                let expected = format!("OBJECT_TYPE 1 (artifact) or 0: {EXPECTED}");
                return Err(wrong(&record[kind], &expected));
            };
            let label = value.label(self.real_is_one);
            let row = Known {
                label,
                band: band.map_or(0, |at| self.band(&record[at])),
                numbers: numbers.map(|column| {
                    let text = column.map_or("", |at| &record[at]);
                    parse_known(text).unwrap_or(f64::NAN)
                }),
            };
            let other = self.rows.insert(number, row);
            if other.is_some_and(|other| other.label != label) {
                let expected = "one OBJECT_TYPE for each ID; it has two";
                return Err(wrong(&record[id], expected));
            }
        }
        Ok(())
    }

    fn band(&mut self, name: &str) -> u32 {
        let known = self.bands.iter().position(|other| other == name);
        let at = known.unwrap_or_else(|| {
            self.bands.push(name.to_string());
            self.bands.len() - 1
        });
        at as u32
    }
}
