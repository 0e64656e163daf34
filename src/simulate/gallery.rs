//! A contact sheet of cutouts, to look at.

use image::{GrayImage, Luma};

use super::{Channels, Kind, SurveyConfig, survey_of};
use crate::Result;
use crate::data::Dataset;

/// Pixels between cutouts.
const GAP: usize = 2;

/// A sheet with one row per kind, in the order of [`Kind::ALL`], and `columns`
/// candidates in each; with [`Channels::Triplet`] a candidate is three images
/// side by side. Every pixel is drawn `zoom` times as large.
pub fn sheet(
    config: &SurveyConfig,
    kinds: &[Kind],
    columns: usize,
    zoom: usize,
) -> Result<GrayImage> {
    let images = config.channels.count();
    let mut sheet = Sheet::new(config.size, columns * images, kinds.len(), zoom);
    for (row, &kind) in kinds.iter().enumerate() {
        // a field of its own for each row
        let seed = config.seed.wrapping_add(row as u64);
        let row_config = SurveyConfig {
            count: columns,
            seed,
            ..config.clone()
        };
        let made = survey_of(&row_config, kind)?;
        for column in 0..columns {
            sheet.put(&made.dataset, column, [row, column])?;
        }
    }
    Ok(sheet.image)
}

/// A sheet of the candidates `rows` of a set of square cutouts, in lines of `columns`.
pub fn sheet_of(set: &Dataset, rows: &[usize], columns: usize, zoom: usize) -> Result<GrayImage> {
    let columns = columns.max(1);
    let (across, down) = (columns * set.shape.channels, rows.len().div_ceil(columns));
    let mut sheet = Sheet::new(set.shape.width, across, down, zoom);
    for (at, &row) in rows.iter().enumerate() {
        sheet.put(set, row, [at / columns, at % columns])?;
    }
    Ok(sheet.image)
}

/// A sheet that is being filled.
struct Sheet {
    image: GrayImage,
    /// Pixels from one image to the next.
    cell: usize,
    zoom: usize,
}

impl Sheet {
    fn new(size: usize, across: usize, down: usize, zoom: usize) -> Sheet {
        let (cell, zoom) = (size + GAP, zoom.max(1));
        let [width, height] = [across, down].map(|n| ((n * cell + GAP) * zoom) as u32);
        Sheet {
            image: GrayImage::from_pixel(width, height, Luma([40])),
            cell,
            zoom,
        }
    }

    /// Draws the images of candidate `index` at row and column of the candidates.
    fn put(&mut self, set: &Dataset, index: usize, [row, column]: [usize; 2]) -> Result<()> {
        let (width, zoom) = (set.shape.width, self.zoom);
        for channel in 0..set.shape.channels {
            let grey = stretch(set, index, channel)?;
            let left = (column * set.shape.channels + channel) * self.cell + GAP;
            let top = row * self.cell + GAP;
            for (i, value) in grey.iter().enumerate() {
                let (x, y) = (left + i % width, top + i / width);
                for dy in 0..zoom {
                    for dx in 0..zoom {
                        let at = ((x * zoom + dx) as u32, (y * zoom + dy) as u32);
                        self.image.put_pixel(at.0, at.1, Luma([*value]));
                    }
                }
            }
        }
        Ok(())
    }
}

/// One image of one cutout as grey values, stretched by arcsinh between a few
/// sigmas below the background and the brightest pixel, so that both noise and
/// cores show. Missing pixels, NaN or exactly 0, do not count for the stretch.
pub fn stretch(dataset: &Dataset, index: usize, channel: usize) -> Result<Vec<u8>> {
    let shape = dataset.shape;
    let mut cutout = vec![0.0_f32; shape.len()];
    dataset.pixels.read(index, &mut cutout)?;
    let image: Vec<f32> = cutout
        .iter()
        .skip(channel)
        .step_by(shape.channels)
        .copied()
        .collect();
    let mut sorted: Vec<f32> = image
        .iter()
        .copied()
        .filter(|v| v.is_finite() && *v != 0.0)
        .collect();
    sorted.sort_by(f32::total_cmp);
    let quantile = |q: f64| match sorted.len() {
        0 => 0.0,
        n => sorted[((n - 1) as f64 * q) as usize],
    };
    let (middle, low) = (quantile(0.5), quantile(0.16));
    let noise = (middle - low).max(1e-6);
    let curve = |value: f32| ((value - middle) / (3.0 * noise)).asinh();
    let (bottom, top) = (
        curve(quantile(0.005)).max(-2.5),
        curve(quantile(1.0)).max(1.0),
    );
    Ok(image
        .iter()
        .map(|value| {
            if value.is_finite() {
                (255.0 * (curve(*value) - bottom) / (top - bottom)).clamp(0.0, 255.0) as u8
            } else {
                0
            }
        })
        .collect())
}

/// The default gallery: `columns` difference images of every kind.
pub fn every_kind(seed: u64, columns: usize) -> Result<GrayImage> {
    let config = SurveyConfig {
        seed,
        channels: Channels::Difference,
        ..SurveyConfig::default()
    };
    sheet(&config, &Kind::ALL, columns, 3)
}
