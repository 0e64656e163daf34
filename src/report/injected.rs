//! Sources that were put into an image: before, after, and what came.

use kuva::render::render::TextAnchor;

use super::drawing::{Drawing, Font, PNG_SCALE};
use super::gallery::{grey, percentile, write_line};
use super::palette;
use crate::{Error, Result};

/// One source, cut out of the image before and after.
#[derive(Clone, Debug)]
pub struct Compared {
    /// (side, side), row-major from above; NaN where there is no pixel.
    pub before: Vec<f32>,
    /// The same place after.
    pub after: Vec<f32>,
    /// Rows and columns.
    pub side: usize,
    /// Above the three images.
    pub title: String,
    /// Below them.
    pub caption: String,
}

/// PNG pixels per pixel of the image, and cells beside each other.
const ZOOM: usize = 4;
const COLUMNS: usize = 2;
/// Units: line between images, space between cells and around the sheet, a line of text.
const SEAM: f64 = 2.0;
const GAP: f64 = 18.0;
const LINE: f64 = 19.0;
const SMALL: u32 = 11;

/// Cells of three images each: before and after on one grey scale, from the 1st percentile of
/// the one to the 99th of the middle of the other, and the difference on its own. Pixels without a value
/// are purple.
pub fn injected(all: &[Compared]) -> Result<Drawing> {
    let side = all.first().map_or(0, |one| one.side);
    let pixels = side * side;
    let fits = |one: &Compared| {
        one.side == side && one.before.len() == pixels && one.after.len() == pixels
    };
    if side == 0 || !all.iter().all(fits) {
        let found = format!("{} sources", all.len());
        return Err(Error::config(
            "picture",
            found,
            "at least one, all cut out alike",
        ));
    }
    let image = (side * ZOOM) as f64 / f64::from(PNG_SCALE);
    let width = 3.0 * image + 2.0 * SEAM;
    let height = 3.0 * LINE + image;
    let columns = COLUMNS.min(all.len());
    let rows = all.len().div_ceil(columns);
    let total = |n: usize, one: f64| GAP + n as f64 * (one + GAP);
    let mut sheet = Drawing::new(total(columns, width) as u32, total(rows, height) as u32);
    for (i, one) in all.iter().enumerate() {
        let left = GAP + (i % columns) as f64 * (width + GAP);
        let top = GAP + (i / columns) as f64 * (height + GAP);
        let middle = left + width / 2.0;
        write_line(&mut sheet, (middle, top + LINE - 6.0), &one.title, width);
        let difference = one
            .after
            .iter()
            .zip(&one.before)
            .map(|(after, before)| after - before);
        let difference: Vec<f32> = difference.collect();
        let scale = (percentile(&one.before, 0.01), percentile(&core(one), 0.99));
        let own = (percentile(&difference, 0.0), percentile(&difference, 1.0));
        let images = [
            ("before", &one.before, scale),
            ("after", &one.after, scale),
            ("difference", &difference, own),
        ];
        for (k, (name, values, range)) in images.into_iter().enumerate() {
            let x = left + k as f64 * (image + SEAM);
            let font = Font {
                size: SMALL,
                color: palette::GREY,
                anchor: TextAnchor::Middle,
            };
            sheet.text(x + image / 2.0, top + 2.0 * LINE - 6.0, name, font);
            let place = |units: f64| (units * f64::from(PNG_SCALE)).round() as u32;
            let picture = grey(values, side, range);
            sheet.image(place(x), place(top + 2.0 * LINE), ZOOM as u32, picture);
        }
        write_line(
            &mut sheet,
            (middle, top + height - 4.0),
            &one.caption,
            width,
        );
    }
    Ok(sheet)
}

/// The middle third of the image after: the source, whatever stands beside it.
fn core(one: &Compared) -> Vec<f32> {
    let third = one.side / 3..one.side - one.side / 3;
    let row = |y: usize| one.after[y * one.side..][third.clone()].iter();
    third.clone().flat_map(row).copied().collect()
}
