//! Grey scales for looking at one image.

use image::RgbImage;

use super::gallery::{grey, percentile};
use super::zscale;

/// How pixel values become shades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stretch {
    /// Between the limits of [`zscale`](super::zscale()).
    #[default]
    Zscale,
    /// log(1 + 1000 x) / log(1001), as ds9 has it, x from 0 to 1 between the 0.5th and the
    /// 99.5th percentile: the wings of bright sources, and their cores too.
    Log,
}

/// ds9's exponent.
const STEEP: f64 = 1000.0;

impl Stretch {
    /// One called "zscale" or "log".
    pub fn called(name: &str) -> Option<Stretch> {
        match name {
            "zscale" => Some(Stretch::Zscale),
            "log" => Some(Stretch::Log),
            _ => None,
        }
    }

    /// `values`, rows of `width` pixels, as a picture. Pixels without a value (NaN, infinite)
    /// are purple, as in galleries.
    pub fn grey(self, values: &[f32], width: usize) -> RgbImage {
        match self {
            Stretch::Zscale => grey(values, width, zscale(values)),
            Stretch::Log => {
                let (low, high) = (percentile(values, 0.005), percentile(values, 0.995));
                let part = |v: f32| ((f64::from(v) - low) / (high - low)).clamp(0.0, 1.0);
                let log = |v: f32| ((1.0 + STEEP * part(v)).ln() / (1.0 + STEEP).ln()) as f32;
                // An image of one value stays as it is: mid-grey.
                let shown = |&v: &f32| {
                    if high > low && v.is_finite() {
                        log(v)
                    } else {
                        v
                    }
                };
                let limits = if high > low { (0.0, 1.0) } else { (0.0, 0.0) };
                let shades: Vec<f32> = values.iter().map(shown).collect();
                grey(&shades, width, limits)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_is_dark_below_bright_above_and_purple_without_a_value() {
        let mut values: Vec<f32> = (0..1000).map(|i| i as f32).collect();
        values.extend([f32::NAN, f32::INFINITY]);
        let image = Stretch::Log.grey(&values, 1);
        let shade = |row: u32| image.get_pixel(0, row).0;
        assert_eq!((shade(0), shade(999)), ([0; 3], [255; 3]));
        // Half-way up the values it is past three quarters of the scale.
        let expected = (255.0 * (1.0 + 1000.0 * 0.5f64).ln() / 1001f64.ln()).round();
        assert!((f64::from(shade(500)[0]) - expected).abs() <= 1.0);
        assert_eq!(shade(1000), super::super::palette::PURPLE);
        assert_eq!(shade(1001), super::super::palette::PURPLE);
        let flat = Stretch::Log.grey(&[7.0; 4], 2);
        assert!(flat.pixels().all(|p| p.0 == [128; 3]));
        assert_eq!(Stretch::called("log"), Some(Stretch::Log));
        assert_eq!(Stretch::called("sqrt"), None);
    }
}
