//! One image of a cutout, and what many features ask of it.

/// Standard deviations per median absolute deviation, for Gaussian noise.
const MAD_TO_SIGMA: f64 = 1.4826;
/// What DES writes where a pixel is masked.
const MASKED: f32 = 1e-30;

/// An image (H, W), row-major; NaN where a pixel is masked.
#[derive(Clone, Debug)]
pub struct Image {
    pub height: usize,
    pub width: usize,
    pub pixels: Vec<f64>,
}

impl Image {
    /// Image `channel` of a cutout (H, W, C). What is not finite, or DES's mask, is masked.
    pub fn of(values: &[f32], [height, width, channels]: [usize; 3], channel: usize) -> Image {
        let one = |pixel: &[f32]| match pixel[channel] {
            v if v.is_finite() && v != MASKED => f64::from(v),
            _ => f64::NAN,
        };
        Image {
            height,
            width,
            pixels: values.chunks_exact(channels).map(one).collect(),
        }
    }

    /// The pixels that are not masked.
    pub fn known(&self) -> impl Iterator<Item = f64> + '_ {
        self.pixels.iter().copied().filter(|p| !p.is_nan())
    }

    /// The same, every pixel through `f`.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Image {
        Image {
            pixels: self.pixels.iter().map(|&p| f(p)).collect(),
            ..*self
        }
    }

    /// Median, and noise: 1.4826 times the median distance from it; the root mean square of the
    /// distances where that is 0; 0 of an image without contrast. NaN where all is masked.
    pub fn sky(&self) -> (f64, f64) {
        let mut values: Vec<f64> = self.known().collect();
        let sky = median(&mut values);
        values
            .iter_mut()
            .for_each(|value| *value = (*value - sky).abs());
        let count = values.len() as f64;
        let noise = match MAD_TO_SIGMA * median(&mut values) {
            0.0 => (values.iter().map(|d| d * d).sum::<f64>() / count).sqrt(),
            noise => noise,
        };
        (sky, noise)
    }

    /// B: less the median, in units of the largest distance from it, so that 1 is the most.
    /// 0 where there is no contrast.
    pub fn scaled(&self, sky: f64) -> Image {
        let most = self.known().map(|p| (p - sky).abs()).fold(0.0, f64::max);
        self.map(|p| over(p - sky, most))
    }

    /// R: means of 2 x 2 pixels, less their median, in units of their noise.
    pub fn in_noise(&self) -> Cells {
        let (row, rows) = cells(self.height);
        let (column, columns) = cells(self.width);
        let mut image = Image {
            height: rows.len,
            width: columns.len,
            pixels: Vec::with_capacity(rows.len * columns.len),
        };
        for i in 0..rows.len {
            for j in 0..columns.len {
                let (y, x) = (rows.start + 2 * i, columns.start + 2 * j);
                let four = [(0, 0), (0, 1), (1, 0), (1, 1)];
                let four = four.map(|(dy, dx)| self.pixels[(y + dy) * self.width + x + dx]);
                let known = four.iter().filter(|p| !p.is_nan());
                let (sum, count) = known.fold((0.0, 0.0), |(s, n), p| (s + p, n + 1.0));
                image.pixels.push(sum / count);
            }
        }
        let (sky, noise) = image.sky();
        Cells {
            image: image.map(|p| over(p - sky, noise)),
            middle: [row, column],
        }
    }

    /// The same through a median filter of `size` x `size` pixels, `size` odd; windows end where
    /// the image does, and leave out what is masked.
    pub fn median_filtered(&self, size: usize) -> Image {
        let half = size / 2;
        let mut pixels = Vec::with_capacity(self.pixels.len());
        let mut window = Vec::with_capacity(size * size);
        for y in 0..self.height {
            let rows = y.saturating_sub(half)..(y + half + 1).min(self.height);
            for x in 0..self.width {
                let columns = x.saturating_sub(half)..(x + half + 1).min(self.width);
                window.clear();
                for row in rows.clone() {
                    let line = &self.pixels[row * self.width..][columns.clone()];
                    window.extend(line.iter().filter(|p| !p.is_nan()));
                }
                pixels.push(median(&mut window));
            }
        }
        Image { pixels, ..*self }
    }

    /// The largest pixel; NaN where all is masked.
    pub fn max(&self) -> f64 {
        self.known().fold(f64::NAN, f64::max)
    }

    /// The median of each column, of those that are not masked throughout.
    pub fn column_medians(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.width)
            .map(|x| {
                let column = self.pixels[x..].iter().step_by(self.width);
                median(&mut column.copied().filter(|p| !p.is_nan()).collect::<Vec<_>>())
            })
            .filter(|median| !median.is_nan())
    }
}

/// R of an image, with the cell that the candidate is in.
#[derive(Clone, Debug)]
pub struct Cells {
    image: Image,
    middle: [usize; 2],
}

impl Cells {
    /// The cells within `reach` of the middle one, both ways, as far as there are; masked ones
    /// are left out.
    pub fn around(&self, reach: usize) -> impl Iterator<Item = f64> + '_ {
        let [y, x] = self.middle;
        let Image { height, width, .. } = self.image;
        let rows = y.saturating_sub(reach)..(y + reach + 1).min(height);
        let columns = x.saturating_sub(reach)..(x + reach + 1).min(width);
        let cells = rows.flat_map(move |y| columns.clone().map(move |x| y * width + x));
        cells
            .map(|at| self.image.pixels[at])
            .filter(|p| !p.is_nan())
    }
}

/// Pairs of pixels along an axis.
struct Pairs {
    start: usize,
    len: usize,
}

/// Pairs along an axis of `n` pixels so that one of them is pixels n/2 - 1 and n/2, as the middle
/// one of autoScan's 25 out of 51 is; which one that is. A pixel at an end may be left over.
fn cells(n: usize) -> (usize, Pairs) {
    let middle = n / 2;
    let start = (middle + 1) % 2;
    let len = n.saturating_sub(start) / 2;
    (middle.saturating_sub(1 + start) / 2, Pairs { start, len })
}

/// a / b, and 0 where b is.
pub fn over(a: f64, b: f64) -> f64 {
    if b == 0.0 && !a.is_nan() { 0.0 } else { a / b }
}

/// The mean of the two in the middle of an even number; NaN of none. Leaves `values` in another
/// order; none of them is NaN.
pub fn median(values: &mut [f64]) -> f64 {
    let count = values.len();
    if count == 0 {
        return f64::NAN;
    }
    let middle = count / 2;
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if count % 2 == 1 {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    0.5 * (lower + upper)
}

#[cfg(test)]
mod tests {
    use super::{Image, cells, median};

    #[test]
    fn the_middle_cell_holds_the_candidate() {
        for n in 2..70 {
            let (middle, pairs) = cells(n);
            assert_eq!(pairs.start + 2 * middle, n / 2 - 1, "of {n} pixels");
            assert!(
                middle < pairs.len && pairs.start + 2 * pairs.len <= n,
                "of {n} pixels"
            );
        }
        // autoScan's own: 25 cells from the first pixel on, the candidate in cell 12.
        let (middle, pairs) = cells(51);
        assert_eq!((middle, pairs.start, pairs.len), (12, 0, 25));
    }

    #[test]
    fn medians() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&mut [7.0]), 7.0);
        assert!(median(&mut []).is_nan());
    }

    #[test]
    fn masked_pixels_are_left_out() {
        let values = [1.0, f32::NAN, 3.0, 1e-30, 5.0, f32::INFINITY];
        let image = Image::of(&values, [2, 3, 1], 0);
        assert_eq!(image.known().collect::<Vec<_>>(), [1.0, 3.0, 5.0]);
        assert_eq!(image.sky(), (3.0, 1.4826 * 2.0));
        assert_eq!(image.column_medians().collect::<Vec<_>>(), [1.0, 5.0, 3.0]);
    }
}
