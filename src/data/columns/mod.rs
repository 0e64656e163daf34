//! What stands beside the pixels in an array file: labels, metadata, the
//! file's own split; checked, and joined with the pixels to a [`Dataset`].

mod values;

use std::path::Path;

use super::array::Array;
use super::channels::Names;
use super::npy::shape_text;
use super::options::{KEY_NAMES, OTRAINS, ReadOptions};
use super::{Candidate, Channel, CutoutShape, Dataset, Pixels, Skipped};
use crate::{Error, Result};

use values::{ids, labels, numbers, one_axis, parts, plain, texts, turn};
pub(super) use values::{known, parse_known};

/// Stands among the labels of a [`Dataset`] for an undecided candidate, where rows
/// are made of it one by one ([`Use::Rows`]) or a label file may know, and nowhere else.
pub(super) const UNDECIDED: u8 = 2;

/// What the data set is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// To be handed out: labels are 0 and 1.
    Set,
    /// To be taken apart into rows, of which some may have no label or no finite pixel.
    Rows,
}

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
    /// Those of [`EXTRA`] that are there, by their names.
    pub extra: Vec<(&'static str, Column)>,
}

/// What O'TRAIN's cubes do not have and rbgpu's may: names of arrays, one value per
/// cutout but for `channels`, the names of a cutout's images.
pub(super) const EXTRA: &[&str] = KEY_NAMES.split_at(OTRAINS).1;

/// What the pixel reader knows of its pixels.
pub(super) struct Cutouts {
    pub shape: CutoutShape,
    pub count: usize,
    pub pixels: Box<dyn Pixels>,
    /// Rows without a finite pixel, ascending.
    pub blank: Vec<usize>,
    /// What a user should know of their shape.
    pub notice: Option<String>,
}

/// How the format means its labels.
pub(super) struct Meaning {
    /// Whether 1 is real.
    pub real_is_one: bool,
    /// Whether that is only a convention, and the user should be told.
    pub guessed: bool,
}

impl Columns {
    /// How many images of a cutout the file names, if it does.
    pub fn channels_named(&self) -> Option<usize> {
        let named = self.extra.iter().find(|(name, _)| *name == "channels");
        one_axis(&named?.1.array)
    }

    /// Checks every column against the number of cutouts and puts the set together.
    pub fn join(
        self,
        path: &Path,
        cutouts: Cutouts,
        meaning: Meaning,
        options: &ReadOptions,
        each: Use,
    ) -> Result<Dataset> {
        let n = cutouts.count;
        let mut notices: Vec<String> = cutouts.notice.into_iter().collect();
        let mut skipped = Vec::new();
        let mut dropped = vec![false; n];

        let labels = self.labels.as_ref().map(|c| (c, labels(path, c, n)));
        let named = options.keys.contains_key("labels");
        let labels = match labels {
            None => None,
            Some((column, Ok(values))) => {
                let values = turn(
                    &values,
                    column,
                    &meaning,
                    options.label_polarity,
                    &mut notices,
                );
                let undecided = values.iter().filter(|&&v| v == UNDECIDED).count();
                if undecided > 0
                    && each == Use::Set
                    && !options.labels_required
                    && options.relabelled.is_none()
                {
                    notices.push(format!(
                        "{undecided} of {n} labels in {} are undecided (-1, NaN or empty); the \
                         labels are not used and every cutout is kept",
                        column.place
                    ));
                    None
                } else {
                    // They may be decided elsewhere.
                    let keep = options.relabelled.is_some()
                        || (each == Use::Rows && !options.labels_required);
                    if undecided > 0 && !keep {
                        skipped.push(Skipped {
                            what: format!("{undecided} rows of {}", column.place),
                            why: "label undecided (-1, NaN or empty)".into(),
                            unreadable: false,
                            count: undecided,
                        });
                    }
                    for (drop, &value) in dropped.iter_mut().zip(&values) {
                        *drop |= value == UNDECIDED && !keep;
                    }
                    Some(values)
                }
            }
            Some((_, Err(error)))
                if options.input_must_have_labels() || options.labels_kept || named =>
            {
                return Err(error);
            }
            Some((_, Err(error))) => {
                notices.push(format!("the labels are not used: {error}"));
                None
            }
        };
        let parts = match &self.parts {
            Some(column) => Some(parts(path, column, n)?),
            None => None,
        };
        let mut candidates = self.candidates(path, n, &mut notices)?;
        let channels = self.extra(path, &mut candidates, cutouts.shape, options, &mut notices)?;
        for &row in &cutouts.blank {
            if !dropped[row] {
                dropped[row] = true;
                let what = format!("row {row} ({})", candidates[row].id);
                skipped.push(Skipped {
                    what,
                    why: "no finite pixel".into(),
                    unreadable: false,
                    count: 1,
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
            channels,
            pixels: cutouts.pixels,
            labels,
            candidates,
            parts,
            relabelled: None,
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
            column => ids(path, column.as_ref(), n)?,
        };
        let empty = ids.iter().flatten().filter(|id| id.is_empty()).count();
        if empty > 0 {
            notices.push(format!(
                "{empty} of {n} ids are empty: their row numbers, from 0, stand for them"
            ));
        }
        let number =
            |column: &Option<Vec<f64>>, row: usize| column.as_ref().map_or(f64::NAN, |c| c[row]);
        let text =
            |column: &Option<Vec<String>>, row: usize| column.as_ref().map(|c| c[row].clone());
        // Rows that were numbered when the file was written, some of them left out since, are no
        // more than that.
        let mut before = None;
        let numbered = ids.iter().flatten().all(|id| {
            let number = id.parse::<usize>().ok().filter(|number| *number <= 2 * n);
            let rises = number > before && number.is_some_and(|number| number.to_string() == *id);
            before = number;
            rises
        });
        let own = |row| text(&ids, row).filter(|id| !id.is_empty());
        let one = |row| Candidate {
            id: own(row).unwrap_or_else(|| row.to_string()),
            id_is_place: numbered || own(row).is_none(),
            mag: number(&mags, row),
            mag_err: number(&mag_errs, row),
            filter: text(&filters, row).unwrap_or_default(),
            fwhm: number(&fwhms, row),
            ..Candidate::default()
        };
        Ok((0..n).map(one).collect())
    }

    /// Puts [`EXTRA`] to the candidates; the images' names if there are any. Another
    /// program's array that happens to have such a name is not an error.
    fn extra(
        &self,
        path: &Path,
        candidates: &mut [Candidate],
        shape: CutoutShape,
        options: &ReadOptions,
        notices: &mut Vec<String>,
    ) -> Result<Option<Names>> {
        let mut channels = None;
        for (name, column) in &self.extra {
            let put = match *name {
                "channels" => names(path, column, shape).map(|names| channels = Some(names)),
                "objects" => put_texts(path, column, candidates, |c| &mut c.object),
                "parents" => put_texts(path, column, candidates, |c| &mut c.parent),
                "telescopes" => put_texts(path, column, candidates, |c| &mut c.telescope),
                "ras" => put_numbers(path, column, candidates, |c| &mut c.ra),
                "decs" => put_numbers(path, column, candidates, |c| &mut c.dec),
                "mjds" => put_numbers(path, column, candidates, |c| &mut c.mjd),
                "xs" => put_numbers(path, column, candidates, |c| &mut c.x),
                "ys" => put_numbers(path, column, candidates, |c| &mut c.y),
                _ => put_numbers(path, column, candidates, |c| &mut c.fwhm_psf),
            };
            match put {
                Err(error) if options.keys.contains_key(*name) => return Err(error),
                Err(error) => notices.push(format!("{name} is not used: {error}")),
                Ok(()) => {}
            }
        }
        Ok(channels)
    }
}

fn put_texts(
    path: &Path,
    column: &Column,
    candidates: &mut [Candidate],
    field: fn(&mut Candidate) -> &mut String,
) -> Result<()> {
    let values = texts(path, Some(column), candidates.len())?;
    for (candidate, value) in candidates.iter_mut().zip(values.into_iter().flatten()) {
        *field(candidate) = value;
    }
    Ok(())
}

fn put_numbers(
    path: &Path,
    column: &Column,
    candidates: &mut [Candidate],
    field: fn(&mut Candidate) -> &mut f64,
) -> Result<()> {
    let values = plain(path, column, candidates.len())?;
    for (candidate, value) in candidates.iter_mut().zip(values) {
        *field(candidate) = value;
    }
    Ok(())
}

/// The names of a cutout's images.
fn names(path: &Path, column: &Column, shape: CutoutShape) -> Result<Names> {
    let texts = column.array.texts();
    let names: Option<Vec<Channel>> = texts.iter().map(|text| Channel::called(text)).collect();
    match names {
        Some(names) if names.len() == shape.channels => Ok(names.into()),
        _ => {
            let expected = format!(
                "{} of the names template, search and difference",
                shape.channels
            );
            Err(Error::input(
                path,
                &column.place,
                texts.join(", "),
                expected,
            ))
        }
    }
}
