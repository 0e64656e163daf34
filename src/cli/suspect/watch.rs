//! What a person sees of cross-validation: a line for each fold, and the bar of its training.

use super::super::signals;
use super::super::terminal::{Terminal, TrainingBar};
use crate::Result;
use crate::judge::EpochRecord;
use crate::suspect::folds::{Fold, Watcher};
use crate::train::{Observer, Progress};

/// A line for each fold, and the bar of its training.
pub struct Watch<'a> {
    terminal: &'a Terminal,
    bar: Option<TrainingBar>,
}

impl Watch<'_> {
    pub fn new(terminal: &Terminal) -> Watch<'_> {
        Watch {
            terminal,
            bar: None,
        }
    }
}

impl Watcher for Watch<'_> {
    fn fold(&mut self, fold: &Fold) {
        self.bar = None;
        let Fold {
            network,
            number,
            of,
            start,
            ..
        } = fold;
        let how = if fold.over { "done before" } else { start };
        self.terminal
            .notice(&format!("{network}, fold {number} of {of}: {how}"));
        // Folds are alike: once is enough.
        let warnings = fold.warnings.iter().filter(|_| *number == 1);
        warnings.for_each(|warning| self.terminal.notice(&format!("warning: {warning}")));
        if !fold.over {
            self.bar = Some(self.terminal.training(fold.epochs, fold.candidates));
        }
    }

    fn over(&mut self) {
        self.bar = None;
    }
}

impl Observer for Watch<'_> {
    fn step(&mut self, progress: &Progress) -> Result<()> {
        self.bar.as_mut().map_or(Ok(()), |bar| bar.step(progress))
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool) {
        if let Some(bar) = &mut self.bar {
            bar.epoch(record, best);
        }
    }

    fn notice(&mut self, text: &str) {
        match &mut self.bar {
            Some(bar) => bar.notice(text),
            None => self.terminal.notice(text),
        }
    }

    fn interrupted(&mut self) -> bool {
        signals::asked()
    }
}
