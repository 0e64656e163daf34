//! The HDUs of a FITS file. Every card that sizes something is checked against the file
//! before fitsio-pure allocates, loops or indexes by it, and nothing that looks like an
//! extension is passed over.

use std::path::Path;

use fitsio_pure::BLOCK_SIZE;
use fitsio_pure::block::padded_byte_len;
use fitsio_pure::hdu::{Hdu, HduInfo};
use fitsio_pure::header::{Card, header_byte_len};
use fitsio_pure::value::Value;

use super::cards::{Cards, Field};
use crate::{Error, Result};

/// Axes and columns that FITS allows.
pub(super) const MOST_AXES: i64 = 999;

/// A card with a value that cannot be.
#[derive(Debug)]
pub struct Fault {
    pub found: String,
    pub expected: String,
}

impl Fault {
    pub fn new(found: impl Into<String>, expected: impl Into<String>) -> Fault {
        Fault {
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// The error for the file at `path`.
    pub fn of(self, path: &Path, place: impl Into<String>) -> Error {
        Error::input(path, place, self.found, self.expected)
    }
}

/// What a check returns.
pub(super) type Checked<T> = std::result::Result<T, Fault>;

/// One HDU.
#[derive(Debug)]
pub struct Part {
    /// Where it is, and the cards that fitsio-pure decodes it by, in the form that it
    /// understands.
    pub hdu: Hdu,
    /// All its keywords.
    pub cards: Cards,
}

impl Part {
    /// EXTNAME, or nothing.
    pub fn name(&self) -> String {
        self.cards.text("EXTNAME").unwrap_or_default()
    }
}

/// The HDUs of the FITS file `bytes`, the primary one first, whose sizes are those of the
/// file. `path` names it in errors.
///
/// # Errors
/// If the file is cut off, if a card that sizes an HDU cannot be, or if there is an
/// extension elsewhere than behind the HDU before it.
pub(crate) fn parts(bytes: &[u8], path: &Path) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let number = parts.len();
        if number > 0 && !rest.starts_with(b"XTENSION") {
            no_extension(rest)
                .map_err(|fault| fault.of(path, format!("behind HDU {}", number - 1)))?;
            break;
        }
        let place = format!("HDU {number}");
        let len = bytes.len();
        let cut_off = |found: String| Error::input(path, &*place, found, WHOLE);
        let header = header_byte_len(rest)
            .map_err(|_| cut_off(format!("a header without END in {len} bytes")))?;
        let cards = Cards::of(&rest[..header]);
        let data = data_len(&cards, number == 0).map_err(|fault| fault.of(path, &*place))?;
        if data > (rest.len() - header) as u64 {
            let there = rest.len() - header;
            let found = format!("{there} of {data} bytes of data in {len} bytes");
            return Err(cut_off(found));
        }
        let hdu = prepared(&cards, at, at + header, data as usize);
        parts.push(Part {
            hdu: hdu.map_err(|fault| fault.of(path, &*place))?,
            cards,
        });
        at += header + padded_byte_len(data as usize);
    }
    Ok(parts)
}

const WHOLE: &str = "a whole FITS file; it may be truncated";

/// What follows the last HDU may be what FITS calls special records, but not an
/// extension that a wrong size hides.
fn no_extension(rest: &[u8]) -> Checked<()> {
    let cut = b"XTENSION".starts_with(&rest[..rest.len().min(8)]);
    let hidden = rest
        .chunks(BLOCK_SIZE)
        .any(|block| block.starts_with(b"XTENSION"));
    match cut || hidden {
        true => Err(Fault::new(
            format!(
                "{} bytes with an extension that does not begin where it should",
                rest.len()
            ),
            WHOLE,
        )),
        false => Ok(()),
    }
}

/// A whole number from `least` to `most`; `None` if there is no such card.
pub(super) fn whole(cards: &Cards, name: &str, least: i64, most: i64) -> Checked<Option<i64>> {
    once(cards, name)?;
    let Some(field) = cards.value(name) else {
        return Ok(None);
    };
    match field.whole().filter(|n| (least..=most).contains(n)) {
        Some(n) => Ok(Some(n)),
        None => Err(Fault::new(
            format!("{name} = {}", field.written()),
            match most {
                i64::MAX => format!("a whole number, {least} or more"),
                _ => format!("a whole number from {least} to {most}"),
            },
        )),
    }
}

/// As [`whole`], of a card that must be there.
pub(super) fn needed(cards: &Cards, name: &str, least: i64, most: i64) -> Checked<i64> {
    let missing = || Fault::new(format!("no {name}"), "a FITS header, which has it");
    whole(cards, name, least, most)?.ok_or_else(missing)
}

/// Refuses a keyword that stands twice with different values.
pub(super) fn once(cards: &Cards, name: &str) -> Checked<()> {
    match cards.twice(name) {
        None => Ok(()),
        Some((a, b)) => Err(Fault::new(
            format!("{name} twice: {} and {}", a.written(), b.written()),
            "one value",
        )),
    }
}

/// A logical value; false where there is none.
pub(super) fn flag(cards: &Cards, name: &str) -> Checked<bool> {
    once(cards, name)?;
    let Some(field) = cards.value(name) else {
        return Ok(false);
    };
    let fault = || Fault::new(format!("{name} = {}", field.written()), "T or F");
    field.logical().ok_or_else(fault)
}

/// Bits of a pixel, negative for floats.
pub(super) fn bitpix(cards: &Cards, name: &str) -> Checked<i64> {
    let bits = needed(cards, name, i64::MIN, i64::MAX)?;
    match bits {
        8 | 16 | 32 | 64 | -32 | -64 => Ok(bits),
        _ => Err(Fault::new(
            format!("{name} = {bits}"),
            "8, 16, 32, 64, -32 or -64",
        )),
    }
}

/// `name` = n, and `name`1 to `name`n.
pub(super) fn axes(cards: &Cards, name: &str) -> Checked<Vec<u64>> {
    let count = needed(cards, name, 0, MOST_AXES)?;
    let axis = |i| needed(cards, &format!("{name}{i}"), 0, i64::MAX).map(|n| n as u64);
    (1..=count).map(axis).collect()
}

/// The product, if a file could be as large.
pub(super) fn product(factors: impl IntoIterator<Item = u64>) -> Checked<u64> {
    let mut factors = factors.into_iter();
    let product = factors.try_fold(1_u64, |product, n| product.checked_mul(n));
    product.filter(|n| *n < 1 << 56).ok_or_else(|| {
        Fault::new(
            "axes (NAXISn, PCOUNT, GCOUNT) of more bytes than there are",
            "those of the data",
        )
    })
}

/// Bytes of data without the filling (FITS standard 4.0, eq. 1, 2 and 4).
fn data_len(cards: &Cards, primary: bool) -> Checked<u64> {
    let bytes = bitpix(cards, "BITPIX")?.unsigned_abs() / 8;
    let axes = axes(cards, "NAXIS")?;
    if axes.is_empty() {
        return Ok(0);
    }
    let groups = primary && axes[0] == 0 && flag(cards, "GROUPS")?;
    if primary && !groups {
        return product(axes.into_iter().chain([bytes]));
    }
    let most = i64::MAX;
    let parameters = whole(cards, "PCOUNT", 0, most)?.unwrap_or(0) as u64;
    let count = whole(cards, "GCOUNT", 1, most)?.unwrap_or(1) as u64;
    let pixels = product(axes.into_iter().skip(usize::from(groups)))?;
    let each = product([pixels.saturating_add(parameters)])?;
    product([each, bytes, count])
}

/// The HDU as fitsio-pure has it.
fn prepared(cards: &Cards, start: usize, data: usize, len: usize) -> Checked<Hdu> {
    for name in ["TFIELDS", "ZNAXIS"] {
        whole(cards, name, 0, MOST_AXES)?;
    }
    if flag(cards, "ZIMAGE")? {
        bitpix(cards, "ZBITPIX")?;
        product(axes(cards, "ZNAXIS")?)?;
    }
    let own = plain(cards)?;
    let hdu = Hdu::from_cards(own.clone(), start, data).or_else(|error| match error {
        // Others have what they want in an extension of another kind.
        fitsio_pure::Error::UnsupportedExtension(_) => Ok(Hdu {
            info: HduInfo::AsciiTable {
                naxis1: 0,
                naxis2: 0,
                tfields: 0,
            },
            header_start: start,
            data_start: data,
            data_len: len,
            cards: own,
        }),
        error => Err(Fault::new(error.to_string(), "the header of an HDU")),
    })?;
    Ok(Hdu {
        data_len: len,
        ..hdu
    })
}

/// What the value of a card is that fitsio-pure decodes by.
#[derive(Clone, Copy)]
enum Kind {
    Whole,
    Number,
    Flag,
    Text,
    Any,
}

/// The keywords that fitsio-pure decodes by; a # stands for a number.
const DECODED_BY: [(&str, Kind); 35] = [
    ("SIMPLE", Kind::Flag),
    ("XTENSION", Kind::Text),
    ("BITPIX", Kind::Whole),
    ("NAXIS", Kind::Whole),
    ("NAXIS#", Kind::Whole),
    ("PCOUNT", Kind::Whole),
    ("GCOUNT", Kind::Whole),
    ("GROUPS", Kind::Flag),
    ("BSCALE", Kind::Number),
    ("BZERO", Kind::Number),
    ("BLANK", Kind::Whole),
    ("TFIELDS", Kind::Whole),
    ("TTYPE#", Kind::Text),
    ("TFORM#", Kind::Text),
    ("TBCOL#", Kind::Whole),
    ("TDIM#", Kind::Text),
    ("TSCAL#", Kind::Number),
    ("TZERO#", Kind::Number),
    ("TNULL#", Kind::Any),
    ("THEAP", Kind::Whole),
    ("ZIMAGE", Kind::Flag),
    ("ZBITPIX", Kind::Whole),
    ("ZNAXIS", Kind::Whole),
    ("ZNAXIS#", Kind::Whole),
    ("ZTILE#", Kind::Whole),
    ("ZCMPTYPE", Kind::Text),
    ("ZNAME#", Kind::Text),
    ("ZVAL#", Kind::Any),
    ("ZQUANTIZ", Kind::Text),
    ("ZDITHER0", Kind::Whole),
    ("ZSCALE", Kind::Number),
    ("ZZERO", Kind::Number),
    ("ZBLANK", Kind::Whole),
    ("ZMASKCMP", Kind::Text),
    ("EXTNAME", Kind::Text),
];

/// Those of `cards` that fitsio-pure decodes by, in the one form that it understands: it
/// takes `BSCALE = '2.0'` and `bscale = 2.0` for no BSCALE.
fn plain(cards: &Cards) -> Checked<Vec<Card>> {
    let mut plain: Vec<Card> = Vec::new();
    let bits = cards.value("ZBITPIX").or(cards.value("BITPIX"));
    let floats = bits.and_then(Field::whole).is_some_and(|bits| bits < 0);
    for (name, field) in cards.iter() {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let numbered = |known: &str| known.strip_suffix('#') == Some(stem) && stem != name;
        let known = |(known, _): &&(&str, Kind)| *known == name || numbered(known);
        let Some(&(_, kind)) = DECODED_BY.iter().find(known) else {
            continue;
        };
        let wrong = |expected: &str| {
            let found = format!("{name} = {}", field.written());
            Err(Fault::new(found, expected))
        };
        let mut key = [b' '; 8];
        // BLANK means nothing among floats, whatever it is.
        if name.len() > key.len() || field.is_empty() || (floats && name == "BLANK") {
            continue;
        }
        key[..name.len()].copy_from_slice(name.as_bytes());
        if plain.iter().any(|card| card.keyword == key) {
            once(cards, name)?;
            continue;
        }
        let text = || field.text().unwrap_or_default();
        let number = || field.number().filter(|x| x.is_finite());
        let value = match kind {
            Kind::Whole => match field.whole() {
                Some(n) => Value::Integer(n),
                None => return wrong("a whole number"),
            },
            Kind::Number => match number() {
                Some(x) => Value::Float(x),
                None => return wrong("a finite number"),
            },
            Kind::Flag => match field.logical() {
                Some(flag) => Value::Logical(flag),
                None => return wrong("T or F"),
            },
            Kind::Text => Value::String(text()),
            Kind::Any => match (field.whole(), number(), field.logical()) {
                (Some(n), ..) => Value::Integer(n),
                (_, Some(x), _) => Value::Float(x),
                (_, _, Some(flag)) => Value::Logical(flag),
                _ => Value::String(text()),
            },
        };
        plain.push(Card {
            keyword: key,
            value: Some(value),
            comment: None,
        });
    }
    Ok(plain)
}
