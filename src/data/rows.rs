//! Candidates one after the other, for work that must not hold them all:
//! scoring a night, packing a survey.

mod blobs;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

pub(super) use self::blobs::{Blob, OfBlobs};
use super::channels::{self, Asked, Channel, Names};
use super::columns::UNDECIDED;
use super::labels::OfStream;
use super::remarks::{Remark, Remarks};
use super::{Candidate, CutoutShape, Dataset, Skipped};
use crate::{Error, Result};

/// A candidate with its pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Cutout {
    /// What is known of it.
    pub candidate: Candidate,
    /// 1 real, 0 bogus, where the input says.
    pub label: Option<u8>,
    /// What its images are, where the input says.
    pub channels: Option<Names>,
    /// Its size.
    pub shape: CutoutShape,
    /// (H, W, C), NaN where there is no pixel.
    pub values: Vec<f32>,
    /// What a user should know of how it was read; a stream counts them.
    pub remarks: Vec<Remark>,
}

impl Cutout {
    /// The images at `places`, called `names`.
    pub(crate) fn picked(mut self, places: &[usize], names: &[Channel]) -> Cutout {
        let count = self.shape.channels;
        if !places.iter().copied().eq(0..count) {
            self.values = channels::pick(&self.values, count, places);
            self.shape.channels = places.len();
        }
        self.channels = Some(names.into());
        self
    }
}

/// A candidate that cannot be used, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    /// What is known of it: its file or id at least.
    pub candidate: Candidate,
    /// Why.
    pub why: String,
    /// Whether it could not be read, though it should have been; otherwise a rule
    /// leaves it out (EDGE, no finite pixel).
    pub unreadable: bool,
}

/// One candidate of a source.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// One with pixels.
    Cutout(Box<Cutout>),
    /// One without.
    Failed(Box<Failed>),
}

impl Row {
    /// One that could not be read: `error` says why.
    pub(super) fn unreadable(candidate: Candidate, error: &Error) -> Row {
        let why = error.to_string();
        let place = format!("{}: ", candidate.place());
        Row::Failed(Box::new(Failed {
            // An error begins with the file's name already.
            why: why.strip_prefix(&place).unwrap_or(&why).to_string(),
            candidate,
            unreadable: true,
        }))
    }

    /// One that a rule leaves out.
    pub(super) fn left_out(candidate: Candidate, why: impl Into<String>) -> Row {
        Row::Failed(Box::new(Failed {
            candidate,
            why: why.into(),
            unreadable: false,
        }))
    }

    /// One that was left out of a set.
    fn skipped(skipped: Skipped) -> Row {
        let candidate = Candidate {
            id: skipped.what,
            ..Candidate::default()
        };
        Row::Failed(Box::new(Failed {
            candidate,
            why: skipped.why,
            unreadable: skipped.unreadable,
        }))
    }

    /// A file, or a member of an archive, that could not be read: its name is all that
    /// is known.
    pub(super) fn broken_file(path: &Path, error: &Error) -> Row {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let candidate = Candidate {
            id: name.to_string_lossy().into_owned(),
            file: path.display().to_string(),
            ..Candidate::default()
        };
        Row::unreadable(candidate, error)
    }

    /// One that the edge of its image cut off.
    pub(super) fn at_edge(candidate: Candidate) -> Row {
        Row::left_out(candidate, "EDGE is True: cut off by the edge of the image")
    }

    /// A whole cutout, or the failure that it has no finite pixel.
    pub(super) fn of(cutout: Cutout) -> Row {
        match cutout.values.iter().any(|v| v.is_finite()) {
            true => Row::Cutout(Box::new(cutout)),
            false => Row::left_out(cutout.candidate, "no finite pixel"),
        }
    }

    /// What is known of the candidate.
    pub fn candidate(&self) -> &Candidate {
        match self {
            Row::Cutout(cutout) => &cutout.candidate,
            Row::Failed(failed) => &failed.candidate,
        }
    }
}

/// A source of candidates that are read as they are asked for.
pub trait Rows: Send {
    /// The next ones, about `most` of them; none when there are no more.
    fn next(&mut self, most: usize) -> Result<Vec<Row>>;

    /// How many there are in all, where that is known.
    fn expected(&self) -> Option<usize> {
        None
    }

    /// What a user should know and was not told yet.
    fn notices(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// The candidates of a data set, or some of them.
pub struct OfDataset {
    set: Arc<Dataset>,
    /// Which, and in which order; all of them where it is `None`.
    chosen: Option<Vec<usize>>,
    next: usize,
    skipped: Vec<Skipped>,
    notices: Vec<String>,
}

impl OfDataset {
    /// All of `set`, and what was left out of it first.
    pub(super) fn new(mut set: Dataset) -> OfDataset {
        OfDataset {
            skipped: std::mem::take(&mut set.skipped),
            notices: std::mem::take(&mut set.notices),
            set: Arc::new(set),
            chosen: None,
            next: 0,
        }
    }

    /// The rows `chosen` of `set`, in that order; each is below its length.
    pub fn some(set: Arc<Dataset>, chosen: Vec<usize>) -> OfDataset {
        OfDataset {
            set,
            chosen: Some(chosen),
            next: 0,
            skipped: Vec::new(),
            notices: Vec::new(),
        }
    }

    fn len(&self) -> usize {
        self.chosen.as_ref().map_or(self.set.len(), Vec::len)
    }

    fn row(&self, index: usize) -> Row {
        let set = &self.set;
        let candidate = set.candidates[index].clone();
        let mut values = vec![0.0; set.shape.len()];
        match set.pixels.read(index, &mut values) {
            Err(error) => Row::unreadable(candidate, &error),
            Ok(()) => Row::of(Cutout {
                candidate,
                label: set
                    .labels
                    .as_ref()
                    .map(|labels| labels[index])
                    .filter(|&label| label != UNDECIDED),
                channels: set.channels.clone(),
                shape: set.shape,
                values,
                remarks: Vec::new(),
            }),
        }
    }
}

impl Rows for OfDataset {
    fn next(&mut self, most: usize) -> Result<Vec<Row>> {
        // First what was left out when the set was read.
        let mut rows: Vec<Row> = self.skipped.drain(..).map(Row::skipped).collect();
        let end = self.len().min(self.next.saturating_add(most));
        let index = |i: usize| self.chosen.as_ref().map_or(i, |chosen| chosen[i]);
        rows.par_extend((self.next..end).into_par_iter().map(|i| self.row(index(i))));
        if self.chosen.is_none() {
            self.set.pixels.pass(end);
        }
        self.next = end;
        Ok(rows)
    }

    fn expected(&self) -> Option<usize> {
        Some(self.len() + self.skipped.len())
    }

    fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }
}

/// Several sources, one after the other; made by [`stream`](super::stream).
pub struct Stream {
    sources: VecDeque<Box<dyn Rows>>,
    expected: Option<usize>,
    strict: bool,
    images: Asked,
    notices: Vec<String>,
    labels: Option<OfStream>,
    remarks: Remarks,
    /// Whether damage that a candidate shows is an error.
    refuses_damage: bool,
}

impl Stream {
    pub(super) fn new(sources: Vec<Box<dyn Rows>>, strict: bool) -> Stream {
        let expected = sources
            .iter()
            .map(|source| source.expected())
            .try_fold(0, |sum, n| Some(sum + n?));
        Stream {
            sources: sources.into(),
            expected,
            strict,
            images: Asked::default(),
            notices: Vec::new(),
            labels: None,
            remarks: Remarks::default(),
            refuses_damage: false,
        }
    }

    /// Where a wrong checksum is an error if `refuses`; otherwise it is a notice.
    pub(super) fn refusing_damage(self, refuses: bool) -> Stream {
        Stream {
            refuses_damage: refuses,
            ..self
        }
    }

    /// With the images that are asked for.
    pub(super) fn with_images(self, images: Asked) -> Stream {
        Stream { images, ..self }
    }

    /// With labels of a file.
    pub(super) fn labelled(self, labels: OfStream) -> Stream {
        Stream {
            labels: Some(labels),
            ..self
        }
    }

    /// The row with the wanted images; an unreadable one is an error if the stream is strict.
    fn finish(&mut self, mut row: Row) -> Result<Row> {
        if let Row::Cutout(cutout) = &mut row {
            let place = cutout.candidate.place();
            for remark in std::mem::take(&mut cutout.remarks) {
                match remark {
                    Remark::Damage(why) if self.refuses_damage => {
                        let candidate = place.to_string();
                        return Err(Error::Candidate { candidate, why });
                    }
                    Remark::Damage(what) | Remark::Of(what) => self.remarks.add(place, what),
                }
            }
        }
        let row = match (row, &mut self.labels) {
            (Row::Cutout(cutout), Some(labels)) => labels.label(*cutout)?,
            (row, _) => row,
        };
        let row = match row {
            Row::Cutout(cutout) => {
                let count = cutout.shape.channels;
                match self.images.choose(cutout.channels.as_ref(), count) {
                    Ok(None) => Row::Cutout(cutout),
                    Ok(Some((names, places))) => Row::of(cutout.picked(&places, &names)),
                    // Only a flag can name images: that is no fault of one row.
                    Err(mismatch) if cutout.channels.is_none() && count > 1 => {
                        return Err(mismatch.at(cutout.candidate.place()));
                    }
                    Err(mismatch) => Row::Failed(Box::new(Failed {
                        candidate: cutout.candidate,
                        why: mismatch.to_string(),
                        unreadable: true,
                    })),
                }
            }
            row => row,
        };
        match row {
            Row::Failed(failed) if failed.unreadable && self.strict => Err(Error::Candidate {
                candidate: failed.candidate.place().to_string(),
                why: failed.why,
            }),
            row => Ok(row),
        }
    }
}

impl Rows for Stream {
    fn next(&mut self, most: usize) -> Result<Vec<Row>> {
        while let Some(source) = self.sources.front_mut() {
            let rows = source.next(most)?;
            let notices = source.notices();
            self.notices.extend(notices);
            if !rows.is_empty() {
                return rows.into_iter().map(|row| self.finish(row)).collect();
            }
            self.sources.pop_front();
        }
        if let Some(labels) = self.labels.take() {
            self.notices.extend(labels.end()?);
        }
        self.notices.extend(self.remarks.take());
        Ok(Vec::new())
    }

    fn expected(&self) -> Option<usize> {
        self.expected
    }

    fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }
}
