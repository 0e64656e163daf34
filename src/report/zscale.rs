//! The grey scale that astronomers look at images with.

/// Pixels that are looked at, at most.
const SAMPLES: usize = 1000;
/// By how much the scale is steeper than the line through the sorted pixels.
const CONTRAST: f64 = 0.25;
/// With fewer than this part of the pixels left, or than so many, the line means nothing.
const MAX_REJECT: f64 = 0.5;
const MIN_PIXELS: usize = 5;
/// Pixels further off than so many standard deviations are left out, so many times.
const SIGMAS: f64 = 2.5;
const ITERATIONS: usize = 5;

/// The values shown black and white by IRAF's zscale (`display`; Tody 1986): a straight line is
/// fitted to the sorted pixels, without those far off, and its slope over the contrast spans the
/// scale about the median. The numbers are those of astropy's `ZScaleInterval` with its defaults.
///
/// Values that are not finite do not count; NaN of nothing.
pub fn zscale(values: &[f32]) -> (f64, f64) {
    let finite = values.iter().filter(|v| v.is_finite());
    let count = finite.clone().count();
    if count == 0 {
        return (f64::NAN, f64::NAN);
    }
    let stride = (count / SAMPLES).max(1);
    let sampled = finite.step_by(stride).take(SAMPLES).map(|&v| f64::from(v));
    let mut sorted: Vec<f64> = sampled.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let ends = (sorted[0], sorted[sorted.len() - 1]);
    let Some(slope) = slope(&sorted) else {
        return ends;
    };
    let n = sorted.len();
    let median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0;
    let (middle, slope) = (((n - 1) / 2) as f64, slope / CONTRAST);
    let low = median - (middle - 1.0) * slope;
    let high = median + (n as f64 - middle) * slope;
    (ends.0.max(low), ends.1.min(high))
}

/// Of the line through the sorted pixels, per pixel; `None` if too few are near it.
fn slope(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len();
    let fewest = MIN_PIXELS.max((n as f64 * MAX_REJECT) as usize);
    let grow = ((n as f64 * 0.01) as usize).max(1);
    let mut bad = vec![false; n];
    let (mut before, mut left) = (n + 1, n);
    let mut slope = None;
    for _ in 0..ITERATIONS {
        if left >= before || left < fewest {
            break;
        }
        let good = || (0..n).filter(|&i| !bad[i]);
        let mean = |of: &dyn Fn(usize) -> f64| good().map(of).sum::<f64>() / left as f64;
        let x = mean(&|i| i as f64);
        let y = mean(&|i| sorted[i]);
        let across = mean(&|i| (i as f64 - x) * (sorted[i] - y));
        let spread = mean(&|i| (i as f64 - x).powi(2));
        let b = if spread > 0.0 { across / spread } else { 0.0 };
        slope = Some(b);
        let off: Vec<f64> = (0..n).map(|i| sorted[i] - y - b * (i as f64 - x)).collect();
        let middle = mean(&|i| off[i]);
        let sigma = mean(&|i| (off[i] - middle).powi(2)).sqrt();
        let far: Vec<bool> = (0..n)
            .map(|i| bad[i] || off[i].abs() > SIGMAS * sigma)
            .collect();
        // A pixel beside a bad one is bad too: `grow` of them about each.
        let ahead = (grow - 1) / 2;
        for (i, bad) in bad.iter_mut().enumerate() {
            let from = (i + ahead + 1).saturating_sub(grow);
            *bad = far[from..(i + ahead + 1).min(n)].contains(&true);
        }
        before = left;
        left = bad.iter().filter(|bad| !**bad).count();
    }
    slope.filter(|_| left >= fewest)
}
