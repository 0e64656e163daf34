//! Candidates that come one after the other, as a data set.

use std::collections::HashMap;
use std::path::Path;

use super::channels::described;
use super::columns::UNDECIDED;
use super::pixels::as_bytes;
use super::rows::{Cutout, Row, Rows};
use super::{CutoutShape, Dataset, Pixels, ReadOptions, Skipped, size};
use crate::{Error, Result};

/// Candidates that are asked for at a time.
const PIECE: usize = 1024;

/// Pixels of one candidate, as small as they can be held.
#[derive(Debug)]
enum Held {
    Bytes(Box<[u8]>),
    Floats(Box<[f32]>),
}

impl Held {
    fn of(values: Vec<f32>) -> Held {
        let mut bytes = Vec::new();
        match as_bytes(&values, &mut bytes) {
            true => Held::Bytes(bytes.into()),
            false => Held::Floats(values.into()),
        }
    }

    fn into_values(self) -> Vec<f32> {
        match self {
            Held::Bytes(bytes) => bytes.iter().map(|&byte| f32::from(byte)).collect(),
            Held::Floats(values) => values.into(),
        }
    }
}

/// Pixels of candidates that were read one by one.
#[derive(Debug)]
struct OneByOne(Vec<Held>);

impl Pixels for OneByOne {
    fn read(&self, index: usize, out: &mut [f32]) -> Result<()> {
        match &self.0[index] {
            Held::Floats(values) => out.copy_from_slice(values),
            Held::Bytes(bytes) => {
                for (value, &byte) in out.iter_mut().zip(bytes) {
                    *value = f32::from(byte);
                }
            }
        }
        Ok(())
    }

    fn bytes(&self, index: usize) -> Option<&[u8]> {
        match &self.0[index] {
            Held::Bytes(bytes) => Some(bytes),
            Held::Floats(_) => None,
        }
    }
}

/// Reads `rows` to their end. Cutouts are of the size that most have; smaller
/// ones are padded (see [`size::pad`]), larger ones are an error.
pub(super) fn gather(source: &Path, mut rows: impl Rows, options: &ReadOptions) -> Result<Dataset> {
    let (mut cutouts, mut skipped): (Vec<Cutout>, Vec<Skipped>) = (Vec::new(), Vec::new());
    let mut held = Vec::new();
    let mut notices = Vec::new();
    loop {
        let piece = rows.next(PIECE)?;
        notices.extend(rows.notices());
        if piece.is_empty() {
            break;
        }
        let read = cutouts.len() + skipped.len() + piece.len();
        options.heard.say(read, rows.expected());
        for row in piece {
            match row {
                Row::Cutout(mut cutout) => {
                    held.push(Held::of(std::mem::take(&mut cutout.values)));
                    cutouts.push(*cutout);
                }
                Row::Failed(failed) => skipped.push(Skipped {
                    what: failed.candidate.place().to_string(),
                    why: failed.why,
                    unreadable: failed.unreadable,
                    count: 1,
                }),
            }
        }
    }
    let Some(shape) = usual(&cutouts) else {
        let why = skipped.first().map_or(String::new(), |s| {
            format!("; the first: {}: {}", s.what, s.why)
        });
        let found = format!("no usable cutout among {}{why}", skipped.len());
        return Err(Error::input(source, "cutouts", found, "at least one"));
    };
    let total = cutouts.len();
    let unknown = cutouts.iter().filter(|c| c.candidate.mag.is_nan()).count();
    if unknown > 0 {
        notices.push(format!("{unknown} of {total} cutouts have no magnitude"));
    }
    let labelled = cutouts.iter().filter(|c| c.label.is_some()).count();
    if labelled < total && options.input_must_have_labels() {
        let without = cutouts.iter().find(|c| c.label.is_none());
        let what = without.map_or("", |c| c.candidate.place());
        let found = format!(
            "none for {} of {total} cutouts, such as {what}",
            total - labelled
        );
        return Err(Error::input(source, "labels", found, "one for each cutout"));
    }
    let channels = cutouts[0].channels.clone();
    let mut padded = 0;
    let mut labels = Vec::with_capacity(total);
    let (mut pixels, mut candidates) = (Vec::with_capacity(total), Vec::with_capacity(total));
    for (cutout, own) in cutouts.into_iter().zip(held) {
        let (place, found) = (cutout.candidate.place().to_string(), cutout.shape);
        if cutout.channels != channels {
            let found = described(cutout.channels.as_deref(), found.channels);
            let expected = format!(
                "{}, as in those before (--planes declares the images, --channels chooses)",
                described(channels.as_deref(), shape.channels)
            );
            return Err(Error::input(place, "images", found, expected));
        }
        let wrong = || {
            let expected = format!("{shape}, as most of {total}");
            let found = format!("{found} (H x W x images)");
            Error::input(&place, "size of the cutout", found, expected)
        };
        let own = if found == shape {
            own
        } else {
            padded += 1;
            Held::of(size::pad(own.into_values(), found, shape).ok_or_else(wrong)?)
        };
        labels.push(cutout.label.unwrap_or(UNDECIDED));
        pixels.push(own);
        candidates.push(cutout.candidate);
    }
    if padded > 0 {
        notices.push(size::notice(padded, total, shape));
    }
    Ok(Dataset {
        source: source.to_path_buf(),
        shape,
        channels,
        pixels: Box::new(OneByOne(pixels)),
        labels: (labelled == total || options.relabelled.is_some()).then_some(labels),
        candidates,
        parts: None,
        relabelled: None,
        skipped,
        notices,
    })
}

/// The size that most have; of two that are as common, the larger.
fn usual(cutouts: &[Cutout]) -> Option<CutoutShape> {
    let mut counts: HashMap<CutoutShape, usize> = HashMap::new();
    for cutout in cutouts {
        *counts.entry(cutout.shape).or_default() += 1;
    }
    let area = |shape: &CutoutShape| (shape.len(), shape.height, shape.width);
    counts
        .into_iter()
        .max_by_key(|(shape, count)| (*count, area(shape)))
        .map(|(shape, _)| shape)
}
