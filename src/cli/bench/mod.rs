//! `rbgpu bench`: how fast each network runs on each device of this machine, and what
//! part of the device's own ceilings that is.
//!
//! Every configuration is measured by a process of its own (`--one`, hidden), so that
//! peak memory is that configuration's, and one that is killed for its memory takes
//! nothing else with it.

mod child;
mod growth;
mod table;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::child::{Child, Measured, Outcome};
use super::Done;
use super::args::Common;
use super::outputs::{Force, Outputs};
use super::terminal::Terminal;
use crate::backend::gpu::adapters;
use crate::bench::{Mode, process};
use crate::data::atomic::atomic_write;
use crate::nn::Architecture;
use crate::{Error, Result};

/// Arguments of `rbgpu bench`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Networks, separated by commas [default: all five; with --growth otrain]
    #[arg(long, value_delimiter = ',', value_name = "NAME|FILE")]
    network: Vec<String>,
    /// Candidates per step, separated by commas [default: 32,256]
    #[arg(long, value_delimiter = ',', value_name = "COUNT")]
    batch_size: Vec<usize>,
    /// Training or scoring [default: both]
    #[arg(long)]
    mode: Option<ModeName>,
    /// Rows and columns of the cutouts [default: as published]
    #[arg(long, value_name = "PIXELS")]
    size: Option<usize>,
    /// Time for each network, batch and mode; a slow one takes at least two steps
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Include software adapters, which run GPU code on the CPU
    #[arg(long)]
    all_devices: bool,
    /// How samples/s grow with batch and cutout size, and the time of an epoch with the
    /// number of candidates, on the first device
    #[arg(long, conflicts_with_all = ["mode", "size", "protocol"])]
    growth: bool,
    /// With --growth: the most candidates of an epoch, which are written to the folder
    /// for temporary files and read from there
    #[arg(long, default_value_t = 10_000, value_name = "COUNT")]
    samples: usize,
    /// With --growth: the picture to write, .svg or .png
    #[arg(long, value_name = "FILE", requires = "growth")]
    picture: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Also write the JSON to this file
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure one configuration in this process and print the line that benches/peers.sh
    /// compares
    #[arg(long, requires = "mode")]
    protocol: bool,
    /// What this process measures for the one that started it
    #[arg(long, hide = true)]
    one: Option<One>,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    common: Common,
}

/// Training or scoring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ModeName {
    Train,
    #[value(alias = "infer")]
    Score,
}

impl ModeName {
    fn mode(self) -> Mode {
        match self {
            ModeName::Train => Mode::Train,
            ModeName::Score => Mode::Score,
        }
    }
}

/// What a process of its own measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum One {
    Ceilings,
    Speed,
    Epoch,
}

impl Arguments {
    fn budget(&self) -> Result<Duration> {
        let wrong = || Error::config("--seconds", self.seconds.to_string(), "more than 0");
        match Duration::try_from_secs_f64(self.seconds) {
            Ok(budget) if !budget.is_zero() => Ok(budget),
            _ => Err(wrong()),
        }
    }

    fn batches(&self) -> Vec<usize> {
        match self.batch_size.as_slice() {
            [] => vec![32, 256],
            given => given.to_vec(),
        }
    }

    fn modes(&self) -> Vec<Mode> {
        match self.mode {
            Some(mode) => vec![mode.mode()],
            None => vec![Mode::Train, Mode::Score],
        }
    }

    fn networks(&self) -> Vec<String> {
        match self.network.as_slice() {
            [] => Architecture::published().map(String::from).collect(),
            given => given.to_vec(),
        }
    }

    /// The only one, where only one makes sense.
    fn single<T: Clone>(option: &str, given: &[T]) -> Result<T> {
        match given {
            [one] => Ok(one.clone()),
            _ => {
                let found = format!("{} values", given.len());
                Err(Error::config(option, found, "exactly one"))
            }
        }
    }
}

/// Measures and prints.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = arguments.common.terminal();
    arguments.budget()?;
    arguments.common.check()?;
    if arguments.batch_size.contains(&0) {
        return Err(Error::config("--batch-size", "0", "at least 1"));
    }
    if let Some(what) = arguments.one {
        return child::answer(arguments, what, &terminal);
    }
    if arguments.protocol {
        return child::protocol(arguments, &terminal);
    }
    for name in &arguments.network {
        Architecture::named(name)?;
    }
    let files: Vec<&PathBuf> = arguments.out.iter().chain(&arguments.picture).collect();
    let mut outputs = Outputs::new(arguments.force, &[], &terminal);
    outputs.keep(&files)?;
    let devices = devices(arguments, &terminal);
    if arguments.growth {
        return growth::run(arguments, &devices[0], &terminal);
    }
    let (networks, batches, modes) = (arguments.networks(), arguments.batches(), arguments.modes());
    let each = networks.len() * batches.len() * modes.len();
    let bar = terminal.bar(devices.len() * (each + 1), "measuring");
    let mut tables = Vec::new();
    let mut all = Vec::new();
    let mut done = Done::Whole;
    for device in &devices {
        let child = Child::new(arguments, device);
        bar.set_message(format!("ceilings of {device}"));
        let ceilings = match child.ceilings()? {
            Outcome::Measured(ceilings) => ceilings,
            // A device that cannot be opened: an error if it was asked for by name.
            Outcome::DoesNotFit(problem) | Outcome::Failed(problem) => {
                if devices.len() == 1 {
                    bar.finish_and_clear();
                    return Err(Error::NoDevice {
                        wanted: device.clone(),
                        problem,
                    });
                }
                terminal.notice(&format!("{device} is left out: {problem}"));
                done = Done::Partly;
                bar.inc(each as u64 + 1);
                continue;
            }
        };
        bar.inc(1);
        let mut rows = Vec::new();
        for network in &networks {
            for &batch in &batches {
                for &mode in &modes {
                    bar.set_message(format!("{network}, {batch}, on {device}"));
                    let outcome = child.speed(network, None, batch, mode)?;
                    if let Outcome::Failed(problem) = &outcome {
                        terminal.notice(&format!("{network}, {batch}: {problem}"));
                        done = Done::Partly;
                    }
                    let network = network.clone();
                    rows.push(Measured {
                        network,
                        batch,
                        mode,
                        outcome,
                    });
                    bar.inc(1);
                }
            }
        }
        tables.push(table::device(device, &ceilings, &rows));
        all.push(json!({
            "device": ceilings.device,
            "threads": ceilings.threads,
            "precision": ceilings.precision,
            "ceilings": ceilings.ceilings,
            "results": rows.iter().map(|row| row.json(&ceilings.ceilings)).collect::<Vec<_>>(),
        }));
    }
    bar.finish_and_clear();
    let all = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "seconds": arguments.seconds,
        "load": process::load(),
        "devices": all,
    });
    deliver(arguments, &terminal, &all, &tables.join("\n\n"))?;
    Ok(done)
}

/// Prints the text or the JSON, and writes the file.
fn deliver(arguments: &Arguments, terminal: &Terminal, all: &Value, text: &str) -> Result<()> {
    let json = serde_json::to_string_pretty(all).expect("plain data");
    if let Some(path) = &arguments.out {
        atomic_write(path, |file| writeln!(file, "{json}"))?;
    }
    match arguments.json {
        true => terminal.result(&json),
        false => terminal.result(text),
    }
}

/// The devices to measure: the one that was named, or the cpu and every real gpu. An
/// adapter that two systems offer is measured through the better one.
fn devices(arguments: &Arguments, terminal: &Terminal) -> Vec<String> {
    if arguments.common.device != "auto" {
        return vec![arguments.common.device.clone()];
    }
    let mut devices = vec![String::from("cpu")];
    for adapter in adapters() {
        if adapter.is_software() && !arguments.all_devices {
            terminal.detail(&format!("left out, for it is the processor: {adapter}"));
        } else if !devices.contains(&adapter.name) {
            devices.push(adapter.name);
        }
    }
    if arguments.growth {
        // The best of them: a gpu if there is one.
        let gpus = devices.len() - 1;
        devices.rotate_left(gpus.min(1));
    }
    devices
}
