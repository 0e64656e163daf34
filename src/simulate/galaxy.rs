//! Galaxies, as mixtures of Gaussians.
//!
//! An exponential and a de Vaucouleurs profile are within a per cent or so of a
//! sum of six or eight Gaussians (Hogg & Lang 2013, PASP 125, 719). Convolved
//! with a Gaussian PSF each stays a Gaussian, so a galaxy as seen costs a few
//! exponentials per pixel and no convolution.

use super::canvas::Canvas;
use super::psf::Psf;

/// (weight, variance in units of the squared half-light radius), n = 1.
const EXPONENTIAL: [(f64, f64); 6] = [
    (2.348_538_13e-3, 1.200_789_65e-3),
    (3.079_952_60e-2, 8.845_264_93e-3),
    (2.233_642_14e-1, 3.914_630_84e-2),
    (1.179_491_02, 1.399_768_17e-1),
    (4.338_737_50, 4.609_625_00e-1),
    (5.998_207_70, 1.501_595_66),
];

/// The same for n = 4, cut off at eight half-light radii.
const DE_VAUCOULEURS: [(f64, f64); 8] = [
    (4.263_476_52e-2, 2.237_592_16e-4),
    (2.401_271_83e-1, 1.002_200_99e-3),
    (6.859_076_32e-1, 4.187_311_26e-3),
    (1.519_373_50, 1.694_325_89e-2),
    (2.836_272_43, 6.848_504_79e-2),
    (4.464_675_01, 2.872_070_80e-1),
    (5.724_408_30, 1.333_202_54),
    (5.609_893_49, 8.402_150_71),
];

/// A galaxy on the sky.
#[derive(Clone, Copy, Debug)]
pub(super) struct Galaxy {
    /// Centre, in pixels.
    pub x: f64,
    /// Centre, in pixels.
    pub y: f64,
    /// In ADU.
    pub flux: f64,
    /// Half-light radius along the major axis, in pixels.
    pub radius: f64,
    /// Minor over major axis.
    pub axis_ratio: f64,
    /// Direction of the major axis, in radians.
    pub angle: f64,
    /// De Vaucouleurs rather than exponential.
    pub early: bool,
}

impl Galaxy {
    /// Adds it as seen through `psf`.
    pub fn add(&self, canvas: &mut Canvas, psf: &Psf) {
        let [pxx, pxy, pyy] = psf.covariance();
        let [gxx, gxy, gyy] = self.moments();
        let components = self.components();
        let total: f64 = components.iter().map(|(weight, _)| weight).sum();
        let side = canvas.side as f64;
        for &(weight, variance) in components {
            let (xx, xy, yy) = (
                pxx + variance * gxx,
                pxy + variance * gxy,
                pyy + variance * gyy,
            );
            let determinant = xx * yy - xy * xy;
            let peak = self.flux * weight / (total * std::f64::consts::TAU * determinant.sqrt());
            let (a, b, c) = (
                (-0.5 * yy / determinant) as f32,
                (xy / determinant) as f32,
                (-0.5 * xx / determinant) as f32,
            );
            // 4.5 sigma holds all but 4e-5 of a component
            let (reach_x, reach_y) = (4.5 * xx.sqrt(), 4.5 * yy.sqrt());
            let span = |at: f64, reach: f64| {
                let from = (at - reach).ceil().clamp(0.0, side);
                let to = ((at + reach).floor() + 1.0).clamp(0.0, side);
                from as usize..to as usize
            };
            for row in span(self.y, reach_y) {
                let dy = (row as f64 - self.y) as f32;
                for column in span(self.x, reach_x) {
                    let dx = (column as f64 - self.x) as f32;
                    let exponent = a * dx * dx + b * dx * dy + c * dy * dy;
                    canvas.values[row * canvas.side + column] += peak as f32 * exponent.exp();
                }
            }
        }
    }

    /// Weights and variances of the profile.
    pub fn components(&self) -> &'static [(f64, f64)] {
        if self.early {
            &DE_VAUCOULEURS
        } else {
            &EXPONENTIAL
        }
    }

    /// (xx, xy, yy) of a component with unit variance, in pixels^2.
    pub fn moments(&self) -> [f64; 3] {
        let (sin, cos) = self.angle.sin_cos();
        let major = self.radius * self.radius;
        let minor = major * self.axis_ratio * self.axis_ratio;
        [
            major * cos * cos + minor * sin * sin,
            (major - minor) * sin * cos,
            major * sin * sin + minor * cos * cos,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half of the light is within the half-light radius, which checks the tables.
    #[test]
    fn half_of_the_light_is_within_the_half_light_radius() {
        for table in [&EXPONENTIAL[..], &DE_VAUCOULEURS[..]] {
            let total: f64 = table.iter().map(|(weight, _)| weight).sum();
            let inside: f64 = table
                .iter()
                .map(|(weight, v)| weight * (1.0 - (-0.5 / v).exp()))
                .sum();
            assert!((inside / total - 0.5).abs() < 0.03, "{}", inside / total);
        }
    }
}
