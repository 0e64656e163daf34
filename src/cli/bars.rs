//! How far the scoring of an evaluation is.

use indicatif::ProgressBar;

use super::terminal::Terminal;
use crate::evaluate::Watcher;

/// A bar for each piece of work, one after the other.
pub struct Bars<'a> {
    terminal: &'a Terminal,
    bar: Option<ProgressBar>,
}

impl Watcher for Bars<'_> {
    fn begin(&mut self, what: &str, of: usize) {
        self.end();
        self.bar = Some(self.terminal.bar(of, what));
    }

    fn done(&mut self, more: usize) {
        if let Some(bar) = &self.bar {
            bar.inc(more as u64);
        }
    }

    fn notice(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.terminal.notice(text)),
            None => self.terminal.notice(text),
        }
    }
}

impl Bars<'_> {
    /// None yet.
    pub fn new(terminal: &Terminal) -> Bars<'_> {
        Bars {
            terminal,
            bar: None,
        }
    }

    /// Takes the bar away.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
