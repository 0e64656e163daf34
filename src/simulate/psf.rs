//! Point spread functions.

use super::canvas::Canvas;

/// FWHM of a Gaussian in units of its sigma.
pub(super) const FWHM_PER_SIGMA: f64 = 2.354_820_045_030_949_3;

/// How light falls off with radius.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// exp(-r^2 / 2 sigma^2).
    Gaussian,
    /// (1 + r^2 / alpha^2)^-beta, the wings of real seeing (Moffat 1969).
    Moffat {
        /// Exponent, above 1; seeing gives 2.5 to 4.8.
        beta: f64,
    },
}

/// An elliptical point spread function that integrates to 1.
///
/// It is the effective PSF, pixel response included, as PSFEx measures it
/// (O'TRAIN Sect. 4.2): sampled at pixel centres, not integrated again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Psf {
    /// Radial profile.
    pub profile: Profile,
    /// Geometric mean of the two axes' full widths at half maximum, in pixels.
    pub fwhm: f64,
    /// Minor over major axis, in (0, 1].
    pub axis_ratio: f64,
    /// Direction of the major axis from x towards y, in radians.
    pub angle: f64,
}

impl Psf {
    /// Value at (dx, dy) pixels from the centre, per pixel, for unit flux.
    pub fn value(&self, dx: f64, dy: f64) -> f64 {
        self.shape().value(dx, dy)
    }

    /// Sigma of the Gaussian with the same FWHM, in pixels.
    pub fn sigma(&self) -> f64 {
        self.fwhm / FWHM_PER_SIGMA
    }

    /// Second moments (xx, xy, yy) of the Gaussian with the same FWHM, in pixels^2.
    pub(super) fn covariance(&self) -> [f64; 3] {
        let (sin, cos) = self.angle.sin_cos();
        let major = self.sigma() * self.sigma() / self.axis_ratio;
        let minor = self.sigma() * self.sigma() * self.axis_ratio;
        [
            major * cos * cos + minor * sin * sin,
            (major - minor) * sin * cos,
            major * sin * sin + minor * cos * cos,
        ]
    }

    /// Adds a star of `flux` ADU at (x, y), out to where it falls below `faintest` ADU.
    pub(super) fn add(&self, canvas: &mut Canvas, x: f64, y: f64, flux: f64, faintest: f64) {
        let shape = self.shape();
        // far out along the major axis; doubling finds it in a few steps
        let mut radius = 2.0 * self.fwhm;
        while radius < canvas.side as f64 * 1.5 {
            let far = radius * self.axis_ratio.sqrt();
            if flux.abs() * shape.radial(far * far / self.unit()) < faintest {
                break;
            }
            radius *= 1.3;
        }
        let last = canvas.side as f64 - 1.0;
        let span = |at: f64| {
            let (from, to) = (
                (at - radius).ceil().max(0.0),
                (at + radius).floor().min(last),
            );
            if to < from {
                0..0
            } else {
                from as usize..to as usize + 1
            }
        };
        for row in span(y) {
            for column in span(x) {
                let value = flux * shape.value(column as f64 - x, row as f64 - y);
                canvas.values[row * canvas.side + column] += value as f32;
            }
        }
    }

    /// The profile's squared scale length for a round PSF, in pixels^2.
    fn unit(&self) -> f64 {
        match self.profile {
            Profile::Gaussian => self.sigma().powi(2),
            Profile::Moffat { beta } => {
                self.fwhm.powi(2) / (4.0 * (2.0_f64.powf(1.0 / beta) - 1.0))
            }
        }
    }

    fn shape(&self) -> Shape {
        let (sin, cos) = self.angle.sin_cos();
        let (along, across) = (
            self.axis_ratio / self.unit(),
            1.0 / (self.axis_ratio * self.unit()),
        );
        let (norm, beta) = match self.profile {
            Profile::Gaussian => (1.0 / (std::f64::consts::TAU * self.unit()), None),
            Profile::Moffat { beta } => (
                (beta - 1.0) / (std::f64::consts::PI * self.unit()),
                Some(beta),
            ),
        };
        Shape {
            xx: along * cos * cos + across * sin * sin,
            xy: 2.0 * (along - across) * sin * cos,
            yy: along * sin * sin + across * cos * cos,
            norm,
            beta,
        }
    }
}

/// A PSF with its constants worked out: value = norm * g(xx dx^2 + xy dx dy + yy dy^2).
struct Shape {
    xx: f64,
    xy: f64,
    yy: f64,
    norm: f64,
    beta: Option<f64>,
}

impl Shape {
    fn value(&self, dx: f64, dy: f64) -> f64 {
        self.radial(self.xx * dx * dx + self.xy * dx * dy + self.yy * dy * dy)
    }

    fn radial(&self, q: f64) -> f64 {
        // f32 is enough for the transcendental part, and twice as fast
        let falloff = match self.beta {
            None => (-0.5 * q as f32).exp(),
            Some(beta) => (-(beta as f32) * (q as f32).ln_1p()).exp(),
        };
        self.norm * f64::from(falloff)
    }
}

/// A normalised Gaussian convolution kernel, separable in x and y.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gaussian {
    /// Sigma along x and y, in pixels; at least half a pixel, or sampling it would not do.
    pub sigma: [f64; 2],
    /// Its centre: what it convolves is moved by this much, in pixels.
    pub centre: [f64; 2],
}

impl Gaussian {
    /// Round and centred.
    pub fn round(sigma: f64) -> Gaussian {
        Gaussian {
            sigma: [sigma; 2],
            centre: [0.0; 2],
        }
    }

    /// The samples along one axis (0 is x); odd in number, the middle one at 0.
    pub fn taps(&self, axis: usize) -> Vec<f32> {
        let (sigma, centre) = (self.sigma[axis], self.centre[axis]);
        let radius = (3.5 * sigma + centre.abs()).ceil() as i64;
        let taps: Vec<f64> = (-radius..=radius)
            .map(|at| (-0.5 * ((at as f64 - centre) / sigma).powi(2)).exp())
            .collect();
        let sum: f64 = taps.iter().sum();
        taps.iter().map(|tap| (tap / sum) as f32).collect()
    }
}
