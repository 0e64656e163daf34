//! Who watches an experiment.

use crate::Result;
use crate::judge::EpochRecord;
use crate::train::{Observer, Progress};

/// Hears how far the experiments of a paper are.
pub trait Watcher {
    /// Something begins: what it is, and which part of the whole is done before it, from 0 to 1.
    fn step(&mut self, _what: &str, _done: f64) {}
    /// Part of the whole that is done now, from 0 to 1.
    fn done(&mut self, _part: f64) {}
    /// Something that a user should know.
    fn notice(&mut self, _text: &str) {}
}

/// Watches nothing.
impl Watcher for () {}

/// A share of the whole: what begins at `from` and is `share` of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Done before it.
    pub from: f64,
    /// How much of the whole it is.
    pub share: f64,
}

impl Span {
    /// The `i`-th of `n` equal parts of it.
    pub fn part(self, i: usize, n: usize) -> Span {
        let share = self.share / n.max(1) as f64;
        Span {
            from: self.from + share * i as f64,
            share,
        }
    }

    /// Where the whole stands with `part` of this done.
    pub fn at(self, part: f64) -> f64 {
        (self.from + self.share * part).clamp(0.0, 1.0)
    }
}

/// Passes a training's progress on.
pub struct Training<'a> {
    /// Who hears.
    pub watcher: &'a mut dyn Watcher,
    /// What of the whole the training is.
    pub span: Span,
}

impl Observer for Training<'_> {
    fn step(&mut self, progress: &Progress) -> Result<()> {
        let epoch = progress.done as f64 / progress.of.max(1) as f64;
        let part = (progress.epoch as f64 - 1.0 + epoch) / progress.epochs.max(1) as f64;
        self.watcher.done(self.span.at(part));
        Ok(())
    }

    fn epoch(&mut self, _: &EpochRecord, _: bool) {}

    fn notice(&mut self, text: &str) {
        self.watcher.notice(text);
    }
}
