//! Sources in an image: pixels above the noise that hang together, and their moments.

use super::image::Image;

/// Below this a source is a line, and each pixel counts as a square and no point: SExtractor's
/// rule (Bertin & Arnouts 1996), (1/12)^2.
const THIN: f64 = 1.0 / 144.0;

/// Pixels that hang together.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// How many.
    pub area: usize,
    /// Light above the sky.
    pub flux: f64,
    /// (row, column) of its middle, weighted by light.
    pub at: [f64; 2],
    /// Semi-major and semi-minor axis in pixels: root of the larger and the smaller second
    /// moment.
    pub axes: [f64; 2],
}

/// Where a source begins.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    /// Median of the image.
    pub sky: f64,
    /// Pixels are above this.
    pub level: f64,
}

/// All sources, in the order of their first pixels; pixels that touch at a corner hang together.
pub fn sources(image: &Image, threshold: Threshold) -> Vec<Source> {
    let mut taken = vec![false; image.pixels.len()];
    let mut found = Vec::new();
    for at in 0..image.pixels.len() {
        if !taken[at] && image.pixels[at] > threshold.level {
            found.push(source(image, threshold, at, &mut taken));
        }
    }
    found
}

/// The source that the brightest pixel within `reach` of the middle belongs to.
pub fn central(image: &Image, threshold: Threshold, reach: usize) -> Option<Source> {
    let around = |n: usize| {
        let middle = (n / 2).min(n.saturating_sub(1));
        middle.saturating_sub(reach)..(middle + reach + 1).min(n)
    };
    let places = around(image.height)
        .flat_map(|y| around(image.width).map(move |x| y * image.width + x))
        .filter(|&at| image.pixels[at] > threshold.level);
    let brightest = places.max_by(|&a, &b| image.pixels[a].total_cmp(&image.pixels[b]))?;
    let mut taken = vec![false; image.pixels.len()];
    Some(source(image, threshold, brightest, &mut taken))
}

/// The source that pixel `first` belongs to.
fn source(image: &Image, threshold: Threshold, first: usize, taken: &mut [bool]) -> Source {
    let (height, width) = (image.height as isize, image.width as isize);
    let mut waiting = vec![first];
    taken[first] = true;
    // Sums of light, of light times row, column, and their squares and product.
    let (mut area, mut sums) = (0, [0.0; 6]);
    while let Some(at) = waiting.pop() {
        let (y, x) = (at as isize / width, at as isize % width);
        let (fy, fx) = (y as f64, x as f64);
        let light = image.pixels[at] - threshold.sky;
        area += 1;
        for (sum, by) in sums
            .iter_mut()
            .zip([1.0, fy, fx, fy * fy, fx * fx, fy * fx])
        {
            *sum += light * by;
        }
        for (dy, dx) in [
            (-1, -1),
            (-1, 0),
            (-1, 1),
            (0, -1),
            (0, 1),
            (1, -1),
            (1, 0),
            (1, 1),
        ] {
            let (y, x) = (y + dy, x + dx);
            if !(0..height).contains(&y) || !(0..width).contains(&x) {
                continue;
            }
            let next = (y * width + x) as usize;
            if !taken[next] && image.pixels[next] > threshold.level {
                taken[next] = true;
                waiting.push(next);
            }
        }
    }
    let flux = sums[0];
    let [_, y, x, yy, xx, yx] = sums.map(|sum| sum / flux);
    let (mut yy, mut xx, yx) = ((yy - y * y).max(0.0), (xx - x * x).max(0.0), yx - y * x);
    if yy * xx - yx * yx < THIN {
        yy += 1.0 / 12.0;
        xx += 1.0 / 12.0;
    }
    let mean = 0.5 * (yy + xx);
    let apart = (0.25 * (yy - xx) * (yy - xx) + yx * yx).sqrt();
    Source {
        area,
        flux,
        at: [y, x],
        axes: [mean + apart, mean - apart].map(|moment| moment.max(0.0).sqrt()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Threshold, central, sources};
    use crate::forest::features::image::Image;

    const THRESHOLD: Threshold = Threshold {
        sky: 0.0,
        level: 0.5,
    };

    /// An elliptical Gaussian of widths (sy, sx) about (y, x).
    fn image(n: usize, [y, x]: [f64; 2], [sy, sx]: [f64; 2]) -> Image {
        let pixel = |at: usize| {
            let (dy, dx) = ((at / n) as f64 - y, (at % n) as f64 - x);
            1000.0 * (-0.5 * (dy * dy / (sy * sy) + dx * dx / (sx * sx))).exp()
        };
        Image {
            height: n,
            width: n,
            pixels: (0..n * n).map(pixel).collect(),
        }
    }

    #[test]
    fn the_axes_of_a_gaussian_are_its_widths() {
        let found = central(&image(51, [25.3, 24.6], [2.0, 3.0]), THRESHOLD, 3).expect("a source");
        for (found, expected) in found.axes.into_iter().zip([3.0, 2.0]) {
            assert!(
                (found - expected).abs() < 0.03,
                "{found} instead of {expected}"
            );
        }
        assert!((found.at[0] - 25.3).abs() < 0.01 && (found.at[1] - 24.6).abs() < 0.01);
    }

    #[test]
    fn two_spots_are_two_sources_and_none_is_none() {
        let (a, b) = (
            image(51, [12.0, 12.0], [1.0; 2]),
            image(51, [40.0, 38.0], [1.5; 2]),
        );
        let both = Image {
            pixels: a.pixels.iter().zip(&b.pixels).map(|(a, b)| a + b).collect(),
            ..a
        };
        assert_eq!(sources(&both, THRESHOLD).len(), 2);
        assert_eq!(central(&both, THRESHOLD, 3), None);
    }

    #[test]
    fn a_line_of_pixels_has_a_width() {
        let mut line = image(9, [4.0, 4.0], [1.0; 2]).map(|_| 0.0);
        line.pixels[4 * 9..5 * 9].fill(2.0);
        let found = central(&line, THRESHOLD, 1).expect("a source");
        assert!((found.axes[1] - (1.0f64 / 12.0).sqrt()).abs() < 1e-12);
    }
}
