//! The file of an image again, with light added to some of its pixels.
//!
//! Every other HDU is copied byte by byte. Of the image's own HDU the header keeps its
//! cards and gets new ones, and pixels to which nothing is added keep their bits. A
//! compressed image is compressed again, without loss: integers by Rice, floats by
//! gzip, because quantising them again would move every pixel.

use fitsio_pure::checksum::{checksum_blocks, encode_checksum};
use fitsio_pure::compress::{TileCompression, compress_image_hdu};
use fitsio_pure::hdu::HduInfo;
use fitsio_pure::header::{Card, format_card, format_end_card};
use fitsio_pure::image::{ImageData, extract_blank, read_image_data, serialize_image};
use fitsio_pure::value::Value;
use fitsio_pure::{BLOCK_SIZE, CARD_SIZE, gzip};

use super::Exposure;
use crate::data::caught::caught;
use crate::{Error, Result};

type RawCard = [u8; CARD_SIZE];

/// What is said in the header of what was done.
#[derive(Clone, Debug, PartialEq)]
pub enum Keyword {
    /// A name of at most 8 characters and a whole number.
    Whole(&'static str, u64),
    /// A name of at most 8 characters and a number.
    Number(&'static str, f64),
    /// A line of HISTORY, at most 70 characters.
    History(String),
}

/// How sums become pixels.
pub struct Rounding<'a> {
    /// No pixel is raised above this, in the file's units; infinite if nothing is known.
    pub saturate: f64,
    /// In [0, 1), for each pixel of an integer image to which light is added: it becomes
    /// the whole number below sum + dither. Rounding to the nearest instead would lose
    /// the wings of every source, pixel by pixel.
    pub dither: &'a (dyn Fn(usize) -> f64 + Sync),
}

/// A file in memory.
#[derive(Debug)]
pub struct Written {
    /// All of it, gzipped if the original was.
    pub bytes: Vec<u8>,
    /// Pixels that could not take all the light: saturated, or at the end of the integers.
    pub clipped: usize,
}

impl Exposure {
    /// The file with `added`, (height, width) in the file's units, added to the image, and
    /// `keywords` in its header; those of the same name go. Nothing is added to pixels
    /// without a value. CHECKSUM and DATASUM are renewed where there are any.
    pub fn with_light(
        &self,
        added: &[f32],
        rounding: &Rounding,
        keywords: &[Keyword],
    ) -> Result<Written> {
        if added.len() != self.values.len() {
            let shapes: [&[usize]; 2] = [&[added.len()], &[self.height, self.width]];
            return Err(Error::shape(
                "with_light",
                "they are not of one size",
                &shapes,
            ));
        }
        let hdu = &self.hdu;
        let failed = |e: fitsio_pure::Error| {
            let found = format!("an image that cannot be written again ({e})");
            Error::input(&self.path, "image", found, "one that FITS can hold")
        };
        let mut image = read_image_data(&self.bytes, hdu).map_err(failed)?;
        let clipped = self.add(&mut image, added, rounding);
        let cards = new_cards(keywords).map_err(failed)?;
        let packed = matches!(hdu.info, HduInfo::CompressedImage { .. });
        let (header, data) = if packed {
            let fresh = caught(|| compressed(&image, self));
            let fresh = fresh.unwrap_or(Err(fitsio_pure::Error::InvalidHeader("compression")));
            self.packed_header(fresh.map_err(failed)?, &cards)
        } else {
            let own = raw_cards(&self.bytes[hdu.header_start..hdu.data_start]);
            (merged(own, &cards), serialize_image(&image))
        };
        let end = hdu.data_start + hdu.data_len.div_ceil(BLOCK_SIZE) * BLOCK_SIZE;
        let mut bytes = Vec::with_capacity(self.bytes.len() + data.len() + header.len());
        bytes.extend_from_slice(&self.bytes[..hdu.header_start]);
        let start = bytes.len();
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&data);
        sign(&mut bytes[start..], header.len());
        // The padding of the last HDU is missing in some files.
        bytes.extend_from_slice(&self.bytes[end.min(self.bytes.len())..]);
        if self.gzipped {
            bytes = gzip::compress(&bytes, 6);
        }
        Ok(Written { bytes, clipped })
    }

    /// Adds, and returns how many pixels could not take all of it.
    fn add(&self, image: &mut ImageData, added: &[f32], rounding: &Rounding) -> usize {
        let (scale, _) = self.scaling();
        let blank = extract_blank(&self.hdu.cards);
        let mut clipped = 0;
        // What is added to pixel `i`, in its own units; `None` if nothing is.
        let mut more = |i: usize| {
            let (old, more) = (f64::from(self.values[i]), f64::from(added[i]));
            if more == 0.0 || !old.is_finite() {
                return None;
            }
            let room = (rounding.saturate - old).max(0.0);
            clipped += usize::from(more > room);
            Some(more.min(room) / scale)
        };
        let mut overflowing = 0;
        macro_rules! whole {
            ($pixels:expr, $t:ty) => {
                for (i, pixel) in $pixels.iter_mut().enumerate() {
                    let Some(more) = more(i) else { continue };
                    let sum = (*pixel as f64 + more + (rounding.dither)(i)).floor();
                    // A float as `as` turns it stops at the ends of the type.
                    let mut value = sum as $t;
                    overflowing += usize::from(value as f64 != sum);
                    if Some(value as i64) == blank {
                        value = value.checked_sub(1).unwrap_or(value + 1);
                    }
                    *pixel = value;
                }
            };
        }
        macro_rules! float {
            ($pixels:expr, $t:ty) => {
                for (i, pixel) in $pixels.iter_mut().enumerate() {
                    if let Some(more) = more(i) {
                        *pixel = (f64::from(*pixel) + more) as $t;
                    }
                }
            };
        }
        match image {
            ImageData::U8(pixels) => whole!(pixels, u8),
            ImageData::I16(pixels) => whole!(pixels, i16),
            ImageData::I32(pixels) => whole!(pixels, i32),
            ImageData::I64(pixels) => whole!(pixels, i64),
            ImageData::F32(pixels) => float!(pixels, f32),
            ImageData::F64(pixels) => float!(pixels, f64),
        }
        clipped + overflowing
    }

    /// Header and data of a freshly compressed HDU; the header has the original's cards too,
    /// except those that say how it was compressed.
    fn packed_header(&self, fresh: Vec<u8>, cards: &[RawCard]) -> (Vec<u8>, Vec<u8>) {
        let hdu = &self.hdu;
        let end = raw_cards(&fresh).len() + 1;
        let split = (end * CARD_SIZE).div_ceil(BLOCK_SIZE) * BLOCK_SIZE;
        let mut header = raw_cards(&fresh[..split]);
        let own: Vec<_> = header.iter().map(name).collect();
        let old = raw_cards(&self.bytes[hdu.header_start..hdu.data_start]);
        let kept = old.into_iter().filter(|card| {
            let name = name(card);
            is_comment(&name) || !(own.contains(&name) || is_of_compression(&name))
        });
        header.extend(kept);
        // What is blank among integers stays so; a table may have said it in a column.
        let blank = extract_blank(&hdu.cards).map(Value::Integer);
        let blank = blank.and_then(|value| Card::new("ZBLANK", value).ok());
        header.extend(blank.map(|card| format_card(&card)));
        (merged(header, cards), fresh[split..].to_vec())
    }
}

fn compressed(image: &ImageData, exposure: &Exposure) -> fitsio_pure::Result<Vec<u8>> {
    let axes = [exposure.width, exposure.height];
    let (rice, gzip) = (TileCompression::rice(), TileCompression::gzip2().lossless());
    match image {
        ImageData::U8(pixels) => compress_image_hdu(&axes, pixels, &rice, &[]),
        ImageData::I16(pixels) => compress_image_hdu(&axes, pixels, &rice, &[]),
        ImageData::I32(pixels) => compress_image_hdu(&axes, pixels, &rice, &[]),
        ImageData::F32(pixels) => compress_image_hdu(&axes, pixels, &gzip, &[]),
        ImageData::F64(pixels) => compress_image_hdu(&axes, pixels, &gzip, &[]),
        ImageData::I64(_) => Err(fitsio_pure::Error::UnsupportedCompression(
            "64-bit integers cannot be compressed",
        )),
    }
}

/// The cards of a header up to END, without blank ones at their end.
fn raw_cards(header: &[u8]) -> Vec<RawCard> {
    let all = header.as_chunks::<CARD_SIZE>().0;
    let mut cards: Vec<RawCard> = all
        .iter()
        .take_while(|card| !card.starts_with(b"END     "))
        .copied()
        .collect();
    while cards
        .last()
        .is_some_and(|card| card.iter().all(|b| *b == b' '))
    {
        cards.pop();
    }
    cards
}

fn name(card: &RawCard) -> String {
    String::from_utf8_lossy(&card[..8]).trim_end().to_string()
}

fn is_comment(name: &str) -> bool {
    matches!(name, "" | "COMMENT" | "HISTORY" | "CONTINUE" | "HIERARCH")
}

/// Whether a keyword describes the table that a compressed image is stored as.
fn is_of_compression(name: &str) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered = [
        "TTYPE", "TFORM", "TDIM", "TUNIT", "ZTILE", "ZNAME", "ZVAL", "ZNAXIS",
    ];
    let fixed = [
        "ZSCALE", "ZZERO", "ZBLANK", "ZQUANTIZ", "ZDITHER", "ZCMPTYPE", "ZHECKSUM", "ZDATASUM",
        "THEAP", "ZMASKCMP", "FZALGOR", "FZTILE",
    ];
    numbered.contains(&stem) || fixed.contains(&name) || fixed.contains(&stem)
}

fn new_cards(keywords: &[Keyword]) -> fitsio_pure::Result<Vec<RawCard>> {
    let one = |keyword: &Keyword| {
        let card = match keyword {
            Keyword::Whole(name, value) => Card::new(name, Value::Integer(*value as i64))?,
            Keyword::Number(name, value) => Card::new(name, Value::Float(*value))?,
            Keyword::History(text) => {
                let mut raw = [b' '; CARD_SIZE];
                raw[..7].copy_from_slice(b"HISTORY");
                let printable = text
                    .bytes()
                    .map(|b| if (b' '..=b'~').contains(&b) { b } else { b'?' });
                raw[8..]
                    .iter_mut()
                    .zip(printable)
                    .for_each(|(to, from)| *to = from);
                return Ok(raw);
            }
        };
        Ok(format_card(&card))
    };
    keywords.iter().map(one).collect()
}

/// `cards` and after them `new`, which replace those of the same name, as header blocks.
fn merged(cards: Vec<RawCard>, new: &[RawCard]) -> Vec<u8> {
    let names: Vec<_> = new.iter().map(name).filter(|n| !is_comment(n)).collect();
    let kept = cards.iter().filter(|card| !names.contains(&name(card)));
    let end = format_end_card();
    let mut header: Vec<u8> = kept.chain(new).chain([&end]).flatten().copied().collect();
    header.resize(header.len().div_ceil(BLOCK_SIZE) * BLOCK_SIZE, b' ');
    header
}

/// Renews DATASUM and CHECKSUM of an HDU whose header has `header` bytes.
fn sign(hdu: &mut [u8], header: usize) {
    let place = |hdu: &[u8], wanted: &[u8]| {
        let cards = hdu[..header].as_chunks::<CARD_SIZE>().0;
        let at = cards.iter().position(|card| card.starts_with(wanted));
        at.map(|index| index * CARD_SIZE)
    };
    let put = |hdu: &mut [u8], at: usize, text: &str| {
        // The value's place and width as others write them, who sum up the card anew.
        let value = format!("{:<20} / renewed by rbgpu", format!("'{text:<8}'"));
        let value = format!("{value:<70}");
        hdu[at + 10..at + CARD_SIZE].copy_from_slice(&value.as_bytes()[..70]);
    };
    if let Some(at) = place(hdu, b"DATASUM =") {
        let sum = checksum_blocks(&hdu[header..]);
        put(hdu, at, &sum.to_string());
    }
    if let Some(at) = place(hdu, b"CHECKSUM=") {
        put(hdu, at, "0000000000000000");
        let sum = encode_checksum(checksum_blocks(hdu), true);
        put(hdu, at, &String::from_utf8_lossy(&sum));
    }
}
