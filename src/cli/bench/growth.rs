//! `rbgpu bench --growth`: samples per second against the batch and the cutout's size,
//! and the time of an epoch against the number of candidates.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::child::{Child, Outcome, step};
use super::table::{megabytes, rate};
use super::{Arguments, deliver};
use crate::Result;
use crate::bench::{EpochTime, Mode, Speed, process};
use crate::cli::Done;
use crate::cli::terminal::{Terminal, table};
use crate::nn::Architecture;
use crate::report::{Line, Panel, growth};

const BATCHES: [usize; 13] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];
const SIZES: [usize; 7] = [15, 23, 31, 39, 47, 55, 63];
const SAMPLES: [usize; 7] = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
const MODES: [Mode; 2] = [Mode::Train, Mode::Score];

/// The part of the memory that programs can still have which one measurement may take.
const MEMORY_SHARE: f64 = 0.8;

/// Measures, prints and draws.
pub(super) fn run(arguments: &Arguments, device: &str, terminal: &Terminal) -> Result<Done> {
    let network = match arguments.network.as_slice() {
        [] => "otrain".to_string(),
        given => Arguments::single("--network", given)?,
    };
    let architecture = Architecture::named(&network)?;
    let batches = match arguments.batch_size.as_slice() {
        [] => BATCHES.to_vec(),
        given => given.to_vec(),
    };
    let counts: Vec<usize> = SAMPLES
        .into_iter()
        .filter(|n| *n <= arguments.samples)
        .collect();
    let mut all = Growth {
        child: Child::new(arguments, device),
        network: &network,
        budget: arguments.budget()?,
        terminal,
        done: Done::Whole,
    };
    let work = 2 * (batches.len() + SIZES.len()) + counts.len();
    let bar = terminal.bar(work, "measuring");
    let mut by_batch = Vec::new();
    let mut by_size = Vec::new();
    for mode in MODES {
        bar.set_message(format!("batch sizes on {device}"));
        by_batch.extend(all.by_batch(&batches, mode)?);
        bar.inc(batches.len() as u64);
        bar.set_message(format!("cutout sizes on {device}"));
        by_size.extend(all.by_size(mode)?);
        bar.inc(SIZES.len() as u64);
    }
    let mut epochs = Vec::new();
    for &samples in &counts {
        bar.set_message(format!("an epoch of {samples} on {device}"));
        let batch = architecture.training.batch_size;
        let outcome = all.child.epoch(&network, batch, samples)?;
        epochs.extend(all.measured(outcome, &format!("an epoch of {samples}")));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let json = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "device": device,
        "network": network,
        "seconds": arguments.seconds,
        "load": process::load(),
        "batch": by_batch,
        "size": by_size,
        "epoch": epochs.iter().map(epoch_json).collect::<Vec<_>>(),
    });
    let done = all.done;
    let text = text(&network, device, &by_batch, &by_size, &epochs);
    deliver(arguments, terminal, &json, &text)?;
    if let Some(path) = &arguments.picture {
        let title = format!("{network} on {device}");
        growth(&panels(&by_batch, &by_size, &epochs), &title)?.save(path)?;
    }
    Ok(done)
}

struct Growth<'a> {
    child: Child<'a>,
    network: &'a str,
    budget: Duration,
    terminal: &'a Terminal,
    done: Done,
}

impl Growth<'_> {
    /// Until a batch would take too long or too much memory, as the one before foretells.
    fn by_batch(&mut self, batches: &[usize], mode: Mode) -> Result<Vec<Speed>> {
        let mut found: Vec<Speed> = Vec::new();
        for &batch in batches {
            let foretold = found.last().and_then(|last| self.beyond(last, batch));
            if let Some(why) = foretold {
                let name = mode.peers_name();
                self.terminal
                    .notice(&format!("{name}, batch {batch} and more: left out, {why}"));
                break;
            }
            let outcome = self.child.speed(self.network, None, batch, mode)?;
            match self.measured(outcome, &format!("batch {batch}")) {
                Some(speed) => found.push(speed),
                None => break,
            }
        }
        Ok(found)
    }

    /// Why a batch is not measured, when the last one was as it was. Two steps are the
    /// least that a measurement takes.
    fn beyond(&self, last: &Speed, batch: usize) -> Option<String> {
        let times = batch as f64 / last.batch as f64;
        let seconds = 2.0 * times * step(last).as_secs_f64();
        if seconds > 4.0 * self.budget.as_secs_f64() {
            return Some(format!(
                "it would take {seconds:.0} s; --seconds is the limit"
            ));
        }
        let needed = times * last.peak_bytes?.max(last.device_bytes) as f64;
        let there = MEMORY_SHARE * process::available_memory()? as f64;
        let megabytes = |bytes: f64| bytes / 1048576.0;
        (needed > there).then(|| {
            let (needed, there) = (megabytes(needed), megabytes(there));
            format!("it may need {needed:.0} MB, and {there:.0} MB can be had")
        })
    }

    fn by_size(&mut self, mode: Mode) -> Result<Vec<Speed>> {
        let mut found = Vec::new();
        for size in SIZES {
            let outcome = self.child.speed(self.network, Some(size), 64, mode)?;
            found.extend(self.measured(outcome, &format!("cutouts of {size}x{size}")));
        }
        Ok(found)
    }

    /// What was measured; says why where nothing was.
    fn measured<T>(&mut self, outcome: Outcome<T>, what: &str) -> Option<T> {
        match outcome {
            Outcome::Measured(measured) => return Some(measured),
            Outcome::DoesNotFit(problem) => {
                self.terminal
                    .notice(&format!("{what} does not fit: {problem}"));
            }
            Outcome::Failed(problem) => {
                self.terminal.notice(&format!("{what}: {problem}"));
                self.done = Done::Partly;
            }
        }
        None
    }
}

fn epoch_json(epoch: &EpochTime) -> Value {
    let mut value = serde_json::to_value(epoch).expect("plain data");
    value["samples_per_s"] = json!(epoch.samples as f64 / epoch.seconds);
    value["waited_share"] = json!(epoch.waited_s / epoch.seconds);
    value
}

fn text(
    network: &str,
    device: &str,
    by_batch: &[Speed],
    by_size: &[Speed],
    epochs: &[EpochTime],
) -> String {
    let mut text = format!("{network} on {device}, samples per second\n\n");
    let speeds = |head: &str, all: &[Speed], key: fn(&Speed) -> usize| {
        let head = [head, "training", "peak MB", "scoring", "peak MB"];
        let mut rows = vec![head.map(String::from).to_vec()];
        let mut keys: Vec<usize> = all.iter().map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        for at in keys {
            let mut row = vec![at.to_string()];
            for mode in MODES {
                let speed = all.iter().find(|s| s.mode == mode && key(s) == at);
                row.extend(match speed {
                    Some(speed) => [rate(speed.samples_per_s), megabytes(speed)],
                    None => ["-", "-"].map(String::from),
                });
            }
            rows.push(row);
        }
        table(&rows)
    };
    text += &speeds("batch", by_batch, |speed| speed.batch);
    text += "\n\n";
    text += &speeds("cutout", by_size, |speed| speed.input[0]);
    let head = [
        "epoch of",
        "MB on disk",
        "seconds",
        "samples/s",
        "waited for batches",
    ];
    let mut rows = vec![head.map(String::from).to_vec()];
    rows.extend(epochs.iter().map(|epoch| {
        vec![
            epoch.samples.to_string(),
            format!("{:.1}", epoch.file_bytes as f64 / 1048576.0),
            format!("{:.2}", epoch.seconds),
            rate(epoch.samples as f64 / epoch.seconds),
            format!("{:.2}%", 100.0 * epoch.waited_s / epoch.seconds),
        ]
    }));
    write!(text, "\n\n{}", table(&rows)).expect("a string");
    text
}

/// Speed by batch, speed by size, time by number.
fn panels(by_batch: &[Speed], by_size: &[Speed], epochs: &[EpochTime]) -> [Panel; 3] {
    let speeds = |x: &str, all: &[Speed], key: fn(&Speed) -> usize| Panel {
        x: x.into(),
        y: "samples/s".into(),
        lines: MODES
            .map(|mode| Line {
                name: match mode {
                    Mode::Train => "training",
                    Mode::Score => "scoring",
                }
                .into(),
                points: all
                    .iter()
                    .filter(|speed| speed.mode == mode)
                    .map(|speed| (key(speed) as f64, speed.samples_per_s))
                    .collect(),
            })
            .to_vec(),
    };
    let seconds = |name: &str, of: fn(&EpochTime) -> f64| Line {
        name: name.into(),
        points: epochs.iter().map(|e| (e.samples as f64, of(e))).collect(),
    };
    [
        speeds("batch", by_batch, |speed| speed.batch),
        speeds("pixels of a cutout's side", by_size, |speed| speed.input[0]),
        Panel {
            x: "candidates".into(),
            y: "seconds of an epoch".into(),
            lines: vec![
                seconds("training", |e| e.seconds),
                seconds("waiting for batches", |e| e.waited_s),
            ],
        },
    ]
}
