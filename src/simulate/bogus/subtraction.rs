//! Errors of the subtraction: bad alignment, a bad kernel, the cores of galaxies.

use super::super::frame::{Frame, Layers};
use super::super::galaxy::Galaxy;
use super::super::random::{Random, angle, chance, log_uniform, uniform};
use super::Site;

/// Where a star of unit flux no longer matters.
const FAINTEST: f64 = 1e-6;

/// A star that is not where the template has it. Half of the time the whole
/// field is misaligned, in the other half it is this star that moved (proper
/// motion, refraction of its colour).
pub(super) fn dipole(frame: &mut Frame, site: Site, random: &mut Random) -> Layers {
    let shift = log_uniform(random, 0.12, 1.5);
    let (sin, cos) = angle(random).sin_cos();
    let (dx, dy) = (shift * cos, shift * sin);
    let mut layers = Layers::new(frame.side);
    let psf = frame.sharp;
    if chance(random, 0.5) {
        frame.kernel.centre = [dx, dy];
        psf.add(&mut layers.both, site.x, site.y, 1.0, FAINTEST);
    } else {
        psf.add(&mut layers.search, site.x + dx, site.y + dy, 1.0, FAINTEST);
        psf.add(&mut layers.template, site.x, site.y, 1.0, FAINTEST);
        // `place` keeps `both` below full well: give it the star to look at
        // through a pair that cancels
        psf.add(&mut layers.both, site.x, site.y, 1.0, FAINTEST);
        psf.add(&mut layers.search, site.x, site.y, -1.0, FAINTEST);
        psf.add(&mut layers.template, site.x, site.y, -1.0, FAINTEST);
    }
    layers
}

/// A star subtracted with a kernel that is too wide (a sharp positive core in a
/// dark ring) or too narrow (the reverse), which a spatially constant kernel is
/// somewhere in most fields.
pub(super) fn wrong_kernel(frame: &mut Frame, site: Site, random: &mut Random) -> Layers {
    misfit(frame, log_uniform(random, 0.06, 0.8), random);
    let mut layers = Layers::new(frame.side);
    frame
        .sharp
        .add(&mut layers.both, site.x, site.y, 1.0, FAINTEST);
    layers
}

/// Changes the variance of the fitted kernel by up to `share` of the PSF's own.
fn misfit(frame: &mut Frame, share: f64, random: &mut Random) {
    let change = share * frame.sharp.sigma().powi(2);
    let wider = chance(random, 0.6);
    // hotpants' errors are rarely round
    let stretch = uniform(random, 0.6, 1.4);
    for (axis, factor) in [(0, stretch), (1, 2.0 - stretch)] {
        let variance = frame.fitted.sigma[axis].powi(2);
        let narrow = variance - change * factor;
        // no kernel is narrower than half a pixel
        let new = if wider || narrow < 0.25 {
            variance + change * factor
        } else {
            narrow
        };
        frame.fitted.sigma[axis] = new.sqrt();
    }
}

/// The core of a bright galaxy after any of three errors: position, kernel, flux.
pub(super) fn galaxy_core(frame: &mut Frame, site: Site, random: &mut Random) -> Layers {
    match uniform(random, 0.0, 3.0) as u8 {
        0 => {
            let shift = log_uniform(random, 0.15, 1.0);
            let (sin, cos) = angle(random).sin_cos();
            frame.kernel.centre = [shift * cos, shift * sin];
        }
        1 => misfit(frame, log_uniform(random, 0.1, 0.8), random),
        _ => frame.ratio *= 1.0 - log_uniform(random, 0.01, 0.15),
    }
    let galaxy = Galaxy {
        x: site.x,
        y: site.y,
        flux: 1.0,
        radius: log_uniform(random, 1.0, 7.0),
        axis_ratio: uniform(random, 0.35, 1.0),
        angle: angle(random),
        early: chance(random, 0.6),
    };
    let mut layers = Layers::new(frame.side);
    galaxy.add(&mut layers.both, &frame.sharp);
    layers
}
