//! What a person sees of a study: one bar for the whole of it, a line for each run.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::super::signals;
use super::super::terminal::Terminal;
use crate::Result;
use crate::judge::EpochRecord;
use crate::study::{Record, Standing, Watcher};
use crate::train::Progress;

/// Steps of the bar.
const WHOLE: usize = 1000;

/// Shows which run it is, its loss and accuracy, and how long the study still takes: as a bar, or
/// without a terminal as a line a minute. Reads the device no more often than that.
pub struct Watch {
    terminal: Terminal,
    bar: ProgressBar,
    last: Instant,
}

impl Watch {
    pub fn new(terminal: Terminal) -> Watch {
        let bar = terminal.bar(WHOLE, "study");
        let style = "{prefix} {bar:24} {percent:>3}% {msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("a fixed template"));
        Watch {
            terminal,
            bar,
            last: Instant::now(),
        }
    }

    /// Prints a line without tearing the bar.
    fn line(&self, text: &str) {
        self.bar.suspend(|| self.terminal.notice(text));
    }
}

fn left(standing: &Standing) -> String {
    match standing.left {
        Some(left) if left > Duration::ZERO => format!("{} left", HumanDuration(left)),
        _ => String::new(),
    }
}

impl Watcher for Watch {
    fn step(&mut self, standing: &Standing, progress: &Progress) -> Result<()> {
        let pace = self.terminal.pace(&self.bar);
        if pace.is_none_or(|pace| self.last.elapsed() < pace) {
            return Ok(());
        }
        let (loss, accuracy) = progress.totals.means()?;
        let Standing {
            run, number, of, ..
        } = standing;
        let (epoch, epochs) = (progress.epoch, progress.epochs);
        self.bar.set_position((standing.done * WHOLE as f64) as u64);
        let text = format!(
            "run {number}/{of} {run}  epoch {epoch}/{epochs}  loss {loss:.4}  accuracy {accuracy:.4}  {}",
            left(standing)
        );
        match self.bar.is_hidden() {
            true => self.terminal.log(text.trim_end()),
            false => self.bar.set_message(text),
        }
        self.last = Instant::now();
        Ok(())
    }

    fn epoch(&mut self, standing: &Standing, r: &EpochRecord, best: bool) {
        let mark = if best { " *" } else { "" };
        let run = &standing.run;
        let line = format!(
            "{run} epoch {:>3}  loss {:.4}  accuracy {:.4}  validation loss {:.4}  accuracy {:.4}{mark}",
            r.epoch, r.loss, r.accuracy, r.val_loss, r.val_accuracy
        );
        self.bar.suspend(|| self.terminal.detail(&line));
    }

    fn finished(&mut self, standing: &Standing, record: &Record, again: bool) {
        let Standing {
            run, number, of, ..
        } = standing;
        let how = match (record.reported(), &record.note) {
            (Some(m), _) => format!(
                "{} epochs, accuracy {:.4}, F1 {:.4}, MCC {:.4}",
                record.epochs, m.accuracy, m.f1, m.mcc
            ),
            (None, Some(note)) => note.clone(),
            (None, None) => "no model".into(),
        };
        let before = if again { " (done before)" } else { "" };
        let left = match left(standing) {
            left if left.is_empty() => left,
            left => format!("; {left}"),
        };
        self.line(&format!("run {number}/{of} {run}: {how}{before}{left}"));
    }

    fn notice(&mut self, text: &str) {
        self.line(text);
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
