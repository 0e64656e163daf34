//! One cutout from one FITS file.
//!
//! | file | what it does |
//! |---|---|
//! | `cards` | the keywords of a header, however they are written |
//! | `hdus` | where the HDUs are; every card that sizes one is checked |
//! | `candidate`, `angles` | what the keywords say of the candidate, and which header says it |
//! | `images`, `tiles`, `columns` | which images are the cutout's, and whether they can be decoded rightly |
//! | `checksums` | DATASUM and CHECKSUM |
//! | `unpack` | gzip; panics |

mod angles;
mod candidate;
pub(crate) mod cards;
pub(crate) mod checksums;
mod columns;
pub(crate) mod hdus;
mod images;
pub(super) mod tiles;
mod unpack;

use std::path::Path;

use fitsio_pure::image::read_image_physical_f32;

use self::candidate::{Described, describe};
pub(crate) use self::columns::check_table;
use self::hdus::{Part, parts};
use self::images::{Chosen, axes};
pub(crate) use self::unpack::{broken, guarded, is_gzip, unpacked};
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
    /// What a user should know of how it was read: a keyword that is not used, ….
    pub remarks: Vec<String>,
    /// The sums (DATASUM, CHECKSUM) that are wrong, with their HDU.
    pub wrong_sums: Vec<String>,
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
/// primary one, else the only one. Keywords are those of the primary header where it
/// describes a candidate, else of the image's own.
pub fn read_fits_bytes(
    bytes: &[u8],
    path: &Path,
    wanted: Option<&[Channel]>,
) -> Result<FitsCutout> {
    guarded(path, "a whole FITS file", || {
        let bytes = &*unpacked(bytes, MOST_BYTES, path)?;
        let parts = parts(bytes, path)?;
        let chosen = images::choose(&parts, path, wanted)?;
        let (shape, values) = pixels(bytes, path, &chosen)?;
        let Described {
            candidate,
            missing,
            remarks,
        } = described(path, &parts, &chosen)?;
        Ok(FitsCutout {
            shape,
            values,
            channels: chosen.channels,
            candidate,
            missing,
            remarks,
            wrong_sums: checksums::wrong(bytes, &parts),
        })
    })
}

/// A stamp that says nothing of a candidate, and which of its sums are wrong.
pub(super) struct Stamp {
    pub shape: CutoutShape,
    /// (H, W, C), as of [`FitsCutout::values`].
    pub values: Vec<f32>,
    pub wrong_sums: Vec<String>,
}

/// The image that [`read_fits_bytes`] chooses where nothing is wanted.
pub(super) fn read_stamp(bytes: &[u8], path: &Path) -> Result<Stamp> {
    guarded(path, "a whole FITS file", || {
        let bytes = &*unpacked(bytes, MOST_BYTES, path)?;
        let parts = parts(bytes, path)?;
        let chosen = images::choose(&parts, path, None)?;
        let (shape, values) = pixels(bytes, path, &chosen)?;
        Ok(Stamp {
            shape,
            values,
            wrong_sums: checksums::wrong(bytes, &parts),
        })
    })
}

/// The images as one cutout, (H, W, C).
fn pixels(bytes: &[u8], path: &Path, chosen: &Chosen) -> Result<(CutoutShape, Vec<f32>)> {
    let broken = broken(path, bytes.len());
    let mut shape = shape_of(chosen.images[0], path)?;
    let mut planes = Vec::new();
    for image in &chosen.images {
        let own = shape_of(image, path)?;
        if own != shape {
            let found = format!("images of {shape} and {own}");
            return Err(Error::input(path, "HDUs", found, "images of one size"));
        }
        let place = || match image.name() {
            name if name.is_empty() => "image".to_string(),
            name => format!("image {name}"),
        };
        let hdu = tiles::decodable(bytes, image).map_err(|fault| fault.of(path, place()))?;
        let pixels = read_image_physical_f32(bytes, &hdu).map_err(&broken)?;
        if pixels.len() != shape.len() {
            let found = format!("{} pixels", pixels.len());
            let expected = format!("{} ({shape})", shape.len());
            return Err(Error::input(path, "image", found, expected));
        }
        planes.extend(pixels);
    }
    shape.channels *= chosen.images.len();
    Ok((shape, channels_last(planes, shape)))
}

fn described(path: &Path, parts: &[Part], chosen: &Chosen) -> Result<Described> {
    let primary = &parts[0];
    let images = chosen.images.iter();
    let others = images.filter(|image| image.hdu.header_start != primary.hdu.header_start);
    let others: Vec<_> = others.map(|image| &image.cards).collect();
    // An image that is compressed by tiles stands behind an empty primary HDU.
    let named = |part: &Part| !matches!(part.name().as_str(), "" | "COMPRESSED_IMAGE");
    let alone = !parts[1..].iter().any(named);
    let all = parts[1..].iter().filter(|part| axes(part).is_some());
    let all: Vec<_> = all.map(|part| &part.cards).collect();
    describe(path, &primary.cards, &others, &all, alone).map_err(|fault| fault.of(path, "header"))
}

fn shape_of(image: &Part, path: &Path) -> Result<CutoutShape> {
    let mut axes = axes(image).unwrap_or_default();
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
