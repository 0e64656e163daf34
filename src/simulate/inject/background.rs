//! The sky: its level and noise in a mesh of cells, clipped of stars.

use rayon::prelude::*;

use crate::data::exposure::Exposure;
use crate::{Error, Result};

/// Pixels along a cell's side; smaller images have smaller cells.
const CELL: usize = 64;
/// A cell needs this share of good pixels to count.
const LEAST_GOOD: f64 = 0.25;
/// The standard deviation of normal numbers over their median absolute deviation.
const PER_MAD: f64 = 1.4826;
const CLIP: f64 = 3.0;
const ROUNDS: usize = 6;

/// Level and noise at every place, between the middles of the cells linearly.
#[derive(Debug)]
pub(super) struct Background {
    columns: usize,
    rows: usize,
    /// Pixels from the middle of one cell to the next, x and y.
    spacing: [f64; 2],
    /// (rows, columns) each, in the image's units.
    level: Vec<f64>,
    noise: Vec<f64>,
}

impl Background {
    /// Of pixels that have a value and are below `saturate`.
    pub fn of(image: &Exposure, saturate: f64) -> Result<Background> {
        let cells = |pixels: usize| (pixels / CELL).max(4);
        let (columns, rows) = (cells(image.width), cells(image.height));
        let span = |cell: usize, cells: usize, pixels: usize| {
            cell * pixels / cells..(cell + 1) * pixels / cells
        };
        let measured: Vec<Option<(f64, f64)>> = (0..rows * columns)
            .into_par_iter()
            .map(|cell| {
                let across = span(cell % columns, columns, image.width);
                let down = span(cell / columns, rows, image.height);
                let all = across.len() * down.len();
                let pixels = down.flat_map(|y| {
                    let row = &image.values[y * image.width..];
                    row[across.clone()].iter().copied()
                });
                let good = pixels.filter(|v| v.is_finite() && f64::from(*v) < saturate);
                let mut good: Vec<f32> = good.collect();
                let enough = good.len() as f64 >= LEAST_GOOD * all as f64 && good.len() > 8;
                enough.then(|| clipped(&mut good))
            })
            .collect();
        let known: Vec<_> = measured.iter().flatten().copied().collect();
        if known.is_empty() {
            let found = "hardly a pixel that has a value and is not saturated";
            return Err(Error::input(&image.path, "image", found, "a science image"));
        }
        // A cell without sky is taken for an average one; then the median of 3 x 3, so that a
        // large galaxy or a bright star is not taken for sky.
        let fill = |pick: fn((f64, f64)) -> f64| -> Vec<f64> {
            let average = median(&mut known.iter().map(|one| pick(*one)).collect::<Vec<_>>());
            let cells: Vec<f64> = measured.iter().map(|c| c.map_or(average, pick)).collect();
            smoothed(&cells, columns, rows)
        };
        Ok(Background {
            columns,
            rows,
            spacing: [
                image.width as f64 / columns as f64,
                image.height as f64 / rows as f64,
            ],
            level: fill(|one| one.0),
            noise: fill(|one| one.1),
        })
    }

    /// Level and noise (standard deviation) at a pixel, counted from 0.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let axis = |at: f64, spacing: f64, cells: usize| {
            let place = ((at + 0.5) / spacing - 0.5).clamp(0.0, (cells - 1) as f64);
            let first = (place.floor() as usize).min(cells - 2);
            (first, place - first as f64)
        };
        let (i, u) = axis(x, self.spacing[0], self.columns);
        let (j, v) = axis(y, self.spacing[1], self.rows);
        let mix = |mesh: &[f64]| {
            let row = |j: usize| {
                let at = j * self.columns + i;
                mesh[at] * (1.0 - u) + mesh[at + 1] * u
            };
            row(j) * (1.0 - v) + row(j + 1) * v
        };
        (mix(&self.level), mix(&self.noise))
    }
}

/// Median and noise of the pixels that are left when those far from the median go.
fn clipped(pixels: &mut Vec<f32>) -> (f64, f64) {
    let mut noise = 0.0;
    let mut middle = 0.0;
    for _ in 0..ROUNDS {
        middle = f64::from(median32(pixels));
        let mut away: Vec<f32> = pixels.iter().map(|v| (*v - middle as f32).abs()).collect();
        noise = PER_MAD * f64::from(median32(&mut away));
        if noise == 0.0 {
            // Most pixels are alike: whole numbers with little noise.
            let square: f64 = pixels
                .iter()
                .map(|v| (f64::from(*v) - middle).powi(2))
                .sum();
            noise = (square / pixels.len() as f64).sqrt();
        }
        let before = pixels.len();
        pixels.retain(|v| (f64::from(*v) - middle).abs() <= CLIP * noise);
        if pixels.len() == before {
            break;
        }
    }
    (
        middle,
        noise.max(f64::from(f32::EPSILON) * middle.abs()).max(1e-30),
    )
}

fn smoothed(cells: &[f64], columns: usize, rows: usize) -> Vec<f64> {
    let around = |cell: usize| {
        let (x, y) = (cell % columns, cell / columns);
        let (left, top) = (x.saturating_sub(1), y.saturating_sub(1));
        let down = top..(y + 2).min(rows);
        let mut near: Vec<f64> = down
            .flat_map(|y| (left..(x + 2).min(columns)).map(move |x| cells[y * columns + x]))
            .collect();
        median(&mut near)
    };
    (0..cells.len()).map(around).collect()
}

/// The upper median; NaN of nothing.
pub(super) fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

fn median32(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}
