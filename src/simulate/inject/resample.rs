//! Point spread functions as samples, and their values between the samples: Lanczos'
//! windowed sinc of order 4, as PSFEx interpolates its own (Bertin 2011).

use crate::simulate::Psf;

/// Lobes of the kernel on either side.
const LOBES: i64 = 4;
const TAPS: usize = 2 * LOBES as usize;
/// Steps per pixel in which the area above half of the maximum is counted.
const FINE: usize = 10;

/// The first sample that counts for a place `at`, and the weights from there on; they sum to 1.
pub(super) fn weights(at: f64) -> (i64, [f64; TAPS]) {
    let first = at.floor() as i64 - LOBES + 1;
    let sinc = |x: f64| match x {
        x if x.abs() < 1e-9 => 1.0,
        x => (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x),
    };
    let kernel = |x: f64| match x.abs() < LOBES as f64 {
        true => sinc(x) * sinc(x / LOBES as f64),
        false => 0.0,
    };
    let mut weights = [0.0; TAPS];
    for (k, weight) in weights.iter_mut().enumerate() {
        *weight = kernel(at - (first + k as i64) as f64);
    }
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    (first, weights)
}

/// The value at ((column + column offset) .. ) of an image `read` with `columns` x `rows` places.
///
/// Result: (rows, columns), row-major.
pub(super) fn interpolate(
    read: impl Fn(i64, i64) -> f64,
    columns: &[f64],
    rows: &[f64],
) -> Vec<f64> {
    let across: Vec<_> = columns.iter().map(|at| weights(*at)).collect();
    let down: Vec<_> = rows.iter().map(|at| weights(*at)).collect();
    let top = down.iter().map(|(first, _)| *first).min().unwrap_or(0);
    let bottom = down.iter().map(|(first, _)| first + TAPS as i64).max();
    // First along the rows, every row once; then down the columns.
    let along: Vec<f64> = (top..bottom.unwrap_or(top))
        .flat_map(|y| across.iter().map(move |a| (y, a)))
        .map(|(y, (first, taps))| {
            let terms = taps.iter().zip(*first..);
            terms.map(|(tap, x)| tap * read(x, y)).sum()
        })
        .collect();
    let width = columns.len();
    let value = |column: usize, (first, taps): &(i64, [f64; TAPS])| {
        let from = (first - top) as usize;
        let terms = taps.iter().enumerate();
        terms
            .map(|(k, tap)| tap * along[(from + k) * width + column])
            .sum()
    };
    down.iter()
        .flat_map(|row| (0..width).map(move |column| (column, row)))
        .map(|(column, row)| value(column, row))
        .collect()
}

/// A point spread function at one place of the image, as samples of its light per pixel.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// (side, side), row-major.
    pub values: Vec<f64>,
    /// Rows and columns; odd, the source is in the middle of the middle one.
    pub side: usize,
    /// Image pixels from one sample to the next.
    pub step: f64,
}

/// A source of flux 1 on the image's own pixels.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    /// (side, side), row-major; they sum to 1.
    pub values: Vec<f64>,
    /// Rows and columns.
    pub side: usize,
    /// Column and row of the first pixel in the image, counted from 0.
    pub corner: [i64; 2],
}

/// Lets the light of a template end smoothly and round, not with a square edge.
pub(super) fn fade(values: &mut [f64], side: usize) {
    let middle = (side / 2) as f64;
    for (i, value) in values.iter_mut().enumerate() {
        let away = ((i % side) as f64 - middle).hypot((i / side) as f64 - middle);
        let part = ((away / (middle + 0.5) - 0.8) / 0.2).clamp(0.0, 1.0);
        *value *= 0.5 + 0.5 * (std::f64::consts::PI * part).cos();
    }
}

impl Template {
    /// An analytic one, out to five times its width.
    pub fn analytic(psf: &Psf) -> Template {
        let step = if psf.fwhm < 4.0 { 0.25 } else { 1.0 };
        let middle = (5.0 * psf.fwhm.max(1.6) / step).ceil();
        let side = 2 * middle as usize + 1;
        let at = |i: usize| (i as f64 - middle) * step;
        let mut values: Vec<f64> = (0..side * side)
            .map(|i| psf.value(at(i % side), at(i / side)))
            .collect();
        fade(&mut values, side);
        Template { values, side, step }
    }

    /// Image pixels from the middle to the border, at most.
    pub fn reach(&self) -> i64 {
        ((self.side / 2) as f64 * self.step).floor() as i64
    }

    /// With its middle at (x, y), in pixels from the centre of the first one.
    pub fn place(&self, x: f64, y: f64) -> Stamp {
        let reach = self.reach();
        let side = (2 * reach + 1) as usize;
        let corner = [x.round() as i64 - reach, y.round() as i64 - reach];
        let along = |corner: i64, centre: f64| -> Vec<f64> {
            let places = (0..side as i64).map(|i| (corner + i) as f64 - centre);
            places.collect()
        };
        let mut values = self.sample(&along(corner[0], x), &along(corner[1], y));
        let sum: f64 = values.iter().sum();
        values.iter_mut().for_each(|value| *value /= sum);
        Stamp {
            values,
            side,
            corner,
        }
    }

    /// Its values at places relative to its middle, in image pixels.
    fn sample(&self, columns: &[f64], rows: &[f64]) -> Vec<f64> {
        let (side, middle) = (self.side as i64, (self.side / 2) as f64);
        let read = |x: i64, y: i64| {
            let inside = (0..side).contains(&x) && (0..side).contains(&y);
            if inside {
                self.values[(y * side + x) as usize]
            } else {
                0.0
            }
        };
        let own = |places: &[f64]| -> Vec<f64> {
            places.iter().map(|at| at / self.step + middle).collect()
        };
        interpolate(read, &own(columns), &own(rows))
    }

    /// The diameter, in image pixels, of the disc that is as large as the area where it is
    /// above half of its maximum; NaN if it has none.
    pub fn fwhm(&self) -> f64 {
        let reach = self.reach().min(24);
        let fine = (2 * reach as usize + 1) * FINE;
        let along: Vec<f64> = (0..fine)
            .map(|i| (i as f64 + 0.5) / FINE as f64 - 0.5 - reach as f64)
            .collect();
        let values = self.sample(&along, &along);
        let most = values.iter().copied().fold(0.0, f64::max);
        if most <= 0.0 {
            return f64::NAN;
        }
        let above = values.iter().filter(|value| **value > most / 2.0).count();
        let area = above as f64 / (FINE * FINE) as f64;
        2.0 * (area / std::f64::consts::PI).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Profile;

    fn moffat(fwhm: f64) -> Psf {
        Psf {
            profile: Profile::Moffat { beta: 3.0 },
            fwhm,
            axis_ratio: 1.0,
            angle: 0.0,
        }
    }

    #[test]
    fn a_template_is_the_function_between_its_samples() {
        let psf = moffat(3.0);
        let side = 61;
        let at = |i: usize| (i % side) as f64 - 30.0;
        let values = (0..side * side)
            .map(|i| psf.value(at(i), at(i / side)))
            .collect();
        let template = Template {
            values,
            side,
            step: 1.0,
        };
        assert!(
            (template.fwhm() / 3.0 - 1.0).abs() < 0.01,
            "{}",
            template.fwhm()
        );
        let stamp = template.place(100.3, 50.8);
        let sum: f64 = stamp.values.iter().sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        for (i, value) in stamp.values.iter().enumerate() {
            let x = (stamp.corner[0] + (i % stamp.side) as i64) as f64 - 100.3;
            let y = (stamp.corner[1] + (i / stamp.side) as i64) as f64 - 50.8;
            // The light beyond the border, 1%, was given to the rest.
            let wrong = (value / psf.value(0.0, 0.0) - psf.value(x, y) / psf.value(0.0, 0.0)).abs();
            assert!(wrong < 0.02, "{x} {y}: {wrong}");
        }
    }
}
