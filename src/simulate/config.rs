//! The telescope, the sky, and the shares of everything.

use crate::data::Channel;
use std::collections::BTreeMap;

use super::kind::Kind;
use super::psf::FWHM_PER_SIGMA;
use crate::{Error, Result};

/// Which images a cutout holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channels {
    /// The difference alone, as O'TRAIN uses it.
    Difference,
    /// Template, search, difference, as in the DES set.
    Triplet,
}

impl Channels {
    /// How many images that is.
    pub fn count(self) -> usize {
        match self {
            Channels::Difference => 1,
            Channels::Triplet => 3,
        }
    }

    /// What they are, in order.
    pub fn names(self) -> &'static [Channel] {
        match self {
            Channels::Difference => &[Channel::Difference],
            Channels::Triplet => &Channel::ALL,
        }
    }
}

/// What to simulate. The default is a 0.8 m survey telescope with 60 s
/// exposures, like the JAST/T80 of O'TRAIN (Table 2), with O'TRAIN's 32 x 32
/// cutouts of the difference image.
///
/// # How hard it is, and why
///
/// Nothing is mislabelled unless `wrong_labels` asks for it. What cannot be told apart is what nature does not
/// tell apart: a peak of the noise at the detection threshold has, on average,
/// exactly the shape of the detection filter, which is the shape of a faint
/// source. The numbers that set the share of such candidates are
/// `magnitudes` (its faint end lies below [`limiting_magnitude`], so that a
/// part of the sources is only found when the noise helps), `threshold`, and
/// the weight of `noise_peak` in `mix`. Artefacts are found with a
/// signal-to-noise drawn evenly in its logarithm between the threshold and
/// `brightest_artefact`, as sources even in magnitude are, so that brightness
/// alone tells little.
///
/// Measured with the default configuration and seed: the best cut on the
/// [matched filter](super::matched_filter) is right for 71 per cent of 10,000
/// cutouts. O'TRAIN's network, in Keras 3 (8500 to train, 1500 to test, each
/// cutout scaled to mean 0 and deviation 1, Adam at 0.001, batches of 128), is
/// right for 95 per cent of the 1500 after six epochs (MCC 0.905; statistical
/// error of the accuracy 0.6 per cent). Of its 73 errors 24 are noise peaks, of
/// which it takes 83 per cent for sources, 22 are faint galaxy cores and ghosts,
/// and 11 are sources, nearly all fainter than 21 mag.
///
/// [`limiting_magnitude`]: SurveyConfig::limiting_magnitude
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SurveyConfig {
    /// Candidates.
    pub count: usize,
    /// Rows and columns of a cutout, in pixels; at least 9. The candidate is at
    /// pixel size / 2 (rounded down), to about a pixel.
    pub size: usize,
    /// Which images.
    pub channels: Channels,
    /// Probability that a candidate is real, between 0 and 1 exclusive.
    pub real_fraction: f64,
    /// The same seed gives the same bits.
    pub seed: u64,
    /// Arcsec per pixel.
    pub pixel_scale: f64,
    /// Magnitude of a source that gives 1 ADU per second.
    pub zero_point: f64,
    /// Seconds.
    pub exposure: f64,
    /// Electrons per ADU.
    pub gain: f64,
    /// Electrons, r.m.s. per pixel.
    pub read_noise: f64,
    /// Full well, in ADU.
    pub saturation: f64,
    /// Magnitudes per square arcsec.
    pub sky_brightness: f64,
    /// FWHM of the search images, from and to, in arcsec. The templates come
    /// from the better part (the lower 40 per cent of the range).
    pub seeing: [f64; 2],
    /// Exposures averaged in the template.
    pub template_frames: usize,
    /// Name of the filter.
    pub filter: String,
    /// Magnitudes of the real sources, bright and faint end.
    pub magnitudes: [f64; 2],
    /// Sources per magnitude go as 10^(slope m): 0 is even, 0.6 is a uniform
    /// and static Euclidean universe.
    pub magnitude_slope: f64,
    /// Signal-to-noise at which the pipeline calls something a candidate.
    pub threshold: f64,
    /// Highest signal-to-noise that artefacts of adjustable strength are given.
    pub brightest_artefact: f64,
    /// Share of the real sources that lie on a host galaxy, at a distance that
    /// follows its light (DES Sect. 1). Artefacts have half that share; a
    /// tenth of the sources without a host are variable stars.
    pub host_fraction: f64,
    /// Stars brighter than 21 mag per square arcminute.
    pub star_density: f64,
    /// Share of all candidates, real ones too, that have an artefact elsewhere
    /// in the cutout.
    pub clutter: f64,
    /// Share of edges whose missing pixels are NaN. In the rest they are 0;
    /// pipelines do both.
    pub nan_edges: f64,
    /// Relative shares of the kinds of bogus; a kind that is not named does
    /// not occur.
    pub mix: BTreeMap<Kind, f64>,
    /// Share of all candidates whose label is wrong, up to 0.2 (Ayyar et al. 2022 found 0.008 in
    /// theirs). Other candidates have the same bits whatever it is.
    pub wrong_labels: f64,
    /// Of these the share that are real sources among the artefacts; the others are injected
    /// ones that fell on a saturated star or a bad part of the detector.
    pub wrong_bogus: f64,
}

impl Default for SurveyConfig {
    fn default() -> SurveyConfig {
        SurveyConfig {
            count: 10_000,
            size: 32,
            channels: Channels::Difference,
            real_fraction: 0.5,
            seed: 1,
            pixel_scale: 0.58,
            zero_point: 23.0,
            exposure: 60.0,
            gain: 2.0,
            read_noise: 8.0,
            saturation: 60_000.0,
            sky_brightness: 20.8,
            seeing: [1.2, 2.5],
            template_frames: 8,
            filter: "r".to_string(),
            magnitudes: [15.0, 22.0],
            magnitude_slope: 0.0,
            threshold: 4.5,
            brightest_artefact: 80.0,
            host_fraction: 0.5,
            star_density: 4.0,
            clutter: 0.1,
            nan_edges: 0.1,
            mix: BTreeMap::from([
                (Kind::Dipole, 0.19),
                (Kind::WrongKernel, 0.15),
                (Kind::GalaxyCore, 0.10),
                (Kind::CosmicRay, 0.15),
                (Kind::HotPixel, 0.08),
                (Kind::HotColumn, 0.06),
                (Kind::Edge, 0.04),
                (Kind::Saturated, 0.07),
                (Kind::SatelliteTrail, 0.05),
                (Kind::Ghost, 0.06),
                (Kind::NoisePeak, 0.05),
            ]),
            wrong_labels: 0.0,
            wrong_bogus: 0.5,
        }
    }
}

impl SurveyConfig {
    /// DES-like cutouts: 51 x 51 triplets (Ayyar et al. 2022, Sect. 3.1).
    pub fn triplets() -> SurveyConfig {
        SurveyConfig {
            size: 51,
            channels: Channels::Triplet,
            ..SurveyConfig::default()
        }
    }

    /// Flux of a source of magnitude `mag` in one search image, in ADU.
    pub fn flux(&self, mag: f64) -> f64 {
        10.0_f64.powf(-0.4 * (mag - self.zero_point)) * self.exposure
    }

    /// Magnitude of a source of `flux` ADU; NaN where it is not positive.
    pub fn magnitude(&self, flux: f64) -> f64 {
        if flux > 0.0 {
            self.zero_point - 2.5 * (flux / self.exposure).log10()
        } else {
            f64::NAN
        }
    }

    /// Sky in one search image, in ADU per pixel.
    pub fn sky(&self) -> f64 {
        self.flux(self.sky_brightness) * self.pixel_scale * self.pixel_scale
    }

    /// Noise of an empty pixel of the search image, in ADU.
    pub fn pixel_noise(&self) -> f64 {
        (self.sky() / self.gain + (self.read_noise / self.gain).powi(2)).sqrt()
    }

    /// Magnitude of a point source with a matched-filter signal-to-noise of 5
    /// in one search image with the middle seeing (Gaussian PSF).
    pub fn limiting_magnitude(&self) -> f64 {
        let sigma = 0.5 * (self.seeing[0] + self.seeing[1]) / self.pixel_scale / FWHM_PER_SIGMA;
        let noise = self.pixel_noise() * sigma * (4.0 * std::f64::consts::PI).sqrt();
        self.magnitude(5.0 * noise)
    }

    /// Whether every number can be used; the error names the first that cannot.
    pub fn check(&self) -> Result<()> {
        let must = |holds: bool, what: &str, found: String, expected: &str| {
            if holds {
                Ok(())
            } else {
                Err(Error::config(what, found, expected))
            }
        };
        must(
            self.count > 0,
            "count",
            self.count.to_string(),
            "at least 1 candidate",
        )?;
        must(
            (9..=512).contains(&self.size),
            "size",
            self.size.to_string(),
            "a cutout of 9 to 512 pixels",
        )?;
        let real = self.real_fraction;
        must(
            real > 0.0 && real < 1.0,
            "real_fraction",
            real.to_string(),
            "a fraction between 0 and 1, both excluded: training needs both classes",
        )?;
        for (what, value, unit) in [
            ("pixel_scale", self.pixel_scale, "arcsec per pixel"),
            ("exposure", self.exposure, "seconds"),
            ("gain", self.gain, "electrons per ADU"),
            ("saturation", self.saturation, "ADU"),
        ] {
            let expected = format!("a positive number of {unit}");
            must(
                value.is_finite() && value > 0.0,
                what,
                value.to_string(),
                &expected,
            )?;
        }
        for (what, value) in [
            ("zero_point", self.zero_point),
            ("sky_brightness", self.sky_brightness),
        ] {
            must(
                value.is_finite(),
                what,
                value.to_string(),
                "a finite number",
            )?;
        }
        let slope = self.magnitude_slope;
        must(
            (-2.0..=2.0).contains(&slope),
            "magnitude_slope",
            slope.to_string(),
            "a number from -2 to 2",
        )?;
        let density = self.star_density;
        must(
            (0.0..=1000.0).contains(&density),
            "star_density",
            density.to_string(),
            "0 to 1000 stars per square arcminute",
        )?;
        let noise = self.read_noise;
        must(
            noise.is_finite() && noise >= 0.0,
            "read_noise",
            noise.to_string(),
            "electrons, not negative",
        )?;
        for (what, value) in [
            ("host_fraction", self.host_fraction),
            ("clutter", self.clutter),
            ("nan_edges", self.nan_edges),
            ("wrong_bogus", self.wrong_bogus),
        ] {
            let holds = (0.0..=1.0).contains(&value);
            must(holds, what, value.to_string(), "a fraction from 0 to 1")?;
        }
        let wrong = self.wrong_labels;
        must(
            (0.0..=0.2).contains(&wrong),
            "wrong_labels",
            wrong.to_string(),
            "a fraction from 0 to 0.2",
        )?;
        self.check_ranges()
    }

    fn check_ranges(&self) -> Result<()> {
        let fail =
            |what: &str, found: String, expected: String| Err(Error::config(what, found, expected));
        let [best, worst] = self.seeing;
        let (least, most) = (1.5 * self.pixel_scale, 8.0 * self.pixel_scale);
        if !(best >= least && worst <= most && best <= worst) {
            let expected = format!(
                "from and to in arcsec, within {least:.2} to {most:.2} (1.5 to 8 pixels of {} arcsec)",
                self.pixel_scale
            );
            return fail("seeing", format!("{:?}", self.seeing), expected);
        }
        let [bright, faint] = self.magnitudes;
        if !(bright.is_finite() && faint.is_finite() && bright <= faint) {
            let found = format!("{:?}", self.magnitudes);
            return fail(
                "magnitudes",
                found,
                "the bright end, then the faint end".into(),
            );
        }
        let limit = self.limiting_magnitude();
        if bright > limit - 0.5 {
            let expected = format!(
                "a bright end above the limiting magnitude of {limit:.2}, or nothing would be found"
            );
            return fail("magnitudes", format!("{:?}", self.magnitudes), expected);
        }
        if self.template_frames == 0 {
            return fail("template_frames", "0".into(), "at least 1 exposure".into());
        }
        let threshold = self.threshold;
        if !(threshold.is_finite() && threshold >= 3.0) {
            return fail(
                "threshold",
                threshold.to_string(),
                "a signal-to-noise of at least 3".into(),
            );
        }
        let brightest = self.brightest_artefact;
        if !(brightest.is_finite() && brightest > threshold) {
            let expected = format!("a signal-to-noise above the threshold of {threshold}");
            return fail("brightest_artefact", brightest.to_string(), expected);
        }
        if self.mix.contains_key(&Kind::Real) {
            let expected = "kinds of bogus only; real_fraction sets the share of real sources";
            return fail("mix", "real".into(), expected.into());
        }
        if let Some((kind, weight)) = self
            .mix
            .iter()
            .find(|(_, weight)| !weight.is_finite() || **weight < 0.0)
        {
            let expected = "a weight that is not negative".to_string();
            return fail(&format!("mix.{kind}"), weight.to_string(), expected);
        }
        if self.mix.values().sum::<f64>() <= 0.0 {
            return fail(
                "mix",
                "no weight".into(),
                "at least one kind with a positive weight".into(),
            );
        }
        Ok(())
    }
}
