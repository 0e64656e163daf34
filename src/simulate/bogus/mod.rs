//! Every kind of bogus of O'TRAIN Sect. 2.4, one file per group.
//!
//! Most kinds are painted with unit strength and then scaled so that the
//! pipeline detects them with a signal-to-noise drawn evenly in its logarithm
//! ([`place`]): from hardly visible to obvious, and as bright as real sources.

mod detector;
mod light;
mod subtraction;

use super::canvas::REACH;
use super::config::SurveyConfig;
use super::frame::{Frame, Images, Layers};
use super::kind::Kind;
use super::random::{Random, chance, log_uniform, uniform};

pub(super) use detector::{Missing, bad_columns};
pub(super) use light::saturated;

/// How far from the middle a saturated star that is the candidate may lie, in pixels.
const AROUND: f64 = 9.0;

/// Where an artefact is painted, in canvas pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// Column.
    pub x: f64,
    /// Row.
    pub y: f64,
    /// Long artefacts keep this far from the middle of the canvas, in pixels;
    /// `None` where the artefact is the candidate and goes through (x, y).
    pub clear: Option<f64>,
}

/// What an artefact asks for beyond light and defects.
#[derive(Debug, Default)]
pub(super) struct Demand {
    /// A noise peak of this signal-to-noise.
    pub peak: Option<f64>,
    /// A part of the field that is missing.
    pub missing: Option<Missing>,
    /// Whether the pipeline sets saturated pixels of the difference to 0.
    pub mask_saturated: bool,
}

impl Demand {
    /// Takes away what is missing.
    pub fn apply(&self, config: &SurveyConfig, images: &mut Images) {
        if self.mask_saturated {
            let full = 0.9 * config.saturation as f32;
            let (search, template) = (&images.search.values, &images.template.values);
            for (i, value) in images.difference.values.iter_mut().enumerate() {
                if search[i] > full || template[i] > full {
                    *value = 0.0;
                }
            }
        }
        if let Some(missing) = &self.missing {
            missing.apply(images, 0.0);
        }
    }

    /// Writes NaN instead of 0 where the pipeline does so.
    pub fn blank(&self, images: &mut Images) {
        if let Some(missing) = self.missing.filter(|missing| missing.nan) {
            missing.apply(images, f32::NAN);
        }
    }
}

/// Puts an artefact of `kind` near the middle of the canvas. It may change the
/// frame, where the artefact is an error of the subtraction.
pub(super) fn add(
    kind: Kind,
    config: &SurveyConfig,
    frame: &mut Frame,
    layers: &mut Layers,
    random: &mut Random,
) -> Demand {
    let middle = (frame.side / 2) as f64;
    let [x, y] = [(); 2].map(|()| middle + uniform(random, -0.5, 0.5));
    let site = Site { x, y, clear: None };
    let strength = log_uniform(random, config.threshold, config.brightest_artefact);
    let mut demand = Demand::default();
    match kind {
        Kind::Real => {}
        Kind::NoisePeak => demand.peak = Some(peak(config.threshold, random)),
        Kind::Saturated => {
            saturated(config, frame, layers, AROUND, random);
            demand.mask_saturated = chance(random, 0.3);
        }
        Kind::Edge => {
            let (artefact, missing) = detector::edge(config, frame, random);
            place(config, frame, layers, &artefact, strength, REACH);
            demand.missing = Some(missing);
        }
        Kind::Dipole => {
            let artefact = subtraction::dipole(frame, site, random);
            place(config, frame, layers, &artefact, strength, REACH);
        }
        Kind::WrongKernel => {
            let artefact = subtraction::wrong_kernel(frame, site, random);
            place(config, frame, layers, &artefact, strength, REACH);
        }
        Kind::GalaxyCore => {
            let artefact = subtraction::galaxy_core(frame, site, random);
            place(config, frame, layers, &artefact, strength, REACH);
        }
        Kind::CosmicRay | Kind::HotPixel | Kind::HotColumn | Kind::SatelliteTrail | Kind::Ghost => {
            let artefact = artefact(kind, frame, site, random);
            place(config, frame, layers, &artefact, strength, REACH);
        }
    }
    demand
}

/// The kinds that are painted on top of a scene and leave the frame as it is,
/// with unit strength; nothing for the others.
pub(super) fn artefact(kind: Kind, frame: &Frame, site: Site, random: &mut Random) -> Layers {
    let mut layers = Layers::new(frame.side);
    match kind {
        Kind::CosmicRay => detector::cosmic_ray(&mut layers, site, random),
        Kind::HotPixel => detector::hot_pixel(&mut layers, site, random),
        Kind::HotColumn => detector::hot_column(&mut layers, site, random),
        Kind::SatelliteTrail => light::satellite_trail(frame, &mut layers, site, random),
        Kind::Ghost => light::ghost(frame, &mut layers, site, random),
        _ => {}
    }
    layers
}

/// Adds `artefact`, scaled so that its highest matched-filter response within
/// `reach` of the middle has signal-to-noise `strength`; less where the sky
/// light of its brightest pixel would come near full well.
pub(super) fn place(
    config: &SurveyConfig,
    frame: &Frame,
    layers: &mut Layers,
    artefact: &Layers,
    strength: f64,
    reach: usize,
) {
    let residual = frame.residual(artefact);
    let middle = residual.middle();
    let response = residual
        .brightest(frame.sigma(), middle, middle, reach)
        .flux;
    if response <= 0.0 {
        return;
    }
    let wanted = strength * frame.flux_noise / response;
    let brightest = artefact.both.values.iter().copied().fold(0.0_f32, f32::max);
    let most = 0.7 * config.saturation / f64::from(brightest.max(f32::MIN_POSITIVE));
    layers.add(artefact, wanted.min(most));
}

/// Signal-to-noise of a noise peak above `threshold`. Peaks of a Gaussian field
/// are as frequent as nu exp(-nu^2 / 2) when high (Bardeen et al. 1986), which
/// is a Rayleigh distribution cut off from below. Pipelines take correlated
/// noise for less than it is (Sect. 2.4: some artefacts "can hardly be
/// distinguished from point-like sources"), here by up to a quarter.
fn peak(threshold: f64, random: &mut Random) -> f64 {
    let share = 1.0 - uniform(random, 0.0, 1.0);
    (threshold * threshold - 2.0 * share.ln()).sqrt() * uniform(random, 1.0, 1.25)
}
