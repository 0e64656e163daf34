//! Stands in for `data::labels` until that is merged.

use std::path::Path;

use crate::Result;
use crate::data::atomic_write;

/// Who decided what about a candidate's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// The label is another one than it was.
    Flipped,
    /// It was looked at and stays.
    Kept,
    /// Someone looked and could not say.
    Unsure,
    /// Nobody looked.
    Untouched,
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

/// Writes a label file.
pub fn write_labels(path: &Path, rows: &[LabelRow]) -> Result<()> {
    atomic_write(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(["id", "label", "was", "decision", "by", "pixels"])?;
        for row in rows {
            let number = |label: Option<u8>| label.map(|label| label.to_string());
            csv.write_record([
                row.id.clone(),
                number(row.label).unwrap_or("-1".into()),
                number(row.was).unwrap_or_default(),
                format!("{:?}", row.decision).to_lowercase(),
                row.by.clone(),
                row.pixels.map_or_else(String::new, mark_text),
            ])?;
        }
        csv.flush()
    })
}

/// The CRC-32 of a candidate's pixels.
pub fn pixels_mark(values: &[f32]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for value in values {
        let nan = value.is_nan();
        let bits = if nan { 0x7fc0_0000 } else { value.to_bits() };
        hasher.update(&bits.to_le_bytes());
    }
    hasher.finalize()
}

/// A mark as it is written.
pub fn mark_text(mark: u32) -> String {
    format!("{mark:08x}")
}
