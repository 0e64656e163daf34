//! Who watches a paper's experiments.

use std::time::Duration;

use crate::Result;
use crate::judge::EpochRecord;

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
}

/// Watches nothing.
impl Watcher for () {}
