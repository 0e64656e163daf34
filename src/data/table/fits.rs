//! Binary tables in FITS files: the header is read by fitsio-pure, cells are decoded here,
//! since an id of 64 bits must not become a float and a logical may be unknown.

use std::io::Read;
use std::path::Path;

use fitsio_pure::CARD_SIZE;
use fitsio_pure::bintable::{
    BinaryColumnDescriptor, BinaryColumnType, extract_column_scaling, parse_binary_table_columns,
};
use fitsio_pure::hdu::HduInfo;

use super::builder::{Place, of_chosen};
use super::{Builder, Choose, Kind, Table, finished, several};
use crate::data::fits::cards::Field;
use crate::data::fits::hdus::{Part, parts};
use crate::data::fits::{broken, guarded, unpacked};
use crate::data::ids::{F32_BITS, F64_BITS};
use crate::data::options::open_unpacked;
use crate::{Error, Result};

/// Bytes of an unzipped file that are believed.
const MOST_BYTES: usize = 1 << 34;

/// Bytes of a block of a FITS file.
const BLOCK: usize = 2880;

/// Bytes in which the first two headers are looked for.
const HEADERS: u64 = 1 << 18;

/// Whether the file has no image in front and a binary table behind.
pub fn is_table(path: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = open_unpacked(path).map(|file| file.take(HEADERS).read_to_end(&mut bytes));
    if !matches!(read, Ok(Ok(_))) || !bytes.starts_with(b"SIMPLE  =") {
        return false;
    }
    let cards = bytes.as_chunks::<CARD_SIZE>().0;
    let is_end = |card: &[u8; CARD_SIZE]| card.trim_ascii_end() == b"END";
    let says = |card: &[u8; CARD_SIZE], key: &[u8], value: &str| {
        let text = String::from_utf8_lossy(&card[10..]);
        let text = text.split('/').next().unwrap_or_default();
        card.starts_with(key) && text.trim().trim_matches('\'').trim() == value
    };
    let Some(end) = cards.iter().position(is_end) else {
        return false;
    };
    let empty = cards[..end].iter().any(|c| says(c, b"NAXIS   =", "0"));
    let next = ((end + 1) * CARD_SIZE).next_multiple_of(BLOCK) / CARD_SIZE;
    let next = cards.get(next..).unwrap_or_default();
    let next = &next[..next.iter().position(is_end).unwrap_or(next.len())];
    empty
        && next
            .first()
            .is_some_and(|c| says(c, b"XTENSION=", "BINTABLE"))
        && !next.iter().any(|c| says(c, b"ZIMAGE  =", "T"))
}

pub fn read(path: &Path, choose: Choose) -> Result<Table> {
    guarded(path, "a whole FITS file", || {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let bytes = unpacked(&bytes, MOST_BYTES, path)?;
        read_bytes(path, &bytes, choose)
    })
}

fn read_bytes(path: &Path, bytes: &[u8], choose: Choose) -> Result<Table> {
    let parts = parts(bytes, path)?;
    let mut chosen: Option<(Binary, Vec<(usize, Kind)>)> = None;
    // Of several tables, as SExtractor's LDAC has them, the one with the columns is meant.
    let mut refused = None;
    for (number, part) in parts.iter().enumerate() {
        let Some(table) = Binary::new(path, bytes, part, number)? else {
            continue;
        };
        match choose(&table.names) {
            Ok(_) if chosen.is_some() => {
                let place = |number: usize| format!("HDU {number}");
                let first = chosen.map_or(0, |(first, _)| first.number);
                return Err(several(path, &[place(first), place(number)]));
            }
            Ok(columns) => chosen = Some((table, columns)),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match (chosen, refused) {
        // What the choice left behind is of the last table it saw: of the one that is read.
        (Some((table, _)), _) => {
            let columns = choose(&table.names)?;
            table.read(path, bytes, &columns)
        }
        (None, Some(error)) => Err(error),
        (None, None) => {
            let is_text = |part: &Part| part.cards.text("XTENSION").as_deref() == Some("TABLE");
            let found = match parts.iter().any(is_text) {
                true => "an ASCII table extension (XTENSION = 'TABLE')",
                false => "no table extension",
            };
            Err(Error::input(
                path,
                "HDUs",
                found,
                "a binary table (BINTABLE)",
            ))
        }
    }
}

/// A binary table extension.
struct Binary {
    /// Of its HDU, from 0.
    number: usize,
    names: Vec<String>,
    columns: Vec<Column>,
    /// Bytes of a row.
    width: usize,
    rows: usize,
    /// Where the rows begin in the file, and the heap of variable-length cells.
    start: usize,
    heap: usize,
    end: usize,
}

struct Column {
    descriptor: BinaryColumnDescriptor,
    /// Where it begins in a row.
    at: usize,
    /// The integer that stands for no value.
    null: Option<i64>,
    scale: f64,
    zero: f64,
}

impl Binary {
    /// The table in an HDU, if it is one.
    fn new(path: &Path, bytes: &[u8], part: &Part, number: usize) -> Result<Option<Binary>> {
        let (hdu, cards) = (&part.hdu, &part.cards);
        let HduInfo::BinaryTable {
            naxis1: width,
            naxis2: rows,
            pcount,
            tfields,
        } = hdu.info
        else {
            return Ok(None);
        };
        let place = format!("HDU {number}");
        let wrong = |found: String, expected: &str| {
            Err(Error::input(path, place.as_str(), found, expected))
        };
        let end = width
            .checked_mul(rows)
            .and_then(|n| n.checked_add(pcount))
            .and_then(|n| n.checked_add(hdu.data_start));
        let Some(end) = end.filter(|end| *end <= bytes.len()) else {
            let found = format!("{rows} rows of {width} bytes in {} bytes", bytes.len());
            return wrong(found, "a whole FITS file; it may be truncated");
        };
        let descriptors =
            parse_binary_table_columns(&hdu.cards, tfields).map_err(broken(path, bytes.len()))?;
        let mut at = 0;
        let mut columns = Vec::with_capacity(tfields);
        let mut names = Vec::with_capacity(tfields);
        for (i, descriptor) in (1..).zip(descriptors) {
            let null = cards.value(&format!("TNULL{i}")).and_then(Field::whole);
            let (scale, zero) = extract_column_scaling(&hdu.cards, i);
            let next = at + descriptor.byte_width;
            names.push(descriptor.name.clone().unwrap_or_else(|| format!("col{i}")));
            columns.push(Column {
                descriptor,
                at,
                null,
                scale,
                zero,
            });
            at = next;
        }
        if at > width {
            let found = format!("columns of {at} bytes in rows of {width}");
            return wrong(found, "columns that fit NAXIS1");
        }
        let heap = cards.value("THEAP").and_then(Field::whole);
        let heap = heap.map_or(width * rows, |n| usize::try_from(n).unwrap_or(usize::MAX));
        Ok(Some(Binary {
            number,
            names,
            columns,
            width,
            rows,
            start: hdu.data_start,
            heap: hdu.data_start.saturating_add(heap).min(end),
            end,
        }))
    }

    fn read(&self, path: &Path, bytes: &[u8], chosen: &[(usize, Kind)]) -> Result<Table> {
        let (places, mut builders) = of_chosen(&self.names, chosen);
        for &at in &places {
            let column = &self.columns[at];
            if !column.is_read() {
                let form = as_text_of(&column.descriptor);
                let place = format!("HDU {}, column {}", self.number, self.names[at]);
                let expected = "one number, logical or text in each row";
                return Err(Error::input(path, place, form, expected));
            }
        }
        let heap = &bytes[self.heap..self.end];
        for row in 0..self.rows {
            let from = self.start + row * self.width;
            let cells = &bytes[from..from + self.width];
            let place = || format!("row {}", row + 1);
            for (&at, builder) in places.iter().zip(&mut builders) {
                let column = &self.columns[at];
                let cell = &cells[column.at..column.at + column.descriptor.byte_width];
                column.put(cell, heap, builder, path, &place)?;
            }
        }
        Ok(finished(path, self.rows, builders))
    }
}

/// What a column is, for messages.
fn as_text_of(descriptor: &BinaryColumnDescriptor) -> String {
    format!("{} of {:?}", descriptor.repeat, descriptor.col_type)
}

impl Column {
    fn is_read(&self) -> bool {
        use BinaryColumnType as T;
        match self.descriptor.col_type {
            T::Ascii => true,
            T::VarArrayP(of) | T::VarArrayQ(of) => {
                matches!(of, 'A' | 'B') && self.descriptor.repeat == 1
            }
            T::Bit | T::ComplexFloat | T::ComplexDouble => false,
            _ => self.descriptor.repeat == 1,
        }
    }

    fn put(
        &self,
        cell: &[u8],
        heap: &[u8],
        builder: &mut Builder,
        path: &Path,
        row: Place,
    ) -> Result<()> {
        use BinaryColumnType as T;
        let integer = |value: i64, builder: &mut Builder| {
            if self.null == Some(value) {
                return builder.text("", path, row);
            }
            match self.scale == 1.0
                && self.zero.fract() == 0.0
                && self.zero.abs() <= 2.0_f64.powi(64)
            {
                // Unsigned integers have a TZERO: exact, since an id may be one.
                true => {
                    let value = i128::from(value) + self.zero as i128;
                    builder.text(&value.to_string(), path, row)
                }
                false => {
                    let value = self.zero + self.scale * value as f64;
                    builder.number(value, F64_BITS, path, row)
                }
            }
        };
        match self.descriptor.col_type {
            T::Ascii => self.word(cell, builder, path, row),
            T::Logical => match cell[0] {
                b'T' => builder.text("1", path, row),
                b'F' => builder.text("0", path, row),
                0 => builder.text("", path, row),
                other => {
                    let found = format!("a logical of byte {other}");
                    Err(Error::input(path, row(), found, "T, F or 0"))
                }
            },
            T::Byte => integer(i64::from(cell[0]), builder),
            T::Short => integer(i64::from(i16::from_be_bytes(array(cell))), builder),
            T::Int => integer(i64::from(i32::from_be_bytes(array(cell))), builder),
            T::Long => integer(i64::from_be_bytes(array(cell)), builder),
            T::Float => {
                let value = f64::from(f32::from_be_bytes(array(cell)));
                builder.number(self.zero + self.scale * value, F32_BITS, path, row)
            }
            T::Double => {
                let value = f64::from_be_bytes(array(cell));
                builder.number(self.zero + self.scale * value, F64_BITS, path, row)
            }
            T::VarArrayP(_) | T::VarArrayQ(_) => {
                let (count, from) = match cell.len() {
                    8 => (
                        u64::from(u32::from_be_bytes(array(&cell[..4]))),
                        u64::from(u32::from_be_bytes(array(&cell[4..]))),
                    ),
                    _ => (
                        u64::from_be_bytes(array(&cell[..8])),
                        u64::from_be_bytes(array(&cell[8..])),
                    ),
                };
                let range = usize::try_from(from).ok().zip(
                    from.checked_add(count)
                        .and_then(|to| usize::try_from(to).ok()),
                );
                let text = range.and_then(|(from, to)| heap.get(from..to));
                let Some(text) = text else {
                    let found = format!("{count} bytes at {from} of the heap");
                    let expected = format!("a place in its {} bytes", heap.len());
                    return Err(Error::input(path, row(), found, expected));
                };
                self.word(text, builder, path, row)
            }
            T::Bit | T::ComplexFloat | T::ComplexDouble => unreachable!("refused"),
        }
    }

    fn word(&self, cell: &[u8], builder: &mut Builder, path: &Path, row: Place) -> Result<()> {
        // A NUL ends a text before its field does.
        let text = cell.split(|&b| b == 0).next().unwrap_or_default();
        let text = std::str::from_utf8(text).map_err(|_| {
            let found = format!("the bytes \"{}\"", text.escape_ascii());
            Error::input(path, row(), found, "text in ASCII or UTF-8")
        })?;
        builder.text(text, path, row)
    }
}

/// The bytes of a number; the cell has as many.
fn array<const N: usize>(cell: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(cell);
    out
}
