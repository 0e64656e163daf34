//! What stands beside the pixels in an array file: labels, metadata, the
//! file's own split; checked, and joined with the pixels to a [`Dataset`].

use std::path::Path;

use super::array::Array;
use super::npy::shape_text;
use super::options::{LabelPolarity, ReadOptions};
use super::{Candidate, CutoutShape, Dataset, Part, Pixels, Skipped};
use crate::{Error, Result};

/// An array and what it is called in the file.
pub(super) struct Column {
    /// Its key or file name, for messages.
    pub place: String,
    /// The array.
    pub array: Array,
}

/// Everything but the pixels; what the file does not have is `None`.
#[derive(Default)]
pub(super) struct Columns {
    pub labels: Option<Column>,
    pub mags: Option<Column>,
    pub mag_errs: Option<Column>,
    pub filters: Option<Column>,
    pub fwhms: Option<Column>,
    pub ids: Option<Column>,
    pub parts: Option<Column>,
}

/// What the pixel reader knows of its pixels.
pub(super) struct Cutouts {
    pub shape: CutoutShape,
    pub count: usize,
    pub pixels: Box<dyn Pixels>,
    /// Rows without a finite pixel, ascending.
    pub blank: Vec<usize>,
}

/// How the format means its labels.
pub(super) struct Meaning {
    /// Whether 1 is real.
    pub real_is_one: bool,
    /// Whether that is only a convention, and the user should be told.
    pub guessed: bool,
}

impl Columns {
    /// Checks every column against the number of cutouts and puts the set together.
    pub fn join(
        self,
        path: &Path,
        cutouts: Cutouts,
        meaning: Meaning,
        options: &ReadOptions,
    ) -> Result<Dataset> {
        let n = cutouts.count;
        let mut notices = Vec::new();
        let mut skipped = Vec::new();
        let mut dropped = vec![false; n];

        let labels = self.labels.as_ref().map(|c| (c, labels(path, c, n)));
        let named = options.keys.contains_key("labels");
        let labels = match labels {
            None => None,
            Some((column, Ok(values))) => {
                let undecided = values.iter().filter(|&&v| v < 0).count();
                if undecided > 0 && !options.labels_required {
                    notices.push(format!(
                        "{undecided} of {n} labels in {} are -1 (undecided); the labels are not \
                         used and every cutout is kept",
                        column.place
                    ));
                    None
                } else {
                    if undecided > 0 {
                        skipped.push(Skipped {
                            what: format!("{undecided} rows of {}", column.place),
                            why: "label -1, undecided".into(),
                            unreadable: false,
                        });
                    }
                    for (drop, &value) in dropped.iter_mut().zip(&values) {
                        *drop |= value < 0;
                    }
                    Some(turn(
                        &values,
                        column,
                        &meaning,
                        options.label_polarity,
                        &mut notices,
                    ))
                }
            }
            Some((_, Err(error))) if options.labels_required || named => return Err(error),
            Some((_, Err(error))) => {
                notices.push(format!("the labels are not used: {error}"));
                None
            }
        };
        let parts = match &self.parts {
            Some(column) => Some(parts(path, column, n)?),
            None => None,
        };
        let candidates = self.candidates(path, n, &mut notices)?;
        for &row in &cutouts.blank {
            if !dropped[row] && !options.keep_blank {
                dropped[row] = true;
                let what = format!("row {row} ({})", candidates[row].id);
                skipped.push(Skipped {
                    what,
                    why: "no finite pixel".into(),
                    unreadable: false,
                });
            }
        }
        let keep: Vec<usize> = (0..n).filter(|&row| !dropped[row]).collect();
        if keep.is_empty() {
            let found = match (n, skipped.first()) {
                (0, _) | (_, None) => "no cutout".to_string(),
                (_, Some(first)) => {
                    format!("no usable cutout among {n} ({}: {})", first.what, first.why)
                }
            };
            return Err(Error::input(path, "cutouts", found, "at least one"));
        }
        let all = Dataset {
            source: path.to_path_buf(),
            shape: cutouts.shape,
            channels: None,
            pixels: cutouts.pixels,
            labels,
            candidates,
            parts,
            skipped,
            notices,
        };
        Ok(if keep.len() == n {
            all
        } else {
            all.into_subset(keep)
        })
    }

    fn candidates(
        &self,
        path: &Path,
        n: usize,
        notices: &mut Vec<String>,
    ) -> Result<Vec<Candidate>> {
        let mags = numbers(path, self.mags.as_ref(), n, notices)?;
        let mag_errs = numbers(path, self.mag_errs.as_ref(), n, notices)?;
        let fwhms = numbers(path, self.fwhms.as_ref(), n, notices)?;
        let filters = texts(path, self.filters.as_ref(), n)?;
        let ids = match &self.ids {
            Some(column) if one_axis(&column.array).is_some_and(|length| length > n) => {
                notices.push(format!(
                    "{} holds {} ids for {n} cutouts (O'TRAIN writes such files when a header has \
                     no CANDID); they cannot be told apart, so the rows are numbered from 0",
                    column.place,
                    shape_text(&column.array.header.shape)
                ));
                None
            }
            column => texts(path, column.as_ref(), n)?,
        };
        let number =
            |column: &Option<Vec<f64>>, row: usize| column.as_ref().map_or(f64::NAN, |c| c[row]);
        let text =
            |column: &Option<Vec<String>>, row: usize| column.as_ref().map(|c| c[row].clone());
        let one = |row| Candidate {
            id: text(&ids, row)
                .filter(|id| !id.is_empty())
                .unwrap_or_else(|| row.to_string()),
            mag: number(&mags, row),
            mag_err: number(&mag_errs, row),
            filter: text(&filters, row).unwrap_or_default(),
            fwhm: number(&fwhms, row),
            ..Candidate::default()
        };
        Ok((0..n).map(one).collect())
    }
}

/// 1 real, 0 bogus, from whatever the file means; undecided rows become 0 and
/// are left out by the caller.
fn turn(
    values: &[i8],
    column: &Column,
    meaning: &Meaning,
    polarity: LabelPolarity,
    notices: &mut Vec<String>,
) -> Vec<u8> {
    let real_is_one = match polarity {
        LabelPolarity::Auto => meaning.real_is_one,
        LabelPolarity::RealIsOne => true,
        LabelPolarity::RealIsZero => false,
    };
    if polarity == LabelPolarity::Auto && meaning.guessed {
        let (one, zero) = if real_is_one {
            ("real", "bogus")
        } else {
            ("an artifact", "real")
        };
        notices.push(format!(
            "label 1 in {} was taken as {one} and 0 as {zero}, by convention; if it is the other \
             way round, say so with --label-polarity",
            column.place
        ));
    }
    let real = if real_is_one { 1 } else { 0 };
    values
        .iter()
        .map(|&value| u8::from(value == real))
        .collect()
}

/// The length of an array with one axis that is longer than 1.
fn one_axis(array: &Array) -> Option<usize> {
    match array.header.shape[..] {
        [n] | [n, 1] => Some(n),
        _ => None,
    }
}

/// Whether a column is an empty list, which numpy saves as 0 floats: not there.
fn is_nothing(column: &Column, n: usize) -> bool {
    n > 0 && column.array.header.count() == Some(0)
}

fn check_length(path: &Path, column: &Column, n: usize) -> Result<()> {
    if one_axis(&column.array) == Some(n) {
        return Ok(());
    }
    let found = format!("{} values", shape_text(&column.array.header.shape));
    Err(Error::input(
        path,
        &column.place,
        found,
        format!("{n}, one per cutout"),
    ))
}

/// 0, 1, or -1 for undecided, as the file has them.
fn labels(path: &Path, column: &Column, n: usize) -> Result<Vec<i8>> {
    let place = |row: usize| format!("{}, row {row}", column.place);
    let shape = &column.array.header.shape;
    let values = match column.array.numbers() {
        Some(values) => values,
        None => {
            let parse = |(row, text): (usize, String)| {
                let wrong = |_| Error::input(path, place(row), format!("\"{text}\""), "0 or 1");
                text.trim().parse::<f64>().map_err(wrong)
            };
            column
                .array
                .texts()
                .into_iter()
                .enumerate()
                .map(parse)
                .collect::<Result<_>>()?
        }
    };
    if shape[..] == [n, 2] {
        let pair = |(row, pair): (usize, &[f64])| match *pair {
            [0.0, 1.0] => Ok(1),
            [1.0, 0.0] => Ok(0),
            _ => Err(Error::input(
                path,
                place(row),
                format!("{pair:?}"),
                "[1, 0] or [0, 1]",
            )),
        };
        return values.chunks_exact(2).enumerate().map(pair).collect();
    }
    check_length(path, column, n)?;
    let one = |(row, value): (usize, &f64)| match *value {
        1.0 => Ok(1),
        0.0 => Ok(0),
        -1.0 => Ok(-1),
        other => {
            let expected = "0, 1, or -1 (undecided); --key labels=KEY names another key";
            Err(Error::input(
                path,
                place(row),
                format!("label {other}"),
                expected,
            ))
        }
    };
    values.iter().enumerate().map(one).collect()
}

/// 0, 1, 2 or train, validation (val), test.
fn parts(path: &Path, column: &Column, n: usize) -> Result<Vec<Part>> {
    check_length(path, column, n)?;
    let one = |(row, text): (usize, String)| match text.trim().to_lowercase().as_str() {
        "0" | "train" | "training" => Ok(Part::Train),
        "1" | "val" | "valid" | "validation" => Ok(Part::Validation),
        "2" | "test" => Ok(Part::Test),
        _ => {
            let expected = "0 or train, 1 or validation, 2 or test";
            Err(Error::input(
                path,
                format!("{}, row {row}", column.place),
                format!("\"{text}\""),
                expected,
            ))
        }
    };
    column
        .array
        .texts()
        .into_iter()
        .enumerate()
        .map(one)
        .collect()
}

/// The number that a text or a number stands for: 99.0, -99.0 and nothing are NaN.
pub(super) fn known(value: f64) -> f64 {
    if value.abs() == 99.0 { f64::NAN } else { value }
}

/// [`known`] of a text; `None` where it is no number.
pub(super) fn parse_known(text: &str) -> Option<f64> {
    match text.trim() {
        "" | "None" | "none" | "--" | "null" => Some(f64::NAN),
        text => text.parse().ok().map(known),
    }
}

fn numbers(
    path: &Path,
    column: Option<&Column>,
    n: usize,
    notices: &mut Vec<String>,
) -> Result<Option<Vec<f64>>> {
    let Some(column) = column.filter(|c| !is_nothing(c, n)) else {
        return Ok(None);
    };
    check_length(path, column, n)?;
    if let Some(values) = column.array.numbers() {
        return Ok(Some(values.into_iter().map(known).collect()));
    }
    let mut strange = 0;
    let mut parse = |text: String| {
        parse_known(&text).unwrap_or_else(|| {
            strange += 1;
            f64::NAN
        })
    };
    let values = column.array.texts().into_iter().map(&mut parse).collect();
    if strange > 0 {
        notices.push(format!(
            "{strange} of {n} values in {} are no numbers and count as unknown",
            column.place
        ));
    }
    Ok(Some(values))
}

fn texts(path: &Path, column: Option<&Column>, n: usize) -> Result<Option<Vec<String>>> {
    let Some(column) = column.filter(|c| !is_nothing(c, n)) else {
        return Ok(None);
    };
    check_length(path, column, n)?;
    Ok(Some(column.array.texts()))
}
