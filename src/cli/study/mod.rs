//! `rbgpu study`: many trainings compared. One file for each kind; `shared` is what they have in
//! common, `watch` what one sees meanwhile.

mod cutout;
mod shared;
mod size;
mod watch;

use clap::{Args, Subcommand};

use super::Done;
use crate::Result;

/// Arguments of `rbgpu study`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Train on nested parts of the training set: over- and underfitting, accuracy, F1 and MCC
    /// against its size (O'TRAIN Fig. 11)
    Size(Box<size::Arguments>),
    /// Train on the middle of each cutout: accuracy, F1 and MCC against its size (O'TRAIN Fig. 12)
    Cutout(Box<cutout::Arguments>),
}

/// Runs the study.
pub fn run(arguments: &Arguments) -> Result<Done> {
    match &arguments.kind {
        Kind::Size(arguments) => size::run(arguments),
        Kind::Cutout(arguments) => cutout::run(arguments),
    }
}
