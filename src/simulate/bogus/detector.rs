//! Artefacts of detector and read-out: particle hits, bad pixels, bad columns,
//! the edge of the image.

use super::super::canvas::Canvas;
use super::super::config::SurveyConfig;
use super::super::frame::{Frame, Images, Layers};
use super::super::random::{Random, angle, chance, log_uniform, normal, uniform};
use super::Site;

/// A charged particle: charge along a straight track, without any PSF. Short
/// tracks are muons that came straight down; long ones came in at a slant, and
/// electrons wiggle.
pub(super) fn cosmic_ray(layers: &mut Layers, site: Site, random: &mut Random) {
    let length = if chance(random, 0.4) {
        uniform(random, 0.0, 2.0)
    } else {
        log_uniform(random, 2.0, 14.0)
    };
    let mut direction = angle(random);
    let wiggle = if chance(random, 0.25) { 0.25 } else { 0.02 };
    // charge diffuses by a fraction of a pixel in thick detectors
    let diffusion = uniform(random, 0.1, 0.45);
    let hits = (8.0 * (length + 1.0)) as usize;
    let step = length / hits as f64;
    let (mut x, mut y) = (
        site.x - 0.5 * length * direction.cos(),
        site.y - 0.5 * length * direction.sin(),
    );
    let mut energy = 1.0_f64;
    for _ in 0..hits {
        energy = (energy * (1.0 + 0.15 * normal(random))).clamp(0.3, 3.0);
        let [dx, dy] = [(); 2].map(|()| diffusion * normal(random));
        let at = |centre: f64, offset: f64| (centre + offset).round() as i64;
        layers
            .search_defects
            .deposit(at(x, dx), at(y, dy), energy as f32);
        direction += wiggle * normal(random);
        x += step * direction.cos();
        y += step * direction.sin();
    }
}

/// A pixel, or a small group, with too much dark current; in the template it
/// is one with too little signal, whose negative, seen through the matching
/// kernel, is a spot of nearly the size of a star.
pub(super) fn hot_pixel(layers: &mut Layers, site: Site, random: &mut Random) {
    let in_template = chance(random, 0.2);
    let defects: &mut Canvas = if in_template {
        &mut layers.template_defects
    } else {
        &mut layers.search_defects
    };
    let sign = if in_template { -1.0 } else { 1.0 };
    let (x, y) = (site.x.round() as i64, site.y.round() as i64);
    defects.deposit(x, y, sign);
    let neighbours = [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1)];
    for (dx, dy) in neighbours {
        if chance(random, 0.2) {
            defects.deposit(x + dx, y + dy, sign * uniform(random, 0.2, 1.0) as f32);
        }
    }
}

/// A column (or, less often, a row) that reads high, from some pixel on or all
/// along; in the template, low. The level flickers along it.
pub(super) fn hot_column(layers: &mut Layers, site: Site, random: &mut Random) {
    let in_template = chance(random, 0.2);
    let side = layers.both.side as i64;
    let middle = side / 2;
    let vertical = chance(random, 0.8);
    let across = if vertical { site.x } else { site.y };
    let mut line = across.round() as i64;
    if let Some(clear) = site.clear {
        let clear = clear.ceil() as i64;
        if (line - middle).abs() < clear {
            line = if line < middle {
                middle - clear
            } else {
                middle + clear
            };
        }
    }
    let width = if chance(random, 0.3) { 2 } else { 1 };
    // a trap stops the charge of everything beyond it
    let start = if chance(random, 0.35) {
        middle - (uniform(random, 1.0, 12.0) as i64)
    } else {
        0
    };
    let upwards = chance(random, 0.5);
    let flicker = uniform(random, 0.05, 0.5);
    let defects = if in_template {
        &mut layers.template_defects
    } else {
        &mut layers.search_defects
    };
    let sign = if in_template { -1.0 } else { 1.0 };
    for at in start..side {
        let along = if upwards { at } else { side - 1 - at };
        let level = sign * (1.0 + flicker * normal(random)).max(0.1);
        for offset in 0..width {
            let (x, y) = if vertical {
                (line + offset, along)
            } else {
                (along, line + offset)
            };
            defects.deposit(x, y, level as f32);
        }
    }
}

/// A bad part of the detector across the middle: some neighbouring columns that all read high,
/// each in its own way.
pub(in super::super) fn bad_columns(side: usize, random: &mut Random) -> Layers {
    let mut layers = Layers::new(side);
    let width = uniform(random, 3.0, 9.0) as i64;
    let first = (side / 2) as i64 - uniform(random, 1.0, width as f64 - 1.0) as i64;
    for x in first..first + width {
        let level = uniform(random, 0.3, 1.0);
        for y in 0..side as i64 {
            let flicker = (1.0 + 0.1 * normal(random)).max(0.1);
            layers
                .search_defects
                .deposit(x, y, (level * flicker) as f32);
        }
    }
    layers
}

/// The part of the field beyond a straight line: nx x + ny y > limit.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Missing {
    nx: f64,
    ny: f64,
    limit: f64,
    /// Whether the template ends there rather than the search image.
    template: bool,
    /// Whether the pipeline writes NaN rather than 0.
    pub nan: bool,
}

impl Missing {
    /// One of the four edges, `distance` pixels from the middle, written as 0.
    pub fn at(frame: &Frame, distance: f64, random: &mut Random) -> Missing {
        let quarter = f64::from(uniform(random, 0.0, 4.0) as u8) * std::f64::consts::FRAC_PI_2;
        // dithered exposures are resampled, hence the slight rotation
        let (ny, nx) = (quarter + 0.02 * normal(random)).sin_cos();
        let middle = (frame.side / 2) as f64;
        let limit = nx * middle + ny * middle + distance;
        Missing {
            nx,
            ny,
            limit,
            template: chance(random, 0.3),
            nan: false,
        }
    }

    /// Writes `value` where nothing was observed: into the image that ends, and
    /// into the difference.
    pub fn apply(&self, images: &mut Images, value: f32) {
        let side = images.difference.side;
        let ended = if self.template {
            &mut images.template
        } else {
            &mut images.search
        };
        for y in 0..side {
            for x in 0..side {
                if self.nx * x as f64 + self.ny * y as f64 > self.limit {
                    ended.values[y * side + x] = value;
                    images.difference.values[y * side + x] = value;
                }
            }
        }
    }
}

/// The image's edge 1 to 7 pixels from the middle, with the glow that edges
/// have: the flat field fails there, charge leaks in, stars are cut.
pub(super) fn edge(config: &SurveyConfig, frame: &Frame, random: &mut Random) -> (Layers, Missing) {
    let missing = Missing::at(frame, uniform(random, 1.0, 7.0), random);
    let missing = Missing {
        nan: chance(random, config.nan_edges),
        ..missing
    };
    let Missing { nx, ny, limit, .. } = missing;
    let middle = (frame.side / 2) as f64;
    let mut layers = Layers::new(frame.side);
    let depth = log_uniform(random, 0.8, 4.0);
    let lumps: Vec<(f64, f64, f64)> = (0..3)
        .map(|_| {
            (
                middle + 0.25 * frame.side as f64 * normal(random),
                log_uniform(random, 1.0, 6.0),
                uniform(random, 0.0, 1.5),
            )
        })
        .collect();
    layers.search_defects.paint(|x, y| {
        let inside = limit - nx * x - ny * y;
        if inside < 0.0 {
            return 0.0;
        }
        let along = -ny * (x - middle) + nx * (y - middle) + middle;
        let height: f64 = lumps
            .iter()
            .map(|(at, width, height)| height * (-0.5 * ((along - at) / width).powi(2)).exp())
            .sum();
        (-inside / depth).exp() * (0.3 + height)
    });
    (layers, missing)
}
