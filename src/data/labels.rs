//! Label files: labels that stand beside the data, by the candidates' ids.
//!
//! A label file is a table (see [`table`]) with the columns `id` and
//! `label` (1 real, 0 bogus, -1 undecided), and those of [`LabelRow`] besides. Where it is
//! given, candidates that it names have its labels, others keep the input's own; the files of
//! the input stay as they are. `pixels` says which candidate was looked at
//! ([`pixels_mark`]), so that a file of other data with the same row numbers is refused.
//! 0 and 1 mean the same in every label file: a polarity that is said of the input is not
//! said of them.

mod apply;
pub(crate) mod value;

use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::atomic_write;
use super::table::{self, Cells, Kind, column};
use crate::{Error, Result};

pub(super) use apply::{OfSets, OfStream};
use value::{Value, values};

/// What a column of ids may be called, in any case; the first that is there.
pub(crate) const ID: &[&str] = &["id", "candid", "cand_id", "candidate", "name"];
/// The same of labels.
pub(crate) const LABEL: &[&str] = &["label", "y_true", "truth", "is_real"];

/// What of a data set's labels is from a label file.
#[derive(Clone, Debug, PartialEq)]
pub struct Relabelled {
    /// The file.
    pub file: PathBuf,
    /// The input's own labels, one for each candidate; `None` where it has none.
    pub was: Vec<Option<u8>>,
    /// Candidates that have a label in the input, and were left out since the file says
    /// that theirs is undecided.
    pub left_out: usize,
}

/// Who decided what about a candidate's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// The label is another one than it was.
    Flipped,
    /// It was looked at and stays.
    Kept,
    /// Someone looked and could not say.
    Unsure,
    /// By the votes of several.
    Voted,
    /// Nobody looked.
    Untouched,
}

impl Decided {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Decided::Flipped => "flipped",
            Decided::Kept => "kept",
            Decided::Unsure => "unsure",
            Decided::Voted => "voted",
            Decided::Untouched => "untouched",
        }
    }
}

/// A row of a label file.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelRow {
    /// The candidate's.
    pub id: String,
    /// 1 real, 0 bogus; `None` undecided.
    pub label: Option<u8>,
    /// The label before, if there was one.
    pub was: Option<u8>,
    /// How it came to the label.
    pub decision: Decided,
    /// Who decided, joined by `+`.
    pub by: String,
    /// [`pixels_mark`] of what was looked at.
    pub pixels: Option<u32>,
}

/// The columns that every label file of rbgpu has.
const HEADER: [&str; 6] = ["id", "label", "was", "decision", "by", "pixels"];

/// Writes a label file.
pub fn write_labels(path: &Path, rows: &[LabelRow]) -> Result<()> {
    write_labels_with(path, rows, &[])
}

/// As [`write_labels`], with columns besides: their names and their cells, one for each row.
pub fn write_labels_with(
    path: &Path,
    rows: &[LabelRow],
    besides: &[(&str, Vec<String>)],
) -> Result<()> {
    atomic_write(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        let names = besides.iter().map(|(name, _)| *name);
        csv.write_record(HEADER.into_iter().chain(names))?;
        for (at, row) in rows.iter().enumerate() {
            let number = |label: Option<u8>| label.map(|label| label.to_string());
            let own = [
                row.id.clone(),
                number(row.label).unwrap_or("-1".into()),
                number(row.was).unwrap_or_default(),
                row.decision.name().into(),
                row.by.clone(),
                row.pixels.map_or_else(String::new, mark_text),
            ];
            let cells = besides.iter().map(|(_, cells)| cells[at].clone());
            csv.write_record(own.into_iter().chain(cells))?;
        }
        csv.flush()
    })
}

/// What tells a candidate from others with the same id: the CRC-32 of its pixels (H, W, C) as
/// the input has them, as little-endian f32 with one NaN for all.
pub fn pixels_mark(values: &[f32]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let mut bytes = [0; 4 * 256];
    for piece in values.chunks(256) {
        for (four, value) in bytes.chunks_exact_mut(4).zip(piece) {
            let bits = if value.is_nan() { NAN } else { value.to_bits() };
            four.copy_from_slice(&bits.to_le_bytes());
        }
        hasher.update(&bytes[..4 * piece.len()]);
    }
    hasher.finalize()
}

/// The NaN that stands for all in [`pixels_mark`].
const NAN: u32 = 0x7fc0_0000;

/// A mark as it is written: 8 hexadecimal digits.
pub fn mark_text(mark: u32) -> String {
    format!("{mark:08x}")
}

/// What a label file says of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// 1 real, 0 bogus; `None` undecided.
    pub label: Option<u8>,
    /// Whether somebody looked at it, which its mark tells.
    pub seen: bool,
}

/// A row that says something.
#[derive(Clone, Debug)]
struct Entry {
    /// Of the file, from 1 below the names.
    row: usize,
    /// 1 real, 0 bogus; `None` undecided.
    label: Option<u8>,
    pixels: Option<u32>,
}

/// A label file that was read.
#[derive(Clone, Debug)]
pub struct LabelFile {
    path: PathBuf,
    ids: Vec<String>,
    entries: Vec<Entry>,
    /// Places among `entries`; what of an id that has two labels is one.
    by_id: HashMap<String, usize>,
    /// The first two rows of one id with labels that differ.
    contradiction: Option<[usize; 2]>,
}

/// What a file named by `--labels` turned out to be.
#[derive(Debug)]
pub(super) enum Given {
    /// DES' table of what its stamps are: columns ID and OBJECT_TYPE.
    ObjectTypes,
    /// A label file.
    Labels(LabelFile),
}

/// Reads what `--labels` names; a table with ID and OBJECT_TYPE is none where there are
/// `stamps` for it, or no other labels in it.
pub(super) fn read_given(path: &Path, stamps: bool) -> Result<Given> {
    let types = Cell::new(false);
    let read = LabelFile::read_if(path, &|names| {
        let has_types =
            column(names, &["ID"]).is_some() && column(names, &["OBJECT_TYPE"]).is_some();
        types.set(has_types && (stamps || column(names, LABEL).is_none()));
        !types.get()
    });
    match read {
        _ if types.get() => Ok(Given::ObjectTypes),
        read => read.map(Given::Labels),
    }
}

impl LabelFile {
    /// Reads the file at `path`. A row whose label is empty says nothing and is passed over.
    pub fn read(path: &Path) -> Result<LabelFile> {
        LabelFile::read_if(path, &|_| true)
    }

    /// Reads it unless its names are not `wanted`, which is an error.
    fn read_if(path: &Path, wanted: &dyn Fn(&[String]) -> bool) -> Result<LabelFile> {
        let choose = |names: &[String]| {
            if column(names, &["suspicion"]).is_some() {
                let expected = "a label file; `rbgpu relabel` shows suspects, and `rbgpu relabel \
                                --apply` makes a label file of what was decided";
                return Err(Error::input(
                    path,
                    "line of names",
                    "a table of suspects",
                    expected,
                ));
            }
            let (Some(id), Some(label), true) =
                (column(names, ID), column(names, LABEL), wanted(names))
            else {
                let found = names.join(", ");
                let expected = match column(names, &["rbgpu"]) {
                    Some(_) => {
                        "columns id and label; of a journal `rbgpu relabel --apply` or `rbgpu \
                         votes` makes such a file"
                    }
                    None => "columns id and label (1 real, 0 bogus, -1 undecided)",
                };
                return Err(Error::input(path, "line of names", found, expected));
            };
            let mut columns = vec![(id, Kind::Id), (label, Kind::Either)];
            columns.extend(column(names, &["pixels"]).map(|at| (at, Kind::Word)));
            Ok(columns)
        };
        let mut columns = table::read(path, &choose)?.columns.into_iter();
        let (Some(Cells::Words(ids)), Some(labels)) = (columns.next(), columns.next()) else {
            unreachable!("asked for as words");
        };
        let labels = values(path, labels)?;
        let pixels = match columns.next() {
            Some(Cells::Words(marks)) => marks,
            _ => vec![String::new(); ids.len()],
        };
        let mut rows = Vec::with_capacity(ids.len());
        for (at, ((id, label), mark)) in ids.into_iter().zip(labels).zip(pixels).enumerate() {
            let label = match label {
                Value::Missing => continue,
                label => label.label(true),
            };
            let row = at + 1;
            let pixels = match mark.as_str() {
                "" => None,
                mark => Some(parse_mark(mark).ok_or_else(|| {
                    let expected = "8 hexadecimal digits, or nothing";
                    let place = format!("row {row}, column pixels");
                    Error::input(path, place, format!("'{mark}'"), expected)
                })?),
            };
            rows.push((id, Entry { row, label, pixels }));
        }
        Ok(LabelFile::of(path.to_path_buf(), rows))
    }

    /// Labels that are in memory; `source` stands for them in messages.
    pub fn new(source: impl Into<PathBuf>, rows: &[LabelRow]) -> LabelFile {
        let entry = |(at, row): (usize, &LabelRow)| {
            let entry = Entry {
                row: at + 1,
                label: row.label,
                pixels: row.pixels,
            };
            (row.id.clone(), entry)
        };
        LabelFile::of(source.into(), rows.iter().enumerate().map(entry).collect())
    }

    fn of(path: PathBuf, rows: Vec<(String, Entry)>) -> LabelFile {
        let mut file = LabelFile {
            path,
            ids: Vec::with_capacity(rows.len()),
            entries: Vec::with_capacity(rows.len()),
            by_id: HashMap::with_capacity(rows.len()),
            contradiction: None,
        };
        for (at, (id, entry)) in rows.into_iter().enumerate() {
            let first = *file.by_id.entry(id.trim().to_string()).or_insert(at);
            if first != at {
                let other: &Entry = &file.entries[first];
                let pixels = other.pixels.is_some() && entry.pixels.is_some();
                if other.label != entry.label || (pixels && other.pixels != entry.pixels) {
                    file.contradiction.get_or_insert([first, at]);
                }
            }
            file.ids.push(id);
            file.entries.push(entry);
        }
        file
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many rows have a label, or say that it is undecided.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The label of the candidate `id`: 1 real, 0 bogus, `Some(None)` undecided, `None` where
    /// the file does not name it.
    pub fn get(&self, id: &str) -> Option<Option<u8>> {
        let at = *self.by_id.get(id.trim())?;
        Some(self.entries[at].label)
    }

    /// An error if an id has two labels, or two marks.
    pub fn check_unique(&self) -> Result<()> {
        let Some([first, second]) = self.contradiction else {
            return Ok(());
        };
        let id = self.ids[second].trim();
        let [first, second] = [&self.entries[first], &self.entries[second]];
        let what = if first.label == second.label {
            "pixels"
        } else {
            "label"
        };
        Err(Error::input(
            &self.path,
            format!("row {}", second.row),
            format!("'{id}' with another {what} than in row {}", first.row),
            "one label for each id",
        ))
    }
}

fn parse_mark(text: &str) -> Option<u32> {
    let digits = text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    digits.then(|| u32::from_str_radix(text, 16).ok())?
}
