//! A square grid of pixels, a little larger than the cutout.

use super::psf::Gaussian;

/// Pixels around the cutout on every side. Detection may move the centre by
/// [`REACH`]; the rest keeps the ends of convolutions out of the cutout.
pub(super) const MARGIN: usize = 10;
/// How far from the middle of the canvas a detection may lie, in pixels.
pub(super) const REACH: usize = 6;

/// Square image, row-major, in ADU.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    /// Rows and columns.
    pub side: usize,
    /// (side, side).
    pub values: Vec<f32>,
}

impl Canvas {
    /// All zero.
    pub fn new(side: usize) -> Canvas {
        Canvas {
            side,
            values: vec![0.0; side * side],
        }
    }

    /// Coordinate of the middle pixel in x and y.
    pub fn middle(&self) -> usize {
        self.side / 2
    }

    /// The pixel at column x, row y.
    pub fn at(&self, x: usize, y: usize) -> f32 {
        self.values[y * self.side + x]
    }

    /// Adds to the pixel at (x, y) if it is on the canvas.
    pub fn deposit(&mut self, x: i64, y: i64, value: f32) {
        let side = self.side as i64;
        if (0..side).contains(&x) && (0..side).contains(&y) {
            self.values[(y * side + x) as usize] += value;
        }
    }

    /// Adds f(x, y) everywhere.
    pub fn paint(&mut self, f: impl Fn(f64, f64) -> f64) {
        let side = self.side;
        for (y, row) in self.values.chunks_exact_mut(side).enumerate() {
            for (x, value) in row.iter_mut().enumerate() {
                *value += f(x as f64, y as f64) as f32;
            }
        }
    }

    /// self += factor * other.
    pub fn add(&mut self, other: &Canvas, factor: f32) {
        for (a, b) in self.values.iter_mut().zip(&other.values) {
            *a += factor * b;
        }
    }

    /// self *= factor.
    pub fn scale(&mut self, factor: f32) {
        self.values.iter_mut().for_each(|value| *value *= factor);
    }

    /// Convolved with a normalised Gaussian; beyond the border the last pixel goes on.
    pub fn convolved(&self, kernel: &Gaussian) -> Canvas {
        let side = self.side;
        let (along_x, along_y) = (kernel.taps(0), kernel.taps(1));
        let mut rows = Canvas::new(side);
        let radius = along_x.len() / 2;
        let mut padded = vec![0.0_f32; side + 2 * radius];
        for (row, out) in self
            .values
            .chunks_exact(side)
            .zip(rows.values.chunks_exact_mut(side))
        {
            padded[..radius].fill(row[0]);
            padded[radius..radius + side].copy_from_slice(row);
            padded[radius + side..].fill(row[side - 1]);
            // tap t looks at x + radius - t: a convolution, not a correlation
            for (t, tap) in along_x.iter().rev().enumerate() {
                for (value, pixel) in out.iter_mut().zip(&padded[t..]) {
                    *value += tap * pixel;
                }
            }
        }
        let mut out = Canvas::new(side);
        let radius = (along_y.len() / 2) as i64;
        let last = side as i64 - 1;
        for y in 0..side {
            let target = &mut out.values[y * side..(y + 1) * side];
            for (t, tap) in along_y.iter().enumerate() {
                let from = (y as i64 + radius - t as i64).clamp(0, last) as usize;
                for (value, pixel) in target.iter_mut().zip(&rows.values[from * side..]) {
                    *value += tap * pixel;
                }
            }
        }
        out
    }

    /// The highest response to a Gaussian filter within `reach` pixels of
    /// (x, y): its place, and the flux in ADU of a point source that would
    /// give it.
    pub fn brightest(&self, sigma: f64, x: usize, y: usize, reach: usize) -> Peak {
        let filter = Gaussian::round(sigma);
        let taps = filter.taps(0);
        let radius = (taps.len() / 2) as i64;
        let power: f32 = taps.iter().map(|tap| tap * tap).sum();
        let last = self.side as i64 - 1;
        let clamp = |at: i64| at.clamp(0, last) as usize;
        let width = 2 * reach + 1;
        let (x0, y0) = (x as i64 - reach as i64, y as i64 - reach as i64);
        let height = width + 2 * radius as usize;
        let mut rows = vec![0.0_f32; width * height];
        for j in 0..height {
            let row = clamp(y0 - radius + j as i64) * self.side;
            for i in 0..width {
                let left = x0 + i as i64 - radius;
                rows[j * width + i] = taps
                    .iter()
                    .enumerate()
                    .map(|(t, tap)| tap * self.values[row + clamp(left + t as i64)])
                    .sum();
            }
        }
        let mut peak = Peak {
            x,
            y,
            flux: f64::NEG_INFINITY,
        };
        for j in 0..width {
            for i in 0..width {
                let sum: f32 = taps
                    .iter()
                    .enumerate()
                    .map(|(t, tap)| tap * rows[(j + t) * width + i])
                    .sum();
                let flux = f64::from(sum / (power * power));
                if flux > peak.flux {
                    peak = Peak {
                        x: clamp(x0 + i as i64),
                        y: clamp(y0 + j as i64),
                        flux,
                    };
                }
            }
        }
        peak
    }
}

/// Where a matched filter responds most, and how much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peak {
    /// Column.
    pub x: usize,
    /// Row.
    pub y: usize,
    /// Least-squares flux of a Gaussian source there, in ADU.
    pub flux: f64,
}
