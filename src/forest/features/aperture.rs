//! Light in a circle about the candidate.

use super::image::Image;

/// In pixels, as autoScan's.
const RADIUS: f64 = 5.0;
/// Parts of a pixel, each way, that are in the circle or not.
const PARTS: usize = 5;

/// How much of each pixel is in the circle.
#[derive(Clone, Debug)]
pub struct Aperture {
    /// (place in the image, part of the pixel from 0 to 1).
    pixels: Vec<(usize, f64)>,
}

/// Light in the circle.
#[derive(Clone, Copy, Debug)]
pub struct Flux {
    /// Above the sky.
    pub flux: f64,
    /// Its error from the noise of a pixel.
    pub error: f64,
}

impl Aperture {
    /// The circle about the middle of an image (H, W): pixel (H - 1) / 2 of an odd number.
    pub fn new(height: usize, width: usize) -> Aperture {
        let middle = |n: usize| (n as f64 - 1.0) / 2.0;
        let part = |i: usize| (i as f64 + 0.5) / PARTS as f64 - 0.5;
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let (dy, dx) = (y as f64 - middle(height), x as f64 - middle(width));
                let inside = |k: usize| {
                    let (py, px) = (dy + part(k / PARTS), dx + part(k % PARTS));
                    py * py + px * px < RADIUS * RADIUS
                };
                let count = (0..PARTS * PARTS).filter(|&k| inside(k)).count();
                if count > 0 {
                    let part = count as f64 / (PARTS * PARTS) as f64;
                    pixels.push((y * width + x, part));
                }
            }
        }
        Aperture { pixels }
    }

    /// What is in it above `sky`; masked pixels are left out. NaN where all are masked.
    pub fn flux(&self, image: &Image, (sky, noise): (f64, f64)) -> Flux {
        let known = self
            .pixels
            .iter()
            .filter(|(at, _)| !image.pixels[*at].is_nan());
        let sums = known.fold((0.0, 0.0), |(flux, area), (at, part)| {
            (flux + part * (image.pixels[*at] - sky), area + part)
        });
        match sums {
            (_, 0.0) => Flux {
                flux: f64::NAN,
                error: f64::NAN,
            },
            (flux, area) => Flux {
                flux,
                error: noise * f64::sqrt(area),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Aperture;
    use crate::forest::features::image::Image;

    #[test]
    fn a_circle_of_ones_has_its_area() {
        for n in [31, 32, 51] {
            let image = Image::of(&vec![3.0; n * n], [n, n, 1], 0);
            let flux = Aperture::new(n, n).flux(&image, (2.0, 0.5));
            let area = std::f64::consts::PI * 25.0;
            let off = (flux.flux - area).abs();
            // 31 pixels lie on the circle, each known to a 25th or so of itself.
            assert!(
                off <= 31.0 / 25.0,
                "{n} pixels: {} instead of {area}",
                flux.flux
            );
            assert!((flux.error - 0.5 * flux.flux.sqrt()).abs() < 1e-9);
        }
    }
}
