//! Light that should not be there: stars beyond full well, trails, reflections.

use super::super::canvas::REACH;
use super::super::config::SurveyConfig;
use super::super::field::faintest;
use super::super::frame::{Frame, Layers};
use super::super::random::{Random, angle, chance, log_uniform, normal, uniform};
use super::Site;

/// A star beyond full well: a flat top, charge bleeding along the columns
/// ([`Frame::observe`] does that), four diffraction spikes. Its residual has
/// all shapes, and is detected anywhere around it; it lies at most `farthest` pixels from the
/// middle.
pub(in super::super) fn saturated(
    config: &SurveyConfig,
    frame: &Frame,
    layers: &mut Layers,
    farthest: f64,
    random: &mut Random,
) {
    let middle = (frame.side / 2) as f64;
    // full well also in the blurrier image, whose peak is lower by the ratio of areas
    let spread = (frame.fwhm / frame.sharp.fwhm).powi(2);
    let full = spread * config.saturation / frame.sharp.value(0.0, 0.0);
    let flux = full * log_uniform(random, 1.0, 40.0);
    let direction = angle(random);
    let distance = uniform(random, 0.0, farthest);
    let (x, y) = (
        middle + distance * direction.cos(),
        middle + distance * direction.sin(),
    );
    frame
        .sharp
        .add(&mut layers.both, x, y, flux, faintest(frame));
    // spikes turn with the field between epochs on an alt-azimuth mount
    let turn = 0.05 * normal(random);
    let first = uniform(random, 0.0, std::f64::consts::FRAC_PI_2);
    let height = flux * frame.sharp.value(0.0, 0.0) * log_uniform(random, 1e-4, 3e-3);
    let width = frame.sharp.sigma();
    for (canvas, rotation) in [
        (&mut layers.search, first),
        (&mut layers.template, first + turn),
    ] {
        let (sin, cos) = rotation.sin_cos();
        canvas.paint(|px, py| {
            let (dx, dy) = (px - x, py - y);
            let (u, v) = (dx * cos + dy * sin, -dx * sin + dy * cos);
            let spike = |along: f64, across: f64| {
                (-0.5 * (across / width).powi(2)).exp() / (1.0 + (along / 6.0).powi(2))
            };
            height * (spike(u, v) + spike(v, u))
        });
    }
}

/// A satellite or aeroplane: a line of the PSF's width or, being near, wider;
/// steady, or flashing as it tumbles; sometimes ending in the cutout.
pub(super) fn satellite_trail(frame: &Frame, layers: &mut Layers, site: Site, random: &mut Random) {
    let middle = (frame.side / 2) as f64;
    let (mut sin, mut cos) = angle(random).sin_cos();
    if let Some(clear) = site.clear {
        // at a right angle to the way to the middle, so that it stays away
        let (dx, dy) = (site.x - middle, site.y - middle);
        let distance = dx.hypot(dy).max(clear);
        (sin, cos) = (dx / distance, -dy / distance);
    }
    let width = frame.sharp.sigma() * log_uniform(random, 0.9, 1.8);
    let flashes = if chance(random, 0.4) {
        uniform(random, 0.2, 1.0)
    } else {
        0.0
    };
    let period = log_uniform(random, 4.0, 60.0);
    let phase = angle(random);
    let end = if chance(random, 0.25) {
        uniform(random, 0.0, 6.0)
    } else {
        f64::INFINITY
    };
    layers.search.paint(|x, y| {
        let (dx, dy) = (x - site.x, y - site.y);
        let (along, across) = (dx * cos + dy * sin, -dx * sin + dy * cos);
        let beyond = (along - end).max(0.0);
        let level = 1.0 + flashes * (std::f64::consts::TAU * along / period + phase).cos();
        level * (-0.5 * (across * across + beyond * beyond) / (width * width)).exp()
    });
}

/// A reflection: a diffuse spot, a disc out of focus, or a ring with the shadow
/// of the secondary mirror (O'TRAIN Sect. 2.4: "diffuse extended sources").
pub(super) fn ghost(frame: &Frame, layers: &mut Layers, site: Site, random: &mut Random) {
    let direction = angle(random);
    if chance(random, 0.5) {
        // a spot, at its smallest not much wider than a star
        let width = frame.sigma() * log_uniform(random, 1.6, 5.0);
        let ratio = uniform(random, 0.6, 1.0);
        let (sin, cos) = direction.sin_cos();
        layers.search.paint(|x, y| {
            let (dx, dy) = (x - site.x, y - site.y);
            let (u, v) = (dx * cos + dy * sin, (-dx * sin + dy * cos) / ratio);
            (-0.5 * (u * u + v * v) / (width * width)).exp()
        });
        return;
    }
    let radius = log_uniform(random, 4.0, 25.0);
    let hole = if chance(random, 0.6) {
        radius * uniform(random, 0.3, 0.85)
    } else {
        0.0
    };
    // the detection sits on the light, not in the shadow
    let place = uniform(random, hole, radius).min(radius - 0.5 * (radius - hole).min(REACH as f64));
    let (x0, y0) = (
        site.x + place * direction.cos(),
        site.y + place * direction.sin(),
    );
    let softness = frame.sharp.sigma() * uniform(random, 0.7, 1.6);
    let (lean, tilt) = (0.5 * uniform(random, 0.0, 1.0) / radius, angle(random));
    let (sin, cos) = tilt.sin_cos();
    layers.search.paint(|x, y| {
        let (dx, dy) = (x - x0, y - y0);
        let r = dx.hypot(dy);
        let step = |d: f64| 1.0 / (1.0 + (-d / (0.6 * softness)).exp());
        let mut light = step(radius - r);
        if hole > 0.0 {
            light *= step(r - hole);
        }
        light * (1.0 + lean * (dx * cos + dy * sin)).max(0.0)
    });
}
