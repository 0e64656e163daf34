//! Whether an image can be decoded as it is meant: compressed tiles with all that sizes
//! them, and which pixels are blank. What fitsio-pure would decode to other pixels than
//! CFITSIO is refused by name.

use fitsio_pure::bintable::BinaryColumnType;
use fitsio_pure::hdu::{Hdu, HduInfo};
use fitsio_pure::header::Card;
use fitsio_pure::value::Value;

use super::cards::{Cards, Field};
use super::columns::{Column, columns};
use super::hdus::{Checked, Fault, Part, axes, bitpix, needed, product, whole};

/// Pixels of a block of RICE_1 that are believed; writers take 16 or 32.
const MOST_BLOCK: i64 = 1 << 16;

/// Bytes that any codec may need for a tile besides 16 for each of its pixels.
const SPARE: u64 = 1024;

/// The HDU of an image, checked, as fitsio-pure decodes it rightly.
pub fn decodable(bytes: &[u8], part: &Part) -> Checked<Hdu> {
    let mut hdu = part.hdu.clone();
    let cards = &part.cards;
    if let Some(scale) = cards.number("BSCALE").filter(|scale| *scale == 0.0) {
        return Err(Fault::new(
            format!("BSCALE = {scale}"),
            "a finite number, not 0",
        ));
    }
    let blank = match &hdu.info {
        HduInfo::Primary { bitpix, .. } | HduInfo::Image { bitpix, .. } => {
            for (name, only) in [("PCOUNT", 0), ("GCOUNT", 1)] {
                whole(cards, name, only, only)?;
            }
            blank_of(*bitpix, whole(cards, "BLANK", i64::MIN, i64::MAX))
        }
        HduInfo::CompressedImage { zbitpix, .. } => {
            let table = Tiles::of(bytes, part)?;
            table.check()?;
            blank_of(*zbitpix, table.blank())
        }
        _ => return Err(Fault::new("a table", "an image")),
    }?;
    hdu.cards.retain(|card| card.keyword_str() != "BLANK");
    if let Some(blank) = blank {
        let card = Card::new("BLANK", Value::Integer(blank));
        hdu.cards.extend(card.ok());
    }
    if let HduInfo::CompressedImage {
        blocksize,
        rice_bytepix,
        ..
    } = &mut hdu.info
    {
        // fitsio-pure takes them by number, not by name.
        *blocksize = parameter(cards, "BLOCKSIZE", 1, MOST_BLOCK)?.unwrap_or(32) as usize;
        *rice_bytepix = parameter(cards, "BYTEPIX", 1, 8)?.unwrap_or(4) as usize;
    }
    Ok(hdu)
}

/// The blank value of an image of integers, if pixels can have it: fitsio-pure would take
/// its lowest bits.
fn blank_of(bits: i64, blank: Checked<Option<i64>>) -> Checked<Option<i64>> {
    let possible = |blank: &i64| match bits {
        8 => (0..=255).contains(blank),
        16 => i16::try_from(*blank).is_ok(),
        32 => i32::try_from(*blank).is_ok(),
        64 => true,
        _ => false,
    };
    match bits {
        ..0 => Ok(None),
        _ => Ok(blank?.filter(possible)),
    }
}

/// The number of the compression parameter `name`: the n of the ZNAMEn that says so.
fn parameter_number(cards: &Cards, name: &str) -> Option<usize> {
    cards.iter().find_map(|(keyword, field)| {
        let n = keyword.strip_prefix("ZNAME")?.parse().ok()?;
        let text = field.text()?;
        text.eq_ignore_ascii_case(name).then_some(n)
    })
}

/// The compression parameter `name`, its ZVALn.
fn parameter(cards: &Cards, name: &str, least: i64, most: i64) -> Checked<Option<i64>> {
    let Some(n) = parameter_number(cards, name) else {
        return Ok(None);
    };
    whole(cards, &format!("ZVAL{n}"), least, most).map_err(|fault| Fault {
        found: format!("{} ({name})", fault.found),
        ..fault
    })
}

/// The table of a compressed image.
struct Tiles<'a> {
    cards: &'a Cards,
    /// NAXIS2 rows of `row` bytes, then the heap.
    data: &'a [u8],
    row: usize,
    rows: usize,
    columns: Vec<Column>,
    bits: i64,
    codec: String,
}

impl<'a> Tiles<'a> {
    fn of(bytes: &'a [u8], part: &'a Part) -> Checked<Tiles<'a>> {
        let (cards, hdu) = (&part.cards, &part.hdu);
        let known = [
            "RICE_1",
            "RICE_ONE",
            "GZIP_1",
            "GZIP_2",
            "HCOMPRESS_1",
            "PLIO_1",
            "NOCOMPRESS",
        ];
        let codec = cards.text("ZCMPTYPE").unwrap_or_default();
        if !known.contains(&codec.as_str()) {
            let expected = format!("one of {}", known.join(", "));
            return Err(Fault::new(format!("ZCMPTYPE = '{codec}'"), expected));
        }
        let tiles = Tiles {
            cards,
            data: &bytes[hdu.data_start..][..hdu.data_len],
            row: needed(cards, "NAXIS1", 1, i64::MAX)? as usize,
            rows: needed(cards, "NAXIS2", 0, i64::MAX)? as usize,
            columns: columns(cards)?,
            bits: bitpix(cards, "ZBITPIX")?,
            codec,
        };
        // `data_len` is of a table: NAXIS = 2, BITPIX = 8.
        let table = product([tiles.row as u64, tiles.rows as u64])?;
        for (name, only) in [("NAXIS", 2), ("BITPIX", 8), ("GCOUNT", 1)] {
            whole(cards, name, only, only)?;
        }
        // fitsio-pure looks for the heap right behind the rows.
        whole(cards, "THEAP", table as i64, table as i64)?;
        Ok(tiles)
    }

    fn check(&self) -> Checked<()> {
        let cards = self.cards;
        let axes = axes(cards, "ZNAXIS")?;
        let mut sides = Vec::new();
        for (axis, n) in axes.iter().zip(1..) {
            let missing = if n == 1 { (*axis).max(1) } else { 1 };
            let side = whole(cards, &format!("ZTILE{n}"), 1, i64::MAX)?;
            sides.push(side.map_or(missing, |side| side as u64));
        }
        let count = product(
            axes.iter()
                .zip(&sides)
                .map(|(axis, side)| axis.div_ceil(*side)),
        )?;
        if count != self.rows as u64 {
            return Err(Fault::new(
                format!("NAXIS2 = {} tiles", self.rows),
                format!("{count}, by ZNAXISn and ZTILEn"),
            ));
        }
        self.parameters()?;
        for index in 0..self.rows {
            let mut rest = index as u64;
            let mut pixels = 1;
            for (axis, side) in axes.iter().zip(&sides) {
                let along = axis.div_ceil(*side);
                let first = rest % along * side;
                rest /= along;
                pixels *= (*side).min(axis - first);
            }
            self.tile(index, pixels)?;
        }
        Ok(())
    }

    /// What says how tiles are to be decoded.
    fn parameters(&self) -> Checked<()> {
        let cards = self.cards;
        if let Some(mask) = cards.text("ZMASKCMP") {
            let expected = "an image without a mask of null pixels; unpack it with funpack";
            return Err(Fault::new(format!("ZMASKCMP = '{mask}'"), expected));
        }
        if self.codec.starts_with("RICE") {
            parameter(cards, "BLOCKSIZE", 1, MOST_BLOCK)?;
            let bytes = parameter(cards, "BYTEPIX", 1, 8)?.unwrap_or(4);
            if !matches!(bytes, 1 | 2 | 4) {
                let expected = "1, 2 or 4; unpack the file with funpack";
                return Err(Fault::new(format!("BYTEPIX = {bytes}"), expected));
            }
        }
        if self.codec == "HCOMPRESS_1"
            && let Some(n) = parameter_number(cards, "SMOOTH")
        {
            // fitsio-pure looks from ZNAME1 on and stops where there is none.
            let found = cards.value(&format!("ZVAL{n}"));
            let all = (1..n.min(10)).all(|n| cards.value(&format!("ZNAME{n}")).is_some());
            if found.and_then(Field::logical).is_none() || !all || n > 9 {
                let found = found.map_or("nothing".into(), Field::written);
                let found = format!("ZVAL{n} = {found} (SMOOTH)");
                return Err(Fault::new(found, "0 or 1, behind ZNAME1 and those between"));
            }
        }
        if self.bits == 64 && !self.of_bytes() {
            let found = format!("ZBITPIX = 64 with {}", self.codec);
            return Err(Fault::new(found, "32 bits at most; unpack it with funpack"));
        }
        if self.bits > 0 {
            return Ok(());
        }
        let method = cards.text("ZQUANTIZ").unwrap_or_default();
        match method.as_str() {
            "" | "NONE" | "NO_DITHER" => {}
            "SUBTRACTIVE_DITHER_1" | "SUBTRACTIVE_DITHER_2" => {
                needed(cards, "ZDITHER0", 1, 10_000)?;
            }
            _ => {
                let expected = "NONE, NO_DITHER, SUBTRACTIVE_DITHER_1 or SUBTRACTIVE_DITHER_2";
                return Err(Fault::new(format!("ZQUANTIZ = '{method}'"), expected));
            }
        }
        for (name, only) in [("ZSCALE", 'D'), ("ZZERO", 'D'), ("ZBLANK", 'J')] {
            if let Some(column) = self.column(name) {
                let fits = match column.kind {
                    BinaryColumnType::Double => only == 'D',
                    BinaryColumnType::Int => only == 'J',
                    _ => false,
                };
                if !(fits && column.repeat == 1) {
                    let found = format!("a column {name} of another type");
                    return Err(Fault::new(found, format!("TFORMn = '1{only}'")));
                }
            }
        }
        Ok(())
    }

    /// Whether tiles are the bytes of pixels, gzipped or not.
    fn of_bytes(&self) -> bool {
        self.codec.starts_with("GZIP") || self.codec == "NOCOMPRESS"
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The number in `bytes` bytes of row `index` from `at` on, with its sign.
    fn number(&self, index: usize, at: usize, bytes: usize) -> i64 {
        let place = index * self.row + at;
        let all = &self.data[place..place + bytes];
        let first = if all[0] & 0x80 == 0 { 0 } else { -1 };
        all.iter().fold(first, |n, byte| n << 8 | i64::from(*byte))
    }

    /// Checks that the data of tile `index` lie in the heap and are about as many as
    /// `pixels` need.
    fn tile(&self, index: usize, pixels: u64) -> Checked<()> {
        let heap = &self.data[self.row * self.rows..];
        let wide = self.bits.unsigned_abs() / 8;
        let mut empty = true;
        for name in [
            "COMPRESSED_DATA",
            "UNCOMPRESSED_DATA",
            "GZIP_COMPRESSED_DATA",
        ] {
            let Some(column) = self.column(name) else {
                continue;
            };
            let place = format!("{name}, tile {index}");
            let (half, element) = match column.kind {
                BinaryColumnType::VarArrayP(element) => (4, element),
                BinaryColumnType::VarArrayQ(element) => (8, element),
                _ => {
                    return Err(Fault::new(
                        format!("{name} of one length"),
                        "a column of arrays",
                    ));
                }
            };
            let element = match element {
                'I' => 2,
                'J' | 'E' => 4,
                'K' | 'D' => 8,
                _ => 1,
            };
            let count = self.number(index, column.at, half);
            let start = self.number(index, column.at + half, half);
            let data = usize::try_from(start).ok().and_then(|start| {
                let len = usize::try_from(count).ok()?.checked_mul(element)?;
                heap.get(start..start.checked_add(len)?)
            });
            let Some(data) = data else {
                return Err(Fault::new(
                    format!("{place}: {count} values at {start}"),
                    format!("a place in the heap of {} bytes (PCOUNT)", heap.len()),
                ));
            };
            if data.is_empty() || !empty {
                continue;
            }
            empty = false;
            let (own, gzip) = match name {
                "COMPRESSED_DATA" => (true, self.codec.starts_with("GZIP")),
                name => (false, name.starts_with("GZIP")),
            };
            // Bytes of a pixel, where the tile says how many bytes it becomes.
            let sizes = match self.bits {
                _ if own && !self.of_bytes() => None,
                8 | 16 if own => Some([wide, 4]),
                ..0 if own && self.quantised() => Some([2, 4]),
                _ => Some([wide, wide]),
            };
            let len = match gzip {
                true => gzip_len(data),
                false => Some(data.len() as u64),
            };
            let of_pixels = |sizes: [u64; 2]| sizes.iter().any(|size| len == Some(size * pixels));
            let fits = sizes.is_none_or(of_pixels);
            if !fits || data.len() as u64 > 16 * pixels + SPARE {
                let found = format!("{place}: {} bytes", data.len());
                let expected = format!("those of {pixels} pixels");
                return Err(Fault::new(found, expected));
            }
        }
        match empty && pixels > 0 {
            true => Err(Fault::new(
                format!("tile {index} without data"),
                "its pixels",
            )),
            false => Ok(()),
        }
    }

    /// Whether floats are stored as integers.
    fn quantised(&self) -> bool {
        let there = |name| self.column(name).is_some() || self.cards.number(name).is_some();
        self.bits < 0
            && self.cards.text("ZQUANTIZ").as_deref() != Some("NONE")
            && there("ZSCALE")
            && there("ZZERO")
    }

    /// The blank value of integers: ZBLANK, or BLANK, or a column ZBLANK of one value.
    fn blank(&self) -> Checked<Option<i64>> {
        let any = |name| whole(self.cards, name, i64::MIN, i64::MAX);
        let mut all = match self.column("ZBLANK") {
            Some(column) if self.bits > 0 => {
                let bytes = match (&column.kind, column.repeat) {
                    (BinaryColumnType::Byte, 1) => 1,
                    (BinaryColumnType::Short, 1) => 2,
                    (BinaryColumnType::Int, 1) => 4,
                    (BinaryColumnType::Long, 1) => 8,
                    _ => return Err(Fault::new("a column ZBLANK of no integers", "integers")),
                };
                (0..self.rows)
                    .map(|index| self.number(index, column.at, bytes))
                    .collect()
            }
            _ => Vec::new(),
        };
        all.extend(any("ZBLANK")?);
        all.extend(any("BLANK")?);
        all.sort_unstable();
        all.dedup();
        match all[..] {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            [a, b, ..] => Err(Fault::new(
                format!("blank pixels of {a} and of {b} (ZBLANK, BLANK)"),
                "one blank value; unpack the file with funpack",
            )),
        }
    }
}

/// How many bytes gzip says its data become.
fn gzip_len(data: &[u8]) -> Option<u64> {
    let last = data.last_chunk::<4>()?;
    let gzip = data.starts_with(crate::data::gunzip::GZIP);
    gzip.then(|| u64::from(u32::from_le_bytes(*last)))
}
