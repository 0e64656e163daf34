//! A FITS binary table.
//!
//! Its header says how many rows there are and how wide texts are, which is known when the last
//! row is: rows wait in a nameless file until then, so that memory does not grow with them.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use fitsio_pure::bintable::{BinaryColumnDescriptor, BinaryColumnType, build_binary_table_cards};
use fitsio_pure::header::{Card, serialize_header};
use fitsio_pure::value::Value as FitsValue;

use super::columns::{self, COLUMNS, Column, Kind, Value};
use super::{ScoreWriter, Scored};
use crate::{Error, Result};

/// Bytes of a block of a FITS file.
const BLOCK: usize = 2880;

/// What stands for no label and no flag: -1, which is "undecided" of a label everywhere else
/// as well.
const UNKNOWN: i16 = -1;

/// A table being written.
pub struct FitsTable<'a, W: Write> {
    out: W,
    path: &'a Path,
    score_name: &'a str,
    /// Of each row its cells in order: texts with their lengths before them, all else as it
    /// will be.
    spool: BufWriter<File>,
    /// The most bytes of a text in each column.
    widths: [usize; COLUMNS.len()],
    rows: usize,
}

impl<'a, W: Write> FitsTable<'a, W> {
    pub fn new(out: W, path: &'a Path, score_name: &'a str) -> Result<FitsTable<'a, W>> {
        if !is_ascii(score_name) {
            let expected = "a name in ASCII for a FITS table";
            return Err(Error::config("--score-name", score_name, expected));
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let spool = tempfile::tempfile_in(folder.unwrap_or(Path::new(".")))
            .or_else(|_| tempfile::tempfile());
        Ok(FitsTable {
            out,
            path,
            score_name,
            spool: BufWriter::new(spool.map_err(Error::io("create", path))?),
            // A column of no bytes is legal and read by few.
            widths: [1; COLUMNS.len()],
            rows: 0,
        })
    }

    fn row(&mut self, row: &Scored) -> Result<()> {
        let mut bytes = Vec::with_capacity(256);
        for (column, width) in COLUMNS.iter().zip(&mut self.widths) {
            match (column.value)(row) {
                Value::Text(text) => {
                    let text = ascii(text, column, self.path)?;
                    *width = text.len().max(*width);
                    bytes.extend((text.len() as u32).to_le_bytes());
                    bytes.extend(text.as_bytes());
                }
                Value::Number(value) => bytes.extend(value.to_be_bytes()),
                Value::Label(label) => {
                    bytes.extend(label.map_or(UNKNOWN, i16::from).to_be_bytes());
                }
                // Not a logical: astropy makes one that is not known False.
                Value::Flag(flag) => {
                    bytes.extend(flag.map_or(UNKNOWN, i16::from).to_be_bytes());
                }
            }
        }
        self.rows += 1;
        let written = self.spool.write_all(&bytes);
        written.map_err(Error::io("write a temporary file for", self.path))
    }

    fn header(&self) -> std::result::Result<Vec<u8>, fitsio_pure::Error> {
        let columns: Vec<BinaryColumnDescriptor> = COLUMNS
            .iter()
            .zip(self.widths)
            .map(|(column, width)| {
                let (repeat, col_type, byte_width) = match column.kind {
                    Kind::Text => (width, BinaryColumnType::Ascii, width),
                    Kind::Number => (1, BinaryColumnType::Double, 8),
                    Kind::Label | Kind::Flag => (1, BinaryColumnType::Short, 2),
                };
                BinaryColumnDescriptor {
                    name: Some(columns::name(column, self.score_name).into()),
                    repeat,
                    col_type,
                    byte_width,
                    tdim: None,
                }
            })
            .collect();
        let text = |text: &str| FitsValue::String(text.into());
        let mut cards = build_binary_table_cards(&columns, self.rows, 0)?;
        cards.push(Card::new("EXTNAME", text("SCORES"))?);
        for (i, column) in (1..).zip(&COLUMNS) {
            let mut add = |key: &str, value| {
                cards.push(Card::new(&format!("{key}{i}"), value)?);
                Ok::<_, fitsio_pure::Error>(())
            };
            if !column.unit.is_empty() {
                add("TUNIT", text(column.unit))?;
            }
            if matches!(column.kind, Kind::Label | Kind::Flag) {
                add("TNULL", FitsValue::Integer(i64::from(UNKNOWN)))?;
            }
            add("TUCD", text(column.ucd))?;
            add("TCOMM", text(column.about))?;
        }
        let primary = [
            Card::new("SIMPLE", FitsValue::Logical(true))?,
            Card::new("BITPIX", FitsValue::Integer(8))?,
            Card::new("NAXIS", FitsValue::Integer(0))?,
            Card::new("EXTEND", FitsValue::Logical(true))?,
        ];
        let mut header = serialize_header(&primary)?;
        header.extend(serialize_header(&cards)?);
        Ok(header)
    }

    /// Puts the header before the rows, and fills their texts to one width.
    fn copy(&mut self) -> std::io::Result<()> {
        let header = self.header().map_err(std::io::Error::other)?;
        self.out.write_all(&header)?;
        self.spool.flush()?;
        self.spool.get_mut().rewind()?;
        let mut spool = BufReader::new(self.spool.get_mut());
        let mut bytes = 0;
        let mut row = Vec::new();
        for _ in 0..self.rows {
            row.clear();
            for (column, width) in COLUMNS.iter().zip(self.widths) {
                let begin = row.len();
                let (length, width) = match column.kind {
                    Kind::Text => {
                        let mut length = [0; 4];
                        spool.read_exact(&mut length)?;
                        (u32::from_le_bytes(length) as usize, width)
                    }
                    Kind::Number => (8, 8),
                    Kind::Label | Kind::Flag => (2, 2),
                };
                row.resize(begin + length, 0);
                spool.read_exact(&mut row[begin..])?;
                row.resize(begin + width, b' ');
            }
            self.out.write_all(&row)?;
            bytes += row.len();
        }
        self.out
            .write_all(&vec![0; bytes.next_multiple_of(BLOCK) - bytes])?;
        self.out.flush()
    }
}

fn is_ascii(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~'))
}

/// A text as FITS may hold it. What is no printable ASCII is escaped, as in `\u{e9}`; an id
/// that would then be another one is an error.
fn ascii<'t>(text: &'t str, column: &Column, path: &Path) -> Result<Cow<'t, str>> {
    if is_ascii(text) {
        return Ok(Cow::Borrowed(text));
    }
    if column.name == "id" {
        let expected = "an id in ASCII, since FITS holds no other text; .ecsv, .parquet and \
                        .votable do";
        return Err(Error::input(
            path,
            "column id",
            format!("'{text}'"),
            expected,
        ));
    }
    let escaped = text.chars().map(|c| match c {
        ' '..='~' => c.to_string(),
        c => c.escape_default().to_string(),
    });
    Ok(Cow::Owned(escaped.collect()))
}

impl<W: Write> ScoreWriter for FitsTable<'_, W> {
    fn write(&mut self, rows: &[Scored]) -> Result<()> {
        rows.iter().try_for_each(|row| self.row(row))
    }

    fn finish(&mut self) -> Result<()> {
        self.copy().map_err(Error::io("write", self.path))
    }
}
