//! A candidate's images as PNG.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

use super::subjects::{Item, Subjects};
use crate::report::Stretch;
use crate::{Error, Result};

/// The images of `item` side by side, a pixel a pixel, each with a scale of its own.
pub(super) fn png(subjects: &Subjects, item: &Item, stretch: Stretch) -> Result<Vec<u8>> {
    let shape = subjects.data.shape;
    let mut values = vec![0.0; shape.len()];
    subjects.data.pixels.read(item.row, &mut values)?;
    let width = u32::try_from(shape.width * shape.channels);
    let sizes = width.ok().zip(u32::try_from(shape.height).ok());
    let too_large = || {
        let found = format!("{shape}, too large for a picture");
        Error::input(&subjects.data.source, "cutouts", found, "smaller ones")
    };
    let (width, height) = sizes.ok_or_else(too_large)?;
    let mut sheet = RgbImage::new(width, height);
    for channel in 0..shape.channels {
        let plane: Vec<f32> = values[channel..]
            .iter()
            .step_by(shape.channels)
            .copied()
            .collect();
        let left = (channel * shape.width) as i64;
        image::imageops::replace(&mut sheet, &stretch.grey(&plane, shape.width), left, 0);
    }
    let mut bytes = Cursor::new(Vec::new());
    sheet.write_to(&mut bytes, ImageFormat::Png).map_err(|e| {
        let place = format!("picture of '{}'", item.id);
        Error::input(&subjects.data.source, place, e.to_string(), "a PNG")
    })?;
    Ok(bytes.into_inner())
}
