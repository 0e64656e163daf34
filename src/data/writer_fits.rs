//! Folders of FITS files as O'TRAIN reads them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use fitsio_pure::header::{Card, serialize_header};
use fitsio_pure::image::serialize_image_f32;
use fitsio_pure::primary::build_primary_header;
use fitsio_pure::value::Value;

use super::atomic::folder_beside;
use super::claims;
use super::writer::UNKNOWN;
use super::{Candidate, CutoutShape, Dataset};
use crate::{Error, Result};

/// The longest string that one header card holds.
const LONGEST_TEXT: usize = 68;

/// Writes every candidate as a float32 FITS image, `dir/true/ID.fits` or
/// `dir/false/ID.fits` (`dir/ID.fits` if the set has no labels), with the cards
/// CANDID, MAG, MAGERR, FILTER, FWHM (-99 where unknown) and EDGE 'False', and what
/// else is known (RA, DEC, MJD, XPOS, YPOS, FILE, …).
/// Several images per candidate become the planes of a cube. The folders are
/// made; ones that already hold something are refused, so that no old cutout
/// gets among the new.
pub fn write_fits_folder(dir: impl AsRef<Path>, set: &Dataset) -> Result<()> {
    let dir = dir.as_ref();
    check_folder(dir)?;
    // Filled beside its place and renamed, so that it is there whole or not at all.
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    claims::check(dir)?;
    let place = folder_beside(dir)?;
    let folders = match set.labels {
        Some(_) => vec![place.path().join("false"), place.path().join("true")],
        None => vec![place.path().to_path_buf()],
    };
    for folder in &folders {
        std::fs::create_dir_all(folder).map_err(Error::io("create", dir))?;
    }
    let mut taken = HashSet::new();
    let mut values = vec![0.0; set.shape.len()];
    for (index, candidate) in set.candidates.iter().enumerate() {
        set.pixels.read(index, &mut values)?;
        let class = set
            .labels
            .as_ref()
            .map_or(0, |labels| usize::from(labels[index]));
        let path = folders[class].join(file_name(&candidate.id, &mut taken));
        let bytes = encode(&values, set.shape, candidate, &path)?;
        std::fs::write(&path, bytes).map_err(Error::io("write", dir))?;
    }
    if dir.exists() {
        std::fs::remove_dir(dir).map_err(Error::io("replace", dir))?;
    }
    std::fs::rename(place.path(), dir).map_err(Error::io("create", dir))
}

/// Whether [`write_fits_folder`] may write to `dir`: it is not there, or an empty folder.
pub fn check_folder(dir: impl AsRef<Path>) -> Result<()> {
    let dir = dir.as_ref();
    if !dir.exists() {
        return Ok(());
    }
    let mut entries = std::fs::read_dir(dir).map_err(Error::io("read", dir))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(Error::input(
            dir,
            "folder",
            "files in it",
            "an empty or new folder",
        )),
    }
}

/// A name that every file system takes and that was not used before.
fn file_name(id: &str, taken: &mut HashSet<String>) -> PathBuf {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let stem: String = id
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .take(100)
        .collect();
    let stem = stem.trim_start_matches('.').trim_end_matches(".fits");
    let stem = if stem.is_empty() { "cutout" } else { stem };
    let mut name = stem.to_string();
    let mut copy = 1;
    // Some file systems do not tell A from a.
    while !taken.insert(name.to_lowercase()) {
        copy += 1;
        name = format!("{stem}_{copy}");
    }
    PathBuf::from(format!("{name}.fits"))
}

fn encode(
    values: &[f32],
    shape: CutoutShape,
    candidate: &Candidate,
    path: &Path,
) -> Result<Vec<u8>> {
    let CutoutShape {
        height,
        width,
        channels,
    } = shape;
    let failed = |e: fitsio_pure::Error| {
        Error::input(path, "header", e.to_string(), "values that FITS can hold")
    };
    let axes: &[usize] = if channels == 1 {
        &[width, height]
    } else {
        &[width, height, channels]
    };
    let mut cards = build_primary_header(-32, axes).map_err(failed)?;
    let number = |value: f64| Value::Float(if value.is_finite() { value } else { UNKNOWN });
    for (name, value) in [
        ("CANDID", text(&candidate.id)),
        ("MAG", number(candidate.mag)),
        ("MAGERR", number(candidate.mag_err)),
        ("FILTER", text(&candidate.filter)),
        ("FWHM", number(candidate.fwhm)),
        ("EDGE", text("False")),
    ] {
        cards.push(Card::new(name, value).map_err(failed)?);
    }
    // What O'TRAIN's training does not need stands there if it is known.
    for (name, value) in [
        ("FWHMPSF", candidate.fwhm_psf),
        ("RA", candidate.ra),
        ("DEC", candidate.dec),
        ("MJD", candidate.mjd),
        ("XPOS", candidate.x),
        ("YPOS", candidate.y),
    ] {
        if value.is_finite() {
            cards.push(Card::new(name, Value::Float(value)).map_err(failed)?);
        }
    }
    for (name, value) in [
        ("OBJECTID", &candidate.object),
        ("FILE", &candidate.parent),
        ("TELESCOP", &candidate.telescope),
    ] {
        if !value.is_empty() {
            cards.push(Card::new(name, text(value)).map_err(failed)?);
        }
    }
    let mut bytes = serialize_header(&cards).map_err(failed)?;
    let area = height * width;
    let planes: Vec<f32> = (0..channels)
        .flat_map(|c| (0..area).map(move |i| values[i * channels + c]))
        .collect();
    bytes.extend(serialize_image_f32(&planes));
    Ok(bytes)
}

/// Printable ASCII, as FITS wants, cut to one card; a quote takes two places.
fn text(text: &str) -> Value {
    let mut room = LONGEST_TEXT;
    let plain = text
        .chars()
        .map(|c| if (' '..='~').contains(&c) { c } else { '?' });
    let fitting = plain.take_while(|&c| {
        let needed = if c == '\'' { 2 } else { 1 };
        let fits = room >= needed;
        room = room.saturating_sub(needed);
        fits
    });
    Value::String(fitting.collect())
}
