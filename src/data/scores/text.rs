//! CSV, JSON lines, and O'TRAIN's table.

use std::io::{self, Write};
use std::path::Path;

use super::columns::{self, COLUMNS, Value};
use super::{ScoreWriter, Scored};
use crate::{Error, Result};

/// Comma-separated values; what is not known is empty.
pub struct Csv<'a, W: Write> {
    csv: csv::Writer<W>,
    path: &'a Path,
}

impl<'a, W: Write> Csv<'a, W> {
    pub fn new(out: W, path: &'a Path, score_name: &str) -> Result<Csv<'a, W>> {
        let mut csv = Csv {
            csv: csv::Writer::from_writer(out),
            path,
        };
        let names = COLUMNS.iter().map(|c| columns::name(c, score_name));
        csv.record(names)?;
        Ok(csv)
    }

    fn record<T: AsRef<[u8]>>(&mut self, cells: impl Iterator<Item = T>) -> Result<()> {
        let written = self.csv.write_record(cells);
        written.map_err(|e| csv_failed(e, self.path))
    }
}

/// What csv could not write to `path`; its own conversion forgets what kind of error it was.
pub fn csv_failed(error: csv::Error, path: &Path) -> Error {
    Error::io("write", path)(match error.into_kind() {
        csv::ErrorKind::Io(e) => e,
        other => io::Error::other(format!("{other:?}")),
    })
}

impl<W: Write> ScoreWriter for Csv<'_, W> {
    fn write(&mut self, rows: &[Scored]) -> Result<()> {
        for row in rows {
            let cell = |c: &columns::Column| columns::text((c.value)(row)).unwrap_or_default();
            self.record(COLUMNS.iter().map(cell))?;
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<()> {
        self.csv.flush().map_err(Error::io("write", self.path))
    }
}

/// One JSON object a line.
pub struct JsonLines<'a, W> {
    out: W,
    path: &'a Path,
    /// Each column's name as JSON, with what stands before and after it.
    names: Vec<String>,
}

impl<'a, W: Write> JsonLines<'a, W> {
    pub fn new(out: W, path: &'a Path, score_name: &str) -> JsonLines<'a, W> {
        let name = |(i, c): (usize, &columns::Column)| {
            let before = if i == 0 { '{' } else { ',' };
            format!("{before}{}:", json_text(columns::name(c, score_name)))
        };
        let names = COLUMNS.iter().enumerate().map(name).collect();
        JsonLines { out, path, names }
    }
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl<W: Write> ScoreWriter for JsonLines<'_, W> {
    fn write(&mut self, rows: &[Scored]) -> Result<()> {
        let mut lines = String::new();
        for row in rows {
            for (name, column) in self.names.iter().zip(&COLUMNS) {
                let value = match (column.value)(row) {
                    // JSON has no infinity.
                    Value::Number(v) if v.is_infinite() => None,
                    Value::Text(text) if !text.is_empty() => Some(json_text(text)),
                    other => columns::text(other),
                };
                lines += name;
                lines += value.as_deref().unwrap_or("null");
            }
            lines += "}\n";
        }
        let written = self.out.write_all(lines.as_bytes());
        let written = written.and_then(|()| self.out.flush());
        written.map_err(Error::io("write", self.path))
    }

    fn finish(&mut self) -> Result<()> {
        self.out.flush().map_err(Error::io("write", self.path))
    }
}

/// What `otrain-infer` writes, as astropy's ascii.commented_header has it: label1
/// is P(real), label0 the rest.
pub struct Otrain<'a, W> {
    out: W,
    path: &'a Path,
}

const OTRAIN: &str = "# filename RA Dec originalFile Xpos Ypos mag magerr FWHM FWHMPSF cand_ID \
                      label0 label1\n";

impl<'a, W: Write> Otrain<'a, W> {
    pub fn new(mut out: W, path: &'a Path) -> Result<Otrain<'a, W>> {
        let header = out.write_all(OTRAIN.as_bytes());
        header.map_err(Error::io("write", path))?;
        Ok(Otrain { out, path })
    }
}

impl<W: Write> ScoreWriter for Otrain<'_, W> {
    fn write(&mut self, rows: &[Scored]) -> Result<()> {
        let mut lines = String::new();
        for row in rows.iter().filter(|row| !row.score.is_nan()) {
            let c = &row.candidate;
            let number = |v: f64| columns::number(v).unwrap_or_else(|| "nan".into());
            let cells = [
                quoted(c.place()),
                number(c.ra),
                number(c.dec),
                quoted(&c.parent),
                number(c.x),
                number(c.y),
                number(c.mag),
                number(c.mag_err),
                number(c.fwhm),
                number(c.fwhm_psf),
                quoted(&c.id),
                number(1.0 - row.score),
                number(row.score),
            ];
            lines += &cells.join(" ");
            lines.push('\n');
        }
        let written = self.out.write_all(lines.as_bytes());
        let written = written.and_then(|()| self.out.flush());
        written.map_err(Error::io("write", self.path))
    }

    fn finish(&mut self) -> Result<()> {
        self.out.flush().map_err(Error::io("write", self.path))
    }
}

/// Text as one cell between blanks. A line break would end the row: it becomes a blank.
fn quoted(text: &str) -> String {
    let special = |c: char| c.is_whitespace() || matches!(c, '"' | '#');
    if !text.is_empty() && !text.contains(special) {
        return text.to_string();
    }
    format!(
        "\"{}\"",
        text.replace('"', "\"\"").replace(['\n', '\r'], " ")
    )
}
