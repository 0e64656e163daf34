//! The four telescopes of O'TRAIN as simulated surveys (Makhlouf et al. 2022, Sect. 5, Table 2).
//!
//! The paper's text gives pixel scales, cutout sizes, pipelines and what the pipelines leave out;
//! seeing, depth and sky are ours, chosen to be sensible for such a telescope at such a site. A
//! telescope smaller than the simulation's default of 0.8 m gathers less light in proportion to
//! its area, and its sources are as much brighter. Sources are injected at random places, as in
//! Sect. 4.2: few lie on a galaxy.

use std::collections::BTreeMap;

use crate::simulate::{Kind, SurveyConfig};

/// One of the paper's five data cubes.
#[derive(Clone, Copy, Debug)]
pub struct Telescope {
    /// What the paper calls the cube: "JAST-gmadet".
    pub name: &'static str,
    /// The telescope.
    pub telescope: &'static str,
    /// The pipeline that made the candidates.
    pub pipeline: Pipeline,
    /// Arcsec per pixel, as simulated.
    pub pixel_scale: f64,
    /// The same in the paper, where its text has it.
    pub paper_scale: Option<&'static str>,
    /// Diameter of the mirror, in metres.
    pub aperture: f64,
    /// Seconds.
    pub exposure: f64,
    /// Of the sky, in magnitudes per square arcsec.
    pub sky: f64,
    /// FWHM from and to, in arcsec.
    pub seeing: [f64; 2],
    /// Rows and columns of a cutout.
    pub size: usize,
    /// The paper's figure of its diagnosis curves.
    pub figure: &'static str,
    /// The paper's best threshold.
    pub threshold: &'static str,
    /// What was chosen, and why.
    pub note: &'static str,
}

/// What made the candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipeline {
    /// Sect. 5.1: cosmic rays removed, hotpants, everything detected.
    Gmadet,
    /// Sect. 5.2: Pan-STARRS as template, masks for what is saturated.
    Stdpipe,
}

impl Pipeline {
    /// As the paper writes it.
    pub fn name(self) -> &'static str {
        match self {
            Pipeline::Gmadet => "gmadet",
            Pipeline::Stdpipe => "STDPipe",
        }
    }

    /// What its bogus candidates are. Both pipelines remove cosmic rays, of which some are left.
    fn mix(self) -> BTreeMap<Kind, f64> {
        let mut mix = SurveyConfig::default().mix;
        mix.insert(Kind::CosmicRay, 0.05);
        if self == Pipeline::Stdpipe {
            // "Mostly CCD defects, or cases where the alignment was not good enough"; masks take
            // saturated stars away.
            mix.insert(Kind::Dipole, 0.30);
            mix.insert(Kind::WrongKernel, 0.20);
            mix.insert(Kind::HotPixel, 0.12);
            mix.insert(Kind::HotColumn, 0.12);
            mix.insert(Kind::Saturated, 0.01);
        }
        mix
    }
}

/// The paper's cubes, in the order of its figures.
pub const CUBES: [Telescope; 5] = [
    Telescope {
        name: "JAST-gmadet",
        telescope: "JAST/T80",
        pipeline: Pipeline::Gmadet,
        pixel_scale: 0.58,
        paper_scale: Some("0.58"),
        aperture: 0.8,
        exposure: 60.0,
        sky: 20.8,
        seeing: [1.2, 2.5],
        size: 32,
        figure: "10",
        threshold: "0.35",
        note: "A 0.8 m telescope at a dark site.",
    },
    Telescope {
        name: "JAST-STDPipe",
        telescope: "JAST/T80",
        pipeline: Pipeline::Stdpipe,
        pixel_scale: 0.58,
        paper_scale: Some("0.58"),
        aperture: 0.8,
        exposure: 60.0,
        sky: 20.8,
        seeing: [1.2, 2.5],
        size: 63,
        figure: "A.1",
        threshold: "0.51",
        note: "63×63 pixels, cropped to 32×32 for training as in Sect. 5.3.1; whole in Fig. 12.",
    },
    Telescope {
        name: "TACA-gmadet",
        telescope: "TACA",
        pipeline: Pipeline::Gmadet,
        pixel_scale: 1.1,
        paper_scale: None,
        aperture: 0.28,
        exposure: 120.0,
        sky: 20.0,
        seeing: [2.4, 4.2],
        size: 32,
        figure: "A.2",
        threshold: "0.52",
        note: "Pixel scale and aperture are our choice: our copy of the paper does not have them.",
    },
    Telescope {
        name: "FRAM-CTA-N-gmadet",
        telescope: "FRAM-CTA-N",
        pipeline: Pipeline::Gmadet,
        pixel_scale: 1.52,
        paper_scale: Some("1.52"),
        aperture: 0.25,
        exposure: 60.0,
        sky: 21.0,
        seeing: [2.6, 4.6],
        size: 32,
        figure: "A.3",
        threshold: "0.55",
        note: "The point-spread function is 1.7 to 3 pixels wide.",
    },
    Telescope {
        name: "TCA-gmadet",
        telescope: "TCA (TAROT Calern)",
        pipeline: Pipeline::Gmadet,
        pixel_scale: 3.31,
        paper_scale: Some("3.31"),
        aperture: 0.25,
        exposure: 60.0,
        sky: 20.0,
        seeing: [5.0, 8.0],
        size: 32,
        figure: "A.4",
        threshold: "0.34",
        note: "Undersampled, at the lower end of what the simulation can draw (FWHM of 1.5 pixels, \
               optics included); the real images may be worse.",
    },
];

impl Telescope {
    /// The cube called `name`, in any case; the telescope's name alone will do where it has but
    /// one cube.
    pub fn named(name: &str) -> Option<Telescope> {
        let alone = |cube: &Telescope| cube.name.strip_suffix("-gmadet").unwrap_or(cube.name);
        let is = |cube: &&Telescope| {
            let short = alone(cube);
            cube.name.eq_ignore_ascii_case(name)
                || (short != "JAST" && short.eq_ignore_ascii_case(name))
        };
        CUBES.iter().find(is).copied()
    }

    /// `count` candidates of it. The magnitudes of its sources go from about 5.5 mag above its
    /// limiting magnitude to 0.6 below, where detections fade away, in whole halves.
    pub fn survey(&self, count: usize, seed: u64) -> SurveyConfig {
        let base = SurveyConfig::default();
        let mut config = SurveyConfig {
            count,
            seed,
            size: self.size,
            pixel_scale: self.pixel_scale,
            zero_point: base.zero_point + 5.0 * (self.aperture / 0.8).log10(),
            exposure: self.exposure,
            sky_brightness: self.sky,
            seeing: self.seeing,
            host_fraction: 0.1,
            mix: self.pipeline.mix(),
            ..base
        };
        let limit = config.limiting_magnitude();
        let half = |mag: f64| (2.0 * mag).round() / 2.0;
        config.magnitudes = [half(limit - 5.5), half(limit + 0.6)];
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_telescope_can_be_simulated() {
        for cube in CUBES {
            let config = cube.survey(10, 1);
            config
                .check()
                .unwrap_or_else(|e| panic!("{}: {e}", cube.name));
            let limit = config.limiting_magnitude();
            assert!((14.0..23.5).contains(&limit), "{}: {limit}", cube.name);
            assert_eq!(
                Telescope::named(&cube.name.to_lowercase()).unwrap().name,
                cube.name
            );
        }
        assert_eq!(Telescope::named("tca").unwrap().name, "TCA-gmadet");
        assert!(Telescope::named("JAST").is_none(), "there are two");
    }
}
