//! `rbgpu forest`: the random forest that networks are compared with.

mod score;
mod train;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Done;
use super::terminal::Terminal;
use crate::Result;
use crate::data::LabelPolarity;
use crate::forest::{FeatureTable, TableOptions};

/// Arguments of `rbgpu forest`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Grow a forest on a table of features, and measure it on what it did not see
    Train(Box<train::Arguments>),
    /// Give every row of a table of features a score, P(real)
    Score(Box<score::Arguments>),
}

/// Runs it.
pub fn run(arguments: &Arguments) -> Result<Done> {
    match &arguments.what {
        What::Train(arguments) => train::run(arguments),
        What::Score(arguments) => score::run(arguments),
    }
}

/// How a table of features is read.
#[derive(Debug, Args)]
struct Reading {
    /// Numbers that mean a missing value, besides an empty cell, NaN, and ±99 in magnitudes
    #[arg(long, value_delimiter = ',', value_name = "NUMBER,…")]
    missing: Vec<f64>,
    /// Meaning of label 1: auto (artifact in OBJECT_TYPE, else real), real-is-one, real-is-zero
    #[arg(long, default_value = "auto", value_name = "WHICH")]
    label_polarity: LabelPolarity,
    /// Labels that stand in a file of their own and count instead: columns id and label (1 real),
    /// or ID and OBJECT_TYPE
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Print errors only
    #[arg(long, short)]
    quiet: bool,
    /// Print more
    #[arg(long, short)]
    verbose: bool,
}

impl Reading {
    fn terminal(&self) -> Terminal {
        Terminal::new(self.quiet, self.verbose)
    }

    /// Reads the table; says what a user should know of it.
    fn read(
        &self,
        path: &Path,
        columns: Option<Vec<String>>,
        terminal: &Terminal,
    ) -> Result<FeatureTable> {
        let options = TableOptions {
            columns,
            polarity: self.label_polarity,
            missing: self.missing.clone(),
        };
        let mut table = FeatureTable::read(path, &options)?;
        if let Some(labels) = &self.labels {
            table.relabel(labels)?;
        }
        table
            .notices
            .iter()
            .for_each(|notice| terminal.notice(notice));
        Ok(table)
    }
}
