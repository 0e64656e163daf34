//! The baseline: a cut on the signal-to-noise of a matched filter, and nothing
//! else. A network that is worth having beats it by far.

use super::psf::{FWHM_PER_SIGMA, Gaussian};
use crate::data::Dataset;
use crate::{Error, Result};

/// How far from the centre the highest response is looked for, in pixels.
const REACH: usize = 2;
/// The median absolute deviation of a Gaussian, in sigmas.
const MAD_PER_SIGMA: f64 = 0.674_489_75;

/// The best that a threshold can do on a set of labelled scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// Scores at or above it fall on one side.
    pub threshold: f64,
    /// Whether that side is called real.
    pub real_above: bool,
    /// Share of candidates that are classified rightly.
    pub accuracy: f64,
}

/// Signal-to-noise of a point source at the centre of a difference image.
///
/// `difference` is (height, width) in any unit, `fwhm` in pixels. The image is
/// filtered with a Gaussian of that FWHM; the highest response within 2 pixels of
/// the centre is divided by 1.4826 times the median absolute deviation of all
/// responses, so that correlated noise and a bright source do not matter. NaN
/// pixels count as 0. The result is 0 for an image without any scatter.
pub fn signal_to_noise(difference: &[f32], height: usize, width: usize, fwhm: f64) -> f64 {
    let taps = Gaussian::round((fwhm / FWHM_PER_SIGMA).max(0.3)).taps(0);
    let radius = taps.len() / 2;
    let clean: Vec<f32> = difference
        .iter()
        .map(|value| if value.is_finite() { *value } else { 0.0 })
        .collect();
    let rows = filter(&clean, height, width, &taps, radius, true);
    let filtered = filter(&rows, height, width, &taps, radius, false);
    let middle = median(&filtered);
    let deviations: Vec<f32> = filtered.iter().map(|v| (v - middle as f32).abs()).collect();
    let noise = median(&deviations) / MAD_PER_SIGMA;
    let near =
        |centre: usize, size: usize| centre.saturating_sub(REACH)..(centre + REACH + 1).min(size);
    let mut peak = f32::NEG_INFINITY;
    for y in near(height / 2, height) {
        for x in near(width / 2, width) {
            peak = peak.max(filtered[y * width + x]);
        }
    }
    if noise > 0.0 {
        (f64::from(peak) - middle) / noise
    } else {
        0.0
    }
}

/// One axis of the separable filter; beyond the border there is nothing.
fn filter(
    image: &[f32],
    height: usize,
    width: usize,
    taps: &[f32],
    radius: usize,
    along_x: bool,
) -> Vec<f32> {
    let mut out = vec![0.0_f32; image.len()];
    for y in 0..height {
        for x in 0..width {
            let (at, size) = if along_x { (x, width) } else { (y, height) };
            let from = at.saturating_sub(radius);
            let to = (at + radius + 1).min(size);
            let mut sum = 0.0;
            for source in from..to {
                let tap = taps[source + radius - at];
                let pixel = if along_x {
                    y * width + source
                } else {
                    source * width + x
                };
                sum += tap * image[pixel];
            }
            out[y * width + x] = sum;
        }
    }
    out
}

fn median(values: &[f32]) -> f64 {
    let mut sorted = values.to_vec();
    let half = sorted.len() / 2;
    if sorted.is_empty() {
        return 0.0;
    }
    let (_, middle, _) = sorted.select_nth_unstable_by(half, f32::total_cmp);
    f64::from(*middle)
}

/// [`signal_to_noise`] of every candidate, on the last image of its cutout,
/// which is the difference. A candidate without FWHM is taken to have 3 pixels.
pub fn scores(dataset: &Dataset) -> Result<Vec<f64>> {
    let shape = dataset.shape;
    let mut cutout = vec![0.0_f32; shape.len()];
    let mut scores = Vec::with_capacity(dataset.len());
    for (index, candidate) in dataset.candidates.iter().enumerate() {
        dataset.pixels.read(index, &mut cutout)?;
        let difference: Vec<f32> = cutout
            .iter()
            .skip(shape.channels - 1)
            .step_by(shape.channels)
            .copied()
            .collect();
        let fwhm = if candidate.fwhm > 0.0 {
            candidate.fwhm
        } else {
            3.0
        };
        scores.push(signal_to_noise(
            &difference,
            shape.height,
            shape.width,
            fwhm,
        ));
    }
    Ok(scores)
}

/// The threshold, and its direction, with the highest accuracy on these very
/// labels (1 real, 0 bogus): an upper bound for the baseline.
pub fn best_cut(scores: &[f64], labels: &[u8]) -> Result<Cut> {
    if scores.len() != labels.len() || scores.is_empty() {
        return Err(Error::config(
            "matched filter",
            format!("{} scores and {} labels", scores.len(), labels.len()),
            "as many scores as labels, and at least one",
        ));
    }
    let mut pairs: Vec<(f64, bool)> = scores
        .iter()
        .copied()
        .zip(labels.iter().map(|label| *label == 1))
        .collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total = pairs.len();
    let reals = pairs.iter().filter(|(_, real)| *real).count();
    let mut best = Cut {
        threshold: f64::NEG_INFINITY,
        real_above: true,
        accuracy: 0.0,
    };
    let mut reals_below = 0;
    for (below, &(score, real)) in pairs.iter().enumerate() {
        // equal scores fall on the same side
        if below == 0 || score > pairs[below - 1].0 {
            let right = (reals - reals_below) + (below - reals_below);
            for (real_above, right) in [(true, right), (false, total - right)] {
                let accuracy = right as f64 / total as f64;
                if accuracy > best.accuracy {
                    best = Cut {
                        threshold: score,
                        real_above,
                        accuracy,
                    };
                }
            }
        }
        reals_below += usize::from(real);
    }
    Ok(best)
}
