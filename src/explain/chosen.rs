//! Which candidates of an input are explained.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rayon::prelude::*;

use crate::data::{Candidate, Failed, Row, Rows};
use crate::train::Classifier;
use crate::{Error, Result};

/// Which candidates, of those that an input has.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Those of these ids, all others not; any unless given.
    pub ids: Vec<String>,
    /// Those that come first, last and between, counted from 0 in the input's order.
    pub rows: Option<RangeInclusive<usize>>,
    /// No more than these.
    pub limit: usize,
    /// The side in pixels to which cutouts are cropped about their centre.
    pub crop: Option<usize>,
}

/// A candidate as a network takes it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What is known of it.
    pub candidate: Candidate,
    /// 1 real, 0 bogus, where the input says.
    pub label: Option<u8>,
    /// (H, W, C), normalised.
    pub values: Vec<f32>,
    /// Whether the cutout was smaller than the model's.
    pub padded: bool,
}

/// A candidate that was chosen.
#[derive(Clone, Debug)]
pub enum Found {
    /// One with pixels.
    Sample(Box<Sample>),
    /// One that cannot be explained, and why.
    Failed(Box<Failed>),
}

/// The candidates of an input that are chosen, read as they are asked for.
pub struct Chosen<'a, R> {
    classifier: &'a Classifier,
    rows: R,
    choice: Choice,
    /// Rows so far.
    read: usize,
    /// Samples so far.
    given: usize,
    missing: BTreeSet<String>,
    /// The first ids, for a message.
    first: Vec<String>,
    ended: bool,
}

/// Ids that a message names.
const NAMED: usize = 5;

impl<'a, R: Rows> Chosen<'a, R> {
    /// Those of `rows`, prepared as `classifier` wants them.
    pub fn new(classifier: &'a Classifier, rows: R, choice: Choice) -> Chosen<'a, R> {
        Chosen {
            classifier,
            rows,
            missing: choice.ids.iter().cloned().collect(),
            choice,
            read: 0,
            given: 0,
            first: Vec::new(),
            ended: false,
        }
    }

    /// How many there will be, as far as that is known before they are read.
    pub fn expected(&self) -> usize {
        let rows = match (&self.choice.rows, self.rows.expected()) {
            (Some(rows), Some(all)) => (rows.end() + 1).min(all).saturating_sub(*rows.start()),
            (Some(rows), None) => (rows.end() + 1).saturating_sub(*rows.start()),
            (None, Some(all)) => all,
            (None, None) => self.choice.limit,
        };
        let ids = match self.choice.ids.len() {
            0 => rows,
            ids => ids.min(rows),
        };
        ids.min(self.choice.limit)
    }

    /// What a user should know and was not told yet.
    pub fn notices(&mut self) -> Vec<String> {
        self.rows.notices()
    }

    /// About `most` more; none when there are no more.
    pub fn next(&mut self, most: usize) -> Result<Vec<Found>> {
        loop {
            if self.over() {
                return Ok(Vec::new());
            }
            let rows = self.rows.next(most.max(1))?;
            if rows.is_empty() {
                self.ended = true;
                return Ok(Vec::new());
            }
            let wanted: Vec<Row> = rows.into_iter().filter(|row| self.wants(row)).collect();
            let classifier = self.classifier;
            let crop = self.choice.crop;
            let mut found: Vec<Found> = wanted
                .into_par_iter()
                .map(|row| prepared(classifier, row, crop))
                .collect();
            let room = self.choice.limit - self.given;
            let mut samples = 0;
            found.retain(|found| {
                samples += usize::from(matches!(found, Found::Sample(_)));
                samples <= room
            });
            self.given += samples.min(room);
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Whether nothing that is still to be read can be chosen.
    fn over(&self) -> bool {
        let rows = self.choice.rows.as_ref();
        self.ended
            || self.given >= self.choice.limit
            || rows.is_some_and(|rows| self.read > *rows.end() && self.choice.ids.is_empty())
    }

    fn wants(&mut self, row: &Row) -> bool {
        let (at, id) = (self.read, &row.candidate().id);
        self.read += 1;
        if self.first.len() < NAMED {
            self.first.push(id.clone());
        }
        self.missing.remove(id);
        let ids = &self.choice.ids;
        let rows = self.choice.rows.as_ref();
        (ids.is_empty() || ids.contains(id)) && rows.is_none_or(|rows| rows.contains(&at))
    }

    /// Ids that no candidate so far has.
    pub fn missing(&self) -> Vec<&str> {
        self.missing.iter().map(String::as_str).collect()
    }

    /// The error that nothing was found: which of the wishes cannot be met, and what there is.
    pub fn nothing(&self) -> Option<Error> {
        if !self.missing.is_empty() && self.read > 0 {
            let expected = format!("ids of the input, such as {}", self.first.join(", "));
            return Some(Error::config("--id", self.missing().join(", "), expected));
        }
        let rows = self.choice.rows.as_ref()?;
        (*rows.start() >= self.read).then(|| {
            let found = format!("{}-{}", rows.start(), rows.end());
            let expected = format!("rows of the input, which has {}, from 0", self.read);
            Error::config("--rows", found, expected)
        })
    }
}

fn prepared(classifier: &Classifier, row: Row, crop: Option<usize>) -> Found {
    let cutout = match row {
        Row::Cutout(cutout) => *cutout,
        Row::Failed(failed) => return Found::Failed(failed),
    };
    let (candidate, label) = (cutout.candidate.clone(), cutout.label);
    match classifier.prepare(cutout, crop) {
        Ok((values, padded)) => Found::Sample(Box::new(Sample {
            candidate,
            label,
            values,
            padded,
        })),
        Err(why) => Found::Failed(Box::new(Failed {
            candidate,
            why,
            unreadable: true,
        })),
    }
}
