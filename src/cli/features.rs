//! `rbgpu features`: what can be measured of stamps alone, for the forest.

use std::path::PathBuf;

use clap::Args;

use super::Done;
use super::args::Reading;
use super::outputs::{Force, Outputs, check_csv};
use super::terminal::Terminal;
use crate::Result;
use crate::data::Dataset;
use crate::forest::features::measure;
use crate::forest::names::GOLDSTEIN;

/// Arguments of `rbgpu features`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Cubes, folders, FITS files, alerts, .npy triples' prefixes; with or without labels
    #[arg(required = true)]
    inputs: Vec<PathBuf>,
    /// The table, as CSV: ID, OBJECT_TYPE (1 an artifact) where there are labels, then the
    /// features under autoScan's names
    #[arg(long, short, default_value = "features.csv", value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    force: Force,
    #[command(flatten)]
    reading: Reading,
    /// Print errors only
    #[arg(long, short)]
    quiet: bool,
    /// Print more: every skipped input
    #[arg(long, short)]
    verbose: bool,
}

/// Reads what is labelled, as training does; all of an input without labels.
fn open(arguments: &Arguments, terminal: &Terminal) -> Result<Dataset> {
    let (reading, inputs) = (&arguments.reading, &arguments.inputs);
    reading.open(inputs, true, terminal).or_else(|error| {
        let data = reading.open(inputs, false, terminal)?;
        if data.labels.is_none() {
            terminal.notice(&format!("measured without labels: {error}"));
        }
        Ok(data)
    })
}

/// Measures and writes.
pub fn run(arguments: &Arguments) -> Result<Done> {
    let terminal = Terminal::new(arguments.quiet, arguments.verbose);
    check_csv(&arguments.out)?;
    let mut outputs = Outputs::new(arguments.force, &arguments.inputs, &terminal);
    outputs.keep(&[&arguments.out])?;
    let data = open(arguments, &terminal)?;
    let rows: Vec<usize> = (0..data.len()).collect();
    let bar = terminal.bar(data.len(), "measuring");
    let table = measure(&data, &rows, &|more| bar.inc(more as u64));
    bar.finish_and_clear();
    let table = table?;
    table
        .notices
        .iter()
        .for_each(|notice| terminal.notice(notice));
    table.write_csv(&arguments.out)?;
    let has = |name: &&str| table.names.iter().any(|own| own == name);
    let without: Vec<&str> = GOLDSTEIN.into_iter().filter(|name| !has(name)).collect();
    terminal.notice(&format!(
        "not known from these stamps: {}",
        without.join(", ")
    ));
    let whole = (0..table.len()).filter(|&row| table.is_whole(row)).count();
    if whole < table.len() {
        terminal.notice(&format!(
            "{} candidates lack a feature, since an image of theirs has no finite pixel",
            table.len() - whole
        ));
    }
    terminal.notice(&format!(
        "{} features of {} candidates: {}",
        table.names.len(),
        table.len(),
        arguments.out.display()
    ));
    Ok(Done::reading(&data))
}
