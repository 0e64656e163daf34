//! Label files: labels that stand beside the data, by the candidates' ids.

use std::path::Path;

use super::atomic_write;
use crate::Result;

/// Who decided what about a candidate's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// By the votes of several.
    Voted,
    /// Nobody looked.
    Untouched,
}

impl Decided {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
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

/// Writes a label file.
pub fn write_labels(path: &Path, rows: &[LabelRow]) -> Result<()> {
    atomic_write(path, |out| {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(["id", "label", "was", "decision", "by", "pixels"])?;
        for row in rows {
            csv.write_record([
                row.id.clone(),
                row.label.map_or("-1".into(), |label| label.to_string()),
                row.was.map_or_else(String::new, |label| label.to_string()),
                row.decision.name().into(),
                row.by.clone(),
                row.pixels.map_or_else(String::new, mark_text),
            ])?;
        }
        csv.flush()
    })
}

/// What tells a candidate from others with the same id: the CRC-32 of its pixels (H, W, C) as
/// the input has them, as little-endian f32 with one NaN for all.
pub fn pixels_mark(values: &[f32]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for value in values {
        let bits = match value.is_nan() {
            true => 0x7fc0_0000,
            false => value.to_bits(),
        };
        hasher.update(&bits.to_le_bytes());
    }
    hasher.finalize()
}

/// A mark as it is written: 8 hexadecimal digits.
pub fn mark_text(mark: u32) -> String {
    format!("{mark:08x}")
}
