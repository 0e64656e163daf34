//! A label file's labels, put to the candidates that it names.

use std::sync::Arc;

use super::{Entry, LabelFile, Relabelled, mark_text, pixels_mark};
use crate::data::channels::pick;
use crate::data::columns::UNDECIDED;
use crate::data::rows::{Cutout, Row};
use crate::data::{Dataset, Skipped};
use crate::{Error, Result};

/// Whether `values` (H, W, C) have the mark: all images, or some of them in their order, since
/// a page that showed the difference alone marked that.
fn fits(mark: u32, values: &[f32], channels: usize) -> bool {
    if pixels_mark(values) == mark {
        return true;
    }
    // Few enough that every choice can be looked at; the last is all of them again.
    (channels > 1 && channels <= 4)
        .then(|| 1..(1 << channels) - 1)
        .is_some_and(|mut choices| {
            choices.any(|choice: u32| {
                let places: Vec<usize> = (0..channels).filter(|c| choice >> c & 1 == 1).collect();
                pixels_mark(&pick(values, channels, &places)) == mark
            })
        })
}

impl LabelFile {
    fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id.trim()).copied()
    }

    /// What the file says of each candidate of `set`, with the checks of a set that is read with
    /// it: `None` where it does not name it, else its label (`None` undecided) and whether somebody
    /// looked at it, which its mark tells.
    pub fn said_of(&self, set: &Dataset) -> Result<Vec<Option<(Option<u8>, bool)>>> {
        self.check_unique()?;
        let mut used = vec![false; self.entries.len()];
        let mut values = vec![0.0; set.shape.len()];
        let mut said = Vec::with_capacity(set.len());
        for (row, candidate) in set.candidates.iter().enumerate() {
            let Some(at) = self.find(&candidate.id) else {
                said.push(None);
                continue;
            };
            if std::mem::replace(&mut used[at], true) {
                return Err(self.of_two(at));
            }
            let entry = &self.entries[at];
            if let Some(mark) = entry.pixels {
                set.pixels.read(row, &mut values)?;
                if !fits(mark, &values, set.shape.channels) {
                    return Err(self.other_pixels(at, mark, &values));
                }
            }
            said.push(Some((entry.label, entry.pixels.is_some())));
        }
        match said.iter().any(Option::is_some) {
            true => Ok(said),
            false => Err(self.of_others(set.candidates.first().map(|c| c.id.as_str()))),
        }
    }

    /// The error that a candidate has other pixels than those that were looked at.
    fn other_pixels(&self, at: usize, mark: u32, values: &[f32]) -> Error {
        Error::input(
            &self.path,
            format!("row {}, column pixels", self.entries[at].row),
            format!("{} of '{}'", mark_text(mark), self.ids[at].trim()),
            format!(
                "{}, as the data have it: the file is of other data, or of other images of \
                 these (--channels)",
                mark_text(pixels_mark(values))
            ),
        )
    }

    /// The error that one row is of two candidates.
    fn of_two(&self, at: usize) -> Error {
        Error::input(
            &self.path,
            format!("row {}", self.entries[at].row),
            format!(
                "'{}', which is the id of several candidates",
                self.ids[at].trim()
            ),
            "ids that are of one each; where they are row numbers, one input at a time",
        )
    }

    /// The error that no candidate is named.
    fn of_others(&self, id: Option<&str>) -> Error {
        let ours = id.map_or("none".into(), |id| format!("'{id}'"));
        let theirs = self
            .ids
            .first()
            .map_or("none".into(), |id| format!("'{id}'"));
        Error::input(
            &self.path,
            "ids",
            format!("none of the candidates (the first is {theirs})"),
            format!("ids such as {ours}"),
        )
    }

    /// What to say of rows without a candidate.
    fn notice_of_others(&self, used: usize) -> Option<String> {
        let (all, path) = (self.len(), self.path.display());
        (used < all).then(|| format!("{} of {all} rows of {path} name no candidate", all - used))
    }

    fn notice_of_unchecked(&self, unchecked: usize) -> Option<String> {
        let path = self.path.display();
        (unchecked > 0).then(|| {
            format!("{path} marks the pixels of {unchecked} candidates in images that are not read here: not compared")
        })
    }
}

/// A label file and the sets that are joined to one.
pub(in crate::data) struct OfSets {
    file: Arc<LabelFile>,
    /// For each candidate so far its place in the file.
    places: Vec<Option<usize>>,
    /// Marks of other images than are read.
    unchecked: usize,
}

impl OfSets {
    pub fn new(file: Arc<LabelFile>) -> OfSets {
        OfSets {
            file,
            places: Vec::new(),
            unchecked: 0,
        }
    }

    /// Finds the candidates of the next set, which has its images as they were read; `whole`
    /// if that is all of them. It gets labels, [`UNDECIDED`] for want of others.
    pub fn find(&mut self, set: &mut Dataset, whole: bool) -> Result<()> {
        let file = &self.file;
        let (begin, count) = (self.places.len(), set.len());
        // A file of all candidates in their order may have ids that are there twice.
        let in_order = file.ids.get(begin..begin + count).is_some_and(|ids| {
            let mut both = ids.iter().zip(&set.candidates);
            both.all(|(id, candidate)| id.trim() == candidate.id.trim())
        });
        if in_order {
            self.places.extend((begin..begin + count).map(Some));
        } else {
            file.check_unique()?;
            let places = set
                .candidates
                .iter()
                .map(|candidate| file.find(&candidate.id));
            self.places.extend(places);
        }
        let mut values = vec![0.0; set.shape.len()];
        for (row, place) in self.places[begin..].iter().enumerate() {
            let Some((at, mark)) = place.and_then(|at| Some((at, file.entries[at].pixels?))) else {
                continue;
            };
            set.pixels.read(row, &mut values)?;
            if !fits(mark, &values, set.shape.channels) {
                if whole {
                    return Err(file.other_pixels(at, mark, &values));
                }
                self.unchecked += 1;
            }
        }
        set.labels.get_or_insert_with(|| vec![UNDECIDED; count]);
        Ok(())
    }

    /// `set`, of all candidates that were found, with the file's labels; without those that
    /// then have none, where labels are `required`.
    pub fn put(self, mut set: Dataset, required: bool) -> Result<Dataset> {
        let (file, places) = (&self.file, &self.places);
        let used = self.used(&set)?;
        set.notices.extend(file.notice_of_others(used));
        set.notices.extend(file.notice_of_unchecked(self.unchecked));
        let own = set.labels.take().unwrap_or_default();
        let entry = |place: &Option<usize>| place.map(|at| &file.entries[at]);
        let label = |entry: &Entry| entry.label.unwrap_or(UNDECIDED);
        let new = own.iter().zip(places);
        let new: Vec<u8> = new
            .map(|(&own, place)| entry(place).map_or(own, label))
            .collect();
        let (mut changed, mut left_out) = (0, 0);
        for (own, new) in own.iter().zip(&new).filter(|(own, _)| **own != UNDECIDED) {
            left_out += usize::from(*new == UNDECIDED);
            changed += usize::from(*new != UNDECIDED && new != own);
        }
        let (count, path) = (new.len(), file.path.display());
        let known = own.iter().filter(|&&own| own != UNDECIDED).count();
        if known > 0 {
            set.notices.push(format!(
                "{path} has labels of {} of {count} candidates: {changed} are others than before, \
                 {left_out} undecided now",
                places.iter().flatten().count()
            ));
        }
        let keep: Vec<usize> = (0..count).filter(|&row| new[row] != UNDECIDED).collect();
        let without = count - keep.len();
        set.relabelled = Some(Relabelled {
            file: file.path.clone(),
            was: own.iter().map(|&l| (l != UNDECIDED).then_some(l)).collect(),
            left_out: if required { left_out } else { 0 },
        });
        if without == 0 {
            set.labels = Some(new);
            return Ok(set);
        }
        if !required {
            set.notices.push(format!(
                "{without} of {count} candidates have no label in {path} or the input; the labels \
                 are not used and every cutout is kept"
            ));
            return Ok(set);
        }
        if keep.is_empty() {
            let found = format!("none of {count} candidates decided");
            return Err(Error::input(&file.path, "labels", found, "some 0 or 1"));
        }
        set.labels = Some(new);
        set.skipped.push(Skipped {
            what: format!("{without} of {count} candidates"),
            why: format!("no label in {path} or the input, or -1 (undecided)"),
            unreadable: false,
        });
        Ok(set.into_subset(keep))
    }

    /// How many rows of the file are of a candidate; an error if one is of two different ones.
    fn used(&self, set: &Dataset) -> Result<usize> {
        let mut first: Vec<Option<usize>> = vec![None; self.file.len()];
        let mut used = 0;
        let pixels = |row: usize| {
            let mut values = vec![0.0; set.shape.len()];
            set.pixels.read(row, &mut values)?;
            Ok::<_, Error>(pixels_mark(&values))
        };
        for (row, place) in self.places.iter().enumerate() {
            let Some(at) = *place else { continue };
            match first[at] {
                None => {
                    first[at] = Some(row);
                    used += 1;
                }
                // One that was read twice does no harm.
                Some(other) if pixels(other)? == pixels(row)? => {}
                Some(_) => return Err(self.file.of_two(at)),
            }
        }
        match used {
            0 => {
                let id = set
                    .candidates
                    .first()
                    .map(|candidate| candidate.id.as_str());
                Err(self.file.of_others(id))
            }
            used => Ok(used),
        }
    }
}

/// A label file and candidates that come one after the other.
pub(in crate::data) struct OfStream {
    file: Arc<LabelFile>,
    required: bool,
    /// Whether all images are read.
    whole: bool,
    /// The mark of the candidate that a row was of.
    used: Vec<Option<u32>>,
    unchecked: usize,
    /// The id of the first candidate.
    first: Option<String>,
}

impl OfStream {
    pub fn new(file: Arc<LabelFile>, required: bool, whole: bool) -> Result<OfStream> {
        file.check_unique()?;
        Ok(OfStream {
            used: vec![None; file.len()],
            file,
            required,
            whole,
            unchecked: 0,
            first: None,
        })
    }

    /// The row with the label of the file, if it has one.
    pub fn label(&mut self, mut cutout: Cutout) -> Result<Row> {
        let (file, id) = (&self.file, &cutout.candidate.id);
        if self.first.is_none() {
            self.first = Some(id.clone());
        }
        if let Some(at) = file.find(id) {
            let (entry, values) = (&file.entries[at], &cutout.values);
            if let Some(mark) = entry.pixels
                && !fits(mark, values, cutout.shape.channels)
            {
                if self.whole {
                    return Err(file.other_pixels(at, mark, values));
                }
                self.unchecked += 1;
            }
            let own = pixels_mark(values);
            if self.used[at].replace(own).is_some_and(|other| other != own) {
                return Err(file.of_two(at));
            }
            cutout.label = entry.label;
        }
        if self.required && cutout.label.is_none() {
            let why = format!(
                "no label in {} or the input, or -1 (undecided)",
                file.path.display()
            );
            return Ok(Row::left_out(cutout.candidate, why));
        }
        Ok(Row::Cutout(Box::new(cutout)))
    }

    /// What to say when all rows are there; an error if the file named none of them.
    pub fn end(&self) -> Result<Vec<String>> {
        let used = self.used.iter().flatten().count();
        match (&self.first, used) {
            (Some(first), 0) => Err(self.file.of_others(Some(first))),
            _ => {
                let unchecked = self.file.notice_of_unchecked(self.unchecked);
                let others = self.file.notice_of_others(used);
                Ok(others.into_iter().chain(unchecked).collect())
            }
        }
    }
}
