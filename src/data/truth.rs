//! A catalogue of true positions, and what lies near one: sorts a pipeline's candidates
//! into true and false (O'TRAIN Sect. 5.1: within 1" of a source that was put in, or not).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::exposure::stem;
use super::table::column;
use crate::{Error, Result};

/// Names of columns, in any case.
const RA: &[&str] = &[
    "ra",
    "ra_deg",
    "raj2000",
    "_raj2000",
    "alpha_j2000",
    "radeg",
];
const DEC: &[&str] = &[
    "dec",
    "dec_deg",
    "dej2000",
    "_dej2000",
    "delta_j2000",
    "decdeg",
    "decl",
];
const X: &[&str] = &["x", "xpos", "x_image", "xpix"];
const Y: &[&str] = &["y", "ypos", "y_image", "ypix"];
const IMAGE: &[&str] = &["image", "originalfile", "parent", "filename", "file"];

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
    /// Reads a table with a line of names: that of `rbgpu simulate --into`, or any with
    /// columns RA and Dec in degrees, or x and y in pixels (also Xpos, Ypos), or both, and
    /// maybe image (originalFile, filename). Separated by commas, semicolons, tabs or blanks;
    /// lines that begin with `#` are comments, but the names may stand in the first of them.
    pub fn read(path: impl AsRef<Path>) -> Result<Truth> {
        let path = path.as_ref();
        let text = std::fs::read(path).map_err(Error::io("read", path))?;
        let text = String::from_utf8(text).map_err(|_| {
            Error::input(
                path,
                "file",
                "bytes that are no text",
                "a table such as CSV",
            )
        })?;
        Truth::parse(&text, path)
    }

    /// Reads a table from memory; `path` names it in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Truth> {
        let text = text.trim_start_matches('\u{feff}');
        let mut lines = text
            .lines()
            .zip(1..)
            .filter(|(line, _)| !line.trim().is_empty());
        // A comment may speak of RA and Dec, so a line of its own comes first.
        let names_both = |line: &str| {
            let fields = split(line.trim_start_matches(['#', ' ']));
            let both = |a, b| column(&fields, a).zip(column(&fields, b)).is_some();
            both(RA, DEC) || both(X, Y)
        };
        let plain = |line: &str| !line.trim_start().starts_with('#');
        let header = lines
            .clone()
            .find(|(line, _)| plain(line) && names_both(line))
            .or_else(|| lines.clone().find(|(line, _)| names_both(line)));
        let expected = "columns RA and Dec, or x and y";
        let Some((header, at)) = header else {
            let first = lines.next().map_or("no line", |(line, _)| line);
            let found: String = first.chars().take(80).collect();
            return Err(Error::input(path, "line of names", found, expected));
        };
        let names = split(header.trim_start_matches(['#', ' ']));
        let both = |a, b| column(&names, a).zip(column(&names, b));
        let (sky, pixels) = (both(RA, DEC), both(X, Y));
        if sky.is_none() && pixels.is_none() {
            return Err(Error::input(
                path,
                format!("line {at}"),
                names.join(", "),
                expected,
            ));
        }
        let image = column(&names, IMAGE);
        let mut truth = Truth {
            path: path.to_path_buf(),
            len: 0,
            sky: Vec::new(),
            sky_by_image: HashMap::new(),
            pixels: HashMap::new(),
            named: image.is_some(),
        };
        for (line, number) in lines {
            if number <= at || line.trim_start().starts_with('#') {
                continue;
            }
            let fields = split(line);
            let wrong = |found: String, expected: &str| {
                Err(Error::input(
                    path,
                    format!("line {number}"),
                    found,
                    expected,
                ))
            };
            if fields.len() != names.len() {
                let found = format!("{} fields", fields.len());
                return wrong(found, &format!("{}, as there are names", names.len()));
            }
            let pair = |columns: Option<(usize, usize)>| {
                let number = |at: usize| fields[at].parse().ok().filter(|v: &f64| v.is_finite());
                columns.and_then(|(a, b)| number(a).zip(number(b)))
            };
            let place = (pair(sky), pair(pixels));
            if place == (None, None) {
                return wrong(
                    format!("'{line}'"),
                    "a position in numbers (degrees or pixels)",
                );
            }
            if let Some((ra, dec)) = place.0
                && !((-360.0..=360.0).contains(&ra) && (-90.0..=90.0).contains(&dec))
            {
                return wrong(format!("RA = {ra}, Dec = {dec}"), "degrees");
            }
            truth.add(
                place.0,
                place.1,
                image.map_or("", |at| stem(&fields[at])).to_string(),
            );
        }
        truth.sort();
        Ok(truth)
    }

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

/// The fields of a line; quotes go, blanks separate where nothing else does.
fn split(line: &str) -> Vec<String> {
    let separator = [',', ';', '\t'].into_iter().find(|c| line.contains(*c));
    let fields: Vec<String> = match separator {
        Some(separator) => {
            let mut reader = csv::ReaderBuilder::new();
            let reader = reader.has_headers(false).delimiter(separator as u8);
            let mut records = reader.from_reader(line.as_bytes()).into_records();
            // A text in memory has no other error than bytes that are no text.
            let record = records.next().and_then(|record| record.ok());
            record
                .unwrap_or_default()
                .iter()
                .map(String::from)
                .collect()
        }
        None => line.split_whitespace().map(String::from).collect(),
    };
    fields
        .into_iter()
        .map(|field| field.trim().to_string())
        .collect()
}
