//! What a person sees while something runs. Results go to standard output,
//! everything else to standard error.

use std::io::{BufWriter, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::signals;
use crate::error::escape::{escaped, one_line};
use crate::judge::EpochRecord;
use crate::train::{Observer, Progress, Session};
use crate::{Error, Result};

/// Where to print, and how much.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    quiet: bool,
    verbose: bool,
}

impl Terminal {
    /// `quiet` prints errors only; `verbose` prints details too.
    pub fn new(quiet: bool, verbose: bool) -> Terminal {
        Terminal {
            quiet,
            verbose: verbose && !quiet,
        }
    }

    /// Whether details are printed.
    pub fn verbose(&self) -> bool {
        self.verbose
    }

    /// Something that a user should know.
    pub fn notice(&self, text: &str) {
        if !self.quiet {
            line(&format!("rbgpu: {}", block(text)));
        }
    }

    /// How far something is, where there is no terminal for a bar: a line of a job's log.
    pub fn log(&self, text: &str) {
        if !self.quiet {
            line(&escaped(text));
        }
    }

    /// How often to say how far `bar` is: twice a second where it is seen, else a line a minute;
    /// `None` if nobody wants to know.
    pub fn pace(&self, bar: &ProgressBar) -> Option<Duration> {
        match (bar.is_hidden(), self.quiet) {
            (false, _) => Some(Duration::from_millis(500)),
            (true, false) => Some(Duration::from_secs(60)),
            (true, true) => None,
        }
    }

    /// Something that a user may want to know.
    pub fn detail(&self, text: &str) {
        if self.verbose {
            line(&escaped(text));
        }
    }

    /// A result.
    pub fn result(&self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(escaped(text).as_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .map_err(Error::io("write", "standard output"))
    }

    /// What a training is about to do, and what to know before it.
    pub fn start(&self, session: &Session) {
        self.notice(&session.start_line());
        self.warnings(session);
    }

    /// What to know before a training.
    pub fn warnings(&self, session: &Session) {
        for warning in session.warnings() {
            self.notice(&format!("warning: {warning}"));
        }
    }

    /// A bar over `len` candidates; hidden when nobody watches.
    pub fn bar(&self, len: usize, what: &str) -> ProgressBar {
        let bar = ProgressBar::new(len as u64);
        if self.quiet || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = "{prefix} {bar:24} {human_pos}/{human_len} {per_sec:.dim} {eta} left {msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("a fixed template"));
        bar.set_prefix(one_line(what).into_owned());
        bar
    }

    /// A bar over work whose steps are not alike, in thousandths, with what is being done.
    pub fn steps(&self, what: &str) -> ProgressBar {
        let bar = self.bar(1000, what);
        let style = "{prefix} {bar:24} {percent:>3}% {eta} left {msg}";
        bar.set_style(ProgressStyle::with_template(style).expect("a fixed template"));
        bar
    }

    /// A watcher of a training run of `epochs` epochs over `len` candidates each.
    pub fn training(&self, epochs: usize, len: usize) -> TrainingBar {
        let bar = self.bar(epochs.saturating_mul(len), "training");
        let style = "{prefix} {bar:24} {percent:>3}% {msg} {eta} left";
        bar.set_style(ProgressStyle::with_template(style).expect("a fixed template"));
        TrainingBar {
            terminal: *self,
            bar,
            len,
            epochs,
            last: Instant::now(),
            last_done: None,
            epoch: None,
            waited: Duration::ZERO,
        }
    }
}

/// Standard output for rows of data: to a file or a program as they are, to a terminal without
/// what acts on it.
pub fn data_out() -> Box<dyn Write + Send> {
    let out = std::io::stdout();
    match out.is_terminal() {
        true => Box::new(Tame(out, Vec::new())),
        false => Box::new(BufWriter::new(out)),
    }
}

/// Passes lines on, escaped. Holds the beginning of one.
struct Tame<W: Write>(W, Vec<u8>);

impl<W: Write> Tame<W> {
    /// Passes on as much as has `length` bytes.
    fn pass(&mut self, length: usize) -> std::io::Result<()> {
        let rest = self.1.split_off(length);
        let text = std::mem::replace(&mut self.1, rest);
        let text = String::from_utf8_lossy(&text);
        self.0.write_all(escaped(&text).as_bytes())
    }
}

impl<W: Write> Write for Tame<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.1.extend(bytes);
        if let Some(end) = self.1.iter().rposition(|byte| *byte == b'\n') {
            self.pass(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.pass(self.1.len())?;
        self.0.flush()
    }
}

/// A line on standard error. Nobody may read it any more, as after SIGHUP: no reason to fail.
fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Shows loss, accuracy, samples/s and time left: as a bar, or without a terminal as a line after
/// every epoch and every minute. Reads the device no more often than that, and not at all if quiet.
#[derive(Debug)]
pub struct TrainingBar {
    terminal: Terminal,
    bar: ProgressBar,
    len: usize,
    epochs: usize,
    last: Instant,
    /// `None` before the first step, which may be in the middle of a resumed run.
    last_done: Option<usize>,
    /// Since when the epoch was seen, and how many of its candidates were done by then; `None`
    /// before the first step.
    epoch: Option<(Instant, usize)>,
    /// For batches, in this epoch.
    waited: Duration,
}

impl Observer for TrainingBar {
    fn step(&mut self, progress: &Progress) -> Result<()> {
        self.waited = progress.waited;
        let Some(pace) = self.terminal.pace(&self.bar) else {
            return Ok(());
        };
        self.epoch.get_or_insert((Instant::now(), progress.done));
        let done = (progress.epoch - 1) * self.len + progress.done;
        let Some(last_done) = self.last_done else {
            (self.last, self.last_done) = (Instant::now(), Some(done));
            return Ok(());
        };
        let elapsed = self.last.elapsed();
        if elapsed < pace {
            return Ok(());
        }
        let (loss, accuracy) = progress.totals.means()?;
        let rate = done.saturating_sub(last_done) as f64 / elapsed.as_secs_f64();
        let (epoch, epochs) = (progress.epoch, progress.epochs);
        if self.bar.is_hidden() {
            let percent = 100 * progress.done / progress.of.max(1);
            let line = format!(
                "epoch {epoch:>3}/{epochs} {percent:>3}%  loss {loss:.4}  accuracy {accuracy:.4}"
            );
            self.terminal.log(&(line + &self.speed(rate, done)));
        } else {
            self.bar.set_position(done as u64);
            self.bar.set_message(format!(
                "epoch {epoch}/{epochs}  loss {loss:.4}  accuracy {accuracy:.4}  {rate:.0} samples/s "
            ));
        }
        (self.last, self.last_done) = (Instant::now(), Some(done));
        Ok(())
    }

    fn epoch(&mut self, r: &EpochRecord, best: bool) {
        let epochs = self.epochs;
        let mark = if best { " *" } else { "" };
        let mut line = format!(
            "epoch {:>3}/{epochs}  loss {:.4}  accuracy {:.4}  validation loss {:.4}  accuracy {:.4}{mark}",
            r.epoch, r.loss, r.accuracy, r.val_loss, r.val_accuracy
        );
        if self.terminal.verbose() {
            let waited = self.waited.as_secs_f64();
            line += &format!("  waited {waited:.2} s for batches");
        }
        if self.bar.is_hidden() {
            if let Some((since, before)) = self.epoch {
                let seen = r.samples.saturating_sub(before) as f64;
                let rate = seen / since.elapsed().as_secs_f64();
                line += &self.speed(rate, r.epoch * self.len);
            }
            self.terminal.log(&line);
        } else {
            self.bar.println(line);
        }
        self.epoch = Some((Instant::now(), 0));
        // The next epoch's speed is not that of the validation.
        self.last_done = None;
    }

    fn notice(&mut self, text: &str) {
        self.bar.suspend(|| self.terminal.notice(text));
    }

    fn interrupted(&mut self) -> bool {
        signals::asked()
    }
}

impl TrainingBar {
    /// Samples per second, and how long the rest takes at that rate if `done` are done; the rest
    /// may be less, by early stopping.
    fn speed(&self, rate: f64, done: usize) -> String {
        if !rate.is_finite() || rate <= 0.0 {
            return String::new();
        }
        let rest = (self.len * self.epochs).saturating_sub(done) as f64;
        match Duration::try_from_secs_f64(rest / rate) {
            Ok(left) if rest > 0.0 => {
                format!("  {rate:.0} samples/s  {} left", HumanDuration(left))
            }
            _ => format!("  {rate:.0} samples/s"),
        }
    }
}

impl Drop for TrainingBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Why a command failed.
pub fn failure(error: &Error) {
    eprintln!("rbgpu: {}", block(&error.to_string()));
}

/// A text behind "rbgpu: ". Its further lines are indented, so that a line feed in an id or a
/// name begins no line that reads like one of ours.
fn block(text: &str) -> String {
    let text = escaped(text);
    let further = || text.lines().skip(1);
    let indent = match further().all(|line| line.starts_with("  ")) {
        true => "",
        false => "  ",
    };
    let first = text.lines().next().unwrap_or_default().to_string();
    further().fold(first, |made, line| made + "\n" + indent + line)
}

/// Columns lined up, numbers to the right: `rows[0]` is the header.
pub fn table(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| one_line(cell).into_owned()).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| {
        rows.iter()
            .filter_map(|r| r.get(c))
            .map(|s| s.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|c| width(c).unwrap_or(0)).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(c, cell)| {
            let fill = " ".repeat(widths[c] - cell.chars().count());
            if c == 0 {
                format!("{cell}{fill}")
            } else {
                format!("{fill}{cell}")
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_data_do_not_act_on_a_terminal() {
        let mut seen = Vec::new();
        let mut out = Tame(&mut seen, Vec::new());
        // Written in pieces that cut letters.
        for piece in "id,é\n\u{1b}[31m,\u{202e}\nend".as_bytes().chunks(1) {
            out.write_all(piece).unwrap();
        }
        out.flush().unwrap();
        drop(out);
        let seen = String::from_utf8(seen).unwrap();
        assert_eq!(seen, "id,é\n\\u001b[31m,\\u202e\nend");
    }

    #[test]
    fn further_lines_of_a_notice_are_indented() {
        assert_eq!(block("a\nrbgpu: b\u{1b}"), "a\n  rbgpu: b\\u001b");
        assert_eq!(block("to go on:\n    rbgpu"), "to go on:\n    rbgpu");
        assert_eq!(block(""), "");
    }
}
