//! Who watches a run, and may end it.

use std::time::Duration;

use super::Totals;
use crate::judge::EpochRecord;
use crate::{Error, Result};

/// Where a run stands. Reading the numbers waits for the device, so it is done
/// only when asked for.
#[derive(Debug)]
pub struct Progress<'a> {
    /// From 1.
    pub epoch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Candidates of this epoch that are done.
    pub done: usize,
    /// Candidates of an epoch.
    pub of: usize,
    /// Loss and accuracy of this epoch so far.
    pub totals: &'a Totals,
    /// How long this epoch has waited for batches so far. On a gpu, which works on
    /// meanwhile, no less than what the device waited.
    pub waited: Duration,
}

/// Who watches a run.
pub trait Observer {
    /// After every step.
    fn step(&mut self, progress: &Progress) -> Result<()>;
    /// After every epoch.
    fn epoch(&mut self, record: &EpochRecord, best: bool);
    /// Something that a user should know.
    fn notice(&mut self, _text: &str) {}
    /// Whether to end now. Asked before every step and every batch of validation or scoring; the
    /// run then writes its checkpoint, if it has one, and returns [`Error::Interrupted`].
    fn interrupted(&mut self) -> bool {
        false
    }
}

/// Watches nothing.
impl Observer for () {
    fn step(&mut self, _: &Progress) -> Result<()> {
        Ok(())
    }
    fn epoch(&mut self, _: &EpochRecord, _: bool) {}
}

/// [`Error::Interrupted`] if `observer` asks to end; `at` says where that is.
pub(crate) fn proceed(observer: &mut dyn Observer, at: impl FnOnce() -> String) -> Result<()> {
    match observer.interrupted() {
        true => Err(Error::interrupted(at())),
        false => Ok(()),
    }
}
