//! The .npy format: npyz reads the header, the values are decoded here,
//! because a cube may be of any number type and is wanted as f32, row by row,
//! from bytes that need not be aligned.

use std::io::Read;
use std::path::Path;

use npyz::{DType, Endianness, NpyHeader, Order, TypeChar};

use super::ids::{F16_BITS, F32_BITS, F64_BITS};
use crate::{Error, Result};

/// Longest header that is believed: one of numpy's is about 128 bytes.
const LONGEST_HEADER: usize = 1 << 16;

/// Bytes of the longest string that is believed.
const LONGEST_ITEM: usize = 1 << 20;

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
        let item = ty
            .num_bytes()
            .filter(|&n| n <= LONGEST_ITEM)
            .ok_or_else(unusable)?;
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

    /// Of floats the bits of their fraction ([`ids`](super::ids)).
    pub fn float_bits(&self) -> Option<u32> {
        let bits = match self.item {
            2 => F16_BITS,
            4 => F32_BITS,
            _ => F64_BITS,
        };
        self.is_float().then_some(bits)
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
    pub fn number(&self, bytes: &[u8]) -> f64 {
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
    pub fn text(&self, bytes: &[u8]) -> String {
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

/// Refuses header text that the parser would take too far: deep nesting
/// recurses, and a product of lengths beyond 64 bits overflows.
fn believable(text: &[u8]) -> Result<(), String> {
    // The parser tries every opening bracket several ways, each anew at every depth:
    // its time doubles with each. numpy's own headers are three deep at most.
    let (mut open, mut depth) = (0_usize, 0_usize);
    for byte in text {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        open = open.max(depth);
    }
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
    if open > 6 {
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
}
