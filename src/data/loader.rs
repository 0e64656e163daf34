//! Batches, prepared in the background while the device works on the last one.
//!
//! The same data set, options, seed and epoch give the same batches, whatever
//! the number of threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::augment::transform;
use super::order::Draws;
use super::{Augment, CutoutShape, Dataset, Preprocess};
use crate::memory::{HEADROOM, available_memory, has_room, zeros};
use crate::{Error, Result};

/// Batches that wait to be taken.
const AHEAD: usize = 2;
/// Below this, handing a batch to the thread pool costs more than it saves.
const WORTH_SHARING: usize = 1 << 14;

/// How batches are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoaderOptions {
    /// Candidates per batch; the last batch of an epoch may be smaller.
    pub batch_size: usize,
    /// What is done to the pixels.
    pub preprocess: Preprocess,
    /// How training cutouts are turned.
    pub augment: Augment,
    /// Whether every epoch has its own order (training) or the one given.
    pub shuffle: bool,
    /// Whether a shuffled epoch draws the smaller class more often, so that both are equal.
    pub balance: bool,
    /// Of the order and of the augmentation.
    pub seed: u64,
    /// Cutouts made ready are kept in memory if they all fit in this many bytes.
    pub cache_bytes: u64,
}

impl Default for LoaderOptions {
    /// Evaluation: batches of 128, in order, not turned, 2 GiB of cache.
    fn default() -> Self {
        LoaderOptions {
            batch_size: 128,
            preprocess: Preprocess::default(),
            augment: Augment::None,
            shuffle: false,
            balance: false,
            seed: 0,
            cache_bytes: 2 << 30,
        }
    }
}

impl LoaderOptions {
    /// Whether cutouts are turned as the input has them, and then made ready: a survey's recipe
    /// knows rows from columns, and where a stamp begins.
    fn turns_first(&self) -> bool {
        !matches!(self.preprocess, Preprocess::Plain(_)) && self.augment != Augment::None
    }
}

/// Some candidates, ready for a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// (B, H, W, C), row-major, ready for the network.
    pub values: Vec<f32>,
    /// (B), 1 real, 0 bogus; empty if the data set has no labels.
    pub labels: Vec<u8>,
    /// (B), which candidates of the data set these are.
    pub indices: Vec<usize>,
    /// (B), how each was turned: an element of D4, see
    /// [`transform`].
    pub symmetries: Vec<u8>,
}

impl Batch {
    /// B, how many candidates.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
}

/// Makes batches of some candidates of a data set, epoch after epoch.
#[derive(Debug)]
pub struct Loader {
    source: Arc<Source>,
}

/// What the thread in the background works from.
#[derive(Debug)]
struct Source {
    set: Arc<Dataset>,
    /// What the set's cutouts become.
    shape: CutoutShape,
    indices: Vec<usize>,
    labels: Option<Vec<u8>>,
    options: LoaderOptions,
    draws: Draws,
    /// Cutouts made ready, by position in `indices`; empty if they do not fit.
    cache: Vec<OnceLock<Box<[f32]>>>,
}

impl Loader {
    /// Batches of the candidates `indices` of `set`; every index is below
    /// `set.len()`. A batch size of 0 is refused.
    pub fn new(set: Arc<Dataset>, indices: Vec<usize>, options: LoaderOptions) -> Result<Loader> {
        let labels = set.labels.clone();
        Loader::build(set, indices, labels, options)
    }

    /// As [`new`](Self::new), with labels other than the set's, one for each of
    /// its candidates.
    pub fn with_labels(
        set: Arc<Dataset>,
        indices: Vec<usize>,
        labels: Vec<u8>,
        options: LoaderOptions,
    ) -> Result<Loader> {
        if labels.len() != set.len() {
            let found = format!("{} labels", labels.len());
            return Err(Error::input(
                &set.source,
                "labels",
                found,
                format!("{}", set.len()),
            ));
        }
        Loader::build(set, indices, Some(labels), options)
    }

    fn build(
        set: Arc<Dataset>,
        indices: Vec<usize>,
        labels: Option<Vec<u8>>,
        options: LoaderOptions,
    ) -> Result<Loader> {
        if options.batch_size == 0 {
            return Err(Error::config("--batch-size", "0", "at least 1"));
        }
        if let Some(&index) = indices.iter().find(|&&index| index >= set.len()) {
            let expected = format!("rows below {}", set.len());
            return Err(Error::input(
                &set.source,
                "rows",
                format!("row {index}"),
                expected,
            ));
        }
        let shape = options.preprocess.output_shape(set.shape)?;
        let bytes = indices.len() as u64 * shape.len() as u64 * 4;
        // The network needs memory too.
        let room = available_memory().map_or(u64::MAX, |bytes| bytes / 2);
        let fits = bytes <= options.cache_bytes.min(room);
        let cached = match fits && !options.turns_first() {
            true => indices.len(),
            false => 0,
        };
        let of_rows = |labels: &Vec<u8>| indices.iter().map(|&i| labels[i]).collect();
        let balances = options.shuffle && options.balance;
        let balance = labels.as_ref().filter(|_| balances).map(of_rows);
        let draws = Draws::new(indices.len(), options.shuffle, balance, options.seed);
        Ok(Loader {
            source: Arc::new(Source {
                set,
                shape,
                indices,
                labels,
                options,
                draws,
                cache: (0..cached).map(|_| OnceLock::new()).collect(),
            }),
        })
    }

    /// Candidates per epoch, as often as each is drawn.
    pub fn len(&self) -> usize {
        self.source.draws.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.source.indices.is_empty()
    }

    /// Batches per epoch.
    pub fn batches(&self) -> usize {
        self.len().div_ceil(self.source.options.batch_size)
    }

    /// Size of the cutouts in a batch.
    pub fn shape(&self) -> CutoutShape {
        self.source.shape
    }

    /// The batches of an epoch without their pixels, for who has these already.
    pub fn without_pixels(&self, epoch: u64) -> impl Iterator<Item = Batch> + use<> {
        let source = Arc::clone(&self.source);
        let order = source.draws.of(epoch);
        (0..self.batches()).map(move |batch| {
            let size = source.options.batch_size;
            let end = order.len().min((batch + 1) * size);
            source.empty(epoch, &order[batch * size..end])
        })
    }

    /// Starts an epoch: its batches in order, the next ones being prepared
    /// meanwhile. After an error there are no more.
    pub fn epoch(&self, epoch: u64) -> Epoch {
        let source = Arc::clone(&self.source);
        let (sender, receiver) = sync_channel(AHEAD);
        let thread = std::thread::spawn(move || source.run(epoch, &sender));
        Epoch {
            receiver: Some(receiver),
            thread: Some(thread),
            left: self.batches(),
            waited: Duration::ZERO,
        }
    }
}

impl Source {
    /// How a draw is turned: a candidate that is drawn again is turned anew.
    fn element(&self, epoch: u64, draw: usize) -> u8 {
        let LoaderOptions { augment, seed, .. } = self.options;
        let index = self.indices[self.draws.position(draw)];
        let again = self.draws.repeat(draw).rotate_right(16);
        augment.element(seed, epoch ^ again, index)
    }

    fn run(&self, epoch: u64, sender: &SyncSender<Result<Batch>>) {
        for draws in self.draws.of(epoch).chunks(self.options.batch_size) {
            // A reader that panics must not end an epoch early and silently.
            let batch = catch_unwind(AssertUnwindSafe(|| self.batch(epoch, draws)));
            let batch = batch.unwrap_or_else(|_| {
                let first = draws.iter().take(3).map(|&draw| self.draws.position(draw));
                let rows = format!("a panic among rows {:?}", first.collect::<Vec<_>>());
                Err(Error::input(
                    &self.set.source,
                    "pixels",
                    rows,
                    "readable cutouts",
                ))
            });
            let failed = batch.is_err();
            // Nobody listens any more: the epoch was dropped.
            if sender.send(batch).is_err() || failed {
                return;
            }
        }
    }

    /// A batch without its pixels.
    fn empty(&self, epoch: u64, draws: &[usize]) -> Batch {
        let position = |&draw: &usize| self.indices[self.draws.position(draw)];
        let indices: Vec<usize> = draws.iter().map(position).collect();
        let labels = match &self.labels {
            Some(labels) => indices.iter().map(|&i| labels[i]).collect(),
            None => Vec::new(),
        };
        let element = |&draw: &usize| self.element(epoch, draw);
        Batch {
            values: Vec::new(),
            labels,
            symmetries: draws.iter().map(element).collect(),
            indices,
        }
    }

    fn batch(&self, epoch: u64, draws: &[usize]) -> Result<Batch> {
        let stride = self.shape.len();
        let mut values = zeros(draws.len() * stride, "a batch of cutouts")?;
        if stride > 0 {
            // What is kept must not take the memory that batches and tensors need.
            let keep = !self.cache.is_empty() && has_room(2 * HEADROOM + 4 * values.len());
            let fill = |(out, &draw): (&mut [f32], &usize)| self.cutout(epoch, draw, keep, out);
            if values.len() < WORTH_SHARING {
                values
                    .chunks_exact_mut(stride)
                    .zip(draws)
                    .try_for_each(fill)?;
            } else {
                values
                    .par_chunks_exact_mut(stride)
                    .zip(draws)
                    .try_for_each(fill)?;
            }
        }
        Ok(Batch {
            values,
            ..self.empty(epoch, draws)
        })
    }

    /// The cutout of a draw, made ready and turned, into `out`. What was made ready is kept
    /// if `keep` is set and all are to be.
    fn cutout(&self, epoch: u64, draw: usize, keep: bool, out: &mut [f32]) -> Result<()> {
        let position = self.draws.position(draw);
        let (shape, index) = (self.shape, self.indices[position]);
        let element = self.element(epoch, draw);
        let ready = |out: &mut [f32]| {
            let read = |values: &mut [f32]| self.set.pixels.read(index, values);
            self.options.preprocess.read(self.set.shape, out, read)
        };
        if self.options.turns_first() && element != 0 {
            let shape = self.set.shape;
            let (mut upright, mut turned) = (vec![0.0; shape.len()], vec![0.0; shape.len()]);
            self.set.pixels.read(index, &mut upright)?;
            transform(element, shape, &upright, &mut turned);
            self.options.preprocess.apply(&turned, shape, out);
            return Ok(());
        }
        match self.cache.get(position) {
            Some(slot) => {
                if let Some(kept) = slot.get() {
                    transform(element, shape, kept, out);
                    return Ok(());
                }
                ready(out)?;
                let upright: Box<[f32]> = (&*out).into();
                transform(element, shape, &upright, out);
                if keep {
                    slot.get_or_init(|| upright);
                }
            }
            None if element == 0 => ready(out)?,
            None => {
                let mut upright = vec![0.0; shape.len()];
                ready(&mut upright)?;
                transform(element, shape, &upright, out);
            }
        }
        Ok(())
    }
}

/// The batches of one epoch. Dropping it early stops the preparation.
#[derive(Debug)]
pub struct Epoch {
    receiver: Option<Receiver<Result<Batch>>>,
    thread: Option<JoinHandle<()>>,
    left: usize,
    waited: Duration,
}

impl Epoch {
    /// How long the batches taken so far were waited for: what reading and preparing
    /// them costs an epoch beyond what the device does meanwhile.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Iterator for Epoch {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let asked = Instant::now();
        let batch = self.receiver.as_ref()?.recv();
        self.waited += asked.elapsed();
        let batch = batch.unwrap_or_else(|_| {
            Err(Error::config(
                "the loader",
                "a thread that ended",
                "one that makes batches",
            ))
        });
        if batch.is_err() {
            self.left = 0;
        }
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        // The sender fails once nobody can receive, and the thread ends.
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
