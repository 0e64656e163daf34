//! ECSV, CSV with units and types as astropy writes it:
//! <https://github.com/astropy/astropy-APEs/blob/main/APE6.rst>

use std::io::Write;
use std::path::Path;

use csv::{QuoteStyle, Writer, WriterBuilder};

use super::columns::{self, COLUMNS, Column, Kind, Value};
use super::text::csv_failed;
use super::{ScoreWriter, Scored};
use crate::{Error, Result};

/// Comma-separated values below a header in YAML; what is not known is empty.
pub struct Ecsv<'a, W: Write> {
    csv: Writer<W>,
    path: &'a Path,
}

impl<'a, W: Write> Ecsv<'a, W> {
    pub fn new(mut out: W, path: &'a Path, score_name: &str) -> Result<Ecsv<'a, W>> {
        let mut header = String::from("# %ECSV 1.0\n# ---\n# delimiter: ','\n");
        for line in datatypes(score_name) {
            header += &format!("# {line}\n");
        }
        header += "# schema: astropy-2.0\n";
        let written = out.write_all(header.as_bytes());
        written.map_err(Error::io("write", path))?;
        // Text is quoted, so that no id begins a comment.
        let mut builder = WriterBuilder::new();
        builder.quote_style(QuoteStyle::NonNumeric);
        let mut ecsv = Ecsv {
            csv: builder.from_writer(out),
            path,
        };
        ecsv.record(COLUMNS.iter().map(|c| columns::name(c, score_name).into()))?;
        Ok(ecsv)
    }

    fn record(&mut self, cells: impl Iterator<Item = String>) -> Result<()> {
        let written = self.csv.write_record(cells);
        written.map_err(|e| csv_failed(e, self.path))
    }
}

/// The columns in YAML, as ECSV's header has them; astropy's Parquet too.
pub fn datatypes(score_name: &str) -> Vec<String> {
    // JSON's texts are YAML's.
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let line = |column: &Column| {
        let datatype = match column.kind {
            Kind::Text => "string",
            Kind::Number => "float64",
            Kind::Label => "int32",
            Kind::Flag => "bool",
        };
        let unit = match column.unit {
            "" => String::new(),
            unit => format!("unit: {unit}, "),
        };
        let name = text(columns::name(column, score_name));
        let about = text(column.about);
        format!("- {{name: {name}, {unit}datatype: {datatype}, description: {about}}}")
    };
    let lines = COLUMNS.iter().map(line);
    [String::from("datatype:")]
        .into_iter()
        .chain(lines)
        .collect()
}

/// A cell: logicals as Python has them, and no line break, which would end the row.
fn cell(value: Value) -> String {
    match value {
        Value::Flag(Some(true)) => "True".into(),
        Value::Flag(Some(false)) => "False".into(),
        value => columns::text(value)
            .unwrap_or_default()
            .replace(['\n', '\r'], " "),
    }
}

impl<W: Write> ScoreWriter for Ecsv<'_, W> {
    fn write(&mut self, rows: &[Scored]) -> Result<()> {
        for row in rows {
            self.record(COLUMNS.iter().map(|c| cell((c.value)(row))))?;
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<()> {
        self.csv.flush().map_err(Error::io("write", self.path))
    }
}
