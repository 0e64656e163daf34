//! Which image extensions of a FITS file are the cutout's.

use std::path::Path;

use fitsio_pure::hdu::{FitsData, Hdu};
use fitsio_pure::image::image_dimensions;

use super::header::{as_text, value};
use crate::data::{Channel, channels};
use crate::{Error, Result};

/// What was chosen.
pub struct Chosen<'a> {
    /// At least one.
    pub hdus: Vec<&'a Hdu>,
    /// Their names, if they have them.
    pub channels: Option<Vec<Channel>>,
}

/// The HDUs of the `wanted` images, by EXTNAME (DIFF, TEMPLATE, SEARCH, SCIENCE,
/// REFERENCE, …). A file whose image has no such name gives that one; its planes
/// are chosen among later. Where nothing is wanted, what O'TRAIN takes: the
/// primary image of a file with EDGE, else the extension DIFF, else the primary
/// image, else the only one.
pub fn choose<'a>(
    file: &'a FitsData,
    path: &Path,
    wanted: Option<&[Channel]>,
) -> Result<Chosen<'a>> {
    let images: Vec<&Hdu> = file.iter().filter(|hdu| axes(hdu).is_some()).collect();
    let channel = |hdu: &Hdu| Channel::called(&as_text(&value(&hdu.cards, "EXTNAME")?));
    let named = |wanted: Channel| {
        let mut all = images.iter().filter(|hdu| channel(hdu) == Some(wanted));
        all.next().copied()
    };
    let primary = axes(file.primary()).map(|_| file.primary());
    if let Some(wanted) = wanted {
        let hdus: Option<Vec<&Hdu>> = wanted.iter().map(|&channel| named(channel)).collect();
        if let Some(hdus) = hdus.filter(|hdus| !hdus.is_empty()) {
            return Ok(Chosen {
                hdus,
                channels: Some(wanted.to_vec()),
            });
        }
        let only = match images[..] {
            [only] => Some(only),
            _ => primary.filter(|_| images.iter().all(|hdu| channel(hdu).is_none())),
        };
        return match only {
            Some(hdu) => Ok(alone(hdu, channel(hdu))),
            None => {
                let expected = format!("extensions named {}", channels::names(wanted));
                Err(refused(path, &images, &expected))
            }
        };
    }
    let edge = value(&file.primary().cards, "EDGE").is_some();
    let chosen = primary
        .filter(|_| edge)
        .or_else(|| named(Channel::Difference))
        .or(primary)
        .or(match images[..] {
            [only] => Some(only),
            _ => None,
        });
    match chosen {
        Some(hdu) => Ok(alone(hdu, channel(hdu))),
        None => {
            let expected = "an image in the primary HDU, or an extension named DIFF; --channels \
                            names others";
            Err(refused(path, &images, expected))
        }
    }
}

fn alone(hdu: &Hdu, channel: Option<Channel>) -> Chosen<'_> {
    let planes = axes(hdu).unwrap_or_default();
    let one = planes.iter().skip(2).all(|&n| n == 1);
    Chosen {
        hdus: vec![hdu],
        channels: channel.filter(|_| one).map(|channel| vec![channel]),
    }
}

fn refused(path: &Path, images: &[&Hdu], expected: &str) -> Error {
    let name = |hdu: &&Hdu| value(&hdu.cards, "EXTNAME").map_or("?".into(), |v| as_text(&v));
    let found = match images {
        [] => "no image data".to_string(),
        [one] => format!("the image {}", name(one)),
        many => {
            let names: Vec<String> = many.iter().map(name).collect();
            format!("the images {}", names.join(", "))
        }
    };
    Error::input(path, "HDUs", found, expected)
}

/// The axes of an image that has pixels.
pub fn axes(hdu: &Hdu) -> Option<Vec<usize>> {
    image_dimensions(hdu)
        .ok()
        .filter(|axes| !axes.is_empty() && !axes.contains(&0))
}
