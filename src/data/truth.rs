//! A catalogue of true positions, and what lies near one: sorts a pipeline's candidates
//! into true and false (O'TRAIN Sect. 5.1: within 1" of a source that was put in, or not).

mod read;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::exposure::stem;
use crate::{Error, Result};

/// How far from a true position still counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Radius {
    /// On the sky, in arc seconds.
    Arcsec(f64),
    /// In the image, in pixels.
    Pixels(f64),
}

impl FromStr for Radius {
    type Err = Error;

    /// `1.5` or `1.5arcsec` on the sky, `2px` in the image.
    fn from_str(text: &str) -> Result<Self> {
        let (number, radius): (_, fn(f64) -> Radius) = match text.strip_suffix("px") {
            Some(number) => (number, Radius::Pixels),
            None => (text.strip_suffix("arcsec").unwrap_or(text), Radius::Arcsec),
        };
        match number.trim().parse::<f64>() {
            Ok(value) if value > 0.0 && value.is_finite() => Ok(radius(value)),
            _ => {
                let expected = "arc seconds, such as 1.5, or pixels, such as 2px";
                Err(Error::config("--radius", format!("'{text}'"), expected))
            }
        }
    }
}

/// Where a candidate is; NaN and empty where nothing is known.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Right ascension, in degrees.
    pub ra: f64,
    /// Declination, in degrees.
    pub dec: f64,
    /// Column in the image, in pixels, counted as in the catalogue (FITS: from 1).
    pub x: f64,
    /// Row, likewise.
    pub y: f64,
    /// The image it is from; its folder and its .fits, .fit, .fts, .gz, .fz do not count.
    pub image: &'a str,
}

/// A true position near a candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Row of the catalogue, from 0.
    pub row: usize,
    /// In the radius' unit.
    pub distance: f64,
}

/// Two coordinates, where they are known.
type Pair = Option<(f64, f64)>;

/// True positions.
#[derive(Debug)]
pub struct Truth {
    path: PathBuf,
    len: usize,
    /// All of them; and by image, where the catalogue names images.
    sky: Vec<OnSky>,
    sky_by_image: HashMap<String, Vec<OnSky>>,
    /// By image; under an empty name where the catalogue names none.
    pixels: HashMap<String, Vec<InImage>>,
    named: bool,
}

#[derive(Clone, Copy, Debug)]
struct OnSky {
    dec: f64,
    direction: [f64; 3],
    row: usize,
}

#[derive(Clone, Copy, Debug)]
struct InImage {
    x: f64,
    y: f64,
    row: usize,
}

impl Truth {
    fn add(&mut self, sky: Pair, pixels: Pair, image: String) {
        let row = self.len;
        self.len += 1;
        if let Some((ra, dec)) = sky {
            let direction = direction(ra, dec);
            let one = OnSky {
                dec,
                direction,
                row,
            };
            self.sky.push(one);
            if self.named {
                self.sky_by_image
                    .entry(image.clone())
                    .or_default()
                    .push(one);
            }
        }
        if let Some((x, y)) = pixels {
            self.pixels
                .entry(image)
                .or_default()
                .push(InImage { x, y, row });
        }
    }

    fn sort(&mut self) {
        let skies = self.sky_by_image.values_mut();
        for sky in skies.chain([&mut self.sky]) {
            sky.sort_by(|a, b| a.dec.total_cmp(&b.dec));
        }
        for plane in self.pixels.values_mut() {
            plane.sort_by(|a, b| a.y.total_cmp(&b.y));
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many positions.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the catalogue says which image each position is in.
    pub fn names_images(&self) -> bool {
        self.named
    }

    /// Whether the catalogue can answer for a radius in this unit.
    pub fn answers(&self, radius: Radius) -> bool {
        match radius {
            Radius::Arcsec(_) => !self.sky.is_empty(),
            Radius::Pixels(_) => !self.pixels.is_empty(),
        }
    }

    /// The nearest true position within `radius` of `place`.
    ///
    /// On the sky only positions of the candidate's own image count where the catalogue
    /// names that image, else all of them: a source that was put into one image is not in
    /// the next one. In pixels only those of the candidate's own image count, or all where
    /// the catalogue names no images.
    pub fn matches(&self, place: &Place, radius: Radius) -> Option<Match> {
        let image = stem(place.image);
        match radius {
            Radius::Arcsec(arcsec) => {
                let own = self.sky_by_image.get(image).filter(|_| !image.is_empty());
                nearest_on_sky(own.unwrap_or(&self.sky), place.ra, place.dec, arcsec)
            }
            Radius::Pixels(pixels) => {
                let key = if self.named { image } else { "" };
                nearest_in_image(self.pixels.get(key)?, place.x, place.y, pixels)
            }
        }
    }
}

fn nearest_on_sky(sky: &[OnSky], ra: f64, dec: f64, arcsec: f64) -> Option<Match> {
    if !(ra.is_finite() && dec.is_finite()) {
        return None;
    }
    let reach = arcsec / 3600.0;
    let here = direction(ra, dec);
    // A little more than the radius, so that rounding loses nothing.
    let from = sky.partition_point(|one| one.dec < dec - reach - 1e-9);
    let near = sky[from..]
        .iter()
        .take_while(|one| one.dec <= dec + reach + 1e-9);
    let found = near.map(|one| Match {
        row: one.row,
        distance: separation(here, one.direction).to_degrees() * 3600.0,
    });
    nearest(found, arcsec)
}

fn nearest_in_image(plane: &[InImage], x: f64, y: f64, pixels: f64) -> Option<Match> {
    if !(x.is_finite() && y.is_finite()) {
        return None;
    }
    let from = plane.partition_point(|one| one.y < y - pixels);
    let near = plane[from..].iter().take_while(|one| one.y <= y + pixels);
    let found = near.map(|one| Match {
        row: one.row,
        distance: (one.x - x).hypot(one.y - y),
    });
    nearest(found, pixels)
}

fn nearest(found: impl Iterator<Item = Match>, radius: f64) -> Option<Match> {
    let within = found.filter(|one| one.distance <= radius);
    within.min_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)))
}

/// The unit vector of a direction given in degrees: it knows neither poles nor 0 h.
fn direction(ra: f64, dec: f64) -> [f64; 3] {
    let ((sin_ra, cos_ra), (sin, cos)) = (ra.to_radians().sin_cos(), dec.to_radians().sin_cos());
    [cos * cos_ra, cos * sin_ra, sin]
}

/// In radians, by the chord, which is exact where angles are small.
fn separation(a: [f64; 3], b: [f64; 3]) -> f64 {
    let square: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    2.0 * (square.sqrt() / 2.0).min(1.0).asin()
}
