//! Point spread functions that PSFEx measured (Bertin 2011, ADASS XX, 435; the manual's
//! "PSF file format").
//!
//! A `.psf` file is a binary table with one cell, PSF_MASK, of (PSFAXIS3, PSFAXIS2, PSFAXIS1)
//! coefficients: the PSF at (x, y) is the sum of the planes, each times u^i v^j, with
//! u = (x - POLZERO1) / POLSCAL1, v likewise, i + j <= POLDEG1, i running first. Its samples
//! are PSF_SAMP image pixels apart.

use std::path::{Path, PathBuf};

use fitsio_pure::bintable::{BinaryColumnData, read_binary_column};
use fitsio_pure::hdu::HduInfo;

use super::resample::Template;
use crate::data::exposure::stem;
use crate::data::fits::hdus::{Part, parts};
use crate::data::fits::{broken, check_table, guarded, unpacked};
use crate::{Error, Result};

/// Samples along a side, and coefficients per sample, that are believed.
const MOST_SIDE: usize = 1001;
const MOST_TERMS: usize = 200;

/// Bytes of an unzipped file that are believed.
const MOST_BYTES: usize = 1 << 30;

/// A PSF as a polynomial of the place.
#[derive(Clone, Debug)]
pub(super) struct PsfEx {
    /// (terms, side, side), row-major.
    coefficients: Vec<f64>,
    side: usize,
    degree: usize,
    zero: [f64; 2],
    scale: [f64; 2],
    step: f64,
}

impl PsfEx {
    /// Reads `path`.
    pub fn read(path: &Path) -> Result<PsfEx> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        guarded(path, "a PSFEx .psf file", || decode(bytes, path))
    }

    /// The PSF at (x, y), in pixels as FITS counts them: the first is at (1, 1).
    pub fn at(&self, x: f64, y: f64) -> Template {
        let u = (x - self.zero[0]) / self.scale[0];
        let v = (y - self.zero[1]) / self.scale[1];
        let mut values = vec![0.0; self.side * self.side];
        for (term, plane) in powers(self.degree).zip(self.coefficients.chunks(values.len())) {
            let factor = u.powi(term.0) * v.powi(term.1);
            for (value, coefficient) in values.iter_mut().zip(plane) {
                *value += factor * coefficient;
            }
        }
        Template {
            values,
            side: self.side,
            step: self.step,
        }
    }
}

/// (i, j) of u^i v^j in the order of the planes.
fn powers(degree: usize) -> impl Iterator<Item = (i32, i32)> {
    let degree = degree as i32;
    (0..=degree).flat_map(move |j| (0..=degree - j).map(move |i| (i, j)))
}

fn decode(bytes: Vec<u8>, path: &Path) -> Result<PsfEx> {
    let wrong = |place: &str, found: String, expected: &str| {
        Err(Error::input(path, place, found, expected))
    };
    let broken = broken(path, bytes.len());
    let bytes = &*unpacked(&bytes, MOST_BYTES, path)?;
    let parts = parts(bytes, path)?;
    let masks = parts.iter().filter_map(|part| Some((part, mask(part)?)));
    let tables: Vec<(&Part, usize)> = masks.collect();
    let [(part, column)] = tables[..] else {
        let found = format!("{} tables with a PSF_MASK", tables.len());
        return wrong("HDUs", found, "one, the PSF of one image");
    };
    check_table(part).map_err(|fault| fault.of(path, "PSF_MASK"))?;
    let number = |name: &str| part.cards.number(name);
    let count = |name: &str| {
        number(name)
            .filter(|n| *n >= 0.0 && n.fract() == 0.0)
            .map(|n| n as usize)
    };
    let axes = (count("PSFAXIS1"), count("PSFAXIS2"), count("PSFAXIS3"));
    let (Some(side), Some(rows), planes) = axes else {
        return wrong("header", "no PSFAXIS1 or PSFAXIS2".into(), "both");
    };
    let planes = planes.unwrap_or(1);
    if side != rows || side % 2 == 0 || !(5..=MOST_SIDE).contains(&side) || planes > MOST_TERMS {
        let found = format!("PSFAXIS = {side}, {rows}, {planes}");
        return wrong(
            "header",
            found,
            "a square of an odd number of samples, from 5 on",
        );
    }
    let variables = count("POLNAXIS").unwrap_or(0);
    let degree = if variables == 0 {
        0
    } else {
        count("POLDEG1").unwrap_or(0)
    };
    let names = POSITIONS.map(|(name, _)| part.cards.text(name).unwrap_or_default());
    let of_position = names
        .iter()
        .zip(POSITIONS)
        .all(|(name, (_, start))| name.starts_with(start));
    let one_group = number("POLNGRP").unwrap_or(1.0) == 1.0 || variables == 0;
    if variables != 0 && !(variables == 2 && of_position && one_group) {
        let found = format!("POLNAXIS = {variables}: {}", names.join(", "));
        return wrong(
            "header",
            found,
            "a PSF that depends on X_IMAGE and Y_IMAGE alone, or on nothing",
        );
    }
    if planes != powers(degree.min(MOST_TERMS)).count() {
        let found = format!("PSFAXIS3 = {planes} with POLDEG1 = {degree}");
        return wrong("header", found, "(POLDEG1 + 1)(POLDEG1 + 2) / 2 planes");
    }
    let pair =
        |name: &str, missing: f64| [1, 2].map(|i| number(&format!("{name}{i}")).unwrap_or(missing));
    let (zero, scale) = (pair("POLZERO", 0.0), pair("POLSCAL", 1.0));
    let step = number("PSF_SAMP").unwrap_or(f64::NAN);
    let usable = |x: &f64| x.is_finite() && *x != 0.0;
    if !(scale.iter().all(usable)
        && zero.iter().all(|z| z.is_finite())
        && (0.01..=10.0).contains(&step))
    {
        let found = format!("PSF_SAMP = {step}, POLZERO = {zero:?}, POLSCAL = {scale:?}");
        return wrong("header", found, "numbers, PSF_SAMP in pixels");
    }
    let coefficients: Vec<f64> =
        match read_binary_column(bytes, &part.hdu, column).map_err(&broken)? {
            BinaryColumnData::Float(values) => values.into_iter().map(f64::from).collect(),
            BinaryColumnData::Double(values) => values,
            _ => Vec::new(),
        };
    let finite = coefficients.iter().all(|c| c.is_finite());
    if coefficients.len() != planes * side * side || !finite {
        let found = format!("{} numbers, all finite: {finite}", coefficients.len());
        return wrong(
            "PSF_MASK",
            found,
            &format!("{planes} x {side} x {side} finite ones"),
        );
    }
    let psf = PsfEx {
        coefficients,
        side,
        degree,
        zero,
        scale,
        step,
    };
    if psf.at(zero[0], zero[1]).values.iter().sum::<f64>() > 0.0 {
        return Ok(psf);
    }
    wrong(
        "PSF_MASK",
        "a PSF without light".into(),
        "one whose sum is positive",
    )
}

/// Keywords that name the variables, and how the names of places begin (X_IMAGE, XWIN_IMAGE).
const POSITIONS: [(&str, &str); 2] = [("POLNAME1", "X"), ("POLNAME2", "Y")];

/// The column PSF_MASK of a table.
fn mask(part: &Part) -> Option<usize> {
    let HduInfo::BinaryTable { tfields, .. } = part.hdu.info else {
        return None;
    };
    let named = |n: &usize| {
        let name = part.cards.text(&format!("TTYPE{n}"));
        name.is_some_and(|name| name == "PSF_MASK")
    };
    (1..=tfields).find(named).map(|n| n - 1)
}

/// The file that belongs to an image: `given` itself, or in a folder the image's name with
/// the ending .psf.
pub(super) fn file_for(given: &Path, image: &Path) -> PathBuf {
    if !given.is_dir() {
        return given.to_path_buf();
    }
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    given.join(format!("{}.psf", stem(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Evaluated {
        x: f64,
        y: f64,
        first: [i64; 2],
        values: Vec<f64>,
    }

    /// tests/fixtures/make_psf.py made the file and evaluated it by the published formula.
    #[test]
    fn a_psfex_file_is_evaluated_as_published() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/psf");
        let psf = PsfEx::read(&folder.join("field.psf")).unwrap();
        let text = std::fs::read_to_string(folder.join("evaluated.json")).unwrap();
        let expected: Vec<Evaluated> = serde_json::from_str(&text).unwrap();
        assert_eq!(expected.len(), 3);
        for one in expected {
            let stamp = psf.at(one.x, one.y).place(one.x - 1.0, one.y - 1.0);
            assert_eq!(
                stamp.corner,
                one.first.map(|at| at - 1),
                "{}, {}",
                one.x,
                one.y
            );
            assert_eq!(stamp.values.len(), one.values.len());
            let most = one.values.iter().copied().fold(0.0, f64::max);
            for (found, expected) in stamp.values.iter().zip(&one.values) {
                assert!(
                    (found - expected).abs() <= 1e-7 * most,
                    "{found} {expected}"
                );
            }
        }
    }
}
