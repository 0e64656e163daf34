//! Many images: their copies with sources, and one catalogue of all of them.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{InjectConfig, Source, inject};
use crate::data::atomic::{atomic_write, folder_beside};
use crate::data::claims;
use crate::data::exposure::Exposure;
use crate::data::writer_fits::check_folder;
use crate::{Error, Result};

/// The name of the catalogue.
pub const CATALOGUE: &str = "injected.csv";
/// Sources that are shown, and the pixels along a side.
const SHOWN: usize = 8;
const SIDE: usize = 41;

/// A source to look at, cut out of the image before and after.
#[derive(Clone, Debug)]
pub struct Example {
    /// The image's name.
    pub image: String,
    /// Which.
    pub source: Source,
    /// (41, 41), row-major, from the last row of the image up; NaN where there is no pixel.
    pub before: Vec<f32>,
    /// The same of the file that was written.
    pub after: Vec<f32>,
    /// Rows and columns.
    pub side: usize,
}

/// What was done.
#[derive(Debug)]
pub struct Summary {
    /// Images that were written, and the sources in all of them.
    pub images: usize,
    /// Sources.
    pub sources: usize,
    /// Images that could not be used, and why.
    pub failed: Vec<(PathBuf, Error)>,
    /// What a user should know, and of how many images.
    pub notices: BTreeMap<String, usize>,
    /// Sources of the first image, from the brightest to the faintest.
    pub examples: Vec<Example>,
}

/// Puts sources into copies of `images`, which go into the folder `out` under the same names,
/// with the catalogue `injected.csv`, and what `picture` makes of the examples. The folder is
/// new or empty, and there whole or not at all. An image that cannot be used is left out, or
/// with `strict` an error; that none can is an error too. `done` is called after each image.
///
/// The catalogue's columns: image, id, x, y (pixels as FITS counts them, the centre of the
/// first is (1, 1)), ra, dec (degrees; empty without world coordinates), mag, flux (ADU), fwhm
/// (pixels), cell_x, cell_y (region, 1 to 9), saturated (0 or 1).
pub fn into_folder(
    images: &[PathBuf],
    out: &Path,
    config: &InjectConfig,
    strict: bool,
    picture: &dyn Fn(&[Example], &Path) -> Result<()>,
    done: &mut dyn FnMut(),
) -> Result<Summary> {
    config.check()?;
    check_folder(out)?;
    check_names(images)?;
    // Filled beside its place and renamed, so that it is there whole or not at all.
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    claims::check(out)?;
    let place = folder_beside(out)?;
    let mut summary = Summary {
        images: 0,
        sources: 0,
        failed: Vec::new(),
        notices: BTreeMap::new(),
        examples: Vec::new(),
    };
    let mut catalogue = Vec::new();
    for path in images {
        match one(path, place.path(), out, config, &mut summary) {
            Ok(sources) => catalogue.push((name(path), sources)),
            Err(error)
                if strict
                    || matches!(
                        error,
                        Error::Config { .. } | Error::Io { doing: "write", .. }
                    ) =>
            {
                return Err(error);
            }
            Err(error) => summary.failed.push((path.clone(), error)),
        }
        done();
    }
    if catalogue.is_empty() {
        let none = || Error::config("--into", "no image", "at least one");
        return Err(summary
            .failed
            .into_iter()
            .next()
            .map_or_else(none, |(_, error)| error));
    }
    summary.images = catalogue.len();
    summary.sources = catalogue.iter().map(|(_, sources)| sources.len()).sum();
    write_catalogue(&place.path().join(CATALOGUE), &catalogue)?;
    picture(&summary.examples, place.path())?;
    if out.exists() {
        std::fs::remove_dir(out).map_err(Error::io("replace", out))?;
    }
    std::fs::rename(place.path(), out).map_err(Error::io("create", out))?;
    Ok(summary)
}

fn one(
    path: &Path,
    place: &Path,
    out: &Path,
    config: &InjectConfig,
    summary: &mut Summary,
) -> Result<Vec<Source>> {
    let image = Exposure::read(path, &config.hdu)?;
    let injected = inject(&image, config)?;
    let file = place.join(name(path));
    let written = std::fs::File::create(&file).and_then(|mut f| f.write_all(&injected.bytes));
    written.map_err(Error::io("write", out.join(name(path))))?;
    for notice in injected.notices {
        *summary.notices.entry(notice).or_default() += 1;
    }
    if summary.examples.is_empty() {
        let after = Exposure::parse(injected.bytes, path, &config.hdu)?;
        summary.examples = examples(&image, &after, &injected.sources);
    }
    Ok(injected.sources)
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// All go into one folder: their names differ, also where A is a, and from the catalogue's.
fn check_names(images: &[PathBuf]) -> Result<()> {
    let mut taken = HashSet::from([CATALOGUE.to_string()]);
    for path in images {
        let lower = name(path).to_lowercase();
        if lower.is_empty() || !taken.insert(lower) {
            let found = path.display().to_string();
            return Err(Error::config("--into", found, "images of different names"));
        }
    }
    Ok(())
}

fn write_catalogue(path: &Path, catalogue: &[(String, Vec<Source>)]) -> Result<()> {
    let header = [
        "image",
        "id",
        "x",
        "y",
        "ra",
        "dec",
        "mag",
        "flux",
        "fwhm",
        "cell_x",
        "cell_y",
        "saturated",
    ];
    atomic_write(path, |file| {
        let mut csv = csv::Writer::from_writer(file);
        csv.write_record(header)?;
        for (image, sources) in catalogue {
            for (source, id) in sources.iter().zip(1..) {
                let sky = |pick: fn((f64, f64)) -> f64| match source.sky {
                    Some(sky) => format!("{:.8}", pick(sky)),
                    None => String::new(),
                };
                csv.write_record([
                    image.clone(),
                    id.to_string(),
                    format!("{:.4}", source.x),
                    format!("{:.4}", source.y),
                    sky(|s| s.0),
                    sky(|s| s.1),
                    format!("{:.5}", source.mag),
                    format!("{:.6e}", source.flux),
                    format!("{:.3}", source.fwhm),
                    source.region[0].to_string(),
                    source.region[1].to_string(),
                    u8::from(source.saturated).to_string(),
                ])?;
            }
        }
        csv.flush()
    })
}

/// From the brightest to the faintest in even steps.
fn examples(before: &Exposure, after: &Exposure, sources: &[Source]) -> Vec<Example> {
    let mut by_mag: Vec<&Source> = sources.iter().collect();
    by_mag.sort_by(|a, b| a.mag.total_cmp(&b.mag));
    let shown = SHOWN.min(by_mag.len());
    let step = |i: usize| i * (by_mag.len() - 1) / (shown - 1).max(1);
    let cut = |image: &Exposure, source: &Source| -> Vec<f32> {
        let half = (SIDE / 2) as i64;
        let (x, y) = (
            (source.x - 1.0).round() as i64,
            (source.y - 1.0).round() as i64,
        );
        let rows = (y - half..=y + half).rev();
        rows.flat_map(|j| (x - half..=x + half).map(move |i| image.at(i, j)))
            .collect()
    };
    let example = |source: &Source| Example {
        image: name(&before.path),
        source: source.clone(),
        before: cut(before, source),
        after: cut(after, source),
        side: SIDE,
    };
    (0..shown).map(|i| example(by_mag[step(i)])).collect()
}
