//! Features of candidates.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::names::{OBJECT, OBJECT_TYPE, PART};
use crate::data::Part;
use crate::data::atomic::atomic_try;
use crate::{Error, Result};

/// What was measured of candidates: a row for each, a column for each feature.
#[derive(Clone, Debug)]
pub struct FeatureTable {
    /// The file, or what it was measured of.
    pub source: PathBuf,
    /// What the columns are called; no two alike.
    pub names: Vec<String>,
    /// One for each row.
    pub ids: Vec<String>,
    /// 1 real, 0 bogus, `None` undecided, for each row; `None` where nothing is labelled.
    pub labels: Option<Vec<Option<u8>>>,
    /// The split that the input itself states, for each row; `None` where it states none.
    pub parts: Option<Vec<Option<Part>>>,
    /// The object that each row is a detection of, empty where it is not known; `None` where no
    /// objects are.
    pub objects: Option<Vec<String>>,
    /// (rows, columns) row-major; NaN where a value is missing. f32 is what trees compare,
    /// scikit-learn's as well.
    pub values: Vec<f32>,
    /// What a user should know.
    pub notices: Vec<String>,
}

impl FeatureTable {
    /// A table of `values` (rows, names), row-major, without labels.
    pub fn new(
        source: impl Into<PathBuf>,
        names: Vec<String>,
        ids: Vec<String>,
        values: Vec<f32>,
    ) -> Result<FeatureTable> {
        if values.len() != ids.len().saturating_mul(names.len()) {
            return Err(Error::config(
                "features",
                format!("{} values", values.len()),
                format!("{} rows of {} features", ids.len(), names.len()),
            ));
        }
        let table = FeatureTable {
            source: source.into(),
            names,
            ids,
            labels: None,
            parts: None,
            objects: None,
            values,
            notices: Vec::new(),
        };
        table.check_names()?;
        Ok(table)
    }

    /// The same with labels: 1 real, 0 bogus, `None` undecided; one for each row.
    pub fn with_labels(mut self, labels: Vec<Option<u8>>) -> Result<FeatureTable> {
        if labels.len() != self.len() {
            let found = format!("{} for {} rows", labels.len(), self.len());
            return Err(Error::config("labels", found, "one for each row"));
        }
        self.labels = Some(labels);
        Ok(self)
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The features of a row, NaN where one is missing.
    pub fn row(&self, row: usize) -> &[f32] {
        let width = self.names.len();
        &self.values[row * width..(row + 1) * width]
    }

    /// Whether every feature of a row is there.
    pub fn is_whole(&self, row: usize) -> bool {
        self.row(row).iter().all(|value| value.is_finite())
    }

    /// The rows that have a label, and these labels.
    pub fn labelled(&self) -> Result<(Vec<usize>, Vec<u8>)> {
        let Some(labels) = &self.labels else {
            let expected = format!("a column {OBJECT_TYPE} (1 an artifact) or label (1 real)");
            return Err(Error::input(&self.source, "labels", "none", expected));
        };
        let known = labels.iter().enumerate();
        Ok(known
            .filter_map(|(row, label)| Some((row, (*label)?)))
            .unzip())
    }

    /// A number that tells this table from another: CRC-32 of ids and values.
    pub fn fingerprint(&self) -> String {
        let mut hash = crc32fast::Hasher::new();
        for id in &self.ids {
            hash.update(id.as_bytes());
            hash.update(b"\n");
        }
        for value in &self.values {
            // NaN has many bit patterns, and is one value.
            let bits = if value.is_nan() {
                0x7fc0_0000
            } else {
                value.to_bits()
            };
            hash.update(&bits.to_le_bytes());
        }
        format!("{:08x}", hash.finalize())
    }

    /// Takes the labels from the file `path`: a label file, whose 1 is real, or a table with ID and
    /// OBJECT_TYPE, whose 1 is an artifact. A candidate that it does not name keeps its own. Marks of
    /// pixels in it are not looked at: there are none here.
    pub fn relabel(&mut self, path: &Path) -> Result<()> {
        let new_label = super::read::labels(path)?;
        let mut own = self.labels.take().unwrap_or_else(|| vec![None; self.len()]);
        let (mut named, mut changed) = (0, 0);
        for (id, label) in self.ids.iter().zip(&mut own) {
            if let Some(new) = new_label(id) {
                named += 1;
                changed += usize::from(*label != new);
                *label = new;
            }
        }
        if named == 0 {
            let found = "none of the candidates";
            return Err(Error::input(
                path,
                "ids",
                found,
                format!("ids of {}", self.source.display()),
            ));
        }
        self.notices.push(format!(
            "{named} of {} labels are from {}, {changed} of them others than before",
            own.len(),
            path.display()
        ));
        self.labels = Some(own);
        Ok(())
    }

    /// Where each of `wanted` is among the columns, in any case.
    pub(super) fn places(&self, wanted: &[String]) -> Result<Vec<usize>> {
        let low = |name: &String| name.to_ascii_lowercase();
        let there: HashMap<String, usize> = self.names.iter().map(low).zip(0..).collect();
        let place = |name: &String| there.get(&low(name)).copied();
        let without: Vec<&str> = wanted
            .iter()
            .filter(|name| place(name).is_none())
            .map(String::as_str)
            .collect();
        if !without.is_empty() {
            let found = format!("no {}", without.join(", "));
            let expected = format!("the features {}", wanted.join(", "));
            return Err(Error::input(&self.source, "columns", found, expected));
        }
        Ok(wanted.iter().filter_map(place).collect())
    }

    /// Writes the table as CSV: ID, OBJECT_TYPE where there are labels (1 an artifact, 0 real, as
    /// in autoScan's files; nothing where undecided), part where the input states a split, object
    /// where it knows objects, then the features; a missing value is empty.
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        let failed = |e: csv::Error| {
            Error::io("write", path)(match e.into_kind() {
                csv::ErrorKind::Io(e) => e,
                other => std::io::Error::other(format!("{other:?}")),
            })
        };
        atomic_try(path, |out| {
            let mut csv = csv::Writer::from_writer(out);
            let heads = std::iter::once("ID")
                .chain(self.labels.as_ref().map(|_| OBJECT_TYPE))
                .chain(self.parts.as_ref().map(|_| PART))
                .chain(self.objects.as_ref().map(|_| OBJECT));
            let names = self.names.iter().map(String::as_str);
            csv.write_record(heads.chain(names)).map_err(failed)?;
            for (row, id) in self.ids.iter().enumerate() {
                csv.write_field(id).map_err(failed)?;
                if let Some(labels) = &self.labels {
                    let kind = match labels[row] {
                        Some(1) => "0",
                        Some(_) => "1",
                        None => "",
                    };
                    csv.write_field(kind).map_err(failed)?;
                }
                if let Some(parts) = &self.parts {
                    let part = parts[row].map_or("", Part::name);
                    csv.write_field(part).map_err(failed)?;
                }
                if let Some(objects) = &self.objects {
                    csv.write_field(&objects[row]).map_err(failed)?;
                }
                for value in self.row(row) {
                    let cell = match value.is_nan() {
                        true => String::new(),
                        false => value.to_string(),
                    };
                    csv.write_field(cell).map_err(failed)?;
                }
                csv.write_record(None::<&[u8]>).map_err(failed)?;
            }
            csv.flush().map_err(Error::io("write", path))
        })
    }

    fn check_names(&self) -> Result<()> {
        let mut seen = HashSet::with_capacity(self.names.len());
        for name in &self.names {
            if !seen.insert(name.to_ascii_lowercase()) {
                let found = format!("{name} twice");
                return Err(Error::input(&self.source, "features", found, "each once"));
            }
        }
        Ok(())
    }
}
