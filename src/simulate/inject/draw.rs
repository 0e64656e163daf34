//! Where sources go, how bright they are, and the photons that arrive of them.

use std::collections::HashMap;

use rand_distr::{Distribution, Poisson};
use rayon::prelude::*;

use super::resample::Stamp;
use super::{Count, InjectConfig, Model, Source, measured};
use crate::data::exposure::Exposure;
use crate::simulate::random::{Random, generator, uniform};
use crate::{Error, Result};

/// Places that are tried for one source.
const TRIES: usize = 500;

/// All that is known of an image into which sources go.
pub(super) struct Field<'a> {
    pub image: &'a Exposure,
    pub model: &'a Model,
    pub config: &'a InjectConfig,
    pub zero_point: f64,
    /// Electrons per ADU.
    pub gain: f64,
    /// ADU; infinite if nothing is known.
    pub saturate: f64,
}

/// Sources, and their light.
pub(super) struct Drawn {
    pub sources: Vec<Source>,
    /// (height, width), in ADU.
    pub light: Vec<f32>,
}

impl Field<'_> {
    /// In ADU.
    pub fn flux(&self, mag: f64) -> f64 {
        10.0_f64.powf(-0.4 * (mag - self.zero_point))
    }

    /// How many sources are wanted.
    pub fn count(&self) -> usize {
        let pixels = self.image.values.len();
        match self.config.count {
            Count::PerImage(count) => count,
            // More than there are pixels there is no room for.
            Count::PerMegapixel(n) => (n * pixels as f64 / 1e6).round().min(pixels as f64) as usize,
        }
    }

    /// In [0, 1), of this pixel.
    pub fn dither(&self, pixel: usize) -> f64 {
        uniform(&mut generator(!self.seed(), pixel as u64), 0.0, 1.0)
    }

    /// Of this image: by its name (FNV-1a), not by where it stands in a list.
    fn seed(&self) -> u64 {
        let name = self.image.path.file_name().unwrap_or_default();
        let bytes = name.to_string_lossy();
        let hash = bytes.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        hash ^ self.config.seed.rotate_left(32)
    }

    /// Draws `count` sources, or as many as there is room for.
    pub fn draw(&self, count: usize) -> Result<Drawn> {
        let seed = self.seed();
        let mut taken = Taken::new(self.config.separation);
        let mut placed: Vec<(f64, f64, f64, Random)> = Vec::new();
        for index in 0..count {
            let mut random = generator(seed, index as u64);
            let Some((x, y)) = self.place(&mut random, &taken)? else {
                break;
            };
            taken.add(x, y);
            let magnitudes = &self.config.magnitudes;
            let mag = uniform(&mut random, magnitudes.start, magnitudes.end);
            placed.push((x, y, mag, random));
        }
        if placed.is_empty() {
            let found =
                "no place for a source: no pixels with a value, unsaturated, within --margin";
            return Err(Error::input(
                &self.image.path,
                "image",
                found,
                "a science image",
            ));
        }
        let made: Vec<(Source, Stamp)> = placed
            .into_par_iter()
            .map(|(x, y, mag, random)| self.source(x, y, mag, random))
            .collect();
        // One after the other, so that sums have the same bits for any number of threads.
        let mut light = vec![0.0_f32; self.image.values.len()];
        for (_, stamp) in &made {
            self.each(stamp, |pixel, value| light[pixel] += value as f32);
        }
        let mut sources = Vec::with_capacity(made.len());
        for (mut source, stamp) in made {
            self.each(&stamp, |pixel, value| {
                let sum = f64::from(self.image.values[pixel]) + f64::from(light[pixel]);
                source.saturated |= value > 0.0 && sum > self.saturate;
            });
            sources.push(source);
        }
        Ok(Drawn { sources, light })
    }

    /// Calls `f` with the index in the image of each pixel of a stamp, and its light.
    fn each(&self, stamp: &Stamp, mut f: impl FnMut(usize, f64)) {
        let (width, height) = (self.image.width as i64, self.image.height as i64);
        for (i, value) in stamp.values.iter().enumerate() {
            let x = stamp.corner[0] + (i % stamp.side) as i64;
            let y = stamp.corner[1] + (i / stamp.side) as i64;
            if (0..width).contains(&x) && (0..height).contains(&y) {
                f((y * width + x) as usize, *value);
            }
        }
    }

    /// A place that is free, on pixels that have a value and are not saturated; counted from 0.
    fn place(&self, random: &mut Random, taken: &Taken) -> Result<Option<(f64, f64)>> {
        let Exposure { width, height, .. } = *self.image;
        let margin = self.config.margin;
        let (right, top) = (width as f64 - 1.0 - margin, height as f64 - 1.0 - margin);
        if right < margin || top < margin {
            let expected = format!("less than half of {width} x {height} pixels");
            return Err(Error::config("--margin", margin.to_string(), expected));
        }
        for _ in 0..TRIES {
            let (x, y) = (uniform(random, margin, right), uniform(random, margin, top));
            let (column, row) = (x.round() as i64, y.round() as i64);
            // At the border a pixel outside is none that is missing.
            let good = |i: i64, j: i64| {
                let (i, j) = (i.clamp(0, width as i64 - 1), j.clamp(0, height as i64 - 1));
                f64::from(self.image.at(i, j)) < self.saturate
            };
            let good = (row - 1..=row + 1).all(|j| (column - 1..=column + 1).all(|i| good(i, j)));
            if good && taken.is_free(x, y) {
                return Ok(Some((x, y)));
            }
        }
        Ok(None)
    }

    /// A source and its photons, in ADU.
    fn source(&self, x: f64, y: f64, mag: f64, mut random: Random) -> (Source, Stamp) {
        let (template, fwhm) = self.model.at(self.image, x, y);
        let mut stamp = template.place(x, y);
        let flux = self.flux(mag);
        for value in &mut stamp.values {
            let electrons = *value * flux * self.gain;
            // Where a measured PSF is below zero there are no photons to count.
            let arrived = match Poisson::new(electrons) {
                Ok(poisson) => poisson.sample(&mut random),
                Err(_) => electrons,
            };
            *value = arrived / self.gain;
        }
        let [column, row] = measured::region(self.image, x, y);
        let source = Source {
            x: x + 1.0,
            y: y + 1.0,
            sky: self
                .image
                .wcs
                .as_ref()
                .and_then(|wcs| wcs.sky(x + 1.0, y + 1.0)),
            mag,
            flux,
            fwhm,
            region: [column + 1, row + 1],
            saturated: false,
        };
        (source, stamp)
    }
}

/// Places that are taken, by the square that they are in.
struct Taken {
    side: f64,
    squares: HashMap<(i64, i64), Vec<(f64, f64)>>,
}

impl Taken {
    fn new(separation: f64) -> Taken {
        let side = separation.max(1e-3);
        Taken {
            side,
            squares: HashMap::new(),
        }
    }

    fn square(&self, x: f64, y: f64) -> (i64, i64) {
        ((x / self.side) as i64, (y / self.side) as i64)
    }

    fn add(&mut self, x: f64, y: f64) {
        let square = self.square(x, y);
        self.squares.entry(square).or_default().push((x, y));
    }

    fn is_free(&self, x: f64, y: f64) -> bool {
        let (i, j) = self.square(x, y);
        let squares = (j - 1..=j + 1).flat_map(|j| (i - 1..=i + 1).map(move |i| (i, j)));
        let mut near = squares
            .filter_map(|square| self.squares.get(&square))
            .flatten();
        near.all(|(a, b)| (a - x).hypot(b - y) >= self.side)
    }
}
