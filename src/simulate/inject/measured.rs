//! The point spread function of an image, from its own stars, in 9 x 9 regions
//! (O'TRAIN Sect. 4.2).

use rayon::prelude::*;

use super::background::{Background, median};
use super::resample::{Template, fade, interpolate};
use super::stars::{Star, Stars};
use crate::data::exposure::Exposure;
use crate::simulate::psf::FWHM_PER_SIGMA;
use crate::{Error, Result};

/// Regions along each side.
pub const REGIONS: usize = 9;
/// A region with fewer stars of its own takes those around it too: first the ring of regions
/// next to it, then the next ring, until it has as many or all of the image.
const STARS: usize = 8;
/// The brightest so many are stacked.
const MOST_STARS: usize = 60;
/// An image needs as many, all in all.
const LEAST_STARS: usize = 3;
/// Pixels and shapes farther from the median than so many standard deviations are left out.
const CLIP: f64 = 3.0;
const PER_MAD: f64 = 1.4826;

/// One point spread function per region.
#[derive(Debug)]
pub(super) struct Grid {
    /// (9, 9), row-major from the first row of the image on.
    pub templates: Vec<Template>,
    /// Full widths at half maximum, in pixels.
    pub fwhm: Vec<f64>,
    /// How many regions had enough stars of their own.
    pub own: usize,
}

/// The region of a place, column and row from 0.
pub(super) fn region(image: &Exposure, x: f64, y: f64) -> [usize; 2] {
    let one = |at: f64, pixels: usize| {
        let part = ((at + 0.5) / pixels as f64 * REGIONS as f64) as usize;
        part.min(REGIONS - 1)
    };
    [one(x, image.width), one(y, image.height)]
}

impl Grid {
    /// Stacks the stars of each region.
    pub fn of(image: &Exposure, sky: &Background, found: &Stars) -> Result<Grid> {
        if found.stars.len() < LEAST_STARS {
            let few = format!("{} usable stars", found.stars.len());
            let expected = format!(
                "at least {LEAST_STARS} that are bright, unsaturated and alone; \
                 or give the point spread function: --psf or --fwhm"
            );
            return Err(Error::input(&image.path, "image", few, expected));
        }
        let mut by_region = vec![Vec::new(); REGIONS * REGIONS];
        for star in &found.stars {
            let [column, row] = region(image, star.x, star.y);
            by_region[row * REGIONS + column].push(*star);
        }
        let own = by_region
            .iter()
            .filter(|stars| stars.len() >= STARS)
            .count();
        let templates: Vec<Template> = (0..REGIONS * REGIONS)
            .into_par_iter()
            .map(|region| stack(image, sky, pool(&by_region, region), found))
            .collect();
        let fwhm: Vec<f64> = templates.par_iter().map(Template::fwhm).collect();
        if let Some(bad) = fwhm.iter().position(|f| !f.is_finite()) {
            let place = format!("region {}, {}", bad % REGIONS + 1, bad / REGIONS + 1);
            let expected = "stars that can be stacked; or --psf or --fwhm";
            return Err(Error::input(
                &image.path,
                place,
                "no light in its stars",
                expected,
            ));
        }
        Ok(Grid {
            templates,
            fwhm,
            own,
        })
    }
}

/// The stars that stand for a region, those of usual shape.
fn pool(by_region: &[Vec<Star>], region: usize) -> Vec<Star> {
    let (column, row) = (region % REGIONS, region / REGIONS);
    let mut stars: Vec<Star> = Vec::new();
    for ring in 0..REGIONS {
        let there = (0..REGIONS * REGIONS).filter(|other| {
            let away = (other % REGIONS)
                .abs_diff(column)
                .max((other / REGIONS).abs_diff(row));
            away == ring
        });
        stars.extend(there.flat_map(|other| &by_region[other]));
        if stars.len() >= STARS {
            break;
        }
    }
    // What is no star, or two, differs in size or shape from most.
    for (pick, least) in [
        ((|s| s.fwhm) as fn(&Star) -> f64, 0.02),
        (|s| s.e[0], 0.02),
        (|s| s.e[1], 0.02),
    ] {
        if stars.len() < 5 {
            break;
        }
        let (middle, spread) = middle(&mut stars.iter().map(pick).collect::<Vec<_>>());
        let allowed = CLIP * spread.max(least * middle.abs().max(1.0));
        stars.retain(|star| (pick(star) - middle).abs() <= allowed);
    }
    stars.sort_by(|a, b| b.snr.total_cmp(&a.snr));
    stars.truncate(MOST_STARS);
    stars
}

/// Median and standard deviation by the median absolute deviation.
fn middle(values: &mut [f64]) -> (f64, f64) {
    let middle = median(values);
    let mut away: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    (middle, PER_MAD * median(&mut away))
}

/// Every star moved onto the middle of a pixel and divided by its light; their mean, pixel by
/// pixel without outliers, and where there are few, their median.
fn stack(image: &Exposure, sky: &Background, stars: Vec<Star>, found: &Stars) -> Template {
    let reach = found.reach as i64;
    let side = 2 * found.reach + 1;
    let sigma = found.fwhm / FWHM_PER_SIGMA;
    let offsets: Vec<f64> = (-reach..=reach).map(|i| i as f64).collect();
    let weight = |i: usize| {
        let (dx, dy) = (offsets[i % side], offsets[i / side]);
        (-0.5 * (dx * dx + dy * dy) / (sigma * sigma)).exp()
    };
    let aligned: Vec<Vec<f64>> = stars
        .iter()
        .map(|star| {
            let level = sky.at(star.x, star.y).0;
            let places = |at: f64| offsets.iter().map(|d| at + d).collect::<Vec<_>>();
            let read = |x: i64, y: i64| f64::from(image.at(x, y)) - level;
            let mut stamp = interpolate(read, &places(star.x), &places(star.y));
            // The mesh of the sky is coarse: the border of the stamp is sky too.
            let rim = (0..side * side).filter(|i| {
                let (x, y) = (i % side, i / side);
                x == 0 || y == 0 || x == side - 1 || y == side - 1
            });
            let left = median(&mut rim.map(|i| stamp[i]).collect::<Vec<_>>());
            stamp.iter_mut().for_each(|value| *value -= left);
            // All the stars' light under one weight, where there is more star than noise.
            let light: f64 = stamp.iter().enumerate().map(|(i, v)| v * weight(i)).sum();
            stamp.iter_mut().for_each(|value| *value /= light);
            stamp
        })
        .collect();
    let mut values: Vec<f64> = (0..side * side)
        .map(|i| robust(aligned.iter().map(|stamp| stamp[i]).collect()))
        .collect();
    fade(&mut values, side);
    let sum: f64 = values.iter().sum();
    // Without light there is no PSF, which is said by its FWHM.
    let sum = if sum > 0.0 { sum } else { f64::NAN };
    values.iter_mut().for_each(|value| *value /= sum);
    Template {
        values,
        side,
        step: 1.0,
    }
}

fn robust(mut values: Vec<f64>) -> f64 {
    let (middle, spread) = middle(&mut values);
    if values.len() < 5 {
        return middle;
    }
    let kept = values
        .iter()
        .filter(|v| (**v - middle).abs() <= CLIP * spread);
    let (count, sum) = kept.fold((0.0, 0.0), |(n, sum), v| (n + 1.0, sum + v));
    // The median itself is always within.
    sum / count
}
