//! `rbgpu reproduce`: a paper's experiments run again.

mod des;
mod otrain;
mod watch;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Done;
use super::args::Common;
use crate::Result;

/// Arguments of `rbgpu reproduce`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    paper: Paper,
}

#[derive(Debug, Subcommand)]
enum Paper {
    /// DES (Ayyar et al. 2022, PASP 134 094501): four networks and a forest, wrong labels, votes
    Des(Box<des::Arguments>),
    /// O'TRAIN (Makhlouf et al. 2022, A&A 664 A81): its network on five cubes of four telescopes
    Otrain(Box<otrain::Arguments>),
}

/// Arguments of every paper.
#[derive(Debug, Args)]
struct Shared {
    /// Folder for report.html, figures, tables and models; a stopped run resumes there
    /// [default: reproduce-PAPER]
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Smaller data and fewer epochs: minutes on two cores, and said in the report
    #[arg(long)]
    quick: bool,
    /// Start over: repeat trainings that a stopped run left in DIR, and replace a finished
    /// report
    #[arg(long)]
    fresh: bool,
    /// Random seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the claims and numbers as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<Done> {
    match &arguments.paper {
        Paper::Des(arguments) => des::run(arguments),
        Paper::Otrain(arguments) => otrain::run(arguments),
    }
}
