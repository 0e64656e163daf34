//! Candidates that come one after the other, scored as they come: a thread reads
//! and prepares the next ones while the device works on the last.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::recipe::Recipe;
use super::scoring::in_parts;
use crate::backend::Device;
use crate::data::{Decision, Row, Rows, Scored};
use crate::formats::ModelFile;
use crate::nn::Model;
use crate::{Error, Result};

/// Batches that wait to be scored.
const AHEAD: usize = 2;

/// Rows of a batch, for each of its candidates with pixels: where there are many
/// others it is not filled.
const ROWS: usize = 4;

/// How a stream is scored.
#[derive(Clone, Copy, Debug)]
pub struct StreamOptions {
    /// Candidates at a time, halved where the device has no room for them; what suits
    /// the device unless given. The scores are the same.
    pub batch_size: Option<usize>,
    /// The side in pixels to which cutouts are cropped about their centre.
    pub crop: Option<usize>,
    /// Whether a cutout that cannot be scored because of its size is an error.
    pub strict: bool,
}

impl Default for StreamOptions {
    /// As many at a time as suits the device, as they are, an error costs its own row.
    fn default() -> Self {
        StreamOptions {
            batch_size: None,
            crop: None,
            strict: false,
        }
    }
}

/// Candidates at a time on a gpu, and at most.
const LARGEST: usize = 256;

/// Bytes of a layer's output on the cpu that stay in memory from batch to batch: the
/// system takes larger ones back, and giving them anew cost 40% of braai's time.
const KEPT: usize = 16 << 20;

/// How many candidates at a time suit the device that `model` is on.
pub(crate) fn batch_size(model: &Model) -> usize {
    if let Device::Gpu(_) = model.device() {
        return LARGEST;
    }
    let outputs = model.plan().layers.iter().map(|layer| layer.output.len());
    let largest = outputs.max().unwrap_or(1).max(1);
    let fitting = (KEPT / (4 * largest)).clamp(32, LARGEST);
    1 << fitting.ilog2()
}

/// A row on its way to the network.
struct Prepared {
    row: Scored,
    /// What the network takes.
    values: Option<Vec<f32>>,
    padded: bool,
    /// Whether it is a cutout that the model does not take: its size or its images are others.
    misfit: bool,
}

impl Prepared {
    fn of(row: Row, recipe: &Recipe) -> Prepared {
        let cutout = match row {
            Row::Cutout(cutout) => *cutout,
            Row::Failed(failed) => {
                return Prepared {
                    row: (*failed).into(),
                    values: None,
                    padded: false,
                    misfit: false,
                };
            }
        };
        let row = Scored::unscored(cutout.candidate.clone(), cutout.label);
        match recipe.prepare_cutout(cutout) {
            Ok((values, padded)) => Prepared {
                row,
                values: Some(values),
                padded,
                misfit: false,
            },
            Err(error) => Prepared {
                row: Scored {
                    error,
                    failed: true,
                    ..row
                },
                values: None,
                padded: false,
                misfit: true,
            },
        }
    }
}

/// Some rows, and the pixels of those that have any.
struct Batch {
    rows: Vec<Scored>,
    /// Which rows have pixels.
    places: Vec<usize>,
    /// (places, H, W, C).
    values: Vec<f32>,
    padded: usize,
    notices: Vec<String>,
}

/// What works in the background.
struct Reader<R> {
    rows: R,
    recipe: Recipe,
    batch_size: usize,
    strict: bool,
    waiting: VecDeque<Prepared>,
    /// Of those, how many have pixels.
    usable: usize,
    /// Whether a batch was made.
    begun: bool,
    ended: bool,
    notices: Vec<String>,
}

impl<R: Rows> Reader<R> {
    fn run(mut self, sender: &SyncSender<Result<Batch>>) {
        loop {
            // A reader that panics must not end a stream early and silently.
            let batch = catch_unwind(AssertUnwindSafe(|| self.batch())).unwrap_or_else(|_| {
                let expected = "cutouts that can be read";
                Err(Error::input("the input", "cutouts", "a panic", expected))
            });
            let last = match &batch {
                Ok(batch) => batch.rows.is_empty(),
                Err(_) => true,
            };
            // Nobody listens any more where sending fails: the stream was dropped.
            if sender.send(batch).is_err() || last {
                return;
            }
        }
    }

    /// The next rows, none at the end: as many as fill a batch, where there are so many.
    fn batch(&mut self) -> Result<Batch> {
        let size = self.batch_size;
        while !self.ended && self.usable < size && self.waiting.len() < ROWS * size {
            let rows = self.rows.next(size)?;
            self.notices.extend(self.rows.notices());
            self.ended = rows.is_empty();
            let recipe = &self.recipe;
            let prepared: Vec<Prepared> = rows
                .into_par_iter()
                .map(|row| Prepared::of(row, recipe))
                .collect();
            for prepared in prepared {
                self.refuse(&prepared.row)?;
                self.usable += usize::from(prepared.values.is_some());
                self.waiting.push_back(prepared);
            }
        }
        if !std::mem::replace(&mut self.begun, true) {
            self.refuse_misfits()?;
        }
        let mut batch = Batch {
            rows: Vec::new(),
            places: Vec::new(),
            values: Vec::with_capacity(self.usable.min(size) * self.recipe.input.len()),
            padded: 0,
            notices: std::mem::take(&mut self.notices),
        };
        while batch.places.len() < size {
            let Some(next) = self.waiting.pop_front() else {
                break;
            };
            if let Some(values) = next.values {
                self.usable -= 1;
                batch.places.push(batch.rows.len());
                batch.values.extend(values);
                batch.padded += usize::from(next.padded);
            }
            batch.rows.push(next.row);
        }
        Ok(batch)
    }

    /// An error where the input begins with nothing but cutouts that the model does not take, all
    /// for one reason: so it would go on, a row each.
    fn refuse_misfits(&self) -> Result<()> {
        let failed = || self.waiting.iter().filter(|prepared| prepared.row.failed);
        let Some(first) = failed().next() else {
            return Ok(());
        };
        let alike = |other: &Prepared| other.misfit && other.row.error == first.row.error;
        if self.usable > 0 || !failed().all(alike) {
            return Ok(());
        }
        let why = match failed().count() {
            1 => first.row.error.clone(),
            n => format!("{}; so are all of the first {n} cutouts", first.row.error),
        };
        Err(Error::Candidate {
            candidate: first.row.candidate.place().to_string(),
            why,
        })
    }

    /// An error for a row that failed, where that is asked for.
    fn refuse(&self, row: &Scored) -> Result<()> {
        match row.failed && self.strict {
            true => Err(Error::Candidate {
                candidate: row.candidate.place().to_string(),
                why: row.error.clone(),
            }),
            false => Ok(()),
        }
    }
}

/// The rows of a stream with their scores, some at a time and in its order. After an
/// error there are no more. Dropping it early stops the reading.
pub struct Scores<'a> {
    file: &'a ModelFile,
    batch_size: usize,
    at_once: usize,
    receiver: Option<Receiver<Result<Batch>>>,
    thread: Option<JoinHandle<()>>,
    notices: Vec<String>,
    padded: usize,
    waited: Duration,
    network: Duration,
}

impl<'a> Scores<'a> {
    pub(super) fn new(
        file: &'a ModelFile,
        recipe: Recipe,
        rows: impl Rows + 'static,
        options: StreamOptions,
    ) -> Result<Scores<'a>> {
        let batch_size = options
            .batch_size
            .unwrap_or_else(|| batch_size(&file.model));
        if batch_size == 0 {
            return Err(Error::config("--batch-size", "0", "at least 1"));
        }
        if options.crop == Some(0) {
            return Err(Error::config("--cutout-size", "0", "at least 1"));
        }
        let (sender, receiver) = sync_channel(AHEAD);
        let reader = Reader {
            rows,
            recipe,
            batch_size,
            strict: options.strict,
            waiting: VecDeque::new(),
            usable: 0,
            begun: false,
            ended: false,
            notices: Vec::new(),
        };
        Ok(Scores {
            file,
            batch_size,
            at_once: batch_size,
            receiver: Some(receiver),
            thread: Some(std::thread::spawn(move || reader.run(&sender))),
            notices: Vec::new(),
            padded: 0,
            waited: Duration::ZERO,
            network: Duration::ZERO,
        })
    }

    /// What a user should know and was not told yet.
    pub fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// How many cutouts so far were smaller than the model's and were padded.
    pub fn padded(&self) -> usize {
        self.padded
    }

    /// Candidates in a batch, and how many of them the device takes at a time, where
    /// a batch is too large for it.
    pub fn in_parts(&self) -> Option<(usize, usize)> {
        (self.at_once < self.batch_size).then_some((self.batch_size, self.at_once))
    }

    /// How long the rows so far were waited for: what reading and preparing them
    /// costs beyond what the device does meanwhile.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// How long the network took.
    pub fn network(&self) -> Duration {
        self.network
    }

    fn score(&mut self, batch: Batch) -> Result<Vec<Scored>> {
        let Batch {
            mut rows,
            places,
            values,
            padded,
            notices,
        } = batch;
        self.notices.extend(notices);
        self.padded += padded;
        let begun = Instant::now();
        let stride: usize = self.file.model.plan().input.iter().product();
        let mut scores = Vec::with_capacity(places.len());
        in_parts(places.len(), &mut self.at_once, |part| {
            let input = &values[part.start * stride..part.end * stride];
            scores.extend(self.file.score(self.file.model.input(input)?)?);
            Ok(())
        })?;
        self.network += begun.elapsed();
        for (&place, score) in places.iter().zip(scores) {
            let row = &mut rows[place];
            row.score = score;
            row.decision = Decision::at(self.file.threshold, score);
            if score.is_nan() {
                row.error = "pixels beyond what the network's numbers can hold".into();
                row.failed = true;
            }
        }
        Ok(rows)
    }
}

impl Iterator for Scores<'_> {
    type Item = Result<Vec<Scored>>;

    fn next(&mut self) -> Option<Self::Item> {
        let asked = Instant::now();
        let batch = self.receiver.as_ref()?.recv();
        self.waited += asked.elapsed();
        let batch = batch.unwrap_or_else(|_| {
            let found = "a thread that ended";
            Err(Error::config("the reader", found, "one that reads cutouts"))
        });
        let rows = batch.and_then(|batch| self.score(batch));
        match rows {
            Ok(rows) if rows.is_empty() => {
                self.receiver = None;
                None
            }
            Ok(rows) => Some(Ok(rows)),
            Err(error) => {
                self.receiver = None;
                Some(Err(error))
            }
        }
    }
}

impl Drop for Scores<'_> {
    fn drop(&mut self) {
        // The sender fails once nobody can receive, and the thread ends. It is not
        // waited for: it may be reading from a pipe that nobody writes to.
        self.receiver = None;
        self.thread = None;
    }
}
