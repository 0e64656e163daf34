//! Features of Goldstein et al. 2015 that stamps alone give, under autoScan's names.
//!
//! Two images are made of the difference D and the template T, as autoScan does: B, less its
//! median and in units of its largest distance from it, and R, means of 2 x 2 pixels in units of
//! their noise (1.4826 times the median absolute deviation). A box of n cells is one of R about
//! the candidate. `F` is the light in a circle of 5 pixels about the candidate, less the stamp's
//! median (autoScan's stamps have no sky left, others may).
//!
//! | feature | how it is measured here |
//! |---|---|
//! | AMP, SCALE, GAUSS | height, width in pixels and sum of squared distances of a round Gaussian fitted to 15 x 15 pixels of B of D, its middle within half a pixel of the candidate |
//! | A_IMAGE, B_IMAGE | axes in pixels from second moments of the pixels of D 1.5 times the noise above the median that hang together with the brightest within 3 pixels of the candidate; 0 if none is (autoScan: SExtractor's) |
//! | ELLIPTICITY | 1 - B_IMAGE / A_IMAGE; 1 without a source |
//! | A_REF, B_REF | the same of the nearest source of the template: 5 pixels or more, 3 times the noise, within 19 pixels; 0 without one (autoScan: of its catalogue of coadded images, within 5", missing without one) |
//! | NN_DIST_RENORM | how far that one is, in pixels; 19 without one (autoScan: arcseconds) |
//! | MAGLIM | 1 if there is no such source, else 0 |
//! | MAG_REF_ERR | 1.0857 times the error of its light over it, from the noise of its pixels; 1.0857 without one (autoScan: the catalogue's) |
//! | MAGDIFF | 2.5 log10(F(D) / light of that source), or over 5 times the error of F(D) without one; F(D) is at least its error (autoScan: by catalogue and limiting magnitude) |
//! | FLUX_RATIO | (F(D) - F(T)) / \|F(T)\| |
//! | GFLUX | F(search) / F(D) (autoScan: light of the host galaxy and the object over the object's) |
//! | SNR | F(D) over its error from the noise of the pixels (autoScan: of the pipeline's PSF photometry) |
//! | DIFFSUMRN | sum of R of D in a box of 5 |
//! | NUMNEGRN | cells of R of D below 0 in a box of 7 |
//! | N2SIG3, N3SIG3 | cells of R of D at or below -2, -3 in a box of 5 |
//! | N2SIG5, N3SIG5 | the same in a box of 7 |
//! | N2SIG3SHIFT, … | cells of R of D at or above 2 or 3, less those of R of T, in a box of 5 or 7 |
//! | COLMEDS | the largest of the medians of B's columns |
//! | L1 | sum of \|B\| over the root of \|sum of B\|, with the sign of that sum |
//! | LACOSMIC | largest pixel of B over that of its fine structure, M - m7(M), M = m3(B), medians of 3 x 3 and 7 x 7 pixels |
//! | MASKFRAC | part of D's pixels that are masked: NaN, infinite, or DES's 1e-30 |
//! | BAND, MAG | of the metadata, where they are known for every candidate |
//!
//! Not here, since a stamp does not know: CCDID, FLAGS, MAG_FROM_LIMIT, MAG_REF,
//! MIN_DISTANCE_TO_EDGE_IN_NEW, SPREAD_MODEL, SPREADERR_MODEL. Without a template the features
//! of T are not there, without a search image GFLUX.
//!
//! Masked pixels are left out of every sum and median. Where a formula would divide by zero the
//! feature is 0; a feature of an image without a finite pixel is missing.
//!
//! A forest that was trained on these columns is for these columns: autoScan's have the same
//! names and, where this table says so, another meaning.

mod aperture;
mod gaussian;
mod image;
mod source;

use rayon::prelude::*;

use self::aperture::{Aperture, Flux};
use self::image::{Cells, Image, over};
use self::source::{Threshold, central, sources};
use super::names::{BAND, GOLDSTEIN, band};
use super::table::FeatureTable;
use crate::data::channels::{Channel, choose, described};
use crate::data::{Candidate, Dataset};
use crate::{Error, Result};

/// Features of the difference alone.
const OF_DIFFERENCE: [&str; 17] = [
    "AMP",
    "A_IMAGE",
    "B_IMAGE",
    "COLMEDS",
    "DIFFSUMRN",
    "ELLIPTICITY",
    "GAUSS",
    "L1",
    "LACOSMIC",
    "MASKFRAC",
    "N2SIG3",
    "N2SIG5",
    "N3SIG3",
    "N3SIG5",
    "NUMNEGRN",
    "SCALE",
    "SNR",
];
/// Those that need the template.
const OF_TEMPLATE: [&str; 11] = [
    "A_REF",
    "B_REF",
    "FLUX_RATIO",
    "MAGDIFF",
    "MAGLIM",
    "MAG_REF_ERR",
    "N2SIG3SHIFT",
    "N2SIG5SHIFT",
    "N3SIG3SHIFT",
    "N3SIG5SHIFT",
    "NN_DIST_RENORM",
];
/// Those that need the search image.
const OF_SEARCH: [&str; 1] = ["GFLUX"];

/// Times the noise that a pixel of the difference's source is above the median.
const DETECTED: f64 = 1.5;
/// The same of a source of the template.
const DETECTED_REF: f64 = 3.0;
/// Pixels that such a source has.
const AREA_REF: usize = 5;
/// How far it may be, in pixels: 5 arcseconds of DES.
const REACH_REF: f64 = 19.0;
/// Pixels from the candidate within which the difference's source has its brightest one.
const REACH: usize = 3;
/// 2.5 / ln 10: magnitudes for a relative error of 1.
const MAGNITUDES: f64 = 1.085_736_204_758_129_6;

/// Measures the candidates `rows` of `data`. Labels come along; `progress` hears how many more
/// are done, from several threads.
pub fn measure(
    data: &Dataset,
    rows: &[usize],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<FeatureTable> {
    let stamps = Stamps::of(data)?;
    let names = stamps.names();
    let measured: Vec<Result<Vec<f32>>> = rows
        .par_iter()
        .map_init(
            || vec![0.0; data.shape.len()],
            |pixels, &row| {
                data.pixels.read(row, pixels)?;
                let values = stamps.measured(pixels);
                progress(1);
                Ok(names.iter().map(|name| values.get(name)).collect())
            },
        )
        .collect();
    let metadata = Metadata::of(data, rows);
    let all: Vec<String> = GOLDSTEIN
        .iter()
        .filter(|name| names.contains(name) || metadata.get(name).is_some())
        .map(|name| name.to_string())
        .collect();
    let mut values = Vec::with_capacity(rows.len() * all.len());
    for (i, own) in measured.into_iter().enumerate() {
        let own = own?;
        let mut own = own.iter();
        for name in &all {
            values.push(match metadata.get(name) {
                Some(column) => column[i],
                None => *own.next().expect("one for each name, in their order"),
            });
        }
    }
    let ids = rows.iter().map(|&row| data.candidates[row].id.clone());
    let mut table = FeatureTable::new(&data.source, all, ids.collect(), values)?;
    if let Some(parts) = &data.parts {
        table.parts = Some(rows.iter().map(|&row| Some(parts[row])).collect());
    }
    if rows
        .iter()
        .any(|&row| !data.candidates[row].object.is_empty())
    {
        let object = |&row: &usize| data.candidates[row].object.clone();
        table.objects = Some(rows.iter().map(object).collect());
    }
    if let Some(labels) = &data.labels {
        let label = |&row: &usize| Some(labels[row]).filter(|label| *label <= 1);
        table = table.with_labels(rows.iter().map(label).collect())?;
    }
    Ok(table)
}

/// Which image of a cutout is which.
struct Stamps {
    shape: [usize; 3],
    difference: usize,
    template: Option<usize>,
    search: Option<usize>,
    aperture: Aperture,
}

impl Stamps {
    fn of(data: &Dataset) -> Result<Stamps> {
        let shape = data.shape;
        let have = data.channels.as_deref();
        let one = |channel| {
            let places = choose(have, shape.channels, &[channel]);
            places.ok().map(|places| places[0])
        };
        // O'TRAIN's cutouts are the difference alone, which does not say so.
        let alone = || (have.is_none() && shape.channels == 1).then_some(0);
        let Some(difference) = one(Channel::Difference).or_else(alone) else {
            let found = described(have, shape.channels);
            let expected = "a difference image; declare the images of a cutout in their order, \
                            such as --planes template,search,difference";
            return Err(Error::input(&data.source, "images", found, expected));
        };
        Ok(Stamps {
            shape: [shape.height, shape.width, shape.channels],
            difference,
            template: one(Channel::Template),
            search: one(Channel::Search),
            aperture: Aperture::new(shape.height, shape.width),
        })
    }

    /// What is measured, in autoScan's order.
    fn names(&self) -> Vec<&'static str> {
        let is = |name: &&&str| {
            OF_DIFFERENCE.contains(name)
                || (self.template.is_some() && OF_TEMPLATE.contains(name))
                || (self.search.is_some() && OF_SEARCH.contains(name))
        };
        GOLDSTEIN.iter().filter(is).copied().collect()
    }

    fn measured(&self, pixels: &[f32]) -> Values {
        let mut values = Values(Vec::with_capacity(GOLDSTEIN.len()));
        let difference = Image::of(pixels, self.shape, self.difference);
        let sky = difference.sky();
        let flux = self.aperture.flux(&difference, sky);
        let cells = difference.in_noise();
        of_difference(&difference, sky, &mut values);
        of_cells(&cells, &mut values);
        values.put("SNR", over(flux.flux, flux.error));
        if let Some(place) = self.template {
            let template = Image::of(pixels, self.shape, place);
            of_template(&template, &self.aperture, flux, &mut values);
            shifts(&cells, &template.in_noise(), &mut values);
        }
        if let Some(place) = self.search {
            let search = Image::of(pixels, self.shape, place);
            let light = self.aperture.flux(&search, search.sky());
            values.put("GFLUX", over(light.flux, flux.flux));
        }
        values
    }
}

/// Features by name.
struct Values(Vec<(&'static str, f64)>);

impl Values {
    fn put(&mut self, name: &'static str, value: f64) {
        self.0.push((name, value));
    }

    /// What f32 cannot hold is missing too.
    fn get(&self, name: &str) -> f32 {
        let found = self.0.iter().find(|(own, _)| *own == name);
        let (_, value) = found.expect("every feature that is named is measured");
        match *value as f32 {
            value if value.is_finite() => value,
            _ => f32::NAN,
        }
    }
}

fn of_difference(difference: &Image, (sky, noise): (f64, f64), values: &mut Values) {
    let scaled = difference.scaled(sky);
    let fit = gaussian::fit(&scaled);
    values.put("AMP", fit.height);
    values.put("SCALE", fit.width);
    values.put("GAUSS", fit.chi2);
    let level = sky + DETECTED * noise;
    let source = central(difference, Threshold { sky, level }, REACH);
    // An image without a finite pixel has no level, and nothing is known of its sources.
    let none = if level.is_nan() { f64::NAN } else { 0.0 };
    let [a, b] = source.map_or([none; 2], |source| source.axes);
    values.put("A_IMAGE", a);
    values.put("B_IMAGE", b);
    values.put("ELLIPTICITY", 1.0 - over(b, a));
    values.put("COLMEDS", scaled.column_medians().fold(f64::NAN, f64::max));
    let (sum, size) = scaled
        .known()
        .fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()));
    let l1 = over(size, f64::abs(sum).sqrt());
    let known = scaled.known().count();
    values.put(
        "L1",
        match known {
            0 => f64::NAN,
            _ if sum < 0.0 => -l1,
            _ => l1,
        },
    );
    let smooth = scaled.median_filtered(3);
    let smoother = smooth.median_filtered(7);
    let fine = smooth
        .pixels
        .iter()
        .zip(&smoother.pixels)
        .map(|(a, b)| a - b);
    let finest = fine.filter(|p| !p.is_nan()).fold(f64::NAN, f64::max);
    values.put("LACOSMIC", over(scaled.max(), finest));
    values.put("MASKFRAC", 1.0 - known as f64 / scaled.pixels.len() as f64);
}

/// Cells in a box of 5 or of 7, as autoScan names them by the pixels that these were once.
const BOXES: [usize; 2] = [2, 3];

fn of_cells(cells: &Cells, values: &mut Values) {
    let count = |reach: usize, is: &dyn Fn(f64) -> bool| {
        // Of no cell nothing is known.
        match cells.around(reach).next() {
            Some(_) => cells.around(reach).filter(|p| is(*p)).count() as f64,
            None => f64::NAN,
        }
    };
    let [five, seven] = BOXES;
    let sum = cells.around(five).reduce(|a, b| a + b);
    values.put("DIFFSUMRN", sum.unwrap_or(f64::NAN));
    values.put("NUMNEGRN", count(seven, &|p| p < 0.0));
    values.put("N2SIG3", count(five, &|p| p <= -2.0));
    values.put("N3SIG3", count(five, &|p| p <= -3.0));
    values.put("N2SIG5", count(seven, &|p| p <= -2.0));
    values.put("N3SIG5", count(seven, &|p| p <= -3.0));
}

fn shifts(difference: &Cells, template: &Cells, values: &mut Values) {
    let shift = |reach: usize, above: f64| {
        let count = |cells: &Cells| match cells.around(reach).next() {
            Some(_) => cells.around(reach).filter(|p| *p >= above).count() as f64,
            None => f64::NAN,
        };
        count(difference) - count(template)
    };
    let [five, seven] = BOXES;
    values.put("N2SIG3SHIFT", shift(five, 2.0));
    values.put("N3SIG3SHIFT", shift(five, 3.0));
    values.put("N2SIG5SHIFT", shift(seven, 2.0));
    values.put("N3SIG5SHIFT", shift(seven, 3.0));
}

fn of_template(template: &Image, aperture: &Aperture, candidate: Flux, values: &mut Values) {
    let (sky, noise) = template.sky();
    let level = sky + DETECTED_REF * noise;
    let light = aperture.flux(template, (sky, noise));
    let ratio = over(candidate.flux - light.flux, light.flux.abs());
    values.put("FLUX_RATIO", ratio);
    let middle = [template.height, template.width].map(|n| (n as f64 - 1.0) / 2.0);
    let away = |at: [f64; 2]| (at[0] - middle[0]).hypot(at[1] - middle[1]);
    let near = sources(template, Threshold { sky, level })
        .into_iter()
        .filter(|source| source.area >= AREA_REF && away(source.at) <= REACH_REF)
        .min_by(|a, b| away(a.at).total_cmp(&away(b.at)));
    let unknown = level.is_nan();
    let or = |value: f64| if unknown { f64::NAN } else { value };
    let ([a, b], distance, limit, error) = match &near {
        Some(source) => {
            let error = over(noise * (source.area as f64).sqrt(), source.flux);
            (
                source.axes,
                away(source.at),
                source.flux,
                MAGNITUDES * error,
            )
        }
        None => ([0.0; 2], REACH_REF, 5.0 * candidate.error, MAGNITUDES),
    };
    values.put("A_REF", or(a));
    values.put("B_REF", or(b));
    values.put("NN_DIST_RENORM", or(distance));
    values.put("MAGLIM", or(f64::from(u8::from(near.is_none()))));
    values.put("MAG_REF_ERR", or(error));
    let bright = over(candidate.flux.max(candidate.error), limit);
    let magnitudes = if bright > 0.0 {
        2.5 * bright.log10()
    } else {
        bright
    };
    values.put("MAGDIFF", or(magnitudes));
}

/// What the metadata say of every candidate; a column that lacks one is none.
struct Metadata([(&'static str, Option<Vec<f32>>); 2]);

impl Metadata {
    fn of(data: &Dataset, rows: &[usize]) -> Metadata {
        let column = |value: &dyn Fn(&Candidate) -> Option<f32>| -> Option<Vec<f32>> {
            let all = rows.iter().map(|&row| value(&data.candidates[row]));
            all.collect::<Option<Vec<f32>>>()
                .filter(|all| !all.is_empty())
        };
        let mag = |c: &Candidate| Some(c.mag as f32).filter(|mag| mag.is_finite());
        Metadata([
            (BAND, column(&|c| band(c.filter.trim()))),
            ("MAG", column(&mag)),
        ])
    }

    fn get(&self, name: &str) -> Option<&Vec<f32>> {
        let found = self.0.iter().find(|(own, _)| *own == name)?;
        found.1.as_ref()
    }
}
