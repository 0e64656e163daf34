//! What a person sees while a paper's experiments run.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::super::signals;
use super::super::terminal::Terminal;
use crate::Result;
use crate::error::escape::one_line;
use crate::judge::EpochRecord;
use crate::reproduce::Watcher;

/// The whole, in the bar's units.
const WHOLE: u64 = 10_000;

/// A bar over all the work, or without a terminal a line a minute; and a line for each training
/// that is over.
pub struct Watch {
    terminal: Terminal,
    bar: ProgressBar,
    last: Option<Instant>,
}

impl Watch {
    pub fn new(terminal: Terminal, paper: &'static str) -> Watch {
        let bar = terminal.bar(WHOLE as usize, paper);
        let style = "{prefix} {bar:24} {percent:>3}% {msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("a fixed template"));
        Watch {
            terminal,
            bar,
            last: None,
        }
    }
}

impl Watcher for Watch {
    fn step(&mut self, what: &str, done: f64, left: Option<Duration>) -> Result<()> {
        let Some(pace) = self.terminal.pace(&self.bar) else {
            return Ok(());
        };
        if self.last.is_some_and(|last| last.elapsed() < pace) {
            return Ok(());
        }
        let left = match left {
            Some(left) if left > Duration::ZERO => format!("  {} left", HumanDuration(left)),
            _ => String::new(),
        };
        if self.bar.is_hidden() {
            let percent = 100.0 * done;
            self.terminal
                .log(&format!("{percent:.0}%  {}{left}", one_line(what)));
        } else {
            self.bar.set_position((done * WHOLE as f64) as u64);
            self.bar.set_message(format!("{}{left}", one_line(what)));
        }
        self.last = Some(Instant::now());
        Ok(())
    }

    fn epoch(&mut self, what: &str, r: &EpochRecord) {
        let line = format!(
            "{what}, epoch {:>3}  loss {:.4}  accuracy {:.4}  validation loss {:.4}  accuracy {:.4}",
            r.epoch, r.loss, r.accuracy, r.val_loss, r.val_accuracy
        );
        self.bar.suspend(|| self.terminal.detail(&line));
    }

    fn finished(&mut self, line: &str) {
        self.bar.suspend(|| self.terminal.notice(line));
    }

    fn notice(&mut self, text: &str) {
        self.bar.suspend(|| self.terminal.notice(text));
    }

    fn interrupted(&mut self) -> bool {
        signals::asked()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
