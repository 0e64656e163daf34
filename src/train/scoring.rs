//! Batches as tensors, and networks that are not trained run over them.

use std::ops::Range;
use std::time::Duration;

use super::observer::{Observer, proceed};
use super::resident::Resident;
use super::totals::Totals;
use super::trainer::parts;
use crate::data::loader::Epoch;
use crate::data::{Batch, Loader};
use crate::engine::{Tensor, run};
use crate::nn::{Mode, Model};
use crate::ops::accuracy::Accuracy;
use crate::{Error, Result, ops};

/// Batches of a loader, with the pixels from the host or, where they live on the
/// device, from there.
#[derive(Clone, Copy, Debug)]
pub struct Feed<'a> {
    /// Which candidates, in which order.
    pub loader: &'a Loader,
    /// Their pixels, if they are on the device.
    pub resident: Option<&'a Resident>,
}

/// The batches of an epoch.
pub enum Batches<'a> {
    /// With their pixels.
    Streamed(Epoch),
    /// Which pixels of those on the device they are.
    OnDevice(Box<dyn Iterator<Item = Batch> + 'a>),
}

impl Batches<'_> {
    /// How long those so far were waited for.
    pub fn waited(&self) -> Duration {
        match self {
            Batches::Streamed(epoch) => epoch.waited(),
            Batches::OnDevice(_) => Duration::ZERO,
        }
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Batches::Streamed(epoch) => epoch.next(),
            Batches::OnDevice(batches) => batches.next().map(Ok),
        }
    }
}

impl<'a> Feed<'a> {
    /// The batches of an epoch.
    pub fn epoch(self, epoch: u64) -> Batches<'a> {
        match self.resident {
            Some(_) => Batches::OnDevice(Box::new(self.loader.without_pixels(epoch))),
            None => Batches::Streamed(self.loader.epoch(epoch)),
        }
    }

    /// The cutouts in the places `part` of a batch: (N, H, W, C), on the model's device.
    pub fn input(self, model: &Model, batch: &Batch, part: Range<usize>) -> Result<Tensor> {
        match self.resident {
            Some(resident) => {
                resident.gather(&batch.indices[part.clone()], &batch.symmetries[part])
            }
            None => {
                let stride = self.loader.shape().len();
                model.input(&batch.values[part.start * stride..part.end * stride])
            }
        }
    }
}

/// Runs `work` on a batch of `count` in parts of at most `at_once`, which is halved
/// as long as the device has no room for a part. A part that failed is begun anew.
pub(crate) fn in_parts(
    count: usize,
    at_once: &mut usize,
    mut work: impl FnMut(Range<usize>) -> Result<()>,
) -> Result<()> {
    let mut done = 0;
    while done < count {
        let part = parts(count - done, *at_once)[0].clone();
        match work(done + part.start..done + part.end) {
            Ok(()) => done += part.len(),
            Err(error) => *at_once = smaller(error, part.len())?,
        }
    }
    Ok(())
}

/// Half of a part for which there was no room; the error if that is not why it
/// failed, or it cannot be halved.
pub(super) fn smaller(error: Error, part: usize) -> Result<usize> {
    match error.is_too_large() && part > 1 {
        true => Ok(part.div_ceil(2)),
        false => Err(error),
    }
}

/// What a user should know when a batch of `whole` was too large.
pub fn notice_of_parts(whole: usize, at_once: usize) -> String {
    format!(
        "the device has no room for {whole} candidates at once: they are taken {at_once} at a time"
    )
}

/// (mean loss, accuracy) of a network on every candidate of a loader.
pub fn evaluate(model: &Model, loader: &Loader) -> Result<(f64, f64)> {
    let resident = None;
    let feed = Feed { loader, resident };
    evaluate_feed(model, feed, &mut usize::MAX.clone(), &mut ())
}

/// As [`evaluate`], of no more than `at_once` candidates at once, until `observer` asks to end.
pub fn evaluate_feed(
    model: &Model,
    feed: Feed,
    at_once: &mut usize,
    observer: &mut dyn Observer,
) -> Result<(f64, f64)> {
    let mut totals = Totals::zero(model.device())?;
    for batch in feed.epoch(0) {
        proceed(observer, || "in validation".into())?;
        let batch = batch?;
        in_parts(batch.len(), at_once, |part| {
            let mut tape = ops::tape(model.device());
            let x = tape.constant(feed.input(model, &batch, part.clone())?);
            let targets = tape.constant(model.targets(&batch.labels[part.clone()])?);
            let logits = model.forward(&mut tape, x, Mode::Inference)?.logits;
            let loss = model.loss(&mut tape, logits, targets)?;
            let right = run::forward(&Accuracy, &[tape.tensor(logits), tape.tensor(targets)])?;
            totals.add(tape.tensor(loss), &right[0], part.len())?;
            model.device().submit()
        })?;
    }
    totals.means()
}

/// P(real) of every candidate of a loader, in its order.
pub fn score(
    model: &Model,
    loader: &Loader,
    done: impl FnMut(usize) -> Result<()>,
) -> Result<Vec<f64>> {
    let resident = None;
    let feed = Feed { loader, resident };
    score_feed(model, feed, &mut usize::MAX.clone(), done)
}

/// As [`score`], of no more than `at_once` candidates at once.
pub fn score_feed(
    model: &Model,
    feed: Feed,
    at_once: &mut usize,
    mut done: impl FnMut(usize) -> Result<()>,
) -> Result<Vec<f64>> {
    let mut scores = Vec::with_capacity(feed.loader.len());
    for batch in feed.epoch(0) {
        let batch = batch?;
        in_parts(batch.len(), at_once, |part| {
            scores.extend(model.score(feed.input(model, &batch, part)?)?);
            Ok(())
        })?;
        done(batch.len())?;
    }
    Ok(scores)
}
