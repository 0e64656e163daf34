//! The stars of an image that show its point spread function: bright, unsaturated, alone,
//! and as small as the others.

use std::collections::HashMap;

use rayon::prelude::*;

use super::background::{Background, median};
use crate::data::exposure::Exposure;
use crate::simulate::psf::FWHM_PER_SIGMA;

/// A peak this many standard deviations high is something; this high, it may be measured.
const DETECTED: f64 = 5.0;
const BRIGHT: f64 = 20.0;
/// The brightest so many are measured.
const MOST_MEASURED: usize = 20_000;
/// Of what is measured: the least FWHM (less is a cosmic ray), the most, and the largest
/// ellipticity, (a^2 - b^2) / (a^2 + b^2).
const FWHM: std::ops::Range<f64> = 1.2..30.0;
const ELLIPTICITY: f64 = 0.5;
/// How far from the most frequent FWHM a star's may lie, as a factor.
const LOCUS: std::ops::Range<f64> = 0.7..1.4;
/// A neighbour closer than this many FWHM is no brighter than this share of the star's peak;
/// one in the rest of the stamp no brighter than that one.
const NEAR: f64 = 3.0;
const NEAR_SHARE: f64 = 0.02;
const FAR_SHARE: f64 = 0.3;

/// One star, in pixels counted from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Star {
    pub x: f64,
    pub y: f64,
    /// Full width at half maximum of the Gaussian that fits best, in pixels.
    pub fwhm: f64,
    /// Ellipticity along the axes and between them.
    pub e: [f64; 2],
    /// Height over the noise of the sky.
    pub snr: f64,
}

/// A local maximum.
#[derive(Clone, Copy, Debug)]
struct Peak {
    x: usize,
    y: usize,
    height: f64,
    snr: f64,
}

/// Where stars stop being faithful: what is said, or where pixels side by side, two by
/// two, but less than a hundredth of all, are within 2% of the highest above the sky,
/// which is a plateau and no star; infinite if neither.
pub(super) fn saturation(image: &Exposure, said: Option<f64>) -> f64 {
    if let Some(level) = said {
        return level;
    }
    let mut known = image.values.to_vec();
    known.retain(|v| v.is_finite());
    if known.len() < 4 {
        return f64::INFINITY;
    }
    let middle = known.len() / 2;
    let (_, &mut sky, above) = known.select_nth_unstable_by(middle, f32::total_cmp);
    let sky = f64::from(sky);
    let most = f64::from(above.iter().copied().fold(sky as f32, f32::max));
    let level = most - 0.02 * (most - sky);
    let flat = |value: f32| f64::from(value) >= level;
    let few = above.iter().filter(|v| flat(**v)).count() < image.values.len() / 100;
    let rows = image.values.chunks_exact(image.width);
    let square = |(one, next): (&[f32], &[f32])| {
        let pairs = one.windows(2).zip(next.windows(2));
        pairs
            .into_iter()
            .any(|(a, b)| a.iter().chain(b).all(|v| flat(*v)))
    };
    match few && rows.clone().zip(rows.skip(1)).any(square) {
        true => level,
        false => f64::INFINITY,
    }
}

/// The stars, and how far their stamps reach from the middle, in pixels.
#[derive(Debug)]
pub(super) struct Stars {
    pub stars: Vec<Star>,
    pub reach: usize,
    /// The most frequent FWHM, in pixels; NaN if there is no star.
    pub fwhm: f64,
}

/// Finds them.
pub(super) fn find(image: &Exposure, sky: &Background, saturate: f64) -> Stars {
    let peaks = peaks(image, sky);
    let mut bright: Vec<&Peak> = peaks.iter().filter(|peak| peak.snr >= BRIGHT).collect();
    bright.sort_by(|a, b| b.snr.total_cmp(&a.snr));
    bright.truncate(MOST_MEASURED);
    let measured: Vec<(Peak, Star)> = bright
        .into_par_iter()
        .filter_map(|peak| Some((*peak, measure(image, sky, peak)?)))
        .collect();
    let mut sizes: Vec<f64> = measured.iter().map(|(_, star)| star.fwhm).collect();
    let fwhm = mode(&mut sizes);
    if !fwhm.is_finite() {
        return Stars {
            stars: Vec::new(),
            reach: 0,
            fwhm,
        };
    }
    let reach = (5.0 * fwhm).ceil().clamp(8.0, 40.0) as usize;
    let near = Neighbours::of(&peaks, reach);
    let whole = |star: &Star| stamp_is_whole(image, star, reach, saturate);
    let stars = measured
        .into_par_iter()
        .filter(|(_, star)| LOCUS.contains(&(star.fwhm / fwhm)) && whole(star))
        .filter(|(peak, star)| near.lonely(peak, NEAR * star.fwhm, reach as f64))
        .map(|(_, star)| star)
        .collect();
    Stars { stars, reach, fwhm }
}

fn peaks(image: &Exposure, sky: &Background) -> Vec<Peak> {
    let width = image.width;
    (1..image.height - 1)
        .into_par_iter()
        .flat_map_iter(|y| {
            (1..width - 1).filter_map(move |x| {
                let value = image.values[y * width + x];
                let (level, noise) = sky.at(x as f64, y as f64);
                let height = f64::from(value) - level;
                let around = [
                    (-1, -1),
                    (0, -1),
                    (1, -1),
                    (-1, 0),
                    (1, 0),
                    (-1, 1),
                    (0, 1),
                    (1, 1),
                ];
                let above = |(i, (dx, dy)): (usize, &(i64, i64))| {
                    let other = image.at(x as i64 + dx, y as i64 + dy);
                    // Of two equal ones the first counts.
                    if i < 4 { value > other } else { value >= other }
                };
                let is_peak = height >= DETECTED * noise && around.iter().enumerate().all(above);
                let snr = height / noise;
                is_peak.then_some(Peak { x, y, height, snr })
            })
        })
        .collect()
}

/// Centre, size and shape by moments under a round Gaussian weight that is moved and widened
/// until it fits (Bernstein & Jarvis 2002); `None` where that leads nowhere.
fn measure(image: &Exposure, sky: &Background, peak: &Peak) -> Option<Star> {
    let (mut x, mut y) = (peak.x as f64, peak.y as f64);
    let level = sky.at(x, y).0;
    let mut sigma = 1.5_f64;
    let mut e = [0.0; 2];
    for round in 0..30 {
        let reach = (4.0 * sigma).ceil().max(3.0) as i64;
        let (column, row) = (x.round() as i64, y.round() as i64);
        let [mut sum, mut sx, mut sy] = [0.0; 3];
        let [mut xx, mut xy, mut yy] = [0.0; 3];
        for j in row - reach..=row + reach {
            for i in column - reach..=column + reach {
                let value = f64::from(image.at(i, j)) - level;
                let (dx, dy) = (i as f64 - x, j as f64 - y);
                let weighted = value * (-0.5 * (dx * dx + dy * dy) / (sigma * sigma)).exp();
                sum += weighted;
                sx += weighted * dx;
                sy += weighted * dy;
                xx += weighted * dx * dx;
                xy += weighted * dx * dy;
                yy += weighted * dy * dy;
            }
        }
        // A pixel without a value makes all of them NaN.
        if sum.is_nan() || sum <= 0.0 {
            return None;
        }
        // The source's own moments: those of its product with the weight, less the weight.
        let [xx, xy, yy] = [xx / sum, xy / sum, yy / sum];
        let weight = 1.0 / (sigma * sigma);
        let determinant = xx * yy - xy * xy;
        let (a, b, c) = (
            yy / determinant - weight,
            -xy / determinant,
            xx / determinant - weight,
        );
        let inverse = a * c - b * b;
        if !(determinant > 0.0 && inverse > 0.0 && a > 0.0) {
            return None;
        }
        let [xx, xy, yy] = [c / inverse, -b / inverse, a / inverse];
        let next = ((xx + yy) / 2.0).sqrt();
        let (dx, dy) = (2.0 * sx / sum, 2.0 * sy / sum);
        (x, y) = (x + dx, y + dy);
        e = [(xx - yy) / (xx + yy), 2.0 * xy / (xx + yy)];
        let settled = (next / sigma - 1.0).abs() < 1e-3 && dx.hypot(dy) < 1e-3;
        sigma = next;
        let lost = (x - peak.x as f64).hypot(y - peak.y as f64) > 2.0;
        if lost || !FWHM.contains(&(sigma * FWHM_PER_SIGMA)) {
            return None;
        }
        if settled && round > 1 {
            break;
        }
    }
    let fwhm = sigma * FWHM_PER_SIGMA;
    let star = Star {
        x,
        y,
        fwhm,
        e,
        snr: peak.snr,
    };
    (e[0].hypot(e[1]) < ELLIPTICITY).then_some(star)
}

/// Whether every pixel that the stack will look at has a value and is not saturated.
fn stamp_is_whole(image: &Exposure, star: &Star, reach: usize, saturate: f64) -> bool {
    let reach = reach as i64 + 5;
    let (x, y) = (star.x.round() as i64, star.y.round() as i64);
    // NaN, also outside of the image, is below nothing.
    (y - reach..=y + reach)
        .all(|j| (x - reach..=x + reach).all(|i| f64::from(image.at(i, j)) < saturate))
}

/// The middle of the densest half of the densest half of … (half-sample mode).
fn mode(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let mut part = &*values;
    while part.len() > 3 {
        let half = part.len().div_ceil(2);
        let width = |at: usize| part[at + half - 1] - part[at];
        let starts = 0..=part.len() - half;
        let best = starts.min_by(|a, b| width(*a).total_cmp(&width(*b)));
        let best = best.expect("there is at least one half");
        part = &part[best..best + half];
    }
    median(&mut part.to_vec())
}

/// Peaks by the square of the image that they are in.
struct Neighbours<'a> {
    side: usize,
    squares: HashMap<(usize, usize), Vec<&'a Peak>>,
}

impl<'a> Neighbours<'a> {
    fn of(peaks: &'a [Peak], side: usize) -> Neighbours<'a> {
        let mut squares: HashMap<_, Vec<_>> = HashMap::new();
        for peak in peaks {
            squares
                .entry((peak.x / side, peak.y / side))
                .or_default()
                .push(peak);
        }
        Neighbours { side, squares }
    }

    /// Whether nothing bright stands within `reach`, and nothing but noise within `near`.
    fn lonely(&self, star: &Peak, near: f64, reach: f64) -> bool {
        let (column, row) = (star.x / self.side, star.y / self.side);
        let squares = (row.saturating_sub(1)..=row + 1)
            .flat_map(|j| (column.saturating_sub(1)..=column + 1).map(move |i| (i, j)));
        let others = squares.filter_map(|at| self.squares.get(&at)).flatten();
        others.into_iter().all(|other| {
            let away = (other.x as f64 - star.x as f64).hypot(other.y as f64 - star.y as f64);
            let share = match away {
                0.0 => return true,
                away if away < near => NEAR_SHARE,
                away if away < reach => FAR_SHARE,
                _ => return true,
            };
            other.height < share * star.height
        })
    }
}
