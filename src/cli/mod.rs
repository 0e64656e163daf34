//! The command line: one file per subcommand, each arguments → configuration →
//! library call → print. The only part of the crate that prints.

pub mod allocator;
pub mod args;
pub mod bars;
pub mod bench;
pub mod calibrate;
pub mod devices;
pub mod evaluate;
pub mod examples;
pub mod explain;
pub mod export;
pub mod features;
pub mod forest;
pub mod help;
pub mod import;
pub mod inject;
pub mod manual;
pub mod outputs;
pub mod pack;
pub mod profile;
pub mod relabel;
pub mod reproduce;
pub mod score;
pub mod signals;
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

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::Error;
use crate::data::{Dataset, Skipped};

/// Trains and runs the small CNNs that tell real transients from bogus ones.
#[derive(Debug, Parser)]
#[command(name = "rbgpu", version = help::version(), about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network, on a simulated survey if there is no INPUT
    Train(Box<train::Arguments>),
    /// Compare training set and cutout sizes, images, architectures
    Study(study::Arguments),
    /// Score candidates: P(real) for each
    Score(Box<score::Arguments>),
    /// Calibrate a model's scores as probabilities
    Calibrate(Box<calibrate::Arguments>),
    /// Evaluate models: metrics, figures, galleries, one HTML report
    Evaluate(Box<evaluate::Arguments>),
    /// Explain scores: Grad-CAM, saliency, occlusion
    Explain(Box<explain::Arguments>),
    /// Import a network trained by Keras or PyTorch
    Import(import::Arguments),
    /// Export a model to ONNX, Keras or plain safetensors
    Export(export::Arguments),
    /// Rank candidates by how likely their label is wrong
    Suspect(Box<suspect::Arguments>),
    /// Inspect candidates in the browser and repair labels
    Relabel(Box<relabel::Arguments>),
    /// Turn several people's votes into labels
    Votes(Box<votes::Arguments>),
    /// Train and run the random-forest baseline
    Forest(Box<forest::Arguments>),
    /// Measure features of stamps for the forest
    Features(Box<features::Arguments>),
    /// Repeat a paper's experiments beside its numbers
    Reproduce(Box<reproduce::Arguments>),
    /// Pack cutouts of any kind into a cube or a DES triple
    Pack(Box<pack::Arguments>),
    /// Simulate labelled cutouts, or inject sources into images
    Simulate(Box<simulate::Arguments>),
    /// Print a network's layers, output shapes and parameters
    Summary(summary::Arguments),
    /// Measure the speed of each network on each device
    Bench(Box<bench::Arguments>),
    /// List the devices of this machine
    Devices(devices::Arguments),
    /// Print a script that completes arguments in a shell
    Completions(manual::Completions),
    /// Write man pages
    Man(manual::Man),
}

/// The command line as it is parsed, with all that help shows.
pub fn command() -> clap::Command {
    help::complete(Cli::command())
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
/// be read, or something could not be measured, 128 + n ended by signal n.
pub fn main() -> ExitCode {
    crate::data::claims::require();
    let parsed = Cli::from_arg_matches(&command().get_matches());
    let command = parsed.unwrap_or_else(|error| error.exit()).command;
    let resume = matches!(command, Command::Train(_)).then_some("--resume");
    let result = match command {
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
        Command::Completions(arguments) => manual::completions(&arguments, self::command()),
        Command::Man(arguments) => manual::man(&arguments, self::command()),
    };
    match result {
        Ok(Done::Whole) => ExitCode::SUCCESS,
        Ok(Done::Partly) => ExitCode::from(3),
        // `rbgpu score … --out - | head` closes our output early: nothing is wrong.
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error @ Error::Interrupted { .. }) => signals::ended(&error, resume),
        Err(error) => {
            terminal::failure(&error);
            ExitCode::from(if matches!(error, Error::Config { .. }) {
                2
            } else {
                1
            })
        }
    }
}
