//! A split as the table beside a model: id, part, label, object, pixels.

use std::path::Path;

use super::Split;
use crate::Result;
use crate::data::groups::{is_blank, pixel_marks};
use crate::data::labels::mark_text;
use crate::data::{Dataset, Part, atomic_write};

/// What a row of such a table says of the split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry<'a> {
    /// The candidate's id.
    pub id: &'a str,
    /// The part that it is in.
    pub part: Part,
    /// 1 real, 0 bogus.
    pub label: Option<u8>,
    /// Its object; empty where there is none.
    pub object: &'a str,
}

/// What tells the rows of a split from others, in whatever order they are: their number and the
/// CRC-32 of what they say.
pub fn fingerprint<'a>(rows: impl IntoIterator<Item = Entry<'a>>) -> String {
    let trimmed = rows.into_iter().map(|row| Entry {
        id: row.id.trim(),
        object: row.object.trim(),
        ..row
    });
    let mut rows: Vec<Entry> = trimmed.collect();
    rows.sort_unstable();
    let mut hasher = crc32fast::Hasher::new();
    for row in &rows {
        let label = row.label.map_or(b'-', |label| b'0' + label);
        // Cells end with a byte that no text has.
        for cell in [row.id, row.part.name(), row.object] {
            hasher.update(cell.as_bytes());
            hasher.update(&[0xff]);
        }
        hasher.update(&[label, 0xff]);
    }
    format!("{} rows, {:08x}", rows.len(), hasher.finalize())
}

/// The object of a candidate, without what stands for none.
fn object(data: &Dataset, row: usize) -> &str {
    let object = data.candidates[row].object.trim();
    match is_blank(object) {
        true => "",
        false => object,
    }
}

impl Split {
    fn rows(&self) -> impl Iterator<Item = (Part, usize)> {
        let parts = [Part::Train, Part::Validation, Part::Test];
        let of = parts.map(|part| self.part(part).iter().map(move |&row| (part, row)));
        of.into_iter().flatten()
    }

    /// [`fingerprint`] of what [`write_csv`](Self::write_csv) writes.
    pub fn fingerprint(&self, data: &Dataset) -> String {
        let labels = data.labels.as_ref();
        fingerprint(self.rows().map(|(part, row)| Entry {
            id: &data.candidates[row].id,
            part,
            label: labels.map(|labels| labels[row]),
            object: object(data, row),
        }))
    }

    /// Writes which candidate of `data`, which has labels, is in which part: id, part, label (1
    /// real), object, pixels ([`pixels_mark`](crate::data::labels::pixels_mark)). Reads all
    /// pixels once.
    pub fn write_csv(&self, path: &Path, data: &Dataset) -> Result<()> {
        let labels = data.labels.as_ref().expect("what is split has labels");
        let all: Vec<usize> = (0..data.len()).collect();
        let marks = pixel_marks(data, &all)?;
        atomic_write(path, |out| {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(["id", "part", "label", "object", "pixels"])?;
            for (part, row) in self.rows() {
                csv.write_record([
                    &data.candidates[row].id,
                    part.name(),
                    &labels[row].to_string(),
                    object(data, row),
                    &mark_text(marks[row]),
                ])?;
            }
            csv.flush()
        })
    }

    /// Writes id, part, label of anything whose rows have an id and a label.
    pub fn write_rows<'a>(&self, path: &Path, row: impl Fn(usize) -> (&'a str, u8)) -> Result<()> {
        atomic_write(path, |out| {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(["id", "part", "label"])?;
            for (part, at) in self.rows() {
                let (id, label) = row(at);
                csv.write_record([id, part.name(), &label.to_string()])?;
            }
            csv.flush()
        })
    }
}
