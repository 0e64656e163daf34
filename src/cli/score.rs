//! `rbgpu score`: P(real) for every candidate, as it is read.

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use clap::Args;

use super::Done;
use super::args::{Common, NAMED, Reading};
use super::outputs::Outputs;
use super::terminal::{Terminal, data_out};
use crate::bench::process;
use crate::data::atomic::atomic_try;
use crate::data::scores::Format;
use crate::data::scores::fits_copy::FitsCopies;
use crate::data::{self, Channel, Decision, Rows, Scored, Stream, size};
use crate::train::scoring::notice_of_parts;
use crate::train::stream::StreamOptions;
use crate::{Error, Result};

/// Batches that wait to be written.
const BEHIND: usize = 4;

/// Arguments of `rbgpu score`.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct Arguments {
    /// A model that `rbgpu train` wrote
    model: PathBuf,
    /// Cubes, folders, FITS files, .npy triples' prefixes; - for standard input
    #[arg(required_unless_present = "files_from")]
    inputs: Vec<PathBuf>,
    /// Read input paths from a file, one per line (- for standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "inputs")]
    files_from: Option<PathBuf>,
    /// Score table; - for standard output. An existing table is replaced
    #[arg(long, short, default_value = "-", value_name = "FILE")]
    out: PathBuf,
    /// csv, jsonl, parquet, votable, fits (a binary table), ecsv, or otrain (its
    /// infer_results.dat) [default: by the ending of --out; csv on standard output]
    #[arg(long, value_name = "NAME")]
    format: Option<Format>,
    /// Decision threshold on P(real) [default: the model's]
    #[arg(long)]
    threshold: Option<f64>,
    /// Name of the score column
    #[arg(long, default_value = data::scores::columns::SCORE, value_name = "NAME")]
    score_name: String,
    /// Crop larger cutouts to N x N pixels about their centre
    #[arg(long, value_name = "N")]
    cutout_size: Option<usize>,
    /// Also copy every FITS cutout to this new folder, with its score in the header (RBSCORE,
    /// RBCLASS, RBMODEL)
    #[arg(long, value_name = "FOLDER")]
    fits_copies: Option<PathBuf>,
    /// Candidates per batch [default: chosen for the device]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    common: Common,
}

/// Scores and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let begun = Instant::now();
    let terminal = arguments.common.terminal();
    let inputs = [
        &arguments.inputs[..],
        std::slice::from_ref(&arguments.model),
        arguments.files_from.as_slice(),
    ];
    let inputs = inputs.concat();
    let mut outputs = Outputs::replacing(&inputs, &terminal);
    let output = Output::new(arguments, &mut outputs)?;
    let format = output.format;
    let device = arguments.common.open(&terminal)?;
    let reading = &arguments.reading;
    let mut classifier = reading.classifier(&arguments.model, &device, &terminal)?;
    if let Some(threshold) = arguments.threshold {
        classifier = classifier.with_threshold(threshold)?;
    }
    let threshold = classifier.threshold();
    let copies = match &arguments.fits_copies {
        Some(folder) => Some(FitsCopies::new(folder, &model_name(&arguments.model)?)?),
        None => None,
    };
    let rows = open(arguments, classifier.takes().names)?;
    let bar = terminal.bar(rows.expected().unwrap_or(0), "scoring");
    let options = StreamOptions {
        batch_size: arguments.batch_size,
        crop: arguments.cutout_size,
        strict: arguments.reading.strict,
    };
    let mut scores = classifier.score_rows_as(rows, options)?;
    let mut tally = Tally::new(terminal);
    let written = std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(BEHIND);
        let writer = scope.spawn(move || output.write(receiver, copies));
        while let Some(rows) = scores.next() {
            if let Ok(rows) = &rows {
                let notices = scores.notices();
                bar.suspend(|| tally.add(rows, &notices));
                bar.inc(rows.len() as u64);
            }
            // The writer is gone if it failed; joining it says why.
            let asked = Instant::now();
            let gone = sender.send(rows).is_err();
            tally.waited_for_writer += asked.elapsed();
            if gone {
                break;
            }
        }
        drop(sender);
        writer
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    bar.finish_and_clear();
    let written = written?;

    let notices = scores.notices();
    notices.iter().for_each(|notice| terminal.notice(notice));
    if let Some((batch, at_once)) = scores.in_parts() {
        terminal.notice(&notice_of_parts(batch, at_once));
    }
    if scores.padded() > 0 {
        let shape = classifier.cutouts();
        terminal.notice(&size::notice(scores.padded(), tally.all, shape));
    }
    tally.report();
    if let (Some(folder), Some(count)) = (&arguments.fits_copies, written.copies) {
        terminal.notice(&format!("{count} copies with scores: {}", folder.display()));
    }
    if tally.unscored > 0 && format == Format::Otrain {
        let count = tally.unscored;
        terminal.notice(&format!(
            "{count} without a score are not in O'TRAIN's table"
        ));
    }
    if arguments.out != Path::new("-") {
        let (all, real, out) = (tally.all, tally.real, arguments.out.display());
        terminal.notice(&format!(
            "{all} candidates, {real} real at P(real) >= {threshold}: {out}"
        ));
    }
    terminal.detail(&times(&scores, &tally, written.busy, begun.elapsed()));
    Ok(match tally.failed {
        0 => Done::Whole,
        _ => Done::Partly,
    })
}

fn output_format(arguments: &Arguments) -> Result<Format> {
    match arguments.format {
        Some(format) => Ok(format),
        None if arguments.out == Path::new("-") => Ok(Format::Csv),
        None => Format::of(&arguments.out),
    }
}

fn open(arguments: &Arguments, channels: Option<Vec<Channel>>) -> Result<Stream> {
    let options = arguments.reading.options(false, channels)?;
    let Some(list) = &arguments.files_from else {
        return data::stream(&arguments.inputs, &options);
    };
    if list == Path::new("-") {
        let lines = BufReader::new(std::io::stdin());
        return Ok(data::stream_listed(
            lines,
            Path::new("standard input"),
            &options,
        ));
    }
    let file = std::fs::File::open(list).map_err(Error::io("open", list))?;
    Ok(data::stream_listed(BufReader::new(file), list, &options))
}

/// The model's file name with the CRC-32 of what it holds.
fn model_name(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hash = crc32fast::hash(&bytes);
    // A card holds 68 characters, of which the hash is the part that tells models apart.
    let name: String = name.chars().take(50).collect();
    Ok(format!("{name} crc32 {hash:08x}"))
}

/// Where the scores go.
struct Output<'a> {
    path: &'a Path,
    format: Format,
    score_name: &'a str,
}

/// What the writer did.
struct Written {
    /// How many FITS files were copied.
    copies: Option<usize>,
    /// How long it worked.
    busy: Duration,
}

impl<'a> Output<'a> {
    /// Refuses, before the work, what cannot be written.
    fn new(arguments: &'a Arguments, outputs: &mut Outputs) -> Result<Output<'a>> {
        let path = arguments.out.as_path();
        let format = output_format(arguments)?;
        format.check(&arguments.score_name)?;
        if path != Path::new("-") {
            outputs.replace(&[path])?;
        }
        if let Some(folder) = &arguments.fits_copies {
            outputs.new_folder(folder)?;
        }
        Ok(Output {
            path,
            format,
            score_name: &arguments.score_name,
        })
    }

    fn write(
        &self,
        rows: Receiver<Result<Vec<Scored>>>,
        mut copies: Option<FitsCopies>,
    ) -> Result<Written> {
        let busy = if self.path == Path::new("-") {
            self.write_to(data_out(), Path::new("standard output"), rows, &mut copies)
        } else {
            atomic_try(self.path, |out| {
                self.write_to(out, self.path, rows, &mut copies)
            })
        }?;
        Ok(Written {
            copies: copies.map(FitsCopies::finish).transpose()?,
            busy,
        })
    }

    fn write_to(
        &self,
        out: impl Write + Send,
        path: &Path,
        rows: Receiver<Result<Vec<Scored>>>,
        copies: &mut Option<FitsCopies>,
    ) -> Result<Duration> {
        let mut rows = rows.into_iter().peekable();
        // What fails at once leaves nothing, not even a header.
        rows.next_if(Result::is_err).transpose()?;
        let mut writer = self.format.writer(out, path, self.score_name)?;
        let mut busy = Duration::ZERO;
        for rows in rows {
            let rows = rows?;
            let begun = Instant::now();
            writer.write(&rows)?;
            if let Some(copies) = copies {
                copies.write(&rows)?;
            }
            busy += begun.elapsed();
        }
        writer.finish()?;
        Ok(busy)
    }
}

/// What was scored, and what was not.
struct Tally {
    terminal: Terminal,
    all: usize,
    real: usize,
    unscored: usize,
    /// Without a score, though they should have one.
    failed: usize,
    /// Left out by each rule: how many, and the first.
    rules: BTreeMap<String, (usize, String)>,
    waited_for_writer: Duration,
}

impl Tally {
    fn new(terminal: Terminal) -> Tally {
        Tally {
            terminal,
            all: 0,
            real: 0,
            unscored: 0,
            failed: 0,
            rules: BTreeMap::new(),
            waited_for_writer: Duration::ZERO,
        }
    }

    fn add(&mut self, rows: &[Scored], notices: &[String]) {
        notices
            .iter()
            .for_each(|notice| self.terminal.notice(notice));
        self.all += rows.len();
        for row in rows {
            match row.decision {
                Decision::Real => self.real += 1,
                Decision::Bogus => {}
                Decision::Unscored => self.unscored(row),
            }
        }
    }

    fn unscored(&mut self, row: &Scored) {
        self.unscored += 1;
        let (what, why) = (row.candidate.place(), &row.error);
        let verbose = self.terminal.verbose();
        if row.failed {
            self.failed += 1;
            if verbose || self.failed <= NAMED {
                self.terminal.notice(&format!("no score for {what}: {why}"));
            }
            return;
        }
        match self.rules.get_mut(why) {
            Some((count, _)) => *count += 1,
            None => {
                self.rules.insert(why.clone(), (1, what.to_string()));
            }
        }
        if verbose {
            self.terminal.notice(&format!("no score for {what}: {why}"));
        }
    }

    /// Says what was not said row by row.
    fn report(&self) {
        if self.terminal.verbose() {
            return;
        }
        if self.failed > NAMED {
            let more = self.failed - NAMED;
            self.terminal.notice(&format!(
                "no score for {more} more that cannot be read or scored (-v lists them)"
            ));
        }
        for (why, (count, first)) in &self.rules {
            self.terminal.notice(&match count {
                1 => format!("no score for {first}: {why}"),
                _ => format!("no score for {count} cutouts (-v lists them): {why}"),
            });
        }
    }
}

/// Where the time went.
fn times(
    scores: &crate::train::stream::Scores,
    tally: &Tally,
    writing: Duration,
    all: Duration,
) -> String {
    let seconds = all.as_secs_f64();
    let part = |time: Duration| {
        let time = time.as_secs_f64();
        format!("{time:.2} s ({:.0}%)", 100.0 * time / seconds.max(1e-9))
    };
    let mut text = format!(
        "{} candidates in {seconds:.2} s, {:.0} a second: network {}, waiting for cutouts {}, for \
         the writer {}; writing beside it {}; {:.2} s of all processors",
        tally.all,
        tally.all as f64 / seconds.max(1e-9),
        part(scores.network()),
        part(scores.waited()),
        part(tally.waited_for_writer),
        part(writing),
        process::cpu_time().as_secs_f64(),
    );
    if let Some(bytes) = process::peak_memory() {
        text += &format!("; peak memory {} MiB", bytes >> 20);
    }
    text
}
