//! A science image, whole: to measure stars in, to put sources into, and to
//! write again with nothing else changed.
//!
//! | file | what it does |
//! |---|---|
//! | `wcs` | from pixels to right ascension and declination |
//! | `write` | the same file with light added |

mod wcs;
mod write;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use fitsio_pure::hdu::{Hdu, HduInfo};
use fitsio_pure::image::{extract_bscale_bzero, image_dimensions, read_image_physical_f32};

use super::fits::cards::Cards;
use super::fits::hdus::{Part, parts};
use super::fits::{broken, checksums, guarded, is_gzip, tiles, unpacked};
use crate::{Error, Result};

pub use wcs::Wcs;
pub use write::{Keyword, Rounding, Written};

/// Pixels that are believed of an image: 32768 x 32768.
const MOST_PIXELS: usize = 1 << 30;

/// Bytes of an unzipped file that are believed: a mosaic of cameras has gigabytes.
const MOST_BYTES: usize = 1 << 34;
/// Pixels that one byte of a compressed file may stand for; DEFLATE reaches 1,032.
const MOST_PER_BYTE: usize = 4096;
/// Rows and columns below which nothing can be measured.
const LEAST_SIDE: usize = 16;

/// Which HDU holds the image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ImageHdu {
    /// The first with a 2-D image.
    #[default]
    First,
    /// By number; 0 is the primary one.
    Number(usize),
    /// By EXTNAME, in any case.
    Named(String),
}

impl std::str::FromStr for ImageHdu {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(match text.parse() {
            Ok(number) => ImageHdu::Number(number),
            Err(_) => ImageHdu::Named(text.to_string()),
        })
    }
}

/// A science image with the file that it is from.
#[derive(Debug)]
pub struct Exposure {
    /// Where it was read from.
    pub path: PathBuf,
    /// Columns, NAXIS1.
    pub width: usize,
    /// Rows, NAXIS2.
    pub height: usize,
    /// (height, width), row-major, in the file's units, BSCALE and BZERO applied;
    /// NaN where a pixel has no value (NaN, BLANK).
    pub values: Vec<f32>,
    /// From pixels to the sky, if the header says.
    pub wcs: Option<Wcs>,
    /// What a user should know: a header that says nothing usable of the sky.
    pub notices: Vec<String>,
    /// The file, unzipped.
    bytes: Vec<u8>,
    gzipped: bool,
    /// That of the image, as it is decoded.
    hdu: Hdu,
    /// The keywords of the image, and those of the primary HDU.
    own: Cards,
    primary: Cards,
}

impl Exposure {
    /// Reads the FITS file at `path`, plain, gzipped or fpacked.
    pub fn read(path: &Path, which: &ImageHdu) -> Result<Exposure> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        Exposure::parse(bytes, path, which)
    }

    /// Reads a FITS file from memory; `path` names it in errors.
    pub fn parse(bytes: Vec<u8>, path: &Path, which: &ImageHdu) -> Result<Exposure> {
        guarded(path, "a whole FITS file", || decode(bytes, path, which))
    }

    /// The pixel in column `x` and row `y`, counted from 0; NaN outside.
    pub fn at(&self, x: i64, y: i64) -> f32 {
        let inside = (0..self.width as i64).contains(&x) && (0..self.height as i64).contains(&y);
        if !inside {
            return f32::NAN;
        }
        self.values[y as usize * self.width + x as usize]
    }

    /// The first of these keywords that holds a finite number, with its name: in the
    /// image's own header, then in the primary one.
    pub fn number<'a>(&self, names: &[&'a str]) -> Option<(&'a str, f64)> {
        let known = |name: &&'a str| {
            let field = self.own.value(name).or_else(|| self.primary.value(name))?;
            let number = field.number()?;
            number.is_finite().then_some((*name, number))
        };
        names.iter().find_map(known)
    }

    /// BSCALE and BZERO.
    fn scaling(&self) -> (f64, f64) {
        extract_bscale_bzero(&self.hdu.cards)
    }
}

fn decode(bytes: Vec<u8>, path: &Path, which: &ImageHdu) -> Result<Exposure> {
    let failed = broken(path, bytes.len());
    let gzipped = is_gzip(&bytes);
    let owned = match unpacked(&bytes, MOST_BYTES, path)? {
        Cow::Owned(unzipped) => Some(unzipped),
        Cow::Borrowed(_) => None,
    };
    let bytes = owned.unwrap_or(bytes);
    let parts = parts(&bytes, path)?;
    let chosen = &parts[choose(&parts, path, which)?];
    let (width, height) = plane(chosen).expect("what was chosen is an image");
    believable(&chosen.hdu, width, height, bytes.len(), path)?;
    let hdu = tiles::decodable(&bytes, chosen).map_err(|fault| fault.of(path, "image"))?;
    let image = read_image_physical_f32(&bytes, &hdu);
    let values = image.map_err(&failed)?;
    if values.len() != width * height {
        let found = format!("{} pixels", values.len());
        let expected = format!("{width} x {height}");
        return Err(Error::input(path, "image", found, expected));
    }
    let mut notices = Vec::new();
    let wrong = checksums::wrong(&bytes, &parts);
    if !wrong.is_empty() {
        let wrong = wrong.join(", ");
        notices.push(format!(
            "{}: {wrong} wrong; the file was damaged or changed",
            path.display()
        ));
    }
    let wcs = Wcs::of(&chosen.cards);
    let wcs = wcs.map_err(|why| {
        notices.push(format!(
            "{why}: the catalogue has x and y, but no ra and dec"
        ));
    });
    Ok(Exposure {
        path: path.to_path_buf(),
        width,
        height,
        values,
        wcs: wcs.ok(),
        notices,
        hdu,
        own: chosen.cards.clone(),
        primary: parts[0].cards.clone(),
        bytes,
        gzipped,
    })
}

/// The name of an image without its folder and the endings of FITS files.
pub(crate) fn stem(image: &str) -> &str {
    let mut name = image.trim().rsplit(['/', '\\']).next().unwrap_or_default();
    for ending in [".gz", ".fz", ".fits", ".fit", ".fts"] {
        let rest = name.len().saturating_sub(ending.len());
        let last = name.get(rest..).unwrap_or_default();
        if last.eq_ignore_ascii_case(ending) {
            name = &name[..rest];
        }
    }
    name
}

/// Columns and rows of a 2-D image; further axes of length 1 do not count.
fn plane(part: &Part) -> Option<(usize, usize)> {
    let mut axes = image_dimensions(&part.hdu).ok()?;
    while axes.len() > 2 && axes.last() == Some(&1) {
        axes.pop();
    }
    match axes[..] {
        [width, height] if width > 0 && height > 0 => Some((width, height)),
        _ => None,
    }
}

fn choose(parts: &[Part], path: &Path, which: &ImageHdu) -> Result<usize> {
    let is_image = |index: &usize| plane(&parts[*index]).is_some();
    let name = |index: usize| parts[index].name();
    let chosen = match which {
        ImageHdu::First => (0..parts.len()).find(is_image),
        ImageHdu::Number(number) => Some(*number).filter(|n| *n < parts.len()),
        ImageHdu::Named(wanted) => {
            (0..parts.len()).find(|index| name(*index).eq_ignore_ascii_case(wanted))
        }
    };
    if let Some(index) = chosen.filter(is_image) {
        return Ok(index);
    }
    let describe = |index: usize| {
        let what = match plane(&parts[index]) {
            Some((width, height)) => format!("{width} x {height} image"),
            None => "no 2-D image".into(),
        };
        format!("{index} {} ({what})", name(index)).replace("  ", " ")
    };
    let all: Vec<String> = (0..parts.len().min(20)).map(describe).collect();
    let expected = match which {
        ImageHdu::First => "a 2-D image in one of them".to_string(),
        ImageHdu::Number(number) => format!("a 2-D image in HDU {number}"),
        ImageHdu::Named(wanted) => format!("a 2-D image in an HDU named {wanted}"),
    };
    Err(Error::input(path, "HDUs", all.join(", "), expected))
}

fn believable(hdu: &Hdu, width: usize, height: usize, len: usize, path: &Path) -> Result<()> {
    let packed = matches!(hdu.info, HduInfo::CompressedImage { .. });
    let most = if packed {
        MOST_PIXELS.min(len.saturating_mul(MOST_PER_BYTE))
    } else {
        MOST_PIXELS
    };
    let pixels = width.checked_mul(height);
    if pixels.is_none_or(|n| n > most) || width.min(height) < LEAST_SIDE {
        let found = format!("{width} x {height} pixels in {len} bytes");
        let expected = format!("at least {LEAST_SIDE} on a side and no more than {most}");
        return Err(Error::input(path, "image", found, expected));
    }
    Ok(())
}
