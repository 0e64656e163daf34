//! What stands in the field besides the candidate: neighbours, hosts, clutter.

use super::bogus::{self, Missing, Site};
use super::canvas::Canvas;
use super::config::SurveyConfig;
use super::frame::{Frame, Layers};
use super::galaxy::Galaxy;
use super::kind::Kind;
use super::random::{Random, angle, chance, count, log_uniform, normal, uniform};

/// Bright and faint end of the neighbouring stars, in magnitudes.
const STARS: [f64; 2] = [13.5, 21.0];
/// Stars per magnitude go as 10^(0.3 m) at moderate galactic latitude.
const STAR_SLOPE: f64 = 0.3;
/// Magnitudes of host galaxies.
const GALAXIES: [f64; 2] = [16.0, 21.5];
/// Share of the real sources without a host that are variable stars, seen in
/// the template too.
const VARIABLES: f64 = 0.1;
/// Clutter keeps this far from the candidate, in pixels, so that it cannot
/// become the detection.
const CLEAR: f64 = 9.0;

/// A magnitude between `bright` and `faint` whose density goes as 10^(slope m).
pub(super) fn magnitude(random: &mut Random, [bright, faint]: [f64; 2], slope: f64) -> f64 {
    let share = uniform(random, 0.0, 1.0);
    if slope.abs() < 1e-6 || faint <= bright {
        return bright + share * (faint - bright);
    }
    let ratio = 10.0_f64.powf(slope * (faint - bright));
    bright + (1.0 + share * (ratio - 1.0)).log10() / slope
}

/// Where a star's light is no longer worth adding, in ADU.
pub(super) fn faintest(frame: &Frame) -> f64 {
    0.02 * frame.pixel_noise
}

/// Adds the neighbours: they do not know of the candidate (O'TRAIN Sect. 4.2).
pub(super) fn add_stars(
    config: &SurveyConfig,
    frame: &Frame,
    sky: &mut Canvas,
    random: &mut Random,
) {
    let arcmin = frame.side as f64 * config.pixel_scale / 60.0;
    for _ in 0..count(random, config.star_density * arcmin * arcmin) {
        let flux = config.flux(magnitude(random, STARS, STAR_SLOPE));
        let [x, y] = [(); 2].map(|()| uniform(random, -0.5, frame.side as f64 - 0.5));
        frame.sharp.add(sky, x, y, flux, faintest(frame));
    }
}

/// A galaxy of the field at (x, y).
pub(super) fn galaxy(config: &SurveyConfig, x: f64, y: f64, random: &mut Random) -> Galaxy {
    let mag = magnitude(random, GALAXIES, STAR_SLOPE);
    // bright galaxies are larger: about 3.5 arcsec at 17 mag, 1 arcsec at 21
    let typical = 3.5 * 10.0_f64.powf(-0.13 * (mag - 17.0)) / config.pixel_scale;
    Galaxy {
        x,
        y,
        flux: config.flux(mag),
        radius: typical * log_uniform(random, 0.5, 1.8),
        axis_ratio: uniform(random, 0.35, 1.0),
        angle: angle(random),
        early: chance(random, 0.4),
    }
}

/// The sky below a real source at (x, y): a host whose light the source
/// follows (DES Sect. 1), a star that varies, or nothing.
pub(super) fn add_host(
    config: &SurveyConfig,
    frame: &Frame,
    sky: &mut Canvas,
    [x, y]: [f64; 2],
    flux: f64,
    random: &mut Random,
) {
    let draw = uniform(random, 0.0, 1.0);
    if draw < config.host_fraction {
        let mut host = galaxy(config, x, y, random);
        let (major, minor) = light_offset(&host, random);
        let (sin, cos) = host.angle.sin_cos();
        host.x -= major * cos - minor * sin;
        host.y -= major * sin + minor * cos;
        host.add(sky, &frame.sharp);
    } else if draw < config.host_fraction + VARIABLES * (1.0 - config.host_fraction) {
        let steady = flux * log_uniform(random, 0.1, 5.0);
        let highest = 0.5 * config.saturation / frame.sharp.value(0.0, 0.0);
        frame
            .sharp
            .add(sky, x, y, steady.min(highest), faintest(frame));
    }
}

/// A point drawn from the galaxy's light, along its major and minor axes, in
/// pixels; at most 8 from the centre.
fn light_offset(galaxy: &Galaxy, random: &mut Random) -> (f64, f64) {
    let components = galaxy.components();
    let total: f64 = components.iter().map(|(weight, _)| weight).sum();
    let mut left = uniform(random, 0.0, total);
    let mut variance = components[0].1;
    for &(weight, v) in components {
        variance = v;
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    let sigma = variance.sqrt() * galaxy.radius;
    (
        (sigma * normal(random)).clamp(-8.0, 8.0),
        (sigma * galaxy.axis_ratio * normal(random)).clamp(-8.0, 8.0),
    )
}

/// A field galaxy near the middle, below an artefact: otherwise a galaxy in the
/// template would give real sources away.
pub(super) fn add_bystander(
    config: &SurveyConfig,
    frame: &Frame,
    sky: &mut Canvas,
    random: &mut Random,
) {
    if chance(random, 0.5 * config.host_fraction) {
        let middle = sky.middle() as f64;
        let [x, y] = [(); 2].map(|()| middle + 3.0 * normal(random));
        galaxy(config, x, y, random).add(sky, &frame.sharp);
    }
}

/// An artefact away from the middle, in `config.clutter` of all candidates;
/// some of these have the image's edge there, which is returned.
pub(super) fn add_clutter(
    config: &SurveyConfig,
    frame: &Frame,
    layers: &mut Layers,
    random: &mut Random,
) -> Option<Missing> {
    if !chance(random, config.clutter) {
        return None;
    }
    if chance(random, 0.15) {
        let farthest = (0.5 * config.size as f64).max(CLEAR + 1.0);
        return Some(Missing::at(frame, uniform(random, CLEAR, farthest), random));
    }
    let middle = frame.side as f64 / 2.0;
    let direction = angle(random);
    let distance = uniform(random, CLEAR, (0.5 * config.size as f64).max(CLEAR + 1.0));
    let site = Site {
        x: middle + distance * direction.cos(),
        y: middle + distance * direction.sin(),
        clear: Some(CLEAR - 3.0),
    };
    let kinds = [
        Kind::CosmicRay,
        Kind::CosmicRay,
        Kind::HotPixel,
        Kind::HotColumn,
        Kind::SatelliteTrail,
    ];
    let kind = kinds[(uniform(random, 0.0, 1.0) * kinds.len() as f64) as usize];
    let artefact = bogus::artefact(kind, frame, site, random);
    let strength = log_uniform(random, config.threshold, config.brightest_artefact);
    bogus::place(
        config,
        frame,
        layers,
        &artefact,
        strength,
        frame.side / 2 - 1,
    );
    None
}
