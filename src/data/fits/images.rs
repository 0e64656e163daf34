//! Which image extensions of a FITS file are the cutout's.

use std::path::Path;

use fitsio_pure::image::image_dimensions;

use super::hdus::Part;
use crate::data::{Channel, channels};
use crate::{Error, Result};

/// What was chosen.
pub struct Chosen<'a> {
    /// At least one.
    pub images: Vec<&'a Part>,
    /// Their names, if they have them.
    pub channels: Option<Vec<Channel>>,
}

/// The HDUs of the `wanted` images, by EXTNAME (DIFF, TEMPLATE, SEARCH, SCIENCE,
/// REFERENCE, …). A file whose image has no such name gives that one; its planes
/// are chosen among later. Where nothing is wanted, what O'TRAIN takes: the
/// primary image of a file with EDGE, else the extension DIFF, else the primary
/// image, else the only one.
pub fn choose<'a>(
    parts: &'a [Part],
    path: &Path,
    wanted: Option<&[Channel]>,
) -> Result<Chosen<'a>> {
    let images: Vec<&Part> = parts.iter().filter(|part| axes(part).is_some()).collect();
    let channel = |part: &Part| Channel::called(&part.name());
    let named = |wanted: Channel| -> Result<Option<&Part>> {
        let mut all = images.iter().filter(|part| channel(part) == Some(wanted));
        let (first, second) = (all.next().copied(), all.next());
        if let (Some(first), Some(second)) = (first, second) {
            let found = format!(
                "two {} images, {} and {}",
                wanted.name(),
                first.name(),
                second.name()
            );
            return Err(Error::input(path, "HDUs", found, "one image of each kind"));
        }
        Ok(first)
    };
    let primary = axes(&parts[0]).map(|_| &parts[0]);
    if let Some(wanted) = wanted {
        let chosen = wanted.iter().map(|&channel| named(channel));
        let chosen: Option<Vec<&Part>> = chosen.collect::<Result<_>>()?;
        if let Some(images) = chosen.filter(|images| !images.is_empty()) {
            return Ok(Chosen {
                images,
                channels: Some(wanted.to_vec()),
            });
        }
        let only = match images[..] {
            [only] => Some(only),
            _ => primary.filter(|_| images.iter().all(|part| channel(part).is_none())),
        };
        return match only {
            Some(part) => Ok(alone(part, channel(part))),
            None => {
                let expected = format!("extensions named {}", channels::names(wanted));
                Err(refused(path, &images, &expected))
            }
        };
    }
    let edge = parts[0].cards.value("EDGE").is_some();
    let first = match primary {
        Some(primary) if edge => Some(primary),
        _ => named(Channel::Difference)?.or(primary),
    };
    let chosen = first.or(match images[..] {
        [only] => Some(only),
        _ => None,
    });
    match chosen {
        Some(part) => Ok(alone(part, channel(part))),
        None => {
            let expected = "an image in the primary HDU, or an extension named DIFF; --channels \
                            names others";
            Err(refused(path, &images, expected))
        }
    }
}

fn alone(part: &Part, channel: Option<Channel>) -> Chosen<'_> {
    let planes = axes(part).unwrap_or_default();
    let one = planes.iter().skip(2).all(|&n| n == 1);
    Chosen {
        images: vec![part],
        channels: channel.filter(|_| one).map(|channel| vec![channel]),
    }
}

fn refused(path: &Path, images: &[&Part], expected: &str) -> Error {
    let name = |part: &&Part| match part.name() {
        name if name.is_empty() => "?".to_string(),
        name => name,
    };
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
pub fn axes(part: &Part) -> Option<Vec<usize>> {
    image_dimensions(&part.hdu)
        .ok()
        .filter(|axes| !axes.is_empty() && !axes.contains(&0))
}
