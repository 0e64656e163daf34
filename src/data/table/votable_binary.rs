//! The rows of a VOTable as BINARY or BINARY2: one after the other, big-endian, in base64.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::builder::{Builder, Place};
use super::votable::Field;
use crate::data::ids::{F32_BITS, F64_BITS};
use crate::{Error, Result};

/// How rows are stored.
pub struct Binary<'a> {
    pub path: &'a Path,
    pub fields: &'a [Field],
    /// The columns that are wanted.
    pub places: &'a [usize],
    /// Whether a bit for each field says that it has no value, as in BINARY2.
    pub nulls: bool,
}

/// How many values a cell has.
enum Count {
    Fixed(usize),
    /// As four bytes before them say.
    Variable,
}

/// Reads the rows in `base64`; how many.
pub fn read(binary: &Binary, base64: &str, builders: &mut [Builder]) -> Result<usize> {
    let path = binary.path;
    let bytes = STANDARD.decode(base64).map_err(|e| {
        let expected = "base64; the file may be truncated";
        Error::input(path, "STREAM", e.to_string(), expected)
    })?;
    let forms = binary.fields.iter().map(|field| form(path, field));
    let forms: Vec<(usize, Count)> = forms.collect::<Result<_>>()?;
    let (mut rest, mut rows) = (&bytes[..], 0);
    while !rest.is_empty() {
        rows += 1;
        let place = || format!("row {rows}");
        let before = rest.len();
        let mut take = |count: Option<usize>| {
            let cell = count.and_then(|count| rest.split_at_checked(count));
            let Some((cell, behind)) = cell else {
                let expected = "a whole row; the file may be truncated";
                return Err(Error::input(path, place(), "the end of the data", expected));
            };
            rest = behind;
            Ok(cell)
        };
        let nulls = match binary.nulls {
            true => take(Some(binary.fields.len().div_ceil(8)))?,
            false => &[],
        };
        let mut cells = Vec::with_capacity(forms.len());
        for (size, count) in &forms {
            let count = match count {
                Count::Fixed(count) => *count,
                Count::Variable => u32::from_be_bytes(array(take(Some(4))?)) as usize,
            };
            let bytes = match size {
                0 => Some(count.div_ceil(8)),
                size => count.checked_mul(*size),
            };
            cells.push(take(bytes)?);
        }
        if rest.len() == before {
            return Err(Error::input(path, "STREAM", "rows of 0 bytes", "some"));
        }
        for (&at, builder) in binary.places.iter().zip(builders.iter_mut()) {
            let is_null = nulls
                .get(at / 8)
                .is_some_and(|byte| byte << (at % 8) & 0x80 != 0);
            match is_null {
                true => builder.text("", path, &place)?,
                false => put(path, &binary.fields[at], cells[at], builder, &place)?,
            }
        }
    }
    Ok(rows)
}

/// Bytes of one value, 0 for bits, and how many a cell has.
fn form(path: &Path, field: &Field) -> Result<(usize, Count)> {
    let wrong = |found: String| {
        let place = format!("column {}", field.name);
        Err(Error::input(path, place, found, "a datatype of VOTable"))
    };
    let size = match field.datatype.as_str() {
        "bit" => 0,
        "boolean" | "unsignedByte" | "char" => 1,
        "short" | "unicodeChar" => 2,
        "int" | "float" => 4,
        "long" | "double" | "floatComplex" => 8,
        "doubleComplex" => 16,
        other => return wrong(format!("datatype '{other}'")),
    };
    let arraysize = field.arraysize.as_str();
    if arraysize.contains('*') {
        // 8x*: the last axis varies, and the four bytes count values.
        return Ok((size, Count::Variable));
    }
    let axes = arraysize.split('x').filter(|axis| !axis.is_empty());
    let count = axes
        .map(|axis| axis.trim().parse::<usize>().ok())
        .try_fold(1_usize, |product, axis| product.checked_mul(axis?));
    match count {
        Some(count) => Ok((size, Count::Fixed(count))),
        None => wrong(format!("arraysize '{arraysize}'")),
    }
}

fn put(path: &Path, field: &Field, cell: &[u8], builder: &mut Builder, row: Place) -> Result<()> {
    let integer = |value: i64, builder: &mut Builder| {
        let value = value.to_string();
        match field.null.as_deref() == Some(value.as_str()) {
            true => builder.text("", path, row),
            false => builder.text(&value, path, row),
        }
    };
    match field.datatype.as_str() {
        "char" => {
            let text = cell.split(|&b| b == 0).next().unwrap_or_default();
            builder.text(&String::from_utf8_lossy(text), path, row)
        }
        "unicodeChar" => {
            let units: Vec<u16> = cell
                .as_chunks::<2>()
                .0
                .iter()
                .map(|unit| u16::from_be_bytes(*unit))
                .take_while(|&unit| unit != 0)
                .collect();
            builder.text(&String::from_utf16_lossy(&units), path, row)
        }
        "boolean" => match cell[0] {
            b'T' | b't' | b'1' => builder.text("1", path, row),
            b'F' | b'f' | b'0' => builder.text("0", path, row),
            _ => builder.text("", path, row),
        },
        "unsignedByte" => integer(i64::from(cell[0]), builder),
        "short" => integer(i64::from(i16::from_be_bytes(array(cell))), builder),
        "int" => integer(i64::from(i32::from_be_bytes(array(cell))), builder),
        "long" => integer(i64::from_be_bytes(array(cell)), builder),
        "float" => {
            let value = f64::from(f32::from_be_bytes(array(cell)));
            builder.number(value, F32_BITS, path, row)
        }
        "double" => builder.number(f64::from_be_bytes(array(cell)), F64_BITS, path, row),
        other => {
            let place = format!("{}, column {}", row(), field.name);
            let found = format!("a value of {other}");
            Err(Error::input(
                path,
                place,
                found,
                "a number, logical or text",
            ))
        }
    }
}

/// The bytes of a number; the cell has as many.
fn array<const N: usize>(cell: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(cell);
    out
}
