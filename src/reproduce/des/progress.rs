//! How far the whole is, from how far a training is.

use crate::Result;
use crate::judge::EpochRecord;
use crate::reproduce::Watcher;
use crate::train::{Observer, Progress};

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
        let part = (self.from + self.share * part).clamp(0.0, 1.0);
        // The end of one span is the beginning of the next, to the last digit.
        (part * 1e9).round() / 1e9
    }
}

/// Passes a training's progress on.
pub struct Heard<'a> {
    /// Who hears.
    pub watcher: &'a mut dyn Watcher,
    /// What is trained.
    pub what: String,
    /// What of the whole all trainings are that it hears of.
    pub whole: Span,
    /// What of the whole the training is.
    pub span: Span,
}

impl Observer for Heard<'_> {
    fn step(&mut self, progress: &Progress) -> Result<()> {
        let epoch = progress.done as f64 / progress.of.max(1) as f64;
        let part = (progress.epoch as f64 - 1.0 + epoch) / progress.epochs.max(1) as f64;
        let what = format!(
            "{}, epoch {} of {}",
            self.what, progress.epoch, progress.epochs
        );
        self.watcher.step(&what, self.span.at(part), None)
    }

    fn epoch(&mut self, record: &EpochRecord, _: bool) {
        self.watcher.epoch(&self.what, record);
    }

    fn notice(&mut self, text: &str) {
        self.watcher.notice(&format!("{}: {text}", self.what));
    }

    fn interrupted(&mut self) -> bool {
        self.watcher.interrupted()
    }
}
