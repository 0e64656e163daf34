//! The .npy format: npyz reads the header, the values are decoded here,
//! because a cube may be of any number type and is wanted as f32, row by row,
//! from bytes that need not be aligned.

use std::io::Read;
use std::path::Path;

use npyz::{DType, Endianness, NpyHeader, Order, TypeChar};

use crate::{Error, Result};

/// Longest header that is believed: one of numpy's is about 128 bytes.
const LONGEST_HEADER: usize = 1 << 16;
/// Bytes per read when an array is streamed.
const CHUNK: usize = 1 << 20;

/// The type of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Uint,
    Float,
    Bytes,
    Unicode,
}

/// What the header of an array says.
#[derive(Clone, Debug)]
pub(super) struct Header {
    kind: Kind,
    /// Bytes per item.
    item: usize,
    big_endian: bool,
    /// The type as numpy writes it, for messages.
    pub descr: String,
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// Whether the first axis varies fastest.
    pub fortran: bool,
    /// Bytes before the first item.
    pub start: usize,
}

impl Header {
    /// Reads the header of the array `place` in `path`; `reader` then stands at
    /// the first item.
    pub fn read(reader: &mut impl Read, path: &Path, place: &str) -> Result<Header> {
        let wrong = |found: String| Error::input(path, place, found, "a numpy array (.npy)");
        let mut bytes = vec![0; 12];
        let mut fill = |into: &mut [u8]| {
            reader
                .read_exact(into)
                .map_err(|e| wrong(format!("no array header ({e})")))
        };
        fill(&mut bytes[..10])?;
        if &bytes[..6] != b"\x93NUMPY" {
            return Err(wrong(format!(
                "a file that starts with {}",
                printable(&bytes[..10])
            )));
        }
        let length = if bytes[6] == 1 {
            bytes.truncate(10);
            usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))
        } else {
            fill(&mut bytes[10..])?;
            u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize
        };
        if length > LONGEST_HEADER {
            return Err(wrong(format!("a header of {length} bytes")));
        }
        let start = bytes.len() + length;
        let text = bytes.len();
        bytes.resize(start, 0);
        fill(&mut bytes[text..])?;
        believable(&bytes[text..]).map_err(wrong)?;
        let header = NpyHeader::from_reader(&bytes[..])
            .map_err(|e| wrong(format!("a header that cannot be read ({e})")))?;
        Header::interpret(&header, start, path, place)
    }

    fn interpret(header: &NpyHeader, start: usize, path: &Path, place: &str) -> Result<Header> {
        let dtype = header.dtype();
        let descr = dtype.descr();
        if dtype.uses_pickled_array() {
            return Err(Error::input(
                path,
                place,
                "an object array (a Python pickle)",
                "numbers or strings; save it again in Python with array.astype('float32'), \
                 or .astype(str)",
            ));
        }
        let unusable = || {
            let expected = "a bool, integer, float (2, 4 or 8 bytes) or string array";
            Error::input(path, place, format!("type {descr}"), expected)
        };
        let DType::Plain(ty) = &dtype else {
            return Err(unusable());
        };
        let item = ty.num_bytes().ok_or_else(unusable)?;
        let kind = match (ty.type_char(), item) {
            (TypeChar::Bool, 1) => Kind::Bool,
            (TypeChar::Int, 1 | 2 | 4 | 8) => Kind::Int,
            (TypeChar::Uint, 1 | 2 | 4 | 8) => Kind::Uint,
            (TypeChar::Float, 2 | 4 | 8) => Kind::Float,
            (TypeChar::ByteStr, _) => Kind::Bytes,
            (TypeChar::UnicodeStr, _) => Kind::Unicode,
            _ => return Err(unusable()),
        };
        let shape = header
            .shape()
            .iter()
            .map(|&n| usize::try_from(n))
            .collect::<Result<_, _>>();
        let shape: Vec<usize> = shape.map_err(|_| unusable())?;
        let fortran = header.order() == Order::Fortran && shape.len() > 1;
        let big_endian = ty.endianness() == Endianness::Big;
        Ok(Header {
            kind,
            item,
            big_endian,
            descr,
            shape,
            fortran,
            start,
        })
    }

    /// Items in all; `None` where that does not fit a usize.
    pub fn count(&self) -> Option<usize> {
        self.shape
            .iter()
            .try_fold(1_usize, |n, &length| n.checked_mul(length))
    }

    /// Bytes of all items.
    pub fn byte_len(&self) -> Option<usize> {
        self.count()?.checked_mul(self.item)
    }

    /// Bytes per item.
    pub fn item_bytes(&self) -> usize {
        self.item
    }

    /// Whether the items are numbers (or bools).
    pub fn is_number(&self) -> bool {
        !matches!(self.kind, Kind::Bytes | Kind::Unicode)
    }

    /// Whether an item may be NaN.
    pub fn is_float(&self) -> bool {
        self.kind == Kind::Float
    }

    /// Whether the items are single unsigned bytes (or bools).
    pub fn is_byte(&self) -> bool {
        self.item == 1 && matches!(self.kind, Kind::Uint | Kind::Bool)
    }

    /// Decodes `out.len()` numbers.
    pub fn decode_f32(&self, bytes: &[u8], out: &mut [f32]) {
        match (self.kind, self.item, self.big_endian) {
            (Kind::Float, 4, false) => {
                for (value, b) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *value = f32::from_le_bytes(*b);
                }
            }
            (Kind::Uint | Kind::Bool, 1, _) => {
                for (value, b) in out.iter_mut().zip(bytes) {
                    *value = f32::from(*b);
                }
            }
            _ => {
                for (value, b) in out.iter_mut().zip(bytes.chunks_exact(self.item)) {
                    *value = self.number(b) as f32;
                }
            }
        }
    }

    /// Whether any of these numbers is finite; stops at the first.
    pub fn any_finite(&self, bytes: &[u8]) -> bool {
        !self.is_float()
            || bytes
                .chunks_exact(self.item)
                .any(|b| self.number(b).is_finite())
    }

    /// One number, of any type, as f64 (64-bit integers are rounded).
    fn number(&self, bytes: &[u8]) -> f64 {
        match (self.kind, self.item) {
            (Kind::Float, 2) => half_to_f64(u16::from_le_bytes(self.ordered(bytes))),
            (Kind::Float, 4) => f64::from(f32::from_le_bytes(self.ordered(bytes))),
            (Kind::Float, _) => f64::from_le_bytes(self.ordered(bytes)),
            (Kind::Int, _) => self.integer(bytes) as f64,
            _ => self.integer(bytes) as u64 as f64,
        }
    }

    /// One integer; u64 above the largest i64 wraps, and is cast back by the caller.
    fn integer(&self, bytes: &[u8]) -> i64 {
        match (self.kind, self.item) {
            (Kind::Int, 1) => i64::from(bytes[0] as i8),
            (Kind::Int, 2) => i64::from(i16::from_le_bytes(self.ordered(bytes))),
            (Kind::Int, 4) => i64::from(i32::from_le_bytes(self.ordered(bytes))),
            (_, 1) => i64::from(bytes[0]),
            (_, 2) => i64::from(u16::from_le_bytes(self.ordered(bytes))),
            (_, 4) => i64::from(u32::from_le_bytes(self.ordered(bytes))),
            _ => i64::from_le_bytes(self.ordered(bytes)),
        }
    }

    /// The item's bytes, least significant first.
    fn ordered<const N: usize>(&self, bytes: &[u8]) -> [u8; N] {
        let mut out = [0; N];
        out.copy_from_slice(bytes);
        if self.big_endian {
            out.reverse();
        }
        out
    }

    /// One item as text: strings without their padding, integers exactly.
    fn text(&self, bytes: &[u8]) -> String {
        match self.kind {
            Kind::Bool => (bytes[0] != 0).to_string(),
            Kind::Int => self.integer(bytes).to_string(),
            Kind::Uint => (self.integer(bytes) as u64).to_string(),
            Kind::Float => self.number(bytes).to_string(),
            Kind::Bytes => {
                let end = bytes.iter().rposition(|&b| b != 0).map_or(0, |i| i + 1);
                String::from_utf8_lossy(&bytes[..end]).into_owned()
            }
            Kind::Unicode => {
                let codes = bytes
                    .chunks_exact(4)
                    .map(|b| u32::from_le_bytes(self.ordered(b)));
                let text: String = codes
                    .map(|c| char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect();
                text.trim_end_matches('\0').to_string()
            }
        }
    }
}

/// A whole array, as it was stored.
#[derive(Clone, Debug)]
pub(super) struct Array {
    /// What it is.
    pub header: Header,
    /// The items' bytes, as many as the header says.
    bytes: Vec<u8>,
}

impl Array {
    /// Reads the array `place` in `path` to its end. `available` is how many
    /// bytes the file says there are from the start of the header, if it does.
    pub fn read(
        reader: &mut impl Read,
        available: Option<u64>,
        path: &Path,
        place: &str,
    ) -> Result<Array> {
        let header = Header::read(reader, path, place)?;
        let mut bytes = Vec::new();
        stream(reader, &header, available, path, place, |chunk| {
            bytes.extend_from_slice(chunk)
        })?;
        Ok(Array { header, bytes })
    }

    /// Every item as f64, in C order; `None` for strings.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        let one = |b: &[u8]| self.header.number(b);
        self.header.is_number().then(|| self.items(one))
    }

    /// Every item as text, in C order.
    pub fn texts(&self) -> Vec<String> {
        self.items(|b| self.header.text(b))
    }

    fn items<T: Clone>(&self, one: impl Fn(&[u8]) -> T) -> Vec<T> {
        let count = self.header.count().unwrap_or(0);
        let items: Vec<T> = match self.header.item {
            // '<U0': an array of empty strings has no bytes.
            0 => (0..count).map(|_| one(&[])).collect(),
            size => self.bytes.chunks_exact(size).map(one).collect(),
        };
        if self.header.fortran {
            to_c_order(&items, &self.header.shape)
        } else {
            items
        }
    }
}

/// Reads the items behind `header`, handing on whole items a piece at a time.
pub(super) fn stream(
    reader: &mut impl Read,
    header: &Header,
    available: Option<u64>,
    path: &Path,
    place: &str,
    mut take: impl FnMut(&[u8]),
) -> Result<()> {
    let expected = || {
        format!(
            "{} values of type {}",
            shape_text(&header.shape),
            header.descr
        )
    };
    let short = |found: String| {
        Error::input(
            path,
            place,
            found,
            format!("{}; the file may be truncated", expected()),
        )
    };
    let total = header
        .byte_len()
        .ok_or_else(|| short("a shape beyond this machine".into()))?;
    // Items without bytes ('<U0') cost nothing in the file, but would here.
    if header.item == 0 && header.count().is_none_or(|n| n > 1 << 28) {
        return Err(short("0 bytes".into()));
    }
    let there = available.map(|bytes| bytes.saturating_sub(header.start as u64));
    if let Some(there) = there.filter(|&there| there < total as u64) {
        return Err(short(format!("{there} bytes")));
    }
    let mut buffer = vec![0; (CHUNK / header.item.max(1)).max(1) * header.item];
    let mut done = 0;
    while done < total {
        let piece = buffer.len().min(total - done);
        reader
            .read_exact(&mut buffer[..piece])
            .map_err(|e| short(format!("an error after {done} bytes ({e})")))?;
        take(&buffer[..piece]);
        done += piece;
    }
    // One more read reaches the end of a zip member, where its checksum is compared.
    let mut rest = [0; 1];
    match reader.read(&mut rest) {
        Ok(_) => Ok(()),
        Err(e) => Err(short(format!("damaged data ({e})"))),
    }
}

/// Reorders items whose first axis varies fastest.
pub(super) fn to_c_order<T: Clone>(items: &[T], shape: &[usize]) -> Vec<T> {
    let mut out = Vec::with_capacity(items.len());
    let mut position = vec![0_usize; shape.len()];
    for _ in 0..items.len() {
        let from = shape
            .iter()
            .zip(&position)
            .rev()
            .fold(0, |sum, (n, i)| sum * n + i);
        out.push(items[from].clone());
        for axis in (0..shape.len()).rev() {
            position[axis] += 1;
            if position[axis] < shape[axis] {
                break;
            }
            position[axis] = 0;
        }
    }
    out
}

/// Refuses header text that the parser would take too far: deep nesting
/// recurses, and a product of lengths beyond 64 bits overflows.
fn believable(text: &[u8]) -> Result<(), String> {
    let open = text
        .iter()
        .filter(|b| matches!(b, b'(' | b'[' | b'{'))
        .count();
    let numbers = text
        .split(|b| !b.is_ascii_digit())
        .filter(|digits| !digits.is_empty());
    let mut product = 1_u64;
    for digits in numbers {
        let value = std::str::from_utf8(digits)
            .ok()
            .and_then(|d| d.parse::<u64>().ok());
        product = value
            .and_then(|v| product.checked_mul(v.max(1)))
            .ok_or_else(|| "a shape that is too large to be true".to_string())?;
    }
    if open > 64 {
        Err("a header with deep nesting".to_string())
    } else {
        Ok(())
    }
}

/// (400, 32, 32, 1) as 400x32x32x1.
pub(super) fn shape_text(shape: &[usize]) -> String {
    match shape {
        [] => "a single value".to_string(),
        _ => shape
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>()
            .join("x"),
    }
}

/// The first bytes of a file, for a message.
pub(super) fn printable(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes[..bytes.len().min(16)].escape_ascii())
}

/// IEEE 754 half precision: 1 sign, 5 exponent, 10 fraction bits.
fn half_to_f64(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f64::from(bits & 0x3ff);
    match (bits >> 10) & 0x1f {
        0 => sign * fraction * 2.0_f64.powi(-24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        exponent => sign * (1.0 + fraction / 1024.0) * 2.0_f64.powi(i32::from(exponent) - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960464477539063e-8),
            (0x3555, 0.333251953125),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half_to_f64(bits), value);
        }
        assert!(half_to_f64(0x7e00).is_nan());
    }

    #[test]
    fn fortran_order() {
        // (2, 3): 1 2 3 / 4 5 6 stored by columns.
        assert_eq!(to_c_order(&[1, 4, 2, 5, 3, 6], &[2, 3]), [1, 2, 3, 4, 5, 6]);
    }
}
