//! The command line: one file per subcommand, each arguments → configuration →
//! library call → print. The only part of the crate that prints.

pub mod args;
pub mod bars;
pub mod bench;
pub mod calibrate;
pub mod devices;
pub mod evaluate;
pub mod explain;
pub mod export;
pub mod features;
pub mod forest;
pub mod import;
pub mod inject;
pub mod outputs;
pub mod pack;
pub mod profile;
pub mod relabel;
pub mod reproduce;
pub mod score;
pub mod simulate;
pub mod study;
pub mod summary;
pub mod suspect;
pub mod terminal;
pub mod train;
pub mod training;
pub mod typed;
pub mod votes;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::Error;
use crate::data::{Dataset, Skipped};

/// Trains and runs the small CNNs that tell real transients from bogus ones.
#[derive(Debug, Parser)]
#[command(name = "rbgpu", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network; without INPUT on a survey simulated on the spot
    Train(Box<train::Arguments>),
    /// Train many times and compare: by training set, cutout size, images, architecture
    Study(study::Arguments),
    /// Give every candidate a score, P(real)
    Score(Box<score::Arguments>),
    /// Make a model's scores into probabilities
    Calibrate(Box<calibrate::Arguments>),
    /// Say how good models are: metrics, figures, galleries and one report.html
    Evaluate(Box<evaluate::Arguments>),
    /// Show why a model gives its scores: Grad-CAM, saliency, occlusion
    Explain(Box<explain::Arguments>),
    /// Take over a network that Keras or PyTorch trained
    Import(import::Arguments),
    /// Write a model for other programs: ONNX, Keras, plain safetensors
    Export(export::Arguments),
    /// Rank candidates by how likely their label is wrong
    Suspect(Box<suspect::Arguments>),
    /// Look at candidates again, on a page in the browser, and repair labels
    Relabel(Box<relabel::Arguments>),
    /// Count the votes of several people: labels, agreement, disputed candidates
    Votes(Box<votes::Arguments>),
    /// Train and run the random forest that networks are compared with
    Forest(Box<forest::Arguments>),
    /// Measure what can be measured of stamps alone, for the forest
    Features(Box<features::Arguments>),
    /// Run the experiments of a paper again, and report beside its numbers
    Reproduce(Box<reproduce::Arguments>),
    /// Gather cutouts of any kind into a cube or a DES triple
    Pack(Box<pack::Arguments>),
    /// Write a labelled set of simulated cutouts, or put sources into images of your own
    Simulate(Box<simulate::Arguments>),
    /// Print a network's layers, output shapes and parameters
    Summary(summary::Arguments),
    /// Measure how fast each network runs on each device, and how fast it could
    Bench(Box<bench::Arguments>),
    /// List the devices of this machine and which one would be used
    Devices(devices::Arguments),
}

/// How a command that did not fail went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Everything was done.
    Whole,
    /// Some inputs could not be read and were left out, or something could not be measured.
    Partly,
}

impl Done {
    /// How reading `data` went. What a rule leaves out is no failure.
    pub fn reading(data: &Dataset) -> Done {
        Done::but(&data.skipped)
    }

    /// How it went, but for what was left out.
    pub fn but(skipped: &[Skipped]) -> Done {
        if skipped.iter().any(|skipped| skipped.unreadable) {
            Done::Partly
        } else {
            Done::Whole
        }
    }
}

/// Runs the command that the process was started with.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some inputs could not
/// be read, or something could not be measured.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Study(arguments) => study::run(&arguments),
        Command::Score(arguments) => score::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Suspect(arguments) => suspect::run(&arguments),
        Command::Relabel(arguments) => relabel::run(&arguments),
        Command::Votes(arguments) => votes::run(&arguments),
        Command::Forest(arguments) => forest::run(&arguments),
        Command::Features(arguments) => features::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Pack(arguments) => pack::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Summary(arguments) => summary::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Devices(arguments) => devices::run(&arguments),
    };
    match result {
        Ok(Done::Whole) => ExitCode::SUCCESS,
        Ok(Done::Partly) => ExitCode::from(3),
        // `rbgpu score … --out - | head` closes our output early: nothing is wrong.
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("rbgpu: {error}");
            ExitCode::from(if matches!(error, Error::Config { .. }) {
                2
            } else {
                1
            })
        }
    }
}
