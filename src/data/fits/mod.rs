//! One cutout from one FITS file.

pub(super) mod header;
mod images;
mod unpack;

use std::path::Path;

use fitsio_pure::hdu::{Hdu, parse_fits};
use fitsio_pure::image::read_image_physical_f32;

use self::header::Header;
use self::images::axes;
pub(crate) use self::unpack::{broken, guarded, unpacked};
use super::{Candidate, Channel, CutoutShape, npy};
use crate::{Error, Result};

/// Pixels per file that are believed: a cutout has thousands.
const MOST_PIXELS: usize = 1 << 24;

/// Bytes of an unzipped file that are believed: such a cutout in f64, and headers.
const MOST_BYTES: usize = 9 * MOST_PIXELS;

/// What one file holds.
#[derive(Clone, Debug)]
pub struct FitsCutout {
    /// Its size: one image of NAXIS2 rows and NAXIS1 columns; NAXIS3 images if there are three axes.
    pub shape: CutoutShape,
    /// (H, W, C), BSCALE and BZERO applied; BLANK pixels are NaN.
    pub values: Vec<f32>,
    /// What the images are, where the file names them.
    pub channels: Option<Vec<Channel>>,
    /// What the keywords say.
    pub candidate: Candidate,
    /// Keywords that O'TRAIN demands of a training cutout like this one and that are not there.
    pub missing: Vec<&'static str>,
}

/// Reads the FITS file at `path`, plain, gzipped or fpacked.
pub fn read_fits(path: &Path, wanted: Option<&[Channel]>) -> Result<FitsCutout> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    read_fits_bytes(&bytes, path, wanted)
}

/// Reads a FITS file from memory; `path` names it in errors, and its last part
/// is the candidate's id if the header has none.
///
/// The images are those whose EXTNAME is `wanted` (DIFF, TEMPLATE, SEARCH, SCIENCE, …). Where
/// nothing is: the primary one of a file with EDGE, else the extension DIFF, else the
/// primary one, else the only one. Keywords are looked up in the image's own header, then
/// in the primary one.
pub fn read_fits_bytes(
    bytes: &[u8],
    path: &Path,
    wanted: Option<&[Channel]>,
) -> Result<FitsCutout> {
    guarded(path, "a whole FITS file", || decode(bytes, path, wanted))
}

fn decode(bytes: &[u8], path: &Path, wanted: Option<&[Channel]>) -> Result<FitsCutout> {
    let broken = broken(path, bytes.len());
    let bytes = &*unpacked(bytes, MOST_BYTES, path)?;
    let file = parse_fits(bytes).map_err(&broken)?;
    let chosen = images::choose(&file, path, wanted)?;
    let first = chosen.hdus[0];
    let mut shape = shape_of(first, path)?;
    let mut planes = Vec::new();
    for hdu in &chosen.hdus {
        let own = shape_of(hdu, path)?;
        if own != shape {
            let found = format!("images of {shape} and {own}");
            return Err(Error::input(path, "HDUs", found, "images of one size"));
        }
        let pixels = read_image_physical_f32(bytes, hdu).map_err(&broken)?;
        if pixels.len() != shape.len() {
            let found = format!("{} pixels", pixels.len());
            let expected = format!("{} ({shape})", shape.len());
            return Err(Error::input(path, "image", found, expected));
        }
        planes.extend(pixels);
    }
    shape.channels *= chosen.hdus.len();
    let header = Header {
        own: &first.cards,
        primary: &file.primary().cards,
    };
    // An image that is compressed by tiles stands behind an empty primary HDU.
    let alone = file.iter().count() == 1 || file.iter().all(|hdu| !is_named_extension(hdu));
    let (candidate, missing) = header.candidate(path, alone);
    Ok(FitsCutout {
        shape,
        values: channels_last(planes, shape),
        channels: chosen.channels,
        candidate,
        missing,
    })
}

/// Whether this is an extension with a name, as the parts of a multi-extension file have.
fn is_named_extension(hdu: &Hdu) -> bool {
    hdu.cards
        .iter()
        .any(|card| card.keyword_str() == "XTENSION")
        && header::value(&hdu.cards, "EXTNAME")
            .is_some_and(|name| !matches!(header::as_text(&name).as_str(), "" | "COMPRESSED_IMAGE"))
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
