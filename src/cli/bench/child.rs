//! One measurement in a process of its own: how it is asked, and what it answers.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Arguments, One};
use crate::bench::{Ceilings, Configuration, EpochTime, Mode, Protocol, Speed, does_not_fit};
use crate::cli::Done;
use crate::cli::terminal::Terminal;
use crate::nn::Architecture;
use crate::train::Precision;
use crate::{Error, Result};

/// How a measurement went.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome<T> {
    Measured(T),
    /// The device has no room for the batch.
    DoesNotFit(String),
    Failed(String),
}

/// A device's ceilings, with what else the process that opened it knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DeviceCeilings {
    /// The device's own name.
    pub device: String,
    /// Threads of the native device.
    pub threads: usize,
    /// What it multiplies.
    pub precision: Precision,
    pub ceilings: Ceilings,
}

/// One line of the result.
#[derive(Debug)]
pub(super) struct Measured {
    pub network: String,
    pub batch: usize,
    pub mode: Mode,
    pub outcome: Outcome<Speed>,
}

impl Measured {
    pub fn json(&self, ceilings: &Ceilings) -> Value {
        match &self.outcome {
            Outcome::Measured(speed) => {
                let mut value = serde_json::to_value(speed).expect("plain data");
                value["percent_of_gemm"] = json!(100.0 * speed.gflops / ceilings.gemm_gflops);
                value["percent_of_copy"] = json!(100.0 * speed.gb_per_s / ceilings.copy_gb_per_s);
                value
            }
            Outcome::DoesNotFit(problem) => self.without("does_not_fit", problem),
            Outcome::Failed(problem) => self.without("failed", problem),
        }
    }

    fn without(&self, key: &str, problem: &str) -> Value {
        let (network, batch, mode) = (&self.network, self.batch, self.mode);
        json!({ "network": network, "batch": batch, "mode": mode, key: problem })
    }
}

/// Starts processes that measure on one device.
#[derive(Debug)]
pub(super) struct Child<'a> {
    arguments: &'a Arguments,
    device: &'a str,
}

impl Child<'_> {
    pub fn new<'a>(arguments: &'a Arguments, device: &'a str) -> Child<'a> {
        Child { arguments, device }
    }

    pub fn ceilings(&self) -> Result<Outcome<DeviceCeilings>> {
        self.ask(One::Ceilings, &[])
    }

    pub fn speed(
        &self,
        network: &str,
        size: Option<usize>,
        batch: usize,
        mode: Mode,
    ) -> Result<Outcome<Speed>> {
        let mode = match mode {
            Mode::Train => "train",
            Mode::Score => "score",
        };
        let mut options = vec![
            format!("--network={network}"),
            format!("--batch-size={batch}"),
            format!("--mode={mode}"),
        ];
        options.extend(size.or(self.arguments.size).map(|n| format!("--size={n}")));
        self.ask(One::Speed, &options)
    }

    pub fn epoch(&self, network: &str, batch: usize, samples: usize) -> Result<Outcome<EpochTime>> {
        let options = [
            format!("--network={network}"),
            format!("--batch-size={batch}"),
            format!("--samples={samples}"),
        ];
        self.ask(One::Epoch, &options)
    }

    fn ask<T: DeserializeOwned>(&self, what: One, options: &[String]) -> Result<Outcome<T>> {
        let name = match what {
            One::Ceilings => "ceilings",
            One::Speed => "speed",
            One::Epoch => "epoch",
        };
        // What is measured beside a gpu is measured as it is used.
        let precision = match self.device {
            "cpu" => Precision::F32,
            _ => self.arguments.common.precision,
        };
        let limit = self.arguments.common.memory_limit;
        let program = std::env::current_exe().map_err(Error::io("find", "rbgpu"))?;
        let output = Command::new(&program)
            .args(["bench", "--quiet", "--one", name])
            .arg(format!("--device={}", self.device))
            .arg(format!("--seconds={}", self.arguments.seconds))
            .arg(format!("--precision={precision}"))
            .args(limit.map(|mib| format!("--memory-limit={mib}")))
            .args(options)
            .stdin(Stdio::null())
            .output()
            .map_err(Error::io("start", &program))?;
        if let Ok(outcome) = serde_json::from_slice(&output.stdout) {
            return Ok(outcome);
        }
        // Killed by the system when there is no memory left, or it could not begin.
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().trim_start_matches("rbgpu: ").to_string();
        Ok(match output.status.code() {
            Some(_) => Outcome::Failed(said),
            None => Outcome::DoesNotFit(format!("the process was ended: {}", output.status)),
        })
    }
}

/// The other side: measures, and answers on standard output.
pub(super) fn answer(arguments: &Arguments, what: One, terminal: &Terminal) -> Result<Done> {
    let budget = arguments.budget()?;
    let answer = match what {
        One::Ceilings => {
            let device = arguments.common.open(terminal)?;
            outcome(
                Ceilings::measure(&device, budget).map(|ceilings| DeviceCeilings {
                    device: device.name(),
                    threads: rayon::current_num_threads(),
                    precision: arguments.common.precision_on(&device),
                    ceilings,
                }),
            )
        }
        One::Speed => outcome(speed(arguments, Protocol::brief(budget), terminal).map(|s| s.0)),
        One::Epoch => outcome(epoch(arguments, terminal)),
    };
    terminal.result(&answer)?;
    Ok(Done::Whole)
}

/// Measures as the peers' programs do, and prints the line that they print.
pub(super) fn protocol(arguments: &Arguments, terminal: &Terminal) -> Result<Done> {
    let (_, line) = speed(arguments, Protocol::peers(arguments.budget()?), terminal)?;
    terminal.result(&line.to_string())?;
    Ok(Done::Whole)
}

fn outcome<T: Serialize>(result: Result<T>) -> String {
    let outcome = match result {
        Ok(measured) => Outcome::Measured(measured),
        Err(error) if does_not_fit(&error) => Outcome::DoesNotFit(error.to_string()),
        Err(error) => Outcome::Failed(error.to_string()),
    };
    serde_json::to_string(&outcome).expect("plain data")
}

/// The network and the size of its cutouts.
fn network(arguments: &Arguments) -> Result<(Architecture, [usize; 3])> {
    let name = Arguments::single("--network", &arguments.network)?;
    let architecture = Architecture::named(&name)?;
    let [h, w, c] = architecture.input.ok_or_else(|| {
        let expected = "a network whose description says its input = [H, W, C]";
        Error::config("--network", name, expected)
    })?;
    let [h, w] = arguments.size.map_or([h, w], |size| [size, size]);
    Ok((architecture, [h, w, c]))
}

fn speed(arguments: &Arguments, protocol: Protocol, terminal: &Terminal) -> Result<(Speed, Value)> {
    let (architecture, input) = network(arguments)?;
    let batch = Arguments::single("--batch-size", &arguments.batch_size)?;
    let mode = arguments
        .mode
        .ok_or_else(|| Error::config("--mode", "nothing", "train or score"))?;
    let configuration = Configuration {
        architecture,
        input,
        batch,
        mode: mode.mode(),
    };
    let device = arguments.common.open(terminal)?;
    let speed = Speed::measure(&configuration, &device, protocol)?;
    let line = speed.peers_line(&device);
    Ok((speed, line))
}

fn epoch(arguments: &Arguments, terminal: &Terminal) -> Result<EpochTime> {
    let (architecture, input) = network(arguments)?;
    let batch = Arguments::single("--batch-size", &arguments.batch_size)?;
    let device = arguments.common.open(terminal)?;
    let folder: PathBuf = std::env::temp_dir();
    EpochTime::measure(
        &architecture,
        input,
        batch,
        arguments.samples,
        &device,
        &folder,
    )
}

/// The seconds of one step at this speed.
pub(super) fn step(speed: &Speed) -> Duration {
    Duration::from_secs_f64(speed.batch as f64 / speed.samples_per_s)
}
