//! Scores as files: one row per candidate, in the formats that observatories read.
//!
//! | file | what it writes |
//! |---|---|
//! | [`columns`] | what stands in a row: names, units, UCDs |
//! | `text` | CSV, JSON lines, O'TRAIN's `infer_results.dat` |
//! | `ecsv` | ECSV |
//! | `votable` | VOTable |
//! | `parquet` | Parquet |
//! | `fits_table` | a FITS binary table |
//! | [`fits_copy`] | the score in the header of a copy of each FITS cutout |
//!
//! Every format but O'TRAIN's has the same columns whatever is known, since rows
//! are written as they come.

pub mod columns;
mod ecsv;
pub mod fits_copy;
mod fits_table;
#[cfg(feature = "parquet")]
mod parquet;
mod text;
mod votable;

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use super::{Candidate, Failed};
use crate::{Error, Result};

/// What a score says at a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// P(real) is at least the threshold.
    Real,
    /// It is not.
    Bogus,
    /// There is no score.
    Unscored,
}

impl Decision {
    /// What P(real) = `score` says; a score that is NaN is none.
    pub fn at(threshold: f64, score: f64) -> Decision {
        match score {
            s if s.is_nan() => Decision::Unscored,
            s if s >= threshold => Decision::Real,
            _ => Decision::Bogus,
        }
    }

    /// "real", "bogus" or "unscored".
    pub fn name(self) -> &'static str {
        match self {
            Decision::Real => "real",
            Decision::Bogus => "bogus",
            Decision::Unscored => "unscored",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A candidate with its score, or the reason why it has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// What is known of it.
    pub candidate: Candidate,
    /// 1 real, 0 bogus, where the input says.
    pub label: Option<u8>,
    /// P(real), from 0 to 1; NaN if there is none.
    pub score: f64,
    /// What that says at the model's threshold.
    pub decision: Decision,
    /// Why there is no score; empty if there is one.
    pub error: String,
    /// Whether there should be one: it could not be read, is of a wrong size, or its
    /// pixels were too much for the network. Otherwise a rule leaves it out (EDGE, no
    /// finite pixel).
    pub failed: bool,
}

impl Scored {
    /// One that has no score yet.
    pub fn unscored(candidate: Candidate, label: Option<u8>) -> Scored {
        Scored {
            candidate,
            label,
            score: f64::NAN,
            decision: Decision::Unscored,
            error: String::new(),
            failed: false,
        }
    }
}

impl From<Failed> for Scored {
    fn from(failed: Failed) -> Scored {
        Scored {
            error: failed.why,
            failed: failed.unreadable,
            ..Scored::unscored(failed.candidate, None)
        }
    }
}

/// A format of scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header.
    #[default]
    Csv,
    /// One JSON object a line; what is not known is null.
    JsonLines,
    /// Apache Parquet, typed columns, SNAPPY.
    Parquet,
    /// The Virtual Observatory's table, version 1.4, TABLEDATA.
    VoTable,
    /// O'TRAIN's `infer_results.dat`; candidates without a score are left out.
    Otrain,
    /// A FITS binary table with units. Text beyond ASCII is escaped as `\u{e9}`.
    Fits,
    /// astropy's CSV with units and types.
    Ecsv,
}

impl Format {
    /// Every format with the ending that chooses it.
    pub const NAMES: [(&'static str, Format); 7] = [
        ("csv", Format::Csv),
        ("jsonl", Format::JsonLines),
        ("parquet", Format::Parquet),
        ("votable", Format::VoTable),
        ("otrain", Format::Otrain),
        ("fits", Format::Fits),
        ("ecsv", Format::Ecsv),
    ];

    /// The format that the ending of a file's name stands for. What is no file, such as a pipe
    /// or /dev/stdout, is given CSV.
    ///
    /// # Errors
    /// If the ending stands for none.
    pub fn of(path: &Path) -> Result<Format> {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        Ok(match ending.to_ascii_lowercase().as_str() {
            "csv" => Format::Csv,
            "jsonl" | "ndjson" | "json" => Format::JsonLines,
            "parquet" | "pq" => Format::Parquet,
            "xml" | "vot" | "votable" => Format::VoTable,
            "dat" => Format::Otrain,
            "fits" | "fit" => Format::Fits,
            "ecsv" => Format::Ecsv,
            _ if std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) => {
                Format::Csv
            }
            _ => {
                let found = format!("'{}', whose ending names no format", path.display());
                let names = Format::NAMES.map(|(name, _)| name);
                let expected = format!(
                    ".csv, .jsonl, .parquet, .xml or .vot (VOTable), .dat (O'TRAIN), .fits or \
                     .ecsv; or --format {}",
                    names.join(", ")
                );
                return Err(Error::config("--out", found, expected));
            }
        })
    }

    /// Refuses what this build cannot write, and a name for the score's column that
    /// another column has.
    pub fn check(self, score_name: &str) -> Result<()> {
        if self == Format::Parquet && cfg!(not(feature = "parquet")) {
            let found = "parquet, and this rbgpu was built without Parquet";
            let expected =
                "csv, jsonl, votable, otrain, fits or ecsv; or build with --features parquet";
            return Err(Error::config("--format", found, expected));
        }
        let others = columns::COLUMNS.iter().map(|column| column.name);
        let others = others.filter(|name| *name != columns::SCORE);
        if score_name.is_empty() || others.clone().any(|name| name == score_name) {
            let others: Vec<&str> = others.collect();
            let expected = format!("a name other than {}", others.join(", "));
            let found = format!("'{score_name}'");
            return Err(Error::config("--score-name", found, expected));
        }
        Ok(())
    }

    /// What writes rows in this format to `out`, which `path` names in errors.
    /// `score_name` is what the score's column is called (not in O'TRAIN's format).
    pub fn writer<'a>(
        self,
        out: impl Write + Send + 'a,
        path: &'a Path,
        score_name: &'a str,
    ) -> Result<Box<dyn ScoreWriter + 'a>> {
        self.check(score_name)?;
        Ok(match self {
            Format::Csv => Box::new(text::Csv::new(out, path, score_name)?),
            Format::JsonLines => Box::new(text::JsonLines::new(out, path, score_name)),
            Format::Otrain => Box::new(text::Otrain::new(out, path)?),
            Format::VoTable => Box::new(votable::VoTable::new(out, path, score_name)?),
            Format::Ecsv => Box::new(ecsv::Ecsv::new(out, path, score_name)?),
            Format::Fits => Box::new(fits_table::FitsTable::new(out, path, score_name)?),
            #[cfg(feature = "parquet")]
            Format::Parquet => Box::new(parquet::Parquet::new(out, path, score_name)?),
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => unreachable!("checked"),
        })
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let named = Format::NAMES.iter().find(|(name, _)| *name == text);
        named.map(|(_, format)| *format).ok_or_else(|| {
            let names = Format::NAMES.map(|(name, _)| name);
            let expected = format!("one of {}", names.join(", "));
            Error::config("--format", format!("'{text}'"), expected)
        })
    }
}

/// Writes rows as they come. What was handed over is with the operating system when
/// [`write`](Self::write) returns, but for Parquet, which writes groups of rows, and FITS,
/// which is written at the end.
pub trait ScoreWriter {
    /// Writes some more.
    fn write(&mut self, rows: &[Scored]) -> Result<()>;

    /// Writes what stands at the end. Without it the file is not whole.
    fn finish(&mut self) -> Result<()>;
}
