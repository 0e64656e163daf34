//! Who watches a paper's experiments.

use std::time::Duration;

use crate::judge::EpochRecord;
use crate::{Error, Result};

/// Hears how far the experiments are.
pub trait Watcher {
    /// What is being done ("JAST-gmadet: n1700-r1, epoch 3 of 10"), which part of all work is
    /// done, from 0 to 1, and how long the rest takes, where that is known. An error ends the work.
    fn step(&mut self, _what: &str, _done: f64, _left: Option<Duration>) -> Result<()> {
        Ok(())
    }
    /// An epoch of a training is over.
    fn epoch(&mut self, _what: &str, _record: &EpochRecord) {}
    /// Something is over, in a line.
    fn finished(&mut self, _line: &str) {}
    /// Something that a user should know.
    fn notice(&mut self, _text: &str) {}
    /// Whether to end now: asked before every step of a training and every stage.
    fn interrupted(&mut self) -> bool {
        false
    }
}

/// Begins a stage with `done` of all work done, unless `watcher` asks to end.
pub(super) fn begin(watcher: &mut dyn Watcher, what: &str, done: f64) -> Result<()> {
    proceed(watcher, what)?;
    watcher.step(what, done, None)
}

/// [`Error::Interrupted`] if `watcher` asks to end, before or in the stage `what`.
pub(super) fn proceed(watcher: &mut dyn Watcher, what: &str) -> Result<()> {
    match watcher.interrupted() {
        true => Err(Error::interrupted(format!("before the end of: {what}"))),
        false => Ok(()),
    }
}

/// Watches nothing.
impl Watcher for () {}
