//! The FITS files inside a packet, as one cutout.

use std::path::Path;

use crate::data::fits::read_stamp;
use crate::data::{CutoutShape, size};

/// One stamp: its size, and its pixels row by row.
pub type Image = (CutoutShape, Vec<f32>);

/// Reads the stamp called `name`, and what is wrong with its checksums. Of several HDUs it is
/// the primary image: those behind it are Rubin's uncertainties and point spread function.
pub fn read(bytes: &[u8], name: &str) -> Result<(Image, Vec<String>), String> {
    let stamp = read_stamp(bytes, Path::new(name)).map_err(|e| e.to_string())?;
    let wrong = stamp.wrong_sums.iter().map(|sum| format!("{name}: {sum}"));
    match stamp.shape.channels {
        1 => Ok(((stamp.shape, stamp.values), wrong.collect())),
        n => Err(format!("{name}: found {n} images, expected one")),
    }
}

/// The stamps of one alert as (H, W, C), H and W those of the largest; the others
/// get NaN at the bottom and right.
pub fn together(images: Vec<Image>) -> Image {
    let largest = |of: fn(&CutoutShape) -> usize| images.iter().map(|i| of(&i.0)).max();
    let one = CutoutShape {
        height: largest(|s| s.height).unwrap_or(0),
        width: largest(|s| s.width).unwrap_or(0),
        channels: 1,
    };
    let channels = images.len();
    let shape = CutoutShape { channels, ..one };
    let mut values = vec![f32::NAN; shape.len()];
    for (channel, (own, pixels)) in images.into_iter().enumerate() {
        // None is larger than the largest.
        let pixels = size::pad(pixels, own, one).unwrap_or_default();
        let places = values.iter_mut().skip(channel).step_by(channels);
        places.zip(pixels).for_each(|(to, from)| *to = from);
    }
    (shape, values)
}
