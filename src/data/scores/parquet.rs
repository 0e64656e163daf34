//! Parquet: typed columns, all optional, SNAPPY. Texts that are not known are empty and not
//! null, since astropy reads no column of texts with nulls; units are in its metadata.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::columns::{self, COLUMNS, Column, Kind, Value};
use super::ecsv::datatypes;
use super::{ScoreWriter, Scored};
use crate::{Error, Result};

/// Rows of a group: they are held until they are written.
const GROUP: usize = 1 << 15;

/// A Parquet file being written.
pub struct Parquet<'a, W: Write + Send> {
    /// `None` once it is finished.
    file: Option<SerializedFileWriter<W>>,
    path: &'a Path,
    rows: Vec<Scored>,
    score_name: &'a str,
    /// The most characters of a text in each column.
    widths: [usize; COLUMNS.len()],
}

impl<'a, W: Write + Send> Parquet<'a, W> {
    pub fn new(out: W, path: &'a Path, score_name: &'a str) -> Result<Parquet<'a, W>> {
        let open = || {
            let fields: Vec<_> = COLUMNS
                .iter()
                .map(|column| Ok(Arc::new(field(column, score_name)?)))
                .collect::<Result<_, ParquetError>>()?;
            let schema = Type::group_type_builder("scores").with_fields(fields);
            let version = concat!("rbgpu ", env!("CARGO_PKG_VERSION"));
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                .set_created_by(version.into());
            SerializedFileWriter::new(out, Arc::new(schema.build()?), properties.build().into())
        };
        Ok(Parquet {
            file: Some(open().map_err(|e| failed(path, e))?),
            path,
            rows: Vec::new(),
            score_name,
            widths: [1; COLUMNS.len()],
        })
    }

    fn group(&mut self) -> Result<(), ParquetError> {
        let Some(file) = self.file.as_mut().filter(|_| !self.rows.is_empty()) else {
            return Ok(());
        };
        let mut group = file.next_row_group()?;
        for (column, width) in COLUMNS.iter().zip(&mut self.widths) {
            write_column(&mut group, column, &self.rows)?;
            for row in &self.rows {
                if let Value::Text(text) = (column.value)(row) {
                    *width = text.chars().count().max(*width);
                }
            }
        }
        group.close()?;
        self.rows.clear();
        Ok(())
    }
}

impl<W: Write + Send> Parquet<'_, W> {
    /// What astropy looks for: how long texts are, units and descriptions.
    fn metadata(&self) -> Vec<(String, String)> {
        let texts = COLUMNS.iter().zip(self.widths);
        let texts = texts.filter(|(column, _)| column.kind == Kind::Text);
        let name = |column| columns::name(column, self.score_name);
        texts
            .map(|(column, width)| (format!("table::len::{}", name(column)), width.to_string()))
            .chain([(
                "table_meta_yaml".into(),
                datatypes(self.score_name).join("\n"),
            )])
            .collect()
    }
}

/// The library's error with what the system said, so that a closed pipe is seen as one.
fn failed(path: &Path, error: ParquetError) -> Error {
    let error = match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(io) => *io,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    };
    Error::io("write", path)(error)
}

fn field(column: &Column, score_name: &str) -> Result<Type, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Number => (Physical::DOUBLE, None),
        Kind::Label => (Physical::INT32, None),
        Kind::Flag => (Physical::BOOLEAN, None),
    };
    Type::primitive_type_builder(columns::name(column, score_name), physical)
        .with_logical_type(logical)
        .with_repetition(Repetition::OPTIONAL)
        .build()
}

fn write_column<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<W>,
    column: &Column,
    rows: &[Scored],
) -> Result<(), ParquetError> {
    let cells = rows.iter().map(column.value);
    match column.kind {
        Kind::Text => put::<W, ByteArrayType>(
            group,
            cells.map(|cell| match cell {
                Value::Text(text) => Some(ByteArray::from(text)),
                _ => None,
            }),
        ),
        Kind::Number => put::<W, DoubleType>(
            group,
            cells.map(|cell| match cell {
                Value::Number(number) if !number.is_nan() => Some(number),
                _ => None,
            }),
        ),
        Kind::Label => put::<W, Int32Type>(
            group,
            cells.map(|cell| match cell {
                Value::Label(label) => label.map(i32::from),
                _ => None,
            }),
        ),
        Kind::Flag => put::<W, BoolType>(
            group,
            cells.map(|cell| match cell {
                Value::Flag(flag) => flag,
                _ => None,
            }),
        ),
    }
}

/// Writes the next column of a group.
fn put<W: Write + Send, T: DataType>(
    group: &mut SerializedRowGroupWriter<W>,
    cells: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let (mut values, mut known) = (Vec::new(), Vec::new());
    for cell in cells {
        known.push(i16::from(cell.is_some()));
        values.extend(cell);
    }
    let Some(mut writer) = group.next_column()? else {
        return Err(ParquetError::General("a column too many".into()));
    };
    let typed = writer.typed::<T>();
    typed.write_batch(&values, Some(&known), None)?;
    writer.close()
}

impl<W: Write + Send> ScoreWriter for Parquet<'_, W> {
    fn write(&mut self, rows: &[Scored]) -> Result<()> {
        for rows in rows.chunks(GROUP) {
            if self.rows.len() + rows.len() > GROUP {
                self.group().map_err(|e| failed(self.path, e))?;
            }
            self.rows.extend_from_slice(rows);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let end = |this: &mut Self| {
            this.group()?;
            match this.file.take() {
                Some(mut file) => {
                    for (key, value) in this.metadata() {
                        file.append_key_value_metadata(KeyValue::new(key, value));
                    }
                    file.into_inner().map(Some)
                }
                None => Ok(None),
            }
        };
        match end(self).map_err(|e| failed(self.path, e))? {
            Some(mut out) => out.flush().map_err(Error::io("write", self.path)),
            None => Ok(()),
        }
    }
}
