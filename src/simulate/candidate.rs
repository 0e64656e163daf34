//! One candidate: drawn, observed, detected, centred and cropped.

use super::bogus::{self, Demand};
use super::canvas::REACH;
use super::config::SurveyConfig;
use super::field;
use super::frame::{Frame, Images, Layers};
use super::kind::Kind;
use super::random::{Random, chance, generator, uniform};
use crate::data::Candidate;

/// How often a candidate is drawn before one is kept that is not detected; no
/// default kind comes near it.
const ATTEMPTS: usize = 60;
/// How far from the truth a detection may lie to be matched with it, in pixels
/// (O'TRAIN Sect. 5.2 matches within 1 arcsec).
const MATCH_RADIUS: f64 = 1.5;

/// Simulates candidate `index` into `out` (H, W, C).
pub(super) fn simulate(
    config: &SurveyConfig,
    index: usize,
    only: Option<Kind>,
    out: &mut [f32],
) -> (Kind, Candidate) {
    let mut random = generator(config.seed, index as u64);
    let drawn = draw_kind(config, &mut random);
    let kind = only.unwrap_or(drawn);
    let attempt = |random: &mut Random| attempt(config, kind, random);
    let candidate = detected(config, index, &mut random, out, attempt);
    (kind, candidate)
}

/// The first of some attempts that the pipeline detects, cropped into `out`.
pub(super) fn detected(
    config: &SurveyConfig,
    index: usize,
    random: &mut Random,
    out: &mut [f32],
    attempt: impl Fn(&mut Random) -> Detection,
) -> Candidate {
    let mut detection = attempt(random);
    for _ in 1..ATTEMPTS {
        if detection.found {
            break;
        }
        detection = attempt(random);
    }
    crop(config, &detection, out, random);
    Candidate {
        id: format!("sim{}-{index:06}", config.seed),
        mag: detection.mag,
        mag_err: 2.5 / std::f64::consts::LN_10 / detection.signal_to_noise.max(1e-3),
        filter: config.filter.clone(),
        fwhm: detection.fwhm,
        ..Candidate::default()
    }
}

/// Puts source `index` into a field of its own, once: its magnitude, and whether it is found.
pub(super) fn inject(config: &SurveyConfig, index: usize) -> (f64, bool) {
    let mut random = generator(config.seed, index as u64);
    let detection = attempt(config, Kind::Real, &mut random);
    (detection.mag, detection.found)
}

fn draw_kind(config: &SurveyConfig, random: &mut Random) -> Kind {
    let real = chance(random, config.real_fraction);
    let mut left = uniform(random, 0.0, config.mix.values().sum());
    if real {
        return Kind::Real;
    }
    let possible = config.mix.iter().filter(|(_, weight)| **weight > 0.0);
    let mut kind = Kind::NoisePeak;
    for (&next, &weight) in possible {
        kind = next;
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    kind
}

/// What the pipeline reports on one field.
pub(super) struct Detection {
    pub images: Images,
    /// Pixel of the detection on the canvas.
    pub x: usize,
    pub y: usize,
    pub mag: f64,
    pub signal_to_noise: f64,
    /// What of the flux is noise, in ADU.
    pub flux_noise: f64,
    pub fwhm: f64,
    /// Above the threshold and, for a real source, at its place.
    pub found: bool,
}

pub(super) fn attempt(config: &SurveyConfig, kind: Kind, random: &mut Random) -> Detection {
    let mut frame = Frame::draw(config, random);
    let mut layers = Layers::new(frame.side);
    let middle = frame.side / 2;
    field::add_stars(config, &frame, &mut layers.both, random);
    let mut truth = None;
    let mut demand = if kind.is_real() {
        let mag = field::magnitude(random, config.magnitudes, config.magnitude_slope);
        let flux = config.flux(mag);
        let [x, y] = [(); 2].map(|()| middle as f64 + uniform(random, -0.5, 0.5));
        field::add_host(config, &frame, &mut layers.both, [x, y], flux, random);
        frame
            .sharp
            .add(&mut layers.search, x, y, flux, field::faintest(&frame));
        truth = Some((x, y, mag));
        Demand::default()
    } else {
        field::add_bystander(config, &frame, &mut layers.both, random);
        bogus::add(kind, config, &mut frame, &mut layers, random)
    };
    let edge = field::add_clutter(config, &frame, &mut layers, random);
    demand.missing = demand.missing.or(edge);
    let mut images = frame.observe(config, &layers, demand.peak, random);
    demand.apply(config, &mut images);
    let peak = images
        .difference
        .brightest(frame.sigma(), middle, middle, REACH);
    let signal_to_noise = peak.flux / frame.flux_noise;
    let matched =
        truth.is_none_or(|(x, y, _)| (peak.x as f64 - x).hypot(peak.y as f64 - y) <= MATCH_RADIUS);
    // only now: the detection itself must not stumble over NaN
    demand.blank(&mut images);
    Detection {
        x: peak.x,
        y: peak.y,
        mag: truth.map_or_else(|| config.magnitude(peak.flux), |(_, _, mag)| mag),
        signal_to_noise,
        flux_noise: frame.flux_noise,
        fwhm: frame.fwhm,
        found: signal_to_noise >= config.threshold && matched,
        images,
    }
}

/// Cuts the detection out. Pipelines disagree with themselves by a pixel on
/// where the centre is (peak, centroid, rounding).
fn crop(config: &SurveyConfig, detection: &Detection, out: &mut [f32], random: &mut Random) {
    let size = config.size;
    let mut corner = |at: usize| {
        let draw = uniform(random, 0.0, 1.0);
        let jitter = usize::from(draw >= 0.2) + usize::from(draw >= 0.8);
        // jitter is 0, 1 or 2: one pixel down, none, one pixel up
        at + jitter - 1 - size / 2
    };
    let (left, top) = (corner(detection.x), corner(detection.y));
    let images = &detection.images;
    let channels: &[&super::canvas::Canvas] = match config.channels.count() {
        1 => &[&images.difference],
        _ => &[&images.template, &images.search, &images.difference],
    };
    let count = channels.len();
    for (row, line) in out.chunks_exact_mut(size * count).enumerate() {
        for (column, pixel) in line.chunks_exact_mut(count).enumerate() {
            for (value, canvas) in pixel.iter_mut().zip(channels) {
                *value = canvas.at(left + column, top + row);
            }
        }
    }
}
