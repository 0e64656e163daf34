//! Two exposures of one field, and their subtraction.
//!
//! One of the two images has the sharper seeing. The other sees the same sky
//! through an additional Gaussian blur, the true matching kernel K. The
//! pipeline subtracts as hotpants does (Becker 2015; O'TRAIN Sect. 2.2): it
//! convolves the sharper image with its own estimate K' of the kernel,
//!
//! ```text
//! difference = search - a K' * template        template sharper (usual)
//! difference = K' * search - a template        search sharper
//! ```
//!
//! K' is a little too wide or too narrow, a little off centre, and `a` a little
//! off 1: that leaves the residuals at bright stars that all real difference
//! images have. Noise goes through K' like everything else, so the template's
//! part of the noise (or, in the second case, the search image's) is correlated.

use super::canvas::{Canvas, MARGIN};
use super::config::SurveyConfig;
use super::psf::{FWHM_PER_SIGMA, Gaussian, Profile, Psf};
use super::random::{Random, angle, normal, readout, uniform};

/// Narrowest matching kernel, in pixels: sampled at pixel centres, a narrower
/// Gaussian is no longer one.
const LEAST_KERNEL: f64 = 0.6;
/// Share of the sky's slope that the pipeline's background model leaves.
const SLOPE_LEFT: f64 = 0.15;

/// Observing conditions of one candidate's field.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// PSF of the sharper of the two images.
    pub sharp: Psf,
    /// Whether that is the search image.
    pub search_sharper: bool,
    /// What blurs the other image; off centre by the error of the astrometry.
    pub kernel: Gaussian,
    /// What the pipeline takes for `kernel`.
    pub fitted: Gaussian,
    /// What the pipeline takes for the ratio of fluxes, truly 1.
    pub ratio: f64,
    /// Sky of search and template, in ADU per pixel.
    pub sky: [f64; 2],
    /// Sky's slope in the search image along x and y, in ADU per pixel per pixel.
    pub slope: [f64; 2],
    /// FWHM in the difference image, in pixels.
    pub fwhm: f64,
    /// Noise of an empty pixel of the search image, in ADU.
    pub pixel_noise: f64,
    /// Noise of the matched filter's flux on empty sky of the difference, in ADU.
    pub flux_noise: f64,
    /// Side of the canvas, in pixels.
    pub side: usize,
}

/// The light of a scene, by who sees it, in ADU per search exposure.
///
/// The first three are as in the sharper image; `frame` blurs them where the
/// other image is meant. Defects belong to a detector, not to the sky, and are
/// never blurred (only by the pipeline's K').
#[derive(Clone, Debug)]
pub(super) struct Layers {
    /// Stars and galaxies.
    pub both: Canvas,
    /// What is on the sky only in the search exposure.
    pub search: Canvas,
    /// What is on the sky only in the template.
    pub template: Canvas,
    /// Pixel defects and particle hits of the search exposure.
    pub search_defects: Canvas,
    /// The template's.
    pub template_defects: Canvas,
}

/// Template, search and difference on the whole canvas.
pub(super) struct Images {
    /// In ADU per search exposure.
    pub template: Canvas,
    /// In ADU.
    pub search: Canvas,
    /// In ADU.
    pub difference: Canvas,
}

impl Layers {
    /// An empty sky.
    pub fn new(side: usize) -> Layers {
        let empty = Canvas::new(side);
        Layers {
            both: empty.clone(),
            search: empty.clone(),
            template: empty.clone(),
            search_defects: empty.clone(),
            template_defects: empty,
        }
    }

    /// self += factor * other.
    pub fn add(&mut self, other: &Layers, factor: f64) {
        let factor = factor as f32;
        self.both.add(&other.both, factor);
        self.search.add(&other.search, factor);
        self.template.add(&other.template, factor);
        self.search_defects.add(&other.search_defects, factor);
        self.template_defects.add(&other.template_defects, factor);
    }
}

impl Frame {
    /// Draws the conditions of one field.
    pub fn draw(config: &SurveyConfig, random: &mut Random) -> Frame {
        let [best, worst] = config.seeing.map(|arcsec| arcsec / config.pixel_scale);
        let search = uniform(random, best, worst);
        let template = uniform(random, best, best + 0.4 * (worst - best));
        let search_sharper = search < template;
        let (sharp, blurred) = (search.min(template), search.max(template));
        let width = ((blurred.powi(2) - sharp.powi(2)).sqrt() / FWHM_PER_SIGMA).max(LEAST_KERNEL);
        // guiding and optics stretch the two images differently
        let stretch = 1.0 + 0.05 * normal(random).clamp(-2.0, 2.0);
        let sigma = [width * stretch, width / stretch].map(|s: f64| s.max(0.55));
        let misfit = 1.0 + 0.02 * normal(random);
        let fitted = Gaussian {
            sigma: sigma.map(|s| (s * misfit).max(0.5)),
            centre: [0.02 * normal(random), 0.02 * normal(random)],
        };
        let sharp = Psf {
            profile: Profile::Moffat {
                beta: uniform(random, 2.8, 4.6),
            },
            fwhm: sharp,
            axis_ratio: uniform(random, 0.86, 1.0),
            angle: angle(random),
        };
        let sky = config.sky();
        // moonlight and clouds: the sky differs between exposures, and is not flat
        let skies = [sky * uniform(random, 0.8, 1.5), sky];
        let steepness = skies[0] * 1.5e-3;
        let mut frame = Frame {
            sharp,
            search_sharper,
            kernel: Gaussian {
                sigma,
                centre: [0.0; 2],
            },
            fitted,
            ratio: 1.0 + 0.006 * normal(random),
            sky: skies,
            slope: [steepness * normal(random), steepness * normal(random)],
            fwhm: (sharp.fwhm.powi(2) + (width * FWHM_PER_SIGMA).powi(2)).sqrt(),
            pixel_noise: 0.0,
            flux_noise: 0.0,
            side: config.size + 2 * MARGIN,
        };
        frame.measure_noise(config);
        frame
    }

    /// Sigma of the detection filter, in pixels.
    pub fn sigma(&self) -> f64 {
        self.fwhm / FWHM_PER_SIGMA
    }

    /// For a Gaussian filter f of unit sum the flux is sum(f D) / sum(f f). White
    /// noise gives it the variance v / sum(f f), with sum(f f) = 1 / 4 pi s^2;
    /// noise that went through K first, v sum(Kf Kf) / sum(f f)^2.
    fn measure_noise(&mut self, config: &SurveyConfig) {
        let read = (config.read_noise / config.gain).powi(2);
        let search = self.sky[0] / config.gain + read;
        let template = (self.sky[1] / config.gain + read) / config.template_frames as f64;
        self.pixel_noise = search.sqrt();
        let power = |variance: f64| 1.0 / (4.0 * std::f64::consts::PI * variance);
        let filter = self.sigma().powi(2);
        let kernel = self.fitted.sigma[0] * self.fitted.sigma[1];
        let white = 1.0 / power(filter);
        let coloured = power(filter + kernel) / power(filter).powi(2);
        let variance = if self.search_sharper {
            search * coloured + template * white
        } else {
            search * white + template * coloured
        };
        self.flux_noise = variance.sqrt();
    }

    /// Search and template as light falls on the detectors, without sky and noise.
    fn light(&self, layers: &Layers) -> [Canvas; 2] {
        let see = |only: &Canvas, blurred: bool| {
            let mut seen = layers.both.clone();
            seen.add(only, 1.0);
            if blurred {
                seen.convolved(&self.kernel)
            } else {
                seen
            }
        };
        [
            see(&layers.search, !self.search_sharper),
            see(&layers.template, self.search_sharper),
        ]
    }

    /// What the pipeline does with two images.
    pub fn subtract(&self, search: &Canvas, template: &Canvas) -> Canvas {
        let ratio = self.ratio as f32;
        if self.search_sharper {
            let mut difference = search.convolved(&self.fitted);
            difference.add(template, -ratio);
            difference
        } else {
            let mut difference = template.convolved(&self.fitted);
            difference.scale(-ratio);
            difference.add(search, 1.0);
            difference
        }
    }

    /// The difference without sky, noise and saturation: linear in the layers.
    pub fn residual(&self, layers: &Layers) -> Canvas {
        let [mut search, mut template] = self.light(layers);
        search.add(&layers.search_defects, 1.0);
        template.add(&layers.template_defects, 1.0);
        self.subtract(&search, &template)
    }

    /// Exposes, reads out and subtracts. `peak` asks for a noise peak of that
    /// signal-to-noise in the middle.
    pub fn observe(
        &self,
        config: &SurveyConfig,
        layers: &Layers,
        peak: Option<f64>,
        random: &mut Random,
    ) -> Images {
        let [mut search, mut template] = self.light(layers);
        let middle = search.middle() as f64;
        let (gain, read_noise) = (config.gain as f32, config.read_noise as f32);
        let ([sky, template_sky], [slope_x, slope_y]) = (self.sky, self.slope);
        search.paint(|x, y| sky + slope_x * (x - middle) + slope_y * (y - middle));
        template.paint(|_, _| template_sky);
        let well = config.saturation as f32;
        bleed(&mut search, well);
        bleed(&mut template, well);
        let frames = config.template_frames as f32;
        for value in &mut search.values {
            *value = readout(random, *value, gain, read_noise, 1.0);
        }
        for value in &mut template.values {
            *value = readout(random, *value, gain, read_noise, frames);
        }
        search.add(&layers.search_defects, 1.0);
        template.add(&layers.template_defects, 1.0);
        for value in search.values.iter_mut().chain(&mut template.values) {
            *value = value.min(well);
        }
        if let Some(target) = peak {
            self.raise(&mut search, &template, target);
        }
        let mut difference = self.subtract(&search, &template);
        // the pipeline takes off the mean sky, and most of its slope
        let mean = sky - self.ratio * template_sky;
        let [left_x, left_y] = self.slope.map(|slope| (1.0 - SLOPE_LEFT) * slope);
        difference.paint(|x, y| -mean - left_x * (x - middle) - left_y * (y - middle));
        Images {
            template,
            search,
            difference,
        }
    }

    /// Turns the noise into noise that has a peak of `target` sigma in the middle.
    ///
    /// The chance of one in a small stamp is 1e-5, so instead of a hundred
    /// thousand stamps the conditional distribution is drawn: for Gaussian noise
    /// n and a filter response m = <g, n>, noise given m has the same scatter
    /// around a mean that is raised along the covariance of n with m, which for
    /// white noise is g itself. This is why such a peak looks like a source.
    fn raise(&self, search: &mut Canvas, template: &Canvas, target: f64) {
        let mut offset = self.subtract(search, template);
        let level = (self.sky[0] - self.ratio * self.sky[1]) as f32;
        offset.values.iter_mut().for_each(|value| *value -= level);
        let middle = search.middle();
        let now = offset.brightest(self.sigma(), middle, middle, 0).flux / self.flux_noise;
        let mut shape = Canvas::new(self.side);
        let variance = if self.search_sharper {
            self.sigma().powi(2) + self.fitted.sigma[0] * self.fitted.sigma[1]
        } else {
            self.sigma().powi(2)
        };
        let centre = middle as f64;
        shape.paint(|x, y| (-0.5 * ((x - centre).powi(2) + (y - centre).powi(2)) / variance).exp());
        let seen = if self.search_sharper {
            shape.convolved(&self.fitted)
        } else {
            shape.clone()
        };
        let gain = seen.brightest(self.sigma(), middle, middle, 0).flux / self.flux_noise;
        search.add(&shape, ((target - now) / gain) as f32);
    }
}

/// Charge beyond full well runs along the columns (x fixed) both ways.
fn bleed(image: &mut Canvas, well: f32) {
    if image.values.iter().all(|value| *value <= well) {
        return;
    }
    let side = image.side;
    for x in 0..side {
        let mut excess = 0.0_f32;
        let mut first_and_last: Option<(usize, usize)> = None;
        for y in 0..side {
            let value = &mut image.values[y * side + x];
            if *value > well {
                excess += *value - well;
                *value = well;
                let first = first_and_last.map_or(y, |(first, _)| first);
                first_and_last = Some((first, y));
            }
        }
        let Some((first, last)) = first_and_last else {
            continue;
        };
        let mut down = excess / 2.0;
        for y in last + 1..side {
            let value = &mut image.values[y * side + x];
            let taken = (well - *value).clamp(0.0, down.max(0.0));
            *value += taken;
            down -= taken;
        }
        let mut up = excess / 2.0;
        for y in (0..first).rev() {
            let value = &mut image.values[y * side + x];
            let taken = (well - *value).clamp(0.0, up.max(0.0));
            *value += taken;
            up -= taken;
        }
    }
}
