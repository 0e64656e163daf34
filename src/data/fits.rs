//! One cutout from one FITS file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fitsio_pure::hdu::{FitsData, Hdu, parse_fits};
use fitsio_pure::header::Card;
use fitsio_pure::image::{image_dimensions, read_image_physical_f32};
use fitsio_pure::value::{Value, parse_value};
use fitsio_pure::{CARD_SIZE, gzip};

use super::columns::{known, parse_known};
use super::{Candidate, CutoutShape, npy, options};
use crate::{Error, Result};

/// Pixels per file that are believed: a cutout has thousands.
const MOST_PIXELS: usize = 1 << 26;

/// What one file holds.
#[derive(Clone, Debug)]
pub struct FitsCutout {
    /// Its size: one image of NAXIS2 rows and NAXIS1 columns; NAXIS3 images if there are three axes.
    pub shape: CutoutShape,
    /// (H, W, C), BSCALE and BZERO applied; BLANK pixels are NaN.
    pub values: Vec<f32>,
    /// CANDID (or NAME, or the file's name), MAG (or `mag_calib`), MAGERR,
    /// FILTER and FWHM.
    pub candidate: Candidate,
    /// EDGE: the cutout was cut off by the edge of the image.
    pub edge: bool,
}

/// Reads the FITS file at `path`, plain, gzipped or fpacked.
pub fn read_fits(path: &Path) -> Result<FitsCutout> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    read_fits_bytes(&bytes, path)
}

/// Reads a FITS file from memory; `path` names it in errors, and its last part
/// is the candidate's id if the header has none.
///
/// The image is the extension whose EXTNAME is DIFF; else the primary one;
/// else the only image extension. Keywords are looked up in its own header,
/// then in the primary one.
pub fn read_fits_bytes(bytes: &[u8], path: &Path) -> Result<FitsCutout> {
    // fitsio-pure returns errors, but the headers that it multiplies and
    // allocates by come from outside.
    catch_unwind(AssertUnwindSafe(|| decode(bytes, path))).unwrap_or_else(|_| {
        Err(Error::input(
            path,
            "file",
            "data that the FITS reader fails on",
            "a whole FITS file",
        ))
    })
}

fn decode(bytes: &[u8], path: &Path) -> Result<FitsCutout> {
    if bytes.starts_with(options::LFS) {
        return Err(options::lfs_error(path));
    }
    let broken = |e: fitsio_pure::Error| {
        let found = format!("{} bytes that cannot be read ({e})", bytes.len());
        Error::input(
            path,
            "file",
            found,
            "a whole FITS file; it may be truncated",
        )
    };
    let unpacked;
    let bytes = if gzip::is_gzip(bytes) {
        unpacked = gzip::decompress(bytes).map_err(broken)?;
        &unpacked[..]
    } else {
        bytes
    };
    if !bytes.starts_with(b"SIMPLE") {
        let found = if bytes.is_empty() {
            "an empty file".into()
        } else {
            npy::printable(bytes)
        };
        return Err(Error::input(
            path,
            "start of the file",
            found,
            "a FITS file (SIMPLE = T)",
        ));
    }
    plausible_axes(bytes).map_err(|found| {
        Error::input(path, "header", found, "a FITS image with a sensible NAXIS")
    })?;
    let file = parse_fits(bytes).map_err(broken)?;
    let hdu = image_hdu(&file, path)?;
    let shape = shape_of(hdu, path)?;
    let planes = read_image_physical_f32(bytes, hdu).map_err(broken)?;
    if planes.len() != shape.len() {
        let found = format!("{} pixels", planes.len());
        return Err(Error::input(
            path,
            "image",
            found,
            format!("{} ({shape})", shape.len()),
        ));
    }
    let values = channels_last(planes, shape);
    let header = Header {
        own: &hdu.cards,
        primary: &file.primary().cards,
    };
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    let id = header.text("CANDID").or_else(|| header.text("NAME"));
    let candidate = Candidate {
        id: id.unwrap_or_else(|| name.into_owned()),
        mag: header.number(&["MAG", "mag_calib"]),
        mag_err: header.number(&["MAGERR", "mag_calib_err", "mag_calib_unc"]),
        filter: header.text("FILTER").unwrap_or_default(),
        fwhm: header.number(&["FWHM"]),
    };
    let edge = header.text("EDGE");
    let edge = edge.is_some_and(|e| e.eq_ignore_ascii_case("true") || e.eq_ignore_ascii_case("t"));
    Ok(FitsCutout {
        shape,
        values,
        candidate,
        edge,
    })
}

/// Refuses numbers of axes that would make the parser allocate without end.
fn plausible_axes(bytes: &[u8]) -> Result<(), String> {
    for card in bytes.as_chunks::<CARD_SIZE>().0 {
        if !(card.starts_with(b"NAXIS   =") || card.starts_with(b"ZNAXIS  =")) {
            continue;
        }
        if let Some((Value::Integer(n), _)) = parse_value(&card[10..])
            && !(0..=999).contains(&n)
        {
            return Err(format!("NAXIS = {n}"));
        }
    }
    Ok(())
}

/// The axes of an image that has pixels.
fn axes(hdu: &Hdu) -> Option<Vec<usize>> {
    image_dimensions(hdu)
        .ok()
        .filter(|axes| !axes.is_empty() && !axes.contains(&0))
}

fn image_hdu<'a>(file: &'a FitsData, path: &Path) -> Result<&'a Hdu> {
    if let Some(hdu) = file.find_by_name("DIFF").filter(|hdu| axes(hdu).is_some()) {
        return Ok(hdu);
    }
    if axes(file.primary()).is_some() {
        return Ok(file.primary());
    }
    let images: Vec<&Hdu> = file.iter().filter(|hdu| axes(hdu).is_some()).collect();
    if let [only] = images[..] {
        return Ok(only);
    }
    let found = match &images[..] {
        [] => "no image data".to_string(),
        many => {
            let name =
                |hdu: &&Hdu| value(&hdu.cards, "EXTNAME").map_or("?".into(), |v| as_text(&v));
            format!(
                "the images {}",
                many.iter().map(name).collect::<Vec<_>>().join(", ")
            )
        }
    };
    let expected = "an image in the primary HDU, or an extension named DIFF";
    Err(Error::input(path, "HDUs", found, expected))
}

fn shape_of(hdu: &Hdu, path: &Path) -> Result<CutoutShape> {
    let mut axes = axes(hdu).unwrap_or_default();
    while axes.len() > 2 && axes.last() == Some(&1) {
        axes.pop();
    }
    let (width, height, channels) = match axes[..] {
        [width, height] => (width, height, 1),
        [width, height, planes] => (width, height, planes),
        _ => {
            let found = format!("NAXIS = {} ({})", axes.len(), npy::shape_text(&axes));
            return Err(Error::input(
                path,
                "image",
                found,
                "2 axes, or 3 with NAXIS3 images",
            ));
        }
    };
    let pixels = width
        .checked_mul(height)
        .and_then(|n| n.checked_mul(channels));
    if pixels.is_none_or(|n| n > MOST_PIXELS) {
        let found = format!("{width} x {height} x {channels} pixels");
        return Err(Error::input(
            path,
            "image",
            found,
            "a cutout, not a whole exposure",
        ));
    }
    Ok(CutoutShape {
        height,
        width,
        channels,
    })
}

/// (C, H, W) to (H, W, C).
fn channels_last(planes: Vec<f32>, shape: CutoutShape) -> Vec<f32> {
    if shape.channels == 1 {
        return planes;
    }
    let area = shape.height * shape.width;
    let pixel = |i: usize| (0..shape.channels).map(move |c| c * area + i);
    (0..area).flat_map(pixel).map(|from| planes[from]).collect()
}

/// The cards that a keyword is looked up in.
struct Header<'a> {
    own: &'a [Card],
    primary: &'a [Card],
}

impl Header<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        value(self.own, name).or_else(|| value(self.primary, name))
    }

    /// As text, without blanks at its ends; `None` if there is nothing.
    fn text(&self, name: &str) -> Option<String> {
        self.value(name)
            .map(|v| as_text(&v))
            .filter(|text| !text.is_empty())
    }

    /// The first of these that is a known number, or NaN.
    fn number(&self, names: &[&str]) -> f64 {
        let one = |name: &&str| match self.value(name)? {
            Value::Integer(n) => Some(known(n as f64)),
            Value::Float(x) => Some(known(x)),
            Value::String(text) => parse_known(&text),
            _ => None,
        };
        names
            .iter()
            .filter_map(one)
            .find(|x| !x.is_nan())
            .unwrap_or(f64::NAN)
    }
}

/// The value of the first card with this name; HIERARCH names in any case.
fn value(cards: &[Card], name: &str) -> Option<Value> {
    cards.iter().find_map(|card| {
        if card.keyword_str() == name {
            return card.value.clone();
        }
        if &card.keyword == b"HIERARCH" && card.value.is_none() {
            let (key, rest) = card.comment.as_deref()?.split_once('=')?;
            if key.trim().eq_ignore_ascii_case(name) {
                return parse_value(rest.trim_start().as_bytes()).map(|(value, _)| value);
            }
        }
        None
    })
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_string(),
        Value::Integer(n) => n.to_string(),
        Value::Float(x) => x.to_string(),
        Value::Logical(b) => if *b { "T" } else { "F" }.to_string(),
        _ => String::new(),
    }
}
