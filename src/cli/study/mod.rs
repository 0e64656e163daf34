//! `rbgpu study`: many trainings compared. One file for each kind; `shared` is what they have in
//! common, `watch` what one sees meanwhile.

mod architecture;
mod channels;
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
    /// Train on some images of each cutout: all three, search and template, the difference alone
    /// (O'TRAIN Sect. 8.1)
    Channels(Box<channels::Arguments>),
    /// Draw networks from a search space, train them, rank them (Ayyar et al. 2022, Sect. 4.1)
    Architecture(Box<architecture::Arguments>),
}

/// Runs the study.
pub fn run(arguments: &Arguments) -> Result<Done> {
    match &arguments.kind {
        Kind::Size(arguments) => size::run(arguments),
        Kind::Cutout(arguments) => cutout::run(arguments),
        Kind::Channels(arguments) => channels::run(arguments),
        Kind::Architecture(arguments) => architecture::run(arguments),
    }
}
